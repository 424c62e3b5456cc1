/*
 * The proof of one session (CDP), built: fixed structs in, bytes out.
 *
 * Pure: no I/O, no clock, no allocation, no state. Linked by the warden (core,
 * timing, sanitization, steps 1 to 7, payload), by attest (leaves, step 8, seal,
 * whole file) and by the verifier, so that each formula exists once. The format
 * is docs/proof-format.md; the field tables are in schema.c and serve writer and
 * reader alike.
 *
 *   warden  core -> c0; evidence 1..7 -> c7; payload; PAE -> its one signature
 *   attest  launch leaf | cdp leaf = (c0, c8); seal -> file
 *
 * In formulas | is concatenation, integers are big-endian, hashes and keys are
 * 32 raw bytes. A commitment or digest of 32 zero bytes is written "none" where
 * the field allows it, and refused elsewhere.
 *
 * Every function is thread-safe, does not block, and needs sodium_init() to have
 * been called once by the process. Pointers are borrowed for the call.
 */
#ifndef CENO_ATTEST_PROOF_H
#define CENO_ATTEST_PROOF_H

#include <stddef.h>
#include <stdint.h>
#include "chunk.h"
#include "merkle.h"
#include "wire.h"

/* The version in the file. Any change of a field, a formula or what must agree is another one. */
#define CENO_PROOF_CDP_VERSION    "1"
#define CENO_PROOF_PREDICATE_TYPE "urn:cenotaph:cdp:v1"
#define CENO_PROOF_STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define CENO_PROOF_PAYLOAD_TYPE   "application/vnd.in-toto+json"
#define CENO_PROOF_SUBJECT_NAME   "session"

#define CENO_PROOF_SLOTS_MAX      16u
#define CENO_PROOF_AREAS_MAX      16u
#define CENO_PROOF_KEYS_MAX       8u
#define CENO_PROOF_TOKENS_MAX     16u
#define CENO_PROOF_PASSES_MAX     7u
#define CENO_PROOF_INCLUSION_MAX  48u  /* tree of at most 2^48 leaves */
#define CENO_PROOF_CHECKPOINT_MAX 320u /* the longest origin, twice: 294 */
#define CENO_PROOF_AK_PUBLIC_MAX  256u /* TPMT_PUBLIC */
#define CENO_PROOF_ATTEST_MAX     512u /* TPMS_ATTEST */
#define CENO_PROOF_PCRS           16u  /* sha256 bank, PCR 0 to 15 */

#define CENO_PROOF_ERRORS(X) \
	X(SPACE, -1, "the output buffer or a size limit is too small") \
	X(FIELD, -2, "a field is outside its pattern or range") \
	X(CRYPTO, -3, "the crypto library refused an operation") \
	X(ORDER, -4, "the writer was asked for keys out of canonical order")

enum ceno_proof_error {
#define CENO_PROOF_ERROR_ENUM(name, number, text) CENO_PROOF_E_##name = number,
	CENO_PROOF_ERRORS(CENO_PROOF_ERROR_ENUM)
#undef CENO_PROOF_ERROR_ENUM
};

/* Text of an error of this module; never NULL. */
const char *ceno_proof_error_text(int error);

/* ---- closed word lists: number in the struct, word in the file ------------ */

