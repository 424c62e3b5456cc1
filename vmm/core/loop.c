/*
 * The session's loop. See loop.h.
 */
#include "vmm/core/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "guest-kernel/abi/bundle.h"

#define VIOLATION_FIRST CENO_VMM_STOP_UNBACKED

/* The window is there, and was not let go of. */
static bool streams(const struct ceno_runner *runner)
{
	return runner->has_stdio && !runner->stdio.gone;
}

/* Nobody left to run is how a guest stops that was asked to. */
static bool did_as_asked(struct ceno_runner *runner)
{
	return runner->stop.reason == CENO_VMM_STOP_GUEST_STOP && runner->stop.value == CENO_STOP_NO_FIBER &&
	    streams(runner) && (runner->drain_ms || ceno_stdio_ends(&runner->stdio));
}

static void finish(struct ceno_runner *runner)
{
	if (runner->state == CENO_RUNNER_STOPPED)
		return;
	if (did_as_asked(runner))
		runner->stop = (struct ceno_vcpu_stop){ .reason = CENO_VMM_STOP_DRAINED };
	runner->state = CENO_RUNNER_STOPPED;
	uv_timer_stop(&runner->flush);
	runner->events->stopped(runner->owner, &runner->stop);
}

static void on_flush_timeout(uv_timer_t *timer)
{
	finish(timer->data);
}

static void on_seal_timeout(uv_timer_t *timer)
{
	struct ceno_runner *runner = timer->data;
	ceno_vcpu_kick(&runner->vm.vcpu);
}

/* What is left of CENO_FLUSH_MS since the drain. */
static uint64_t flush_ms(const struct ceno_runner *runner)
{
	uint64_t gone = runner->drain_ms ? uv_now(&runner->loop) - runner->drain_ms : 0;
	return gone < CENO_FLUSH_MS ? CENO_FLUSH_MS - gone : 0;
}

/* The vCPU parked: keep the first reason, then flush unless it was a violation. */
static void on_parked(uv_poll_t *poll, int status, int events)
{
	struct ceno_runner *runner = poll->data;
	(void)status;
	(void)events;
	uv_poll_stop(poll);
	if (runner->stop.reason == CENO_VMM_STOP_NONE)
		runner->stop = runner->vm.vcpu.stop;
	if (runner->stop.reason >= VIOLATION_FIRST || !streams(runner)) {
		finish(runner);
		return;
	}
	runner->state = CENO_RUNNER_FLUSHING;
	uv_timer_start(&runner->flush, on_flush_timeout, flush_ms(runner), 0);
	ceno_stdio_end_input(&runner->stdio);
	ceno_stdio_pump(&runner->stdio);
}

