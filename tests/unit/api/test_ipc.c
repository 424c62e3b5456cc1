/*
 * Datagrams with descriptors, and channels: nothing is truncated silently, no
 * descriptor leaks, a slow peer costs no more than the bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/ipc/channel.h"

static unsigned open_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void test_packet(void **state)
{
	struct ceno_packet_fds fds;
	unsigned before = open_fds();
	int pair[2], three[3] = { 0, 1, 2 }, kept;
	char buffer[16];

	(void)state;
	assert_int_equal(ceno_packet_pair(pair), 0);
	assert_int_equal(ceno_packet_receive(pair[0], buffer, sizeof buffer, &fds), -EAGAIN);
	assert_int_equal(ceno_packet_send(pair[1], "hello", 5, three, 3), 0);
	assert_int_equal(ceno_packet_receive(pair[0], buffer, sizeof buffer, &fds), 5);
	assert_int_equal(fds.count, 3);
	kept = ceno_packet_fds_take(&fds, 1);
	assert_true(kept > 2);
	assert_int_equal(ceno_packet_fds_take(&fds, 1), -1);
	assert_int_equal(ceno_packet_fds_take(&fds, 3), -1);
	ceno_packet_fds_close(&fds);
	close(kept);
	/* too long: refused whole, its descriptors closed */
	assert_int_equal(ceno_packet_send(pair[1], "a long datagram, longer than 16", 31, three, 3), 0);
	assert_int_equal(ceno_packet_receive(pair[0], buffer, sizeof buffer, &fds), -EMSGSIZE);
	assert_int_equal(fds.count, 0);
	assert_int_equal(ceno_packet_send(pair[1], "x", 1, three, CENO_PACKET_FDS_MAX + 1), -E2BIG);
	close(pair[1]);
	assert_int_equal(ceno_packet_receive(pair[0], buffer, sizeof buffer, &fds), 0);
	assert_int_equal(ceno_packet_send(pair[0], "x", 1, NULL, 0), -EPIPE);
	close(pair[0]);
	assert_int_equal(open_fds(), before);
}

struct seen {
	unsigned records, bytes, ends;
	int error;
	uv_loop_t *loop;
};

static void on_record(struct ceno_channel *channel, const void *bytes, size_t length, struct ceno_packet_fds *fds)
{
	struct seen *seen = channel->owner;

	(void)bytes;
	(void)fds;
	seen->records++;
	seen->bytes += (unsigned)length;
}

static void on_end(struct ceno_channel *channel, int error)
{
	struct seen *seen = channel->owner;

	seen->ends++;
	seen->error = error;
	ceno_channel_close(channel, false, NULL);
}

static const struct ceno_channel_events events = { .on_record = on_record, .on_end = on_end };

static void test_channel(void **state)
{
	struct ceno_channel a, b;
	struct seen at_a = { 0 }, at_b = { 0 };
	unsigned before, sent = 0;
	static char big[4000];
	uv_loop_t loop;
	int pair[2], fd = 0;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0); /* the first loop opens a pipe for signals that stays */
	assert_int_equal(uv_loop_close(&loop), 0);
	before = open_fds();
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(ceno_packet_pair(pair), 0);
	assert_int_equal(ceno_channel_open(&loop, &a, pair[0], 4096, 1 << 20, &events, &at_a), 0);
	assert_int_equal(ceno_channel_open(&loop, &b, pair[1], 4096, 1 << 20, &events, &at_b), 0);
	while (!ceno_channel_send(&a, big, sizeof big, &fd, 1)) /* b does not read yet: kernel, then queue, then no */
		sent++;
	assert_true(sent > (1 << 20) / sizeof big);
	assert_int_equal(ceno_channel_send(&a, big, sizeof big, NULL, 0), -ENOBUFS);
	ceno_channel_close(&a, true, NULL); /* everything accepted is still delivered */
	assert_int_equal(ceno_channel_send(&a, big, 1, NULL, 0), -EPIPE);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(at_b.records, sent);
	assert_int_equal(at_b.ends, 1);
	assert_int_equal(at_b.error, 0);
	assert_int_equal(at_a.ends, 0);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(open_fds(), before);
}

static void test_oversized(void **state)
{
	struct ceno_channel channel;
	struct seen seen = { 0 };
	uv_loop_t loop;
	int pair[2];

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(ceno_packet_pair(pair), 0);
	assert_int_equal(ceno_channel_open(&loop, &channel, pair[0], 8, 64, &events, &seen), 0);
	assert_int_equal(ceno_packet_send(pair[1], "12345678", 8, NULL, 0), 0);
	assert_int_equal(ceno_packet_send(pair[1], "123456789", 9, NULL, 0), 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(seen.records, 1);
	assert_int_equal(seen.error, -EMSGSIZE);
	close(pair[1]);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packet),
		cmocka_unit_test(test_channel),
		cmocka_unit_test(test_oversized),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
