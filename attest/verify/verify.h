/*
 * Checking a proof: a ladder of checks over the bytes of one file. The verdict
 * is the first failure, with its stage and reason code.
 *
 * Pure: no I/O, no clock, no network, no global state; nothing of the operator
 * is asked. The file is hostile. Cryptography is libsodium's and OpenSSL's; all
 * parsing is ours. Thread-safe; blocks only to compute (the memory roots: about
 * 0.4 s per GiB of overwritten memory). Allocates one block of under half a MiB and the key schedules of one
 * pass at a time, whatever the file: 1 MiB in all, beside what libcrypto keeps from its first use (unit_verify_bound).
 *
 *   stages 1-7   integrity:     the file says one thing and its hashes agree
 *   stages 8-9   consistency:   it was logged and quoted by one TPM key
 *   stages 10-13 authenticity:  who that is to this verifier, and its policy
 *
 * Two axes come out, derived and never declared: Key (who holds the TPM key) and
 * Code (what software could use it).
 */
#ifndef CENO_ATTEST_VERIFY_H
#define CENO_ATTEST_VERIFY_H

#include <stddef.h>
#include <stdint.h>
#include "../proof/proof.h"

/* ---- reason codes: a closed list; numbers never change -------------------------- */

/* X(name, number, stage, exit status if this is the verdict, text) in ladder order. */
#define CENO_VERIFY_CODES(X) \
	X(FILE_SIZE, 101, 1, 1, "the file is empty or longer than a proof can be") \
	X(FILE_JSON, 102, 1, 1, "the file is not canonical JSON") \
	X(VERSION, 201, 2, 1, "a version of proof that this verifier does not know") \
	X(FILE_SCHEMA, 202, 2, 1, "a field of the file is unknown, missing or out of range") \
	X(PAYLOAD_JSON, 203, 2, 1, "the payload is not canonical JSON") \
	X(PAYLOAD_SCHEMA, 204, 2, 1, "a field of the payload is unknown, missing or out of range") \
	X(SUBJECT, 301, 3, 1, "the subject is not the hash of the core") \
	X(SLOT_SUM, 401, 4, 1, "the RAM slot is not one slot of the stated memory size") \
	X(SLOT_FORM, 402, 4, 1, "slots are unaligned, overlap or have rights that their kind must not have") \
	X(SLOT_PLEDGE, 403, 4, 1, "a window was mapped that was not pledged, or the pledge was widened") \
	X(FILTER, 404, 4, 1, "the filter seen in the vmm is not the measured one") \
	X(CONFINED, 405, 4, 1, "a task of the vmm was not confined before the guest ran") \
	X(CAUSE, 406, 4, 1, "the cause and the violation code contradict each other") \
	X(TASKS_LEFT, 407, 4, 1, "tasks of the vmm were left when memory was overwritten") \
	X(AREA_COVER, 408, 4, 1, "a window, the pack or the boot page is not among the destroyed areas") \
	X(AREA_WIPE, 409, 4, 1, "an area was not overwritten, read back and unmapped whole") \
	X(NAMESPACE, 410, 4, 1, "the mount namespace was left") \
	X(BITMAP, 411, 4, 1, "the bitmap does not fit the memory size") \
	X(BACKED_BYTES, 412, 4, 1, "the overwritten bytes are not those of the bitmap") \
	X(BLOCKS, 413, 4, 1, "the memory file held other memory than what was overwritten") \
	X(PASSES, 414, 4, 1, "the number of passes differs between the steps") \
	X(KEYS, 415, 4, 1, "a key was not zeroized, or two have one id") \
	X(TOKENS, 416, 4, 1, "tokens and their ids do not match, or their key was not zeroized") \
	X(COMPARED, 417, 4, 1, "the comparison with zero did not cover the overwritten memory") \
	X(MISMATCHES, 418, 4, 1, "memory was not zero when compared") \
	X(WRITE_SEAL, 419, 4, 1, "memory could still be written when it was compared") \
	X(TIMES, 420, 4, 1, "times are out of order") \
	X(DURATION, 421, 4, 1, "the stated duration of the overwrite is not that of its times") \
	X(TIMING_HASH, 422, 4, 1, "step 7 hashes other times") \
	X(SANITIZATION_HASH, 423, 4, 1, "step 7 hashes another sanitization statement") \
	X(CHAIN, 424, 4, 1, "step 7 closes another chain of evidence") \
	X(TRAIL, 425, 4, 1, "the trail had no window of its own, or its length and hash contradict each other") \
	X(CPU, 426, 4, 1, "the guest did not start with the CPU's protection of ring 0 switched on") \
	X(SIGNER_KEY, 501, 5, 1, "the session's key is not a canonical Ed25519 key of full order") \
	X(KEYID, 502, 5, 1, "the signature names another key") \
	X(SIGNATURE, 503, 5, 1, "the session's signature is wrong") \
	X(KEY_ROLE, 504, 5, 1, "a known key is used in another role") \
	X(STEP8_PAYLOAD, 601, 6, 1, "step 8 observed another payload") \
	X(STEP8_SIGNATURE, 602, 6, 1, "step 8 observed another signature") \
	X(STEP8_LAUNCH, 603, 6, 1, "step 8 names another launch") \
	X(STEP8_STATUS, 604, 6, 1, "the warden did not end by itself after its last step") \
	X(STEP8_OBSERVER, 605, 6, 1, \
	  "step 8 says more than a later observer can have seen, or less than one who was there") \
	X(MEMORY_ROOT, 701, 7, 1, "what was read back is not the key stream of this session's challenge") \
	X(CHECKPOINT, 801, 8, 1, "the checkpoint is not a canonical checkpoint") \
	X(CHECKPOINT_ORIGIN, 802, 8, 1, "the checkpoint is of another log") \
	X(CHECKPOINT_KEY, 803, 8, 1, "the checkpoint is not signed by the node's log key") \
	X(LAUNCH_INCLUSION, 804, 8, 1, "this launch is not in the log") \
	X(CDP_INCLUSION, 805, 8, 1, "this proof is not in the log") \
	X(LOG_ORDER, 806, 8, 1, "the proof was logged before its launch") \
	X(AK_FORM, 901, 9, 1, "the attestation key is malformed") \
	X(AK_ATTRIBUTES, 902, 9, 1, "the attestation key is not a restricted signing key bound to its TPM") \
	X(AK_SCHEME, 903, 9, 1, "the attestation key is not ECDSA P-256 with SHA-256") \
	X(QUOTE_FORM, 904, 9, 1, "the quote is malformed") \
	X(QUOTE_MAGIC, 905, 9, 1, "the quote was not made inside a TPM") \
	X(QUOTE_TYPE, 906, 9, 1, "the attestation is not a quote") \
	X(QUOTE_SIGNATURE, 907, 9, 1, "the quote's signature is wrong") \
	X(QUOTE_SIGNER, 908, 9, 1, "the quote names another signer") \
	X(QUOTE_DATA, 909, 9, 1, "the quote is about another checkpoint or node") \
	X(QUOTE_SELECTION, 910, 9, 1, "the quote is not over SHA-256 PCRs 0 to 15") \
	X(QUOTE_PCRS, 911, 9, 1, "the PCR values are not those that were quoted") \
	X(RESET, 912, 9, 1, "the TPM was reset between launch and seal") \
	X(NV_FORM, 913, 9, 1, "the counter's certificate is malformed") \
	X(NV_SIGNATURE, 914, 9, 1, "the counter's signature is wrong") \
	X(NV_DATA, 915, 9, 1, "the counter was certified for another quote") \
	X(NV_VALUE, 916, 9, 1, "the counter's value is another") \
	X(REFERENCE, 1001, 10, 3, \
	  "there are no reference values, by a key the policy names and valid now, to compare with") \
	X(REFERENCE_PLATFORM, 1002, 10, 4, "the platform is not one of the reference values") \
	X(REFERENCE_PCRS, 1003, 10, 4, "the quoted PCRs are not the reference values") \
	X(EVENT_LOG, 1004, 10, 4, "the host event log is not the one of the reference values") \
	X(EVENT_LOG_OTHER, 1005, 10, 3, "the event log given is not the one that the node names") \
	X(EVENT_LOG_FORM, 1006, 10, 3, "the event log is malformed") \
	X(EVENT_LOG_PCRS, 1007, 10, 4, "the event log does not explain the quoted PCRs 0 to 9") \
	X(IMA_FORM, 1008, 10, 3, "the IMA list is malformed") \
	X(IMA_PCR, 1009, 10, 4, "the IMA list does not explain the quoted PCR 10") \
	X(IMA_PROGRAM, 1010, 10, 4, "the IMA list has a file that is not among the reference values") \
	X(AK_REVOKED, 1101, 11, 6, "the attestation key is revoked") \
	X(AK_CHANGED, 1102, 11, 1, "this node is pinned with another attestation key") \
	X(AK_UNPINNED, 1103, 11, 4, "consistent, but nothing says who made it: the attestation key is not pinned") \
	X(AK_VOUCH, 1104, 11, 4, "an enrolment of the attestation key, or an authority's word for it, does not hold") \
	X(PIN_NODE, 1201, 12, 1, "the pinned attestation key seals another log than the pinned one") \
	X(ROLLBACK, 1202, 12, 5, "the node's log, counter or clock went back") \
	X(COMPARISON, 1203, 12, 3, "the other checkpoint cannot be compared with this one") \
	X(FORK, 1204, 12, 5, "the node showed someone else another log") \
	X(NONCE, 1301, 13, 5, "the proof answers another nonce") \
	X(REPLAY, 1302, 13, 5, "another proof of this session or launch was seen before") \
	X(TEST_KEY, 1303, 13, 4, "the guest was signed by a test key") \
	X(ASSURANCE, 1304, 13, 4, "the key's assurance is below what was asked") \
	X(CODE_ASSURANCE, 1305, 13, 4, "what is known of the code is below what was asked") \
	X(PLATFORM, 1306, 13, 4, "the policy does not allow this platform") \
	X(REQUEST, 1307, 13, 4, "another request was run than the one asked for") \
	X(CAUSE_RULE, 1308, 13, 4, "the policy does not allow this end of a session") \
	X(HOST_RULE, 1309, 13, 4, "a fact of the host is not what the policy asks") \
	X(DECLARED, 1310, 13, 4, "another classification or jurisdiction was declared than the policy asks") \
	X(PASSES_RULE, 1311, 13, 4, "memory was overwritten fewer times than the policy asks")

