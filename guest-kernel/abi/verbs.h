/*
 * The seven verbs: everything ring 3 can ask of the nucleus.
 *
 * Call: rax = verb, arguments in rdi rsi rdx r10 r8 r9, then `call` the verb
 * gate (int3; ret at CENO_GATE_VERB). rax returns 0 (or a count) or a negative
 * ceno_verb_error; every other register is preserved unless stated. Registers
 * only: the nucleus never reads or writes memory of ring 3.
 *
 * A capability is named by its index in the caller's CSpace (masked with 63).
 * Every verb checks type, rights, bounds, expiry and epoch of each capability
 * it names before it changes anything (decode), and cannot fail after (invoke).
 *
 *   SPAWN  500 J  rdi fiber cap of the caller (right SPAWN)  rsi enum ceno_spawn
 *                 rdx slot for the new object               r10 pool pages it may use
 *                 r8 rip, r9 rsp (fibers; started by SEND on the fiber capability).
 *                 Returns, for a fiber, the index of its trap page (CENO_SLOT_TRAP).
 *   SEND     5 J  rdi channel or fiber   rsi capability slot to move along, or -1
 *                 message: rdx r10 r8 r9 r12 r13 r14 r15 (64 bytes)
 *                 FULL if the ring is full. On a fiber: starts a parked fiber.
 *   RECV     2 J  rdi channel, window or process   rsi slot for a capability that
 *                 comes along, or -1   rdx (window) 1: return at once
 *                 channel: blocks until a message; message registers as for SEND,
 *                 rsi = 1 if a capability came. window: blocks until the host
 *                 signalled it since the last RECV. process: from now on RESUME and
 *                 SYSRET run it, and its traps come to the caller.
 *   MAP     10 J  rdi space, fiber or process (right MAP)  rsi frame range or window,
 *                 or -1 to unmap   rdx gva   r10 byte offset in the object
 *                 r8 bytes   r9 rights (CENO_RIGHT_*) | CENO_MAP_REPLACE
 *                 All page-aligned; at most 512 entries a call; a 2 MiB entry is
 *                 used where gva, object and length allow. Rights that are not in
 *                 the capability, or both WRITE and EXECUTE, are refused; a RAM
 *                 frame is never writable and executable through any two mappings.
 *   MASK     3 J  rdi slot   rsi rights to keep   rdx new byte offset   r10 new length
 *                 (0: unchanged)   r8 expiry (TSC; 0: unchanged). Rights 0 closes the
 *                 slot; the last capability of a process or fiber ends it. Own fiber,
 *                 rights 0: exit. AGAIN: bounded work was done, call again.
 *   TICK     1 J  rdi clock   rsi TSC deadline: 0 reads, 1 yields, else sleeps until
 *                 then. rdx = TSC now. With r10 = 1 also wakes on any signalled window.
 *   GRANT   20 J  rdi fiber (right GRANT)   rsi source slot (right GRANT)
 *                 rdx destination slot, must be null   r10 rights to pass
 */
#ifndef CENO_ABI_VERBS_H
#define CENO_ABI_VERBS_H

#include "layout.h"

#define CENO_VERBS(X) \
	X(SPAWN, 0, 500) X(SEND, 1, 5) X(RECV, 2, 2) X(MAP, 3, 10) X(MASK, 4, 3) X(TICK, 5, 1) X(GRANT, 6, 20)

enum ceno_verb {
#define CENO_VERB_ENUM(name, number, joules) CENO_VERB_##name = number,
	CENO_VERBS(CENO_VERB_ENUM)
#undef CENO_VERB_ENUM
	CENO_VERB_COUNT
};

#define CENO_VERB_ERRORS(X) \
	X(VERB,   -1, "no such verb")                                              \
	X(SLOT,   -2, "the slot is empty, or not empty where it must be")          \
	X(TYPE,   -3, "the capability is of another type")                         \
	X(RIGHTS, -4, "the capability lacks a right")                              \
	X(BOUNDS, -5, "outside the capability's bounds, misaligned or too long")   \
	X(STALE,  -6, "the capability expired or was revoked")                     \
	X(POOL,   -7, "the pool pages of the caller or of the space are used up")  \
	X(EXISTS, -8, "something is mapped there already")                         \
	X(WX,     -9, "the frame would be writable and executable")                \
	X(FULL,   -10, "the ring is full")                                         \
	X(AGAIN,  -11, "not done yet: call again")                                 \
	X(STATE,  -12, "the object is not in the state for this")

