/*
 * The recovery warden: a session's own warden died, its RAM memfd did not.
 */
#ifndef CENO_WARDEN_RECOVERY_H
#define CENO_WARDEN_RECOVERY_H

#include "wire.h"

/*
 * Kills the orphaned vmm, if launch->vmm_pid names one that still is it, then
 * overwrites, reads back, zeroes, seals and compares CENO_WARDEN_FD_RAM, and
 * overwrites and reads back the areas (windows, pack, boot page: count memfds, borrowed).
 * Returns 1 wiped and checked, 0 not proven. Blocks; at most about 10 s for the kill.
 */
int ceno_recovery_wipe(const struct ceno_supervisor_launch *launch, int *areas, unsigned count);

#endif
