/* Pipes, socket pairs, readiness. */
#include "conform.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>

static void *volatile nowhere = (void *)8; /* not known to the compiler */

void subject_pipes(void)
{
	static char big[200000], back[200000];
	char b[16];
	int p[2], n;
	struct stat st;
	FAILS(pipe2(p, 0x100), EINVAL);
	FAILS(pipe(nowhere), EFAULT);
	OK(pipe(p) == 0 && write(p[1], "abc", 3) == 3 && write(p[1], "de", 2) == 2);
	OK(ioctl(p[0], FIONREAD, &n) == 0 && n == 5);
	OK(read(p[0], b, 4) == 4 && memcmp(b, "abcd", 4) == 0 && read(p[0], b, 16) == 1);
	FAILS(lseek(p[0], 0, SEEK_CUR), ESPIPE);
	FAILS(read(p[1], b, 1), EBADF);
	FAILS(write(p[0], b, 1), EBADF);
	OK(fstat(p[0], &st) == 0 && S_ISFIFO(st.st_mode));
	OK(fcntl(p[0], F_GETPIPE_SZ) >= 4096);
	/* more than a pipe holds, through another process */
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 31 + i / 251);
	pid_t pid = fork();
	if (pid == 0) {
		close(p[0]);
		_exit(write(p[1], big, sizeof(big)) == (ssize_t)sizeof(big) ? 0 : 1);
	}
	size_t got = 0;
	while (got < sizeof(back) && (n = (int)read(p[0], back + got, sizeof(back) - got)) > 0)
		got += (size_t)n;
	int status;
	OK(got == sizeof(back) && memcmp(big, back, sizeof(big)) == 0);
	OK(waitpid(pid, &status, 0) == pid && status == 0);
	close(p[1]);
	OK(read(p[0], b, 1) == 0);
	close(p[0]);
	OK(pipe2(p, O_NONBLOCK | O_CLOEXEC) == 0 && fcntl(p[0], F_GETFD) == FD_CLOEXEC);
	FAILS(read(p[0], b, 1), EAGAIN);
	long total = 0;
	while ((n = (int)write(p[1], big, 4096)) > 0)
		total += n;
	OK(total >= 4096 && errno == EAGAIN);
	OK(read(p[0], back, 4096) == 4096 && write(p[1], big, 4096) == 4096);
	OK(fcntl(p[0], F_SETFL, 0) == 0 && read(p[0], b, 1) == 1);
}

static void write_to_nobody(void)
{
	int p[2];
	pipe(p);
	close(p[0]);
	write(p[1], "x", 1);
}

void subject_pipe_ends(void)
{
	char b[8];
	int p[2];
	OK(conform_child(write_to_nobody) == 128 + SIGPIPE);
	signal(SIGPIPE, SIG_IGN);
	OK(pipe(p) == 0 && close(p[0]) == 0);
	FAILS(write(p[1], "x", 1), EPIPE);
	close(p[1]);
	/* the end comes with the last writer, not the first */
	OK(pipe(p) == 0);
	int twin = dup(p[1]);
	pid_t pid = fork();
	if (pid == 0) {
		usleep(30000);
		_exit(0);
	}
	OK(write(twin, "12", 2) == 2 && close(p[1]) == 0 && close(twin) == 0 && read(p[0], b, 8) == 2);
	OK(read(p[0], b, 8) == 0 && waitpid(pid, NULL, 0) == pid);
	OK(mkfifo("fifo", 0600) == 0);
	struct stat st;
	OK(stat("fifo", &st) == 0 && S_ISFIFO(st.st_mode));
	FAILS(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	pid = fork();
	if (pid == 0) {
		int fd = open("fifo", O_WRONLY);
		_exit(write(fd, "through", 7) == 7 ? 0 : 1);
	}
	int fd = open("fifo", O_RDONLY), status;
	OK(fd >= 0 && read(fd, b, 7) == 7 && memcmp(b, "through", 7) == 0 && waitpid(pid, &status, 0) == pid &&
	   status == 0);
}

void subject_sockets(void)
{
	char b[64];
	int s[2], n;
	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 && write(s[0], "ping", 4) == 4 && read(s[1], b, 64) == 4);
	OK(send(s[1], "pong", 4, 0) == 4 && recv(s[0], b, 2, 0) == 2 && recv(s[0], b, 64, 0) == 2);
	FAILS(recv(s[0], b, 1, MSG_DONTWAIT), EAGAIN);
	OK(write(s[0], "peek", 4) == 4 && recv(s[1], b, 4, MSG_PEEK) == 4 && recv(s[1], b, 4, 0) == 4);
	OK(shutdown(s[0], SHUT_WR) == 0 && read(s[1], b, 1) == 0 && write(s[1], "x", 1) == 1 && read(s[0], b, 1) == 1);
	FAILS(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	close(s[0]);
	close(s[1]);
	OK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, s) == 0 && fcntl(s[0], F_GETFD) == FD_CLOEXEC);
	OK(write(s[0], "one", 3) == 3 && write(s[0], "three", 5) == 5 && read(s[1], b, 2) == 2 &&
	   read(s[1], b, 64) == 5);
	close(s[0]);
	close(s[1]);
	OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == 0 && write(s[0], "ab", 2) == 2 && write(s[0], "c", 1) == 1);
	OK(read(s[1], b, 64) == 2 && read(s[1], b, 64) == 1);
	int none[2];
	FAILS(socketpair(AF_INET, SOCK_STREAM, 0, none), EOPNOTSUPP);
	socklen_t length = sizeof(n);
	OK(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &n, &length) == 0 && n == SOCK_SEQPACKET);
	FAILS(read(socket(AF_UNIX, SOCK_STREAM, 0), b, 1), EINVAL);
	FAILS(send(0, "x", 1, 0), ENOTSOCK);
	FAILS(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&(struct sockaddr_un){ AF_UNIX, "absent" },
	              sizeof(struct sockaddr_un)),
	      ENOENT);
}

