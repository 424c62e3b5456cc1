/*
 * ceno-attest: the process that owns the TPM and the log. What its parts share.
 *
 *   supervisor.c  descriptor 3: channels, step 8, unclean ends
 *   warden.c      one channel a session: launch, random bytes, payload
 *   api.c         proofs out, requests for a node quote in
 *   node.c text.c what it says of the node, and of the log
 *   session.c     the sessions of the log and what each still waits for
 *   sealer.c      checkpoint -> quote, for every leaf that waits; when, is policy
 *   seal.c        then whole files, for all sessions that it covers
 *   state.c       the state directory: reload, pending work of an earlier run; keys.c its keys
 *   identity.c    which TPM seals this log; `ceno-attest --init`
 *   record.c leaves that commit to a session's record, on request of the api
 *   export.c  records in foreign formats
 *   disk.c tpmq.c the two queues; store.c the leaves; keeper.c starts swtpm
 *
 * One libuv loop; everything here runs on it but the work of the two queues.
 * A session's life:
 *
 *   LAUNCHING --leaf on disk--> LAUNCHED --payload and step 8 on disk--> LOGGING --cdp leaf on disk-->
 *   SEALING --quote, file on disk--> ENDED            LAUNCHED --unclean--> LOGGING --leaf on disk--> ENDED
 *
 * A session that stays LAUNCHED is an orphan: `ceno-attest --orphans`.
 */
#ifndef CENO_ATTESTD_H
#define CENO_ATTESTD_H

#include <uv.h>

#include "attest/daemon/disk.h"
#include "attest/daemon/sealer.h"
#include "attest/daemon/store.h"
#include "attest/daemon/tpmq.h"
#include "attest/log/log.h"
#include "attest/proof/proof.h"

/* A warden's longest record, and one byte to see that it is longer. */
#define CENO_ATTESTD_PAYLOAD (sizeof(struct ceno_attest_payload) + CENO_PAYLOAD_MAX + 1)

enum ceno_attestd_phase {
	CENO_PHASE_LAUNCHING,
	CENO_PHASE_LAUNCHED,
	CENO_PHASE_LOGGING,
	CENO_PHASE_SEALING,
	CENO_PHASE_ENDED
};
enum ceno_attestd_part { CENO_PART_NONE, CENO_PART_WRITING, CENO_PART_STORED };

struct ceno_attestd;
struct ceno_attestd_warden;

struct ceno_attestd_session {
	uint8_t id[16];
	enum ceno_attestd_phase phase;
	uint8_t signer_pub[32];
	uint64_t launch_index, end_index;    /* end: the cdp or unclean leaf, from SEALING on */
	uint32_t reset_count, restart_count; /* of the TPM at launch */
	enum ceno_attestd_part payload_part, step8_part;
	struct ceno_attest_payload *payload; /* owned, its bytes behind it; until sealed */
	struct ceno_step8_record step8;
	uint32_t unclean_cause; /* said before the launch leaf was on disk; 0: not said */
	bool told_no_payload;
	bool recorded;                           /* it has its leaf record, or that is on its way to the disk */
	struct ceno_attestd *d;                  /* borrowed */
	struct ceno_attestd_warden *warden;      /* its open channel, or NULL; borrowed */
	struct ceno_attestd_session *chain;      /* hash bucket */
	struct ceno_attestd_session *next_ready; /* seal list */
};

struct ceno_attestd_sessions {
	struct ceno_attestd_session **bucket; /* owned */
	size_t buckets, count;
};

struct ceno_attestd_api { /* see api.c */
	uv_poll_t *poll;  /* owned; NULL: no api */
	int fd;
	uint8_t (*out)[16]; /* owned: sessions whose file is to be sent, in order */
	size_t out_count, out_capacity;
	unsigned node_requests; /* asked and not answered */
	uint32_t generation;    /* of the channel: answers of an earlier one are dropped */
};

#define CENO_PINNED_MAX 256u /* pins of a pin file */

struct ceno_attestd_pinned { /* what who provisions the node knows already */
	uint8_t ak[32], log_pub[32];
};

struct ceno_attestd_change { /* the newest leaf keychange of one purpose */
	bool is_set;
	uint8_t old_pub[32], new_sha256[32];
};

