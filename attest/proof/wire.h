/*
 * Records that reach ceno-attest: from each warden one launch then one payload,
 * from the supervisor the observation of step 8, from api requests for quotes.
 *
 * Fixed-size, host byte order, SOCK_SEQPACKET, reserved bytes zero. attest
 * parses nothing else: the payload is opaque to it (it is hashed and its
 * signature checked with the key given at launch). A record that is malformed,
 * out of order or of another session ends its channel and nothing else; on
 * descriptor 3 it ends attest.
 *
 *   supervisor --(CHANNEL + 1 descriptor, STEP8, UNCLEAN)--> attest   on its descriptor 3
 *   supervisor <--(READY)-- attest                                   once, when it serves
 *   warden --(LAUNCH)-->  <--(LAUNCHED)--                            once; answered when the leaf is on disk
 *   warden --(RANDOM)-->  <--(RANDOM)--                              any number, between LAUNCHED and PAYLOAD
 *   warden --(PAYLOAD)--> <--(STORED)--                              once; answered when the payload is on disk:
 *                                                                    with no answer or an error, spool it
 *   attest --(FILE + file | ERROR)--> api --(FILE, file_bytes 0)-->   one file a session; the api's answer says it
 *                                                                    has it, until then it comes again on
 *                                                                    every new api channel
 *   api --(NODE)--> attest --(NODE + JSON | ERROR)--> api
 *   api --(ENROL)--> attest --(ENROL + text, or error and none)--> api  by the TPM
 *   api --(REPORT)--> attest --(REPORT + JSON, or error and none)--> api
 *   api --(RECORD)--> attest --(RECORD + index, or error and none)--> api  answered when the leaf is on disk; the
 *                                                                    request's number comes back, answers in any order
 *   api --(TEXT)--> attest --(TEXT + text, or error and none)--> api   about the log; at once, so it may overtake a NODE
 */
#ifndef CENO_ATTEST_WIRE_H
#define CENO_ATTEST_WIRE_H

#include <stdint.h>

#define CENO_PAYLOAD_MAX 16384u    /* DSSE payload bytes, before base64 */
#define CENO_CDP_FILE_MAX 24576u   /* a proof; the largest under a log of 2^32 leaves fits (tests/unit/proof) */

enum ceno_cause {                  /* why a session ended */
	CENO_CAUSE_EXIT = 1, CENO_CAUSE_REQUEST, CENO_CAUSE_TTL, CENO_CAUSE_OOM,
	CENO_CAUSE_VIOLATION, CENO_CAUSE_CRASH
};

enum ceno_attest_message {
	/* warden -> attest, on its own channel, each exactly once */
	CENO_ATTEST_LAUNCH = 1,
	CENO_ATTEST_PAYLOAD,
	/* attest -> warden */
	CENO_ATTEST_LAUNCHED,          /* index of the launch leaf */
	CENO_ATTEST_RANDOM,            /* warden asks (empty), attest answers 32 bytes of TPM2_GetRandom */
	/* supervisor -> attest */
	CENO_ATTEST_CHANNEL,           /* struct ceno_attest_channel, 1 descriptor: attest's end of a new channel */
	CENO_ATTEST_STEP8,
	CENO_ATTEST_UNCLEAN,
	/* attest -> api */
	CENO_ATTEST_FILE,              /* the whole CDP file */
	CENO_ATTEST_NODE,              /* api asks with a nonce; answer: JSON of quote and keys (ceno attest) */
	CENO_ATTEST_ERROR,
	CENO_ATTEST_STORED,            /* attest -> warden: the payload is on disk (struct ceno_attest_launched) */
	CENO_ATTEST_READY,             /* attest -> supervisor: launch_index is the size of the log */
	CENO_ATTEST_ENROL,             /* api asks (struct ceno_attest_enrol_request); answer: struct ceno_attest_file + JSON of
	                                  the keys, or with a credential the 64 hex digits in it */
	CENO_ATTEST_TEXT,              /* api asks (struct ceno_attest_text_request); answer: struct ceno_attest_file + text */
	CENO_ATTEST_RECORD,            /* api asks (struct ceno_attest_record_request); answer: struct ceno_attest_file + the
	                                  leaf's index in decimal */
	CENO_ATTEST_REPORT,            /* api asks (struct ceno_attest_report_request); answer: struct ceno_attest_file + JSON of
	                                  a quote by the RSA raw key, as other projects' verifiers read it */
	CENO_ATTEST_EXPORT             /* api asks (struct ceno_attest_export_request, then a proof); answer: struct
	                                  ceno_attest_file + its record in a foreign format */
};

