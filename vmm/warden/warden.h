/*
 * ceno-warden: one process, one session, one state machine.
 *
 *         park          launch        open           start        filled
 *   IDLE ------> PARKED ------> READY -------> COLLECTING -----> FILLING -----> LOCKING
 *                                                          | filled, and  | locked
 *                                                          | locked       v
 *             stop, program ended        leaf answered     +--------> RECORDING
 *   DRAINING <------------------- ACTIVE <-------------------------------/
 *      | stopped, 200 ms, or the vmm is gone
 *      v            vmm reaped
 *   REAPING --------------------> (destroy, sign, hand over) -> ENDED
 *
 * PARKED it has a vmm, jailed, and nothing of any session; the vmm says PARKED too, at
 * any time from then to FILLING (a launch does not wait for it).
 *
 * PARKED to RECORDING go straight to REAPING when something fails or the session
 * is stopped; a violation goes from ACTIVE or DRAINING to REAPING at once.
 * machine.c holds the table; actions.c what each transition does; main.c turns
 * descriptors, timers and signals into events.
 *
 * Invariants: RAM is mapped only in the START transition and after the vmm was reaped; a
 * payload is made if and only if the launch leaf was sent; the first cause of
 * the end stands, but for a vmm that dies while it drains (crash).
 */
#ifndef CENO_WARDEN_WARDEN_H
#define CENO_WARDEN_WARDEN_H

#include <uv.h>
#include "narrow.h"
#include "record.h"
#include "session.h"

enum ceno_state {
	CENO_STATE_IDLE = 1 << 0,
	CENO_STATE_PARKED = 1 << 1,
	CENO_STATE_READY = 1 << 2,
	CENO_STATE_COLLECTING = 1 << 3,
	CENO_STATE_FILLING = 1 << 4,
	CENO_STATE_LOCKING = 1 << 5,
	CENO_STATE_RECORDING = 1 << 6,
	CENO_STATE_ACTIVE = 1 << 7,
	CENO_STATE_DRAINING = 1 << 8,
	CENO_STATE_REAPING = 1 << 9,
	CENO_STATE_ENDED = 1 << 10
};

enum ceno_event {
	/* supervisor */
	CENO_EVENT_PARK,
	CENO_EVENT_LAUNCH,
	CENO_EVENT_STOP, /* STOP: record, EOF on descriptor 3, or SIGTERM */
	/* api */
	CENO_EVENT_OPEN,
	CENO_EVENT_FILE,
	CENO_EVENT_ARGS,
	CENO_EVENT_START,
	CENO_EVENT_EXEC,
	CENO_EVENT_DESTROY,
	CENO_EVENT_TRAIL,
	CENO_EVENT_TERMINAL,
	CENO_EVENT_NARROW,
	CENO_EVENT_CLIENT_GONE,
	/* clocks */
	CENO_EVENT_TTL,
	CENO_EVENT_DEADLINE,
	CENO_EVENT_STEP, /* STEP: time for more input copying */
	/* vmm */
	CENO_EVENT_VMM_PARKED,
	CENO_EVENT_LOCKED,
	CENO_EVENT_PROGRAM,
	CENO_EVENT_STOPPED,
	CENO_EVENT_NARROWED, /* it has let go of the window that is to be taken */
	CENO_EVENT_VMM_GONE,
	/* attest */
	CENO_EVENT_LAUNCHED,
	CENO_EVENT_ATTEST_GONE,
	/* a peer broke its protocol */
	CENO_EVENT_CLIENT_MALFORMED,
	CENO_EVENT_VMM_MALFORMED
};

struct ceno_warden {
	uv_loop_t loop;
	uv_poll_t supervisor, client, attest, control, pidfd, joiner;
	uv_timer_t ttl, deadline;
	uv_idle_t step;
	uv_signal_t term;
	int supervisor_open, client_open, attest_open, control_open, pidfd_open, joiner_open; /* polled */
	enum ceno_state state;
	struct ceno_session session;
	/* the event being handled */
	struct ceno_supervisor_launch launch;
	struct ceno_session_record record;
	int fds[CENO_RECORD_FDS_MAX];
	unsigned fd_count;
	struct ceno_vmm_record vmm;
	struct ceno_attest_launched leaf;
	/* how it ends */
	uint32_t cause, violation, stop_reason;
	uint64_t stop_value;
	int vmm_parked;  /* the vmm said so */
	int answers;     /* READY was said: the client hears from this warden how its session ends */
	int vmm_stopped; /* STOPPED was received or we killed it: its death is no crash */
	struct ceno_narrowing narrowing;
	int exit_status;
};

