/* What ceno-attest does with right and with wrong records. */
#include "tests/e2e/attest/harness.h"
#include "tests/lib/p256.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <sodium.h>

#ifdef __SANITIZE_ADDRESS__
#define FILTER_MODE 0 /* the sanitizers make calls of their own */
#else
#define FILTER_MODE 2
#endif

static uint8_t file[CENO_CDP_FILE_MAX + 1];

static void one_session_gives_a_proof_that_verifies(void **state)
{
	node_works(*state);
}

static double ms_since(const struct timespec *begin)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begin->tv_sec) * 1e3 + (double)(now.tv_nsec - begin->tv_nsec) / 1e6;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Printed, with bounds that only a hang would miss: machines are shared. */
static void how_long_it_takes(void **state)
{
	enum { COUNT = 51 };
	struct node *n = *state;
	double launch[COUNT], payload[COUNT], proof[COUNT];
	for (int i = 0; i < COUNT; i++) {
		struct session *s = session_new();
		struct timespec begin;
		session_channel(n, s);
		clock_gettime(CLOCK_MONOTONIC, &begin);
		assert_int_equal(session_launch(s), 0);
		launch[i] = ms_since(&begin);
		clock_gettime(CLOCK_MONOTONIC, &begin);
		assert_int_equal(session_payload(s), 0);
		payload[i] = ms_since(&begin);
		clock_gettime(CLOCK_MONOTONIC, &begin);
		session_step8(n, s);
		api_file(n, s, file);
		proof[i] = ms_since(&begin);
		session_free(s);
	}
	qsort(launch, COUNT, sizeof(double), by_size);
	qsort(payload, COUNT, sizeof(double), by_size);
	qsort(proof, COUNT, sizeof(double), by_size);
	print_message("median (90 %%) of %d: launch answered %.2f (%.2f) ms, payload stored %.2f (%.2f) ms, "
	              "step 8 to file %.2f (%.2f) ms\n",
	              COUNT, launch[COUNT / 2], launch[COUNT * 9 / 10], payload[COUNT / 2], payload[COUNT * 9 / 10],
	              proof[COUNT / 2], proof[COUNT * 9 / 10]);
	assert_true(launch[COUNT / 2] < 1000 && payload[COUNT / 2] < 1000 && proof[COUNT / 2] < 5000);
}

static void step8_may_come_first(void **state)
{
	struct node *n = *state;
	struct session *s = session_new();
	session_channel(n, s);
	assert_int_equal(session_launch(s), 0);
	session_step8(n, s);
	assert_int_equal(session_payload(s), 0);
	size_t bytes = api_file(n, s, file);
	assert_int_equal(verdict(file, bytes, s), CENO_VERIFY_CODE_COUNT);
	session_free(s);
}

static void many_sessions_share_quotes(void **state)
{
	enum { COUNT = 40 };
	struct node *n = *state;
	struct session *s[COUNT];
	for (int i = 0; i < COUNT; i++) {
		s[i] = session_new();
		session_channel(n, s[i]);
		assert_int_equal(session_launch(s[i]), 0);
	}
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(session_payload(s[i]), 0);
	for (int i = 0; i < COUNT; i++)
		session_step8(n, s[i]);
	for (int i = 0; i < COUNT; i++) {
		size_t bytes = api_file(n, s[i], file); /* in the order of their ends */
		assert_int_equal(verdict(file, bytes, s[i]), CENO_VERIFY_CODE_COUNT);
		session_free(s[i]);
	}
}

