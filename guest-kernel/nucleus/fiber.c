/*
 * Fibers: who runs.
 *
 *   FREE -> PARKED (SPAWN) -> READY (SEND) <-> BLOCKED (RECV, TICK)
 *                                |
 *                                v
 *                              DEAD (MASK of itself to nothing)
 *
 * A verb that must wait leaves the caller's registers as they were and steps its
 * rip back onto the int3, so waiting is nothing but running the verb again.
 */
#include "nucleus.h"
#include "cpu.h"

int ceno_fiber_free_index(void)
{
	for (int i = 0; i < CENO_FIBERS_MAX && (uint64_t)i < ceno_cpu.handoff->trap_pages; i++)
		if (!ceno_cpu.fiber[i])
			return i;
	return -1;
}

struct ceno_fiber *ceno_fiber_new(uint64_t quota, uint64_t rip, uint64_t rsp, uint32_t index)
{
	struct ceno_fiber *f = ceno_pool_take();

	f->object = (struct ceno_object){ .type = CENO_OBJECT_FIBER, .epoch = 1 };
	f->cspace = ceno_pool_take();
	f->index = index;
	f->trap = (struct ceno_trap_page *)(ceno_cpu.handoff->trap_gva + index * CENO_PAGE);
	f->state = CENO_FIBER_PARKED;
	f->frame.rip = rip;
	f->frame.rsp = rsp;
	f->frame.cs = CENO_SEL_USER_CS;
	f->frame.ss = CENO_SEL_USER_SS;
	f->frame.rflags = CENO_RFLAGS_SET;
	f->space.quota = quota;
	ceno_cpu.fiber[index] = f;
	if (index >= ceno_cpu.fiber_end)
		ceno_cpu.fiber_end = index + 1;
	return f;
}

void ceno_fiber_block(uint32_t wait, struct ceno_object *on, uint64_t wake_tsc)
{
	struct ceno_fiber *f = ceno_cpu.current;

	f->state = CENO_FIBER_BLOCKED;
	f->wait = wait;
	f->wait_on = on;
	f->wake_tsc = wake_tsc;
	f->frame.rip -= 1;
}

static void make_ready(struct ceno_fiber *f)
{
	f->state = CENO_FIBER_READY;
	f->wait = CENO_WAIT_NONE;
	f->wait_on = NULL;
}

void ceno_fiber_wake(struct ceno_object *channel)
{
	for (uint64_t i = 0; i < ceno_cpu.fiber_end; i++) {
		struct ceno_fiber *f = ceno_cpu.fiber[i];

		if (f && f->state == CENO_FIBER_BLOCKED && f->wait == CENO_WAIT_CHANNEL && f->wait_on == channel)
			make_ready(f);
	}
}

void ceno_fiber_select(struct ceno_fiber *f)
{
	ceno_cpu.current = f;
	ceno_cpu.trap = f->trap;
	ceno_cpu.handler_cr3 = f->space.cr3;
	ceno_cpu.process_cr3 = f->process ? f->process->space.cr3 : f->space.cr3;
	ceno_cpu.rsp0 = (uint64_t)&f->frame + sizeof f->frame;
	*ceno_cpu.tss_rsp0 = ceno_cpu.rsp0;
	ceno_cpu_set_cr3(f->space.cr3);
}

static int may_run(struct ceno_fiber *f, uint64_t now)
{
	uint32_t w = f->wait;

	if (f->state == CENO_FIBER_BLOCKED &&
	    (((w == CENO_WAIT_SIGNAL || w == CENO_WAIT_TIME_OR_SIGNAL) && f->signal_seen != ceno_cpu.signal_count) ||
	     ((w == CENO_WAIT_TIME || w == CENO_WAIT_TIME_OR_SIGNAL) && now >= f->wake_tsc)))
		make_ready(f);
	return f->state == CENO_FIBER_READY;
}

/* Sleeps until the next interrupt that could make somebody ready. */
static void idle(void)
{
	uint64_t first = UINT64_MAX;
	int hope = 0;

	for (uint64_t i = 0; i < ceno_cpu.fiber_end; i++) {
		struct ceno_fiber *f = ceno_cpu.fiber[i];

		if (!f || f->state != CENO_FIBER_BLOCKED || f->wait == CENO_WAIT_CHANNEL)
			continue;
		hope = 1;
		if (f->wait != CENO_WAIT_SIGNAL && f->wake_tsc < first)
			first = f->wake_tsc;
	}
	if (!hope)
		ceno_cpu_stop(CENO_STOP_NO_FIBER);
	ceno_cpu_wrmsr(CENO_MSR_TSC_DEADLINE, first == UINT64_MAX ? 0 : first);
	ceno_cpu_idle();
}

void ceno_fiber_schedule(void)
{
	uint64_t i = ceno_cpu.current->index;
	int slept = 0;

	for (;;) {
		uint64_t now = ceno_cpu_tsc();

		for (uint64_t n = 0; n < ceno_cpu.fiber_end; n++) {
			struct ceno_fiber *f;

			i = i + 1 < ceno_cpu.fiber_end ? i + 1 : 0;
			f = ceno_cpu.fiber[i];
			if (!f || !may_run(f, now))
				continue;
			if (slept)
				ceno_cpu_wrmsr(CENO_MSR_TSC_DEADLINE, now + ceno_cpu.tick_tsc);
			if (f != ceno_cpu.current)
				ceno_fiber_select(f);
			return;
		}
		idle();
		slept = 1;
	}
}
