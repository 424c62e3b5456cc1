/*
 * A program's life: what is loaded and refused, what it finds on its stack, how it
 * ends, what is reported, and that the next one starts clean.
 */
#include "test.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

#include "guest-kernel/services/membrane/frames.h"
#include "guest-kernel/services/membrane/membrane.h"
#include "vmm/warden/pack.h"

static const char *const plain_argv[] = { "/bin/p", NULL };

static uint64_t word(uint64_t gva)
{
	uint64_t value;

	fake_peek(&value, gva, sizeof(value));
	return value;
}

static void text(char *out, uint64_t gva)
{
	do
		fake_peek(out, gva++, 1);
	while (*out++);
}

static void test_first_state(void **state)
{
	const struct ceno_trap_page *t = ceno_trap();
	uint64_t at, seen = 0, random[2];
	char s[100];

	(void)state;
	fake_start();
	at = t->gpr[CENO_RSP];
	assert_int_equal(t->resume_rip, 0x401000);
	assert_int_equal(at % 16, 0);
	for (int i = 0; i < 16; i++)
		assert_true(i == CENO_RSP || t->gpr[i] == 0);
	assert_int_equal(word(at), 3);
	text(s, word(at + 8));
	assert_string_equal(s, "/bin/p");
	text(s, word(at + 24));
	assert_string_equal(s, "two");
	assert_int_equal(word(at + 32), 0);
	text(s, word(at + 40));
	assert_string_equal(s, "PATH=/bin");
	text(s, word(at + 48));
	assert_string_equal(s, "LANG=C");
	assert_int_equal(word(at + 56), 0);
	for (at += 64; word(at) != AT_NULL; at += 16) {
		uint64_t value = word(at + 8);

		seen |= 1ull << word(at);
		switch (word(at)) {
		case AT_PHDR:
			assert_int_equal(value, 0x400040);
			break;
		case AT_PHNUM:
			assert_int_equal(value, 3);
			break;
		case AT_PHENT:
			assert_int_equal(value, 56);
			break;
		case AT_PAGESZ:
			assert_int_equal(value, 4096);
			break;
		case AT_ENTRY:
			assert_int_equal(value, 0x401000);
			break;
		case AT_SECURE:
			assert_int_equal(value, 0);
			break;
		case AT_EXECFN:
			text(s, value);
			assert_string_equal(s, "/bin/p");
			break;
		case AT_PLATFORM:
			text(s, value);
			assert_string_equal(s, "x86_64");
			break;
		case AT_RANDOM:
			fake_peek(random, value, 16);
			assert_true(random[0] && random[1]);
			break;
		}
	}
	assert_int_equal(
	    seen & (1ull << AT_PHDR | 1ull << AT_RANDOM | 1ull << AT_UID | 1ull << AT_CLKTCK | 1ull << AT_MINSIGSTKSZ),
	    1ull << AT_PHDR | 1ull << AT_RANDOM | 1ull << AT_UID | 1ull << AT_CLKTCK | 1ull << AT_MINSIGSTKSZ);
	assert_int_equal(fake_guest()->state, CENO_PROGRAM_RUNNING);
	assert_int_equal(fake_guest()->seq, 1);
	assert_true(fake_guest()->entry_tsc > 0);
}

/* ---- refusals -------------------------------------------------------------------- */

static uint32_t refusal_of(const struct fake_file *file, const char *const *argv)
{
	fake_on_wait = NULL;
	assert_int_equal(fake_boot(file, 1, argv), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->state, CENO_PROGRAM_REFUSED);
	assert_int_equal(fake_guest()->seq, 1);
	assert_in_range(fake_guest()->detail, 1, 255); /* an errno */
	return fake_guest()->refusal;
}

static uint32_t refusal_with(size_t offset, uint64_t value, size_t bytes)
{
	struct fake_file file = fake_program("/bin/p");
	uint8_t *copy = malloc(file.bytes);
	uint32_t refusal;

	memcpy(copy, file.data, file.bytes);
	memcpy(copy + offset, &value, bytes);
	file.data = copy;
	refusal = refusal_of(&file, plain_argv);
	free(copy);
	return refusal;
}

#define HEADER(field)               offsetof(Elf64_Ehdr, field), sizeof(((Elf64_Ehdr *)0)->field)
#define SEGMENT(i, field)           (64 + (i)*56 + offsetof(Elf64_Phdr, field)), sizeof(((Elf64_Phdr *)0)->field)
#define WITH(...)                   with_(__VA_ARGS__)
#define with_(offset, bytes, value) refusal_with(offset, (uint64_t)(value), bytes)

