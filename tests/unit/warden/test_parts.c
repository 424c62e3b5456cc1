/*
 * The warden's small parts: secrets, what /proc says of a task, records.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include <sodium.h>

#include "vmm/warden/facts.h"
#include "vmm/warden/keys.h"
#include "vmm/warden/observe.h"
#include "vmm/warden/record.h"
#include "vmm/warden/request.h"

/* ---- secrets ---------------------------------------------------------------------- */

static void a_key_signs_once(void **state)
{
	struct ceno_key_page page = { 0 };
	uint8_t public_key[32], signature[64];
	(void)state;
	assert_int_equal(ceno_keys_open(&page), 0);
	assert_int_equal(ceno_keys_sign(&page, public_key, 1, signature), -EINVAL);
	assert_int_equal(ceno_keys_make(&page, public_key), 0);
	assert_int_equal(ceno_keys_sign(&page, (const uint8_t *)"statement", 9, signature), 0);
	assert_int_equal(crypto_sign_verify_detached(signature, (const uint8_t *)"statement", 9, public_key), 0);
	assert_int_equal(ceno_keys_sign(&page, (const uint8_t *)"another", 7, signature), -EALREADY);
	ceno_keys_close(&page);
	assert_null(page.keys);
	ceno_keys_close(&page);
}

static void secrets_are_drawn_and_zeroized(void **state)
{
	struct ceno_key_page page = { 0 };
	uint8_t public_key[32];
	(void)state;
	assert_int_equal(ceno_keys_open(&page), 0);
	assert_int_equal(ceno_keys_make(&page, public_key), 0);
	assert_false(sodium_is_zero(page.keys->opening, 32));
	assert_false(sodium_is_zero(page.keys->seed, 32));
	assert_false(sodium_is_zero(page.keys->token, 32));
	assert_true(sodium_is_zero(page.keys->signer_seed, 32));
	assert_memory_not_equal(page.keys->opening, page.keys->seed, 32);
	assert_int_equal(ceno_keys_zeroize(page.keys->opening, 32), 1);
	assert_true(sodium_is_zero(page.keys->opening, 32));
	assert_false(sodium_is_zero(page.keys->seed, 32));
	ceno_keys_close(&page);
}

static void a_token_depends_on_its_id_and_the_nonce(void **state)
{
	struct ceno_key_page page = { 0 };
	uint8_t public_key[32], a[32], b[32], c[32], id[16] = { 1 }, other[16] = { 2 }, nonce[32] = { 3 },
						     none[32] = { 0 };
	(void)state;
	assert_int_equal(ceno_keys_open(&page), 0);
	assert_int_equal(ceno_keys_make(&page, public_key), 0);
	ceno_keys_token(&page, id, nonce, a);
	ceno_keys_token(&page, other, nonce, b);
	ceno_keys_token(&page, id, none, c);
	assert_memory_not_equal(a, b, 32);
	assert_memory_not_equal(a, c, 32);
	ceno_keys_close(&page);
}

/* ---- /proc/<pid>/task/<tid>/status --------------------------------------------------- */

#define STATUS(uid, cap, privs, mode) STATUS_OF(uid, cap, privs, mode, "2")
#define STATUS_OF(uid, cap, privs, mode, filters) \
	"Name:\tceno-vmm\nUid:\t" uid "\t5\t5\t5\nGid:\t5\t5\t5\t5\nCapInh:\t0\nCapPrm:\t0\n" \
	"CapEff:\t" cap "\nCapBnd:\t0\nCapAmb:\t0\nNoNewPrivs:\t" privs "\nSeccomp:\t" mode \
	"\nSeccomp_filters:\t" filters "\n"

static struct ceno_observation seen_of(const char *a, const char *b)
{
	struct ceno_observation seen = { .namespaces = 7 };
	assert_int_equal(ceno_observe_parse(a, 5, &seen), 0);
	if (b)
		assert_int_equal(ceno_observe_parse(b, 5, &seen), 0);
	return seen;
}

/* What the guest began with is fixed by the opening, each byte of it and of what was drawn. */
static void an_opening_fixes_the_boot_page(void **state)
{
	struct ceno_boot boot;
	uint8_t first[32], other[32];
	(void)state;
	memset(&boot, 0x5a, sizeof boot);
	memset(first, 1, 32);
	ceno_warden_request_opening(first, &boot);
	for (size_t at = offsetof(struct ceno_boot, session_id); at < sizeof boot; at += 7) {
		((uint8_t *)&boot)[at] ^= 1;
		memset(other, 1, 32);
		ceno_warden_request_opening(other, &boot);
		assert_memory_not_equal(first, other, 32);
		((uint8_t *)&boot)[at] ^= 1;
	}
	boot.tsc_hz ^= 1; /* measured, not the session's */
	memset(other, 1, 32);
	ceno_warden_request_opening(other, &boot);
	assert_memory_equal(first, other, 32);
	memset(other, 1, 32);
	other[31] = 2;
	ceno_warden_request_opening(other, &boot);
	assert_memory_not_equal(first, other, 32);
}

static void a_locked_vmm_is_recognised(void **state)
{
	struct ceno_observation seen = seen_of(STATUS("5", "0", "1", "2"), STATUS("5", "0", "1", "2"));
	(void)state;
	assert_true(ceno_observe_locked(&seen, 0));
	assert_true(ceno_observe_locked(&seen, 1));
	assert_false(ceno_observe_locked(&seen, 2)); /* no more than it was made with */
	assert_int_equal(seen.tasks, 2);
	seen.namespaces = 6;
	assert_false(ceno_observe_locked(&seen, 1));
}

