/*
 * The nucleus: ring 0 of the guest, and nothing in ring 0 but this.
 *
 * One vCPU, interrupts off, never preempted, one stack, no allocation except
 * pool pages counted against a quota at SPAWN. It reads no memory that ring 3
 * can write, except the trap page of the running fiber through a supervisor
 * mapping of its own. Every verb is a decode (all checks, no mutation) and an
 * invoke (mutation that cannot fail).
 *
 *   cap.c      capabilities: the check of naming one, strength, copies
 *   end.c      objects that nobody names any more are taken apart, step by step
 *   frames.c   W^X: who maps each frame of user RAM, and how
 *   region.c   regions and windows: frames with page tables of their own
 *   pool.c     kernel pages: quota, fresh, recycled
 *   space.c    page tables: walk, fill, clear, tear down
 *   fiber.c    who runs: ready, blocked, asleep, idle
 *   fpu.c      whose FPU state is in the registers
 *   energy.c   what running costs: pay, refill, freeze, strike
 *   event.c    what fibers do and what becomes of them, told to their makers
 *   verb_*.c   the seven verbs
 *   boot.c     from the handoff record to init
 *   arch/      entry paths, CPU registers; arch/fake for host tests
 */
#ifndef CENO_NUCLEUS_H
#define CENO_NUCLEUS_H

#include <stddef.h>
#include <stdint.h>
#include "abi/boot.h"
#include "abi/bundle.h"
#include "abi/verbs.h"
#include "cpu.h"

/* Registers of a fiber at rest, in the order the entry paths push them; TSS.rsp0
 * points just past it, so the CPU's own frame lands in place. */
struct ceno_frame {
	uint64_t r15, r14, r13, r12, rbp, rbx;
	uint64_t r11, r10, r9, r8, rsi, rdi, rdx, rcx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct ceno_frame) == 176, "frame is 16-byte aligned at its end");

/* An object's way to its end (end.c). */
enum ceno_end {
	CENO_END_NOT,
	CENO_END_BEGUN, /* on the list of a fiber that takes it apart; every capability is stale */
	CENO_END_DONE   /* nothing left but its page, which stays while a capability points there */
};

/* What every kernel object starts with. A capability is good while its epoch equals
 * the object's. No epoch is ever used twice, by whatever object. */
struct ceno_object {
	uint16_t type;    /* enum ceno_object_type */
	uint16_t end;     /* enum ceno_end */
	uint32_t holders; /* capabilities that point to it, stale ones too */
	uint32_t live;    /* those of them with its epoch */
	uint32_t reserved;
	uint64_t epoch;
	struct ceno_object *next; /* on a list of enum ceno_end BEGUN */
};

struct ceno_cap {
	union {
		struct {
			uint8_t type;      /* enum ceno_object_type; NULL: empty slot, the rest means nothing */
			uint8_t rights;    /* enum ceno_right */
			uint8_t depth;     /* copies between it and the boot manifest or the object's maker */
			uint8_t pledge;    /* windows: 1 << class, which its user must have pledged; else 0 */
			uint16_t strength; /* at `born`, verbs.h */
			uint16_t reserved;
		};
		uint64_t head; /* all of these, little-endian: a copy is made in one go (cap.h) */
	};
	struct ceno_object *object; /* borrowed: an object's page outlives its capabilities */
	uint64_t offset;            /* bounds in the object, bytes (frame ranges) */
	uint64_t length;
	uint64_t until; /* TSC from which it is EXPIRED, by expiry or by fading; UINT64_MAX never */
	uint64_t epoch;
	uint64_t born; /* TSC at which the copy was made; depth 0: not used */
	uint64_t reserved1;
};
_Static_assert(sizeof(struct ceno_cap) == 64, "64 slots are one page");

/* A frame range: guest-physical, contiguous. */
struct ceno_frames {
	struct ceno_object object;
	uint64_t gpa;
	uint64_t bytes;
};

#define CENO_REGIONS_MAX   128 /* their number is seven bits of a page-directory entry; */
#define CENO_REGION_TABLES (CENO_REGION_BYTES_MAX / CENO_LARGE_PAGE) /* windows are the first, by class */

/* A region or a window: one pool page, and one for each 2 MiB. Every space that maps
 * it points its page directory at the same page tables. */