enum ceno_verify_code { /* index into result.status; the number is CENO_VERIFY_NUMBER_* */
#define CENO_VERIFY_CODE_ENUM(name, number, stage, exit, text) CENO_VERIFY_##name,
	                CENO_VERIFY_CODES(CENO_VERIFY_CODE_ENUM)
#undef CENO_VERIFY_CODE_ENUM
	                    CENO_VERIFY_CODE_COUNT
};

struct ceno_verify_code_info {
	const char *name; /* "SLOT_SUM" */
	const char *text;
	uint32_t number, stage, exit_status;
};

/* What a code is; code < CENO_VERIFY_CODE_COUNT. */
const struct ceno_verify_code_info *ceno_verify_code_info(uint32_t code);

/* ---- policy: what this verifier knows and asks ------------------------------------ */

enum ceno_verify_key { CENO_KEY_NONE, CENO_KEY_SOFTWARE, CENO_KEY_VTPM, CENO_KEY_FTPM, CENO_KEY_DTPM };
enum ceno_verify_trust { CENO_TRUST_NONE, CENO_TRUST_BOOT, CENO_TRUST_RUNTIME }; /* the Code axis */

struct ceno_verify_pin { /* a node this verifier knows */
	char origin[65];
	uint8_t ak[32]; /* digest part of the AK's name: SHA-256 of its TPMT_PUBLIC */
	uint8_t log_pub[32];
	uint8_t identity
	    [32]; /* whose signature this pin follows to another key; zeros: none. One for all pins of an origin */
	/* Newest state seen of it; size 0: none. Not rolled back below this. */
	uint64_t size;
	uint8_t root[32];
	uint64_t nv_value, clock_ms;
	uint32_t reset_count;
};

