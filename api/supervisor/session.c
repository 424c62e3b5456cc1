/* Sessions of the supervisor: see session.h. */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attest/proof/wire.h"
#include "log.h"
#include "policy/session.h"
#include "policy/tier.h"
#include "policy/units.h"
#include "spool.h"

#define RECOVERY_TRIES  3u
#define PAIR_TRIES      2u
#define CGROUP_TRIES    25u
#define CGROUP_RETRY_MS 20u
#define TTL_GRACE_MS    120000u /* the warden keeps the TTL; this only catches a warden that hangs */
#define RECOVERY_MS     120000u /* likewise, and a second more for each WIPED_A_S: gigabytes take longer than a minute */
#define WIPED_A_S       (64ull << 20) /* bytes, on a host that is slow and busy */
#define MEMORY_MARGIN   (64ull << 20)

struct ceno_session {
	struct ceno_session *next;
	struct ceno_node *node; /* borrowed */
	struct ceno_supervisor_launch launch;
	char name[33];
	int ram_fd, spool_fd;
	int areas[CENO_WARDEN_AREAS_MAX]; /* for a recovery warden; of area_count */
	unsigned area_count;
	int api_fd, attest_fd;        /* the warden's ends, until it answers for the session; -1 */
	struct ceno_image_wait image; /* holds its copy until the session ends */
	struct ceno_pair *pair;       /* borrowed; NULL: between two, or over */
	struct ceno_cgroup cgroup;    /* of the pair that ran it, once that ended */
	int32_t vmm_pid;              /* likewise */
	uv_timer_t timer;             /* backstop of each warden, then retries of removing the group */
	unsigned pairs, recoveries, cgroup_tries;
	uint32_t processor_percent; /* of its tier */
	bool ready;                 /* a warden answers for it */
	bool done, recovering, wiped, wiped_known, ended;
	bool cancelled; /* before its image was there */
	bool refused;   /* no warden ever held it: nothing to observe */
	uint32_t warden_status;
};

static void start_recovery(struct ceno_session *session);
static void backstop(uv_timer_t *timer);
static void finish(struct ceno_session *session);
static int give(struct ceno_session *session);

static void reply(struct ceno_node *node, const uint8_t id[16], uint32_t type, uint64_t value)
{
	struct ceno_spawn_reply record = { .type = type, .value = value };

	memcpy(record.session_id, id, 16);
	if (node->api.channel_open)
		ceno_channel_send(&node->api.channel, &record, sizeof record, NULL, 0);
}

/* ---- end of a session ----------------------------------------------------- */

