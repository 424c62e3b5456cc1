/*
 * A test in init's place: capabilities, regions, pledges and the end of fibers, in the
 * real guest, where a page that is taken away faults.
 *
 * It ends the session with STOP_GOOD, or with STOP_BAD + the line of the check that
 * failed. It begins with verbs in a fixed order, whose ring-0 instructions
 * tests/guest/ring0-table counts (VERBS there).
 */
#include "stop.h"

enum {
	SLOT_CHANNEL = CENO_SLOT_FIRST_FREE,
	SLOT_REGION,
	SLOT_A, /* fibers */
	SLOT_B,
	SLOT_COPY,
	SLOT_STALE,
	SLOT_EXPIRED,
	SLOT_WEAK, /* no rights */
	SLOT_PROCESS,
	SLOT_CHAIN, /* to the end */
	SLOT_EMPTY = 63
};

#define HEADER_GVA CENO_GVA_BUNDLE
#define SHARED_GVA 0x21000000ull
#define REGION_GVA 0x22000000ull
#define STACK_GVA  0x23000000ull /* of the children: top */
#define WINDOW_GVA CENO_GVA_WINDOW
#ifndef ROUNDS
#define ROUNDS 200
#endif

static const uint32_t R = CENO_RIGHT_READ, W = CENO_RIGHT_WRITE, X = CENO_RIGHT_EXECUTE, G = CENO_RIGHT_GRANT,
		      V = CENO_RIGHT_REVOKE, ALL = CENO_RIGHTS_ALL, SELF = CENO_SLOT_SELF, RAM = CENO_SLOT_RAM,
		      STDIO = CENO_SLOT_WINDOW + CENO_PLEDGE_STDIO, EVENTS = CENO_SLOT_SUPERVISOR;

/* What a child and init share. */
struct shared {
	uint32_t what;            /* enum below */
	volatile uint32_t ran[2]; /* rounds of each child */
};
enum { TOUCH_REGION, TOUCH_WINDOW, EXIT };

static volatile struct shared *shared(void)
{
	return (volatile struct shared *)SHARED_GVA;
}

/* A child: its number is in its stack pointer's bit 12. */
static _Noreturn void child(void)
{
	uint32_t number = (uint64_t)__builtin_frame_address(0) >> 12 & 1;

	for (;;) {
		shared()->ran[number]++;
		if (shared()->what == EXIT)
			ceno_mask(SELF, 0, 0, 0, 0);
		(void)*(volatile uint32_t *)(shared()->what == TOUCH_REGION ? REGION_GVA : WINDOW_GVA);
	}
}

/* Pool pages that are left: the most that a process can be given. */
static uint32_t quota(void)
{
	uint32_t low = 0, high = 1u << 20;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (ceno_spawn_process(SLOT_PROCESS, middle) == 0) {
			low = middle;
			close_slot(SLOT_PROCESS);
		} else {
			high = middle;
		}
	}
	return low;
}

/* ---- counted: in this order, and nothing before ---- */

/* What membrane does to the spaces of its programs. */
static void counted_in_processes(void)
{
	const uint64_t some = 16 * CENO_PAGE;

	CHECK(ceno_spawn_process(SLOT_A, 32) == 0);
	CHECK(ceno_spawn_process(SLOT_B, 32) == 0);
	CHECK(ceno_map(SLOT_A, RAM, REGION_GVA, 0, some, R | W) == 0);
	CHECK(ceno_map(SLOT_A, RAM, REGION_GVA + some, some, some, R | W) == 0);
	CHECK(ceno_map(SLOT_A, RAM, REGION_GVA, 0, 4 * CENO_PAGE, R | CENO_MAP_REPLACE) == 0);
	CHECK(ceno_map(SLOT_A, -1, REGION_GVA + some, 0, some, 0) == 0);
	CHECK(ceno_map(SLOT_B, SLOT_A, REGION_GVA, REGION_GVA, CENO_LARGE_PAGE, 0) == 0);
	CHECK(ceno_map(SLOT_A, SLOT_B, REGION_GVA, REGION_GVA, CENO_LARGE_PAGE, 0) == 0);
}