struct ceno_region {
	struct ceno_object object;
	uint64_t gpa;
	uint64_t bytes;
	uint32_t rights;                     /* that the leaf entries have: at most these in any space */
	uint32_t number;                     /* in ceno_cpu.region */
	uint32_t tables;                     /* used of table[] */
	uint32_t maps;                       /* directory entries, in whatever space, that point to its tables */
	uint32_t gone;                       /* 1: revoked or ended; it is mapped no more */
	uint32_t cleared;                    /* gone: tables, from the first on, whose entries are zero for good */
	uint64_t *table[CENO_REGION_TABLES]; /* owned pool pages */
};

struct ceno_space {
	uint64_t *pml4; /* owned pool page */
	uint64_t cr3;
	uint64_t quota;       /* pool pages it may still take */
	uint64_t pages;       /* pool pages it holds, tables and its object */
	uint64_t *last_table; /* borrowed: the PT used last, NULL none, and the 2 MiB it */
	uint64_t last_region; /* covers: faults come in runs, a walk costs 20 instructions a level */
};

enum ceno_fiber_state { CENO_FIBER_FREE, CENO_FIBER_PARKED, CENO_FIBER_READY, CENO_FIBER_BLOCKED, CENO_FIBER_DEAD };

enum ceno_wait {
	CENO_WAIT_NONE,
	CENO_WAIT_CHANNEL, /* a message, or room in an events channel */
	CENO_WAIT_CHANNEL_OR_SIGNAL,
	CENO_WAIT_SIGNAL,
	CENO_WAIT_TIME,
	CENO_WAIT_TIME_OR_SIGNAL,
	CENO_WAIT_ENERGY /* frozen */
};

struct ceno_process;
struct ceno_channel;

struct ceno_fiber {
	struct ceno_frame frame; /* first: entry.S */
	struct ceno_object object;
	struct ceno_space space;
	struct ceno_cap *cspace;      /* owned pool page, CENO_CSPACE_SLOTS */
	struct ceno_trap_page *trap;  /* supervisor address of its trap page */
	struct ceno_process *process; /* selected by RECV, or NULL */
	struct ceno_object *ending;   /* objects it is taking apart (end.c): it gets their pages */
	uint32_t index;               /* of its trap page and in the table of fibers */
	uint32_t state;               /* enum ceno_fiber_state */
	uint32_t wait;                /* enum ceno_wait */
	uint32_t pledge;              /* 1 << enum ceno_pledge_class; never grows, whatever becomes of it */
	struct ceno_channel *wait_on; /* borrowed: in its list of waiters */
	struct ceno_fiber *next_waiter;
	uint64_t wake_tsc;
	uint64_t signal_seen; /* of ceno_cpu.signal_count */
	/* fpu.c */
	void *fpu;         /* owned pool page, the area of its FPU state; NULL: it has none */
	uint32_t fpu_away; /* it has, and the registers hold another's */
	uint32_t reserved;
	/* energy.c; received = spent + energy at all times */
	uint32_t energy, budget; /* joules left, joules a period; energy <= budget */
	uint32_t spectrum;       /* enum ceno_spectrum */
	uint32_t freezes;        /* in a row */
	uint32_t strikes, restarts;
	uint64_t refill_at; /* TSC at which its period ends */
	uint64_t spent, spent_at_tick, received;
	/* event.c */
	struct ceno_channel *events;  /* borrowed: NULL if it has none or that was closed or revoked */
	struct ceno_channel *witness; /* borrowed: told the same; NULL if there is none besides `events` */
	uint32_t supervised;          /* it was made with one */
	uint32_t event_bits;          /* enum ceno_fiber_event_bit, not told to `events` yet */
	uint32_t witness_bits;        /* not told to `witness` yet */
	uint64_t event_tsc;           /* of the newest */
	uint64_t fault[3];            /* vector, error, rip */
};

struct ceno_process {
	struct ceno_object object;
	struct ceno_space space;
	struct ceno_fiber *handler; /* borrowed; only to compare, and only with its epoch: */
	uint64_t handler_epoch;     /* of another epoch, that fiber is gone, restarted or revoked */
};

static inline struct ceno_fiber *ceno_fiber_of(const struct ceno_object *object)
{
	return (struct ceno_fiber *)((uintptr_t)object - offsetof(struct ceno_fiber, object));
}

static inline struct ceno_process *ceno_process_of(const struct ceno_object *object)
{
	return (struct ceno_process *)((uintptr_t)object - offsetof(struct ceno_process, object));
}