void subject_polls(void)
{
	char c;
	int p[2];
	fd_set readable, writable;
	struct timeval none = { 0, 0 };
	OK(pipe(p) == 0);
	struct pollfd f[3] = { { p[0], POLLIN, 0 }, { p[1], POLLOUT, 0 }, { -1, POLLIN, 0 } };
	OK(poll(f, 3, 0) == 1 && f[0].revents == 0 && f[1].revents == POLLOUT && f[2].revents == 0);
	OK(write(p[1], "x", 1) == 1 && poll(f, 3, 0) == 2 && f[0].revents == POLLIN);
	f[2].fd = 99;
	OK(poll(f, 3, 0) == 3 && f[2].revents == POLLNVAL);
	OK(read(p[0], &c, 1) == 1 && poll(f, 1, 30) == 0);
	FAILS(poll(nowhere, 1, 0), EFAULT);
	FD_ZERO(&readable);
	FD_ZERO(&writable);
	FD_SET(p[0], &readable);
	FD_SET(p[1], &writable);
	OK(select(p[1] + 1, &readable, &writable, NULL, &none) == 1 && FD_ISSET(p[1], &writable) &&
	   !FD_ISSET(p[0], &readable));
	FD_SET(50, &readable); /* below 64: Linux looks at no more than its table has */
	FAILS(select(51, &readable, NULL, NULL, &none), EBADF);
	FAILS(select(-1, NULL, NULL, NULL, &none), EINVAL);
	pid_t pid = fork();
	if (pid == 0) {
		usleep(20000);
		write(p[1], "y", 1);
		_exit(0);
	}
	OK(poll(f, 1, 10000) == 1 && f[0].revents == POLLIN && waitpid(pid, NULL, 0) == pid);
	close(p[1]);
	OK(read(p[0], &c, 1) == 1 && poll(f, 1, 0) == 1 && (f[0].revents & POLLHUP));
	OK(pipe(p) == 0 && close(p[0]) == 0);
	f[1].fd = p[1];
	OK(poll(f + 1, 1, 0) == 1 && (f[1].revents & POLLERR));
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	f[0] = (struct pollfd){ fd, POLLIN | POLLOUT, 0 };
	OK(poll(f, 1, 0) == 1 && f[0].revents == (POLLIN | POLLOUT));
	struct timespec wait = { 0, 1000000 };
	OK(ppoll(NULL, 0, &wait, NULL) == 0);
	wait.tv_nsec = 1000000000;
	FAILS(ppoll(NULL, 0, &wait, NULL), EINVAL);
}

