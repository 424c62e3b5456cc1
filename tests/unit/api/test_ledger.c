/*
 * The ledger: rows, proofs, order, quota counting, and what an earlier api left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/ledger/ledger.h"
#include "api/rpc/state.h"

struct fixture {
	char directory[64];
	struct ceno_ledger *ledger;
};

static int setup(void **state)
{
	static struct fixture fixture;
	char message[256];

	snprintf(fixture.directory, sizeof fixture.directory, "/tmp/ceno-ledger.XXXXXX");
	if (!mkdtemp(fixture.directory))
		return -1;
	fixture.ledger = ceno_ledger_open(fixture.directory, message, sizeof message);
	*state = &fixture;
	return fixture.ledger ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	static const char *const names[] = { "ledger.db", "ledger.db-wal", "ledger.db-shm" };
	char path[128];

	ceno_ledger_close(fixture->ledger);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s", fixture->directory, names[i]);
		unlink(path);
	}
	return rmdir(fixture->directory);
}

static void add(struct ceno_ledger *ledger, uint8_t id, uint32_t uid)
{
	struct ceno_ledger_row row = {
		.uid = uid, .tier = 1, .created_ms = id, .memory_bytes = 1 << 28, .ttl_ms = 5000
	};

	memset(row.session_id, id, 16);
	assert_int_equal(ceno_ledger_insert(ledger, &row), 0);
}

/* No file of this process may grow, or be written behind its first bytes. */
static void fill_disk(bool full)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = full ? 1 : limit.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void last_row(const struct ceno_ledger_row *row, void *context)
{
	memcpy(context, row, sizeof *row);
}

static void assert_ended(const struct ceno_ledger_row *row)
{
	assert_int_equal(row->state, CENO_STATE_DESTROYED);
	assert_int_equal(row->cause, 2);
	assert_int_equal(row->ended_ms, 5678);
	assert_int_equal(row->launched_ms, 1234);
	assert_int_equal(row->launch_index, 42);
}

/* A disk that is full: what happened is shown all the same, at once, and written once there is space. */
static void test_full(void **state)
{
	struct fixture *fixture = *state;
	struct ceno_ledger_row row;
	uint8_t id[16], other[16] = { 9 };
	char message[256];

	memset(id, 1, 16);
	add(fixture->ledger, 1, 7);
	fill_disk(true);
	assert_true(ceno_ledger_launched(fixture->ledger, id, 1234, 42) < 0);
	assert_int_equal(ceno_ledger_find(fixture->ledger, id, &row), 0);
	assert_int_equal(row.state, CENO_STATE_ACTIVE);
	assert_int_equal(row.launch_index, 42);
	assert_true(ceno_ledger_state(fixture->ledger, id, CENO_STATE_EXECUTING) < 0);
	assert_true(ceno_ledger_ended(fixture->ledger, id, CENO_STATE_DESTROYED, 2, 5678) < 0);
	assert_int_equal(ceno_ledger_ended(fixture->ledger, other, CENO_STATE_DESTROYED, 2, 5678), -ENOENT);
	assert_int_equal(ceno_ledger_find(fixture->ledger, id, &row), 0);
	assert_ended(&row);
	memset(&row, 0, sizeof row);
	assert_int_equal(ceno_ledger_list(fixture->ledger, 7, 0, 10, last_row, &row), 0);
	assert_ended(&row);
	fill_disk(false);
	assert_int_equal(ceno_ledger_list(fixture->ledger, 7, 0, 10, last_row, &row), 0);
	assert_ended(&row);
	/* It is on the disk: whoever opens it again finds it. */
	struct ceno_ledger *second = ceno_ledger_open(fixture->directory, message, sizeof message);
	assert_non_null(second);
	assert_int_equal(ceno_ledger_find(second, id, &row), 0);
	ceno_ledger_close(second);
	assert_ended(&row);
}