static inline struct ceno_region *ceno_region_of(const struct ceno_object *object)
{
	return (struct ceno_region *)((uintptr_t)object - offsetof(struct ceno_region, object));
}

static inline int ceno_process_is_run_by(const struct ceno_process *p, const struct ceno_fiber *f)
{
	return p->handler == f && p->handler_epoch == f->object.epoch;
}

#define CENO_CHANNEL_MESSAGES 31

struct ceno_channel {
	struct ceno_object object;
	uint32_t head;              /* place of the oldest message */
	uint32_t waiting;           /* messages, from there on */
	struct ceno_fiber *waiters; /* blocked on it: for a message, or for room */
	uint32_t from_nucleus;      /* bit by place in the ring: an event */
	uint32_t noted;             /* fibers with event_bits whose events channel it is */
	uint8_t sender[32];         /* by place in the ring: index of the fiber it is from */
	struct {
		uint64_t word[8];
		struct ceno_cap cap; /* type NULL: none */
	} message[CENO_CHANNEL_MESSAGES];
};
_Static_assert(sizeof(struct ceno_channel) <= 4096, "a channel is one pool page");

/* The place of the nth message from the oldest, n at most CENO_CHANNEL_MESSAGES. */
static inline uint32_t ceno_channel_place(const struct ceno_channel *c, uint32_t n)
{
	uint32_t at = c->head + n;

	return at < CENO_CHANNEL_MESSAGES ? at : at - CENO_CHANNEL_MESSAGES;
}

#define CENO_FIBERS_MAX 64

/* State of the one CPU; the first part is entry.S's (offsets asserted below). */
struct ceno_cpu {
	uint64_t handler_cr3; /* the running fiber's own space */
	uint64_t process_cr3; /* the process it runs, or its own space */
	struct ceno_trap_page *trap;
	struct ceno_fiber *current;
	uint64_t rsp0; /* end of current->frame, as in the TSS */
	uint64_t stack_top;
	uint64_t tick_tsc;
	uint64_t signal_count; /* window interrupts seen */
	uint64_t scratch;
	struct ceno_fiber *fpu_next; /* whose state the switcher is loading; NULL: it does not run */
	/* C only */
	const struct ceno_handoff *handoff;
	uint64_t *tss_rsp0;
	struct ceno_fiber *fiber[CENO_FIBERS_MAX];
	uint64_t fiber_end;                           /* no fiber at this index or above */
	uint64_t pool_next;                           /* first pool page never used */
	uint64_t pool_fresh_end;                      /* pages below may be taken fresh; 0 while pool_clean has some */
	uint64_t pool_clean;                          /* gva of the first page given back as zeros, 0 none */
	uint64_t pool_free;                           /* gva of the first other page given back, 0 none */
	uint64_t epochs;                              /* the newest epoch given to any object */
	struct ceno_region *region[CENO_REGIONS_MAX]; /* by number, NULL: free */
	struct ceno_frames range[CENO_SLOT_FIRST_FREE]; /* by boot slot */
	struct ceno_object clock;
	uint64_t prepared_cr3[CENO_PREPARED_MAX]; /* boot.h; 0: none, or taken */
	/* fpu.c */
	struct ceno_fiber
	    *fpu_owner; /* whose state (or its process's) is in the registers; NULL: of none that is left */
	uint32_t fpu_used, fpu_reserved; /* they have been somebody's */
	uint64_t *fpu_areas;             /* page table, by index of fiber; NULL before the first switch */
	/* In no table: nothing but its frame and its space is used. The CPU aligns the stack that it pushes to. */
	_Alignas(16) struct ceno_fiber fpu_switcher;
};
_Static_assert(offsetof(struct ceno_cpu, handler_cr3) == 0, "entry.S");
_Static_assert(offsetof(struct ceno_cpu, process_cr3) == 8, "entry.S");
_Static_assert(offsetof(struct ceno_cpu, trap) == 16, "entry.S");
_Static_assert(offsetof(struct ceno_cpu, current) == 24, "entry.S");
_Static_assert(offsetof(struct ceno_cpu, rsp0) == 32, "entry.S");
_Static_assert(offsetof(struct ceno_cpu, stack_top) == 40, "entry.S");
_Static_assert(offsetof(struct ceno_cpu, tick_tsc) == 48, "entry.S");
_Static_assert(offsetof(struct ceno_cpu, signal_count) == 56, "entry.S");
_Static_assert(offsetof(struct ceno_cpu, scratch) == 64, "entry.S");
_Static_assert(offsetof(struct ceno_cpu, fpu_next) == 72, "entry.S");

