/*
 * Does anything survive? The test takes its own duplicate of every memfd of a
 * live session (pidfd_getfd, as root may), sees the canary in them while it runs,
 * and searches them when the payload is there: nothing, and F_SEAL_WRITE on RAM.
 * The duplicates outlive the session, so what is found is what destruction left.
 */
#include <dirent.h>
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
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "guest-kernel/abi/boot.h"
#include "tests/lib/rig.h"

#define COPIES_MAX 64

struct copy {
	int fd;
	char name[64];
};

static struct ceno_rig rig;
static struct copy copies[COPIES_MAX];
static int copy_count;

static int teardown(void **state)
{
	(void)state;
	ceno_rig_close(&rig);
	memset(&rig, 0, sizeof rig);
	while (copy_count)
		close(copies[--copy_count].fd);
	return 0;
}

/* Duplicates every memfd the process has open, but the node's sealed blobs. */
static void copy_memfds(int pidfd, pid_t pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/fd", pid);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir)) && copy_count < COPIES_MAX;) {
		char target[256];
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
		if (n < 0)
			continue;
		target[n] = 0;
		if (strncmp(target, "/memfd:", 7) != 0 || strstr(target, "firmware") || strstr(target, "bundle") ||
		    strstr(target, "trust"))
			continue;
		int fd = (int)syscall(SYS_pidfd_getfd, pidfd, atoi(entry->d_name), 0);
		assert_true(fd >= 0);
		copies[copy_count].fd = fd;
		snprintf(copies[copy_count++].name, sizeof copies[0].name, "%.60s", target + 7);
	}
	closedir(dir);
}

static int copy_of(const char *name)
{
	for (int i = 0; i < copy_count; i++)
		if (strncmp(copies[i].name, name, strlen(name)) == 0)
			return copies[i].fd;
	fail_msg("the warden has no memfd %s", name);
	return -1;
}

static unsigned hits(const void *needle, size_t bytes)
{
	unsigned found = 0;
	for (int i = 0; i < copy_count; i++) {
		unsigned here = ceno_rig_search(copies[i].fd, needle, bytes);
		if (here && getenv("CENO_SHOW"))
			printf("%u in %s\n", here, copies[i].name);
		found += here;
	}
	return found;
}

struct secrets {
	uint8_t raw[16];
	char hex[33];
	uint8_t seed[32], nonce[32];
};

static void start_session(struct secrets *s, const char *behaviour)
{
	const struct ceno_rig_options options = { .vmm = FAKE_VMM, .firmware = -1, .trust = -1, .bundle = -1 };
	const char *const argv[] = { "program", behaviour, s->hex, "16", NULL };
	assert_int_equal(getrandom(s->raw, sizeof s->raw, 0), sizeof s->raw);
	for (size_t i = 0; i < sizeof s->raw; i++)
		snprintf(s->hex + 2 * i, 3, "%02x", s->raw[i]);
	ceno_rig_open(&rig, &options);
	ceno_rig_run(&rig, argv);
	ceno_rig_until(&rig, &rig.launched, 5000);
	ceno_rig_for(&rig, 200); /* until the vmm has filled RAM */
	copy_memfds(rig.pidfd, rig.warden);
	int boot = copy_of("ceno-boot");
	assert_int_equal(pread(boot, s->seed, 32, offsetof(struct ceno_boot, seed)), 32);
	assert_int_equal(pread(boot, s->nonce, 32, offsetof(struct ceno_boot, nonce)), 32);
}

/* The real vmm, the signed bundle, and a program that holds the canary everywhere. Returns 0, or -1
 * with a printed reason if this machine cannot. */
static int start_real_session(struct secrets *s, struct ceno_rig_options *options)
{
	const char *const argv[] = { "canary", s->hex, "16", NULL };
	int out[2];
	char text[16] = "";
	if (ceno_rig_real(options, "trust.bin", "bundle.bin") < 0)
		return -1;
	assert_int_equal(getrandom(s->raw, sizeof s->raw, 0), sizeof s->raw);
	for (size_t i = 0; i < sizeof s->raw; i++)
		snprintf(s->hex + 2 * i, 3, "%02x", s->raw[i]);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int streams[3] = { null, out[1], null };
	ceno_rig_open(&rig, options);
	ceno_rig_send_open(&rig, streams, 0);
	close(out[1]);
	close(null);
	ceno_rig_send_host_file(&rig, "/bin/canary", CANARY_PROGRAM, 0555 | CENO_PACK_PROGRAM);
	ceno_rig_send_args(&rig, "/bin/canary", argv);
	ceno_rig_send(&rig, CENO_SESSION_START);
	ceno_rig_until(&rig, &rig.launched, 5000);
	assert_int_equal(read(out[0], text, sizeof text - 1), 5);
	assert_string_equal(text, "held\n");
	close(out[0]);
	copy_memfds(rig.pidfd, rig.warden);
	int boot = copy_of("ceno-boot");
	assert_int_equal(pread(boot, s->seed, 32, offsetof(struct ceno_boot, seed)), 32);
	assert_int_equal(pread(boot, s->nonce, 32, offsetof(struct ceno_boot, nonce)), 32);
	assert_true(hits(s->raw, sizeof s->raw) > 1000000);
	assert_true(hits(s->hex, sizeof s->hex - 1) >= 1);
	return 0;
}

