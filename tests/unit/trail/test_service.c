/*
 * prov as a fiber: its own source over a stand-in for the nucleus that has the two
 * capabilities of abi/trail.h and no others, in a space that maps what stands there, and ends
 * prov by leaving its endless loop when the channel is empty.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "attest/trail/audit.h"
#include "guest-kernel/sdk/ceno.h"
#include "tests/lib/trail_fixture.h"

#define CENO_GVA_END 0x1f004000u

static int64_t ceno_recv(uint32_t slot, int64_t cap_slot, struct ceno_message *m, int *cap_came);
static int64_t ceno_receive(uint32_t slot, int64_t cap_slot, int poll, struct ceno_message *m, int *cap_came,
                            uint32_t *from);
static int64_t ceno_send(uint32_t slot, int64_t cap_slot, const struct ceno_message *m);
static uint64_t ceno_rdtsc(void);

#include "guest-kernel/services/prov/prov.c"

static struct trail_fixture f; /* for its bundle, and to make messages */
static sigjmp_buf out;
static int fd[CENO_SLOT_TRAIL_END]; /* the objects behind what it maps, by slot */
static struct ceno_message queue[16], answers[4];
static unsigned queued, taken, answered;
static uint64_t tsc;

static void *at(uint64_t gva)
{
	return (void *)gva; /* NOLINT: where the service expects it */
}

/* As init or the warden maps it (manifest.h). */
static void map(uint32_t slot, uint64_t gva, uint64_t bytes, int prot)
{
	assert_true(mmap(at(gva), bytes, prot, MAP_SHARED | MAP_FIXED_NOREPLACE, fd[slot], 0) != MAP_FAILED);
}

static int64_t ceno_receive(uint32_t slot, int64_t cap_slot, int poll, struct ceno_message *m, int *cap_came,
                            uint32_t *from)
{
	(void)cap_came, (void)from;
	if (slot != CENO_SLOT_TRAIL_MESSAGES || cap_slot != -1)
		return CENO_E_SLOT;
	if (taken == queued && poll)
		return CENO_E_AGAIN;
	if (taken == queued)
		siglongjmp(out, 1);
	*m = queue[taken++];
	return 0;
}

static int64_t ceno_recv(uint32_t slot, int64_t cap_slot, struct ceno_message *m, int *cap_came)
{
	return ceno_receive(slot, cap_slot, 0, m, cap_came, NULL);
}

static int64_t ceno_send(uint32_t slot, int64_t cap_slot, const struct ceno_message *m)
{
	if (slot != CENO_SLOT_SUPERVISOR || cap_slot != -1)
		return CENO_E_SLOT;
	if (answered == sizeof answers / sizeof answers[0])
		return CENO_E_FULL;
	answers[answered++] = *m;
	return 0;
}

static uint64_t ceno_rdtsc(void)
{
	return tsc += 1000;
}

static void on_trap(int number)
{
	(void)number;
	siglongjmp(out, 2);
}

static void tell(uint64_t fiber, uint64_t what, uint64_t a, uint64_t b, uint64_t c, uint64_t root3)
{
	struct ceno_prov_message m = { fiber, what, a, b, c, root3, 0, tsc };

	memcpy(&queue[queued++], &m, sizeof m);
}

/* Runs prov in a fresh space until it waits (1) or traps (2). */
static int run(void)
{
	static const struct sigaction trap = { .sa_handler = on_trap, .sa_flags = SA_NODEFER };
	int how = sigsetjmp(out, 1);

	if (how == 0) {
		sigaction(SIGILL, &trap, NULL); /* cmocka sets its own before each test */
		munmap(at(CENO_GVA_TRAIL_EVENTS), CENO_GVA_TRAIL + CENO_TRAIL_BYTES - CENO_GVA_TRAIL_EVENTS);
		map(CENO_SLOT_BUNDLE, CENO_GVA_TRAIL_BUNDLE, CENO_PAGE, PROT_READ);
		map(CENO_SLOT_TRAIL_EVENTS, CENO_GVA_TRAIL_EVENTS, CENO_PAGE, PROT_READ);
		map(CENO_SLOT_TRAIL, CENO_GVA_TRAIL, CENO_TRAIL_BYTES, PROT_READ | PROT_WRITE);
		ceno_service_main();
	}
	return how;
}