struct ceno_attestd {
	uv_loop_t loop;
	int state, log, pending, sealed, spool; /* directories, owned */
	struct ceno_store store;
	struct ceno_disk disk;
	struct ceno_log tree;
	struct ceno_tpmq tpm;
	struct ceno_attestd_sessions sessions;
	uint64_t epoch_index, epoch_nv;     /* of this run's leaf epoch: its index, and the counter in it */
	bool provisioning, force;           /* --init; go on under another TPM than before */
	struct ceno_attestd_pinned *pinned; /* with pinned_count; borrowed */
	uint32_t pinned_count;
	struct ceno_proof_node node; /* constant part of every seal */
	uint8_t log_secret[64];      /* libsodium's Ed25519 secret key, its second half the
	                                               public one; locked memory, as the next two (keys.c) */
	uint8_t export_secret[64], identity_secret[64];
	struct ceno_attestd_change changes[CENO_PROOF_PURPOSE_IDENTITY + 1]; /* by enum ceno_proof_purpose */
	char checkpoint[CENO_PROOF_CHECKPOINT_MAX];                          /* the last one that a quote covers */
	size_t checkpoint_bytes;
	struct ceno_attestd_session *ready, **ready_end; /* their cdp leaf waits for a quoted checkpoint */
	struct ceno_sealer sealer;
	uv_poll_t control;
	uv_signal_t term, interrupt;
	uv_timer_t give_up;
	struct ceno_attestd_warden *wardens; /* open ones, borrowed list */
	struct ceno_attestd_api api;
	bool stopping;
	bool exports; /* --export: the export key may be used */
	int status;   /* exit status */
	uint8_t buffer[sizeof(struct ceno_attest_payload) + CENO_CDP_FILE_MAX + 1]; /* for one record */
};

/* One line to standard error; never content of a session. */
void ceno_attestd_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- datagrams (channel.c) ------------------------------------------------- */

/* One record into buffer, without waiting. *fd: a descriptor that came with it (the caller's), or -1.
 * Returns its length; 0: the peer closed; -1: nothing there; -2: broken, longer than size, or with more than
 * one descriptor. */
ssize_t ceno_attestd_receive(int socket, void *buffer, size_t size, int *fd);

/* Send head and tail (may be empty) as one record. Returns 0; -1: no room now; -2: the peer is gone. */
int ceno_attestd_send(int socket, const void *head, size_t head_bytes, const void *tail, size_t tail_bytes);

/* ---- sessions (session.c) ---------------------------------------------------- */

struct ceno_attestd_session *ceno_attestd_find(struct ceno_attestd *d, const uint8_t id[16]);
/* A new session in phase LAUNCHING; NULL: no memory, or the id is taken. */
struct ceno_attestd_session *ceno_attestd_add(struct ceno_attestd *d, const uint8_t id[16]);
/* Forget a session whose launch leaf could not be written. */
void ceno_attestd_drop(struct ceno_attestd *d, struct ceno_attestd_session *s);
/* Lower-case hex of an id and a suffix: the name of its files. */
void ceno_attestd_name(const uint8_t id[16], const char *suffix, char name[CENO_DISK_NAME_MAX]);

/* Check a payload record (head and bytes, length as received) against the session; takes a copy.
 * Returns enum ceno_attest_error: NONE (taken, not stored), SIGNATURE, PAYLOAD (malformed), DUPLICATE, LOG (memory). */
enum ceno_attest_error ceno_attestd_take_payload(struct ceno_attestd_session *s, const void *record, size_t bytes);
/* Is a step 8 record in range? (The supervisor's word, still re-validated.) */
bool ceno_attestd_step8_ok(const struct ceno_step8_record *r);
/* Write a taken payload or a step 8 record to the disk, then go on. */
void ceno_attestd_store_payload(struct ceno_attestd_session *s);
void ceno_attestd_store_step8(struct ceno_attestd_session *s);
/* The supervisor says it ended unclean. */
void ceno_attestd_end_unclean(struct ceno_attestd_session *s, uint32_t cause);
/* Do what can be done next for this session. */
void ceno_attestd_advance(struct ceno_attestd_session *s);
/* Append a leaf; done as with the disk queue, after the tree has it. context: borrowed. */
int ceno_attestd_log(struct ceno_attestd *d, const struct ceno_store_leaf *leaf, ceno_disk_done *done, void *context);
/* Take over a leaf of the log into tree and sessions (reload). Returns 0 or -1: memory, or not a leaf of ours. */
int ceno_attestd_reload(void *arg, uint64_t index, const struct ceno_store_leaf *leaf);
void ceno_attestd_sessions_fini(struct ceno_attestd *d);

/* ---- the other parts ------------------------------------------------------------ */

/* Take fd (moved) as this session's warden channel. */
void ceno_attestd_warden_open(struct ceno_attestd *d, int fd, const uint8_t id[16]);
/* Read what is there, now. */
void ceno_attestd_warden_drain(struct ceno_attestd_warden *w);
/* The same for every open channel of this session. */
void ceno_attestd_wardens_drain(struct ceno_attestd *d, const uint8_t id[16]);
void ceno_attestd_warden_launched(struct ceno_attestd_session *s, enum ceno_attest_error error);
void ceno_attestd_warden_stored(struct ceno_attestd_session *s, enum ceno_attest_error error);
/* End the channels that are owed no answer; all: the others too. */
void ceno_attestd_wardens_close(struct ceno_attestd *d, bool all);
/* A payload file of an ended warden (fd moved in), see CENO_ATTEST_CHANNEL_SPOOL. */
void ceno_attestd_spooled(struct ceno_attestd *d, int fd, const uint8_t id[16]);