static void counted(void)
{
	static const uint32_t pages[] = { 1, 16, 512 };

	ceno_verb(99, 0, 0, 0, 0, 0, 0, NULL);
	CHECK(ceno_tick(0, 0, NULL) == 0);
	CHECK(ceno_grant(SELF, CENO_SLOT_CLOCK, SLOT_COPY, R | G) == 0);
	CHECK(ceno_tick(0, 0, NULL) == 0);
	CHECK(ceno_mask(SLOT_COPY, G, 0, 0, 0) == 0);
	CHECK(ceno_verb(CENO_VERB_TICK, SLOT_EMPTY, 0, 0, 0, 0, 0, NULL) == CENO_E_SLOT);
	CHECK(ceno_verb(CENO_VERB_TICK, SLOT_COPY, 0, 0, 0, 0, 0, NULL) == CENO_E_RIGHTS);
	CHECK(ceno_mask(SLOT_COPY, 0, 0, 0, 0) == 0);
	for (int i = 0; i < 3; i++) {
		CHECK(ceno_spawn_region(SLOT_REGION, RAM, R | W, 0, pages[i] * CENO_PAGE) == 0);
		CHECK(ceno_map(SELF, SLOT_REGION, REGION_GVA, 0, pages[i] * CENO_PAGE, R | W) == 0);
		CHECK(ceno_revoke(SLOT_REGION, ALL) == 0);
		CHECK(ceno_map(SELF, -1, REGION_GVA, 0, CENO_LARGE_PAGE, 0) == 0);
		CHECK(ceno_mask(SLOT_REGION, 0, 0, 0, 0) == 0);
	}
	counted_in_processes();
}

/* ---- the errors of naming a capability, each verb ---- */

static void make_bad_slots(void)
{
	CHECK(ceno_spawn_channel(SLOT_CHANNEL) == 0);
	CHECK(ceno_grant(SELF, SLOT_CHANNEL, SLOT_STALE, ALL) == 0);
	CHECK(ceno_revoke(SLOT_CHANNEL, ALL) == 0);
	CHECK(ceno_grant(SELF, SLOT_CHANNEL, SLOT_EXPIRED, ALL) == 0);
	CHECK(ceno_mask(SLOT_EXPIRED, ALL, 0, 0, 1) == 0);
	CHECK(ceno_grant(SELF, SLOT_CHANNEL, SLOT_WEAK, 0) == 0);
}

/* Names `slot` where a channel fits; error is what it must give. */
static void check_channel_slot(uint32_t slot, int64_t error)
{
	struct ceno_message m = { { 0 } };

	CHECK(ceno_send(slot, -1, &m) == error);
	CHECK(ceno_send(SLOT_CHANNEL, slot, &m) == error);
	CHECK(ceno_recv(slot, -1, &m, NULL) == error);
	CHECK(ceno_grant(SELF, slot, SLOT_EMPTY, ALL) == error);
	CHECK(ceno_revoke(slot, ALL) == error);
	CHECK(ceno_mask(SLOT_EMPTY, ALL, 0, 0, 0) == CENO_E_SLOT); /* nothing came there */
}

static void check_naming(void)
{
	struct ceno_message m = { { 0 } };

	check_channel_slot(SLOT_EMPTY, CENO_E_SLOT);
	check_channel_slot(SLOT_STALE, CENO_E_STALE);
	check_channel_slot(SLOT_EXPIRED, CENO_E_EXPIRED);
	check_channel_slot(SLOT_WEAK, CENO_E_RIGHTS);
	CHECK(ceno_send(RAM, -1, &m) == CENO_E_TYPE);
	CHECK(ceno_recv(RAM, -1, &m, NULL) == CENO_E_TYPE);
	for (uint32_t i = 0; i < 2; i++) {
		static const uint32_t slot[] = { SLOT_EMPTY, SLOT_CHANNEL };
		int64_t error = slot[i] == SLOT_EMPTY ? CENO_E_SLOT : CENO_E_TYPE;

		CHECK(ceno_map(slot[i], RAM, REGION_GVA, 0, CENO_PAGE, R) == error);
		CHECK(ceno_map(SELF, slot[i], REGION_GVA, 0, CENO_PAGE, R) == error);
		CHECK(ceno_grant(slot[i], RAM, SLOT_EMPTY, R) == error);
		CHECK(ceno_pledge(slot[i], 0) == error);
		CHECK(ceno_restart(slot[i], 0, 0) == error);
		CHECK(ceno_verb(CENO_VERB_TICK, slot[i], 0, 0, 0, 0, 0, NULL) == error);
		CHECK(ceno_verb(CENO_VERB_SPAWN, slot[i], CENO_SPAWN_CHANNEL, SLOT_EMPTY, 0, 0, 0, NULL) == error);
		CHECK(ceno_spawn_region(SLOT_EMPTY, slot[i], R, 0, CENO_PAGE) == error);
	}
	CHECK(ceno_spawn_channel(SLOT_CHANNEL) == CENO_E_SLOT);
	CHECK(ceno_spawn_channel(CENO_SLOT_NULL) == CENO_E_SLOT);
	CHECK(ceno_mask(SLOT_EMPTY, 0, 0, 0, 0) == CENO_E_SLOT);
	CHECK(ceno_grant(SELF, RAM, SLOT_CHANNEL, R) == CENO_E_SLOT);
	CHECK(ceno_revoke(RAM, ALL) == CENO_E_RIGHTS); /* nothing of the boot manifest but windows */
	CHECK(ceno_send(SLOT_CHANNEL, SLOT_CHANNEL, &m) == CENO_E_SELF);
	CHECK(ceno_send(SLOT_CHANNEL, SELF, &m) == CENO_E_SELF);
}

