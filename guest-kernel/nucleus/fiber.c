/*
 * Fibers: who runs.
 *
 *   FREE -> PARKED (SPAWN) -> READY (SEND) <-> BLOCKED (RECV, TICK, out of energy,
 *              ^                 |                |     an events channel full)
 *              |                 v                v
 *              '-- RESTART --- DEAD (exit, fault, third strike, revoked)
 *
 * A verb that must wait leaves the caller's registers as they were and steps its
 * rip back onto the int3, so waiting is nothing but running the verb again.
 * Whoever waits for a channel is in its list of waiters and nowhere else.
 */
#include "nucleus.h"
#include "cpu.h"
#include "paging.h"

int ceno_fiber_free_index(void)
{
	for (int i = 0; i < CENO_FIBERS_MAX && (uint64_t)i < ceno_cpu.handoff->trap_pages; i++)
		if (!ceno_cpu.fiber[i])
			return i;
	return -1;
}

static void set_start(struct ceno_fiber *f, uint64_t rip, uint64_t rsp)
{
	f->frame.rip = rip;
	f->frame.rsp = rsp;
	f->frame.cs = CENO_SEL_USER_CS;
	f->frame.ss = CENO_SEL_USER_SS;
	f->frame.rflags = CENO_RFLAGS_SET;
	f->state = CENO_FIBER_PARKED;
}

/* All else of it is zero, as its page is. */
struct ceno_fiber *ceno_fiber_new(uint64_t quota, uint64_t rip, uint64_t rsp, uint32_t index)
{
	struct ceno_fiber *f = ceno_pool_take();

	f->object = (struct ceno_object){ .type = CENO_OBJECT_FIBER, .epoch = ceno_epoch_new() };
	f->cspace = ceno_pool_take();
	f->index = index;
	f->trap = (struct ceno_trap_page *)(ceno_cpu.handoff->trap_gva + index * CENO_PAGE);
	set_start(f, rip, rsp);
	f->space.quota = quota;
	ceno_cpu.fiber[index] = f;
	if (index >= ceno_cpu.fiber_end)
		ceno_cpu.fiber_end = index + 1;
	return f;
}

void ceno_fiber_reset(struct ceno_fiber *f, uint64_t rip, uint64_t rsp)
{
	f->frame = (struct ceno_frame){ 0 };
	set_start(f, rip, rsp);
	ceno_fpu_reset(f);
	f->process = NULL;
	f->signal_seen = 0;
	f->restarts++;
}

int ceno_fiber_block(struct ceno_fiber *f, uint32_t wait, uint64_t wake_tsc)
{
	f->state = CENO_FIBER_BLOCKED;
	f->wait = wait;
	f->wake_tsc = wake_tsc;
	f->frame.rip -= 1;
	return CENO_VERB_BLOCKED;
}

int ceno_fiber_block_on(struct ceno_fiber *f, struct ceno_channel *c)
{
	f->wait_on = c;
	f->next_waiter = c->waiters;
	c->waiters = f;
	return ceno_fiber_block(f, CENO_WAIT_CHANNEL, 0);
}

static void make_ready(struct ceno_fiber *f)
{
	f->state = CENO_FIBER_READY;
	f->wait = CENO_WAIT_NONE;
	f->wait_on = NULL;
}

void ceno_fiber_wake_all(struct ceno_channel *c)
{
	for (struct ceno_fiber *f = c->waiters, *next; f; f = next) {
		next = f->next_waiter;
		make_ready(f);
	}
	c->waiters = NULL;
}

static void stop_waiting(struct ceno_fiber *f)
{
	struct ceno_fiber **at;

	if (f->wait_on) {
		for (at = &f->wait_on->waiters; *at != f; at = &(*at)->next_waiter)
			;
		*at = f->next_waiter;
	}
	f->wait = CENO_WAIT_NONE;
	f->wait_on = NULL;
}

void ceno_fiber_end(struct ceno_fiber *f, uint32_t what)
{
	if (f->state == CENO_FIBER_DEAD)
		return;
	stop_waiting(f);
	f->state = CENO_FIBER_DEAD;
	ceno_event_note(f, what);
}

void ceno_fiber_select(struct ceno_fiber *f)
{
	uint64_t cr3 = f->space.cr3, rsp0 = (uint64_t)&f->frame + sizeof f->frame;

	ceno_cpu.current = f;
	ceno_cpu.trap = f->trap;
	ceno_cpu.handler_cr3 = cr3;
	ceno_cpu.process_cr3 = f->process ? f->process->space.cr3 : cr3;
	ceno_cpu.rsp0 = rsp0;
	*ceno_cpu.tss_rsp0 = rsp0;
	ceno_cpu_set_cr3(cr3);
}

