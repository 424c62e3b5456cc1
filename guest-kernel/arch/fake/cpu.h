/*
 * The names of arch/x86_64/cpu.h for a nucleus that runs as a plain Linux
 * library: registers are fields of ceno_fake_cpu, the TSC is a clock that stands
 * until it is set, and stopping leaves by longjmp (machine.h).
 */
#ifndef CENO_ARCH_CPU_H
#define CENO_ARCH_CPU_H

#include <stdint.h>
#include <string.h>
#include "abi/bundle.h"

#define CENO_MSR_STAR             0xc0000081u
#define CENO_MSR_LSTAR            0xc0000082u
#define CENO_MSR_SFMASK           0xc0000084u
#define CENO_MSR_TSC_DEADLINE     0x6e0u
#define CENO_MSR_X2APIC_EOI       0x80bu
#define CENO_MSR_X2APIC_SVR       0x80fu
#define CENO_MSR_X2APIC_LVT_TIMER 0x832u
#define CENO_MSR_X2APIC_TPR       0x808u

#define CENO_ENTRY_CALL

struct ceno_fake_cpu {
	uint64_t tsc;
	uint64_t cr2, cr3;
	uint64_t cr3_loads; /* since reset: each is a flush */
	uint64_t deadline;  /* MSR_TSC_DEADLINE; 0 disarmed */
	uint64_t eois;
	uint64_t star, lstar, sfmask, svr, lvt_timer;
	uint64_t fpu; /* all of its FPU state; 0: initial */
	uint64_t idt_base;
	uint16_t idt_limit;
	uint16_t reserved[3];
};

extern struct ceno_fake_cpu ceno_fake_cpu;

static inline uint64_t ceno_cpu_tsc(void)
{
	return ceno_fake_cpu.tsc;
}

/* Aborts on an MSR that the fake does not know: it would be silently lost. */
void ceno_cpu_wrmsr(uint32_t msr, uint64_t value);

static inline uint64_t ceno_cpu_cr3(void)
{
	return ceno_fake_cpu.cr3;
}

static inline void ceno_cpu_set_cr3(uint64_t v)
{
	ceno_fake_cpu.cr3 = v;
	ceno_fake_cpu.cr3_loads++;
}

/* Returns if an interrupt is pending; else leaves the nucleus by longjmp, and the
 * machine is idle until the next one. */
void ceno_cpu_idle(void);

static inline void ceno_cpu_clear_page(uint64_t *page)
{
	memset(page, 0, 4096);
}

static inline void ceno_cpu_load_idt(uint64_t base, uint16_t limit)
{
	ceno_fake_cpu.idt_base = base;
	ceno_fake_cpu.idt_limit = limit;
}

/* Leaves the nucleus by longjmp; the machine is stopped for good. */
_Noreturn void ceno_cpu_stop(enum ceno_stop code);

#endif
