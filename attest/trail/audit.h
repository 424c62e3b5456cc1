/*
 * Checking a trail (guest-kernel/abi/trail.h): the bytes of one exported trail in, its
 * records and a verdict out. The verdict is the first failure, with its reason code and
 * the record it is about.
 *
 * Pure: no I/O, no clock, no allocation, no global state. The bytes are hostile. Hashes
 * are our BLAKE3, signatures libsodium's Ed25519, as strict as in attest/verify.
 *
 *   stage 1  file     header and length
 *   stage 2  records  each one's form
 *   stage 3  chain    order, hashes, time
 *   stage 4  seals    the guest key's signatures
 *   stage 5  replay   the events obey the rules that they are told of
 *   stage 6  asked    whose trail it is, and whether it is all there
 *
 * Replay goes as far as records say: the nucleus does not tell when a capability moves
 * over a channel, when somebody other than init restarts or closes a fiber, nor the rights that
 * a MODULE's slots came with (but for GRANT). Where a rule cannot know, it lets pass; the
 * comment at each code says what it knows.
 */
#ifndef CENO_ATTEST_TRAIL_AUDIT_H
#define CENO_ATTEST_TRAIL_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "guest-kernel/abi/trail.h"

/* X(name, number, stage, exit status if this is the verdict, text); numbers never change. */
#define CENO_AUDIT_CODES(X) \
	X(FILE_SIZE, 101, 1, 1, "the file is shorter than a trail's header or longer than a trail can be") \
	X(MAGIC, 102, 1, 1, "the file is not a trail") \
	X(VERSION, 103, 1, 1, "a version of trail that this verifier does not know") \
	X(HEADER_RESERVED, 104, 1, 1, "reserved bytes of the header are not zero") \
	X(HEADER_BYTES, 105, 1, 1, "the header states another length than the file has") \
	X(DIGEST, 106, 1, 1, "the proof names another trail") \
	X(RECORD_CUT, 201, 2, 1, "a record is cut off") \
	X(RECORD_VERSION, 202, 2, 1, "a record is of another version than the trail") \
	X(RECORD_TYPE, 203, 2, 1, "a record is of an unknown type") \
	X(RECORD_BYTES, 204, 2, 1, "a record has another length than its type") \
	X(RECORD_RESERVED, 205, 2, 1, "reserved bytes of a record are not zero") \
	X(RECORD_FIELD, 206, 2, 1, "a field of a record is out of its range") \
	X(BOOT_FIRST, 301, 3, 1, "the first record is not BOOT, or a later one is") \
	X(SEQUENCE, 302, 3, 1, "records are missing, repeated or out of order") \
	X(CHAIN, 303, 3, 1, "a record does not follow from the one before it") \
	X(TIME, 304, 3, 1, "time goes back, or a record is older than what it tells") \
	X(GUEST_KEY, 401, 4, 1, "the guest key is not a canonical Ed25519 key of full order") \
	X(SIGNATURE, 402, 4, 1, "a seal's signature is wrong") \
	X(SEAL_LATE, 403, 4, 1, "a seal is missing: too many records stand before the next") \
	X(AFTER_FINAL, 404, 4, 1, "a record follows the final seal") \
	X(FIBER_UNKNOWN, 501, 5, 1, "a record is about a fiber that no record introduced") \
	X(FIBER_TWICE, 502, 5, 1, "a module starts in a fiber that has not ended") \
	X(FIBER_ENDED, 503, 5, 1, "a module's fiber acts or ends after it ended") \
	X(MODULE_PLEDGE, 504, 5, 1, "a module starts with a pledge that init does not hold") \
	X(SPAWN_PLEDGE, 505, 5, 1, \
	  "a fiber is made with a pledge that its maker does not hold, or without the class spawn") \
	X(GRANT_HOLDER, 506, 5, 1, "a capability is granted by a fiber that cannot have held it so") \
	X(PLEDGE_OLD, 507, 5, 1, "a pledge changes from another value than it had") \
	X(PLEDGE_WIDER, 508, 5, 1, "a pledge widens") \
	X(STRIKE, 509, 5, 1, "strikes do not rise, or a fiber became faster") \
	X(CRASH_COUNT, 510, 5, 1, "a crash is not counted as one more") \
	X(RESTART_ALIVE, 511, 5, 1, "a module's fiber is restarted that has not ended") \
	X(RESTART_COUNT, 512, 5, 1, "a restart is not counted as one more") \
	X(RESTART_CHECKPOINT, 513, 5, 1, "a restart names another checkpoint than the fiber's last") \
	X(RESTART_MODULE, 514, 5, 1, "a fiber is restarted as another module, or with another pledge") \
	X(AFTER_LOSS, 515, 5, 1, "a record follows where the area was full") \
	X(RESUME, 516, 5, 1, "the writer resumed at another place than where it says") \
	X(SESSION, 601, 6, 5, "the trail is another session's") \
	X(NONCE, 602, 6, 5, "the trail answers another nonce") \
	X(KEY, 603, 6, 1, "the trail is sealed by another key") \
	X(BUNDLE_MODULE, 604, 6, 1, "a module is not the one in the bundle") \
	X(BUNDLE_PLEDGE, 605, 6, 1, "a module starts with more than the bundle allows it") \
	X(LOST, 606, 6, 4, "records are missing, and the trail says so") \
	X(UNSEALED, 607, 6, 4, "records after the last seal are vouched for by nobody") \
	X(UNFINISHED, 608, 6, 4, "there is no final seal: what came after the last one is not known") \
	X(KEY_UNKNOWN, 609, 6, 4, "consistent, but nothing says whose it is: no key was asked for") \
	X(PROGRAM, 610, 6, 1, "its native program is another than the file's, or none ran")

