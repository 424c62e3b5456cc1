/*
 * The state table itself: no two rows answer the same event in the same state,
 * every state but the last has a way out, and the ways out are the right ones. And actions that
 * a running session can hardly be brought to.
 */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "vmm/warden/machine.h"
#include "vmm/warden/memory.h"

/* main.c's half; the table never calls it. */
int ceno_warden_watch_vmm(struct ceno_warden *w)
{
	(void)w;
	return -1;
}
void ceno_warden_forget_joiner(struct ceno_warden *w)
{
	(void)w;
}
int ceno_warden_take_launch(struct ceno_warden *w)
{
	(void)w;
	return 0;
}
void ceno_warden_pump_control(struct ceno_warden *w)
{
	(void)w;
}
void ceno_warden_deadline(struct ceno_warden *w, uint64_t ms)
{
	(void)w;
	(void)ms;
}
void ceno_warden_start_ttl(struct ceno_warden *w, uint64_t ms)
{
	(void)w;
	(void)ms;
}
void ceno_warden_stepping(struct ceno_warden *w, int on)
{
	(void)w;
	(void)on;
}
void ceno_warden_tell_supervisor(struct ceno_warden *w, uint32_t t, uint64_t v)
{
	(void)w;
	(void)t;
	(void)v;
}
void ceno_warden_tell_client(struct ceno_warden *w, const struct ceno_session_record *r, int fd)
{
	(void)w;
	(void)r;
	(void)fd;
}
void ceno_warden_share_areas(struct ceno_warden *w)
{
	(void)w;
}

void ceno_warden_leave(struct ceno_warden *w, int status)
{
	(void)w;
	(void)status;
}

#define LAST_EVENT CENO_EVENT_VMM_MALFORMED

static void no_event_has_two_rows(void **state)
{
	size_t count;
	const struct ceno_rule *rules = ceno_machine_rules(&count);
	(void)state;
	for (size_t i = 0; i < count; i++)
		for (size_t k = i + 1; k < count; k++)
			assert_false(rules[i].event == rules[k].event && (rules[i].states & rules[k].states));
}

static void every_event_is_answered_somewhere(void **state)
{
	size_t count;
	const struct ceno_rule *rules = ceno_machine_rules(&count);
	(void)state;
	for (int event = 0; event <= LAST_EVENT; event++) {
		int found = 0;
		for (size_t i = 0; i < count; i++)
			found |= (int)rules[i].event == event;
		assert_true(found);
	}
}

/* Nothing may keep a session from being ended by its supervisor before it drains. */
static void the_supervisor_can_always_stop_it(void **state)
{
	(void)state;
	for (unsigned s = CENO_STATE_IDLE; s <= CENO_STATE_ACTIVE; s <<= 1)
		assert_non_null(ceno_machine_find((enum ceno_state)s, CENO_EVENT_STOP));
}

/* A vmm that dies is noticed in every state in which there is one. */
static void a_dead_vmm_is_always_noticed(void **state)
{
	(void)state;
	for (unsigned s = CENO_STATE_PARKED; s <= CENO_STATE_REAPING; s <<= 1)
		assert_non_null(ceno_machine_find((enum ceno_state)s, CENO_EVENT_VMM_GONE));
}

/* What a vmm said before it died is heard, also when its death was noticed first: else it crashed. */
static void a_stop_is_always_heard(void **state)
{
	(void)state;
	for (unsigned s = CENO_STATE_ACTIVE; s <= CENO_STATE_REAPING; s <<= 1)
		assert_non_null(ceno_machine_find((enum ceno_state)s, CENO_EVENT_STOPPED));
}

/* Every state that waits for somebody else has a deadline or a time to live. */
static void nothing_waits_for_ever(void **state)
{
	(void)state;
	for (unsigned s = CENO_STATE_COLLECTING; s <= CENO_STATE_REAPING; s <<= 1)
		assert_true(ceno_machine_find((enum ceno_state)s, CENO_EVENT_DEADLINE) ||
		            ceno_machine_find((enum ceno_state)s, CENO_EVENT_TTL));
}

static void nothing_happens_after_the_end(void **state)
{
	(void)state;
	for (int event = 0; event <= LAST_EVENT; event++)
		assert_null(ceno_machine_find(CENO_STATE_ENDED, (enum ceno_event)event));
}