static void test_refusals(void **state)
{
	struct fake_file script = { "/bin/p", 0555 | CENO_PACK_PROGRAM, "#!/bin/sh\n", 10 };
	struct fake_file input = fake_program("/bin/p"), elsewhere = fake_program("/bin/q"),
			 tiny = fake_program("/bin/p");

	(void)state;
	assert_int_equal(refusal_of(&script, plain_argv), CENO_REFUSAL_DYNAMIC);
	assert_int_equal(fake_guest()->detail, ENOENT);
	assert_int_equal(refusal_of(&elsewhere, plain_argv), CENO_REFUSAL_NOT_FOUND);
	assert_int_equal(fake_guest()->detail, ENOENT);
	input.mode = 0444 | CENO_PACK_INPUT; /* data is never run */
	assert_int_equal(refusal_of(&input, plain_argv), CENO_REFUSAL_NOT_EXECUTABLE);
	assert_int_equal(fake_guest()->detail, EACCES);
	tiny.bytes = 40;
	assert_int_equal(refusal_of(&tiny, plain_argv), CENO_REFUSAL_BAD_ELF);
	tiny.bytes = 0;
	assert_int_equal(refusal_of(&tiny, plain_argv), CENO_REFUSAL_NOT_ELF);
	assert_int_equal(fake_guest()->detail, ENOEXEC);
	assert_int_equal(WITH(SEGMENT(0, p_type), PT_INTERP), CENO_REFUSAL_DYNAMIC);
	assert_int_equal(WITH(HEADER(e_machine), EM_AARCH64), CENO_REFUSAL_BAD_ELF);
	assert_int_equal(WITH(HEADER(e_type), ET_REL), CENO_REFUSAL_BAD_ELF);
	assert_int_equal(WITH(HEADER(e_phnum), 0), CENO_REFUSAL_BAD_ELF);
	assert_int_equal(WITH(HEADER(e_phnum), 0xffff), CENO_REFUSAL_BAD_ELF);
	assert_int_equal(WITH(HEADER(e_phentsize), 55), CENO_REFUSAL_BAD_ELF);
	assert_int_equal(WITH(HEADER(e_phoff), UINT64_MAX), CENO_REFUSAL_BAD_ELF);
	assert_int_equal(WITH(HEADER(e_phoff), 12288 - 10), CENO_REFUSAL_BAD_ELF);
	assert_int_equal(WITH(SEGMENT(1, p_flags), PF_R | PF_W | PF_X), CENO_REFUSAL_BAD_ELF);
	assert_int_equal(WITH(SEGMENT(1, p_filesz), UINT64_MAX), CENO_REFUSAL_BAD_ELF);
	assert_int_equal(WITH(SEGMENT(1, p_offset), 4097), CENO_REFUSAL_BAD_ELF);
	assert_int_equal(WITH(SEGMENT(1, p_vaddr), UINT64_MAX - 4095), CENO_REFUSAL_BAD_ELF);
	assert_int_equal(WITH(SEGMENT(1, p_vaddr), 0x1000), CENO_REFUSAL_BAD_ELF);
	assert_int_equal(WITH(SEGMENT(1, p_vaddr), CENO_GVA_ENTRY), CENO_REFUSAL_BAD_ELF);
	assert_int_equal(WITH(SEGMENT(1, p_vaddr), CENO_GVA_ENTRY_REGION), CENO_REFUSAL_BAD_ELF);
	assert_int_equal(WITH(SEGMENT(2, p_memsz), UINT64_MAX), CENO_REFUSAL_BAD_ELF);
	assert_int_equal(WITH(SEGMENT(2, p_memsz), 10), CENO_REFUSAL_BAD_ELF);
}

