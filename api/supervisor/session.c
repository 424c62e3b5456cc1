/* Sessions of the supervisor: see session.h. */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attest/proof/wire.h"
#include "log.h"
#include "policy/session.h"
#include "policy/units.h"
#include "spool.h"

#define UIDS_PER_SESSION 2u
#define UID_FIRST_SLOT   8u /* slots 0..7: api and attest */
#define UID_SLOTS        32768u
#define RECOVERY_TRIES   3u
#define CGROUP_TRIES     25u
#define CGROUP_RETRY_MS  20u
#define TTL_GRACE_MS     120000u /* the warden keeps the TTL; this only catches a warden that hangs */
#define MEMORY_MARGIN    (64ull << 20)

struct ceno_session {
	struct ceno_session *next;
	struct ceno_node *node; /* borrowed */
	struct ceno_supervisor_launch launch;
	char name[33];
	int ram_fd, spool_fd;
	struct ceno_cgroup cgroup;
	struct ceno_child warden;
	struct ceno_channel channel;
	uv_timer_t timer; /* TTL backstop, then retries of removing the group */
	unsigned recoveries, cgroup_tries, open_handles;
	bool done, recovering, wiped, wiped_known, ended;
	bool refused; /* no warden ever held it: nothing to observe */
	uint32_t warden_status;
};

static void start_recovery(struct ceno_session *session);
static void finish(struct ceno_session *session);

static void reply(struct ceno_node *node, const uint8_t id[16], uint32_t type, uint64_t value)
{
	struct ceno_spawn_reply record = { .type = type, .value = value };

	memcpy(record.session_id, id, 16);
	if (node->api.channel_open)
		ceno_channel_send(&node->api.channel, &record, sizeof record, NULL, 0);
}

/* ---- end of a session ----------------------------------------------------- */

static void maybe_free(struct ceno_session *session)
{
	struct ceno_node *node = session->node;
	struct ceno_session **link = &node->sessions;

	if (!session->ended || session->open_handles)
		return;
	while (*link != session)
		link = &(*link)->next;
	*link = session->next;
	free(session);
	if (!node->sessions)
		ceno_node_sessions_ended(node);
}

static void timer_closed(uv_handle_t *handle)
{
	struct ceno_session *session = handle->data;

	session->open_handles--;
	maybe_free(session);
}

