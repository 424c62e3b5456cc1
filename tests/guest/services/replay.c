/*
 * In init's place: does what the trace in the pack says, in the fibers that it names, and
 * gives every register that came back to stdout (tests/model/guest.py makes the one and
 * judges the other).
 *
 * A child waits in its page (its stack, and an operation at a time) and yields until there
 * is one. Nothing but the trace changes what the nucleus knows, but for joules. The results
 * are in service memory until the end: stdio would ring the bell that the trace listens to.
 */
#include <stdbool.h>

#include "report.h"

#define AREA_GVA    0x22000000ull /* service memory: a page per fiber, then the results */
#define AREA_PAGES  364u
#define BOX_PAGES   64u
#define TRACE_GVA   0x24000000ull
#define CHILD_BOX   (CENO_GVA_SERVICE_STACK - CENO_PAGE) /* in a child's space */
#define CHILD_CLOCK 62u
#define TRACE_MAGIC 0x3145434152545952ull /* "RYTRACE1" */
#define PATIENCE_S  5u
#define ROUNDS      32u /* yields in which one that returned would say so */
#define REGISTERS   11u

enum kind { KIND_VERB, KIND_ENDS, KIND_LOAD, KIND_STORE, KIND_FAULT };
enum status { STATUS_NONE, STATUS_RETURNED, STATUS_ENDED, STATUS_LOST };

struct operation {
	uint32_t kind;           /* ENDS, FAULT: the fiber is not heard of again */
	uint32_t fiber;          /* index */
	uint64_t reg[REGISTERS]; /* rax rdi rsi rdx r10 r8 r9 r12..r15; LOAD, STORE: address, value;
	                          * FAULT: an address without a page, 0: an illegal instruction */
};

struct trace {
	uint64_t magic;
	uint64_t count;
	struct operation operation[];
};

struct result {
	uint64_t reg[REGISTERS];
	uint64_t before, after; /* TSC */
	uint32_t status, again; /* enum status; how often the verb was not done yet */
};

/* What the trace's maker has to know of this machine, by asking and changing nothing. */
struct report {
	uint64_t magic, count, quota, pledge;
	uint64_t signals;                      /* 1: the host has rung, and init has heard it */
	uint64_t length[CENO_SLOT_FIRST_FREE]; /* of frame ranges, by boot slot */
	uint64_t tsc;
};

struct box {
	volatile uint32_t go, done;
	uint32_t kind, again;
	uint64_t reg[REGISTERS];
};

void replay_call(uint64_t *reg);
void replay_fault(void);
uint64_t replay_peek(uint64_t gva);
void replay_child(void);

static struct result *result_at(uint64_t i)
{
	return (struct result *)(AREA_GVA + BOX_PAGES * CENO_PAGE) + i;
}

/* ---- one operation, by whoever does it ---- */

/* May this call say AGAIN because it was long? */
static bool is_long(const uint64_t *reg)
{
	if (reg[0] == CENO_VERB_MASK)
		return reg[2] == 0 || reg[2] & CENO_MASK_REVOKE;
	return reg[0] == CENO_VERB_SPAWN && (reg[2] & 0xff) == CENO_SPAWN_RESTART;
}

static void call(struct box *b)
{
	bool is_again = is_long(b->reg);
	uint64_t verb = b->reg[0];

	for (b->again = 0;; b->again++) {
		replay_call(b->reg);
		if (!is_again || (int64_t)b->reg[0] != CENO_E_AGAIN)
			return;
		b->reg[0] = verb;
	}
}

static void act(struct box *b)
{
	if (b->kind == KIND_LOAD)
		b->reg[1] = *(volatile uint64_t *)b->reg[0];
	else if (b->kind == KIND_STORE)
		*(volatile uint64_t *)b->reg[0] = b->reg[1];
	else if (b->kind == KIND_FAULT && b->reg[0])
		b->reg[1] = replay_peek(b->reg[0]);
	else if (b->kind == KIND_FAULT)
		replay_fault();
	else
		call(b);
}

static void yield(uint32_t clock)
{
	ceno_verb(CENO_VERB_TICK, clock, 1, 0, 0, 0, 0, NULL);
}

/* Text only: neither constants nor bss are in a child's space. */
void replay_child(void)
{
	struct box *b = (struct box *)CHILD_BOX;

	for (;;) {
		while (!b->go)
			yield(CHILD_CLOCK);
		b->go = 0;
		act(b);
		b->done = 1;
	}
}

/* ---- init ---- */

static bool wait_for(const volatile uint32_t *flag, uint32_t value)
{
	uint64_t end = ceno_rdtsc() + PATIENCE_S * ((const struct ceno_boot *)CENO_GVA_BOOT_PAGE)->tsc_hz;

	while (*flag != value) {
		if (ceno_rdtsc() > end)
			return false;
		yield(CENO_SLOT_CLOCK);
	}
	return true;
}

static enum status drive(struct box *b)
{
	b->done = 0;
	b->go = 1;
	if (!wait_for(&b->go, 0))
		return STATUS_LOST;
	if (b->kind != KIND_ENDS && b->kind != KIND_FAULT)
		return wait_for(&b->done, 1) ? STATUS_RETURNED : STATUS_LOST;
	for (uint32_t i = 0; i < ROUNDS; i++)
		yield(CENO_SLOT_CLOCK);
	return b->done ? STATUS_RETURNED : STATUS_ENDED;
}

