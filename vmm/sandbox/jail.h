/*
 * The jail of ceno-vmm: what the process gives up, in order, before it touches
 * KVM or reads one byte that a guest or a client chose.
 *
 * The warden has already put the process into its cgroup and into new user,
 * mount, PID, IPC, UTS, network and cgroup namespaces, has written the uid map
 * and executed ceno-vmm with an empty environment (vmm/warden/spawn.h). What is
 * left is done here, from inside, and each step is read back: a step counts
 * only when the kernel confirms it. The system call filter comes later, after
 * KVM and threads are set up (vmm/sandbox, lock), and is not part of this file.
 *
 * One-way: there is no leave. A failed step leaves the process half-jailed, so
 * the caller must exit.
 */
#ifndef CENO_SANDBOX_JAIL_H
#define CENO_SANDBOX_JAIL_H

#include <stddef.h>
#include <stdint.h>

/* Steps in the order they are taken; numbers are stable (they reach the warden
 * and the user's error line), so a later one has a number out of order. */
#define CENO_JAIL_STEPS(X) \
	X(MAPS, 0, "user namespace with one mapped uid and gid, setgroups denied") \
	X(ENVIRONMENT, 1, "empty environment") \
	X(SESSION, 2, "own session and no controlling terminal") \
	X(KEYRING, 3, "new session keyring") \
	X(HOSTNAME, 4, "random host name") \
	X(NETWORK, 15, "no route, and no network interface that is up") \
	X(SPACES, 16, "no further user namespace") \
	X(CORE, 17, "a processor core shared with nobody else") \
	X(BRANCHES, 18, "indirect branches predicted from nobody else's") \
	X(L1D, 19, "L1 data cache flushed when switched out") \
	X(ROOT, 5, "root is an empty read-only tmpfs") \
	X(DESCRIPTORS, 6, "only the descriptors of the table, each of the right type") \
	X(LIMITS, 7, "resource limits") \
	X(SECUREBITS, 8, "secure bits set and locked") \
	X(BOUNDING, 9, "empty bounding and ambient capability sets") \
	X(CAPABILITIES, 10, "no capabilities") \
	X(NO_NEW_PRIVS, 11, "no new privileges") \
	X(LANDLOCK, 12, "Landlock without a single rule") \
	X(DEATH_SIGNAL, 13, "killed with its warden") \
	X(DUMPABLE, 14, "not dumpable")

enum ceno_jail_step {
#define CENO_JAIL_ENUM(name, number, text) CENO_JAIL_##name = number,
	CENO_JAIL_STEPS(CENO_JAIL_ENUM)
#undef CENO_JAIL_ENUM
};

enum {
#define CENO_JAIL_ONE(name, number, text) +1
	CENO_JAIL_STEP_COUNT = 0 CENO_JAIL_STEPS(CENO_JAIL_ONE)
#undef CENO_JAIL_ONE
};

/* What not every kernel and machine can give: a node says which of them it requires. */
#define CENO_JAIL_OPTIONAL \
	(1u << CENO_JAIL_LANDLOCK | 1u << CENO_JAIL_SPACES | 1u << CENO_JAIL_CORE | 1u << CENO_JAIL_BRANCHES | \
	 1u << CENO_JAIL_L1D)
#define CENO_JAIL_REQUIRED (((1u << CENO_JAIL_STEP_COUNT) - 1) & ~CENO_JAIL_OPTIONAL)

/* What a kept descriptor may be; a descriptor that is not listed is closed, a
 * listed one that is open must match or the jail fails with EBADF. */
enum ceno_jail_type {
	CENO_JAIL_FD_STREAM,    /* pipe, socket, regular file or character device: the program's stream */
	CENO_JAIL_FD_SOCKET,    /* AF_UNIX SOCK_SEQPACKET */
	CENO_JAIL_FD_KVM,       /* character device 10:232 */
	CENO_JAIL_FD_MEMORY_RO, /* memfd or regular file, O_RDONLY */
	CENO_JAIL_FD_MEMORY_RW  /* memfd, O_RDWR */
};

struct ceno_jail_fd {
	int fd;
	enum ceno_jail_type type;
	int required; /* 0: may be closed */
};

struct ceno_jail_options {
	const struct ceno_jail_fd *keep; /* borrowed, ascending by fd */
	size_t keep_count;
	int control_fd;            /* of the warden: checked for hang-up after the death signal is set; -1 none */
	uint64_t descriptor_limit; /* RLIMIT_NOFILE from then on */
};

struct ceno_jail_result {
	uint32_t done;         /* 1 << enum ceno_jail_step, applied and read back */
	uint32_t landlock_abi; /* as the kernel offers, 0: none */
	int32_t failed_step;   /* enum ceno_jail_step, -1: none */
	int32_t error;         /* errno of it */
};

/*
 * Takes every step in order. Blocks for the mounts only (about 2 ms). Call it
 * single-threaded, before any other thread exists and before any input is read.
 * result: always filled, also on failure.
 * Returns 0, or -1 when a required step failed (result->failed_step and error
 * say which and why); the process must then exit.
 */
int ceno_jail_enter(const struct ceno_jail_options *options, struct ceno_jail_result *result);

/* 1 << enum ceno_jail_step for each of CENO_JAIL_OPTIONAL that this kernel and machine offer, by looking
 * and without taking one. Any time. */
uint32_t ceno_jail_offers(void);

/* Is an open descriptor what it should be, by the kernel's word (fstat, F_GETFL, SO_TYPE)?
 * 0, or -1 with errno (EBADF: closed, O_PATH, or of another type or access mode). Any time. */
int ceno_jail_check_fd(const struct ceno_jail_fd *want);

/*
 * Restricts the calling process by a Landlock ruleset that allows nothing of what
 * the kernel's ABI can handle, and reads it back; the warden uses this step too.
 * abi: set to what the kernel offers, 0 if nothing. may_signal: 1 leaves signals to
 * processes outside of the domain allowed. Needs no_new_privs or CAP_SYS_ADMIN.
 * Returns 0, or -1 with errno (and *abi 0 if the kernel has no Landlock).
 */
int ceno_jail_landlock(uint32_t *abi, int may_signal);

/* Text of a step, "" for a number that is none. Static storage. */
const char *ceno_jail_step_text(int step);

#endif
