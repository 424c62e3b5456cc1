/*
 * The warden's protocol, path by path: how a session starts, every way it ends,
 * and what must never happen on the way. The vmm is played by fake_vmm, inside
 * the real jail. Needs root and user namespaces.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "guest-kernel/abi/window.h"
#include "tests/lib/rig.h"
#include "vmm/sandbox/jail.h"
#include "vmm/warden/lanes.h"
#include "vmm/warden/lockdown.h"

#define CANARY "c3a1f00d5eedbeefc3a1f00d5eedbee1"

static const struct ceno_rig_options plain = { .vmm = FAKE_VMM, .firmware = -1, .trust = -1, .bundle = -1 };

static struct ceno_rig rig;

static int teardown(void **state)
{
	(void)state;
	ceno_rig_close(&rig);
	memset(&rig, 0, sizeof rig);
	return 0;
}

static void begin(const struct ceno_rig_options *options, const char *behaviour)
{
	const char *const argv[] = { "program", behaviour, CANARY, "8", NULL };
	ceno_rig_open(&rig, options);
	ceno_rig_run(&rig, argv);
}

/* ---- the ends of a session ---------------------------------------------------- */

static void a_program_that_ends_is_destroyed_and_proven(void **state)
{
	(void)state;
	begin(&plain, "exit");
	ceno_rig_expect_proof(&rig, "exit");
	assert_true(rig.launched);
	assert_int_equal(rig.programs, 1);
	assert_true(rig.destroying && rig.destroyed);
	assert_int_equal(rig.ending.code, CENO_CAUSE_EXIT);
	assert_true(rig.random_asked);
	assert_true(ceno_rig_payload_has(&rig, "\"random_source\":\"tpm\""));
	if (getenv("CENO_SHOW"))
		printf("%s\n", rig.payload.bytes);
}

static void a_request_ends_it(void **state)
{
	(void)state;
	begin(&plain, "run");
	ceno_rig_until(&rig, &rig.launched, 5000);
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	ceno_rig_expect_proof(&rig, "request");
}

static void a_client_that_disconnects_ends_it(void **state)
{
	(void)state;
	begin(&plain, "run");
	ceno_rig_until(&rig, &rig.launched, 5000);
	close(rig.session);
	rig.session = -1;
	ceno_rig_expect_proof(&rig, "request");
}

static void its_time_to_live_ends_it(void **state)
{
	struct ceno_rig_options o = plain;
	(void)state;
	o.ttl_ms = 300;
	begin(&o, "run");
	ceno_rig_expect_proof(&rig, "ttl");
}

static void a_dead_supervisor_ends_it(void **state)
{
	(void)state;
	begin(&plain, "run");
	ceno_rig_until(&rig, &rig.launched, 5000);
	close(rig.supervisor);
	rig.supervisor = -1;
	rig.done = 1; /* nobody is there to be told */
	ceno_rig_expect_proof(&rig, "request");
}

static void sigterm_ends_it(void **state)
{
	(void)state;
	begin(&plain, "run");
	ceno_rig_until(&rig, &rig.launched, 5000);
	kill(rig.warden, SIGTERM);
	ceno_rig_expect_proof(&rig, "request");
}

static void a_vmm_that_will_not_drain_is_killed(void **state)
{
	(void)state;
	begin(&plain, "hang");
	ceno_rig_until(&rig, &rig.launched, 5000);
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	ceno_rig_expect_proof(&rig, "request");
}

static void a_violation_ends_it_with_its_code(void **state)
{
	(void)state;
	begin(&plain, "violate");
	ceno_rig_expect_proof(&rig, "violation");
	assert_int_equal(rig.ending.violation, 16);
}

static void a_guest_that_stops_while_booting_is_proven_too(void **state)
{
	(void)state;
	begin(&plain, "stop");
	ceno_rig_expect_proof(&rig, "exit");
	assert_int_equal(rig.ending.violation, 1);
	assert_int_equal(rig.ending.value, 6);
	assert_int_equal(rig.programs, 0);
}

