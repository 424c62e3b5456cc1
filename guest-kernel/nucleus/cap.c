/* Capabilities: the only way to name a kernel object. */
#include "nucleus.h"
#include "cpu.h"

int ceno_cap_check(struct ceno_fiber *f, uint64_t slot, uint32_t type, uint32_t rights, struct ceno_cap **out)
{
	struct ceno_cap *cap = &f->cspace[slot & (CENO_CSPACE_SLOTS - 1)];

	if (cap->type == CENO_OBJECT_NULL)
		return CENO_E_SLOT; /* whatever type was asked for: it has no object */
	if (cap->type != type)
		return CENO_E_TYPE;
	if (cap->epoch != cap->object->epoch || (cap->expiry && ceno_cpu_tsc() > cap->expiry))
		return CENO_E_STALE;
	if ((cap->rights & rights) != rights)
		return CENO_E_RIGHTS;
	*out = cap;
	return 0;
}

int ceno_cap_check_empty(struct ceno_fiber *f, uint64_t slot, struct ceno_cap **out)
{
	uint64_t i = slot & (CENO_CSPACE_SLOTS - 1);

	if (i == CENO_SLOT_NULL || f->cspace[i].type != CENO_OBJECT_NULL)
		return CENO_E_SLOT;
	*out = &f->cspace[i];
	return 0;
}

void ceno_cap_set(struct ceno_cap *cap, struct ceno_object *object, uint32_t rights, uint64_t length)
{
	cap->type = (uint8_t)object->type;
	cap->rights = (uint8_t)rights;
	cap->depth = 0;
	cap->object = object;
	cap->offset = 0;
	cap->length = length;
	cap->expiry = 0;
	cap->epoch = object->epoch;
	object->holders++;
}

void ceno_cap_copy(struct ceno_cap *to, const struct ceno_cap *from, uint32_t rights)
{
	*to = *from;
	to->rights = from->rights & (uint8_t)rights;
	to->depth = (uint8_t)(from->depth + 1);
	to->object->holders++;
}

int ceno_cap_weaken(struct ceno_cap *to, const struct ceno_cap *from, uint32_t rights, uint64_t now)
{
	(void)now;
	if (from->depth >= CENO_DEPTH_MAX)
		return CENO_E_DEPTH;
	*to = *from;
	to->rights = from->rights & (uint8_t)rights;
	to->depth = (uint8_t)(from->depth + 1);
	return 0;
}

void ceno_cap_clear(struct ceno_cap *cap)
{
	cap->object->holders--;
	*cap = (struct ceno_cap){ 0 };
}