static void check_plain(void)
{
	CHECK(ceno_spawn_region(SLOT_EMPTY, RAM, W, 0, CENO_PAGE) == CENO_E_RIGHTS);
	CHECK(ceno_spawn_region(SLOT_EMPTY, RAM, R | W | X, 0, CENO_PAGE) == CENO_E_WX);
	CHECK(ceno_spawn_region(SLOT_EMPTY, RAM, R, 0, CENO_REGION_BYTES_MAX + CENO_PAGE) == CENO_E_BOUNDS);
	CHECK(ceno_spawn_region(SLOT_EMPTY, RAM, R, 0, 0) == CENO_E_BOUNDS);
	CHECK(ceno_spawn_region(SLOT_EMPTY, RAM, R, 1, CENO_PAGE) == CENO_E_BOUNDS);
	CHECK(ceno_spawn_region(SLOT_EMPTY, CENO_SLOT_BOOT, R, CENO_PAGE, CENO_PAGE) == CENO_E_BOUNDS);
	CHECK(ceno_spawn_region(SLOT_EMPTY, CENO_SLOT_BOOT, R | W, 0, CENO_PAGE) == CENO_E_RIGHTS);
	CHECK(ceno_spawn_region(SLOT_REGION, RAM, R | X, 0, CENO_PAGE) == 0);
	CHECK(ceno_map(SELF, RAM, REGION_GVA, 0, CENO_PAGE, R | W) == CENO_E_WX); /* it is code */
	CHECK(ceno_map(SELF, SLOT_REGION, REGION_GVA, 0, CENO_PAGE, R | W) == CENO_E_RIGHTS);
	CHECK(ceno_map(SELF, SLOT_REGION, REGION_GVA, 0, 2 * CENO_PAGE, R) == CENO_E_BOUNDS);
	CHECK(ceno_map(SELF, SLOT_REGION, REGION_GVA + CENO_PAGE, 0, CENO_PAGE, R) == CENO_E_BOUNDS);
	CHECK(ceno_map(SELF, SLOT_REGION, REGION_GVA, 0, CENO_PAGE, R) == 0);
	CHECK(ceno_map(SELF, SLOT_REGION, REGION_GVA, 0, CENO_PAGE, R) == CENO_E_EXISTS);
	CHECK(ceno_map(SELF, RAM, REGION_GVA + CENO_PAGE, 0, CENO_PAGE, R) == CENO_E_EXISTS); /* not into its table */
	CHECK(ceno_map(SELF, RAM, REGION_GVA + CENO_PAGE, 0, CENO_PAGE, R | CENO_MAP_REPLACE) == CENO_E_EXISTS);
	CHECK(ceno_map(SELF, -1, REGION_GVA, 0, CENO_PAGE, 0) == CENO_E_BOUNDS);
	CHECK(ceno_map(SELF, -1, REGION_GVA, 0, CENO_LARGE_PAGE, 0) == 0);
	CHECK(ceno_revoke(SLOT_REGION, ALL) == 0);
	CHECK(ceno_map(SELF, SLOT_REGION, REGION_GVA, 0, CENO_PAGE, R) == CENO_E_STATE);
	close_slot(SLOT_REGION);
	CHECK(ceno_map(SELF, RAM, REGION_GVA, 0, CENO_PAGE, R | W) == 0); /* it is code no more */
	CHECK(ceno_map(SELF, -1, REGION_GVA, 0, CENO_PAGE, 0) == 0);
	CHECK(ceno_map(SELF, STDIO, WINDOW_GVA + CENO_LARGE_PAGE, 0, CENO_STDIO_BYTES, R) == CENO_E_BOUNDS);
	CHECK(ceno_spawn_process(SLOT_PROCESS, 16) == 0);
	CHECK(ceno_map(SLOT_PROCESS, STDIO, WINDOW_GVA, 0, CENO_STDIO_BYTES, R) == CENO_E_BOUNDS);
	close_slot(SLOT_PROCESS);
	CHECK(ceno_mask(RAM, ALL | 1u << 20, 0, 0, 0) == CENO_E_RIGHTS);
	CHECK(ceno_mask(SLOT_CHANNEL, ALL, 0, CENO_PAGE, 0) == CENO_E_BOUNDS);
}

