/*
 * Sockets with names and what travels between them: nothing is left when their descriptors are gone,
 * whatever was on its way, and whoever fails changes nothing. What programs see of them is in
 * tests/conform/sock.c.
 */
#include "test.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "guest-kernel/services/membrane/fd.h"
#include "guest-kernel/services/membrane/frames.h"
#include "guest-kernel/services/membrane/socket.h"

static uint64_t page;

static int begin(void **state)
{
	start(state);
	page = fake_page();
	return 0;
}

static unsigned sockets(void)
{
	unsigned n = 0;

	for (const struct ceno_socket *socket = ceno_sockets; socket; socket = socket->another)
		n++;
	return n;
}

/* Puts an address at the page; its length. */
static uint64_t name(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memcpy(a.sun_path + (path[0] == '@'), path + (path[0] == '@'), strlen(path) - (path[0] == '@'));
	fake_poke(page, &a, sizeof(a));
	return 2 + strlen(path);
}

static int64_t make(int type)
{
	return sys(SYS_socket, AF_UNIX, type, 0);
}

static int64_t listen_at(const char *path)
{
	int64_t fd = make(SOCK_STREAM);

	assert_int_equal(sys(SYS_bind, fd, page, name(path)), 0);
	assert_int_equal(sys(SYS_listen, fd, 4), 0);
	return fd;
}

static int64_t connect_at(const char *path)
{
	int64_t fd = make(SOCK_STREAM), error = sys(SYS_connect, fd, page, name(path));

	if (!error)
		return fd;
	sys(SYS_close, fd);
	return error;
}

/* Sends one byte and these descriptors. */
static int64_t pass(int64_t socket, const int32_t *fds, unsigned count)
{
	const uint64_t vector[2] = { page + 1024, 1 };
	const uint64_t control[2] = { 16 + 4 * count, 1ull << 32 | 1 };
	const uint64_t message[7] = { 0, 0, page + 512, 1, page + 2048, 16 + 4 * count, 0 };

	fake_poke(page + 512, vector, sizeof(vector));
	fake_poke(page + 2048, control, sizeof(control));
	fake_poke(page + 2064, fds, 4 * count);
	fake_poke(page + 256, message, sizeof(message));
	return sys(SYS_sendmsg, socket, page + 256, 0);
}

static void test_ends(void **state)
{
	static const char *const names[] = { "/tmp/listener", "@abstract" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		int64_t listener = listen_at(names[i]), waits = connect_at(names[i]), taken = connect_at(names[i]),
			other;

		assert_true(waits >= 0 && taken >= 0);
		assert_int_equal(sockets(), 5);
		other = sys(SYS_accept, listener, 0, 0);
		assert_true(other >= 0);
		/* a connection that nobody accepted ends with the listener */
		assert_int_equal(sys(SYS_close, listener), 0);
		assert_int_equal(sockets(), 3);
		assert_int_equal(sys(SYS_close, waits), 0);
		assert_int_equal(sys(SYS_close, taken), 0);
		assert_int_equal(sys(SYS_read, other, page, 1), 0);
		assert_int_equal(sys(SYS_close, other), 0);
		assert_int_equal(sockets(), 0);
		assert_int_equal(connect_at(names[i]), -ECONNREFUSED);
	}
	assert_int_equal(sys(SYS_unlink, fake_string("/tmp/listener")), 0);
}

static void test_unlinked(void **state)
{
	int64_t listener = listen_at("/tmp/gone"), client = connect_at("/tmp/gone");

	(void)state;
	assert_int_equal(sys(SYS_unlink, fake_string("/tmp/gone")), 0);
	assert_int_equal(connect_at("/tmp/gone"), -ENOENT);
	assert_true(sys(SYS_accept, listener, 0, 0) >= 0);
	assert_int_equal(sys(SYS_close, listener), 0);
	assert_int_equal(sys(SYS_close, client), 0);
}

