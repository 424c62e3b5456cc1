/*
 * Errors, against the coverage file: a few hundred calls of each number, their arguments taken from
 * what programs have and should not have, give no error that the file does not list of it. What it
 * lists must come, too, but for what only exhaustion, signals or other processes give.
 *
 * The same choices every time: each number has its own sequence of them. `print` prints what comes.
 */
#include "coverage.h"
#include "test.h"

#include <fcntl.h>
#include <sys/syscall.h>

#define CALLS  1500u
#define ROUNDS 30u
#define FRESH  100u /* calls before everything is made anew */
#define VALUES 40u

enum kind { PATH, DESCRIPTOR, MEMORY, NUMBER, KINDS };

static uint64_t values[KINDS][VALUES], seed;
static size_t count[KINDS];
static enum kind adding;
static uint64_t names[2]; /* addresses of sockets */

static uint64_t chance(uint64_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % below;
}

static void add(uint64_t value)
{
	assert_true(count[adding] < VALUES);
	values[adding][count[adding]++] = value;
}

static uint64_t open_file(const char *path, uint64_t flags)
{
	return (uint64_t)sys(SYS_open, fake_string(path), flags, 0644);
}

static void add_pair(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t page = fake_page();
	int32_t fds[2];

	assert_int_equal(number == SYS_pipe ? sys(number, page) : sys(number, a, b, c, page), 0);
	fake_peek(fds, page, sizeof(fds));
	add((uint64_t)fds[0]);
	add((uint64_t)fds[1]);
	if (chance(2))
		sys(SYS_write, fds[1], page, 5);
	if (!chance(4))
		sys(SYS_close, fds[chance(2)]);
}

static void make_files(void)
{
	static char longer[300], longest[4200];
	uint64_t rw = coverage_value("O_CREAT+O_RDWR");

	memset(longer, 'n', sizeof(longer) - 1);
	memset(longest, '/', sizeof(longest) - 1);
	assert_int_equal(sys(SYS_mkdir, fake_string("/tmp/d"), 0755), 0);
	assert_int_equal(sys(SYS_mkdir, fake_string("/tmp/shut"), 0), 0);
	assert_int_equal(sys(SYS_symlink, fake_string("/tmp/loop"), fake_string("/tmp/loop")), 0);
	assert_int_equal(sys(SYS_symlink, fake_string("d"), fake_string("/tmp/link")), 0);
	assert_int_equal(sys(SYS_mknod, fake_string("/tmp/fifo"), 0010644), 0);
	(void)sys(SYS_close, open_file("/tmp/d/f", rw));
	static const char *const paths[] = {
		"/tmp/d",         "/tmp/d/f",  "/tmp/loop",     "/tmp/link", "/tmp/fifo", "/tmp/none/x",
		"/tmp/new",       "/bin/p",    "/tmp/d/f/x",    "/",         "",          ".",
		"/tmp/shut/x",    "/dev/null", "/proc/self/fd", "/tmp/new/", "/dev/tty",  "/bin/new",
		"/proc/self/maps"
	};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		add(fake_string(paths[i]));
	add(fake_string(longer));
	uint64_t two = (uint64_t)sys(SYS_mmap, 0, 2 * PAGE, 3, 0x22, -1);
	fake_poke(two, longest, sizeof(longest));
	add(two);
}

