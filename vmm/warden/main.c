/*
 * ceno-warden: descriptors, timers and signals become events of the state machine
 * (warden.h). Everything arrives on the fixed table of wire.h, the node's part of it at
 * exec, the session's with its LAUNCH record; nothing is opened by a name that a peer chose.
 *
 * Usage: started by cenod only, without arguments. Exit status: 0 every step was
 * done (or the recovery wiped), 1 it was not, 2 not started as a warden.
 */
#include "../sandbox/jail.h"
#include "attest.h"
#include "record.h"
#include "recovery.h"
#include "warden.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ceno_warden warden; /* 400 KiB of zeros; nothing secret lies in it */

/* ---- for the actions -------------------------------------------------------------- */

void ceno_warden_tell_supervisor(struct ceno_warden *w, uint32_t type, uint64_t value)
{
	const struct ceno_warden_status status = { .type = type, .value = value };
	if (w->supervisor_open)
		(void)ceno_record_send(CENO_WARDEN_FD_SUPERVISOR, &status, sizeof status, NULL, 0, NULL, 0);
}

void ceno_warden_share_areas(struct ceno_warden *w)
{
	const struct ceno_material *m = &w->session.material;
	/* The window last: the first are sealed against shrinking. */
	const int all[CENO_WARDEN_AREAS_MAX] = { m->boot, m->pack, m->trail, m->stdio };
	int fds[CENO_WARDEN_AREAS_MAX];
	unsigned count = 0;
	for (int i = 0; i < CENO_WARDEN_AREAS_MAX; i++)
		if (all[i] >= 0)
			fds[count++] = all[i];
	const struct ceno_warden_status status = { .type = CENO_WARDEN_AREAS, .value = count };
	if (w->supervisor_open)
		(void)ceno_record_send(CENO_WARDEN_FD_SUPERVISOR, &status, sizeof status, NULL, 0, fds, count);
}

void ceno_warden_tell_client(struct ceno_warden *w, const struct ceno_session_record *record, int fd)
{
	if (w->client_open)
		(void)ceno_record_send(CENO_WARDEN_FD_SESSION, record, sizeof *record, NULL, 0, &fd, fd >= 0);
}

static void on_deadline(uv_timer_t *timer)
{
	ceno_warden_event(timer->data, CENO_EVENT_DEADLINE);
}

static void on_ttl(uv_timer_t *timer)
{
	ceno_warden_event(timer->data, CENO_EVENT_TTL);
}

static void on_step(uv_idle_t *idle)
{
	ceno_warden_event(idle->data, CENO_EVENT_STEP);
}

void ceno_warden_deadline(struct ceno_warden *w, uint64_t ms)
{
	uv_update_time(&w->loop); /* a blocking step may lie between the loop's time and now */
	if (ms)
		uv_timer_start(&w->deadline, on_deadline, ms, 0);
	else
		uv_timer_stop(&w->deadline);
}

void ceno_warden_start_ttl(struct ceno_warden *w, uint64_t ms)
{
	uv_update_time(&w->loop);
	uv_timer_start(&w->ttl, on_ttl, ms, 0);
}

void ceno_warden_stepping(struct ceno_warden *w, int on)
{
	if (on)
		uv_idle_start(&w->step, on_step);
	else
		uv_idle_stop(&w->step);
}

void ceno_warden_leave(struct ceno_warden *w, int status)
{
	w->exit_status = status;
	uv_stop(&w->loop);
}

/* ---- supervisor ---------------------------------------------------------------------- */

static int zero_between(const struct ceno_supervisor_launch *l, size_t from, size_t to)
{
	const uint8_t *bytes = (const uint8_t *)l;
	uint8_t any = 0;
	for (size_t i = from; i < to; i++)
		any |= bytes[i];
	return !any;
}

#define PAIR_PART    offsetof(struct ceno_supervisor_launch, tsc_hz)
#define SESSION_PART offsetof(struct ceno_supervisor_launch, session_id)
#define SESSION_END  offsetof(struct ceno_supervisor_launch, reserved)

static int record_is_valid(const struct ceno_supervisor_launch *l)
{
	if ((l->layers && l->type != CENO_SUPERVISOR_PARK) || l->layers & ~CENO_JAIL_OPTIONAL ||
	    !zero_between(l, SESSION_END, sizeof *l))
		return 0;
	switch (l->type) {
	case CENO_SUPERVISOR_PARK:
		return zero_between(l, SESSION_PART, SESSION_END) && l->tsc_hz && l->uid_base &&
		    l->cgroup_version <= 2 && (l->syscall_mode == 1 || l->syscall_mode == 2) && l->kvm_kind <= 3;
	case CENO_SUPERVISOR_LAUNCH:
		return zero_between(l, PAIR_PART, SESSION_PART) && l->memory_bytes >= CENO_RAM_MIN &&
		    l->memory_bytes <= CENO_RAM_MAX && l->memory_bytes % CENO_LARGE_PAGE == 0 && l->ttl_ms &&
		    l->pledge_mask < 1u << CENO_PLEDGE_COUNT && !l->vmm_pid && !l->reserved1 &&
		    l->image_released <= (unsigned)ceno_session_has_image(l);
	case CENO_SUPERVISOR_RECOVER:
		return zero_between(l, PAIR_PART, SESSION_PART);
	default:
		return 0;
	}
}

