/*
 * Whose FPU state is in the registers: x87 to AVX-512, segment selectors, fs and gs bases.
 *
 * The nucleus executes no FPU instruction. Where the registers have to change hands it
 * runs the switcher: a fiber in a space of its own, which has no capability, no index
 * and no time, and does nothing but execute the stub of the entry page in ring 3 with
 * interrupts off. In its space, and in no other, lie the areas: one pool page for each
 * fiber with an FPU, so no fiber can leave in one what XRSTOR refuses.
 *
 *   A --- schedule: f is away ---> switcher: XSAVE to A's, XRSTOR from f's --- int3 ---> f
 *
 * A fiber is `away` if it has an area and the registers hold another's state. So f runs
 * by ceno_fpu_switched, and nothing else, after the stub took every component from f's
 * area. Fibers without an area (services: they have no FPU instruction) pass by.
 */
#include "nucleus.h"
#include "paging.h"

#define AREA_MXCSR  24 /* SDM vol. 1, 13.4.1: XRSTOR takes it from memory in any case */
#define MXCSR_INIT  0x1f80u
#define AREA_HEADER 512  /* XSTATE_BV 0: every component is initial */
#define RFLAGS_OFF  2ull /* of ring 3 with interrupts off: it ends by its int3 alone */

static uint64_t area_gva(const struct ceno_fiber *f)
{
	return CENO_GVA_FPU + f->index * CENO_PAGE;
}

static uint64_t *area_word(const struct ceno_fiber *f, uint64_t offset)
{
	return (uint64_t *)f->fpu + offset / sizeof(uint64_t);
}

void ceno_fpu_give(struct ceno_fiber *f)
{
	f->fpu = ceno_pool_take(); /* zero, but for this all that a fiber has that never ran */
	*area_word(f, AREA_MXCSR) = MXCSR_INIT;
	f->fpu_away = ceno_cpu.fpu_used;
	if (!ceno_cpu.fpu_used)
		ceno_cpu.fpu_owner = f; /* the first: they are as the CPU's reset left them */
	ceno_cpu.fpu_used = 1;
}

static void disown(struct ceno_fiber *f)
{
	if (ceno_cpu.fpu_owner == f)
		ceno_cpu.fpu_owner = NULL;
}

void ceno_fpu_reset(struct ceno_fiber *f)
{
	if (!f->fpu)
		return;
	disown(f);
	f->fpu_away = 1;
	*area_word(f, AREA_MXCSR) = MXCSR_INIT;
	*area_word(f, AREA_HEADER) = 0;
	for (uint64_t i = 0; i < CENO_FPU_SEGMENT_WORDS; i++)
		area_word(f, CENO_FPU_SEGMENTS)[i] = 0;
}

uint64_t ceno_fpu_end(struct ceno_fiber *f)
{
	if (!f->fpu)
		return 0;
	disown(f);
	if (ceno_cpu.fpu_areas)
		ceno_cpu.fpu_areas[f->index] = 0;
	ceno_pool_give(f->fpu);
	f->fpu = NULL;
	f->fpu_away = 0;
	return 1;
}

/* Its pages were kept back at boot, and are taken when two fibers first need them. */
static void make_switcher(struct ceno_fiber *s)
{
	ceno_space_init(&s->space, CENO_FPU_PAGES);
	ceno_cpu.fpu_areas = ceno_space_table(&s->space, CENO_GVA_FPU);
	s->index = CENO_FIBERS_MAX; /* for whoever reads the memory of a stopped session */
	s->frame.cs = CENO_SEL_USER_CS;
	s->frame.ss = CENO_SEL_USER_SS;
	s->frame.rflags = RFLAGS_OFF;
}

static uint64_t show(const struct ceno_fiber *f)
{
	ceno_cpu.fpu_areas[f->index] = ceno_pool_gpa(f->fpu) | ceno_entry_flags(CENO_RIGHT_READ | CENO_RIGHT_WRITE);
	return area_gva(f);
}

struct ceno_fiber *ceno_fpu_switch(struct ceno_fiber *f)
{
	struct ceno_fiber *s = &ceno_cpu.fpu_switcher;

	if (!ceno_cpu.fpu_areas)
		make_switcher(s);
	s->frame.rip = CENO_GVA_FPU_LOAD;
	if (ceno_cpu.fpu_owner) {
		s->frame.rip = CENO_GVA_FPU_SAVE;
		s->frame.rdi = show(ceno_cpu.fpu_owner);
	}
	s->frame.rsi = show(f);
	ceno_cpu.fpu_next = f;
	return s;
}

void ceno_fpu_switched(void)
{
	struct ceno_fiber *f = ceno_cpu.fpu_next;

	if (ceno_cpu.fpu_owner)
		ceno_cpu.fpu_owner->fpu_away = 1;
	f->fpu_away = 0;
	ceno_cpu.fpu_owner = f;
	ceno_cpu.fpu_next = NULL;
	ceno_fiber_select(f);
}
