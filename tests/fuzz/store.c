/* The file of leaves of ceno-attest, as a damaged disk could hand it back. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

/* A folder of its own, removed at exit. */
static int folder(void)
{
	static int fd = -1;
	char path[] = "/tmp/ceno-fuzz-store-XXXXXX";
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int registered;
	struct ceno_store store;
	uint64_t count = 0;
	if (!registered)
		registered = !atexit(clean_up);
	int fd = openat(folder(), "leaves", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
	if (ceno_store_open(&store, folder(), true, visit, &count))
		return 0;
	/* What was accepted and what was called cut off is all of it, and every leaf was handed out. */
	if (store.bytes + store.torn_bytes != size || store.leaves != count)
		abort();
	ceno_store_close(&store);
	return 0;
}
