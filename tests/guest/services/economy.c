/*
 * A test service in membrane's place: makes fibers that run out of energy, strike,
 * fault and fill their events channel, and looks at what becomes of them.
 *
 * Each fiber runs a function of this file from a copy of its text, with a stack and
 * one page of counters that both see. A check that fails ends the session with its
 * line number (report.h) as exit status; 0 means every one held.
 *
 * Joules are exact wherever only verbs spend them. A tick may take up to 16 J more
 * from a fiber that was just started and has not called a verb, and a machine that
 * stalls for a period loses it: such measurements are repeated a few times.
 */
#include "report.h"

enum slot {
	SLOT_FIBER = CENO_SLOT_FIRST_FREE, /* the fiber under test */
	SLOT_EVENTS,                       /* its events channel */
	SLOT_CHANNEL,                      /* a channel that it holds too, at the same slot */
	SLOT_PROCESS,                      /* in a fiber: a process of its own */
	SLOT_MADE                          /* in a fiber: what it makes, from here */
};

#define SHARED_GVA 0x30000000ull
#define COPY_GVA   0x31000000ull
#define CODE_GVA   0x400000ull
#define TEXT_PAGES 3u
#define ATTEMPTS   5u
#define FOREVER    0x7fffffffu

static const uint32_t R = CENO_RIGHT_READ, W = CENO_RIGHT_WRITE, X = CENO_RIGHT_EXECUTE;

/* Where things lie in user RAM, by offset. */
enum ram { RAM_SHARED = 2 << 20, RAM_TEXT = 4 << 20, RAM_STACK = 6 << 20, RAM_PROCESS = 8 << 20, RAM_TRAP = 10 << 20 };

/* The page that a fiber and this service both see. */
struct shared {
	volatile uint64_t count; /* what the fiber did so far */
	volatile uint64_t loops; /* ring-3 loops of its process */
	volatile uint64_t handled;
	volatile int64_t result;
	volatile uint64_t ran; /* TSC cycles in ring 3, ticks apart */
	volatile uint64_t tsc[64];
};

static struct shared *shared(void)
{
	return (struct shared *)SHARED_GVA;
}

static uint64_t ms(uint64_t n)
{
	return ((const struct ceno_boot *)CENO_GVA_BOOT_PAGE)->tsc_hz / 1000 * n;
}

/* ---- what the fibers do ---- */

static _Noreturn void leave(void)
{
	ceno_mask(CENO_SLOT_SELF, 0, 0, 0, 0);
	__builtin_trap();
}

/* SPAWN for ever: children with nothing. */
static _Noreturn void fork_bomb(void)
{
	struct ceno_fiber_spawn child = { .slot = SLOT_MADE, .spectrum = CENO_SPECTRUM_VOID, .pool_pages = 8 };

	for (;;) {
		shared()->result = ceno_spawn_fiber(&child);
		shared()->tsc[shared()->count % 64] = ceno_rdtsc();
		shared()->count++;
		child.slot++;
	}
}

static _Noreturn void flood(void)
{
	const struct ceno_message m = { { 0 } };

	for (;;) {
		shared()->result = ceno_send(SLOT_CHANNEL, -1, &m);
		shared()->count++;
	}
}

/* A joule at a time. */
static _Noreturn void spender(void)
{
	for (;;) {
		ceno_verb(99, 0, 0, 0, 0, 0, 0, NULL);
		shared()->count++;
	}
}

/* CPU time only; counts what it got of it, leaving out the jumps of the TSC. Leaves
 * after 300 ms. */
static _Noreturn void hog(void)
{
	uint64_t last = ceno_rdtsc(), gap = ms(4), end = last + ms(300);

	while (last < end) {
		uint64_t now = ceno_rdtsc();

		if (now - last < gap)
			shared()->ran += now - last;
		last = now;
		shared()->count++;
	}
	leave();
}

static _Noreturn void waiter(void)
{
	struct ceno_message m;

	shared()->result = ceno_recv(SLOT_CHANNEL, -1, &m, NULL);
	shared()->count++;
	leave();
}

static _Noreturn void poor(void)
{
	shared()->result = ceno_spawn_channel(SLOT_MADE);
	shared()->count++;
	shared()->result = ceno_verb(99, 0, 0, 0, 0, 0, 0, NULL);
	shared()->count++;
	leave();
}

#define GRANTS 36u /* more than a channel holds, and all fit into a CSpace */

static _Noreturn void granter(void)
{
	for (uint32_t i = 0; i < GRANTS; i++) {
		shared()->result = ceno_grant(CENO_SLOT_SELF, CENO_SLOT_SELF, SLOT_MADE + i, R);
		shared()->count++;
	}
	leave();
}

