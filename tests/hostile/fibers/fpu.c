/*
 * Claim 11: another fiber's FPU state: x87 to AVX-512, mxcsr, segment selectors and bases.
 * It is looked for in fresh registers, after yields and ticks, after a death, in a second
 * life, in a child; and the stub that switches it is jumped to.
 */
#include "tests/lib/fpu_state.h"
#include "world.h"

enum { CHILD = FREE };

#define ROUNDS    5000u /* of each of two: ten thousand switches */
#define TICKING   400u  /* ms */
#define SECRET    77u
#define AREAS     (64 * CENO_PAGE)
#define SPAWN_BIT (1u << CENO_PLEDGE_SPAWN)

/* word[number]: rounds; word[8 + number]: times that a register was not its own; word[16 +
 * number]: what (fpu_differs); word[24]: rounds there should be */
static void check(uint32_t number, const struct fpu_state *want)
{
	struct fpu_state now;
	int differs;

	fpu_zero(&now);
	fpu_store(&now, 1);
	differs = fpu_differs(&now, want, 1);
	if (differs) {
		world()->word[8 + number]++;
		world()->word[16 + number] = (uint64_t)differs;
		fpu_load(want, 1);
	}
	world()->word[number]++;
}

static void forget(void)
{
	for (uint32_t i = 0; i < 24; i++)
		world()->word[i] = 0;
}

static void yield(void)
{
	MUST(ceno_tick(1, 0, NULL) == 0);
}

static _Noreturn void holds_by_yields(uint32_t number)
{
	struct fpu_state own;

	for (uint32_t i = 0; i < world()->word[24]; i++) {
		if (i % 32 == 0) {
			fpu_pattern(&own, number + 1 + i / 16);
			fpu_load(&own, 1);
		}
		yield();
		check(number, &own);
	}
	leave();
}

static _Noreturn void yields_0(void)
{
	holds_by_yields(0);
}

static _Noreturn void yields_1(void)
{
	holds_by_yields(1);
}

static _Noreturn void holds_by_ticks(uint32_t number)
{
	uint64_t end = ceno_rdtsc() + milliseconds(TICKING);
	struct fpu_state own;

	fpu_pattern(&own, 40 + number);
	fpu_load(&own, 1);
	while (ceno_rdtsc() < end)
		check(number, &own);
	leave();
}

static _Noreturn void ticks_0(void)
{
	holds_by_ticks(0);
}

static _Noreturn void ticks_1(void)
{
	holds_by_ticks(1);
}

/* Writes nothing, and reads what there is. */
static _Noreturn void reads_1(void)
{
	struct fpu_state initial;

	fpu_initial(&initial);
	for (uint32_t i = 0; i < world()->word[24]; i++) {
		check(1, &initial);
		yield();
	}
	leave();
}

static void make_one(uint32_t number, void (*function)(void))
{
	make(&(struct way){ .run = function, .number = number, .own = ALL, .fpu = 1 });
	MUST(ceno_grant(FIBER + number, CLOCK, CLOCK, R) == 0);
}

static void both(const char *what, void (*first)(void), void (*second)(void))
{
	struct ceno_fiber_event e;
	int ends = 0;

	say(" ");
	say(what);
	say("\n");
	forget();
	make_one(0, first);
	make_one(1, second);
	start(0);
	start(1);
	while (ends < 2) {
		next_event(&e);
		tried_quietly("it ends by itself", (int64_t)(e.what & ~(uint64_t)CENO_FIBER_EVENT_STRIKE),
		              CENO_FIBER_EVENT_EXIT);
		ends++;
	}
	for (uint32_t n = 0; n < 2; n++) {
		tried_true("rounds, as many as there should be", world()->word[n] >= world()->word[24]);
		tried("times that a register was not its own", (int64_t)world()->word[8 + n], 0);
		if (world()->word[8 + n])
			counted("what, of 1 x87 2 mxcsr 3 vectors 4 masks 5 bases 6 selectors", world()->word[16 + n]);
	}
	close_slot(FIBER);
	close_slot(FIBER + 1);
}