static void *object(uint32_t slot, size_t bytes)
{
	void *view;

	if (fd[slot])
		close(fd[slot]);
	fd[slot] = memfd_create("object", MFD_CLOEXEC);
	assert_true(fd[slot] > 0 && ftruncate(fd[slot], (off_t)bytes) == 0);
	view = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd[slot], 0);
	assert_true(view != MAP_FAILED);
	return view;
}

static uint8_t *area;
static struct ceno_boot_events *events;
static struct ceno_boot *boot;

static int set_up(void **state)
{
	(void)state;
	if (sodium_init() < 0)
		return -1;
	trail_begin(&f, 7);
	area = object(CENO_SLOT_TRAIL, CENO_TRAIL_BYTES);
	events = object(CENO_SLOT_TRAIL_EVENTS, CENO_PAGE);
	memcpy(object(CENO_SLOT_BUNDLE, FIXTURE_BUNDLE_BYTES), f.bundle, FIXTURE_BUNDLE_BYTES);
	munmap(at(CENO_GVA_BOOT_PAGE), CENO_PAGE);
	boot = mmap(at(CENO_GVA_BOOT_PAGE), CENO_PAGE, PROT_READ | PROT_WRITE,
	            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (boot == MAP_FAILED)
		return -1;
	memcpy(boot->session_id, f.session_id, 16);
	memcpy(boot->nonce, f.nonce, 32);
	memset(boot->seed, 0x77, 32); /* what a program knows makes no key */
	boot->tsc_hz = 2400000000;
	boot->abi_version = CENO_ABI_VERSION;
	boot->start_tsc = tsc = 5000;
	boot->pledge_mask = 0x13;
	memcpy(events->trail_seed, f.boot_seed, 32);
	events->count = 3;
	for (uint32_t i = 0; i < 3; i++) {
		events->event[i].type = CENO_EVENT_TRUST + i;
		memset(events->event[i].sha512, (int)(0x11 * (i + 1)), 64);
	}
	queued = taken = answered = 0;
	return 0;
}

static struct ceno_audit audit;

static void check_trail(uint32_t exit_status)
{
	struct ceno_audit_expect expect = { f.session_id, f.nonce, f.chain.public_key, f.bundle, NULL, NULL };

	ceno_audit(area, CENO_TRAIL_OFFSET + ((struct ceno_trail_header *)(void *)area)->bytes, &expect, &audit);
	if (audit.exit_status != exit_status)
		fail_msg("record %u: %s", audit.record,
		         audit.verdict < CENO_AUDIT_CODE_COUNT ? ceno_audit_code_info(audit.verdict)->name : "none");
}

static void it_tells_a_session(void **state)
{
	struct ceno_prov_answer answer;
	struct ceno_trail_record r;
	uint8_t hardware[32];

	(void)state;
	tell(0, CENO_PROV_MODULE, CENO_MODULE_INIT, 2, 2, 0xff);
	tell(1, CENO_PROV_MODULE, CENO_MODULE_MEMBRANE, 2, 0, 0x13);
	tell(1, CENO_FIBER_EVENT_EXIT, 0, 0, 0, 0);
	tell(0, CENO_PROV_FINISH, 0, 0, 0, 0);
	tell(1, CENO_FIBER_EVENT_EXIT, 0, 0, 0, 0);
	assert_int_equal(run(), 1);
	check_trail(0);
	assert_int_equal(audit.records, 5);
	assert_int_equal(answered, 1);
	memcpy(&answer, &answers[0], sizeof answer);
	assert_int_equal(answer.what, CENO_PROV_FINISH);
	assert_int_equal(answer.result, 0);
	assert_int_equal(answer.records, 5);
	assert_int_equal(answer.bytes, ((struct ceno_trail_header *)(void *)area)->bytes);
	assert_memory_equal(answer.head, audit.head, 32);
	ceno_audit_record(area, &audit, 0, &r);
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(r.boot.trust[i], 0x11);
		assert_int_equal(r.boot.bundle[i], 0x22);
		assert_int_equal(r.boot.constant[i], 0x33);
	}
	ceno_prov_hardware(hardware);
	assert_memory_equal(r.boot.hardware, hardware, 32);
	assert_int_equal(r.head.at, 5000);
	assert_int_equal(r.boot.pledge, 0x13);
	ceno_audit_record(area, &audit, 2, &r);
	assert_string_equal(r.module.name, "membrane");
}