#define CENO_VERIFY_PINS_MAX    256u
#define CENO_VERIFY_REVOKED_MAX 256u

struct ceno_verify_pins {
	uint32_t pin_count, revoked_count;
	struct ceno_verify_pin pins[CENO_VERIFY_PINS_MAX];
	uint8_t revoked[CENO_VERIFY_REVOKED_MAX][32];    /* AK digests */
	uint64_t revoked_since[CENO_VERIFY_REVOKED_MAX]; /* unix seconds; 0: ever */
};

#define CENO_VERIFY_LIST_MAX        32u
#define CENO_VERIFY_FACTS           11u /* words of ceno_verify_fact_names */
#define CENO_VERIFY_EXECUTABLES_MAX 768u
#define CENO_VERIFY_NO_TIME         UINT64_MAX

struct ceno_verify_enrolment { /* this verifier's own, or an authority's word */
	uint8_t ak[32];
	uint32_t key;          /* enum ceno_verify_key: VTPM, FTPM, DTPM */
	uint8_t ek[32];        /* SHA-256 of the EK certificate; zeros: not said */
	uint64_t until;        /* unix seconds */
	uint32_t is_vouched;   /* 1: authority and signature are an authority's */
	uint8_t authority[32]; /* Ed25519 */
	uint8_t signature[64]; /* over "CDP/v1/vouch"|0|u8 key|u64 until|ak|ek; key 2 vtpm, 3 ftpm, 4 dtpm */
};

