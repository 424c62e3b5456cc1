/*
 * /proc/<pid> as ps, pgrep and libraries like psutil read it, of itself and of a child: what must
 * be the same everywhere is printed, the rest is checked.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;
static char text[65536];

#define CHECK(x) \
	do { \
		if (!(x)) { \
			failures++; \
			printf("line %d: %s\n", __LINE__, #x); \
		} \
	} while (0)

static ssize_t get(pid_t pid, const char *name)
{
	char path[64];
	ssize_t got, sum = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	while ((got = read(fd, text + sum, 1000)) > 0) /* in parts, as some do */
		sum += got;
	close(fd);
	text[sum] = 0;
	return got < 0 ? got : sum;
}

/* A list of strings, each with its NUL. */
static void print_strings(const char *what, ssize_t bytes)
{
	printf("%s:", what);
	for (ssize_t at = 0; at < bytes; at += (ssize_t)strlen(text + at) + 1)
		printf(" <%s>", text + at);
	printf("\n");
}

/* Field n of stat, counted from 1 as in proc(5), beyond the name. */
static long long field(int n)
{
	const char *at = strrchr(text, ')');

	for (int i = 3; at && i <= n; i++)
		at = strchr(at + 1, ' ');
	return at ? atoll(at + 1) : -1;
}

static void look(pid_t pid, pid_t parent)
{
	long long threads, resident, size;
	int fields = 2;

	print_strings("cmdline", get(pid, "cmdline"));
	print_strings("environ", get(pid, "environ"));
	CHECK(get(pid, "stat") > 0);
	for (const char *at = strrchr(text, ')'); at && (at = strchr(at + 1, ' '));)
		fields++;
	printf("stat: %d fields, name %.*s, nice %lld, priority %lld\n", fields,
	       (int)(strrchr(text, ')') - strchr(text, '(')), strchr(text, '(') + 1, field(19), field(18));
	CHECK(atoi(text) == pid && field(4) == parent && field(6) == getsid(0));
	threads = field(20);
	size = field(23);
	resident = field(24);
	CHECK(field(22) >= 0 && field(22) <= 100LL * 86400 * 3650); /* since boot, in ticks */
	CHECK(get(pid, "statm") > 0 && atoll(text) == size / 4096 && resident > 0);
	CHECK(get(pid, "status") > 0 && strstr(text, "\nPPid:\t") && atoi(strstr(text, "\nPPid:\t") + 7) == parent);
	CHECK(atoi(strstr(text, "\nThreads:\t") + 10) == threads);
	printf("threads: %lld\n", threads);
}

static void maps(const char *file)
{
	char *line, want[64];

	CHECK(get(getpid(), "maps") > 0);
	snprintf(want, sizeof(want), " %s\n", file);
	line = strstr(text, want);
	printf("maps: %s\n", line ? "the file by its name" : "not the file");
	CHECK(strstr(text, "[stack]\n") && strstr(text, "[heap]\n"));
}

static void *wait_here(void *gate)
{
	char c;

	return read(*(int *)gate, &c, 1) < 0 ? gate : NULL;
}

/* A child with a command line, an environment and a thread of its own. */
static int child(void)
{
	int gate = 0;
	pthread_t other;

	prctl(PR_SET_NAME, "a (name) 1 2");
	setpriority(PRIO_PROCESS, 0, 5);
	if (pthread_create(&other, NULL, wait_here, &gate) || write(1, "r", 1) != 1)
		return 1;
	pthread_join(other, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	char *const args[] = { "a program", "child", "", "with  blanks", NULL };
	char *const env[] = { "ONE=1", "EMPTY=", "TWO=2 2", NULL };
	int down[2], up[2], fd, status;
	char path[] = "/tmp/proc-maps-XXXXXX", c;
	uint64_t before;
	pid_t pid;

	if (argc > 1 && !strcmp(argv[1], "child"))
		return child();
	if (pipe(down) || pipe(up))
		return 1;
	pid = fork();
	if (!pid) {
		dup2(down[0], 0);
		dup2(up[1], 1);
		for (int i = 3; i < 10; i++)
			close(i);
		execve("/proc/self/exe", args, env);
		_exit(9);
	}
	close(up[1]);
	CHECK(read(up[0], &c, 1) == 1);
	look(pid, getpid());
	CHECK(get(pid, "stat") > 0);
	before = (uint64_t)field(22);
	CHECK(get(getpid(), "stat") > 0 && (uint64_t)field(22) <= before && before - (uint64_t)field(22) < 6000);
	close(down[1]);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(get(pid, "stat") < 0);

	fd = mkstemp(path);
	CHECK(fd >= 0 && ftruncate(fd, 4096) == 0);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED);
	free(malloc(100));
	maps(path);
	unlink(path);

	strcpy(argv[0], "me"); /* what a program writes over its own */
	CHECK(get(getpid(), "cmdline") > 0);
	printf("cmdline: %s\n", text);
	pid = fork(); /* a child that is gone and not waited for */
	if (!pid)
		_exit(0);
	CHECK(waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT) == 0);
	CHECK(get(pid, "cmdline") == 0 && get(pid, "stat") > 0);
	printf("zombie: %c\n", strrchr(text, ')')[2]);
	waitpid(pid, NULL, 0);
	printf("%s\n", failures ? "wrong" : "right");
	return failures != 0;
}
