/* A native program's file: what native.h says is accepted, nothing else. */
#include "lib/native.h"
#include "lib/blake3.h"
#include "lib/mem.h"

void ceno_native_content(const void *file, size_t bytes, uint8_t digest[32])
{
	static const uint8_t none[sizeof((struct ceno_native_header *)0)->content_id];
	const size_t at = offsetof(struct ceno_native_header, content_id), after = at + sizeof none;
	struct ceno_blake3 hash;

	ceno_blake3_init(&hash);
	ceno_blake3_update(&hash, file, at);
	ceno_blake3_update(&hash, none, sizeof none);
	ceno_blake3_update(&hash, (const uint8_t *)file + after, bytes - after);
	ceno_blake3_final(&hash, digest, CENO_BLAKE3_BYTES);
}

const struct ceno_native_segment *ceno_native_segment(const struct ceno_native_header *header, uint32_t kind)
{
	for (uint32_t i = 0; i < CENO_NATIVE_SEGMENTS; i++)
		if (header->segments[i].kind == kind)
			return &header->segments[i];
	return NULL;
}

/* Kinds ascend, text first; after the last used entry all is zero. */
static bool are_segments(const struct ceno_native_header *h)
{
	const struct ceno_native_segment *s = h->segments;
	uint32_t used = 0, last = CENO_NATIVE_NONE;

	for (; used < CENO_NATIVE_SEGMENTS && s[used].kind != CENO_NATIVE_NONE; used++) {
		if (s[used].kind <= last || s[used].kind > CENO_NATIVE_BSS || s[used].reserved || s[used].bytes == 0 ||
		    s[used].bytes % CENO_PAGE)
			return false;
		last = s[used].kind;
	}
	return s[0].kind == CENO_NATIVE_TEXT && ceno_mem_is_zero(&s[used], (CENO_NATIVE_SEGMENTS - used) * sizeof *s);
}

static bool is_file_filled(const struct ceno_native_header *h)
{
	uint64_t end = sizeof *h;

	for (const struct ceno_native_segment *s = h->segments; s < h->segments + CENO_NATIVE_SEGMENTS; s++) {
		uint64_t bytes = s->kind == CENO_NATIVE_BSS ? 0 : s->bytes;

		if (s->kind == CENO_NATIVE_NONE)
			break;
		if (s->offset != (bytes ? end : 0) || bytes > h->total_bytes - end)
			return false;
		end += bytes;
	}
	return end == h->total_bytes;
}

/* In the order of the table, and bss right behind data. */
static bool is_placed(const struct ceno_native_header *h)
{
	uint64_t end = CENO_GVA_SERVICE;

	for (const struct ceno_native_segment *s = h->segments; s < h->segments + CENO_NATIVE_SEGMENTS; s++) {
		if (s->kind == CENO_NATIVE_NONE)
			break;
		if (s->gva % CENO_PAGE || s->gva < end || s->gva >= CENO_GVA_WINDOW ||
		    s->bytes > CENO_GVA_WINDOW - s->gva)
			return false;
		if (s->kind == CENO_NATIVE_BSS && s[-1].kind == CENO_NATIVE_DATA && s->gva != end)
			return false;
		end = s->gva + s->bytes;
	}
	return true;
}

static bool is_memory(const struct ceno_native_header *h)
{
	const struct ceno_native_segment *data = ceno_native_segment(h, CENO_NATIVE_DATA);
	const struct ceno_native_segment *bss = ceno_native_segment(h, CENO_NATIVE_BSS);

	return (data ? data->bytes : 0) + (bss ? bss->bytes : 0) <= CENO_NATIVE_MEMORY_MAX;
}

/* The header's single numbers. */
static enum ceno_native_error check_wants(const struct ceno_native_header *h)
{
	const struct ceno_native_segment *text = &h->segments[0];

	if (h->entry - text->gva >= text->bytes) /* wraps to a huge number below it */
		return CENO_NATIVE_E_ENTRY;
	if (h->state_bytes > CENO_NATIVE_STATE_MAX || h->state_bytes % CENO_PAGE)
		return CENO_NATIVE_E_STATE;
	if (h->budget > CENO_NATIVE_BUDGET_MAX || h->spectrum >= CENO_SPECTRUM_COUNT)
		return CENO_NATIVE_E_ENERGY;
	return h->restarts_max > CENO_NATIVE_RESTARTS_MAX ? CENO_NATIVE_E_RESTARTS : CENO_NATIVE_OK;
}

static enum ceno_native_error check_segments(const struct ceno_native_header *h)
{
	if (!are_segments(h))
		return CENO_NATIVE_E_SEGMENTS;
	if (!is_file_filled(h))
		return CENO_NATIVE_E_OFFSET;
	if (!is_placed(h))
		return CENO_NATIVE_E_PLACE;
	return is_memory(h) ? check_wants(h) : CENO_NATIVE_E_MEMORY;
}

enum ceno_native_error ceno_native_check(const void *file, size_t bytes)
{
	const struct ceno_native_header *h = file;
	uint8_t digest[sizeof h->content_id];
	enum ceno_native_error error;

	if (bytes < sizeof h->magic || h->magic != CENO_NATIVE_MAGIC)
		return CENO_NATIVE_E_MAGIC;
	if (bytes < offsetof(struct ceno_native_header, header_bytes))
		return CENO_NATIVE_E_LENGTH;
	if (h->abi_version != CENO_ABI_VERSION)
		return CENO_NATIVE_E_ABI;
	if (bytes > CENO_NATIVE_BYTES_MAX)
		return CENO_NATIVE_E_LARGE;
	if (bytes < sizeof *h || h->total_bytes != bytes || bytes % CENO_PAGE)
		return CENO_NATIVE_E_LENGTH;
	if (h->header_bytes != sizeof *h || !ceno_mem_is_zero(h->reserved, sizeof h->reserved))
		return CENO_NATIVE_E_HEADER;
	error = check_segments(h);
	if (error)
		return error;
	ceno_native_content(file, bytes, digest);
	return ceno_mem_equal(digest, h->content_id, sizeof digest) ? CENO_NATIVE_OK : CENO_NATIVE_E_CONTENT;
}
