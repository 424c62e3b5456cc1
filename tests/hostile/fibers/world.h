/*
 * What every attack stands on: init's capabilities, fibers to attack with, and a log.
 *
 * Each attack file defines attack(), which runs as init. What a fiber with less tries,
 * it tries in a function of the file, run by make() and run(). Log and result lie in
 * memory that init and its fibers share; only one of them writes at a time.
 */
#ifndef CENO_HOSTILE_WORLD_H
#define CENO_HOSTILE_WORLD_H

#include "sdk/ceno.h"

#define R   CENO_RIGHT_READ
#define W   CENO_RIGHT_WRITE
#define X   CENO_RIGHT_EXECUTE
#define G   CENO_RIGHT_GRANT
#define V   CENO_RIGHT_REVOKE
#define ALL CENO_RIGHTS_ALL

/* Slots, in init and in fibers alike. */
enum {
	SELF = CENO_SLOT_SELF,
	CLOCK = CENO_SLOT_CLOCK,
	RAM = CENO_SLOT_RAM,
	BUNDLE = CENO_SLOT_BUNDLE,
	BOOT = CENO_SLOT_BOOT,
	STDIO = CENO_SLOT_WINDOW + CENO_PLEDGE_STDIO,
	TRAPS = CENO_SLOT_TRAP,
	EVENTS = CENO_SLOT_SUPERVISOR, /* what becomes of init's fibers */
	FIBER = CENO_SLOT_FIRST_FREE,  /* the first fiber; the next ones follow */
	FREE = FIBER + 4,              /* for the attacks, up to EMPTY */
	EMPTY = 63                     /* never filled */
};

#define SHARED_GVA   0x21000000ull
#define SHARED_BYTES (16 * CENO_PAGE)
#define STACK_GVA    0x23000000ull /* top of each fiber's, STACK_BYTES apart */
#define STACK_BYTES  (4 * CENO_PAGE)
#define TARGET_GVA   0x30000000ull /* what attacks aim at */
#define TRIAL_GVA    0x40000000ull

/* User RAM, by offset: below it everything is the world's own. */
#define RAM_SHARED CENO_LARGE_PAGE
#define RAM_STACKS (2 * CENO_LARGE_PAGE)
#define RAM_FREE   (4 * CENO_LARGE_PAGE)

struct world {
	uint32_t failures, used;
	volatile uint64_t word[64]; /* the attack's own */
	char text[SHARED_BYTES - 8 - 64 * 8];
};
_Static_assert(sizeof(struct world) == SHARED_BYTES, "shared pages");

static inline struct world *world(void)
{
	return (struct world *)SHARED_GVA;
}

void attack(void);

/* ---- the log ---- */

void say(const char *text);
/* One attempt: the nucleus answered `got`; anything but `expected` is a FAILURE. */
void tried(const char *what, int64_t got, int64_t expected);
/* Attempts by the thousand: only the first wrong one is written. */
void tried_quietly(const char *what, int64_t got, int64_t expected);
void tried_true(const char *what, int holds);
void counted(const char *what, uint64_t n);

/* What happens when attack() returns: the status, and the end of the session. */
_Noreturn void conclude(void);
/* Ends the session as ERROR with this line. */
_Noreturn void broken(uint32_t line);
#define MUST(condition) \
	do { \
		if (!(condition)) \
			broken(__LINE__); \
	} while (0)

/* ---- fibers ---- */

struct way {
	void (*run)(void);
	uint32_t number; /* of its slot (FIBER + number), stack and memory */
	uint32_t budget; /* 0: plenty */
	uint32_t own;    /* rights to itself, at SELF; 0: none */
	uint8_t pledge, spectrum;
	uint8_t fpu;    /* 1: with an FPU */
	uint16_t pages; /* 0: 64 */
};

/* A parked fiber with text, stack, the shared memory, and nothing else. Its trap page's index. */
uint32_t make(const struct way *w);
void furnish(const struct way *w); /* the same for one that was restarted */
void start(uint32_t number);
/* Starts it and waits for its end: an event's bits; *e may be NULL. */
uint64_t run(uint32_t number, struct ceno_fiber_event *e);
void next_event(struct ceno_fiber_event *e);
void restart(const struct way *w);
void close_slot(uint32_t slot);
_Noreturn void leave(void); /* a fiber's way out; it needs SELF */

/* ---- faults ---- */

enum touch { TOUCH_READ, TOUCH_WRITE, TOUCH_JUMP };

#define NO_FAULT (-1)
/* A fiber (number 0, made and closed here) touches this address; maker() may map things
 * for it first. Vector << 16 | error code; NO_FAULT: it got through. */
int64_t touch(uint64_t gva, enum touch how, void (*maker)(void));
#define PAGE_FAULT(error) (14 << 16 | (error))
#define PF_PRESENT        1
#define PF_WRITE          2
#define PF_USER           4
#define PF_FETCH          16

static inline uint64_t milliseconds(uint64_t n)
{
	return ((const struct ceno_boot *)CENO_GVA_BOOT_PAGE)->tsc_hz / 1000 * n;
}

#endif
