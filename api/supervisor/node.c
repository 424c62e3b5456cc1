/* The node and its two services: see node.h. */
#include "node.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attest/proof/wire.h"
#include "guest-kernel/abi/bundle.h"
#include "calls.h"
#include "layers.h"
#include "log.h"
#include "privilege.h"
#include "session.h"
#include "spool.h"
#include "vmm/warden/wire.h"

#define API_UID(node)    ((node)->config->uid_base)
#define RESTART_MS       200
#define DEATHS_MAX       5u
#define DEATH_WINDOW_MS  30000u
#define STOP_SESSIONS_MS 60000u /* the worst wipe: 64 GiB is refused long before it takes this */
#define STOP_SERVICE_MS  10000u
#define QUEUE_MAX        (1u << 20)
#define LEFTOVERS_MS     3000u /* what an earlier cenod left may still be destroying itself */

static void start_service(struct ceno_service *service);
static void stop_next(struct ceno_node *node);

/* ---- the channel between attest and api ------------------------------------ */

static void connect_services(struct ceno_node *node)
{
	struct ceno_attest_channel to_attest = { .type = CENO_ATTEST_CHANNEL, .kind = CENO_ATTEST_CHANNEL_API };
	struct ceno_spawn_reply to_api = { .type = CENO_SPAWN_ATTEST };
	int pair[2], rc;

	if (!node->attest.ready || !node->api.channel_open)
		return;
	rc = ceno_packet_pair(pair);
	if (rc) {
		ceno_supervisor_log("no channel between api and attest: %s", strerror(-rc));
		return;
	}
	rc = ceno_channel_send(&node->attest.channel, &to_attest, sizeof to_attest, &pair[0], 1);
	if (!rc)
		rc = ceno_channel_send(&node->api.channel, &to_api, sizeof to_api, &pair[1], 1);
	if (rc)
		ceno_supervisor_log("no channel between api and attest: %s", strerror(-rc));
	close(pair[0]);
	close(pair[1]);
}

static void node_is_up(struct ceno_node *node)
{
	if (node->stage != CENO_NODE_STARTING)
		return;
	node->stage = CENO_NODE_UP;
	ceno_parking_open(node);
	ceno_supervisor_log("up: socket %s/cenod.sock, kvm kind %u, cgroup v%d", node->config->run, node->kvm.kind,
	                    node->cgroups.version);
	if (node->config->pidfile) {
		FILE *f = fopen(node->config->pidfile, "we");

		if (!f || fprintf(f, "%d\n", (int)getpid()) < 0 || fclose(f))
			ceno_supervisor_log("cannot write %s: %s", node->config->pidfile, strerror(errno));
	}
	if (node->ready_fd >= 0) {
		ceno_supervisor_log_copy(-1);
		if (write(node->ready_fd, "\n", 1) < 0)
			ceno_supervisor_log("nobody waited for the node to be up");
		close(node->ready_fd);
		node->ready_fd = -1;
	}
}

/* ---- records from the services ---------------------------------------------- */

static void on_record(struct ceno_channel *channel, const void *bytes, size_t length, struct ceno_packet_fds *fds)
{
	struct ceno_service *service = channel->owner;
	struct ceno_node *node = service->node;
	struct ceno_attest_launched ready;

	if (service == &node->api) {
		if (!ceno_session_serve(node, bytes, length, fds))
			return;
	} else if (length == sizeof ready && !fds->count && !service->ready) {
		memcpy(&ready, bytes, sizeof ready);
		if (ready.type == CENO_ATTEST_READY && !ready.error) {
			service->ready = true;
			ceno_spool_attest_ready(node);
			connect_services(node);
			node_is_up(node);
			return;
		}
	}
	ceno_supervisor_log("%s sent a malformed record; killing it", service->name);
	ceno_child_signal(&service->child, SIGKILL);
}

static void on_end(struct ceno_channel *channel, int error)
{
	(void)channel; /* its pidfd tells */
	(void)error;
}

