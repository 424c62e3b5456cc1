/*
 * What each transition does; the table is in machine.c, the picture in warden.h.
 * Every action returns the next state. Whatever the event, the way out of a
 * session leads through to_reaping() and finish(): kill, reap, destroy.
 */
#include "attest.h"
#include "destroy.h"
#include "lockdown.h"
#include "privilege.h"
#include "record.h"
#include "warden.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define INPUT_DEADLINE_MS 30000u /* from START: all inputs copied and hashed */
#define LOCK_DEADLINE_MS  10000u
#define LEAF_DEADLINE_MS  10000u
#define DRAIN_DEADLINE_MS 200u
#define REAP_DEADLINE_MS  10000u
#define NARROW_TURN_MS    5u
#define NARROW_TURNS      200u /* a second */
#define STEP_BYTES        (4ull << 20)

/* ---- the way out ------------------------------------------------------------------ */

static void report_end(struct ceno_warden *w, uint32_t type)
{
	struct ceno_session_record r = { .type = type };
	if (type == CENO_SESSION_DESTROYING) {
		r.code = w->cause;
		r.value = w->stop_value;
		r.violation = w->stop_reason;
		r.program_seq = w->session.programs_done;
	} else if (type == CENO_SESSION_FAILED) {
		r.code = w->session.failure.code;
		r.value = w->session.failure.value;
		memcpy(r.path, w->session.failure.path, sizeof r.path);
	}
	ceno_warden_tell_client(w, &r, -1);
}

/* With the bytes, which the warden does not keep: they are the caller's, or nobody's. */
static void report_trail(struct ceno_warden *w, uint32_t type, struct ceno_trail *trail)
{
	const struct ceno_session_record r = { .type = type, .length = trail->bytes };
	int fd = w->client_open ? ceno_trail_memfd(trail) : -1;
	ceno_warden_tell_client(w, &r, fd);
	ceno_fd_close(&fd);
	ceno_trail_drop(trail);
}

static int finish_launched(struct ceno_warden *w)
{
	const struct ceno_end end = { w->cause, w->violation };
	int attest = w->attest_open ? CENO_WARDEN_FD_ATTEST : -1;
	int failed = w->session.failure.code != 0; /* after the leaf was sent, before go */
	if (!failed)
		report_end(w, CENO_SESSION_DESTROYING);
	int rc = ceno_destroy(&w->session, &end, attest, CENO_WARDEN_FD_SPOOL);
	if (failed)
		report_end(w, CENO_SESSION_FAILED);
	else if (rc == 0)
		report_trail(w, CENO_SESSION_DESTROYED, &w->session.trail);
	ceno_trail_drop(&w->session.trail);
	return rc;
}

static void say_ready(struct ceno_warden *w)
{
	w->answers = 1;
	ceno_warden_tell_supervisor(w, CENO_WARDEN_READY, 0);
}

/* A pair that could not be made tells the session that waits for it, if one does. One that was
 * made and died while parked takes none: the supervisor gives the session to another pair. */
static void answer_for_parking(struct ceno_warden *w)
{
	if (w->session.failure.code && !w->vmm_parked && ceno_warden_take_launch(w))
		say_ready(w);
}

static int finish_unlaunched(struct ceno_warden *w)
{
	if (!w->answers)
		answer_for_parking(w);
	int rc = ceno_destroy_unlaunched(&w->session);
	if (w->session.failure.code == CENO_SESSION_ERROR_NONE)
		w->session.failure.value = ECANCELED; /* ended by request before it began */
	if (w->answers)
		report_end(w, CENO_SESSION_FAILED);
	return rc;
}

/* The vmm is gone (or never was): destroy, and leave. A failure leaves without
 * DONE and with status 1, which starts the recovery warden. */
static enum ceno_state finish(struct ceno_warden *w)
{
	ceno_warden_deadline(w, 0);
	int rc = w->session.leaf_sent ? finish_launched(w) : finish_unlaunched(w);
	if (rc == 0 && w->session.leaf_sent)
		ceno_attest_mark_done(CENO_WARDEN_FD_SPOOL);
	if (rc == 0)
		ceno_warden_tell_supervisor(w, CENO_WARDEN_DONE, 0);
	ceno_warden_leave(w, rc == 0 ? 0 : 1);
	return CENO_STATE_ENDED;
}