struct ceno_verify_rules { /* a policy file, read; all zeros asks nothing */
	uint32_t key_floor, code_floor, refuse_test_key;
	uint32_t has_memory, memory, sample;   /* has_memory 1: the file has a memory line */
	uint32_t passes;                       /* least keyed passes */
	uint32_t causes;                       /* bits 1 << enum ceno_cause; 0: any */
	uint32_t classification, jurisdiction; /* enum ceno_proof_classification, _jurisdiction; 0: any */
	uint32_t facts[CENO_VERIFY_FACTS];     /* enum ceno_proof_fact; 0: any */
	uint32_t signer_count, platform_count, authority_count, enrolment_count;
	uint8_t signers[CENO_VERIFY_LIST_MAX][32];   /* Ed25519 keys whose reference values count */
	uint8_t platforms[CENO_VERIFY_LIST_MAX][32]; /* digests allowed; none: any */
	uint8_t authorities[CENO_VERIFY_LIST_MAX][32];
	uint32_t authority_key[CENO_VERIFY_LIST_MAX]; /* the most that each may say */
	struct ceno_verify_enrolment enrolments[CENO_VERIFY_LIST_MAX];
};

struct ceno_verify_pcr {
	uint32_t number;
	uint8_t value[32];
};

struct ceno_verify_reference { /* a file of reference values whose signature holds */
	uint8_t signer[32];
	uint64_t from, until; /* unix seconds, both included */
	uint32_t runtime;     /* 1: the PCR values fix every executable that can open the TPM, says the signer */
	uint32_t platform_count, pcr_count, event_log_count, executable_count;
	uint8_t platforms[CENO_VERIFY_LIST_MAX][32];
	struct ceno_verify_pcr pcrs[4 * CENO_VERIFY_LIST_MAX]; /* several values of one PCR: any of them */
	uint8_t event_logs[CENO_VERIFY_LIST_MAX][32];
	uint8_t executables[CENO_VERIFY_EXECUTABLES_MAX][32]; /* none: nothing is said of them */
};

struct ceno_verify_seen { /* a proof accepted earlier */
	uint8_t ak[32];   /* its node; launch indices are compared within one node only */
	uint8_t session_id[16];
	uint64_t launch_index;
	uint8_t c8[32];
};

enum ceno_verify_memory { CENO_MEMORY_FULL, CENO_MEMORY_SAMPLE, CENO_MEMORY_NONE };