#define CENO_ATTEST_ERRORS(X) \
	X(NONE, 0, "no error") \
	X(LOG, 1, "the log could not be written") \
	X(TPM, 2, "the TPM does not answer") \
	X(SIGNATURE, 3, "the payload's signature does not verify under the key given at launch") \
	X(DUPLICATE, 4, "this session has a launch, or a payload, already") \
	X(UNKNOWN, 5, "no launch of this session is in the log") \
	X(PAYLOAD, 6, "the payload is not what this session's proof must be") \
	X(TOO_LARGE, 7, "the proof is larger than a proof may be") \
	X(NO_PAYLOAD, 8, "the warden ended without giving a payload") \
	X(RANGE, 9, "the log has no quoted checkpoint of that size yet") \
	X(CREDENTIAL, 10, "the TPM does not open this credential: it was made for another TPM or another key") \
	X(RECORDED, 11, "this session has a record in the log already") \
	X(EXPORT, 12, "this node makes no exports: it was not started with --export auditproof") \
	X(FOREIGN, 13, "the proof does not verify as one of this node, as it is now")

enum ceno_attest_error {
#define CENO_ATTEST_ERROR_ENUM(name, number, text) CENO_ATTEST_ERROR_##name = number,
	CENO_ATTEST_ERRORS(CENO_ATTEST_ERROR_ENUM)
#undef CENO_ATTEST_ERROR_ENUM
};

enum ceno_attest_channel_kind {
	CENO_ATTEST_CHANNEL_WARDEN = 1, /* one launch, then one payload, of session_id */
	CENO_ATTEST_CHANNEL_API,       /* node requests in, files out; a new one replaces the old (api restarted) */
	CENO_ATTEST_CHANNEL_SPOOL      /* readable regular file: session_id's struct ceno_attest_payload and its bytes,
	                                  zeros after it; taken only if the launch's key signed it */
};

/* attest starts with the supervisor's channel as descriptor 3 (SOCK_SEQPACKET)
 * and gets every other channel from it. STEP8 and UNCLEAN of a session that
 * made no launch are ignored. EOF on descriptor 3: finish what is spooled, stop. */
struct ceno_attest_channel {
	uint32_t type;                 /* CENO_ATTEST_CHANNEL */
	uint32_t kind;                 /* enum ceno_attest_channel_kind */
	uint8_t  session_id[16];       /* WARDEN, SPOOL; zeros for API */
};
_Static_assert(sizeof(struct ceno_attest_channel) == 24, "attest channel");

struct ceno_attest_launch {
	uint32_t type, reserved;
	uint8_t  session_id[16];
	uint8_t  platform_digest[32];
	uint8_t  request_commit[32];
	uint8_t  signer_pub[32];
	uint8_t  rp_nonce[32];
};
_Static_assert(sizeof(struct ceno_attest_launch) == 152, "attest launch");

struct ceno_attest_launched {      /* LAUNCHED, STORED, READY */
	uint32_t type, error;          /* enum ceno_attest_error; the channel ends after an error */
	uint64_t launch_index;
};
_Static_assert(sizeof(struct ceno_attest_launched) == 16, "attest launched");

struct ceno_attest_random {        /* request: bytes zero */
	uint32_t type, error;          /* TPM: no answer within 50 ms; the warden takes the kernel's */
	uint8_t  bytes[32];
};
_Static_assert(sizeof(struct ceno_attest_random) == 40, "attest random");

struct ceno_attest_payload {       /* followed in the same datagram by payload_bytes bytes */
	uint32_t type;
	uint32_t payload_bytes;        /* at most CENO_PAYLOAD_MAX */
	uint8_t  c0[32];
	uint8_t  c7[32];
	uint8_t  signature[64];        /* Ed25519 over the DSSE PAE of the payload */
};
_Static_assert(sizeof(struct ceno_attest_payload) == 136, "attest payload");