static void stop_filling(struct ceno_warden *w)
{
	ceno_warden_stepping(w, 0);
	if (w->session.inputs)
		ceno_inputs_stop(w->session.inputs);
}

static enum ceno_state to_reaping(struct ceno_warden *w)
{
	stop_filling(w);
	if (w->session.vmm.pidfd < 0)
		return finish(w);
	/* Dead already, and not by us: reaped() will call it what it is. */
	if (!ceno_record_wait(w->session.vmm.pidfd, 0))
		w->vmm_stopped = 1;
	ceno_child_kill(&w->session.vmm);
	ceno_warden_deadline(w, REAP_DEADLINE_MS);
	return CENO_STATE_REAPING;
}

static enum ceno_state fail(struct ceno_warden *w, int error)
{
	w->session.failure.code = (uint32_t)error;
	if (w->cause == 0)
		w->cause = CENO_CAUSE_REQUEST;
	return to_reaping(w);
}

static enum ceno_state to_draining(struct ceno_warden *w, uint32_t cause)
{
	const struct ceno_vmm_record drain = { .type = CENO_VMM_DRAIN };
	w->cause = cause;
	if (ceno_record_send(w->session.control, &drain, sizeof drain, NULL, 0, NULL, 0) < 0)
		return to_reaping(w);
	ceno_warden_deadline(w, DRAIN_DEADLINE_MS);
	return CENO_STATE_DRAINING;
}

/* ---- set-up ------------------------------------------------------------------------- */

/* All that needs a privilege happens here, before there is a session. */
enum ceno_state ceno_on_park(struct ceno_warden *w)
{
	ceno_session_init(&w->session, &w->launch);
	int rc = ceno_privilege_early(w->launch.uid_base);
	w->session.failure.value = (uint64_t)-rc;
	int error = rc < 0 ? CENO_SESSION_ERROR_JAIL : ceno_session_start_vmm(&w->session);
	if (w->session.vmm.pidfd >= 0) {
		ceno_warden_tell_supervisor(w, CENO_WARDEN_VMM, (uint64_t)w->session.vmm.pid);
		if (ceno_warden_watch_vmm(w) < 0 && !error)
			error = CENO_SESSION_ERROR_MEMORY;
	}
	if (!error && ceno_privilege_final() < 0)
		error = CENO_SESSION_ERROR_JAIL;
	return error ? fail(w, error) : CENO_STATE_PARKED;
}

enum ceno_state ceno_on_vmm_parked(struct ceno_warden *w)
{
	if (w->vmm_parked)
		return ceno_on_lie(w);
	w->vmm_parked = 1;
	ceno_warden_tell_supervisor(w, CENO_WARDEN_PARKED, 0);
	return w->state;
}

/* Not taken if the vmm parked and then died: the supervisor sees that the session was not answered
 * for, and gives it to another pair. (One that dies in this moment is the session's failure, as is
 * one that never parked.) */
enum ceno_state ceno_on_launch(struct ceno_warden *w)
{
	int dead = ceno_record_wait(w->session.vmm.pidfd, 0);
	if (dead) /* what it said before it died may lie there unread */
		ceno_warden_pump_control(w);
	if (!dead || !w->vmm_parked)
		say_ready(w);
	if (dead)
		return ceno_on_vmm_failed(w);
	int error = ceno_session_accept(&w->session, &w->launch);
	return error ? fail(w, error) : CENO_STATE_READY;
}

static int take_streams(struct ceno_warden *w, int streams[3])
{
	if (w->fd_count != 3)
		return -1;
	for (int i = 0; i < 3; i++) {
		streams[i] = w->fds[i];
		w->fds[i] = -1;
	}
	return 0;
}

enum ceno_state ceno_on_open(struct ceno_warden *w)
{
	int streams[3];
	if ((w->record.value && (!ceno_terminal_ok(w->record.value) || w->record.flags & CENO_SESSION_NATIVE)) ||
	    take_streams(w, streams) < 0)
		return fail(w, CENO_SESSION_ERROR_PROTOCOL);
	int error = ceno_session_open(&w->session, &w->record, streams);
	if (error)
		return fail(w, error);
	ceno_warden_share_areas(w);
	ceno_warden_start_ttl(w, w->session.launch.ttl_ms);
	return CENO_STATE_COLLECTING;
}

