/* What a module's content id covers (bundle.h). Of its own, so that the firmware links no BLAKE3. */
#include "lib/bundle.h"

void ceno_bundle_content(struct ceno_blake3 *hash, const struct ceno_bundle_header *bundle, uint32_t module)
{
	ceno_blake3_init(hash);
	for (uint32_t i = 0; i < bundle->segment_count; i++) {
		const struct ceno_bundle_segment *s = &bundle->segments[i];
		struct ceno_content_segment head = { .kind = s->kind, .gva = s->gva, .bytes = s->bytes };

		if (s->module != module || s->kind == CENO_SEGMENT_BSS)
			continue;
		ceno_blake3_update(hash, &head, sizeof head);
		ceno_blake3_update(hash, (const uint8_t *)bundle + s->offset, s->bytes);
	}
}
