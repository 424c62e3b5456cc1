/*
 * A fake machine around the nucleus: the launch layout in host memory, and the
 * entry paths of arch/x86_64/entry.S in C. One machine a process (the nucleus
 * has one ceno_cpu); a reset costs microseconds and forgets everything.
 *
 * Ring 3 is imaginary: whoever drives the machine says what the running fiber or
 * process does next (a verb, a resume, a fault), and what happens around it (the
 * clock, an interrupt). A fiber at rest on the verb gate runs its verb again as
 * soon as it runs, as the int3 would.
 *
 *   RUNNING --- all blocked, an interrupt may help ---> IDLE
 *      |  ^------------- interrupt -----------------------'
 *      '--- ceno_cpu_stop ---> STOPPED (until reset)
 *
 * RAM from CENO_GPA_RAM up, as vmm/warden/layout.c lays it out: kernel pool (its
 * region is 2 MiB, of which pool_pages exist), boot granule with the trap pages,
 * user RAM. Only pool and trap pages have host memory behind them: the nucleus
 * touches no other.
 */
#ifndef CENO_FAKE_MACHINE_H
#define CENO_FAKE_MACHINE_H

#include <stdint.h>
#include "nucleus/nucleus.h"
#include "cpu.h"

#define CENO_MACHINE_POOL_MAX   512
#define CENO_MACHINE_TRAP_MAX   64u
#define CENO_MACHINE_EVENTS_MAX 256u

struct ceno_machine_config {
	uint64_t ram_bytes;   /* 2 MiB multiple, 6 MiB (one granule of user RAM) to 1 GiB */
	uint64_t pool_pages;  /* 32..CENO_MACHINE_POOL_MAX, what init's layout takes included */
	uint64_t trap_pages;  /* 1..CENO_MACHINE_TRAP_MAX: so many fibers */
	uint64_t pledge_mask; /* 1 << enum ceno_pledge_class */
	uint64_t bundle_bytes, pack_bytes, image_bytes; /* page multiples; 0: none (pack, image) */
	uint64_t tick_tsc;
	uint32_t syscall_mode;     /* enum ceno_syscall_mode */
	uint32_t prepared;         /* so many prepared spaces (boot.h), each with its trap page; the first also with */
	uint32_t prepared_windows; /* these classes' windows, if they are pledged; and with so many */
	uint64_t prepared_large;   /* 2 MiB of user RAM, as far as there are. The handoff says what stands here. */
};

/* 8 MiB RAM, 96 pool pages, 6 trap pages, stdio and net, pack of 4 MiB, small image. */
extern const struct ceno_machine_config ceno_machine_default;

enum ceno_machine_state { CENO_MACHINE_RUNNING, CENO_MACHINE_IDLE, CENO_MACHINE_STOPPED };

enum ceno_machine_outcome {
	CENO_MACHINE_DONE,    /* result in rax */
	CENO_MACHINE_BLOCKED, /* waits; runs again later */
	CENO_MACHINE_EXITED,  /* the fiber is dead */
	CENO_MACHINE_HALTED   /* the nucleus stopped the machine in it */
};

/* One run of a verb, first or repeated, in the order they happened. */
struct ceno_machine_event {
	uint32_t fiber;                  /* index */
	uint32_t outcome;                /* enum ceno_machine_outcome */
	uint64_t verb;                   /* rax as asked */
	struct ceno_frame before, after; /* the fiber's registers */
};

/* A timer interrupt that found a fiber, or the process it runs, running. */
struct ceno_machine_tick {
	uint32_t fiber;  /* index */
	uint32_t before; /* number of the event that it came before */
};

struct ceno_machine {
	struct ceno_machine_config config;
	uint32_t state;         /* enum ceno_machine_state */
	uint32_t stop;          /* enum ceno_stop, once stopped */
	struct ceno_frame regs; /* the CPU's registers in ring 3, while running */
	uint32_t events, ticks; /* of the last call below */
	struct ceno_machine_event event[CENO_MACHINE_EVENTS_MAX];
	struct ceno_machine_tick tick[CENO_MACHINE_EVENTS_MAX];
	uint64_t spawned;                       /* objects but fibers made by SPAWN so far: their serial numbers */
	uint64_t serial[CENO_MACHINE_POOL_MAX]; /* by pool page: of the object that starts it, 0 none or a fiber */
};

