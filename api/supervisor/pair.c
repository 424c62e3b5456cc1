/* Pairs of warden and vmm: see pair.h. */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "node.h"

#define UIDS_PER_PAIR   2u
#define UID_FIRST_SLOT  8u /* slots 0..7: api and attest */
#define UID_SLOTS       32768u
#define PARK_AFTER_MS   20u /* a launch and its guest's boot are over by then */
#define RETRY_FIRST_MS  100u
#define RETRY_LAST_MS   10000u
#define STEADY_MS       10000u /* a pair that lived so long while parked was a good one */
#define CGROUP_TRIES    25u
#define CGROUP_RETRY_MS 20u

static void park(struct ceno_node *node, uint64_t after_ms);

/* ---- the end of a pair ------------------------------------------------------ */

static void pair_free(struct ceno_pair *pair)
{
	struct ceno_node *node = pair->node;
	struct ceno_pair **link = &node->parking.pairs;

	while (*link != pair)
		link = &(*link)->next;
	*link = pair->next;
	free(pair);
	if (!node->parking.pairs)
		ceno_node_pairs_ended(node);
}

static void timer_closed(uv_handle_t *handle)
{
	pair_free(handle->data);
}

static void remove_group(uv_timer_t *timer)
{
	struct ceno_pair *pair = timer->data;

	if (!ceno_cgroup_close(&pair->group) && pair->tries++ < CGROUP_TRIES)
		uv_timer_start(timer, remove_group, CGROUP_RETRY_MS, 0);
	else
		uv_close((uv_handle_t *)timer, timer_closed);
}

/* The next one comes later each time, so that what kills them does not keep the node busy. */
static void parked_pair_died(struct ceno_pair *pair)
{
	struct ceno_parking *parking = &pair->node->parking;
	uint64_t wait_ms = RETRY_FIRST_MS;
	int status = (int)pair->wait_status;

	parking->pair = NULL;
	if (!parking->open)
		return;
	if (pair->parked && uv_now(&pair->node->loop) - pair->started_ms >= STEADY_MS)
		parking->deaths = 0;
	for (unsigned i = 0; i < parking->deaths && wait_ms < RETRY_LAST_MS; i++)
		wait_ms *= 2;
	parking->deaths++;
	ceno_supervisor_log("the parked pair %u ended (%s %d); parking another in %llu ms", pair->uid_base,
	                    WIFSIGNALED(status) ? "signal" : "status",
	                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (unsigned long long)wait_ms);
	park(pair->node, wait_ms);
}

static void channel_closed(struct ceno_channel *channel)
{
	struct ceno_pair *pair = channel->owner;

	if (pair->events)
		pair->events->on_ended(pair->owner, pair);
	else if (pair->node->parking.pair == pair)
		parked_pair_died(pair);
	remove_group(&pair->timer);
}

static void warden_exited(struct ceno_child *child)
{
	struct ceno_pair *pair = child->owner;

	pair->wait_status = (uint32_t)child->wait_status;
	ceno_channel_drain(&pair->channel); /* its last words */
	ceno_channel_close(&pair->channel, false, channel_closed);
}

/* ---- the warden's channel ---------------------------------------------------- */

static bool heard(struct ceno_pair *pair, const struct ceno_warden_status *status)
{
	switch (status->type) {
	case CENO_WARDEN_VMM:
		pair->vmm_pid = (int32_t)status->value;
		return true;
	case CENO_WARDEN_PARKED:
		pair->parked = true;
		return true;
	case CENO_WARDEN_READY:
		pair->node->parking.deaths = 0; /* they work */
		return pair->events && pair->events->on_status(pair->owner, status);
	case CENO_WARDEN_DONE:
		return !pair->events || pair->events->on_status(pair->owner, status);
	default:
		return pair->events && pair->events->on_status(pair->owner, status);
	}
}

/* A window may shrink: the warden takes it by that, after it has overwritten it; nobody else can, who holds none. */
static bool is_memory(int fd, bool sealed)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	return seals >= 0 && (seals & F_SEAL_SHRINK || !sealed) && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
}

static bool heard_areas(struct ceno_pair *pair, const struct ceno_warden_status *status, struct ceno_packet_fds *fds)
{
	if (!fds->count || fds->count > CENO_WARDEN_AREAS_MAX || status->value != fds->count)
		return false;
	for (unsigned i = 0; i < fds->count; i++)
		if (!is_memory(fds->fd[i], i < CENO_WARDEN_AREAS_SEALED))
			return false;
	return pair->events && pair->events->on_areas(pair->owner, fds);
}