static void launch_twice_is_refused_and_harms_nothing(void **state)
{
	struct node *n = *state;
	struct session *s = session_new();
	struct ceno_attest_launch again = { .type = CENO_ATTEST_LAUNCH };
	session_channel(n, s);
	assert_int_equal(session_launch(s), 0);
	/* On another channel of the session: an answer that says so. */
	struct session second = *s;
	second.warden = -1;
	session_channel(n, &second);
	assert_int_equal(session_launch(&second), CENO_ATTEST_ERROR_DUPLICATE);
	assert_ended(second.warden);
	close(second.warden);
	assert_int_equal(session_payload(s), 0);
	session_step8(n, s);
	assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_CODE_COUNT);
	session_free(s);
	/* On the same channel: the channel ends. */
	s = session_new();
	session_channel(n, s);
	assert_int_equal(session_launch(s), 0);
	memcpy(again.session_id, s->f.statement.core.session_id, 16);
	send_record(s->warden, &again, sizeof(again));
	assert_ended(s->warden);
	assert_true(node_orphan(n, s->f.statement.core.session_id, s->launch_index));
	session_free(s);
	node_works(n);
}

static void second_payload_ends_the_channel_only(void **state)
{
	struct node *n = *state;
	struct session *s = session_new();
	session_channel(n, s);
	assert_int_equal(session_launch(s), 0);
	assert_int_equal(session_payload(s), 0);
	assert_int_equal(session_payload(s), UINT32_MAX);
	session_step8(n, s);
	assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_CODE_COUNT);
	session_free(s);
}

static void bad_signature_is_refused_and_the_spool_can_mend_it(void **state)
{
	struct node *n = *state;
	struct session *s = session_new();
	const uint8_t *id = s->f.statement.core.session_id;
	session_channel(n, s);
	assert_int_equal(session_launch(s), 0);
	s->f.signature[5] ^= 1;
	assert_int_equal(session_payload(s), CENO_ATTEST_ERROR_SIGNATURE);
	assert_ended(s->warden);
	session_step8(n, s);
	struct ceno_attest_file head = api_receive(n, file);
	assert_int_equal(head.type, CENO_ATTEST_ERROR);
	assert_int_equal(head.error, CENO_ATTEST_ERROR_NO_PAYLOAD);
	assert_true(node_orphan(n, id, s->launch_index));
	/* Still wrong from the spool, then right. */
	pass_channel(n, CENO_ATTEST_CHANNEL_SPOOL, id, session_spool_file(s, 0));
	head = api_receive(n, file);
	assert_int_equal(head.error, CENO_ATTEST_ERROR_SIGNATURE);
	s->f.signature[5] ^= 1;
	pass_channel(n, CENO_ATTEST_CHANNEL_SPOOL, id, session_spool_file(s, 3000));
	assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_CODE_COUNT);
	assert_false(node_orphan(n, id, s->launch_index));
	session_free(s);
}

static void spool_is_checked(void **state)
{
	struct node *n = *state;
	struct session *s = session_new();
	const uint8_t *id = s->f.statement.core.session_id;
	/* Of a session that never launched. */
	pass_channel(n, CENO_ATTEST_CHANNEL_SPOOL, id, session_spool_file(s, 0));
	assert_int_equal(api_receive(n, file).error, CENO_ATTEST_ERROR_UNKNOWN);
	session_channel(n, s);
	assert_int_equal(session_launch(s), 0);
	/* Something after the payload that is not zeros; cut short; empty. */
	int fd = session_spool_file(s, 10);
	assert_int_equal(pwrite(fd, "x", 1, (off_t)(sizeof(struct ceno_attest_payload) + s->f.payload_bytes + 4)), 1);
	pass_channel(n, CENO_ATTEST_CHANNEL_SPOOL, id, fd);
	assert_int_equal(api_receive(n, file).error, CENO_ATTEST_ERROR_PAYLOAD);
	fd = session_spool_file(s, 0);
	assert_int_equal(ftruncate(fd, 1000), 0);
	pass_channel(n, CENO_ATTEST_CHANNEL_SPOOL, id, fd);
	assert_int_equal(api_receive(n, file).error, CENO_ATTEST_ERROR_PAYLOAD);
	fd = session_spool_file(s, 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	pass_channel(n, CENO_ATTEST_CHANNEL_SPOOL, id, fd);
	assert_int_equal(api_receive(n, file).error, CENO_ATTEST_ERROR_PAYLOAD);
	session_free(s);
	node_works(n);
}

static void random_bytes_between_launch_and_payload(void **state)
{
	struct node *n = *state;
	struct session *s = session_new();
	struct ceno_attest_random a = { .type = CENO_ATTEST_RANDOM }, b, request = a;
	session_channel(n, s);
	assert_int_equal(session_launch(s), 0);
	send_record(s->warden, &request, sizeof(request));
	assert_int_equal(receive(s->warden, &a, sizeof(a)), sizeof(a));
	send_record(s->warden, &request, sizeof(request));
	assert_int_equal(receive(s->warden, &b, sizeof(b)), sizeof(b));
	assert_int_equal(a.type, CENO_ATTEST_RANDOM);
	assert_int_equal(a.error, 0);
	assert_int_equal(b.error, 0);
	assert_memory_not_equal(a.bytes, b.bytes, 32);
	assert_int_equal(session_payload(s), 0);
	session_step8(n, s);
	assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_CODE_COUNT);
	session_free(s);
}

