/*
 * ceno-api: serves clients on the node's socket. Started by cenod as an
 * unprivileged user with its channel (descriptor 3) and the listening socket (4).
 *
 * It leaves when its channel ends: cenod died or is stopping.
 */
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api.h"
#include "confine.h"
#include "vmm/warden/wire.h"

#define FD_SUPERVISOR 3
#define FD_LISTEN     4
#define QUEUE_MAX     (1u << 20)
#define LEAVE_MS      2000u
#define ABANDON_MS    60000u /* longer than a session of some gigabytes takes to destroy itself; a later proof counts */

_Static_assert(CENO_STATE_DESTROYED == 3, "the ledger counts states below this as open");

static void on_record(struct ceno_channel *channel, const void *bytes, size_t length, struct ceno_packet_fds *fds)
{
	struct ceno_api *api = channel->owner;
	struct ceno_spawn_reply reply;

	if (length == sizeof reply) {
		memcpy(&reply, bytes, sizeof reply);
		if (reply.type == CENO_SPAWN_ATTEST && fds->count == 1) {
			ceno_api_attest_open(api, ceno_packet_fds_take(fds, 0));
			return;
		}
	}
	if (fds->count ||
	    (length == sizeof(struct ceno_image_reply) ? ceno_api_image_added(api, bytes, length)
	                                               : ceno_api_session_spawned(api, bytes, length))) {
		fprintf(stderr, "ceno-api: malformed record from cenod\n");
		exit(1);
	}
}

static void leave(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

/* Clients get what is queued for them, for a short while; then the process ends. */
static void on_end(struct ceno_channel *channel, int error)
{
	static uv_timer_t timer;
	struct ceno_api *api = channel->owner;
	bool queued = false;

	(void)error;
	api->stopping = true;
	uv_poll_stop(&api->listener);
	for (struct ceno_api_client *c = api->clients; c; c = c->next)
		queued |= c->channel.first != NULL;
	if (!queued) {
		uv_stop(&api->loop);
		return;
	}
	uv_timer_init(&api->loop, &timer);
	uv_timer_start(&timer, leave, LEAVE_MS, 0);
}

static const struct ceno_channel_events supervisor_events = { .on_record = on_record, .on_end = on_end };

static int parse(int argc, char **argv, struct ceno_api_config *config)
{
	static const struct option options[] = {
		{ "state", required_argument, NULL, 's' },
		{ "kvm-kind", required_argument, NULL, 'k' },
		{ "cgroup", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 's')
			config->state = optarg;
		else if (option == 'k')
			config->kvm_kind = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'c')
			config->cgroup_version = (unsigned)strtoul(optarg, NULL, 10);
		else
			return -1;
	}
	return config->state && optind == argc ? 0 : -1;
}

/* What was open when the last api ended, and of which neither supervisor nor attest
 * has said anything since: nobody can say how it ended. A proof that comes later still counts. */
static void abandon(uv_timer_t *timer)
{
	struct ceno_api *api = timer->data;
	int64_t count =
	    ceno_ledger_abandon(api->ledger, CENO_STATE_DESTROYING, CENO_STATE_EXPIRED_UNCLEAN, api->started_real_ms);

	if (count > 0)
		fprintf(stderr, "ceno-api: %lld sessions ended without a word; expired_unclean\n", (long long)count);
}

static void start_clock(struct ceno_api *api)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	api->started_ms = uv_now(&api->loop);
	api->started_real_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	uv_timer_init(&api->loop, &api->abandon);
	api->abandon.data = api;
	uv_timer_start(&api->abandon, abandon, ABANDON_MS, 0);
}

static int start(struct ceno_api *api)
{
	const char *step = NULL;
	char message[512];
	int64_t orphans;
	int rc;

	api->ledger = ceno_ledger_open(api->config->state, message, sizeof message);
	if (!api->ledger) {
		fprintf(stderr, "ceno-api: %s\n", message);
		return -1;
	}
	/* Their wardens saw this api's predecessor go and destroy them; attest's file will say so. */
	orphans = ceno_ledger_orphans(api->ledger, CENO_STATE_DESTROYING);
	if (orphans > 0)
		fprintf(stderr, "ceno-api: %lld sessions were open when the last api ended\n", (long long)orphans);
	rc = ceno_channel_open(&api->loop, &api->supervisor, FD_SUPERVISOR, sizeof(struct ceno_image_reply), QUEUE_MAX,
	                       &supervisor_events, api);
	if (!rc)
		rc = ceno_api_listen(api, FD_LISTEN);
	if (rc) {
		fprintf(stderr, "ceno-api: descriptors 3 and 4 must be cenod's: %s\n", uv_strerror(rc));
		return rc;
	}
	rc = ceno_api_confine(api->config->state, &step);
	if (rc)
		fprintf(stderr, "ceno-api: cannot be confined (%s): %s\n", step, strerror(-rc));
	return rc;
}

int main(int argc, char **argv)
{
	static struct ceno_api_config config;
	static struct ceno_api api = { .config = &config, .attest_next_fd = -1 };

	if (parse(argc, argv, &config)) {
		fprintf(stderr, "ceno-api is started by cenod(8), not by hand\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* cenod decides when to stop */
	if (sodium_init() < 0 || uv_loop_init(&api.loop))
		return 1;
	start_clock(&api);
	if (start(&api))
		return 1;
	uv_run(&api.loop, UV_RUN_DEFAULT);
	ceno_ledger_close(api.ledger);
	return 0;
}
