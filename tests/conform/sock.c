/* Sockets with names, connections, datagrams, and descriptors that are passed on. */
#include "conform.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static socklen_t address(struct sockaddr_un *a, const char *name)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	if (name[0] == '@') { /* abstract */
		memcpy(a->sun_path + 1, name + 1, strlen(name) - 1);
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	}
	strcpy(a->sun_path, name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + 1);
}

static int bind_to(int fd, const char *name)
{
	struct sockaddr_un a;
	socklen_t length = address(&a, name);
	return bind(fd, (struct sockaddr *)&a, length);
}

static int connect_to(int fd, const char *name)
{
	struct sockaddr_un a;
	socklen_t length = address(&a, name);
	return connect(fd, (struct sockaddr *)&a, length);
}

static int listening(int type, const char *name, int backlog)
{
	int fd = socket(AF_UNIX, type, 0);
	OK(fd >= 0 && bind_to(fd, name) == 0 && listen(fd, backlog) == 0);
	return fd;
}

static void binding(void)
{
	struct sockaddr_un a;
	socklen_t length = sizeof(a);
	struct stat st;
	int s = socket(AF_UNIX, SOCK_STREAM, 0), t = socket(AF_UNIX, SOCK_STREAM, 0);
	OK(getsockname(s, (struct sockaddr *)&a, &length) == 0 && length == 2 && a.sun_family == AF_UNIX);
	FAILS(listen(s, 1), EINVAL);
	umask(027);
	OK(bind_to(s, "name") == 0);
	umask(022);
	OK(lstat("name", &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0750 && st.st_nlink == 1);
	length = sizeof(a);
	OK(getsockname(s, (struct sockaddr *)&a, &length) == 0 && length == 2 + 5 && strcmp(a.sun_path, "name") == 0);
	length = 4;
	OK(getsockname(s, (struct sockaddr *)&a, &length) == 0 && length == 2 + 5);
	FAILS(bind_to(s, "other"), EINVAL);
	FAILS(bind_to(t, "name"), EADDRINUSE);
	FAILS(bind_to(t, "none/name"), ENOENT);
	FAILS(bind_to(t, "name/below"), ENOTDIR);
	FAILS(open("name", O_RDONLY), ENXIO);
	int path = open("name", O_PATH);
	FAILS(listen(path, 1), EBADF);
	FAILS(connect_to(t, "name"), ECONNREFUSED);
	a.sun_family = AF_INET;
	FAILS(bind(t, (struct sockaddr *)&a, sizeof(a)), EINVAL);
	a.sun_family = AF_UNIX;
	FAILS(bind(t, (struct sockaddr *)&a, 1), EINVAL);
	FAILS(bind(t, (struct sockaddr *)&a, sizeof(a) + 1), EINVAL);
	FAILS(bind(t, (struct sockaddr *)8, 20), EFAULT);
	FAILS(bind(0, (struct sockaddr *)&a, 20), ENOTSOCK);
	/* the name is a file: it is renamed, outlives its socket, and is removed as one */
	OK(rename("name", "renamed") == 0 && listen(s, 1) == 0 && connect_to(t, "renamed") == 0);
	FAILS(connect_to(t, "renamed"), EISCONN);
	close(s);
	close(t);
	close(path);
	t = socket(AF_UNIX, SOCK_STREAM, 0);
	FAILS(connect_to(t, "renamed"), ECONNREFUSED);
	OK(unlink("renamed") == 0);
	FAILS(connect_to(t, "renamed"), ENOENT);
	conform_file("plain", "x", 1);
	FAILS(connect_to(t, "plain"), ECONNREFUSED);
	FAILS(bind_to(t, "plain"), EADDRINUSE);
	FAILS(connect(t, (struct sockaddr *)&a, 2), EINVAL);
	close(t);
}

static void abstract_names(void)
{
	struct sockaddr_un a;
	char name[32];
	socklen_t length = sizeof(a);
	snprintf(name, sizeof(name), "@conform %d", (int)getpid());
	int s = listening(SOCK_STREAM, name, 4), t = socket(AF_UNIX, SOCK_STREAM, 0),
	    d = socket(AF_UNIX, SOCK_DGRAM, 0);
	FAILS(bind_to(t, name), EADDRINUSE);
	OK(bind_to(d, name) == 0); /* of another type */
	OK(connect_to(t, name) == 0);
	OK(getpeername(t, (struct sockaddr *)&a, &length) == 0 && length == 2 + strlen(name) && a.sun_path[0] == 0 &&
	   memcmp(a.sun_path + 1, name + 1, strlen(name) - 1) == 0);
	int u = accept(s, NULL, NULL);
	length = sizeof(a);
	OK(getsockname(u, (struct sockaddr *)&a, &length) == 0 && length == 2 + strlen(name));
	length = sizeof(a);
	OK(getpeername(u, (struct sockaddr *)&a, &length) == 0 && length == 2);
	close(s);
	close(t);
	close(u);
	close(d);
	t = socket(AF_UNIX, SOCK_STREAM, 0);
	FAILS(connect_to(t, name), ECONNREFUSED);
	/* one that the kernel chooses */
	OK(bind(t, (struct sockaddr *)&(struct sockaddr_un){ AF_UNIX, "" }, 2) == 0);
	length = sizeof(a);
	OK(getsockname(t, (struct sockaddr *)&a, &length) == 0 && length == 2 + 6 && a.sun_path[0] == 0);
	close(t);
}

static void accepting(void)
{
	struct sockaddr_un a;
	socklen_t length = sizeof(a);
	char b[16];
	int s = listening(SOCK_STREAM, "server", 1), c = socket(AF_UNIX, SOCK_STREAM, 0), n;
	struct pollfd p = { s, POLLIN, 0 };
	FAILS(accept4(s, NULL, NULL, 1), EINVAL);
	FAILS(accept(c, NULL, NULL), EINVAL);
	FAILS(getpeername(c, (struct sockaddr *)&a, &length), ENOTCONN);
	FAILS(connect_to(s, "server"), EINVAL);
	OK(poll(&p, 1, 0) == 0);
	OK(connect_to(c, "server") == 0 && poll(&p, 1, 0) == 1 && p.revents == POLLIN);
	OK(write(c, "early", 5) == 5);
	OK(getsockopt(s, SOL_SOCKET, SO_ACCEPTCONN, &n, &(socklen_t){ sizeof(n) }) == 0 && n == 1);
	length = sizeof(a);
	int d = accept4(s, (struct sockaddr *)&a, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
	OK(d >= 0 && length == 2 && fcntl(d, F_GETFD) == FD_CLOEXEC && (fcntl(d, F_GETFL) & O_NONBLOCK));
	OK(read(d, b, 16) == 5 && memcmp(b, "early", 5) == 0);
	FAILS(read(d, b, 16), EAGAIN);
	OK(write(d, "late", 4) == 4 && read(c, b, 16) == 4);
	struct ucred peer;
	OK(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &peer, &(socklen_t){ sizeof(peer) }) == 0 && peer.pid == getpid() &&
	   peer.uid == getuid());
	/* as many as listen said, and one; the next would wait */
	int more[3];
	for (int i = 0; i < 3; i++)
		more[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	OK(connect_to(more[0], "server") == 0 && connect_to(more[1], "server") == 0);
	FAILS(connect_to(more[2], "server"), EAGAIN);
	pid_t pid = fork();
	if (pid == 0) {
		fcntl(more[2], F_SETFL, 0);
		_exit(connect_to(more[2], "server") == 0 && write(more[2], "waited", 6) == 6 ? 0 : 1);
	}
	usleep(20000);
	int first = accept(s, NULL, NULL), second = accept(s, NULL, NULL), third = accept(s, NULL, NULL), status;
	OK(first >= 0 && second >= 0 && third >= 0 && read(third, b, 16) == 6);
	OK(waitpid(pid, &status, 0) == pid && status == 0);
	/* a side that is closed */
	close(more[0]);
	OK(read(first, b, 1) == 0);
	signal(SIGPIPE, SIG_IGN);
	FAILS(write(first, b, 1), EPIPE);
	fcntl(s, F_SETFL, O_NONBLOCK);
	FAILS(accept(s, NULL, NULL), EAGAIN);
	int wrong = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	FAILS(connect_to(wrong, "server"), EPROTOTYPE);
	/* the listener ends: who waited is at the end */
	int orphan = socket(AF_UNIX, SOCK_STREAM, 0);
	OK(connect_to(orphan, "server") == 0);
	close(s);
	FAILS(connect_to(wrong, "server"), ECONNREFUSED);
	p.fd = orphan;
	OK(poll(&p, 1, 1000) == 1 && (p.revents & POLLHUP));
}

static void between_processes(void)
{
	char b[200000];
	int s = listening(SOCK_STREAM, "service", 8), status;
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 3; i++) {
			int c = socket(AF_UNIX, SOCK_STREAM, 0);
			memset(b, 'a' + i, sizeof(b));
			if (connect_to(c, "service") != 0 || write(c, b, sizeof(b)) != (ssize_t)sizeof(b) ||
			    shutdown(c, SHUT_WR) != 0 || read(c, b, 1) != 1 || b[0] != 'a' + i)
				_exit(1);
			close(c);
		}
		_exit(0);
	}
	for (int i = 0; i < 3; i++) {
		int c = accept(s, NULL, NULL);
		size_t total = 0;
		ssize_t n;
		while ((n = read(c, b, sizeof(b))) > 0)
			total += (size_t)n;
		OK(total == sizeof(b) && b[0] == 'a' + i && write(c, b, 1) == 1);
		close(c);
	}
	OK(waitpid(pid, &status, 0) == pid && status == 0);
	close(s);
	/* with epoll */
	s = listening(SOCK_SEQPACKET, "packets", 8);
	int e = epoll_create1(0), c = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct epoll_event ev = { EPOLLIN, { .fd = s } };
	OK(epoll_ctl(e, EPOLL_CTL_ADD, s, &ev) == 0 && epoll_wait(e, &ev, 1, 0) == 0);
	FAILS(read(c, b, 1), ENOTCONN);
	OK(connect_to(c, "packets") == 0 && epoll_wait(e, &ev, 1, 1000) == 1 && ev.data.fd == s);
	int d = accept(s, NULL, NULL);
	OK(write(c, "one", 3) == 3 && write(c, "two!", 4) == 4 && read(d, b, 100) == 3 && read(d, b, 100) == 4);
}

