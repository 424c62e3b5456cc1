/*
 * Trust page, bundle and boot page: what bundle.h says is accepted, nothing else.
 */
#include "lib/bundle.h"
#include "abi/manifest.h"
#include "lib/ed25519.h"
#include "lib/mem.h"

/* Printable ASCII, at least one character, then NULs to the end. */
static bool is_name(const char *name, size_t bytes)
{
	size_t used = 0;

	while (used < bytes && name[used] >= 0x20 && name[used] < 0x7f)
		used++;
	return used > 0 && used < bytes && ceno_mem_is_zero(name + used, bytes - used);
}

enum ceno_stop ceno_trust_check(const struct ceno_trust *trust)
{
	if (trust->magic != CENO_TRUST_MAGIC || trust->version != 1 || trust->test_key > 1 ||
	    !is_name(trust->name, sizeof trust->name) || !ceno_mem_is_zero(trust->reserved, sizeof trust->reserved))
		return CENO_STOP_TRUST_PAGE;
	return CENO_STOP_NONE;
}

enum ceno_stop ceno_boot_check(const struct ceno_boot *boot)
{
	if (boot->magic != CENO_BOOT_MAGIC || boot->abi_version != CENO_ABI_VERSION ||
	    (boot->syscall_mode != CENO_SYSCALL_LSTAR && boot->syscall_mode != CENO_SYSCALL_PAGE) ||
	    boot->tsc_hz == 0 ||
	    (boot->flags != CENO_BOOT_NATIVE && boot->flags & ~(uint32_t)(CENO_BOOT_PREPARED | CENO_BOOT_ERRORS)) ||
	    boot->pledge_mask >> CENO_PLEDGE_COUNT || !ceno_mem_is_zero(boot->reserved0, sizeof boot->reserved0) ||
	    !ceno_mem_is_zero(boot->reserved1, sizeof boot->reserved1))
		return CENO_STOP_BOOT_PAGE;
	return CENO_STOP_NONE;
}

static const struct ceno_bundle_module *find_module(const struct ceno_bundle_header *h, uint32_t id)
{
	for (uint32_t i = 0; i < h->module_count; i++)
		if (h->modules[i].id == id)
			return &h->modules[i];
	return NULL;
}

static const struct ceno_bundle_segment *find_segment(const struct ceno_bundle_header *h, uint32_t module,
                                                      uint32_t kind)
{
	for (uint32_t i = 0; i < h->segment_count; i++)
		if (h->segments[i].module == module && h->segments[i].kind == kind)
			return &h->segments[i];
	return NULL;
}

/* Are `bytes` bytes at `at` inside the segment? */
static bool contains(const struct ceno_bundle_segment *s, uint64_t at, uint64_t bytes)
{
	uint64_t offset = at - s->gva; /* wraps to a huge number below the segment */

	return offset < s->bytes && bytes <= s->bytes - offset;
}

/* Nobody starts these three by their manifest: it says nothing about them. */
static bool is_fixed(const struct ceno_bundle_module *m)
{
	return m->budget == 0 && m->spectrum == 0 && m->flags == 0 && m->restarts_max == 0 && m->pool_pages == 0 &&
	    m->state_bytes == 0 && m->grants == 0;
}

static bool is_started(const struct ceno_bundle_module *m)
{
	uint64_t windows = (m->grants & CENO_MODULE_WINDOWS) >> CENO_SLOT_WINDOW;

	return m->budget != 0 && m->spectrum < CENO_SPECTRUM_COUNT && (m->flags & ~CENO_MODULE_FLAGS) == 0 &&
	    (!(m->flags & CENO_MODULE_ESSENTIAL) || m->restarts_max == 0) && m->pool_pages != 0 &&
	    m->state_bytes % CENO_PAGE == 0 && m->state_bytes <= CENO_MODULE_STATE_MAX &&
	    (m->grants & ~CENO_MODULE_GRANTS) == 0 && (windows & ~(uint64_t)m->pledge_mask) == 0;
}

/* At most one module is given user RAM, and at most one the rest of the pool. */
static bool is_alone(const struct ceno_bundle_header *h, const struct ceno_bundle_module *m)
{
	for (const struct ceno_bundle_module *other = h->modules; other != m; other++)
		if ((other->grants & m->grants & 1ull << CENO_SLOT_RAM) ||
		    (other->pool_pages == CENO_MODULE_POOL_REST && m->pool_pages == CENO_MODULE_POOL_REST))
			return false;
	return true;
}

static bool is_manifest(const struct ceno_bundle_header *h, const struct ceno_bundle_module *m)
{
	bool started = m->id != CENO_MODULE_NUCLEUS && m->id != CENO_MODULE_INIT && m->id != CENO_MODULE_ENTRY_PAGE;

	return m->pledge_mask >> CENO_PLEDGE_COUNT == 0 && !ceno_mem_is_zero(m->content_id, sizeof m->content_id) &&
	    ceno_mem_is_zero(m->reserved, sizeof m->reserved) &&
	    (started ? is_started(m) && is_alone(h, m) : is_fixed(m));
}

