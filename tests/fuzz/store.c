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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int visit(void *arg, uint64_t index, const struct ceno_store_leaf *leaf)
{
	uint64_t *count = arg;
	if (index != *count || leaf->record.body_bytes > sizeof(leaf->body))
		abort();
	(*count)++;
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

static void judge(const uint8_t *data, size_t size)
{
	struct ceno_store store;
	uint64_t count = 0;
	int fd = openat(folder(), "leaves", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
	if (ceno_store_open(&store, folder(), true, visit, &count))
		return;
	/* What was accepted and what was called cut off is all of it, and every leaf was handed out. */
	if (store.bytes + store.torn_bytes != size || store.leaves != count)
		abort();
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