static const struct ceno_channel_events service_events = { .on_record = on_record, .on_end = on_end };

/* ---- start and death of a service -------------------------------------------- */

static void restart_now(uv_timer_t *timer)
{
	start_service(timer->data);
}

static void count_death(struct ceno_service *service)
{
	uint64_t now = uv_now(&service->node->loop);

	if (now - service->death_window_ms > DEATH_WINDOW_MS) {
		service->death_window_ms = now;
		service->deaths = 0;
	}
	service->deaths++;
}

static void service_gone(struct ceno_channel *channel)
{
	struct ceno_service *service = channel->owner;
	struct ceno_node *node = service->node;

	service->channel_open = false;
	if (node->stage >= CENO_NODE_STOPPING_ATTEST) {
		stop_next(node);
		return;
	}
	if (node->stage == CENO_NODE_STARTING || service->deaths >= DEATHS_MAX) {
		ceno_supervisor_log("%s does not stay up; stopping the node", service->name);
		ceno_node_stop(node, 1);
		return;
	}
	uv_timer_start(&service->restart, restart_now, RESTART_MS, 0);
}

static void service_exited(struct ceno_child *child)
{
	struct ceno_service *service = child->owner;
	struct ceno_node *node = service->node;
	int status = child->wait_status;

	service->running = service->ready = false;
	if (node->stage < CENO_NODE_STOPPING_ATTEST || !WIFEXITED(status) || WEXITSTATUS(status)) {
		count_death(service);
		ceno_supervisor_log("%s ended (%s %d)%s", service->name, WIFSIGNALED(status) ? "signal" : "status",
		                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
		                    node->stage == CENO_NODE_UP
		                        ? "; open sessions are being destroyed, starting it again"
		                        : "");
	}
	if (service == &node->attest)
		ceno_session_stop_all(node); /* their wardens saw it end and destroy; the next attest seals them */
	ceno_channel_drain(&service->channel);
	ceno_channel_close(&service->channel, false, service_gone);
}

static int start_child(struct ceno_service *service, int channel_fd)
{
	struct ceno_node *node = service->node;
	static char state[4096], kind[16], group[16], home_at[4096];
	const char *api_argv[] = { "ceno-api", "--state", home_at, "--kvm-kind", kind, "--cgroup", group, NULL };
	const char *attest_argv[8] = { "ceno-attest", "--state", state };
	const int fds[] = { channel_fd, service == &node->api ? node->listen_fd : node->keeper.socket };
	struct ceno_child_spec spec = {
		.fds = fds, .fd_count = 2, .executable = node->attest_exe, .argv = attest_argv
	};

	int n = 3;
	if (node->config->tcti)
		attest_argv[n++] = "--tcti", attest_argv[n++] = node->config->tcti;
	if (node->config->export)
		attest_argv[n++] = "--export", attest_argv[n++] = node->config->export;
	snprintf(state, sizeof state, "%s/%s", node->config->state, service == &node->api ? "api" : "attest");
	snprintf(kind, sizeof kind, "%u", node->kvm.kind);
	snprintf(group, sizeof group, "%d", node->cgroups.version);
	if (service == &node->api) {
		spec.executable = node->api_exe;
		spec.argv = api_argv;
		spec.uid = API_UID(node);
		snprintf(home_at, sizeof home_at, "%s/state", node->config->run);
		spec.home = state;
		spec.home_at = home_at;
	}
	return ceno_child_start(&node->loop, &service->child, &spec, service_exited, service);
}

