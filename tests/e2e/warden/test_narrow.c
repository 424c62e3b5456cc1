/*
 * A window taken from a running session, against a vmm (fake_vmm) that lets go of it, one that
 * does not, and one that writes into it all the while; and against everybody who may die
 * meanwhile. What is looked at is the window's own memfd, of which the rig holds the
 * supervisor's duplicate, and what the proof says.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "guest-kernel/abi/boot.h"
#include "guest-kernel/abi/window.h"
#include "tests/lib/rig.h"

#define CANARY "c3a1f00d5eedbeefc3a1f00d5eedbee1"
#define STDIO  (1u << CENO_PLEDGE_STDIO)
#define RW     (1u << CENO_PLEDGE_RW)
#define SPAWN  (1u << CENO_PLEDGE_SPAWN)
#define NET    (1u << CENO_PLEDGE_NET)

static const struct ceno_rig_options plain = { .vmm = FAKE_VMM, .firmware = -1, .trust = -1, .bundle = -1 };
static struct ceno_rig rig;

static int teardown(void **state)
{
	(void)state;
	ceno_rig_close(&rig);
	memset(&rig, 0, sizeof rig);
	return 0;
}

static void begin_flags(const char *behaviour, uint32_t flags)
{
	const char *const argv[] = { "program", behaviour, CANARY, "8", NULL };
	ceno_rig_open(&rig, &plain);
	ceno_rig_run_flags(&rig, argv, flags);
	ceno_rig_until(&rig, &rig.launched, 5000);
	assert_int_equal(rig.area_count, CENO_WARDEN_AREAS_MAX);
}

static void begin(const char *behaviour)
{
	begin_flags(behaviour, 0);
}

static int window(void)
{
	return rig.areas[CENO_WARDEN_AREAS_SEALED];
}

static struct stat window_now(void)
{
	struct stat st;
	assert_int_equal(fstat(window(), &st), 0);
	return st;
}

static uint32_t dropped_now(void)
{
	uint32_t dropped;
	assert_int_equal(pread(rig.areas[0], &dropped, sizeof dropped, offsetof(struct ceno_boot, dropped)), 4);
	return dropped;
}

static void wait_canary(void)
{
	uint8_t canary[2] = { 0xc3, 0xa1 };
	for (int i = 0; i < 2000 && !ceno_rig_search(window(), canary, sizeof canary); i++)
		usleep(1000);
	assert_true(ceno_rig_search(window(), canary, sizeof canary));
}

static void narrow_stdio(void)
{
	const int before = rig.narrowed;
	ceno_rig_narrow(&rig, STDIO);
	for (int i = 0; i < 100 && rig.narrowed == before && !rig.exited; i++)
		ceno_rig_for(&rig, 50);
	assert_int_equal(rig.narrowed, before + 1);
	assert_int_equal(rig.pledged, RW | SPAWN);
	assert_int_equal(window_now().st_size, 0);
	assert_int_equal(window_now().st_blocks, 0);
}

static void expect_evidence(const char *cause, const char *mask)
{
	ceno_rig_expect_proof(&rig, cause);
	ceno_rig_verify_payload(&rig);
	assert_true(ceno_rig_payload_has(&rig, mask));
	/* The window is evidence once, of its whole length, whenever it was taken. */
	const char *area =
	    "{\"bytes\":524288,\"kind\":\"window\",\"mismatches\":0,\"overwritten\":524288,\"pledge_class\":0,"
	    "\"read_back\":524288,\"unmapped\":true}";
	const char *first = strstr(rig.payload.bytes, area);
	assert_non_null(first);
	assert_null(strstr(first + 1, area));
}

/* Core, then step 1: the masks in the order of the file. */
#define MASKS_AFTER_STDIO "\"pledge_mask\":18,\"seccomp_mode\""
#define MASKS_WHOLE       "\"pledge_mask\":19,\"seccomp_mode\""

