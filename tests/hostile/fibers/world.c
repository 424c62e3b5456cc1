#include "world.h"

#define HEADER_GVA CENO_GVA_BUNDLE

enum status { SUCCESS, FAILURE, ERROR };

/* ---- the log ---- */

static void put(char c)
{
	if (world()->used < sizeof world()->text)
		world()->text[world()->used++] = c;
}

void say(const char *text)
{
	for (; *text; text++)
		put(*text);
}

static void say_number(uint64_t n)
{
	char digits[20];
	int count = 0;

	do
		digits[count++] = (char)('0' + n % 10);
	while (n /= 10);
	while (count)
		put(digits[--count]);
}

static void say_answer(int64_t rc)
{
	switch (rc) {
#define ANSWER(name, number, text) \
	case number: \
		say(#name); \
		return;
		CENO_VERB_ERRORS(ANSWER)
#undef ANSWER
	default:
		if (rc < 0) {
			say("-");
			rc = -rc;
		}
		if (rc >> 16) { /* touch() */
			say("vector ");
			say_number((uint64_t)rc >> 16);
			say(" error ");
			rc &= 0xffff;
		}
		say_number((uint64_t)rc);
	}
}

static void wrong(int64_t expected)
{
	say("   WRONG, expected ");
	say_answer(expected);
	world()->failures++;
}

void tried(const char *what, int64_t got, int64_t expected)
{
	say("  ");
	say(what);
	say(": ");
	say_answer(got);
	if (got != expected)
		wrong(expected);
	say("\n");
}

void tried_quietly(const char *what, int64_t got, int64_t expected)
{
	if (got == expected)
		return;
	if (world()->failures++ == 0)
		tried(what, got, expected);
}

void tried_true(const char *what, int holds)
{
	say("  ");
	say(what);
	say(holds ? ": holds\n" : ": DOES NOT HOLD\n");
	world()->failures += !holds;
}

void counted(const char *what, uint64_t n)
{
	say("  ");
	say(what);
	say(": ");
	say_number(n);
	say("\n");
}

static _Noreturn void finish(enum status status)
{
	const uint64_t window = CENO_GVA_WINDOW;
	volatile struct ceno_stdio_guest *g = (struct ceno_stdio_guest *)(window + CENO_STDIO_GUEST_OFFSET);
	volatile char *out = (char *)window + CENO_STDOUT_OFFSET;

	say(status == SUCCESS ? "SUCCESS\n" : status == FAILURE ? "FAILURE\n" : "ERROR\n");
	for (uint32_t i = 0; i < world()->used; i++)
		out[i] = world()->text[i];
	g->magic = CENO_STDIO_MAGIC;
	g->abi_version = CENO_ABI_VERSION;
	g->seq = 1;
	g->exit_status = status;
	g->index[CENO_STREAM_OUT] = world()->used;
	__atomic_store_n(&g->state, CENO_PROGRAM_DONE, __ATOMIC_RELEASE);
	*(volatile uint32_t *)(window + CENO_LARGE_PAGE - CENO_PAGE) = 1;
	for (;;)
		ceno_recv_signal(STDIO, 0);
}

_Noreturn void conclude(void)
{
	finish(world()->failures ? FAILURE : SUCCESS);
}

/* In a fiber: its number of this line goes with the fault that init sees. */
_Noreturn void broken(uint32_t line)
{
	say("  cannot go on, line ");
	say_number(line);
	say("\n");
	world()->word[63] = line;
	if (*(volatile uint64_t *)&world()->word[62] == 0)   /* init runs */
		finish(world()->failures ? FAILURE : ERROR); /* what went through may be why */
	__builtin_trap();
}

/* ---- fibers ---- */

static const struct ceno_bundle_segment *segment(uint32_t kind)
{
	const struct ceno_bundle_header *h = (const struct ceno_bundle_header *)HEADER_GVA;

	for (uint32_t i = 0; i < h->segment_count; i++)
		if (h->segments[i].module == CENO_MODULE_INIT && h->segments[i].kind == kind)
			return &h->segments[i];
	return NULL;
}

static uint64_t stack_top(uint32_t number)
{
	return STACK_GVA + (number + 1) * 2 * STACK_BYTES;
}

void furnish(const struct way *w)
{
	const struct ceno_bundle_segment *t = segment(CENO_SEGMENT_TEXT), *r = segment(CENO_SEGMENT_RODATA);
	uint32_t slot = FIBER + w->number;

	MUST(ceno_map(slot, BUNDLE, t->gva, t->offset, t->bytes, R | X) == 0);
	if (r)
		MUST(ceno_map(slot, BUNDLE, r->gva, r->offset, r->bytes, R) == 0);
	MUST(ceno_map(slot, RAM, stack_top(w->number) - STACK_BYTES, RAM_STACKS + w->number * STACK_BYTES, STACK_BYTES,
	              R | W) == 0);
	MUST(ceno_map(slot, RAM, SHARED_GVA, RAM_SHARED, SHARED_BYTES, R | W) == 0);
	MUST(ceno_map(slot, BOOT, CENO_GVA_BOOT_PAGE, 0, CENO_PAGE, R) == 0);
	if (w->own)
		MUST(ceno_grant(slot, slot, SELF, w->own) == 0);
}

uint32_t make(const struct way *w)
{
	int64_t index =
	    ceno_spawn_fiber(&(struct ceno_fiber_spawn){ .slot = FIBER + w->number,
	                                                 .pledge = w->pledge,
	                                                 .spectrum = w->spectrum ? w->spectrum : CENO_SPECTRUM_MATTER,
	                                                 .fpu = w->fpu,
	                                                 .events_slot = EVENTS,
	                                                 .budget = w->budget ? w->budget : 10000000,
	                                                 .pool_pages = w->pages ? w->pages : 64,
	                                                 .rip = (uint64_t)w->run,
	                                                 .rsp = stack_top(w->number) - 8 });

	MUST(index > 0);
	furnish(w);
	return (uint32_t)index;
}

void restart(const struct way *w)
{
	int64_t rc;

	do
		rc = ceno_restart(FIBER + w->number, (uint64_t)w->run, stack_top(w->number) - 8);
	while (rc == CENO_E_AGAIN);
	MUST(rc == 0);
	furnish(w);
}

void start(uint32_t number)
{
	MUST(ceno_send(FIBER + number, -1, &(struct ceno_message){ { 0 } }) == 0);
}

void next_event(struct ceno_fiber_event *e)
{
	struct ceno_message m;

	world()->word[62] = 1;
	MUST(ceno_recv(EVENTS, -1, &m, NULL) == 1);
	world()->word[62] = 0;
	*e = (struct ceno_fiber_event){ m.word[0], m.word[1], m.word[2], m.word[3],
		                        m.word[4], m.word[5], m.word[6], m.word[7] };
}

uint64_t run(uint32_t number, struct ceno_fiber_event *e)
{
	const uint64_t ends = CENO_FIBER_EVENT_EXIT | CENO_FIBER_EVENT_FAULT | CENO_FIBER_EVENT_KILLED;
	struct ceno_fiber_event own = { 0 };

	e = e ? e : &own;
	start(number);
	do
		next_event(e);
	while (!(e->what & ends));
	MUST(world()->word[63] == 0);
	return e->what;
}

void close_slot(uint32_t slot)
{
	int64_t rc;

	do
		rc = ceno_mask(slot, 0, 0, 0, 0);
	while (rc == CENO_E_AGAIN);
	MUST(rc == 0);
}

_Noreturn void leave(void)
{
	ceno_mask(SELF, 0, 0, 0, 0);
	__builtin_trap();
}

/* ---- faults ---- */

static _Noreturn void toucher(void)
{
	volatile uint64_t *at = (volatile uint64_t *)world()->word[60];

	switch ((enum touch)world()->word[61]) {
	case TOUCH_READ:
		(void)*at;
		break;
	case TOUCH_WRITE:
		*at = *(volatile uint64_t *)&world()->word[59];
		break;
	default:
		((void (*)(void))world()->word[60])();
	}
	leave();
}

int64_t touch(uint64_t gva, enum touch how, void (*maker)(void))
{
	struct ceno_fiber_event e;
	uint64_t what;

	world()->word[60] = gva;
	world()->word[61] = how;
	make(&(struct way){ .run = toucher, .own = ALL });
	if (maker)
		maker();
	what = run(0, &e);
	close_slot(FIBER);
	return what & CENO_FIBER_EVENT_FAULT ? (int64_t)(e.a << 16 | e.b) : NO_FAULT;
}

void ceno_service_main(void)
{
	if (ceno_map(SELF, RAM, SHARED_GVA, RAM_SHARED, SHARED_BYTES, R | W) ||
	    ceno_map(SELF, STDIO, CENO_GVA_WINDOW, 0, CENO_STDIO_BYTES, R | W) || ceno_spawn_channel(EVENTS))
		__builtin_trap();
	attack();
	conclude();
}
