/*
 * The node: what cenod holds, and its children ceno-attest, ceno-api and, unless the TPM
 * is another's (--tcti), the keeper of a swtpm that outlives any one ceno-attest.
 *
 *   start: checks, sealed blobs, probe VM, attest (READY), api, channel between them
 *   run:   sessions (session.h), one parked pair (pair.h); a child that dies is started again
 *   stop:  STOP to every warden, also the parked one -> all ended -> attest's channel closed -> attest
 *          seals what is left and exits -> api's channel closed, the keeper's socket closed -> both exit
 *
 * Crash-only. attest dies: wardens see EOF, destroy and spool; the next attest
 * gets the spooled payloads. api dies: wardens see EOF on the session socket and
 * destroy. Both are started again, up to a limit, and the log says so.
 */
#ifndef CENO_API_SUPERVISOR_NODE_H
#define CENO_API_SUPERVISOR_NODE_H

#include <stdbool.h>
#include <uv.h>

#include "api/ipc/channel.h"
#include "blobs.h"
#include "cgroup.h"
#include "child.h"
#include "config.h"
#include "host.h"
#include "images.h"
#include "pair.h"

struct ceno_session;

struct ceno_service { /* ceno-attest or ceno-api */
	const char *name;
	struct ceno_node *node; /* borrowed */
	struct ceno_child child;
	struct ceno_channel channel;
	uv_timer_t restart;
	bool running, channel_open, ready;
	unsigned deaths; /* since death_window_ms */
	uint64_t death_window_ms;
};

struct ceno_tpm_keeper { /* tpm.c */
	struct ceno_child child;
	int socket; /* owned; what each ceno-attest gets as descriptor 4; -1: none */
	bool running;
};

enum ceno_node_stage {
	CENO_NODE_STARTING,
	CENO_NODE_UP,
	CENO_NODE_STOPPING,
	CENO_NODE_STOPPING_ATTEST,
	CENO_NODE_STOPPING_API,
	CENO_NODE_STOPPED
};

struct ceno_node {
	const struct ceno_config *config; /* borrowed */
	uv_loop_t loop;
	uv_signal_t terminate, interrupt;
	uv_timer_t stop_deadline, leftovers;
	enum ceno_node_stage stage;
	int exit_status;
	int lock_fd, run_lock_fd, kvm_fd, listen_fd, log_fd;
	int warden_exe, vmm_exe, attest_exe, api_exe, checker_exe; /* opened once */
	uint8_t vmm_sha256[32];
	struct ceno_blob firmware, trust, bundle;
	struct ceno_host_kvm kvm;
	struct ceno_cgroup_root cgroups;
	uint32_t layers; /* optional steps of the jail that every session must have taken */
	struct ceno_service attest, api;
	struct ceno_tpm_keeper keeper;
	struct ceno_session *sessions; /* list, owned */
	struct ceno_images images;
	struct ceno_parking parking;
	uint32_t next_uid_slot;
	int ready_fd; /* who waits for the node to be up; -1: nobody */
};

/* Takes every resource the node needs, in the order above, and starts the
 * children. 0, or -1 after logging why (what was taken goes with the process). */
int ceno_node_start(struct ceno_node *node, const struct ceno_config *config);

/* Runs until stopped; returns the exit status. */
int ceno_node_run(struct ceno_node *node);

/* Begins the stop above; later calls change nothing. */
void ceno_node_stop(struct ceno_node *node, int exit_status);

/* Starts the keeper of swtpm if it does not run and the node has no TPM of another. 0 or -errno. */
int ceno_node_keeper_start(struct ceno_node *node);

/* Lets the keeper end, once no ceno-attest runs. */
void ceno_node_keeper_release(struct ceno_node *node);

/* Called by tpm.c when the keeper ended: attest cannot go on without its TPM, the stop goes on. */
void ceno_node_keeper_ended(struct ceno_node *node);

/* Called by session.c when the last session ended, and by pair.c when the last pair did. */
void ceno_node_sessions_ended(struct ceno_node *node);
void ceno_node_pairs_ended(struct ceno_node *node);

#endif
