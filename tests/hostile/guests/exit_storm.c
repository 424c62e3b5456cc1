/*
 * Claim: a storm of exits, as fast as the CPU can make them, ends with the guest's
 * lifetime; none of them reaches the vmm's own code more than once.
 *
 * What KVM answers by itself, without end: CPUID (which leaves the guest on every CPU
 * that has virtualisation), a write to the APIC's task priority, and faults that ring
 * 3 provokes and ring 0 takes. Then the two that cost a host most: its shadow of the
 * page tables thrown away by a new root each time, and one page of ring 3's moved and
 * touched, so that the shadow is built anew at each turn; and interrupts to itself,
 * each of which is delivered. An exit that comes to the vmm ends the run, so there is
 * no such storm to be had.
 */
#include "kit.h"
#include "guests.h"

#define X2APIC_TPR  0x808u
#define X2APIC_EOI  0x80bu
#define X2APIC_SELF 0x83fu
#define PATIENCE    (1u << 20)
#define MOVED       (KIT_USER + (1ull << 38)) /* nobody else's */
#define SHARED      (KIT_P | KIT_W | KIT_U)

static uint64_t invalid(uint64_t unused)
{
	__asm__ volatile("ud2");
	return unused;
}

static uint64_t touch(uint64_t at)
{
	*(volatile uint64_t *)at = at;
	return at;
}

static uint64_t interrupt_self(uint64_t vector)
{
	kit_wrmsr(X2APIC_SELF, vector);
	__asm__ volatile("sti");
	for (uint32_t i = 0; i < PATIENCE; i++)
		__asm__ volatile("pause");
	__asm__ volatile("cli");
	return vector;
}

/* The two roots are one tree's: the one in use and a copy of its page. */
static void next_root(uint64_t roots[2], uint32_t i)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(roots[i & 1]) : "memory");
}

static uint64_t copy_root(uint64_t root)
{
	uint64_t copy = kit_page();

	for (unsigned i = 0; i < 512; i++)
		kit_put(copy + i * 8, kit_get(root + i * 8));
	return copy;
}

static uint32_t storm(unsigned form, uint64_t roots[2], const uint64_t pages[2])
{
	uint32_t out[4];

	for (uint32_t i = 0;; i++) {
		switch (form) {
		case 0:
			kit_cpuid(i % 32, 0, out);
			break;
		case 1:
			kit_wrmsr(X2APIC_TPR, i & 0xf0);
			break;
		case 2:
			if (kit_ring3(invalid, i) != KIT_UD)
				return KIT_THROUGH;
			break;
		case 3:
			next_root(roots, i);
			break;
		case 4:
			kit_map(MOVED, pages[i & 1], SHARED);
			kit_invlpg(MOVED);
			if (kit_ring3(touch, MOVED) != KIT_BP)
				return 2;
			break;
		default:
			/* The host's own (input came) may be the one that it gets; none is neither. */
			if (kit_try(interrupt_self, CENO_VECTOR_TICK) == KIT_NO_TRAP)
				return 3;
			kit_wrmsr(X2APIC_EOI, 0);
			break;
		}
	}
}

uint32_t guest_exit_storm(unsigned form)
{
	uint64_t root = kit_cr3() & ~(CENO_PAGE - 1), roots[2] = { root, copy_root(root) };
	const uint64_t pages[2] = { kit_page(), kit_page() };

	kit_apic_on(CENO_VECTOR_TICK);
	return storm(form, roots, pages);
}