enum ceno_verb_error {
#define CENO_VERB_ERROR_ENUM(name, number, text) CENO_E_##name = number,
	CENO_VERB_ERRORS(CENO_VERB_ERROR_ENUM)
#undef CENO_VERB_ERROR_ENUM
};

enum ceno_right {
	CENO_RIGHT_READ    = 1u << 0,
	CENO_RIGHT_WRITE   = 1u << 1,
	CENO_RIGHT_EXECUTE = 1u << 2,
	CENO_RIGHT_GRANT   = 1u << 3,
	CENO_RIGHT_REVOKE  = 1u << 4,
	CENO_RIGHT_MAP     = 1u << 5,  /* change a space */
	CENO_RIGHT_SPAWN   = 1u << 6
};
#define CENO_RIGHTS_ALL 0x7fu
#define CENO_MAP_REPLACE (1u << 16)    /* MAP: an existing mapping is replaced */

enum ceno_object_type {
	CENO_OBJECT_NULL, CENO_OBJECT_FIBER, CENO_OBJECT_PROCESS, CENO_OBJECT_FRAMES,
	CENO_OBJECT_CHANNEL, CENO_OBJECT_WINDOW, CENO_OBJECT_CLOCK
};

enum ceno_spawn {
	CENO_SPAWN_FIBER = 1,              /* a native fiber in a space of its own */
	CENO_SPAWN_PROCESS = 2,            /* a space run by its handler (RECV, RESUME) */
	CENO_SPAWN_CHANNEL = 3             /* a message ring of one pool page */
};

#define CENO_CSPACE_SLOTS 64

/* What the boot manifest puts into init's CSpace; init grants onward with the
 * same numbering to membrane (absent where membrane may not have it). */
enum ceno_boot_slot {
	CENO_SLOT_NULL,
	CENO_SLOT_SELF,                    /* the fiber itself */
	CENO_SLOT_CLOCK,
	CENO_SLOT_RAM,                     /* frame range: user RAM, READ WRITE EXECUTE */
	CENO_SLOT_PACK,                    /* frame range: READ EXECUTE */
	CENO_SLOT_BUNDLE,                  /* frame range: READ EXECUTE (init only) */
	CENO_SLOT_BOOT,                    /* frame range: the boot page, READ */
	CENO_SLOT_IMAGE,                   /* frame range or null */
	CENO_SLOT_WINDOW,                  /* + class: window, READ WRITE, or null */
	CENO_SLOT_TRAP = CENO_SLOT_WINDOW + CENO_PLEDGE_COUNT, /* frame range: trap pages (init only) */
	CENO_SLOT_SUPERVISOR,              /* channel to init */
	CENO_SLOT_FIRST_FREE
};
/* A window capability's object: byte offset 0 is the window's memory, its doorbell
 * page follows at offset CENO_WINDOW_STRIDE. */

/* One page per fiber, mapped at CENO_GVA_TRAP_PAGE. The nucleus writes the first
 * part when the fiber's process faults or is interrupted (never for `syscall`:
 * there rcx and r11 hold rip and rflags), and reads the resume part at RESUME.
 * The rest is the handler's own, so that its entry stubs find it by address. */
struct ceno_trap_page {
	uint64_t vector;                   /* SDM vol. 3, 6.15; CENO_VECTOR_TICK for a tick */
	uint64_t error;
	uint64_t cr2;
	uint64_t rip;
	uint64_t rflags;
	uint64_t reserved0[3];
	uint64_t resume_rip;               /* must be below 2^47, else vector 13, error 0 comes back */
	uint64_t resume_rflags;            /* (f & CENO_RFLAGS_USER) | CENO_RFLAGS_SET is used */
	uint64_t reserved1[6];
	uint64_t gpr[16];                  /* handler's: rax rcx rdx rbx rsp rbp rsi rdi r8..r15 */
	uint64_t handler[480];
};
_Static_assert(sizeof(struct ceno_trap_page) == 4096, "trap page");
_Static_assert(__builtin_offsetof(struct ceno_trap_page, gpr) == CENO_TRAP_GPR_OFFSET, "gpr");

#define CENO_RFLAGS_USER 0x240cd5ull
#define CENO_RFLAGS_SET  0x202ull

#endif
