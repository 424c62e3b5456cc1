/*
 * A test service in membrane's place: makes a process, runs a few instructions
 * in it, and exercises the entry paths and the refusals of MAP from ring 3.
 *
 * Each check that fails ends the session with its line number as the program's
 * exit status; 0 means every one held. The counts of ring-0 instructions
 * (tests/guest/ring0.table) are taken while this runs.
 */
#include "sdk/ceno.h"

#define SLOT_PROCESS (CENO_SLOT_FIRST_FREE + 1)
#define SLOT_OTHER   (CENO_SLOT_FIRST_FREE + 2)
#define SLOT_RING    (CENO_SLOT_FIRST_FREE + 3)
#define STDIO        (CENO_SLOT_WINDOW + CENO_PLEDGE_STDIO)
#define WINDOW_GVA   (CENO_GVA_WINDOW + CENO_PLEDGE_STDIO * CENO_LARGE_PAGE)
#define DOORBELL_GVA (WINDOW_GVA + CENO_LARGE_PAGE - CENO_PAGE)
#define SCRATCH_GVA  0x40000000ull
#define LARGE_GVA    0xc0000000ull /* where a table of 2 MiB entries begins */
#define CODE_GVA     0x400000ull
#define DATA_GVA     0x600000ull
#define NULL_CALLS   4

static const uint32_t R = CENO_RIGHT_READ, W = CENO_RIGHT_WRITE, X = CENO_RIGHT_EXECUTE, M = CENO_RIGHT_MAP;

static uint32_t calls, faults, ticks;

static struct ceno_stdio_guest *report(void)
{
	return (struct ceno_stdio_guest *)(WINDOW_GVA + CENO_STDIO_GUEST_OFFSET);
}

static _Noreturn void finish(uint32_t status)
{
	volatile struct ceno_stdio_guest *g = report();

	g->magic = CENO_STDIO_MAGIC;
	g->abi_version = CENO_ABI_VERSION;
	g->seq = 1;
	g->exit_status = status;
	g->syscalls = calls;
	g->faults = faults;
	__atomic_store_n(&g->state, CENO_PROGRAM_DONE, __ATOMIC_RELEASE);
	*(volatile uint32_t *)DOORBELL_GVA = 1;
	for (;;)
		ceno_recv_signal(STDIO, 0);
}

#define CHECK(condition) \
	do { \
		if (!(condition)) \
			finish(__LINE__ & 0xff); \
	} while (0)

/* The program: `syscall` NULL_CALLS times, two stores to pages not yet mapped (the
 * second 16 pages on, in a page table that is there already), then call 60. */
static const uint8_t program[] = { 0xbb, NULL_CALLS, 0, 0,    0,             /* mov $NULL_CALLS, %ebx */
	                           0xb8, 39,         0, 0,    0,             /* 1: mov $39, %eax */
	                           0x0f, 0x05,                               /* syscall */
	                           0xff, 0xcb,                               /* dec %ebx */
	                           0x75, 0xf5,                               /* jnz 1b */
	                           0xa3, 0,          0, 0x60, 0, 0, 0, 0, 0, /* movabs %eax, DATA_GVA */
	                           0xa3, 0,          0, 0x61, 0, 0, 0, 0, 0, /* movabs %eax, DATA_GVA + 16 pages */
	                           0xb8, 60,         0, 0,    0,             /* mov $60, %eax */
	                           0x0f, 0x05,                               /* syscall */
	                           0xcc };

void ceno_service_syscall(struct ceno_trap_page *t)
{
	calls++;
	if (t->gpr[0] == 60) {
		CHECK(calls == NULL_CALLS + 1);
		CHECK(faults == 2);
		finish(0);
	}
	CHECK(t->gpr[0] == 39);
	CHECK(t->gpr[3] == NULL_CALLS + 1 - calls);
	CHECK(t->gpr[1] >= CODE_GVA && t->gpr[1] < CODE_GVA + CENO_PAGE);
	t->gpr[0] = 7;
}

/* SEND and RECV with nothing to wake, without and with a capability, in an order that
 * ring0-table knows; then ticks in this fiber. */
