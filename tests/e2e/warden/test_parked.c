/*
 * A pair before it has a session: jailed, holding nothing of one, and no longer there
 * as soon as anything is wrong; then the session it gets, and the ones it refuses.
 * The vmm is played by fake_vmm, inside the real jail. Needs root and user namespaces.
 */
#include <dirent.h>
#include <fcntl.h>
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
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/lib/rig.h"
#include "vmm/sandbox/jail.h"
#include "vmm/warden/record.h"

#define PATIENCE_MS 10000

static const struct ceno_rig_options plain = { .vmm = FAKE_VMM, .firmware = -1, .trust = -1, .bundle = -1 };
static const char *const ending[] = { "program", "exit", "", "0", NULL };

static struct ceno_rig rig;

static int teardown(void **state)
{
	(void)state;
	ceno_rig_close(&rig);
	memset(&rig, 0, sizeof rig);
	return 0;
}

static void parked(void)
{
	ceno_rig_park(&rig, &plain);
	ceno_rig_until(&rig, &rig.parked, PATIENCE_MS);
	assert_true(rig.vmm > 0);
	assert_false(rig.ready);
}

static void expect_gone(int status)
{
	ceno_rig_until(&rig, &rig.exited, PATIENCE_MS);
	assert_true(WIFEXITED(rig.exit_status));
	assert_int_equal(WEXITSTATUS(rig.exit_status), status);
	assert_int_equal(kill(rig.vmm, 0), -1);
}

/* ---- what it holds -------------------------------------------------------------- */

static int proc_text(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t n = fread(text, 1, size - 1, file);
	fclose(file);
	text[n] = 0;
	return (int)n;
}

/* Descriptors of `pid` that are the file `st`, or all with st NULL. */
static unsigned count_descriptors(pid_t pid, const struct stat *st, int *highest)
{
	char path[64];
	unsigned found = 0;
	snprintf(path, sizeof path, "/proc/%d/fd", pid);
	DIR *folder = opendir(path);
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));) {
		struct stat other;
		if (entry->d_name[0] == '.' || fstatat(dirfd(folder), entry->d_name, &other, 0) < 0)
			continue;
		found += !st || (other.st_dev == st->st_dev && other.st_ino == st->st_ino);
		if (highest && atoi(entry->d_name) > *highest)
			*highest = atoi(entry->d_name);
	}
	closedir(folder);
	return found;
}

static unsigned holds(pid_t pid, int fd)
{
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	return count_descriptors(pid, &st, NULL);
}

static void a_parked_pair_holds_nothing_of_a_session(void **state)
{
	static const char *const none[] = { "\nCapPrm:\t0000000000000000\n", "\nCapEff:\t0000000000000000\n",
		                            "\nCapBnd:\t0000000000000000\n", "\nNoNewPrivs:\t1\n" };
	char text[65536];
	int highest = 0;
	(void)state;
	parked();
	assert_int_equal(holds(rig.warden, rig.ram) + holds(rig.vmm, rig.ram), 0);
	assert_int_equal(holds(rig.warden, rig.spool) + holds(rig.vmm, rig.spool), 0);
	count_descriptors(rig.warden, NULL, &highest);
	assert_in_range(highest, CENO_WARDEN_FD_EXEC_END,
	                CENO_WARDEN_FD_SESSION - 1); /* the session's numbers are free */
	for (int who = 0; who < 2; who++) {
		proc_text(who ? rig.vmm : rig.warden, "status", text, sizeof text);
		for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
			if (!strstr(text, none[i]))
				fail_msg("%s of the %s:\n%s", none[i], who ? "vmm" : "warden", text);
	}
	/* No key: the page they are made in is a secret memfd or a locked one, and neither is there. */
	proc_text(rig.warden, "maps", text, sizeof text);
	assert_null(strstr(text, "secretmem"));
	proc_text(rig.warden, "status", text, sizeof text);
	assert_non_null(strstr(text, "\nVmLck:\t       0 kB\n"));
	ceno_rig_launch(&rig);
	static const char *const running[] = { "program", "run", "", "0", NULL };
	ceno_rig_run(&rig, running);
	ceno_rig_until(&rig, &rig.launched, PATIENCE_MS);
	assert_true(holds(rig.warden, rig.ram) > 0); /* the same looks, now that there is something to see */
	proc_text(rig.warden, "maps", text, sizeof text);
	char *secret = strstr(text, "secretmem");
	proc_text(rig.warden, "status", text, sizeof text);
	assert_true(secret || !strstr(text, "\nVmLck:\t       0 kB\n"));
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	ceno_rig_expect_proof(&rig, "request");
}

/* ---- the session ------------------------------------------------------------------ */

static void it_takes_a_session_after_a_rest(void **state)
{
	(void)state;
	parked();
	ceno_rig_for(&rig, 100);
	ceno_rig_launch(&rig);
	ceno_rig_until(&rig, &rig.ready, PATIENCE_MS);
	ceno_rig_run(&rig, ending);
	ceno_rig_expect_proof(&rig, "exit");
}

