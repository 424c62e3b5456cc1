/*
 * Planning a pack from client-controlled paths, modes and lengths. Properties: a
 * plan that succeeds has sorted, distinct, usable paths and page-aligned data
 * that neither overlaps nor leaves the pack.
 */
#include <stdlib.h>
#include <string.h>

#include "vmm/warden/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_ENTRIES 32u

static void check_plan(const struct ceno_pack_entry *e, uint32_t count, uint64_t total)
{
	uint64_t end = sizeof(struct ceno_pack_header) + (uint64_t)count * sizeof *e;

	if (total % CENO_PAGE || total > CENO_PACK_MAX)
		abort();
	for (uint32_t i = 0; i < count; i++) {
		if (!ceno_pack_path_ok(e[i].path) || e[i].offset % CENO_PAGE || e[i].offset < end ||
		    e[i].offset > total || e[i].length > total - e[i].offset)
			abort();
		if (i && memcmp(e[i - 1].path, e[i].path, CENO_PACK_PATH_MAX) >= 0)
			abort();
		if (e[i].path[strlen(e[i].path) - 1] == '/' && (e[i].length || e[i].mode & CENO_PACK_PROGRAM))
			abort();
		end = e[i].offset + e[i].length;
	}
}

/* Input: entries of 32 bytes (24 path, 4 mode, 4 length scaled by its low bits). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ceno_pack_entry entries[FUZZ_ENTRIES];
	uint32_t count = (uint32_t)(size / 32 < FUZZ_ENTRIES ? size / 32 : FUZZ_ENTRIES), culprit;
	uint64_t total;

	memset(entries, 0, sizeof entries);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t length;

		entries[i].path[0] = '/';
		memcpy(entries[i].path + 1, data + 32 * i, 24);
		memcpy(&entries[i].mode, data + 32 * i + 24, 4);
		memcpy(&length, data + 32 * i + 28, 4);
		entries[i].length = (uint64_t)length << (length & 31);
	}
	if (ceno_pack_plan(entries, count, NULL, &total, &culprit) == 0)
		check_plan(entries, count, total);
	return 0;
}
