/*
 * Energy: what a fiber may do in a period, and what happens if it wants more.
 *
 * `received` (at its start and by refills, less what it handed to fibers it made)
 * is always `spent` plus `energy`. A refill is lazy: it happens when a fiber that
 * is short of joules asks after its period ended, or wakes from a freeze.
 *
 *              short, period over: refill
 *            .---------------------------.
 *            v                           |
 *   verb or tick -- short, period not over --> frozen (BLOCKED, ENERGY)
 *            ^                                      |  until refill_at
 *            '---------------- refill --------------'
 *
 * Every CENO_STRIKE_FREEZES freezes with no refill in between that was not waited
 * for are a strike.
 */
#include "nucleus.h"
#include "cpu.h"

static uint64_t period_tsc(uint32_t spectrum)
{
	static const uint16_t ms[CENO_SPECTRUM_COUNT] = {
#define CENO_SPECTRUM_MS(name, number, value) [number] = value,
		CENO_SPECTRA(CENO_SPECTRUM_MS)
#undef CENO_SPECTRUM_MS
	};

	return ceno_cpu.tick_tsc / CENO_TICK_MS * ms[spectrum];
}

void ceno_energy_init(struct ceno_fiber *f, uint32_t spectrum, uint32_t budget, uint32_t energy)
{
	f->spectrum = spectrum;
	f->budget = budget;
	f->energy = energy;
	f->received = energy;
	f->refill_at = ceno_cpu_tsc() + period_tsc(spectrum);
}

void ceno_energy_refill(struct ceno_fiber *f, uint64_t now)
{
	f->received += f->budget - f->energy;
	f->energy = f->budget;
	f->refill_at = now + period_tsc(f->spectrum);
}

static void strike(struct ceno_fiber *f)
{
	f->strikes++;
	if (f->strikes >= CENO_STRIKES_KILL) {
		ceno_fiber_end(f, CENO_FIBER_EVENT_STRIKE | CENO_FIBER_EVENT_KILLED);
		return;
	}
	if (f->strikes == CENO_STRIKES_KILL - 1 && f->spectrum < CENO_SPECTRUM_COUNT - 1)
		f->spectrum++;
	ceno_event_note(f, CENO_FIBER_EVENT_STRIKE);
}

/* Until its period is over, or for ever if this is the strike that kills it. */
static void freeze(struct ceno_fiber *f)
{
	f->state = CENO_FIBER_BLOCKED;
	f->wait = CENO_WAIT_ENERGY;
	f->wake_tsc = f->refill_at;
	if (++f->freezes == CENO_STRIKE_FREEZES) {
		f->freezes = 0;
		strike(f);
	}
}

/* A refill that nobody waited for ends the row of freezes. 1: the period is not over. */
static int refill_early(struct ceno_fiber *f)
{
	uint64_t now = ceno_cpu_tsc();

	if (now < f->refill_at)
		return 1;
	ceno_energy_refill(f, now);
	f->freezes = 0;
	return 0;
}

int ceno_energy_short(struct ceno_fiber *f, uint32_t price)
{
	if (price > f->budget)
		return CENO_E_ENERGY;
	if (refill_early(f)) {
		f->frame.rip -= 1; /* onto the int3: the verb runs again */
		freeze(f);
		return CENO_VERB_BLOCKED;
	}
	f->energy -= price;
	f->spent += price;
	return 0;
}

void ceno_energy_give_back(struct ceno_fiber *f, uint32_t price)
{
	f->energy += price;
	f->spent -= price;
}

/* What the tick costs f: CENO_TICK_JOULES less what its verbs paid since its last one. */
static uint32_t tick_price(const struct ceno_fiber *f)
{
	uint64_t verbs = f->spent - f->spent_at_tick;

	return verbs < CENO_TICK_JOULES ? CENO_TICK_JOULES - (uint32_t)verbs : 0;
}

static void pay_tick(struct ceno_fiber *f, uint32_t price)
{
	f->energy -= price;
	f->spent += price;
	f->spent_at_tick = f->spent;
}

/* A program that never calls its handler must not keep the others waiting. */
static int another_may_run(const struct ceno_fiber *self)
{
	uint64_t now = ceno_cpu_tsc();

	for (uint64_t i = 0; i < ceno_cpu.fiber_end; i++) {
		const struct ceno_fiber *f = ceno_cpu.fiber[i];

		if (f && f != self &&
		    (f->state == CENO_FIBER_READY ||
		     (f->state == CENO_FIBER_BLOCKED && ceno_fiber_wait_is_over(f, now))))
			return 1;
	}
	return 0;
}

int CENO_ENTRY_CALL ceno_energy_tick_fast(void)
{
	struct ceno_fiber *f = ceno_cpu.current;
	uint32_t price = tick_price(f);

	if (f->energy <= price || another_may_run(f))
		return 1;
	pay_tick(f, price);
	return 0;
}

void ceno_energy_tick(void)
{
	struct ceno_fiber *f = ceno_cpu.current;
	uint32_t price = tick_price(f);

	pay_tick(f, price < f->energy ? price : f->energy);
	if (f->energy == 0 && refill_early(f))
		freeze(f);
}

int ceno_energy_check_carve(const struct ceno_fiber *f, uint32_t spectrum, uint32_t budget)
{
	return spectrum < f->spectrum || budget > f->budget ? CENO_E_ENERGY : 0;
}

void ceno_energy_carve(struct ceno_fiber *f, struct ceno_fiber *child, uint32_t spectrum, uint32_t budget)
{
	uint32_t energy = budget < f->energy ? budget : f->energy;

	f->budget -= budget;
	f->energy -= energy;
	f->received -= energy;
	ceno_energy_init(child, spectrum, budget, energy);
}

void ceno_energy_return(struct ceno_fiber *to, struct ceno_fiber *f)
{
	uint64_t budget = (uint64_t)to->budget + f->budget, latest = ceno_cpu_tsc() + period_tsc(to->spectrum);

	if (f->refill_at < latest)
		latest = f->refill_at;
	if (f->budget && to->refill_at < latest)
		to->refill_at = latest; /* what f was refilled with is not refilled again in the same period */
	to->budget = budget < UINT32_MAX ? (uint32_t)budget : UINT32_MAX;
	f->spent += f->energy;
	f->budget = f->energy = 0;
}