static void one_that_waits_is_taken_too(void **state)
{
	(void)state;
	ceno_rig_open(&rig, &plain); /* LAUNCH is there before the warden is */
	ceno_rig_run(&rig, ending);
	ceno_rig_expect_proof(&rig, "exit");
	assert_true(rig.parked && rig.ready);
}

static void there_is_one_session_only(void **state)
{
	(void)state;
	static const char *const running[] = { "program", "run", "", "0", NULL };
	parked();
	ceno_rig_launch(&rig);
	ceno_rig_run(&rig, running);
	ceno_rig_until(&rig, &rig.launched, PATIENCE_MS);
	const struct ceno_supervisor_launch again = ceno_rig_launch_record(&rig);
	const int fds[] = { rig.session, rig.attest, rig.ram, rig.spool };
	ceno_rig_send_supervisor(&rig, &again, fds, 4);
	ceno_rig_expect_proof(&rig, "request"); /* whatever comes now means stop */
}

/* A parking that fails answers for the session that waits for it. */
static void a_vmm_that_cannot_park_is_reported(void **state)
{
	struct ceno_rig_options o = plain;
	(void)state;
	o.vmm = "/etc/passwd"; /* cannot be executed: found while parking */
	ceno_rig_open(&rig, &o);
	ceno_rig_run(&rig, ending);
	ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_JAIL);
	assert_true(rig.ready);
	assert_false(rig.parked);
	teardown(NULL);
	o.vmm = "/bin/false"; /* ends at once: the session may be in by then */
	ceno_rig_open(&rig, &o);
	ceno_rig_run(&rig, ending);
	ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_KVM);
	assert_true(rig.ready);
	assert_false(rig.parked);
}

/* A vmm that skips a step of the protocol, or repeats one, runs nothing. */
static void a_vmm_parks_once(void **state)
{
	static const char *const twice[] = { "program", "reparks", "", "0", NULL };
	struct ceno_rig_options o = plain;
	(void)state;
	ceno_rig_open(&rig, &o);
	ceno_rig_run(&rig, twice);
	ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_KVM);
	teardown(NULL);
	o.vmm = FAKE_VMM "_unparked";
	ceno_rig_open(&rig, &o);
	ceno_rig_run(&rig, ending);
	ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_KVM);
}

/* ---- refused launches ---------------------------------------------------------------- */

/* One of these is wrong: nothing is taken, nobody is answered for, the pair ends. */
static void refused(struct ceno_supervisor_launch record, const int *fds, unsigned count)
{
	parked();
	memcpy(record.session_id, rig.session_id, 16);
	ceno_rig_send_supervisor(&rig, &record, fds, count);
	expect_gone(0);
	assert_false(rig.ready || rig.failed);
	teardown(NULL);
}

static void a_malformed_launch_ends_the_pair(void **state)
{
	struct ceno_supervisor_launch good, bad;
	int session[2], spool = memfd_create("spool", MFD_CLOEXEC);
	int ram = memfd_create("ram", MFD_CLOEXEC | MFD_ALLOW_SEALING), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, session), 0);
	char path[32];
	int stream[2];
	snprintf(path, sizeof path, "/proc/self/fd/%d", ram);
	int ram_ro = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream), 0);
	const int right[] = { session[0], session[1], ram, spool, ram };
	const int wrong[][4] = {
		{ stream[0], session[1], ram, spool },   { session[0], null, ram, spool },
		{ session[0], session[1], null, spool }, { session[0], session[1], ram_ro, spool },
		{ session[0], session[1], ram, null },   { ram, session[1], session[0], spool },
	};
	rig.options = plain;
	good = ceno_rig_launch_record(&rig);
	refused(good, right, 3);
	refused(good, right, 5);
	refused(good, right, 0);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		refused(good, wrong[i], 4);
#define REFUSED(change) \
	do { \
		bad = good; \
		change; \
		refused(bad, right, 4); \
	} while (0)
	REFUSED(bad.type = CENO_SUPERVISOR_PARK);
	REFUSED(bad.type = 9);
	REFUSED(bad.uid_base = 1000); /* the pair's half is not said twice */
	REFUSED(bad.memory_bytes = 4096);
	REFUSED(bad.ttl_ms = 0);
	REFUSED(bad.pledge_mask = 1u << 31);
	REFUSED(bad.vmm_pid = 1);
	REFUSED(bad.digest_image[0] = 1); /* an image that is not there */
	REFUSED(bad.image_released = 1);  /* an image that is not there, released */
	REFUSED(bad.reserved1 = 1);
	REFUSED(bad.reserved[6] = 1);
	/* An image is sealed memory, open for reading only. */
	int open_image = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int sealed_image = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(open_image, 4096) | ftruncate(sealed_image, 4096), 0);
	assert_int_equal(fcntl(sealed_image, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW), 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", open_image);
	const int images[] = { open(path, O_RDONLY | O_CLOEXEC), sealed_image, open_image,
		               fcntl(null, F_DUPFD_CLOEXEC, 0) };
	bad = good;
	bad.digest_image[0] = 1;
	for (size_t i = 0; i < sizeof images / sizeof images[0]; i++) {
		const int with_image[] = { session[0], session[1], ram, spool, images[i] };
		refused(bad, with_image, 5);
		close(images[i]);
	}
	const int all[] = { session[0], session[1], stream[0], stream[1], spool, ram, ram_ro, null };
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		close(all[i]);
	ceno_rig_open(&rig, &plain); /* for the teardown */
}

