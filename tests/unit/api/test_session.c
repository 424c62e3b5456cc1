/*
 * A session whose wardens end, or do not: recovery follows, each recovery warden has a deadline, and a third that
 * fails is the last. Pair, spool and images are the test's, and so is time.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/supervisor/pair.h"
#include "api/supervisor/session.h"
#include "api/supervisor/spool.h"
#include "attest/proof/wire.h"
#include "guest-kernel/abi/layout.h"
#include "policy/tier.h"
#include "vmm/warden/wire.h"

#define RAM    (64u << 20)
#define TTL_MS 60000u

static struct ceno_node the_node;
static struct ceno_pair the_pair;
static struct ceno_pair_events said_to;
static struct ceno_step8_record observed;
static void *whose;
static unsigned recoveries, recovered_fds, killed, observations;
static uv_timer_t *armed; /* and then: */
static uv_timer_cb due;
static uint64_t due_ms;

int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb callback, uint64_t timeout, uint64_t repeat);
int __wrap_uv_timer_stop(uv_timer_t *timer);
void __wrap_ceno_child_signal(struct ceno_child *child, int signal_number);
int __wrap_ceno_channel_send(struct ceno_channel *channel, const void *record, size_t bytes, const int *fds,
                             unsigned count);

int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb callback, uint64_t timeout, uint64_t repeat)
{
	(void)repeat;
	armed = timer;
	due = callback;
	due_ms = timeout;
	return 0;
}

int __wrap_uv_timer_stop(uv_timer_t *timer)
{
	if (armed == timer)
		armed = NULL;
	return 0;
}

void __wrap_ceno_child_signal(struct ceno_child *child, int signal_number)
{
	assert_ptr_equal(child, &the_pair.warden);
	assert_int_equal(signal_number, SIGKILL);
	killed++;
}

int __wrap_ceno_channel_send(struct ceno_channel *channel, const void *record, size_t bytes, const int *fds,
                             unsigned count)
{
	(void)channel, (void)record, (void)bytes, (void)fds, (void)count;
	return 0;
}

static int take(const struct ceno_pair_events *events, void *owner, struct ceno_pair **pair)
{
	memset(&the_pair, 0, sizeof the_pair);
	ceno_cgroup_init(&the_pair.group);
	said_to = *events;
	whose = owner;
	*pair = &the_pair;
	return 0;
}

int ceno_pair_take(struct ceno_node *node, const struct ceno_pair_events *events, void *owner, struct ceno_pair **pair)
{
	(void)node;
	return take(events, owner, pair);
}

int ceno_pair_launch(struct ceno_pair *pair, const struct ceno_supervisor_launch *launch, const int *fds,
                     unsigned count, uint32_t processor_percent)
{
	(void)pair, (void)launch, (void)fds, (void)count, (void)processor_percent;
	return 0;
}

int ceno_pair_recover(struct ceno_node *node, const int *fds, unsigned count, int32_t vmm_pid,
                      const struct ceno_pair_events *events, void *owner, struct ceno_pair **pair)
{
	(void)node, (void)fds, (void)vmm_pid;
	recovered_fds = count;
	recoveries++;
	return take(events, owner, pair);
}

int ceno_spool_create(struct ceno_node *node, const char *name)
{
	(void)node, (void)name;
	return dup(0);
}

void ceno_spool_remove(struct ceno_node *node, const char *name)
{
	(void)node, (void)name;
}

void ceno_spool_observe(struct ceno_node *node, const char *name, int spool_fd, const struct ceno_step8_record *record)
{
	(void)node, (void)name, (void)spool_fd;
	observed = *record;
	observations++;
}

int ceno_images_take(struct ceno_node *node, const struct ceno_spawn_request *request, struct ceno_image_wait *wait)
{
	(void)node, (void)request, (void)wait;
	return 0;
}

void ceno_images_release(struct ceno_node *node, struct ceno_image_wait *wait)
{
	(void)node, (void)wait;
}

void ceno_images_add(struct ceno_node *node, const struct ceno_spawn_request *request, int fd)
{
	(void)node, (void)request, (void)fd;
}

void ceno_images_remove(struct ceno_node *node, const uint8_t image[32])
{
	(void)node, (void)image;
}

void ceno_node_sessions_ended(struct ceno_node *node)
{
	(void)node;
}

/* ---- a session that runs ------------------------------------------------------- */