/* ---- decay ---- */

static void check_decay(void)
{
	uint64_t now;
	int64_t rc = 0;
	uint32_t depth = 0;

	CHECK(ceno_tick(0, 0, &now) == 0);
	CHECK(ceno_grant(SELF, SLOT_CHANNEL, SLOT_COPY, ALL) == 0);
	CHECK(ceno_mask(SLOT_COPY, ALL, 0, 0, now + 200000000) == 0);
	CHECK(ceno_mask(SLOT_COPY, ALL, 0, 0, now + 1000000000) == 0); /* later is no change */
	while (ceno_rdtsc() < now + 200000000) /* no sleep: a guest that is single-stepped would not wake */
		;
	CHECK(ceno_grant(SELF, SLOT_COPY, SLOT_EMPTY, ALL) == CENO_E_EXPIRED);
	close_slot(SLOT_COPY);
	/* a chain in two slots: it fades before it is 40 deep, as each step fades twice as fast */
	CHECK(ceno_grant(SELF, SLOT_CHANNEL, SLOT_CHAIN, ALL) == 0);
	for (depth = 1; depth <= CENO_DEPTH_MAX && !rc; depth++) {
		rc = ceno_grant(SELF, depth & 1 ? SLOT_CHAIN : SLOT_COPY, depth & 1 ? SLOT_COPY : SLOT_CHAIN, ALL);
		if (!rc)
			close_slot(depth & 1 ? SLOT_CHAIN : SLOT_COPY);
	}
	CHECK((rc == CENO_E_DEPTH || rc == CENO_E_EXPIRED) && depth > 16);
	if (ceno_mask(SLOT_CHAIN, 0, 0, 0, 0))
		close_slot(SLOT_COPY);
}

/* ---- children ---- */

static const struct ceno_bundle_segment *text(uint32_t kind)
{
	const struct ceno_bundle_header *h = (const struct ceno_bundle_header *)HEADER_GVA;

	for (uint32_t i = 0; i < h->segment_count; i++)
		if (h->segments[i].module == CENO_MODULE_INIT && h->segments[i].kind == kind)
			return &h->segments[i];
	return NULL;
}

static uint64_t stack_of(uint32_t number)
{
	return STACK_GVA + number * CENO_PAGE + CENO_PAGE - 64;
}

static void furnish(uint32_t slot, uint32_t number)
{
	const struct ceno_bundle_segment *t = text(CENO_SEGMENT_TEXT), *r = text(CENO_SEGMENT_RODATA);
	uint64_t top = STACK_GVA + number * CENO_PAGE;

	CHECK(ceno_map(slot, CENO_SLOT_BUNDLE, t->gva, t->offset, t->bytes, R | X) == 0);
	if (r)
		CHECK(ceno_map(slot, CENO_SLOT_BUNDLE, r->gva, r->offset, r->bytes, R) == 0);
	CHECK(ceno_map(slot, RAM, top, (2 + number) * CENO_LARGE_PAGE, CENO_PAGE, R | W) == 0);
	CHECK(ceno_map(slot, RAM, SHARED_GVA, CENO_LARGE_PAGE, CENO_PAGE, R | W) == 0);
	CHECK(ceno_grant(slot, slot, SELF, ALL) == 0);
}