/* clang-format off */
/* cause: enum ceno_cause of wire.h: exit request ttl oom violation crash */
enum ceno_proof_slot_kind {
	CENO_PROOF_SLOT_FIRMWARE, CENO_PROOF_SLOT_TRUST, CENO_PROOF_SLOT_BUNDLE, CENO_PROOF_SLOT_BOOT,
	CENO_PROOF_SLOT_WINDOW, CENO_PROOF_SLOT_RAM, CENO_PROOF_SLOT_PACK, CENO_PROOF_SLOT_IMAGE
};
enum ceno_proof_slot_rights { CENO_PROOF_READ_ONLY, CENO_PROOF_READ_WRITE };
/* memory outside RAM that held session content */
enum ceno_proof_area_kind {
	CENO_PROOF_AREA_WINDOW, CENO_PROOF_AREA_PACK, CENO_PROOF_AREA_BOOT, CENO_PROOF_AREA_ARGS,
	CENO_PROOF_AREA_OUTPUT
};
/* keys that end in step 4; never the session's signer */
enum ceno_proof_key_kind {
	CENO_PROOF_KEY_OPENING,        /* the warden's copy of the commitment opening */
	CENO_PROOF_KEY_SEED,           /* the guest's random seed */
	CENO_PROOF_KEY_FILL,           /* fill keys of earlier passes */
	CENO_PROOF_KEY_GUEST
};
enum ceno_proof_random_source { CENO_PROOF_RANDOM_OS, CENO_PROOF_RANDOM_TPM };
/* what a host switch was read as */
enum ceno_proof_fact {
	CENO_PROOF_FACT_UNKNOWN, CENO_PROOF_FACT_OFF, CENO_PROOF_FACT_ON
};
enum ceno_proof_kvm { CENO_PROOF_KVM_UNKNOWN, CENO_PROOF_KVM_VMX, CENO_PROOF_KVM_SVM, CENO_PROOF_KVM_PAGING };
/* = ceno_step8_record */
enum ceno_proof_cgroup {
	CENO_PROOF_CGROUP_LEFT,
	CENO_PROOF_CGROUP_REMOVED,
	CENO_PROOF_CGROUP_NONE,
	CENO_PROOF_CGROUP_UNKNOWN /* if and only if the observer is a later one */
};

/* Who made step 8. A later one found the warden gone and its last word: how it ended, its group and that one's peak
 * nobody saw, and they are 0, unknown and 0. */
enum ceno_proof_observer { CENO_PROOF_OBSERVER_SUPERVISOR, CENO_PROOF_OBSERVER_LATER };
/* declared by the customer */
enum ceno_proof_classification {
	CENO_PROOF_CLASS_NONE, CENO_PROOF_CLASS_GENERAL, CENO_PROOF_CLASS_PHI, CENO_PROOF_CLASS_PII,
	CENO_PROOF_CLASS_FINANCIAL, CENO_PROOF_CLASS_CREDENTIALS
};
enum ceno_proof_jurisdiction {
	CENO_PROOF_LAND_NONE, CENO_PROOF_LAND_US, CENO_PROOF_LAND_EU, CENO_PROOF_LAND_UK, CENO_PROOF_LAND_CA,
	CENO_PROOF_LAND_AU, CENO_PROOF_LAND_IN, CENO_PROOF_LAND_OTHER
};

/* clang-format on */

/* ---- core: what ran; its hash c0 is the subject --------------------------- */

struct ceno_proof_platform {  /* public and predictable; hashed to the platform digest */
	uint32_t abi_version; /* CENO_ABI_VERSION */
	uint32_t test_key;    /* 1: bundle signed by a test key (struct ceno_trust) */
	char trust_name[65];  /* name in the trust page, [A-Za-z0-9 ._:()-]{0,64}, NUL-terminated */
	uint8_t firmware[32], trust[32], bundle[32], vmm[32]; /* SHA-256 of each blob */
	uint8_t image[32];  /* a released image: SHA-256 of its content id; zeros: none */
	uint8_t filter[32]; /* SHA-256 of the vmm's seccomp program as installed */
};

struct ceno_proof_core {
	char version[25]; /* CENO_VERSION, [A-Za-z0-9.+-]{1,24} */
	struct ceno_proof_platform platform;
	uint8_t session_id[16];
	uint8_t tenant_ref[32]; /* salted per session; zeros: none */
	uint8_t request_commit[32];
	uint8_t record_commit[32];             /* zeros: none */
	uint32_t pledge_mask;                  /* bits of enum ceno_pledge_class, 8 bits */
	uint32_t page_bytes;                   /* 4096 */
	uint64_t mem_total;                    /* bytes of session RAM, multiple of 64 KiB, at most 64 GiB */
	uint8_t rp_nonce[32];                  /* relying party's; zeros: none given */
	uint8_t signer_pub[32];                /* Ed25519 key of this session */
	uint32_t classification, jurisdiction; /* declared */
};

/* ---- evidence of steps 1 to 7 --------------------------------------------- */

struct ceno_proof_slot {
	uint64_t gpa, bytes;
	uint32_t kind;   /* enum ceno_proof_slot_kind */
	uint32_t rights; /* enum ceno_proof_slot_rights */
};