void ceno_attestd_api_open(struct ceno_attestd *d, int fd); /* fd moved */
void ceno_attestd_api_close(struct ceno_attestd *d);
void ceno_attestd_api_file(struct ceno_attestd *d, const uint8_t id[16]); /* its file is in sealed/ */
void ceno_attestd_api_error(struct ceno_attestd *d, const uint8_t id[16], enum ceno_attest_error error);
/* JSON of a node quote. Returns its length, 0: does not fit (an invariant of the caller). */
size_t ceno_attestd_node_json(const struct ceno_attestd *d, const uint8_t nonce[32], const struct ceno_tpm_quote *quote,
                              char *out, size_t size);

/* A leaf record for a session, as the api's record of `count` bytes asks: checks, then appends; answers on the api's
 * channel. False: malformed. */
bool ceno_attestd_record(struct ceno_attestd *d, const void *bytes, size_t count);

/* A request for a record in a foreign format, answered here. False: malformed, or the api is gone. */
bool ceno_attestd_export(struct ceno_attestd *d, const uint8_t *record, size_t bytes);

/* JSON of a report; as above. */
size_t ceno_attestd_report_json(const struct ceno_tpm_report *report, char *out, size_t size);
/* JSON of the keys for an enrolment; as above. */
size_t ceno_attestd_enrol_json(const struct ceno_attestd *d, const struct ceno_tpm_ek *ek, char *out, size_t size);
/* What the log says of itself (text.c, which has the forms), at most size bytes. *bytes gets its length.
 * Returns enum ceno_attest_error: NONE, RANGE, LOG (memory). what: of the request, checked here (PAYLOAD). */
enum ceno_attest_error ceno_attestd_text(const struct ceno_attestd *d, uint32_t what, uint64_t old, char *out,
                                         size_t size, size_t *bytes);

/* Its cdp leaf is in the tree: make its file when that is sealed. */
void ceno_attestd_seal_add(struct ceno_attestd_session *s);
/* The sealer's callback. arg: struct ceno_attestd. */
void ceno_attestd_sealed(void *arg, struct ceno_proof_seal *seal, uint64_t size, int error);

/* Returns 0 or -1 after saying why. */
int ceno_attestd_state_open(struct ceno_attestd *d, const char *folder);
/* Log and keys alone, without a TPM; then everything, with a new epoch. */
int ceno_attestd_log_load(struct ceno_attestd *d, const char *origin);
int ceno_attestd_state_load(struct ceno_attestd *d, const char *origin);
/* A folder below another, made (0700) if missing: its descriptor, or -1 (errno). */
int ceno_attestd_folder(int parent, const char *name);
void ceno_attestd_state_resume(struct ceno_attestd *d);
int ceno_attestd_orphans(const char *folder);

/* Is this the TPM that sealed the log so far, and no log of its own pinned already (identity.c)? Says why not;
 * --init without --force then refuses it. arg: struct ceno_attestd. */
ceno_tpmq_accept ceno_attestd_accept;
/* Note the TPM as this log's. Returns 0 or -1 after saying why. */
int ceno_attestd_identity_save(const struct ceno_attestd *d);
/* What `ceno tpm init` prints: two lines of JSON, the node's quote over this nonce and its endorsement. Returns 0 or -1. */
int ceno_attestd_provisioned(struct ceno_attestd *d, const uint8_t nonce[32]);

/* The node's keys and its log's name (keys.c): read, or made where the log allows it. After the log was read. */
int ceno_attestd_keys_load(struct ceno_attestd *d, const char *origin);
/* Take over a leaf keychange. Returns 0 or -1: it does not follow from the one before. */
int ceno_attestd_keychange_reload(struct ceno_attestd *d, const struct ceno_store_leaf *leaf);
/* Replace the key of this name, after log_load; prints the change as one JSON object. Returns 0 or -1 after saying why. */
int ceno_attestd_rotate(struct ceno_attestd *d, const char *name);

/* Is descriptor 3 a control socket? Before anything else is opened. */
bool ceno_attestd_supervised(void);
/* Serve it and say READY. Returns 0 or -1. */
int ceno_attestd_supervisor_open(struct ceno_attestd *d);
/* Stop in order: nothing new, finish what is under way. */
void ceno_attestd_stop(struct ceno_attestd *d, int status);
void ceno_attestd_maybe_end(void *arg); /* arg: struct ceno_attestd; takes part as an idle callback */

/* Give up every privilege that is not needed any more. Returns 0 or -1 after saying why. */
int ceno_attestd_drop_privileges(void);
/* Close off the file system and the system calls, for every thread. The worker threads must run already
 * for the filter; Landlock binds threads made later, so this runs before them for files (see main.c). */
int ceno_attestd_confine_files(const struct ceno_attestd *d);
int ceno_attestd_confine_calls(const struct ceno_attestd *d);

#endif
