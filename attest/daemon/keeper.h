/*
 * The process that starts swtpm, so that ceno-attest itself never forks or
 * executes anything after its start and its filter can forbid both.
 *
 *   ceno-attest ---- one byte: a new swtpm, please ----> keeper ---- fork, exec ----> swtpm
 *        <------------ its data socket (SCM_RIGHTS) ------
 *
 * EOF from attest: swtpm may end by itself (it does when the data socket closes),
 * after 2 s it is killed; then the keeper exits. If attest is killed, so are both.
 */
#ifndef CENO_ATTEST_KEEPER_H
#define CENO_ATTEST_KEEPER_H

#include <sys/types.h>

struct ceno_keeper {
	pid_t pid;
	int socket;
}; /* socket owned */

/* Fork the keeper. state_dir: swtpm's, existing. Call while single-threaded. Returns 0 or -1 (errno). */
int ceno_keeper_start(struct ceno_keeper *keeper, const char *state_dir);

/* End a running swtpm and start a new one. Returns its data socket (the caller's), or -1. Blocks for some ms. */
int ceno_keeper_new_tpm(struct ceno_keeper *keeper);

/* After the data socket was closed: let swtpm and keeper end, and reap the keeper. */
void ceno_keeper_stop(struct ceno_keeper *keeper);

#endif
