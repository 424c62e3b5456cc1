/*
 * What execve says of a file, held against the kernel that runs this test: the same
 * bytes are executed there and given to ceno_exec here. Programs are nothing but int3, so
 * one that starts dies of SIGTRAP; everything else is an errno or the signal that Linux
 * sends when it finds a file wrong too late.
 */
#include "test.h"

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-kernel/services/membrane/exec.h"
#include "guest-kernel/services/membrane/frames.h"
#include "guest-kernel/services/membrane/task.h"

#define BYTES  (4 * PAGE)
#define ROUNDS 900
#define INTERP 2048 /* where the path of the interpreter lies */

enum { STARTED = 1000 + SIGTRAP, SKIP = -1 };

static char directory[] = "/tmp/ceno-exec-XXXXXX", interpreter[64];
static uint64_t seed;

static uint64_t random_below(uint64_t n)
{
	seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
	return seed % n;
}

/* ---- files -------------------------------------------------------------------------- */

/* A program of three segments and, with interp, an interpreter. */
static void make(uint8_t *bytes, uint16_t type, const char *interp)
{
	uint64_t base = type == ET_EXEC ? 0x400000 : 0;
	Elf64_Ehdr h = { .e_ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 },
		         .e_type = type,
		         .e_machine = EM_X86_64,
		         .e_version = 1,
		         .e_entry = base + 0x1000,
		         .e_phoff = 64,
		         .e_ehsize = 64,
		         .e_phentsize = 56,
		         .e_phnum = interp ? 4 : 3 };
	Elf64_Phdr p[4] = {
		{ PT_LOAD, PF_R, 0, base, base, PAGE, PAGE, 4096 },
		{ PT_LOAD, PF_R | PF_X, PAGE, base + PAGE, base + PAGE, PAGE, PAGE, 4096 },
		{ PT_LOAD, PF_R | PF_W, 2 * PAGE + 16, base + 2 * PAGE + 16, base + 2 * PAGE + 16, 32, 0x5000, 4096 },
		{ PT_INTERP, PF_R, INTERP, base + INTERP, base + INTERP, interp ? strlen(interp) + 1 : 0, 0, 1 },
	};

	memset(bytes, 0xcc, BYTES);
	memcpy(bytes, &h, sizeof(h));
	memcpy(bytes + 64, p, sizeof(p));
	if (interp)
		strcpy((char *)bytes + INTERP, interp);
}

static uint64_t interesting(uint64_t old)
{
	static const uint64_t values[] = { 0,          1,
		                           2,          3,
		                           4,          5,
		                           6,          7,
		                           16,         55,
		                           56,         64,
		                           73,         74,
		                           4095,       4096,
		                           4097,       8192,
		                           0xffff,     0x1000,
		                           0x2000,     0x400000,
		                           0x401000,   0x402000,
		                           1 << 20,    1ull << 31,
		                           1ull << 32, 1ull << 40,
		                           1ull << 46, 0x7fffffffe000,
		                           1ull << 47, 1ull << 62,
		                           1ull << 63, UINT64_MAX - 4095,
		                           UINT64_MAX };

	switch (random_below(4)) {
	case 0:
		return old ^ 1ull << random_below(64);
	case 1:
		return old + random_below(3) - 1;
	default:
		return values[random_below(sizeof(values) / sizeof(values[0]))];
	}
}

static void mutate(uint8_t *bytes)
{
	static const uint8_t header[][2] = {
		{ 16, 2 }, { 18, 2 }, { 24, 8 }, { 32, 8 }, { 54, 2 }, { 56, 2 }, { 4, 1 }
	};
	static const uint8_t segment[][2] = {
		{ 0, 4 }, { 4, 4 }, { 8, 8 }, { 16, 8 }, { 32, 8 }, { 40, 8 }, { 48, 8 }
	};
	uint64_t value = 0, at, size, i;

	if (random_below(3) == 0) {
		i = random_below(sizeof(header) / 2);
		at = header[i][0];
		size = header[i][1];
	} else {
		i = random_below(sizeof(segment) / 2);
		at = 64 + 56 * random_below(4) + segment[i][0];
		size = segment[i][1];
	}
	memcpy(&value, bytes + at, size);
	value = interesting(value);
	memcpy(bytes + at, &value, size);
}

