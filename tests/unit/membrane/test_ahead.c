/*
 * Reading ahead (membrane/ahead.h): what the code of the entry page finds, what membrane makes of
 * what it left, and of interruptions in each of its parts. The code itself runs in guest_programs
 * (programs/ahead.c); here the test does what it would have done, but for one that executes it
 * instruction by instruction.
 */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-kernel/services/entry/ahead.h"
#include "guest-kernel/services/membrane/ahead.h"
#include "guest-kernel/services/membrane/pages.h"
#include "guest-kernel/services/membrane/process.h"

#define PIECE   100u
#define ROW     9u /* reads, after which it reads ahead */
#define HANDLER 0x401000ull

struct page {
	int32_t fd;
	uint32_t reserved;
	uint64_t at, end, rdi, rsi, rcx, rsp;
};

static uint8_t big[1500000];
static uint64_t buffer;

static int boot(void **state)
{
	const char *const argv[] = { "/bin/p", NULL };
	struct fake_file files[] = { fake_program("/bin/p"), { "/in/big", 0444 | CENO_PACK_INPUT, big, sizeof(big) } };

	(void)state;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 31 >> 3);
	fake_on_wait = NULL;
	fake_syscall_mode = CENO_SYSCALL_PAGE;
	assert_int_equal(fake_boot(files, 2, argv), FAKE_ENTERED);
	buffer = fake_page();
	return 0;
}

static uint32_t ds(void)
{
	uint32_t selector;

	__asm__ volatile("mov %%ds, %0" : "=r"(selector));
	return selector;
}

static int64_t open_big(void)
{
	uint64_t path = fake_string("/in/big");
	int64_t fd = sys(SYS_openat, AT_FDCWD, path, O_RDONLY);

	assert_true(fd >= 0);
	return fd;
}

static void read_row(int64_t fd, unsigned reads)
{
	for (unsigned i = 0; i < reads; i++)
		assert_int_equal(sys(SYS_read, fd, buffer, PIECE), PIECE);
}

static int reads_ahead(void)
{
	const struct ceno_vm *vm = ceno_self()->vm;

	assert_int_equal(ds(), vm->ahead ? CENO_AHEAD_ON : 0);
	return vm->ahead != NULL;
}

/* A row of reads of a new descriptor. */
static int64_t begun(void)
{
	int64_t fd = open_big();

	read_row(fd, ROW);
	assert_true(reads_ahead());
	return fd;
}

static struct page page_now(void)
{
	struct page page;

	fake_peek(&page, CENO_GVA_AHEAD, sizeof(page));
	return page;
}

static void set_at(uint64_t at)
{
	fake_poke(CENO_AHEAD_AT, &at, sizeof(at));
}

static void test_what_lies_there(void **state)
{
	const uint64_t bytes = (512u << 10) / PIECE * PIECE; /* no piece is cut */
	static uint8_t seen[512 << 10];
	int64_t fd = open_big();
	struct page page;

	(void)state;
	read_row(fd, ROW - 1);
	assert_false(reads_ahead());
	read_row(fd, 1);
	assert_true(reads_ahead());
	page = page_now();
	assert_int_equal(page.fd, fd);
	assert_int_equal(page.at, CENO_AHEAD_DATA);
	assert_int_equal(page.end, CENO_AHEAD_DATA + bytes);
	fake_peek(seen, CENO_AHEAD_DATA, bytes);
	assert_memory_equal(seen, big + ROW * PIECE, bytes);
	set_at(CENO_AHEAD_DATA + bytes);
	read_row(fd, 1); /* the next lot, at once */
	assert_true(reads_ahead());
	fake_peek(seen, CENO_AHEAD_DATA, bytes);
	assert_memory_equal(seen, big + (ROW + 1) * PIECE + bytes, bytes);
	set_at(CENO_AHEAD_DATA + bytes);
	read_row(fd, 1);
	page = page_now(); /* not beyond the end */
	assert_int_equal(page.end - page.at, (sizeof(big) - (ROW + 2) * PIECE - 2 * bytes) / PIECE * PIECE);
}