extern struct ceno_cpu ceno_cpu;

/* ---- cap.c; cap.h has the checks ---- */

static inline uint64_t ceno_epoch_new(void)
{
	return ++ceno_cpu.epochs;
}

/* Fills an empty slot with the first capability to an object: depth 0, never fades. */
void ceno_cap_set(struct ceno_cap *cap, struct ceno_object *object, uint32_t rights, uint64_t length);

/* One more capability to its object; it is live. */
static inline void ceno_cap_hold(const struct ceno_cap *cap)
{
	cap->object->holders++;
	cap->object->live++;
}

/* ---- end.c ---- */

/* Empties a slot, or a place in a ring. An object that nobody names any more is put
 * on f's list; of one that was taken apart before, the page goes to f's quota. */
void ceno_cap_drop(struct ceno_cap *cap, struct ceno_fiber *f);

/* Whether dropping this capability would end its object: no other is live, but those
 * that a fiber holds to itself. */
int ceno_end_follows(const struct ceno_cap *cap);

/* Puts the object on f's list: every capability to it is stale, a fiber is dead. */
void ceno_end_begin(struct ceno_object *object, struct ceno_fiber *f);

/* One bounded step of f's list; everything taken apart goes to f's quota and budget.
 * 1: the list is empty; 0: call again. */
int ceno_end_step(struct ceno_fiber *f);

/* Drops what waits in the ring; nobody is told through it, nobody waits for it. */
void ceno_end_ring(struct ceno_channel *c, struct ceno_fiber *f);
void ceno_end_slots(struct ceno_cap *cspace, struct ceno_fiber *f); /* all 64 */

/* No fiber runs the process any more, and none can select it. */
void ceno_end_process(struct ceno_process *p);

/* The page (a region's pages) of an object that is apart and that no capability and no
 * directory entry points to goes back, and counts for *quota. */
void ceno_end_settle(struct ceno_object *object, uint64_t *quota);

/* ---- region.c ---- */

#define CENO_REGION_TABLES_OF(bytes) (((bytes) + CENO_LARGE_PAGE - 1) / CENO_LARGE_PAGE)

/* A free number for a region, or -1. */
int ceno_region_free_number(void);

/* 0, or WX: a frame is mapped otherwise. */
int ceno_region_check_frames(uint64_t gpa, uint64_t bytes, uint32_t rights);

/* Takes 1 + CENO_REGION_TABLES_OF(bytes) pool pages, which the caller has charged. Its
 * first capability is the caller's business. */
struct ceno_region *ceno_region_new(uint32_t number, uint64_t gpa, uint64_t bytes, uint32_t rights);

/* Without its tables: one pool page, no frame counted. Windows, whose table the warden
 * laid out. */
struct ceno_region *ceno_region_open(uint32_t type, uint32_t number, uint64_t gpa, uint64_t bytes, uint32_t rights);

/* One step of taking it out of every space for good, 2 MiB of it. 1: it is; 0: call again. */
int ceno_region_clear(struct ceno_region *r);

/* A directory entry that points to table i, with at most `rights`; counts it. */
uint64_t ceno_region_point(struct ceno_region *r, uint64_t i, uint32_t rights);

/* A directory entry of a region was cleared; if its pages go back, they count for *quota. */
void ceno_region_unpoint(uint64_t entry, uint64_t *quota);

/* ---- frames.c: count of writable or executable mappings per frame ---- */

static inline int ceno_frames_are_ram(uint64_t gpa) /* part of user RAM? */
{
	return gpa - ceno_cpu.handoff->user_gpa < ceno_cpu.handoff->user_bytes;
}

int ceno_frames_check_execute(uint64_t gpa, uint64_t pages);
void ceno_frames_add_execute(uint64_t gpa, uint64_t pages);
void ceno_frames_sub_execute(uint64_t gpa, uint64_t pages);
/* Undoes what one leaf entry did; `large`: a 2 MiB entry. */
void ceno_frames_drop(uint64_t entry, int large);

/* ---- pool.c ---- */

void *ceno_pool_take_again(void); /* one that was given back */

