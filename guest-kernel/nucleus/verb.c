/*
 * From the verb gate to the verb, and what each costs.
 *
 * Two ways in (entry.S): verbs that never switch fibers come with their
 * arguments in C registers and only the caller-saved registers on the frame;
 * the others (SEND, RECV, MASK, TICK) come with the whole frame, because they
 * may leave through another fiber's, or carry a message in it.
 */
#include "nucleus.h"

static const uint16_t price[CENO_VERB_COUNT] = {
#define CENO_VERB_PRICE(name, number, joules) [number] = joules,
	CENO_VERBS(CENO_VERB_PRICE)
#undef CENO_VERB_PRICE
};

int64_t ceno_nucleus_verb(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t verb)
{
	struct ceno_fiber *self = ceno_cpu.current;
	const uint64_t args[6] = { a, b, c, d, e, f };

	if (verb == CENO_VERB_MAP) {
		self->joules += price[CENO_VERB_MAP];
		return ceno_verb_map(self, args);
	}
	if (verb >= CENO_VERB_COUNT)
		return CENO_E_VERB;
	self->joules += price[verb];
	if (verb == CENO_VERB_SPAWN)
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
