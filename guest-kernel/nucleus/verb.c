/*
 * From the verb gate to the verb, and what each costs.
 *
 * Two ways in (entry.S): verbs that never switch fibers come with only the
 * caller-saved registers in the frame; the others (SEND, RECV, MASK, TICK) with
 * the whole frame, because they may leave through another fiber's, or carry a
 * message in it. SPAWN, GRANT and the common MAP are called by entry.S itself, with
 * the registers as arguments. Every verb is paid first; one that waits for energy
 * or for others runs from its beginning when its fiber runs again.
 */
#include "nucleus.h"

static const uint16_t price[CENO_VERB_COUNT] = {
#define CENO_VERB_PRICE(name, number, joules) [number] = joules,
	CENO_VERBS(CENO_VERB_PRICE)
#undef CENO_VERB_PRICE
};

#define UNKNOWN_JOULES 1u

static uint32_t price_of(uint64_t verb)
{
	return verb < CENO_VERB_COUNT ? price[verb] : UNKNOWN_JOULES;
}

/* MAP where its short way declined, and what is no verb. */
int64_t ceno_nucleus_verb(void)
{
	struct ceno_fiber *self = ceno_cpu.current;
	const struct ceno_frame *r = &self->frame;
	const uint64_t args[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };
	int rc = ceno_energy_pay(self, price_of(r->rax));

	if (rc)
		return rc;
	return r->rax == CENO_VERB_MAP ? ceno_verb_map(self, args) : CENO_E_VERB;
}

static int64_t run_full(struct ceno_fiber *self, uint64_t verb)
{
	if (verb == CENO_VERB_SEND)
		return ceno_verb_send(self);
	if (verb == CENO_VERB_RECV)
		return ceno_verb_recv(self);
	return verb == CENO_VERB_MASK ? ceno_verb_mask(self) : ceno_verb_tick(self);
}

void ceno_nucleus_verb_full(void)
{
	struct ceno_fiber *self = ceno_cpu.current;
	int64_t result = run_full(self, self->frame.rax);

	if (result == CENO_VERB_BLOCKED)
		ceno_nucleus_wait();
	else
		self->frame.rax = (uint64_t)result;
}

/* The verb of the running fiber did not finish: it waits, yields, froze or ended.
 * Only what waits for others is given its price back. */
void ceno_nucleus_wait(void)
{
	struct ceno_fiber *self = ceno_cpu.current;

	if (self->state == CENO_FIBER_BLOCKED && self->wait != CENO_WAIT_ENERGY)
		ceno_energy_give_back(self, price_of(self->frame.rax));
	ceno_fiber_schedule();
}