/* How the vCPU began: what of the CPU's protection the guest has, and cannot have lost by setting it up badly. */
struct ceno_proof_cpu {
	uint64_t cr0, cr4, efer; /* as the vmm set them (SDM vol. 3, 2.5; 2.2.1) */
	uint32_t offered;        /* bits of enum ceno_cpu_feature (vmm/core/launch.h): the guest's CPUID */
};

struct ceno_proof_isolation { /* 1 isolation_teardown */
	uint32_t cause;       /* enum ceno_cause */
	uint32_t violation;   /* enum ceno_vmm_stop of a violation (16 to 63), 0: none */
	uint32_t wait_status; /* of the vmm, by waitid on its pidfd: si_status | si_code << 8 */
	uint32_t tasks_left;  /* 0 */
	uint32_t slot_count;
	struct ceno_proof_slot slots[CENO_PROOF_SLOTS_MAX]; /* as given to the vmm; exactly one RAM slot */
	uint8_t filter[32];    /* again what the vmm was seen to install; equals platform.filter */
	uint32_t tasks;        /* tasks of the vmm whose /proc status was read before GO */
	uint32_t seccomp_mode; /* least strict of them; 2 = filter */
	uint32_t no_new_privs; /* 1 in all of them */
	uint64_t cap_eff;      /* OR over them; 0 */
	uint32_t pledge_mask;  /* as enforced: never wider than core.pledge_mask */
	/* What the guest left in its trail's window, copied out when the vmm had been reaped:
	 * its length (0: nothing) and SHA-256. The bytes go to the caller alone. */
	uint32_t trail_bytes;
	uint8_t trail_sha256[32];
	struct ceno_proof_cpu cpu;
};

struct ceno_proof_area {
	uint32_t kind;         /* enum ceno_proof_area_kind */
	uint32_t pledge_class; /* WINDOW: enum ceno_pledge_class, CENO_PLEDGE_COUNT: the trail; else 0 */
	uint64_t bytes, overwritten, read_back; /* bytes of the area; overwritten and read back: all */
	uint64_t mismatches;                    /* bytes that did not read back as written: 0 */
	uint32_t unmapped;                      /* 1: no mapping of ours is left */
};

struct ceno_proof_filesystem { /* 2 filesystem_destruction */
	uint32_t area_count;   /* one for every WINDOW, PACK and BOOT slot at least, of its length */
	struct ceno_proof_area areas[CENO_PROOF_AREAS_MAX];
	uint32_t fds_closed;    /* session descriptors the warden closed */
	uint32_t mount_ns_gone; /* 1: the vmm's mount namespace had no task left and no reference of ours */
};

struct ceno_proof_overwrite {                  /* 3 memory_overwrite */
	uint8_t random[32];                    /* R, drawn after the vmm was reaped */
	uint32_t random_source;                /* enum ceno_proof_random_source */
	uint32_t passes;                       /* keyed passes, 1 to 7 */
	uint8_t destroy_nonce[32];             /* drawn by the warden at the stop */
	uint32_t bitmap_bytes;                 /* ceno_proof_bitmap_bytes(core.mem_total) */
	uint8_t bitmap[CENO_PROOF_BITMAP_MAX]; /* granule i: bitmap[i / 8] & 1 << i % 8; unused bits 0 */
	uint64_t bytes;                        /* overwritten in each pass: ceno_proof_backed_bytes() */
	uint64_t st_blocks;                    /* of the RAM memfd by fstat after the fill: st_blocks * 512 == bytes */
	uint64_t ms;                           /* (timing.steps[2].end_us - begin_us) / 1000 */
};

struct ceno_proof_key {
	uint8_t id[16]; /* random, made with the key; says nothing about it */
	uint32_t kind;  /* enum ceno_proof_key_kind */
	uint32_t bytes; /* zeroized and read back as zero */
};

struct ceno_proof_keys { /* 4 key_zeroization */
	uint32_t key_count;
	struct ceno_proof_key keys[CENO_PROOF_KEYS_MAX];
	uint32_t read_back; /* 1: every byte of every key read back as zero */
};

