/*
 * The observer of a captured vmm: what it sees from outside, before and after.
 * Fails the running test where the host refuses to tell.
 */
#ifndef CENO_TESTS_OUTSIDE_H
#define CENO_TESTS_OUTSIDE_H

#include "jailed.h"

/* One process, as /proc shows it to root. */
struct inside {
	char maps[16384], descriptors[8192], status[1024], spaces[1024], mounts[4096];
};

/* What lies behind the slots: a digest over content and extent of each, but for the stdio window,
 * which is the vmm's own to write. */
struct backing {
	uint64_t digest[CENO_VMM_FD_END];
};

struct outside {
	pid_t victim;            /* of the vmm's outer uid */
	struct jailed_vmm other; /* another session, running */
	struct outside_page {    /* the victim's memory, shared with us; at the same address in both */
		volatile uint64_t canary, signals;
	} * page;
	int listener;              /* an abstract socket of the host */
	volatile uint64_t signals; /* that we got */
	pid_t captured;            /* the vmm under observation: its end is expected */
	unsigned processes;
	char keys[128], victim_limits[4096];
};

void outside_open(struct outside *outside);
void outside_close(struct outside *outside);

void outside_inside(struct inside *inside, pid_t pid);
/* What differs (static text), or NULL. */
const char *outside_compare(const struct inside *before, const struct inside *after);

/* vm: whose descriptors are looked at; those that are closed are skipped. */
void outside_backing(struct backing *backing, const struct tinyvm *vm);
const char *outside_backing_changed(const struct backing *before, const struct tinyvm *vm);

/* Remembers how things are around a vmm; then: what changed (static text), or NULL. own: the process
 * may have made processes and keys of its own, which end with it. */
void outside_begin(struct outside *outside, pid_t captured);
const char *outside_changed(struct outside *outside, bool own);

/* Changes each of those things in turn, and fails the test unless outside_changed says so; all is as before then. */
void outside_disturb(struct outside *outside, uid_t uid);

#endif
