/*
 * Moves one stream: from a descriptor to another on the loop, one buffer, with
 * backpressure (nothing is read while the buffer is not written out).
 *
 * The caller's own 0, 1 and 2 are never made non-blocking: pipes and terminals
 * are opened anew, regular files are used as they are, and where neither is
 * possible (sockets) the flags are put back at the end.
 */
#ifndef CENO_API_CLI_PUMP_H
#define CENO_API_CLI_PUMP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define CENO_PUMP_BYTES 65536u

struct ceno_pump_end {
	int fd;
	bool owned;  /* close it at the end */
	bool polled; /* else always ready */
	bool ready;
	int saved_flags; /* to be put back; -1 none */
	uv_poll_t poll;
};

struct ceno_pump {
	struct ceno_pump_end from, to;
	uv_idle_t more; /* both ends always ready: go on in the next turn */
	uint8_t buffer[CENO_PUMP_BYTES];
	size_t have, at;
	uint64_t bytes; /* moved */
	bool eof, done, closed;
	bool last; /* what lies in the pipe is all that is still to be moved: at most `left` bytes */
	size_t left;
	int error; /* errno of the write that failed (EPIPE: nobody reads), or of the read; 0 */
	bool error_reading;
	unsigned open_handles;
	void *owner;                             /* borrowed */
	void (*on_done)(struct ceno_pump *pump); /* once: end of input, or an error */
};

/* Starts moving. `inner` is our end of a session's pipe (moved in), `outer` one of
 * 0, 1, 2 (borrowed); `inward`: from outer to inner. 0 or -errno (inner closed). */
int ceno_pump_start(uv_loop_t *loop, struct ceno_pump *pump, int outer, int inner, bool inward,
                    void (*on_done)(struct ceno_pump *pump), void *owner);

/* Ends at what lies in the session's pipe by now (no more than a pipe holds, whoever goes on writing). */
void ceno_pump_last(struct ceno_pump *pump);

/* Closes both ends; the struct is busy until the loop ran. on_done does not come any more. */
void ceno_pump_close(struct ceno_pump *pump);

#endif