struct ceno_proof_tokens {                      /* 5 credential_incineration */
	uint8_t key_id[16];                     /* of the key that made the session's tokens, zeroized here */
	uint32_t token_count;                   /* tokens made with it in the session's life */
	uint32_t id_count;                      /* = token_count, at most CENO_PROOF_TOKENS_MAX */
	uint8_t ids[CENO_PROOF_TOKENS_MAX][16]; /* random ids */
	uint32_t zeroized;                      /* 1 */
};

struct ceno_proof_host {         /* read when step 6 was made, not at start */
	uint32_t kvm;            /* enum ceno_proof_kvm */
	uint32_t npt;            /* fact: nested or extended paging */
	uint32_t cgroup_version; /* 1, 2; 0 none */
	uint32_t swap, zswap, ksm, compact_unevictable, numa_balancing, init_on_free; /* enum ceno_proof_fact */
	uint32_t dumpable, kdump, hibernation, huge_pages;                            /* enum ceno_proof_fact */
	char kernel[65]; /* uname release, [A-Za-z0-9.+_~-]{1,64} */
};

struct ceno_proof_forensic {                      /* 6 forensic_verification */
	uint32_t root_count;                      /* = overwrite.passes */
	uint8_t roots[CENO_PROOF_PASSES_MAX][32]; /* root over the read-back chunk leaves, pass 1 first */
	uint64_t compared_bytes;                  /* = overwrite.bytes: compared with zero after the last zeroing */
	uint64_t mismatches;                      /* 0 */
	uint32_t write_sealed;                    /* 1: F_SEAL_WRITE accepted before that comparison */
	struct ceno_proof_host host;
};

struct ceno_proof_chain_seal { /* 7 chain_seal: ceno_proof_seal_steps() fills the hashes */
	uint8_t c6[32], timing[32], sanitization[32];
	uint64_t sealed_us;
};

/* ---- timing and sanitization ----------------------------------------------- */

struct ceno_proof_span {
	uint64_t begin_us, end_us;
};

/* Microseconds of CLOCK_MONOTONIC since the warden accepted the session. Order:
 * launched <= stopped <= steps[0].begin; each span begin <= end; each step begins
 * when the one before has ended; steps[5].begin <= read_back <= zeroed <= compared
 * <= steps[5].end <= sealed_us. The fill ends with steps[2].end. */
struct ceno_proof_timing {
	uint64_t started_unix_ms; /* declared wall clock when the session was accepted */
	uint64_t launched_us;     /* GO was sent */
	uint64_t stopped_us;      /* the vmm was reaped */
	struct ceno_proof_span steps[6];
	uint64_t read_back_us, zeroed_us, compared_us; /* completions inside step 6 */
};

struct ceno_proof_sanitization { /* words of NIST SP 800-88r2 are constants of the format */
	uint32_t passes;         /* = overwrite.passes */
};

/* Everything the warden's signature covers. About 6 KiB. */
struct ceno_proof_statement {
	struct ceno_proof_core core;
	struct ceno_proof_timing timing;
	struct ceno_proof_sanitization sanitization;
	struct ceno_proof_isolation isolation;
	struct ceno_proof_filesystem filesystem;
	struct ceno_proof_overwrite overwrite;
	struct ceno_proof_keys keys;
	struct ceno_proof_tokens tokens;
	struct ceno_proof_forensic forensic;
	struct ceno_proof_chain_seal chain;
};

/* ---- seal: made by attest --------------------------------------------------- */

struct ceno_proof_step8 {       /* 8 lifecycle_completion */
	uint32_t warden_status; /* wait status of the warden as the supervisor got it */
	uint32_t cgroup;        /* enum ceno_proof_cgroup */
	uint32_t observer;      /* enum ceno_proof_observer */
	uint64_t peak_bytes;    /* memory peak of the session's cgroup, 0 unknown */
	uint8_t payload_sha256[32];
	uint8_t signature_sha256[32];
	uint64_t launch_index;
};

struct ceno_proof_inclusion { /* RFC 6962 audit path, leaf to root */
	uint64_t index;
	uint32_t count;
	uint8_t path[CENO_PROOF_INCLUSION_MAX][32];
};

