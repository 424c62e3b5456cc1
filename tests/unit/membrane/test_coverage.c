/*
 * The coverage file (coverage.h) says what the code does, both ways: the calls of the dispatch
 * table are those it has as served, under Linux's numbers and names; every other number that
 * Linux has is there with a reason and is ENOSYS; of every flag argument, what it names is
 * served and everything else is refused as it says.
 */
#include "coverage.h"
#include "test.h"

#include <sys/syscall.h>

#include "guest-kernel/services/membrane/calls.h"
#include "guest-kernel/services/membrane/process.h"

static const struct {
	int number;
	const char *name;
} linux_calls[] = {
#include "linux_calls.inc"
};

static const char *served[COVERAGE_END] = {
#define SERVED(number, name) [number] = #name,
	CENO_CALLS(SERVED)
#undef SERVED
};

static void test_equal(void **state)
{
	const struct coverage_call *file = coverage_read();
	int bad = 0;

	(void)state;
	for (int n = 0; n < COVERAGE_END; n++) {
		const char *listed = file[n].errors ? file[n].name : NULL;

		if (!listed != !served[n] || (listed && strcmp(listed, served[n]) != 0)) {
			print_error("call %d: the file has %s as served, the code %s\n", n, listed ? listed : "nothing",
			            served[n] ? served[n] : "nothing");
			bad++;
		}
	}
	for (size_t i = 0; i < sizeof(linux_calls) / sizeof(linux_calls[0]); i++) {
		const char *name = file[linux_calls[i].number].name;

		if (!name || strcmp(name, linux_calls[i].name) != 0) {
			print_error("call %d is Linux's %s, the file has %s\n", linux_calls[i].number,
			            linux_calls[i].name, name ? name : "nothing");
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

static void test_numbers(void **state)
{
	int last = -1;

	(void)state;
#define CHECK(number, name) \
	assert_int_equal(number, SYS_##name); \
	assert_true((number) > last && (number) < CENO_CALLS_END); \
	last = (number);
	CENO_CALLS(CHECK)
#undef CHECK
}

/* What the measured programs call: all of them; with an honest answer; with full semantics. */
static const char *const needed[][2] = {
	{ "all",
	  " arch_prctl clone close dup2 getdents64 lseek mkdir mmap mprotect newfstatat openat pipe2 poll pread64 "
	  "pwrite64 read rename rt_sigaction rt_sigprocmask rt_sigreturn socketpair symlink unlink utimensat vfork "
	  "wait4 write writev execve exit exit_group " },
	{ "answer", " access epoll_ctl epoll_wait fcntl fdatasync futex getcwd getuid ioctl readlink rt_sigsuspend " },
	{ "full",
	  " brk chdir chmod chown fchown lchown fchownat clock_gettime clock_getres clock_nanosleep clone3 "
	  "close_range copy_file_range dup epoll_create1 fadvise64 fchdir fchmod fstatfs ftruncate getgid geteuid "
	  "getegid getresuid getresgid getgroups getpgrp getpid getppid getrandom gettid gettimeofday kill link "
	  "linkat madvise mkdirat munmap nanosleep open stat fstat lstat pipe fork prctl prlimit64 pselect6 readv "
	  "renameat2 rmdir rseq sched_getaffinity sched_yield sendfile set_robust_list set_tid_address setpgid "
	  "sigaltstack socket connect statfs statx symlinkat sysinfo tgkill time tkill umask uname unlinkat "
	  "faccessat2 mremap " },
};

static void test_needed(void **state)
{
	const struct coverage_call *file = coverage_read();
	size_t listed = 0, found = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (const char *at = needed[i][1]; (at = strchr(at + 1, ' ')) != NULL;)
			listed++;
	for (int n = 0; n < COVERAGE_END; n++) {
		char name[64];

		if (!file[n].name || !file[n].needed)
			continue;
		if (!file[n].errors)
			fail_msg("%s is needed and not served", file[n].name);
		snprintf(name, sizeof(name), " %s ", file[n].name);
		for (size_t i = 0; i < 3; i++)
			found += strcmp(file[n].needed, needed[i][0]) == 0 && strstr(needed[i][1], name);
	}
	assert_int_equal(found, listed);
}

static uint32_t counted(void)
{
	uint32_t sum = ceno_run.enosys_other;

	for (uint32_t i = 0; i < ceno_run.enosys_distinct; i++)
		sum += ceno_run.enosys[i].count;
	return sum;
}

/* ENOSYS for all that the file says it of, and for no other, whatever the arguments; counted. */
static void test_refused(void **state)
{
	const struct coverage_call *file = coverage_read();

	(void)state;
	for (uint64_t n = 0; n < 600; n++) {
		int known = n < COVERAGE_END && file[n].errors;
		uint32_t before;
		int64_t result;
		enum fake_outcome outcome;

		if (n == SYS_futex) /* operation 77 is unknown */
			continue;
		if (n % 16 == 0) {
			fake_start();
			fake_host()->closed = 1;
		}
		before = counted();
		outcome = fake_call(n, (const uint64_t[6]){ (uint64_t)-1, 77, 77, 77, 77, 77 }, &result);
		if (outcome != FAKE_RETURNED) {
			assert_true(known);
			fake_start();
			fake_host()->closed = 1;
			continue;
		}
		if ((result == -ENOSYS) == known || counted() != before + !known)
			fail_msg("call %d: %d, counted %u times", (int)n, (int)result, counted() - before);
	}
	fake_start();
	assert_true(fake_call(1ull << 30, (const uint64_t[6]){ 0 }, &(int64_t){ 0 }) == FAKE_RETURNED);
	assert_int_equal(ceno_run.enosys[0].number, 1 << 30);
}

/* ---- flags ------------------------------------------------------------------------------ */

/* What "@name" in a probe stands for, in a program that has just started. */
static uint64_t fixture(const char *name)
{
	static const char *const kinds[] = { "path",   "new",   "dir",      "fd",      "dirfd",   "pipe",  "pipew",
		                             "pipe2w", "sock",  "epoll",    "timerfd", "page",    "map",   "vector",
		                             "empty",  "stack", "free",     "memfd",   "timer",   "names", "args",
		                             "name",   "rseq",  "listener", "length",  "barriers" };
	uint64_t at, pair = fake_page();
	int32_t fds[2];
	size_t kind = 0;

	while (kind < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[kind], name) != 0)
		kind++;
	switch (kind) {
	case 0:
		at = fake_string("/tmp/file");
		(void)sys(SYS_close, sys(SYS_open, at, coverage_value("O_CREAT+O_RDWR"), 0644));
		return at;
	case 1:
		return fake_string("/tmp/new");
	case 2:
		return fake_string("/tmp");
	case 3:
		at = (uint64_t)sys(SYS_open, fake_string("/tmp/open"), coverage_value("O_CREAT+O_RDWR"), 0644);
		assert_int_equal(sys(SYS_ftruncate, at, 3 * PAGE), 0);
		return at;
	case 4:
		return (uint64_t)sys(SYS_open, fake_string("/tmp"), 0);
	case 5:
	case 6:
	case 7:
		assert_int_equal(sys(SYS_pipe, pair), 0);
		fake_peek(fds, pair, sizeof(fds));
		if (kind == 5)
			assert_int_equal(sys(SYS_write, fds[1], pair, 8), 8);
		return (uint64_t)fds[kind != 5];
	case 8:
		assert_int_equal(sys(SYS_socketpair, 1, 1, 0, pair), 0);
		fake_peek(fds, pair, sizeof(fds));
		assert_int_equal(sys(SYS_write, fds[1], pair, 8), 8);
		return (uint64_t)fds[0];
	case 9:
		return (uint64_t)sys(SYS_epoll_create1, 0);
	case 10:
		return (uint64_t)sys(SYS_timerfd_create, 1, 0);
	case 11:
		return pair;
	case 12:
		return (uint64_t)sys(SYS_mmap, 0, 4 * PAGE, 3, 0x22, -1);
	case 13:
		fake_poke(pair, (const uint64_t[2]){ pair + 64, 4 }, 16);
		return pair;
	case 14:
		return fake_string("");
	case 15:
		return pair + PAGE;
	case 16:
		at = (uint64_t)sys(SYS_mmap, 0, 4 * PAGE, 3, 0x22, -1);
		assert_int_equal(sys(SYS_munmap, at, 4 * PAGE), 0);
		return at;
	case 17:
		return (uint64_t)sys(SYS_memfd_create, fake_string("m"), 3);
	case 18:
		assert_int_equal(sys(SYS_timer_create, 1, 0, pair), 0);
		return 0;
	case 19:
		fake_poke(pair, (const uint64_t[7]){ 0, 0, pair + 128, 1 }, 56);
		fake_poke(pair + 128, (const uint64_t[2]){ pair + 256, 4 }, 16);
		return pair;
	case 20:
		fake_poke(pair, (const uint64_t[2]){ fake_string("p"), 0 }, 16);
		return pair;
	case 21:
		return fake_string("/bin/p");
	case 22:
		assert_int_equal(sys(SYS_rseq, pair, 32, 0, 1), 0);
		return pair;
	case 23:
		at = (uint64_t)sys(SYS_socket, 1, 1, 0);
		fake_poke(pair, "\1\0", 3);
		assert_int_equal(sys(SYS_bind, at, pair, 2), 0);
		assert_int_equal(sys(SYS_listen, at, 1), 0);
		assert_int_equal(sys(SYS_connect, sys(SYS_socket, 1, 1, 0), pair, 2), -EINVAL);
		return at;
	case 24:
		fake_poke(pair, &(uint32_t){ 8 }, 4);
		return pair;
	case 25:
		assert_int_equal(sys(SYS_membarrier, 16, 0), 0);
		return 0;
	default:
		fail_msg("no such fixture: %s", name);
		return 0;
	}
}

static uint64_t argument(const char *text)
{
	if (!text)
		return 0;
	if (text[0] == '@')
		return fixture(text + 1);
	return strchr("-0123456789", text[0]) ? strtoull(text, NULL, 0) : coverage_value(text);
}

/* Arguments with which a call succeeds, to which the flag is added or in which it is put; `only`:
 * for that one. */
static const struct probe {
	const char *call;
	unsigned arg;
	const char *only, *base[6];
} probes[] = {
#include "probes.inc"
};

static const struct probe *find_probe(const char *call, unsigned arg, const char *only)
{
	const struct probe *found = NULL;

	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		if (strcmp(probes[i].call, call) != 0 || probes[i].arg != arg)
			continue;
		if (!probes[i].only)
			found = &probes[i];
		else if (only && strcmp(probes[i].only, only) == 0)
			return &probes[i];
	}
	if (!found)
		fail_msg("no probe for argument %u of %s", arg, call);
	return found;
}

#define ENDED INT64_MAX /* the call did not come back to its program */

static int64_t try(uint64_t number, const struct probe *probe, uint64_t keep, uint64_t add)
{
	uint64_t a[6];
	int64_t result;

	fake_start();
	fake_host()->closed = 1;
	for (unsigned i = 0; i < 6; i++)
		a[i] = argument(probe->base[i]);
	a[probe->arg] = (a[probe->arg] & keep) | add;
	return fake_call(number, a, &result) == FAKE_RETURNED ? result : ENDED;
}

struct argument {
	const char *call, *others;
	uint64_t number;
	unsigned arg, low, above;
	const json_t *values, *bits;
	int bad;
};

static int is_one_of(const char *errors, int64_t result)
{
	for (;;) {
		size_t length = strcspn(errors, "|");
		char name[32];

		snprintf(name, sizeof(name), "%.*s", (int)length, errors);
		if (result == -coverage_errno(name))
			return 1;
		if (!errors[length])
			return 0;
		errors += length + 1;
	}
}

static void expect(struct argument *a, int holds, const char *what, uint64_t value, int64_t result)
{
	if (holds)
		return;
	print_error("%s, argument %u: %s (%#llx) gives %lld\n", a->call, a->arg, what, (unsigned long long)value,
	            (long long)result);
	a->bad++;
}

/* One that the file names is not refused as unknown ones are. */
static void check_named(struct argument *a, const char *name, int is_bit)
{
	uint64_t value = coverage_value(name);
	int64_t result = try(a->number, find_probe(a->call, a->arg, name), is_bit ? UINT64_MAX : 0, value);

	expect(a,
	       result != -ENOSYS && result != -EFAULT && result != -EBADF && result != -EINVAL &&
	           (strcmp(a->others, "ignored") == 0 || !is_one_of(a->others, result)),
	       name, value, result);
}

static void check_other(struct argument *a, uint64_t value, int is_bit)
{
	const struct probe *probe = find_probe(a->call, a->arg, NULL);
	int64_t result = try(a->number, probe, is_bit ? UINT64_MAX : 0, value), plain;

	if (strcmp(a->others, "ignored") == 0) {
		plain = try(a->number, probe, UINT64_MAX, 0);
		expect(a, plain < 0 ? plain == result : result >= 0, "an ignored one", value, result);
	} else {
		expect(a, is_one_of(a->others, result), "one that is not named", value, result);
	}
}

static int is_named(const json_t *names, uint64_t value, int as_bit)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		uint64_t one = coverage_value(json_string_value(name));

		if (as_bit ? (one & value) != 0 : one == value)
			return 1;
	}
	return 0;
}

