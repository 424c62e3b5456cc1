/*
 * Descriptors that are no files, and waiting for them: socket pairs, eventfd, timerfd,
 * epoll, poll, pipes of another size, locks of descriptions.
 */
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

static uint64_t page;

static int boot(void **state)
{
	(void)state;
	fake_start();
	page = fake_page();
	return 0;
}

static void pair(uint64_t type, int32_t ends[2])
{
	assert_int_equal(sys(SYS_socketpair, AF_UNIX, type, 0, page), 0);
	fake_peek(ends, page, 8);
}

static int64_t put(int64_t fd, const char *text)
{
	fake_poke(page, text, strlen(text));
	return sys(SYS_write, fd, page, strlen(text));
}

static int64_t get(int64_t fd, char *text, uint64_t bytes)
{
	int64_t got = sys(SYS_read, fd, page, bytes);

	memset(text, 0, 16);
	if (got > 0)
		fake_peek(text, page, (size_t)got);
	return got;
}

static void test_stream(void **state)
{
	int32_t s[2];
	char text[16];

	(void)state;
	pair(SOCK_STREAM | SOCK_NONBLOCK, s);
	assert_int_equal(get(s[0], text, 10), -EAGAIN);
	assert_int_equal(put(s[0], "abc"), 3);
	assert_int_equal(put(s[0], "def"), 3);
	assert_int_equal(get(s[1], text, 4), 4);
	assert_string_equal(text, "abcd");
	assert_int_equal(sys(SYS_recvfrom, s[1], page, 1, MSG_PEEK), 1);
	assert_int_equal(get(s[1], text, 10), 2);
	for (int i = 0; i < 16; i++)
		assert_int_equal(sys(SYS_write, s[1], page, PAGE), PAGE);
	assert_int_equal(sys(SYS_write, s[1], page, PAGE), -EAGAIN);
	assert_int_equal(sys(SYS_shutdown, s[1], SHUT_WR), 0);
	assert_int_equal(sys(SYS_sendto, s[1], page, 1, MSG_NOSIGNAL), -EPIPE);
	for (int i = 0; i < 16; i++)
		assert_int_equal(sys(SYS_recvfrom, s[0], page, PAGE, MSG_DONTWAIT), PAGE);
	assert_int_equal(sys(SYS_read, s[0], page, PAGE), 0);
	assert_int_equal(put(s[0], "x"), 1);
	assert_int_equal(sys(SYS_close, s[0]), 0);
	assert_int_equal(get(s[1], text, 10), 1);
	assert_int_equal(get(s[1], text, 10), 0);
	assert_int_equal(sys(SYS_lseek, s[1], 0, SEEK_SET), -ESPIPE);
	assert_int_equal(sys(SYS_sendto, 0, page, 1), -ENOTSOCK);
	assert_int_equal(sys(SYS_socket, AF_INET, SOCK_STREAM), -EACCES);
	assert_int_equal(sys(SYS_socket, AF_NETLINK, SOCK_RAW), -EAFNOSUPPORT);
	s[0] = (int32_t)sys(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(put(s[0], "x"), -ENOTCONN);
	assert_int_equal(get(s[0], text, 10), -EINVAL);
	fake_poke(page, "\1\0/tmp/none", 12);
	assert_int_equal(sys(SYS_connect, s[0], page, 12), -ENOENT);
	fake_poke(page, "\1\0/tmp\0", 8);
	assert_int_equal(sys(SYS_connect, s[0], page, 8), -ECONNREFUSED);
	assert_int_equal(sys(SYS_connect, 0, page, 8), -ENOTSOCK);
	assert_int_equal(sys(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, BAD), -EFAULT);
}

static void test_messages(void **state)
{
	int32_t s[2];
	char text[16];

	(void)state;
	pair(SOCK_SEQPACKET | SOCK_NONBLOCK, s);
	assert_int_equal(put(s[0], "first"), 5);
	assert_int_equal(put(s[0], "second"), 6);
	assert_int_equal(get(s[1], text, 3), 3); /* the rest of it is gone */
	assert_string_equal(text, "fir");
	assert_int_equal(get(s[1], text, 10), 6);
	assert_string_equal(text, "second");
	assert_int_equal(get(s[1], text, 10), -EAGAIN);
	for (int i = 0; i < 15; i++)
		assert_int_equal(sys(SYS_write, s[0], page, PAGE), PAGE);
	assert_int_equal(sys(SYS_write, s[0], page, PAGE), -EAGAIN); /* all of it or nothing */
	for (int i = 0; i < 15; i++)
		assert_int_equal(sys(SYS_read, s[1], page, PAGE), PAGE);
	assert_int_equal(sys(SYS_sendto, s[0], page, 70000, 0), -EMSGSIZE);
	assert_int_equal(put(s[1], "last"), 4);
	assert_int_equal(sys(SYS_close, s[1]), 0);
	assert_int_equal(get(s[0], text, 10), 4);
	assert_int_equal(get(s[0], text, 10), 0);
}

static void test_eventfd(void **state)
{
	uint64_t value = 3;
	int64_t fd = sys(SYS_eventfd2, 2, EFD_NONBLOCK), one = sys(SYS_eventfd2, 2, EFD_NONBLOCK | EFD_SEMAPHORE);

	(void)state;
	fake_poke(page, &value, 8);
	assert_int_equal(sys(SYS_write, fd, page, 8), 8);
	assert_int_equal(sys(SYS_write, fd, page, 7), -EINVAL);
	assert_int_equal(sys(SYS_read, fd, page, 8), 8);
	fake_peek(&value, page, 8);
	assert_int_equal(value, 5);
	assert_int_equal(sys(SYS_read, fd, page, 8), -EAGAIN);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sys(SYS_read, one, page, 8), 8);
		fake_peek(&value, page, 8);
		assert_int_equal(value, 1);
	}
	assert_int_equal(sys(SYS_read, one, page, 8), -EAGAIN);
	value = UINT64_MAX;
	fake_poke(page, &value, 8);
	assert_int_equal(sys(SYS_write, fd, page, 8), -EINVAL);
	value--;
	fake_poke(page, &value, 8);
	assert_int_equal(sys(SYS_write, fd, page, 8), 8);
	assert_int_equal(sys(SYS_write, fd, page, 8), -EAGAIN);
	assert_int_equal(sys(SYS_eventfd2, 0, 8), -EINVAL);
}

