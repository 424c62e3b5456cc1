/*
 * Reads in a row, which in a session mostly are no calls (services/entry/ahead.h): whatever
 * comes between them, the program sees what it would see if each were one. Its file is its own
 * executable, which lies in the pack. All of it holds on Linux and in a session.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROW     20 /* reads, after which the next are no calls */
#define PIECE   509u
#define NOWHERE ((void *)0x10)
#define FOREIGN ((void *)0x8000000000000000)

static const unsigned char *whole; /* the file, mapped */
static size_t bytes;
static unsigned char buffer[1 << 16];

static void check(const char *what, int holds)
{
	printf("%s: %s\n", what, holds ? "ok" : "FAILED");
	fflush(stdout);
	if (!holds)
		exit(1);
}

/* Reads one piece; whether it is the file's at `at`, which it moves on. */
static int next(int fd, size_t *at, size_t piece)
{
	ssize_t got = read(fd, buffer, piece);
	size_t want = piece < bytes - *at ? piece : bytes - *at;
	int same = got == (ssize_t)want && memcmp(buffer, whole + *at, want) == 0;

	*at += want;
	return same;
}

/* A new descriptor of the file, and a row of reads from it; nothing else is called after them. */
static int begun(size_t *at, size_t piece)
{
	int fd = open("/proc/self/exe", O_RDONLY), same = fd >= 0;

	*at = 0;
	for (int i = 0; i < ROW; i++)
		same &= next(fd, at, piece);
	if (!same)
		check("a row of reads", 0);
	return fd;
}

static void contents(void)
{
	static const size_t pieces[] = { 1, 7, 4096, 5000, 32768, 65536 };

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t at;
		int fd = begun(&at, pieces[i]), same = 1;

		while (at < bytes && (pieces[i] > 1 || at < 20000))
			same &= next(fd, &at, pieces[i]);
		same &= at < bytes || (read(fd, buffer, 5) == 0 && read(fd, buffer, 5) == 0);
		close(fd);
		check("pieces of one size, up to the end", same);
	}
}

static void sizes(void)
{
	size_t at;
	int fd = begun(&at, PIECE), same = 1;

	for (size_t piece = 1; at < bytes; piece = piece * 3 % 65521)
		same &= next(fd, &at, piece);
	close(fd);
	check("pieces of any size", same);
}

static void positions(void)
{
	size_t at;
	int fd = begun(&at, PIECE), other, status, both = 1;

	check("where it is", lseek(fd, 0, SEEK_CUR) == (off_t)at);
	fd = begun(&at, PIECE);
	check("pread elsewhere",
	      pread(fd, buffer, 100, 5) == 100 && !memcmp(buffer, whole + 5, 100) && next(fd, &at, PIECE));
	fd = begun(&at, PIECE);
	other = dup(fd);
	check("dup", next(other, &at, PIECE) && next(fd, &at, PIECE) && next(other, &at, PIECE));
	for (int i = 0; i < 2 * ROW; i++)
		both &= next(i % 2 ? fd : other, &at, PIECE);
	check("one position for both", both);
	fd = begun(&at, PIECE);
	if (fork() == 0)
		_exit(!(next(fd, &at, PIECE) && next(fd, &at, PIECE)));
	wait(&status);
	at += 2 * (size_t)PIECE;
	check("a child goes on", status == 0 && next(fd, &at, PIECE));
	fd = begun(&at, PIECE);
	check("elsewhere",
	      lseek(fd, 12345, SEEK_SET) == 12345 && (at = 12345) && next(fd, &at, PIECE) && next(fd, &at, 3));
	fd = begun(&at, PIECE);
	close(fd);
	check("closed", read(fd, buffer, PIECE) == -1 && errno == EBADF);
	fd = begun(&at, PIECE);
	other = open("/dev/null", O_RDONLY);
	dup2(other, fd);
	check("another file", read(fd, buffer, PIECE) == 0);
}

/* No call of the C library's: errno and its own calls would come between. */
static long read_raw(long fd, void *to, unsigned long size)
{
	long result;

	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"(SYS_read), "D"(fd), "S"(to), "d"(size)
	                 : "rcx", "r11", "memory");
	return result;
}

