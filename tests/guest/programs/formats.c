/*
 * One program in every executable format: says what it was started with, runs copies of
 * itself and scripts out of a writable directory, and code that it made in memory. Its
 * output is the same on Linux and in a session.
 *
 *   formats DIRECTORY     the checks
 *   formats --show ...    what it was given
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int data = 41, zero;
static const char constant[] = "constant";

static void say(const char *what, long value)
{
	printf("%s: %ld\n", what, value);
	fflush(stdout);
}

static int run(const char *path, char *const argv[], char *const env[])
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execve(path, argv, env);
		_exit(100 + errno);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

static void put(const char *path, const void *bytes, size_t size, mode_t mode)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, mode);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || close(fd) || chmod(path, mode))
		say("cannot write a file", errno);
}

static void copy_self(const char *path)
{
	char *bytes = malloc(8 << 20);
	int fd = open("/proc/self/exe", O_RDONLY);
	ssize_t size = read(fd, bytes, 8 << 20);

	close(fd);
	put(path, bytes, (size_t)size, 0755);
	free(bytes);
}

static void show(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("argument %d: %s\n", i, strrchr(argv[i], '/') ? strrchr(argv[i], '/') + 1 : argv[i]);
	for (char **at = environ; *at; at++)
		printf("environment: %s\n", *at);
	printf("data %d zero %d %s\n", ++data, zero++, constant);
}

/* Code: written, run, written again, run again. */
static void made_in_memory(void)
{
	uint8_t code[] = { 0xb8, 7, 0, 0, 0, 0xc3 }; /* mov $7, %eax; ret */
	int (*call)(void);
	uint8_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(&call, &page, sizeof(call));
	for (uint8_t i = 7; i < 10; i++) {
		code[1] = i;
		memcpy(page, code, sizeof(code));
		say("executable", mprotect(page, 8192, PROT_READ | PROT_EXEC));
		say("code says", call());
		say("writable", mprotect(page, 8192, PROT_READ | PROT_WRITE));
	}
	munmap(page, 8192);
}

/* Three generations that write to what they share and to what they do not. */
static void generations(void)
{
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int *own = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), status;

	for (int i = 0; i < 2 << 20; i += 1024)
		own[i] = i;
	if (fork() == 0) {
		if (fork() == 0) {
			shared[0]++;
			own[2048] = 1;
			_exit(own[1024 * 1024] == 1024 * 1024 && own[4096] == 4096 ? 3 : 4);
		}
		wait(&status);
		shared[1] = WEXITSTATUS(status);
		own[4096] = 2;
		_exit(own[2048] == 2048 ? 5 : 6);
	}
	wait(&status);
	say("child", WEXITSTATUS(status));
	say("grandchild", shared[1]);
	say("shared", shared[0]);
	say("own", own[2048] == 2048 && own[4096] == 4096);
}

static void scripts(const char *directory)
{
	char path[200], text[400], *arguments[] = { "zero", "one", NULL }, *empty[] = { NULL };

	snprintf(path, sizeof(path), "%s/script", directory);
	snprintf(text, sizeof(text), "#! %s/copy --show  \n", directory);
	put(path, text, strlen(text), 0755);
	say("a script", run(path, arguments, empty));
	snprintf(text, sizeof(text), "#!%s/script\n", directory);
	snprintf(path, sizeof(path), "%s/second", directory);
	put(path, text, strlen(text), 0755);
	say("a script of a script", run(path, arguments, empty));
	snprintf(text, sizeof(text), "#!%s/second\n", directory);
	put(path, text, strlen(text), 0755);
	say("a script of itself", WEXITSTATUS(run(path, arguments, empty)));
	put(path, "#!/no/such\n", 11, 0755);
	say("no such interpreter", WEXITSTATUS(run(path, arguments, empty)));
	put(path, "text", 4, 0755);
	say("text", WEXITSTATUS(run(path, arguments, empty)));
	put(path, "\177ELF", 4, 0755);
	say("a cut program", WEXITSTATUS(run(path, arguments, empty)));
	put(path, "#!/bin/sh\n", 10, 0644);
	say("not executable", WEXITSTATUS(run(path, arguments, empty)));
	say("a directory", WEXITSTATUS(run(directory, arguments, empty)));
}

int main(int argc, char **argv)
{
	char path[200], *arguments[] = { "p", "--show", "x", NULL }, *environment[] = { "A=b", "C=", NULL };

	if (argc > 1 && strcmp(argv[1], "--show") == 0) {
		show(argc, argv);
		return 7;
	}
	if (argc != 2)
		return 2;
	show(1, argv);
	say("page", (long)getauxval(AT_PAGESZ));
	say("headers", getauxval(AT_PHDR) != 0);
	say("secure", (long)getauxval(AT_SECURE));
	say("interpreter", getauxval(AT_BASE) != 0);
	snprintf(path, sizeof(path), "%s/copy", argv[1]);
	copy_self(path);
	say("a copy", run(path, arguments, environment));
	made_in_memory();
	generations();
	scripts(argv[1]);
	puts("end");
	return 0;
}