/* ---- the host --------------------------------------------------------------------------- */

static void child(int fd, int report, char *const argv[])
{
	static char *const environment[] = { NULL };
	const struct rlimit none = { 0, 0 };
	int error;

	setrlimit(RLIMIT_CORE, &none);
	alarm(2);
	if (geteuid() == 0 && (setgid(65534) || setuid(65534))) /* as programs in a session: no page 0 */
		_exit(99);
	syscall(SYS_execveat, fd, "", argv, environment, AT_EMPTY_PATH);
	error = errno;
	_exit(write(report, &error, sizeof(error)) != sizeof(error));
}

static int host_outcome(const void *bytes, size_t size, char *const argv[])
{
	int fd = memfd_create("program", 0), ends[2], status, error = 0;
	pid_t pid;

	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		child(fd, ends[1], argv);
	close(ends[1]);
	close(fd);
	if (read(ends[0], &error, sizeof(error)) != sizeof(error))
		error = 0;
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return error ? error : WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : 2000 + WEXITSTATUS(status);
}

/* ---- here --------------------------------------------------------------------------------- */

static struct ceno_inode *file_of(const void *bytes, size_t size)
{
	struct ceno_inode *file = ceno_inode_new(CENO_INODE_FILE, 0755);

	assert_non_null(file);
	file->uses++;
	assert_int_equal(ceno_inode_write(file, bytes, size, 0), (int64_t)size);
	return file;
}

/* What the first instruction does: SKIP if that cannot be told from its first byte. */
static int first_step(struct ceno_exec *exec)
{
	uint64_t got;
	int error = exec->rip < CENO_USER_END ? ceno_pages_fault(exec->vm, exec->rip, LX_PROT_EXEC) : -LX_EFAULT;
	const uint8_t *at;

	if (error < 0)
		return 1000 + (error == -LX_EIO ? SIGBUS : SIGSEGV);
	at = ceno_pages_reach(exec->vm, exec->rip, LX_PROT_READ, &got, &error);
	assert_non_null(at);
	return *at == 0xcc ? STARTED : SKIP;
}

static int outcome(const void *bytes, size_t size, const char *strings, uint64_t strings_bytes, uint32_t argc)
{
	struct ceno_exec exec = { .path = "/proc/self/fd/3",
		                  .file = file_of(bytes, size),
		                  .strings = strings,
		                  .strings_bytes = strings_bytes,
		                  .argc = argc,
		                  .stack_limit = 8 << 20 };
	struct ceno_inode *file = exec.file;
	int error = ceno_exec(&exec), result;

	if (error == CENO_EXEC_KILL) {
		result = 1000 + SIGSEGV;
	} else if (error) {
		result = -error;
	} else {
		result = first_step(&exec);
		ceno_vm_drop(exec.vm);
	}
	file->uses--;
	ceno_inode_settle(file);
	return result;
}

static int is_write_and_execute(const uint8_t *bytes)
{
	for (int i = 0; i < 4; i++) {
		Elf64_Phdr p;

		memcpy(&p, bytes + 64 + 56 * i, sizeof(p));
		if (p.p_type == PT_LOAD && (p.p_flags & PF_W) && (p.p_flags & PF_X))
			return 1;
	}
	return 0;
}

/* There is less RAM here than there. */
static int is_huge(const uint8_t *bytes, size_t size)
{
	for (int i = 0; i < 4 && size >= 64 + 56 * ((size_t)i + 1); i++) {
		Elf64_Phdr p;

		memcpy(&p, bytes + 64 + 56 * i, sizeof(p));
		if (p.p_type == PT_LOAD && p.p_memsz > FAKE_RAM_BYTES / 2 && p.p_memsz < 64ull << 30)
			return 1;
	}
	return 0;
}