struct ceno_verify_policy {
	const struct ceno_verify_pins *pins; /* borrowed; NULL: none */
	const struct ceno_verify_seen *seen; /* borrowed */
	uint32_t seen_count;
	const uint8_t *rp_nonce;  /* 32 bytes; NULL: not asked */
	uint32_t memory;          /* enum ceno_verify_memory */
	uint32_t sample;          /* SAMPLE: how many keyed passes to recompute (the file holds one root a pass,
	                                  and a root needs all of its leaves), starting at pass 1 + sample_start % passes */
	uint32_t sample_start;    /* random, from the caller */
	uint32_t key_floor;       /* enum ceno_verify_key asked for; SOFTWARE is the built-in policy "pinned" */
	uint32_t code_floor;      /* enum ceno_verify_trust; above NONE needs reference values: status 3 */
	uint32_t refuse_test_key; /* 1: a bundle signed by a test key fails */
	uint32_t explain;         /* 1: go on after the first failure */
	uint64_t as_of;           /* unix seconds of the time the verdict is for. NO_TIME: whatever ends has ended */
	const struct ceno_verify_rules *rules;          /* borrowed; NULL: none */
	const struct ceno_verify_reference *references; /* borrowed; given at all, they must hold */
	uint32_t reference_count;
	const uint8_t *request; /* 32 bytes: the request_commit that must be in it; NULL: not asked */
	const char *compare;    /* text of a comparison, borrowed, not NUL-terminated; NULL: none */
	size_t compare_bytes;
	/* Logs of the node's host, hostile, borrowed; NULL: not given, and then not checked. */
	const uint8_t *event_log; /* binary_bios_measurements: its hash is in the proof, its events give PCRs 0 to 9 */
	size_t event_log_bytes;
	const uint8_t *ima; /* binary_runtime_measurements: a beginning of it gives PCR 10; what follows is younger */
	size_t ima_bytes;
	/* Called every CENO_VERIFY_PROGRESS bytes of a memory root: done of bytes so far, of this pass (from 1). NULL: never. */
	void (*progress)(void *arg, uint32_t pass, uint64_t done, uint64_t bytes);
	void *progress_arg; /* borrowed */
};
#define CENO_VERIFY_PROGRESS (64ull << 20)

/* The built-in policy: "pinned", all memory roots, no time, nothing else asked. */
void ceno_verify_policy_init(struct ceno_verify_policy *policy);

/* ---- result -------------------------------------------------------------------------- */

enum ceno_verify_status { CENO_CHECK_NOT_RUN, CENO_CHECK_PASS, CENO_CHECK_FAIL };

struct ceno_verify_result {
	uint8_t status[CENO_VERIFY_CODE_COUNT]; /* enum ceno_verify_status */
	uint32_t verdict;                       /* code of the first failure; CENO_VERIFY_CODE_COUNT: none */
	uint32_t exit_status;                   /* 0 to 6 */
	uint32_t key, code;                     /* the two axes */
	char detail[160];                       /* of the first failure, printable, may be "" */
	uint32_t passes_checked;                /* memory roots recomputed */
	uint32_t fork_checked;                  /* 1: compared with another checkpoint, and one log */
	uint8_t platform[32];                   /* digest, recomputed */
	/* What the file says; valid when read is 1 (stage 2 passed). */
	uint32_t read;
	uint32_t pin; /* index of the pin that matched the AK, UINT32_MAX: none */
	struct ceno_proof_statement statement;
	struct ceno_proof_seal seal;
	uint8_t chain[9][32]; /* c0 to c8, recomputed */
	uint8_t ak[32];       /* digest part of the AK's name */
	uint64_t log_size;
	uint8_t log_root[32];
	uint64_t clock_ms;
	uint32_t reset_count, restart_count;
};

/* Check a proof.
 * file, bytes: hostile, borrowed. policy: borrowed. result: filled in any case.
 * Returns 0 and the verdict in result, or -1: out of memory (result->exit_status is 2). */
int ceno_verify(const void *file, size_t bytes, const struct ceno_verify_policy *policy,
                struct ceno_verify_result *result);

/* The same for the DSSE payload alone, as the supervisor needs it for a spooled payload:
 * stages 2 to 5 of a payload, its signature and the key it must be signed by. Returns 0 or -1. */
int ceno_verify_payload(const void *payload, size_t bytes, const uint8_t signature[64], const uint8_t signer_pub[32],
                        struct ceno_verify_result *result);

/* ---- pin file -------------------------------------------------------------------------- */

