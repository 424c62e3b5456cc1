/*
 * Time. See time.h. Cycles become nanoseconds as abi/clock.h says, by which the vDSO tells
 * the time, too, from the same numbers.
 *
 * Processor time is what sched.c measures of a task's turns, system calls included.
 */
#include "time.h"

#include "abi/clock.h"
#include "calls.h"
#include "process.h"
#include "stdio.h"
#include "vm.h"

#define SECOND CENO_NS_PER_SECOND

static struct ceno_clock timebase;
static uint64_t hz, last_tsc;

void ceno_time_init(void)
{
	hz = ceno_boot()->tsc_hz;
	if (hz == 0)
		ceno_membrane_abort();
	timebase = ceno_clock_of(hz, ceno_boot()->start_tsc, ceno_boot()->start_realtime_ns);
	last_tsc = 0;
}

static uint64_t now(void)
{
	uint64_t tsc = ceno_rdtsc();

	if (tsc > last_tsc)
		last_tsc = tsc;
	return last_tsc;
}

static uint64_t ns_of(uint64_t cycles)
{
	return ceno_clock_ns(&timebase, cycles);
}

uint64_t ceno_time_ns(uint32_t id)
{
	switch (id) {
	case LX_CLOCK_REALTIME:
	case LX_CLOCK_REALTIME_COARSE:
		return timebase.start_ns + ceno_clock_since(&timebase, now());
	case LX_CLOCK_THREAD_CPUTIME:
		return ns_of(ceno_sched_task_tsc(ceno_current));
	case LX_CLOCK_PROCESS_CPUTIME:
		return ns_of(ceno_sched_process_tsc(ceno_self()));
	default:
		return ceno_clock_since(&timebase, now());
	}
}

uint64_t ceno_time_cycles(uint32_t ns)
{
	return (uint64_t)((unsigned __int128)ns * ((hz << 20) / SECOND) >> 20);
}

uint64_t ceno_time_cycles_long(uint64_t ns)
{
	uint64_t seconds = ns / SECOND;

	if (seconds > (UINT64_MAX >> 2) / hz)
		return CENO_NEVER;
	return seconds * hz + ceno_time_cycles((uint32_t)(ns % SECOND));
}

uint64_t ceno_time_long_ns(uint64_t cycles)
{
	return ns_of(cycles);
}

uint64_t ceno_time_us(uint64_t cycles)
{
	return ns_of(cycles) / 1000;
}

uint64_t ceno_time_ticks(uint64_t cycles)
{
	return ns_of(cycles) / 10000000u;
}

uint64_t ceno_time_deadline(uint64_t ns)
{
	uint64_t cycles = ceno_time_cycles_long(ns);

	return cycles == CENO_NEVER ? CENO_NEVER : ceno_rdtsc() + cycles + 1;
}

uint64_t ceno_time_deadline_at(uint32_t id, uint64_t ns)
{
	uint64_t now = ceno_time_ns(id);

	return ceno_time_deadline(ns > now ? ns - now : 0);
}

int ceno_time_read(uint64_t gva, uint64_t *ns)
{
	struct lx_timespec time;

	if (ceno_user_read(&time, gva, sizeof(time)))
		return -LX_EFAULT;
	if (time.sec < 0 || time.nsec < 0 || time.nsec >= (int64_t)SECOND)
		return -LX_EINVAL;
	*ns = (uint64_t)time.sec > UINT64_MAX / SECOND - 1 ? UINT64_MAX
							   : (uint64_t)time.sec * SECOND + (uint64_t)time.nsec;
	return 0;
}

static int known(uint64_t id)
{
	return id <= LX_CLOCK_BOOTTIME;
}

int64_t ceno_sys_clock_gettime(const uint64_t a[6])
{
	uint64_t ns;
	struct lx_timespec out;

	if (!known((uint32_t)a[0]))
		return -LX_EINVAL;
	ns = ceno_time_ns((uint32_t)a[0]);
	out = (struct lx_timespec){ (int64_t)(ns / SECOND), (int64_t)(ns % SECOND) };
	return ceno_user_write(a[1], &out, sizeof(out));
}