static void a_killed_vmm_is_a_crash(void **state)
{
	(void)state;
	begin(&plain, "run");
	ceno_rig_until(&rig, &rig.launched, 5000);
	assert_int_equal(kill(rig.vmm, SIGKILL), 0);
	ceno_rig_expect_proof(&rig, "crash");
}

static void a_vmm_that_breaks_the_protocol_is_a_crash(void **state)
{
	(void)state;
	begin(&plain, "lie");
	ceno_rig_expect_proof(&rig, "crash");
}

static void wait_for_programs(uint32_t count)
{
	for (int i = 0; i < 100 && rig.programs < count; i++)
		ceno_rig_for(&rig, 50);
	assert_int_equal(rig.programs, count);
	assert_int_equal(rig.program.program_seq, count);
}

static void a_held_session_runs_further_programs(void **state)
{
	const char *const argv[] = { "program", "exit", CANARY, "1", NULL };
	static const char block[70000] = "any argument block";
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd = ceno_rig_blob("args", block, sizeof block);
	const int streams[3] = { null, null, null };
	(void)state;
	ceno_rig_open(&rig, &plain);
	ceno_rig_send_open(&rig, streams, CENO_SESSION_HOLD);
	ceno_rig_send_args(&rig, "/bin/program", argv);
	ceno_rig_send(&rig, CENO_SESSION_START);
	close(null);
	wait_for_programs(1);
	assert_false(rig.destroying);
	ceno_rig_send_exec(&rig, fd, 4096);
	wait_for_programs(2);
	assert_int_equal(rig.program.refusal, CENO_REFUSAL_NONE);
	ceno_rig_send_exec(&rig, fd, sizeof block); /* longer than the window takes */
	wait_for_programs(3);
	assert_int_equal(rig.program.refusal, CENO_REFUSAL_ARGS);
	ceno_rig_send_exec(&rig, fd, 100);
	wait_for_programs(4);
	assert_int_equal(rig.program.refusal, CENO_REFUSAL_NONE);
	close(fd);
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	ceno_rig_expect_proof(&rig, "request");
}

static void expect_line(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no '%s' in the warden's status", line);
}

/* A lane is one thread of it, so it holds no less. */
static void expect_lanes_as_it(void)
{
	char path[300], text[8192];
	unsigned threads = 0;
	cpu_set_t set;
	assert_int_equal(sched_getaffinity(rig.warden, sizeof set, &set), 0);
	snprintf(path, sizeof path, "/proc/%d/task", (int)rig.warden);
	DIR *folder = opendir(path);
	assert_non_null(folder);
	for (struct dirent *e; (e = readdir(folder));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)rig.warden, e->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = read(fd, text, sizeof text - 1);
		close(fd);
		assert_true(n > 0);
		text[n] = '\0';
		expect_line(text, "Uid:\t200000\t200000\t200000\t200000\n");
		expect_line(text, "CapPrm:\t0000000000000000\n");
		expect_line(text, "CapEff:\t0000000000000000\n");
		expect_line(text, "CapBnd:\t0000000000000000\n");
		expect_line(text, "NoNewPrivs:\t1\n");
		expect_line(text, "Seccomp:\t2\n");
		expect_line(text, "Seccomp_filters:\t1\n");
		threads++;
	}
	closedir(folder);
	const unsigned cpus = (unsigned)CPU_COUNT(&set);
	assert_int_equal(threads, cpus < CENO_LANES_MAX ? cpus : CENO_LANES_MAX);
}

