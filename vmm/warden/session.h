/*
 * Everything one session owns in its warden, and the steps of its life as
 * functions over it. Which step comes when is main.c's table; nothing here waits
 * for a peer but where it says so.
 *
 *   park (vmm started) -> accept (RAM) -> open (memfds) -> build (keys, layout, launch record) -> inputs copied
 *     -> measure -> check lock -> record (launch leaf) -> run -> destroy (destroy.c)
 */
#ifndef CENO_WARDEN_SESSION_H
#define CENO_WARDEN_SESSION_H

#include <stdint.h>
#include "../../attest/proof/proof.h"
#include "../../guest-kernel/abi/window.h"
#include "../core/launch.h"
#include "facts.h"
#include "input.h"
#include "keys.h"
#include "observe.h"
#include "spawn.h"
#include "trail.h"
#include "wire.h"

/* The memfds of a session besides RAM. All owned; -1 closed. */
struct ceno_material {
	int boot, boot_ro;
	int pack, pack_ro;
	int stdio; /* the stdio window */
	int trail; /* the window of the guest's ledger */
	uint64_t pack_bytes;
};

/* Why a session that never launched failed: what the FAILED record says. */
struct ceno_failure {
	uint32_t code; /* enum ceno_session_error */
	uint64_t value;
	char path[CENO_PACK_PATH_MAX]; /* of the file; of JAIL the step's text (sandbox/jail.h), "" if it is none */
};

struct ceno_session {
	struct ceno_supervisor_launch launch;
	struct ceno_session_record open; /* rp_nonce, flags, declared metadata */
	int streams[3];                  /* owned until the vmm has them */
	int control;                     /* owned: to the vmm */
	int group_events;                /* owned: where the kernel counts OOM kills; -1 */
	int group_procs[2];              /* owned: tasks of the session's group, one descriptor for each time
	                                       it is read: v1 keeps a list per descriptor for a second; -1 */
	uint64_t oom_kills_before;
	int ram_ro; /* owned: RAM opened read-only, for the read-back */
	struct ceno_material material;
	struct ceno_inputs *inputs; /* owned, NULL once digested */
	struct ceno_key_page keys;
	struct ceno_child vmm;
	struct ceno_vmm_launch vmm_launch;
	uint32_t filters; /* of the warden's own when it made the vmm: what that inherits */
	struct ceno_observation seen;
	struct ceno_facts facts;
	struct ceno_proof_statement statement;
	int accepted;            /* a LAUNCH was taken: there is a session, and it has RAM */
	int locked;              /* the vmm said so */
	uint64_t jail_done;      /* and which steps of the jail it took */
	struct ceno_trail trail; /* filled when the vmm was reaped */
	uint8_t opening_id[16], seed_id[16], token_key_id[16], token_id[16];
	uint32_t dropped; /* classes that it lost while it runs, as the boot page says */
	uint32_t fds_closed;
	uint32_t request_seq; /* programs asked of the guest, as the window says */
	uint32_t program_seq; /* programs asked for by api, refused ones included */
	uint32_t programs_done;
	uint64_t accepted_ns; /* CLOCK_MONOTONIC */
	uint64_t launch_index;
	int leaf_sent; /* the launch leaf may be in the log: a payload is owed */
	int ran;       /* GO was sent */
	uint32_t wait_status;
	struct ceno_failure failure;
};

/* Keyed passes over RAM that the session asked for. */
static inline uint32_t ceno_session_passes(const struct ceno_session *session)
{
	uint32_t asked = (session->open.flags & CENO_SESSION_PASSES) >> CENO_SESSION_PASSES_SHIFT;
	return asked ? asked : 1;
}

/* Whether the session was given an image: CENO_WARDEN_FD_IMAGE is that, else whatever has its number. Pure. */
int ceno_session_has_image(const struct ceno_supervisor_launch *launch);

/* Microseconds of CLOCK_MONOTONIC since the session was accepted. */
uint64_t ceno_session_us(const struct ceno_session *session);

/* Initialises to nothing owned; copies the PARK record and opens what set-up may open
 * (host facts, group files), and an empty set of inputs. Nothing of it is a session's. Never fails. */
void ceno_session_init(struct ceno_session *session, const struct ceno_supervisor_launch *park);

/* Notes which step of the jail (enum ceno_jail_step, of the vmm's word) failed. Pure. */
void ceno_session_name_step(struct ceno_failure *failure, uint64_t step);

/* Starts the vmm, with the node's descriptors and no other; blocks until it was executed.
 * Returns 0 or JAIL; session->failure.value then holds the errno. */
int ceno_session_start_vmm(struct ceno_session *session);

/* Takes the session: the LAUNCH record's part of `launch`, and its RAM memfd, which gets sized and
 * sealed SHRINK|GROW. Returns 0 or a session error (MEMORY, SWAPPABLE). */
int ceno_session_accept(struct ceno_session *session, const struct ceno_supervisor_launch *launch);

/*
 * Opens the session: keeps the streams (moved), makes the memfds.
 * Returns 0 or MEMORY; session->failure.value then holds the errno.
 */
int ceno_session_open(struct ceno_session *session, const struct ceno_session_record *open, const int streams[3]);

/* Gives the windows all their pages now: neither guest nor destruction waits for one or goes without. If the host has none,
 * they come one by one as before. */
void ceno_session_back_windows(const struct ceno_session *session);

/* After the inputs are planned: sizes the pack memfd and seals its length. Returns 0 or MEMORY. */
int ceno_session_size_pack(struct ceno_session *session);

/*
 * After the pack is planned and sized: makes the keys, lays out RAM and boot page,
 * fills platform and slot table, sends the vmm its launch record and descriptors, so that
 * it completes its machine while the inputs are copied. It has the pack read-only.
 * Returns 0 or a session error (MEMORY, BUNDLE, KVM if the vmm is gone).
 */
int ceno_session_build(struct ceno_session *session);

/* After the pack is filled: computes the request commitment, completes the core, drops the inputs.
 * Returns 0 or MEMORY. */
int ceno_session_measure(struct ceno_session *session);

/* Reads the vmm's tasks and checks group, lock and jail. Returns 0 or JAIL. */
int ceno_session_check_lock(struct ceno_session *session);

/* The record that opens this session in the log. */
void ceno_session_launch_leaf(const struct ceno_session *session, struct ceno_attest_launch *leaf);

/* Puts an argument block into the stdio window for the next program. fd: borrowed memfd,
 * client-controlled content; bytes: its length. Returns 0 or a session error. */
int ceno_session_request(struct ceno_session *session, int fd, uint64_t bytes);

/* What the guest says about unserved system calls, copied from its page. Guest-controlled numbers. */
void ceno_session_enosys(const struct ceno_session *session, struct ceno_session_record *record);

/* 1 if the kernel killed a task of the session's group for memory since the session began. */
int ceno_session_oom_killed(const struct ceno_session *session);

/* Number of tasks in the session's group, 0 without a group. when: 0 before go, 1 at the end; each once. */
uint32_t ceno_session_group_tasks(const struct ceno_session *session, int when);

/* A new descriptor of the same file, read-only for good (close-on-exec, owned by the caller), or -1. */
int ceno_session_reopen_read_only(int fd);

/* Closes a descriptor of the session and counts it for step 2. */
void ceno_session_close_fd(struct ceno_session *session, int *fd);

#endif