/* ---- one after another ---- */

/* x87's last instruction and operand are state, too: here they are the victim's. */
static void use_x87(void)
{
	static const double value = 1;

	__asm__ volatile("fninit\n\tfldl %0" : : "m"(value));
}

static void fill(void)
{
	struct fpu_state own;

	fpu_pattern(&own, SECRET);
	fpu_load(&own, 1);
}

static _Noreturn void fills_and_leaves(void)
{
	use_x87();
	fill();
	leave();
}

static _Noreturn void fills_and_faults(void)
{
	use_x87();
	fill();
	__builtin_trap();
}

static _Noreturn void fills_and_stays(void)
{
	use_x87();
	fill();
	world()->word[4] = 1;
	for (;;)
		yield();
}

/* word[16]: what is not initial; word[17]: x87's addresses are neither zero nor the stub's. */
static _Noreturn void looks(void)
{
	const uint32_t zero = 0;
	struct fpu_state initial;
	uint32_t env[7];

	__asm__ volatile("fnstenv %0\n\tfldcw %1" : "=m"(env) : "m"((const uint16_t){ 0x37f }));
	world()->word[17] = (env[3] != zero && (env[3] & ~0xfffu) != CENO_GVA_ENTRY) ||
	    (env[5] != zero && (env[5] & ~0x3ffffu) != CENO_GVA_FPU);
	fpu_initial(&initial);
	check(0, &initial);
	world()->word[5] = 1;
	leave();
}

static void look_in(uint32_t number, const char *what)
{
	say(" ");
	say(what);
	say("\n");
	world()->word[5] = 0;
	(void)run(number, NULL);
	tried("it looked", (int64_t)world()->word[5], 1);
	tried("what was there (0 nothing 1 x87 2 mxcsr 3 vectors 4 masks 5 bases 6 selectors)",
	      (int64_t)world()->word[16], 0);
	tried("x87's last addresses are another's", (int64_t)world()->word[17], 0);
	forget();
}

static void one_after_another(void)
{
	const struct way again = { .run = looks, .own = ALL, .fpu = 1 };

	forget();
	make_one(1, fills_and_stays);
	start(1);
	while (!world()->word[4])
		MUST(ceno_tick(1, 0, NULL) == 0);
	make_one(0, looks);
	look_in(0, "a new fiber, beside one with a secret");
	close_slot(FIBER);
	close_slot(FIBER + 1);

	make_one(0, fills_and_leaves);
	tried("one with a secret ends", (int64_t)run(0, NULL), CENO_FIBER_EVENT_EXIT);
	close_slot(FIBER);
	make_one(0, looks);
	look_in(0, "a new one in the place of one that ended");
	close_slot(FIBER);

	make_one(0, fills_and_faults);
	tried("one with a secret faults", (int64_t)run(0, NULL), CENO_FIBER_EVENT_FAULT);
	restart(&again);
	look_in(0, "its next life");
	restart(&(struct way){ .run = fills_and_leaves, .own = ALL, .fpu = 1 });
	make_one(1, looks);
	tried("one with a secret ends, and lies there", (int64_t)run(0, NULL), CENO_FIBER_EVENT_EXIT);
	look_in(1, "another");
	restart(&again);
	look_in(0, "its next life, after another's");
	close_slot(FIBER);
	close_slot(FIBER + 1);
}

/* ---- a child ---- */

#define SEGMENTS 2u

/* Where its text and rodata lie: gva, offset, bytes, rights; init has looked. */
static volatile uint64_t *segments(void)
{
	return world()->word + 32;
}