static void count_messages(void)
{
	struct ceno_message m = { { 1, 2, 3, 4, 5, 6, 7, 8 } };
	uint64_t end = ceno_rdtsc() + ((const struct ceno_boot *)CENO_GVA_BOOT_PAGE)->tsc_hz / 1000 * 30;

	CHECK(ceno_send(SLOT_RING, -1, &m) == 0);
	CHECK(ceno_recv(SLOT_RING, -1, &m, NULL) == 0);
	CHECK(ceno_send(SLOT_RING, SLOT_OTHER, &m) == 0);
	CHECK(ceno_recv(SLOT_RING, SLOT_OTHER, &m, NULL) == 0);
	CHECK(m.word[0] == 1 && m.word[7] == 8);
	while (ceno_rdtsc() < end)
		;
}

void ceno_service_fault(struct ceno_trap_page *t)
{
	t->resume_rip = t->rip;
	t->resume_rflags = t->rflags;
	if (t->vector == CENO_VECTOR_TICK || t->vector == CENO_VECTOR_WINDOW) {
		ticks++;
		return;
	}
	CHECK(t->vector == 14);
	CHECK(t->cr2 == DATA_GVA + faults * 16 * CENO_PAGE);
	CHECK(t->error == 6); /* user, write, not present */
	CHECK(ceno_map(SLOT_PROCESS, CENO_SLOT_RAM, t->cr2, CENO_LARGE_PAGE + faults * 16 * CENO_PAGE, 16 * CENO_PAGE,
	               R | W) == 0);
	if (faults++ == 0)
		count_messages();
}

static void check_refusals(void)
{
	const uint32_t self = CENO_SLOT_SELF, ram = CENO_SLOT_RAM;

	CHECK(ceno_map(self, ram, SCRATCH_GVA, 0, CENO_PAGE, R | W | X) == CENO_E_WX);
	CHECK(ceno_map(self, ram, SCRATCH_GVA + 1, 0, CENO_PAGE, R) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, ram, 1ull << 47, 0, CENO_PAGE, R) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, ram, (1ull << 47) - CENO_PAGE, 0, 2 * CENO_PAGE, R) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, ram, SCRATCH_GVA, 1ull << 40, CENO_PAGE, R) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, ram, SCRATCH_GVA, ~0xfffull, CENO_PAGE, R) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, ram, CENO_GVA_ENTRY, 0, CENO_PAGE, R) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, ram, CENO_GVA_ENTRY, 0, CENO_PAGE, R | CENO_MAP_REPLACE) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, -1, CENO_GVA_ENTRY, 0, CENO_PAGE, 0) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, ram, CENO_GVA_ENTRY - CENO_PAGE, 0, 2 * CENO_PAGE, R) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, ram, CENO_GVA_ENTRY_REGION, 0, CENO_PAGE, R) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, ram, CENO_GVA_ENTRY_REGION - CENO_PAGE, 0, 2 * CENO_PAGE, R) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, ram, CENO_GVA_ENTRY_REGION, 4 * CENO_LARGE_PAGE, CENO_LARGE_PAGE, R | W) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, -1, CENO_GVA_ENTRY_REGION, 0, CENO_LARGE_PAGE, 0) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, CENO_SLOT_BOOT, SCRATCH_GVA, 0, CENO_PAGE, R | W) == CENO_E_RIGHTS);
	CHECK(ceno_map(self, CENO_SLOT_BOOT, SCRATCH_GVA, 0, 2 * CENO_PAGE, R) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, CENO_SLOT_BOOT, SCRATCH_GVA, CENO_WINDOW_STRIDE, CENO_PAGE, R) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, STDIO, SCRATCH_GVA, CENO_WINDOW_STRIDE, 2 * CENO_PAGE, R) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, CENO_SLOT_BUNDLE, SCRATCH_GVA, 0, CENO_PAGE, R) == CENO_E_SLOT);
	CHECK(ceno_map(self, CENO_SLOT_TRAP, SCRATCH_GVA, 0, CENO_PAGE, R) == CENO_E_SLOT);
	CHECK(ceno_map(ram, ram, SCRATCH_GVA, 0, CENO_PAGE, R) == CENO_E_TYPE);
	CHECK(ceno_map(SLOT_PROCESS, ram, SCRATCH_GVA, 0, CENO_PAGE, R) == CENO_E_SLOT);
	CHECK(ceno_map(self, ram, SCRATCH_GVA, 0, CENO_PAGE, R | M) == CENO_E_RIGHTS);
	CHECK(ceno_verb(99, 0, 0, 0, 0, 0, 0, NULL) == CENO_E_VERB);
	CHECK(ceno_verb(~0ull, 0, 0, 0, 0, 0, 0, NULL) == CENO_E_VERB);
	CHECK(ceno_verb(1ull << 32 | CENO_VERB_MAP, self, ram, SCRATCH_GVA, 0, CENO_PAGE, R, NULL) == CENO_E_VERB);
	CHECK(ceno_grant(CENO_SLOT_SELF, CENO_SLOT_RAM, SLOT_PROCESS, R) == CENO_E_RIGHTS);
	CHECK(ceno_grant(CENO_SLOT_NULL, CENO_SLOT_RAM, SLOT_PROCESS, R) == CENO_E_SLOT);
	CHECK(ceno_mask(CENO_SLOT_NULL, R, 0, 0, 0) == CENO_E_SLOT);
	CHECK(ceno_recv_signal(63, 1) == CENO_E_SLOT);
	CHECK(ceno_tick(0, 0, NULL) == 0);
}