struct ceno_proof_node {
	char origin[65];     /* C2SP origin, [A-Za-z0-9./_-]{1,64} */
	uint8_t log_pub[32]; /* Ed25519 */
	uint32_t ak_public_bytes;
	uint8_t ak_public[CENO_PROOF_AK_PUBLIC_MAX]; /* TPMT_PUBLIC of the seal AK, as marshalled */
	uint8_t epoch_log_sha256[32];                /* of the host event log; zeros: none */
	uint8_t ak_binding[32]; /* SHA-256 of the EK certificate (DER) of the TPM that holds the AK, as the node says;
	                           a verifier compares it with its own enrolment. Zeros: none */
};

struct ceno_proof_quote {
	uint32_t attest_bytes;
	uint8_t attest[CENO_PROOF_ATTEST_MAX]; /* TPMS_ATTEST as signed */
	uint8_t signature[64];                 /* ECDSA P-256: r | s, each 32 bytes big-endian */
	uint8_t pcrs[CENO_PROOF_PCRS][32];
};

struct ceno_proof_nv {
	uint32_t certified; /* 0: no NV counter, the rest is zeros */
	uint64_t value;
	uint32_t attest_bytes;
	uint8_t attest[CENO_PROOF_ATTEST_MAX]; /* TPMS_ATTEST of type NV */
	uint8_t signature[64];
};

struct ceno_proof_launch {
	struct ceno_proof_inclusion inclusion; /* of the launch leaf, under the same checkpoint */
	uint32_t reset_count, restart_count;   /* TPM2_ReadClock when the launch was logged */
};

struct ceno_proof_seal {
	struct ceno_proof_step8 step8;
	struct ceno_proof_inclusion batch; /* of the cdp leaf */
	uint32_t checkpoint_bytes;
	char checkpoint[CENO_PROOF_CHECKPOINT_MAX]; /* signed note, not NUL-terminated */
	struct ceno_proof_node node;
	struct ceno_proof_quote quote;
	struct ceno_proof_nv nv;
	struct ceno_proof_launch launch;
};

/* ---- commitments and digests ------------------------------------------------ */

/* What the request commitment covers; each the SHA-256 of its bytes, zeros: none. */
struct ceno_proof_request {
	uint8_t policy[32]; /* limits and pledges as the warden enforces them */
	uint8_t args[32];   /* argument block of the first program */
	uint8_t pack[32];   /* header and entry table of the pack: paths, modes, digests */
	uint8_t image[32];  /* an image that is no release: SHA-256 of its content id; zeros: none */
};

/* SHA-256("CDP/v1/platform"|0|JCS(platform)). Returns 0 or FIELD. */
int ceno_proof_platform_digest(const struct ceno_proof_platform *platform, uint8_t digest[32]);

/* SHA-256 of "CDP/v1/request"|0|the four digests: the x of the request commitment. */
void ceno_proof_request_digest(const struct ceno_proof_request *request, uint8_t digest[32]);

/* commit(x) = SHA-256("CDP/v1/commit"|0|salt|x_sha256), salt = HKDF-SHA256(opening, "CDP/v1/salt"|0|field).
 * field: "request", "record" or "tenant". */
void ceno_proof_commit(const uint8_t opening[32], const char *field, const uint8_t x_sha256[32],
                       uint8_t commitment[32]);

/* ---- chain, payload, signature ---------------------------------------------- */

/* c0 of a core. Returns 0, or FIELD if a field is outside its pattern. */
int ceno_proof_c0(const struct ceno_proof_core *core, uint8_t c0[32]);

/* c0 to c2 of a statement whose core, isolation and filesystem are final: what the
 * challenge needs. chain: c0, c1, c2. Returns 0 or FIELD. */
int ceno_proof_c2(const struct ceno_proof_statement *statement, uint8_t chain[3][32]);

/* challenge = SHA-256("CDP/v1/challenge"|0|session_id|rp_nonce|destroy_nonce|c2|R), all taken from the
 * statement (core, overwrite.destroy_nonce, overwrite.random). */
void ceno_proof_challenge(const struct ceno_proof_statement *statement, const uint8_t c2[32], uint8_t challenge[32]);

/* Fill chain.{c6,timing,sanitization} from all the rest, and give c0..c7. chain.sealed_us
 * must be set. Returns 0 or FIELD. */
int ceno_proof_seal_steps(struct ceno_proof_statement *statement, uint8_t chain[8][32]);