static int is_seqpacket(int fd)
{
	int type = 0;
	socklen_t size = sizeof type;
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

static int is_writable_file(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (fcntl(fd, F_GETFL) & (O_ACCMODE | O_PATH)) == O_RDWR;
}

/* What was hashed can never change: sealed, and open for reading only. */
static int is_sealed_memory(int fd)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	int have = fcntl(fd, F_GET_SEALS);
	return have >= 0 && (have & seals) == seals && (fcntl(fd, F_GETFL) & (O_ACCMODE | O_PATH)) == O_RDONLY;
}

/* Received descriptors, each found to be what its number says, get their numbers. */
static int place_descriptors(struct ceno_warden *w, int first, unsigned count)
{
	if (w->fd_count != count)
		return 0;
	for (unsigned i = 0; i < count; i++) {
		int number = first + (int)i;
		int good = number <= CENO_WARDEN_FD_ATTEST ? is_seqpacket(w->fds[i])
		    : number <= CENO_WARDEN_FD_SPOOL       ? is_writable_file(w->fds[i])
							   : is_sealed_memory(w->fds[i]);
		if (!good || dup3(w->fds[i], number, O_CLOEXEC) < 0)
			return 0;
	}
	return 1;
}

static void close_received(struct ceno_warden *w)
{
	for (unsigned i = 0; i < CENO_RECORD_FDS_MAX; i++)
		ceno_fd_close(&w->fds[i]);
}

static int watch_session(struct ceno_warden *w);

/* The session's half of the record joins the pair's, which is there since the start. */
static int take_session(struct ceno_warden *w, const struct ceno_supervisor_launch *l)
{
	if (l->type != CENO_SUPERVISOR_LAUNCH || !record_is_valid(l) ||
	    !place_descriptors(w, CENO_WARDEN_FD_SESSION, CENO_WARDEN_LAUNCH_FDS + (unsigned)ceno_session_has_image(l)))
		return 0;
	memcpy((uint8_t *)&w->launch + SESSION_PART, (const uint8_t *)l + SESSION_PART, SESSION_END - SESSION_PART);
	return watch_session(w) == 0;
}

int ceno_warden_take_launch(struct ceno_warden *w)
{
	struct ceno_supervisor_launch l;
	int taken = w->supervisor_open &&
	    ceno_record_recv(CENO_WARDEN_FD_SUPERVISOR, &l, sizeof l, w->fds, &w->fd_count) == 1 && take_session(w, &l);
	close_received(w);
	return taken;
}

static void recover(struct ceno_warden *w)
{
	unsigned areas = w->fd_count ? w->fd_count - 1 : 0;
	w->fd_count = w->fd_count ? 1 : 0;
	int wiped = place_descriptors(w, CENO_WARDEN_FD_RAM, 1) && ceno_recovery_wipe(&w->launch, w->fds + 1, areas);
	ceno_warden_tell_supervisor(w, CENO_WARDEN_WIPED, (uint64_t)wiped);
	ceno_warden_leave(w, wiped ? 0 : 1);
}

static void on_first_record(struct ceno_warden *w)
{
	int rc = ceno_record_recv(CENO_WARDEN_FD_SUPERVISOR, &w->launch, sizeof w->launch, w->fds, &w->fd_count);
	if (rc == -EAGAIN)
		return;
	if (rc == 1 && record_is_valid(&w->launch) && w->launch.type == CENO_SUPERVISOR_PARK && !w->fd_count)
		ceno_warden_event(w, CENO_EVENT_PARK);
	else if (rc == 1 && record_is_valid(&w->launch) && w->launch.type == CENO_SUPERVISOR_RECOVER)
		recover(w);
	else
		ceno_warden_leave(w, 2);
	close_received(w);
}

/* Parked: the session, or the end. */
static void on_second_record(struct ceno_warden *w)
{
	struct ceno_supervisor_launch l;
	int rc = ceno_record_recv(CENO_WARDEN_FD_SUPERVISOR, &l, sizeof l, w->fds, &w->fd_count);
	if (rc == -EAGAIN)
		return;
	if (rc == 0)
		w->supervisor_open = 0;
	int taken = rc == 1 && take_session(w, &l);
	close_received(w);
	ceno_warden_event(w, taken ? CENO_EVENT_LAUNCH : CENO_EVENT_STOP);
}