static void it_goes_on_after_a_restart(void **state)
{
	struct ceno_prov_answer answer;

	(void)state;
	tell(0, CENO_PROV_MODULE, CENO_MODULE_INIT, 2, 2, 0xff);
	tell(2, CENO_PROV_MODULE, CENO_MODULE_PROV, 2, 0, 0);
	tell(0, CENO_PROV_SEAL, 0, 0, 0, 0);
	assert_int_equal(run(), 1);
	tell(2, CENO_FIBER_EVENT_FAULT, 14, 4, CENO_GVA_SERVICE, 0);
	tell(2, CENO_PROV_RESTART, 1, 0, 0, 0);
	tell(2, CENO_PROV_MODULE, CENO_MODULE_PROV, 2, 0, 0);
	tell(0, CENO_PROV_FINISH, 0, 0, 0, 0);
	assert_int_equal(run(), 1);
	check_trail(0);
	assert_int_equal(audit.records, 9);
	assert_int_equal(answered, 2);
	assert_int_equal(run(), 1); /* complete: it waits, and refuses */
	tell(0, CENO_PROV_SEAL, 0, 0, 0, 0);
	assert_int_equal(run(), 1);
	memcpy(&answer, &answers[2], sizeof answer);
	assert_int_equal(answer.result, CENO_CHAIN_E_CLOSED);
	check_trail(0);
}

/* Killed while it waits, a trail ends with a SEAL of what no fiber can provoke at will. */
static void it_seals_before_it_waits(void **state)
{
	(void)state;
	tell(0, CENO_PROV_MODULE, CENO_MODULE_INIT, 2, 2, 0xff);
	assert_int_equal(run(), 1);
	check_trail(4);
	assert_int_equal(audit.records, 3);
	assert_int_equal(audit.sealed, 3);
	tell(0, CENO_FIBER_EVENT_SPAWN, 1, 0x13, 2000, 0);
	tell(0, CENO_FIBER_EVENT_GRANT, 1, CENO_OBJECT_CHANNEL, CENO_RIGHT_READ | 1 << 8, 0);
	assert_int_equal(run(), 1); /* after its restart, which it seals with all before */
	check_trail(4);
	assert_int_equal(audit.records, 7);
	assert_int_equal(audit.sealed, 7);
}

static void it_stops_at_a_changed_trail(void **state)
{
	(void)state;
	tell(0, CENO_PROV_SEAL, 0, 0, 0, 0);
	assert_int_equal(run(), 1);
	area[CENO_TRAIL_OFFSET + 100] ^= 1;
	assert_int_equal(run(), 2);
}

static void it_stops_if_nothing_was_measured(void **state)
{
	(void)state;
	events->count = 2;
	assert_int_equal(run(), 2);
	events->count = 3;
	events->verdict = CENO_STOP_BOOT_PAGE;
	assert_int_equal(run(), 2);
	events->verdict = 0;
	events->event[1].type = CENO_EVENT_TRUST;
	assert_int_equal(run(), 2);
	events->event[1].type = CENO_EVENT_BUNDLE;
	assert_int_equal(((struct ceno_trail_header *)(void *)area)->bytes, 0);
	assert_int_equal(run(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_tells_a_session, set_up),
		cmocka_unit_test_setup(it_goes_on_after_a_restart, set_up),
		cmocka_unit_test_setup(it_seals_before_it_waits, set_up),
		cmocka_unit_test_setup(it_stops_at_a_changed_trail, set_up),
		cmocka_unit_test_setup(it_stops_if_nothing_was_measured, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
