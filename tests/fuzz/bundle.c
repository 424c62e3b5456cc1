/*
 * The firmware's checks of trust page, boot page and bundle. Properties: they
 * return for any bytes without reading past them, and whatever is accepted keeps
 * every promise of guest-kernel/lib/bundle.h, judged here by other code: a map
 * of the file and of each module's pages.
 *
 * Random bytes never pass the magics, so most inputs are changes to a good
 * bundle: byte 0 odd: the rest is the bundle; even: the rest is a list of
 * {offset low, offset high, value} applied to the good one.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "abi/manifest.h"
#include "lib/bundle.h"
#include "tests/fuzz/property.h"

#define TEMPLATE_BYTES (7 * CENO_PAGE)

/* Header, nucleus text and rodata, init text, entry page, two services; two bss. */
static void make_template(struct ceno_bundle_header *h)
{
	static const struct ceno_bundle_segment segments[] = {
		{ CENO_MODULE_NUCLEUS, CENO_SEGMENT_TEXT, 1 * CENO_PAGE, CENO_PAGE, 0 },
		{ CENO_MODULE_NUCLEUS, CENO_SEGMENT_RODATA, 2 * CENO_PAGE, CENO_PAGE, CENO_PAGE },
		{ CENO_MODULE_NUCLEUS, CENO_SEGMENT_BSS, 0, 2 * CENO_PAGE, 3 * CENO_PAGE },
		{ CENO_MODULE_INIT, CENO_SEGMENT_TEXT, 3 * CENO_PAGE, CENO_PAGE, CENO_GVA_SERVICE },
		{ CENO_MODULE_INIT, CENO_SEGMENT_BSS, 0, CENO_PAGE, CENO_GVA_SERVICE + CENO_PAGE },
		{ CENO_MODULE_ENTRY_PAGE, CENO_SEGMENT_TEXT, 4 * CENO_PAGE, CENO_PAGE, CENO_GVA_ENTRY },
		{ CENO_MODULE_MEMBRANE, CENO_SEGMENT_TEXT, 5 * CENO_PAGE, CENO_PAGE, CENO_GVA_SERVICE },
		{ CENO_MODULE_PROV, CENO_SEGMENT_TEXT, 6 * CENO_PAGE, CENO_PAGE, CENO_GVA_SERVICE },
	};
	static const struct ceno_bundle_module modules[] = {
		{ .name = "nucleus", .id = CENO_MODULE_NUCLEUS, .entry = 0x800, .content_id = { 1 } },
		{ .name = "init",
		  .id = CENO_MODULE_INIT,
		  .pledge_mask = 0xff,
		  .entry = CENO_GVA_SERVICE,
		  .content_id = { 1 } },
		{ .name = "entry", .id = CENO_MODULE_ENTRY_PAGE, .entry = CENO_GVA_ENTRY, .content_id = { 1 } },
		{ .name = "membrane",
		  .id = CENO_MODULE_MEMBRANE,
		  .pledge_mask = 0xff,
		  .entry = CENO_GVA_SERVICE,
		  .content_id = { 1 },
		  .budget = 1,
		  .flags = CENO_MODULE_ESSENTIAL,
		  .pool_pages = CENO_MODULE_POOL_REST,
		  .grants = CENO_MODULE_GRANTS },
		{ .name = "prov",
		  .id = CENO_MODULE_PROV,
		  .entry = CENO_GVA_SERVICE,
		  .content_id = { 1 },
		  .budget = 1,
		  .restarts_max = 3,
		  .pool_pages = 32,
		  .state_bytes = CENO_PAGE,
		  .grants = 1ull << CENO_SLOT_SELF },
	};

	memset(h, 0, sizeof *h);
	h->magic = CENO_BUNDLE_MAGIC;
	h->abi_version = CENO_ABI_VERSION;
	h->header_bytes = CENO_PAGE;
	h->total_bytes = TEMPLATE_BYTES;
	h->segment_count = sizeof segments / sizeof segments[0];
	h->module_count = sizeof modules / sizeof modules[0];
	memcpy(h->segments, segments, sizeof segments);
	memcpy(h->modules, modules, sizeof modules);
}

static bool all_zero(const void *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (((const uint8_t *)at)[i])
			return false;
	return true;
}

/* Each page of the file behind the header belongs to exactly one segment. */
static void require_file_covered(const struct ceno_bundle_header *h)
{
	uint8_t owners[CENO_BUNDLE_MAX / CENO_PAGE] = { 1 };

	for (uint32_t i = 0; i < h->segment_count; i++) {
		const struct ceno_bundle_segment *s = &h->segments[i];

		REQUIRE(s->kind >= CENO_SEGMENT_TEXT && s->kind <= CENO_SEGMENT_BSS);
		REQUIRE(s->bytes && s->bytes % CENO_PAGE == 0 && s->offset % CENO_PAGE == 0 && s->gva % CENO_PAGE == 0);
		if (s->kind == CENO_SEGMENT_BSS) {
			REQUIRE(s->offset == 0);
			continue;
		}
		REQUIRE(s->offset < h->total_bytes && s->bytes <= h->total_bytes - s->offset);
		for (uint64_t p = s->offset / CENO_PAGE; p < (s->offset + s->bytes) / CENO_PAGE; p++)
			REQUIRE(owners[p]++ == 0);
	}
	for (uint64_t p = 0; p < h->total_bytes / CENO_PAGE; p++)
		REQUIRE(owners[p] == 1);
}