/* It may have said how it ended, and nobody has read that yet. */
static void a_vmm_that_ended_before_its_window_was_taken_is_no_liar(void **state)
{
	static struct ceno_warden w = { .state = CENO_STATE_ACTIVE, .narrowing = { .asked = 1, .turns = 1000 } };
	siginfo_t info;
	struct stat st;
	(void)state;
	w.session.control = -1;
	w.session.material.stdio = memfd_create("window", MFD_CLOEXEC);
	assert_int_equal(ftruncate(w.session.material.stdio, 4096), 0);
	w.session.vmm.pid = fork();
	if (w.session.vmm.pid == 0)
		_exit(0);
	w.session.vmm.pidfd = (int)syscall(SYS_pidfd_open, w.session.vmm.pid, 0);
	assert_true(w.session.vmm.pidfd >= 0);
	assert_int_equal(waitid(P_PID, (id_t)w.session.vmm.pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(ceno_on_narrow_turn(&w), CENO_STATE_ACTIVE);
	assert_int_equal(w.cause, 0);
	assert_int_equal(w.session.failure.code, 0);
	/* Its window is destroyed with the rest. */
	assert_int_equal(fstat(w.session.material.stdio, &st), 0);
	assert_int_equal(st.st_size, 4096);
	assert_int_equal(waitpid(w.session.vmm.pid, NULL, 0), w.session.vmm.pid);
	close(w.session.vmm.pidfd);
	close(w.session.material.stdio);
}

/* Two CPUs, on every host (the linker's --wrap). */
int __wrap_sched_getaffinity(pid_t pid, size_t bytes, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t pid, size_t bytes, cpu_set_t *set)
{
	(void)pid;
	memset(set, 0, bytes);
	CPU_SET(0, set);
	CPU_SET(1, set);
	return 0;
}

static void add_input(struct ceno_inputs *in, const char *name, uint64_t bytes)
{
	char path[CENO_PACK_PATH_MAX] = { 0 };
	int fd = memfd_create("input", MFD_CLOEXEC);
	assert_true(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
	strcpy(path, name);
	assert_int_equal(ceno_inputs_add(in, fd, path, 0444, bytes, CENO_PACK_MAX), 0);
}

/* Areas that were wiped, and how many while somebody hashed. */
static unsigned wiped, wiped_too_early;
static struct ceno_warden filling;

int __real_ceno_area_wipe(int fd, struct ceno_area_result *result);
int __wrap_ceno_area_wipe(int fd, struct ceno_area_result *result);
int __wrap_ceno_area_wipe(int fd, struct ceno_area_result *result)
{
	wiped++;
	wiped_too_early += filling.session.inputs && filling.session.inputs->hasher;
	return __real_ceno_area_wipe(fd, result);
}

/* A step into a large file, with a vmm that waits. */
static void begin_filling(void)
{
	char culprit[CENO_PACK_PATH_MAX];
	struct ceno_inputs *in = ceno_inputs_new();
	assert_non_null(in);
	filling = (struct ceno_warden){ .state = CENO_STATE_FILLING };
	filling.session.material = (struct ceno_material){ -1, -1, -1, -1, -1, -1, 0 };
	filling.session.inputs = in;
	add_input(in, "/in/large", 4 * CENO_HASHER_MIN);
	add_input(in, CENO_PACK_ARGS, 100);
	assert_int_equal(ceno_inputs_plan(in, culprit), 0);
	filling.session.material.pack = memfd_create("pack", MFD_CLOEXEC);
	assert_int_equal(ftruncate(filling.session.material.pack, (off_t)in->total_bytes), 0);
	pid_t vmm = fork();
	if (vmm == 0)
		for (;;)
			pause();
	filling.session.vmm = (struct ceno_child){ vmm, (int)syscall(SYS_pidfd_open, vmm, 0), -1, -1, 0 };
	filling.session.control = -1;
	assert_true(filling.session.vmm.pidfd >= 0);
	ceno_warden_event(&filling, CENO_EVENT_STEP);
	assert_int_equal(filling.state, CENO_STATE_FILLING);
	assert_non_null(in->hasher);
}

/* The warden's thread that hashes ends before the session's memory is touched, however its filling ends. */
static void nobody_hashes_once_the_vmm_is_to_be_reaped(void **state)
{
	(void)state;
	begin_filling();
	ceno_warden_event(&filling, CENO_EVENT_TTL);
	assert_int_equal(filling.state, CENO_STATE_REAPING);
	assert_null(filling.session.inputs->hasher);
	assert_int_equal(waitpid(filling.session.vmm.pid, NULL, 0), filling.session.vmm.pid);
	close(filling.session.vmm.pidfd);
	close(filling.session.material.pack);
	ceno_inputs_free(filling.session.inputs);
}

static void nobody_hashes_once_the_vmm_is_gone(void **state)
{
	(void)state;
	begin_filling();
	kill(filling.session.vmm.pid, SIGKILL);
	ceno_warden_event(&filling, CENO_EVENT_VMM_GONE);
	assert_int_equal(filling.state, CENO_STATE_ENDED);
	assert_int_equal(wiped, 1);
	assert_int_equal(wiped_too_early, 0);
	assert_int_equal(filling.session.material.pack, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_event_has_two_rows),
		cmocka_unit_test(every_event_is_answered_somewhere),
		cmocka_unit_test(a_stop_is_always_heard),
		cmocka_unit_test(the_supervisor_can_always_stop_it),
		cmocka_unit_test(a_dead_vmm_is_always_noticed),
		cmocka_unit_test(nothing_waits_for_ever),
		cmocka_unit_test(nothing_happens_after_the_end),
		cmocka_unit_test(a_vmm_that_ended_before_its_window_was_taken_is_no_liar),
		cmocka_unit_test(nobody_hashes_once_the_vmm_is_to_be_reaped),
		cmocka_unit_test(nobody_hashes_once_the_vmm_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
