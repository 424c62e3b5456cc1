/*
 * The state machine of destruction, as a table: in which order, what has to hold before each
 * transition, what is evidence of it, and what its failure means. docs/destruction.md shows it.
 *
 *   REAPED -> the states below, in their order -> the warden exits: 0 if every one was reached, else 1
 *
 * One rule serves every failure: the first one makes the destruction unproven. Nothing is signed any
 * more, but each later transition whose own needs hold is still made, so as much as can be wiped is
 * wiped and every key goes; then the warden exits with status 1, and a recovery warden makes those
 * of RECOVERY again over the descriptors that the supervisor kept.
 */
#ifndef CENO_WARDEN_DESTRUCTION_H
#define CENO_WARDEN_DESTRUCTION_H

#include "destroy.h"
#include "lanes.h"
#include "memory.h"

/* Who walks the table. */
enum ceno_destroy_way {
	CENO_WAY_LAUNCHED = 1,   /* the launch leaf may be in the log: a payload is owed */
	CENO_WAY_UNLAUNCHED = 2, /* no launch: nothing to prove, the same to wipe */
	CENO_WAY_RECOVERY = 4    /* a recovery warden, after the session's own ended with another status than 0 */
};

#define CENO_WAY_OWN (CENO_WAY_LAUNCHED | CENO_WAY_UNLAUNCHED)
#define CENO_WAY_ALL (CENO_WAY_OWN | CENO_WAY_RECOVERY)

#define CENO_AFTER(state) (1u << CENO_DESTROY_##state)
#define CENO_AFTER_ALL    (~0u) /* every earlier one of the way: this one claims them */

/* state, step of the proof, ways, needs, what is done, evidence in the proof, what its failure means */
#define CENO_DESTROY_STATES(X) \
	X(ISOLATED, 1, CENO_WAY_LAUNCHED, 0, \
	  "R asked for, tasks of the group counted, trail copied out, the vmm's socket closed", \
	  "cause, violation, wait_status, tasks_left, slots, filter, trail", "a task is left in the group") \
	X(CLEARED, 2, CENO_WAY_ALL, 0, \
	  "each window, the pack, the boot page: overwritten, read back through another mapping, closed", \
	  "areas, fds_closed, mount_ns_gone", \
	  "an area could not be mapped, or did not read back as zero; the others are wiped all the same") \
	X(MAPPED, 3, CENO_WAY_ALL, 0, "RAM mapped twice, once of them read-only; its backed granules found", "bitmap", \
	  "no mapping: this warden cannot wipe RAM, the recovery warden has to") \
	X(CHALLENGED, 3, CENO_WAY_ALL, 0, \
	  "R of the TPM within 50 ms, else of the kernel; the destroy nonce; the challenge over c2 and both", \
	  "random, random_source, destroy_nonce", "nothing random: RAM is filled under a challenge of zeros") \
	X(FILLED, 3, CENO_WAY_ALL, CENO_AFTER(MAPPED), \
	  "each keyed pass written over every backed granule; all but the last read back", \
	  "passes, bytes, st_blocks, ms", "a granule was not filled; zeroing follows") \
	X(KEYLESS, 4, CENO_WAY_LAUNCHED, 0, "opening and seed zeroized and read back", "keys, read_back", \
	  "a key did not read back as zero") \
	X(TOKENLESS, 5, CENO_WAY_LAUNCHED, 0, "the key of the session's token zeroized and read back", \
	  "key_id, ids, zeroized", "it did not read back as zero") \
	X(READ_BACK, 6, CENO_WAY_ALL, CENO_AFTER(FILLED), "the last pass read back through the read-only mapping", \
	  "roots", "the crypto library failed; zeroing follows") \
	X(ZEROED, 6, CENO_WAY_ALL, CENO_AFTER(MAPPED), "zeros written over every backed granule", "zeroed_us", \
	  "cannot fail") \
	X(SEALED, 6, CENO_WAY_ALL, CENO_AFTER(ZEROED), \
	  "the writable mapping gone, F_SEAL_WRITE accepted by the kernel", "write_sealed", \
	  "somebody can still write: whatever is read from now on proves nothing") \
	X(COMPARED, 6, CENO_WAY_ALL, CENO_AFTER(SEALED), "every backed byte compared with zero", \
	  "compared_bytes, mismatches", "a byte is not zero, or was not looked at") \
	X(SURVEYED, 6, CENO_WAY_LAUNCHED, CENO_AFTER(COMPARED), "the host's facts read", "host", \
	  "cannot fail: what cannot be read is unknown") \
	X(SIGNED, 7, CENO_WAY_LAUNCHED, CENO_AFTER_ALL, "c7, the payload, one signature", "c6, timing, sanitization", \
	  "no payload") \
	X(RELEASED, 7, CENO_WAY_ALL, 0, \
	  "signer and page of secrets zeroized and unmapped, inputs and mappings let go", "none", "cannot fail") \
	X(DELIVERED, 7, CENO_WAY_LAUNCHED, CENO_AFTER(SIGNED), \
	  "the payload stored by attest, else in the spool on the disk", "none", \
	  "no proof, of memory that is wiped; recovery finds it sealed and zero")

