/*
 * The vDSO, as a program and its C library find it, and as a program attacks it. All of it holds
 * on Linux and in a session, and what is printed is the same; addresses and errors that only a
 * session has are checked there (in_session).
 *
 *   vdso DIRECTORY     the directory is not used
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 2000
#define PAGE   4096ul

typedef int clock_call(clockid_t, struct timespec *);

static uintptr_t image;
static clock_call *get;
static int (*of_day)(struct timeval *, struct timezone *);
static time_t (*seconds)(time_t *);
static int (*cpu_of)(unsigned *, unsigned *, void *);
static int failed;

static void check(const char *what, int holds)
{
	printf("%s: %s\n", what, holds ? "ok" : "FAILED");
	fflush(stdout);
	failed |= !holds;
}

/* ---- finding it, by the letter of the ELF specification ---------------------------- */

static const Elf64_Dyn *dynamic;

static const void *entry(Elf64_Sxword tag)
{
	for (const Elf64_Dyn *d = dynamic; d->d_tag != DT_NULL; d++)
		if (d->d_tag == tag)
			return (const void *)(image + d->d_un.d_ptr);
	return NULL;
}

/* The number of a version, with its names' hash checked; 0: it is not defined. */
static unsigned version(const char *name)
{
	const Elf64_Verdef *at = entry(DT_VERDEF);
	const char *strings = entry(DT_STRTAB);

	for (unsigned long hash;; at = (const void *)((const char *)at + at->vd_next)) {
		const Elf64_Verdaux *aux = (const void *)((const char *)at + at->vd_aux);
		const char *own = strings + aux->vda_name;

		hash = 0;
		for (const char *c = own; *c; c++) {
			hash = (hash << 4) + (unsigned char)*c;
			hash = (hash ^ (hash >> 24 & 0xf0)) & 0x0fffffff;
		}
		if (hash == at->vd_hash && strcmp(own, name) == 0)
			return at->vd_ndx;
		if (!at->vd_next)
			return 0;
	}
}

static uintptr_t symbol(const char *name)
{
	const Elf64_Sym *symbols = entry(DT_SYMTAB);
	const Elf64_Half *versions = entry(DT_VERSYM);
	const uint32_t *hash = entry(DT_HASH);
	const char *strings = entry(DT_STRTAB);

	for (uint32_t i = 1; i < hash[1]; i++)
		if (strcmp(strings + symbols[i].st_name, name) == 0 && symbols[i].st_shndx &&
		    ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC && (versions[i] & 0x7fff) == version("LINUX_2.6"))
			return image + symbols[i].st_value;
	return 0;
}

static void find(void *to, const char *name)
{
	uintptr_t at = symbol(name);

	check(name, at != 0);
	memcpy(to, &at, sizeof(at));
}

static void find_all(void)
{
	const Elf64_Ehdr *head;
	const Elf64_Phdr *p;

	image = getauxval(AT_SYSINFO_EHDR);
	check("AT_SYSINFO_EHDR", image != 0);
	if (!image)
		exit(1);
	head = (const void *)image;
	p = (const void *)(image + head->e_phoff);
	check("ELF", memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 && head->e_type == ET_DYN);
	for (int i = 0; i < head->e_phnum; i++)
		if (p[i].p_type == PT_DYNAMIC)
			dynamic = (const void *)(image + p[i].p_offset);
	find(&get, "__vdso_clock_gettime");
	find(&of_day, "__vdso_gettimeofday");
	find(&seconds, "__vdso_time");
	find(&cpu_of, "__vdso_getcpu");
	check("a version that is not there", version("LINUX_2.7") == 0);
	if (failed)
		exit(1);
}

/* ---- what it says -------------------------------------------------------------------- */

static int64_t ns(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t asked(clockid_t clock)
{
	struct timespec t = { -1, -1 };

	return syscall(SYS_clock_gettime, clock, &t) == 0 ? ns(t) : -1;
}

static int64_t told(clock_call *by, clockid_t clock)
{
	struct timespec t = { -1, -1 };

	return by(clock, &t) == 0 && t.tv_nsec >= 0 && t.tv_nsec < 1000000000 ? ns(t) : -1;
}

/* The call, the vDSO, the C library, the call: the time never goes backwards. */
static int agrees(clockid_t clock)
{
	int64_t last = asked(clock), start = last, now;

	for (int i = 0; i < ROUNDS; i++) {
		clock_call *const by[] = { get, clock_gettime, get };

		for (int k = 0; k < 4; k++, last = now) {
			now = k < 3 ? told(by[k], clock) : asked(clock);
			if (now < last)
				return 0;
		}
	}
	return start >= 0 && last - start < 60000000000;
}

static int day_agrees(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		int64_t before = asked(CLOCK_REALTIME) / 1000, between, after;
		struct timezone zone = { 77, 77 };
		struct timeval v;
		time_t kept, said;

		if (of_day(&v, &zone) || of_day(NULL, NULL) || zone.tz_minuteswest == 77 || zone.tz_dsttime == 77)
			return 0;
		between = (int64_t)v.tv_sec * 1000000 + v.tv_usec;
		said = seconds(&kept);
		after = asked(CLOCK_REALTIME) / 1000;
		if (before > between || between > after || v.tv_usec >= 1000000 || kept != said ||
		    said < before / 1000000 - 1 || said > after / 1000000)
			return 0;
	}
	return seconds(NULL) > 1600000000;
}

