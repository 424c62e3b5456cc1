/*
 * Lanes; see lanes.h. The gate counts who is inside; a lane enters only while it is open, and what a
 * lane reads of the work was written before that. No wait depends on being woken: each looks at its word
 * again, whatever futex returned. The caller, who must come back, looks again by itself after a moment, for
 * the kernel may refuse to wake it; a lane that nobody wakes only does not come.
 */
#include "lanes.h"
#include "lockdown.h"
#include "thread.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define GATE_OPEN 0x80000000u /* below it: lanes inside */
#define AGAIN_NS  5000000     /* far above a usual wait: what was not woken looks again */

static struct {
	unsigned count; /* lanes but the caller's */
	atomic_uint ready;
	atomic_uint round; /* works begun */
	atomic_uint gate;
	atomic_int filtered;
	ceno_lane_work *work;
	void *context;
} lanes;

static void wait_while(atomic_uint *word, unsigned value, const struct timespec *longest)
{
	(void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, longest, NULL, 0);
}

/* The caller's. */
static void wait_a_moment_while(atomic_uint *word, unsigned value)
{
	const struct timespec again = { 0, AGAIN_NS };
	wait_while(word, value, &again);
}

static void wake_all(atomic_uint *word)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static int enter(void)
{
	if (atomic_load(&lanes.filtered) && !ceno_lockdown_holds())
		return 0;
	unsigned gate = atomic_load(&lanes.gate);
	while (gate & GATE_OPEN)
		if (atomic_compare_exchange_weak(&lanes.gate, &gate, gate + 1))
			return 1;
	return 0;
}

static void leave(void)
{
	if (atomic_fetch_sub(&lanes.gate, 1) == 1) /* closed, and this was the last */
		wake_all(&lanes.gate);
}

static void *live(void *number)
{
	atomic_fetch_add(&lanes.ready, 1);
	wake_all(&lanes.ready);
	for (unsigned seen = 0;;) {
		unsigned now = atomic_load(&lanes.round);
		if (now == seen) {
			wait_while(&lanes.round, seen, NULL);
			continue;
		}
		seen = now;
		if (enter()) {
			lanes.work(lanes.context, (unsigned)(uintptr_t)number);
			leave();
		}
	}
	return NULL;
}

static int start_one(void)
{
	pthread_t thread;
	unsigned ready, number = lanes.count + 1;
	if (ceno_thread_start(&thread, live, (void *)(uintptr_t)number) < 0)
		return 0;
	lanes.count++;
	/* Its first calls are the C library's, and not in the filter. */
	while ((ready = atomic_load(&lanes.ready)) < number)
		wait_a_moment_while(&lanes.ready, ready);
	return 1;
}

void ceno_lanes_start(unsigned wanted)
{
	wanted = wanted ? wanted : ceno_thread_cpus();
	wanted = wanted < CENO_LANES_MAX ? wanted : CENO_LANES_MAX;
	while (ceno_lanes_count() < wanted && start_one())
		;
}

unsigned ceno_lanes_count(void)
{
	return lanes.count + 1;
}

void ceno_lanes_filtered(void)
{
	atomic_store(&lanes.filtered, 1);
}

void ceno_lanes_run(ceno_lane_work *work, void *context)
{
	if (lanes.count == 0) {
		work(context, 0);
		return;
	}
	lanes.work = work;
	lanes.context = context;
	atomic_store(&lanes.gate, GATE_OPEN);
	atomic_fetch_add(&lanes.round, 1);
	wake_all(&lanes.round);
	work(context, 0);
	unsigned gate = atomic_fetch_and(&lanes.gate, ~GATE_OPEN) & ~GATE_OPEN;
	for (; gate != 0; gate = atomic_load(&lanes.gate))
		wait_a_moment_while(&lanes.gate, gate);
}
