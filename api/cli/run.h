/*
 * One `ceno run` in memory, shared by its set-up (run.c) and its loop (run_loop.c).
 *
 *   files checked, proof file prepared -> session.run sent -> launched -> pumping
 *     -> program ended -> session ended (proof) -> streams at their end -> summary
 *
 * A signal asks the node to destroy the session and waits for its proof; a second
 * one gives up waiting (the node destroys the session anyway when we are gone).
 */
#ifndef CENO_API_CLI_RUN_H
#define CENO_API_CLI_RUN_H

#include <uv.h>

#include "client.h"
#include "proof_file.h"
#include "pump.h"
#include "run_files.h"
#include "run_options.h"

struct ceno_run {
	struct ceno_run_options options;
	struct ceno_run_files pack;
	int guest_fds[3]; /* the session's ends of the pipes */
	int our_fds[3];   /* ours, until a pump has them */
	struct ceno_proof_file proof, trail;
	struct ceno_client client;
	json_int_t request_id;
	/* the loop */
	uv_loop_t loop;
	uv_poll_t poll;
	uv_signal_t signals[3], resized;
	uv_timer_t grace, timeout;
	struct ceno_pump pumps[3];
	json_t *program, *ended; /* owned; the first program's end, the session's end */
	char session[33];
	bool launched, connection_gone, destroy_sent, gave_up, timed_out;
	int signal_number;  /* the first signal that asked us to stop; 0 */
	int status;         /* exit status decided by us; -1 none */
	int opening_fd;     /* memfd of 32 bytes; -1 */
	int output_fd;      /* the directory of --output; -1 */
	int output_stream;  /* our end of standard output once more, for --output; -1 */
	int trail_fd;       /* sealed memfd that came with the session's end; -1 */
	bool cut;           /* the session lost stdio */
	bool told;          /* an error line was printed */
	bool output_made;   /* --output made its directory */
	uint32_t left_out;  /* names of the output that were left out */
	bool image_missing; /* the node has no image of this name; to be told */
};

/* Sends nothing: moves bytes and messages until the session and its streams ended,
 * or the connection did. */
void ceno_run_loop(struct ceno_run *run);

/* --output: opens (or makes) the directory, before the node is asked. 0, or -1 (told). */
int ceno_run_output_open(struct ceno_run *run);

/* Closes it; one that was made for a session that never ran is taken away. */
void ceno_run_output_abort(struct ceno_run *run);

/* After the program's end: fetches /out, if that was asked for, waiting for all of it. */
void ceno_run_output_fetch(struct ceno_run *run);

/* One clear line, once; decides the exit status unless it is decided. */
__attribute__((format(printf, 3, 4))) void ceno_run_fail(struct ceno_run *run, int status, const char *format, ...);

#endif