/* Where the file is, wherever the program says that it has read to. */
static void test_position(void **state)
{
	static const struct {
		uint64_t at, position;
	} cases[] = { { CENO_AHEAD_DATA, ROW * PIECE },
		      { CENO_AHEAD_DATA + 3 * PIECE, (ROW + 3) * PIECE },
		      { CENO_AHEAD_DATA + 7, ROW * PIECE + 7 },
		      { UINT64_MAX, ROW * PIECE + 524200 },
		      { 0, ROW * PIECE + 524200 },
		      { CENO_AHEAD_DATA - 1, ROW * PIECE + 524200 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t fd = begun();

		set_at(cases[i].at);
		assert_int_equal(sys(SYS_lseek, fd, 0, SEEK_CUR), cases[i].position);
		assert_false(reads_ahead());
		assert_int_equal(page_now().fd, -1);
		assert_int_equal(sys(SYS_close, fd), 0);
	}
}

static void test_who_gets_it(void **state)
{
	int64_t fd, other;

	(void)state;
	fd = open_big();
	for (unsigned i = 0; i < 3 * ROW; i++) { /* not in a row */
		read_row(fd, 1);
		assert_false(reads_ahead());
		sys(SYS_getppid);
	}
	other = sys(SYS_dup, fd);
	read_row(fd, 3 * ROW); /* the position is another descriptor's, too */
	assert_false(reads_ahead());
	sys(SYS_close, other);
	read_row(fd, ROW);
	assert_true(reads_ahead());
	sys(SYS_close, fd);
	assert_false(reads_ahead());
	fd = sys(SYS_openat, AT_FDCWD, fake_string("/dev/zero"), O_RDONLY);
	read_row(fd, 3 * ROW); /* only of what never changes */
	assert_false(reads_ahead());
	fd = sys(SYS_openat, AT_FDCWD, fake_string("/tmp/new"), O_RDWR | O_CREAT, 0600);
	assert_int_equal(sys(SYS_ftruncate, fd, 100 * ROW * PIECE), 0);
	read_row(fd, 3 * ROW);
	assert_false(reads_ahead());
	fd = open_big();
	for (unsigned i = 0; i < 3 * ROW; i++)
		assert_int_equal(sys(SYS_read, fd, buffer, 0), 0);
	assert_false(reads_ahead());
	begun();
	assert_int_equal(sys(SYS_clone, LX_CLONE_VM | LX_CLONE_THREAD | LX_CLONE_SIGHAND | LX_CLONE_FILES | LX_CLONE_FS,
	                     buffer),
	                 3);
	read_row(fd, 3 * ROW); /* two threads */
	assert_false(reads_ahead());
}

static void test_not_where_syscall_enters_the_nucleus(void **state)
{
	(void)state;
	((struct ceno_boot *)(uintptr_t)CENO_GVA_BOOT_PAGE)->syscall_mode = CENO_SYSCALL_LSTAR;
	read_row(open_big(), 3 * ROW);
	assert_false(reads_ahead());
}

/* The program may do with the memory what it likes, but get other memory there. */
static void test_memory(void **state)
{
	const uint64_t there = CENO_GVA_AHEAD, bytes = CENO_LARGE_PAGE;
	int64_t fd = begun();

	(void)state;
	assert_int_equal(sys(SYS_mmap, there, PAGE, 3, 0x32, -1, 0), -ENOMEM);
	assert_int_equal(sys(SYS_mmap, there + bytes - PAGE, PAGE, 3, 0x32, -1, 0), -ENOMEM);
	read_row(fd, ROW);
	assert_true(reads_ahead());
	assert_int_equal(sys(SYS_munmap, there, bytes), 0);
	read_row(fd, ROW);
	assert_true(reads_ahead());
	assert_int_equal(sys(SYS_mprotect, there, PAGE, 1), 0);
	read_row(fd, 3 * ROW);
	assert_false(reads_ahead());
	assert_int_equal(sys(SYS_lseek, fd, 0, SEEK_CUR), 6 * ROW * PIECE);
}

static void leave(uint64_t rip, uint64_t gpr[16], uint64_t *to)
{
	uint64_t flags = 0x202;

	for (uint64_t i = 0; i < 16; i++)
		gpr[i] = 1000 + i;
	*to = rip;
	assert_int_equal(ceno_ahead_leave(gpr, to, &flags), 1);
	assert_int_equal(flags, rip >= CENO_GVA_AHEAD_DONE ? 1000 + CENO_R11 : 0x202);
}

static void test_interrupted(void **state)
{
	const uint64_t saved[] = { 71, 72, 73, 74 }; /* rdi rsi rcx rsp */
	uint64_t gpr[16], rip, flags = 0;

	(void)state;
	begun();
	fake_poke(CENO_AHEAD_RDI, saved, sizeof(saved));
	leave(CENO_GVA_AHEAD_CODE, gpr, &rip);
	assert_int_equal(rip, CENO_GATE_SYSCALL);
	assert_int_equal(gpr[CENO_RAX], 0);
	for (uint64_t i = 1; i < 16; i++)
		assert_int_equal(gpr[i], 1000 + i);
	leave(CENO_GVA_AHEAD_DONE - 1, gpr, &rip);
	assert_int_equal(rip, CENO_GATE_SYSCALL);
	assert_int_equal(gpr[CENO_RAX], 0);
	assert_int_equal(gpr[CENO_RDI], 71);
	assert_int_equal(gpr[CENO_RSI], 72);
	assert_int_equal(gpr[CENO_RCX], 73);
	assert_int_equal(gpr[CENO_RSP], 74);
	leave(CENO_GVA_AHEAD_STOP - 1, gpr, &rip);
	assert_int_equal(rip, 73);
	assert_int_equal(gpr[CENO_RAX], 1000 + CENO_RDX);
	assert_int_equal(gpr[CENO_RSI], 72);
	assert_true(reads_ahead());
	rip = CENO_GVA_AHEAD_STOP;
	assert_int_equal(ceno_ahead_leave(gpr, &rip, &flags), 0);
	rip = CENO_GVA_AHEAD_CODE - 1;
	assert_int_equal(ceno_ahead_leave(gpr, &rip, &flags), 0);
}

/* ---- at each instruction of the code, as this processor executes it ------------------------ */

extern const uint8_t ceno_start[], ceno_ahead[];
extern uint64_t step_rsp, step_back;
uint64_t step_rsp, step_back; /* of the read that is stepped through: its stack, and where it goes back to */
static uint64_t step_fd;
static uint8_t read_to[PIECE];
static unsigned steps, wrong, made;

/* Interrupted here, the call was made if its bytes are counted, else it was not; with the registers of the call. */
static void on_step(int signal, siginfo_t *info, void *context)
{
	const greg_t *r = ((const ucontext_t *)context)->uc_mcontext.gregs;
	const struct page *page = (const struct page *)CENO_GVA_AHEAD;
	uint64_t gpr[16], flags = 0, rip = (uint64_t)r[REG_RIP] - (uintptr_t)ceno_ahead + CENO_GVA_AHEAD_CODE;
	int is_read = page->at != CENO_AHEAD_DATA;

	(void)signal;
	(void)info;
	gpr[CENO_RAX] = (uint64_t)r[REG_RAX];
	gpr[CENO_RDI] = (uint64_t)r[REG_RDI];
	gpr[CENO_RSI] = (uint64_t)r[REG_RSI];
	gpr[CENO_RDX] = (uint64_t)r[REG_RDX];
	gpr[CENO_RCX] = (uint64_t)r[REG_RCX];
	gpr[CENO_RSP] = (uint64_t)r[REG_RSP];
	gpr[CENO_R11] = (uint64_t)r[REG_R11];
	fake_poke(CENO_GVA_AHEAD, page, sizeof(*page));
	if (!ceno_ahead_leave(gpr, &rip, &flags))
		return;
	steps++;
	made += (unsigned)is_read;
	wrong += rip != (is_read ? step_back : CENO_GATE_SYSCALL) || gpr[CENO_RAX] != (is_read ? PIECE : 0) ||
	    gpr[CENO_RDI] != step_fd || gpr[CENO_RSI] != (uintptr_t)read_to || gpr[CENO_RDX] != PIECE ||
	    gpr[CENO_RCX] != step_back || gpr[CENO_RSP] != step_rsp;
}

static uint64_t step_through(uint64_t fd)
{
	uint64_t result = 0;

	__asm__ volatile("lea -128(%%rsp), %%rsp\n"
	                 "mov %%rsp, step_rsp(%%rip)\n"
	                 "lea 1f(%%rip), %%rcx\n"
	                 "mov %%rcx, step_back(%%rip)\n"
	                 "pushf; pop %%r11\n"
	                 "pushf; orl $0x100, (%%rsp); popf\n" /* TF */
	                 "jmp *%[entry]\n"
	                 "1: lea 128(%%rsp), %%rsp"
	                 : "+a"(result)
	                 : "D"(fd), "S"(read_to), "d"((uint64_t)PIECE), [entry] "r"(ceno_start + 1)
	                 : "rcx", "r11", "memory", "cc");
	return result;
}

static void test_each_instruction(void **state)
{
	static uint8_t stack[1 << 16];
	const stack_t own = { .ss_sp = stack, .ss_size = sizeof(stack) };
	const struct sigaction action = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct sigaction before;
	stack_t stack_before;
	struct page *page = mmap((void *)CENO_GVA_AHEAD, CENO_LARGE_PAGE, PROT_READ | PROT_WRITE,
	                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	(void)state;
	assert_ptr_equal(page, (void *)CENO_GVA_AHEAD);
	step_fd = (uint64_t)begun(); /* and DS says so */
	*page = page_now();
	fake_peek((void *)CENO_AHEAD_DATA, CENO_AHEAD_DATA, PIECE);
	steps = wrong = made = 0;
	sigaltstack(&own, &stack_before); /* the host has no regard for where rsp points */
	sigaction(SIGTRAP, &action, &before);
	assert_int_equal(step_through(step_fd), PIECE);
	sigaction(SIGTRAP, &before, NULL);
	sigaltstack(&stack_before, NULL);
	assert_memory_equal(read_to, big + ROW * PIECE, PIECE);
	assert_int_equal(page->at, CENO_AHEAD_DATA + PIECE);
	assert_true(steps - made > 12 && made > 5); /* those before, and behind */
	assert_int_equal(wrong, 0);
	munmap(page, CENO_LARGE_PAGE);
}

/* A fault of the program's own in the code is the call's EFAULT, not a signal. */
static void test_fault(void **state)
{
	(void)state;
	begun();
	fake_fault_rip = CENO_GVA_AHEAD_CHANGED + 9;
	assert_int_equal(fake_fault(14, 6, BAD), FAKE_RETURNED);
	assert_int_equal(ceno_trap()->resume_rip, CENO_GATE_SYSCALL);
	assert_int_equal(fake_fault(13, 0, 0), FAKE_RETURNED);
	assert_int_equal(ceno_trap()->resume_rip, CENO_GATE_SYSCALL);
	assert_int_equal(fake_fault(14, 6, buffer), FAKE_RETURNED); /* not one of its own: the copy goes on */
	assert_int_equal(ceno_trap()->resume_rip, fake_fault_rip);
	sys(SYS_getppid);
	fake_fault_rip = CENO_GVA_AHEAD_CODE + 2; /* DS of the program's own making */
	__asm__ volatile("mov %0, %%ds" : : "r"(CENO_AHEAD_ON));
	sys(SYS_munmap, CENO_GVA_AHEAD, CENO_LARGE_PAGE);
	assert_int_equal(fake_fault(14, 4, CENO_AHEAD_FD), FAKE_RETURNED);
	assert_int_equal(ceno_trap()->resume_rip, CENO_GATE_SYSCALL);
	assert_int_equal(ds(), 0);
	fake_fault_rip = 0x401000;
}

/* A handler begins before the call or after it, never in the middle. */
static void test_handler(void **state)
{
	const uint64_t action[4] = { HANDLER, 0x04000004, HANDLER, 0 };
	const struct itimerval soon = { { 0, 0 }, { 100, 0 } };
	uint64_t rip;

	(void)state;
	fake_poke(buffer, action, sizeof(action));
	assert_int_equal(sys(SYS_rt_sigaction, SIGALRM, buffer, 0, 8), 0);
	fake_poke(buffer, &soon, sizeof(soon));
	assert_int_equal(sys(SYS_setitimer, 0, buffer, 0), 0);
	begun();
	ceno_trap()->gpr[CENO_RSP] = buffer + PAGE;
	fake_poke(CENO_AHEAD_RSP, &(uint64_t){ buffer + PAGE }, 8);
	fake_tsc += 101 * 2000000000ull;
	fake_fault_rip = CENO_GVA_AHEAD_CHANGED + 9;
	assert_int_equal(fake_fault(32, 0, 0), FAKE_RETURNED);
	fake_fault_rip = 0x401000;
	assert_int_equal(ceno_trap()->resume_rip, HANDLER);
	fake_peek(&rip, ceno_trap()->gpr[CENO_RSP] + 8 + 40 + 16 * 8, 8);
	assert_int_equal(rip, CENO_GATE_SYSCALL);
}

static void test_fork(void **state)
{
	int64_t fd = begun(), child;

	(void)state;
	set_at(CENO_AHEAD_DATA + 2 * PIECE);
	child = sys(SYS_fork);
	assert_true(child > 0);
	assert_false(reads_ahead());
	assert_int_equal(sys(SYS_lseek, fd, 0, SEEK_CUR), (ROW + 2) * PIECE);
	read_row(fd, 3 * ROW); /* the child has it, too */
	assert_false(reads_ahead());
	for (struct ceno_vm *vm = ceno_vms_first(); vm; vm = vm->next)
		assert_true(vm == ceno_vm_current() || !ceno_areas_find(vm, CENO_GVA_AHEAD));
}

/* Descriptors, or memory, that another process has as well. */
static void test_shared(void **state)
{
	static const uint64_t what[] = { LX_CLONE_FILES, LX_CLONE_VM };

	for (size_t i = 0; i < 2; i++) {
		boot(state);
		assert_true(sys(SYS_clone, what[i] | SIGCHLD, what[i] == LX_CLONE_VM ? buffer + PAGE : 0) > 0);
		read_row(open_big(), 3 * ROW);
		assert_false(reads_ahead());
	}
}

/* DS is each task's own. */
static void test_turns(void **state)
{
	(void)state;
	assert_int_equal(sys(SYS_fork), 3);
	begun();
	for (int i = 0; i < 4; i++) {
		fake_tsc += 2000000000;
		assert_int_equal(fake_fault(32, 0, 0), FAKE_ENTERED);
		assert_int_equal(ceno_self()->pid, i % 2 ? 2 : 3);
		assert_int_equal(reads_ahead(), i % 2);
	}
}

static void switch_to(uint32_t pid)
{
	fake_tsc += 2000000000;
	assert_int_equal(fake_fault(32, 0, 0), FAKE_ENTERED);
	assert_int_equal(ceno_self()->pid, pid);
}

/* What nobody reads any more goes before anybody is killed for want of RAM. */
static void test_no_ram(void **state)
{
	struct ceno_vm *vm = ceno_self()->vm;
	uint64_t pages, seen[2];
	int64_t fd;

	(void)state;
	assert_int_equal(sys(SYS_fork), 3);
	fd = begun();
	set_at(CENO_AHEAD_DATA + PIECE);
	fake_peek(seen, CENO_AHEAD_DATA, 8);
	pages = vm->pages;
	switch_to(3);
	assert_int_equal(ceno_ahead_release(), 0); /* not what is being read */
	switch_to(2);
	assert_int_equal(ceno_ahead_release(), 0);
	fake_peek(seen + 1, CENO_AHEAD_DATA, 8);
	assert_int_equal(seen[0], seen[1]);
	assert_int_equal(sys(SYS_lseek, fd, 0, SEEK_CUR), (ROW + 1) * PIECE);
	assert_int_equal(ceno_ahead_release(), 0); /* nor the current program's */
	switch_to(3);
	assert_int_equal(ceno_process_make_room(), 1);
	assert_int_equal(vm->pages, pages - CENO_LEAF_PAGES);
	assert_int_equal(ceno_run.out_of_memory, 0);
	assert_int_equal(ceno_ahead_release(), 0); /* once */
	switch_to(2);
	read_row(fd, ROW);
	assert_true(reads_ahead());
	assert_int_equal(sys(SYS_lseek, fd, 0, SEEK_CUR), (2 * ROW + 1) * PIECE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_what_lies_there, boot),
		cmocka_unit_test_setup(test_position, boot),
		cmocka_unit_test_setup(test_who_gets_it, boot),
		cmocka_unit_test_setup(test_not_where_syscall_enters_the_nucleus, boot),
		cmocka_unit_test_setup(test_memory, boot),
		cmocka_unit_test_setup(test_interrupted, boot),
		cmocka_unit_test_setup(test_each_instruction, boot),
		cmocka_unit_test_setup(test_fault, boot),
		cmocka_unit_test_setup(test_handler, boot),
		cmocka_unit_test_setup(test_fork, boot),
		cmocka_unit_test(test_shared),
		cmocka_unit_test_setup(test_turns, boot),
		cmocka_unit_test_setup(test_no_ram, boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
