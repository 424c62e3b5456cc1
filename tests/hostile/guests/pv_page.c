/*
 * Claim: KVM cannot be made to write into a page of the guest's choice.
 *
 * Its clock, stolen time, asynchronous page faults and end-of-interrupt pages are each
 * turned on by a register that holds an address, which the host's kernel then writes
 * to by itself for as long as the machine lives: over memory that the warden has read
 * back as overwritten, too. The time of day is written once, at the register's write;
 * the clock has an older number as well; and of Hyper-V's interface the page of
 * hypercalls is filled with the host's code, and the assist page shared for good. None
 * is offered.
 */
#include "kit.h"
#include "guests.h"

static const uint32_t registers[] = {
	0x4b564d01, /* clock */
	0x4b564d02, /* asynchronous page faults */
	0x4b564d03, /* stolen time */
	0x4b564d04, /* end of interrupt */
	0x4b564d00, /* time of day */
	0x12,       /* clock, by its older number */
	0x40000001, /* Hyper-V: hypercall page */
	0x40000073, /* Hyper-V: assist page */
};

static uint64_t turn_on(uint64_t which)
{
	kit_wrmsr((uint32_t)which, kit.user_data | 1);
	return 0;
}

/* Nothing but zero in the page. */
static int is_clean(uint64_t gpa)
{
	for (unsigned at = 0; at < CENO_PAGE; at += 8)
		if (kit_get(gpa + at))
			return 0;
	return 1;
}

uint32_t guest_pv_page(unsigned form)
{
	for (unsigned at = 0; at < CENO_PAGE; at += 8)
		kit_put(kit.user_data + at, 0);
	uint64_t vector = kit_try(turn_on, registers[form]);

	/* Nobody comes here. If so: was it believed, and has it written already? */
	if (!is_clean(kit.user_data))
		return 3;
	return vector == KIT_NO_TRAP ? KIT_THROUGH : 2;
}