static enum ceno_state add_file(struct ceno_warden *w, const char *path, uint32_t mode)
{
	if (w->fd_count != 1)
		return fail(w, CENO_SESSION_ERROR_PROTOCOL);
	int fd = w->fds[0];
	w->fds[0] = -1;
	int error = ceno_inputs_add(w->session.inputs, fd, path, mode, w->record.length, CENO_PACK_MAX);
	if (error) {
		memcpy(w->session.failure.path, path, strnlen(path, CENO_PACK_PATH_MAX - 1));
		return fail(w, error);
	}
	return CENO_STATE_COLLECTING;
}

enum ceno_state ceno_on_file(struct ceno_warden *w)
{
	if (memcmp(w->record.path, CENO_PACK_ARGS, sizeof CENO_PACK_ARGS) == 0)
		return fail(w, CENO_SESSION_ERROR_PATH);
	return add_file(w, w->record.path, w->record.mode);
}

enum ceno_state ceno_on_args(struct ceno_warden *w)
{
	static const char path[CENO_PACK_PATH_MAX] = CENO_PACK_ARGS;
	return add_file(w, path, CENO_PACK_ARGS_MODE);
}

enum ceno_state ceno_on_start(struct ceno_warden *w)
{
	int error = ceno_inputs_plan(w->session.inputs, w->session.failure.path);
	if (!error)
		error = ceno_session_size_pack(&w->session);
	if (!error)
		error = ceno_session_build(&w->session);
	if (error)
		return fail(w, error);
	ceno_warden_deadline(w, INPUT_DEADLINE_MS);
	ceno_warden_stepping(w, 1);
	return CENO_STATE_FILLING;
}

/* Inputs measured, vmm locked: look at it from outside, have the launch logged, give up what is left. */
static enum ceno_state record_launch(struct ceno_warden *w)
{
	struct ceno_attest_launch leaf;
	ceno_warden_forget_joiner(w);
	int error = ceno_session_check_lock(&w->session);
	if (error)
		return fail(w, error);
	ceno_session_launch_leaf(&w->session, &leaf);
	int rc = ceno_record_send(CENO_WARDEN_FD_ATTEST, &leaf, sizeof leaf, NULL, 0, NULL, 0);
	if (rc < 0) {
		w->session.failure.value = (uint64_t)-rc;
		return fail(w, CENO_SESSION_ERROR_ATTEST);
	}
	w->session.leaf_sent = 1;
	/* While attest's disk works; GO waits for both. */
	ceno_session_back_windows(&w->session);
	if (ceno_lockdown() < 0)
		return fail(w, CENO_SESSION_ERROR_JAIL);
	ceno_warden_deadline(w, LEAF_DEADLINE_MS);
	return CENO_STATE_RECORDING;
}

enum ceno_state ceno_on_step(struct ceno_warden *w)
{
	struct ceno_inputs *in = w->session.inputs;
	int rc = ceno_inputs_step(in, w->session.material.pack, STEP_BYTES);
	if (rc > 0)
		return CENO_STATE_FILLING;
	ceno_warden_stepping(w, 0);
	if (rc < 0) {
		if (in->next < in->count)
			memcpy(w->session.failure.path, in->entry[in->next].path, sizeof in->entry[0].path);
		return fail(w, -rc);
	}
	int error = ceno_session_measure(&w->session);
	if (error)
		return fail(w, error);
	if (w->session.locked)
		return record_launch(w);
	ceno_warden_deadline(w, LOCK_DEADLINE_MS);
	return CENO_STATE_LOCKING;
}

/* The vmm may be ready before the inputs are, or after. */
enum ceno_state ceno_on_locked(struct ceno_warden *w)
{
	if (w->session.locked || !w->vmm_parked)
		return ceno_on_lie(w);
	w->session.locked = 1;
	w->session.jail_done = w->vmm.gpa;
	w->session.statement.isolation.cpu = (struct ceno_proof_cpu){ .cr0 = w->vmm.entry_tsc,
		                                                      .cr4 = w->vmm.done_tsc,
		                                                      .efer = w->vmm.syscalls,
		                                                      .offered = (uint32_t)w->vmm.faults };
	return w->state == CENO_STATE_FILLING ? CENO_STATE_FILLING : record_launch(w);
}