static void on_record(struct ceno_channel *channel, const void *bytes, size_t length, struct ceno_packet_fds *fds)
{
	struct ceno_pair *pair = channel->owner;
	struct ceno_warden_status status = { 0 };

	if (length == sizeof status)
		memcpy(&status, bytes, sizeof status);
	if (length == sizeof status && !status.reserved &&
	    (status.type == CENO_WARDEN_AREAS ? heard_areas(pair, &status, fds) : !fds->count && heard(pair, &status)))
		return;
	ceno_supervisor_log("pair %u: malformed record from its warden; killing it", pair->uid_base);
	ceno_child_signal(&pair->warden, SIGKILL);
}

static void on_end(struct ceno_channel *channel, int error)
{
	(void)channel; /* the pidfd tells what matters */
	(void)error;
}

static const struct ceno_channel_events warden_events = { .on_record = on_record, .on_end = on_end };

/* ---- start -------------------------------------------------------------------- */

static uint32_t next_uid(struct ceno_node *node)
{
	uint32_t uid = node->config->uid_base + UIDS_PER_PAIR * (UID_FIRST_SLOT + node->next_uid_slot);

	node->next_uid_slot = (node->next_uid_slot + 1) % (UID_SLOTS - UID_FIRST_SLOT);
	return uid;
}

static struct ceno_supervisor_launch park_record(const struct ceno_pair *pair)
{
	const struct ceno_node *node = pair->node;
	struct ceno_supervisor_launch record = {
		.type = CENO_SUPERVISOR_PARK,
		.tsc_hz = node->kvm.tsc_hz,
		.syscall_mode = node->kvm.syscall_mode,
		.kvm_kind = node->kvm.kind,
		.cgroup_version = (uint32_t)pair->group.version,
		.uid_base = pair->uid_base,
		.layers = node->layers,
	};

	memcpy(record.digest_firmware, node->firmware.sha256, 32);
	memcpy(record.digest_trust, node->trust.sha256, 32);
	memcpy(record.digest_bundle, node->bundle.sha256, 32);
	memcpy(record.digest_vmm, node->vmm_sha256, 32);
	return record;
}

static int exec_warden(struct ceno_pair *pair, int channel_fd)
{
	static const char *const argv[] = { "ceno-warden", NULL };
	struct ceno_node *node = pair->node;
	const int fds[CENO_WARDEN_FD_EXEC_END - CENO_WARDEN_FD_SUPERVISOR] = {
		channel_fd,
		node->kvm_fd,
		node->firmware.fd,
		node->trust.fd,
		node->bundle.fd,
		node->vmm_exe,
		pair->group.join[CENO_CGROUP_MEMORY],
		pair->group.join[CENO_CGROUP_PIDS],
		pair->group.join[CENO_CGROUP_CPU],
	};
	const struct ceno_child_spec spec = {
		.executable = node->warden_exe,
		.argv = argv,
		.fds = fds,
		.fd_count = sizeof fds / sizeof fds[0],
	};

	return ceno_child_start(&node->loop, &pair->warden, &spec, warden_exited, pair);
}

/* Linked into the list, which is why it ends by pair_free alone. */
static struct ceno_pair *pair_new(struct ceno_node *node)
{
	struct ceno_pair *pair = calloc(1, sizeof *pair);

	if (!pair)
		return NULL;
	pair->node = node;
	ceno_cgroup_init(&pair->group);
	pair->started_ms = uv_now(&node->loop);
	uv_timer_init(&node->loop, &pair->timer);
	pair->timer.data = pair;
	pair->next = node->parking.pairs;
	node->parking.pairs = pair;
	return pair;
}

/* Starts the warden and sends its first record. On failure the pair ends by itself, unseen. */
static int start(struct ceno_pair *pair, const struct ceno_supervisor_launch *record, const int *fds, unsigned fd_count)
{
	int pair_fds[2], rc = ceno_packet_pair(pair_fds);

	if (rc) {
		remove_group(&pair->timer);
		return rc;
	}
	rc = ceno_channel_open(&pair->node->loop, &pair->channel, pair_fds[0], sizeof(struct ceno_warden_status), 8192,
	                       &warden_events, pair);
	if (rc) {
		close(pair_fds[0]);
		close(pair_fds[1]);
		remove_group(&pair->timer);
		return rc;
	}
	rc = ceno_channel_send(&pair->channel, record, sizeof *record, fds, fd_count);
	if (!rc)
		rc = exec_warden(pair, pair_fds[1]);
	close(pair_fds[1]);
	if (rc)
		ceno_channel_close(&pair->channel, false, channel_closed);
	return rc;
}

