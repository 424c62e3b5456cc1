/*
 * BLAKE3 against the whole file of official vectors, read from $CENO_VECTORS or
 * ../shared/vectors beside the repository: every length, the three modes, the
 * whole extended output and its first 32 bytes asked for alone. Skipped, saying
 * so, if the file is in neither.
 */
#include <jansson.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/blake3.h"

#define FILE_NAME "blake3_test_vectors.json"
#define SKIP      77

static const char *text(const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s ? s : "";
}

/* 0 if both lengths of output are the vector's. */
static int check_output(struct ceno_blake3 *hash, const uint8_t *message, size_t bytes, const char *hex)
{
	uint8_t want[256], got[256], digest[CENO_BLAKE3_BYTES];
	size_t n = 0;

	ceno_blake3_update(hash, message, bytes);
	if (sodium_hex2bin(want, sizeof want, hex, strlen(hex), NULL, &n, NULL) != 0 || n < sizeof digest)
		return -1;
	ceno_blake3_final(hash, got, n);
	ceno_blake3_final(hash, digest, sizeof digest);
	return memcmp(got, want, n) != 0 || memcmp(digest, want, sizeof digest) != 0 ? -1 : 0;
}

/* How many of the three modes fail. */
static unsigned run_case(const json_t *root, const json_t *vector)
{
	static uint8_t message[1 << 20];
	json_int_t bytes = json_integer_value(json_object_get(vector, "input_len"));
	const char *context = text(root, "context_string"), *key = text(root, "key");
	struct ceno_blake3 hash;
	unsigned failed = 0;

	if (bytes < 0 || bytes > (json_int_t)sizeof message || strlen(key) != CENO_BLAKE3_KEY_BYTES)
		return 3;
	for (json_int_t i = 0; i < bytes; i++)
		message[i] = (uint8_t)(i % 251);
	ceno_blake3_init(&hash);
	failed += check_output(&hash, message, (size_t)bytes, text(vector, "hash")) != 0;
	ceno_blake3_init_keyed(&hash, (const uint8_t *)key);
	failed += check_output(&hash, message, (size_t)bytes, text(vector, "keyed_hash")) != 0;
	ceno_blake3_init_derive_key(&hash, context, strlen(context));
	failed += check_output(&hash, message, (size_t)bytes, text(vector, "derive_key")) != 0;
	if (failed)
		fprintf(stderr, "%lld bytes: %u of 3 modes fail\n", bytes, failed);
	return failed;
}

int main(void)
{
	const char *dir = getenv("CENO_VECTORS");
	json_t *root, *vector;
	unsigned ran = 0, failed = 0;
	char path[4096];
	json_error_t error;
	size_t i;

	snprintf(path, sizeof path, "%s/%s", dir ? dir : CENO_SOURCE_DIR "/../shared/vectors", FILE_NAME);
	root = json_load_file(path, 0, &error);
	if (!root && json_error_code(&error) == json_error_cannot_open_file) {
		printf("skipped: no %s (set CENO_VECTORS to the folder of official vectors)\n", path);
		return SKIP;
	}
	json_array_foreach(json_object_get(root, "cases"), i, vector)
	{
		ran += 3;
		failed += run_case(root, vector);
	}
	printf("%s: %u vectors, %u failed\n", path, ran, failed);
	json_decref(root);
	return failed != 0 || ran == 0;
}