static _Noreturn void breeds(void)
{
	struct ceno_fiber_spawn s = {
		.slot = CHILD, .spectrum = CENO_SPECTRUM_MATTER, .pool_pages = 7, .rip = (uint64_t)looks
	};

	tried("a child that does not ask for an FPU, with no page for one", ceno_spawn_fiber(&s), CENO_E_POOL);
	s.pool_pages = 64;
	s.budget = 100000;
	s.rsp = STACK_GVA + 4 * STACK_BYTES - 8;
	MUST(ceno_spawn_fiber(&s) > 0);
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		volatile uint64_t *at = segments() + 4 * i;

		MUST(!at[2] || ceno_map(CHILD, BUNDLE, at[0], at[1], at[2], (uint32_t)at[3]) == 0);
	}
	MUST(ceno_map(CHILD, RAM, STACK_GVA + 3 * STACK_BYTES, RAM_STACKS + STACK_BYTES, STACK_BYTES, R | W) == 0);
	MUST(ceno_map(CHILD, RAM, SHARED_GVA, RAM_SHARED, SHARED_BYTES, R | W) == 0);
	MUST(ceno_grant(CHILD, CHILD, SELF, ALL) == 0);
	fill();
	MUST(ceno_send(CHILD, -1, &(struct ceno_message){ { 0 } }) == 0);
	while (!world()->word[5])
		yield();
	leave();
}

static void own_child(void)
{
	const struct ceno_bundle_header *h = (const struct ceno_bundle_header *)CENO_GVA_BUNDLE;

	make(&(struct way){ .run = breeds, .own = ALL, .pledge = SPAWN_BIT, .pages = 256, .fpu = 1 });
	MUST(ceno_grant(FIBER, BUNDLE, BUNDLE, R | X) == 0 && ceno_grant(FIBER, RAM, RAM, R | W) == 0);
	MUST(ceno_grant(FIBER, CLOCK, CLOCK, R) == 0);
	for (uint32_t i = 0, n = 0; i < h->segment_count && n < SEGMENTS; i++) {
		const struct ceno_bundle_segment *s = &h->segments[i];
		volatile uint64_t *at = segments() + 4 * n;

		if (s->module != CENO_MODULE_INIT || (s->kind != CENO_SEGMENT_TEXT && s->kind != CENO_SEGMENT_RODATA))
			continue;
		at[0] = s->gva;
		at[1] = s->offset;
		at[2] = s->bytes;
		at[3] = s->kind == CENO_SEGMENT_TEXT ? R | X : R;
		n++;
	}
	look_in(0, "a child of one with a secret");
	close_slot(FIBER);
}

/* ---- what is pending is its own ---- */

static _Noreturn void divides(void)
{
	__asm__ volatile("fninit\n\tfldcw %0\n\tfldz\n\tfld1\n\tfdivp"
	                 :
	                 : "m"((const uint16_t){ 0x37b })); /* ZM clear */
	world()->word[4] = 1;
	while (!world()->word[6])
		yield();
	__asm__ volatile("fwait");
	leave();
}

static _Noreturn void multiplies(void)
{
	while (!world()->word[4])
		yield();
	__asm__ volatile("fld1\n\tfmul %st(0), %st\n\tfwait");
	world()->word[5] = 1;
	leave();
}

static void pending(void)
{
	struct ceno_fiber_event e;

	forget();
	make_one(0, divides);
	make_one(1, multiplies);
	start(0);
	tried("beside one with an exception pending", (int64_t)run(1, NULL), CENO_FIBER_EVENT_EXIT);
	tried("it multiplied", (int64_t)world()->word[5], 1);
	world()->word[6] = 1;
	next_event(&e);
	tried("the exception is its own", (int64_t)(e.what & CENO_FIBER_EVENT_FAULT ? e.a : 0), 16);
	close_slot(FIBER);
	close_slot(FIBER + 1);
}

/* ---- the stub and the areas ---- */

static struct fpu_state *page(void)
{
	return (struct fpu_state *)TARGET_GVA;
}

static _Noreturn void jumps(uint64_t to, uint64_t save, uint64_t load)
{
	__asm__ volatile("jmp *%0" : : "r"(to), "D"(save), "S"(load) : "memory");
	__builtin_unreachable();
}