/* Text, strict: every line ends in LF, fields are separated by one space, nothing else:
 *
 *   ceno-pins 1
 *   pin ORIGIN sha256:AK LOGPUB                     AK digest in hex, log key in base64
 *   seen ORIGIN SIZE sha256:ROOT NV CLOCK RESETS    newest state of a pinned node, after its pin
 *   revoked sha256:AK [SINCE]                       unix seconds
 *
 * An empty file, one without a pin or revocation, and two pins of one origin, AK or log are errors; but a node whose
 * log key was changed has a pin of the same origin and AK for each of its log keys, each with its own seen line after it. */
#define CENO_VERIFY_PIN_ERRORS(X) \
	X(EMPTY, -1, "the pin file names no node") \
	X(FORM, -2, "a line of the pin file is malformed") \
	X(TWICE, -3, "the pin file names a node, key or log twice") \
	X(MANY, -4, "the pin file has more entries than supported") \
	X(SPACE, -5, "the output buffer is too small")

enum ceno_verify_pin_error {
#define CENO_VERIFY_PIN_ERROR_ENUM(name, number, text) CENO_VERIFY_PIN_E_##name = number,
	CENO_VERIFY_PIN_ERRORS(CENO_VERIFY_PIN_ERROR_ENUM)
#undef CENO_VERIFY_PIN_ERROR_ENUM
};

const char *ceno_verify_pin_error_text(int error);

/* Read a pin file. text: hostile, borrowed. pins: out. *line gets the line of an error (from 1).
 * Returns 0 or a ceno_verify_pin_error. */
int ceno_verify_pins_parse(const char *text, size_t bytes, struct ceno_verify_pins *pins, uint32_t *line);

/* Write a pin file. Returns its length, or SPACE. */
int ceno_verify_pins_format(const struct ceno_verify_pins *pins, char *text, size_t capacity);

/* ---- a change of a node's key (docs/proof-format.md, leaf keychange) ---- */

#define CENO_VERIFY_FOLLOW_ERRORS(X) \
	X(PURPOSE, -1, "no pin names that kind of key: there is nothing to follow") \
	X(KNOWN, -2, "the new key is pinned already") \
	X(PIN, -3, "no pin of this node has the old key as its newest") \
	X(REVOKED, -4, "the node's attestation key is revoked") \
	X(IDENTITY, -5, "the pin names no identity key, so nobody can vouch for another key") \
	X(SIGNER, -6, "the change is by another identity key than the pinned one") \
	X(SIGNATURE, -7, "the identity key did not sign this change") \
	X(LEAF, -8, "the leaf's proof is malformed") \
	X(CHECKPOINT, -9, "the leaf's checkpoint is of another log, or not signed by the key now in force") \
	X(INCLUSION, -10, "the node's log does not have this change") \
	X(ROLLBACK, -11, "the leaf's checkpoint is older than what was seen of this log, or another of its size") \
	X(MANY, -12, "the pin file has more entries than supported")

enum ceno_verify_follow_error {
#define CENO_VERIFY_FOLLOW_ERROR_ENUM(name, number, text) CENO_VERIFY_FOLLOW_E_##name = number,
	CENO_VERIFY_FOLLOW_ERRORS(CENO_VERIFY_FOLLOW_ERROR_ENUM)
#undef CENO_VERIFY_FOLLOW_ERROR_ENUM
};

const char *ceno_verify_follow_error_text(int error);

struct ceno_verify_keychange { /* as `ceno tpm rotate` prints it; all of it hostile */
	char origin[65];
	uint32_t purpose; /* enum ceno_proof_purpose */
	uint8_t old_pub[32], new_pub[32];
	uint8_t identity[32], signature[64];
};

/* Let the pins follow. leaf: `ceno proof leaf` of the change, hostile, borrowed. Of a log key: a pin of the new key, with
 * what was seen of the log, behind that of the old, which stays for older proofs. Of an identity key: the new one in the
 * node's pins. Returns 0, or a ceno_verify_follow_error with the pins unchanged. Pure. */
int ceno_verify_follow(struct ceno_verify_pins *pins, const struct ceno_verify_keychange *change, const char *leaf,
                       size_t leaf_bytes);

/* Digest part of an AK's name from its TPMT_PUBLIC: what a pin holds. */
void ceno_verify_ak_digest(const uint8_t *ak_public, size_t bytes, uint8_t ak[32]);

