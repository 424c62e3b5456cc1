/*
 * kill -9 of the vmm at random moments of boot, run and drain: whatever it was
 * doing, the session ends with a signed payload of cause crash, or, if the launch
 * was not recorded yet, with a failure that left nothing. CENO_KILLS: how often
 * in each phase (default 10).
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/lib/rig.h"

static struct ceno_rig_options real;
static struct ceno_rig rig;

static int teardown(void **state)
{
	(void)state;
	ceno_rig_close(&rig);
	memset(&rig, 0, sizeof rig);
	return 0;
}

static int rounds(void)
{
	const char *given = getenv("CENO_KILLS");
	return given ? atoi(given) : 10;
}

static void wait_us(long us)
{
	const struct timespec t = { us / 1000000, us % 1000000 * 1000 };
	nanosleep(&t, NULL);
}

static void start(const char *const *argv, int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int streams[3] = { null, out < 0 ? null : out, null };
	ceno_rig_open(&rig, &real);
	ceno_rig_busybox(&rig, streams, argv, NULL);
	close(null);
}

/* From the first moment the vmm exists until well into its boot. */
static void killed_while_it_boots(void **state)
{
	static const char *const argv[] = { "sleep", "60", NULL };
	int proven = 0;
	(void)state;
	for (int i = 0; i < rounds(); i++) {
		start(argv, -1);
		ceno_rig_until(&rig, (const int *)&rig.vmm, 5000);
		if (i % 2)
			ceno_rig_until(&rig, &rig.launched, 5000); /* half of them after go */
		wait_us(rand() % 8000);
		assert_int_equal(kill(rig.vmm, SIGKILL), 0);
		ceno_rig_until(&rig, &rig.exited, 10000);
		assert_int_equal(rig.exit_status, 0);
		assert_true(rig.done);
		if (rig.have_leaf)
			ceno_rig_expect_proof(&rig, "crash"), proven++;
		else /* JAIL: it died while the warden was reading its state */
			ceno_rig_expect_failure(&rig,
			                        rig.failure.code == CENO_SESSION_ERROR_JAIL ? CENO_SESSION_ERROR_JAIL
			                                                                    : CENO_SESSION_ERROR_KVM);
		teardown(NULL);
	}
	printf("%d of %d had been launched\n", proven, rounds());
	assert_true(proven >= rounds() / 2);
	start(argv, -1); /* for the teardown */
}

static void killed_while_it_runs(void **state)
{
	static const char *const argv[] = { "sha256sum", "/dev/zero", NULL };
	(void)state;
	for (int i = 0; i < rounds(); i++) {
		start(argv, -1);
		ceno_rig_until(&rig, &rig.launched, 5000);
		ceno_rig_for(&rig, 150 + rand() % 100);
		assert_int_equal(kill(rig.vmm, SIGKILL), 0);
		ceno_rig_expect_proof(&rig, "crash");
		teardown(NULL);
	}
	start(argv, -1);
}

/* Until the pipe holds all it can, and the ring behind it is filling. */
static void until_full(int fd)
{
	int bytes = 0;
	for (int i = 0; i < 1000 && bytes < fcntl(fd, F_GETPIPE_SZ); i++) {
		ceno_rig_for(&rig, 10);
		assert_int_equal(ioctl(fd, FIONREAD, &bytes), 0);
	}
	assert_int_equal(bytes, fcntl(fd, F_GETPIPE_SZ));
	ceno_rig_for(&rig, 20);
}

/* The program wrote more than the pipe holds and nobody reads: the drain lasts
 * until its deadline, and the kill falls into it. */
static void killed_while_it_drains(void **state)
{
	static const char *const argv[] = { "yes", NULL };
	(void)state;
	for (int i = 0; i < rounds(); i++) {
		int out[2];
		assert_int_equal(pipe2(out, O_CLOEXEC), 0);
		start(argv, out[1]);
		close(out[1]);
		ceno_rig_until(&rig, &rig.launched, 5000);
		until_full(out[0]);
		ceno_rig_send(&rig, CENO_SESSION_DESTROY);
		wait_us(1000 + rand() % 100000);
		assert_int_equal(kill(rig.vmm, SIGKILL), 0);
		ceno_rig_expect_proof(&rig, "crash");
		close(out[0]);
		teardown(NULL);
	}
	start(argv, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(killed_while_it_boots, teardown),
		cmocka_unit_test_teardown(killed_while_it_runs, teardown),
		cmocka_unit_test_teardown(killed_while_it_drains, teardown),
	};
	if (geteuid() != 0 || ceno_rig_real(&real, "trust.bin", "bundle.bin") < 0) {
		printf("skipped: needs root, KVM and the signed bundle\n");
		return 77;
	}
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	srand((unsigned)now.tv_nsec);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	ceno_rig_real_close(&real);
	return failed;
}
