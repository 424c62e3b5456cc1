/*
 * The stdio window (abi/window.h): streams, the report, and the host's requests.
 * The host's page is not trusted: an index that claims more than its ring holds
 * makes the stream fail with EIO.
 *
 * The host can take the window for good (abi/boot.h, `dropped`). Streams are then like a terminal that was hung
 * up: the input has ended, output is EIO; nothing is reported, no program follows the one that runs.
 */
#ifndef CENO_MEMBRANE_STDIO_H
#define CENO_MEMBRANE_STDIO_H

#include "membrane.h"

/* The window is mapped (boot.h, prepared spaces), unless it is not pledged: -LX_EIO. Else 0. Once per boot. */
int ceno_stdio_init(void);

/* Bytes read, 0 at the end of input, -LX_EAGAIN: none yet, -LX_EIO. */
int64_t ceno_stdio_read(void *to, uint64_t bytes);
/* Somebody waits for input: the host is told, until some was read. */
void ceno_stdio_want(void);
/* Bytes written, fewer when the ring is full, -LX_EAGAIN: it is, -LX_EPIPE when nobody reads, -LX_EIO.
 * stream: CENO_STREAM_OUT or _ERR. */
int64_t ceno_stdio_write(int stream, const void *from, uint64_t bytes);
/* LX_POLL* bits that hold now. */
uint32_t ceno_stdio_poll(int stream);
/* The terminal that the streams are: rows << 16 | columns; 0: they are none. */
uint32_t ceno_stdio_terminal(void);
/* How many bytes of input are there. */
uint32_t ceno_stdio_pending(void);

/* Blocks until the host signalled the window; counts the time as idle. Does not return
 * when the host wants us to stop now, as the sleep. */
void ceno_stdio_wait(void);
/* Sleeps until the TSC deadline, or the host's signal if wake is set. */
void ceno_stdio_sleep(uint64_t deadline_tsc, int wake);

/* The host's request counter, and how long it wants us to go on. */
uint32_t ceno_stdio_request_seq(void);
enum ceno_shutdown ceno_stdio_shutdown(void);
/* Copies the request area (once) into a buffer of CENO_STDIO_REQUEST_MAX bytes.
 * Returns its length or -LX_EIO. */
int64_t ceno_stdio_request(uint8_t *to);

/* Writes the report of ceno_run in this state and rings the doorbell. */
void ceno_stdio_report(uint32_t state, uint32_t refusal);
/* Stamps the first instruction of the program. */
void ceno_stdio_report_entry(uint64_t tsc);

#endif
