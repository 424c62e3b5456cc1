/*
 * Signing keys (key.h), by libsodium. The parser accepts one spelling only:
 * what it read is formatted again and must come out the same.
 */
#include "images/key.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static int set_name(struct ceno_key *key, const char *name, size_t length)
{
	if (length == 0 || length >= sizeof key->name)
		return -1;
	for (size_t i = 0; i < length; i++)
		if (name[i] < 0x20 || name[i] > 0x7e)
			return -1;
	memset(key->name, 0, sizeof key->name);
	memcpy(key->name, name, length);
	return 0;
}

static void set_seed(struct ceno_key *key, const uint8_t seed[32])
{
	crypto_sign_seed_keypair(key->public_key, key->secret, seed);
	key->has_secret = true;
}

int ceno_key_generate(struct ceno_key *key, const char *name, bool test)
{
	uint8_t seed[32];

	memset(key, 0, sizeof *key);
	if (set_name(key, name, strlen(name)) != 0 || sodium_init() < 0)
		return -1;
	key->test = test;
	randombytes_buf(seed, sizeof seed);
	set_seed(key, seed);
	sodium_memzero(seed, sizeof seed);
	return 0;
}

size_t ceno_key_format(const struct ceno_key *key, bool secret, char text[CENO_KEY_FILE_MAX])
{
	char hex[65];
	int length;

	sodium_bin2hex(hex, sizeof hex, secret ? key->secret : key->public_key, 32);
	length = snprintf(text, CENO_KEY_FILE_MAX, "ceno-key-v1 %s\nname %s\ntest %d\nkey %s\n",
	                  secret ? "secret" : "public", key->name, key->test, hex);
	sodium_memzero(hex, sizeof hex);
	return (size_t)length;
}

/* The rest of the line that starts with `word` at *at; moves *at behind it. */
static const char *take_line(const char **at, const char *end, const char *word, size_t *length)
{
	size_t n = strlen(word);
	const char *start = *at + n, *stop;

	if ((size_t)(end - *at) < n || memcmp(*at, word, n) != 0 ||
	    !(stop = memchr(start, '\n', (size_t)(end - start))))
		return NULL;
	*length = (size_t)(stop - start);
	*at = stop + 1;
	return start;
}

static int parse_lines(struct ceno_key *key, const char *text, size_t bytes)
{
	const char *at = text, *end = text + bytes, *form, *name, *test, *hex;
	size_t form_length, name_length, test_length, hex_length, decoded;
	uint8_t value[32];

	if (!(form = take_line(&at, end, "ceno-key-v1 ", &form_length)) ||
	    !(name = take_line(&at, end, "name ", &name_length)) ||
	    !(test = take_line(&at, end, "test ", &test_length)) || !(hex = take_line(&at, end, "key ", &hex_length)) ||
	    set_name(key, name, name_length) != 0 ||
	    sodium_hex2bin(value, sizeof value, hex, hex_length, NULL, &decoded, NULL) != 0 || decoded != sizeof value)
		return -1;
	key->test = test_length == 1 && *test == '1';
	if (form_length == 6 && memcmp(form, "secret", 6) == 0)
		set_seed(key, value);
	else
		memcpy(key->public_key, value, sizeof value);
	sodium_memzero(value, sizeof value);
	return 0;
}

int ceno_key_parse(struct ceno_key *key, const char *text, size_t bytes)
{
	char again[CENO_KEY_FILE_MAX];
	size_t length;
	int result = -1;

	memset(key, 0, sizeof *key);
	if (sodium_init() >= 0 && parse_lines(key, text, bytes) == 0) {
		length = ceno_key_format(key, key->has_secret, again);
		result = length == bytes && memcmp(again, text, bytes) == 0 ? 0 : -1;
	}
	sodium_memzero(again, sizeof again);
	if (result != 0)
		ceno_key_wipe(key);
	return result;
}

void ceno_key_trust(const struct ceno_key *key, struct ceno_trust *trust)
{
	memset(trust, 0, sizeof *trust);
	trust->magic = CENO_TRUST_MAGIC;
	trust->version = 1;
	trust->test_key = key->test;
	memcpy(trust->public_key, key->public_key, sizeof trust->public_key);
	memcpy(trust->name, key->name, sizeof trust->name);
}

void ceno_key_wipe(struct ceno_key *key)
{
	sodium_memzero(key, sizeof *key);
}