static _Noreturn void faulter(void)
{
	*(volatile uint32_t *)0x123000 = 1;
	__builtin_trap();
}

/* Runs a process that only counts; goes on with it after each tick. */
static _Noreturn void enter_process(void)
{
	__asm__ volatile("jmp *%[gate]" : : [gate] "D"((uint64_t)CENO_GATE_SYSRET), "c"(CODE_GVA), "a"(SHARED_GVA));
	__builtin_unreachable();
}

static _Noreturn void handler(void)
{
	struct ceno_message m = { { 0 } };
	int64_t rc = ceno_spawn_process(SLOT_PROCESS, 16);

	rc = rc ? rc : ceno_recv_signal(SLOT_PROCESS, 0);
	rc = rc ? rc : ceno_send(SLOT_CHANNEL, SLOT_PROCESS, &m); /* its maker maps what it runs */
	shared()->result = rc ? rc : ceno_recv(SLOT_EVENTS, -1, &m, NULL);
	enter_process();
}

void ceno_service_fault(struct ceno_trap_page *t)
{
	(void)t;
	shared()->handled++;
	enter_process();
}

void ceno_service_syscall(struct ceno_trap_page *t)
{
	(void)t;
	__builtin_trap();
}

static const uint8_t process_code[] = { 0x48, 0xff, 0x40, 0x08, /* 1: incq 8(%rax), shared.loops */
	                                0xeb, 0xfa };           /* jmp 1b */

/* ---- making and ending them ---- */

static void map_own(uint64_t gva, uint64_t offset, uint64_t pages)
{
	CHECK(ceno_map(CENO_SLOT_SELF, CENO_SLOT_RAM, gva, offset, pages * CENO_PAGE, R | W) == 0);
}

static void copy_out(uint64_t offset, const void *from, uint64_t bytes)
{
	uint64_t pages = (bytes + CENO_PAGE - 1) / CENO_PAGE;

	map_own(COPY_GVA, offset, pages);
	for (uint64_t i = 0; i < bytes; i++)
		((volatile uint8_t *)COPY_GVA)[i] = ((const uint8_t *)from)[i];
	CHECK(ceno_map(CENO_SLOT_SELF, -1, COPY_GVA, 0, pages * CENO_PAGE, 0) == 0);
}

struct way {
	void (*run)(void);
	uint32_t budget;
	uint8_t spectrum;
	uint32_t pool_pages;
};

static void into(uint64_t gva, uint64_t offset, uint64_t pages, uint32_t rights)
{
	CHECK(ceno_map(SLOT_FIBER, CENO_SLOT_RAM, gva, offset, pages * CENO_PAGE, rights) == 0);
}

static uint64_t made; /* offset of the newest fiber's own pages: no two share any */

/* A parked fiber with an events channel; its stack starts at a call's alignment. */
static uint32_t make(const struct way *w)
{
	struct ceno_fiber_spawn s = { .slot = SLOT_FIBER,
		                      .pledge = 1u << CENO_PLEDGE_SPAWN,
		                      .spectrum = w->spectrum,
		                      .events_slot = SLOT_EVENTS,
		                      .budget = w->budget,
		                      .pool_pages = w->pool_pages ? w->pool_pages : 32,
		                      .rip = (uint64_t)w->run,
		                      .rsp = CENO_GVA_SERVICE_STACK - 8 };
	int64_t index;

	made += CENO_PAGE;
	CHECK(ceno_map(CENO_SLOT_SELF, CENO_SLOT_RAM, SHARED_GVA, RAM_SHARED + made, CENO_PAGE,
	               R | W | CENO_MAP_REPLACE) == 0);
	CHECK(ceno_spawn_channel(SLOT_EVENTS) == 0);
	CHECK(ceno_spawn_channel(SLOT_CHANNEL) == 0);
	index = ceno_spawn_fiber(&s);
	CHECK(index > 0);
	into(CENO_GVA_SERVICE, RAM_TEXT, TEXT_PAGES, R | X);
	into(CENO_GVA_SERVICE_STACK - CENO_PAGE, RAM_STACK + made, 1, R | W);
	into(SHARED_GVA, RAM_SHARED + made, 1, R | W);
	CHECK(ceno_map(SLOT_FIBER, CENO_SLOT_BOOT, CENO_GVA_BOOT_PAGE, 0, CENO_PAGE, R) == 0);
	CHECK(ceno_grant(SLOT_FIBER, SLOT_FIBER, CENO_SLOT_SELF, CENO_RIGHTS_ALL) == 0);
	CHECK(ceno_grant(SLOT_FIBER, SLOT_CHANNEL, SLOT_CHANNEL, R | W) == 0);
	return (uint32_t)index;
}

