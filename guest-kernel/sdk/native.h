/*
 * The runtime of native programs (abi/native.h says what one starts with). A program
 * defines main; what it returns is the session's exit status.
 *
 *     #include "sdk/native.h"
 *
 *     int main(int argc, char **argv)
 *     {
 *             ceno_print("hello, %s\n", argc > 1 ? argv[1] : "world");
 *             return 0;
 *     }
 *
 * Everything here is paid for in joules where it uses a verb (abi/verbs.h); printing
 * and reading use none but where they wait. There is no libc, no errno: functions return an enum ceno_verb_error below 0.
 *
 * Slots below SLOT_NATIVE_FREE and the addresses of layout.h and of this file are taken.
 */
#ifndef CENO_SDK_NATIVE_H
#define CENO_SDK_NATIVE_H

#include <stddef.h>
#include <stdint.h>
#include "../abi/native.h"
#include "ceno.h"

#define SLOT_NATIVE_FREE CENO_SLOT_FIRST_FREE /* up to 63: the program's own */
#define CENO_GVA_PROGRAM 0x20000000ull        /* where its own file is mapped, once a fiber is made */
/* CENO_GVA_RAM (layout.h): what ceno_ram gives; CENO_GVA_PACK: the session's files */

/*
 * What the program asks for: once, in any source file; without it no state, 2000 J a
 * refill, MATTER, three restarts. state_bytes: page multiple, at CENO_GVA_STATE.
 * budget: joules, 0 the default. spectrum: enum ceno_spectrum. restarts: after a crash.
 */
#define CENO_NATIVE(state, joules, spectrum_, restarts) \
	__attribute__((section(CENO_NATIVE_SECTION), \
	               used)) static const struct ceno_native_wants ceno_native_wants_here = { \
		CENO_NATIVE_WANTS_MAGIC, (state), (joules), (spectrum_), (restarts), { 0 } \
	}

/* The program's. argv[argc] is NULL; at most 255 arguments. */
int main(int argc, char **argv);

/* Ends the program: what was printed is given out, the status (its low 8 bits)
 * reported. Its fibers end with it. */
_Noreturn void ceno_exit(int status);

/* ---- streams: of the program's first fiber, which alone has the window ---- */

/* Waits until all of it is in the ring. stream: CENO_STREAM_OUT or _ERR. Returns bytes,
 * fewer if nobody reads any more, or if the session loses stdio (ceno narrow). */
size_t ceno_write(int stream, const void *from, size_t bytes);

/* Waits for at least one byte; 0: the input ended, or the session lost stdio. */
size_t ceno_read(void *to, size_t bytes);

/* To the output, given out at the end of each line: %s %c %d %u %x, with l or ll before
 * d u x, and %%. Lines above 256 bytes are given out in parts. */
__attribute__((format(printf, 1, 2))) void ceno_print(const char *format, ...);

/* ---- files and memory ---- */

/* An input of the session ("/in/patients.csv"), mapped read-only; NULL: no such file. */
const void *ceno_input(const char *path, uint64_t *bytes);

/* Zeroed memory, never given back; NULL: the session has no more. bytes: any. */
void *ceno_ram(uint64_t bytes);

/* The same, and where it lies in CENO_SLOT_RAM (to map it into a fiber, or for a region). */
void *ceno_ram_at(uint64_t bytes, uint64_t *offset);

/* ---- time ---- */

/* Nanoseconds since 1970, as the host had it at the session's start; never goes back. */
uint64_t ceno_now_ns(void);

/* TSC cycles in so many nanoseconds (below about 4 s an error of under 1 ns a second). */
uint64_t ceno_ns_to_tsc(uint64_t ns);
void ceno_sleep_ns(uint64_t ns);

/* ---- fibers ---- */

/*
 * A new fiber of this program: same code and constants, its own variables as they were
 * at the program's start, 16 KiB of stack, an otherwise empty space, and no capability
 * but one that lets it end; grant it what it needs, then ceno_fiber_go. It ends when
 * `run` returns. It has no streams: ceno_print in it faults.
 *
 * slot: for its capability, null. pledge, spectrum, budget, pool_pages (128 are enough
 * for what is said here): as SPAWN. events_slot: a channel that hears of its end; with 0
 * its fault ends the session.
 * Needs --pledge spawn. Returns its index, or what SPAWN, MAP or GRANT said; RAM used up: POOL.
 */
struct ceno_native_fiber {
	uint32_t slot;
	uint8_t pledge, spectrum, events_slot;
	uint32_t budget, pool_pages;
	uint32_t self_rights; /* in its capability to itself: 0, or SPAWN, MAP */
	void (*run)(uint64_t argument);
	uint64_t argument;
};
int64_t ceno_fiber_make(const struct ceno_native_fiber *f);

static inline int64_t ceno_fiber_go(uint32_t slot)
{
	return ceno_send(slot, -1, &(struct ceno_message){ { 0 } });
}

/* Closes a slot, also where that takes several steps. */
void ceno_close(uint32_t slot);

#endif