static void test_timerfd(void **state)
{
	struct itimerspec spec = { { 0, 5000000 }, { 0, 10000000 } };
	int64_t fd = sys(SYS_timerfd_create, CLOCK_MONOTONIC, 0);
	struct pollfd p = { (int)fd, POLLIN, 0 };
	uint64_t count;

	(void)state;
	fake_poke(page, &spec, sizeof(spec));
	assert_int_equal(sys(SYS_timerfd_settime, fd, 0, page), 0);
	fake_poke(page, &p, sizeof(p));
	assert_int_equal(sys(SYS_poll, page, 1, 1), 0);
	assert_int_equal(sys(SYS_poll, page, 1, -1), 1); /* nobody but the timer wakes it */
	assert_int_equal(sys(SYS_read, fd, page, 8), 8);
	fake_peek(&count, page, 8);
	assert_int_equal(count, 1);
	fake_tsc += 2000000ull * 23; /* 23 ms */
	assert_int_equal(sys(SYS_read, fd, page, 8), 8);
	fake_peek(&count, page, 8);
	assert_in_range(count, 4, 5);
	assert_int_equal(sys(SYS_read, fd, page, 8), 8); /* waits */
	assert_int_equal(sys(SYS_timerfd_gettime, fd, page), 0);
	fake_peek(&spec, page, sizeof(spec));
	assert_in_range(spec.it_value.tv_nsec, 1, 5000000);
	assert_int_equal(sys(SYS_timerfd_create, 99, 0), -EINVAL);
	assert_int_equal(sys(SYS_timerfd_settime, 0, 0, page), -EINVAL);
}

static int64_t watch(int64_t epoll, int op, int64_t fd, uint32_t events)
{
	struct epoll_event event = { events, { .u64 = (uint64_t)fd * 1000 } };

	fake_poke(page, &event, sizeof(event));
	return sys(SYS_epoll_ctl, epoll, op, fd, page);
}

static int64_t look(int64_t epoll, struct epoll_event *first)
{
	int64_t found = sys(SYS_epoll_wait, epoll, page, 8, 0);

	memset(first, 0, sizeof(*first));
	if (found > 0)
		fake_peek(first, page, sizeof(*first));
	return found;
}