/* ---- malformed ------------------------------------------------------------------ */

/* Each is sent on a fresh channel, after the launch if `launched`; the channel must end. */
static void warden_sends(struct node *n, bool launched, const void *record, size_t bytes)
{
	struct session *s = session_new();
	session_channel(n, s);
	if (launched)
		assert_int_equal(session_launch(s), 0);
	send_record(s->warden, record, bytes);
	assert_ended(s->warden);
	session_free(s);
}

static void malformed_records_of_a_warden_end_its_channel(void **state)
{
	struct node *n = *state;
	static uint8_t big[sizeof(struct ceno_attest_payload) + CENO_PAYLOAD_MAX + 100];
	const struct ceno_attest_random random = { .type = CENO_ATTEST_RANDOM },
					dirty = { .type = CENO_ATTEST_RANDOM, .bytes = { 1 } };
	for (uint32_t type = 0; type < 18; type++) {
		memset(big, 0, sizeof(big));
		memcpy(big, &type, sizeof(type));
		warden_sends(n, false, big, 4);
		warden_sends(n, false, big, 3);
		warden_sends(n, false, big, sizeof(big));
		warden_sends(n, true, big, sizeof(big));
		if (type == CENO_ATTEST_PAYLOAD)
			continue; /* after a launch that is answered with an error, see below */
		warden_sends(n, true, big, 4);
		warden_sends(n, true, big, sizeof(struct ceno_attest_launch));
	}
	/* A launch of another session, with a reserved byte, one byte short, one too long. */
	struct ceno_attest_launch launch = { .type = CENO_ATTEST_LAUNCH };
	warden_sends(n, false, &launch, sizeof(launch));
	launch.reserved = 1;
	warden_sends(n, false, &launch, sizeof(launch));
	memcpy(big, &launch, sizeof(launch));
	warden_sends(n, false, big, sizeof(launch) - 1);
	warden_sends(n, false, big, sizeof(launch) + 1);
	/* Random bytes before the launch, or with content in the request. */
	warden_sends(n, false, &random, sizeof(random));
	warden_sends(n, true, &dirty, sizeof(dirty));
	node_works(n);
}

static void payload_length_must_be_the_datagrams(void **state)
{
	struct node *n = *state;
	const int32_t wrong[] = { -1, 1, 0x7fffffff };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t record[sizeof(struct ceno_attest_payload) + 64] = { 0 };
		struct ceno_attest_payload head = { .type = CENO_ATTEST_PAYLOAD,
			                            .payload_bytes = 64u + (uint32_t)wrong[i] };
		struct ceno_attest_launched answer;
		struct session *s = session_new();
		session_channel(n, s);
		assert_int_equal(session_launch(s), 0);
		memcpy(record, &head, sizeof(head));
		send_record(s->warden, record, sizeof(record));
		assert_int_equal(receive(s->warden, &answer, sizeof(answer)), sizeof(answer));
		assert_int_equal(answer.error, CENO_ATTEST_ERROR_PAYLOAD);
		assert_ended(s->warden);
		session_free(s);
	}
	node_works(n);
}

