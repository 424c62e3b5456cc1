/*
 * Takes all there is of one thing, named by the argument, prints the error that it meets, and
 * shows that it goes on: exhaust memory|alone|forks|files|signals|argv|deep|flood|full
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t signals;

static void met(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
}

static void eat(void)
{
	for (;;) {
		char *block = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		for (size_t i = 0; block != MAP_FAILED && i < 8 << 20; i += 4096)
			block[i] = 1;
	}
}

/* The child is the larger one: it is killed, whoever asks; the parent has what it had. */
static int memory(void)
{
	size_t own = 4 << 20;
	char *kept = malloc(own);
	int status = 0;
	pid_t child;

	memset(kept, 7, own);
	for (int round = 0; round < 3; round++) {
		child = fork();
		if (!child)
			eat();
		if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
			return 1;
		printf("the child: signal %d\n", WTERMSIG(status));
	}
	for (size_t i = 0; i < own; i++)
		if (kept[i] != 7)
			return 1;
	return 0;
}

static int forks(void)
{
	int count = 0, gone = 0, gate[2];
	pid_t child;

	if (pipe(gate))
		return 1;
	while ((child = fork()) > 0)
		count++;
	if (!child) { /* until the parent closes the gate */
		close(gate[1]);
		_exit(read(gate[0], &count, 1) != 0);
	}
	met("fork");
	close(gate[1]);
	while (wait(NULL) > 0)
		gone++;
	child = fork();
	if (!child)
		_exit(0);
	return count < 50 || gone != count || child < 0 || waitpid(child, NULL, 0) != child;
}

static int files(void)
{
	int fd, last = 0, pair[2];

	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		last = fd;
	met("open");
	if (pipe(pair) < 0)
		met("pipe");
	if (dup(0) < 0)
		met("dup");
	if (!opendir("/"))
		met("opendir");
	printf("the last is %d\n", last + 1 == (int)sysconf(_SC_OPEN_MAX) ? 1 : last);
	for (fd = 3; fd <= last; fd++)
		close(fd);
	return pipe(pair);
}

static void count(int number)
{
	(void)number;
	signals++;
}

static int storm(void)
{
	union sigval value = { 0 };
	sigset_t all;
	pid_t child;
	int queued = 0, status;

	signal(SIGUSR1, count);
	signal(SIGRTMIN + 3, count);
	child = fork();
	if (!child) {
		for (int i = 0; i < 20000; i++)
			kill(getppid(), SIGUSR1);
		_exit(0);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (!signals || status)
		return 1;
	sigemptyset(&all);
	sigaddset(&all, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signals = 0;
	while (!sigqueue(getpid(), SIGRTMIN + 3, value) && queued < 1 << 20)
		queued++;
	met("sigqueue");
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	printf("all that were queued came: %d\n", signals == queued);
	return 0;
}

static int argv_(char *program)
{
	size_t one = 128 << 10;
	char *text = malloc(one + 1), *many[100], *few[] = { program, "length", text, NULL };

	memset(text, 'x', one);
	text[one] = 0;
	execve("/proc/self/exe", few, NULL);
	met("a string of 128 KiB");
	text[one - 1] = 0;
	for (int i = 0; i < 99; i++)
		many[i] = text;
	many[99] = NULL;
	execve("/proc/self/exe", many, NULL);
	met("12 MiB of them");
	fflush(stdout);
	execve("/proc/self/exe", few, NULL);
	return 1;
}

/* 3,000 directories in each other, and up again. */
static int deep(const char *where)
{
	char path[8192];
	int depth = 0;

	if (chdir(where) || mkdir("deep", 0755) || chdir("deep"))
		return 1;
	while (depth < 3000 && !mkdir("abc", 0755) && !chdir("abc"))
		depth++;
	printf("%d deep\n", depth);
	if (!getcwd(path, 100))
		met("getcwd into 100 bytes");
	memset(path, 0, sizeof(path));
	for (int i = 0; i < 1100; i++)
		strcat(path, "abc/");
	if (open(path, O_RDONLY) < 0)
		met("a path of 4,400 bytes");
	for (; depth; depth--)
		if (chdir("..") || rmdir("abc"))
			return 1;
	return chdir("..") || rmdir("deep");
}

static int flood(void)
{
	static char block[65536];

	for (int i = 0; i < 1024; i++)
		if (write(1, block, sizeof(block)) != sizeof(block))
			return 1;
	return 0;
}

static int full(void)
{
	static char block[65536];
	int fd = open("/tmp/full", O_CREAT | O_RDWR, 0644), other;
	long blocks = 0;

	while (write(fd, block, sizeof(block)) > 0)
		blocks++;
	met("write");
	other = open("/tmp/other", O_CREAT | O_RDWR, 0644);
	if (other >= 0 && write(other, block, sizeof(block)) < 0)
		met("another file");
	if (blocks < 16 || !malloc(1 << 20))
		return 1;
	if (ftruncate(fd, 0))
		return 1;
	printf("then: %zd\n", pwrite(fd, block, sizeof(block), 0));
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int result = 2;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "length"))
		result = printf("it has %zu\n", strlen(argv[2])) < 0;
	else if (!strcmp(what, "memory"))
		result = memory();
	else if (!strcmp(what, "alone"))
		eat();
	else if (!strcmp(what, "forks"))
		result = forks();
	else if (!strcmp(what, "files"))
		result = files();
	else if (!strcmp(what, "signals"))
		result = storm();
	else if (!strcmp(what, "argv"))
		result = argv_(argv[0]);
	else if (!strcmp(what, "deep"))
		result = deep(argc > 2 ? argv[2] : "/tmp");
	else if (!strcmp(what, "flood"))
		return flood();
	else if (!strcmp(what, "full"))
		result = full();
	puts(result ? "not as it should be" : "and on it goes");
	return result;
}