extern struct ceno_machine ceno_machine;

/* Lays out RAM and runs ceno_nucleus_main until init is in ring 3. config:
 * borrowed, NULL for the default. 0, or -1 if a number is out of its range. */
int ceno_machine_reset(const struct ceno_machine_config *config);

/* ---- what the running fiber or process does. Ignored unless RUNNING. ---- */

/* A call of the verb gate with rax rdi rsi rdx r10 r8 r9 r12 r13 r14 r15 as in
 * `a`; the other registers stay. In a process it is a breakpoint. */
void ceno_machine_verb(const uint64_t a[11]);
/* SYSRET with rcx = rip, r11 = rflags; RESUME with the same in the trap page. */
void ceno_machine_sysret(uint64_t rip, uint64_t rflags);
void ceno_machine_resume(uint64_t rip, uint64_t rflags);
/* `syscall` at rip (rcx afterwards; r11 = rflags). */
void ceno_machine_syscall(uint64_t rip);
/* A fault at the current rip; vector below 32, error where the CPU gives one. */
void ceno_machine_fault(uint32_t vector, uint64_t error, uint64_t cr2);

/* Sets the FPU registers of whoever runs, if it has an FPU. */
void ceno_machine_fpu(uint64_t value);

/* ---- what happens around it. Ignored when STOPPED. ---- */

/* Sets the TSC (any value) and delivers the tick that falls due, if one does. */
void ceno_machine_clock(uint64_t tsc);
void ceno_machine_tick(void);   /* a timer interrupt now, whatever the deadline */
void ceno_machine_signal(void); /* a window interrupt */

/* Ticks until fiber `index` runs in its own space: 1, or 0 if it is not ready. */
int ceno_machine_switch(uint32_t index);

/* ---- looking (look.c): nothing below changes what the nucleus sees ---- */

/* Registers of fiber f, wherever they are now. Borrowed. */
const struct ceno_frame *ceno_machine_frame(const struct ceno_fiber *f);
int ceno_machine_in_process(void);

/* The host memory of a page of guest RAM, or NULL if gpa is neither in the pool
 * nor a trap page. */
void *ceno_machine_page(uint64_t gpa);

/* Like entries that touch, joined. */
struct ceno_machine_mapping {
	uint64_t gva, gpa, bytes;
	uint32_t rights; /* enum ceno_right */
	uint32_t large;  /* made of 2 MiB entries (never joined with small ones) */
	uint64_t region; /* mapped through the tables of this region: its number + 1; else 0 */
};

/* Directory entries met by walks that point to a region, by its number. */
extern uint32_t ceno_machine_points[CENO_REGIONS_MAX];

enum ceno_machine_walk_error {
	CENO_WALK_TABLE = -1,  /* a table lies outside the pool, or is shared with another */
	CENO_WALK_ENTRY = -2,  /* a leaf or table entry has bits that it may not have */
	CENO_WALK_KERNEL = -3, /* PML4[511] is not the nucleus's, or ring 3 may follow it */
	CENO_WALK_ROOM = -4,   /* more runs than `max` */
	CENO_WALK_REGION = -5  /* a shared table is not the region's that its entry names */
};

/* Walks the page tables at cr3 as the CPU would, all but PML4[511], and writes
 * the runs in rising order to out (max runs). table_seen: one byte per pool page,
 * raised by one for each table of this space; a table already seen is an error.
 * Returns the number of runs or a negative ceno_machine_walk_error. */
int ceno_machine_walk(uint64_t cr3, struct ceno_machine_mapping *out, int max, uint8_t *table_seen);

/* Serial number of the process, channel, ... that starts a pool page; 0: no such. */
uint64_t ceno_machine_serial(const void *object_page);

/* The pool page that starts a process or channel, from its struct ceno_object. */
static inline void *ceno_machine_page_of(const struct ceno_object *o)
{
	return (void *)((uint64_t)o & ~(CENO_PAGE - 1));
}

/* Raises by one the bytes of free_page (one per pool page) that stand for recycled
 * pages of the free list, and forgets the serial numbers of objects that lay there.
 * Returns how many, or -1 if the list leaves the pool or runs in a circle. */
int ceno_machine_free_pages(uint8_t *free_page);

#endif