/* The supervisor says only STOP after the launch; whatever else comes, or that it
 * is gone, means the same. */
static void on_supervisor(uv_poll_t *poll, int status, int events)
{
	struct ceno_warden *w = poll->data;
	struct ceno_warden_status record;
	(void)events;
	if (w->state == CENO_STATE_IDLE && status == 0) {
		on_first_record(w);
		return;
	}
	if (w->state == CENO_STATE_PARKED && status == 0) {
		on_second_record(w);
		if (!w->supervisor_open)
			uv_poll_stop(poll);
		return;
	}
	if (w->state == CENO_STATE_REAPING && !w->session.accepted) {
		uv_poll_stop(poll); /* a session may wait there: answered for at the end (actions.c) */
		return;
	}
	int rc = ceno_record_recv(CENO_WARDEN_FD_SUPERVISOR, &record, sizeof record, NULL, NULL);
	if (rc == -EAGAIN)
		return;
	if (rc != 1 && rc != -EPROTO) {
		uv_poll_stop(poll);
		w->supervisor_open = 0;
	}
	ceno_warden_event(w, CENO_EVENT_STOP);
}

static void on_term(uv_signal_t *signal, int number)
{
	(void)number;
	ceno_warden_event(signal->data, CENO_EVENT_STOP);
}

/* ---- client ---------------------------------------------------------------------------- */

static enum ceno_event client_event(uint32_t type)
{
	switch (type) {
	case CENO_SESSION_OPEN:
		return CENO_EVENT_OPEN;
	case CENO_SESSION_FILE:
		return CENO_EVENT_FILE;
	case CENO_SESSION_ARGS:
		return CENO_EVENT_ARGS;
	case CENO_SESSION_START:
		return CENO_EVENT_START;
	case CENO_SESSION_EXEC:
		return CENO_EVENT_EXEC;
	case CENO_SESSION_DESTROY:
		return CENO_EVENT_DESTROY;
	case CENO_SESSION_TRAIL:
		return CENO_EVENT_TRAIL;
	case CENO_SESSION_TERMINAL:
		return CENO_EVENT_TERMINAL;
	case CENO_SESSION_NARROW:
		return CENO_EVENT_NARROW;
	default:
		return CENO_EVENT_CLIENT_MALFORMED;
	}
}

static void on_client(uv_poll_t *poll, int status, int events)
{
	struct ceno_warden *w = poll->data;
	(void)events;
	int rc = status < 0
	    ? 0
	    : ceno_record_recv(CENO_WARDEN_FD_SESSION, &w->record, sizeof w->record, w->fds, &w->fd_count);
	if (rc == -EAGAIN)
		return;
	if (rc == 1 || rc == -EPROTO) {
		ceno_warden_event(w, rc == 1 ? client_event(w->record.type) : CENO_EVENT_CLIENT_MALFORMED);
		close_received(w);
		return;
	}
	uv_poll_stop(poll);
	w->client_open = 0;
	ceno_warden_event(w, CENO_EVENT_CLIENT_GONE);
}

/* ---- attest ------------------------------------------------------------------------------ */

static void on_attest(uv_poll_t *poll, int status, int events)
{
	struct ceno_warden *w = poll->data;
	(void)events;
	int rc = status < 0 ? 0 : ceno_attest_recv(CENO_WARDEN_FD_ATTEST, &w->leaf);
	if (rc == -EAGAIN)
		return;
	if (rc == 1) {
		if (w->leaf.type == CENO_ATTEST_LAUNCHED)
			ceno_warden_event(w, CENO_EVENT_LAUNCHED);
		return;
	}
	uv_poll_stop(poll);
	w->attest_open = 0;
	ceno_warden_event(w, CENO_EVENT_ATTEST_GONE);
}

/* ---- vmm ----------------------------------------------------------------------------------- */

static enum ceno_event vmm_event(uint32_t type)
{
	switch (type) {
	case CENO_VMM_PARKED:
		return CENO_EVENT_VMM_PARKED;
	case CENO_VMM_LOCKED:
		return CENO_EVENT_LOCKED;
	case CENO_VMM_PROGRAM:
		return CENO_EVENT_PROGRAM;
	case CENO_VMM_STOPPED:
		return CENO_EVENT_STOPPED;
	case CENO_VMM_NARROWED:
		return CENO_EVENT_NARROWED;
	default:
		return CENO_EVENT_VMM_MALFORMED;
	}
}