/* What a warden is while guest code runs. */
static void a_running_warden_has_given_up_everything(void **state)
{
	char path[64], text[8192] = "";
	(void)state;
	begin(&plain, "run");
	ceno_rig_until(&rig, &rig.launched, 5000);
	snprintf(path, sizeof path, "/proc/%d/status", (int)rig.warden);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, text, sizeof text - 1) > 0);
	close(fd);
	expect_line(text, "Uid:\t200000\t200000\t200000\t200000\n");
	expect_line(text, "Gid:\t200000\t200000\t200000\t200000\n");
	expect_line(text, "Groups:\t \n");
	expect_line(text, "CapPrm:\t0000000000000000\n");
	expect_line(text, "CapEff:\t0000000000000000\n");
	expect_line(text, "CapBnd:\t0000000000000000\n");
	expect_line(text, "NoNewPrivs:\t1\n");
	expect_line(text, "Seccomp:\t2\n");
	expect_lanes_as_it();
	/* Not dumpable: even its own uid may not look into it; its files belong to root. */
	struct stat st;
	snprintf(path, sizeof path, "/proc/%d/fd", (int)rig.warden);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
	/* No session memory is mapped while the guest runs. */
	snprintf(path, sizeof path, "/proc/%d/maps", (int)rig.warden);
	static char maps[65536];
	fd = open(path, O_RDONLY | O_CLOEXEC);
	for (ssize_t n, total = 0; (n = read(fd, maps + total, sizeof maps - 1 - (size_t)total)) > 0;)
		total += n;
	close(fd);
	assert_non_null(strstr(maps, "/secretmem"));
	assert_null(strstr(maps, "memfd:"));
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	ceno_rig_expect_proof(&rig, "request");
}

#define WINDOW (CENO_WARDEN_FD_WINDOW + CENO_PLEDGE_STDIO)

/* No page of it is waited for, or missing, while the guest runs and in step 2. */
static void a_running_session_has_its_whole_window(void **state)
{
	char path[64];
	struct stat st;
	(void)state;
	begin(&plain, "run");
	ceno_rig_until(&rig, &rig.launched, 5000);
	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)rig.warden, WINDOW);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, CENO_STDIO_BYTES);
	assert_int_equal(st.st_blocks * 512, CENO_STDIO_BYTES);
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	ceno_rig_expect_proof(&rig, "request");
}

static int make_at(int number)
{
	int fd = memfd_create("any", MFD_CLOEXEC), at = fd < 0 || ftruncate(fd, 1) < 0 ? -1 : dup2(fd, number);
	close(fd);
	return at;
}

/* Before the lock: the window, and a client's file at every number where one could be mistaken for it. */
static int has_files_about(void)
{
	for (int fd = CENO_WARDEN_FD_WINDOW - 1; fd <= CENO_WARDEN_FD_END; fd++)
		if (make_at(fd) != fd)
			return 0;
	return 1;
}

/* Only the window's number, only to nothing. Both words of the length are looked at. */
static int truncates_the_window_alone(void)
{
	static const struct {
		int fd;
		long length;
		int answer;
	} tries[] = {
		{ WINDOW - 1, 0, EPERM }, { WINDOW + 1, 0, EPERM }, { CENO_WARDEN_FD_END, 0, EPERM },
		{ 0, 0, EPERM },          { WINDOW, 4096, EPERM },  { WINDOW, 1L << 32, EPERM },
		{ WINDOW, -1, EPERM },
	};
	for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++)
		if (syscall(SYS_ftruncate, tries[i].fd, tries[i].length) == 0 || errno != tries[i].answer)
			return 0;
	return syscall(SYS_ftruncate, WINDOW, 0) == 0;
}

/* Nothing comes to have its number, or lies behind it: neither a duplicate nor the next of many files. */
static int keeps_its_number(void)
{
	for (int fd = WINDOW + 1; fd <= CENO_WARDEN_FD_END; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return 0;
	close(WINDOW);
	if (fcntl(0, F_DUPFD, WINDOW) >= 0 || errno != EINVAL)
		return 0;
	int fd, last = -1;
	while ((fd = memfd_create("any", MFD_CLOEXEC)) >= 0)
		last = fd;
	return errno == EMFILE && last < WINDOW && last > 0 && fcntl(WINDOW, F_GETFD) < 0;
}

/* The warden's filter, in a child: what it needs works, what it does not is refused, and memory is never executable. */
static int locked_down(void)
{
	if (!has_files_about() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || ceno_lockdown_holds() ||
	    ceno_lockdown() < 0)
		return 1;
	if (!ceno_lockdown_holds())
		return 8;
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || mprotect(page, 4096, PROT_READ) < 0)
		return 2;
	if (mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0 || errno != EPERM)
		return 3;
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED || errno != EPERM)
		return 4;
	/* A mapping is said to be read in order; nothing is moved: 25 is MADV_COLLAPSE. */
	for (int advice = 0; advice < 128; advice++) {
		errno = 0;
		int refused = madvise(page, 4096, advice) < 0 && errno == EPERM;
		if (refused != (advice != MADV_SEQUENTIAL))
			return 7;
	}
	if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || errno != EPERM || fork() >= 0 || errno != EPERM)
		return 5;
	if (!truncates_the_window_alone())
		return 9;
	if (!keeps_its_number())
		return 10;
	/* The list's first and last. */
	return epoll_wait(-1, NULL, 0, 0) < 0 && errno != EPERM ? 0 : 6;
}