/* The opening goes to the caller alone, in a memfd that the warden does not keep. */
static int opening_memfd(const struct ceno_keys *keys)
{
	int fd = memfd_create("ceno-opening", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 && write(fd, keys->opening, sizeof keys->opening) != (ssize_t)sizeof keys->opening)
		ceno_fd_close(&fd);
	return fd;
}

enum ceno_state ceno_on_launched(struct ceno_warden *w)
{
	const struct ceno_vmm_record go = { .type = CENO_VMM_GO };
	if (w->leaf.error) {
		/* attest refused the leaf, so none is in the log and no payload is owed. */
		w->session.leaf_sent = 0;
		w->session.failure.value = w->leaf.error;
		return fail(w, CENO_SESSION_ERROR_ATTEST);
	}
	w->session.launch_index = w->leaf.launch_index;
	ceno_warden_deadline(w, 0);
	w->session.statement.timing.launched_us = ceno_session_us(&w->session);
	if (ceno_record_send(w->session.control, &go, sizeof go, NULL, 0, NULL, 0) < 0) {
		w->cause = CENO_CAUSE_CRASH;
		return to_reaping(w);
	}
	w->session.ran = 1;
	const struct ceno_session_record launched = { .type = CENO_SESSION_LAUNCHED, .value = w->leaf.launch_index };
	int opening = opening_memfd(w->session.keys.keys);
	ceno_warden_tell_client(w, &launched, opening);
	ceno_fd_close(&opening);
	return CENO_STATE_ACTIVE;
}

/* ---- running ------------------------------------------------------------------------- */

/* A program that cannot even be asked for is answered like one that could not start. */
enum ceno_state ceno_on_exec(struct ceno_warden *w)
{
	const struct ceno_vmm_record request = { .type = CENO_VMM_REQUEST };
	int refused = w->fd_count != 1 || w->session.programs_done != w->session.program_seq ||
	    ceno_session_request(&w->session, w->fds[0], w->record.length) != 0;
	w->session.program_seq++;
	if (refused) {
		const struct ceno_session_record r = { .type = CENO_SESSION_PROGRAM,
			                               .refusal = CENO_REFUSAL_ARGS,
			                               .program_seq = w->session.program_seq };
		w->session.programs_done = w->session.program_seq;
		ceno_warden_tell_client(w, &r, -1);
		return CENO_STATE_ACTIVE;
	}
	ceno_record_send(w->session.control, &request, sizeof request, NULL, 0, NULL, 0);
	return CENO_STATE_ACTIVE;
}

/* The user's terminal has another size. Without a terminal, or with a size that is none, nothing happens. */
enum ceno_state ceno_on_terminal(struct ceno_warden *w)
{
	const struct ceno_vmm_record changed = { .type = CENO_VMM_TERMINAL };
	const uint32_t size = (uint32_t)w->record.value;
	const off_t at = CENO_STDIO_HOST_OFFSET + (off_t)offsetof(struct ceno_stdio_host, terminal);
	if (w->session.open.value && ceno_terminal_ok(w->record.value) &&
	    pwrite(w->session.material.stdio, &size, sizeof size, at) == (ssize_t)sizeof size)
		ceno_record_send(w->session.control, &changed, sizeof changed, NULL, 0, NULL, 0);
	return w->state;
}

/* While the guest runs: whatever the window says at this moment, bounded. */
enum ceno_state ceno_on_trail(struct ceno_warden *w)
{
	ceno_trail_take(w->session.material.trail, &w->session.trail);
	report_trail(w, CENO_SESSION_TRAIL_COPY, &w->session.trail);
	return w->state;
}

static void forward_program(struct ceno_warden *w)
{
	const struct ceno_vmm_record *v = &w->vmm;
	struct ceno_session_record r = {
		.type = CENO_SESSION_PROGRAM,
		.exit_status = v->exit_status,
		.signal = v->signal,
		.refusal = v->refusal,
		.out_of_memory = v->out_of_memory,
		.end = v->end,
		.detail = v->detail,
		.restarts = v->restarts,
		.program_seq = w->session.program_seq, /* the guest's own count is not needed */
		.entry_tsc = v->entry_tsc,
		.done_tsc = v->done_tsc,
		.syscalls = v->syscalls,
		.faults = v->faults,
		.ram_peak_bytes = v->ram_peak_bytes,
	};
	ceno_session_enosys(&w->session, &r);
	w->session.programs_done = w->session.program_seq;
	ceno_warden_tell_client(w, &r, -1);
}

