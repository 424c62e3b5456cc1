/*
 * The verbs as C functions, for services and native fibers (abi/verbs.h says
 * what each does, costs and returns). Register-only calls into the verb gate.
 */
#ifndef CENO_SDK_H
#define CENO_SDK_H

#include <stddef.h>
#include <stdint.h>
#include "../abi/boot.h"
#include "../abi/bundle.h"
#include "../abi/manifest.h"
#include "../abi/pack.h"
#include "../abi/verbs.h"
#include "../abi/window.h"

/* A message: 64 bytes in registers. */
struct ceno_message {
	uint64_t word[8];
};

#ifndef CENO_ARCH_FAKE

/* rdx comes back changed only by TICK; every other register is preserved. */
static inline int64_t ceno_verb(uint64_t verb, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,
                                uint64_t *rdx_out)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	int64_t result = (int64_t)verb;

	__asm__ volatile("mov %[gate], %%r11d\n\tcall *%%r11"
	                 : "+a"(result), "+S"(b), "+d"(c)
	                 : "D"(a), "r"(r10), "r"(r8), "r"(r9), [gate] "i"(CENO_GATE_VERB)
	                 : "r11", "memory", "cc");
	if (rdx_out)
		*rdx_out = c;
	return result;
}

static inline uint64_t ceno_rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* What SPAWN of a fiber packs into its registers. */
struct ceno_fiber_spawn {
	uint32_t slot;       /* for the new fiber's capability, null */
	uint8_t pledge;      /* bits 1 << enum ceno_pledge_class */
	uint8_t spectrum;    /* enum ceno_spectrum */
	uint8_t fpu;         /* 1: with an FPU, as all that a fiber with one makes */
	uint8_t events_slot; /* of its events channel, 0 none */
	uint8_t prepared;    /* 1: in its prepared space (boot.h) */
	uint32_t budget;     /* joules a period */
	uint32_t pool_pages;
	uint64_t rip, rsp;
};

/* Returns the index of the fiber's trap page, or an error. */
static inline int64_t ceno_spawn_fiber(const struct ceno_fiber_spawn *s)
{
	return ceno_verb(CENO_VERB_SPAWN, CENO_SLOT_SELF,
	                 CENO_SPAWN_FIBER | (uint64_t)s->pledge << 8 | (uint64_t)s->spectrum << 16 |
	                     (s->fpu ? CENO_SPAWN_FPU : 0u) | (s->prepared ? CENO_SPAWN_PREPARED : 0u) |
	                     (uint64_t)s->budget << 32,
	                 s->slot, s->pool_pages | (uint64_t)s->events_slot << 32, s->rip, s->rsp, NULL);
}

static inline int64_t ceno_spawn_process(uint32_t dst_slot, uint32_t pool_pages)
{
	return ceno_verb(CENO_VERB_SPAWN, CENO_SLOT_SELF, CENO_SPAWN_PROCESS, dst_slot, pool_pages, 0, 0, NULL);
}

static inline int64_t ceno_spawn_channel(uint32_t dst_slot)
{
	return ceno_verb(CENO_VERB_SPAWN, CENO_SLOT_SELF, CENO_SPAWN_CHANNEL, dst_slot, 0, 0, 0, NULL);
}

/* `rights` of its pages: READ, with WRITE or EXECUTE. */
static inline int64_t ceno_spawn_region(uint32_t dst_slot, uint32_t frames_slot, uint32_t rights, uint64_t offset,
                                        uint64_t bytes)
{
	return ceno_verb(CENO_VERB_SPAWN, CENO_SLOT_SELF, CENO_SPAWN_REGION, dst_slot, bytes,
	                 frames_slot | (uint64_t)rights << 8, offset, NULL);
}

/* CENO_E_AGAIN: call again. */
static inline int64_t ceno_restart(uint32_t fiber_slot, uint64_t rip, uint64_t rsp)
{
	return ceno_verb(CENO_VERB_SPAWN, CENO_SLOT_SELF, CENO_SPAWN_RESTART, fiber_slot, 0, rip, rsp, NULL);
}