static void bad_addresses(void)
{
	char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t at;
	int fd;

	mprotect(two + 4096, 4096, PROT_NONE);
	fd = begun(&at, PIECE);
	check("nowhere", read_raw(fd, NOWHERE, PIECE) == -EFAULT && next(fd, &at, PIECE));
	fd = begun(&at, PIECE);
	check("not an address", read_raw(fd, FOREIGN, PIECE) == -EFAULT && next(fd, &at, PIECE));
	fd = begun(&at, PIECE);
	check("read-only", read_raw(fd, (void *)(uintptr_t)whole, PIECE) == -EFAULT && next(fd, &at, PIECE));
	fd = begun(&at, PIECE);
	check("no byte", read_raw(fd, buffer, 0) == 0 && next(fd, &at, PIECE));
	fd = begun(&at, PIECE);
	check("all bytes", read_raw(fd, buffer, -1ul) <= (long)(bytes - at));
	fd = begun(&at, PIECE);
	check("upper half of the descriptor", read_raw(fd | 1l << 32, buffer, PIECE) == PIECE);
	fd = begun(&at, PIECE);
	check("another descriptor", read_raw(fd + 1, buffer, PIECE) == -EBADF && next(fd, &at, PIECE));
	fd = begun(&at, PIECE);
	check("untouched memory",
	      read_raw(fd, mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), PIECE) ==
	          PIECE);
}