/* A zeroed pool page; the caller has checked and charged a quota, so there is one. */
static inline void *ceno_pool_take(void)
{
	if (ceno_cpu.pool_next < ceno_cpu.pool_fresh_end)
		return (void *)(ceno_cpu.handoff->pool_gva + ceno_cpu.pool_next++ * CENO_PAGE);
	return ceno_pool_take_again();
}
void ceno_pool_give(void *page);
void ceno_pool_give_clean(void *page); /* it is zero */

static inline uint64_t ceno_pool_gpa(const void *page)
{
	return (uint64_t)page - ceno_cpu.handoff->pool_gva + ceno_cpu.handoff->pool_gpa;
}

static inline void *ceno_pool_page(uint64_t gpa)
{
	return (void *)(gpa - ceno_cpu.handoff->pool_gpa + ceno_cpu.handoff->pool_gva);
}

/* ---- space.c ---- */

#define CENO_SPACE_PAGES_MIN 5 /* PML4, the tables on the way to the entry page's, and one each of its own */

struct ceno_map_request {
	struct ceno_space *space;
	uint64_t gva, gpa, count; /* count entries of 4 KiB or, if large, 2 MiB */
	uint32_t rights;
	uint32_t large, ram, replace, unmap;
	struct ceno_region *region; /* or NULL: then count are its tables, and large is set */
	struct ceno_space *from;    /* or NULL: the table that it has at `offset` moves */
	uint64_t offset;
	uint64_t tables; /* pool pages it takes; set by check */
};

/* The space behind a capability of a process or a fiber; NULL: it is of neither. */
static inline struct ceno_space *ceno_space_of(const struct ceno_cap *cap)
{
	_Static_assert(offsetof(struct ceno_process, space) - offsetof(struct ceno_process, object) ==
	                   offsetof(struct ceno_fiber, space) - offsetof(struct ceno_fiber, object),
	               "one way to both");
	if (cap->type != CENO_OBJECT_PROCESS && cap->type != CENO_OBJECT_FIBER)
		return NULL;
	return (struct ceno_space *)(void *)((char *)cap->object + offsetof(struct ceno_process, space));
}

void ceno_space_init(struct ceno_space *s, uint64_t quota);
/* Maps the entry page into a space that has nothing but its PML4. */
void ceno_space_open(struct ceno_space *s);
/* The prepared space of this number, which is there: with quota for further tables. */
void ceno_space_take_prepared(struct ceno_space *s, uint64_t quota, uint32_t number);
/* The window of this class is out of the space. */
void ceno_space_unmap_window(struct ceno_space *s, uint32_t class);
/* All that could go wrong: EXISTS, WX, POOL, BOUNDS. Changes nothing but r->tables. */
int ceno_space_check(struct ceno_map_request *r);
int ceno_space_check_move(struct ceno_map_request *r);
void ceno_space_map(const struct ceno_map_request *r);
void ceno_space_move(const struct ceno_map_request *r);
/* The table that hangs at `here` of from goes to `there` of to, and what hangs there comes
 * back: a table, or nothing, which costs `to` a page of its quota. Each of its mappings is one
 * as before: no frame's count changes. And no flush: who calls verbs is a fiber, and a process's
 * space is loaded when it is entered. */
static inline void ceno_space_exchange(struct ceno_space *to, struct ceno_space *from, uint64_t *there, uint64_t *here)
{
	uint64_t table = *here;

	from->last_table = to->last_table = NULL;
	*here = *there;
	*there = table;
	if (*here)
		return;
	from->quota++;
	from->pages--;
	to->quota--;
	to->pages++;
}
/* The table of 4 KiB entries for gva, made if it is missing: the caller has the quota, and
 * no 2 MiB entry lies there. */
uint64_t *ceno_space_table(struct ceno_space *s, uint64_t gva);
/* One bounded step of taking a space apart; 1: done, every page given back but
 * the PML4; 0: call again. */
int ceno_space_teardown(struct ceno_space *s);

/* ---- fiber.c ---- */

struct ceno_fiber *ceno_fiber_new(uint64_t quota, uint64_t rip, uint64_t rsp, uint32_t index);
int ceno_fiber_free_index(void); /* or -1 */

/* RESTART: a fiber that is not running is parked at rip with zero registers and no
 * process, restarts + 1. Its energy, strikes, pledge and events stay as they are;
 * CSpace, space and epoch are the caller's business. */