static void a_locked_down_warden_makes_nothing_executable(void **state)
{
	int status;
	(void)state;
	pid_t pid = fork();
	if (pid == 0)
		_exit(locked_down());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A memory group of the test's own, v1 or v2; NULL if this machine gives none. */
static const char *make_group(uint32_t *version, uint64_t limit)
{
	static char path[128];
	char file[192], text[32];
	const char *const names[] = { "memory.limit_in_bytes", "memory.max" };
	for (*version = 1; *version <= 2; ++*version) {
		snprintf(path, sizeof path, "/sys/fs/cgroup/%sceno-test-%d", *version == 1 ? "memory/" : "", getpid());
		if (mkdir(path, 0755) < 0)
			continue;
		snprintf(file, sizeof file, "%s/%s", path, names[*version - 1]);
		int fd = open(file, O_WRONLY | O_CLOEXEC);
		int n = snprintf(text, sizeof text, "%lu", (unsigned long)limit);
		if (fd >= 0 && write(fd, text, (size_t)n) == n) {
			close(fd);
			return path;
		}
		rmdir(path);
	}
	return NULL;
}

static void running_out_of_the_groups_memory_ends_it(void **state)
{
	struct ceno_rig_options o = plain;
	(void)state;
	o.group = make_group(&o.cgroup_version, 48ull << 20);
	if (!o.group) {
		printf("skipped: no memory controller here\n");
		skip();
	}
	begin(&o, "oom");
	ceno_rig_expect_proof(&rig, "oom");
	assert_true(
	    ceno_rig_payload_has(&rig, o.cgroup_version == 1 ? "\"cgroup_version\":1" : "\"cgroup_version\":2"));
	assert_int_equal(rmdir(o.group), 0); /* empty: nothing of the session is left in it */
}

/* A file that swallows the pid is no group: without the memory limit nothing runs. */
static void a_group_that_does_not_take_it_stops_the_launch(void **state)
{
	struct ceno_rig_options o = plain;
	char directory[] = "/tmp/ceno-group-XXXXXX", file[64];
	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof file, "%s/cgroup.procs", directory);
	assert_int_equal(symlink("/dev/null", file), 0); /* takes every pid, can list none */
	o.group = directory;
	o.cgroup_version = 1;
	begin(&o, "run");
	ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_JAIL);
	unlink(file);
	rmdir(directory);
}

/* Joined by clone3 itself; needs no controller, only the hierarchy. */
static void the_vmm_is_in_its_v2_group(void **state)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct ceno_rig_options o = plain;
	char path[128] = "", file[192], text[4096] = "";
	(void)state;
	for (size_t i = 0; i < sizeof places / sizeof places[0] && !path[0]; i++) {
		snprintf(file, sizeof file, "%s/cgroup.procs", places[i]);
		if (access(file, F_OK) == 0)
			snprintf(path, sizeof path, "%s/ceno-test-v2-%d", places[i], getpid());
	}
	if (!path[0] || mkdir(path, 0755) < 0) {
		printf("skipped: no cgroup v2 hierarchy here\n");
		skip();
	}
	o.group = path;
	o.cgroup_version = 2;
	begin(&o, "run");
	ceno_rig_until(&rig, &rig.launched, 5000);
	snprintf(file, sizeof file, "%s/cgroup.procs", path);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, text, sizeof text - 1) > 0);
	close(fd);
	assert_int_equal(atoi(text), rig.vmm);
	assert_null(strchr(strchr(text, '\n') + 1, '\n')); /* nobody else: not the warden */
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	ceno_rig_expect_proof(&rig, "request");
	assert_int_equal(rmdir(path), 0);
}

