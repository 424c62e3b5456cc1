/*
 * A real session: the real vmm in its real jail runs busybox on the signed bundle;
 * the rig is everything around the warden. What comes out of the program must be
 * right, and the memory it ran in must be gone.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "guest-kernel/abi/bundle.h"
#include "tests/lib/rig.h"

static struct ceno_rig_options real;
static struct ceno_rig rig;
static char output[65536];

static int teardown(void **state)
{
	(void)state;
	ceno_rig_close(&rig);
	memset(&rig, 0, sizeof rig);
	return 0;
}

static void run(const char *const *argv, const char *input, const char *text)
{
	int in[2], out[2];
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	const int streams[3] = { in[0], out[1], out[1] };
	ceno_rig_open(&rig, &real);
	ceno_rig_busybox(&rig, streams, argv, input);
	close(in[0]);
	close(out[1]);
	assert_int_equal(write(in[1], text, strlen(text)), strlen(text));
	close(in[1]);
	ceno_rig_expect_proof(&rig, "exit");
	ssize_t n, total = 0;
	while ((n = read(out[0], output + total, sizeof output - 1 - (size_t)total)) > 0)
		total += n;
	output[total] = 0;
	close(out[0]);
}

static void its_output_comes_out(void **state)
{
	const char *const argv[] = { "echo", "a cenotaph", NULL };
	(void)state;
	run(argv, NULL, "");
	assert_string_equal(output, "a cenotaph\n");
	assert_int_equal(rig.program.exit_status, 0);
	assert_true(ceno_rig_payload_has(&rig, "\"seccomp_mode\":2"));
	assert_true(ceno_rig_payload_has(&rig, "\"cap_eff\":0"));
	assert_true(ceno_rig_payload_has(&rig, "\"tasks_left\":0"));
	assert_true(ceno_rig_payload_has(&rig, "\"write_sealed\":true"));
	if (getenv("CENO_SHOW"))
		printf("%s\n", rig.payload.bytes);
}

static void its_input_goes_in(void **state)
{
	const char *const argv[] = { "sort", "-", NULL };
	(void)state;
	run(argv, NULL, "b\nc\na\n");
	assert_string_equal(output, "a\nb\nc\n");
}

static void a_file_is_read_in_the_pack(void **state)
{
	const char *const argv[] = { "wc", "-c", "/in/data", NULL };
	char expected[64];
	struct stat st;
	(void)state;
	run(argv, "/bin/busybox", "");
	assert_int_equal(stat("/bin/busybox", &st), 0);
	snprintf(expected, sizeof expected, "%ld /in/data\n", (long)st.st_size);
	assert_string_equal(output, expected);
}

static void its_exit_status_comes_out(void **state)
{
	const char *const argv[] = { "false", NULL };
	(void)state;
	run(argv, NULL, "");
	assert_int_equal(rig.program.exit_status, 1);
}

/* Text of a file of the running vmm, as the host sees it. */
static const char *vmm_file(const char *name, ssize_t *bytes)
{
	static char text[65536];
	char path[64];
	ssize_t total = 0, n;
	snprintf(path, sizeof path, "/proc/%d/%s", (int)rig.vmm, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	while ((n = read(fd, text + total, sizeof text - 1 - (size_t)total)) > 0)
		total += n;
	close(fd);
	text[total] = 0;
	if (bytes)
		*bytes = total;
	return text;
}

static void expect_in(const char *file, const char *fragment)
{
	if (!strstr(vmm_file(file, NULL), fragment))
		fail_msg("no '%s' in the vmm's %s:\n%.1500s", fragment, file, vmm_file(file, NULL));
}

static int count_lines(const char *text)
{
	int lines = 0;
	for (; (text = strchr(text, '\n')); text++)
		lines++;
	return lines;
}

static int count_entries(const char *name)
{
	char path[64];
	int count = 0;
	snprintf(path, sizeof path, "/proc/%d/%s", (int)rig.vmm, name);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

/* Where each descriptor of the running vmm leads; nothing that could be mapped or opened through. */
static void expect_descriptors(void)
{
	char path[64], target[256];
	snprintf(path, sizeof path, "/proc/%d/fd", (int)rig.vmm);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
		if (n < 0)
			continue;
		target[n] = 0;
		/* The VM's own descriptor stays (its irqfds end with it); the filter knows no request on it. */
		if (strstr(target, "memfd:") || strcmp(target, "/dev/kvm") == 0)
			fail_msg("the locked vmm still holds %s", target);
	}
	closedir(dir);
}

/* What a vmm is while guest code runs, seen from outside. */
static void a_running_vmm_is_jailed(void **state)
{
	const char *const argv[] = { "sleep", "60", NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int streams[3] = { null, null, null };
	ssize_t bytes;
	(void)state;
	ceno_rig_open(&rig, &real);
	ceno_rig_busybox(&rig, streams, argv, NULL);
	close(null);
	ceno_rig_until(&rig, &rig.launched, 5000);
	expect_in("status", "Uid:\t200001\t200001\t200001\t200001\n");
	expect_in("status", "Gid:\t200001\t200001\t200001\t200001\n");
	expect_in("status", "Groups:\t \n");
	expect_in("status", "CapPrm:\t0000000000000000\n");
	expect_in("status", "CapEff:\t0000000000000000\n");
	expect_in("status", "CapBnd:\t0000000000000000\n");
	expect_in("status", "CapAmb:\t0000000000000000\n");
	expect_in("status", "NoNewPrivs:\t1\n");
	expect_in("status", "Seccomp:\t2\n");
	expect_in("status", "\t1\n"); /* NStgid: PID 1 of its own namespace */
	expect_in("uid_map", "0     200001          1\n");
	expect_in("setgroups", "deny\n");
	assert_int_equal(count_entries("root"), 0);
	assert_int_equal(count_lines(vmm_file("mountinfo", NULL)), 1); /* one mount */
	expect_in("mountinfo", " / / ro,nosuid,nodev,noexec");
	expect_in("mountinfo", "tmpfs none ro,");
	expect_in("mountinfo", "tmpfs");
	expect_in("net/dev", "lo:");
	assert_null(strstr(vmm_file("net/dev", NULL), "eth"));
	assert_true(count_lines(vmm_file("net/route", NULL)) <= 1); /* the heading at most: no route */
	vmm_file("environ", &bytes);
	assert_int_equal(bytes, 0);
	expect_descriptors();
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	ceno_rig_expect_proof(&rig, "request");
}

/* A signed guest whose ring 0 is hostile (tests/hostile): stopped by Stage 2, and the proof says by what. */
static void violates(const char *bundle, unsigned code)
{
	struct ceno_rig_options hostile;
	const char *const argv[] = { "true", NULL };
	char fragment[32];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int streams[3] = { null, null, null };
	assert_int_equal(ceno_rig_real(&hostile, "trust-hostile.bin", bundle), 0);
	ceno_rig_open(&rig, &hostile);
	ceno_rig_busybox(&rig, streams, argv, NULL);
	close(null);
	ceno_rig_expect_proof(&rig, "violation");
	snprintf(fragment, sizeof fragment, "\"violation\":%u,", code);
	assert_true(ceno_rig_payload_has(&rig, fragment));
	assert_int_equal(rig.ending.violation, code);
	assert_int_equal(rig.programs, 0);
	ceno_rig_real_close(&hostile);
}

static void writing_its_own_text_ends_it(void **state)
{
	(void)state;
	violates("bundle-hostile-text.bin", 17);
}

static void writing_the_boot_page_ends_it(void **state)
{
	(void)state;
	violates("bundle-hostile-boot.bin", 17);
}

static void an_unpledged_window_ends_it(void **state)
{
	(void)state;
	violates("bundle-hostile-window.bin", 16);
}

static void running_off_ram_ends_it(void **state)
{
	(void)state;
	violates("bundle-hostile-ram-end.bin", 16);
}

/* A bundle signed by a key that is not the trust page's does not boot; the reason reaches the caller. */
static void a_wrongly_signed_bundle_says_why(void **state)
{
	struct ceno_rig_options wrong;
	const char *const argv[] = { "true", NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int streams[3] = { null, null, null };
	(void)state;
	assert_int_equal(ceno_rig_real(&wrong, "trust-hostile.bin", "bundle.bin"), 0);
	ceno_rig_open(&rig, &wrong);
	ceno_rig_busybox(&rig, streams, argv, NULL);
	close(null);
	ceno_rig_expect_proof(&rig, "exit");
	assert_int_equal(rig.ending.violation, 1);
	assert_int_equal(rig.ending.value, CENO_STOP_BUNDLE_SIGNATURE);
	ceno_rig_real_close(&wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(its_output_comes_out, teardown),
		cmocka_unit_test_teardown(its_input_goes_in, teardown),
		cmocka_unit_test_teardown(a_file_is_read_in_the_pack, teardown),
		cmocka_unit_test_teardown(its_exit_status_comes_out, teardown),
		cmocka_unit_test_teardown(a_running_vmm_is_jailed, teardown),
		cmocka_unit_test_teardown(writing_its_own_text_ends_it, teardown),
		cmocka_unit_test_teardown(writing_the_boot_page_ends_it, teardown),
		cmocka_unit_test_teardown(an_unpledged_window_ends_it, teardown),
		cmocka_unit_test_teardown(running_off_ram_ends_it, teardown),
		cmocka_unit_test_teardown(a_wrongly_signed_bundle_says_why, teardown),
	};
	if (geteuid() != 0 || ceno_rig_real(&real, "trust.bin", "bundle.bin") < 0) {
		printf("skipped: needs root, KVM and the signed bundle\n");
		return 77;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	ceno_rig_real_close(&real);
	return failed;
}