/* Feeds one event through the table. Events that have no row in the state are
 * ignored, or end the session if a peer sent them. */
void ceno_warden_event(struct ceno_warden *warden, enum ceno_event event);

/* ---- for actions.c, provided by main.c -------------------------------------- */

/* Starts polling the vmm's control socket, its pidfd and, if there is one, its joiner's.
 * Returns 0 or -errno. */
int ceno_warden_watch_vmm(struct ceno_warden *warden);
/* Stops polling the joiner, whom somebody is about to wait for. */
void ceno_warden_forget_joiner(struct ceno_warden *warden);
/* Takes a LAUNCH that waits on the supervisor's socket: its descriptors get their places and
 * are watched. 1, or 0 if there is none that is well-formed. */
int ceno_warden_take_launch(struct ceno_warden *warden);
/* Handles what the vmm sent before it died. */
void ceno_warden_pump_control(struct ceno_warden *warden);
/* (Re)starts the one deadline; 0 stops it. */
void ceno_warden_deadline(struct ceno_warden *warden, uint64_t ms);
void ceno_warden_start_ttl(struct ceno_warden *warden, uint64_t ms);
/* Input copying steps while on. */
void ceno_warden_stepping(struct ceno_warden *warden, int on);
/* Sends to the supervisor or api; a peer that is gone is noticed by its own event. */
void ceno_warden_tell_supervisor(struct ceno_warden *warden, uint32_t type, uint64_t value);
void ceno_warden_tell_client(struct ceno_warden *warden, const struct ceno_session_record *record, int fd);
/* Gives the supervisor duplicates of the session's areas: what a recovery warden would need. */
void ceno_warden_share_areas(struct ceno_warden *warden);
/* Leaves the loop. */
void ceno_warden_leave(struct ceno_warden *warden, int status);

/* ---- actions: each returns the next state -------------------------------------- */

enum ceno_state ceno_on_park(struct ceno_warden *w);
enum ceno_state ceno_on_vmm_parked(struct ceno_warden *w);
enum ceno_state ceno_on_launch(struct ceno_warden *w);
enum ceno_state ceno_on_open(struct ceno_warden *w);
enum ceno_state ceno_on_file(struct ceno_warden *w);
enum ceno_state ceno_on_args(struct ceno_warden *w);
enum ceno_state ceno_on_start(struct ceno_warden *w);
enum ceno_state ceno_on_step(struct ceno_warden *w);
enum ceno_state ceno_on_locked(struct ceno_warden *w);
enum ceno_state ceno_on_launched(struct ceno_warden *w);
enum ceno_state ceno_on_exec(struct ceno_warden *w);
enum ceno_state ceno_on_terminal(struct ceno_warden *w);
enum ceno_state ceno_on_trail(struct ceno_warden *w);
enum ceno_state ceno_on_narrow(struct ceno_warden *w);
enum ceno_state ceno_on_narrowed(struct ceno_warden *w);
enum ceno_state ceno_on_narrow_turn(struct ceno_warden *w);
enum ceno_state ceno_on_program(struct ceno_warden *w);
enum ceno_state ceno_on_late_program(struct ceno_warden *w);
enum ceno_state ceno_on_stopped(struct ceno_warden *w);
enum ceno_state ceno_on_late_stop(struct ceno_warden *w);
enum ceno_state ceno_on_refused(struct ceno_warden *w);
enum ceno_state ceno_on_request(struct ceno_warden *w);
enum ceno_state ceno_on_ttl(struct ceno_warden *w);
enum ceno_state ceno_on_abandon(struct ceno_warden *w);
enum ceno_state ceno_on_late(struct ceno_warden *w);
enum ceno_state ceno_on_drained(struct ceno_warden *w);
enum ceno_state ceno_on_vmm_gone(struct ceno_warden *w);
enum ceno_state ceno_on_vmm_failed(struct ceno_warden *w);
enum ceno_state ceno_on_unreapable(struct ceno_warden *w);
enum ceno_state ceno_on_attest_gone(struct ceno_warden *w);
enum ceno_state ceno_on_malformed(struct ceno_warden *w);
enum ceno_state ceno_on_lie(struct ceno_warden *w);

#endif
