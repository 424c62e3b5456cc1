/*
 * The stdio window from the guest's side: order, wrap-around, blocking, ends, the
 * doorbell rule, and a host that lies.
 */
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "guest-kernel/abi/boot.h"

static uint64_t page;
static uint8_t drained[1 << 20];
static size_t drained_bytes;
static int wakes;

static int boot(void **state)
{
	(void)state;
	fake_start();
	page = fake_page();
	drained_bytes = 0;
	wakes = 0;
	return 0;
}

static void give_input(const void *data, size_t bytes)
{
	uint32_t at = fake_host()->index[CENO_STREAM_IN];

	for (size_t i = 0; i < bytes; i++)
		fake_window()[CENO_STDIN_OFFSET + ((at + i) & (CENO_STDIN_BYTES - 1))] = ((const uint8_t *)data)[i];
	fake_host()->index[CENO_STREAM_IN] = at + (uint32_t)bytes;
}

static int drain(void)
{
	uint32_t head = fake_guest()->index[CENO_STREAM_OUT], *tail = &fake_host()->index[CENO_STREAM_OUT];

	wakes++;
	if (*tail == head)
		return 0;
	for (; *tail != head; ++*tail)
		drained[drained_bytes++] = fake_window()[CENO_STDOUT_OFFSET + (*tail & (CENO_STDOUT_BYTES - 1))];
	return 1;
}

static int supply(void)
{
	if (wakes++)
		return 0;
	assert_int_equal(fake_guest()->wants_in, 1);
	give_input("late", 4);
	return 1;
}

static int close_input(void)
{
	fake_host()->closed = 1u << CENO_STREAM_IN;
	return 1;
}

static void test_output(void **state)
{
	uint8_t block[PAGE], sum = 0;

	(void)state;
	fake_on_wait = drain;
	for (int i = 0; i < 200; i++) {
		memset(block, i, sizeof(block));
		fake_poke(page, block, sizeof(block));
		assert_int_equal(sys(SYS_write, 1, page, 4000), 4000);
	}
	drain();
	assert_int_equal(drained_bytes, 800000);
	for (size_t i = 0; i < drained_bytes; i++)
		sum |= (uint8_t)(drained[i] ^ (i / 4000));
	assert_int_equal(sum, 0);
	assert_true(wakes > 3);
	assert_int_equal(sys(SYS_write, 2, page, 10), 10);
	assert_int_equal(fake_guest()->index[CENO_STREAM_ERR], 10);
	assert_int_equal(sys(SYS_write, 0, page, 10), -EBADF);
	assert_int_equal(sys(SYS_read, 1, page, 10), -EBADF);
}

static void test_doorbell(void **state)
{
	uint32_t before = fake_doorbells;

	(void)state;
	sys(SYS_write, 1, page, 1);
	assert_int_equal(fake_doorbells, before + 1); /* empty to not empty */
	sys(SYS_write, 1, page, 1);
	assert_int_equal(fake_doorbells, before + 1);
	fake_host()->index[CENO_STREAM_OUT] = 2;
	sys(SYS_write, 1, page, 1);
	assert_int_equal(fake_doorbells, before + 2);
	give_input(drained, CENO_STDIN_BYTES);
	assert_int_equal(sys(SYS_read, 0, page, 1), 1); /* full to not full */
	assert_int_equal(fake_doorbells, before + 3);
	sys(SYS_read, 0, page, 1);
	assert_int_equal(fake_doorbells, before + 3);
}