/* The parts of a large destruction, from the signed timing. Printed, not judged: the machine is shared. */
static uint64_t timing(const char *name)
{
	char key[64];
	snprintf(key, sizeof key, "\"%s\":", name);
	const char *at = strstr(rig.payload.bytes, key);
	assert_non_null(at);
	return strtoull(at + strlen(key), NULL, 10);
}

static void a_large_memory_is_destroyed_in_time(void **state)
{
	struct ceno_rig_options o = plain;
	const char *const argv[] = { "program", "exit", CANARY, "128", NULL };
	(void)state;
	o.memory_bytes = 256ull << 20;
	ceno_rig_open(&rig, &o);
	ceno_rig_run(&rig, argv);
	ceno_rig_expect_proof(&rig, "exit");
	const char *spans = strstr(rig.payload.bytes, "\"steps\":[{\"begin_us\"");
	uint64_t span[6][2];
	assert_non_null(spans);
	for (int i = 0; i < 6; i++)
		for (int k = 0; k < 2; k++)
			span[i][k] = strtoull((spans = strchr(strstr(spans, "_us\""), ':')) + 1, NULL, 10);
	uint64_t stopped = timing("stopped_us"), read = timing("read_back_us"), zeroed = timing("zeroed_us");
	uint64_t compared = timing("compared_us"), sealed = timing("sealed_us");
	printf(
	    "128 MiB: steps 1-2 %lu us, fill %lu, read back %lu, zero %lu, seal and compare %lu, facts and seal %lu, "
	    "together %lu us\n",
	    span[1][1] - stopped, span[2][1] - span[2][0], read - span[5][0], zeroed - read, compared - zeroed,
	    sealed - compared, sealed - stopped);
	assert_true(timing("bytes") > 0);
	assert_true(sealed - stopped < 2000000);
}

/* ---- nothing ran ------------------------------------------------------------------- */

static void a_vmm_without_a_filter_never_runs(void **state)
{
	(void)state;
	begin(&plain, "unlocked");
	ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_JAIL);
}

static void a_vcpu_without_its_protection_never_runs(void **state)
{
	(void)state;
	begin(&plain, "weak");
	ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_JAIL);
}

/* What a host need not give is asked for or not, by whoever runs the node. */
static void a_required_layer_that_is_not_there_stops_the_launch(void **state)
{
	struct ceno_rig_options strict = plain;
	(void)state;
	strict.layers = 1u << CENO_JAIL_CORE;
	begin(&strict, "bare");
	ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_JAIL);
	assert_int_equal(rig.failure.value, EOPNOTSUPP);
	begin(&plain, "bare");
	ceno_rig_until(&rig, &rig.launched, 5000);
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	ceno_rig_expect_proof(&rig, "request");
}

static void a_failed_jail_is_reported(void **state)
{
	(void)state;
	begin(&plain, "nojail");
	ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_JAIL);
	assert_int_equal(rig.failure.value, 1 /* EPERM */);
}

static void a_vmm_that_dies_before_it_locks_is_reported(void **state)
{
	(void)state;
	begin(&plain, "dies");
	ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_KVM);
}

static void a_leaf_that_is_refused_stops_the_launch(void **state)
{
	struct ceno_rig_options o = plain;
	(void)state;
	o.attest = CENO_RIG_ATTEST_REFUSES;
	begin(&o, "exit");
	ceno_rig_until(&rig, &rig.exited, 5000);
	assert_true(rig.failed);
	assert_int_equal(rig.failure.code, CENO_SESSION_ERROR_ATTEST);
	assert_false(rig.have_payload);
	assert_false(rig.launched);
}

static void stopping_before_launch_leaves_nothing(void **state)
{
	(void)state;
	begin(&plain, "nolock");
	ceno_rig_for(&rig, 300);
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_NONE);
}