void ceno_fiber_reset(struct ceno_fiber *f, uint64_t rip, uint64_t rsp);

/* f is DEAD from here, wherever it waited, and `what` (enum ceno_fiber_event_bit) is
 * noted for its maker; nothing if it is dead already. If f runs, the caller leaves
 * through ceno_fiber_schedule (a verb: by returning CENO_VERB_BLOCKED). */
void ceno_fiber_end(struct ceno_fiber *f, uint32_t what);

/* The verb of the running fiber f waits and will run again: from decode, before any
 * change. Both return CENO_VERB_BLOCKED, which the verb returns at once. */
int ceno_fiber_block(struct ceno_fiber *f, uint32_t wait, uint64_t wake_tsc);
int ceno_fiber_block_on(struct ceno_fiber *f, struct ceno_channel *c);

void ceno_fiber_wake_all(struct ceno_channel *c);
static inline void ceno_fiber_wake(struct ceno_channel *c)
{
	if (c->waiters)
		ceno_fiber_wake_all(c);
}

/* Whether its wait is over, for the waits that nobody ends by a call. */
static inline int ceno_fiber_wait_is_over(const struct ceno_fiber *f, uint64_t now)
{
	switch (f->wait) {
	case CENO_WAIT_CHANNEL_OR_SIGNAL:
	case CENO_WAIT_SIGNAL:
		return f->signal_seen != ceno_cpu.signal_count;
	case CENO_WAIT_TIME:
	case CENO_WAIT_ENERGY:
		return now >= f->wake_tsc;
	case CENO_WAIT_TIME_OR_SIGNAL:
		return now >= f->wake_tsc || f->signal_seen != ceno_cpu.signal_count;
	default:
		return 0;
	}
}

void ceno_fiber_schedule(void); /* picks the next; idles if there is none */
void ceno_fiber_select(struct ceno_fiber *f);

/* ---- fpu.c ---- */

#define CENO_FPU_PAGES 4 /* of the pool, kept back for the switcher: its root and three tables */

/* A new fiber gets an FPU: one pool page, which the caller has charged. */
void ceno_fpu_give(struct ceno_fiber *f);
/* RESTART: its FPU, if it has one, is as new. */
void ceno_fpu_reset(struct ceno_fiber *f);
/* The end of f: returns how many pool pages went back. */
uint64_t ceno_fpu_end(struct ceno_fiber *f);

/* f is away: returns the fiber to run in its stead, the switcher. */
struct ceno_fiber *ceno_fpu_switch(struct ceno_fiber *f);

/* ---- energy.c ---- */

/* A new fiber's first period begins now. */
void ceno_energy_init(struct ceno_fiber *f, uint32_t spectrum, uint32_t budget, uint32_t energy);
void ceno_energy_refill(struct ceno_fiber *f, uint64_t now);

/* What pay does when f holds less than the price: ENERGY, CENO_VERB_BLOCKED (frozen,
 * or dead of it), or 0 after a refill. */
int ceno_energy_short(struct ceno_fiber *f, uint32_t price);

static inline void ceno_energy_take(struct ceno_fiber *f, uint32_t price) /* it holds that much */
{
	f->energy -= price;
	f->spent += price;
}

static inline int ceno_energy_pay(struct ceno_fiber *f, uint32_t price)
{
	if (f->energy < price)
		return ceno_energy_short(f, price);
	ceno_energy_take(f, price);
	return 0;
}

/* The verb just paid waits: it pays when it runs again. */
void ceno_energy_give_back(struct ceno_fiber *f, uint32_t price);

/* The running fiber (or the handler of the running process) pays for a tick and may
 * be frozen or dead after it. */
void ceno_energy_tick(void);
/* The common case of it, for a process: 0 paid; 1 nothing done, it may freeze or
 * another fiber may run. */
int CENO_ENTRY_CALL ceno_energy_tick_fast(void);

/* SPAWN of a fiber: ENERGY if its spectrum were faster or its budget above f's own;
 * then what it gets is taken from f. */
int ceno_energy_check_carve(const struct ceno_fiber *f, uint32_t spectrum, uint32_t budget);
void ceno_energy_carve(struct ceno_fiber *f, struct ceno_fiber *child, uint32_t spectrum, uint32_t budget);
/* The end of f: its budget goes to `to` (at most UINT32_MAX there), whose period then ends
 * no earlier than f's would have; its energy is spent. */