static void expect_nothing_left(const struct secrets *s)
{
	assert_int_equal(hits(s->raw, sizeof s->raw), 0);
	assert_int_equal(hits(s->hex, sizeof s->hex - 1), 0);
	assert_int_equal(hits(s->seed, sizeof s->seed), 0);
	assert_int_equal(hits(s->nonce, sizeof s->nonce), 0);
	assert_true(fcntl(copy_of("rig-ram"), F_GET_SEALS) & F_SEAL_WRITE);
	/* The duplicates are writable descriptors: the kernel refuses them all the same. */
	assert_true(pwrite(copy_of("rig-ram"), "x", 1, 0) < 0);
}

static void nothing_survives_a_requested_end(void **state)
{
	struct secrets s = { 0 };
	(void)state;
	start_session(&s, "run");
	assert_true(hits(s.raw, sizeof s.raw) > 1000000);
	assert_true(hits(s.hex, sizeof s.hex - 1) >= 1);
	assert_true(hits(s.seed, sizeof s.seed) >= 1);
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	ceno_rig_expect_proof(&rig, "request");
	expect_nothing_left(&s);
}

static void nothing_survives_a_crash(void **state)
{
	struct secrets s = { 0 };
	(void)state;
	start_session(&s, "run");
	assert_true(hits(s.raw, sizeof s.raw) > 1000000);
	assert_int_equal(kill(rig.vmm, SIGKILL), 0);
	ceno_rig_expect_proof(&rig, "crash");
	expect_nothing_left(&s);
}

static void nothing_of_a_real_guest_survives(void **state)
{
	struct ceno_rig_options options;
	struct secrets s = { 0 };
	(void)state;
	if (start_real_session(&s, &options) < 0)
		skip();
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	ceno_rig_expect_proof(&rig, "request");
	expect_nothing_left(&s);
	ceno_rig_real_close(&options);
}

static void nothing_of_a_real_guest_survives_a_crash(void **state)
{
	struct ceno_rig_options options;
	struct secrets s = { 0 };
	(void)state;
	if (start_real_session(&s, &options) < 0)
		skip();
	assert_int_equal(kill(rig.vmm, SIGKILL), 0);
	ceno_rig_expect_proof(&rig, "crash");
	expect_nothing_left(&s);
	ceno_rig_real_close(&options);
}

/* Gone, or a zombie that whoever inherited it has not reaped yet. */
static int is_dead(pid_t pid)
{
	char path[64], text[256] = "";
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	if (!file)
		return 1;
	if (!fgets(text, sizeof text, file))
		text[0] = 0;
	fclose(file);
	const char *state = strrchr(text, ')');
	return !state || state[2] == 'Z' || state[2] == 'X';
}

/* The warden dies too: the supervisor's recovery warden has RAM and areas, and no session. */
static void recovery_wipes_after_the_warden_died(void **state)
{
	const struct ceno_rig_options options = { .vmm = FAKE_VMM, .firmware = -1, .trust = -1, .bundle = -1 };
	struct ceno_rig recovery;
	struct secrets s = { 0 };
	(void)state;
	start_session(&s, "run");
	assert_true(ceno_rig_search(rig.ram, s.raw, sizeof s.raw) > 1000000);
	assert_int_equal(kill(rig.warden, SIGKILL), 0);
	ceno_rig_until(&rig, &rig.exited, 5000);
	for (int i = 0; i < 100 && !is_dead(rig.vmm); i++)
		usleep(10000);
	assert_true(is_dead(rig.vmm)); /* with its warden, by the death signal */
	ceno_rig_open_recovery(&recovery, &options, rig.ram, rig.areas, rig.area_count, rig.vmm);
	ceno_rig_until(&recovery, &recovery.exited, 15000);
	assert_int_equal(recovery.wiped, 1);
	assert_int_equal(recovery.exit_status, 0);
	assert_int_equal(rig.area_count, 4);
	expect_nothing_left(&s);
	assert_true(is_dead(rig.vmm));
	ceno_rig_close(&recovery);
}

/* A vmm that lives on (here: its warden is stopped, not dead) is killed before anything is wiped. */
static void recovery_kills_a_vmm_that_lives_on(void **state)
{
	const struct ceno_rig_options options = { .vmm = FAKE_VMM, .firmware = -1, .trust = -1, .bundle = -1 };
	struct ceno_rig recovery;
	struct secrets s = { 0 };
	(void)state;
	start_session(&s, "run");
	assert_int_equal(kill(rig.warden, SIGSTOP), 0);
	assert_false(is_dead(rig.vmm));
	ceno_rig_open_recovery(&recovery, &options, rig.ram, rig.areas, rig.area_count, rig.vmm);
	ceno_rig_until(&recovery, &recovery.exited, 15000);
	assert_int_equal(recovery.wiped, 1);
	assert_true(is_dead(rig.vmm));
	assert_int_equal(ceno_rig_search(rig.ram, s.raw, sizeof s.raw), 0);
	ceno_rig_close(&recovery);
}

