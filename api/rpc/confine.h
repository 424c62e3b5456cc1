/*
 * Giving up what ceno-api does not need once its ledger is open: the file system
 * outside its state directory (Landlock, where the kernel has it), then every
 * system call its loop and SQLite do not make: no exec, no new socket, no device.
 */
#ifndef CENO_API_RPC_CONFINE_H
#define CENO_API_RPC_CONFINE_H

/* Confines the calling process for good. 0, or -errno after `*step` (static) was
 * set to what failed. `state`: the only directory that stays reachable. */
int ceno_api_confine(const char *state, const char **step);

#endif