void ceno_energy_return(struct ceno_fiber *to, struct ceno_fiber *f);

/* ---- event.c: `what` is of enum ceno_fiber_event_bit ---- */

/* Last of decode in SPAWN, GRANT and MASK PLEDGE: 0 if f can post, or
 * CENO_VERB_BLOCKED: its events channel is full and f waits. */
int ceno_event_check_room(struct ceno_fiber *f);
static inline int ceno_event_check(struct ceno_fiber *f)
{
	return f->events ? ceno_event_check_room(f) : 0;
}

void ceno_event_put(struct ceno_fiber *f, uint32_t what, uint64_t a, uint64_t b, uint64_t c);
static inline void ceno_event_post(struct ceno_fiber *f, uint32_t what, uint64_t a, uint64_t b, uint64_t c)
{
	if (f->events)
		ceno_event_put(f, what, a, b, c);
}

/* What became of f, kept until somebody takes it. */
void ceno_event_note(struct ceno_fiber *f, uint32_t what);
/* One noted event of a channel that has some (noted > 0), as message words. If it was all
 * that was left of its fiber, that one's page goes to *quota. */
void ceno_event_take(struct ceno_channel *c, uint64_t word[8], uint64_t *quota);

/* f is ended by closer: nothing comes any more, and nobody is told what waits in it but
 * those whom closer reports to itself. */
void ceno_event_leave(struct ceno_fiber *f, const struct ceno_fiber *closer);
/* The channel is closed or revoked: nobody is told through it, nobody waits for it. */
void ceno_event_forget(struct ceno_channel *c, uint64_t *quota);

/* What became of it waits in it still: it keeps its page and its index. */
static inline int ceno_event_is_untold(const struct ceno_fiber *f)
{
	return (f->event_bits | f->witness_bits) != 0;
}

/* ---- verbs: each is decode then invoke ---- */

enum ceno_price {
#define CENO_PRICE_ENUM(name, number, joules) CENO_PRICE_##name = joules,
	CENO_VERBS(CENO_PRICE_ENUM)
#undef CENO_PRICE_ENUM
};

/* Any verb may return CENO_VERB_BLOCKED: its fiber waits (rax is as it was and rip
 * stands on the int3 again), yields, or is dead. */

/* Each takes its price from the running fiber itself, but for ceno_verb_map.
 * These are called by entry.S with the caller's registers as arguments. */
int64_t ceno_verb_spawn(uint64_t self, uint64_t kind, uint64_t slot, uint64_t pages, uint64_t rip, uint64_t rsp);
int64_t ceno_verb_grant(uint64_t to, uint64_t what, uint64_t slot, uint64_t rights);

int64_t ceno_verb_map(struct ceno_fiber *f, const uint64_t a[6]);
/* The common MAP in a third of the instructions: entries of one size in one table,
 * nothing mapped there, no expiry, no code in RAM. Called by entry.S with the
 * caller's registers. 0 done; 1 nothing changed, take the long way, which says what
 * is wrong if anything is. */
int64_t ceno_verb_map_fast(uint64_t to, uint64_t what, uint64_t gva, uint64_t offset, uint64_t bytes, uint64_t rights);
/* MASK may end its own fiber: CENO_VERB_BLOCKED then. */
int64_t ceno_verb_mask(struct ceno_fiber *f);
int64_t ceno_verb_send(struct ceno_fiber *f);
int64_t ceno_verb_recv(struct ceno_fiber *f);
int64_t ceno_verb_tick(struct ceno_fiber *f);
#define CENO_VERB_BLOCKED INT32_MIN /* fits what decode returns; entry.S */

/* Called by entry.S. */
_Noreturn void ceno_nucleus_main(const struct ceno_handoff *handoff);
int64_t ceno_nucleus_verb(void); /* rax; or CENO_VERB_BLOCKED: then ceno_nucleus_wait with the whole frame */
void ceno_nucleus_verb_full(void);
void ceno_nucleus_wait(void);
void ceno_nucleus_interrupt(void);
void ceno_nucleus_process_tick(void);
_Noreturn void ceno_nucleus_fault(uint64_t vector);
void ceno_nucleus_service_fault(void);
/* The switcher has done: the registers are those of the fiber that was away. */
void ceno_fpu_switched(void);
/* Leaves ring 0 through ceno_cpu.current; entry.S. */
_Noreturn void ceno_nucleus_return(void);

#endif
