/*
 * The api's channel to attest: a proof is acknowledged when the ledger has it, and not before. What is not
 * acknowledged attest keeps, and offers again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/rpc/api.h"

static const uint8_t known[16] = { 1 }, unknown[16] = { 2 };
static const char proof[] = "{\"a proof\":\"that only the ledger must take\"}";

struct fixture {
	char directory[64];
	struct ceno_api api;
	int attest; /* our end */
};

static int setup(void **state)
{
	static struct fixture f;
	struct ceno_ledger_row row = { .uid = 7, .created_ms = 1, .memory_bytes = 1, .ttl_ms = 1 };
	char message[256];
	int pair[2];

	memset(&f, 0, sizeof f);
	snprintf(f.directory, sizeof f.directory, "/tmp/ceno-attest.XXXXXX");
	if (!mkdtemp(f.directory) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ||
	    uv_loop_init(&f.api.loop))
		return -1;
	f.api.attest_next_fd = -1;
	f.api.ledger = ceno_ledger_open(f.directory, message, sizeof message);
	memcpy(row.session_id, known, 16);
	if (!f.api.ledger || ceno_ledger_insert(f.api.ledger, &row))
		return -1;
	f.attest = pair[0];
	ceno_api_attest_open(&f.api, pair[1]);
	*state = &f;
	return f.api.attest_open ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "ledger.db", "ledger.db-wal", "ledger.db-shm" };
	char path[128];

	close(f->attest);
	while (uv_run(&f->api.loop, UV_RUN_ONCE)) /* it hears of that, and closes its own */
		;
	assert_false(f->api.attest_open);
	assert_int_equal(uv_loop_close(&f->api.loop), 0);
	ceno_ledger_close(f->api.ledger);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s", f->directory, names[i]);
		unlink(path);
	}
	return rmdir(f->directory);
}

/* As attest offers a proof, or (bytes NULL) says that there is none. Returns whether it was acknowledged. */
static bool offer(struct fixture *f, const uint8_t session[16], const char *bytes)
{
	struct {
		struct ceno_attest_file head;
		char bytes[sizeof proof];
	} record = { .head.type = bytes ? CENO_ATTEST_FILE : CENO_ATTEST_ERROR };
	struct ceno_attest_file answer;

	memcpy(record.head.session_id, session, 16);
	record.head.error = bytes ? CENO_ATTEST_ERROR_NONE : CENO_ATTEST_ERROR_TPM;
	record.head.file_bytes = bytes ? (uint32_t)strlen(bytes) : 0;
	memcpy(record.bytes, bytes ? bytes : "", record.head.file_bytes);
	size_t length = sizeof record.head + record.head.file_bytes;
	assert_int_equal(send(f->attest, &record, length, 0), (ssize_t)length);
	uv_run(&f->api.loop, UV_RUN_ONCE);
	assert_true(f->api.attest_open);
	ssize_t n = recv(f->attest, &answer, sizeof answer, MSG_DONTWAIT);
	if (n < 0)
		return errno != EAGAIN;
	assert_int_equal(n, sizeof answer);
	assert_int_equal(answer.type, CENO_ATTEST_FILE);
	assert_memory_equal(answer.session_id, session, 16);
	assert_int_equal(answer.file_bytes, 0);
	return true;
}

static bool has_proof(struct fixture *f)
{
	struct ceno_ledger_row row;

	assert_int_equal(ceno_ledger_find(f->api.ledger, known, &row), 0);
	return row.has_proof;
}

static void test_taken(void **state)
{
	struct fixture *f = *state;
	uint8_t *file;
	size_t bytes;

	assert_true(offer(f, known, proof));
	assert_int_equal(ceno_ledger_find_proof(f->api.ledger, known, &file, &bytes), 0);
	assert_int_equal(bytes, strlen(proof));
	assert_memory_equal(file, proof, bytes);
	free(file);
	assert_true(offer(f, known, proof)); /* the acknowledgement was lost: it is offered again */
}

/* No file of this process can be written behind its first byte. */
static void test_not_taken(void **state)
{
	struct fixture *f = *state;
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	const struct rlimit full = { 1, limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	bool acknowledged = offer(f, known, proof);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_false(acknowledged);
	assert_false(has_proof(f));
	assert_true(offer(f, known, proof));
	assert_true(has_proof(f));
}

static void test_none(void **state)
{
	struct fixture *f = *state;

	assert_false(offer(f, known, NULL));
	assert_false(offer(f, unknown, proof));
	assert_false(has_proof(f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