static void start_service(struct ceno_service *service)
{
	struct ceno_node *node = service->node;
	int pair[2], rc = ceno_packet_pair(pair);

	if (node->stage >= CENO_NODE_STOPPING_ATTEST)
		return;
	if (!rc && service == &node->attest)
		rc = ceno_node_keeper_start(node);
	if (!rc) {
		rc = ceno_channel_open(&node->loop, &service->channel, pair[0], 4096, QUEUE_MAX, &service_events,
		                       service);
		if (rc)
			close(pair[0]);
		else
			rc = start_child(service, pair[1]);
		close(pair[1]);
	}
	if (rc) {
		ceno_supervisor_log("cannot start %s: %s", service->name, strerror(-rc));
		ceno_node_stop(node, 1);
		return;
	}
	service->running = service->channel_open = true;
	connect_services(node);
}

static void leftovers(uv_timer_t *timer)
{
	if (!ceno_spool_leftovers(timer->data))
		uv_timer_start(timer, leftovers, LEFTOVERS_MS, 0);
}

/* ---- stop --------------------------------------------------------------------- */

static void deadline(uv_timer_t *timer)
{
	struct ceno_node *node = timer->data;

	if (node->stage == CENO_NODE_STOPPING) {
		ceno_supervisor_log("sessions still open after %u s; killing their wardens", STOP_SESSIONS_MS / 1000);
		ceno_parking_kill(node);
		uv_timer_start(timer, deadline, STOP_SESSIONS_MS, 0);
	} else {
		ceno_child_signal(&node->attest.child, SIGKILL);
		ceno_child_signal(&node->api.child, SIGKILL);
		if (node->stage == CENO_NODE_STOPPING_API)
			ceno_child_signal(&node->keeper.child, SIGKILL);
	}
}

/* One service leaves when its channel does: shut our end for writing, wait for its exit. */
static bool ask_to_leave(struct ceno_service *service)
{
	if (!service->running)
		return false;
	shutdown(service->channel.fd, SHUT_WR);
	uv_timer_start(&service->node->stop_deadline, deadline, STOP_SERVICE_MS, 0);
	return true;
}

static void stop_next(struct ceno_node *node)
{
	if (node->stage == CENO_NODE_STOPPING) {
		node->stage = CENO_NODE_STOPPING_ATTEST;
		if (ask_to_leave(&node->attest))
			return;
	}
	if (node->stage == CENO_NODE_STOPPING_ATTEST && !node->attest.running) {
		node->stage = CENO_NODE_STOPPING_API;
		ceno_node_keeper_release(node);
		if (ask_to_leave(&node->api))
			return;
	}
	if (node->stage == CENO_NODE_STOPPING_API && !node->api.running && !node->attest.running &&
	    !node->keeper.running) {
		node->stage = CENO_NODE_STOPPED;
		uv_stop(&node->loop);
	}
}

void ceno_node_keeper_ended(struct ceno_node *node)
{
	if (node->stage >= CENO_NODE_STOPPING_ATTEST)
		stop_next(node);
	else
		ceno_child_signal(&node->attest.child, SIGKILL);
}

void ceno_node_sessions_ended(struct ceno_node *node)
{
	if (node->stage == CENO_NODE_STOPPING && !node->sessions && !node->parking.pairs)
		stop_next(node);
}

void ceno_node_pairs_ended(struct ceno_node *node)
{
	ceno_node_sessions_ended(node);
}

void ceno_node_stop(struct ceno_node *node, int exit_status)
{
	if (node->stage >= CENO_NODE_STOPPING)
		return;
	node->exit_status = exit_status;
	node->stage = CENO_NODE_STOPPING;
	uv_timer_stop(&node->attest.restart);
	uv_timer_stop(&node->api.restart);
	ceno_supervisor_log("stopping%s", node->sessions ? "; destroying every session" : "");
	uv_timer_start(&node->stop_deadline, deadline, STOP_SESSIONS_MS, 0);
	ceno_images_stop(node);
	ceno_session_stop_all(node);
	ceno_parking_close(node);
	ceno_node_sessions_ended(node);
}

static void on_signal(uv_signal_t *handle, int number)
{
	(void)number;
	ceno_node_stop(handle->data, 0);
}

/* ---- start -------------------------------------------------------------------- */