/* One record. Returns 1 if there may be more. */
static int receive_vmm(struct ceno_warden *w)
{
	int rc = w->session.control < 0 ? 0 : ceno_record_recv(w->session.control, &w->vmm, sizeof w->vmm, NULL, NULL);
	if (rc == 1 || rc == -EPROTO) {
		ceno_warden_event(w, rc == 1 ? vmm_event(w->vmm.type) : CENO_EVENT_VMM_MALFORMED);
		return w->control_open;
	}
	if (rc != -EAGAIN && w->control_open) {
		uv_poll_stop(&w->control); /* its pidfd says the rest */
		w->control_open = 0;
	}
	return 0;
}

void ceno_warden_pump_control(struct ceno_warden *w)
{
	while (receive_vmm(w))
		;
}

static void on_control(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	receive_vmm(poll->data);
}

static void on_pidfd(uv_poll_t *poll, int status, int events)
{
	struct ceno_warden *w = poll->data;
	(void)status;
	(void)events;
	uv_poll_stop(poll);
	w->pidfd_open = 0;
	ceno_warden_event(w, CENO_EVENT_VMM_GONE);
}

void ceno_warden_forget_joiner(struct ceno_warden *w)
{
	if (w->joiner_open)
		uv_poll_stop(&w->joiner);
	w->joiner_open = 0;
}

/* Reaped as soon as it ends, for a pair may stay parked for long; how the join went is asked at the lock. */
static void on_joiner(uv_poll_t *poll, int status, int events)
{
	struct ceno_warden *w = poll->data;
	(void)status;
	(void)events;
	ceno_warden_forget_joiner(w);
	(void)ceno_spawn_joined(&w->session.vmm, 0);
}

static int watch(struct ceno_warden *w, uv_poll_t *poll, int fd, uv_poll_cb callback, int *open)
{
	int rc = uv_poll_init(&w->loop, poll, fd);
	poll->data = w;
	if (rc == 0)
		rc = uv_poll_start(poll, UV_READABLE | UV_DISCONNECT, callback);
	*open = rc == 0;
	return rc;
}

int ceno_warden_watch_vmm(struct ceno_warden *w)
{
	int rc = watch(w, &w->control, w->session.control, on_control, &w->control_open);
	if (rc == 0)
		rc = watch(w, &w->pidfd, w->session.vmm.pidfd, on_pidfd, &w->pidfd_open);
	if (rc == 0 && w->session.vmm.joiner >= 0)
		rc = watch(w, &w->joiner, w->session.vmm.joiner, on_joiner, &w->joiner_open);
	return rc;
}

/* ---- process --------------------------------------------------------------------------------- */

/* The table is checked as far as every pair needs it; what is wrong with the blobs is
 * found, with a better error, when they are mapped. */
static int table_is_valid(void)
{
	return is_seqpacket(CENO_WARDEN_FD_SUPERVISOR) && close_range(CENO_WARDEN_FD_EXEC_END, ~0u, 0) == 0;
}

static int watch_session(struct ceno_warden *w)
{
	int rc = watch(w, &w->client, CENO_WARDEN_FD_SESSION, on_client, &w->client_open);
	return rc ? rc : watch(w, &w->attest, CENO_WARDEN_FD_ATTEST, on_attest, &w->attest_open);
}

static int start(struct ceno_warden *w)
{
	struct rlimit files = { 2 * CENO_PACK_ENTRIES_MAX, 2 * CENO_PACK_ENTRIES_MAX };
	signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < CENO_RECORD_FDS_MAX; i++)
		w->fds[i] = -1;
	w->state = CENO_STATE_IDLE;
	/* Without the system's configuration: it can load code and name other algorithms. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 || sodium_init() < 0 ||
	    uv_loop_init(&w->loop) != 0)
		return -1;
	(void)setrlimit(RLIMIT_NOFILE, &files); /* fewer only means fewer inputs */
	uv_timer_init(&w->loop, &w->ttl);
	uv_timer_init(&w->loop, &w->deadline);
	uv_idle_init(&w->loop, &w->step);
	w->ttl.data = w->deadline.data = w->step.data = w->term.data = w;
	if (uv_signal_init(&w->loop, &w->term) != 0 || uv_signal_start(&w->term, on_term, SIGTERM) != 0)
		return -1;
	return watch(w, &w->supervisor, CENO_WARDEN_FD_SUPERVISOR, on_supervisor, &w->supervisor_open);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc != 1 || !table_is_valid()) {
		fprintf(stderr, "ceno-warden: started by cenod only\n");
		return 2;
	}
	if (start(&warden) != 0)
		return 2;
	uv_run(&warden.loop, UV_RUN_DEFAULT);
	_exit(warden.exit_status); /* no library's exit handler has anything left to do */
}
