/*
 * swtpm as our own child, over two socketpairs: no path, no port, no second
 * client. It is sent SIGKILL when the process that started it ends.
 */
#ifndef CENO_SWTPM_H
#define CENO_SWTPM_H

#include <sys/types.h>

struct ceno_swtpm {
	pid_t pid;   /* 0: not running */
	int data;    /* owned: raw TPM commands (ceno_tpm_open_stream), -1 once moved */
	int control; /* owned: keeps swtpm's control channel open */
};

/*
 * Start swtpm on state_dir (an existing directory; borrowed), which sends itself
 * Startup(CLEAR). Returns CENO_TPM_OK, or CENO_TPM_SPAWN (no swtpm executable in
 * /usr/bin or on PATH, no descriptors; out is then all closed). That swtpm cannot use its directory shows
 * as CENO_TPM_GONE at open. Call from the thread that lives as long as the process.
 */
int ceno_swtpm_start(struct ceno_swtpm *out, const char *state_dir);

/* Close the sockets, let it end by itself for grace_ms, then kill; reap. Blocks. */
void ceno_swtpm_stop(struct ceno_swtpm *child, unsigned grace_ms);

#endif
