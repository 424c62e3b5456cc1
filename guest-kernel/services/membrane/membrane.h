/*
 * Membrane: the service that runs one static Linux program at a time.
 *
 * A handler runs to its end on an empty stack, one at a time; nothing here is
 * reentrant or concurrent, so all state is static. The program's memory is never
 * touched at the program's addresses: pages.c knows which frame of RAM or which
 * byte of the pack backs each of them, and membrane reaches both through windows
 * of its own (CENO_RAM_GVA, CENO_PACK_GVA).
 *
 *     trap -> dispatch.c -> one file a subject -> user.c (checked copies)
 *                 |                                 vm.c (areas) pages.c (backing, MAP)
 *                 |                                 frames.c (RAM)  pack.c  stdio.c (window)
 *                 `-> process.c: the end of a program, and the start of the next
 *
 * System calls are functions int64_t ceno_sys_<name>(const uint64_t a[6]): arguments
 * as the program's registers hold them (all guest-controlled), result or -lx_errno.
 */
#ifndef CENO_MEMBRANE_H
#define CENO_MEMBRANE_H

#include "linux.h"
#include "sdk/ceno.h"
#ifdef CENO_ARCH_FAKE
#include "fake.h"
#endif

/* Membrane's own space, beside the addresses that layout.h fixes. */
#define CENO_STDIO_GVA    (CENO_GVA_WINDOW + 0ull) /* stdio window, CENO_STDIO_BYTES */
#define CENO_DOORBELL_GVA (CENO_STDIO_GVA + CENO_LARGE_PAGE - CENO_PAGE)
#define CENO_RAM_GVA      CENO_GVA_RAM         /* user RAM, offset 0 of CENO_SLOT_RAM */
#define CENO_TEXT_GVA     0x280000000000ull    /* code being written (text.c) */
#define CENO_PACK_GVA     CENO_GVA_PACK        /* the pack, offset 0 of CENO_SLOT_PACK */
#define CENO_SLOT_PROCESS CENO_SLOT_FIRST_FREE /* and all above: hardware spaces (space.c) */

#define CENO_USER_END 0x7ffffffff000ull /* first address a program may not use */
#define CENO_PID      2

#define CENO_PAGE_DOWN(x) ((x) & ~(CENO_PAGE - 1))
#define CENO_PAGE_UP(x)   (((x) + CENO_PAGE - 1) & ~(CENO_PAGE - 1))

static inline const struct ceno_boot *ceno_boot(void)
{
	return (const struct ceno_boot *)(uintptr_t)CENO_GVA_BOOT_PAGE;
}

/* 1 << enum ceno_pledge_class: what the session has lost since it began. */
static inline uint32_t ceno_dropped(void)
{
	return __atomic_load_n(&ceno_boot()->dropped, __ATOMIC_RELAXED);
}

static inline struct ceno_trap_page *ceno_trap(void)
{
	return (struct ceno_trap_page *)(uintptr_t)CENO_GVA_TRAP_PAGE;
}

enum ceno_gpr {
	CENO_RAX,
	CENO_RCX,
	CENO_RDX,
	CENO_RBX,
	CENO_RSP,
	CENO_RBP,
	CENO_RSI,
	CENO_RDI,
	CENO_R8,
	CENO_R9,
	CENO_R10,
	CENO_R11,
	CENO_R12,
	CENO_R13,
	CENO_R14,
	CENO_R15
};

#ifdef CENO_ARCH_FAKE
#include <string.h>
#else
void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
#endif

/* An invariant of membrane's own is broken: the service ends here (never for
 * anything a program or the host can provoke). */
_Noreturn void ceno_membrane_abort(void);

/* The program runs, and membrane has time: init is told so, once (process.c). */
void ceno_membrane_runs(void);

/* The service ends: no program follows, or the host wants none to go on (process.c). */
_Noreturn void ceno_membrane_leave(void);

#endif
