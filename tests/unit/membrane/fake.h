/*
 * Membrane on the host: the verbs, the boot page, the window and a program's
 * space, as far as membrane can tell. Its real addresses are mapped in the test
 * process; its code runs unchanged.
 *
 * Whatever membrane does not return from (entering a program, waiting for good,
 * giving up) comes back to the test as an outcome.
 */
#ifndef CENO_TEST_MEMBRANE_FAKE_H
#define CENO_TEST_MEMBRANE_FAKE_H

#include <stddef.h>
#include <stdint.h>

#include "guest-kernel/abi/pack.h"
#include "guest-kernel/abi/verbs.h"
#include "guest-kernel/abi/window.h"

/* ---- what membrane calls (sdk/ceno.h, CENO_ARCH_FAKE) ---------------------- */

struct ceno_message;

int64_t ceno_send(uint32_t slot, int64_t cap_slot, const struct ceno_message *m);
int64_t ceno_spawn_process(uint32_t dst_slot, uint32_t pool_pages);
int64_t ceno_map(uint32_t space_slot, int64_t object_slot, uint64_t gva, uint64_t offset, uint64_t bytes,
                 uint32_t rights);
int64_t ceno_mask(uint32_t slot, uint32_t rights_keep, uint64_t offset, uint64_t length, uint64_t expiry);
int64_t ceno_pledge(uint32_t fiber_slot, uint8_t pledge);
int64_t ceno_tick(uint64_t deadline, int wake_on_window, uint64_t *now);
int64_t ceno_recv_signal(uint32_t slot, int poll);
uint64_t ceno_rdtsc(void);
void fake_doorbell(void);

/* ---- what tests call --------------------------------------------------------- */

enum fake_outcome {
	FAKE_RETURNED, /* the handler returned: the program goes on */
	FAKE_ENTERED,  /* a program was started (or the next one) */
	FAKE_BLOCKED,  /* waits for the host, who will do nothing more */
	FAKE_HALTED,   /* membrane ended itself as asked */
	FAKE_ABORTED   /* membrane gave up: always a failure of the test */
};

#define FAKE_RAM_BYTES (32ull << 20)

/* What the boot page says of the session; changed before fake_boot. */
extern uint32_t fake_pledge;       /* 1 << enum ceno_pledge_class; at first stdio, rw, spawn */
extern uint32_t fake_flags;        /* enum ceno_boot_flag; at first 0 */
extern uint32_t fake_syscall_mode; /* enum ceno_syscall_mode; at first LSTAR */
extern uint32_t fake_terminal;     /* the host page's; at first 0 */

struct fake_file {
	const char *path;
	uint32_t mode;
	const void *data;
	size_t bytes;
};

/* Makes a pack of files and an argument block, boots membrane. argv: NULL-terminated,
 * argv[0] also the program's path. With args NULL, argv is formatted. */
enum fake_outcome fake_boot(const struct fake_file *files, size_t count, const char *const *argv);
enum fake_outcome fake_boot_args(const struct fake_file *files, size_t count, const void *args, size_t bytes);
/* The image of the sessions that are booted from now on: bytes (page multiple), 0 for none. Returns where
 * its bytes are, at first zeros; what is written there shows in the guest at once. */
uint8_t *fake_image(uint64_t bytes);
/* A small static ELF program that can be booted (it is never executed). */
struct fake_file fake_program(const char *path);
/* fake_boot with that program alone, "/bin/p"; aborts the test if it does not enter. */
void fake_start(void);

/* One system call as the program would make it: *result is rax. Checks that every
 * other register is as before. */
enum fake_outcome fake_call(uint64_t number, const uint64_t a[6], int64_t *result);
/* A call of whatever task runs, which keeps its other registers: for tests with several
 * tasks. RETURNED: the same one goes on, at ceno_trap()->resume_rip; ENTERED: another. */
enum fake_outcome fake_go(uint64_t number, const uint64_t a[6]);
#define FAKE_RIP 0x401004ull /* behind the call's instruction */
/* The same for a call that must return; the result. */
int64_t sys6(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
#define SYS_PICK(n, a, b, c, d, e, f, ...) \
	sys6((uint64_t)(n), (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), (uint64_t)(f))
#define sys(...) SYS_PICK(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/* One access of the program, with its faults. access: CENO_RIGHT_READ, _WRITE or
 * _EXECUTE. Returns where the byte is, or NULL with *outcome not FAKE_RETURNED if the
 * program did not survive. */
uint8_t *fake_touch(uint64_t gva, uint32_t access, enum fake_outcome *outcome);
/* Copies through the program's eyes; the test fails if the program may not. */
void fake_poke(uint64_t gva, const void *from, size_t bytes);
void fake_peek(void *to, uint64_t gva, size_t bytes);
/* A fault of another kind, at fake_fault_rip, which is at first 0x401000. */
extern uint64_t fake_fault_rip;
enum fake_outcome fake_fault(uint64_t vector, uint64_t error, uint64_t cr2);

/* A page of fresh program memory, readable and writable, with an unmapped page after. */
uint64_t fake_page(void);
/* A NUL-terminated string in program memory. */
uint64_t fake_string(const char *s);

struct ceno_stdio_host *fake_host(void);
const struct ceno_stdio_guest *fake_guest(void);
uint8_t *fake_window(void);
/* Called when membrane waits for a signal: the host may act; 0: it will not (FAKE_BLOCKED). */
extern int (*fake_on_wait)(void);
extern uint32_t fake_doorbells;
extern uint64_t fake_tsc;
extern uint64_t fake_fpu; /* what the vector registers hold */

/* Pages the program has mapped now; the most RAM pages mapped writable and executable
 * at once is checked on every MAP to be none. */
size_t fake_mapped_pages(void);

#endif