static void test_input(void **state)
{
	char text[8] = "";

	(void)state;
	give_input("abcdef", 6);
	assert_int_equal(sys(SYS_read, 0, page, 4), 4);
	assert_int_equal(sys(SYS_ioctl, 0, 0x541b, page), 0);
	fake_peek(text, page, 1);
	assert_int_equal(text[0], 2);
	assert_int_equal(sys(SYS_read, 0, page, 100), 2);
	fake_peek(text, page, 2);
	assert_string_equal(text, "ef");
	fake_on_wait = supply;
	assert_int_equal(sys(SYS_read, 0, page, 100), 4);
	assert_int_equal(fake_guest()->wants_in, 0);
	sys(SYS_fcntl, 0, F_SETFL, O_NONBLOCK);
	assert_int_equal(sys(SYS_read, 0, page, 100), -EAGAIN);
	sys(SYS_fcntl, 0, F_SETFL, 0);
	fake_on_wait = close_input;
	assert_int_equal(sys(SYS_read, 0, page, 100), 0);
	assert_int_equal(sys(SYS_read, 0, page, 100), 0);
	assert_int_equal(sys(SYS_lseek, 0, 0, 0), -ESPIPE);
}

static void test_last_input(void **state)
{
	(void)state;
	give_input("last", 4);
	close_input();
	assert_int_equal(sys(SYS_read, 0, page, 100), 4);
	assert_int_equal(sys(SYS_read, 0, page, 100), 0);
}

static void test_nobody_reads(void **state)
{
	uint64_t ignore[4] = { 1, 0, 0, 0 };

	(void)state;
	fake_host()->closed = 1u << CENO_STREAM_OUT;
	fake_poke(page, ignore, sizeof(ignore));
	assert_int_equal(sys(SYS_rt_sigaction, 13, page, 0, 8), 0);
	assert_int_equal(sys(SYS_write, 1, page, 10), -EPIPE);
	assert_int_equal(sys(SYS_write, 2, page, 10), 10);
	ignore[0] = 0;
	fake_poke(page, ignore, sizeof(ignore));
	assert_int_equal(sys(SYS_rt_sigaction, 13, page, 0, 8), 0);
	assert_int_equal(fake_call(SYS_write, (const uint64_t[6]){ 1, page, 10 }, NULL), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->state, CENO_PROGRAM_DONE);
	assert_int_equal(fake_guest()->signal, 13);
}

static void test_lies(void **state)
{
	(void)state;
	fake_host()->index[CENO_STREAM_IN] = CENO_STDIN_BYTES + 1;
	assert_int_equal(sys(SYS_read, 0, page, 10), -EIO);
	fake_host()->index[CENO_STREAM_IN] = (uint32_t)-5;
	assert_int_equal(sys(SYS_read, 0, page, 10), -EIO);
	fake_host()->index[CENO_STREAM_OUT] = 1; /* consumed what was never written */
	assert_int_equal(sys(SYS_write, 1, page, 10), -EIO);
	fake_host()->index[CENO_STREAM_OUT] = 0;
	assert_int_equal(sys(SYS_write, 1, page, 10), 10);
}

static void test_poll(void **state)
{
	struct pollfd fds[4] = { { 0, POLLIN, 0 }, { 1, POLLOUT, 0 }, { 77, POLLIN, 0 }, { -1, POLLIN, 9 } };
	uint64_t set = 1, clock;

	(void)state;
	fake_poke(page, fds, sizeof(fds));
	assert_int_equal(sys(SYS_poll, page, 4, 0), 2);
	fake_peek(fds, page, sizeof(fds));
	assert_int_equal(fds[0].revents, 0);
	assert_int_equal(fds[1].revents, POLLOUT);
	assert_int_equal(fds[2].revents, POLLNVAL);
	assert_int_equal(fds[3].revents, 0);
	clock = fake_tsc;
	assert_int_equal(sys(SYS_poll, page, 1, 50), 0);
	assert_true(fake_tsc - clock >= 50 * 2000000);
	fake_on_wait = supply;
	fake_on_wait = NULL;
	give_input("x", 1);
	assert_int_equal(sys(SYS_poll, page, 1, -1), 1);
	fake_poke(page, &set, 8);
	assert_int_equal(sys(SYS_select, 1, page, 0, 0, 0), 1);
	set = 1ull << 50;
	fake_poke(page, &set, 8);
	assert_int_equal(sys(SYS_select, 60, page, 0, 0, 0), -EBADF);
	assert_int_equal(sys(SYS_select, -1, page, 0, 0, 0), -EINVAL);
	assert_int_equal(sys(SYS_poll, BAD, 1, 0), -EFAULT);
	assert_int_equal(sys(SYS_poll, page, 5000, 0), -EINVAL);
}