static void make_descriptors(void)
{
	uint64_t page = fake_page(), rw = coverage_value("O_CREAT+O_RDWR");

	add(open_file("/tmp/d/f", rw));
	add(open_file("/tmp/d/f", 1));
	add(open_file("/tmp/d/f", coverage_value("O_RDWR+O_APPEND")));
	add(open_file("/bin/p", 0));
	add(open_file("/tmp", 0));
	add(open_file("/tmp/d", coverage_value("O_PATH")));
	add(open_file("/dev/zero", 2));
	add(open_file("/dev/full", 2));
	add_pair(SYS_pipe, 0, 0, 0);
	add_pair(SYS_pipe, 0, 0, 0);
	add_pair(SYS_socketpair, 1, 1, 0);
	add_pair(SYS_socketpair, 1, 2, 0);
	add_pair(SYS_socketpair, 1, 5, 0);
	add((uint64_t)sys(SYS_socket, 1, 1, 0));
	for (unsigned i = 0; i < 2; i++) { /* one listens, and one waits to be accepted */
		uint64_t name = page + 8 + 16 * i, socket = (uint64_t)sys(SYS_socket, 1, i ? 5 : 1, 0);

		fake_poke(name, i ? "\1\0/tmp/b" : "\1\0\0a", i ? 9 : 4);
		assert_int_equal(sys(SYS_bind, socket, name, i ? 8 : 4), 0);
		assert_int_equal(sys(SYS_listen, socket, 0), 0);
		sys(SYS_connect, sys(SYS_socket, 1, i ? 5 : 1, 0), name, i ? 8 : 4);
		add(socket);
		names[i] = name;
	}
	add((uint64_t)sys(SYS_epoll_create1, 0));
	add((uint64_t)sys(SYS_timerfd_create, 1, 0));
	add((uint64_t)sys(SYS_eventfd2, 1, 0));
	add((uint64_t)sys(SYS_memfd_create, page, 0));
	add(99);
	add((uint64_t)sys(SYS_signalfd, -1, page + 40, 8));
	add((uint64_t)sys(SYS_memfd_create, page, 2));
	sys(SYS_fcntl, values[adding][count[adding] - 1], 1033, 14);
}

/* Pages of what structures hold: lengths, places, small numbers, seldom nonsense. */
static void make_memory(void)
{
	uint64_t words[64], page;

	for (unsigned i = 0; i < 6; i++) {
		page = fake_page();
		for (unsigned w = 0; w < 64; w++)
			words[w] = i == 0 ? 0
			    : chance(3)   ? chance(12)
			    : chance(2)   ? page + 8 * chance(64)
					  : 1ull << chance(64);
		if (i == 1)
			words[0] = page + 8 * 3, words[1] = 5;
		fake_poke(page, words, sizeof(words));
		add(page);
		add(page + 8 * chance(64));
	}
	add(names[0]);
	add(names[1]);
	add(page + 4090);
	add(BAD);
	add((uint64_t)sys(SYS_mmap, 0, 16 * PAGE, 1, 0x22, -1));
	add((uint64_t)sys(SYS_mmap, 0, 4 * PAGE, 3, 0x21, -1));
}

static void make_numbers(void)
{
	static const uint64_t numbers[] = { 1024,           4096,       8192,      0x7fffffff, 0x80000000,
		                            0xffffffff,     1ull << 40, INT64_MAX, 1ull << 63, UINT64_MAX - 4095,
		                            (uint64_t)-100, 1000,       99,        0x21,       0x22,
		                            0x241 };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		add(numbers[i]);
}

static void fresh(void)
{
	fake_start();
	fake_host()->closed = 7;
	memset(count, 0, sizeof(count));
	adding = PATH;
	make_files();
	adding = DESCRIPTOR;
	make_descriptors();
	adding = MEMORY;
	make_memory();
	adding = NUMBER;
	make_numbers();
}

/* What should be there, mostly. */
static uint64_t choose(enum kind kind)
{
	switch (chance(kind == NUMBER ? 6 : 16)) {
	case 0:
		return chance(10);
	case 1:
		return kind == MEMORY ? 0 : 1ull << chance(32);
	case 2:
		return chance(2) ? UINT64_MAX : (uint64_t)AT_FDCWD;
	case 3:
		kind = kind == NUMBER
		    ? DESCRIPTOR
		    : (enum kind)chance(KINDS); /* addresses, as numbers, would depend on the layout */
		return values[kind][chance(count[kind])];
	default:
		return kind == NUMBER && chance(2) ? chance(9) : values[kind][chance(count[kind])];
	}
}

/* The kinds of a call's arguments; returns how many there are. */
static unsigned read_kinds(const char *args, enum kind kinds[6])
{
	static const char letters[] = "pfmn";
	unsigned n = 0;

	while (*args) {
		kinds[n++] = (enum kind)(strchr(letters, *args) - letters);
		args += strcspn(args, " ");
		args += *args == ' ';
	}
	return n;
}

