/*
 * What every hostile guest stands on: a kernel of its own, started by the firmware in
 * ring 0 in the nucleus's place, because the hostile test key signed it. It has what
 * the nucleus has, and uses it for one attack a session (table.h).
 *
 *   kit_main   takes the tables over, leaves a canary in RAM, says "ready", waits for one
 *              byte of input, runs the guest that the first argument names, reports
 *   a guest    returns KIT_HELD if what it tried was refused where it could see that, KIT_THROUGH
 *              if it went through; most do not return, because Stage 2 ends the session
 *
 * Physical memory is seen twice, mapped when it is first asked for: by ring 0 at
 * KIT_VIEW + gpa, by ring 3 at KIT_USER + gpa. Everything but the last instruction of an
 * attack is plain set-up; position-independent, no initialised data (nucleus.ld).
 */
#ifndef CENO_HOSTILE_KIT_H
#define CENO_HOSTILE_KIT_H

#include <stdint.h>
#include "abi/boot.h"
#include "abi/bundle.h"
#include "abi/window.h"

#define KIT_VIEW (2ull << 39)
#define KIT_USER (3ull << 39)
#define KIT_FREE (4ull << 39) /* a guest's own */

/* SDM vol. 3, 4.5 */
#define KIT_P     1ull
#define KIT_W     2ull
#define KIT_U     4ull
#define KIT_LARGE 0x80ull
#define KIT_NX    (1ull << 63)

#define KIT_HELD    0
#define KIT_THROUGH 1 /* other statuses: a guest's own, or KIT_SAW */
#define KIT_NO_TRAP 0xffull

/* Vectors. */
#define KIT_DB 1u
#define KIT_BP 3u
#define KIT_UD 6u
#define KIT_GP 13u
#define KIT_PF 14u
#define KIT_XM 19u

/* Another end of a try than the one that is right, as a status that tells which. */
#define KIT_SAW(vector) ((vector) == KIT_NO_TRAP ? KIT_THROUGH : 128u + (uint32_t)(vector))

struct kit_trap {
	uint64_t vector, error, rip, cr2, rax, cs, rflags;
};

struct kit {
	const struct ceno_handoff *handoff;
	uint64_t tables;     /* pool pages taken for tables */
	uint64_t text_gpa;   /* of this kernel's first byte, in the bundle's slot */
	uint64_t user_stack; /* gpa of the top of ring 3's stack */
	uint64_t user_data;  /* gpa of a page for ring 3 */
	uint64_t canary[2];
	uint32_t said; /* bytes of output so far */
};

#pragma GCC visibility push(hidden) /* no global offset table: nothing would fill it */

extern struct kit kit;
extern struct kit_trap kit_trap; /* of the last one */

typedef uint64_t kit_function(uint64_t argument);

/* f(argument) in ring 0: KIT_NO_TRAP (its result in kit_trap.rax), or the vector that ended it. */
uint64_t kit_try(kit_function *f, uint64_t argument);

/* f(argument) in ring 3, without the kernel's data: KIT_BP when it returned, or the vector that ended it. */
uint64_t kit_ring3(kit_function *f, uint64_t argument);

/* As kit_ring3, with these flags. */
uint64_t kit_ring3_flags(kit_function *f, uint64_t argument, uint64_t rflags);

/* Maps the 2 MiB (or, without KIT_LARGE, 4 KiB) around gva to gpa with these flags. */
void kit_map(uint64_t gva, uint64_t gpa, uint64_t flags);

/* The same memory, for ring 0 and for ring 3. */
volatile void *kit_at(uint64_t gpa);
uint64_t kit_user(uint64_t gpa);

/* A fresh page of the pool. Returns its gpa; ring 0 sees it at kit_at(). */
uint64_t kit_page(void);

/* The stdio window. */
volatile struct ceno_stdio_guest *kit_guest_page(void);
volatile struct ceno_stdio_host *kit_host_page(void);
void kit_bell(void);
void kit_say(const char *text, uint32_t bytes);

/* Program 1 ended with this status; returns when the vmm asks the guest to stop. */
void kit_report(uint32_t status);
_Noreturn void kit_stop(uint32_t code);

/* Lets the interrupt controller's timer and interrupts in: a kit_try sees them as traps. */
void kit_apic_on(uint32_t vector);

#pragma GCC visibility pop

static inline uint64_t kit_get(uint64_t gpa)
{
	return *(volatile uint64_t *)kit_at(gpa);
}

static inline void kit_put(uint64_t gpa, uint64_t value)
{
	*(volatile uint64_t *)kit_at(gpa) = value;
}

static inline uint64_t kit_cr3(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr3, %0" : "=r"(v));
	return v;
}

static inline void kit_flush(void)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(kit_cr3()) : "memory");
}

static inline void kit_invlpg(uint64_t gva)
{
	__asm__ volatile("invlpg (%0)" : : "r"(gva) : "memory");
}

static inline uint64_t kit_rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline void kit_wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline void kit_cpuid(uint32_t leaf, uint32_t sub, uint32_t out[4])
{
	__asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(sub));
}

static inline uint64_t kit_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

#endif
