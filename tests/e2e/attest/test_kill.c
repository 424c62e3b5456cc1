/*
 * ceno-attest killed at every call that changes its state directory, in four ways each
 * (trace.h), in a life that makes a log, launches, seals, ends unclean and leaves an orphan.
 * After each death the next attest must have every launch that was answered, seal every
 * payload that was stored, and its log must contain every checkpoint that ever had the name.
 */
#include "tests/e2e/attest/trace.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static uint8_t file[CENO_CDP_FILE_MAX];
static const char *const death_name[TRACE_DEATHS] = { "before", "half of", "after", "power cut after" };

/* Launched and stored: answered, not merely asked. */
struct life {
	struct session *s;
	bool launched, stored, stepped, proved, unclean;
};

enum { PROVED, UNCLEAN, OPEN, LATE, LIVES };

/* A record, or false: attest is gone. */
static bool ask(int fd, const void *record, size_t bytes, void *answer, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	if (send(fd, record, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
		return false;
	assert_int_equal(poll(&p, 1, 20000), 1);
	return recv(fd, answer, size, 0) == (ssize_t)size;
}

static bool launch(struct node *n, struct life *l)
{
	const struct ceno_proof_core *core = &l->s->f.statement.core;
	struct ceno_attest_launch record = { .type = CENO_ATTEST_LAUNCH };
	struct ceno_attest_launched answer;
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	l->s->warden = pair[0];
	if (!try_pass_channel(n, CENO_ATTEST_CHANNEL_WARDEN, core->session_id, pair[1]))
		return false;
	memcpy(record.session_id, core->session_id, 16);
	assert_int_equal(ceno_proof_platform_digest(&core->platform, record.platform_digest), 0);
	memcpy(record.request_commit, core->request_commit, 32);
	memcpy(record.signer_pub, core->signer_pub, 32);
	memcpy(record.rp_nonce, core->rp_nonce, 32);
	if (!ask(l->s->warden, &record, sizeof(record), &answer, sizeof(answer)))
		return false;
	assert_int_equal(answer.error, 0);
	l->s->launch_index = answer.launch_index;
	l->launched = true;
	return true;
}

static bool store(struct life *l)
{
	static uint8_t record[sizeof(struct ceno_attest_payload) + CENO_PAYLOAD_MAX];
	struct ceno_attest_payload head = { .type = CENO_ATTEST_PAYLOAD,
		                            .payload_bytes = (uint32_t)l->s->f.payload_bytes };
	struct ceno_attest_launched answer;
	memcpy(head.c0, l->s->f.chain[0], 32);
	memcpy(head.c7, l->s->f.chain[7], 32);
	memcpy(head.signature, l->s->f.signature, 64);
	memcpy(record, &head, sizeof(head));
	memcpy(record + sizeof(head), l->s->f.payload, l->s->f.payload_bytes);
	if (!ask(l->s->warden, record, sizeof(head) + l->s->f.payload_bytes, &answer, sizeof(answer)))
		return false;
	assert_int_equal(answer.error, 0);
	l->stored = true;
	return true;
}

static bool tell_supervisor(struct node *n, const struct life *l, uint32_t type)
{
	struct ceno_step8_record r = { .type = type,
		                       .cgroup_removed = CENO_PROOF_CGROUP_REMOVED,
		                       .peak_bytes = 41u << 20,
		                       .cause = type == CENO_ATTEST_UNCLEAN ? CENO_CAUSE_CRASH : 0 };
	memcpy(r.session_id, l->s->f.statement.core.session_id, 16);
	return send(n->control, &r, sizeof(r), MSG_NOSIGNAL) == sizeof(r);
}

/* One record of the api channel: a file of one of these sessions, verified and acknowledged. */
static bool take_file(struct node *n, struct life l[LIVES])
{
	static uint8_t record[sizeof(struct ceno_attest_file) + CENO_CDP_FILE_MAX + 1];
	struct ceno_attest_file head, taken = { .type = CENO_ATTEST_FILE };
	struct pollfd p = { .fd = n->api, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 20000), 1);
	if (recv(n->api, record, sizeof(record), 0) < (ssize_t)sizeof(head))
		return false;
	memcpy(&head, record, sizeof(head));
	assert_int_equal(head.type, CENO_ATTEST_FILE);
	int i = 0;
	while (i < LIVES && memcmp(head.session_id, l[i].s->f.statement.core.session_id, 16))
		i++;
	assert_true(i < LIVES);
	memcpy(file, record + sizeof(head), head.file_bytes);
	assert_int_equal(verdict(file, head.file_bytes, l[i].s), CENO_VERIFY_CODE_COUNT);
	l[i].proved = true;
	memcpy(taken.session_id, head.session_id, 16);
	return send(n->api, &taken, sizeof(taken), MSG_NOSIGNAL) == sizeof(taken);
}

/* Until the file of this session was there; one whose acknowledgement was lost comes again. False: attest is gone. */
static bool take_proof(struct node *n, struct life l[LIVES], int which)
{
	while (!l[which].proved)
		if (!take_file(n, l))
			return false;
	return true;
}

static bool give_api(struct node *n)
{
	static const uint8_t none[16];
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	if (n->api >= 0)
		close(n->api);
	n->api = pair[0];
	return try_pass_channel(n, CENO_ATTEST_CHANNEL_API, none, pair[1]);
}

static bool wait_ready(const struct node *n)
{
	struct ceno_attest_launched ready;
	struct pollfd p = { .fd = n->control, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 20000), 1);
	return recv(n->control, &ready, sizeof(ready), 0) == sizeof(ready);
}

