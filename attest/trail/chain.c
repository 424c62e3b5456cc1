/* Stages 3 and 4: order, hashes, time; the guest key and its seals. */
#include "ladder.h"

#include <sodium.h>
#include <string.h>
#include "guest-kernel/lib/blake3.h"
#include "guest-kernel/lib/mem.h"

#define SIGNED_BYTES (sizeof(struct ceno_trail_head) + offsetof(struct ceno_trail_seal, signature))

static void hash_record(uint8_t digest[32], const struct ceno_trail_record *r)
{
	struct ceno_blake3 hash;

	ceno_blake3_init(&hash);
	ceno_blake3_update(&hash, r, r->head.bytes);
	ceno_blake3_final(&hash, digest, 32);
}

void ceno_audit_stage_chain(struct ceno_audit_ladder *l)
{
	struct ceno_trail_record r;
	uint8_t before[32] = { 0 };
	uint64_t tsc = 0;

	if (!ceno_audit_check(l, CENO_AUDIT_BOOT_FIRST, l->audit->records > 0, 0))
		return;
	for (uint32_t i = 0; i < l->audit->records; i++) {
		ceno_audit_record(l->file, l->audit, i, &r);
		if (!ceno_audit_check(l, CENO_AUDIT_BOOT_FIRST, (r.head.type == CENO_TRAIL_BOOT) == (i == 0), i) ||
		    !ceno_audit_check(l, CENO_AUDIT_SEQUENCE, r.head.sequence == i, i) ||
		    !ceno_audit_check(l, CENO_AUDIT_CHAIN, memcmp(r.head.prev, before, 32) == 0, i) ||
		    !ceno_audit_check(l, CENO_AUDIT_TIME, r.head.tsc >= tsc && r.head.at <= r.head.tsc, i))
			return;
		hash_record(before, &r);
		tsc = r.head.tsc;
	}
}

static bool is_signed(const struct ceno_trail_record *seal, const uint8_t public_key[32])
{
	uint8_t text[sizeof CENO_TRAIL_DOMAIN + SIGNED_BYTES] = CENO_TRAIL_DOMAIN;

	memcpy(text + sizeof CENO_TRAIL_DOMAIN, seal, SIGNED_BYTES);
	/* libsodium refuses S >= L, small-order or non-canonical R and A. */
	return crypto_sign_ed25519_verify_detached(seal->seal.signature, text, sizeof text, public_key) == 0;
}

void ceno_audit_stage_seals(struct ceno_audit_ladder *l)
{
	struct ceno_audit *a = l->audit;
	struct ceno_trail_record r;
	uint8_t public_key[32];
	uint32_t waiting = 0; /* records that count towards the next SEAL */

	if (!a->records)
		return;
	ceno_audit_record(l->file, a, 0, &r);
	memcpy(public_key, r.boot.public_key, 32);
	/* Canonical, on the curve, of the prime-order group: no small-order key. */
	if (!ceno_audit_check(l, CENO_AUDIT_GUEST_KEY, crypto_core_ed25519_is_valid_point(public_key) == 1, 0))
		return;
	for (uint32_t i = 0; i < a->records; i++) {
		ceno_audit_record(l->file, a, i, &r);
		if (!ceno_audit_check(l, CENO_AUDIT_AFTER_FINAL, !a->finished, i))
			return;
		if (r.head.type != CENO_TRAIL_SEAL) {
			waiting += r.head.type != CENO_TRAIL_RESUME && r.head.type != CENO_TRAIL_LOSS;
			a->unsealed++;
			if (!ceno_audit_check(l, CENO_AUDIT_SEAL_LATE, waiting <= CENO_TRAIL_SEAL_EVERY, i))
				return;
			continue;
		}
		if (!ceno_audit_check(l, CENO_AUDIT_SIGNATURE, is_signed(&r, public_key), i))
			return;
		a->sealed = i + 1;
		a->unsealed = waiting = 0;
		a->finished = r.seal.final;
		hash_record(a->head, &r);
	}
}