/* Chains of sockets that hold one another, and one that holds itself. */
static void test_on_their_way(void **state)
{
	int32_t pair[2], last = -1, pipe[2];

	(void)state;
	assert_int_equal(sys(SYS_pipe, page + 3072), 0);
	fake_peek(pipe, page + 3072, sizeof(pipe));
	assert_int_equal(sys(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, page + 3072), 0);
	fake_peek(pair, page + 3072, sizeof(pair));
	assert_int_equal(pass(pair[0], (const int32_t[]){ pipe[1] }, 1), 1);
	assert_int_equal(sys(SYS_close, pipe[1]), 0);
	for (unsigned i = 0; i < 200; i++) { /* each in the ring of the next */
		last = pair[1];
		assert_int_equal(sys(SYS_close, pair[0]), 0);
		assert_int_equal(sys(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, page + 3072), 0);
		fake_peek(pair, page + 3072, sizeof(pair));
		assert_int_equal(pass(pair[0], &last, 1), 1);
		assert_int_equal(sys(SYS_close, last), 0);
	}
	assert_int_equal(sockets(), 202);
	assert_int_equal(sys(SYS_close, pair[1]), 0);
	assert_int_equal(sockets(), 1);
	assert_int_equal(sys(SYS_close, pair[0]), 0);
	assert_int_equal(sockets(), 0);
	assert_int_equal(sys(SYS_read, pipe[0], page, 1), 0); /* its writer, 201 sockets deep, is gone */
	/* through itself: it stays, as long as there is RAM, and no more of them than may be on their way */
	unsigned many = 0;
	for (int64_t sent = 1; sent == 1; many++) {
		sent = sys(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, page + 3072);
		if (sent == 0) {
			fake_peek(pair, page + 3072, sizeof(pair));
			sent = pass(pair[0], &pair[1], 1);
			assert_int_equal(sys(SYS_close, pair[0]), 0);
			assert_int_equal(sys(SYS_close, pair[1]), 0);
		}
		assert_true(sent == 1 || sent == -ENOMEM || sent == -ETOOMANYREFS);
	}
	assert_true(many > 100 && sockets() > 100);
	ceno_sockets_end();
	assert_int_equal(sockets(), 0);
}

static void test_refused(void **state)
{
	static const uint64_t bad[][2] = {
		{ 15, 1ull << 32 | 1 }, { 21, 1ull << 32 | 1 }, { ~0ull, 1ull << 32 | 1 }, { 20, 7ull << 32 | 1 }
	};
	int32_t pair[2], out[2];

	(void)state;
	assert_int_equal(sys(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, page + 3072), 0);
	fake_peek(pair, page + 3072, sizeof(pair));
	for (unsigned i = 0; i < 4; i++) {
		pass(pair[0], &pair[0], 1);
		assert_int_equal(sys(SYS_read, pair[1], page, 8), 1);
		fake_poke(page + 2048, bad[i], 16);
		assert_int_equal(sys(SYS_sendmsg, pair[0], page + 256, 0), -EINVAL);
	}
	assert_int_equal(pass(pair[0], (const int32_t[]){ pair[0], 77 }, 2), -EBADF);
	assert_int_equal(sys(SYS_recvfrom, pair[1], page, 8, MSG_DONTWAIT, 0, 0), -EAGAIN);
	assert_null(ceno_fd_file(pair[0])->inode->socket->rights);
	assert_int_equal(ceno_fd_file(pair[0])->refs, 1);
	/* a control buffer that cannot be written: nothing is lost but the descriptor */
	assert_int_equal(pass(pair[0], &pair[0], 1), 1);
	fake_poke(page + 256, (const uint64_t[7]){ 0, 0, page + 512, 1, BAD, 24, 0 }, 56);
	assert_int_equal(sys(SYS_recvmsg, pair[1], page + 256, 0), 1);
	fake_peek(out, page + 256 + 48, 4);
	assert_int_equal(out[0], MSG_CTRUNC);
	assert_int_equal(ceno_fd_file(pair[0])->refs, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_ends, begin),
		cmocka_unit_test_setup(test_unlinked, begin),
		cmocka_unit_test_setup(test_on_their_way, begin),
		cmocka_unit_test_setup(test_refused, begin),
	};

	return cmocka_run_group_tests_name("membrane sockets", tests, NULL, NULL);
}
