/*
 * Every way a program can end: argument 1 names it. Run on the host and in the
 * guest; both must end alike.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char data[16] = { (char)0xc3 };
static volatile int zero;

static void descend(int depth)
{
	volatile char space[4096];

	space[0] = (char)depth;
	if (depth >= 0)
		descend(depth + 1);
	space[1] = space[0];
}

static void jump(const void *to)
{
	void (*function)(void);

	memcpy(&function, &to, sizeof(function));
	function();
}

static void hog(void)
{
	for (;;) {
		char *more = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (more == MAP_FAILED)
			_exit(9);
		memset(more, 0xa5, 1 << 20);
	}
}

int main(int argc, char **argv)
{
	static const char text[] = "no text";
	const char *how = argc > 1 ? argv[1] : "";
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (strcmp(how, "null") == 0)
		*(volatile char *)0 = 1;
	if (strcmp(how, "kernel") == 0)
		return *(volatile char *)0xffffffff80000000;
	if (strcmp(how, "non-canonical") == 0)
		return *(volatile char *)0x8000000000000000;
	if (strcmp(how, "read-only") == 0)
		page[0] = 1;
	if (strcmp(how, "write-text") == 0)
		*(volatile char *)(void *)(size_t)&main = 1;
	if (strcmp(how, "run-data") == 0)
		jump(data);
	if (strcmp(how, "run-stack") == 0)
		jump(&argc);
	if (strcmp(how, "stack") == 0)
		descend(0);
	if (strcmp(how, "illegal") == 0)
		__asm__ volatile("ud2");
	if (strcmp(how, "privileged") == 0)
		__asm__ volatile("cli");
	if (strcmp(how, "breakpoint") == 0)
		__asm__ volatile("int3");
	if (strcmp(how, "divide") == 0)
		return 1 / zero;
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "terminate") == 0)
		kill(getpid(), SIGTERM);
	if (strcmp(how, "pipe") == 0) {
		int ends[2];

		if (pipe(ends) || close(ends[0]))
			return 1;
		return (int)write(ends[1], text, sizeof(text));
	}
	if (strcmp(how, "hog") == 0)
		hog();
	return atoi(how);
}
