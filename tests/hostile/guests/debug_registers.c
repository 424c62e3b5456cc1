/*
 * Claim: debug registers trap nobody but the guest, and what it leaves armed dies with
 * it.
 *
 * The CPU has one set of them for host and guests. Armed here: an execution breakpoint
 * at a user address that host programs have too, a data breakpoint over a whole page,
 * general detect, and single step in ring 3. A host that leaks them would have its own
 * processes trapped: the driver and the node run on the same CPUs all the while.
 */
#include "kit.h"
#include "guests.h"

#define DR7_BASE   0x400ull
#define DR7_GD     (1ull << 13)
#define DR7_LOCAL0 1ull
#define DR7_WRITE8 (9ull << 16) /* eight bytes, on a store */
#define TF         (1ull << 8)

static uint64_t arm(uint64_t address, uint64_t dr7)
{
	__asm__ volatile("mov %0, %%dr0\n\tmov %1, %%dr7" : : "r"(address), "r"(dr7) : "memory");
	return 0;
}

static uint64_t read_dr7(uint64_t unused)
{
	uint64_t v;

	__asm__ volatile("mov %%dr7, %0" : "=r"(v));
	return v | unused;
}

static uint64_t store(uint64_t at)
{
	*(volatile uint64_t *)at = 1;
	return 0;
}

uint32_t guest_debug_registers(unsigned form)
{
	uint64_t vector;

	switch (form) {
	case 0: /* where programs that are not position-independent begin */
		arm(0x400000, DR7_BASE | DR7_LOCAL0);
		return kit_try(read_dr7, 0) == KIT_NO_TRAP ? KIT_HELD : KIT_THROUGH;
	case 1: /* ours to take, in ring 3 */
		arm(kit_user(kit.user_data), DR7_BASE | DR7_LOCAL0 | DR7_WRITE8);
		vector = kit_ring3(store, kit_user(kit.user_data));
		return vector == KIT_DB || vector == KIT_BP ? KIT_HELD : KIT_SAW(vector);
	case 2:
		arm(0, DR7_BASE | DR7_GD);
		vector = kit_try(read_dr7, 0);
		return vector == KIT_DB || vector == KIT_NO_TRAP ? KIT_HELD : KIT_THROUGH;
	default:
		vector = kit_ring3_flags(store, kit_user(kit.user_data), 2 | TF);
		return vector == KIT_DB ? KIT_HELD : KIT_SAW(vector);
	}
}
