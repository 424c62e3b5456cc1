/*
 * A pin that follows its node through a change of key (verify.h). What lets it: the signature of the identity key that the
 * pin names, over purpose, old key and new key; and that the node's log, signed by the key that is then in force, shows
 * that very leaf, so that a change shown to one verifier alone is in the log for all. Nothing is taken from the
 * change that the pin does not already know: its `identity` must be the pin's.
 */
#include "lines.h"
#include "verify.h"
#include "../log/log.h"

#include <sodium.h>
#include <string.h>

const char *ceno_verify_follow_error_text(int error)
{
	switch (error) {
#define TEXT(name, number, text) \
	case number: \
		return text;
		CENO_VERIFY_FOLLOW_ERRORS(TEXT)
#undef TEXT
	default:
		return "no error";
	}
}

/* A C2SP tlog-proof as `ceno proof leaf` prints it; *at becomes where its checkpoint begins. */
static bool read_leaf(const char *text, size_t bytes, struct ceno_proof_inclusion *proof, size_t *at)
{
	static const char first[] = "c2sp.org/tlog-proof@v1";
	const char *start;
	struct ceno_line line;
	size_t length;
	*at = 0;
	if (!ceno_line_next(text, bytes, at, &start, &length) || length != sizeof(first) - 1 ||
	    memcmp(start, first, length) != 0)
		return false;
	if (!ceno_line_next(text, bytes, at, &start, &length) || !ceno_line_cut(start, length, &line) ||
	    line.fields != 2 || strcmp(line.field[0], "index") != 0 || !ceno_line_number(line.field[1], &proof->index))
		return false;
	for (proof->count = 0; ceno_line_next(text, bytes, at, &start, &length); proof->count++) {
		if (length == 0)
			return true;
		if (proof->count == CENO_PROOF_INCLUSION_MAX || !ceno_line_cut(start, length, &line) ||
		    line.fields != 1 || !ceno_line_base64(line.field[0], proof->path[proof->count], 32))
			return false;
	}
	return false;
}

/* The node's newest pin: a key that was already followed by another is followed by no second one. */
static struct ceno_verify_pin *find(struct ceno_verify_pins *pins, const struct ceno_verify_keychange *change)
{
	bool log = change->purpose == CENO_PROOF_PURPOSE_LOG;
	struct ceno_verify_pin *newest = NULL;
	for (uint32_t i = 0; i < pins->pin_count; i++)
		if (strcmp(pins->pins[i].origin, change->origin) == 0)
			newest = &pins->pins[i];
	return newest != NULL && log && memcmp(newest->log_pub, change->old_pub, 32) != 0 ? NULL : newest;
}

static bool is_revoked(const struct ceno_verify_pins *pins, const uint8_t ak[32])
{
	for (uint32_t i = 0; i < pins->revoked_count; i++)
		if (memcmp(pins->revoked[i], ak, 32) == 0)
			return true;
	return false;
}

/* Is the key, whatever it is for, one that the pins know already? One key has one use. */
static bool is_known(const struct ceno_verify_pins *pins, const uint8_t key[32])
{
	for (uint32_t i = 0; i < pins->pin_count; i++)
		if (memcmp(pins->pins[i].log_pub, key, 32) == 0 || memcmp(pins->pins[i].identity, key, 32) == 0)
			return true;
	return false;
}

/* The signature of the pinned identity key over the leaf; body gets the leaf. */
static int check_signature(const struct ceno_verify_pin *pin, const struct ceno_verify_keychange *change,
                           uint8_t body[CENO_PROOF_LEAF_MAX], size_t *bytes)
{
	static const uint8_t none[32];
	if (memcmp(pin->identity, none, 32) == 0)
		return CENO_VERIFY_FOLLOW_E_IDENTITY;
	if (memcmp(pin->identity, change->identity, 32) != 0 ||
	    (change->purpose == CENO_PROOF_PURPOSE_IDENTITY && memcmp(change->old_pub, pin->identity, 32) != 0))
		return CENO_VERIFY_FOLLOW_E_SIGNER;
	*bytes = ceno_proof_leaf_keychange((uint8_t)change->purpose, change->old_pub, change->new_pub,
	                                   change->signature, body);
	return crypto_core_ed25519_is_valid_point(pin->identity) == 1 &&
		crypto_sign_ed25519_verify_detached(change->signature, body, *bytes - 64, pin->identity) == 0
	    ? 0
	    : CENO_VERIFY_FOLLOW_E_SIGNATURE;
}

static int check_logged(const struct ceno_verify_pin *pin, const struct ceno_verify_keychange *change,
                        const uint8_t *body, size_t body_bytes, const char *text, size_t bytes)
{
	const uint8_t *key = change->purpose == CENO_PROOF_PURPOSE_LOG ? change->new_pub : pin->log_pub;
	struct ceno_proof_inclusion proof = { 0 };
	struct ceno_checkpoint c;
	uint8_t hash[32];
	size_t at;
	if (!read_leaf(text, bytes, &proof, &at) || ceno_checkpoint_parse(text + at, bytes - at, &c) != 0)
		return CENO_VERIFY_FOLLOW_E_LEAF;
	if (strcmp(c.origin, pin->origin) != 0 || ceno_checkpoint_verify(&c, text + at, key) != 0)
		return CENO_VERIFY_FOLLOW_E_CHECKPOINT;
	ceno_merkle_leaf(body, body_bytes, hash);
	if (ceno_log_check_inclusion(hash, &proof, c.size, c.root) != 0)
		return CENO_VERIFY_FOLLOW_E_INCLUSION;
	bool back = c.size < pin->size || (c.size == pin->size && memcmp(c.root, pin->root, 32) != 0);
	return back ? CENO_VERIFY_FOLLOW_E_ROLLBACK : 0;
}

int ceno_verify_follow(struct ceno_verify_pins *pins, const struct ceno_verify_keychange *change, const char *leaf,
                       size_t leaf_bytes)
{
	uint8_t body[CENO_PROOF_LEAF_MAX];
	size_t body_bytes = 0;
	const struct ceno_verify_pin *pin = find(pins, change);
	if (change->purpose != CENO_PROOF_PURPOSE_LOG && change->purpose != CENO_PROOF_PURPOSE_IDENTITY)
		return CENO_VERIFY_FOLLOW_E_PURPOSE;
	if (is_known(pins, change->new_pub))
		return CENO_VERIFY_FOLLOW_E_KNOWN;
	if (pin == NULL)
		return CENO_VERIFY_FOLLOW_E_PIN;
	if (is_revoked(pins, pin->ak))
		return CENO_VERIFY_FOLLOW_E_REVOKED;
	int error = check_signature(pin, change, body, &body_bytes);
	if (error == 0)
		error = check_logged(pin, change, body, body_bytes, leaf, leaf_bytes);
	if (error == 0 && change->purpose == CENO_PROOF_PURPOSE_LOG && pins->pin_count == CENO_VERIFY_PINS_MAX)
		error = CENO_VERIFY_FOLLOW_E_MANY;
	if (error != 0)
		return error;
	if (change->purpose == CENO_PROOF_PURPOSE_LOG) {
		/* It is the same log: what was seen of it holds for the new key, too. */
		pins->pins[pins->pin_count] = *pin;
		memcpy(pins->pins[pins->pin_count++].log_pub, change->new_pub, 32);
		return 0;
	}
	for (uint32_t i = 0; i < pins->pin_count; i++)
		if (strcmp(pins->pins[i].origin, change->origin) == 0)
			memcpy(pins->pins[i].identity, change->new_pub, 32);
	return 0;
}