static int start_pair(struct ceno_node *node, struct ceno_pair **out)
{
	struct ceno_supervisor_launch record;
	struct ceno_pair *pair = pair_new(node);
	char name[32];
	int rc;

	if (!pair)
		return -ENOMEM;
	pair->uid_base = next_uid(node);
	snprintf(name, sizeof name, "pair-%u", pair->uid_base);
	rc = ceno_cgroup_open(&node->cgroups, name, &pair->group);
	if (rc) {
		remove_group(&pair->timer);
		return rc;
	}
	record = park_record(pair);
	rc = start(pair, &record, NULL, 0);
	if (!rc)
		*out = pair;
	return rc;
}

/* ---- for sessions --------------------------------------------------------------- */

int ceno_pair_take(struct ceno_node *node, const struct ceno_pair_events *events, void *owner, struct ceno_pair **pair)
{
	struct ceno_parking *parking = &node->parking;
	int rc = 0;

	*pair = parking->pair;
	if (!*pair)
		rc = start_pair(node, pair);
	if (rc)
		return rc;
	(*pair)->events = events;
	(*pair)->owner = owner;
	parking->pair = NULL;
	park(node, PARK_AFTER_MS);
	return 0;
}

int ceno_pair_launch(struct ceno_pair *pair, const struct ceno_supervisor_launch *launch, const int *fds,
                     unsigned count, uint32_t processor_percent)
{
	int rc = ceno_cgroup_limit(&pair->group, launch->memory_bytes);

	if (!rc)
		rc = ceno_cgroup_processor(&pair->group, processor_percent);
	return rc ? rc : ceno_channel_send(&pair->channel, launch, sizeof *launch, fds, count);
}

int ceno_pair_recover(struct ceno_node *node, const int *fds, unsigned count, int32_t vmm_pid,
                      const struct ceno_pair_events *events, void *owner, struct ceno_pair **pair)
{
	const struct ceno_supervisor_launch record = { .type = CENO_SUPERVISOR_RECOVER, .vmm_pid = vmm_pid };
	struct ceno_pair *recovery = pair_new(node);
	int rc;

	if (!recovery)
		return -ENOMEM;
	rc = start(recovery, &record, fds, count);
	if (rc)
		return rc;
	recovery->events = events;
	recovery->owner = owner;
	*pair = recovery;
	return 0;
}

/* ---- parking ---------------------------------------------------------------------- */

static void park_now(uv_timer_t *timer)
{
	struct ceno_node *node = timer->data;
	struct ceno_parking *parking = &node->parking;
	int rc;

	if (!parking->open || parking->pair)
		return;
	rc = start_pair(node, &parking->pair);
	if (!rc)
		return;
	ceno_supervisor_log("no pair could be parked: %s; trying again in %u ms", strerror(-rc), RETRY_LAST_MS);
	park(node, RETRY_LAST_MS);
}

static void park(struct ceno_node *node, uint64_t after_ms)
{
	if (node->parking.open)
		uv_timer_start(&node->parking.timer, park_now, after_ms, 0);
}

void ceno_parking_open(struct ceno_node *node)
{
	uv_timer_init(&node->loop, &node->parking.timer);
	node->parking.timer.data = node;
	node->parking.open = true;
	park(node, 0);
}

void ceno_parking_close(struct ceno_node *node)
{
	const struct ceno_warden_status stop = { .type = CENO_WARDEN_STOP };
	struct ceno_parking *parking = &node->parking;

	if (!parking->open)
		return;
	parking->open = false;
	uv_timer_stop(&parking->timer);
	if (parking->pair)
		ceno_channel_send(&parking->pair->channel, &stop, sizeof stop, NULL, 0);
}

void ceno_parking_kill(struct ceno_node *node)
{
	for (struct ceno_pair *pair = node->parking.pairs; pair; pair = pair->next)
		ceno_child_signal(&pair->warden, SIGKILL);
}