static void test_every_byte_of_the_headers(void **state)
{
	struct fake_file file = fake_program("/bin/p");
	uint8_t *copy = malloc(file.bytes);

	(void)state;
	for (size_t i = 0; i < 64 + 3 * 56; i++) {
		for (unsigned flip = 1; flip < 256; flip <<= 2) {
			enum fake_outcome outcome;

			memcpy(copy, file.data, file.bytes);
			copy[i] ^= (uint8_t)flip;
			outcome = fake_boot(&(struct fake_file){ "/bin/p", 0555 | CENO_PACK_PROGRAM, copy, file.bytes },
			                    1, plain_argv);
			assert_true(outcome == FAKE_ENTERED || outcome == FAKE_BLOCKED);
			assert_int_equal(fake_guest()->state,
			                 outcome == FAKE_ENTERED ? CENO_PROGRAM_RUNNING : CENO_PROGRAM_REFUSED);
			assert_int_equal(fake_guest()->detail == 0, outcome == FAKE_ENTERED);
		}
	}
	free(copy);
}

static uint32_t refusal_of_args(const void *args, size_t bytes)
{
	struct fake_file file = fake_program("/bin/p");
	enum fake_outcome outcome = fake_boot_args(&file, 1, args, bytes);

	assert_true(outcome == FAKE_ENTERED || outcome == FAKE_BLOCKED);
	assert_int_equal(fake_guest()->detail, outcome == FAKE_ENTERED ? 0 : EINVAL);
	return outcome == FAKE_ENTERED ? CENO_REFUSAL_NONE : fake_guest()->refusal;
}

static void test_args(void **state)
{
	static const char good[] = "\1\0\0\0\0\0\0\0/bin/p\0p\0/";
	char bad[sizeof(good) + 1];

	(void)state;
	assert_int_equal(refusal_of_args(good, sizeof(good)), CENO_REFUSAL_NONE);
	for (size_t i = 0; i < sizeof(good); i++)
		assert_int_equal(refusal_of_args(good, i), CENO_REFUSAL_ARGS);
	memcpy(bad, good, sizeof(good));
	bad[sizeof(good)] = 0;
	assert_int_equal(refusal_of_args(bad, sizeof(good) + 1), CENO_REFUSAL_ARGS);
	for (size_t i = 0; i < 8; i++) {
		memcpy(bad, good, sizeof(good));
		bad[i] = (char)0xff;
		assert_int_equal(refusal_of_args(bad, sizeof(good)), CENO_REFUSAL_ARGS);
	}
	memcpy(bad, good, sizeof(good));
	bad[8] = 'x';
	assert_int_equal(refusal_of_args(bad, sizeof(good)), CENO_REFUSAL_ARGS);
	bad[8] = '/';
	bad[sizeof(good) - 2] = 'x';
	assert_int_equal(refusal_of_args(bad, sizeof(good)), CENO_REFUSAL_ARGS);
	bad[0] = 0;
	assert_int_equal(refusal_of_args(bad, sizeof(good)), CENO_REFUSAL_ARGS);
}

/* ---- ends ------------------------------------------------------------------------- */

static void assert_ended(enum fake_outcome outcome, uint32_t status, uint32_t signal_number)
{
	assert_int_equal(outcome, FAKE_BLOCKED);
	assert_int_equal(fake_guest()->state, CENO_PROGRAM_DONE);
	assert_int_equal(fake_guest()->exit_status, status);
	assert_int_equal(fake_guest()->signal, signal_number);
	assert_true(fake_guest()->done_tsc > fake_guest()->entry_tsc);
}

static void test_exit(void **state)
{
	(void)state;
	fake_start();
	sys(SYS_getpid, 0);
	assert_ended(fake_call(SYS_exit_group, (const uint64_t[6]){ 0x1ff }, NULL), 0xff, 0);
	assert_int_equal(fake_guest()->syscalls, 2);
	fake_start();
	assert_ended(fake_call(SYS_exit, (const uint64_t[6]){ 7 }, NULL), 7, 0);
}

static void test_faults(void **state)
{
	static const struct {
		uint64_t vector;
		uint32_t signal_number;
	} faults[] = { { 0, SIGFPE },  { 1, SIGTRAP },  { 3, SIGTRAP }, { 4, SIGSEGV }, { 6, SIGILL },
		       { 12, SIGBUS }, { 13, SIGSEGV }, { 16, SIGFPE }, { 17, SIGBUS }, { 19, SIGFPE } };

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		fake_start();
		assert_ended(fake_fault(faults[i].vector, 0, 0), 0, faults[i].signal_number);
	}
	fake_start();
	assert_ended(fake_fault(14, 4, 0), 0, SIGSEGV);
	fake_start();
	assert_ended(fake_fault(14, 4, UINT64_MAX), 0, SIGSEGV);
	fake_start();
	assert_int_equal(fake_fault(CENO_VECTOR_TICK, 0, 0), FAKE_RETURNED);
	assert_int_equal(ceno_trap()->resume_rip, 0x401000);
	assert_int_equal(ceno_trap()->resume_rflags, 0x202);
}

