/*
 * A compromised vmm, attempt by attempt (captured.h): each in a session of its own,
 * after the real lock, from the loop's thread and from the vCPU's; and once more, from
 * the loop's, in a vmm that has every wall but the filter.
 *
 * What is asserted of each: the answer of the table; and by an observer outside that
 * nothing changed that is not the process's own memory:
 *
 *   - while the process lives: its mappings, descriptors, tasks, namespaces and mounts
 *   - the content and extent of everything behind a slot
 *   - a process of the same uid: alive, its memory, limits and CPUs as they were, no signal
 *   - another session's vmm, running: alive, its RAM as it was
 *   - of that uid: no process more, no key more
 *   - nobody connected to the host's socket; this process (the warden's place) got no signal
 *
 * Arguments: names of attempts, to try those alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "captured.h"
#include "jailed.h"
#include "outside.h"

extern const uint8_t guest_sleep_forever[], guest_sleep_forever_end[];

#define PATIENCE_MS 30000 /* of a test that fails: on a busy machine a start takes seconds */
#ifndef SYS_mseal
#define SYS_mseal 462 /* Linux 6.10 */
#endif

enum answer { WORKS, REFUSED, DIES, FAULTS, ENDED_OTHERWISE, SEALED };
static const char *const answer_text[] = { "done", "refused", "SIGSYS", "a fault", "another end" };

static const struct attempt {
	const char *name, *text;
	enum answer locked, open;
} attempts[] = {
#define ATTEMPT_ROW(name, text, locked, open) { #name, text, locked, open },
	CAPTURED_ATTEMPTS(ATTEMPT_ROW)
#undef ATTEMPT_ROW
};

static struct outside outside;

/* ---- one attempt --------------------------------------------------------------- */

static void send_request(struct jailed_vmm *vmm, uint32_t attempt, bool vcpu, bool open)
{
	const struct captured_request request = { .attempt = attempt,
		                                  .vcpu = vcpu,
		                                  .unlocked = open,
		                                  .warden = getpid(),
		                                  .victim = outside.victim,
		                                  .other = outside.other.child.pid,
		                                  .address = (uintptr_t)outside.page };
	assert_int_equal(write(vmm->input, &request, sizeof(request)), sizeof(request));
}

static enum answer answer(struct jailed_vmm *vmm)
{
	long result;
	struct pollfd wait = { .fd = vmm->output, .events = POLLIN };
	assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
	if (read(vmm->output, &result, sizeof(result)) == (ssize_t)sizeof(result))
		return result < 0 ? REFUSED : WORKS;
	uint32_t status = jailed_reap(vmm), number = status & 0xff;
	bool killed = status >> 8 == CLD_KILLED || status >> 8 == CLD_DUMPED;
	if (killed && number == SIGSYS)
		return DIES;
	return killed && (number == SIGSEGV || number == SIGBUS) ? FAULTS : ENDED_OTHERWISE;
}

static int wrong;

static void complain_if(const char *what, const struct attempt *a, bool vcpu, bool open)
{
	if (!what)
		return;
	wrong++;
	print_error("%s (%s) in the %s thread%s: %s\n", a->name, a->text, vcpu ? "vCPU's" : "loop's",
	            open ? ", without the filter" : "", what);
}

/* Starts a vmm that knows what to try as soon as it is told to go. */
static void start(struct jailed_vmm *vmm, uint32_t number, bool vcpu, bool open)
{
	static const uint8_t code[] = { 0x31, 0xc0, 0xc3 }; /* xor %eax, %eax; ret */
	jailed_start(vmm, guest_sleep_forever, (size_t)(guest_sleep_forever_end - guest_sleep_forever));
	memcpy(vmm->tiny.ram + CAPTURED_CODE, code, sizeof(code));
	send_request(vmm, number, vcpu, open);
	assert_int_equal(jailed_launch(vmm).type, CENO_VMM_LOCKED);
}

/* Kernels are built with or without the page of the oldest system calls. */
static bool has_vsyscall(void)
{
	static char line[512];
	bool has = false;
	FILE *maps = fopen("/proc/self/maps", "re");
	while (maps && !has && fgets(line, sizeof(line), maps))
		has = strstr(line, "[vsyscall]") != NULL;
	if (maps)
		fclose(maps);
	return has;
}

static enum answer expected(const struct attempt *a, bool open)
{
	enum answer want = open ? a->open : a->locked;
	if (strcmp(a->name, "gate_vsyscall") == 0 && !has_vsyscall())
		return FAULTS;
	if (want != SEALED)
		return want;
	return syscall(SYS_mseal, 0, 0, 0) < 0 && errno == ENOSYS ? WORKS : REFUSED;
}

