/*
 * An honest trail with every type of record, and the means to forge: change a record, then redo
 * what a forger with the key can redo. Hashes by our BLAKE3, signatures by libsodium: none
 * of the writer's code after the trail is made.
 */
#ifndef CENO_TRAIL_FIXTURE_H
#define CENO_TRAIL_FIXTURE_H

#include "services/prov/chain.h"

#define FIXTURE_MODULES      4 /* nucleus, init, membrane, prov: a bundle of made-up pages */
#define FIXTURE_BUNDLE_BYTES ((1 + FIXTURE_MODULES) * CENO_PAGE)
enum { FIBER_INIT, FIBER_MEMBRANE, FIBER_PROV, FIBER_NATIVE, FIBER_PROGRAM };

struct trail_fixture {
	_Alignas(8) uint8_t area[CENO_TRAIL_BYTES];
	_Alignas(4096) uint8_t bundle[FIXTURE_BUNDLE_BYTES];
	struct ceno_chain chain;
	uint8_t seed[32]; /* of the guest key, kept from the chain */
	uint8_t boot_seed[32], session_id[16], nonce[32];
	uint8_t program[32]; /* digest of the content id of the native program */
	uint64_t tsc;
};

/* A fresh area, the chain started: BOOT only. `salt` makes another session. */
void trail_begin(struct trail_fixture *f, uint8_t salt);

/* Tells the chain a message; the time moves on. Returns what take returned. */
int trail_tell(struct trail_fixture *f, const struct ceno_prov_message *message);
int trail_module(struct trail_fixture *f, uint32_t fiber, uint32_t module, uint32_t pledge, uint64_t slots,
                 uint64_t onward);
int trail_program(struct trail_fixture *f, uint32_t fiber, uint32_t pledge, uint64_t slots, uint64_t onward);
int trail_do(struct trail_fixture *f, uint32_t fiber, uint64_t what, uint64_t a, uint64_t b, uint64_t c);

/* BOOT, the three modules. */
void trail_boot(struct trail_fixture *f, uint8_t salt);

/* The whole story, a resumption included, up to the final SEAL. */
void trail_story(struct trail_fixture *f, uint8_t salt);

/* Length of the trail as exported. */
size_t trail_bytes(const struct trail_fixture *f);

/* Record number i, in place; NULL if there is none. */
struct ceno_trail_record *trail_record(struct trail_fixture *f, uint32_t i);

/* Number of the n-th record (from 0) of a type. */
uint32_t trail_find(struct trail_fixture *f, uint32_t type, uint32_t n);

/* Takes out record i; puts a copy of `record` in before record i. */
void trail_remove(struct trail_fixture *f, uint32_t i);
void trail_insert(struct trail_fixture *f, uint32_t i, const struct ceno_trail_record *record);

/* Redoes lengths by type, versions, sequence numbers, hashes and seals, all with this seed. */
void trail_redo(struct trail_fixture *f, const uint8_t seed[32]);

/* Redoes hashes and seals alone, every other byte as it is. */
void trail_rehash(struct trail_fixture *f, const uint8_t seed[32]);

#endif
