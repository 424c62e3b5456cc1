/*
 * The seven verbs: everything ring 3 can ask of the nucleus.
 *
 * Call: rax = verb, arguments in rdi rsi rdx r10 r8 r9, then `call` the verb
 * gate (int3; ret at CENO_GATE_VERB). rax returns 0 (or a count) or a negative
 * ceno_verb_error; every other register is preserved unless stated. Registers
 * only: the nucleus never reads or writes memory of ring 3.
 *
 * Energy. Every verb is paid before it is looked at, whatever comes of it: if
 * the fiber holds its price, it is taken; else, if the fiber's period is over, it
 * is refilled first (energy becomes budget, the next period ends one period from
 * now); else it freezes until then, is refilled, and the verb runs again. A price
 * above the whole budget is ENERGY and costs nothing. A verb that blocks is given its
 * price back and pays when it runs again. An unknown verb costs 1 J. A fiber's first
 * period begins with its SPAWN. A frozen fiber is refilled when the nucleus first looks
 * for somebody to run after its period, and its next period begins there.
 *
 * A fiber that waits learns that what it named was revoked, has expired or is no longer
 * pledged when it wakes for another reason; only a revoked channel wakes who waits for it.
 *
 * Capabilities. One is named by its index in the caller's CSpace (masked with 63).
 * Naming one checks, in this order: SLOT it is there, TYPE it is of a type the verb
 * takes, STALE its epoch is its object's, EXPIRED its time is not over, PLEDGE its
 * class is pledged by the caller (windows), RIGHTS it has every right asked for.
 * All capabilities are checked in the order in which the arguments are listed here,
 * each before the next, then the plain arguments, with errors in the order in which they
 * are named; nothing changes before all passed (decode), and nothing fails after (invoke).
 *
 * Strength (the law of decay). A capability of the boot manifest, or to a new
 * object, has depth 0, strength 65535 and does not fade. GRANT, and SEND of a
 * capability, make one a step deeper:
 *     depth' = depth + 1
 *     strength' = s - (s >> 3)   where s = strength now of the one it came from
 *     strength now = strength >> ((TSC - born) >> (CENO_FADE_SHIFT - depth)), depth > 0
 * born is the TSC at which it was made. It is EXPIRED from the moment its strength
 * is below CENO_STRENGTH_MIN, or that of its source would have been, or its expiry
 * (MASK), or the one its source had when it was made, has come (TSC >= it). A copy that would be below the minimum at once, or deeper than
 * CENO_DEPTH_MAX, is refused: DEPTH. So chains end after 40 steps, and each step
 * fades twice as fast: at 2.4 GHz a first copy halves every 10.8 days, a tenth
 * every half hour, a twentieth every 1.8 seconds.
 *
 *   SPAWN  500 J  rdi SELF: own fiber (right SPAWN)   rsi enum ceno_spawn in bits 0-7
 *                 rdx slot for the new object, must be null and not 0 (SLOT). Another kind: BOUNDS.
 *                 The capability has all rights, but for regions.
 *     FIBER       rsi bit 19 it has an FPU (below)   bits 8-15 its pledge: a subset of the caller's, which must hold
 *                 the class SPAWN (PLEDGE; init's: the session's classes and SPAWN)   bits 16-17 its spectrum, not faster than
 *                 the caller's (ENERGY)   bits 32-63 its budget, taken out of the
 *                 caller's for as long as it lives (ENERGY). It starts with as much of
 *                 its budget as the caller has energy left, which the caller loses.
 *                 r10 bits 0-31 pool pages it may use, from the caller's quota, at least 7,
 *                 with an FPU 8 (POOL; also if there is no trap page left)   rsi bit 18 its
 *                 space is not empty but one prepared at boot (boot.h), whose tables come on
 *                 top of those pages: once, by init, for the fiber that has its number (STATE),
 *                 whose pledge has the windows in it (PLEDGE)
 *                 bits 32-37 the slot of its events channel (right READ; 0: its maker's
 *                 witness, if any; checked after slot rdx)   r8 rip below 2^47 (BOUNDS)   r9 rsp.
 *                 64 null slots, an empty space but for that; parked until SEND starts it.
 *                 Returns the index of its trap page (CENO_SLOT_TRAP).
 *     PROCESS     r10 bits 0-31 pool pages it may use, at least 6 (POOL). A space run by
 *                 the caller, as long as it is not restarted or revoked.
 *     CHANNEL     a ring of 31 messages, one pool page (POOL).
 *     REGION      r8 slot of a frame range in bits 0-5 (rights: those in r8 bits 8-10)
 *                 and the rights its pages have: READ, READ|WRITE or READ|EXECUTE
 *                 (RIGHTS, WX)   r9 byte offset in the range, page-aligned (BOUNDS)
 *                 r10 bytes, page multiple, not 0, at most CENO_REGION_BYTES_MAX (BOUNDS).
 *                 Frames with page tables of their own (1 + one per begun 2 MiB pool pages,
 *                 and one of 120 numbers: POOL), so that revoking takes it out of every
 *                 space at once. For W^X (WX) it counts as one mapping of each frame while
 *                 it lives. The capability has the pages' rights, GRANT and REVOKE.
 *     RESTART     rdx instead names a fiber (right REVOKE), not init, that is not running
 *                 (DEAD or PARKED; else STATE)   r8 rip (BOUNDS)   r9 rsp. It is as new: null
 *                 slots, empty space, zero registers, parked, epoch + 1 (the capability
 *                 named follows, all others are stale). It keeps its pledge, spectrum,
 *                 budget, energy, strikes and events channel; restarts + 1.
 *                 AGAIN: bounded work was done, call again; until then it is DEAD. What
 *                 its slots held the last capability of ends; the pages are its own again.
 *
 *   SEND     5 J  rdi channel or fiber (right WRITE)   rsi capability slot to move along
 *                 (right GRANT), or -1   message: rdx r10 r8 r9 r12 r13 r14 r15 (64 bytes)
 *                 FULL if the ring is full. A channel over itself, or a fiber capability
 *                 of the sender itself, is SELF; then DEPTH. On a fiber: starts it if it
 *                 is parked (else STATE); rsi and the message are not looked at.
 *
 *   RECV     2 J  rdi channel, window or process (right READ)
 *                 rsi slot for a capability, looked at if one comes along (null and not 0,
 *                 else, as with -1, SLOT and the message stays)   rdx 1: AGAIN instead of
 *                 blocking; 2, of a channel: a message or a signal, as of a window, whose rax is 2
 *                 and which comes last
 *                 channel: a message in the message registers, rsi = 1 if a capability
 *                 came, else 0, | the index of the fiber that sent it << 8; rax 0 from a
 *                 fiber, 1 from the nucleus (struct
 *                 ceno_fiber_event below; events that wait in fibers come after messages).
 *                 window: returns when the host signalled, by any window, since this fiber
 *                 last listened: a RECV of a window or one that returned 2, or a TICK with
 *                 r10 = 1, that returned.
 *                 A new or restarted fiber never has.
 *                 process (of the caller, else STATE): from now on RESUME and SYSRET run
 *                 it, and its traps come to the caller.
 *
 *   MAP     10 J  rdi space, fiber or process (right MAP)   rsi frame range, region,
 *                 window or process (rights as in r9; a process then right MAP), or -1 to
 *                 unmap   rdx gva   r10 byte offset
 *                 r8 bytes   r9 rights (READ needed) | CENO_MAP_REPLACE (frame ranges)
 *                 gva, offset and bytes page-aligned, bytes not 0, below 2^47, not in the
 *                 entry page's 2 MiB, in the capability's bounds, at most 512 entries a call, to
 *                 unmap at most 2 MiB (BOUNDS). No READ, or other bits in r9: RIGHTS. WRITE
 *                 and EXECUTE together: WX. Something is there already: EXISTS; for a 2 MiB
 *                 entry or a region a page table of 4 KiB entries is something, even if it
 *                 is empty (nothing but the end of a space frees tables). No pool pages for
 *                 tables: POOL. A RAM frame is never writable and executable through any
 *                 two mappings, what is being replaced included; and has at most 126 4 KiB
 *                 mappings of either kind, 65535 writable 2 MiB ones (WX).
 *                 frame range: 2 MiB entries if gva, frames and bytes are all multiples of
 *                 2 MiB, else 4 KiB entries, as for EXECUTE of RAM always. REPLACE: 4 KiB
 *                 over 4 KiB, 2 MiB over 2 MiB.
 *                 region, window: gva 2 MiB-aligned, offset 0, bytes the region's own
 *                 (BOUNDS), rights in the region's (RIGHTS). Revoked: STATE, after WX. Only
 *                 whole 2 MiB spans of gva are unmapped where a region lies (BOUNDS).
 *                 window: only into the space of a fiber, at CENO_GVA_WINDOW + class *
 *                 2 MiB (BOUNDS), that has pledged the class (PLEDGE); its doorbell is the
 *                 last page of that span.
 *                 process: moves the table of 4 KiB entries that its space has at r10 to
 *                 rdx of a process's space (a fiber's: BOUNDS), with all that it maps; such
 *                 a table there comes to r10. rdx and r10 2 MiB-aligned, bytes 2 MiB, r10
 *                 checked as gva is (BOUNDS); rights 0 (RIGHTS); no such table at r10:
 *                 STATE; a 2 MiB entry or a region at rdx: EXISTS. Where there is no table
 *                 at rdx it takes a page more for this one (POOL), which the other space
 *                 is given back.
 *
 *   MASK     3 J  rdi slot (any capability)   rsi rights to keep | CENO_MASK_* (other
 *                 bits: RIGHTS)   rdx byte offset from the present one, r10 length (0:
 *                 unchanged): page-aligned, within the present bounds, both 0 but for frame
 *                 ranges (BOUNDS)   r8 expiry (TSC; 0: unchanged)
 *                 Only ever narrows. Closing checks SLOT and nothing else.
 *     CENO_MASK_REVOKE   (right REVOKE) flips the object's epoch: every other capability
 *                 to it is stale from now, this one follows. Regions and windows are
 *                 out of every space, for good (AGAIN: 2 MiB of it are, and none of it is
 *                 mapped anew: call again); a channel is empty, and events go through
 *                 it no more (AGAIN: call again); a process cannot be run; a fiber is dead
 *                 (RESTART revives it). Of oneself: exit, without an event.
 *     CENO_MASK_PLEDGE   r9 the pledge to keep, of the fiber named (else TYPE): the caller
 *                 itself, or any with right REVOKE. Bits it does not hold: PLEDGE. The
 *                 windows of dropped classes are out of its space. An event if bits went.
 *     rsi 0: closes the slot. The last capability of an object ends it, but for stale ones
 *                 and those that a fiber holds to itself, which do not count: a region or
 *                 window is out of every space, a fiber is dead for good and its budget the
 *                 closer's (if it is not 0, the closer's period now ends no earlier than the
 *                 ended one's, but at most one period of the closer's from now: nothing is
 *                 refilled twice), what an object holds is closed, its pool pages go to the
 *                 closer's quota. The page that stale capabilities point to follows when
 *                 the last of them is closed, to whoever does that; a region's pages when
 *                 the last space has dropped it. Init and the running fiber do not end so.
 *                 AGAIN: bounded work was done, the slot is stale, call again. A fiber's own capability
 *                 to itself: exit (DEAD). init's, with bits 0-31 of r9 not 0: the session
 *                 stops with that stop code (bundle.h).
 *
 *   TICK     1 J  rdi clock (right READ)   rsi TSC deadline: 0 reads, 1 yields, else sleeps
 *                 until then. rdx = TSC now. With r10 = 1 also wakes on any signalled window.
 *
 *   GRANT   20 J  rdi fiber (right GRANT)   rsi source slot (right GRANT)
 *                 rdx destination slot in that fiber, must be null (SLOT)
 *                 r10 rights to pass (others than CENO_RIGHTS_ALL: RIGHTS). A window of a
 *                 class the receiver has not pledged: PLEDGE. Then DEPTH. To oneself: a copy.
 *
 * FPU. Registers of x87 to AVX-512, mxcsr, the segment selectors but cs and ss, and the bases
 * of fs and gs are a fiber's own if it has an FPU: one made with CENO_SPAWN_FPU, or by a
 * fiber that has one. They start initial and zero, with mxcsr 0x1f80, again after RESTART, and
 * no other's are ever in them. A process has those of its handler, who sees to it that its
 * processes do not share them. A fiber without an FPU must not use these registers: what is in
 * them is others'. init has none; services that are built without FPU instructions need none.
 *
 * CPU time spends too: at each tick the running fiber (for a process its handler) pays
 * CENO_TICK_JOULES less what its verbs spent since the tick it paid last (a verb's
 * price covers its time), or what it has. If that leaves it nothing, it is refilled if
 * its period is over, else it freezes until then, and its process with it. Whoever else
 * may run comes next, also when it was a process that the tick interrupted.
 *
 * Strikes. A fiber that froze in CENO_STRIKE_FREEZES periods in a row takes a strike at
 * the last of these freezes, and the row begins anew; a refill for which it did not
 * freeze ends the row. The first strike is an event, the second moves it one spectrum
 * slower, the third and every later one kills it (DEAD). Strikes never go back.
 *
 * Times are TSC cycles in 64 bits, and the TSC is taken to stay below 2^63: a period or
 * a halving that would end later than 2^64 is not thought of, but that a copy which
 * would fade later never does.
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
	X(STALE,  -6, "the capability was revoked")                                \
	X(POOL,   -7, "the pool pages of the caller or of the space are used up")  \
	X(EXISTS, -8, "something is mapped there already")                         \
	X(WX,     -9, "the frame would be writable and executable")                \
	X(FULL,   -10, "the ring is full")                                         \
	X(AGAIN,  -11, "not done yet: call again")                                 \
	X(STATE,  -12, "the object is not in the state for this")                  \
	X(EXPIRED, -13, "the capability expired or faded")                         \
	X(PLEDGE, -14, "the class is not pledged, or a pledge would be raised")    \
	X(ENERGY, -15, "the price or budget is above the fiber's own, or the spectrum faster") \
	X(SELF,   -16, "the capability would move over or to itself")              \
	X(DEPTH,  -17, "delegated too often: too deep, or too weak to pass on")

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
#define CENO_MASK_REVOKE (1u << 16)
#define CENO_MASK_PLEDGE (1u << 17)

enum ceno_object_type {
	CENO_OBJECT_NULL, CENO_OBJECT_FIBER, CENO_OBJECT_PROCESS, CENO_OBJECT_FRAMES,
	CENO_OBJECT_CHANNEL, CENO_OBJECT_WINDOW, CENO_OBJECT_CLOCK, CENO_OBJECT_REGION
};

enum ceno_spawn {
	CENO_SPAWN_FIBER = 1,              /* a native fiber in a space of its own */
	CENO_SPAWN_PROCESS = 2,            /* a space run by its handler (RECV, RESUME) */
	CENO_SPAWN_CHANNEL = 3,            /* a message ring of one pool page */
	CENO_SPAWN_REGION = 4,             /* frames with page tables of their own */
	CENO_SPAWN_RESTART = 5             /* an ended fiber from its beginning */
};
#define CENO_SPAWN_PREPARED (1u << 18) /* FIBER: in its prepared space */
#define CENO_SPAWN_FPU      (1u << 19) /* FIBER: with an FPU */

