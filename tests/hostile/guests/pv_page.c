/*
 * Claim: KVM cannot be made to write into a page of the guest's choice.
 *
 * Its clock, stolen time, asynchronous page faults and end-of-interrupt pages are each
 * turned on by a register that holds an address, which the host's kernel then writes
 * to by itself for as long as the machine lives: over memory that the warden has read
 * back as overwritten, too. None is offered.
 */
#include "kit.h"
#include "guests.h"

static const uint32_t registers[] = {
	0x4b564d01, /* clock */
	0x4b564d02, /* asynchronous page faults */
	0x4b564d03, /* stolen time */
	0x4b564d04, /* end of interrupt */
};

static uint64_t turn_on(uint64_t which)
{
	kit_wrmsr((uint32_t)which, kit.user_data | 1);
	return 0;
}

uint32_t guest_pv_page(unsigned form)
{
	kit_put(kit.user_data, 0);
	kit_put(kit.user_data + 8, 0);
	uint64_t vector = kit_try(turn_on, registers[form]);

	/* Nobody comes here. If so: was it believed, and has it written already? */
	if (kit_get(kit.user_data) || kit_get(kit.user_data + 8))
		return 3;
	return vector == KIT_NO_TRAP ? KIT_THROUGH : 2;
}
