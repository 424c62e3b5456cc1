/*
 * The checks of firmware on trust page, boot page and bundle. Properties: they
 * return for any bytes without reading past them, and an accepted bundle keeps
 * what bundle.h promises about its segments.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_segments(const struct ceno_bundle_header *bundle, size_t available)
{
	if (bundle->total_bytes > available || bundle->total_bytes > CENO_BUNDLE_MAX || bundle->total_bytes % CENO_PAGE)
		abort();
	for (uint32_t i = 0; i < bundle->segment_count; i++) {
		const struct ceno_bundle_segment *s = &bundle->segments[i];

		if (s->kind != CENO_SEGMENT_BSS &&
		    (s->offset > bundle->total_bytes || s->bytes > bundle->total_bytes - s->offset))
			abort();
	}
}

/* Random bytes never pass the magics: put right what a mutation would have to guess. */
static void run_bundle(uint8_t *copy, size_t size)
{
	struct ceno_bundle_header *header = (struct ceno_bundle_header *)(void *)copy;

	if (ceno_bundle_check(copy, size) == CENO_STOP_NONE)
		check_segments(header, size);
	if (size < sizeof *header)
		return;
	header->magic = CENO_BUNDLE_MAGIC;
	header->abi_version = CENO_ABI_VERSION;
	header->header_bytes = sizeof *header;
	memset(header->reserved, 0, sizeof header->reserved);
	if (ceno_bundle_check(copy, size) == CENO_STOP_NONE)
		check_segments(header, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = aligned_alloc(16, (size + 16) & ~(size_t)15);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	if (size >= sizeof(struct ceno_trust))
		(void)ceno_trust_check((const struct ceno_trust *)(const void *)copy);
	if (size >= sizeof(struct ceno_boot))
		(void)ceno_boot_check((const struct ceno_boot *)(const void *)copy);
	run_bundle(copy, size);
	free(copy);
	return 0;
}