static bool is_module(const struct ceno_bundle_header *h, uint32_t index)
{
	const struct ceno_bundle_module *m = &h->modules[index];
	const struct ceno_bundle_segment *text = find_segment(h, m->id, CENO_SEGMENT_TEXT);

	if (m->id > CENO_MODULE_VAULT || find_module(h, m->id) != m || (m->id == CENO_MODULE_NUCLEUS) != (index == 0) ||
	    !is_name(m->name, sizeof m->name))
		return false;
	if (!text || !contains(text, m->entry, 1))
		return false;
	if (m->id != CENO_MODULE_NUCLEUS)
		return m->vectors == 0;
	return m->vectors % 16 == 0 && contains(text, m->vectors, CENO_VECTORS * CENO_VECTOR_BYTES);
}

/* May this module have memory there? bytes is a page multiple of at most CENO_BUNDLE_MAX. */
static bool is_place(const struct ceno_bundle_segment *s)
{
	uint64_t end = s->gva + s->bytes;

	if (s->gva % CENO_PAGE || end < s->gva)
		return false;
	switch (s->module) {
	case CENO_MODULE_NUCLEUS:
		return end <= CENO_LARGE_PAGE;
	case CENO_MODULE_ENTRY_PAGE:
		return s->gva == CENO_GVA_ENTRY && s->bytes == CENO_PAGE;
	default:
		return s->gva >= CENO_GVA_SERVICE && end <= CENO_GVA_WINDOW;
	}
}

/* *end: where the file bytes of the segments before this one ended; moved on. In
 * the end it must be total_bytes, so that no segment lies outside. */
static bool is_segment(const struct ceno_bundle_header *h, uint32_t index, uint64_t *end)
{
	const struct ceno_bundle_segment *s = &h->segments[index];

	if (s->kind < CENO_SEGMENT_TEXT || s->kind > CENO_SEGMENT_BSS || !find_module(h, s->module) ||
	    find_segment(h, s->module, s->kind) != s || s->bytes == 0 || s->bytes % CENO_PAGE ||
	    s->bytes > CENO_BUNDLE_MAX || !is_place(s))
		return false;
	for (uint32_t i = 0; i < index; i++) {
		const struct ceno_bundle_segment *other = &h->segments[i];

		if (other->module == s->module && other->gva < s->gva + s->bytes && s->gva < other->gva + other->bytes)
			return false;
	}
	if (s->kind == CENO_SEGMENT_BSS)
		return s->offset == 0;
	*end += s->bytes;
	return s->offset == *end - s->bytes;
}

static bool is_layout(const struct ceno_bundle_header *h)
{
	uint64_t end = h->header_bytes;

	if (h->header_bytes != CENO_PAGE || h->segment_count > CENO_BUNDLE_SEGMENTS || h->module_count == 0 ||
	    h->module_count > CENO_BUNDLE_MODULES)
		return false;
	for (uint32_t i = 0; i < h->segment_count; i++)
		if (!is_segment(h, i, &end))
			return false;
	for (uint32_t i = 0; i < h->module_count; i++)
		if (!is_module(h, i))
			return false;
	return end == h->total_bytes &&
	    ceno_mem_is_zero(&h->segments[h->segment_count],
	                     (CENO_BUNDLE_SEGMENTS - h->segment_count) * sizeof h->segments[0]) &&
	    ceno_mem_is_zero(&h->modules[h->module_count],
	                     (CENO_BUNDLE_MODULES - h->module_count) * sizeof h->modules[0]) &&
	    ceno_mem_is_zero(h->reserved, sizeof h->reserved);
}

enum ceno_stop ceno_bundle_check(const void *bundle, size_t available)
{
	const struct ceno_bundle_header *h = bundle;

	if (available < sizeof *h)
		return CENO_STOP_BUNDLE_SIZE;
	if (h->magic != CENO_BUNDLE_MAGIC)
		return CENO_STOP_BUNDLE_MAGIC;
	if (h->abi_version != CENO_ABI_VERSION)
		return CENO_STOP_BUNDLE_ABI;
	if (h->total_bytes < sizeof *h || h->total_bytes % CENO_PAGE || h->total_bytes > CENO_BUNDLE_MAX ||
	    h->total_bytes > available)
		return CENO_STOP_BUNDLE_SIZE;
	if (!is_layout(h))
		return CENO_STOP_BUNDLE_LAYOUT;
	for (uint32_t i = 0; i < h->module_count; i++)
		if (!is_manifest(h, &h->modules[i]))
			return CENO_STOP_BUNDLE_MANIFEST;
	return CENO_STOP_NONE;
}

void ceno_bundle_hash(struct ceno_sha512 *hash, const struct ceno_bundle_header *bundle)
{
	static const uint8_t no_signature[sizeof bundle->signature];
	const uint8_t *bytes = (const uint8_t *)bundle;

	ceno_sha512_update(hash, CENO_BUNDLE_DOMAIN, sizeof CENO_BUNDLE_DOMAIN);
	ceno_sha512_update(hash, bytes, offsetof(struct ceno_bundle_header, signature));
	ceno_sha512_update(hash, no_signature, sizeof no_signature);
	ceno_sha512_update(hash, bytes + sizeof *bundle, bundle->total_bytes - sizeof *bundle);
}

enum ceno_stop ceno_bundle_verify(const struct ceno_bundle_header *bundle, const struct ceno_trust *trust,
                                  struct ceno_sha512 *measured)
{
	struct ceno_sha512 hash;

	ceno_ed25519_begin(&hash, bundle->signature, trust->public_key);
	ceno_bundle_hash(&hash, bundle);
	if (measured)
		*measured = hash;
	return ceno_ed25519_finish(&hash, bundle->signature, trust->public_key) ? CENO_STOP_NONE
										: CENO_STOP_BUNDLE_SIGNATURE;
}
