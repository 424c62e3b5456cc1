/*
 * Ed25519 verification against Project Wycheproof's vectors, read from
 * $CENO_VECTORS or ../shared/vectors beside the repository. Skipped, saying so,
 * if the file is in neither.
 */
#include <jansson.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/ed25519.h"

#define FILE_NAME "wycheproof_ed25519_test.json"
#define SKIP      77

static size_t unhex(uint8_t *out, size_t room, const char *hex)
{
	size_t n = 0;

	return hex && sodium_hex2bin(out, room, hex, strlen(hex), NULL, &n, NULL) == 0 ? n : SIZE_MAX;
}

/* 0 if our verdict is the vector's. A signature of another length than 64 never reaches verify. */
static int run_vector(const uint8_t key[32], const json_t *vector)
{
	static uint8_t message[1 << 16];
	uint8_t signature[256];
	size_t n = unhex(message, sizeof message, json_string_value(json_object_get(vector, "msg")));
	size_t signed_bytes = unhex(signature, sizeof signature, json_string_value(json_object_get(vector, "sig")));
	const char *result = json_string_value(json_object_get(vector, "result"));
	bool valid;

	if (n == SIZE_MAX || signed_bytes == SIZE_MAX || !result)
		return -1;
	valid = signed_bytes == 64 && ceno_ed25519_verify(signature, key, message, n);
	if (valid == (strcmp(result, "valid") == 0))
		return 0;
	fprintf(stderr, "vector %lld (%s): expected %s\n", json_integer_value(json_object_get(vector, "tcId")),
	        json_string_value(json_object_get(vector, "comment")), result);
	return -1;
}

int main(void)
{
	const char *dir = getenv("CENO_VECTORS");
	json_t *root, *group, *vector;
	unsigned ran = 0, failed = 0;
	char path[4096];
	json_error_t error;
	size_t i, k;

	snprintf(path, sizeof path, "%s/%s", dir ? dir : CENO_SOURCE_DIR "/../shared/vectors", FILE_NAME);
	root = json_load_file(path, 0, &error);
	if (!root && json_error_code(&error) == json_error_cannot_open_file) {
		printf("skipped: no %s (set CENO_VECTORS to the folder of official vectors)\n", path);
		return SKIP;
	}
	json_array_foreach(json_object_get(root, "testGroups"), i, group)
	{
		uint8_t key[32];

		if (unhex(key, 32, json_string_value(json_object_get(json_object_get(group, "publicKey"), "pk"))) != 32)
			return 1;
		json_array_foreach(json_object_get(group, "tests"), k, vector)
		{
			ran++;
			failed += run_vector(key, vector) != 0;
		}
	}
	printf("%s: %u vectors, %u failed\n", path, ran, failed);
	if (ran == 0 || ran != (unsigned)json_integer_value(json_object_get(root, "numberOfTests")))
		failed++;
	json_decref(root);
	return failed != 0;
}