void subject_connections(void)
{
	binding();
	abstract_names();
	accepting();
	between_processes();
}

void subject_datagrams(void)
{
	struct sockaddr_un to, from;
	socklen_t to_length = address(&to, "box"), length = sizeof(from);
	char b[16];
	int box = socket(AF_UNIX, SOCK_DGRAM, 0), s = socket(AF_UNIX, SOCK_DGRAM, 0),
	    u = socket(AF_UNIX, SOCK_DGRAM, 0);
	FAILS(send(s, "x", 1, 0), ENOTCONN);
	FAILS(recv(s, b, 1, MSG_DONTWAIT), EAGAIN);
	FAILS(sendto(s, "x", 1, 0, (struct sockaddr *)&to, to_length), ENOENT);
	FAILS(listen(box, 1), EOPNOTSUPP);
	OK(bind_to(box, "box") == 0 && bind_to(s, "sender") == 0);
	struct pollfd p = { u, POLLIN | POLLOUT, 0 };
	OK(poll(&p, 1, 0) == 1 && p.revents == POLLOUT);
	OK(sendto(s, "named", 5, 0, (struct sockaddr *)&to, to_length) == 5);
	OK(sendto(u, "not", 3, 0, (struct sockaddr *)&to, to_length) == 3);
	OK(sendto(u, "", 0, 0, (struct sockaddr *)&to, to_length) == 0);
	OK(recvfrom(box, b, 3, 0, (struct sockaddr *)&from, &length) == 3 && memcmp(b, "nam", 3) == 0 &&
	   length == 2 + 7 && strcmp(from.sun_path, "sender") == 0);
	length = sizeof(from);
	OK(recvfrom(box, b, 16, 0, (struct sockaddr *)&from, &length) == 3 && length == 0);
	OK(recv(box, b, 16, 0) == 0);
	struct iovec part = { b, 2 };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1 };
	OK(connect_to(s, "box") == 0 && send(s, "again", 5, 0) == 5);
	OK(recvmsg(box, &m, 0) == 2 && m.msg_flags == MSG_TRUNC && m.msg_namelen == 2 + 7);
	length = sizeof(from);
	OK(getpeername(s, (struct sockaddr *)&from, &length) == 0 && length == 2 + 4);
	/* who has a peer hears nobody else */
	OK(connect_to(box, "sender") == 0 && send(s, "x", 1, 0) == 1 && recv(box, b, 16, 0) == 1);
	FAILS(sendto(u, "x", 1, 0, (struct sockaddr *)&to, to_length), EPERM);
	FAILS(connect_to(u, "box"), EPERM);
	close(box);
	FAILS(send(s, "x", 1, 0), ECONNREFUSED);
	FAILS(send(s, "x", 1, 0), ENOTCONN);
	int pair[2];
	OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0 && close(pair[1]) == 0);
	FAILS(recv(pair[0], b, 1, MSG_DONTWAIT), EAGAIN);
	FAILS(send(pair[0], b, 1, 0), ECONNREFUSED);
	/* one that does not fit waits for who reads */
	static char big[40000];
	OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 20; i++)
			if (send(pair[0], big, sizeof(big), 0) != (ssize_t)sizeof(big))
				_exit(1);
		_exit(0);
	}
	int status, good = 0;
	for (int i = 0; i < 20; i++)
		good += recv(pair[1], big, sizeof(big), 0) == (ssize_t)sizeof(big);
	OK(good == 20 && waitpid(pid, &status, 0) == pid && status == 0);
}

