/*
 * The check of native files. Properties: it returns for any bytes without reading past
 * them, and what it accepts keeps every promise of guest-kernel/abi/native.h, judged
 * here by other code: an owner for each page of the file and of the memory.
 *
 * Byte 0 odd: the rest is the file. Even: the rest is a list of {offset low, offset
 * high, value} applied to the header of a good file, whose content id then follows.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/native.h"
#include "tests/fuzz/property.h"

#define TEMPLATE_BYTES (4 * CENO_PAGE)
#define MEMORY_PAGES   ((CENO_GVA_WINDOW - CENO_GVA_SERVICE) / CENO_PAGE)

static void make_template(struct ceno_native_header *h)
{
	memset(h, 0, sizeof *h);
	h->magic = CENO_NATIVE_MAGIC;
	h->abi_version = CENO_ABI_VERSION;
	h->header_bytes = CENO_PAGE;
	h->total_bytes = TEMPLATE_BYTES;
	h->entry = CENO_GVA_SERVICE;
	for (uint32_t i = 0; i < CENO_NATIVE_SEGMENTS; i++)
		h->segments[i] = (struct ceno_native_segment){ .kind = CENO_NATIVE_TEXT + i,
			                                       .offset = i < 3 ? (i + 1) * CENO_PAGE : 0,
			                                       .bytes = CENO_PAGE,
			                                       .gva = CENO_GVA_SERVICE + i * CENO_PAGE };
}

static void require_segments(const struct ceno_native_header *h)
{
	static uint8_t owners[MEMORY_PAGES];
	uint8_t pages[CENO_NATIVE_BYTES_MAX / CENO_PAGE] = { 1 };
	uint64_t writable = 0;

	memset(owners, 0, sizeof owners);
	REQUIRE(h->segments[0].kind == CENO_NATIVE_TEXT);
	for (uint32_t i = 0; i < CENO_NATIVE_SEGMENTS && h->segments[i].kind; i++) {
		const struct ceno_native_segment *s = &h->segments[i];
		uint64_t at = (s->gva - CENO_GVA_SERVICE) / CENO_PAGE;

		REQUIRE(s->bytes && (s->bytes | s->gva | s->offset) % CENO_PAGE == 0 && s->kind <= CENO_NATIVE_BSS);
		REQUIRE(s->gva >= CENO_GVA_SERVICE && s->gva < CENO_GVA_WINDOW && s->bytes <= CENO_GVA_WINDOW - s->gva);
		for (uint64_t p = at; p < at + s->bytes / CENO_PAGE; p++)
			REQUIRE(owners[p]++ == 0);
		if (s->kind >= CENO_NATIVE_DATA)
			writable += s->bytes;
		if (s->kind == CENO_NATIVE_BSS)
			continue;
		REQUIRE(s->offset < h->total_bytes && s->bytes <= h->total_bytes - s->offset);
		for (uint64_t p = s->offset / CENO_PAGE; p < (s->offset + s->bytes) / CENO_PAGE; p++)
			REQUIRE(pages[p]++ == 0);
	}
	for (uint64_t p = 0; p < h->total_bytes / CENO_PAGE; p++)
		REQUIRE(pages[p] == 1);
	REQUIRE(writable <= CENO_NATIVE_MEMORY_MAX);
}

static void require_promises(const struct ceno_native_header *h, size_t bytes)
{
	const struct ceno_native_segment *data = ceno_native_segment(h, CENO_NATIVE_DATA);
	const struct ceno_native_segment *bss = ceno_native_segment(h, CENO_NATIVE_BSS);

	REQUIRE(h->total_bytes == bytes && bytes % CENO_PAGE == 0 && bytes <= CENO_NATIVE_BYTES_MAX);
	require_segments(h);
	REQUIRE(!data || !bss || bss->gva == data->gva + data->bytes);
	REQUIRE(h->entry >= h->segments[0].gva && h->entry < h->segments[0].gva + h->segments[0].bytes);
	REQUIRE(h->state_bytes % CENO_PAGE == 0 && h->state_bytes <= 65536 && h->budget <= 1000000);
	REQUIRE(h->spectrum <= CENO_SPECTRUM_VOID && h->restarts_max <= 1000);
	for (size_t i = 0; i < sizeof h->reserved; i++)
		REQUIRE(h->reserved[i] == 0);
}

static void run_whole(const void *file, size_t size)
{
	if (ceno_native_check(file, size) == CENO_NATIVE_OK)
		require_promises(file, size);
}

static void run_patched(const uint8_t *data, size_t size)
{
	static _Alignas(16) uint8_t file[TEMPLATE_BYTES]; /* zeros behind the header */
	struct ceno_native_header *h = (void *)file;
	enum ceno_native_error error;

	make_template(h);
	for (; size >= 3; data += 3, size -= 3)
		((uint8_t *)h)[((size_t)data[0] | (size_t)data[1] << 8) % sizeof *h] = data[2];
	memset(h->content_id, 0, sizeof h->content_id);
	error = ceno_native_check(h, TEMPLATE_BYTES);
	REQUIRE(error != CENO_NATIVE_OK && error <= CENO_NATIVE_E_CONTENT);
	if (error != CENO_NATIVE_E_CONTENT) /* which comes last, since it costs most */
		return;
	ceno_native_content(h, TEMPLATE_BYTES, h->content_id);
	REQUIRE(ceno_native_check(h, TEMPLATE_BYTES) == CENO_NATIVE_OK);
	require_promises(h, TEMPLATE_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_either(data, size, run_whole, run_patched);
	return 0;
}
