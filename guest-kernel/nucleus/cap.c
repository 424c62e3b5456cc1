/*
 * Capabilities: the only way to name a kernel object. cap.h has the check, end.c what
 * happens when they go.
 *
 * The law of decay (verbs.h) needs no timer and no arithmetic when a capability is
 * used: when a copy is made, the moment is known at which it will have faded, and
 * `until` is that, or an earlier one that it inherits.
 */
#include "cap.h"

/* Bits of a number that is not 0: so often can it be halved before it is 0. */
#define BITS(v) (32u - (uint32_t)__builtin_clz(v))

void ceno_cap_set(struct ceno_cap *cap, struct ceno_object *object, uint32_t rights, uint64_t length)
{
	cap->type = (uint8_t)object->type;
	cap->rights = (uint8_t)rights;
	cap->depth = 0;
	cap->pledge = object->type == CENO_OBJECT_WINDOW ? (uint8_t)(1u << ceno_region_of(object)->number) : 0;
	cap->strength = CENO_STRENGTH_FULL;
	cap->object = object;
	cap->offset = 0;
	cap->length = length;
	cap->until = UINT64_MAX;
	cap->epoch = object->epoch;
	cap->born = 0;
	ceno_cap_hold(cap);
}

static uint32_t strength_now(const struct ceno_cap *cap, uint64_t now)
{
	uint64_t halvings;

	if (cap->depth == 0)
		return cap->strength;
	halvings = (now - cap->born) >> (CENO_FADE_SHIFT - cap->depth);
	return halvings < 16 ? (uint32_t)cap->strength >> halvings : 0;
}

/* The TSC from which a copy made now with this strength, at least the minimum, is below it. */
static uint64_t fades_at(uint32_t strength, uint32_t depth, uint64_t now)
{
	uint64_t halvings = BITS(strength) - BITS(CENO_STRENGTH_MIN) + 1;
	uint64_t after = halvings << (CENO_FADE_SHIFT - depth);

	return now + after < now ? UINT64_MAX : now + after;
}

int ceno_cap_weaken(struct ceno_cap *to, const struct ceno_cap *from, uint32_t rights, uint64_t now)
{
	uint32_t depth = from->depth + 1u, strength = strength_now(from, now);
	uint64_t until;

	strength -= strength >> 3;
	if (depth > CENO_DEPTH_MAX || strength < CENO_STRENGTH_MIN)
		return CENO_E_DEPTH;
	until = fades_at(strength, depth, now);
	*to = *from;
	to->rights = from->rights & (uint8_t)rights;
	to->depth = (uint8_t)depth;
	to->strength = (uint16_t)strength;
	to->until = from->until < until ? from->until : until;
	to->born = now;
	return 0;
}