/* ---- tests ------------------------------------------------------------------------------------ */

static char *const plain[] = { (char *)(uintptr_t) "p", NULL };

static void show(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size && i < 64 + 4 * 56; i++)
		print_message("%02x%s", bytes[i], (i < 64 ? i % 8 == 7 : (i - 64) % 56 % 8 == 7) ? "\n" : "");
	print_message("\n");
}

static const uint8_t *beside; /* another file that the test is about */

static void compare(const uint8_t *bytes, size_t size)
{
	uint64_t used = ceno_frames_used();
	int here = outcome(bytes, size, "p", 2, 1), there;

	assert_in_range(ceno_frames_used(), used, used + 1); /* a page for inodes */
	if (here == SKIP || is_huge(bytes, size))
		return;
	there = host_outcome(bytes, size, plain);
	if (here == EACCES && there != EACCES) {
		assert_true(is_write_and_execute(bytes)); /* a deliberate difference */
		return;
	}
	if (here != there) {
		show(beside ? beside : bytes, beside ? BYTES : size);
		fail_msg("here %d, there %d", here, there);
	}
}

static void test_good(void **state)
{
	uint8_t bytes[BYTES];

	(void)state;
	fake_start();
	make(bytes, ET_EXEC, NULL);
	assert_int_equal(outcome(bytes, BYTES, "p", 2, 1), STARTED);
	compare(bytes, BYTES);
	make(bytes, ET_DYN, NULL);
	assert_int_equal(outcome(bytes, BYTES, "p", 2, 1), STARTED);
	compare(bytes, BYTES);
	make(bytes, ET_DYN, "/no/such/interpreter");
	assert_int_equal(outcome(bytes, BYTES, "p", 2, 1), ENOENT);
	compare(bytes, BYTES);
	/* a segment over everything, the stack too */
	make(bytes, ET_EXEC, NULL);
	memcpy(bytes + 64 + 56 + 16, &(uint64_t){ 0x100001000 }, 8);
	memcpy(bytes + 64 + 56 + 32, &(uint64_t){ 0x7ffe00000000 }, 8);
	memcpy(bytes + 64 + 56 + 40, &(uint64_t){ 0x7ffe00000000 }, 8);
	assert_int_equal(outcome(bytes, BYTES, "p", 2, 1), 1000 + SIGSEGV);
	compare(bytes, BYTES);
	for (size_t size = 0; size < 320; size++) {
		make(bytes, ET_EXEC, NULL);
		compare(bytes, size);
	}
}

static void test_mutated(void **state)
{
	uint8_t bytes[BYTES];

	(void)state;
	fake_start();
	seed = 88172645463325252ull;
	for (int i = 0; i < ROUNDS; i++) {
		make(bytes, i % 2 ? ET_DYN : ET_EXEC, i % 5 == 0 ? "/no/such" : i % 5 == 1 ? "/" : NULL);
		for (uint64_t n = 1 + random_below(2); n; n--)
			mutate(bytes);
		compare(bytes, BYTES);
	}
}

/* An interpreter that exists in both places: the program is good, it is mutated. */
static void test_interpreters(void **state)
{
	static uint8_t program[BYTES], bytes[BYTES];

	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chmod(directory, 0755), 0);
	snprintf(interpreter, sizeof(interpreter), "%s/ld", directory);
	make(program, ET_DYN, interpreter);
	seed = 7172645463325252ull;
	for (int i = 0; i < 600; i++) {
		struct fake_file files[2] = { fake_program("/bin/p"),
			                      { interpreter, 0555 | CENO_PACK_PROGRAM, bytes, BYTES } };
		const char *const argv[] = { "/bin/p", NULL };
		size_t size = i % 7 == 0 ? random_below(200) : BYTES;
		int fd;

		beside = bytes;
		make(bytes, i % 2 ? ET_DYN : ET_EXEC, NULL);
		if (i > 1)
			mutate(bytes);
		if (i == 1 || i == 3)
			size = BYTES;
		files[1].bytes = size;
		fd = open(interpreter, O_CREAT | O_TRUNC | O_WRONLY, 0755);
		assert_int_equal(write(fd, bytes, size), (ssize_t)size);
		close(fd);
		assert_int_equal(fake_boot(files, 2, argv), FAKE_ENTERED);
		if (i == 1)
			assert_int_equal(outcome(program, BYTES, "p", 2, 1), STARTED);
		if (!is_write_and_execute(bytes) && !is_huge(bytes, size))
			compare(program, BYTES);
	}
	beside = NULL;
	unlink(interpreter);
	rmdir(directory);
}

