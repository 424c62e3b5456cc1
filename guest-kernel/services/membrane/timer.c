/*
 * Timers that raise signals: alarm and the three interval timers of a process, and POSIX
 * timers. What is due is found when the scheduler looks at the clock, which it does no
 * later than the time that ceno_timers_expire returned.
 *
 * ITIMER_VIRTUAL and ITIMER_PROF both count a process's turns, system calls included;
 * they are looked at while the process runs.
 */
#include "calls.h"
#include "frames.h"
#include "process.h"
#include "time.h"
#include "vm.h"

#define TIMERS 64u
#define SECOND 1000000000ull

enum { REAL, VIRTUAL, PROF };
enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD_ID = 4 };

struct timer {
	struct ceno_process *process;          /* NULL: free */
	uint32_t id, clock, signal, tid;       /* tid 0: to the process; signal 0: to nobody */
	uint64_t value, deadline, interval_ns; /* deadline 0: off */
	int32_t overrun;
};

static struct timer *timers; /* TIMERS of them */

static const uint32_t signal_of[3] = { LX_SIGALRM, LX_SIGVTALRM, LX_SIGPROF };

void ceno_timers_init(void)
{
	timers = ceno_frames_table(TIMERS * sizeof(*timers));
}

void ceno_timers_forget(struct ceno_process *process, int all)
{
	for (uint32_t i = 0; i < TIMERS; i++)
		if (timers[i].process == process)
			timers[i] = (struct timer){ 0 };
	if (all)
		memset(process->itimer, 0, sizeof(process->itimer));
}

/* ---- what is due ----------------------------------------------------------------------- */

/* The first time after now that deadline plus whole intervals comes to; counts those passed. */
static uint64_t advance(uint64_t deadline, uint64_t interval_ns, uint64_t now, int32_t *passed)
{
	uint64_t step = ceno_time_cycles_long(interval_ns), steps;

	*passed = 0;
	if (!interval_ns)
		return 0;
	step = step ? step : 1;
	steps = (now - deadline) / step;
	*passed = steps < INT32_MAX ? (int32_t)steps : INT32_MAX;
	return deadline + (steps + 1) * step;
}

static void expire_timer(struct timer *timer, uint64_t now)
{
	struct lx_siginfo info = { .signo = (int32_t)timer->signal,
		                   .code = LX_SI_TIMER,
		                   .timer_id = (int32_t)timer->id,
		                   .timer_value = timer->value };
	struct ceno_task *task = timer->tid ? ceno_task_find((int32_t)timer->tid) : NULL;

	timer->deadline = advance(timer->deadline, timer->interval_ns, now, &timer->overrun);
	info.timer_overrun = timer->overrun;
	if (!timer->signal)
		return;
	if (!timer->tid)
		(void)ceno_signal_process(timer->process, &info);
	else if (task && task->process == timer->process)
		(void)ceno_signal_task(task, &info);
}

static uint64_t clock_of(const struct ceno_process *process, int which, uint64_t now)
{
	return which == REAL ? now : ceno_sched_process_tsc(process);
}

/* One interval timer; how many cycles from now it is due, CENO_NEVER: not at all. */
static uint64_t expire_interval(struct ceno_process *process, int which, uint64_t now)
{
	uint64_t *deadline = &process->itimer[which].deadline, at;
	int32_t passed;

	if (!*deadline)
		return CENO_NEVER;
	at = clock_of(process, which, now);
	if (*deadline <= at) {
		*deadline = advance(*deadline, process->itimer[which].interval, at, &passed);
		ceno_signal_kernel(process, signal_of[which]);
	}
	if (!*deadline || (which != REAL && (!ceno_current || process != ceno_self())))
		return CENO_NEVER;
	return *deadline - at;
}