static void test_epoll(void **state)
{
	int64_t epoll = sys(SYS_epoll_create1, 0);
	struct epoll_event event;
	int32_t s[2], t[2];
	char text[16];

	(void)state;
	pair(SOCK_STREAM | SOCK_NONBLOCK, s);
	pair(SOCK_STREAM | SOCK_NONBLOCK, t);
	assert_int_equal(watch(epoll, EPOLL_CTL_ADD, s[1], EPOLLIN), 0);
	assert_int_equal(watch(epoll, EPOLL_CTL_ADD, s[1], EPOLLIN), -EEXIST);
	assert_int_equal(watch(epoll, EPOLL_CTL_DEL, s[0], 0), -ENOENT);
	assert_int_equal(watch(epoll, EPOLL_CTL_ADD, epoll, EPOLLIN), -EINVAL);
	assert_int_equal(watch(epoll, EPOLL_CTL_ADD, 99, EPOLLIN), -EBADF);
	assert_int_equal(watch(epoll, EPOLL_CTL_ADD, sys(SYS_open, fake_string("/tmp"), 0), EPOLLIN), -EPERM);
	assert_int_equal(watch(epoll, EPOLL_CTL_ADD, sys(SYS_epoll_create1, 0), EPOLLIN), -ELOOP);
	assert_int_equal(look(epoll, &event), 0);
	put(s[0], "data");
	for (int i = 0; i < 2; i++) { /* level: as long as it is so */
		assert_int_equal(look(epoll, &event), 1);
		assert_int_equal(event.events, EPOLLIN);
		assert_int_equal(event.data.u64, (uint64_t)s[1] * 1000);
	}
	assert_int_equal(watch(epoll, EPOLL_CTL_MOD, s[1], EPOLLIN | EPOLLET), 0);
	assert_int_equal(look(epoll, &event), 1);
	assert_int_equal(look(epoll, &event), 0); /* edge: once, though it was not read */
	put(s[0], "more");
	assert_int_equal(look(epoll, &event), 1);
	assert_int_equal(look(epoll, &event), 0);
	assert_int_equal(watch(epoll, EPOLL_CTL_MOD, s[1], EPOLLIN | EPOLLONESHOT), 0);
	assert_int_equal(look(epoll, &event), 1);
	put(s[0], "again");
	assert_int_equal(look(epoll, &event), 0);
	assert_int_equal(watch(epoll, EPOLL_CTL_MOD, s[1], EPOLLIN), 0);
	/* two are ready, one is asked for at a time: each has its turn */
	assert_int_equal(watch(epoll, EPOLL_CTL_ADD, t[1], EPOLLIN | EPOLLRDHUP), 0);
	put(t[0], "t");
	assert_int_equal(sys(SYS_epoll_wait, epoll, page, 1, 0), 1);
	fake_peek(&event, page, sizeof(event));
	assert_int_equal(event.data.u64, (uint64_t)s[1] * 1000);
	assert_int_equal(sys(SYS_epoll_wait, epoll, page, 1, 0), 1);
	fake_peek(&event, page, sizeof(event));
	assert_int_equal(event.data.u64, (uint64_t)t[1] * 1000);
	while (get(s[1], text, 15) > 0)
		;
	assert_int_equal(sys(SYS_close, t[0]), 0);
	assert_int_equal(look(epoll, &event), 1);
	assert_int_equal(event.events, EPOLLIN | EPOLLRDHUP | EPOLLHUP);
	assert_int_equal(sys(SYS_close, t[1]), 0); /* a closed file is watched no more */
	assert_int_equal(look(epoll, &event), 0);
	assert_int_equal(sys(SYS_epoll_wait, epoll, page, 0, 0), -EINVAL);
	assert_int_equal(sys(SYS_close, epoll), 0);
	put(s[0], "x");
}

static void test_pipe_size(void **state)
{
	int32_t p[2];
	uint8_t byte;

	(void)state;
	assert_int_equal(sys(SYS_pipe2, page, O_NONBLOCK), 0);
	fake_peek(p, page, 8);
	assert_int_equal(sys(SYS_fcntl, p[0], F_SETPIPE_SZ, 5000), 8192);
	for (unsigned i = 0; i < 8192; i++) {
		byte = (uint8_t)(i * 7);
		fake_poke(page, &byte, 1);
		assert_int_equal(sys(SYS_write, p[1], page, 1), 1);
	}
	assert_int_equal(sys(SYS_write, p[1], page, 1), -EAGAIN);
	assert_int_equal(sys(SYS_fcntl, p[0], F_SETPIPE_SZ, 4096), -EBUSY);
	assert_int_equal(sys(SYS_fcntl, p[0], F_SETPIPE_SZ, 2 << 20), -EPERM);
	assert_int_equal(sys(SYS_fcntl, p[0], F_SETPIPE_SZ, 65536), 65536);
	assert_int_equal(sys(SYS_write, p[1], page, PAGE), PAGE);
	for (unsigned i = 0; i < 8192; i++) {
		assert_int_equal(sys(SYS_read, p[0], page, 1), 1);
		fake_peek(&byte, page, 1);
		assert_int_equal(byte, (uint8_t)(i * 7));
	}
	/* a write of at most PIPE_BUF is not torn */
	for (int i = 0; i < 15; i++)
		assert_int_equal(sys(SYS_write, p[1], page, i ? PAGE : 100), i ? PAGE : 100);
	assert_int_equal(sys(SYS_write, p[1], page, PAGE), -EAGAIN);
	assert_int_equal(sys(SYS_write, p[1], page, 1000), 1000);
}