/* ---- scripts ------------------------------------------------------------------------------- */

static void test_scripts(void **state)
{
	static const char *const scripts[] = {
		"#!",
		"#!\n",
		"#! \t \n",
		"#!/no/such\n",
		"#!  /no/such  \n",
		"#!/\n",
		"#!/etc\n",
		"# !/bin/sh\n",
		"",
		"\n",
		"#!/no/such with arguments\n",
		"#!\0/no/such\n",
		"#!/dev/null\n",
		"#!relative/no/such",
	};
	char text[600];

	(void)state;
	fake_start();
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		compare((const uint8_t *)scripts[i], i == 11 ? 13 : strlen(scripts[i]));
	for (size_t length = 230; length < 300; length++) { /* around what Linux reads of a script */
		memset(text, 'a', sizeof(text));
		memcpy(text, "#!/", 3);
		compare((const uint8_t *)text, length);
		text[length] = '\n';
		compare((const uint8_t *)text, length + 1);
		text[length] = ' ';
		compare((const uint8_t *)text, length + 20);
		memset(text + 2, ' ', length - 2);
		compare((const uint8_t *)text, length);
	}
}

/* What a script's interpreter is given. */
static void script_strings(const char *script, const char *want, uint32_t argc)
{
	struct fake_file files[] = { fake_program("/bin/p"),
		                     fake_program("/bin/i"),
		                     { "/bin/s2", 0555 | CENO_PACK_PROGRAM, "#!/bin/i two\n", 13 } };
	const char *const argv[] = { "/bin/p", NULL };
	struct ceno_exec exec = { .path = "/bin/script",
		                  .strings = "zero\0one\0A=b",
		                  .strings_bytes = 13,
		                  .argc = 2,
		                  .envc = 1,
		                  .stack_limit = 8 << 20 };
	uint64_t word, got;
	char seen[200];
	size_t length = 0;
	int error;

	assert_int_equal(fake_boot(files, 3, argv), FAKE_ENTERED);
	exec.file = file_of(script, strlen(script));
	assert_int_equal(ceno_exec(&exec), 0);
	assert_int_equal(*(uint64_t *)ceno_pages_reach(exec.vm, exec.rsp, LX_PROT_READ, &got, &error), argc);
	for (uint32_t i = 0; i < argc; i++) {
		word = *(uint64_t *)ceno_pages_reach(exec.vm, exec.rsp + 8 + 8 * i, LX_PROT_READ, &got, &error);
		length += (size_t)snprintf(seen + length, sizeof(seen) - length, "%s|",
		                           (char *)ceno_pages_reach(exec.vm, word, LX_PROT_READ, &got, &error));
	}
	assert_string_equal(seen, want);
	word = *(uint64_t *)ceno_pages_reach(exec.vm, exec.rsp + 8 * (argc + 2), LX_PROT_READ, &got, &error);
	assert_string_equal((char *)ceno_pages_reach(exec.vm, word, LX_PROT_READ, &got, &error), "A=b");
	ceno_vm_drop(exec.vm);
}

static void test_script_arguments(void **state)
{
	(void)state;
	script_strings("#!/bin/i\n", "/bin/i|/bin/script|one|", 3);
	script_strings("#! /bin/i  -x  -y \n", "/bin/i|-x  -y|/bin/script|one|", 4);
	script_strings("#!/bin/s2 one\n", "/bin/i|two|/bin/s2|one|/bin/script|one|", 6);
	script_strings("#!/bin/i", "/bin/i|/bin/script|one|", 3);
}

