/*
 * The steps of the jail that have a file of their own. Private to jail*.c.
 * Each returns 0 when the kernel confirmed it, or -1 with errno.
 */
#ifndef CENO_SANDBOX_JAIL_STEPS_H
#define CENO_SANDBOX_JAIL_STEPS_H

#include "jail.h"

/* Makes an empty read-only tmpfs the root of this mount namespace and detaches
 * everything else; needs CAP_SYS_ADMIN in the user namespace that owns it. */
int ceno_jail_root(void);

/* Closes every descriptor that is not in keep (ascending), then checks type and
 * access mode of the rest; EBADF: one does not match or a required one is closed. */
int ceno_jail_descriptors(const struct ceno_jail_fd *keep, size_t count);

#endif