enum ceno_state ceno_on_program(struct ceno_warden *w)
{
	forward_program(w);
	if (w->session.open.flags & CENO_SESSION_HOLD)
		return CENO_STATE_ACTIVE;
	return to_draining(w, CENO_CAUSE_EXIT);
}

enum ceno_state ceno_on_late_program(struct ceno_warden *w)
{
	forward_program(w);
	return CENO_STATE_DRAINING;
}

/* Violations are the codes from UNBACKED to below HOST_ERROR (core/launch.h). */
static void note_stop(struct ceno_warden *w)
{
	w->vmm_stopped = 1;
	w->stop_reason = w->vmm.reason;
	w->stop_value = w->vmm.value;
	if (w->vmm.reason >= CENO_VMM_STOP_UNBACKED && w->vmm.reason < CENO_VMM_STOP_HOST_ERROR) {
		w->cause = CENO_CAUSE_VIOLATION;
		w->violation = w->vmm.reason;
	} else if (w->vmm.reason >= CENO_VMM_STOP_HOST_ERROR) {
		w->cause = CENO_CAUSE_CRASH;
	} else if (w->cause == 0) {
		w->cause = CENO_CAUSE_EXIT;
	}
}

enum ceno_state ceno_on_stopped(struct ceno_warden *w)
{
	note_stop(w);
	return to_reaping(w);
}

/* It said so and was gone before we read it: we only knew that it would take no more from us. */
enum ceno_state ceno_on_late_stop(struct ceno_warden *w)
{
	note_stop(w);
	return CENO_STATE_REAPING;
}

enum ceno_state ceno_on_request(struct ceno_warden *w)
{
	return to_draining(w, CENO_CAUSE_REQUEST);
}

enum ceno_state ceno_on_ttl(struct ceno_warden *w)
{
	return to_draining(w, CENO_CAUSE_TTL);
}

enum ceno_state ceno_on_drained(struct ceno_warden *w)
{
	return to_reaping(w); /* time is up: output that nobody took is destroyed with the rest */
}

/* ---- narrowing (narrow.h) -------------------------------------------------------------- */

static enum ceno_state say_narrowed(struct ceno_warden *w)
{
	const struct ceno_session_record narrowed = { .type = CENO_SESSION_NARROWED,
		                                      .value = w->session.launch.pledge_mask & ~w->session.dropped };
	for (; w->narrowing.asked; w->narrowing.asked--)
		ceno_warden_tell_client(w, &narrowed, -1);
	return CENO_STATE_ACTIVE;
}

/* A window that is on its way out already keeps whoever asks again waiting for the same moment. */
enum ceno_state ceno_on_narrow(struct ceno_warden *w)
{
	const struct ceno_vmm_record narrow = { .type = CENO_VMM_NARROW };
	const uint64_t classes = w->record.value, pledged = w->session.launch.pledge_mask;
	if (!classes || classes & ~pledged)
		return ceno_on_malformed(w);
	if (ceno_narrow_tell(&w->session, (uint32_t)classes) < 0)
		return ceno_on_lie(w); /* it cannot go on as it was */
	w->narrowing.asked++;
	if (w->session.material.stdio < 0 || !(w->session.dropped & 1u << CENO_PLEDGE_STDIO))
		return say_narrowed(w);
	if (w->narrowing.turns)
		return CENO_STATE_ACTIVE;
	(void)ceno_record_send(w->session.control, &narrow, sizeof narrow, NULL, 0, NULL, 0); /* or it ends by SIGBUS */
	w->narrowing.turns = 1;
	ceno_warden_deadline(w, NARROW_TURN_MS);
	return CENO_STATE_ACTIVE;
}

enum ceno_state ceno_on_narrowed(struct ceno_warden *w)
{
	if (!w->narrowing.turns || w->narrowing.vmm_let_go)
		return ceno_on_lie(w);
	w->narrowing.vmm_let_go = 1;
	return w->state;
}

