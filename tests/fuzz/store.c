/*
 * The file of leaves of ceno-attest, as a damaged disk could hand it back, or (byte 0 is 0: the
 * rest is the file) as somebody wrote it who made the hash of every frame again.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>

#include "attest/daemon/store.h"
#include "tests/fuzz/property.h"

/* Where the next leaf that is handed out must lie in the file: in a frame of so many more leaves and bytes. */
struct cursor {
	const uint8_t *file;
	size_t size, at;
	uint32_t leaves, bytes;
	uint64_t count;
};

/* A leaf that is handed out, even of a frame that is then refused, lies in that frame and nowhere else. */
static int visit(void *arg, uint64_t index, const struct ceno_store_leaf *leaf)
{
	struct cursor *c = arg;
	uint32_t body = leaf->record.body_bytes;
	REQUIRE(index == c->count && body <= sizeof(leaf->body));
	if (c->leaves == 0) {
		REQUIRE(c->bytes == 0);
		c->at += c->count ? 32 : 0;
		REQUIRE(c->size - c->at >= 24 + 32);
		memcpy(&c->leaves, c->file + c->at + 4, 4);
		memcpy(&c->bytes, c->file + c->at + 16, 4);
		c->at += 24;
		REQUIRE(c->bytes <= c->size - c->at - 32);
	}
	REQUIRE(c->bytes >= 72 && c->bytes - 72 >= body);
	REQUIRE(memcmp(&leaf->record, c->file + c->at, 72) == 0 && memcmp(leaf->body, c->file + c->at + 72, body) == 0);
	c->at += 72 + body;
	c->bytes -= 72 + body;
	c->leaves--;
	c->count++;
	return 0;
}

/* A folder of its own in memory, removed at exit. */
static int folder(void)
{
	static int fd = -1;
	char path[] = "/dev/shm/ceno-fuzz-store-XXXXXX";
	if (fd < 0 &&
	    (sodium_init() < 0 || !mkdtemp(path) || (fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0))
		abort();
	return fd;
}

static void clean_up(void)
{
	char path[64], real[256];
	int n = snprintf(path, sizeof(path), "/proc/self/fd/%d", folder());
	ssize_t length = n > 0 ? readlink(path, real, sizeof(real) - 1) : -1;
	unlinkat(folder(), "leaves", 0);
	if (length > 0) {
		real[length] = 0;
		rmdir(real);
	}
}

/* The right hash behind every frame; the length of a frame's records is at byte 16 of its 24 byte head. */
static void hash_again(uint8_t *file, size_t size)
{
	for (size_t at = 0; size - at >= 24 + 32;) {
		uint32_t bytes;
		memcpy(&bytes, file + at + 16, sizeof(bytes));
		if (bytes > size - at - 24 - 32)
			return;
		crypto_hash_sha256(file + at + 24 + bytes, file + at, 24 + bytes);
		at += 24 + bytes + 32;
	}
}

/* What is accepted, read again from the description in store.h alone: frames without a gap, numbered in order, each
 * exactly as long as its records, each under its hash. */
static void require_frames(const uint8_t *file, uint64_t bytes, uint64_t leaves)
{
	uint64_t count = 0;
	size_t at = 0;
	while (at < bytes) {
		uint32_t head[6], used = 0;
		uint64_t first;
		uint8_t hash[32];
		REQUIRE(bytes - at >= sizeof(head) + 32);
		memcpy(head, file + at, sizeof(head));
		memcpy(&first, file + at + 8, sizeof(first));
		REQUIRE(memcmp(file + at, "CLF1", 4) == 0 && head[5] == 0);
		REQUIRE(head[1] >= 1 && head[1] <= CENO_STORE_GROUP_MAX && first == count);
		REQUIRE(head[4] <= bytes - at - sizeof(head) - 32);
		for (uint32_t i = 0; i < head[1]; i++) {
			uint32_t body;
			REQUIRE(head[4] - used >= 72);
			memcpy(&body, file + at + sizeof(head) + used + 4, sizeof(body));
			REQUIRE(body <= CENO_PROOF_LEAF_MAX && body <= head[4] - used - 72);
			used += 72 + body;
		}
		REQUIRE(used == head[4]);
		crypto_hash_sha256(hash, file + at, sizeof(head) + head[4]);
		REQUIRE(memcmp(hash, file + at + sizeof(head) + head[4], 32) == 0);
		count += head[1];
		at += sizeof(head) + head[4] + 32;
	}
	REQUIRE(at == bytes && count == leaves);
}

static void judge(const uint8_t *data, size_t size)
{
	struct ceno_store store;
	struct cursor cursor = { .file = data, .size = size };
	int fd = openat(folder(), "leaves", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
	if (ceno_store_open(&store, folder(), true, visit, &cursor))
		return;
	/* What was accepted and what was called cut off is all of it, and every leaf was handed out. */
	if (store.bytes + store.torn_bytes != size || store.leaves != cursor.count)
		abort();
	require_frames(data, store.bytes, store.leaves);
	ceno_store_close(&store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int registered;
	if (!registered)
		registered = !atexit(clean_up);
	if (size == 0 || data[0] != 0) {
		judge(data, size);
		return 0;
	}
	uint8_t *file = malloc(size);
	if (!file)
		abort();
	memcpy(file, data + 1, size - 1);
	hash_again(file, size - 1);
	judge(file, size - 1);
	free(file);
	return 0;
}