static void malformed_records_of_api_end_its_channel(void **state)
{
	struct node *n = *state;
	uint8_t record[64] = { 0 };
	struct ceno_attest_node_request flagged = { .type = CENO_ATTEST_NODE, .flags = 1 };
	struct ceno_attest_file ack = { .type = CENO_ATTEST_FILE, .file_bytes = 1 };
	for (uint32_t type = 0; type < 18; type++) {
		memcpy(record, &type, sizeof(type));
		send_record(n->api, record, 39);
		assert_ended(n->api);
		node_api(n);
	}
	send_record(n->api, &flagged, sizeof(flagged));
	assert_ended(n->api);
	node_api(n);
	send_record(n->api, &ack, sizeof(ack));
	assert_ended(n->api);
	node_api(n);
	const struct ceno_attest_report_request reserved = { .type = CENO_ATTEST_REPORT, .reserved = 1 };
	send_record(n->api, &reserved, sizeof(reserved));
	assert_ended(n->api);
	node_api(n);
	const struct ceno_attest_text_request text[] = {
		{ .type = CENO_ATTEST_TEXT, .what = 0 },
		{ .type = CENO_ATTEST_TEXT, .what = 4 },
		{ .type = CENO_ATTEST_TEXT, .what = CENO_ATTEST_TEXT_ORPHANS, .size = 1 }
	};
	for (int i = 0; i < 3; i++) {
		send_record(n->api, &text[i], sizeof(text[i]));
		assert_ended(n->api);
		node_api(n);
	}
	/* An enrolment of a wrong size, or with bytes where none may be; one that does not open is answered. */
	struct ceno_attest_enrol_request enrol[] = { { .type = CENO_ATTEST_ENROL, .secret_bytes = 67 },
		                                     { .type = CENO_ATTEST_ENROL, .credential[67] = 1 },
		                                     { .type = CENO_ATTEST_ENROL, .secret_bytes = 68, .secret[68] = 1 },
		                                     { .type = CENO_ATTEST_ENROL, .secret_bytes = 68 } };
	for (int i = 0; i < 3; i++) {
		send_record(n->api, &enrol[i], sizeof(enrol[i]));
		assert_ended(n->api);
		node_api(n);
	}
	send_record(n->api, &enrol[3], sizeof(enrol[3]));
	struct ceno_attest_file head = api_receive(n, file);
	assert_int_equal(head.type, CENO_ATTEST_ENROL);
	assert_int_equal(head.error, CENO_ATTEST_ERROR_CREDENTIAL);
	node_works(n);
}

/* From every size that the log had to the checkpoint of now; other sizes have their own answer. */
static void consistency_is_told_for_every_size(void **state)
{
	struct node *n = *state;
	uint8_t old_root[32], path[CENO_LOG_PATH_MAX][32];
	char hex[65];
	unsigned long long old;
	for (int i = 0; i < 4; i++)
		node_works(n);
	struct ceno_attest_text_request request = { .type = CENO_ATTEST_TEXT, .what = CENO_ATTEST_TEXT_CONSISTENCY };
	for (request.size = 1;; request.size++) {
		struct ceno_checkpoint c;
		uint32_t count = 0;
		send_record(n->api, &request, sizeof(request));
		struct ceno_attest_file head = api_receive(n, file);
		assert_int_equal(head.type, CENO_ATTEST_TEXT);
		if (head.error == CENO_ATTEST_ERROR_RANGE)
			break;
		file[head.file_bytes] = 0;
		char *at = (char *)file, *note = strstr(at, "\n\n") + 2;
		assert_int_equal(sscanf(at, "ceno-consistency 1\nold %llu sha256:%64s", &old, hex), 2);
		assert_int_equal(old, request.size);
		sodium_hex2bin(old_root, 32, hex, 64, NULL, NULL, NULL);
		for (char *line = at; (line = strstr(line, "\nnode sha256:")); line++)
			sodium_hex2bin(path[count++], 32, line + 13, 64, NULL, NULL, NULL);
		size_t note_bytes = head.file_bytes - (size_t)(note - at);
		assert_int_equal(ceno_checkpoint_parse(note, note_bytes, &c), 0);
		assert_int_equal(ceno_log_check_consistency(old, old_root, c.size, c.root, (const uint8_t(*)[32])path,
		                                            count),
		                 0);
	}
	assert_true(request.size > 9);
	node_works(n);
}