static void one_weak_task_is_enough_to_refuse(void **state)
{
	static const char *const weak[] = { STATUS("5", "0", "1", "0"), STATUS("5", "0", "1", "1"),
		                            STATUS("5", "0", "0", "2"), STATUS("5", "20", "1", "2"),
		                            STATUS("0", "0", "1", "2"), STATUS_OF("5", "0", "1", "2", "1") };
	(void)state;
	for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
		struct ceno_observation first = seen_of(weak[i], STATUS("5", "0", "1", "2"));
		struct ceno_observation last = seen_of(STATUS("5", "0", "1", "2"), weak[i]);
		assert_false(ceno_observe_locked(&first, 1));
		assert_false(ceno_observe_locked(&last, 1));
	}
}

static void no_task_is_not_locked(void **state)
{
	const struct ceno_observation nothing = {
		.namespaces = 7, .seccomp_mode = 2, .filters = 2, .no_new_privs = 1, .uid_ok = 1
	};
	(void)state;
	assert_false(ceno_observe_locked(&nothing, 0));
}

static void a_missing_field_is_refused(void **state)
{
	struct ceno_observation seen = { 0 };
	(void)state;
	assert_int_equal(ceno_observe_parse("Name:\tx\nUid:\t5\t5\t5\t5\n", 5, &seen), -1);
	assert_int_equal(ceno_observe_parse("", 5, &seen), -1);
	char text[] = STATUS("5", "0", "1", "2");
	memcpy(strstr(text, "Seccomp_filters"), "Seccomp_filterz", 15);
	assert_int_equal(ceno_observe_parse(text, 5, &seen), -1);
}

/* ---- records ------------------------------------------------------------------------------ */

static void records_keep_their_size(void **state)
{
	int pair[2], fds[CENO_RECORD_FDS_MAX];
	unsigned count;
	uint64_t record;
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(ceno_record_recv(pair[0], &record, sizeof record, NULL, NULL), -EAGAIN);
	assert_int_equal(send(pair[1], "123", 3, 0), 3);
	assert_int_equal(ceno_record_recv(pair[0], &record, sizeof record, NULL, NULL), -EPROTO);
	assert_int_equal(send(pair[1], "123456789", 9, 0), 9);
	assert_int_equal(ceno_record_recv(pair[0], &record, sizeof record, NULL, NULL), -EPROTO);
	assert_int_equal(ceno_record_send(pair[1], "12345678", 8, NULL, 0, pair, 2), 0);
	assert_int_equal(ceno_record_recv(pair[0], &record, sizeof record, fds, &count), 1);
	assert_int_equal(count, 2);
	assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	close(fds[0]);
	close(fds[1]);
	close(pair[1]);
	assert_int_equal(ceno_record_recv(pair[0], &record, sizeof record, NULL, NULL), 0);
	close(pair[0]);
}

/* Descriptors nobody asked for do not stay open. */
static void unwanted_descriptors_are_closed(void **state)
{
	int pair[2], many[CENO_RECORD_FDS_MAX];
	uint64_t record = 0;
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	int next = dup(pair[0]);
	close(next);
	for (int i = 0; i < CENO_RECORD_FDS_MAX; i++)
		many[i] = pair[0];
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ceno_record_send(pair[1], &record, sizeof record, NULL, 0, many, CENO_RECORD_FDS_MAX),
		                 0);
		ceno_record_recv(pair[0], &record, sizeof record, NULL, NULL);
	}
	int again = dup(pair[0]);
	assert_int_equal(again, next);
	close(again);
	close(pair[0]);
	close(pair[1]);
}

/* ---- facts ---------------------------------------------------------------------------------- */

static void facts_say_off_only_when_they_know(void **state)
{
	struct ceno_facts facts;
	struct ceno_proof_host host;
	(void)state;
	ceno_facts_open(&facts, CENO_PROOF_KVM_PAGING, 1);
	ceno_facts_read(&facts, &host);
	assert_int_equal(host.npt, CENO_PROOF_FACT_OFF);
	assert_int_not_equal(host.swap, CENO_PROOF_FACT_UNKNOWN);
	assert_true(host.kernel[0] != 0);
	ceno_facts_close(&facts); /* every file now answers EBADF: nothing is known */
	ceno_facts_read(&facts, &host);
	assert_int_equal(host.swap, CENO_PROOF_FACT_UNKNOWN);
	assert_int_equal(host.ksm, CENO_PROOF_FACT_UNKNOWN);
	assert_int_equal(host.init_on_free, CENO_PROOF_FACT_UNKNOWN);
	assert_int_equal(host.huge_pages, CENO_PROOF_FACT_UNKNOWN);
	assert_false(ceno_facts_swapless(&facts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_signs_once),
		cmocka_unit_test(secrets_are_drawn_and_zeroized),
		cmocka_unit_test(a_token_depends_on_its_id_and_the_nonce),
		cmocka_unit_test(an_opening_fixes_the_boot_page),
		cmocka_unit_test(a_locked_vmm_is_recognised),
		cmocka_unit_test(one_weak_task_is_enough_to_refuse),
		cmocka_unit_test(no_task_is_not_locked),
		cmocka_unit_test(a_missing_field_is_refused),
		cmocka_unit_test(records_keep_their_size),
		cmocka_unit_test(unwanted_descriptors_are_closed),
		cmocka_unit_test(facts_say_off_only_when_they_know),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