static inline int64_t ceno_map(uint32_t space_slot, int64_t object_slot, uint64_t gva, uint64_t offset, uint64_t bytes,
                               uint32_t rights)
{
	return ceno_verb(CENO_VERB_MAP, space_slot, (uint64_t)object_slot, gva, offset, bytes, rights, NULL);
}

/* rights_keep 0 closes the slot; CENO_E_AGAIN: call again. */
static inline int64_t ceno_mask(uint32_t slot, uint32_t rights_keep, uint64_t offset, uint64_t length, uint64_t expiry)
{
	return ceno_verb(CENO_VERB_MASK, slot, rights_keep, offset, length, expiry, 0, NULL);
}

/* Revokes: every other capability to the object is stale, this one keeps rights_keep. */
static inline int64_t ceno_revoke(uint32_t slot, uint32_t rights_keep)
{
	return ceno_verb(CENO_VERB_MASK, slot, rights_keep | CENO_MASK_REVOKE, 0, 0, 0, 0, NULL);
}

/* Drops the classes not in `pledge` from the fiber named. */
static inline int64_t ceno_pledge(uint32_t fiber_slot, uint8_t pledge)
{
	return ceno_verb(CENO_VERB_MASK, fiber_slot, CENO_RIGHTS_ALL | CENO_MASK_PLEDGE, 0, 0, 0, pledge, NULL);
}

/* deadline 0 reads the clock, 1 yields, else sleeps until that TSC; with
 * wake_on_window also returns when the host signals a window. *now may be NULL. */
static inline int64_t ceno_tick(uint64_t deadline, int wake_on_window, uint64_t *now)
{
	return ceno_verb(CENO_VERB_TICK, CENO_SLOT_CLOCK, deadline, 0, (uint64_t)wake_on_window, 0, 0, now);
}

static inline int64_t ceno_grant(uint32_t fiber_slot, uint32_t src_slot, uint32_t dst_slot, uint32_t rights)
{
	return ceno_verb(CENO_VERB_GRANT, fiber_slot, src_slot, dst_slot, rights, 0, 0, NULL);
}

/* On a window: waits until the host signalled it since the last call (poll: does
 * not wait). On a process: selects it for RESUME, SYSRET and traps. */
static inline int64_t ceno_recv_signal(uint32_t slot, int poll)
{
	return ceno_verb(CENO_VERB_RECV, slot, (uint64_t)-1, (uint64_t)poll, 0, 0, 0, NULL);
}

/* Channels. *cap_came may be NULL; cap_slot -1: none is taken or given. */
int64_t ceno_send(uint32_t slot, int64_t cap_slot, const struct ceno_message *m);
int64_t ceno_recv(uint32_t slot, int64_t cap_slot, struct ceno_message *m, int *cap_came);
/* The same; poll 1: AGAIN instead of waiting; 2: returns 2, m without meaning, if no message but a window's
 * signal came. *from: the index of the fiber that sent it, 0 for an
 * event; may be NULL. */
int64_t ceno_receive(uint32_t slot, int64_t cap_slot, int poll, struct ceno_message *m, int *cap_came, uint32_t *from);

#endif /* CENO_ARCH_FAKE */

/* The service runtime (service.S): at start it sets the stack and calls
 * ceno_service_main. A handler of a process also defines the two others; they
 * run on an empty stack, and when they return the process is resumed. */
void ceno_service_main(void);
void ceno_service_syscall(struct ceno_trap_page *t);
void ceno_service_fault(struct ceno_trap_page *t);

/* Loads t->gpr, takes rip and rflags from t->resume_*, runs the selected process.
 * The stack is empty afterwards. */
_Noreturn void ceno_process_enter(struct ceno_trap_page *t);

#endif
