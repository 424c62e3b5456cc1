/*
 * Claim: a session that asked for no image has none, even if its node keeps images for
 * others.
 *
 * Images are shared between sessions of one tenant, so a slot that is there without
 * being asked for would be another session's data. Form 0 reads the first word of the
 * image's place, form 1 writes it: read-only would be the wrong answer, since it says
 * that there is something.
 */
#include "kit.h"
#include "guests.h"

uint32_t guest_no_image(unsigned form)
{
	const volatile struct ceno_boot *boot = kit_at(CENO_GPA_BOOT);
	volatile uint64_t *image = kit_at(CENO_GPA_IMAGE);

	/* The guest's own records say that there is none: these must be right, too. */
	if (boot->image_bytes || kit.handoff->image_bytes)
		return 2;
	if (form)
		*image = 0;
	else
		(void)*image;
	return KIT_THROUGH;
}
