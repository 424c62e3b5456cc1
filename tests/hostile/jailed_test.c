/*
 * The jailed role over its control socket: what it serves, what it refuses, how it
 * ends. Argument: ceno-vmm, if not the one of this build.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "jailed.h"
#include "vmm/core/launch_check.h"
#include "vmm/sandbox/jail.h"
#include "vmm/warden/record.h"

#define GUEST(name) extern const uint8_t guest_##name[], guest_##name##_end[];
GUEST(hello)
GUEST(spin)
GUEST(stop_code)
GUEST(write_boot)
GUEST(lie_report)
GUEST(sleep_forever)
GUEST(flood)
#define CODE(name) guest_##name, (size_t)(guest_##name##_end - guest_##name)

#define EXITED(code) ((uint32_t)(code) | CLD_EXITED << 8)

static void expect_stop(struct jailed_vmm *vmm, uint32_t reason, int code)
{
	struct ceno_vmm_record record;
	assert_true(jailed_receive(vmm, &record));
	assert_int_equal(record.type, CENO_VMM_STOPPED);
	assert_int_equal(record.reason, reason);
	assert_false(jailed_receive(vmm, &record));
	assert_int_equal(jailed_reap(vmm), EXITED(code));
}

static void serves_a_program(void **state)
{
	(void)state;
	struct jailed_vmm vmm;
	struct ceno_vmm_record record;
	char buffer[16];
	jailed_lock(&vmm, CODE(hello), true);
	assert_true(jailed_receive(&vmm, &record));
	assert_int_equal(record.type, CENO_VMM_PROGRAM);
	assert_int_equal(record.program_seq, 1);
	assert_int_equal(record.exit_status, 7);
	jailed_send(&vmm, CENO_VMM_DRAIN);
	expect_stop(&vmm, CENO_VMM_STOP_DRAINED, 0);
	assert_int_equal(read(vmm.output, buffer, sizeof(buffer)), 6);
	assert_memory_equal(buffer, "hello\n", 6);
	jailed_fini(&vmm);
}

static void drains(void **state)
{
	(void)state;
	struct jailed_vmm vmm;
	jailed_lock(&vmm, CODE(spin), true);
	jailed_send(&vmm, CENO_VMM_DRAIN);
	expect_stop(&vmm, CENO_VMM_STOP_DRAINED, 0);
	jailed_fini(&vmm);
	jailed_lock(&vmm, CODE(sleep_forever), true);
	usleep(20000);
	jailed_send(&vmm, CENO_VMM_DRAIN);
	expect_stop(&vmm, CENO_VMM_STOP_DRAINED, 0);
	jailed_fini(&vmm);
}

/* Nobody takes the output: the vmm gives up after its own deadline, and what fitted
 * into the pipe is there. */