/* The pid may be somebody else's by now: he stays alive. */
static void recovery_spares_a_stranger_with_the_pid(void **state)
{
	const struct ceno_rig_options options = { .vmm = FAKE_VMM, .firmware = -1, .trust = -1, .bundle = -1 };
	struct secrets s = { 0 };
	struct ceno_rig recovery;
	(void)state;
	start_session(&s, "run");
	assert_int_equal(kill(rig.warden, SIGKILL), 0);
	ceno_rig_until(&rig, &rig.exited, 5000);
	for (int i = 0; i < 100 && !is_dead(rig.vmm); i++)
		usleep(10000);
	pid_t stranger = fork();
	if (stranger == 0)
		for (;;)
			pause();
	ceno_rig_open_recovery(&recovery, &options, rig.ram, rig.areas, rig.area_count, stranger);
	ceno_rig_until(&recovery, &recovery.exited, 15000);
	assert_int_equal(recovery.wiped, 1);
	assert_false(is_dead(stranger));
	kill(stranger, SIGKILL);
	waitpid(stranger, NULL, 0);
	ceno_rig_close(&recovery);
}

/* For teardown: this test has another. */
static void no_rig(void)
{
	memset(&rig, 0, sizeof rig);
	rig.pidfd = rig.supervisor = rig.session = rig.attest = rig.ram = rig.spool = rig.opening = -1;
	rig.options.firmware = rig.options.trust = rig.options.bundle = -1;
	rig.exited = 1;
}

/* What the supervisor starts has its policy; lanes of that one would take every CPU from the host. */
static void recovery_has_no_real_time_policy(void **state)
{
	const struct ceno_rig_options options = { .vmm = FAKE_VMM, .firmware = -1, .trust = -1, .bundle = -1 };
	const struct sched_param first = { .sched_priority = 1 }, none = { 0 };
	struct ceno_rig recovery;
	siginfo_t info;
	(void)state;
	no_rig();
	int ram = memfd_create("rig-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(ram, 4 << 20), 0);
	assert_int_equal(pwrite(ram, "left", 4, 1 << 20), 4);
	if (sched_setscheduler(0, SCHED_FIFO, &first) < 0) {
		print_message("skipped: no real-time policy may be taken here\n");
		skip();
	}
	ceno_rig_open_recovery(&recovery, &options, ram, NULL, 0, 0);
	assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &none), 0);
	/* It has ended, and still tells. */
	assert_int_equal(waitid(P_PID, (id_t)recovery.warden, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(sched_getscheduler(recovery.warden), SCHED_OTHER);
	ceno_rig_until(&recovery, &recovery.exited, 15000);
	assert_int_equal(recovery.wiped, 1);
	ceno_rig_close(&recovery);
	close(ram);
}

/* While a stranger still maps RAM writable nothing may be claimed. */
static void recovery_does_not_claim_what_it_cannot_seal(void **state)
{
	const struct ceno_rig_options options = { .vmm = FAKE_VMM, .firmware = -1, .trust = -1, .bundle = -1 };
	struct ceno_rig recovery;
	(void)state;
	int ram = memfd_create("rig-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(ram, 4 << 20), 0);
	void *map = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, ram, 0);
	memset(map, 0x77, 4 << 20);
	ceno_rig_open_recovery(&recovery, &options, ram, NULL, 0, 0);
	ceno_rig_until(&recovery, &recovery.exited, 15000);
	assert_int_equal(recovery.wiped, -1);
	assert_int_not_equal(recovery.exit_status, 0);
	munmap(map, 4 << 20);
	ceno_rig_close(&recovery);
	close(ram);
	no_rig();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(nothing_survives_a_requested_end, teardown),
		cmocka_unit_test_teardown(nothing_survives_a_crash, teardown),
		cmocka_unit_test_teardown(nothing_of_a_real_guest_survives, teardown),
		cmocka_unit_test_teardown(nothing_of_a_real_guest_survives_a_crash, teardown),
		cmocka_unit_test_teardown(recovery_wipes_after_the_warden_died, teardown),
		cmocka_unit_test_teardown(recovery_kills_a_vmm_that_lives_on, teardown),
		cmocka_unit_test_teardown(recovery_spares_a_stranger_with_the_pid, teardown),
		cmocka_unit_test_teardown(recovery_does_not_claim_what_it_cannot_seal, teardown),
		cmocka_unit_test_teardown(recovery_has_no_real_time_policy, teardown),
	};
	if (geteuid() != 0) {
		printf("skipped: needs root to make namespaces for another uid\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
