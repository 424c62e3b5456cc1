/*
 * A child process on a libuv loop: started with a fixed descriptor table from
 * descriptor 3 up, an empty environment and its own session; watched by pidfd.
 *
 * Executables are opened once when the node starts and run by descriptor, so a
 * file replaced later on disk is never what a later session runs.
 */
#ifndef CENO_API_SUPERVISOR_CHILD_H
#define CENO_API_SUPERVISOR_CHILD_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#define CENO_CHILD_FDS_MAX 24

struct ceno_child_spec {
	int executable;          /* borrowed descriptor of an ELF file */
	const char *const *argv; /* NULL-terminated, borrowed */
	const int *fds;          /* child's descriptors 3, 4, ...; -1: closed there; borrowed */
	unsigned fd_count;
	const char *home, *home_at; /* or NULL: a mount namespace of its own in which folder `home` is
	                                   also at `home_at`, so that uid needs no way to it; borrowed */
	uid_t uid;                  /* 0: stays root; else uid and gid, no groups, no_new_privs */
};

struct ceno_child {
	uv_poll_t poll;
	pid_t pid; /* 0: not running */
	int pidfd; /* owned */
	int wait_status;
	void *owner;                               /* borrowed, for the callback */
	void (*on_exit)(struct ceno_child *child); /* once, with wait_status set and the child reaped */
};

/* Starts a child. 0 or -errno; an exec that fails is an exit with status 127. */
int ceno_child_start(uv_loop_t *loop, struct ceno_child *child, const struct ceno_child_spec *spec,
                     void (*on_exit)(struct ceno_child *child), void *owner);

/* Sends a signal by pidfd; nothing if it ended. */
void ceno_child_signal(struct ceno_child *child, int signal_number);

#endif
