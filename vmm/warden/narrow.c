/*
 * Narrowing a running session; see narrow.h.
 */
#include "narrow.h"
#include "destruction.h"
#include "warden.h"
#include "../../guest-kernel/abi/boot.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#define STDIO           (1u << CENO_PLEDGE_STDIO)
#define TURN_MS         5u
#define TURNS           200u /* a second */
#define STOP_MS         1000
#define DROPPED_OFFSET  ((off_t)offsetof(struct ceno_boot, dropped))
#define RELEASED_OFFSET ((off_t)(CENO_STDIO_GUEST_OFFSET + offsetof(struct ceno_stdio_guest, released)))

/* ---- the session -------------------------------------------------------------------- */

int ceno_narrow_tell(struct ceno_session *session, uint32_t classes)
{
	uint32_t dropped = session->dropped | classes;
	if (pwrite(session->material.boot, &dropped, sizeof dropped, DROPPED_OFFSET) != (ssize_t)sizeof dropped)
		return -EIO;
	session->dropped = dropped;
	session->statement.isolation.pledge_mask &= ~(classes & CENO_PLEDGE_POSIX);
	return 0;
}

int ceno_narrow_released(const struct ceno_session *session)
{
	uint32_t released;
	return pread(session->material.stdio, &released, sizeof released, RELEASED_OFFSET) ==
	    (ssize_t)sizeof released &&
	    released == 1;
}

/* Overwritten and read back whole, then without a byte; else as it was. */
static int wipe_and_truncate(int window, struct ceno_area_result *result)
{
	struct stat st;
	int rc = ceno_area_wipe(window, result);
	if (rc < 0 || result->mismatches)
		return rc < 0 ? rc : -EIO;
	if (ftruncate(window, 0) < 0 || fstat(window, &st) < 0)
		return -errno;
	return st.st_size || st.st_blocks ? -EIO : 0;
}

int ceno_narrow_take(struct ceno_session *session)
{
	struct ceno_area_result result;
	int rc = ceno_child_stop(&session->vmm, STOP_MS);
	if (rc == 0)
		rc = wipe_and_truncate(session->material.stdio, &result);
	if (rc < 0)
		return rc;
	ceno_destroy_note_area(&session->statement.filesystem, CENO_PROOF_AREA_WINDOW, CENO_PLEDGE_STDIO, &result);
	session->statement.isolation.pledge_mask &= ~STDIO;
	ceno_session_close_fd(session, &session->material.stdio);
	return ceno_child_continue(&session->vmm);
}

/* ---- actions -------------------------------------------------------------------------- */

static enum ceno_state answer(struct ceno_warden *w)
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
	if (w->session.material.stdio < 0 || !(w->session.dropped & STDIO))
		return answer(w);
	if (w->narrowing.turns)
		return CENO_STATE_ACTIVE;
	(void)ceno_record_send(w->session.control, &narrow, sizeof narrow, NULL, 0, NULL, 0); /* or it ends by SIGBUS */
	w->narrowing.turns = 1;
	ceno_warden_deadline(w, TURN_MS);
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
	if (w->narrowing.turns++ < TURNS && !(w->narrowing.vmm_let_go && ceno_narrow_released(&w->session))) {
		ceno_warden_deadline(w, TURN_MS);
		return CENO_STATE_ACTIVE;
	}
	int rc = ceno_narrow_take(&w->session);
	if (rc == -ESRCH)
		return CENO_STATE_ACTIVE; /* it has ended by itself: how, its last record and its pidfd say */
	return rc < 0 ? ceno_on_lie(w) : answer(w);
}