void subject_epolls(void)
{
	char c;
	int p[2], e = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 0x1122334455667788 }, got[4];
	OK(e >= 0 && fcntl(e, F_GETFD) == FD_CLOEXEC && pipe(p) == 0);
	FAILS(epoll_create1(1), EINVAL);
	FAILS(epoll_create(0), EINVAL);
	OK(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev) == 0);
	FAILS(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev), EEXIST);
	FAILS(epoll_ctl(e, EPOLL_CTL_MOD, p[1], &ev), ENOENT);
	FAILS(epoll_ctl(e, EPOLL_CTL_ADD, 99, &ev), EBADF);
	FAILS(epoll_ctl(e, EPOLL_CTL_ADD, e, &ev), EINVAL);
	FAILS(epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], &ev), EINVAL);
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	FAILS(epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev), EPERM);
	OK(epoll_wait(e, got, 4, 0) == 0);
	OK(write(p[1], "ab", 2) == 2 && epoll_wait(e, got, 4, -1) == 1);
	OK(got[0].events == EPOLLIN && got[0].data.u64 == 0x1122334455667788);
	OK(epoll_wait(e, got, 4, 0) == 1 && read(p[0], &c, 1) == 1 && epoll_wait(e, got, 4, 0) == 1);
	ev.events = EPOLLIN | EPOLLET;
	OK(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev) == 0 && epoll_wait(e, got, 4, 0) == 1 &&
	   epoll_wait(e, got, 4, 0) == 0);
	OK(write(p[1], "c", 1) == 1 && epoll_wait(e, got, 4, 0) == 1 && epoll_wait(e, got, 4, 0) == 0);
	ev.events = EPOLLIN | EPOLLONESHOT;
	OK(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev) == 0 && epoll_wait(e, got, 4, 0) == 1 &&
	   epoll_wait(e, got, 4, 0) == 0);
	OK(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev) == 0 && epoll_wait(e, got, 4, 0) == 1);
	OK(epoll_ctl(e, EPOLL_CTL_DEL, p[0], NULL) == 0 && epoll_wait(e, got, 4, 0) == 0);
	FAILS(epoll_ctl(e, EPOLL_CTL_DEL, p[0], NULL), ENOENT);
	ev.events = EPOLLIN;
	OK(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev) == 0 && close(p[1]) == 0);
	OK(read(p[0], &c, 1) == 1 && read(p[0], &c, 1) == 1 && epoll_wait(e, got, 4, 0) == 1 &&
	   (got[0].events & EPOLLHUP));
	OK(close(p[0]) == 0 && epoll_wait(e, got, 4, 0) == 0);
	FAILS(epoll_wait(e, got, 0, 0), EINVAL);
	FAILS(epoll_wait(fd, got, 1, 0), EINVAL);
	OK(pipe(p) == 0 && epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		usleep(20000);
		write(p[1], "y", 1);
		_exit(0);
	}
	OK(epoll_wait(e, got, 4, 10000) == 1 && waitpid(pid, NULL, 0) == pid);
}

void subject_event_fds(void)
{
	uint64_t v = 3, w = 0;
	int e = eventfd(2, EFD_NONBLOCK);
	OK(e >= 0 && write(e, &v, 8) == 8 && read(e, &w, 8) == 8 && w == 5);
	FAILS(read(e, &w, 8), EAGAIN);
	FAILS(read(e, &w, 4), EINVAL);
	v = UINT64_MAX;
	FAILS(write(e, &v, 8), EINVAL);
	v = UINT64_MAX - 1;
	OK(write(e, &v, 8) == 8);
	v = 1;
	FAILS(write(e, &v, 8), EAGAIN);
	int s = eventfd(3, EFD_SEMAPHORE);
	OK(read(s, &w, 8) == 8 && w == 1 && read(s, &w, 8) == 8 && w == 1);
	struct pollfd f = { s, POLLIN | POLLOUT, 0 };
	OK(poll(&f, 1, 0) == 1 && f.revents == (POLLIN | POLLOUT));
	int t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct itimerspec at = { { 0, 5000000 }, { 0, 5000000 } }, now;
	OK(t >= 0 && timerfd_settime(t, 0, &at, NULL) == 0 && timerfd_gettime(t, &now) == 0 &&
	   now.it_interval.tv_nsec == 5000000);
	f = (struct pollfd){ t, POLLIN, 0 };
	OK(poll(&f, 1, 5000) == 1 && read(t, &w, 8) == 8 && w >= 1);
	at = (struct itimerspec){ { 0, 0 }, { 0, 0 } };
	OK(timerfd_settime(t, 0, &at, NULL) == 0);
	FAILS(read(t, &w, 8), EAGAIN);
	FAILS(timerfd_create(99, 0), EINVAL);
}