/* A process capability that ran out, then one without MAP; its end gives its pages back. */
static void close_other(void)
{
	int64_t rc;

	do
		rc = ceno_mask(SLOT_OTHER, 0, 0, 0, 0);
	while (rc == CENO_E_AGAIN);
	CHECK(rc == 0);
}

static void check_narrowed(void)
{
	CHECK(ceno_spawn_process(SLOT_OTHER, 6) == 0);
	CHECK(ceno_map(SLOT_OTHER, CENO_SLOT_RAM, 1ull << 39, 0, CENO_PAGE, R) == CENO_E_POOL); /* three tables */
	close_other();
	CHECK(ceno_spawn_process(SLOT_OTHER, 16) == 0);
	CHECK(ceno_map(SLOT_OTHER, CENO_SLOT_RAM, SCRATCH_GVA, 0, CENO_PAGE, R | W) == 0);
	CHECK(ceno_mask(SLOT_OTHER, M, 0, 0, 1) == 0); /* expired since TSC 1 */
	CHECK(ceno_map(SLOT_OTHER, CENO_SLOT_RAM, SCRATCH_GVA + CENO_PAGE, 0, CENO_PAGE, R) == CENO_E_EXPIRED);
	close_other();
	CHECK(ceno_spawn_process(SLOT_OTHER, 16) == 0);
	CHECK(ceno_mask(SLOT_OTHER, R | W, 0, 0, 0) == 0);
	CHECK(ceno_map(SLOT_OTHER, CENO_SLOT_RAM, SCRATCH_GVA, 0, CENO_PAGE, R) == CENO_E_RIGHTS);
	close_other();
}