static int may_run(struct ceno_fiber *f, uint64_t now)
{
	if (f->state == CENO_FIBER_BLOCKED && ceno_fiber_wait_is_over(f, now)) {
		if (f->wait == CENO_WAIT_ENERGY)
			ceno_energy_refill(f, now);
		stop_waiting(f);
		f->state = CENO_FIBER_READY;
	}
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
		if (f->wait > CENO_WAIT_SIGNAL && f->wake_tsc < first) /* it has a time */
			first = f->wake_tsc;
	}
	if (!hope)
		ceno_cpu_stop(CENO_STOP_NO_FIBER);
	ceno_cpu_wrmsr(CENO_MSR_TSC_DEADLINE, first == UINT64_MAX ? 0 : first);
	ceno_cpu_idle();
}

/* The next after number i that may run now, in turn; NULL if there is none. */
static inline struct ceno_fiber *next_ready(uint64_t i, uint64_t now)
{
	for (uint64_t n = 0; n < ceno_cpu.fiber_end; n++) {
		struct ceno_fiber *f;

		i = i + 1 < ceno_cpu.fiber_end ? i + 1 : 0;
		f = ceno_cpu.fiber[i];
		if (f && may_run(f, now))
			return f;
	}
	return NULL;
}

/* Whoever idles arms the next tick. */
static __attribute__((noinline)) struct ceno_fiber *sleep_until_ready(void)
{
	struct ceno_fiber *f;
	uint64_t now;

	do {
		idle();
		now = ceno_cpu_tsc();
		f = next_ready(ceno_cpu.current->index, now);
	} while (!f);
	ceno_cpu_wrmsr(CENO_MSR_TSC_DEADLINE, now + ceno_cpu.tick_tsc);
	return f;
}

void ceno_fiber_schedule(void)
{
	struct ceno_fiber *f = next_ready(ceno_cpu.current->index, ceno_cpu_tsc());

	if (!f)
		f = sleep_until_ready();
	if (f != ceno_cpu.current)
		ceno_fiber_select(f->fpu_away ? ceno_fpu_switch(f) : f);
}

/* ---- what entry.S calls when the running fiber was interrupted ---- */

/* An instruction that ends at 2^47 leaves rip there, and an interrupt may come before
 * the next fetch faults: iretq to it would fault in ring 0, so it is the fiber's now. */
static void fault_beyond_end(struct ceno_frame *r)
{
	r->vector = 13;
	r->error = 0;
	ceno_nucleus_service_fault();
}

void ceno_nucleus_interrupt(void)
{
	struct ceno_frame *r = &ceno_cpu.current->frame;

	if (r->vector == CENO_VECTOR_TICK)
		ceno_energy_tick();
	if (r->rip >= USER_END)
		fault_beyond_end(r);
	else
		ceno_fiber_schedule();
}

/* The tick takes the last joule of a handler whose process runs: both stop. Or another
 * fiber may run: it is its turn. The handler goes on at its fault entry with the
 * process's registers, as after any other tick. */
void ceno_nucleus_process_tick(void)
{
	struct ceno_fiber *f = ceno_cpu.current;

	f->trap->vector = CENO_VECTOR_TICK;
	f->trap->error = 0;
	f->trap->cr2 = 0;
	f->trap->rip = f->frame.rip;
	f->trap->rflags = f->frame.rflags;
	f->frame.rip = CENO_GVA_HANDLER_FAULT;
	f->frame.rflags = CENO_RFLAGS_SET;
	ceno_cpu_set_cr3(f->space.cr3);
	ceno_energy_tick();
	ceno_fiber_schedule();
}

/* A fiber faulted in its own code. Its maker hears of it, if one listens; else it
 * is a service with a bug, or an attack on it that worked, and nothing in the
 * session can be trusted to go on. */
void ceno_nucleus_service_fault(void)
{
	struct ceno_fiber *f = ceno_cpu.current;

	if (!f->supervised)
		ceno_cpu_stop(f->index == 0 ? CENO_STOP_INIT_FAULT : CENO_STOP_SERVICE_FAULT);
	f->fault[0] = f->frame.vector;
	f->fault[1] = f->frame.error;
	f->fault[2] = f->frame.rip;
	ceno_fiber_end(f, CENO_FIBER_EVENT_FAULT);
	ceno_fiber_schedule();
}