/* ---- policy file, reference values, comparison ------------------------------------------ */

/* Policy file, strict as the pin file. Asking nothing is an error. Each line at most once unless marked *.
 *
 *   ceno-policy 1
 *   key none|software|vtpm|ftpm|dtpm            least assurance of the key
 *   code none|boot|runtime                      least assurance of the code
 *   memory full|none|sample:N
 *   refuse test-key
 *   passes N                                    least keyed passes, 1 to 7
 *   cause exit|request|ttl|oom|violation|crash  * ends that are allowed
 *   classification WORD                         as the customer must have declared
 *   jurisdiction WORD
 *   host NAME on|off                            * npt swap zswap ksm compact_unevictable numa_balancing
 *                                                 init_on_free dumpable kdump hibernation huge_pages
 *   platform sha256:DIGEST                      * platforms that are allowed (ceno measure)
 *   signer KEY                                  * key of reference values, base64
 *   enrolled sha256:AK vtpm|ftpm|dtpm sha256:EKCERT|none UNTIL           * (ceno attest --enrol)
 *   authority KEY vtpm|ftpm|dtpm                * whose word counts, up to this
 *   vouched sha256:AK vtpm|ftpm|dtpm sha256:EKCERT|none UNTIL KEY SIG    * an authority's word
 *
 * Returns 0 or a ceno_verify_pin_error, *line as for pins. */
int ceno_verify_rules_parse(const char *text, size_t bytes, struct ceno_verify_rules *rules, uint32_t *line_number);

/* Let a policy ask what its rules ask: floors, memory, test key. policy->rules points to rules afterwards. */
void ceno_verify_policy_apply(struct ceno_verify_policy *policy, const struct ceno_verify_rules *rules);

/* Reference values, strict; the last line is an Ed25519 signature over "CDP/v1/reference"|0|the text before it.
 *
 *   ceno-reference 1
 *   valid FROM UNTIL                            unix seconds, both included
 *   runtime                                     optional
 *   platform sha256:DIGEST                      * at least one
 *   pcr N sha256:VALUE                          * at least one; N 0 to 15
 *   event-log sha256:DIGEST                     * optional
 *   executable sha256:DIGEST                    * optional: with an IMA list, every file in it must be one of these
 *   signature KEY SIG                           base64
 *
 * Returns 0 or a ceno_verify_pin_error (FORM also if the signature is wrong). */
int ceno_verify_reference_parse(const char *text, size_t bytes, struct ceno_verify_reference *reference,
                                uint32_t *line_number);

/* A comparison is another checkpoint of the same log, from elsewhere, with the proof that one of the two
 * logs continues the other (no node lines if they are of one size):
 *
 *   ceno-consistency 1
 *   old SIZE sha256:ROOT                        the smaller of the two logs
 *   node sha256:HASH                            * RFC 9162 2.1.4, at most 97
 *
 *   (an empty line, then the checkpoint's text)
 */

/* ---- rendering ------------------------------------------------------------------------- */

/* For people: verdict, what the proof says, what was checked, what it does not say.
 * Returns the length that the whole text has (like snprintf); text is NUL-terminated if capacity > 0. */
size_t ceno_verify_render_text(const struct ceno_verify_result *result, const struct ceno_verify_policy *policy,
                               char *text, size_t capacity);

/* One JSON object: EAT Attestation Result words, both axes, every check with its code. Same return. */
size_t ceno_verify_render_json(const struct ceno_verify_result *result, const struct ceno_verify_policy *policy,
                               char *text, size_t capacity);

/* A one-page certificate, with the fields of NIST SP 800-88r2, of a proof that verified. Returns its length
 * (like snprintf), or 0 if the result is not that of a verified proof, or nothing says who made it (a policy with
 * `key none`): then there is no certificate. */
size_t ceno_verify_render_certificate(const struct ceno_verify_result *result, const struct ceno_verify_policy *policy,
                                      char *text, size_t capacity);

/* The certificate's text as a PDF of one page. Same return; pdf is NUL-terminated if capacity > 0. */
size_t ceno_verify_render_pdf(const char *certificate, char *pdf, size_t capacity);

#endif