static void start(void)
{
	CHECK(ceno_send(SLOT_FIBER, -1, &(struct ceno_message){ { 0 } }) == 0);
}

static void close_slot(uint32_t slot)
{
	int64_t rc;

	do
		rc = ceno_mask(slot, 0, 0, 0, 0);
	while (rc == CENO_E_AGAIN);
	CHECK(rc == 0);
}

static void end(void)
{
	int64_t rc;

	do
		rc = ceno_revoke(SLOT_FIBER, CENO_RIGHTS_ALL);
	while (rc == CENO_E_AGAIN);
	CHECK(rc == 0);
	close_slot(SLOT_FIBER);
	close_slot(SLOT_EVENTS);
	close_slot(SLOT_CHANNEL);
}

static void sleep_until(uint64_t tsc)
{
	CHECK(ceno_tick(tsc, 0, NULL) == 0);
}

/* The next event, waiting for it; 0: a message that is none. */
static int event(struct ceno_fiber_event *e)
{
	struct ceno_message m;
	int64_t rc = ceno_recv(SLOT_EVENTS, -1, &m, NULL);

	CHECK(rc == 0 || rc == 1);
	*e = (struct ceno_fiber_event){ m.word[0], m.word[1], m.word[2], m.word[3],
		                        m.word[4], m.word[5], m.word[6], m.word[7] };
	return (int)rc;
}

/* The next event of this kind; others are skipped. */
static void event_of(uint32_t what, struct ceno_fiber_event *e)
{
	do
		CHECK(event(e) == 1);
	while (!(e->what & what));
}

/* ---- the tests: each returns 1 if the numbers were exact, 0 if time got between ---- */

/* 2,000 J are four SPAWNs: then nothing until the refill. */
static int test_fork_bomb(void)
{
	const uint64_t period = ms(100);
	uint64_t begin, groups = 3, exact = 0;

	make(&(struct way){ fork_bomb, CENO_JOULES_DEFAULT, CENO_SPECTRUM_GRAVITY, 120 });
	begin = ceno_rdtsc();
	start();
	for (uint64_t n = 1; n <= groups; n++) {
		sleep_until(begin + period * n - period / 3);
		CHECK(shared()->count <= 4 * n);
		exact += shared()->count == 4 * n;
	}
	CHECK(shared()->result > 0);
	for (uint64_t i = 4; exact == groups && i < 4 * groups; i += 4)
		exact -= shared()->tsc[i] - shared()->tsc[i - 1] < period / 2;
	end();
	return exact == groups;
}

/* 2,000 J are 400 SENDs in a Void second; between them it executes nothing. */
static int test_flood(void)
{
	uint64_t begin, first, second;

	make(&(struct way){ flood, CENO_JOULES_DEFAULT, CENO_SPECTRUM_VOID, 0 });
	begin = ceno_rdtsc();
	start();
	sleep_until(begin + ms(450));
	first = shared()->count;
	sleep_until(begin + ms(900));
	CHECK(shared()->count == first); /* frozen */
	CHECK(first <= 400);
	CHECK(shared()->result == CENO_E_FULL);
	sleep_until(begin + ms(1600));
	second = shared()->count;
	CHECK(second <= 800);
	end();
	return first == 400 && second == 800;
}

/* One strike every eight freezes: an event, a slower spectrum, the end. Each freeze
 * comes after exactly the budget: what it received, it spent. */
static int test_strikes(void)
{
	const uint32_t budget = 16;
	struct ceno_fiber_event e;
	int exact = 1;
	uint32_t index = make(&(struct way){ spender, budget, CENO_SPECTRUM_MATTER, 0 });

	start();
	for (uint32_t n = 1; n <= 3; n++) {
		event_of(CENO_FIBER_EVENT_STRIKE, &e);
		CHECK(e.fiber == index);
		CHECK(e.what == (n < 3 ? CENO_FIBER_EVENT_STRIKE : CENO_FIBER_EVENT_STRIKE | CENO_FIBER_EVENT_KILLED));
		CHECK((e.strikes & 0xff) == n);
		CHECK((e.strikes >> 8 & 0xff) == (n < 2 ? CENO_SPECTRUM_MATTER : CENO_SPECTRUM_GRAVITY));
		CHECK(e.spent >= budget * 8 * n && e.spent % budget == 0);
		exact &= e.spent == budget * 8 * n;
	}
	CHECK(shared()->count <= e.spent); /* no verb for nothing */
	e.spent = shared()->count;
	sleep_until(ceno_rdtsc() + ms(250));
	CHECK(shared()->count == e.spent); /* dead */
	end();
	return exact;
}