/* ---- sizes ------------------------------------------------------------------------------------ */

/* One string of `bytes` with its NUL, and `count` short ones, in both places. */
static void compare_sizes(size_t bytes, size_t count)
{
	uint8_t program[BYTES];
	char *strings = malloc(bytes + 2 * count), **argv = calloc(count + 2, sizeof(*argv)), *at = strings;

	make(program, ET_EXEC, NULL);
	memset(strings, 'a', bytes);
	strings[bytes - 1] = 0;
	argv[0] = strings;
	at += bytes;
	for (size_t i = 1; i <= count; i++, at += 2) {
		memcpy(at, "b", 2);
		argv[i] = at;
	}
	/* from a program's memory, so that its length is looked at */
	if (count == 0 || count > 100000) {
		int64_t gva = sys(SYS_mmap, 0, bytes + 2 * count + 8 * (count + 2), PROT_READ | PROT_WRITE,
		                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		uint64_t array = ((uint64_t)gva + bytes + 2 * count + 7) & ~7ull;
		struct ceno_exec exec = {
			.path = "p", .file = file_of(program, BYTES), .argv = array, .stack_limit = 8 << 20
		};
		int here;

		assert_int_equal(ceno_user_write((uint64_t)gva, strings, bytes + 2 * count), 0);
		for (size_t i = 0; i <= count; i++) {
			uint64_t pointer = (uint64_t)gva + (uint64_t)(argv[i] - strings);

			assert_int_equal(ceno_user_write(array + 8 * i, &pointer, 8), 0);
		}
		here = ceno_exec(&exec);
		if (!here)
			ceno_vm_drop(exec.vm);
		here = here ? -here : STARTED;
		assert_int_equal(here, host_outcome(program, BYTES, argv));
		assert_int_equal(sys(SYS_munmap, gva, bytes + 2 * count + 8 * (count + 2)), 0);
	}
	free(argv);
	free(strings);
}

static void test_sizes(void **state)
{
	const struct rlimit stack = { 8 << 20, 8 << 20 };

	(void)state;
	fake_start();
	setrlimit(RLIMIT_STACK, &stack);
	compare_sizes(1, 0);
	compare_sizes((128 << 10) - 1, 0);
	compare_sizes(128 << 10, 0);
	compare_sizes((128 << 10) + 1, 0);
	compare_sizes(1000, 200000);
	compare_sizes(1000, 209000);
	compare_sizes(1000, 209700);
	compare_sizes(1000, 230000);
	compare_sizes(1000, 400000);
}

static void test_bad_pointers(void **state)
{
	uint64_t page = fake_page(), bad = BAD;
	uint8_t program[BYTES];
	struct ceno_exec exec = { .path = "p", .stack_limit = 8 << 20 };

	(void)state;
	make(program, ET_EXEC, NULL);
	exec.file = file_of(program, BYTES);
	exec.argv = BAD;
	assert_int_equal(ceno_exec(&exec), -LX_EFAULT);
	exec.argv = 0;
	exec.envp = page + PAGE - 8; /* one pointer, and no end */
	assert_int_equal(ceno_user_write(exec.envp, &page, 8), 0);
	assert_int_equal(ceno_exec(&exec), -LX_EFAULT);
	exec.envp = page;
	assert_int_equal(ceno_user_write(page, &bad, 8), 0);
	assert_int_equal(ceno_exec(&exec), -LX_EFAULT);
	exec.envp = 0;
	assert_int_equal(ceno_exec(&exec), 0); /* neither: one empty argument */
	ceno_vm_drop(exec.vm);
	exec.file->mode &= ~0111u;
	assert_int_equal(ceno_exec(&exec), -LX_EACCES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_mutated),
		cmocka_unit_test(test_interpreters),
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_script_arguments),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test_setup(test_bad_pointers, start),
	};

	return cmocka_run_group_tests_name("membrane exec", tests, NULL, NULL);
}