static void drain_gives_up(void **state)
{
	(void)state;
	struct jailed_vmm vmm;
	struct timespec before, after;
	static char buffer[CENO_STDOUT_BYTES];
	size_t got = 0;
	jailed_lock(&vmm, CODE(flood), true);
	usleep(50000);
	clock_gettime(CLOCK_MONOTONIC, &before);
	jailed_send(&vmm, CENO_VMM_DRAIN);
	expect_stop(&vmm, CENO_VMM_STOP_DRAINED, 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	long ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
	/* libuv takes the time from a clock of one scheduler tick. */
	assert_in_range(ms, CENO_FLUSH_MS - 50, CENO_FLUSH_MS + 2000);
	for (ssize_t n; (n = read(vmm.output, buffer, sizeof(buffer))) > 0;)
		got += (size_t)n;
	assert_in_range(got, 4096, CENO_STDOUT_BYTES - 1);
	jailed_fini(&vmm);
}

/* The same, with a reader: every byte arrives. */
static void drain_gives_all(void **state)
{
	(void)state;
	struct jailed_vmm vmm;
	struct ceno_vmm_record record;
	static char buffer[CENO_STDOUT_BYTES];
	size_t got = 0;
	jailed_lock(&vmm, CODE(flood), true);
	usleep(20000);
	jailed_send(&vmm, CENO_VMM_DRAIN);
	for (ssize_t n; (n = read(vmm.output, buffer, sizeof(buffer))) > 0;)
		got += (size_t)n;
	assert_int_equal(got, CENO_STDOUT_BYTES);
	assert_true(jailed_receive(&vmm, &record));
	assert_int_equal(record.reason, CENO_VMM_STOP_DRAINED);
	jailed_fini(&vmm);
}

static void reports_stops(void **state)
{
	(void)state;
	struct jailed_vmm vmm;
	jailed_lock(&vmm, CODE(stop_code), true);
	expect_stop(&vmm, CENO_VMM_STOP_GUEST_STOP, 0);
	jailed_fini(&vmm);
	jailed_lock(&vmm, CODE(write_boot), true);
	expect_stop(&vmm, CENO_VMM_STOP_READ_ONLY, 3);
	jailed_fini(&vmm);
	jailed_lock(&vmm, CODE(lie_report), true);
	expect_stop(&vmm, CENO_VMM_STOP_RING_LIE, 3);
	jailed_fini(&vmm);
}

/* The warden's end closes: the vmm ends by itself, running or not. */
static void ends_with_the_warden(void **state)
{
	(void)state;
	for (int go = 0; go < 2; go++) {
		struct jailed_vmm vmm;
		jailed_lock(&vmm, CODE(spin), go);
		close(vmm.control);
		vmm.control = -1;
		assert_int_equal(jailed_reap(&vmm), EXITED(4));
		jailed_fini(&vmm);
	}
}

/* Out of order, unknown, too long, or with a stray field: the run ends. */
static void refuses_bad_orders(void **state)
{
	(void)state;
	static const struct ceno_vmm_record bad[] = {
		{ .type = CENO_VMM_DRAIN },
		{ .type = CENO_VMM_REQUEST },
		{ .type = CENO_VMM_TERMINAL },
		{ .type = CENO_VMM_LOCKED },
		{ .type = 99 },
		{ .type = CENO_VMM_GO, .value = 1 },
		{ .type = CENO_VMM_GO, .reserved2 = { 0, 0, 1 } },
		{ .type = CENO_VMM_GO, .detail = 1 },
	};
	for (size_t i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++) {
		struct jailed_vmm vmm;
		jailed_lock(&vmm, CODE(spin), false);
		if (i < sizeof(bad) / sizeof(bad[0])) {
			assert_int_equal(write(vmm.control, &bad[i], sizeof(bad[i])), sizeof(bad[i]));
		} else {
			jailed_send(&vmm, CENO_VMM_GO);
			jailed_send(&vmm, CENO_VMM_GO);
		}
		expect_stop(&vmm, CENO_VMM_STOP_HOST_ERROR, 4);
		jailed_fini(&vmm);
	}
}

static void expect_refusal(struct jailed_vmm *vmm, uint32_t stage, uint64_t value)
{
	struct ceno_vmm_record answer = jailed_launch(vmm);
	assert_int_equal(answer.type, CENO_VMM_STOPPED);
	assert_int_equal(answer.reason, CENO_VMM_STOP_REFUSED);
	assert_int_equal(answer.gpa, stage);
	if (value)
		assert_int_equal(answer.value, value);
	assert_int_equal(jailed_reap(vmm), EXITED(4));
	jailed_fini(vmm);
}

static void refuses_bad_launches(void **state)
{
	(void)state;
	struct jailed_vmm vmm;
	jailed_start(&vmm, CODE(spin));
	vmm.tiny.launch.flags = CENO_VMM_SINGLE_STEP;
	expect_refusal(&vmm, CENO_VMM_STAGE_RECORD, CENO_LAUNCH_FLAGS);

	jailed_start(&vmm, CODE(spin));
	vmm.tiny.launch.slots[4].bytes += CENO_LARGE_PAGE; /* RAM longer than its descriptor */
	expect_refusal(&vmm, CENO_VMM_STAGE_DESCRIPTORS, 0);

	jailed_start(&vmm, CODE(spin));
	vmm.tiny.launch.slots[2].bytes += CENO_PAGE; /* a bundle that is not the one it parked with */
	expect_refusal(&vmm, CENO_VMM_STAGE_DESCRIPTORS, EOVERFLOW);

	jailed_start(&vmm, CODE(spin));
	assert_int_equal(write(vmm.control, "short", 5), 5);
	struct ceno_vmm_record answer = jailed_answer(&vmm);
	assert_int_equal(answer.reason, CENO_VMM_STOP_REFUSED);
	assert_int_equal(answer.value, CENO_LAUNCH_SIZE);
	jailed_fini(&vmm);
}

/* ---- the descriptors of a launch -------------------------------------------- */

/* In the order of core/launch.h, for the slots of tinyvm. */
enum { SENT_STDIN, SENT_STDOUT, SENT_STDERR, SENT_BOOT, SENT_RAM, SENT_WINDOW, SENT_TRAIL, SENT_COUNT };
static const int sent_place[SENT_COUNT] = { CENO_VMM_FD_STDIN, CENO_VMM_FD_STDOUT, CENO_VMM_FD_STDERR, CENO_VMM_FD_BOOT,
	                                    CENO_VMM_FD_RAM,   CENO_VMM_FD_WINDOW, CENO_VMM_FD_TRAIL };

/* Sends the launch with `count` descriptors (0: as many as belong there), number `which` being `fd` (owned). */
static void expect_bad_sent(unsigned count, unsigned which, int fd, int error)
{
	struct jailed_vmm vmm;
	int fds[CENO_RECORD_FDS_MAX];
	jailed_start(&vmm, CODE(spin));
	for (unsigned i = 0; i < CENO_RECORD_FDS_MAX; i++)
		fds[i] = vmm.tiny.fd[sent_place[i < SENT_COUNT ? i : 0]];
	fds[which] = fd >= 0 ? fd : fds[which];
	assert_int_equal(ceno_record_send(vmm.control, &vmm.tiny.launch, sizeof(vmm.tiny.launch), NULL, 0, fds,
	                                  count ? count : SENT_COUNT),
	                 0);
	struct ceno_vmm_record answer = jailed_answer(&vmm);
	if (answer.reason != CENO_VMM_STOP_REFUSED || answer.gpa != CENO_VMM_STAGE_DESCRIPTORS ||
	    answer.value != (uint64_t)error)
		fail_msg("descriptor %u of %u: reason %u stage %lu value %lu", which, count, answer.reason,
		         (unsigned long)answer.gpa, (unsigned long)answer.value);
	assert_int_equal(jailed_reap(&vmm), EXITED(4));
	jailed_fini(&vmm);
	if (fd >= 0)
		close(fd);
}

static int memory(uint64_t bytes, int seals, int flags)
{
	char path[32];
	int fd = memfd_create("sent", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	if (flags == O_RDWR)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int other = open(path, flags | O_CLOEXEC);
	assert_true(other >= 0);
	close(fd);
	return other;
}

/* A file of a disk: one of a tmpfs, which /tmp may be, has seals like a memfd. */
static int file(uint64_t bytes)
{
	int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

static void refuses_wrong_descriptors(void **state)
{
	const int length = F_SEAL_SHRINK | F_SEAL_GROW;
	(void)state;
	expect_bad_sent(SENT_COUNT + 1, 0, -1, EBADF);
	expect_bad_sent(SENT_COUNT - 1, 0, -1, EBADF);
	expect_bad_sent(CENO_VMM_SENT_MAX + 1, 0, -1, EBADF);
	/* Another kind of thing, a name without rights, the wrong direction. */
	expect_bad_sent(0, SENT_STDIN, open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), EBADF);
	expect_bad_sent(0, SENT_STDERR, open("/dev/null", O_PATH | O_CLOEXEC), EBADF);
	expect_bad_sent(0, SENT_BOOT, memory(CENO_PAGE, 0, O_RDWR), EBADF);
	expect_bad_sent(0, SENT_BOOT, open("/dev/zero", O_RDONLY | O_CLOEXEC), EBADF);
	expect_bad_sent(0, SENT_RAM, memory(TINY_RAM_BYTES, length, O_RDONLY), EBADF);
	expect_bad_sent(0, SENT_RAM, file(TINY_RAM_BYTES), EBADF);
	expect_bad_sent(0, SENT_RAM, open("/dev/kvm", O_RDWR | O_CLOEXEC), EBADF);
	expect_bad_sent(0, SENT_WINDOW, memory(CENO_STDIO_BYTES, 0, O_RDONLY), EBADF);
	expect_bad_sent(0, SENT_TRAIL, memory(CENO_TRAIL_BYTES, 0, O_RDONLY), EBADF);
	/* The right kind, without the seals or of another length. */
	expect_bad_sent(0, SENT_RAM, memory(TINY_RAM_BYTES, 0, O_RDWR), EPERM);
	expect_bad_sent(0, SENT_RAM, memory(TINY_RAM_BYTES, F_SEAL_SHRINK, O_RDWR), EPERM);
	expect_bad_sent(0, SENT_RAM, memory(TINY_RAM_BYTES + CENO_PAGE, length, O_RDWR), EOVERFLOW);
	expect_bad_sent(0, SENT_TRAIL, memory(CENO_TRAIL_BYTES - CENO_PAGE, 0, O_RDWR), EOVERFLOW);
	expect_bad_sent(0, SENT_BOOT, memory(2 * CENO_PAGE, length, O_RDONLY), EOVERFLOW);
}

/* The same where nobody looked at the descriptors before: the machine itself compares. */
static void a_nodes_slot_is_as_long_as_it_is(void **state)
{
	static const struct ceno_runner_events none;
	struct tinyvm tiny;
	(void)state;
	tiny_init(&tiny, CODE(spin));
	tiny.launch.slots[2].bytes += CENO_PAGE;
	assert_int_equal(ceno_runner_init(&tiny.runner, &tiny.launch, tiny.fd, NULL, &none, NULL), -EOVERFLOW);
	tiny_fini(&tiny);
}

/* A vmm without a session: jailed, a machine with three slots, and no descriptor but the node's. */
static void is_parked(void **state)
{
	(void)state;
	static const char *const allowed[] = {
		"socket:[", "/dev/kvm",       "/memfd:tiny",           "anon_inode:[eventfd]",
		"pipe:[",   "anon_inode:kvm", "anon_inode:[eventpoll]"
	};
	struct jailed_vmm vmm;
	char path[64], text[4096];
	unsigned memfds = 0;
	struct stat ours[2], theirs;
	jailed_start(&vmm, CODE(spin));
	assert_int_equal(fstat(vmm.input, &ours[0]) | fstat(vmm.output, &ours[1]), 0);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", vmm.child.pid, vmm.child.pid);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
	assert_non_null(strstr(text, "\nNoNewPrivs:\t1\n"));
	assert_non_null(strstr(text, "\nCapPrm:\t0000000000000000\n"));
	assert_non_null(strstr(text, "\nCapEff:\t0000000000000000\n"));
	assert_non_null(strstr(text, "\nCapBnd:\t0000000000000000\n"));
	for (int fd = 0; fd < 64; fd++) {
		unsigned i = 0;
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", vmm.child.pid, fd);
		ssize_t n = readlink(path, text, sizeof(text) - 1);
		if (n < 0)
			continue;
		text[n] = 0;
		while (i < sizeof(allowed) / sizeof(allowed[0]) && strncmp(text, allowed[i], strlen(allowed[i])) != 0)
			i++;
		if (i == sizeof(allowed) / sizeof(allowed[0]))
			fail_msg("descriptor %d is %s", fd, text);
		memfds += i == 2;
		if (i == 4 && stat(path, &theirs) == 0) /* libuv's own pipes, not the program's */
			assert_true(theirs.st_ino != ours[0].st_ino && theirs.st_ino != ours[1].st_ino);
		if (fd <= CENO_VMM_FD_CONTROL || (fd >= CENO_VMM_FD_BOOT && fd < CENO_VMM_FD_END))
			assert_int_equal(i, 0); /* the places of a session: the control socket keeps them */
	}
	assert_int_equal(memfds, 3); /* firmware, trust page, bundle */
	jailed_fini(&vmm);
}

/* A warden that ends while the pair is parked takes the vmm with it. */
static void ends_parked(void **state)
{
	(void)state;
	struct jailed_vmm vmm;
	jailed_start(&vmm, CODE(spin));
	close(vmm.control);
	vmm.control = -1;
	assert_int_equal(jailed_reap(&vmm), EXITED(4));
	jailed_fini(&vmm);
}

/* What /proc says of a locked vmm. */
static void is_locked(void **state)
{
	(void)state;
	struct jailed_vmm vmm;
	char path[64], text[4096];
	jailed_lock(&vmm, CODE(spin), false); /* from the first KVM_RUN on, KVM may add a kernel thread */
	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", vmm.child.pid, vmm.child.pid);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = 0;
	fclose(file);
	assert_non_null(strstr(text, "\nSeccomp:\t2\n"));
	assert_non_null(strstr(text, "\nNoNewPrivs:\t1\n"));
	assert_non_null(strstr(text, "\nCapEff:\t0000000000000000\n"));
	assert_non_null(strstr(text, "\nThreads:\t2\n"));
	/* Streams, control, eventfds, epoll, vCPU: no memory, no VM, no /dev/kvm. */
	for (int fd = 0; fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", vmm.child.pid, fd);
		n = (size_t)readlink(path, text, sizeof(text) - 1);
		if ((ssize_t)n < 0)
			continue;
		text[n] = 0;
		/* the VM's own descriptor keeps its irqfds alive; the filter admits no request on it */
		if (strstr(text, "kvm") && strcmp(text, "anon_inode:kvm-vcpu:0") != 0 &&
		    strcmp(text, "anon_inode:kvm-vm") != 0)
			fail_msg("descriptor %d is %s", fd, text);
		if (strstr(text, "memfd"))
			fail_msg("descriptor %d is %s", fd, text);
	}
	jailed_fini(&vmm);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serves_a_program),
		cmocka_unit_test(drains),
		cmocka_unit_test(drain_gives_up),
		cmocka_unit_test(drain_gives_all),
		cmocka_unit_test(reports_stops),
		cmocka_unit_test(ends_with_the_warden),
		cmocka_unit_test(refuses_bad_orders),
		cmocka_unit_test(refuses_bad_launches),
		cmocka_unit_test(is_locked),
		cmocka_unit_test(refuses_wrong_descriptors),
		cmocka_unit_test(a_nodes_slot_is_as_long_as_it_is),
		cmocka_unit_test(is_parked),
		cmocka_unit_test(ends_parked),
	};
	if (geteuid() != 0) {
		puts("SKIP: needs root");
		return 77;
	}
	jailed_use(argc > 1 ? argv[1] : NULL);
	return cmocka_run_group_tests_name("jailed vmm", tests, NULL, NULL);
}
