/*
 * Programs kept apart, from the attacker's side; on the host and in the guest. What a program
 * leaves in every place it can leave something is looked for by the next ones, in all memory
 * they can get and in their registers; memory of others is asked for by every way there is.
 *
 *   apart                 all of it
 *   apart leave WAY       leaves the secret somewhere, and ends
 *   apart look            1: there is a trace of it
 *
 * The secret is a word that is only ever whole in registers and in what is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/fpu_state.h"

#define MIB  (1ul << 20)
#define PAGE 4096ul
#define RUN  4 /* words of the secret one after another: what is left, not what was computed with */

static const volatile uint64_t half[2] = { 0x9c3f51d2a4e80b77, 0x3d86e2157bc94fa1 };
static int failures;

#define CHECK(x) \
	do { \
		if (!(x)) { \
			printf("apart.c:%d: " #x " (errno %d)\n", __LINE__, errno); \
			failures++; \
		} \
	} while (0)

static void *anonymous(size_t bytes, int flags)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

	if (at == MAP_FAILED)
		_exit(9);
	return at;
}

static int temporary(size_t bytes)
{
	char path[] = "/tmp/apart-XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || unlink(path) || ftruncate(fd, (off_t)bytes))
		_exit(9);
	return fd;
}

static int ended(pid_t child)
{
	int status = -1;

	CHECK(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* ---- leaving --------------------------------------------------------------------------- */

static uint64_t own_bss[MIB / 8];

static void fill(void *at, size_t bytes)
{
	volatile uint64_t *words = at;

	for (size_t i = 0; i < bytes / 8; i++)
		words[i] = half[0] ^ half[1];
}

__attribute__((noinline)) static void fill_stack(void)
{
	uint64_t local[MIB / 16];

	fill(local, sizeof(local));
}

static void fill_registers(void)
{
	static struct fpu_state state;

	fpu_pattern(&state, 3); /* another rounding, exceptions unmasked, no empty register */
	fill(state.vector, sizeof(state.vector));
	fpu_load(&state, 0);
}

static void *fill_thread(void *unused)
{
	(void)unused;
	fill_stack();
	fill_registers();
	syscall(SYS_pause);
	return NULL;
}

static void leave_file(void)
{
	int fd = temporary(MIB);
	char *at = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	fill(at, MIB);
	if (mmap(NULL, MIB, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ||
	    write(fd, at, MIB / 2) != MIB / 2)
		_exit(9);
	if (ftruncate(fd, 100))
		_exit(9);
}

static void leave_queues(void)
{
	int pipes[2], sockets[2];
	char *at = anonymous(MIB / 16, MAP_PRIVATE);

	fill(at, MIB / 16);
	if (pipe(pipes) || write(pipes[1], at, MIB / 16) <= 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) ||
	    write(sockets[0], at, 30000) <= 0)
		_exit(9);
}

static void leave(const char *way)
{
	pthread_t thread;

	if (!strcmp(way, "memory") || !strcmp(way, "killed"))
		fill(anonymous(3 * MIB, MAP_PRIVATE), 3 * MIB);
	else if (!strcmp(way, "large"))
		fill(anonymous(8 * MIB, MAP_PRIVATE), 8 * MIB);
	else if (!strcmp(way, "shared"))
		fill(anonymous(MIB, MAP_SHARED), MIB);
	else if (!strcmp(way, "heap"))
		fill(sbrk(2 * MIB), 2 * MIB);
	else if (!strcmp(way, "own") || !strcmp(way, "execve"))
		fill(own_bss, sizeof(own_bss));
	else if (!strcmp(way, "file"))
		leave_file();
	else if (!strcmp(way, "queues"))
		leave_queues();
	else if (pthread_create(&thread, NULL, fill_thread, NULL) || usleep(20000))
		_exit(9);
	fill_stack();
	fill_registers();
	if (!strcmp(way, "killed"))
		syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
	if (!strcmp(way, "execve")) {
		static char *const look[] = { "apart", "look", NULL }, *const none[] = { NULL };

		syscall(SYS_execve, "/proc/self/exe", look, none);
	}
	syscall(SYS_exit_group, 0);
}

/* ---- looking ---------------------------------------------------------------------------- */

static int runs_in(const volatile uint64_t *words, size_t count)
{
	int run = 0;

	for (size_t i = 0; i < count; i++) {
		run = (words[i] ^ half[0]) == half[1] ? run + 1 : 0;
		if (run == RUN)
			return 1;
	}
	return 0;
}

static int registers_tell(const struct fpu_state *s)
{
	const volatile uint64_t *words = (const void *)s->vector;

	for (size_t i = 0; i < sizeof(s->vector) / 8; i++)
		if ((words[i] ^ half[0]) == half[1])
			return 1;
	return 0;
}

/* Memory from wherever a program can get it, read but not written, or written only in part. */
static void take_memory(void)
{
	volatile char *at = anonymous(8 * MIB, MAP_PRIVATE);
	int fd = temporary(MIB), pipes[2];
	static char bytes[65536];

	for (size_t i = 0; i < 8 * MIB; i += 3 * PAGE)
		at[i] = 1;
	for (int i = 0; i < 32; i++)
		((volatile char *)anonymous(PAGE, MAP_PRIVATE))[i] = 1;
	((volatile char *)anonymous(MIB, MAP_SHARED))[0] = 1;
	at = sbrk(3 * MIB);
	at[0] = 1;
	at = mremap(anonymous(PAGE, MAP_PRIVATE), PAGE, MIB, MREMAP_MAYMOVE);
	at[PAGE] = 1;
	if (mmap(NULL, MIB, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED || pwrite(fd, "0123456789", 10, 5000) != 10)
		_exit(9);
	if (mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) == MAP_FAILED ||
	    pread(fd, bytes, sizeof(bytes), 0) != sizeof(bytes) || pipe(pipes) || write(pipes[1], "x", 1) != 1)
		_exit(9);
}

__attribute__((noinline)) static int stack_tells(void)
{
	volatile uint64_t local[MIB / 16];

	__asm__ volatile("" : "=m"(local)); /* as it was found */
	return runs_in(local, sizeof(local) / sizeof(local[0]));
}

static int memory_tells(void)
{
	static char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");
	int told = 0;

	while (maps && fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		char access;

		if (sscanf(line, "%lx-%lx %c", &from, &to, &access) != 3 || access != 'r' || strstr(line, "[v"))
			continue;
		told |= runs_in((void *)from, (to - from) / 8);
	}
	return !maps || told;
}

static int look(const struct fpu_state *began)
{
	int told = stack_tells();

	if (began)
		told |= registers_tell(began) || began->legacy.mxcsr != 0x1f80 || began->legacy.fcw != 0x37f ||
		    began->legacy.ftw;
	take_memory();
	return told | memory_tells();
}

static pid_t run(const char *what, const char *way)
{
	pid_t child = fork();

	if (!child) {
		execl("/proc/self/exe", "apart", what, way, NULL);
		_exit(9);
	}
	return child;
}

/* What is there is found. */
static void test_itself(void)
{
	static struct fpu_state now;
	pid_t child = fork();

	if (!child) {
		fill(anonymous(PAGE, MAP_PRIVATE), 8 * RUN);
		_exit(look(NULL));
	}
	CHECK(ended(child) == 1);
	child = fork();
	if (!child) {
		fill_registers();
		fpu_store(&now, 0);
		syscall(SYS_exit_group, registers_tell(&now));
	}
	CHECK(ended(child) == 1);
}

static void test_left(void)
{
	static const char *const ways[] = { "memory", "killed", "large", "shared", "heap",
		                            "own",    "execve", "file",  "queues", "thread" };

	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int before = failures;
		pid_t child;

		CHECK(ended(run("leave", ways[i])) == (strcmp(ways[i], "killed") ? 0 : 1000 + SIGKILL));
		child = fork();
		if (!child)
			_exit(look(NULL));
		CHECK(ended(child) == 0);
		CHECK(ended(run("leave", ways[i])) < 2000);
		CHECK(ended(run("look", NULL)) == 0);
		printf("%s: %s\n", ways[i], failures == before ? "nothing is left" : "FOUND");
	}
}

/* ---- reaching ---------------------------------------------------------------------------- */

static sigjmp_buf back;

static void jump_back(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

/* 1: the byte could be read, or written if store. */
static int reaches(uint64_t at, int store)
{
	if (sigsetjmp(back, 1))
		return 0;
	if (store)
		*(volatile char *)at = 1;
	else
		(void)*(volatile char *)at;
	return 1;
}

/* The kernel does it for whoever asks nicely. */
static int calls_reach(uint64_t at)
{
	struct iovec vector = { (void *)at, 8 };
	int pipes[2], reached = 0;

	if (pipe(pipes) || write(pipes[1], "12345678", 8) != 8)
		return -1;
	reached |= write(pipes[1], (void *)at, 8) >= 0 || errno != EFAULT;
	reached |= writev(pipes[1], &vector, 1) >= 0 || errno != EFAULT;
	reached |= read(pipes[0], (void *)at, 8) >= 0 || errno != EFAULT;
	reached |= syscall(SYS_pipe2, at, 0) >= 0 || errno != EFAULT;
	reached |= syscall(SYS_clock_gettime, CLOCK_MONOTONIC, at) >= 0;
	reached |= syscall(SYS_open, at, O_RDONLY) >= 0 || errno != EFAULT;
	reached |= syscall(SYS_rt_sigaction, SIGUSR1, NULL, at, 8) >= 0;
	reached |= syscall(SYS_futex, at & ~3ull, 0 /* WAIT */, 0, NULL) >= 0 || errno != EFAULT;
	close(pipes[0]);
	close(pipes[1]);
	return reached;
}

static void test_kernels(void)
{
	/* In the guest: a trap page, the boot page, membrane, the bundle, membrane's windows over
	 * RAM and pack, FPU areas; then the upper half. Nothing on the host. */
	static const uint64_t places[] = {
		0x1f001000,         0x1f003000,         0x1f010000,         0x10000000,         0x10018000,
		0x20000000,         0x200000000000,     0x200000400000,     0x300000000000,     0x7fc00000,
		0x7ffffffff000,     0x800000000000,     0xffff7fffffffffff, 0xffff800000000000, 0xffff900000000000,
		0xffffff8000000000, 0xffffffff80000000, 0xffffffffffffe000, 0xfffffffffffffff8
	};
	uint64_t random = 0x1234567;
	int reached = 0;

	signal(SIGSEGV, jump_back);
	signal(SIGBUS, jump_back);
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		reached += reaches(places[i], 0) + reaches(places[i], 1) + calls_reach(places[i]);
	for (int i = 0; i < 3000; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		reached += reaches(random >> 17 | 0xffff800000000000, i & 1);
	}
	reached += reaches(0x7ffff000, 1); /* the entry page may be read */
	CHECK(reached == 0);
	printf("where kernels are: %d reached\n", reached);
}

/* Mapping something where the kernel's own lies gets fresh memory there. */
static void test_over_kernels(void)
{
	static const uint64_t places[] = { 0x10000000, 0x1f000000, 0x20000000, 0x200000000000, 0x300000000000 };

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		uint64_t *at = mmap((void *)places[i], MIB, PROT_READ | PROT_WRITE,
		                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		CHECK((uint64_t)at == places[i]);
		for (size_t k = 0; k < MIB / 8; k++)
			if (at[k])
				CHECK(!"zero");
		memset(at, 0xff, MIB);
		CHECK(getppid() > 0 && munmap(at, MIB) == 0);
	}
	CHECK(mmap((void *)0xffff800000000000, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	      MAP_FAILED);
	printf("over kernels: fresh memory\n");
}

/* The host's administrator may do all this: only the guest is asked. */
static int others_reached(pid_t other, uint64_t at)
{
	struct iovec to = { &(uint64_t){ 0 }, 8 }, from = { (void *)at, 8 };
	struct utsname system;
	char path[64];

	if (uname(&system) || !strstr(system.release, "cenotaph"))
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/mem", other);
	return (open(path, O_RDONLY) >= 0) + (open("/proc/self/mem", O_RDWR) >= 0) + (open("/dev/mem", O_RDWR) >= 0) +
	    (open("/proc/kcore", O_RDONLY) >= 0) + (process_vm_readv(other, &to, 1, &from, 1, 0) >= 0) +
	    (process_vm_writev(other, &to, 1, &from, 1, 0) >= 0) + (ptrace(PTRACE_ATTACH, other, NULL, NULL) == 0) +
	    (ptrace(PTRACE_PEEKDATA, other, from.iov_base, NULL) != -1);
}

static void test_others(void)
{
	uint64_t *at = (uint64_t *)0x6a0000000000;
	pid_t other = fork();

	if (!other) {
		if (mmap(at, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at)
			_exit(9);
		fill(at, MIB);
		fill_registers();
		for (;;)
			syscall(SYS_sched_yield);
	}
	usleep(50000);
	CHECK(reaches((uint64_t)at, 0) == 0 && reaches((uint64_t)at, 1) == 0 && calls_reach((uint64_t)at) == 0);
	CHECK(others_reached(other, (uint64_t)at) == 0);
	CHECK(ended(run("look", NULL)) == 0);
	kill(other, SIGKILL);
	CHECK(ended(other) == 1000 + SIGKILL);
	printf("a living one's memory: not reached\n");
}

/* ---- what is everybody's ------------------------------------------------------------------ */

static volatile char *private;
static volatile int racing = 1;

static void *throw_away(void *unused)
{
	(void)unused;
	while (racing)
		madvise((void *)private, PAGE, MADV_DONTNEED);
	return NULL;
}

/* Copy on write, raced: the file that many read never changes. */
static void test_copies(void)
{
	int fd = open("/proc/self/exe", O_RDONLY), pipes[2];
	char before[64], after[64], ones[64];
	pthread_t thread;

	memset(ones, 0xee, sizeof(ones));
	private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(private != MAP_FAILED && pread(fd, before, sizeof(before), 0) == sizeof(before) && pipe(pipes) == 0);
	CHECK(pthread_create(&thread, NULL, throw_away, NULL) == 0);
	for (int i = 0; i < 2000; i++) {
		private[i % 64] = (char)0xee;
		if (i % 8 == 0)
			CHECK(write(pipes[1], ones, sizeof(ones)) == sizeof(ones) &&
			      read(pipes[0], (void *)private, sizeof(ones)) == sizeof(ones));
	}
	racing = 0;
	pthread_join(thread, NULL);
	CHECK(pread(fd, after, sizeof(after), 0) == sizeof(after) && !memcmp(before, after, sizeof(after)));
	printf("a file mapped privately: unchanged\n");
}

int main(int argc, char **argv)
{
	static struct fpu_state began;

	fpu_store(&began, 0);
	if (argc > 1 && !strcmp(argv[1], "look"))
		return look(&began);
	if (argc > 2)
		leave(argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	test_itself();
	test_left();
	test_kernels();
	test_over_kernels();
	test_others();
	test_copies();
	printf("%d failures\n", failures);
	return failures != 0;
}