enum ceno_audit_code {
#define CENO_AUDIT_CODE_ENUM(name, number, stage, exit, text) CENO_AUDIT_##name,
	CENO_AUDIT_CODES(CENO_AUDIT_CODE_ENUM)
#undef CENO_AUDIT_CODE_ENUM
	    CENO_AUDIT_CODE_COUNT
};

struct ceno_audit_code_info {
	const char *name; /* "FILE_SIZE" */
	const char *text;
	uint32_t number, stage, exit_status;
};

/* What a code is; code < CENO_AUDIT_CODE_COUNT. */
const struct ceno_audit_code_info *ceno_audit_code_info(uint32_t code);

enum ceno_audit_status { CENO_AUDIT_NOT_RUN, CENO_AUDIT_PASS, CENO_AUDIT_FAIL };

/* What the caller knows; each NULL if it does not. All borrowed. */
struct ceno_audit_expect {
	const uint8_t *session_id; /* 16 bytes */
	const uint8_t *nonce;      /* 32 bytes */
	const uint8_t *public_key; /* 32 bytes: the guest key */
	const void *bundle;        /* has passed ceno_bundle_check */
	const uint8_t *sha256;     /* 32 bytes, of the file: what a proof that verified says the session left. Then
	                            * the guest key need not be known: the warden vouches for the bytes */
	const uint8_t *program;    /* 32 bytes, the digest of a native file's content id */
};

#define CENO_AUDIT_RECORDS_MAX ((CENO_TRAIL_BYTES - CENO_TRAIL_OFFSET) / 72u) /* the shortest has 72 bytes */

struct ceno_audit {
	uint8_t status[CENO_AUDIT_CODE_COUNT]; /* enum ceno_audit_status */
	uint32_t verdict;                      /* code of the first failure; CENO_AUDIT_CODE_COUNT: none */
	uint32_t exit_status;                  /* 0, 1, 4 or 5: as ceno verify's */
	uint32_t record;                       /* that the verdict is about; UINT32_MAX: none */
	/* What the trail holds. Records and their offsets: those before the first malformed one. */
	uint32_t records;
	uint32_t offset[CENO_AUDIT_RECORDS_MAX]; /* in the file */
	/* Valid if the verdict is beyond stage 4 (lost, refused: 5), or none. */
	uint32_t sealed;   /* records up to the last SEAL, that included */
	uint32_t unsealed; /* records after it */
	uint8_t head[32];  /* BLAKE3 of the last SEAL: names the trail up to there; zero without one */
	bool finished;
	uint64_t lost;    /* records that did not fit */
	bool lost_more;   /* and others, uncounted */
	uint64_t refused; /* messages that made no sense */
};

/* Checks a trail. file: hostile, borrowed, any alignment. expect: borrowed, may be NULL.
 * audit: filled in any case. */
void ceno_audit(const void *file, size_t bytes, const struct ceno_audit_expect *expect, struct ceno_audit *audit);

/* Copies record number `index` (< audit->records) out of the file that was audited. */
void ceno_audit_record(const void *file, const struct ceno_audit *audit, uint32_t index,
                       struct ceno_trail_record *record);

/* For people, one line a record, then what holds; or one JSON object. file and bytes as
 * audited. Each returns the length that the whole text has (like snprintf); text is
 * NUL-terminated if capacity > 0. */
size_t ceno_audit_render_text(const void *file, const struct ceno_audit *audit, char *text, size_t capacity);
size_t ceno_audit_render_json(const void *file, const struct ceno_audit *audit, char *text, size_t capacity);

#endif
