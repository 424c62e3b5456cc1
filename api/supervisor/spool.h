/*
 * The spool: one fallocated file per session in STATE/spool, where a warden puts
 * its payload when attest cannot take it, and the observations (step 8) that
 * wait until attest is there again.
 *
 *   <session id>.payload   while the session lives, or its payload waits for attest
 *   <session id>.sent      handed to an attest that may still lose it; handed over again at the next start
 *   <session id>.left      of an earlier cenod's session
 *
 * What was left: its warden saw cenod go and destroyed the session, but nobody saw the warden end. If it said that every
 * step was done the next start makes step 8, and that one says so (observer); else the log gets an unclean leaf.
 */
#ifndef CENO_API_SUPERVISOR_SPOOL_H
#define CENO_API_SUPERVISOR_SPOOL_H

#include "attest/proof/wire.h"
#include "node.h"

/* Makes the directory; what earlier cenods left in it waits for ceno_spool_leftovers. 0 or -errno. */
int ceno_spool_open(struct ceno_node *node);

/* A fresh file with its space reserved: descriptor (moved out), or -errno (-ENOSPC: full disk). */
int ceno_spool_create(struct ceno_node *node, const char *name);

/* Removes the file of a session that left nothing in it. */
void ceno_spool_remove(struct ceno_node *node, const char *name);

/* Gives attest the spooled payload (if the warden left one) and then `record`;
 * keeps both for ceno_spool_attest_ready when attest is not there. */
void ceno_spool_observe(struct ceno_node *node, const char *name, int spool_fd, const struct ceno_step8_record *record);

/* attest is ready (again): hands over what waits. */
void ceno_spool_attest_ready(struct ceno_node *node);

/* Ends the sessions an earlier cenod left. One whose warden said into the spool that every step was done gets its step
 * 8, and attest its payload; the others are unclean, and api is told. False when attest is not there to be told, or a
 * warden is still at it (it holds the lock of its spool file); call it again later. */
bool ceno_spool_leftovers(struct ceno_node *node);

#endif