/* Only these come with time, other processes, or when something is used up. */
static int is_rare(int error)
{
	static const int rare[] = { EAGAIN,    ECHILD, EDEADLK, EFBIG,        EINTR,  ELIBBAD,     EMFILE,
		                    EMSGSIZE,  ENFILE, ENOLCK,  ENOMEM,       ENOSPC, ENOEXEC,     EPIPE,
		                    ETIMEDOUT, EBUSY,  E2BIG,   ECONNREFUSED, EMLINK, ETOOMANYREFS };

	for (size_t i = 0; i < sizeof(rare) / sizeof(rare[0]); i++)
		if (rare[i] == error)
			return 1;
	return 0;
}

/* Too unlikely to come by chance: unit_membrane_events and unit_membrane_memory have them. */
static int is_elsewhere(const char *call, int error)
{
	if (strcmp(call, "epoll_ctl") == 0)
		return error == EEXIST || error == ENOENT || error == ELOOP;
	return strcmp(call, "mmap") == 0 &&
	    (error == EEXIST || error == ENODEV || error == EOVERFLOW || error == EPERM);
}

static int is_listed(const struct coverage_call *call, int error)
{
	const json_t *name;
	size_t i;

	json_array_foreach(call->errors, i, name) if (coverage_errno(json_string_value(name)) == error) return 1;
	return 0;
}

static void walk(uint64_t number, uint64_t round, const char *args, uint8_t seen[134])
{
	enum kind kinds[6];
	unsigned arguments = read_kinds(args, kinds);

	seed = number + 1 + round * 1000;
	for (unsigned i = 0; i < CALLS; i++) {
		uint64_t a[6] = { 0 };
		int64_t result;
		enum fake_outcome outcome;

		if (i % FRESH == 0)
			fresh();
		for (unsigned k = 0; k < arguments; k++)
			a[k] = choose(kinds[k]);
		outcome = fake_call(number, a, &result);
		if (outcome != FAKE_RETURNED)
			fresh();
		else if (result < 0 && result > -134)
			seen[-result] = 1;
	}
}

static int check(const struct coverage_call *call, const uint8_t seen[134], int print)
{
	int bad = 0;

	if (print)
		printf("\"%s\": [", call->name);
	for (int error = 1; error < 134; error++) {
		int listed = is_listed(call, error);

		if (print && (seen[error] || (listed && is_rare(error))))
			printf("\"%s\", ", strerrorname_np(error));
		if (print || seen[error] == listed || (listed && (is_rare(error) || is_elsewhere(call->name, error))))
			continue;
		print_error("%s: %s %s\n", call->name, strerrorname_np(error),
		            listed ? "is listed and never came" : "came and is not listed");
		bad++;
	}
	if (print)
		printf("\"\"],\n");
	return bad;
}

static int misses(const struct coverage_call *call, const uint8_t seen[134])
{
	for (int error = 1; error < 134; error++)
		if (!seen[error] && is_listed(call, error) && !is_rare(error) && !is_elsewhere(call->name, error))
			return 1;
	return 0;
}

/* To print what comes, all rounds; to check, as many as it takes for what is listed to come. */
static int check_all(int print)
{
	const struct coverage_call *file = coverage_read();
	int bad = 0;

	for (uint64_t n = 0; n < COVERAGE_END; n++) {
		uint8_t seen[134] = { 0 };

		for (uint64_t round = 0; file[n].errors && round < ROUNDS; round++)
			if (print ? round < 6 : round == 0 || misses(&file[n], seen))
				walk(n, round, file[n].args, seen);
		if (file[n].errors)
			bad += check(&file[n], seen, print);
	}
	return bad;
}

static void test_errors(void **state)
{
	(void)state;
	assert_int_equal(check_all(0), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_errors) };

	if (argc == 2 && strcmp(argv[1], "print") == 0)
		return check_all(1);
	return cmocka_run_group_tests_name("membrane errors", tests, NULL, NULL);
}