static void check_values(struct argument *a)
{
	const json_t *name;
	size_t i;

	json_array_foreach(a->values, i, name) check_named(a, json_string_value(name), 0);
	for (uint64_t value = 0; value < 64 + 32; value++) {
		uint64_t other = value < 64 ? value : 1ull << (value - 64);

		if (a->low && other >> a->low)
			continue;
		if (!is_named(a->values, other, 0) && !is_named(a->bits, other, 1))
			check_other(a, other, 0);
	}
}

static void check_bits(struct argument *a)
{
	const json_t *name;
	size_t i;

	json_array_foreach(a->bits, i, name) check_named(a, json_string_value(name), 1);
	for (unsigned bit = a->above; bit < 32 && !a->values; bit++)
		if (!is_named(a->bits, 1ull << bit, 1))
			check_other(a, 1ull << bit, 1);
}

static void test_flags(void **state)
{
	const struct coverage_call *file = coverage_read();
	int bad = 0, arguments = 0;

	(void)state;
	for (uint64_t n = 0; n < COVERAGE_END; n++) {
		const json_t *flags;
		size_t i;

		json_array_foreach(file[n].flags, i, flags)
		{
			struct argument a = { .call = file[n].name,
				              .number = n,
				              .arg = (unsigned)json_integer_value(json_object_get(flags, "arg")),
				              .low = (unsigned)json_integer_value(json_object_get(flags, "low")),
				              .above = (unsigned)json_integer_value(json_object_get(flags, "above")),
				              .others = json_string_value(json_object_get(flags, "others")),
				              .values = json_object_get(flags, "values"),
				              .bits = json_object_get(flags, "bits") };

			assert_non_null(a.others);
			assert_true(a.values || a.bits);
			if (a.values)
				check_values(&a);
			check_bits(&a);
			bad += a.bad;
			arguments++;
		}
	}
	assert_int_equal(bad, 0);
	assert_true(arguments > 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal),   cmocka_unit_test(test_numbers), cmocka_unit_test(test_needed),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_flags),
	};

	return cmocka_run_group_tests_name("membrane coverage", tests, NULL, NULL);
}