static int fail(const char *what, int error, const char *advice)
{
	ceno_supervisor_log("%s: %s%s%s", what, strerror(error < 0 ? -error : error), advice ? "; " : "",
	                    advice ? advice : "");
	return -1;
}

static int open_executable(const struct ceno_node *node, const char *name, int *fd)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/%s", node->config->lib, name);
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? fail(path, errno, "say where the executables are with --lib") : 0;
}

static int open_socket(struct ceno_node *node)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if ((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s/cenod.sock", node->config->run) >=
	    sizeof address.sun_path)
		return fail(node->config->run, ENAMETOOLONG, "a socket's path has at most 107 bytes");
	unlink(address.sun_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) ||
	    chmod(address.sun_path, node->config->socket_mode) || listen(fd, 128))
		return fail(address.sun_path, errno, NULL);
	node->listen_fd = fd;
	return 0;
}

/* One cenod a directory; the lock lasts as long as the process. */
static int take_lock(const char *directory, int *fd, const char *advice)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/lock", directory);
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return *fd < 0 || flock(*fd, LOCK_EX | LOCK_NB) ? fail(path, errno, advice) : 0;
}

static int take_state(struct ceno_node *node)
{
	const struct ceno_config *config = node->config;
	char path[4096];
	int rc;

	if ((rc = ceno_host_directory(config->state, 0711, 0)) || (rc = ceno_host_directory(config->run, 0755, 0)))
		return fail("state and run directories", rc, "run cenod as root");
	snprintf(path, sizeof path, "%s/state", config->run); /* where ceno-api sees its folder: child.h */
	if ((rc = ceno_host_directory(path, 0755, 0)))
		return fail(path, rc, NULL);
	if (take_lock(config->state, &node->lock_fd, "is another cenod running on this state directory?") ||
	    take_lock(config->run, &node->run_lock_fd, "does another cenod serve this directory's socket?"))
		return -1;
	snprintf(path, sizeof path, "%s/api", config->state);
	if ((rc = ceno_host_directory(path, 0700, API_UID(node))))
		return fail(path, rc, NULL);
	snprintf(path, sizeof path, "%s/attest", config->state);
	if ((rc = ceno_host_directory(path, 0700, 0)))
		return fail(path, rc, NULL);
	if ((rc = ceno_spool_open(node)))
		return fail("spool directory", rc, NULL);
	if ((rc = ceno_images_open(node)))
		return fail("image store", rc, NULL);
	return 0;
}

static int take_blobs(struct ceno_node *node)
{
	const struct {
		const char *name;
		uint64_t max;
		struct ceno_blob *blob;
	} blobs[] = {
		{ "firmware.bin", CENO_FIRMWARE_MAX, &node->firmware },
		{ "trust.bin", CENO_PAGE, &node->trust },
		{ "bundle.bin", CENO_BUNDLE_MAX, &node->bundle },
	};

	for (size_t i = 0; i < sizeof blobs / sizeof blobs[0]; i++) {
		int rc = ceno_blob_load(node->config->blobs, blobs[i].name, blobs[i].max, blobs[i].blob);

		if (rc)
			return fail(blobs[i].name, rc, "say where the measured blobs are with --blobs");
	}
	return 0;
}

/* All that is required must be there before the first session, and what can be tried is tried. */
static int take_layers(struct ceno_node *node)
{
	uint32_t offered = ceno_layers_offered(), controllers;
	uint32_t required = node->config->layers_given ? node->config->layers : ceno_layers_usual(offered);
	char missing[CENO_LAYERS_TEXT_MAX];

	ceno_cgroup_root_open(&node->cgroups);
	controllers = node->cgroups.controllers;
	offered &= ~(uint32_t)(controllers & 1u << CENO_CGROUP_MEMORY ? 0 : CENO_LAYER_MEMORY);
	offered &= ~(uint32_t)(controllers & 1u << CENO_CGROUP_PIDS ? 0 : CENO_LAYER_TASKS);
	offered &= ~(uint32_t)(controllers & 1u << CENO_CGROUP_CPU ? 0 : CENO_LAYER_PROCESSOR);
	if (required & ~offered) {
		ceno_layers_format(required & ~offered, missing, sizeof missing);
		ceno_supervisor_log("this host cannot give every layer that is required; missing: %s; "
		                    "see ceno doctor, or name what is required with --layers",
		                    missing);
		return -1;
	}
	node->layers = ceno_layers_steps(required);
	return 0;
}

