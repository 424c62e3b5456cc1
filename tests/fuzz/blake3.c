/*
 * BLAKE3. Properties: however a message is cut and wherever its output is read,
 * also between the pieces, it is what the recursive reference says of the message
 * so far (tests/unit/guestlib/blake3_reference.h).
 *
 * Byte 0: mode; 1-2: length of the message; 3-10: place in the output; 11: bytes
 * of output; each further byte: the length of a piece. The message repeats the
 * input, never with the period of a block.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/blake3.h"
#include "tests/unit/guestlib/blake3_reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD    12
#define LONGEST 9500 /* bytes of message: ten chunks show every joining that more do */

static void require_output(struct ceno_blake3 *hash, const struct reference_tree *tree, const uint8_t *message,
                           size_t bytes, const uint8_t *head)
{
	struct reference_node root = reference_top(tree, 0, message, bytes);
	size_t n = head[11];
	uint8_t *ours = malloc(n + 1), theirs[255];
	uint64_t at;

	memcpy(&at, head + 3, 8);
	if (at > UINT64_MAX - n)
		at = UINT64_MAX - n;
	if (!ours)
		abort();
	ours[n] = 0x5a;
	ceno_blake3_final_at(hash, at, ours, n);
	reference_output(&root, at, theirs, n);
	if (memcmp(ours, theirs, n) != 0 || ours[n] != 0x5a)
		abort();
	free(ours);
}

static void start(struct ceno_blake3 *hash, struct reference_tree *tree, const uint8_t *data, size_t size)
{
	enum reference_mode mode = (enum reference_mode)(data[0] % 3);
	uint8_t key[32] = { 0 };

	memcpy(key, data, size < sizeof key ? size : sizeof key);
	if (mode == REFERENCE_HASH)
		ceno_blake3_init(hash);
	else if (mode == REFERENCE_KEYED)
		ceno_blake3_init_keyed(hash, key);
	else
		ceno_blake3_init_derive_key(hash, data, size);
	*tree = reference_start(mode, mode == REFERENCE_KEYED ? key : data, size);
}

static size_t piece(uint8_t length)
{
	return length < 160 ? length : (size_t)(length - 159) * 64;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ceno_blake3 hash, once;
	struct reference_tree tree;
	uint8_t *message;
	size_t bytes, at = 0;

	if (size < HEAD)
		return 0;
	bytes = ((size_t)data[1] | (size_t)data[2] << 8) % (LONGEST + 1);
	message = malloc(bytes + 1);
	if (!message)
		abort();
	for (size_t i = 0; i < bytes; i++)
		message[i] = (uint8_t)(data[i % size] + i / 61);
	start(&hash, &tree, data, size);
	once = hash;
	for (size_t i = HEAD; i < size && at < bytes; i++) {
		size_t n = piece(data[i]) < bytes - at ? piece(data[i]) : bytes - at;

		ceno_blake3_update(&hash, message + at, n);
		at += n;
		if (i == HEAD + 3)
			require_output(&hash, &tree, message, at, data);
	}
	ceno_blake3_update(&hash, message + at, bytes - at);
	require_output(&hash, &tree, message, bytes, data);
	ceno_blake3_update(&once, message, bytes);
	require_output(&once, &tree, message, bytes, data);
	free(message);
	return 0;
}
