/*
 * Narrowing a running session; see narrow.h.
 */
#include "narrow.h"
#include "destruction.h"
#include "../../guest-kernel/abi/boot.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#define STDIO           (1u << CENO_PLEDGE_STDIO)
#define STOP_MS         1000
#define DROPPED_OFFSET  ((off_t)offsetof(struct ceno_boot, dropped))
#define RELEASED_OFFSET ((off_t)(CENO_STDIO_GUEST_OFFSET + offsetof(struct ceno_stdio_guest, released)))

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
