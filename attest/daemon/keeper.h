/*
 * The process that starts swtpm, so that ceno-attest itself never forks or
 * executes anything after its start and its filter can forbid both; and so that
 * the TPM outlives ceno-attest: a proof whose launch an earlier one logged is
 * sealed by the next one under the same TPM, with nothing reset in between.
 *
 *   ceno-attest ---- {KEPT or NEW, a number} -----------> keeper ---- fork, exec ----> swtpm
 *        <------------ the number, its data socket (SCM_RIGHTS) ----
 *
 * KEPT: the swtpm that runs. NEW: end it, whatever it does, and start it again; it
 * resumes (swtpm.h). The keeper's own start is the only TPM Reset. It keeps an end
 * of the data socket, so swtpm sees nothing of attest's death; what a dead attest
 * left in that socket is for the next one to drain (ceno_tpm_open_stream).
 *
 * Who starts it: cenod, as `ceno-attest --keeper`, and hands every ceno-attest its
 * socket as descriptor 4; without that attest forks one for itself, and it ends with
 * attest. When nobody holds its socket any more, swtpm may end by itself for 2 s, then it
 * is killed; then the keeper exits. If who started the keeper is killed, so are both.
 */
#ifndef CENO_ATTEST_KEEPER_H
#define CENO_ATTEST_KEEPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CENO_KEEPER_FD 4 /* in ceno-attest, from cenod */

enum ceno_keeper_verb { CENO_KEEPER_KEPT = 1, CENO_KEEPER_NEW };

struct ceno_keeper_request {
	uint32_t verb, number;
};
struct ceno_keeper_reply {
	uint32_t number, error; /* error: enum ceno_tpm_error, negated; 0: one descriptor comes along */
};

struct ceno_keeper {
	pid_t pid;       /* 0: not ours to end */
	int socket;      /* owned */
	uint32_t number; /* of the last request */
};

/* Use the keeper that cenod handed over; false: descriptor 4 is none. Before anything else is opened. */
bool ceno_keeper_inherited(struct ceno_keeper *keeper);

/* Fork the keeper. state_dir: swtpm's, existing. Call while single-threaded. Returns 0 or -1 (errno). */
int ceno_keeper_start(struct ceno_keeper *keeper, const char *state_dir);

/* The data socket of the running swtpm, or (restart) of a new one. Returns it (the caller's);
 * -1: swtpm could not be started; -2: the keeper is gone, and with it every later answer. Blocks for some ms. */
int ceno_keeper_tpm(struct ceno_keeper *keeper, bool restart);

/* After the data socket was closed: let go of the keeper; one of ours ends with its swtpm, and is reaped. */
void ceno_keeper_stop(struct ceno_keeper *keeper);

/* The whole life of `ceno-attest --keeper`: socket on descriptor 3, swtpm's state in folder/tpm
 * (made if missing). Returns an exit status. */
int ceno_keeper_serve(const char *folder);

/* The keeper's answer: fd (borrowed) goes along unless it is an error. Returns 0, or -1: nobody is there. */
int ceno_keeper_reply(int socket, const struct ceno_keeper_reply *reply, int fd);

#endif