/* On the vCPU thread. */
static void vcpu_parked(void *owner)
{
	struct ceno_runner *runner = owner;
	const uint64_t one = 1;
	while (write(runner->parked_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void on_program(void *owner, const struct ceno_program_report *report)
{
	struct ceno_runner *runner = owner;
	runner->events->program(runner->owner, report);
}

static void on_lie(void *owner)
{
	struct ceno_runner *runner = owner;
	ceno_runner_abort(runner, CENO_VMM_STOP_RING_LIE, 0);
}

static void on_drained(void *owner)
{
	struct ceno_runner *runner = owner;
	if (runner->state == CENO_RUNNER_FLUSHING)
		finish(runner);
}

static void on_doorbell(uv_poll_t *poll, int status, int events)
{
	struct ceno_runner *runner = poll->data;
	uint64_t count;
	(void)status;
	(void)events;
	if (read(runner->vm.doorbell_fd[CENO_PLEDGE_STDIO], &count, sizeof(count)) == (ssize_t)sizeof(count))
		ceno_stdio_pump(&runner->stdio);
}

static int init_stdio(struct ceno_runner *runner, const int fd[CENO_VMM_FD_END])
{
	static const struct ceno_stdio_events events = { on_program, on_lie, on_drained };
	const struct ceno_slot_map *window = ceno_slots_find(&runner->vm.slots, CENO_VMM_FD_WINDOW + CENO_PLEDGE_STDIO);
	if (!window)
		return 0;
	runner->has_stdio = true;
	int result = ceno_stdio_init(&runner->stdio, &runner->loop, window->host, fd,
	                             runner->vm.irq_fd[CENO_PLEDGE_STDIO], &events, runner);
	if (result)
		return result;
	result = uv_poll_init(&runner->loop, &runner->doorbell, runner->vm.doorbell_fd[CENO_PLEDGE_STDIO]);
	runner->doorbell.data = runner;
	return result ? result : uv_poll_start(&runner->doorbell, UV_READABLE, on_doorbell);
}

int ceno_runner_prepare(struct ceno_runner *runner, const int fd[CENO_VMM_FD_END], struct ceno_step *step,
                        const struct ceno_runner_events *events, void *owner)
{
	memset(runner, 0, sizeof(*runner));
	runner->events = events;
	runner->owner = owner;
	runner->vm.failed = "make the event loop";
	int result = uv_loop_init(&runner->loop);
	runner->parked_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!result && runner->parked_fd < 0)
		result = -errno;
	if (!result)
		result = uv_poll_init(&runner->loop, &runner->parked, runner->parked_fd);
	if (!result)
		result = uv_timer_init(&runner->loop, &runner->flush);
	if (result)
		return result;
	runner->parked.data = runner;
	runner->flush.data = runner;
	if ((result = uv_poll_start(&runner->parked, UV_READABLE, on_parked)))
		return result;
	return ceno_vm_prepare(&runner->vm, fd, vcpu_parked, runner, step);
}

int ceno_runner_complete(struct ceno_runner *runner, const struct ceno_vmm_launch *launch,
                         const int fd[CENO_VMM_FD_END])
{
	int result = ceno_vm_complete(&runner->vm, launch, fd);
	if (result)
		return result;
	runner->vm.failed = "watch the streams";
	result = init_stdio(runner, fd);
	if (!result)
		runner->vm.failed = NULL;
	return result;
}

int ceno_runner_init(struct ceno_runner *runner, const struct ceno_vmm_launch *launch, const int fd[CENO_VMM_FD_END],
                     struct ceno_step *step, const struct ceno_runner_events *events, void *owner)
{
	int result = ceno_runner_prepare(runner, fd, step, events, owner);
	return result ? result : ceno_runner_complete(runner, launch, fd);
}

void ceno_runner_go(struct ceno_runner *runner)
{
	if (runner->state != CENO_RUNNER_READY)
		return;
	runner->state = CENO_RUNNER_RUNNING;
	ceno_vcpu_go(&runner->vm.vcpu);
	if (runner->has_stdio)
		ceno_stdio_pump(&runner->stdio);
}

void ceno_runner_drain(struct ceno_runner *runner)
{
	if (runner->state != CENO_RUNNER_RUNNING)
		return;
	runner->state = CENO_RUNNER_DRAINING;
	if (!streams(runner)) {
		ceno_vcpu_kick(&runner->vm.vcpu);
		return;
	}
	runner->drain_ms = uv_now(&runner->loop);
	ceno_stdio_shutdown(&runner->stdio);
	uv_timer_start(&runner->flush, on_seal_timeout, CENO_SEAL_MS, 0);
}

void ceno_runner_abort(struct ceno_runner *runner, uint32_t reason, uint64_t value)
{
	if (runner->state == CENO_RUNNER_STOPPED)
		return;
	runner->stop = (struct ceno_vcpu_stop){ .reason = reason, .value = value };
	if (runner->state == CENO_RUNNER_FLUSHING)
		finish(runner); /* already parked */
	else
		ceno_vcpu_kick(&runner->vm.vcpu);
}

void ceno_runner_narrow(struct ceno_runner *runner)
{
	uv_poll_stop(&runner->doorbell);
	ceno_stdio_let_go(&runner->stdio);
	ceno_stdio_signal(&runner->stdio);
	if (runner->state == CENO_RUNNER_FLUSHING)
		finish(runner); /* parked: nothing is left to flush */
}

void ceno_runner_fini(struct ceno_runner *runner)
{
	if (runner->has_stdio) {
		ceno_stdio_close(&runner->stdio);
		uv_close((uv_handle_t *)&runner->doorbell, NULL);
	}
	uv_close((uv_handle_t *)&runner->parked, NULL);
	uv_close((uv_handle_t *)&runner->flush, NULL);
	uv_run(&runner->loop, UV_RUN_DEFAULT);
	uv_loop_close(&runner->loop);
	close(runner->parked_fd);
	ceno_vm_fini(&runner->vm);
}