enum ceno_destroy_state {
#define CENO_DESTROY_ENUM(name, step, ways, needs, does, evidence, failure) CENO_DESTROY_##name,
	CENO_DESTROY_STATES(CENO_DESTROY_ENUM)
#undef CENO_DESTROY_ENUM
	    CENO_DESTROY_STATE_COUNT
};

/* A memfd beside RAM. Writable; fd_ro may be NULL. Both are closed when it was wiped. */
struct ceno_area {
	int *fd, *fd_ro;
	uint32_t kind;         /* enum ceno_proof_area_kind */
	uint32_t pledge_class; /* as in struct ceno_proof_area */
};

#define CENO_AREAS_MAX 8

/* The evidence that an area, as large as `result` says, was overwritten and read back and is mapped nowhere. */
void ceno_destroy_note_area(struct ceno_proof_filesystem *evidence, uint32_t kind, uint32_t pledge_class,
                            const struct ceno_area_result *result);

struct ceno_destruction {
	enum ceno_destroy_way way;
	struct ceno_session *session; /* borrowed; NULL: RECOVERY */
	struct ceno_end end;
	int attest, spool; /* borrowed; attest -1: gone */
	struct ceno_area areas[CENO_AREAS_MAX];
	unsigned area_count;
	int ram, ram_ro;    /* borrowed */
	uint64_t ram_bytes; /* 0: there is none */
	uint32_t passes;
	struct ceno_payload *payload; /* borrowed; LAUNCHED */
	/* while it goes on */
	int asked; /* R was asked for: 0, or -errno */
	uint8_t challenge[32];
	struct ceno_memory memory;
	struct ceno_proof_pass *pass[CENO_LANES_MAX]; /* owned: the last one, filled and to be read back; one a lane */
	uint8_t roots[CENO_PROOF_PASSES_MAX][32];
	/* how it went */
	uint32_t reached; /* bit for each state */
	int error;        /* 0, or -errno of the first transition that failed */
	enum ceno_destroy_state failed;
};

/* One transition: 0 or -errno. */
typedef int ceno_destroy_action(struct ceno_destruction *d);

struct ceno_destroy_rule {
	const char *name;
	unsigned step, ways;
	uint32_t needs;
	ceno_destroy_action *action;
};

/* Walks the table. Returns 0 if every transition of the way was made, or d->error. */
int ceno_destroy_walk(struct ceno_destruction *d, const struct ceno_destroy_rule *rules, unsigned count);

/* The table with the real actions, in the order of the enumeration. */
extern const struct ceno_destroy_rule ceno_destroy_rules[CENO_DESTROY_STATE_COUNT];

const char *ceno_destroy_name(enum ceno_destroy_state state);

/* The actions, in destroy_steps.c. */
#define CENO_DESTROY_ACTION(name, step, ways, needs, does, evidence, failure) ceno_destroy_action ceno_destroy_##name;
CENO_DESTROY_STATES(CENO_DESTROY_ACTION)
#undef CENO_DESTROY_ACTION

#endif
