/*
 * Capabilities: the only way to name a kernel object. cap.h has the check, end.c what
 * happens when they go.
 *
 * The law of decay (verbs.h) needs no timer and no arithmetic when a capability is
 * used: when a copy is made (ceno_cap_step), the moment is known at which it will
 * have faded, and `until` is that, or an earlier one that it inherits.
 */
#include "cap.h"

void ceno_cap_set(struct ceno_cap *cap, struct ceno_object *object, uint32_t rights, uint64_t length)
{
	cap->type = (uint8_t)object->type;
	cap->rights = (uint8_t)rights;
	cap->depth = 0;
	cap->pledge = (uint8_t)(object->type == CENO_OBJECT_WINDOW ? 1u << ceno_region_of(object)->number : 0u);
	cap->strength = CENO_STRENGTH_FULL;
	cap->object = object;
	cap->offset = 0;
	cap->length = length;
	cap->until = UINT64_MAX;
	cap->epoch = object->epoch;
	cap->born = 0;
	ceno_cap_hold(cap);
}