/* Write the in-toto statement in JCS form.
 * payload: capacity CENO_PAYLOAD_MAX; *payload_bytes gets its length.
 * Returns 0, FIELD (a value no verifier would accept in form; nothing is checked for
 * truth here), SPACE. */
int ceno_proof_payload(const struct ceno_proof_statement *statement, uint8_t payload[CENO_PAYLOAD_MAX],
                       size_t *payload_bytes);

#define CENO_PROOF_PAE_MAX (CENO_PAYLOAD_MAX + 64u)

/* DSSE pre-authentication encoding of a payload: what the session key signs, once.
 * Returns its length, or 0 if the payload is longer than CENO_PAYLOAD_MAX. */
size_t ceno_proof_pae(const uint8_t *payload, size_t payload_bytes, uint8_t pae[CENO_PROOF_PAE_MAX]);

/* c8 = step hash of the evidence of step 8 after c7. Returns 0 or FIELD. */
int ceno_proof_c8(const struct ceno_proof_step8 *step8, const uint8_t c7[32], uint8_t c8[32]);

/* ---- log leaves: body bytes, to be hashed as RFC 6962 leaves ------------------ */

#define CENO_PROOF_LEAF_MAX 256u
size_t ceno_proof_leaf_launch(const struct ceno_attest_launch *launch, uint8_t body[CENO_PROOF_LEAF_MAX]);
size_t ceno_proof_leaf_cdp(const uint8_t session_id[16], uint64_t launch_index, const uint8_t c0[32],
                           const uint8_t c8[32], uint8_t body[CENO_PROOF_LEAF_MAX]);
size_t ceno_proof_leaf_unclean(const uint8_t session_id[16], uint64_t launch_index, uint8_t cause,
                               uint8_t body[CENO_PROOF_LEAF_MAX]);
/* commitment: core.record_commit of the session whose record is kept. */
size_t ceno_proof_leaf_record(const uint8_t commitment[32], uint8_t body[CENO_PROOF_LEAF_MAX]);
/* purpose: enum ceno_proof_purpose. signature: by the identity key over the body before it. */
enum ceno_proof_purpose { CENO_PROOF_PURPOSE_LOG = 1, CENO_PROOF_PURPOSE_EXPORT, CENO_PROOF_PURPOSE_IDENTITY };
size_t ceno_proof_leaf_keychange(uint8_t purpose, const uint8_t old_pub[32], const uint8_t new_pub[32],
                                 const uint8_t signature[64], uint8_t body[CENO_PROOF_LEAF_MAX]);
/* parts: seal AK name | raw AK name | log_pub | export_pub | identity_pub | host event log, each hashed;
 * zeros where there is none. */
size_t ceno_proof_leaf_epoch(const uint8_t parts[6][32], uint64_t nv_value, uint8_t body[CENO_PROOF_LEAF_MAX]);

/* ---- quote binding and file ---------------------------------------------------- */

/* SHA-256("CDP/v1/quote"|0|SHA-256(checkpoint)|SHA-256(JCS(node))|u64 nv_value). Returns 0 or FIELD. */
int ceno_proof_quote_data(const char *checkpoint, size_t checkpoint_bytes, const struct ceno_proof_node *node,
                          uint64_t nv_value, uint8_t extra_data[32]);

/* SHA-256("CDP/v1/nv"|0|extra_data) */
void ceno_proof_nv_data(const uint8_t extra_data[32], uint8_t qualifying[32]);

/* SHA-256("CDP/v1/node"|0|nonce): extraData of `ceno attest --nonce`, raw AK only. */
void ceno_proof_node_data(const uint8_t nonce[32], uint8_t extra_data[32]);

/* Write the whole file: the JCS form of {cdp, dsse, seal}.
 * payload, signature: as the warden sent them; signer_pub: as given at launch.
 * file: capacity CENO_CDP_FILE_MAX. Of the two spellings of an ECDSA signature (s and n - s) the lower is
 * written, so that a proof has one. Returns 0, FIELD or SPACE. */
int ceno_proof_file(const uint8_t *payload, size_t payload_bytes, const uint8_t signature[64],
                    const uint8_t signer_pub[32], const struct ceno_proof_seal *seal, uint8_t file[CENO_CDP_FILE_MAX],
                    size_t *file_bytes);

#endif