static void test_life(void **state)
{
	struct ceno_ledger *ledger = ((struct fixture *)*state)->ledger;
	struct ceno_ledger_row row;
	uint8_t id[16], other[16] = { 9 }, signer[32], *file = NULL;
	size_t bytes = 0;

	memset(id, 1, 16);
	memset(signer, 0x55, 32);
	add(ledger, 1, 7);
	assert_int_equal(ceno_ledger_insert(ledger,
	                                    &(struct ceno_ledger_row){
						.uid = 7,
						.session_id = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 } }),
	                 -EIO);
	assert_int_equal(ceno_ledger_find(ledger, other, &row), -ENOENT);
	assert_int_equal(ceno_ledger_launched(ledger, id, 1234, 42), 0);
	assert_int_equal(ceno_ledger_launched(ledger, other, 1234, 42), -ENOENT);
	assert_int_equal(ceno_ledger_state(ledger, id, CENO_STATE_EXECUTING), 0);
	assert_int_equal(ceno_ledger_find_proof(ledger, id, &file, &bytes), -ENOENT);
	assert_int_equal(ceno_ledger_proof(ledger, id, "{\"a\":1}", 7, signer), 0);
	assert_int_equal(ceno_ledger_ended(ledger, id, CENO_STATE_DESTROYED, 1, 5678), 0);
	assert_int_equal(ceno_ledger_find(ledger, id, &row), 0);
	assert_int_equal(row.launch_index, 42);
	assert_int_equal(row.state, CENO_STATE_DESTROYED);
	assert_int_equal(row.cause, 1);
	assert_true(row.has_signer && row.has_proof);
	assert_memory_equal(row.signer, signer, 32);
	assert_int_equal(ceno_ledger_find_proof(ledger, id, &file, &bytes), 0);
	assert_int_equal(bytes, 7);
	assert_memory_equal(file, "{\"a\":1}", 7);
	free(file);
	assert_int_equal(ceno_ledger_remove(ledger, id), 0);
	assert_int_equal(ceno_ledger_remove(ledger, id), -ENOENT);
}

static void collect(const struct ceno_ledger_row *row, void *context)
{
	char *out = context;
	size_t n = strlen(out);

	out[n] = (char)('0' + row->session_id[0]);
	out[n + 1] = '\0';
}

static void test_list(void **state)
{
	struct ceno_ledger *ledger = ((struct fixture *)*state)->ledger;
	struct ceno_ledger_row row;
	char order[32] = "";
	uint8_t id[16];

	for (uint8_t i = 1; i <= 6; i++)
		add(ledger, i, i % 2 ? 100 : 200);
	assert_int_equal(ceno_ledger_list(ledger, -1, 0, 10, collect, order), 0);
	assert_string_equal(order, "654321");
	order[0] = '\0';
	assert_int_equal(ceno_ledger_list(ledger, 100, 0, 2, collect, order), 0);
	assert_string_equal(order, "53");
	memset(id, 3, 16);
	assert_int_equal(ceno_ledger_find(ledger, id, &row), 0);
	order[0] = '\0';
	assert_int_equal(ceno_ledger_list(ledger, 100, row.number, 2, collect, order), 0);
	assert_string_equal(order, "1");
	assert_int_equal(ceno_ledger_launches(ledger, 100, 0), 3); /* launched_ms 0 counts from the epoch */
	assert_int_equal(ceno_ledger_launches(ledger, 100, 1), 0);
	assert_int_equal(ceno_ledger_launched(ledger, id, 500, 1), 0);
	assert_int_equal(ceno_ledger_launches(ledger, 100, 400), 1);
	assert_int_equal(ceno_ledger_launches(ledger, 100, 501), 0);
	assert_int_equal(ceno_ledger_ended(ledger, id, CENO_STATE_EXPIRED, 3, 9), 0);
	assert_int_equal(ceno_ledger_orphans(ledger, CENO_STATE_DESTROYING), 5);
	assert_int_equal(ceno_ledger_orphans(ledger, CENO_STATE_DESTROYING), 0);
	assert_int_equal(ceno_ledger_abandon(ledger, CENO_STATE_DESTROYING, CENO_STATE_EXPIRED_UNCLEAN, 5),
	                 3); /* 1 2 4 */
	assert_int_equal(ceno_ledger_abandon(ledger, CENO_STATE_DESTROYING, CENO_STATE_EXPIRED_UNCLEAN, 5), 0);
	assert_int_equal(ceno_ledger_find(ledger, id, &row), 0);
	assert_int_equal(row.state, CENO_STATE_EXPIRED);
}

static void test_no_directory(void **state)
{
	char message[256] = "";

	(void)state;
	assert_null(ceno_ledger_open("/nonexistent/ledger", message, sizeof message));
	assert_non_null(strstr(message, "/nonexistent/ledger/ledger.db"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
		cmocka_unit_test(test_no_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