/* One life as far as it goes. */
static bool live(struct node *n, struct life l[LIVES])
{
	if (!wait_ready(n) || !give_api(n))
		return false;
	for (int i = 0; i < LIVES; i++)
		if (!launch(n, &l[i]))
			return false;
	if (!store(&l[PROVED]) || !(l[PROVED].stepped = tell_supervisor(n, &l[PROVED], CENO_ATTEST_STEP8)) ||
	    !take_proof(n, l, PROVED))
		return false;
	if (!(l[UNCLEAN].unclean = tell_supervisor(n, &l[UNCLEAN], CENO_ATTEST_UNCLEAN)) || !store(&l[LATE]) ||
	    !(l[LATE].stepped = tell_supervisor(n, &l[LATE], CENO_ATTEST_STEP8)))
		return false;
	return take_proof(n, l, LATE);
}

/* What every later attest must do for these sessions. */
static void live_on(struct node *n, struct life l[LIVES])
{
	node_start(n);
	for (int i = 0; i < LIVES; i++) {
		if (!l[i].launched || l[i].proved || i == UNCLEAN || i == OPEN)
			continue;
		/* The warden spools what was not answered, and the supervisor says again what it saw. */
		if (!l[i].stored)
			pass_channel(n, CENO_ATTEST_CHANNEL_SPOOL, l[i].s->f.statement.core.session_id,
			             session_spool_file(l[i].s, 0));
		tell_supervisor(n, &l[i], CENO_ATTEST_STEP8);
		assert_true(take_proof(n, l, i));
	}
	if (l[UNCLEAN].launched)
		tell_supervisor(n, &l[UNCLEAN], CENO_ATTEST_UNCLEAN);
}

/* The next record of the api: a file that was taken, and whose acknowledgement was lost, comes once more. */
static void node_still_works(struct node *n)
{
	struct session *s = session_new();
	session_run(n, s);
	for (;;) {
		struct ceno_attest_file head = api_receive(n, file);
		assert_int_equal(head.type, CENO_ATTEST_FILE);
		api_acknowledge(n, head.session_id);
		if (memcmp(head.session_id, s->f.statement.core.session_id, 16))
			continue;
		assert_int_equal(verdict(file, head.file_bytes, s), CENO_VERIFY_CODE_COUNT);
		break;
	}
	session_free(s);
}

