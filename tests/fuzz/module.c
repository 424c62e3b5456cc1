/*
 * The bundle builder's ELF reader. Properties: it returns for any bytes without
 * reading past them, and the segments of an accepted module lie in the file, are
 * page-aligned, and are never writable with content.
 */
#include <stdlib.h>
#include <string.h>

#include "images/module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_module(const struct ceno_module *m, const uint8_t *elf, size_t size)
{
	for (unsigned i = 0; i < CENO_MODULE_SEGMENTS; i++) {
		const struct ceno_module_segment *s = &m->segments[i];

		if (s->bytes % CENO_PAGE || s->bytes > CENO_BUNDLE_MAX || (s->bytes && s->gva % CENO_PAGE))
			abort();
		if (i == CENO_SEGMENT_BSS - 1 ? s->data != NULL
		                              : s->data &&
		            (s->data < elf || s->data > elf + size || s->data_bytes > (size_t)(elf + size - s->data) ||
		             s->data_bytes > s->bytes))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t ids[] = { CENO_MODULE_NUCLEUS, CENO_MODULE_INIT, CENO_MODULE_ENTRY_PAGE };

	for (unsigned i = 0; i < 3; i++) {
		struct ceno_module module = { .id = ids[i] };

		if (!ceno_module_read(&module, data, size))
			require_module(&module, data, size);
	}
	return 0;
}
