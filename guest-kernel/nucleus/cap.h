/*
 * Capabilities, the check: inline, because every verb pays for it and ring 0 may cost
 * a microsecond an instruction. The order of the errors is verbs.h's.
 */
#ifndef CENO_NUCLEUS_CAP_H
#define CENO_NUCLEUS_CAP_H

#include "cpu.h"
#include "nucleus.h"

/* Sets of object types, for ceno_cap_find. */
#define CENO_TYPE(name) (1u << CENO_OBJECT_##name)
#define CENO_TYPES_ANY  0xfeu

/* The slot that a number of ring 3's names; masked, so that no speculation leaves the CSpace. */
static inline struct ceno_cap *ceno_cap_at(const struct ceno_fiber *f, uint64_t slot)
{
	return &f->cspace[slot & (CENO_CSPACE_SLOTS - 1)];
}

/* For a capability of f that is there: 0, STALE, EXPIRED, PLEDGE or RIGHTS. The clock is
 * read only where time matters. */
static inline int ceno_cap_check(const struct ceno_fiber *f, const struct ceno_cap *cap, uint64_t rights)
{
	if (cap->epoch != cap->object->epoch)
		return CENO_E_STALE;
	if (cap->until != UINT64_MAX && ceno_cpu_tsc() >= cap->until)
		return CENO_E_EXPIRED;
	if (cap->pledge & ~f->pledge)
		return CENO_E_PLEDGE;
	return rights & ~(uint64_t)cap->rights ? CENO_E_RIGHTS : 0;
}

/* The same, by a caller that needs the time anyhow. */
static inline int ceno_cap_check_at(const struct ceno_fiber *f, const struct ceno_cap *cap, uint64_t rights,
                                    uint64_t now)
{
	if (cap->epoch != cap->object->epoch)
		return CENO_E_STALE;
	if (now >= cap->until && cap->until != UINT64_MAX)
		return CENO_E_EXPIRED;
	if (cap->pledge & ~f->pledge)
		return CENO_E_PLEDGE;
	return rights & ~(uint64_t)cap->rights ? CENO_E_RIGHTS : 0;
}

/* The capability in `slot` of f goes to *out, if it is of one of these types (a set of
 * CENO_TYPE) and good; else SLOT, TYPE, or what ceno_cap_check says. */
static inline int ceno_cap_find(const struct ceno_fiber *f, uint64_t slot, uint32_t types, uint64_t rights,
                                struct ceno_cap **out)
{
	struct ceno_cap *cap = ceno_cap_at(f, slot);

	*out = cap;
	if (!(types >> cap->type & 1))
		return cap->type == CENO_OBJECT_NULL ? CENO_E_SLOT : CENO_E_TYPE;
	return ceno_cap_check(f, cap, rights);
}

/* Any type will do, and it is to be passed on. */
static inline int ceno_cap_find_to_pass(const struct ceno_fiber *f, uint64_t slot, uint64_t now, struct ceno_cap **out)
{
	struct ceno_cap *cap = ceno_cap_at(f, slot);

	*out = cap;
	return cap->type == CENO_OBJECT_NULL ? CENO_E_SLOT : ceno_cap_check_at(f, cap, CENO_RIGHT_GRANT, now);
}

/* 0 if `slot` is empty and may be filled, else SLOT. Slot 0 stays null for ever. */
static inline int ceno_cap_check_empty(const struct ceno_fiber *f, uint64_t slot, struct ceno_cap **out)
{
	struct ceno_cap *cap = ceno_cap_at(f, slot);

	*out = cap;
	return cap == f->cspace || cap->type != CENO_OBJECT_NULL ? CENO_E_SLOT : 0;
}

/* ---- copies ---- */

/* What one more step makes of a capability: its strength and how long it is good. */
struct ceno_cap_step {
	uint64_t born, until;
	uint32_t strength;
};

static inline uint32_t ceno_cap_strength(const struct ceno_cap *cap, uint64_t now)
{
	uint64_t halvings;

	if (cap->depth == 0)
		return cap->strength;
	halvings = (now - cap->born) >> (CENO_FADE_SHIFT - cap->depth);
	return halvings < 16 ? (uint32_t)cap->strength >> halvings : 0;
}

/* 0, or DEPTH: too deep, or too weak at once. */
static inline int ceno_cap_step(const struct ceno_cap *from, uint64_t now, struct ceno_cap_step *step)
{
	uint64_t until;
	uint32_t depth = from->depth + 1u, strength = ceno_cap_strength(from, now), halvings;

	strength -= strength >> 3;
	if (depth > CENO_DEPTH_MAX || strength < CENO_STRENGTH_MIN)
		return CENO_E_DEPTH;
	/* so many until it is below the minimum, which is a power of two */
	halvings = (uint32_t)(__builtin_clz(CENO_STRENGTH_MIN) - __builtin_clz(strength)) + 1;
	until = now + ((uint64_t)halvings << (CENO_FADE_SHIFT - depth));
	if (until < now)
		until = UINT64_MAX;
	step->born = now;
	step->until = from->until < until ? from->until : until;
	step->strength = strength;
	return 0;
}
_Static_assert((CENO_STRENGTH_MIN & (CENO_STRENGTH_MIN - 1)) == 0, "halvings");

/* Places in ceno_cap.head; a depth ends far below 255, so adding one to it carries nowhere. */
#define CAP_RIGHTS_SHIFT   8
#define CAP_DEPTH_SHIFT    16
#define CAP_STRENGTH_SHIFT 32

#define CAP_TYPE_AND_PLEDGE 0xff0000ffu /* of its low half */

/* An empty slot or place, in two stores: it names no object. The rest means nothing. */
static inline void ceno_cap_forget(struct ceno_cap *cap)
{
	cap->head = CENO_OBJECT_NULL;
	cap->object = NULL;
}

/* The copy, with those of the rights that are in `rights`, whatever *to held. Whoever
 * so adds a capability holds it too; a move changes no count. */
static inline void ceno_cap_copy(struct ceno_cap *to, const struct ceno_cap *from, uint64_t rights,
                                 const struct ceno_cap_step *step)
{
	uint32_t low = (uint32_t)from->head & ((uint32_t)rights << CAP_RIGHTS_SHIFT | ~(0xffu << CAP_RIGHTS_SHIFT));

	/* type, rights, depth + 1 and pledge, which are the low half, then the strength */
	to->head = (low + (1u << CAP_DEPTH_SHIFT)) | (uint64_t)step->strength << CAP_STRENGTH_SHIFT;
	to->object = from->object;
	to->offset = from->offset;
	to->length = from->length;
	to->until = step->until;
	to->epoch = from->epoch;
	to->born = step->born;
}

#endif
