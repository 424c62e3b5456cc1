/*
 * Sessions as the supervisor sees them: one RAM memfd, one spool file, one pair of
 * warden and vmm with its group (pair.h); and a recovery warden when that warden died
 * before it was done.
 *
 *   SPAWN -> given to a pair -- READY -- DONE, exit --> group removed -> STEP8 -> ENDED
 *                  \                \- exit without DONE -> recovery warden -- WIPED(1|0), exit --> UNCLEAN
 *                   \- the pair ended before READY -> given to another, once
 * A warden that does not end in time, be it one that recovers, is killed; after it recovery is tried, three times in all.
 *
 * The supervisor keeps an unmapped duplicate of the RAM descriptor, so that the
 * memory outlives any warden until a recovery warden has wiped it.
 */
#ifndef CENO_API_SUPERVISOR_SESSION_H
#define CENO_API_SUPERVISOR_SESSION_H

#include <stdint.h>

#include "api/ipc/packet.h"
#include "node.h"
#include "vmm/warden/wire.h"

/* Serves one record from api; every field is checked again here. The reply goes
 * to api. Returns -1 when the record is malformed (api's channel must end). */
int ceno_session_serve(struct ceno_node *node, const void *bytes, size_t length, struct ceno_packet_fds *fds);

/* Tells every warden to destroy its session. */
void ceno_session_stop_all(struct ceno_node *node);

#endif
