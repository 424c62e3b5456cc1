/*
 * One thing that a pledge is about, named by the argument; prints "ok", or the error. What stands
 * before an action and a slash is done first, and the action after it: "fork/read", "thread/read",
 * "exec/read" are ways to get more than was given; "veil/" unveils /tmp and the program, and no more.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLEDGE 0x43454e01 /* promise.h */
#define UNVEIL 0x43454e02

static char *program;

static long act(const char *what)
{
	void *page;

	if (!strcmp(what, "nothing"))
		return getpid() > 0 ? 0 : -1;
	if (!strcmp(what, "read"))
		return open("/", O_RDONLY);
	if (!strcmp(what, "write"))
		return open("/tmp/new", O_WRONLY | O_CREAT, 0644);
	if (!strcmp(what, "null"))
		return open("/dev/null", O_RDWR);
	if (!strcmp(what, "signal"))
		return kill(1, 0);
	if (!strcmp(what, "socket"))
		return socket(AF_INET, SOCK_STREAM, 0);
	if (!strcmp(what, "hidden"))
		return open("/etc/passwd", O_RDONLY);
	if (!strcmp(what, "link"))
		return symlink("/etc/passwd", "/tmp/link") < 0 && errno != EEXIST ? 0 : open("/tmp/link", O_RDONLY);
	if (!strcmp(what, "unveil"))
		return prctl(UNVEIL, "/etc", "r");
	if (!strcmp(what, "raise"))
		return prctl(PLEDGE, "stdio rw spawn");
	if (!strcmp(what, "soften")) {
		prctl(PLEDGE, "stdio error");
		return open("/", O_RDONLY);
	}
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!strcmp(what, "map"))
		return mprotect(page, 4096, PROT_READ | PROT_EXEC);
	errno = EINVAL;
	return -1;
}

static int told(const char *what)
{
	long result = act(what);

	printf("%s: %s\n", what, result < 0 ? strerror(errno) : "ok");
	fflush(stdout);
	return result < 0;
}

static int go(char *what);

static void *thread(void *what)
{
	return (void *)(long)go(what);
}

static int go(char *what)
{
	void *result = NULL;
	pthread_t other;
	pid_t child;
	int status;

	if (!strncmp(what, "fork/", 5)) {
		child = fork();
		if (!child)
			_exit(go(what + 5));
		if (child < 0 || waitpid(child, &status, 0) != child)
			return 3;
		return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
	if (!strncmp(what, "veil/", 5)) {
		if (prctl(UNVEIL, "/tmp", "rwc") || prctl(UNVEIL, "/bin", "rx") || prctl(UNVEIL, NULL, NULL))
			return 3;
		return go(what + 5);
	}
	if (!strncmp(what, "exec/", 5)) {
		execl("/proc/self/exe", program, what + 5, NULL);
		return 3;
	}
	if (!strncmp(what, "thread/", 7))
		return pthread_create(&other, NULL, thread, what + 7) || pthread_join(other, &result)
		    ? 3
		    : (int)(long)result;
	return told(what);
}

int main(int argc, char **argv)
{
	program = argv[0];
	return go(argc > 1 ? argv[1] : "nothing");
}