static int in_registers(long fd)
{
	uint64_t before[12], after[12], flags[2], *from = before, *to = after, *out = flags;

	for (int i = 0; i < 12; i++)
		before[i] = 0x0101010101010101ull * (unsigned)(i + 1);
	before[0] = (uint64_t)fd;
	before[1] = (uint64_t)(uintptr_t)buffer;
	before[2] = PIECE;
	__asm__ volatile(
	    "lea -256(%%rsp), %%rsp; push %%rbp; push %%rbx\n"
	    "mov %[before], %%rcx; push %[after]; push %[flags]\n"
	    "mov 0x00(%%rcx), %%rdi; mov 0x08(%%rcx), %%rsi; mov 0x10(%%rcx), %%rdx; mov 0x18(%%rcx), %%rbx\n"
	    "mov 0x20(%%rcx), %%rbp; mov 0x28(%%rcx), %%r8; mov 0x30(%%rcx), %%r9; mov 0x38(%%rcx), %%r10\n"
	    "mov 0x40(%%rcx), %%r12; mov 0x48(%%rcx), %%r13; mov 0x50(%%rcx), %%r14; mov 0x58(%%rcx), %%r15\n"
	    "xor %%eax, %%eax; push $0xad7; popf\n" /* CF PF AF ZF SF OF, IF */
	    "syscall\n"
	    "pushf; pop %%r11; mov (%%rsp), %%rcx; mov %%r11, (%%rcx); mov %%rax, 8(%%rcx)\n"
	    "mov 8(%%rsp), %%rcx\n"
	    "mov %%rdi, 0x00(%%rcx); mov %%rsi, 0x08(%%rcx); mov %%rdx, 0x10(%%rcx); mov %%rbx, 0x18(%%rcx)\n"
	    "mov %%rbp, 0x20(%%rcx); mov %%r8, 0x28(%%rcx); mov %%r9, 0x30(%%rcx); mov %%r10, 0x38(%%rcx)\n"
	    "mov %%r12, 0x40(%%rcx); mov %%r13, 0x48(%%rcx); mov %%r14, 0x50(%%rcx); mov %%r15, 0x58(%%rcx)\n"
	    "lea 16(%%rsp), %%rsp; pop %%rbx; pop %%rbp; lea 256(%%rsp), %%rsp\n"
	    : [before] "+a"(from), [after] "+d"(to), [flags] "+S"(out)
	    :
	    : "rcx", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
	return flags[1] == PIECE && (flags[0] & 0xcd5) == (0xad7 & 0xcd5) && memcmp(before, after, sizeof(before)) == 0;
}

/* At the lowest byte of what is mapped: whoever needs a stack for it has none. */
static long without_stack(long fd, char *lowest)
{
	long result;

	__asm__ volatile("mov %%rsp, %%rbx; mov %[lowest], %%rsp; syscall; mov %%rbx, %%rsp"
	                 : "=a"(result)
	                 : "a"(SYS_read), "D"(fd), "S"(buffer), "d"((unsigned long)PIECE), [lowest] "r"(lowest)
	                 : "rbx", "rcx", "r11", "memory");
	return result;
}

static void machine(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t at;
	int fd;

	mprotect(pages, 4096, PROT_NONE);
	fd = begun(&at, PIECE);
	check("registers and flags", in_registers(fd));
	fd = begun(&at, PIECE);
	check("no stack", without_stack(fd, pages + 4096) == PIECE);
	fd = open("/proc/self/exe", O_RDONLY);
	at = 0;
	__asm__ volatile("mov %0, %%ds" : : "r"(0x2b));
	check("DS, and no row", next(fd, &at, PIECE) && next(fd, &at, PIECE));
	__asm__ volatile("mov %0, %%ds" : : "r"(0));
	fd = begun(&at, PIECE);
	check("where it is", lseek(fd, 0, SEEK_CUR) == (off_t)at);
	__asm__ volatile("mov %0, %%ds" : : "r"(0x2b));
	check("DS, and a row that is over", read_raw(-1, buffer, PIECE) == -EBADF && next(fd, &at, PIECE));
	fd = begun(&at, PIECE);
	__asm__ volatile("mov %0, %%ds" : : "r"(0));
	check("no DS, and a row", next(fd, &at, PIECE) && next(fd, &at, PIECE));
}

/* ---- interruptions: every byte is read once, by somebody --------------------------------- */

static int shared;
static volatile uint64_t sum_handler, count_handler, signals;

static uint64_t sum_of(const unsigned char *at, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += at[i];
	return sum;
}

static void on_alarm(int signal)
{
	unsigned char own[200];
	ssize_t got = 0;

	(void)signal;
	for (int i = 0; i < ROW; i++) {
		got = read(shared, own, sizeof(own));
		if (got > 0) {
			sum_handler += sum_of(own, (size_t)got);
			count_handler += (uint64_t)got;
		}
	}
	signals++;
}

static void interruptions(void)
{
	const struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	const struct itimerval each = { { 0, 9000 }, { 0, 9000 } }, never = { { 0, 0 }, { 0, 0 } };
	int right = 1;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &each, NULL);
	for (int round = 0; signals < 12 && round < 1000000; round++) {
		uint64_t sum = 0, count = 0;
		ssize_t got;
		sigset_t set;

		shared = open("/proc/self/exe", O_RDONLY);
		sum_handler = count_handler = 0;
		while ((got = read(shared, buffer, round % 4 ? 1 + (unsigned)round * 7 % 16 : 20000)) > 0) {
			sum += round % 4 ? 0
					 : sum_of(buffer, (size_t)got); /* a call now and then would have the signals */
			count += (uint64_t)got;
		}
		sigemptyset(&set);
		sigaddset(&set, SIGALRM);
		sigprocmask(SIG_BLOCK, &set, NULL);
		right &= count + count_handler == bytes && (round % 4 || sum + sum_handler == sum_of(whole, bytes));
		close(shared);
		shared = -1;
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	check("handlers that read, too", right && signals >= 12);
}

static void *drain(void *result)
{
	static __thread unsigned char own[700];
	uint64_t *sum = result;
	ssize_t got;

	while ((got = read(shared, own, sizeof(own))) > 0)
		*sum += sum_of(own, (size_t)got);
	return NULL;
}

static void threads(void)
{
	pthread_t other;
	uint64_t sums[2] = { 0, 0 };
	size_t at;

	shared = begun(&at, PIECE);
	check("a thread", pthread_create(&other, NULL, drain, &sums[1]) == 0);
	drain(&sums[0]);
	pthread_join(other, NULL);
	check("two threads", sums[0] + sums[1] == sum_of(whole + at, bytes - at));
	shared = begun(&at, PIECE);
	if (vfork() == 0)
		_exit(read(shared, buffer, PIECE) != PIECE);
	at += PIECE;
	check("vfork", next(shared, &at, PIECE));
}

int main(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	struct stat st;

	fstat(fd, &st);
	bytes = (size_t)st.st_size;
	whole = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	check("a file", whole != MAP_FAILED && bytes > 400000);
	contents();
	sizes();
	positions();
	bad_addresses();
	machine();
	interruptions();
	threads();
	return 0;
}