static void malformed_control_ends_attest_with_an_error(void **state)
{
	struct node *n = *state;
	struct ceno_step8_record bad[10] = { 0 };
	for (int i = 0; i < 10; i++)
		bad[i].type = CENO_ATTEST_STEP8;
	bad[0].type = 99;
	bad[1].observer = 2;
	bad[2].cgroup_removed = CENO_PROOF_CGROUP_UNKNOWN + 1;
	bad[3].peak_bytes = 1ull << 53;
	bad[4].cgroup_removed = CENO_PROOF_CGROUP_UNKNOWN; /* by one who was there */
	for (int i = 5; i < 10; i++) {                     /* a later observer says what it cannot have seen */
		bad[i].observer = CENO_PROOF_OBSERVER_LATER;
		bad[i].cgroup_removed = CENO_PROOF_CGROUP_UNKNOWN;
	}
	bad[5].cgroup_removed = CENO_PROOF_CGROUP_REMOVED;
	bad[6].warden_status = 9;
	bad[7].peak_bytes = 1;
	bad[8].type = CENO_ATTEST_UNCLEAN, bad[8].cause = CENO_CAUSE_CRASH;
	bad[9].wiped = 2;
	for (int i = 0; i < 10; i++) {
		if (!n->pid)
			node_start(n);
		send_record(n->control, &bad[i], sizeof(bad[i]));
		assert_int_equal(node_wait(n), 1);
	}
	node_start(n);
	send_record(n->control, bad, 5);
	assert_int_equal(node_wait(n), 1);
	node_start(n);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pass_channel(n, CENO_ATTEST_CHANNEL_WARDEN, (const uint8_t[16]){ 1 }, fd);
	assert_int_equal(node_wait(n), 1);
	node_start(n);
	node_works(n);
}

/* ---- unclean ends, files, node ------------------------------------------------------ */

static void unclean_end_is_a_leaf_and_no_proof(void **state)
{
	struct node *n = *state;
	struct session *s = session_new();
	const uint8_t *id = s->f.statement.core.session_id;
	struct ceno_step8_record r = { .type = CENO_ATTEST_UNCLEAN, .cause = CENO_CAUSE_CRASH };
	memcpy(r.session_id, id, 16);
	session_channel(n, s);
	assert_int_equal(session_launch(s), 0);
	assert_true(node_orphan(n, id, s->launch_index));
	send_record(n->control, &r, sizeof(r));
	for (int i = 0; i < 500 && node_orphan(n, id, s->launch_index); i++)
		usleep(10000);
	assert_false(node_orphan(n, id, s->launch_index));
	/* One end is all a launch gets. */
	assert_int_equal(session_payload(s), CENO_ATTEST_ERROR_DUPLICATE);
	session_step8(n, s);
	session_free(s);
	node_works(n);
}

static void step8_of_an_unknown_session_is_ignored(void **state)
{
	struct session *s = session_new();
	session_step8(*state, s);
	session_free(s);
	node_works(*state);
}

