/*
 * From the verb gate to the verb, and what each costs.
 *
 * Two ways in (entry.S): verbs that never switch fibers come with only the
 * caller-saved registers in the frame; the others (SEND, RECV, MASK, TICK) with
 * the whole frame, because they may leave through another fiber's, or carry a
 * message in it. The common MAP has gone before (verb_map.c).
 */
#include "nucleus.h"

static const uint16_t price[CENO_VERB_COUNT] = {
#define CENO_VERB_PRICE(name, number, joules) [number] = joules,
	CENO_VERBS(CENO_VERB_PRICE)
#undef CENO_VERB_PRICE
};

/* What the frame's pushed registers ask for; rax is its result. */
int64_t ceno_nucleus_verb(void)
{
	struct ceno_fiber *self = ceno_cpu.current;
	const struct ceno_frame *r = &self->frame;
	const uint64_t args[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };

	if (r->rax >= CENO_VERB_COUNT)
		return CENO_E_VERB;
	self->joules += price[r->rax];
	if (r->rax == CENO_VERB_MAP)
		return ceno_verb_map(self, args);
	if (r->rax == CENO_VERB_SPAWN)
		return ceno_verb_spawn(self, args);
	return ceno_verb_grant(self, args);
}

void ceno_nucleus_verb_full(void)
{
	struct ceno_fiber *self = ceno_cpu.current;
	struct ceno_frame *r = &self->frame;
	uint64_t verb = r->rax;
	int64_t result;

	self->joules += price[verb];
	if (verb == CENO_VERB_SEND) {
		result = ceno_verb_send(self);
	} else if (verb == CENO_VERB_RECV) {
		result = ceno_verb_recv(self);
	} else if (verb == CENO_VERB_MASK) {
		const uint64_t args[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };

		result = ceno_verb_mask(self, args);
	} else {
		result = ceno_verb_tick(self);
	}
	if (result != CENO_VERB_BLOCKED)
		r->rax = (uint64_t)result;
}
