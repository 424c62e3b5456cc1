/*
 * The steps of the jail that have a file of their own. Private to jail*.c.
 * Each returns 0 when the kernel confirmed it, or -1 with errno; where it says so,
 * CENO_JAIL_NOT_OFFERED when this kernel or machine does not have it.
 */
#ifndef CENO_SANDBOX_JAIL_STEPS_H
#define CENO_SANDBOX_JAIL_STEPS_H

#include <sys/types.h>

#include "jail.h"

#define CENO_JAIL_NOT_OFFERED 1

/* Reads a small text file of /proc or /sys before they go out of sight: NUL-terminated, at most
 * size - 1 bytes. Returns the length or -1 with errno. */
ssize_t ceno_jail_read_text(const char *path, char *text, size_t size);

/* Makes an empty read-only tmpfs the root of this mount namespace and detaches
 * everything else; needs CAP_SYS_ADMIN in the user namespace that owns it. */
int ceno_jail_root(void);

/* Closes every descriptor that is not in keep (ascending), then checks type and
 * access mode of the rest; EBADF: one does not match or a required one is closed. */
int ceno_jail_descriptors(const struct ceno_jail_fd *keep, size_t count);

/* The Landlock ABI that the kernel offers, 0: none. */
uint32_t ceno_jail_landlock_abi(void);

/* No IPv4 route, and every interface of the network namespace down. ENETUNREACH: not so. */
int ceno_jail_network(void);

/* No user namespace can be made below this one. May not be offered (/proc/sys read-only). Needs
 * CAP_SYS_RESOURCE in the user namespace. */
int ceno_jail_spaces(void);

/* A core-scheduling cookie of its own, or a host without SMT. May not be offered. */
int ceno_jail_core(void);

/* Indirect branches not predicted from what others did: STIBP, and IBPB when it is switched to. May not be offered. */
int ceno_jail_branches(void);

/* The L1 data cache flushed when it is switched out. May not be offered. */
int ceno_jail_l1d(void);

#endif
