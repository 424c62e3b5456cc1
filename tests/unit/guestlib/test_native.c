/*
 * guest-kernel/lib/native.c: a good file, its golden bytes, each reason to refuse one with
 * everything else in order, and no byte of a file that may change unnoticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "lib/blake3.h"
#include "lib/native.h"

#define PAGES 4u
#define BYTES (PAGES * CENO_PAGE)
#define BASE  ((uint64_t)CENO_GVA_SERVICE)

static _Alignas(4096) uint8_t file[CENO_NATIVE_BYTES_MAX + CENO_PAGE];
static struct ceno_native_header *const h = (struct ceno_native_header *)(void *)file;

static void sign(size_t bytes)
{
	ceno_native_content(file, bytes, h->content_id);
}

/* text, rodata, data, bss; a page each. */
static void make(void)
{
	memset(file, 0, sizeof file);
	*h = (struct ceno_native_header){
		.magic = CENO_NATIVE_MAGIC,
		.abi_version = CENO_ABI_VERSION,
		.header_bytes = CENO_PAGE,
		.total_bytes = BYTES,
		.entry = BASE + 16,
		.state_bytes = 2 * CENO_PAGE,
		.budget = 0x01020304 & 0xfffff,
		.spectrum = CENO_SPECTRUM_GRAVITY,
		.restarts_max = 0x0102,
		.segments = { { CENO_NATIVE_TEXT, 0, 1 * CENO_PAGE, CENO_PAGE, BASE },
		              { CENO_NATIVE_RODATA, 0, 2 * CENO_PAGE, CENO_PAGE, BASE + CENO_PAGE },
		              { CENO_NATIVE_DATA, 0, 3 * CENO_PAGE, CENO_PAGE, BASE + 3 * CENO_PAGE },
		              { CENO_NATIVE_BSS, 0, 0, CENO_PAGE, BASE + 4 * CENO_PAGE } },
	};
	for (size_t i = CENO_PAGE; i < BYTES; i++)
		file[i] = (uint8_t)(i * 7 + i / 256);
	sign(BYTES);
}

static void test_good(void **state)
{
	static const uint8_t head[48] = { 'C',  'N', 'O', 'T', 'N',  'A', 'T',  '1', CENO_ABI_VERSION,
		                          0,    0,   0,   0,   0x10, 0,   0,    0,   0x40,
		                          0,    0,   0,   0,   0,    0,   0x10, 0,   0,
		                          0x10, 0,   0,   0,   0,    0,   0x20, 0,   0,
		                          4,    3,   2,   0,   2,    0,   0,    0,   2,
		                          1,    0,   0 };
	static const uint8_t text[32] = { 1, [9] = 0x10, [17] = 0x10, [27] = 0x10 };
	static const uint8_t bss[32] = { 4, [17] = 0x10, [25] = 0x40, [27] = 0x10 };

	(void)state;
	make();
	assert_int_equal(ceno_native_check(file, BYTES), CENO_NATIVE_OK);
	assert_memory_equal(file, head, sizeof head);
	assert_memory_equal(file + 48, text, sizeof text);
	assert_memory_equal(file + 48 + 96, bss, sizeof bss);
	assert_int_equal(offsetof(struct ceno_native_header, content_id), 176);
	assert_ptr_equal(ceno_native_segment(h, CENO_NATIVE_BSS), &h->segments[3]);
	memset(&h->segments[1], 0, 3 * sizeof h->segments[0]);
	h->total_bytes = 2 * CENO_PAGE;
	sign(2 * CENO_PAGE);
	assert_int_equal(ceno_native_check(file, 2 * CENO_PAGE), CENO_NATIVE_OK);
	assert_null(ceno_native_segment(h, CENO_NATIVE_BSS));
}

/* The digest is what BLAKE3 of the file with zeros in its place is. */
static void test_content(void **state)
{
	uint8_t digest[32], copy[BYTES];
	struct ceno_blake3 hash;

	(void)state;
	make();
	memcpy(copy, file, BYTES);
	memset(copy + 176, 0, 32);
	ceno_blake3_init(&hash);
	ceno_blake3_update(&hash, copy, BYTES);
	ceno_blake3_final(&hash, digest, sizeof digest);
	assert_memory_equal(h->content_id, digest, sizeof digest);
}

static void test_every_byte(void **state)
{
	(void)state;
	make();
	for (size_t i = 0; i < BYTES; i += i < 256 ? 1 : 61)
		for (unsigned bit = 0; bit < 8; bit++) {
			file[i] ^= (uint8_t)(1u << bit);
			assert_int_not_equal(ceno_native_check(file, BYTES), CENO_NATIVE_OK);
			file[i] ^= (uint8_t)(1u << bit);
		}
	assert_int_equal(ceno_native_check(file, BYTES), CENO_NATIVE_OK);
}