int64_t ceno_sys_clock_getres(const uint64_t a[6])
{
	const struct lx_timespec out = { 0, 1 };

	if (!known((uint32_t)a[0]))
		return -LX_EINVAL;
	return a[1] ? ceno_user_write(a[1], &out, sizeof(out)) : 0;
}

int64_t ceno_sys_gettimeofday(const uint64_t a[6])
{
	uint64_t ns = ceno_time_ns(LX_CLOCK_REALTIME);
	const struct lx_timeval out = { (int64_t)(ns / SECOND), (int64_t)(ns % SECOND / 1000) };
	const int32_t zone[2] = { 0, 0 };

	if (a[1] && ceno_user_check_write(a[1], sizeof(zone)))
		return -LX_EFAULT;
	if (a[0] && ceno_user_write(a[0], &out, sizeof(out)))
		return -LX_EFAULT;
	return a[1] ? ceno_user_write(a[1], zone, sizeof(zone)) : 0;
}

int64_t ceno_sys_time(const uint64_t a[6])
{
	int64_t seconds = (int64_t)(ceno_time_ns(LX_CLOCK_REALTIME) / SECOND);

	return a[0] && ceno_user_write(a[0], &seconds, sizeof(seconds)) ? -LX_EFAULT : seconds;
}

/* Nothing wakes a sleeper but its deadline or a signal, which leaves the rest at gva. */
static int64_t sleep(uint64_t ns, uint64_t rest_gva)
{
	uint64_t deadline = ceno_call_deadline(ns), at = ceno_rdtsc(), left;
	struct lx_timespec rest;
	int64_t result;

	if (at >= deadline)
		return 0;
	result = ceno_block_once(&ceno_current->call, deadline);
	if (result == CENO_BLOCKED || !rest_gva)
		return result;
	left = ns_of(deadline - at);
	rest = (struct lx_timespec){ (int64_t)(left / SECOND), (int64_t)(left % SECOND) };
	return ceno_user_write(rest_gva, &rest, sizeof(rest)) ? -LX_EFAULT : result;
}

int64_t ceno_sys_nanosleep(const uint64_t a[6])
{
	uint64_t ns;
	int error = ceno_time_read(a[0], &ns);

	if (error)
		return error;
	return sleep(ns, a[1]);
}

int64_t ceno_sys_clock_nanosleep(const uint64_t a[6])
{
	uint64_t ns, at;
	int error;

	if (!known((uint32_t)a[0]) || (uint32_t)a[0] == LX_CLOCK_THREAD_CPUTIME)
		return -LX_EINVAL;
	error = ceno_time_read(a[2], &ns);
	if (error)
		return error;
	if (a[1] & LX_TIMER_ABSTIME) { /* other flags are not looked at */
		at = ceno_time_ns((uint32_t)a[0]);
		ns = ns > at ? ns - at : 0;
	}
	return sleep(ns, a[1] & LX_TIMER_ABSTIME ? 0 : a[3]);
}

int64_t ceno_sys_times(const uint64_t a[6])
{
	int64_t out[4] = { (int64_t)ceno_time_ticks(ceno_sched_process_tsc(ceno_self())), 0,
		           (int64_t)ceno_time_ticks(ceno_self()->children_tsc), 0 };

	if (a[0] && ceno_user_write(a[0], out, sizeof(out)))
		return -LX_EFAULT;
	return (int64_t)(ceno_time_ns(LX_CLOCK_MONOTONIC) / 10000000u);
}

int64_t ceno_sys_getrusage(const uint64_t a[6])
{
	int32_t who = (int32_t)a[0];
	int64_t out[18] = { 0 };
	uint64_t us;

	if (who < -1 || who > 1)
		return -LX_EINVAL;
	us = ceno_time_us(who == -1      ? ceno_self()->children_tsc
	                      : who == 0 ? ceno_sched_process_tsc(ceno_self())
	                                 : ceno_sched_task_tsc(ceno_current));
	out[0] = (int64_t)(us / 1000000);
	out[1] = (int64_t)(us % 1000000);
	return ceno_user_write(a[1], out, sizeof(out));
}
