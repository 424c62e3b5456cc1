/*
 * swtpm as our own child, over two socketpairs: no path, no port, no second
 * client. It is sent SIGKILL when the process that started it ends.
 *
 * Its volatile state (clock, reset count, PCRs) is saved once when it has started.
 * One that dies and is started again resumes from there, as a virtual machine's TPM
 * does after a migration: its clock goes on, nothing was reset. Only a start that
 * asks for it is a TPM Reset, and then what was saved goes first.
 */
#ifndef CENO_SWTPM_H
#define CENO_SWTPM_H

#include <stdbool.h>
#include <sys/types.h>

struct ceno_swtpm {
	pid_t pid;   /* 0: not running */
	int data;    /* owned: raw TPM commands (ceno_tpm_open_stream), -1 once moved */
	int control; /* owned: keeps swtpm's control channel open */
};

/*
 * Start swtpm on state_dir (an existing directory; borrowed). reset: by Startup(CLEAR), else it
 * resumes what the last start in this directory saved (a reset if it could save nothing).
 * Blocks until it answers, at most 5 s. Returns CENO_TPM_OK, or CENO_TPM_SPAWN (no swtpm
 * executable in /usr/bin or on PATH, no descriptors, it cannot use its directory; out is then all
 * closed). Call from the thread that lives as long as the process.
 */
int ceno_swtpm_start(struct ceno_swtpm *out, const char *state_dir, bool reset);

/* Has it ended (and was reaped)? True too if it was never started. */
bool ceno_swtpm_ended(struct ceno_swtpm *child);

/* Close the sockets, let it end by itself for grace_ms, then kill; reap. Blocks. */
void ceno_swtpm_stop(struct ceno_swtpm *child, unsigned grace_ms);

#endif