/* One field of a good file becomes `value`, the content id follows: the error. */
static enum ceno_native_error with(size_t offset, size_t bytes, uint64_t value)
{
	make();
	memcpy(file + offset, &value, bytes);
	sign(BYTES);
	return ceno_native_check(file, BYTES);
}

#define FIELD(name)      offsetof(struct ceno_native_header, name), sizeof h->name
#define SEGMENT(i, name) offsetof(struct ceno_native_header, segments[i].name), sizeof h->segments[0].name

static void test_numbers(void **state)
{
	(void)state;
	assert_int_equal(with(FIELD(magic), CENO_BUNDLE_MAGIC), CENO_NATIVE_E_MAGIC);
	assert_int_equal(with(FIELD(abi_version), CENO_ABI_VERSION + 1), CENO_NATIVE_E_ABI);
	assert_int_equal(with(FIELD(header_bytes), 2 * CENO_PAGE), CENO_NATIVE_E_HEADER);
	assert_int_equal(with(FIELD(total_bytes), BYTES + CENO_PAGE), CENO_NATIVE_E_LENGTH);
	assert_int_equal(with(FIELD(total_bytes), BYTES - CENO_PAGE), CENO_NATIVE_E_LENGTH);
	assert_int_equal(with(4095, 1, 1), CENO_NATIVE_E_HEADER);
	assert_int_equal(with(208, 1, 1), CENO_NATIVE_E_HEADER);
	assert_int_equal(with(FIELD(entry), BASE + CENO_PAGE), CENO_NATIVE_E_ENTRY);
	assert_int_equal(with(FIELD(entry), BASE - 1), CENO_NATIVE_E_ENTRY);
	assert_int_equal(with(FIELD(entry), BASE + CENO_PAGE - 1), CENO_NATIVE_OK);
	assert_int_equal(with(FIELD(state_bytes), CENO_NATIVE_STATE_MAX + CENO_PAGE), CENO_NATIVE_E_STATE);
	assert_int_equal(with(FIELD(state_bytes), CENO_NATIVE_STATE_MAX), CENO_NATIVE_OK);
	assert_int_equal(with(FIELD(state_bytes), 100), CENO_NATIVE_E_STATE);
	assert_int_equal(with(FIELD(budget), CENO_NATIVE_BUDGET_MAX + 1), CENO_NATIVE_E_ENERGY);
	assert_int_equal(with(FIELD(budget), CENO_NATIVE_BUDGET_MAX), CENO_NATIVE_OK);
	assert_int_equal(with(FIELD(spectrum), CENO_SPECTRUM_COUNT), CENO_NATIVE_E_ENERGY);
	assert_int_equal(with(FIELD(restarts_max), CENO_NATIVE_RESTARTS_MAX + 1), CENO_NATIVE_E_RESTARTS);
	assert_int_equal(with(FIELD(restarts_max), CENO_NATIVE_RESTARTS_MAX), CENO_NATIVE_OK);
	make();
	h->content_id[31] ^= 1;
	assert_int_equal(ceno_native_check(file, BYTES), CENO_NATIVE_E_CONTENT);
	make();
	file[BYTES - 1] ^= 1;
	assert_int_equal(ceno_native_check(file, BYTES), CENO_NATIVE_E_CONTENT);
}