/* A frame is never writable and executable through any two mappings. */
static void check_wx(void)
{
	const uint32_t self = CENO_SLOT_SELF, ram = CENO_SLOT_RAM;
	const uint64_t offset = 4 * CENO_LARGE_PAGE;

	CHECK(ceno_map(self, ram, SCRATCH_GVA, offset, CENO_PAGE, R | W) == 0);
	CHECK(ceno_map(self, ram, SCRATCH_GVA, offset, CENO_PAGE, R | W) == CENO_E_EXISTS);
	CHECK(ceno_map(self, ram, SCRATCH_GVA + CENO_PAGE, offset, CENO_PAGE, R | X) == CENO_E_WX);
	CHECK(ceno_map(self, -1, SCRATCH_GVA, 0, CENO_PAGE, 0) == 0);
	CHECK(ceno_map(self, ram, SCRATCH_GVA + CENO_PAGE, offset, CENO_PAGE, R | X) == 0);
	CHECK(ceno_map(self, ram, SCRATCH_GVA, offset, CENO_PAGE, R | W) == CENO_E_WX);
	CHECK(ceno_map(self, ram, SCRATCH_GVA + CENO_LARGE_PAGE, offset, CENO_LARGE_PAGE, R | W) == CENO_E_WX);
	CHECK(ceno_map(self, -1, SCRATCH_GVA + CENO_PAGE, 0, CENO_PAGE, 0) == 0);
	CHECK(ceno_map(self, ram, SCRATCH_GVA + CENO_LARGE_PAGE, offset, CENO_LARGE_PAGE, R | W) == 0);
	CHECK(ceno_map(self, ram, SCRATCH_GVA, offset + 5 * CENO_PAGE, CENO_PAGE, R | X) == CENO_E_WX);
	CHECK(ceno_map(self, -1, SCRATCH_GVA + CENO_LARGE_PAGE, 0, CENO_PAGE, 0) == CENO_E_BOUNDS);
	CHECK(ceno_map(self, -1, SCRATCH_GVA + CENO_LARGE_PAGE, 0, CENO_LARGE_PAGE, 0) == 0);
}

/* The same from one page table to another and back. */
static void check_elsewhere(void)
{
	const uint32_t self = CENO_SLOT_SELF, ram = CENO_SLOT_RAM;
	const uint64_t offset = 4 * CENO_LARGE_PAGE, other = SCRATCH_GVA + 4 * CENO_LARGE_PAGE;

	CHECK(ceno_map(self, ram, SCRATCH_GVA, offset, CENO_PAGE, R | W) == 0);
	CHECK(ceno_map(self, ram, other, offset + CENO_PAGE, CENO_PAGE, R | X) == 0);
	CHECK(ceno_map(self, ram, SCRATCH_GVA, offset, CENO_PAGE, R | W) == CENO_E_EXISTS);
	CHECK(ceno_map(self, ram, SCRATCH_GVA + CENO_PAGE, offset + CENO_PAGE, CENO_PAGE, R | W) == CENO_E_WX);
	CHECK(ceno_map(self, ram, other + CENO_LARGE_PAGE, offset + CENO_PAGE, CENO_PAGE, R | W) == CENO_E_WX);
	CHECK(ceno_map(self, -1, other, 0, CENO_PAGE, 0) == 0);
	CHECK(ceno_map(self, ram, other, offset + CENO_PAGE, CENO_PAGE, R) == 0);
	CHECK(ceno_map(self, ram, SCRATCH_GVA + CENO_PAGE, offset + CENO_PAGE, CENO_PAGE, R | W) == 0);
	CHECK(ceno_map(self, ram, other + CENO_PAGE, offset + CENO_PAGE, CENO_PAGE, R | X) == CENO_E_WX);
	CHECK(ceno_map(self, -1, other, 0, CENO_PAGE, 0) == 0);
	CHECK(ceno_map(self, -1, SCRATCH_GVA, 0, 2 * CENO_PAGE, 0) == 0);
}

