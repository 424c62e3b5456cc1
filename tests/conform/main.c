/*
 * conform [--here] [SUBJECT...]: runs the subjects, each in a process and an empty folder of
 * its own below $TMPDIR or /tmp, and prints what does not hold. Exit 0 if everything does.
 * --here: one subject in this process, for a debugger and for a system that cannot fork.
 */
#include "conform.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

static struct counts {
	atomic_uint held, failed;
} * counts; /* shared with the subjects' processes */

static int here;

static const struct subject {
	const char *name;
	void (*run)(void);
} subjects[] = {
#define ENTRY(name) { #name, subject_##name },
	SUBJECTS(ENTRY)
#undef ENTRY
};

void conform_check(int holds, const char *text, const char *file, int line)
{
	int error = errno;
	const char *base = strrchr(file, '/');
	if (holds) {
		counts->held++;
		return;
	}
	counts->failed++;
	printf("%s:%d: does not hold: %s (errno %d %s)\n", base ? base + 1 : file, line, text, error, strerror(error));
	fflush(stdout);
}

void conform_file(const char *path, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n || close(fd) != 0) {
		perror(path);
		abort();
	}
}

int conform_child(void (*fn)(void))
{
	int status;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		fn();
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* In a process of its own: a folder that is empty, and a bound on the time it takes. */
static void prepare(void)
{
	char folder[4096];
	const char *below = getenv("TMPDIR");
	snprintf(folder, sizeof(folder), "%s/conform-XXXXXX", below ? below : "/tmp");
	if (!mkdtemp(folder) || chdir(folder) != 0) {
		perror(folder);
		abort();
	}
	umask(022);
	alarm(60);
}

static void run(const struct subject *s)
{
	int status;
	if (here) {
		prepare();
		s->run();
		return;
	}
	pid_t pid = fork();
	if (pid == 0) {
		prepare();
		s->run();
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		counts->failed++;
		printf("%s: ended with status %#x\n", s->name, pid < 0 ? -1u : (unsigned)status);
		fflush(stdout);
	}
}

static int wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return 1;
	return argc < 2;
}

int main(int argc, char **argv)
{
	unsigned ran = 0;
	here = argc > 1 && strcmp(argv[1], "--here") == 0;
	argc -= here;
	argv += here;
	counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		if (wanted(subjects[i].name, argc, argv)) {
			run(&subjects[i]);
			ran++;
		}
	}
	printf("conform: %u subjects, %u assertions hold, %u do not\n", ran, counts->held, counts->failed);
	return ran == 0 || counts->failed != 0;
}
