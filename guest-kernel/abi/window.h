/*
 * The stdio window: rings for the three streams, the program's report, and the
 * requests of the host. Other pledge classes get windows of their own shape.
 *
 * Either side treats the other's pages as hostile: read each index once, take
 * it modulo nothing, refuse it if it claims more than the ring holds. Indices
 * are free-running u32 counters; data byte i lies at i & (bytes - 1).
 *
 *   offset 0x0000  host page   (guest only reads: struct ceno_stdio_host)
 *          0x1000  guest page  (host only reads:  struct ceno_stdio_guest)
 *          0x10000 request     argument block of the next program (pack.h, ".args")
 *          0x20000 stdin ring   host produces,  guest consumes
 *          0x40000 stdout ring  guest produces, host consumes
 *          0x60000 stderr ring  guest produces, host consumes
 *
 * Doorbells: the guest stores any u32 to the class's doorbell page when a ring
 * it produces goes from empty to non-empty, when a ring it consumes goes from
 * full to not full, and when its report's state changes. The host signals the
 * irqfd (vector CENO_VECTOR_WINDOW) likewise.
 *
 * A window can be taken while the session runs: the boot page's `dropped` says so first, and the
 * irqfd is signalled. When the guest has answered by `released`, and after a second in any case, there is no
 * memory behind the window any more: whoever touches it then ends the session.
 */
#ifndef CENO_ABI_WINDOW_H
#define CENO_ABI_WINDOW_H

#include "layout.h"

#define CENO_STDIO_MAGIC 0x314f4944544f4e43ull /* "CNOTDIO1" */
#define CENO_STDIO_BYTES 0x80000u
/* Only the stdio window has a shape yet; others are as large as their span allows,
 * whose last page is the doorbell. */
#define CENO_WINDOW_BYTES(class) ((class) == CENO_PLEDGE_STDIO ? (uint64_t)CENO_STDIO_BYTES : CENO_LARGE_PAGE - CENO_PAGE)
#define CENO_STDIO_HOST_OFFSET    0x0000u
#define CENO_STDIO_GUEST_OFFSET   0x1000u
#define CENO_STDIO_REQUEST_OFFSET 0x10000u
#define CENO_STDIO_REQUEST_MAX    0x10000u
#define CENO_STDIN_OFFSET  0x20000u
#define CENO_STDIN_BYTES   0x20000u
#define CENO_STDOUT_OFFSET 0x40000u
#define CENO_STDOUT_BYTES  0x20000u
#define CENO_STDERR_OFFSET 0x60000u
#define CENO_STDERR_BYTES  0x20000u

enum { CENO_STREAM_IN, CENO_STREAM_OUT, CENO_STREAM_ERR, CENO_STREAMS };

/* How long the guest goes on. Its services end by themselves and leave a sealed trail (trail.h). */
enum ceno_shutdown {
	CENO_SHUTDOWN_NOT,
	CENO_SHUTDOWN_AFTER,          /* until the programs asked for have ended */
	CENO_SHUTDOWN_NOW             /* it stops, whatever runs */
};

struct ceno_stdio_host {
	uint64_t magic;
	uint32_t abi_version;
	uint32_t index[CENO_STREAMS]; /* [IN] producer; [OUT], [ERR] consumer */
	uint32_t closed;              /* bit IN: end of input after index[IN]; bit OUT, ERR: nobody reads */
	uint32_t request_seq;         /* number of programs asked for; 1 = the one in the pack */
	uint32_t request_bytes;       /* length of the request area for request_seq > 1 */
	uint32_t shutdown;            /* enum ceno_shutdown; only ever rises */
	uint32_t terminal;            /* the streams are a terminal's: rows << 16 | columns, which may change; 0: no */
	uint32_t reserved[1013];
};
_Static_assert(sizeof(struct ceno_stdio_host) == 4096, "host page");

enum ceno_program_state {
	CENO_PROGRAM_NONE,            /* booting */
	CENO_PROGRAM_RUNNING,
	CENO_PROGRAM_DONE,            /* status and signal are valid for done_seq */
	CENO_PROGRAM_REFUSED          /* refusal says why it could not start */
};

/* Why a program could not be started. detail says it in Linux's words, as an errno; of a native file, see there. */
enum ceno_refusal {
	CENO_REFUSAL_NONE,
	CENO_REFUSAL_NOT_FOUND,       /* no such program in the pack */
	CENO_REFUSAL_NOT_ELF,
	CENO_REFUSAL_DYNAMIC,         /* its interpreter is missing, or no program itself */
	CENO_REFUSAL_BAD_ELF,         /* malformed, wrong machine, or segments not mappable */
	CENO_REFUSAL_ARGS,            /* argument block malformed or too long */
	CENO_REFUSAL_MEMORY,          /* does not fit into the session's RAM */
	CENO_REFUSAL_NATIVE,          /* no good native file; detail: enum ceno_native_error */
	CENO_REFUSAL_NOT_EXECUTABLE,  /* it is there, but is no file that may be executed */
	CENO_REFUSAL_WORKDIR          /* the working directory is none, and cannot be made */
};

/* How a native program ended that did not report its own end. signal is then what a
 * Linux program's would be: 11, or 9. */
enum ceno_program_end {
	CENO_END_ITSELF,
	CENO_END_CRASHED,             /* detail: vector (SDM vol. 3, 6.15) of the last crash */
	CENO_END_STRUCK               /* detail: strikes it had, at most 255 */
};

#define CENO_ENOSYS_SLOTS 64
#define CENO_PROGRAM_NAME 16      /* bytes of a program's name, with its NUL */

struct ceno_stdio_guest {
	uint64_t magic;
	uint32_t abi_version;
	uint32_t index[CENO_STREAMS]; /* [IN] consumer; [OUT], [ERR] producer */
	uint32_t state;               /* enum ceno_program_state, of program `seq` */
	uint32_t seq;
	uint32_t exit_status;         /* 0-255 when signal is 0 */
	uint32_t signal;              /* terminating signal number or 0 */
	uint32_t refusal;             /* enum ceno_refusal */
	uint32_t out_of_memory;       /* non-zero: it, or a process of it, was killed because RAM ran out */
	uint32_t end;                 /* enum ceno_program_end */
	uint32_t detail;              /* 0-255, see there and refusal */
	uint64_t entry_tsc;           /* TSC at the program's ELF entry */
	uint64_t done_tsc;
	uint64_t syscalls;            /* system calls served */
	uint64_t faults;              /* page faults served */
	uint64_t ram_peak_bytes;      /* RAM the program held at most */
	uint32_t enosys_distinct;     /* entries used below */
	uint32_t enosys_other;        /* calls that found the table full */
	struct { uint32_t number, count; } enosys[CENO_ENOSYS_SLOTS]; /* by call and program */
	uint32_t wants_in;            /* guest is blocked reading stdin */
	uint32_t restarts;            /* of a native program: 0-65535 */
	char     enosys_program[CENO_ENOSYS_SLOTS][CENO_PROGRAM_NAME]; /* who made the call; not trusted to be text */
	uint32_t missing;             /* 1 << enum ceno_pledge_class that programs needed and did not have */
	uint32_t released;            /* 1: the guest saw that the class is dropped (boot.h), and is done with the window */
	uint8_t  reserved[4096 - 104 - (8 + CENO_PROGRAM_NAME) * CENO_ENOSYS_SLOTS - 16];
};
_Static_assert(sizeof(struct ceno_stdio_guest) == 4096, "guest page");

#endif