/* Several 2 MiB entries in one MAP: each is counted, each is where it should be. */
static void check_large(void)
{
	const uint32_t self = CENO_SLOT_SELF, ram = CENO_SLOT_RAM;
	const uint64_t offset = 4 * CENO_LARGE_PAGE, two = 2 * CENO_LARGE_PAGE, edge = LARGE_GVA - CENO_LARGE_PAGE;
	volatile uint32_t *at = (volatile uint32_t *)LARGE_GVA;

	CHECK(ceno_map(self, ram, LARGE_GVA, offset, two, R | X) == CENO_E_BOUNDS); /* 1024 small entries */
	CHECK(ceno_map(self, ram, LARGE_GVA, offset, two, R | W) == 0);
	CHECK(ceno_map(self, ram, LARGE_GVA, offset, two, R | W) == CENO_E_EXISTS);
	CHECK(ceno_map(self, ram, LARGE_GVA + CENO_LARGE_PAGE, offset, two, R | W) == CENO_E_EXISTS);
	CHECK(ceno_map(self, ram, LARGE_GVA + CENO_PAGE, offset, CENO_PAGE, R) == CENO_E_EXISTS);
	CHECK(ceno_map(self, ram, LARGE_GVA + two, offset + CENO_LARGE_PAGE, CENO_PAGE, R | X) == CENO_E_WX);
	at[0] = 11;
	at[CENO_LARGE_PAGE / 4] = 22;
	CHECK(ceno_map(self, -1, LARGE_GVA, 0, CENO_LARGE_PAGE, 0) == 0);
	CHECK(ceno_map(self, -1, LARGE_GVA + CENO_LARGE_PAGE, 0, CENO_LARGE_PAGE, 0) == 0);
	CHECK(ceno_map(self, ram, LARGE_GVA + two, offset + CENO_LARGE_PAGE, CENO_PAGE, R | X) == 0);
	CHECK(ceno_map(self, ram, LARGE_GVA, offset, two, R | W) == CENO_E_WX); /* the second 2 MiB has code */
	CHECK(ceno_map(self, -1, LARGE_GVA + two, 0, CENO_PAGE, 0) == 0);
	/* across two tables */
	at = (volatile uint32_t *)edge;
	CHECK(ceno_map(self, ram, edge, offset, two, R) == 0);
	CHECK(at[0] == 11 && at[CENO_LARGE_PAGE / 4] == 22);
	CHECK(ceno_map(self, -1, edge, 0, CENO_LARGE_PAGE, 0) == 0);
	CHECK(ceno_map(self, -1, LARGE_GVA, 0, CENO_LARGE_PAGE, 0) == 0);
	at = (volatile uint32_t *)(LARGE_GVA + 3 * CENO_LARGE_PAGE - CENO_PAGE);
	CHECK(ceno_map(self, ram, (uint64_t)at, offset, 2 * CENO_PAGE, R) == 0);
	CHECK(at[0] == 11 && at[CENO_PAGE / 4] == 0);
	CHECK(ceno_map(self, -1, (uint64_t)at, 0, 2 * CENO_PAGE, 0) == 0);
}

static void make_process(struct ceno_trap_page *t)
{
	const uint64_t offset = CENO_LARGE_PAGE + 64 * CENO_PAGE;
	uint8_t *page = (uint8_t *)SCRATCH_GVA;

	CHECK(ceno_map(CENO_SLOT_SELF, CENO_SLOT_RAM, SCRATCH_GVA, offset, CENO_PAGE, R | W) == 0);
	for (uint32_t i = 0; i < sizeof program; i++)
		page[i] = program[i];
	CHECK(ceno_spawn_process(SLOT_PROCESS, 3) == CENO_E_POOL);
	CHECK(ceno_spawn_process(SLOT_PROCESS, 64) == 0);
	CHECK(ceno_map(SLOT_PROCESS, CENO_SLOT_RAM, CODE_GVA, offset, CENO_PAGE, R | X) == CENO_E_WX);
	CHECK(ceno_map(CENO_SLOT_SELF, -1, SCRATCH_GVA, 0, CENO_PAGE, 0) == 0);
	CHECK(ceno_map(SLOT_PROCESS, CENO_SLOT_RAM, CODE_GVA, offset, CENO_PAGE, R | X) == 0);
	CHECK(ceno_recv_signal(SLOT_PROCESS, 0) == 0);
	for (int i = 0; i < 16; i++)
		t->gpr[i] = 0;
	t->resume_rip = CODE_GVA;
	t->resume_rflags = CENO_RFLAGS_SET;
	ceno_process_enter(t);
}

void ceno_service_main(void)
{
	ceno_map(CENO_SLOT_SELF, STDIO, WINDOW_GVA, 0, CENO_STDIO_BYTES, R | W);
	check_refusals();
	check_narrowed();
	check_wx();
	check_elsewhere();
	check_large();
	CHECK(ceno_spawn_channel(SLOT_RING) == 0);
	CHECK(ceno_spawn_channel(SLOT_OTHER) == 0);
	make_process((struct ceno_trap_page *)CENO_GVA_TRAP_PAGE);
}