#define CENO_CSPACE_SLOTS 64
#define CENO_REGION_BYTES_MAX (8ull << 20)

/* ---- energy ---- */

/* How long a period is: the most a fiber waits for its refill. */
#define CENO_SPECTRA(X) X(PHOTON, 0, 8) X(MATTER, 1, 16) X(GRAVITY, 2, 100) X(VOID, 3, 1000)

enum ceno_spectrum {
#define CENO_SPECTRUM_ENUM(name, number, ms) CENO_SPECTRUM_##name = number,
	CENO_SPECTRA(CENO_SPECTRUM_ENUM)
#undef CENO_SPECTRUM_ENUM
	CENO_SPECTRUM_COUNT
};

#define CENO_JOULES_DEFAULT  2000u     /* a refill of a native fiber, where nothing else is said */
#define CENO_TICK_MS         8u
#define CENO_TICK_JOULES     16u       /* CPU time: 2 J a millisecond */
#define CENO_STRIKE_FREEZES  8u
#define CENO_STRIKES_KILL    3u

/* ---- strength ---- */

#define CENO_STRENGTH_FULL 65535u
#define CENO_STRENGTH_MIN  256u
#define CENO_FADE_SHIFT    52u
#define CENO_DEPTH_MAX     40u

/* ---- events: what the nucleus tells a fiber's events channel ---- */