/* As the first record: the warden leaves with status 2 and starts no vmm. */
static void bad_first(struct ceno_supervisor_launch record, const int *fds, unsigned count)
{
	ceno_rig_start(&rig, &plain);
	ceno_rig_send_supervisor(&rig, &record, fds, count);
	ceno_rig_until(&rig, &rig.exited, PATIENCE_MS);
	assert_int_equal(WEXITSTATUS(rig.exit_status), 2);
	assert_int_equal(rig.vmm, 0);
	teardown(NULL);
}

static void a_malformed_park_starts_nothing(void **state)
{
	(void)state;
	struct ceno_supervisor_launch good, bad;
	const int zero = 0;
	ceno_rig_start(&rig, &plain);
	good = ceno_rig_park_record(&rig);
	teardown(NULL);
	bad_first(good, &zero, 1);
#define BAD_FIRST(change) \
	do { \
		bad = good; \
		change; \
		bad_first(bad, NULL, 0); \
	} while (0)
	BAD_FIRST(bad.type = CENO_SUPERVISOR_LAUNCH);
	BAD_FIRST(bad.memory_bytes = 64 << 20); /* a session's half */
	BAD_FIRST(bad.uid_base = 0);
	BAD_FIRST(bad.cgroup_version = 3);
	BAD_FIRST(bad.syscall_mode = 0);
	BAD_FIRST(bad.layers = 1u << CENO_JAIL_ROOT); /* not optional, so not to be named */
	parked();                                     /* and the good one parks */
}

/* ---- its end ------------------------------------------------------------------------- */

static void it_goes_with_its_supervisor(void **state)
{
	(void)state;
	parked();
	close(rig.supervisor);
	rig.supervisor = -1;
	expect_gone(0);
	teardown(NULL);
	parked();
	const struct ceno_warden_status stop = { .type = CENO_WARDEN_STOP };
	assert_int_equal(ceno_record_send(rig.supervisor, &stop, sizeof stop, NULL, 0, NULL, 0), 0);
	expect_gone(0);
	assert_true(rig.done);
	teardown(NULL);
	parked();
	assert_int_equal(kill(rig.warden, SIGTERM), 0);
	expect_gone(0);
}

static void a_killed_warden_takes_its_vmm_along(void **state)
{
	(void)state;
	parked();
	assert_int_equal(kill(rig.warden, SIGKILL), 0);
	ceno_rig_until(&rig, &rig.exited, PATIENCE_MS);
	for (int i = 0; i < 200 && kill(rig.vmm, 0) == 0; i++)
		usleep(10000);
	assert_int_equal(kill(rig.vmm, 0), -1);
}

static void a_killed_vmm_ends_it_without_a_session(void **state)
{
	(void)state;
	parked();
	assert_int_equal(kill(rig.vmm, SIGKILL), 0);
	expect_gone(0);
	assert_true(rig.done);
	assert_false(rig.ready);
}

/* The session arrives while the vmm is dead: it is left for another pair. */
static void a_session_is_not_taken_into_a_dead_machine(void **state)
{
	(void)state;
	parked();
	assert_int_equal(kill(rig.warden, SIGSTOP), 0);
	assert_int_equal(kill(rig.vmm, SIGKILL), 0);
	ceno_rig_launch(&rig);
	ceno_rig_run(&rig, ending);
	usleep(50000);
	assert_int_equal(kill(rig.warden, SIGCONT), 0);
	expect_gone(0);
	assert_false(rig.ready || rig.failed || rig.have_leaf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_parked_pair_holds_nothing_of_a_session, teardown),
		cmocka_unit_test_teardown(it_takes_a_session_after_a_rest, teardown),
		cmocka_unit_test_teardown(one_that_waits_is_taken_too, teardown),
		cmocka_unit_test_teardown(there_is_one_session_only, teardown),
		cmocka_unit_test_teardown(a_vmm_that_cannot_park_is_reported, teardown),
		cmocka_unit_test_teardown(a_vmm_parks_once, teardown),
		cmocka_unit_test_teardown(a_malformed_launch_ends_the_pair, teardown),
		cmocka_unit_test_teardown(a_malformed_park_starts_nothing, teardown),
		cmocka_unit_test_teardown(it_goes_with_its_supervisor, teardown),
		cmocka_unit_test_teardown(a_killed_warden_takes_its_vmm_along, teardown),
		cmocka_unit_test_teardown(a_killed_vmm_ends_it_without_a_session, teardown),
		cmocka_unit_test_teardown(a_session_is_not_taken_into_a_dead_machine, teardown),
	};
	if (geteuid() != 0) {
		printf("skipped: needs root to make namespaces for another uid\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