enum ceno_state ceno_on_narrow_turn(struct ceno_warden *w)
{
	if (w->narrowing.turns++ < NARROW_TURNS && !(w->narrowing.vmm_let_go && ceno_narrow_released(&w->session))) {
		ceno_warden_deadline(w, NARROW_TURN_MS);
		return CENO_STATE_ACTIVE;
	}
	int rc = ceno_narrow_take(&w->session);
	if (rc == -ESRCH)
		return CENO_STATE_ACTIVE; /* it has ended by itself: how, its last record and its pidfd say */
	return rc < 0 ? ceno_on_lie(w) : say_narrowed(w);
}

/* ---- trouble ---------------------------------------------------------------------------- */

enum ceno_state ceno_on_abandon(struct ceno_warden *w)
{
	if (w->cause == 0)
		w->cause = CENO_CAUSE_REQUEST;
	return to_reaping(w);
}

enum ceno_state ceno_on_late(struct ceno_warden *w)
{
	int error = w->state == CENO_STATE_LOCKING ? CENO_SESSION_ERROR_KVM
	    : w->state == CENO_STATE_RECORDING     ? CENO_SESSION_ERROR_ATTEST
						   : CENO_SESSION_ERROR_DEADLINE;
	w->session.failure.value = ETIMEDOUT;
	w->cause = CENO_CAUSE_TTL;
	return fail(w, error);
}

enum ceno_state ceno_on_refused(struct ceno_warden *w)
{
	w->session.failure.value = w->vmm.value;
	if (w->vmm.reason != CENO_VMM_STOP_JAIL)
		return fail(w, CENO_SESSION_ERROR_KVM);
	ceno_session_name_step(&w->session.failure, w->vmm.gpa);
	return fail(w, CENO_SESSION_ERROR_JAIL);
}

enum ceno_state ceno_on_malformed(struct ceno_warden *w)
{
	if (w->state != CENO_STATE_ACTIVE)
		return fail(w, CENO_SESSION_ERROR_PROTOCOL);
	return to_draining(w, CENO_CAUSE_REQUEST);
}

/* A vmm that breaks the protocol has been taken over: no drain. */
enum ceno_state ceno_on_lie(struct ceno_warden *w)
{
	w->cause = CENO_CAUSE_CRASH;
	return fail(w, CENO_SESSION_ERROR_KVM);
}

enum ceno_state ceno_on_attest_gone(struct ceno_warden *w)
{
	return fail(w, CENO_SESSION_ERROR_ATTEST);
}

static int reap(struct ceno_warden *w)
{
	ceno_warden_pump_control(w);
	return ceno_child_reap(&w->session.vmm, 1000, &w->session.wait_status);
}

/* Reaped. A vmm that died by itself, without having said that it stopped, crashed
 * (or was killed for memory), whatever the reason was to stop it. */
static enum ceno_state reaped(struct ceno_warden *w)
{
	struct ceno_proof_timing *t = &w->session.statement.timing;
	if (!w->vmm_stopped)
		w->cause = ceno_session_oom_killed(&w->session) ? CENO_CAUSE_OOM : CENO_CAUSE_CRASH;
	t->stopped_us = ceno_session_us(&w->session);
	if (t->launched_us == 0) /* stopped before GO */
		t->launched_us = t->stopped_us;
	return finish(w);
}

enum ceno_state ceno_on_vmm_gone(struct ceno_warden *w)
{
	return reap(w) < 0 ? ceno_on_unreapable(w) : reaped(w);
}

enum ceno_state ceno_on_vmm_failed(struct ceno_warden *w)
{
	stop_filling(w);
	if (reap(w) < 0)
		return ceno_on_unreapable(w);
	if (w->session.failure.code == 0) {
		w->session.failure.code = CENO_SESSION_ERROR_KVM;
		w->session.failure.value = w->session.wait_status;
	}
	return finish(w);
}

/* SIGKILL did not end it (a task stuck in the kernel): RAM may still be mapped
 * there, so nothing is claimed; the recovery warden tries again. */
enum ceno_state ceno_on_unreapable(struct ceno_warden *w)
{
	ceno_warden_leave(w, 1);
	return CENO_STATE_ENDED;
}