static _Noreturn void jumps_to_gate(void)
{
	jumps(CENO_GATE_FPU, 0, 0);
}

static _Noreturn void saves_own(void)
{
	jumps(CENO_GVA_FPU_SAVE, (uint64_t)page(), (uint64_t)page());
}

static _Noreturn void saves_to_area(void)
{
	jumps(CENO_GVA_FPU_SAVE, CENO_GVA_FPU + 2 * CENO_PAGE, (uint64_t)page());
}

static _Noreturn void loads_area(void)
{
	jumps(CENO_GVA_FPU_LOAD, 0, CENO_GVA_FPU + 2 * CENO_PAGE);
}

static _Noreturn void loads_bad_header(void)
{
	((volatile uint64_t *)(void *)page())[512 / 8] = ~0ull;
	((volatile uint64_t *)(void *)page())[520 / 8] = ~0ull;
	jumps(CENO_GVA_FPU_LOAD, 0, (uint64_t)page());
}

/* Where its area would be if it were here, it lays one that nothing would load. */
static _Noreturn void lays_areas(void)
{
	struct fpu_state own;

	MUST(ceno_map(SELF, RAM, CENO_GVA_FPU, RAM_FREE, AREAS, R | W) == 0);
	for (uint64_t *at = (uint64_t *)CENO_GVA_FPU, *end = at + AREAS / 8; at != end; at++)
		*at = ~0ull;
	fpu_pattern(&own, 5);
	fpu_load(&own, 1);
	for (uint32_t i = 0; i < 100; i++) {
		if (i == 50)
			MUST(ceno_map(SELF, -1, CENO_GVA_FPU, 0, AREAS, 0) == 0);
		yield();
		check(0, &own);
	}
	leave();
}

static void end_of(const char *what, void (*run_)(void), int64_t expected)
{
	struct ceno_fiber_event e;

	make_one(0, run_);
	MUST(ceno_map(FIBER, RAM, TARGET_GVA, RAM_FREE, CENO_PAGE, R | W) == 0);
	MUST(ceno_grant(FIBER, RAM, RAM, R | W) == 0);
	tried(what, run(0, &e) & CENO_FIBER_EVENT_FAULT ? (int64_t)(e.a << 16 | e.b) : NO_FAULT, expected);
	close_slot(FIBER);
}

static void stub(void)
{
	make_one(1, fills_and_stays); /* others' areas are there, and switches between */
	forget();
	start(1);
	end_of("a jump to the stub's gate", jumps_to_gate, 3 << 16);
	end_of("a jump to the stub, with memory of its own", saves_own, 3 << 16);
	end_of("a jump to the stub, with an area", saves_to_area, PAGE_FAULT(PF_USER | PF_WRITE));
	end_of("a jump to where it loads, with an area", loads_area, PAGE_FAULT(PF_USER));
	end_of("a jump to where it loads, with a header that is none", loads_bad_header, 13 << 16);
	end_of("areas of its own where the stub has them", lays_areas, NO_FAULT);
	tried("of which nothing came into its registers", (int64_t)world()->word[8], 0);
	for (uint32_t i = 0; i < 4; i++)
		tried("read of an area", touch(CENO_GVA_FPU + i * CENO_PAGE, TOUCH_READ, NULL), PAGE_FAULT(PF_USER));
	tried("MAP over the stub", ceno_map(SELF, RAM, CENO_GVA_ENTRY, RAM_FREE, CENO_PAGE, R | X), CENO_E_BOUNDS);
	close_slot(FIBER + 1);
}

void attack(void)
{
	say("fpu: another fiber's registers\n");
	one_after_another();
	own_child();
	world()->word[24] = ROUNDS / 10;
	both("a reader, and one that fills the registers", yields_0, reads_1);
	world()->word[24] = ROUNDS;
	both("two that yield", yields_0, yields_1);
	world()->word[24] = 100; /* at least: they count what they looked */
	both("two that spin", ticks_0, ticks_1);
	pending();
	stub();
}