static void a_window_that_is_let_go_is_gone_and_the_session_goes_on(void **state)
{
	(void)state;
	begin("lets_go");
	wait_canary();
	narrow_stdio();
	assert_int_equal(dropped_now(), STDIO);
	ceno_rig_for(&rig, 300); /* it lives */
	assert_false(rig.destroying);
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	expect_evidence("request", MASKS_AFTER_STDIO);
	assert_true(ceno_rig_payload_has(&rig, "\"pledge_mask\":19,\"record_commit\""));
}

static void a_class_without_a_window_is_dropped_at_once(void **state)
{
	(void)state;
	begin("lets_go");
	ceno_rig_narrow(&rig, RW);
	ceno_rig_until(&rig, &rig.narrowed, 1000);
	assert_int_equal(rig.pledged, STDIO | SPAWN);
	assert_int_equal(dropped_now(), RW);
	assert_int_equal(window_now().st_size, CENO_STDIO_BYTES);
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	expect_evidence("request", "\"pledge_mask\":17,\"seccomp_mode\"");
}

static void dropping_again_changes_nothing(void **state)
{
	(void)state;
	begin("lets_go");
	ceno_rig_narrow(&rig, STDIO); /* three at once: one taking, three answers */
	ceno_rig_narrow(&rig, STDIO);
	ceno_rig_narrow(&rig, RW);
	for (int i = 0; i < 100 && rig.narrowed < 3; i++)
		ceno_rig_for(&rig, 50);
	assert_int_equal(rig.narrowed, 3);
	assert_int_equal(rig.pledged, SPAWN);
	ceno_rig_narrow(&rig, STDIO | RW);
	ceno_rig_for(&rig, 300);
	assert_int_equal(rig.narrowed, 4);
	assert_false(rig.destroying);
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	expect_evidence("request", "\"pledge_mask\":16,\"seccomp_mode\"");
}

static void a_class_that_was_never_pledged_ends_the_session(void **state)
{
	static const uint64_t wrong[] = { NET, STDIO | NET, 0, 1ull << 40 | STDIO };
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) { /* api looks first: this is its bug, or not api */
		begin("lets_go");
		ceno_rig_narrow(&rig, wrong[i]);
		ceno_rig_expect_proof(&rig, "request");
		assert_int_equal(rig.narrowed, 0);
		teardown(NULL);
	}
}

static void whoever_does_not_let_go_loses_it_all_the_same(void **state)
{
	(void)state;
	begin("deaf");
	wait_canary();
	narrow_stdio();
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	expect_evidence("request", MASKS_AFTER_STDIO);
}

/* A writer that never pauses: what was read back was zero, so nobody ran while it was wiped; and the writer dies of it. */
static void a_writer_is_stopped_before_the_window_is_wiped(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++) { /* a race: on a busy machine most of them would be won without stopping it */
		begin("grabs");
		narrow_stdio();
		expect_evidence("crash", MASKS_AFTER_STDIO);
		teardown(NULL);
	}
}

static void who_kept_the_mapping_sees_nothing(void **state)
{
	(void)state;
	begin("peeks");
	wait_canary();
	narrow_stdio();
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	expect_evidence("request", MASKS_AFTER_STDIO);
	assert_int_equal(rig.ending.value, 1); /* a SIGBUS */
}

static void no_program_can_be_asked_for_afterwards(void **state)
{
	int fd = ceno_rig_blob("args", "12345678", 8);
	(void)state;
	begin_flags("lets_go", CENO_SESSION_HOLD);
	narrow_stdio();
	ceno_rig_send_exec(&rig, fd, 8);
	close(fd);
	for (int i = 0; i < 40 && !rig.programs; i++)
		ceno_rig_for(&rig, 50);
	assert_int_equal(rig.programs, 1);
	assert_int_equal(rig.program.refusal, CENO_REFUSAL_ARGS);
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	expect_evidence("request", MASKS_AFTER_STDIO);
}

static void an_answer_that_nobody_asked_for_is_a_lie(void **state)
{
	(void)state;
	begin("gossips");
	ceno_rig_until(&rig, &rig.have_payload, 5000);
	assert_true(ceno_rig_payload_has(&rig, "\"cause\":\"crash\""));
	ceno_rig_until(&rig, &rig.exited, 5000);
}

