/*
 * Claim: a session that asked for no image has none, even if its node keeps images for
 * others.
 *
 * Images are shared between sessions of one tenant, so a slot that is there without
 * being asked for would be another session's data. The first word of the image's place
 * is read and written (read-only would be the wrong answer, since it says that there is
 * something); so are a place 2 MiB further on, and the last word of the largest image,
 * from ring 3: a slot that is only small, or begins later, is one too.
 */
#include "kit.h"
#include "guests.h"

#define LARGEST (1ull << 37) /* behind it: beyond.c */

static uint64_t load(uint64_t at)
{
	return *(volatile uint64_t *)at;
}

static uint64_t store(uint64_t at)
{
	*(volatile uint64_t *)at = 0;
	return 0;
}

uint32_t guest_no_image(unsigned form)
{
	static const uint64_t offsets[] = { 0, CENO_LARGE_PAGE, LARGEST - sizeof(uint64_t) };
	const volatile struct ceno_boot *boot = kit_at(CENO_GPA_BOOT);
	uint64_t gpa = CENO_GPA_IMAGE + offsets[form / 2];

	/* The guest's own records say that there is none: these must be right, too. */
	if (boot->image_bytes || kit.handoff->image_bytes)
		return 2;
	kit_function *access = form % 2 ? store : load;
	if (form / 2 == 0)
		access((uint64_t)kit_at(gpa));
	else
		kit_ring3(access, kit_user(gpa));
	return KIT_THROUGH;
}