uint64_t ceno_timers_expire(uint64_t now)
{
	uint64_t first = CENO_NEVER;

	for (uint32_t i = 0; i < TIMERS; i++) {
		if (!timers[i].process || !timers[i].deadline)
			continue;
		if (timers[i].deadline <= now)
			expire_timer(&timers[i], now);
		if (timers[i].deadline && timers[i].deadline < first)
			first = timers[i].deadline;
	}
	for (uint32_t i = 0; i < CENO_TASKS; i++) {
		struct ceno_process *process = ceno_process_at(i);

		for (int which = REAL; process && !process->zombie && which <= PROF; which++) {
			uint64_t left = expire_interval(process, which, now);

			if (left < CENO_NEVER && now + left < first)
				first = now + left;
		}
	}
	return first;
}

/* ---- alarm, getitimer, setitimer -------------------------------------------------------- */

struct interval {
	int64_t interval_sec, interval_usec, sec, usec;
};

static struct interval interval_now(int which)
{
	const struct ceno_process *self = ceno_self();
	uint64_t deadline = self->itimer[which].deadline, at = clock_of(self, which, ceno_rdtsc()), us = 0,
		 every = self->itimer[which].interval / 1000;

	if (deadline)
		us = deadline > at ? ceno_time_us(deadline - at) : 0;
	if (deadline && !us)
		us = 1; /* 0 would say that it is off */
	return (struct interval){ (int64_t)(every / 1000000), (int64_t)(every % 1000000), (int64_t)(us / 1000000),
		                  (int64_t)(us % 1000000) };
}

static void interval_set(int which, uint64_t us, uint64_t every_us)
{
	struct ceno_process *self = ceno_self();
	uint64_t now = ceno_rdtsc();

	self->itimer[which].interval = every_us * 1000;
	self->itimer[which].deadline = us ? clock_of(self, which, now) + ceno_time_cycles_long(us * 1000) : 0;
	ceno_sched_at(us ? now : CENO_NEVER); /* so that the new one is seen */
}

int64_t ceno_sys_alarm(const uint64_t a[6])
{
	struct interval old = interval_now(REAL);

	interval_set(REAL, (uint64_t)(uint32_t)a[0] * 1000000, 0);
	return old.sec + (old.usec >= 500000 || (!old.sec && old.usec) ? 1 : 0);
}

int64_t ceno_sys_getitimer(const uint64_t a[6])
{
	struct interval now;

	if ((uint32_t)a[0] > PROF)
		return -LX_EINVAL;
	now = interval_now((int)a[0]);
	return ceno_user_write(a[1], &now, sizeof(now));
}

int64_t ceno_sys_setitimer(const uint64_t a[6])
{
	struct interval new = { 0 }, old;
	const int64_t most = 1ll << 32; /* seconds: a century is enough */

	if (a[1] && ceno_user_read(&new, a[1], sizeof(new)))
		return -LX_EFAULT;
	if (new.sec < 0 || new.usec < 0 || new.usec > 999999 || new.interval_sec < 0 || new.interval_usec < 0 ||
	    new.interval_usec > 999999)
		return -LX_EINVAL;
	if ((uint32_t)a[0] > PROF)
		return -LX_EINVAL;
	old = interval_now((int)a[0]);
	new.sec = new.sec < most ? new.sec : most;
	new.interval_sec = new.interval_sec < most ? new.interval_sec : most;
	interval_set((int)a[0], (uint64_t)(new.sec * 1000000 + new.usec),
	             (uint64_t)(new.interval_sec * 1000000 + new.interval_usec));
	return a[2] ? ceno_user_write(a[2], &old, sizeof(old)) : 0;
}

/* ---- POSIX timers -------------------------------------------------------------------------- */

static struct timer *find(uint64_t id)
{
	for (uint32_t i = 0; i < TIMERS; i++)
		if (timers[i].process == ceno_self() && timers[i].id == (uint32_t)id)
			return &timers[i];
	return NULL;
}