/* CPU time at 2 J a millisecond: 16 J in 100 ms are about 8 ms of them. */
static int test_hog(void)
{
	struct ceno_fiber_event e;

	make(&(struct way){ hog, CENO_TICK_JOULES, CENO_SPECTRUM_GRAVITY, 0 });
	start();
	event_of(CENO_FIBER_EVENT_EXIT, &e);
	CHECK(shared()->ran > 0);
	CHECK(e.spent <= CENO_TICK_JOULES * 5);
	end();
	return shared()->ran < ms(300) / 5;
}

/* 32 J in Matter are all the time there is: nobody gets more, and never for less. */
static int test_hog_in_matter(void)
{
	struct ceno_fiber_event e;
	uint64_t begin, periods;

	make(&(struct way){ hog, 32, CENO_SPECTRUM_MATTER, 0 });
	begin = ceno_rdtsc();
	start();
	event_of(CENO_FIBER_EVENT_EXIT, &e);
	periods = (e.tsc - begin) / ms(16) + 1;
	CHECK(e.spent <= 32 * periods);
	CHECK(shared()->ran <= (e.spent + CENO_TICK_JOULES) * ms(1)); /* 2 J are 1 ms */
	end();
	return e.spent >= 16 * (periods - 2);
}

/* A verb that waits, and is woken for nothing, costs once: RECV 2 J, MASK 3 J. */
static int test_blocked(void)
{
	struct ceno_fiber_event e;

	make(&(struct way){ waiter, 1000, CENO_SPECTRUM_MATTER, 0 });
	start();
	sleep_until(ceno_rdtsc() + ms(30));
	CHECK(shared()->count == 0);
	for (int i = 0; i < 3; i++) { /* taken back before it runs: it wakes for nothing */
		struct ceno_message m = { { 0 } };

		CHECK(ceno_send(SLOT_CHANNEL, -1, &m) == 0);
		CHECK(ceno_recv(SLOT_CHANNEL, -1, &m, NULL) == 0);
		sleep_until(ceno_rdtsc() + ms(1));
		CHECK(shared()->count == 0);
	}
	CHECK(ceno_send(SLOT_CHANNEL, -1, &(struct ceno_message){ { 0 } }) == 0);
	event_of(CENO_FIBER_EVENT_EXIT, &e);
	CHECK(e.what == CENO_FIBER_EVENT_EXIT);
	CHECK(shared()->count == 1 && shared()->result == 0);
	CHECK(e.spent >= 5);
	end();
	return e.spent == 5;
}

static int test_energy_error(void)
{
	struct ceno_fiber_spawn s = { .slot = SLOT_FIBER, .pool_pages = 8, .spectrum = CENO_SPECTRUM_PHOTON };
	struct ceno_fiber_event e;

	CHECK(ceno_spawn_fiber(&s) == CENO_E_ENERGY); /* faster than its maker */
	s.spectrum = CENO_SPECTRUM_MATTER;
	s.budget = UINT32_MAX;
	CHECK(ceno_spawn_fiber(&s) == CENO_E_ENERGY); /* more than its maker has */
	make(&(struct way){ poor, 499, CENO_SPECTRUM_MATTER, 0 });
	start();
	event_of(CENO_FIBER_EVENT_EXIT, &e);
	CHECK(shared()->count == 2 && shared()->result == CENO_E_VERB);
	CHECK(e.spent >= 4);
	end();
	return e.spent == 4; /* SPAWN nothing, no such verb 1, MASK 3 */
}

/* GRANT waits while its event has no room; none is lost. */
static int test_full_channel(void)
{
	struct ceno_fiber_event e;
	uint32_t index = make(&(struct way){ granter, 10000, CENO_SPECTRUM_MATTER, 0 }), n;

	start();
	for (n = 0; n < 100 && shared()->count < 31; n++)
		sleep_until(ceno_rdtsc() + ms(20));
	sleep_until(ceno_rdtsc() + ms(20));
	CHECK(shared()->count == 31);
	for (n = 0; n < GRANTS; n++) {
		CHECK(event(&e) == 1);
		CHECK(e.fiber == index && e.what == CENO_FIBER_EVENT_GRANT);
		CHECK(e.a == index && e.b == CENO_OBJECT_FIBER && e.c == (R | 2 << 8));
		CHECK(e.spent >= (n + 1) * 20);
	}
	CHECK(event(&e) == 1);
	CHECK(e.what == CENO_FIBER_EVENT_EXIT && shared()->count == GRANTS && shared()->result == 0);
	end();
	return e.spent == GRANTS * 20 + 3;
}