static void try(uint32_t number, bool vcpu, bool open)
{
	const struct attempt *a = &attempts[number];
	enum answer want = expected(a, open);
	struct jailed_vmm vmm;
	struct inside before, after;
	struct backing backing;
	char text[128];
	start(&vmm, number, vcpu, open);
	outside_inside(&before, vmm.child.pid);
	outside_backing(&backing, &vmm.tiny);
	outside_begin(&outside, vmm.child.pid);
	jailed_send(&vmm, CENO_VMM_GO);
	enum answer got = answer(&vmm);
	snprintf(text, sizeof(text), "%s, not %s", answer_text[got], answer_text[want]);
	bool better = open && want == WORKS && got == REFUSED;
	if (better)
		print_message("%s: this host refuses it without the filter, too\n", a->name);
	complain_if(got != want && !better ? text : NULL, a, vcpu, open);
	if (vmm.child.pidfd >= 0 && !open) {
		outside_inside(&after, vmm.child.pid);
		complain_if(outside_compare(&before, &after), a, vcpu, open);
	}
	if (!open)
		complain_if(outside_backing_changed(&backing, &vmm.tiny), a, vcpu, open);
	complain_if(outside_changed(&outside, open), a, vcpu, open);
	jailed_fini(&vmm);
}

/* ---- the table ------------------------------------------------------------------- */

static int chosen_count;
static char **chosen;

static bool is_chosen(const char *name)
{
	for (int i = 0; i < chosen_count; i++)
		if (strcmp(chosen[i], name) == 0)
			return true;
	return chosen_count == 0;
}

static void try_all(bool vcpu, bool open)
{
	unsigned tried = 0;
	wrong = 0;
	for (uint32_t i = 0; i < CAPTURED_COUNT; i++) {
		if (!is_chosen(attempts[i].name))
			continue;
		try(i, vcpu, open);
		tried++;
	}
	assert_int_equal(wrong, 0);
	assert_true(tried > 0);
	printf("%u attempts from the %s thread%s\n", tried, vcpu ? "vCPU's" : "loop's",
	       open ? ", without the filter" : "");
}

static void from_the_loop(void **state)
{
	(void)state;
	try_all(false, false);
}

static void from_the_vcpu(void **state)
{
	(void)state;
	try_all(true, false);
}

static void without_the_filter(void **state)
{
	(void)state;
	try_all(false, true);
}

/* What a reader of the table is promised. */
static void table_is_large(void **state)
{
	(void)state;
	assert_true(CAPTURED_COUNT >= 60);
	for (uint32_t i = 0; i < CAPTURED_COUNT; i++)
		assert_true(attempts[i].locked == DIES || attempts[i].locked == FAULTS);
}

/* The observer is not blind: each thing it looks at, changed by the test itself. */
static void observer_sees(void **state)
{
	struct jailed_vmm vmm;
	struct inside before, after;
	struct backing backing;
	(void)state;
	start(&vmm, 0, false, false);
	outside_begin(&outside, vmm.child.pid);
	outside_inside(&before, vmm.child.pid);
	outside_inside(&after, outside.other.child.pid);
	outside_backing(&backing, &vmm.tiny);
	assert_null(outside_compare(&before, &before));
	assert_non_null(outside_compare(&before, &after));
	assert_null(outside_backing_changed(&backing, &vmm.tiny));
	vmm.tiny.ram[CAPTURED_CODE] ^= 1;
	assert_non_null(outside_backing_changed(&backing, &vmm.tiny));
	assert_null(outside_changed(&outside, false));
	outside_disturb(&outside, JAILED_UID);
	jailed_fini(&vmm);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_large), cmocka_unit_test(observer_sees),      cmocka_unit_test(from_the_loop),
		cmocka_unit_test(from_the_vcpu),  cmocka_unit_test(without_the_filter),
	};
	static char path[4096];
	if (geteuid() != 0) {
		puts("SKIP: needs root");
		return 77;
	}
	chosen_count = argc - 1;
	chosen = argv + 1;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	path[n < 0 ? 0 : n] = 0;
	strcpy(strrchr(path, '/') + 1, "ceno-vmm-captured");
	jailed_use(path);
	outside_open(&outside);
	int rc = cmocka_run_group_tests_name("captured vmm", tests, NULL, NULL);
	outside_close(&outside);
	return rc;
}