static void release(struct ceno_session *session)
{
	close(session->ram_fd);
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

static void channel_closed(struct ceno_channel *channel)
{
	struct ceno_session *session = channel->owner;

	session->open_handles--;
	if (session->refused || (!session->recovering && session->done) || session->wiped_known ||
	    session->recoveries >= RECOVERY_TRIES)
		finish(session);
	else
		start_recovery(session);
}

static void warden_exited(struct ceno_child *child)
{
	struct ceno_session *session = child->owner;

	session->open_handles--;
	session->warden_status = (uint32_t)child->wait_status;
	uv_timer_stop(&session->timer);
	ceno_channel_drain(&session->channel); /* its last words */
	ceno_channel_close(&session->channel, false, channel_closed);
}

/* ---- the warden's channel -------------------------------------------------- */

static void on_record(struct ceno_channel *channel, const void *bytes, size_t length, struct ceno_packet_fds *fds)
{
	struct ceno_session *session = channel->owner;
	struct ceno_warden_status status;

	if (length != sizeof status || fds->count)
		goto malformed;
	memcpy(&status, bytes, sizeof status);
	if (status.reserved)
		goto malformed;
	switch (status.type) {
	case CENO_WARDEN_READY:
		return;
	case CENO_WARDEN_VMM:
		session->launch.vmm_pid = (int32_t)status.value;
		return;
	case CENO_WARDEN_DONE:
		session->done = true;
		return;
	case CENO_WARDEN_WIPED:
		if (!session->recovering)
			goto malformed;
		session->wiped_known = true;
		session->wiped = status.value == 1;
		return;
	}
malformed:
	ceno_supervisor_log("session %s: malformed record from its warden; killing it", session->name);
	ceno_child_signal(&session->warden, SIGKILL);
}

static void on_end(struct ceno_channel *channel, int error)
{
	(void)channel; /* the pidfd tells what matters */
	(void)error;
}

static const struct ceno_channel_events warden_events = { .on_record = on_record, .on_end = on_end };

/* ---- start ------------------------------------------------------------------ */

static int start_warden(struct ceno_session *session, int api_fd, int attest_fd)
{
	static const char *const argv[] = { "ceno-warden", NULL };
	struct ceno_node *node = session->node;
	int pair[2], rc = ceno_packet_pair(pair);
	int fds[CENO_WARDEN_FD_END - CENO_WARDEN_FD_SUPERVISOR] = {
		pair[1],           api_fd,
		attest_fd,         node->kvm_fd,
		node->firmware.fd, node->trust.fd,
		node->bundle.fd,   -1,
		node->vmm_exe,     session->cgroup.join_fd,
		session->ram_fd,   session->spool_fd,
	};
	const struct ceno_child_spec spec = {
		.executable = node->warden_exe,
		.argv = argv,
		.fds = fds,
		.fd_count = sizeof fds / sizeof fds[0],
	};

	if (rc)
		return rc;
	rc = ceno_channel_open(&node->loop, &session->channel, pair[0], sizeof(struct ceno_warden_status), 4096,
	                       &warden_events, session);
	if (rc) {
		close(pair[0]);
		close(pair[1]);
		return rc;
	}
	session->open_handles++;
	rc = ceno_channel_send(&session->channel, &session->launch, sizeof session->launch, NULL, 0);
	if (!rc)
		rc = ceno_child_start(&node->loop, &session->warden, &spec, warden_exited, session);
	close(pair[1]);
	if (!rc)
		session->open_handles++;
	return rc;
}

static void start_recovery(struct ceno_session *session)
{
	int rc;

	session->recovering = true;
	session->recoveries++;
	session->launch.recovery = 1;
	ceno_supervisor_log(
	    "session %s: its warden ended with wait status 0x%x before it was done; starting a recovery warden",
	    session->name, session->warden_status);
	rc = start_warden(session, -1, -1);
	if (!rc)
		return;
	ceno_supervisor_log("session %s: no recovery warden: %s", session->name, strerror(-rc));
	if (session->open_handles > 1) /* the channel was opened; its close callback decides what is next */
		ceno_channel_close(&session->channel, false, channel_closed);
	else
		finish(session);
}

static void backstop(uv_timer_t *timer)
{
	struct ceno_session *session = timer->data;

	ceno_supervisor_log("session %s: its warden outlived the session's lifetime; killing it", session->name);
	ceno_child_signal(&session->warden, SIGKILL);
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

static uint32_t next_uid(struct ceno_node *node)
{
	uint32_t uid = node->config->uid_base + UIDS_PER_SESSION * (UID_FIRST_SLOT + node->next_uid_slot);

	node->next_uid_slot = (node->next_uid_slot + 1) % (UID_SLOTS - UID_FIRST_SLOT);
	return uid;
}

static void fill_launch(struct ceno_node *node, const struct ceno_spawn_request *request, struct ceno_session *session)
{
	struct ceno_supervisor_launch *launch = &session->launch;

	memcpy(launch->session_id, request->session_id, 16);
	launch->memory_bytes = request->memory_bytes;
	launch->ttl_ms = request->ttl_ms;
	launch->pledge_mask = request->pledge_mask;
	launch->tsc_hz = node->kvm.tsc_hz;
	launch->syscall_mode = node->kvm.syscall_mode;
	launch->kvm_kind = node->kvm.kind;
	launch->uid_base = next_uid(node);
	memcpy(launch->digest_firmware, node->firmware.sha256, 32);
	memcpy(launch->digest_trust, node->trust.sha256, 32);
	memcpy(launch->digest_bundle, node->bundle.sha256, 32);
	memcpy(launch->digest_vmm, node->vmm_sha256, 32);
}

/* Everything that can fail before the warden exists. 0 or -errno, nothing left behind. */
static int take_resources(struct ceno_session *session)
{
	struct ceno_node *node = session->node;
	int rc;

	session->ram_fd = make_ram(session->launch.memory_bytes);
	if (session->ram_fd < 0)
		return session->ram_fd;
	session->spool_fd = ceno_spool_create(node, session->name);
	if (session->spool_fd < 0) {
		rc = session->spool_fd;
		goto no_spool;
	}
	rc = ceno_cgroup_open(&node->cgroups, session->name, session->launch.memory_bytes, &session->cgroup);
	if (rc)
		goto no_group;
	session->launch.cgroup_version = (uint32_t)session->cgroup.version;
	return 0;
no_group:
	close(session->spool_fd);
	ceno_spool_remove(node, session->name);
no_spool:
	close(session->ram_fd);
	return rc;
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

static int launch(struct ceno_node *node, const struct ceno_spawn_request *request, int api_fd, pid_t *pid)
{
	struct ceno_session *session = calloc(1, sizeof *session);
	int rc, attest_fd;

	if (!session)
		return -ENOMEM;
	session->node = node;
	ceno_units_format_hex(request->session_id, 16, session->name);
	fill_launch(node, request, session);
	rc = take_resources(session);
	if (rc) {
		free(session);
		return rc;
	}
	uv_timer_init(&node->loop, &session->timer);
	session->timer.data = session;
	session->open_handles = 1;
	session->next = node->sessions;
	node->sessions = session;
	attest_fd = attest_channel(session);
	rc = attest_fd < 0 ? attest_fd : start_warden(session, api_fd, attest_fd);
	if (attest_fd >= 0)
		close(attest_fd);
	if (rc) {
		session->refused = true;
		if (session->open_handles > 1) /* the channel was opened: its close callback goes on */
			ceno_channel_close(&session->channel, false, channel_closed);
		else
			finish(session);
		return rc;
	}
	uv_timer_start(&session->timer, backstop, request->ttl_ms + TTL_GRACE_MS, 0);
	*pid = session->warden.pid;
	return 0;
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

	if (!session->ended && !session->recovering)
		ceno_channel_send(&session->channel, &status, sizeof status, NULL, 0);
}

static bool reserved_clear(const struct ceno_spawn_request *request)
{
	static const uint64_t zeros[4];

	return !request->flags && !memcmp(request->reserved, zeros, sizeof zeros);
}

int ceno_session_serve(struct ceno_node *node, const void *bytes, size_t length, struct ceno_packet_fds *fds)
{
	struct ceno_spawn_request request;
	struct ceno_session *session;
	pid_t pid = 0;
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
			rc = launch(node, &request, fds->fd[0], &pid);
		reply(node, request.session_id, rc ? CENO_SPAWN_REFUSED : CENO_SPAWN_STARTED,
		      rc ? (uint64_t)-rc : (uint64_t)pid);
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

void ceno_session_kill_all(struct ceno_node *node)
{
	for (struct ceno_session *s = node->sessions; s; s = s->next)
		ceno_child_signal(&s->warden, SIGKILL);
}