static void a_file_comes_again_until_it_is_acknowledged(void **state)
{
	struct node *n = *state;
	struct session *s = session_new();
	uint8_t *again = malloc(CENO_CDP_FILE_MAX);
	session_run(n, s);
	struct ceno_attest_file head = api_receive(n, file);
	assert_int_equal(head.type, CENO_ATTEST_FILE);
	node_api(n);
	assert_int_equal(api_receive(n, again).file_bytes, head.file_bytes);
	assert_memory_equal(file, again, head.file_bytes);
	assert_int_equal(node_stop(n), 0);
	node_start(n);
	assert_int_equal(api_file(n, s, again), head.file_bytes);
	assert_memory_equal(file, again, head.file_bytes);
	node_works(n); /* the next record is another session's */
	node_api(n);
	node_works(n);
	free(again);
	session_free(s);
}

/* base64 of a JSON member. */
static size_t member(const char *json, const char *key, uint8_t *out, size_t size)
{
	char want[64];
	size_t n = 0;
	snprintf(want, sizeof(want), "\"%s\":\"", key);
	const char *at = strstr(json, want);
	assert_non_null(at);
	at += strlen(want);
	const char *end = strchr(at, '"');
	assert_int_equal(sodium_base642bin(out, size, at, (size_t)(end - at), NULL, &n, NULL,
	                                   sodium_base64_VARIANT_ORIGINAL),
	                 0);
	return n;
}

static bool ak_verifies(const uint8_t *ak, size_t ak_bytes, const uint8_t sig[64], const uint8_t *m, size_t n)
{
	uint8_t point[65] = { 4 };
	memcpy(point + 1, ak + ak_bytes - 66, 32); /* TPMT_PUBLIC ends in 2+32 bytes x, 2+32 bytes y */
	memcpy(point + 33, ak + ak_bytes - 32, 32);
	return p256_verifies(point, sig, sig + 32, m, n);
}

static void node_quote_answers_the_nonce_by_the_raw_key(void **state)
{
	struct node *n = *state;
	struct ceno_attest_node_request request = { .type = CENO_ATTEST_NODE };
	uint8_t quote[1024], ak[256], seal_ak[256], signature[64], extra[32], nonce[32];
	randombytes_buf(request.nonce, 32);
	send_record(n->api, &request, sizeof(request));
	struct ceno_attest_file head = api_receive(n, file);
	assert_int_equal(head.type, CENO_ATTEST_NODE);
	file[head.file_bytes] = 0;
	const char *json = (const char *)file;
	assert_int_equal(json[0], '{');
	assert_int_equal(json[head.file_bytes - 1], '}');
	size_t quote_bytes = member(json, "quote", quote, sizeof(quote));
	size_t ak_bytes = member(json, "ak_public", ak, sizeof(ak));
	size_t seal_bytes = member(json, "seal_ak_public", seal_ak, sizeof(seal_ak));
	assert_int_equal(member(json, "signature", signature, sizeof(signature)), 64);
	assert_int_equal(member(json, "nonce", nonce, sizeof(nonce)), 32);
	assert_memory_equal(nonce, request.nonce, 32);
	assert_true(ak_verifies(ak, ak_bytes, signature, quote, quote_bytes));
	assert_false(ak_verifies(seal_ak, seal_bytes, signature, quote, quote_bytes));
	/* magic, type, signer (2+34), then extraData */
	ceno_proof_node_data(request.nonce, extra);
	assert_memory_equal(quote + 4 + 2 + 36 + 2, extra, 32);
	request.nonce[0] ^= 1;
	ceno_proof_node_data(request.nonce, extra);
	assert_memory_not_equal(quote + 4 + 2 + 36 + 2, extra, 32);
}

static void many_node_requests_are_all_answered_in_order(void **state)
{
	struct node *n = *state;
	uint8_t nonce[32];
	for (uint8_t i = 0; i < 60; i++) {
		struct ceno_attest_node_request request = { .type = CENO_ATTEST_NODE, .nonce = { i } };
		send_record(n->api, &request, sizeof(request));
	}
	for (uint8_t i = 0; i < 60; i++) {
		struct ceno_attest_file head = api_receive(n, file);
		assert_int_equal(head.type, CENO_ATTEST_NODE);
		file[head.file_bytes] = 0;
		member((const char *)file, "nonce", nonce, 32);
		assert_int_equal(nonce[0], i);
	}
}