static ssize_t pass(int s, const void *bytes, size_t n, const int *fds, unsigned count)
{
	union {
		char bytes[CMSG_SPACE(300 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = { (void *)(uintptr_t)bytes, n };
	struct msghdr m = { .msg_iov = &part,
		            .msg_iovlen = 1,
		            .msg_control = count ? control.bytes : NULL,
		            .msg_controllen = count ? CMSG_SPACE(count * sizeof(int)) : 0 };
	if (count) {
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	return sendmsg(s, &m, MSG_NOSIGNAL);
}

/* Receives; *count: room for descriptors, then how many came. Flags of the message, or -1. */
static int take(int s, char *bytes, size_t n, int *fds, unsigned *count, int flags, ssize_t *got)
{
	union {
		char bytes[CMSG_SPACE(300 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = { bytes, n };
	struct msghdr m = { .msg_iov = &part,
		            .msg_iovlen = 1,
		            .msg_control = control.bytes,
		            .msg_controllen = *count ? CMSG_LEN(*count * sizeof(int)) : 0 };
	*got = recvmsg(s, &m, flags);
	*count = 0;
	if (*got < 0)
		return -1;
	struct cmsghdr *c = m.msg_controllen ? CMSG_FIRSTHDR(&m) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		*count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), *count * sizeof(int));
	}
	return m.msg_flags;
}

static void passing(int type)
{
	char b[64];
	int s[2], p[2], fds[4];
	unsigned n = 2;
	ssize_t got;
	OK(socketpair(AF_UNIX, type, 0, s) == 0 && pipe(p) == 0);
	OK(pass(s[0], "plain", 5, NULL, 0) == 5 && pass(s[0], "two", 3, p, 2) == 3 && pass(s[0], "one", 3, p, 1) == 3);
	close(p[0]);
	int second = p[1];
	/* reading stops where others begin */
	OK(read(s[1], b, 5) == 5);
	OK(take(s[1], b, 64, fds, &n, MSG_CMSG_CLOEXEC, &got) == MSG_CMSG_CLOEXEC && got == 3 && n == 2);
	OK(fcntl(fds[0], F_GETFD) == FD_CLOEXEC && write(fds[1], "through", 7) == 7 && read(fds[0], b, 64) == 7);
	n = 4;
	int one;
	OK(take(s[1], b, 64, &one, &n, 0, &got) == 0 && got == 3 && n == 1 && fcntl(one, F_GETFD) == 0);
	/* room for one of two: the other is closed */
	int both[2] = { one, second };
	n = 1;
	OK(pass(s[0], "x", 1, both, 2) == 1 && take(s[1], b, 64, fds + 2, &n, 0, &got) == MSG_CTRUNC && n == 1);
	n = 0;
	OK(pass(s[0], "x", 1, both, 1) == 1 && take(s[1], b, 64, fds + 3, &n, 0, &got) == MSG_CTRUNC && n == 0);
	/* read takes the bytes and nothing else: what came along is closed */
	OK(pass(s[0], "x", 1, &second, 1) == 1 && read(s[1], b, 1) == 1);
	close(second);
	close(fds[1]);
	OK(pass(s[0], "y", 1, NULL, 0) == 1 && read(s[1], b, 1) == 1);
	OK(read(one, b, 1) == 0); /* nobody can write any more */
	FAILS(pass(s[0], "x", 1, &(int){ 99 }, 1), EBADF);
	int many[254];
	for (int i = 0; i < 254; i++)
		many[i] = one;
	FAILS(pass(s[0], "x", 1, many, 254), EINVAL);
	OK(pass(s[0], "x", 1, many, 253) == 1);
	/* what nobody took is closed with the socket */
	OK(pipe(p) == 0 && pass(s[0], "z", 1, &p[1], 1) == 1 && close(p[1]) == 0 && close(s[1]) == 0 &&
	   close(s[0]) == 0);
	OK(read(p[0], b, 1) == 0);
}

static void passing_on(void)
{
	char b[16];
	int s = listening(SOCK_STREAM, "rights", 4), fd, status;
	unsigned n = 1;
	ssize_t got;
	pid_t pid = fork();
	if (pid == 0) {
		int c = socket(AF_UNIX, SOCK_STREAM, 0), file = open("passed", O_RDWR | O_CREAT, 0600);
		write(file, "content", 7);
		_exit(connect_to(c, "rights") == 0 && pass(c, "f", 1, &file, 1) == 1 ? 0 : 1);
	}
	int c = accept(s, NULL, NULL);
	OK(take(c, b, 1, &fd, &n, 0, &got) == 0 && got == 1 && n == 1);
	OK(waitpid(pid, &status, 0) == pid && status == 0);
	OK(lseek(fd, 0, SEEK_CUR) == 7 && pread(fd, b, 16, 0) == 7 && memcmp(b, "content", 7) == 0);
	/* a socket on its way through itself, and chains of them: all of them end */
	for (int i = 0; i < 300; i++) {
		int pair[2], next[2];
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, next) != 0)
			break;
		pass(pair[0], "x", 1, &next[1], 1);
		pass(next[0], "x", 1, &pair[0], 1);
		close(pair[0]);
		close(pair[1]);
		close(next[0]);
		close(next[1]);
	}
	OK(pipe((int[2]){ 0, 0 }) == 0);
}

void subject_rights(void)
{
	passing(SOCK_STREAM);
	passing(SOCK_SEQPACKET);
	passing(SOCK_DGRAM);
	passing_on();
}