static void set_dropped(uint32_t classes)
{
	((struct ceno_boot *)(uintptr_t)CENO_GVA_BOOT_PAGE)->dropped = classes;
}

static int take(void)
{
	wakes++;
	set_dropped(1u << CENO_PLEDGE_STDIO);
	return wakes == 1;
}

/* Whoever looks at the window from now on is ended by it, as in a session. */
static void window_is_gone(bool gone)
{
	assert_int_equal(mprotect(fake_window(), CENO_STDIO_BYTES, gone ? PROT_NONE : PROT_READ | PROT_WRITE), 0);
}

static void expect_hung_up(void)
{
	struct pollfd fds[2] = { { 0, POLLIN, 0 }, { 1, POLLOUT, 0 } };

	assert_int_equal(sys(SYS_write, 1, page, 10), -EIO);
	assert_int_equal(sys(SYS_write, 2, page, 10), -EIO);
	assert_int_equal(sys(SYS_read, 0, page, 10), 0);
	assert_int_equal(sys(SYS_ioctl, 0, 0x541b, page), 0);
	fake_poke(page, fds, sizeof(fds));
	assert_int_equal(sys(SYS_poll, page, 2, -1), 2);
	fake_peek(fds, page, sizeof(fds));
	assert_int_equal(fds[0].revents, POLLHUP);
	assert_int_equal(fds[1].revents, POLLOUT | POLLERR);
}

/* A window that is taken is marked, and never touched again. */
static void test_taken(void **state)
{
	(void)state;
	give_input("abc", 3);
	set_dropped(1u << CENO_PLEDGE_STDIO);
	assert_int_equal(fake_guest()->released, 0);
	assert_int_equal(sys(SYS_write, 1, page, 10), -EIO);
	assert_int_equal(fake_guest()->released, 1);
	window_is_gone(true);
	expect_hung_up();
	assert_int_equal(sys(SYS_getpid), 2); /* it goes on */
	window_is_gone(false);
	set_dropped(0);
}

/* Taken while somebody waits for it: at once, and who waits hears of it. */
static void test_taken_meanwhile(void **state)
{
	(void)state;
	fake_on_wait = take;
	assert_int_equal(sys(SYS_read, 0, page, 10), 0);
	assert_int_equal(fake_guest()->released, 1);
	window_is_gone(true);
	expect_hung_up();
	window_is_gone(false);
	set_dropped(0);
}

/* The program ends: nobody is told, no other follows, membrane leaves. */
static void test_end_without_streams(void **state)
{
	(void)state;
	set_dropped(1u << CENO_PLEDGE_STDIO);
	fake_host()->request_seq = 2;
	assert_int_equal(fake_call(SYS_exit_group, (const uint64_t[6]){ 3 }, NULL), FAKE_HALTED);
	assert_int_equal(fake_guest()->state, CENO_PROGRAM_RUNNING);
	set_dropped(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_output, boot),
		cmocka_unit_test_setup(test_doorbell, boot),
		cmocka_unit_test_setup(test_input, boot),
		cmocka_unit_test_setup(test_last_input, boot),
		cmocka_unit_test_setup(test_nobody_reads, boot),
		cmocka_unit_test_setup(test_lies, boot),
		cmocka_unit_test_setup(test_poll, boot),
		cmocka_unit_test_setup(test_taken, boot),
		cmocka_unit_test_setup(test_taken_meanwhile, boot),
		cmocka_unit_test_setup(test_end_without_streams, boot),
	};

	return cmocka_run_group_tests_name("membrane stdio", tests, NULL, NULL);
}
