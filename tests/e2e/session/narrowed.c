/*
 * A program that its session takes pledges from. It says "ready", then goes on as its argument says;
 * what it sees then it cannot say on streams that are gone: it ends if all was as it should be,
 * and computes for ever if not.
 *
 *   out    writes until that fails   in    waits for input
 *   idle   sleeps until a second after  spin  never makes a system call again
 *   rw     opens a file again and again, and says how that ends
 *   spawn  forks again and again, and says how that ends
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void for_ever(void)
{
	for (;;)
		__asm__ volatile("pause");
}

static int is_hung_up(void)
{
	struct pollfd p[3] = { { .fd = 0, .events = POLLIN },
		               { .fd = 1, .events = POLLOUT },
		               { .fd = 2, .events = POLLOUT } };
	char c;
	return write(1, "x", 1) == -1 && errno == EIO && write(2, "x", 1) == -1 && errno == EIO &&
	    read(0, &c, 1) == 0 && poll(p, 3, -1) == 3 && p[0].revents & POLLHUP && p[1].revents & POLLERR;
}

/* What was not taken still works. */
static int goes_on(void)
{
	int status, fd = open("/tmp/file", O_RDWR | O_CREAT, 0600);
	char text[4] = "";
	pid_t child = fork();
	if (child == 0)
		_exit(write(fd, "abc", 3) == 3 ? 7 : 1);
	return waitpid(child, &status, 0) == child && status == 7 << 8 && pread(fd, text, 3, 0) == 3 &&
	    !strcmp(text, "abc");
}

static void until_denied(const char *what)
{
	for (;;) {
		if (!strcmp(what, "rw")) {
			int fd = open("/tmp/file", O_RDWR | O_CREAT, 0600);
			if (fd < 0)
				break;
			close(fd);
		} else {
			pid_t child = fork();
			if (child == 0)
				_exit(0);
			if (child < 0)
				break;
			waitpid(child, NULL, 0);
		}
	}
	printf("%s: %s\n", what, strerror(errno));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const struct timespec second = { 1, 0 };
	char c;
	if (write(1, "ready\n", 6) != 6)
		return 1;
	if (!strcmp(what, "rw") || !strcmp(what, "spawn")) {
		until_denied(what);
		return 0;
	}
	if (!strcmp(what, "spin"))
		for_ever();
	if (!strcmp(what, "out"))
		while (write(1, "tick\n", 5) == 5)
			;
	if (!strcmp(what, "in") && read(0, &c, 1) != 0)
		for_ever();
	for (int i = 0; i < 20 && !strcmp(what, "idle") && write(1, "", 0) == 0 && !is_hung_up(); i++)
		nanosleep(&second, NULL);
	if (!is_hung_up() || !goes_on())
		for_ever();
	return 3;
}