/* RECV returns 1 and the message registers hold these. SPAWN, GRANT, PLEDGE are posted
 * as the verb is done, by a fiber that has an events channel; a verb that would find
 * that channel full waits until it is not (checked last of all, so the verb can still
 * fail). What happens to a fiber (STRIKE, KILLED, FAULT, EXIT) waits in the fiber, the
 * bits together, newest details, and is not lost while the fiber and the channel are;
 * RECV takes the lowest index first. Closing the channel for good, or revoking it, leaves
 * its fibers without one. A fault of a fiber that never had one stops the session.
 * A fiber whose maker has an events channel has a witness: the maker's witness, or, if that
 * has none, the maker's events channel. It is told all that the fiber's events channel is
 * (checked for room, and posted to, after it), and takes its place if the fiber has none or
 * it is closed for good or revoked. What waits to be told to a channel that the closer
 * of a fiber reports to itself is not lost with that fiber: it keeps its page and its index,
 * DEAD, until that was told; then the page is the receiver's, if nothing else keeps it. */
enum ceno_fiber_event_bit {
	CENO_FIBER_EVENT_STRIKE = 1u << 0,       /* strikes rose */
	CENO_FIBER_EVENT_KILLED = 1u << 1,       /* by its third or a later strike */
	CENO_FIBER_EVENT_FAULT  = 1u << 2,       /* it faulted in its own code; it is DEAD */
	CENO_FIBER_EVENT_EXIT   = 1u << 3,       /* it ended itself, or was revoked */
	CENO_FIBER_EVENT_SPAWN  = 1u << 4,       /* a = new fiber's index, b = pledge, c = budget */
	CENO_FIBER_EVENT_GRANT  = 1u << 5,       /* a = receiver's index, b = type, c = rights | depth << 8 */
	CENO_FIBER_EVENT_PLEDGE = 1u << 6        /* a = whose index, b = old, c = new */
};

/* In the order of the message registers (rdx r10 r8 r9 r12 r13 r14 r15). */
struct ceno_fiber_event {
	uint64_t fiber;                    /* index of the fiber it is about */
	uint64_t what;                     /* bits of enum ceno_fiber_event_bit */
	uint64_t a, b, c;                  /* SPAWN, GRANT, PLEDGE; FAULT: vector, error, rip */
	uint64_t strikes;                  /* strikes | spectrum << 8 | pledge << 16 | restarts << 32 */
	uint64_t spent;                    /* joules spent since the session began */
	uint64_t tsc;
};
_Static_assert(sizeof(struct ceno_fiber_event) == 64, "one message");

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
	CENO_SLOT_SUPERVISOR,              /* channel to init; init's own, for events too */
	CENO_SLOT_REPLY,                   /* channel from init (supervisor.h) */
	CENO_SLOT_SERVICE,                 /* frame range: memory of services, READ WRITE (init only) */
	CENO_SLOT_EVENTS,                  /* frame range: struct ceno_boot_events, READ */
	CENO_SLOT_TRAIL,                   /* frame range: the area of the ledger (trail.h), READ WRITE */
	CENO_SLOT_FIRST_FREE
};

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
