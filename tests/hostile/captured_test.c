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
 * Then those that try to keep their window while it is taken (taken.h), by the warden's own code: what is behind it
 * is gone, whatever they tried.
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jailed.h"
#include "outside.h"
#include "taken.h"
#include "vmm/warden/narrow.h"
#include "vmm/warden/session.h"

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
	CAPTURED_ATTEMPTS(ATTEMPT_ROW) TAKEN_ATTEMPTS(ATTEMPT_ROW)
#undef ATTEMPT_ROW
};

static struct outside outside;

/* ---- one attempt --------------------------------------------------------------- */

static void send_request(struct jailed_vmm *vmm, uint32_t attempt, uint32_t threads, bool open)
{
	const struct captured_request request = { .attempt = attempt,
		                                  .threads = threads,
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

/* By enum captured_thread. */
static const char *const thread_text[] = { "", "the loop's thread", "the vCPU's thread", "both threads" };

static void complain_if(const char *what, const struct attempt *a, uint32_t threads, bool open)
{
	if (!what)
		return;
	wrong++;
	print_error("%s (%s) in %s%s: %s\n", a->name, a->text, thread_text[threads], open ? ", without the filter" : "",
	            what);
}

/* Starts a vmm that knows what to try as soon as it is told to go. */
static void start(struct jailed_vmm *vmm, uint32_t number, uint32_t threads, bool open)
{
	static const uint8_t code[] = { 0x31, 0xc0, 0xc3 }; /* xor %eax, %eax; ret */
	jailed_start(vmm, guest_sleep_forever, (size_t)(guest_sleep_forever_end - guest_sleep_forever));
	memcpy(vmm->tiny.ram + CAPTURED_CODE, code, sizeof(code));
	send_request(vmm, number, threads, open);
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

/* ---- its window ------------------------------------------------------------------- */

/* It has put its mark into the window, or has ended before it could. */
static void wait_ready(const struct jailed_vmm *vmm)
{
	const volatile uint64_t *word = (const volatile uint64_t *)(const void *)(vmm->tiny.window + TAKEN_PLACE);
	struct pollfd end = { .fd = vmm->child.pidfd, .events = POLLIN };
	for (int ms = 0; word[TAKEN_WORD_READY] != TAKEN_READY && poll(&end, 1, 1) == 0; ms++)
		assert_true(ms < PATIENCE_MS);
	assert_int_equal(word[TAKEN_WORD_MARK], TAKEN_MARK);
}

/* As the warden does it: it waits for the loop, which lets go unless it is the attacker's. 0, or what ceno_narrow_take
 * says. */
static int take(struct jailed_vmm *vmm, uint32_t threads)
{
	struct ceno_session session = { .material = { -1, -1, -1, -1, -1, -1, 0 }, .vmm = vmm->child };
	session.material.stdio = dup(vmm->tiny.fd[CENO_VMM_FD_WINDOW + CENO_PLEDGE_STDIO]);
	const struct ceno_vmm_record told = { .type = CENO_VMM_NARROW };
	(void)send(vmm->control, &told, sizeof(told), MSG_NOSIGNAL); /* or it has ended */
	struct ceno_vmm_record answer;
	if (threads == CAPTURED_VCPU && jailed_receive(vmm, &answer))
		assert_int_equal(answer.type, CENO_VMM_NARROWED);
	int rc = ceno_narrow_take(&session);
	const struct ceno_proof_area *area = &session.statement.filesystem.areas[0];
	assert_int_equal(session.statement.filesystem.area_count, rc == 0);
	if (rc < 0)
		close(session.material.stdio);
	else
		assert_true(area->bytes == CENO_STDIO_BYTES && area->overwritten == area->bytes &&
		            area->read_back == area->bytes && area->mismatches == 0);
	return rc;
}

/* Who died of its attempt has not lost the window yet: that is for destruction (e2e_warden). */
static const char *window_kept(const struct jailed_vmm *vmm, int taken, enum answer got)
{
	struct stat st;
	assert_int_equal(fstat(vmm->tiny.fd[CENO_VMM_FD_WINDOW + CENO_PLEDGE_STDIO], &st), 0);
	if (taken == -ESRCH && got == DIES)
		return NULL;
	if (taken < 0)
		return "the warden could not take its window";
	return st.st_size || st.st_blocks ? "there is something left of its window" : NULL;
}

static void try(uint32_t number, uint32_t threads, bool open)
{
	const struct attempt *a = &attempts[number];
	enum answer want = expected(a, open);
	struct jailed_vmm vmm;
	struct inside before, after;
	struct backing backing;
	char text[128];
	int taken = 0;
	start(&vmm, number, threads, open);
	outside_inside(&before, vmm.child.pid);
	outside_backing(&backing, &vmm.tiny);
	outside_begin(&outside, vmm.child.pid);
	jailed_send(&vmm, CENO_VMM_GO);
	if (number > TAKEN_FIRST) {
		wait_ready(&vmm);
		taken = take(&vmm, threads);
	}
	bool withstood = open && want == WORKS && taken < 0;
	enum answer got = withstood ? WORKS : answer(&vmm);
	snprintf(text, sizeof(text), "%s, not %s", answer_text[got], answer_text[want]);
	bool better = open && want == WORKS && (got == REFUSED || got == FAULTS);
	bool both = threads == (CAPTURED_LOOP | CAPTURED_VCPU);
	bool late = both && got == FAULTS; /* one began when it was gone */
	if (better && number < CAPTURED_COUNT)
		print_message("%s: this host refuses it without the filter, too\n", a->name);
	complain_if(got != want && !better && !late ? text : NULL, a, threads, open);
	if (number > TAKEN_FIRST && !withstood)
		complain_if(window_kept(&vmm, taken, got), a, threads, open);
	if (vmm.child.pidfd >= 0 && !open && !both) { /* of two, the other thread may be ending it */
		outside_inside(&after, vmm.child.pid);
		complain_if(outside_compare(&before, &after), a, threads, open);
	}
	if (!open)
		complain_if(outside_backing_changed(&backing, &vmm.tiny), a, threads, open);
	complain_if(outside_changed(&outside, open), a, threads, open);
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

static unsigned tried;

/* Attempts [from, to) that were chosen, each from the same threads; what: "attempts", "takings". */
static void try_all(uint32_t from, uint32_t to, const char *what, uint32_t threads, bool open)
{
	unsigned count = 0;
	wrong = 0;
	for (uint32_t i = from; i < to; i++) {
		if (!is_chosen(attempts[i].name))
			continue;
		try(i, threads, open);
		count++;
	}
	assert_int_equal(wrong, 0);
	tried += count;
	printf("%u %s from %s%s\n", count, what, thread_text[threads], open ? ", without the filter" : "");
}

static void try_attempts(uint32_t threads, bool open)
{
	try_all(0, CAPTURED_COUNT, "attempts", threads, open);
}

static void from_the_loop(void **state)
{
	(void)state;
	try_attempts(CAPTURED_LOOP, false);
}

static void from_the_vcpu(void **state)
{
	(void)state;
	try_attempts(CAPTURED_VCPU, false);
}

static void without_the_filter(void **state)
{
	(void)state;
	try_attempts(CAPTURED_LOOP, true);
}

static void while_its_window_is_taken(void **state)
{
	(void)state;
	for (uint32_t threads = CAPTURED_LOOP; threads <= (CAPTURED_LOOP | CAPTURED_VCPU); threads++)
		try_all(TAKEN_FIRST + 1, TAKEN_END, "takings", threads, false);
	try_all(TAKEN_FIRST + 1, TAKEN_END, "takings", CAPTURED_LOOP, true);
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
	start(&vmm, 0, CAPTURED_LOOP, false);
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
		cmocka_unit_test(table_is_large),     cmocka_unit_test(observer_sees),
		cmocka_unit_test(from_the_loop),      cmocka_unit_test(from_the_vcpu),
		cmocka_unit_test(without_the_filter), cmocka_unit_test(while_its_window_is_taken),
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
	if (!tried)
		print_error("no attempt has any of these names\n");
	return rc ? rc : !tried;
}