static void check_log(const struct node *n, const struct trace *t, const struct life l[LIVES])
{
	struct ceno_log tree;
	uint8_t root[32];
	assert_int_equal(trace_tree(n, &tree), 0);
	assert_true(tree.count >= t->answered);
	for (unsigned i = 0; i < t->seen_count; i++) {
		assert_int_equal(ceno_log_root(&tree, t->seen[i].size, root), 0);
		assert_memory_equal(root, t->seen[i].root, 32);
	}
	ceno_log_fini(&tree);
	if (l[OPEN].launched)
		assert_true(node_orphan(n, l[OPEN].s->f.statement.core.session_id, l[OPEN].s->launch_index));
	if (l[UNCLEAN].launched)
		assert_false(node_orphan(n, l[UNCLEAN].s->f.statement.core.session_id, l[UNCLEAN].s->launch_index));
}

/* A new node, killed at one event of its life (0: not), and what was begun gone on with: its trace. */
static struct trace one_death(unsigned at, enum trace_death death, unsigned second_at)
{
	void *state = NULL;
	assert_int_equal(node_setup_stopped(&state), 0);
	struct node *n = state;
	struct life l[LIVES] = { { 0 } };
	struct trace t = { .node = n, .kill_at = at, .death = death };
	node_keep_tpm(n);
	for (int i = 0; i < LIVES; i++)
		l[i].s = session_new();
	trace_start(&t);
	bool whole = live(n, l);
	close(n->control);
	n->control = -1;
	trace_join(&t);
	if (second_at) {
		/* Once more, while the next attest takes up what this one left. */
		t.kill_at = second_at;
		t.death = TRACE_POWER;
		trace_start(&t);
		wait_ready(n);
		close(n->control);
		n->control = -1;
		trace_join(&t);
	}
	if (*t.failure)
		fail_msg("%s", t.failure);
	assert_true(whole || t.killed || second_at);
	live_on(n, l);
	node_still_works(n);
	assert_int_equal(node_stop(n), 0);
	check_log(n, &t, l);
	for (int i = 0; i < LIVES; i++)
		session_free(l[i].s);
	node_teardown(&state);
	return t;
}

/* Two workers: which of two events comes first differs now and then, their number hardly. */
static void every_event_of_a_life(enum trace_death death)
{
	struct trace whole = one_death(0, death, 0);
	unsigned deaths = 0;
	assert_in_range(whole.events, 60, TRACE_EVENTS_MAX - 1);
	for (unsigned at = 1; at <= whole.events; at++)
		if (death != TRACE_HALF || whole.writes[at])
			deaths += one_death(at, death, 0).killed;
	print_message("%u events in a whole life; killed %u times, %s an event\n", whole.events, deaths,
	              death_name[death]);
	assert_true(deaths > (death == TRACE_HALF ? 10 : whole.events - 12));
}

/* A torn log, a checkpoint, a payload without its end: and a second power cut anywhere in the start that mends it. */
static void killed_again_while_mending(void **state)
{
	(void)state;
	struct trace whole = one_death(0, TRACE_HALF, 0);
	unsigned last = whole.events, deaths = 0;
	while (whole.writes[last] != 2)
		last--;
	for (unsigned at = 1;; at++) {
		if (!one_death(last, TRACE_HALF, at).killed)
			break;
		deaths++;
	}
	print_message("killed at event %u, and again at each of the first %u of the next start\n", last, deaths);
	assert_true(deaths > 8);
}

static void killed_before_every_event(void **state)
{
	(void)state;
	every_event_of_a_life(TRACE_BEFORE);
}

static void killed_in_the_middle_of_every_write(void **state)
{
	(void)state;
	every_event_of_a_life(TRACE_HALF);
}

static void killed_after_every_event(void **state)
{
	(void)state;
	every_event_of_a_life(TRACE_AFTER);
}

static void power_cut_after_every_event(void **state)
{
	(void)state;
	every_event_of_a_life(TRACE_POWER);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]); /* one of them alone, by hand */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_before_every_event),  cmocka_unit_test(killed_in_the_middle_of_every_write),
		cmocka_unit_test(killed_after_every_event),   cmocka_unit_test(power_cut_after_every_event),
		cmocka_unit_test(killed_again_while_mending),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