/* ---- attest gone: the payload is spooled ---------------------------------------------- */

static void without_attest_the_payload_is_spooled(void **state)
{
	struct ceno_rig_options o = plain;
	struct ceno_attest_payload head;
	(void)state;
	o.attest = CENO_RIG_ATTEST_DIES;
	begin(&o, "exit");
	ceno_rig_until(&rig, &rig.exited, 10000);
	assert_int_equal(rig.exit_status, 0);
	assert_true(rig.done && rig.destroyed);
	assert_int_equal(pread(rig.spool, &head, sizeof head, 0), sizeof head);
	assert_int_equal(head.type, CENO_ATTEST_PAYLOAD);
	struct stat st;
	assert_int_equal(fstat(rig.spool, &st), 0);
	/* The payload; and after the last step, at its own place behind it, the word that says so. */
	uint64_t word = 0;
	assert_int_equal(st.st_size, CENO_SPOOL_DONE_OFFSET + sizeof word);
	assert_int_equal(pread(rig.spool, &word, sizeof word, CENO_SPOOL_DONE_OFFSET), sizeof word);
	assert_true(word == CENO_SPOOL_DONE);
	char *text = calloc(1, head.payload_bytes + 1);
	assert_int_equal(pread(rig.spool, text, head.payload_bytes, sizeof head), head.payload_bytes);
	assert_non_null(strstr(text, "\"random_source\":\"os\""));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_program_that_ends_is_destroyed_and_proven, teardown),
		cmocka_unit_test_teardown(a_request_ends_it, teardown),
		cmocka_unit_test_teardown(a_client_that_disconnects_ends_it, teardown),
		cmocka_unit_test_teardown(its_time_to_live_ends_it, teardown),
		cmocka_unit_test_teardown(a_dead_supervisor_ends_it, teardown),
		cmocka_unit_test_teardown(sigterm_ends_it, teardown),
		cmocka_unit_test_teardown(a_vmm_that_will_not_drain_is_killed, teardown),
		cmocka_unit_test_teardown(a_violation_ends_it_with_its_code, teardown),
		cmocka_unit_test_teardown(a_guest_that_stops_while_booting_is_proven_too, teardown),
		cmocka_unit_test_teardown(a_killed_vmm_is_a_crash, teardown),
		cmocka_unit_test_teardown(a_vmm_that_breaks_the_protocol_is_a_crash, teardown),
		cmocka_unit_test_teardown(a_held_session_runs_further_programs, teardown),
		cmocka_unit_test_teardown(a_running_warden_has_given_up_everything, teardown),
		cmocka_unit_test_teardown(a_running_session_has_its_whole_window, teardown),
		cmocka_unit_test_teardown(a_locked_down_warden_makes_nothing_executable, teardown),
		cmocka_unit_test_teardown(running_out_of_the_groups_memory_ends_it, teardown),
		cmocka_unit_test_teardown(a_group_that_does_not_take_it_stops_the_launch, teardown),
		cmocka_unit_test_teardown(the_vmm_is_in_its_v2_group, teardown),
		cmocka_unit_test_teardown(a_large_memory_is_destroyed_in_time, teardown),
		cmocka_unit_test_teardown(a_vmm_without_a_filter_never_runs, teardown),
		cmocka_unit_test_teardown(a_vcpu_without_its_protection_never_runs, teardown),
		cmocka_unit_test_teardown(a_required_layer_that_is_not_there_stops_the_launch, teardown),
		cmocka_unit_test_teardown(a_failed_jail_is_reported, teardown),
		cmocka_unit_test_teardown(a_vmm_that_dies_before_it_locks_is_reported, teardown),
		cmocka_unit_test_teardown(a_leaf_that_is_refused_stops_the_launch, teardown),
		cmocka_unit_test_teardown(stopping_before_launch_leaves_nothing, teardown),
		cmocka_unit_test_teardown(without_attest_the_payload_is_spooled, teardown),
	};
	if (geteuid() != 0) {
		printf("skipped: needs root to make namespaces for another uid\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