static void test_segments(void **state)
{
	(void)state;
	assert_int_equal(with(SEGMENT(0, kind), CENO_NATIVE_NONE), CENO_NATIVE_E_SEGMENTS);
	assert_int_equal(with(SEGMENT(0, kind), CENO_NATIVE_RODATA), CENO_NATIVE_E_SEGMENTS);
	assert_int_equal(with(SEGMENT(1, kind), CENO_NATIVE_TEXT), CENO_NATIVE_E_SEGMENTS);
	assert_int_equal(with(SEGMENT(1, kind), CENO_NATIVE_NONE), CENO_NATIVE_E_SEGMENTS);
	assert_int_equal(with(SEGMENT(3, kind), 5), CENO_NATIVE_E_SEGMENTS);
	assert_int_equal(with(SEGMENT(2, reserved), 1), CENO_NATIVE_E_SEGMENTS);
	assert_int_equal(with(SEGMENT(3, bytes), 0), CENO_NATIVE_E_SEGMENTS);
	assert_int_equal(with(SEGMENT(3, bytes), 100), CENO_NATIVE_E_SEGMENTS);
	assert_int_equal(with(SEGMENT(1, offset), CENO_PAGE), CENO_NATIVE_E_OFFSET);
	assert_int_equal(with(SEGMENT(1, offset), 3 * CENO_PAGE), CENO_NATIVE_E_OFFSET);
	assert_int_equal(with(SEGMENT(3, offset), 4 * CENO_PAGE), CENO_NATIVE_E_OFFSET);
	assert_int_equal(with(SEGMENT(2, bytes), 2 * CENO_PAGE), CENO_NATIVE_E_OFFSET);
	assert_int_equal(with(SEGMENT(2, bytes), -CENO_PAGE), CENO_NATIVE_E_OFFSET);
	assert_int_equal(with(SEGMENT(2, kind), CENO_NATIVE_BSS), CENO_NATIVE_E_SEGMENTS);
	assert_int_equal(with(SEGMENT(0, gva), BASE - CENO_PAGE), CENO_NATIVE_E_PLACE);
	assert_int_equal(with(SEGMENT(0, gva), BASE + 8), CENO_NATIVE_E_PLACE);
	assert_int_equal(with(SEGMENT(1, gva), BASE + CENO_PAGE + 8), CENO_NATIVE_E_PLACE);
	assert_int_equal(with(SEGMENT(1, gva), BASE), CENO_NATIVE_E_PLACE);
	assert_int_equal(with(SEGMENT(1, gva), BASE + 3 * CENO_PAGE), CENO_NATIVE_E_PLACE);
	assert_int_equal(with(SEGMENT(3, gva), BASE + 5 * CENO_PAGE), CENO_NATIVE_E_PLACE);
	assert_int_equal(with(SEGMENT(3, gva), CENO_GVA_WINDOW), CENO_NATIVE_E_PLACE);
	assert_int_equal(with(SEGMENT(3, bytes), CENO_GVA_WINDOW - BASE), CENO_NATIVE_E_PLACE);
	assert_int_equal(with(SEGMENT(3, bytes), 0x8000000000000000 - CENO_PAGE), CENO_NATIVE_E_PLACE);
	assert_int_equal(with(SEGMENT(3, bytes), CENO_NATIVE_MEMORY_MAX), CENO_NATIVE_E_MEMORY);
	assert_int_equal(with(SEGMENT(3, bytes), CENO_NATIVE_MEMORY_MAX - CENO_PAGE), CENO_NATIVE_OK);
}

static enum ceno_native_error checked(void)
{
	sign(BYTES);
	return ceno_native_check(file, BYTES);
}

/* Where it takes two wrong fields to get past the other checks. */
static void test_pairs(void **state)
{
	(void)state;
	make(); /* rodata, data, bss */
	memmove(&h->segments[0], &h->segments[1], 3 * sizeof h->segments[0]);
	memset(&h->segments[3], 0, sizeof h->segments[3]);
	assert_int_equal(checked(), CENO_NATIVE_E_SEGMENTS);
	make(); /* the file goes on behind the last segment */
	memset(&h->segments[2], 0, 2 * sizeof h->segments[0]);
	assert_int_equal(checked(), CENO_NATIVE_E_OFFSET);
	make(); /* one wraps, the next makes up for it */
	h->segments[1].bytes = -CENO_PAGE;
	h->segments[2].offset = CENO_PAGE;
	h->segments[2].bytes = 3 * CENO_PAGE;
	assert_int_equal(checked(), CENO_NATIVE_E_OFFSET);
	make(); /* both above the windows */
	h->segments[2].gva = CENO_GVA_WINDOW + CENO_PAGE;
	h->segments[3].gva = CENO_GVA_WINDOW + 2 * CENO_PAGE;
	assert_int_equal(checked(), CENO_NATIVE_E_PLACE);
	make();
	h->total_bytes = BYTES + 8;
	sign(BYTES + 8);
	assert_int_equal(ceno_native_check(file, BYTES + 8), CENO_NATIVE_E_LENGTH);
}

static void test_lengths(void **state)
{
	(void)state;
	make();
	for (size_t bytes = 0; bytes < BYTES; bytes += bytes < CENO_PAGE ? 1 : CENO_PAGE) {
		uint8_t *part = malloc(bytes ? bytes : 1); /* exactly as long as said: nothing behind it may be read */

		assert_non_null(part);
		memcpy(part, file, bytes);
		assert_int_equal(ceno_native_check(part, bytes),
		                 bytes < 8 ? CENO_NATIVE_E_MAGIC : CENO_NATIVE_E_LENGTH);
		free(part);
	}
	assert_int_equal(ceno_native_check(file, BYTES + 1), CENO_NATIVE_E_LENGTH);
	assert_int_equal(ceno_native_check(file, BYTES + CENO_PAGE), CENO_NATIVE_E_LENGTH);
	h->total_bytes = sizeof file;
	assert_int_equal(ceno_native_check(file, sizeof file), CENO_NATIVE_E_LARGE);
	h->segments[0].bytes = CENO_NATIVE_BYTES_MAX - CENO_PAGE;
	memset(&h->segments[1], 0, 3 * sizeof h->segments[0]);
	h->total_bytes = CENO_NATIVE_BYTES_MAX;
	sign(CENO_NATIVE_BYTES_MAX);
	assert_int_equal(ceno_native_check(file, CENO_NATIVE_BYTES_MAX), CENO_NATIVE_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),    cmocka_unit_test(test_content),  cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_segments), cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_pairs),
	};

	return cmocka_run_group_tests_name("native", tests, NULL, NULL);
}