struct ceno_step8_record {         /* supervisor -> attest, after the warden's pidfd fired */
	uint32_t type;                 /* CENO_ATTEST_STEP8 or CENO_ATTEST_UNCLEAN */
	uint32_t warden_status;        /* wait status of the warden */
	uint8_t  session_id[16];
	uint32_t cgroup_removed;       /* enum ceno_proof_cgroup */
	uint32_t cause;                /* UNCLEAN: enum ceno_cause */
	uint64_t peak_bytes;           /* memory peak of the session's cgroup, 0 unknown */
	uint32_t wiped;                /* UNCLEAN: 1 the recovery warden wiped and checked, 0 unproven */
	uint32_t observer;             /* STEP8: enum ceno_proof_observer; a later one: status and peak 0, group unknown */
};
_Static_assert(sizeof(struct ceno_step8_record) == 48, "step 8 record");

struct ceno_attest_file {          /* attest -> api; followed by file_bytes bytes in the same datagram */
	uint32_t type;                 /* CENO_ATTEST_FILE, CENO_ATTEST_NODE, _ENROL, _TEXT, CENO_ATTEST_ERROR */
	uint32_t file_bytes;           /* at most CENO_CDP_FILE_MAX */
	uint8_t  session_id[16];
	uint32_t error;
	uint32_t number;               /* RECORD: of the request; else 0 */
};
_Static_assert(sizeof(struct ceno_attest_file) == 32, "attest file");

struct ceno_attest_node_request {  /* api -> attest; answers come in the order of the requests */
	uint32_t type, flags;          /* flags 0 */
	uint8_t  nonce[32];
};
_Static_assert(sizeof(struct ceno_attest_node_request) == 40, "attest node request");

struct ceno_attest_export_request { /* api -> attest; file_bytes bytes of a proof follow */
	uint32_t type, file_bytes;
};
_Static_assert(sizeof(struct ceno_attest_export_request) == 8, "attest export request");

enum ceno_attest_text {
	CENO_ATTEST_TEXT_CONSISTENCY = 1, /* from size to the newest quoted checkpoint; size 0: from that itself */
	CENO_ATTEST_TEXT_ORPHANS,         /* launches without an end; size 0 */
	CENO_ATTEST_TEXT_LEAF             /* C2SP tlog-proof of the leaf whose index is in size */
};

struct ceno_attest_text_request {  /* api -> attest; answers come in the order of the requests */
	uint32_t type, what;           /* enum ceno_attest_text */
	uint64_t size;
};
_Static_assert(sizeof(struct ceno_attest_text_request) == 16, "attest text request");

struct ceno_attest_report_request { /* api -> attest; answers come in the order of the requests */
	uint32_t type, reserved;
	uint8_t  data[64];             /* extraData, as it is */
};
_Static_assert(sizeof(struct ceno_attest_report_request) == 72, "attest report request");

/* One commitment a session, at any time after its launch; api has checked that who asks may see that session. */
struct ceno_attest_record_request { /* api -> attest */
	uint32_t type, number;         /* number: api's own, for the answer */
	uint8_t  session_id[16];
	uint8_t  commitment[32];       /* record_commit */
};
_Static_assert(sizeof(struct ceno_attest_record_request) == 56, "attest record request");

#define CENO_ATTEST_CREDENTIAL_BYTES 68u /* TPM2B_ID_OBJECT of a 32-byte value */
#define CENO_ATTEST_SECRET_ECC       68u /* TPM2B_ENCRYPTED_SECRET for an ECC EK */
#define CENO_ATTEST_SECRET_RSA      256u /* and for an RSA EK */

struct ceno_attest_enrol_request { /* api -> attest; answers come in the order of the requests */
	uint32_t type;
	uint32_t secret_bytes;         /* ECC or RSA, as above; 0: no credential, only the keys are asked for */
	uint8_t  credential[CENO_ATTEST_CREDENTIAL_BYTES];
	uint8_t  secret[CENO_ATTEST_SECRET_RSA]; /* zeros behind secret_bytes */
};
_Static_assert(sizeof(struct ceno_attest_enrol_request) == 332, "attest enrol request");

#endif