static void test_fifo(void **state)
{
	uint64_t path = fake_string("/tmp/fifo"), name = fake_string("/tmp/other");
	char text[16];
	int64_t in, out;

	(void)state;
	assert_int_equal(sys(SYS_mknod, path, S_IFIFO | 0600, 0), 0);
	assert_int_equal(sys(SYS_mknod, path, S_IFIFO | 0600, 0), -EEXIST);
	assert_int_equal(sys(SYS_mknod, name, S_IFCHR | 0600, 0), -EPERM);
	assert_int_equal(sys(SYS_open, path, O_WRONLY | O_NONBLOCK), -ENXIO);
	in = sys(SYS_open, path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(get(in, text, 10), 0);
	out = sys(SYS_open, path, O_WRONLY);
	assert_int_equal(get(in, text, 10), -EAGAIN);
	assert_int_equal(put(out, "through"), 7);
	assert_int_equal(sys(SYS_unlink, path), 0);
	assert_int_equal(get(in, text, 10), 7);
	assert_int_equal(sys(SYS_close, out), 0);
	assert_int_equal(get(in, text, 10), 0);
}

static void test_locks(void **state)
{
	uint64_t path = fake_string("/tmp/f");
	int64_t a = sys(SYS_open, path, O_CREAT | O_RDWR, 0600), b = sys(SYS_open, path, O_RDWR);
	struct flock lock = { .l_type = F_WRLCK, .l_start = 10, .l_len = 10 };

	(void)state;
	fake_poke(page, &lock, sizeof(lock));
	assert_int_equal(sys(SYS_fcntl, a, F_OFD_SETLK, page), 0);
	assert_int_equal(sys(SYS_fcntl, b, F_OFD_SETLK, page), -EAGAIN);
	assert_int_equal(sys(SYS_fcntl, b, F_SETLK, page), -EAGAIN); /* a process's and a description's conflict */
	lock.l_start = 0;
	lock.l_len = 0;
	fake_poke(page, &lock, sizeof(lock));
	assert_int_equal(sys(SYS_fcntl, b, F_OFD_GETLK, page), 0);
	fake_peek(&lock, page, sizeof(lock));
	assert_int_equal(lock.l_type, F_WRLCK);
	assert_int_equal(lock.l_start, 10);
	assert_int_equal(lock.l_len, 10);
	assert_int_equal(lock.l_pid, -1);
	lock = (struct flock){ .l_type = F_UNLCK, .l_start = 12, .l_len = 3 };
	fake_poke(page, &lock, sizeof(lock));
	assert_int_equal(sys(SYS_fcntl, a, F_OFD_SETLK, page), 0); /* a hole in the middle */
	lock.l_type = F_RDLCK;
	fake_poke(page, &lock, sizeof(lock));
	assert_int_equal(sys(SYS_fcntl, b, F_OFD_SETLK, page), 0);
	lock.l_len = 4;
	fake_poke(page, &lock, sizeof(lock));
	assert_int_equal(sys(SYS_fcntl, b, F_OFD_SETLK, page), -EAGAIN);
	assert_int_equal(sys(SYS_flock, a, 2), 0); /* flock's are another matter */
	assert_int_equal(sys(SYS_flock, b, 2 | 4), -EAGAIN);
	assert_int_equal(sys(SYS_close, a), 0);
	assert_int_equal(sys(SYS_flock, b, 2 | 4), 0);
	assert_int_equal(sys(SYS_fcntl, b, F_OFD_SETLK, page), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_stream, boot),  cmocka_unit_test_setup(test_messages, boot),
		cmocka_unit_test_setup(test_eventfd, boot), cmocka_unit_test_setup(test_timerfd, boot),
		cmocka_unit_test_setup(test_epoll, boot),   cmocka_unit_test_setup(test_pipe_size, boot),
		cmocka_unit_test_setup(test_locks, boot),   cmocka_unit_test_setup(test_fifo, boot),
	};

	return cmocka_run_group_tests_name("membrane events", tests, NULL, NULL);
}