/* struct sigevent: value, signal, how, thread. */
static int read_event(uint64_t gva, struct timer *timer)
{
	struct {
		uint64_t value;
		int32_t signal, notify, tid, rest[11];
	} event;
	const struct ceno_task *task;

	if (ceno_user_read(&event, gva, sizeof(event)))
		return -LX_EFAULT;
	timer->value = event.value;
	timer->signal = event.notify == SIGEV_NONE ? 0 : (uint32_t)event.signal;
	if (event.notify == SIGEV_NONE)
		return 0;
	if (event.signal <= 0 || event.signal > LX_SIGNALS)
		return -LX_EINVAL;
	if (event.notify == SIGEV_SIGNAL)
		return 0;
	task = event.notify == SIGEV_THREAD_ID ? ceno_task_find(event.tid) : NULL;
	if (!task || task->process != ceno_self())
		return -LX_EINVAL;
	timer->tid = (uint32_t)event.tid;
	return 0;
}

int64_t ceno_sys_timer_create(const uint64_t a[6])
{
	struct timer new = { .process = ceno_self(), .clock = (uint32_t)a[0], .signal = LX_SIGALRM };
	struct timer *slot = NULL;
	int error;

	if (new.clock != LX_CLOCK_REALTIME &&new.clock != LX_CLOCK_MONOTONIC &&new.clock != LX_CLOCK_BOOTTIME)
		return -LX_EINVAL;
	for (uint32_t i = 0; i < TIMERS && !slot; i++)
		slot = timers[i].process ? NULL : &timers[i];
	if (!slot)
		return -LX_EAGAIN;
	while (find(new.id))
		new.id++;
	new.value = new.id;
	error = a[1] ? read_event(a[1], &new) : 0;
	if (!error && ceno_user_write(a[2], &new.id, sizeof(new.id)))
		error = -LX_EFAULT;
	if (!error)
		*slot = new;
	return error;
}

struct setting {
	struct lx_timespec interval, value;
};

static struct setting setting_now(const struct timer *timer)
{
	uint64_t now = ceno_rdtsc(), ns = 0;

	if (timer->deadline)
		ns = timer->deadline > now ? ceno_time_long_ns(timer->deadline - now) : 1;
	return (struct setting){ { (int64_t)(timer->interval_ns / SECOND), (int64_t)(timer->interval_ns % SECOND) },
		                 { (int64_t)(ns / SECOND), (int64_t)(ns % SECOND) } };
}

int64_t ceno_sys_timer_settime(const uint64_t a[6])
{
	struct timer *timer = find(a[0]);
	struct setting old;
	uint64_t ns, interval;
	int error;

	error = ceno_time_read(a[2], &interval);
	if (!error)
		error = ceno_time_read(a[2] + sizeof(struct lx_timespec), &ns);
	if (error)
		return error;
	if (!timer)
		return -LX_EINVAL;
	old = setting_now(timer);
	timer->interval_ns = interval;
	timer->overrun = 0;
	if (!ns)
		timer->deadline = 0;
	else if (a[1] & LX_TIMER_ABSTIME)
		timer->deadline = ceno_time_deadline_at(timer->clock, ns);
	else
		timer->deadline = ceno_time_deadline(ns);
	ceno_sched_at(timer->deadline ? timer->deadline : CENO_NEVER);
	return a[3] ? ceno_user_write(a[3], &old, sizeof(old)) : 0;
}

int64_t ceno_sys_timer_gettime(const uint64_t a[6])
{
	const struct timer *timer = find(a[0]);
	struct setting now;

	if (!timer)
		return -LX_EINVAL;
	now = setting_now(timer);
	return ceno_user_write(a[1], &now, sizeof(now));
}

int64_t ceno_sys_timer_getoverrun(const uint64_t a[6])
{
	const struct timer *timer = find(a[0]);

	return timer ? timer->overrun : -LX_EINVAL;
}

int64_t ceno_sys_timer_delete(const uint64_t a[6])
{
	struct timer *timer = find(a[0]);

	if (!timer)
		return -LX_EINVAL;
	*timer = (struct timer){ 0 };
	return 0;
}