static void test_signals(void **state)
{
	uint64_t page, action[4] = { 1, 0, 0, 0 }, set = 1ull << (SIGABRT - 1);

	(void)state;
	fake_start();
	assert_ended(fake_call(SYS_tgkill, (const uint64_t[6]){ 2, 2, SIGABRT }, NULL), 0, SIGABRT);
	fake_start();
	assert_ended(fake_call(SYS_kill, (const uint64_t[6]){ 0, SIGTERM }, NULL), 0, SIGTERM);
	fake_start();
	page = fake_page();
	assert_int_equal(sys(SYS_kill, 99, SIGTERM), -ESRCH);
	assert_int_equal(sys(SYS_kill, 2, 65), -EINVAL);
	assert_int_equal(sys(SYS_kill, 2, 0), 0);
	assert_int_equal(sys(SYS_kill, 2, SIGCHLD), 0);
	fake_poke(page, action, sizeof(action));
	assert_int_equal(sys(SYS_rt_sigaction, SIGTERM, page, 0, 8), 0);
	assert_int_equal(sys(SYS_kill, 2, SIGTERM), 0); /* ignored */
	action[0] = 0x401000;
	fake_poke(page, action, sizeof(action));
	assert_int_equal(sys(SYS_rt_sigaction, SIGTERM, page, page + 100, 8), 0);
	fake_peek(action, page + 100, sizeof(action));
	assert_int_equal(action[0], 1);
	assert_int_equal(sys(SYS_rt_sigaction, SIGKILL, page, 0, 8), -EINVAL);
	assert_int_equal(sys(SYS_rt_sigaction, 0, page, 0, 8), -EINVAL);
	assert_int_equal(sys(SYS_rt_sigaction, 65, page, 0, 8), -EINVAL);
	assert_int_equal(sys(SYS_rt_sigaction, SIGTERM, BAD, 0, 8), -EFAULT);
	fake_poke(page, &set, 8);
	assert_int_equal(sys(SYS_rt_sigprocmask, SIG_BLOCK, page, page + 8, 8), 0);
	assert_int_equal(sys(SYS_kill, 2, SIGABRT), 0); /* blocked: remembered */
	assert_int_equal(sys(SYS_rt_sigpending, page, 8), 0);
	fake_peek(&set, page, 8);
	assert_int_equal(set, 1ull << (SIGABRT - 1));
	assert_ended(fake_call(SYS_rt_sigprocmask, (const uint64_t[6]){ SIG_UNBLOCK, page, 0, 8 }, NULL), 0, SIGABRT);
}

static void test_enosys(void **state)
{
	(void)state;
	fake_start();
	assert_int_equal(sys(SYS_ptrace, 1, 2, 3, 4, 5, 6), -ENOSYS);
	assert_int_equal(sys(SYS_bpf, 0), -ENOSYS);
	assert_int_equal(sys(SYS_bpf, 0), -ENOSYS);
	assert_int_equal(sys(SYS_mount, 0), -ENOSYS);
	assert_int_equal(sys(UINT64_MAX, 0), -ENOSYS);
	assert_int_equal(sys(0x40000000, 0), -ENOSYS);
	for (int i = 0; i < 100; i++)
		assert_int_equal(sys(1000 + i, 0), -ENOSYS);
	fake_call(SYS_exit_group, (const uint64_t[6]){ 0 }, NULL);
	assert_int_equal(fake_guest()->enosys_distinct, CENO_ENOSYS_SLOTS);
	assert_int_equal(fake_guest()->enosys_other, 105 - CENO_ENOSYS_SLOTS);
	assert_int_equal(fake_guest()->enosys[0].number, SYS_ptrace);
	assert_int_equal(fake_guest()->enosys[1].number, SYS_bpf);
	assert_int_equal(fake_guest()->enosys[1].count, 2);
	assert_string_equal(fake_guest()->enosys_program[1], "p");
	assert_int_equal(fake_guest()->syscalls, 107);
}

/* ---- the next program ---------------------------------------------------------------- */

static int waits;

