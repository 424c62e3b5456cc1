/*
 * The stdio window's host side: moves bytes between the program's streams and
 * the rings, and reads the program's report.
 *
 * Descriptors are non-blocking or never block (a file); a stream that would
 * block is polled by the loop and tried again. No allocation after init.
 *
 *   stream in:   OPEN --end of input--> CLOSED      (bit IN of `closed` tells the guest)
 *   stream out:  OPEN --EPIPE--> CLOSED             (further output is taken and discarded)
 *   all three:   --let go of--> GONE                (nothing here reads or writes the window any more)
 */
#ifndef CENO_VMM_STDIO_H
#define CENO_VMM_STDIO_H

#include <stdbool.h>
#include <uv.h>

#include "guest-kernel/abi/window.h"
#include "vmm/windows/name.h"
#include "vmm/windows/ring.h"

/* The guest page's report, copied once and range-checked. All fields are the guest's word. */
struct ceno_program_report {
	uint32_t state, seq, exit_status, signal, refusal, out_of_memory;
	uint32_t end, detail, restarts; /* native programs */
	uint64_t entry_tsc, done_tsc, syscalls, faults, ram_peak_bytes;
	uint32_t missing; /* 1 << enum ceno_pledge_class */
	uint32_t enosys_distinct, enosys_other;
	struct {
		uint32_t number, count;
		char program[CENO_PROGRAM_NAME];
	} enosys[CENO_ENOSYS_SLOTS];
};

struct ceno_stdio;

struct ceno_stdio_events {
	/* A program ended or was refused (once per seq). */
	void (*program)(void *owner, const struct ceno_program_report *report);
	/* The guest wrote what no honest guest writes. No further call comes. */
	void (*lie)(void *owner);
	/* Both output rings are empty. */
	void (*drained)(void *owner);
};

struct ceno_stdio_stream {
	struct ceno_stdio *stdio;
	struct ceno_ring ring;
	int fd;        /* borrowed */
	bool pollable; /* false: a file, never blocks */
	bool waiting;  /* armed in the loop */
	bool closed;
	uv_poll_t poll;
};

struct ceno_stdio {
	uint8_t *window; /* borrowed: CENO_STDIO_BYTES, shared with the guest */
	int irq_fd;      /* borrowed: eventfd that interrupts the guest */
	bool lied;
	bool gone; /* let go of: the window is not touched any more */
	uint32_t closed_bits;
	bool ends_after;       /* the host page says CENO_SHUTDOWN_AFTER from the start */
	uint32_t asked_seq;    /* programs asked for so far; the first is in the pack */
	uint32_t reported_seq; /* last program reported as done or refused */
	struct ceno_stdio_stream stream[CENO_STREAMS];
	const struct ceno_stdio_events *events;
	void *owner; /* passed to events */
};

/* Prepare the window's host page and the streams' pollers (sets O_NONBLOCK on what
 * can be polled). window, fd and irq_fd are borrowed until ceno_stdio_close.
 * request_seq and request_bytes of the host page are left to whoever asks for
 * programs. 0 or a negative errno. */
int ceno_stdio_init(struct ceno_stdio *stdio, uv_loop_t *loop, void *window, const int fd[CENO_STREAMS], int irq_fd,
                    const struct ceno_stdio_events *events, void *owner);

/* Move whatever can be moved, read the report, arm pollers for the rest. Called on
 * the doorbell, on pollers, and once at the start. */
void ceno_stdio_pump(struct ceno_stdio *stdio);

/* Stop reading input; pump output only. */
void ceno_stdio_end_input(struct ceno_stdio *stdio);

/* One more program was asked for in the host page: tell the guest. */
void ceno_stdio_request(struct ceno_stdio *stdio);

/* Ask the guest to stop by itself. */
void ceno_stdio_shutdown(const struct ceno_stdio *stdio);

/* Whether it was told before it began to stop after its programs, and all of them have ended. */
bool ceno_stdio_ends(const struct ceno_stdio *stdio);

/* Never touch the window again, nor wait for a stream: it is about to be taken. */
void ceno_stdio_let_go(struct ceno_stdio *stdio);

/* Tell the guest that something in the host page changed. */
void ceno_stdio_signal(const struct ceno_stdio *stdio);

/* Copy the report out of the guest page. Returns 0, or -EPROTO if a field is out of
 * range; *report is then unspecified. */
int ceno_stdio_read_report(const void *window, struct ceno_program_report *report);

/* Close the pollers; they are gone when the loop has run once more. */
void ceno_stdio_close(struct ceno_stdio *stdio);

#endif