/* ---- ends meanwhile ---------------------------------------------------------------- */

static void its_end_may_come_first(void **state)
{
	(void)state;
	begin("deaf"); /* it would take a second */
	ceno_rig_narrow(&rig, STDIO);
	ceno_rig_for(&rig, 20);
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	expect_evidence("request", MASKS_WHOLE); /* it was told, and not taken: step 2 wiped it */
	assert_int_equal(rig.narrowed, 0);
}

static void a_vmm_that_dies_meanwhile_is_a_crash(void **state)
{
	(void)state;
	begin("deaf");
	ceno_rig_narrow(&rig, STDIO);
	ceno_rig_for(&rig, 20);
	kill(rig.vmm, SIGKILL);
	expect_evidence("crash", MASKS_WHOLE);
}

static void attest_may_be_gone(void **state)
{
	(void)state;
	begin("lets_go");
	close(rig.attest);
	rig.attest = -1;
	ceno_rig_for(&rig, 50);
	narrow_stdio();
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	ceno_rig_until(&rig, &rig.done, 10000);
	ceno_rig_until(&rig, &rig.exited, 5000);
	assert_int_equal(rig.exit_status, 0);
	char spooled[8192] = { 0 };
	assert_true(pread(rig.spool, spooled, sizeof spooled - 1, sizeof(struct ceno_attest_payload)) > 0);
	assert_non_null(strstr(spooled, MASKS_AFTER_STDIO));
}

/* The warden dies at a moment of the taking; a recovery warden wipes what is left, and nothing is left of the canary. */
static void recover_after(const char *behaviour, int after_us)
{
	static struct ceno_rig second;
	uint8_t canary[16] = { 0xc3, 0xa1, 0xf0, 0x0d, 0x5e, 0xed, 0xbe, 0xef,
		               0xc3, 0xa1, 0xf0, 0x0d, 0x5e, 0xed, 0xbe, 0xe1 };
	begin(behaviour);
	wait_canary();
	ceno_rig_narrow(&rig, STDIO);
	usleep((useconds_t)after_us);
	kill(rig.warden, SIGKILL);
	ceno_rig_until(&rig, &rig.exited, 5000);
	memset(&second, 0, sizeof second);
	ceno_rig_open_recovery(&second, &plain, rig.ram, rig.areas, rig.area_count, rig.vmm);
	for (int i = 0; i < 200 && !second.wiped; i++)
		ceno_rig_for(&second, 50);
	assert_int_equal(second.wiped, 1);
	for (unsigned i = 0; i < rig.area_count; i++)
		assert_int_equal(ceno_rig_search(rig.areas[i], canary, sizeof canary), 0);
	assert_int_equal(ceno_rig_search(rig.ram, canary, sizeof canary), 0);
	ceno_rig_until(&second, &second.exited, 5000);
	ceno_rig_close(&second);
	teardown(NULL);
}

static void a_warden_that_dies_leaves_it_to_recovery(void **state)
{
	(void)state;
	for (int us = 0; us < 9000; us += 500) /* told, stopped, wiped, truncated, let go on */
		recover_after("lets_go", us);
	recover_after("deaf", 100000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_window_that_is_let_go_is_gone_and_the_session_goes_on),
		TEST(a_class_without_a_window_is_dropped_at_once),
		TEST(dropping_again_changes_nothing),
		TEST(a_class_that_was_never_pledged_ends_the_session),
		TEST(whoever_does_not_let_go_loses_it_all_the_same),
		TEST(a_writer_is_stopped_before_the_window_is_wiped),
		TEST(who_kept_the_mapping_sees_nothing),
		TEST(no_program_can_be_asked_for_afterwards),
		TEST(an_answer_that_nobody_asked_for_is_a_lie),
		TEST(its_end_may_come_first),
		TEST(a_vmm_that_dies_meanwhile_is_a_crash),
		TEST(attest_may_be_gone),
		TEST(a_warden_that_dies_leaves_it_to_recovery),
	};
	return cmocka_run_group_tests_name("narrowing", tests, NULL, NULL);
}