static int test_fault(void)
{
	struct ceno_fiber_event e;
	uint32_t index = make(&(struct way){ faulter, 1000, CENO_SPECTRUM_MATTER, 0 });

	start();
	CHECK(event(&e) == 1);
	CHECK(e.fiber == index && e.what == CENO_FIBER_EVENT_FAULT);
	CHECK(e.a == 14 && e.b == 6 && e.c >= CENO_GVA_SERVICE && e.c < CENO_GVA_SERVICE + TEXT_PAGES * CENO_PAGE);
	CHECK(ceno_send(SLOT_FIBER, -1, &(struct ceno_message){ { 0 } }) == CENO_E_STATE);
	end();
	return 1;
}

/* A handler whose process counts loops, until it is out of this budget. */
static void make_process(uint32_t budget)
{
	struct ceno_message m = { { 0 } };
	int came;

	make(&(struct way){ handler, budget, CENO_SPECTRUM_VOID, 64 });
	into(CENO_GVA_TRAP_PAGE, RAM_TRAP + made, 1, R | W); /* where its stub saves registers */
	CHECK(ceno_spawn_channel(SLOT_MADE) == 0);
	CHECK(ceno_grant(SLOT_FIBER, SLOT_MADE, SLOT_EVENTS, R) == 0);
	start();
	CHECK(ceno_recv(SLOT_CHANNEL, SLOT_PROCESS, &m, &came) == 0);
	CHECK(came);
	CHECK(ceno_map(SLOT_PROCESS, CENO_SLOT_RAM, CODE_GVA, RAM_PROCESS, CENO_PAGE, R | X) == 0);
	CHECK(ceno_map(SLOT_PROCESS, CENO_SLOT_RAM, SHARED_GVA, RAM_SHARED + made, CENO_PAGE, R | W) == 0);
	CHECK(ceno_send(SLOT_MADE, -1, &m) == 0);
}

static void end_process(void)
{
	end();
	close_slot(SLOT_PROCESS);
	close_slot(SLOT_MADE);
}

/* A process that never calls its handler keeps nobody waiting: this fiber is back a
 * tick or so after its time, again and again, and the process goes on. */
static int test_process_shares(void)
{
	uint64_t late = 0, loops = 0;

	make_process(100000); /* 50 s of CPU time */
	for (int i = 0; i < 10; i++) {
		uint64_t until = ceno_rdtsc() + ms(20);

		sleep_until(until);
		late += ceno_rdtsc() - until;
		CHECK(shared()->loops > loops);
		loops = shared()->loops;
	}
	CHECK(shared()->result == 0);
	end_process();
	return late < 10 * ms(2 * CENO_TICK_MS);
}

/* A handler that is out of energy stops with its process. */
static int test_frozen_process(void)
{
	uint64_t begin, loops, handled;

	/* what is left after SPAWN, RECV, SEND and RECV lasts for two ticks */
	make_process(500 + 2 + 5 + 2 + CENO_TICK_JOULES + 2);
	begin = ceno_rdtsc();
	sleep_until(begin + ms(300));
	CHECK(shared()->result == 0);
	loops = shared()->loops;
	handled = shared()->handled;
	sleep_until(begin + ms(850));
	CHECK(shared()->loops == loops && shared()->handled == handled);
	sleep_until(begin + ms(1300)); /* refilled: both go on */
	CHECK(shared()->loops > loops && shared()->handled > handled);
	end_process();
	return handled <= 3;
}

static void repeat(int (*test)(void))
{
	for (uint32_t i = 0; i < ATTEMPTS; i++)
		if (test())
			return;
	CHECK(0);
}

void ceno_service_main(void)
{
	CHECK(report_open() == 0);
	map_own(SHARED_GVA, RAM_SHARED, 1);
	copy_out(RAM_TEXT, (const void *)CENO_GVA_SERVICE, TEXT_PAGES * CENO_PAGE);
	copy_out(RAM_PROCESS, process_code, sizeof process_code);
	repeat(test_energy_error);
	repeat(test_fault);
	repeat(test_full_channel);
	repeat(test_blocked);
	repeat(test_strikes);
	repeat(test_fork_bomb);
	repeat(test_flood);
	repeat(test_hog);
	repeat(test_hog_in_matter);
	repeat(test_frozen_process);
	repeat(test_process_shares);
	finish(0);
}