static void spawn(uint32_t slot, uint32_t number, uint8_t pledge)
{
	struct ceno_fiber_spawn s = { .slot = slot,
		                      .pledge = pledge,
		                      .spectrum = CENO_SPECTRUM_MATTER,
		                      .events_slot = (uint8_t)EVENTS,
		                      .budget = 100000,
		                      .pool_pages = 64,
		                      .rip = (uint64_t)child,
		                      .rsp = stack_of(number) };

	CHECK(ceno_spawn_fiber(&s) > 0);
	furnish(slot, number);
}

static void start(uint32_t slot)
{
	struct ceno_message m = { { 0 } };

	CHECK(ceno_send(slot, -1, &m) == 0);
}

/* Until the child has run some rounds more. */
static void see_run(uint32_t number)
{
	uint32_t before = shared()->ran[number];

	while (shared()->ran[number] - before < 2)
		CHECK(ceno_tick(1, 0, NULL) == 0);
}

static void see(uint32_t what, uint64_t a)
{
	struct ceno_message m;

	CHECK(ceno_recv(EVENTS, -1, &m, NULL) == 1);
	CHECK(m.word[1] == what && m.word[2] == a);
}

/* A region in two spaces: revoked, both children fault at the next access. */
static void check_revoke(void)
{
	shared()->what = TOUCH_REGION;
	CHECK(ceno_spawn_region(SLOT_REGION, RAM, R | W, 4 * CENO_LARGE_PAGE, 16 * CENO_PAGE) == 0);
	spawn(SLOT_A, 0, 0);
	spawn(SLOT_B, 1, 0);
	CHECK(ceno_map(SLOT_A, SLOT_REGION, REGION_GVA, 0, 16 * CENO_PAGE, R) == 0);
	CHECK(ceno_map(SLOT_B, SLOT_REGION, REGION_GVA, 0, 16 * CENO_PAGE, R | W) == 0);
	CHECK(ceno_grant(SELF, SLOT_REGION, SLOT_COPY, ALL) == 0);
	start(SLOT_A);
	start(SLOT_B);
	see_run(0);
	see_run(1);
	CHECK(ceno_revoke(SLOT_REGION, ALL) == 0);
	CHECK(ceno_map(SELF, SLOT_COPY, REGION_GVA, 0, 16 * CENO_PAGE, R) == CENO_E_STALE);
	see(CENO_FIBER_EVENT_FAULT, 14);
	see(CENO_FIBER_EVENT_FAULT, 14);
	close_slot(SLOT_COPY);
	close_slot(SLOT_REGION);
	close_slot(SLOT_A);
	close_slot(SLOT_B);
}

/* A dropped pledge takes the window out of the space, cannot be raised, survives RESTART. */
static void check_pledge(void)
{
	const uint8_t stdio = 1u << CENO_PLEDGE_STDIO;

	CHECK(ceno_spawn_fiber(&(struct ceno_fiber_spawn){
		  .slot = SLOT_EMPTY, .pledge = 1u << CENO_PLEDGE_NET, .pool_pages = 16 }) == CENO_E_PLEDGE);
	CHECK(ceno_spawn_fiber(&(struct ceno_fiber_spawn){
		  .slot = SLOT_EMPTY, .pool_pages = 16, .rip = 1ull << 47, .spectrum = CENO_SPECTRUM_VOID }) ==
	      CENO_E_BOUNDS);
	shared()->what = TOUCH_WINDOW;
	spawn(SLOT_A, 0, stdio);
	CHECK(ceno_grant(SLOT_A, STDIO, STDIO, R | W) == 0);
	CHECK(ceno_map(SLOT_A, STDIO, WINDOW_GVA, 0, CENO_STDIO_BYTES, R | W) == 0);
	start(SLOT_A);
	see_run(0);
	CHECK(ceno_restart(SLOT_A, (uint64_t)child, stack_of(0)) == CENO_E_STATE);
	CHECK(ceno_grant(SELF, SLOT_A, SLOT_COPY, ALL & ~V) == 0);
	CHECK(ceno_pledge(SLOT_COPY, 0) == CENO_E_RIGHTS);
	CHECK(ceno_restart(SLOT_COPY, 0, 0) == CENO_E_RIGHTS);
	close_slot(SLOT_COPY);
	CHECK(ceno_pledge(SLOT_A, stdio) == 0); /* nothing dropped, and it goes on */
	see_run(0);
	CHECK(ceno_pledge(SLOT_A, 0) == 0);
	see(CENO_FIBER_EVENT_FAULT, 14);
	CHECK(ceno_pledge(SLOT_A, stdio) == CENO_E_PLEDGE);
	while (ceno_restart(SLOT_A, (uint64_t)child, stack_of(0)) == CENO_E_AGAIN)
		;
	furnish(SLOT_A, 0); /* its space is empty again, its slots are */
	CHECK(ceno_pledge(SLOT_A, stdio) == CENO_E_PLEDGE);
	CHECK(ceno_grant(SLOT_A, STDIO, STDIO, R) == CENO_E_PLEDGE);
	CHECK(ceno_map(SLOT_A, STDIO, WINDOW_GVA, 0, CENO_STDIO_BYTES, R) == CENO_E_PLEDGE);
	shared()->what = EXIT;
	start(SLOT_A);
	see(CENO_FIBER_EVENT_EXIT, 0);
	close_slot(SLOT_A);
}