/* The number after a field of /proc/PID/task/TID/status. */
static unsigned long long status_field(const char *path, const char *field, int base)
{
	char line[256], *end;
	unsigned long long value = ~0ull;
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)))
			value = strtoull(line + strlen(field), &end, base);
	fclose(f);
	return value;
}

static void every_thread_is_confined(void **state)
{
	struct node *n = *state;
	char path[64], task[400];
	int threads = 0;
	node_works(n);
	snprintf(path, sizeof(path), "/proc/%d/task", n->pid);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(task, sizeof(task), "%s/%s/status", path, e->d_name);
		assert_int_equal(status_field(task, "Seccomp:", 10), FILTER_MODE);
		assert_int_equal(status_field(task, "NoNewPrivs:", 10), 1);
		assert_int_equal(status_field(task, "CapEff:", 16), 0);
		assert_int_equal(status_field(task, "CapPrm:", 16), 0);
		threads++;
	}
	closedir(dir);
	assert_true(threads >= 3); /* the loop and two workers */
}

/* Exit status of ceno-attest with these arguments and, unless redirected, no descriptor 3. */
static int status_of(const char *arguments)
{
	char command[512];
	snprintf(command, sizeof(command), CENO_BIN "/ceno-attest %s >/dev/null 2>&1 3>&-", arguments);
	int status = system(command);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void the_command_line_says_what_is_wrong(void **state)
{
	struct node *n = *state;
	char arguments[256];
	assert_int_equal(status_of("--help"), 0);
	assert_int_equal(status_of("--version"), 0);
	assert_int_equal(status_of(""), 2);
	assert_int_equal(status_of("--no-such-option"), 2);
	assert_int_equal(status_of("--state /tmp/nowhere extra"), 2);
	assert_int_equal(status_of("--state /nonexistent --orphans"), 2);
	snprintf(arguments, sizeof(arguments), "--state %s --origin 'two words'", n->dir);
	assert_int_equal(status_of(arguments), 2);
	assert_int_equal(node_stop(n), 0);
	/* Not started by cenod: no control socket. */
	snprintf(arguments, sizeof(arguments), "--state %s", n->dir);
	assert_int_equal(status_of(arguments), 2);
	n->tcti = "device:/nonexistent";
	assert_int_equal(node_start_fails(n), 3);
	n->tcti = NULL;
	/* A log keeps its name. */
	n->origin = "another/name";
	assert_int_equal(node_start_fails(n), 1);
	n->origin = NULL;
	node_start(n);
	node_works(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, node_setup, node_teardown)
		TEST(one_session_gives_a_proof_that_verifies),
		TEST(how_long_it_takes),
		TEST(step8_may_come_first),
		TEST(many_sessions_share_quotes),
		TEST(launch_twice_is_refused_and_harms_nothing),
		TEST(second_payload_ends_the_channel_only),
		TEST(bad_signature_is_refused_and_the_spool_can_mend_it),
		TEST(spool_is_checked),
		TEST(random_bytes_between_launch_and_payload),
		TEST(malformed_records_of_a_warden_end_its_channel),
		TEST(payload_length_must_be_the_datagrams),
		TEST(malformed_records_of_api_end_its_channel),
		TEST(consistency_is_told_for_every_size),
		TEST(malformed_control_ends_attest_with_an_error),
		TEST(unclean_end_is_a_leaf_and_no_proof),
		TEST(step8_of_an_unknown_session_is_ignored),
		TEST(a_file_comes_again_until_it_is_acknowledged),
		TEST(node_quote_answers_the_nonce_by_the_raw_key),
		TEST(many_node_requests_are_all_answered_in_order),
		TEST(every_thread_is_confined),
		TEST(the_command_line_says_what_is_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
