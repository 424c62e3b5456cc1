/*
 * Writing the trail (abi/trail.h): a pure writer over one area of memory. No verb, no
 * clock: whoever calls gives the TSC.
 *
 *   start or resume; take...; (seal;) finish
 *
 * Invariants: header.bytes ends after a whole record, everything before it is a chain;
 * `head` is the hash of the last record as it was written, taken from our own copy and
 * never read back, because the host sees the area too. At most CENO_TRAIL_SEAL_EVERY
 * records stand after the last SEAL, RESUME and LOSS not counted. There is always room for two LOSS and two SEAL.
 */
#ifndef CENO_PROV_CHAIN_H
#define CENO_PROV_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include "abi/boot.h"
#include "abi/bundle.h"
#include "abi/trail.h"
#include "lib/ed25519.h"

#define CENO_CHAIN_ERRORS(X) \
	X(MESSAGE, -1, "a message that makes no sense: recorded as LOSS, REFUSED") \
	X(FULL, -2, "the area is full: counted, recorded as LOSS, FULL") \
	X(CLOSED, -3, "the last SEAL is written, the key wiped") \
	X(AREA, -4, "the area is too small, not fresh (start), or not a trail of this key (resume)")

enum ceno_chain_error {
#define CENO_CHAIN_ERROR_ENUM(name, number, text) CENO_CHAIN_E_##name = number,
	CENO_CHAIN_ERRORS(CENO_CHAIN_ERROR_ENUM)
#undef CENO_CHAIN_ERROR_ENUM
};

struct ceno_chain {
	uint8_t *area; /* borrowed: the header page, then the records */
	uint64_t room; /* for records, in bytes */
	uint64_t used;
	uint64_t sequence; /* of the next record */
	uint64_t sealed;   /* sequence number of the last SEAL; 0: none */
	uint64_t tsc;      /* of the last record */
	uint64_t lost;     /* records that did not fit, since the last LOSS */
	uint32_t lost_types;
	uint32_t unsealed; /* records since the last SEAL */
	bool full, uncounted, closed;
	bool pressing;    /* among the unsealed is one that no fiber can provoke as often as it likes */
	uint8_t head[32]; /* hash of the last record */
	uint8_t seed[CENO_ED25519_SEED_BYTES]; /* secret; zero once closed */
	uint8_t public_key[CENO_ED25519_KEY_BYTES];
	struct {
		uint32_t crashes;
		bool restarted;      /* its MODULE is still to come */
		uint64_t checkpoint; /* sequence number of the last; 0: none */
	} fiber[CENO_TRAIL_FIBERS];
};

/* Makes the guest key from the seed in the boot events' page: derive_key under CENO_TRAIL_KEY_CONTEXT. */
void ceno_chain_key(struct ceno_chain *chain, const uint8_t trail_seed[32]);

/*
 * Starts a trail in a fresh area with its BOOT record. Before: ceno_chain_key.
 * area: `bytes` bytes, borrowed for the chain's life, 8-byte aligned. boot: borrowed;
 * its public_key is filled in. 0, or AREA: nothing is written.
 */
int ceno_chain_start(struct ceno_chain *chain, void *area, size_t bytes, struct ceno_trail_boot *boot, uint64_t tsc);

/*
 * Goes on with the trail that is in the area: checks form, order, hashes, that BOOT names
 * our key, and each SEAL (Ed25519 is deterministic: it is what we would sign), then
 * appends RESUME. Before: ceno_chain_key. The area may have been written by others
 * meanwhile: each record is copied once and judged there. 0; FULL: resumed, but no
 * room for RESUME; CLOSED: complete, nothing to do; AREA: nothing is written.
 */
int ceno_chain_resume(struct ceno_chain *chain, void *area, size_t bytes, uint64_t tsc);

/*
 * Records what a message tells. message: borrowed, any content. bundle: the signed
 * bundle's header, for MODULE; borrowed, has passed ceno_bundle_check (the firmware's). SEAL and FINISH seal; a
 * SEAL with nothing unsealed, or in a full area, changes nothing. 0 or a ceno_chain_error; what
 * each leaves is said there.
 */
int ceno_chain_take(struct ceno_chain *chain, const struct ceno_prov_message *message,
                    const struct ceno_bundle_header *bundle, uint64_t tsc);

/* The length of a record of this type, 0 if there is no such type. */
uint32_t ceno_trail_record_bytes(uint32_t type);

#endif