static void require_manifest(const struct ceno_bundle_header *h, const struct ceno_bundle_module *m)
{
	unsigned heirs = 0, rests = 0;

	REQUIRE(!all_zero(m->content_id, sizeof m->content_id) && all_zero(m->reserved, sizeof m->reserved));
	if (m->id == CENO_MODULE_NUCLEUS || m->id == CENO_MODULE_INIT || m->id == CENO_MODULE_ENTRY_PAGE) {
		REQUIRE(all_zero(&m->budget, sizeof *m - __builtin_offsetof(struct ceno_bundle_module, budget)));
		return;
	}
	REQUIRE(m->budget && m->pool_pages && m->spectrum <= CENO_SPECTRUM_VOID && m->flags < 16);
	REQUIRE(!(m->flags & CENO_MODULE_ESSENTIAL) || !m->restarts_max);
	REQUIRE(m->state_bytes % CENO_PAGE == 0 && m->state_bytes <= 0x10000);
	REQUIRE(m->grants >> CENO_SLOT_TRAIL_END == 0 && !(m->grants & 1) && !(m->grants >> CENO_SLOT_TRAP & 1));
	for (uint32_t class = 0; class < CENO_PLEDGE_COUNT; class ++)
		REQUIRE(!(m->grants >> (CENO_SLOT_WINDOW + class) & 1) || m->pledge_mask >> class & 1);
	for (uint32_t i = 0; i < h->module_count; i++) {
		heirs += h->modules[i].grants >> CENO_SLOT_RAM & 1;
		rests += h->modules[i].pool_pages == CENO_MODULE_POOL_REST;
	}
	REQUIRE(heirs <= 1 && rests <= 1);
}

static void require_module(const struct ceno_bundle_header *h, uint32_t index)
{
	const struct ceno_bundle_module *m = &h->modules[index];
	bool entry = false, vectors = m->id != CENO_MODULE_NUCLEUS;

	REQUIRE(m->id <= CENO_MODULE_VAULT && m->pledge_mask < 1u << CENO_PLEDGE_COUNT);
	REQUIRE((m->id == CENO_MODULE_NUCLEUS) == (index == 0) && m->name[0] && !m->name[sizeof m->name - 1]);
	for (uint32_t i = 0; i < index; i++)
		REQUIRE(h->modules[i].id != m->id);
	for (uint32_t i = 0; i < h->segment_count; i++) {
		const struct ceno_bundle_segment *s = &h->segments[i];
		uint64_t low = m->id == CENO_MODULE_NUCLEUS ? 0
		    : m->id == CENO_MODULE_ENTRY_PAGE       ? CENO_GVA_ENTRY
							    : CENO_GVA_SERVICE;
		uint64_t high = m->id == CENO_MODULE_NUCLEUS ? CENO_LARGE_PAGE
		    : m->id == CENO_MODULE_ENTRY_PAGE        ? CENO_GVA_ENTRY + CENO_PAGE
							     : CENO_GVA_WINDOW;

		if (s->module != m->id)
			continue;
		REQUIRE(s->gva >= low && s->gva < high && s->bytes <= high - s->gva);
		for (uint32_t k = 0; k < i; k++)
			REQUIRE(h->segments[k].module != m->id ||
			        (h->segments[k].kind != s->kind &&
			         (h->segments[k].gva + h->segments[k].bytes <= s->gva ||
			          s->gva + s->bytes <= h->segments[k].gva)));
		if (s->kind == CENO_SEGMENT_TEXT) {
			entry = m->entry >= s->gva && m->entry < s->gva + s->bytes;
			vectors = vectors ||
			    (m->vectors >= s->gva &&
			     m->vectors + CENO_VECTORS * CENO_VECTOR_BYTES <= s->gva + s->bytes);
		}
	}
	REQUIRE(entry && vectors);
	require_manifest(h, m);
}

static void require_promises(const struct ceno_bundle_header *h, size_t available)
{
	REQUIRE(h->total_bytes <= available && h->total_bytes <= CENO_BUNDLE_MAX && h->total_bytes % CENO_PAGE == 0);
	REQUIRE(h->segment_count <= CENO_BUNDLE_SEGMENTS && h->module_count && h->module_count <= CENO_BUNDLE_MODULES);
	require_file_covered(h);
	for (uint32_t i = 0; i < h->segment_count; i++) {
		bool known = false;

		for (uint32_t k = 0; k < h->module_count; k++)
			known = known || h->modules[k].id == h->segments[i].module;
		REQUIRE(known);
	}
	for (uint32_t i = 0; i < h->module_count; i++)
		require_module(h, i);
	REQUIRE(all_zero(h->reserved, sizeof h->reserved));
	REQUIRE(all_zero(&h->segments[h->segment_count],
	                 (CENO_BUNDLE_SEGMENTS - h->segment_count) * sizeof h->segments[0]));
	REQUIRE(all_zero(&h->modules[h->module_count], (CENO_BUNDLE_MODULES - h->module_count) * sizeof h->modules[0]));
}

static void run_whole(const void *file, size_t size)
{
	if (size >= sizeof(struct ceno_trust))
		(void)ceno_trust_check(file);
	if (size >= sizeof(struct ceno_boot))
		(void)ceno_boot_check(file);
	if (ceno_bundle_check(file, size) == CENO_STOP_NONE)
		require_promises(file, size);
}

static void run_patched(const uint8_t *data, size_t size)
{
	struct ceno_bundle_header *h = malloc(TEMPLATE_BYTES);

	REQUIRE(h);
	make_template(h);
	REQUIRE(ceno_bundle_check(h, TEMPLATE_BYTES) == CENO_STOP_NONE);
	for (; size >= 3; data += 3, size -= 3)
		((uint8_t *)h)[((size_t)data[0] | (size_t)data[1] << 8) % sizeof *h] = data[2];
	if (ceno_bundle_check(h, TEMPLATE_BYTES) == CENO_STOP_NONE)
		require_promises(h, TEMPLATE_BYTES);
	free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_either(data, size, run_whole, run_patched);
	return 0;
}