static int take_host(struct ceno_node *node)
{
	int rc = ceno_host_swap_on();

	ceno_host_raise_limits();
	if (take_layers(node))
		return -1;
	if (rc < 0)
		return fail("/proc/swaps", rc, NULL);
	if (rc && node->cgroups.version != 2) {
		ceno_supervisor_log(
		    "swap is on, and no cgroup v2 can keep a session's memory out of it; run swapoff -a");
		return -1;
	}
	node->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (node->kvm_fd < 0)
		return fail("/dev/kvm", errno, "no micro-VM can run here; see ceno doctor");
	if (open_executable(node, "ceno-warden", &node->warden_exe) ||
	    open_executable(node, "ceno-vmm", &node->vmm_exe) ||
	    open_executable(node, "ceno-attest", &node->attest_exe) ||
	    open_executable(node, "ceno-api", &node->api_exe) ||
	    open_executable(node, "ceno-image-check", &node->checker_exe))
		return -1;
	rc = ceno_blob_hash(node->vmm_exe, node->vmm_sha256);
	if (rc)
		return fail("ceno-vmm", rc, NULL);
	rc = ceno_host_probe(node->vmm_exe, node->kvm_fd, &node->kvm);
	if (rc)
		return fail("the KVM probe (ceno-vmm --probe)", rc, "see ceno doctor");
	rc = ceno_privilege_keep();
	if (rc)
		return fail("capabilities", rc, "run cenod as root");
	rc = ceno_supervisor_confine();
	return rc ? fail("system call filter", rc, "see ceno doctor") : 0;
}

static void init_service(struct ceno_node *node, struct ceno_service *service, const char *name)
{
	service->name = name;
	service->node = node;
	uv_timer_init(&node->loop, &service->restart);
	service->restart.data = service;
}

int ceno_node_start(struct ceno_node *node, const struct ceno_config *config)
{
	node->config = config;
	if (take_state(node) || take_host(node) || take_blobs(node) || open_socket(node))
		return -1;
	if (uv_loop_init(&node->loop))
		return fail("event loop", ENOMEM, NULL);
	uv_signal_init(&node->loop, &node->terminate);
	uv_signal_init(&node->loop, &node->interrupt);
	uv_timer_init(&node->loop, &node->stop_deadline);
	uv_timer_init(&node->loop, &node->leftovers);
	node->terminate.data = node->interrupt.data = node->stop_deadline.data = node->leftovers.data = node;
	uv_timer_start(&node->leftovers, leftovers, LEFTOVERS_MS, 0);
	uv_signal_start(&node->terminate, on_signal, SIGTERM);
	uv_signal_start(&node->interrupt, on_signal, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	node->keeper.socket = -1;
	init_service(node, &node->attest, "ceno-attest");
	init_service(node, &node->api, "ceno-api");
	start_service(&node->attest);
	start_service(&node->api);
	return 0;
}

int ceno_node_run(struct ceno_node *node)
{
	char path[4096];

	if (node->stage != CENO_NODE_STOPPED)
		uv_run(&node->loop, UV_RUN_DEFAULT);
	snprintf(path, sizeof path, "%s/cenod.sock", node->config->run);
	unlink(path);
	if (node->config->pidfile)
		unlink(node->config->pidfile);
	ceno_cgroup_root_close(&node->cgroups);
	ceno_supervisor_log("stopped");
	return node->exit_status;
}