static int begin(uint64_t memory_bytes)
{
	struct ceno_spawn_request request = { .type = CENO_SPAWN_SESSION,
		                              .tier = CENO_TIER_FREE,
		                              .memory_bytes = memory_bytes,
		                              .ttl_ms = TTL_MS,
		                              .pledge_mask = 1u << CENO_PLEDGE_STDIO,
		                              .session_id = { 7 } };
	const struct ceno_warden_status ready = { .type = CENO_WARDEN_READY };
	struct ceno_packet_fds fds = { .fd = { 0 }, .count = 1 };

	memset(&the_node, 0, sizeof the_node);
	recoveries = killed = observations = 0;
	armed = NULL;
	if (uv_loop_init(&the_node.loop))
		return -1;
	the_node.stage = CENO_NODE_UP;
	the_node.attest.ready = true;
	if (ceno_session_serve(&the_node, &request, sizeof request, &fds) || !the_node.sessions)
		return -1;
	return said_to.on_status(whose, &ready) ? 0 : -1;
}

static int setup(void **state)
{
	(void)state;
	return begin(RAM);
}

static int setup_large(void **state)
{
	(void)state;
	return begin((uint64_t)4 * RAM);
}

/* Nothing is left of it. */
static int teardown(void **state)
{
	(void)state;
	uv_run(&the_node.loop, UV_RUN_NOWAIT);
	return the_node.sessions ? -1 : uv_loop_close(&the_node.loop);
}

static void pair_ends(uint32_t wait_status)
{
	the_pair.wait_status = wait_status;
	said_to.on_ended(whose, &the_pair);
}

static void say(uint32_t type, uint64_t value)
{
	const struct ceno_warden_status status = { .type = type, .value = value };
	assert_true(said_to.on_status(whose, &status));
}

static void time_is_up(uint64_t after_ms)
{
	unsigned before = killed;

	assert_non_null(armed);
	assert_int_equal(due_ms, after_ms);
	due(armed);
	assert_int_equal(killed, before + 1);
	pair_ends(SIGKILL);
}

static void test_done(void **state)
{
	(void)state;
	say(CENO_WARDEN_DONE, 0);
	pair_ends(0);
	assert_int_equal(recoveries, 0);
	assert_int_equal(observations, 1);
	assert_int_equal(observed.type, CENO_ATTEST_STEP8);
	assert_null(armed);
}

static void test_recovered(void **state)
{
	(void)state;
	pair_ends(SIGKILL);
	assert_int_equal(recoveries, 1);
	say(CENO_WARDEN_WIPED, 1);
	pair_ends(0);
	assert_int_equal(recoveries, 1);
	assert_int_equal(observed.type, CENO_ATTEST_UNCLEAN);
	assert_int_equal(observed.wiped, 1);
	assert_null(armed);
}

static void test_hanging_warden(void **state)
{
	(void)state;
	time_is_up(TTL_MS + 120000);
	assert_int_equal(recoveries, 1);
	say(CENO_WARDEN_WIPED, 1);
	pair_ends(0);
	assert_int_equal(observed.wiped, 1);
}

static void test_hanging_recovery(void **state)
{
	(void)state;
	pair_ends(SIGKILL);
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(recoveries, i);
		assert_int_equal(observations, 0);
		assert_int_equal(recovered_fds, 1);
		time_is_up(121000);
	}
	assert_int_equal(recoveries, 3);
	assert_int_equal(observations, 1);
	assert_int_equal(observed.type, CENO_ATTEST_UNCLEAN);
	assert_int_equal(observed.wiped, 0);
}

/* What it said before it hung is its word. */
static void test_wiped_then_hanging(void **state)
{
	(void)state;
	pair_ends(SIGKILL);
	say(CENO_WARDEN_WIPED, 1);
	time_is_up(121000);
	assert_int_equal(recoveries, 1);
	assert_int_equal(observed.wiped, 1);
}

/* One that has more to wipe has longer: areas count, too. */
static void test_large_recovery(void **state)
{
	struct ceno_packet_fds areas = { .fd = { memfd_create("area", MFD_CLOEXEC) }, .count = 1 };

	(void)state;
	assert_int_equal(ftruncate(areas.fd[0], (off_t)RAM * 2), 0);
	assert_true(said_to.on_areas(whose, &areas));
	pair_ends(SIGKILL);
	assert_int_equal(recovered_fds, 2);
	time_is_up(120000 + 4000 + 2000);
	say(CENO_WARDEN_WIPED, 1);
	pair_ends(0);
	assert_int_equal(observed.wiped, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_done, setup, teardown),
		cmocka_unit_test_setup_teardown(test_recovered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hanging_warden, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hanging_recovery, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wiped_then_hanging, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_recovery, setup_large, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
