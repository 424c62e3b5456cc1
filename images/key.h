/*
 * Signing keys and the trust page. A key file is four lines of text:
 *
 *   ceno-key-v1 secret|public
 *   name NAME                  printable ASCII, at most 63 characters
 *   test 0|1                   1: bundles signed by it are never a release
 *   key HEX                    secret: the 32-byte seed of RFC 8032; public: the key
 */
#ifndef CENO_IMAGES_KEY_H
#define CENO_IMAGES_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include "guest-kernel/abi/bundle.h"

struct ceno_key {
	char name[64]; /* NUL-padded */
	bool test;
	bool has_secret;
	uint8_t public_key[32];
	uint8_t secret[64]; /* libsodium's form: seed, then public key; valid if has_secret */
};

#define CENO_KEY_FILE_MAX 256

/* Makes a new key. name: at most 63 printable characters, else -1. The caller wipes it. */
int ceno_key_generate(struct ceno_key *key, const char *name, bool test);

/* Parses a key file (borrowed, any content). Returns 0, or -1 if it is not exactly
 * of the form above. On error the key is wiped. */
int ceno_key_parse(struct ceno_key *key, const char *text, size_t bytes);

/* Writes the key file, secret or public; returns its length, below CENO_KEY_FILE_MAX. */
size_t ceno_key_format(const struct ceno_key *key, bool secret, char text[CENO_KEY_FILE_MAX]);

/* The trust page that accepts bundles signed by this key. */
void ceno_key_trust(const struct ceno_key *key, struct ceno_trust *trust);

/* Overwrites the key. */
void ceno_key_wipe(struct ceno_key *key);

#endif