static void timer_closed(uv_handle_t *handle)
{
	struct ceno_session *session = handle->data;
	struct ceno_node *node = session->node;
	struct ceno_session **link = &node->sessions;

	while (*link != session)
		link = &(*link)->next;
	*link = session->next;
	free(session);
	if (!node->sessions)
		ceno_node_sessions_ended(node);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void release(struct ceno_session *session)
{
	close_fd(&session->api_fd);
	close_fd(&session->attest_fd);
	ceno_images_release(session->node, &session->image);
	close(session->ram_fd);
	while (session->area_count)
		close(session->areas[--session->area_count]);
	if (session->spool_fd >= 0)
		close(session->spool_fd);
	session->ended = true;
	uv_close((uv_handle_t *)&session->timer, timer_closed);
}

static void observe(struct ceno_session *session, uint32_t cgroup_removed, uint64_t peak)
{
	struct ceno_step8_record record = {
		.type = session->recovering ? CENO_ATTEST_UNCLEAN : CENO_ATTEST_STEP8,
		.warden_status = session->warden_status,
		.cgroup_removed = cgroup_removed,
		.peak_bytes = peak,
		.cause = session->recovering ? CENO_CAUSE_CRASH : 0,
		.wiped = session->wiped,
	};

	if (session->refused) {
		ceno_spool_remove(session->node, session->name);
		release(session);
		return;
	}
	memcpy(record.session_id, session->launch.session_id, 16);
	ceno_spool_observe(session->node, session->name, session->spool_fd, &record);
	reply(session->node, record.session_id, session->recovering ? CENO_SPAWN_UNCLEAN : CENO_SPAWN_ENDED,
	      session->wiped);
	if (session->recovering)
		ceno_supervisor_log("session %s: its warden died; memory %s", session->name,
		                    session->wiped ? "wiped and checked by a recovery warden" : "not proven wiped");
	release(session);
}

static void retry_group(uv_timer_t *timer)
{
	finish(timer->data);
}

/* The group's last task may need a moment to leave it. */
static void finish(struct ceno_session *session)
{
	uint64_t peak = ceno_cgroup_peak(&session->cgroup);
	uint32_t removed = ceno_cgroup_close(&session->cgroup);

	if (!removed && session->cgroup_tries++ < CGROUP_TRIES) {
		uv_timer_start(&session->timer, retry_group, CGROUP_RETRY_MS, 0);
		return;
	}
	observe(session, removed, peak);
}

/* The pair ended before it answered for the session: nothing of the session was looked at. */
static void give_again(struct ceno_session *session)
{
	int rc = session->node->stage == CENO_NODE_UP ? give(session) : -ESHUTDOWN;

	if (!rc)
		return;
	ceno_supervisor_log("session %s: no warden took it", session->name);
	reply(session->node, session->launch.session_id, CENO_SPAWN_REFUSED, (uint64_t)-rc);
	session->refused = true;
	finish(session);
}

static void on_ended(void *owner, struct ceno_pair *pair)
{
	struct ceno_session *session = owner;

	session->pair = NULL;
	session->warden_status = pair->wait_status;
	if (!session->ready) {
		give_again(session);
		return;
	}
	uv_timer_stop(&session->timer);
	if (!session->recovering) {
		session->vmm_pid = pair->vmm_pid;
		session->cgroup = pair->group;
		ceno_cgroup_init(&pair->group);
	}
	if ((!session->recovering && session->done) || session->wiped_known || session->recoveries >= RECOVERY_TRIES)
		finish(session);
	else
		start_recovery(session);
}

static bool on_status(void *owner, const struct ceno_warden_status *status)
{
	struct ceno_session *session = owner;

	switch (status->type) {
	case CENO_WARDEN_READY:
		session->ready = true;
		close_fd(&session->api_fd);
		close_fd(&session->attest_fd);
		return true;
	case CENO_WARDEN_DONE:
		session->done = true;
		return true;
	case CENO_WARDEN_WIPED:
		session->wiped_known = session->recovering;
		session->wiped = status->value == 1;
		return session->recovering;
	}
	return false;
}

static bool on_areas(void *owner, struct ceno_packet_fds *fds)
{
	struct ceno_session *session = owner;

	if (session->area_count || session->recovering)
		return false;
	while (session->area_count < fds->count) {
		session->areas[session->area_count] = fds->fd[session->area_count];
		fds->fd[session->area_count++] = -1;
	}
	fds->count = 0;
	return true;
}

static const struct ceno_pair_events pair_events = { .on_status = on_status,
	                                             .on_areas = on_areas,
	                                             .on_ended = on_ended };

/* ---- start ------------------------------------------------------------------ */

static int give_once(struct ceno_session *session)
{
	const struct ceno_image_copy *image = session->image.copy;
	const int fds[CENO_WARDEN_LAUNCH_FDS + 1] = { session->api_fd, session->attest_fd, session->ram_fd,
		                                      session->spool_fd, image ? image->read_only : -1 };
	int rc = ceno_pair_take(session->node, &pair_events, session, &session->pair);

	session->pairs++;
	if (rc)
		return rc;
	rc = ceno_pair_launch(session->pair, &session->launch, fds, CENO_WARDEN_LAUNCH_FDS + (image != NULL),
	                      session->processor_percent);
	if (!rc)
		return 0;
	session->pair->events = NULL; /* it ends as nobody's */
	ceno_child_signal(&session->pair->warden, SIGKILL);
	session->pair = NULL;
	return rc;
}

/* To the parked pair, or to one that is started now; the parked one may be dying. 0 or -errno: then
 * no pair has it. */
static int give(struct ceno_session *session)
{
	int rc = -ECHILD;

	while (rc && session->pairs < PAIR_TRIES)
		rc = give_once(session);
	return rc;
}

/* By when a recovery warden that works has ended: it overwrites, reads back and compares all of RAM and areas. */
static uint64_t recovery_deadline_ms(const struct ceno_session *session)
{
	uint64_t bytes = session->launch.memory_bytes;
	struct stat st;

	for (unsigned i = 0; i < session->area_count; i++)
		bytes += fstat(session->areas[i], &st) ? 0 : (uint64_t)st.st_size;
	return RECOVERY_MS + bytes / WIPED_A_S * 1000;
}

static void start_recovery(struct ceno_session *session)
{
	int fds[1 + CENO_WARDEN_AREAS_MAX] = { session->ram_fd };
	int rc;

	memcpy(fds + 1, session->areas, session->area_count * sizeof fds[0]);
	session->recovering = true;
	session->recoveries++;
	ceno_supervisor_log(
	    "session %s: its warden ended with wait status 0x%x before it was done; starting a recovery warden",
	    session->name, session->warden_status);
	rc = ceno_pair_recover(session->node, fds, 1 + session->area_count, session->vmm_pid, &pair_events, session,
	                       &session->pair);
	if (!rc) {
		uv_timer_start(&session->timer, backstop, recovery_deadline_ms(session), 0);
		return;
	}
	ceno_supervisor_log("session %s: no recovery warden: %s", session->name, strerror(-rc));
	finish(session);
}

static void backstop(uv_timer_t *timer)
{
	struct ceno_session *session = timer->data;

	ceno_supervisor_log("session %s: its %s; killing it", session->name,
	                    session->recovering ? "recovery warden does not end"
	                                        : "warden outlived the session's lifetime");
	if (session->pair)
		ceno_child_signal(&session->pair->warden, SIGKILL);
}

static int make_ram(uint64_t bytes)
{
	int fd = memfd_create("ceno-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int rc;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)bytes) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/* Everything that can fail before a warden has it. 0 or -errno, nothing left behind. */
static int take_resources(struct ceno_session *session)
{
	session->ram_fd = make_ram(session->launch.memory_bytes);
	if (session->ram_fd < 0)
		return session->ram_fd;
	session->spool_fd = ceno_spool_create(session->node, session->name);
	if (session->spool_fd >= 0)
		return 0;
	close(session->ram_fd);
	return session->spool_fd;
}

/* A channel between this session's warden and attest: the warden's end, or -errno. */
static int attest_channel(struct ceno_session *session)
{
	struct ceno_attest_channel record = { .type = CENO_ATTEST_CHANNEL, .kind = CENO_ATTEST_CHANNEL_WARDEN };
	int pair[2], rc;

	if (!session->node->attest.ready)
		return -EHOSTDOWN;
	rc = ceno_packet_pair(pair);
	if (rc)
		return rc;
	memcpy(record.session_id, session->launch.session_id, 16);
	rc = ceno_channel_send(&session->node->attest.channel, &record, sizeof record, &pair[1], 1);
	close(pair[1]);
	if (rc) {
		close(pair[0]);
		return rc;
	}
	return pair[0];
}

/* Gives both channels' ends to a pair; they stay here too until a warden answers for the session. */
static int hand_over(struct ceno_session *session)
{
	const struct ceno_image_copy *image = session->image.copy;
	int rc;

	if (image) {
		memcpy(session->launch.digest_image, image->proof, 32);
		session->launch.image_released = image->released;
	}
	session->attest_fd = attest_channel(session);
	if (session->attest_fd < 0)
		return session->attest_fd;
	rc = give(session);
	if (rc)
		return rc;
	uv_timer_start(&session->timer, backstop, session->launch.ttl_ms + TTL_GRACE_MS, 0);
	ceno_supervisor_log("session %s: pair %u", session->name, session->pair->uid_base);
	return 0;
}

static void refuse(struct ceno_session *session)
{
	session->refused = true;
	finish(session);
}

static void on_image(void *owner, int error)
{
	struct ceno_session *session = owner;

	if (!error && session->cancelled)
		error = -ECANCELED;
	if (!error && session->node->stage != CENO_NODE_UP)
		error = -ESHUTDOWN;
	if (!error)
		error = hand_over(session);
	if (!error)
		return;
	reply(session->node, session->launch.session_id, CENO_SPAWN_REFUSED, (uint64_t)-error);
	refuse(session);
}

static int want_image(struct ceno_session *session, const struct ceno_spawn_request *request)
{
	static const uint8_t none[sizeof request->image];

	if (!memcmp(request->image, none, sizeof none))
		return 0;
	session->image.on_ready = on_image;
	session->image.owner = session;
	return ceno_images_take(session->node, request, &session->image);
}

/* 0: a pair has it, or its image is awaited. */
static int launch(struct ceno_node *node, const struct ceno_spawn_request *request, int api_fd)
{
	struct ceno_session *session = calloc(1, sizeof *session);
	int rc;

	if (!session)
		return -ENOMEM;
	session->node = node;
	session->api_fd = session->attest_fd = -1;
	ceno_cgroup_init(&session->cgroup);
	ceno_units_format_hex(request->session_id, 16, session->name);
	session->launch.type = CENO_SUPERVISOR_LAUNCH;
	memcpy(session->launch.session_id, request->session_id, 16);
	session->launch.memory_bytes = request->memory_bytes;
	session->launch.ttl_ms = request->ttl_ms;
	session->launch.pledge_mask = request->pledge_mask;
	session->processor_percent = ceno_tier_limits(request->tier)->processor_percent;
	rc = take_resources(session);
	if (rc) {
		free(session);
		return rc;
	}
	uv_timer_init(&node->loop, &session->timer);
	session->timer.data = session;
	session->next = node->sessions;
	node->sessions = session;
	session->api_fd = fcntl(api_fd, F_DUPFD_CLOEXEC, 0);
	rc = session->api_fd < 0 ? -errno : want_image(session, request);
	if (!rc)
		rc = hand_over(session);
	if (rc < 0)
		refuse(session);
	return rc < 0 ? rc : 0;
}

/* ---- requests --------------------------------------------------------------- */

static struct ceno_session *find(struct ceno_node *node, const uint8_t id[16])
{
	struct ceno_session *session = node->sessions;

	while (session && memcmp(session->launch.session_id, id, 16))
		session = session->next;
	return session;
}

static int check(struct ceno_node *node, const struct ceno_spawn_request *request)
{
	const struct ceno_session_ask ask = {
		.tier = request->tier,
		.pledge_mask = request->pledge_mask,
		.memory_bytes = request->memory_bytes,
		.ttl_ms = request->ttl_ms,
	};
	uint64_t available = ceno_host_memory_available();

	if (node->stage != CENO_NODE_UP)
		return -ESHUTDOWN;
	if (ceno_session_check(&ask))
		return -EPERM;
	if (find(node, request->session_id))
		return -EEXIST;
	if (available && available < request->memory_bytes + MEMORY_MARGIN)
		return -ENOMEM;
	return 0;
}

static void tell_stop(struct ceno_session *session)
{
	struct ceno_warden_status status = { .type = CENO_WARDEN_STOP };

	session->cancelled = true;
	if (!session->ended && !session->recovering && session->pair)
		ceno_channel_send(&session->pair->channel, &status, sizeof status, NULL, 0);
}

static bool reserved_clear(const struct ceno_spawn_request *request)
{
	static const uint64_t zeros[4];

	return !request->flags && request->share <= CENO_IMAGE_SHARE_NODE &&
	    !memcmp(request->reserved, zeros, sizeof zeros);
}

int ceno_session_serve(struct ceno_node *node, const void *bytes, size_t length, struct ceno_packet_fds *fds)
{
	struct ceno_spawn_request request;
	struct ceno_session *session;
	int rc;

	if (length != sizeof request)
		return -1;
	memcpy(&request, bytes, sizeof request);
	if (!reserved_clear(&request))
		return -1;
	switch (request.type) {
	case CENO_SPAWN_SESSION:
		if (fds->count != 1)
			return -1;
		rc = check(node, &request);
		if (!rc)
			rc = launch(node, &request, fds->fd[0]);
		reply(node, request.session_id, rc ? CENO_SPAWN_REFUSED : CENO_SPAWN_STARTED, rc ? (uint64_t)-rc : 0);
		return 0;
	case CENO_SPAWN_IMAGE_ADD:
		if (fds->count != 1)
			return -1;
		ceno_images_add(node, &request, fds->fd[0]);
		return 0;
	case CENO_SPAWN_IMAGE_REMOVE:
		if (fds->count)
			return -1;
		ceno_images_remove(node, request.image);
		return 0;
	case CENO_SPAWN_KILL:
		if (fds->count)
			return -1;
		session = find(node, request.session_id);
		if (session)
			tell_stop(session);
		return 0;
	}
	return -1;
}

void ceno_session_stop_all(struct ceno_node *node)
{
	for (struct ceno_session *s = node->sessions; s; s = s->next)
		tell_stop(s);
}
