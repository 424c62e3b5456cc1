/*
 * guest-kernel/lib/content_id.c and content_id_text.c: texts made with other
 * programs (b3sum and base32, as docs/content-id.md shows), every id and its
 * text, and that each thing a text may get wrong has its own error and changes
 * nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <string.h>
#include "lib/content_id.h"

#define LENGTH CENO_CONTENT_ID_TEXT_LENGTH

static const char empty_native[] = "vcid-aeaqdlytjg47l6nbu2qeatpkg3omssm3zms4tlobck34zgutzlsb6mtc";

static void assert_text(const struct ceno_content_id *id, const char *text)
{
	char ours[LENGTH + 2];

	memset(ours, 0x5a, sizeof ours);
	ceno_content_id_format(id, ours);
	assert_string_equal(ours, text);
	assert_int_equal(ours[LENGTH + 1], 0x5a);
}

static void test_texts(void **state)
{
	struct ceno_content_id id;
	uint8_t message[1025];

	(void)state;
	ceno_content_id_make(&id, CENO_CONTENT_NATIVE, NULL, 0);
	assert_text(&id, empty_native);
	ceno_content_id_make(&id, CENO_CONTENT_SERVICE, NULL, 0);
	assert_text(&id, "vcid-aeaqflytjg47l6nbu2qeatpkg3omssm3zms4tlobck34zgutzlsb6mtc");
	ceno_content_id_make(&id, CENO_CONTENT_IMAGE, NULL, 0);
	assert_text(&id, "vcid-aeaqhlytjg47l6nbu2qeatpkg3omssm3zms4tlobck34zgutzlsb6mtc");
	for (size_t i = 0; i < sizeof message; i++)
		message[i] = (uint8_t)(i % 251);
	ceno_content_id_make(&id, CENO_CONTENT_NATIVE, message, sizeof message);
	assert_text(&id, "vcid-aeaqduacpcxep2zhwnh25t3hwt7cmp4c2vassfwb77mxzdfx7oauxbce");
}

static void test_pieces(void **state)
{
	struct ceno_content_id whole, pieces;
	struct ceno_blake3 hash;

	(void)state;
	memset(&pieces, 0xa5, sizeof pieces);
	ceno_content_id_make(&whole, CENO_CONTENT_SERVICE, "content", 7);
	ceno_blake3_init(&hash);
	ceno_blake3_update(&hash, "con", 3);
	ceno_blake3_update(&hash, "tent", 4);
	ceno_content_id_finish(&pieces, CENO_CONTENT_SERVICE, &hash);
	assert_true(ceno_content_id_equal(&pieces, &whole));
}

static void test_round_trip(void **state)
{
	struct ceno_content_id id = { CENO_CONTENT_ID_VERSION, CENO_CONTENT_ID_BLAKE3, 0, { 0 } }, back;
	char text[LENGTH + 1];

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		id.kind = (uint8_t)(1 + i % 3);
		randombytes_buf(id.digest, sizeof id.digest);
		if (i < 6)
			memset(id.digest, i < 3 ? 0 : 0xff, sizeof id.digest);
		ceno_content_id_format(&id, text);
		memset(&back, 0xa5, sizeof back);
		assert_int_equal(ceno_content_id_parse(&back, text, LENGTH), 0);
		assert_memory_equal(&back, &id, sizeof id);
	}
}

/* Each of the 280 bits counts: in the text, and in the comparison. */
static void test_bits(void **state)
{
	struct ceno_content_id id, other;
	char text[LENGTH + 1], changed[LENGTH + 1];

	(void)state;
	ceno_content_id_make(&id, CENO_CONTENT_IMAGE, "x", 1);
	ceno_content_id_format(&id, text);
	assert_true(ceno_content_id_equal(&id, &id));
	for (unsigned bit = 0; bit < 8 * sizeof id; bit++) {
		other = id;
		((uint8_t *)&other)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(ceno_content_id_equal(&id, &other));
		ceno_content_id_format(&other, changed);
		assert_string_not_equal(changed, text);
	}
}

static void assert_refused(const char *text, size_t length, int error)
{
	struct ceno_content_id id, before;
	char *exact = test_malloc(length + 1);

	memset(&id, 0xa5, sizeof id);
	before = id;
	memcpy(exact, text, length);
	exact[length] = 'a'; /* no NUL ends it */
	assert_int_equal(ceno_content_id_parse(&id, exact, length), error);
	assert_memory_equal(&id, &before, sizeof id);
	test_free(exact);
}

static void test_refused_texts(void **state)
{
	struct ceno_content_id id;
	char text[LENGTH + 20];

	(void)state;
	memset(text, 'a', sizeof text);
	memcpy(text, empty_native, LENGTH);
	assert_int_equal(ceno_content_id_parse(&id, text, LENGTH), 0);
	for (size_t n = 0; n < sizeof text; n++)
		if (n != LENGTH)
			assert_refused(text, n, CENO_CONTENT_ID_E_LENGTH);
	assert_int_equal(ceno_content_id_parse(&id, NULL, 0), CENO_CONTENT_ID_E_LENGTH);
	for (size_t at = 0; at < LENGTH; at++)
		for (int c = 0; c < 256; c++) {
			bool digit = (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7');

			text[at] = (char)c;
			if (at < 5 && c != empty_native[at])
				assert_refused(text, LENGTH, CENO_CONTENT_ID_E_PREFIX);
			else if (at >= 5 && !digit)
				assert_refused(text, LENGTH, CENO_CONTENT_ID_E_DIGIT);
			text[at] = empty_native[at];
		}
}

/* Every value of the first three bytes, as bytes and as text. */
static void test_refused_bytes(void **state)
{
	struct ceno_content_id good, id;
	char text[LENGTH + 1];

	(void)state;
	ceno_content_id_make(&good, CENO_CONTENT_NATIVE, NULL, 0);
	for (unsigned at = 0; at < 3; at++)
		for (unsigned value = 0; value < 256; value++) {
			static const int errors[] = { CENO_CONTENT_ID_E_VERSION, CENO_CONTENT_ID_E_HASH,
				                      CENO_CONTENT_ID_E_KIND };
			bool known = at == 2 ? value >= 1 && value <= 3 : value == 1;

			id = good;
			((uint8_t *)&id)[at] = (uint8_t)value;
			assert_int_equal(ceno_content_id_check(&id), known ? 0 : errors[at]);
			ceno_content_id_format(&id, text);
			if (!known)
				assert_refused(text, LENGTH, errors[at]);
		}
}

static void test_names(void **state)
{
	(void)state;
	for (int error = -6; error < 0; error++)
		assert_string_not_equal(ceno_content_id_error_text(error), "unknown");
	assert_string_equal(ceno_content_id_error_text(-7), "unknown");
	assert_string_equal(ceno_content_kind_name(CENO_CONTENT_NATIVE), "native module");
	assert_string_equal(ceno_content_kind_name(0), "unknown");
	assert_string_equal(ceno_content_kind_name(4), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),         cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_bits),
		cmocka_unit_test(test_refused_texts), cmocka_unit_test(test_refused_bytes),
		cmocka_unit_test(test_names),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
