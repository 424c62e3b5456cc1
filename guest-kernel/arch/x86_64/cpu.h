/*
 * The few CPU registers the nucleus touches. SDM volumes 2 and 3.
 * arch/fake/cpu.h gives host tests the same names.
 */
#ifndef CENO_ARCH_CPU_H
#define CENO_ARCH_CPU_H

#include <stdint.h>
#include "abi/bundle.h"

#define CENO_MSR_STAR             0xc0000081u
#define CENO_MSR_LSTAR            0xc0000082u
#define CENO_MSR_SFMASK           0xc0000084u
#define CENO_MSR_TSC_DEADLINE     0x6e0u
#define CENO_MSR_X2APIC_EOI       0x80bu
#define CENO_MSR_X2APIC_SVR       0x80fu
#define CENO_MSR_X2APIC_LVT_TIMER 0x832u
#define CENO_MSR_X2APIC_TPR       0x808u

/* C that entry.S calls while ring 3's registers are live: it changes rax alone. */
#define CENO_ENTRY_CALL __attribute__((no_caller_saved_registers))

static inline uint64_t ceno_cpu_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline void ceno_cpu_wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline uint64_t ceno_cpu_cr3(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr3, %0" : "=r"(v));
	return v;
}

static inline void ceno_cpu_set_cr3(uint64_t v)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}

/* Waits for one interrupt, ring 0, empty hands: the only place interrupts are on. */
/* Lets one interrupt in, sleeping until it comes (entry.S). */
void ceno_cpu_idle(void);

static inline void ceno_cpu_clear_page(uint64_t *page)
{
	uint64_t n = 512;

	__asm__ volatile("rep stosq" : "+D"(page), "+c"(n) : "a"(0ull) : "memory");
}

static inline void ceno_cpu_load_idt(uint64_t base, uint16_t limit)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} idtr = { limit, base };

	__asm__ volatile("lidt %0" : : "m"(idtr));
}

/* The one OUT: the vmm takes the vCPU away. */
static inline _Noreturn void ceno_cpu_stop(enum ceno_stop code)
{
	for (;;)
		__asm__ volatile("outl %0, %1; hlt" : : "a"((uint32_t)code), "d"((uint16_t)CENO_PORT_STOP));
}

#endif