static int ask_again(void)
{
	static const char *const argv[] = { "/bin/p", "second", NULL }, *const env[] = { NULL };
	int64_t bytes;

	if (waits++)
		return 0;
	bytes = ceno_pack_args_format(fake_window() + CENO_STDIO_REQUEST_OFFSET, CENO_STDIO_REQUEST_MAX, "/bin/p", argv,
	                              env, "/tmp");
	fake_host()->request_bytes = (uint32_t)bytes;
	fake_host()->request_seq = 2;
	return 1;
}

static int ask_to_stop(void)
{
	fake_host()->shutdown = 1;
	return 1;
}

static int ask_without_memory(void)
{
	for (unsigned order = CENO_ORDER_LARGE + 1; order-- > 0;)
		while (ceno_frames_alloc(order) != CENO_NO_FRAME)
			;
	return ask_again();
}

static int ask_too_much(void)
{
	if (waits++)
		return 0;
	fake_host()->request_bytes = CENO_STDIO_REQUEST_MAX + 1;
	fake_host()->request_seq = 2;
	return 1;
}

static void test_next(void **state)
{
	uint64_t at, name;
	char s[16], zero[64] = { 0 }, seen[64];

	(void)state;
	fake_start();
	name = fake_string("/tmp/left");
	assert_int_equal(sys(SYS_open, name, O_CREAT | O_WRONLY, 0600), 3);
	at = fake_page();
	fake_poke(at, "secret of the first program", 27);
	sys(SYS_arch_prctl, 0x1002, 0x1234000);
	waits = 0;
	fake_on_wait = ask_again;
	assert_int_equal(fake_call(SYS_exit_group, (const uint64_t[6]){ 3 }, NULL), FAKE_ENTERED);
	assert_int_equal(fake_guest()->seq, 2);
	assert_int_equal(fake_guest()->state, CENO_PROGRAM_RUNNING);
	assert_int_equal(fake_guest()->exit_status, 0);
	text(s, word(ceno_trap()->gpr[CENO_RSP] + 16));
	assert_string_equal(s, "second");
	fake_on_wait = NULL;
	name = fake_string("/tmp/left");
	assert_int_equal(sys(SYS_open, name, O_RDONLY, 0), 3); /* files stay, descriptors do not */
	assert_int_equal(sys(SYS_getcwd, name, 10), 5);
	for (int i = 0; i < 200; i++) {
		at = fake_page();
		fake_peek(seen, at, sizeof(seen));
		assert_memory_equal(seen, zero, sizeof(zero));
	}
	assert_int_equal(sys(SYS_arch_prctl, 0x1003, at), 0);
	assert_int_equal(word(at), 0);
}

static void test_no_memory(void **state)
{
	(void)state;
	fake_start();
	waits = 0;
	fake_on_wait = ask_without_memory;
	assert_int_equal(fake_call(SYS_exit_group, (const uint64_t[6]){ 3 }, NULL), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->seq, 2);
	assert_int_equal(fake_guest()->state, CENO_PROGRAM_REFUSED);
	assert_int_equal(fake_guest()->refusal, CENO_REFUSAL_MEMORY);
	assert_int_equal(fake_guest()->detail, ENOMEM);
}

static void test_stop(void **state)
{
	(void)state;
	fake_start();
	fake_on_wait = ask_to_stop;
	assert_int_equal(fake_call(SYS_exit_group, (const uint64_t[6]){ 3 }, NULL), FAKE_HALTED);
	fake_start();
	waits = 0;
	fake_on_wait = ask_too_much;
	assert_int_equal(fake_call(SYS_exit_group, (const uint64_t[6]){ 3 }, NULL), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->state, CENO_PROGRAM_REFUSED);
	assert_int_equal(fake_guest()->refusal, CENO_REFUSAL_ARGS);
	assert_int_equal(fake_guest()->detail, EINVAL);
	assert_int_equal(fake_guest()->seq, 2);
}

static void test_no_window(void **state)
{
	const char *const argv[] = { "/bin/p", NULL };
	struct fake_file file = fake_program("/bin/p");
	const uint32_t all = fake_pledge;

	(void)state;
	fake_pledge = all & ~(1u << CENO_PLEDGE_STDIO);
	assert_int_equal(fake_boot(&file, 1, argv), FAKE_ABORTED);
	fake_pledge = all;
	assert_int_equal(fake_boot(&file, 1, argv), FAKE_ENTERED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_state),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_every_byte_of_the_headers),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_enosys),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_no_window),
	};

	return cmocka_run_group_tests_name("membrane process", tests, NULL, NULL);
}