/* Fibers with everything in them come and go: the pool is what it was. */
static void check_rounds(void)
{
	uint32_t before = quota();

	for (int i = 0; i < ROUNDS; i++) {
		spawn(SLOT_A, 0, 0);
		CHECK(ceno_spawn_region(SLOT_REGION, RAM, R, 6 * CENO_LARGE_PAGE, CENO_PAGE) == 0);
		CHECK(ceno_map(SLOT_A, SLOT_REGION, REGION_GVA, 0, CENO_PAGE, R) == 0);
		CHECK(ceno_grant(SLOT_A, SLOT_REGION, SLOT_REGION, ALL) == 0);
		CHECK(ceno_spawn_process(SLOT_PROCESS, 16) == 0);
		CHECK(ceno_grant(SLOT_A, SLOT_PROCESS, SLOT_PROCESS, ALL) == 0);
		close_slot(SLOT_PROCESS); /* the child's are the last ones now */
		close_slot(SLOT_REGION);
		close_slot(SLOT_A);
	}
	CHECK(quota() == before);
}

/* The window itself, last. */
static void check_window(void)
{
	shared()->what = TOUCH_WINDOW;
	spawn(SLOT_A, 0, 1u << CENO_PLEDGE_STDIO);
	CHECK(ceno_map(SLOT_A, STDIO, WINDOW_GVA, 0, CENO_STDIO_BYTES, R | W) == 0);
	CHECK(ceno_map(SELF, STDIO, WINDOW_GVA, 0, CENO_STDIO_BYTES, R | W) == 0);
	start(SLOT_A);
	see_run(0);
	CHECK(ceno_revoke(STDIO, ALL) == 0);
	see(CENO_FIBER_EVENT_FAULT, 14);
	CHECK(ceno_map(SLOT_A, STDIO, WINDOW_GVA + CENO_LARGE_PAGE, 0, CENO_STDIO_BYTES, R) == CENO_E_BOUNDS);
	CHECK(ceno_map(SLOT_A, -1, WINDOW_GVA, 0, CENO_LARGE_PAGE, 0) == 0);
	CHECK(ceno_map(SLOT_A, STDIO, WINDOW_GVA, 0, CENO_STDIO_BYTES, R) == CENO_E_STATE);
	CHECK(ceno_pledge(SELF, 0) == 0);
	CHECK(ceno_recv_signal(STDIO, 1) == CENO_E_PLEDGE);
	CHECK(ceno_spawn_fiber(&(struct ceno_fiber_spawn){ .slot = SLOT_EMPTY, .pool_pages = 16 }) == CENO_E_PLEDGE);
}

void ceno_service_main(void)
{
	counted();
	close_slot(SLOT_A);
	close_slot(SLOT_B);
	CHECK(ceno_map(SELF, RAM, SHARED_GVA, CENO_LARGE_PAGE, CENO_PAGE, R | W) == 0);
	CHECK(ceno_spawn_channel(EVENTS) == 0);
	make_bad_slots();
	check_naming();
	check_plain();
	check_decay();
	check_revoke();
	check_pledge();
	check_rounds();
	check_window();
	stop(STOP_GOOD);
}