static enum status perform(const struct operation *o, struct result *r)
{
	struct box *b = (struct box *)(AREA_GVA + (o->fiber % BOX_PAGES) * CENO_PAGE);

	b->kind = o->kind;
	b->again = 0;
	for (uint32_t i = 0; i < REGISTERS; i++)
		b->reg[i] = o->reg[i];
	r->before = ceno_rdtsc();
	if (o->fiber == 0) {
		act(b);
		r->status = STATUS_RETURNED;
	} else {
		r->status = drive(b);
	}
	r->after = ceno_rdtsc();
	for (uint32_t i = 0; i < REGISTERS; i++)
		r->reg[i] = b->reg[i];
	r->again = b->again;
	return r->status;
}

/* ---- what this machine is ---- */

/* A page that far in, with a right that there is not: BOUNDS if it is outside. */
static bool is_inside(uint32_t slot, uint64_t page)
{
	return ceno_map(CENO_SLOT_SELF, slot, 1ull << 40, page * CENO_PAGE, CENO_PAGE, CENO_RIGHT_READ | 1u << 20) ==
	    CENO_E_RIGHTS;
}

/* A fiber at an address that there is not: POOL if the quota has not so many pages. */
static bool is_affordable(uint32_t pages)
{
	struct ceno_fiber_spawn s = { .slot = 63, .spectrum = CENO_SPECTRUM_VOID, .pool_pages = pages, .rip = ~0ull };

	return ceno_spawn_fiber(&s) == CENO_E_BOUNDS;
}

static uint64_t length_of(uint32_t slot)
{
	uint64_t low = 0, high = 1ull << 24; /* pages */

	while (low < high) {
		uint64_t middle = (low + high) / 2;

		if (is_inside(slot, middle))
			low = middle + 1;
		else
			high = middle;
	}
	return low * CENO_PAGE;
}

static uint64_t quota(void)
{
	uint32_t low = 7, high = 1u << 20;

	while (low + 1 < high) {
		uint32_t middle = (low + high) / 2;

		if (is_affordable(middle))
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void measure(struct report *p)
{
	p->magic = TRACE_MAGIC;
	p->count = 0;
	p->quota = quota();
	p->pledge = (((const struct ceno_boot *)CENO_GVA_BOOT_PAGE)->pledge_mask & ~CENO_PLEDGE_POSIX) |
	    1u << CENO_PLEDGE_SPAWN;
	for (uint32_t slot = 0; slot < CENO_SLOT_FIRST_FREE; slot++)
		p->length[slot] = slot == CENO_SLOT_SELF || slot == CENO_SLOT_CLOCK ? 0 : length_of(slot);
	p->tsc = ceno_rdtsc();
}

/* ---- in and out ---- */

static void write_out(const void *from, uint64_t bytes)
{
	const uint8_t *byte = from;
	volatile uint32_t *index = &report_page()->index[CENO_STREAM_OUT];
	volatile uint8_t *ring = (volatile uint8_t *)(REPORT_GVA + CENO_STDOUT_OFFSET);
	volatile struct ceno_stdio_host *host = (volatile struct ceno_stdio_host *)REPORT_GVA;

	while (bytes) {
		uint32_t at = *index;

		if (at - host->index[CENO_STREAM_OUT] == CENO_STDOUT_BYTES)
			continue;
		ring[at & (CENO_STDOUT_BYTES - 1)] = *byte++;
		__atomic_store_n(index, at + 1, __ATOMIC_RELEASE);
		if (--bytes % 4096 == 0)
			*(volatile uint32_t *)REPORT_DOORBELL = 1;
	}
}

/* The host's last word before the trace is that stdin has ended: did its bell reach a
 * nucleus that listened already? */
static bool settle(void)
{
	bool has_rung = false;

	volatile struct ceno_stdio_host *host = (volatile struct ceno_stdio_host *)REPORT_GVA;
	const struct ceno_boot *boot = (const struct ceno_boot *)CENO_GVA_BOOT_PAGE;
	uint64_t end;

	while (!(host->closed & 1u << CENO_STREAM_IN))
		yield(CENO_SLOT_CLOCK);
	for (end = ceno_rdtsc() + boot->tsc_hz / 50; ceno_rdtsc() < end;)
		yield(CENO_SLOT_CLOCK);
	while (!ceno_recv_signal(REPORT_STDIO, 1))
		has_rung = true;
	return has_rung;
}

void ceno_service_main(void)
{
	const struct trace *t = (const struct trace *)TRACE_GVA;
	struct report report;

	if (report_open() || ceno_map(CENO_SLOT_SELF, CENO_SLOT_PACK, TRACE_GVA, 0, CENO_LARGE_PAGE, CENO_RIGHT_READ) ||
	    ceno_map(CENO_SLOT_SELF, CENO_SLOT_SERVICE, AREA_GVA, 0, AREA_PAGES * CENO_PAGE,
	             CENO_RIGHT_READ | CENO_RIGHT_WRITE))
		__builtin_trap();
	report_write(0, CENO_PROGRAM_RUNNING);
	CHECK(t->magic == TRACE_MAGIC);
	CHECK(t->count <= (AREA_PAGES - BOX_PAGES) * CENO_PAGE / sizeof(struct result));
	report.signals = settle();
	measure(&report);
	while (report.count < t->count && perform(&t->operation[report.count], result_at(report.count)) != STATUS_LOST)
		report.count++;
	write_out(&report, sizeof report);
	write_out(result_at(0), t->count * sizeof(struct result));
	finish(0);
}
