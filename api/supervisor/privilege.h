/*
 * The capabilities of cenod: root, but with those alone that it or a child of it needs, each
 * with its reason. What is given up is out of the bounding set, so no child has it either
 * (a vmm's are those of its own user namespace, over nothing of the host's).
 */
#ifndef CENO_API_SUPERVISOR_PRIVILEGE_H
#define CENO_API_SUPERVISOR_PRIVILEGE_H

#include <linux/capability.h>
#include <stdint.h>

/* X(capability, reason) */
#define CENO_KEPT_CAPABILITIES(X) \
	X(CHOWN, "state directories and the socket get the uids of the services") \
	X(DAC_OVERRIDE, "directories that belong to those uids; a warden writes its vmm's maps") \
	X(FOWNER, "modes of the same directories") \
	X(KILL, "ends children that run under other uids") \
	X(SETGID, "services and wardens get gids of their own") \
	X(SETUID, "the same for uids, and a warden maps its vmm's") \
	X(SETPCAP, "wardens empty their bounding sets") \
	X(SYS_ADMIN, "wardens make namespaces; a service's state directory is mounted for it")

/* 1 << capability of each. */
uint64_t ceno_privilege_kept(void);

/* Gives up all others, for good, and reads it back. Those that the process did not have it does not get.
 * Call it before any child is started, single-threaded. 0 or -errno. */
int ceno_privilege_keep(void);

#endif