static void times(void)
{
	struct timespec t;
	unsigned cpu = 4096, node = 4096;

	check("CLOCK_REALTIME", agrees(CLOCK_REALTIME));
	check("CLOCK_MONOTONIC", agrees(CLOCK_MONOTONIC));
	check("CLOCK_MONOTONIC_RAW", agrees(CLOCK_MONOTONIC_RAW));
	check("CLOCK_BOOTTIME", agrees(CLOCK_BOOTTIME));
	check("CLOCK_REALTIME_COARSE", agrees(CLOCK_REALTIME_COARSE));
	check("CLOCK_MONOTONIC_COARSE", agrees(CLOCK_MONOTONIC_COARSE));
	check("processor time", agrees(CLOCK_PROCESS_CPUTIME_ID) && agrees(CLOCK_THREAD_CPUTIME_ID));
	check("gettimeofday and time", day_agrees());
	check("clocks that are not there", get(99, &t) == -EINVAL && get(15, &t) == -EINVAL && get(32, &t) == -EINVAL);
	check("getcpu", cpu_of(&cpu, &node, NULL) == 0 && cpu < 4096 && node < 4096 && cpu_of(NULL, NULL, NULL) == 0);
}

/* ---- signals while it runs ----------------------------------------------------------- */

static volatile sig_atomic_t rang, wrong;
static volatile int64_t latest;

static void ring(int number)
{
	int64_t now = told(get, CLOCK_MONOTONIC);

	(void)number;
	wrong |= now < latest;
	rang++;
}

static void interrupted(void)
{
	const struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, never = { { 0, 0 }, { 0, 0 } };
	int64_t end = asked(CLOCK_MONOTONIC) + 5000000000;

	signal(SIGALRM, ring);
	setitimer(ITIMER_REAL, &often, NULL);
	while (rang < 20 && latest < end) {
		int64_t now = told(get, CLOCK_MONOTONIC);

		wrong |= now < latest;
		latest = now;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	check("signals", rang >= 20 && !wrong);
}

/* ---- attacks -------------------------------------------------------------------------- */

static int in_session(void)
{
	return image == 0x7ffff100;
}

static const uintptr_t clock_page = 0x7fffe000;

/* What ends the child that does it: a signal, or 0. */
static int ends(void (*what)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		what();
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void give_nothing(void)
{
	struct timespec *volatile nowhere = NULL;

	clock_gettime(CLOCK_MONOTONIC, nowhere); /* EFAULT, if it were a call */
}
static void give_itself(void)
{
	get(CLOCK_MONOTONIC, (struct timespec *)image);
}
static void write_code(void)
{
	*(volatile char *)image = 0;
}
static void write_clock(void)
{
	*(volatile char *)(in_session() ? clock_page : image) = 1;
}
static void run_clock(void)
{
	uintptr_t at = in_session() ? clock_page : 0;
	void (*call)(void);

	memcpy(&call, &at, sizeof(at));
	call();
}

static void take_away(void)
{
	void *at = (void *)(image & ~(PAGE - 1)), *clock = (void *)clock_page;

	mprotect(at, PAGE, PROT_READ | PROT_WRITE);
	(void)mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)0x10000000);
	munmap(at, PAGE);
	munmap(clock, PAGE);
}

/* The kernel on behalf of the program. */
static int refused(long result, int error)
{
	return result == -1 && errno == error;
}

static void by_call(void)
{
	int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY), pipes[2], good = 1;
	const uintptr_t pages[] = { image & ~(PAGE - 1), clock_page };

	for (int i = 0; in_session() && i < 2; i++) {
		void *at = (void *)pages[i];

		good &= pipe(pipes) == 0 && write(pipes[1], "xxxxxxxx", 8) == 8;
		good &= refused(read(pipes[0], at, 8), EFAULT) && refused(read(zero, at, 8), EFAULT);
		good &= refused(mprotect(at, PAGE, PROT_READ | PROT_WRITE), ENOMEM);
		good &= mmap(at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED;
		good &= mremap(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT;
		good &= refused(madvise(at, PAGE, MADV_DONTNEED), ENOMEM) && munmap(at, PAGE) == 0;
		good &= told(get, CLOCK_MONOTONIC) >= 0; /* both are still there */
	}
	check("calls that would change it", good && zero >= 0 && null >= 0);
}

static void attacks(void)
{
	check("the C library uses it", ends(give_nothing) == SIGSEGV);
	check("what it writes is the program's", ends(give_itself) == SIGSEGV);
	check("its code cannot be written", ends(write_code) == SIGSEGV);
	check("nor its clock", ends(write_clock) == SIGSEGV);
	check("the clock is not code", ends(run_clock) == SIGSEGV);
	ends(take_away);
	check("a child that took it away took it from itself", told(get, CLOCK_MONOTONIC) >= 0 && ends(times) == 0);
	by_call();
}

int main(void)
{
	find_all();
	times();
	interrupted();
	attacks();
	return failed;
}
