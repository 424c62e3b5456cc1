/*
 * The checks a boot starts with: a good trust page, boot page and bundle pass;
 * each single thing that bundle.h promises is broken in turn and must give its
 * own stop code; no byte of a bundle can change without being noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "images/build.h"
#include "abi/manifest.h"
#include "lib/bundle.h"

static struct ceno_key key;
static struct ceno_trust trust;
static uint8_t *good;
static size_t good_bytes;

static struct ceno_bundle_header *copy_bundle(void)
{
	uint8_t *copy = aligned_alloc(CENO_PAGE, good_bytes);

	assert_non_null(copy);
	memcpy(copy, good, good_bytes);
	return (struct ceno_bundle_header *)copy;
}

/* Runs one mutation over a fresh copy and compares the verdict. The check reads
 * the header only, so more may be said to be available than there is. */
#define EXPECT_OF(available, stop, mutation) \
	do { \
		struct ceno_bundle_header *h = copy_bundle(); \
\
		mutation; \
		assert_int_equal(ceno_bundle_check(h, available), CENO_STOP_##stop); \
		free(h); \
	} while (0)
#define EXPECT(stop, mutation) EXPECT_OF(good_bytes, stop, mutation)

static void test_good(void **state)
{
	struct ceno_boot boot = { .magic = CENO_BOOT_MAGIC,
		                  .abi_version = CENO_ABI_VERSION,
		                  .tsc_hz = 1,
		                  .syscall_mode = CENO_SYSCALL_PAGE,
		                  .pledge_mask = 0xff };

	(void)state;
	assert_int_equal(ceno_trust_check(&trust), CENO_STOP_NONE);
	assert_int_equal(ceno_boot_check(&boot), CENO_STOP_NONE);
	assert_int_equal(ceno_bundle_check(good, good_bytes), CENO_STOP_NONE);
	assert_int_equal(ceno_bundle_check(good, CENO_BUNDLE_MAX), CENO_STOP_NONE);
	assert_int_equal(ceno_bundle_verify((const void *)good, &trust, NULL), CENO_STOP_NONE);
}

static void test_trust(void **state)
{
	(void)state;
#define EXPECT_TRUST(mutation) \
	do { \
		struct ceno_trust t = trust; \
\
		mutation; \
		assert_int_equal(ceno_trust_check(&t), CENO_STOP_TRUST_PAGE); \
	} while (0)
	EXPECT_TRUST(t.magic ^= 1);
	EXPECT_TRUST(t.version = 2);
	EXPECT_TRUST(t.test_key = 2);
	EXPECT_TRUST(memset(t.name, 0, sizeof t.name));
	EXPECT_TRUST(memset(t.name, 'x', sizeof t.name));
	EXPECT_TRUST(t.name[0] = '\n');
	EXPECT_TRUST(t.name[1] = (char)0x80);
	EXPECT_TRUST(t.name[sizeof t.name - 1] = 'x');
	for (size_t i = 0; i < sizeof trust.reserved; i++)
		EXPECT_TRUST(t.reserved[i] = 1);
}

static void test_boot(void **state)
{
	struct ceno_boot plain = { .magic = CENO_BOOT_MAGIC,
		                   .abi_version = CENO_ABI_VERSION,
		                   .tsc_hz = 1,
		                   .syscall_mode = CENO_SYSCALL_LSTAR };

	(void)state;
#define EXPECT_BOOT(mutation) \
	do { \
		struct ceno_boot b = plain; \
\
		mutation; \
		assert_int_equal(ceno_boot_check(&b), CENO_STOP_BOOT_PAGE); \
	} while (0)
	assert_int_equal(ceno_boot_check(&plain), CENO_STOP_NONE);
	EXPECT_BOOT(b.magic ^= 1ull << 63);
	EXPECT_BOOT(b.abi_version++);
	EXPECT_BOOT(b.syscall_mode = 0);
	EXPECT_BOOT(b.syscall_mode = 3);
	EXPECT_BOOT(b.tsc_hz = 0);
	EXPECT_BOOT(b.flags = CENO_BOOT_NATIVE | CENO_BOOT_PREPARED);
	EXPECT_BOOT(b.flags = CENO_BOOT_NATIVE | CENO_BOOT_ERRORS);
	EXPECT_BOOT(b.flags = 8);
	plain.flags = CENO_BOOT_NATIVE;
	assert_int_equal(ceno_boot_check(&plain), CENO_STOP_NONE);
	plain.flags = CENO_BOOT_PREPARED | CENO_BOOT_ERRORS;
	assert_int_equal(ceno_boot_check(&plain), CENO_STOP_NONE);
	plain.flags = CENO_BOOT_PREPARED;
	assert_int_equal(ceno_boot_check(&plain), CENO_STOP_NONE);
	EXPECT_BOOT(b.pledge_mask = 0x100);
	for (size_t i = 0; i < sizeof plain.reserved0; i++)
		EXPECT_BOOT(b.reserved0[i] = 1);
	for (size_t i = 0; i < sizeof plain.reserved1; i++)
		EXPECT_BOOT(b.reserved1[i] = 0x80);
}

static void test_header(void **state)
{
	(void)state;
	assert_int_equal(ceno_bundle_check(good, 0), CENO_STOP_BUNDLE_SIZE);
	for (size_t n = 0; n < good_bytes; n += n < 4000 ? 999 : 1)
		assert_int_equal(ceno_bundle_check(good, n), CENO_STOP_BUNDLE_SIZE);
	EXPECT(BUNDLE_MAGIC, h->magic++);
	EXPECT(BUNDLE_ABI, h->abi_version++);
	EXPECT(BUNDLE_ABI, h->abi_version = 0);
	EXPECT(BUNDLE_SIZE, h->total_bytes += CENO_PAGE);
	EXPECT(BUNDLE_SIZE, h->total_bytes++);
	EXPECT(BUNDLE_SIZE, h->total_bytes = 0);
	EXPECT(BUNDLE_SIZE, h->total_bytes = UINT64_MAX - CENO_PAGE + 1);
	EXPECT(BUNDLE_LAYOUT, h->total_bytes -= CENO_PAGE);
	EXPECT(BUNDLE_LAYOUT, h->header_bytes = 0);
	EXPECT(BUNDLE_LAYOUT, h->header_bytes = 8192);
	EXPECT(BUNDLE_LAYOUT, h->segment_count = 0);
	EXPECT(BUNDLE_LAYOUT, h->segment_count--);
	EXPECT(BUNDLE_LAYOUT, h->segment_count++);
	EXPECT(BUNDLE_LAYOUT, h->segment_count = CENO_BUNDLE_SEGMENTS + 1);
	EXPECT(BUNDLE_LAYOUT, h->segment_count = UINT32_MAX);
	EXPECT(BUNDLE_LAYOUT, h->module_count = 0);
	EXPECT(BUNDLE_LAYOUT, h->module_count--);
	EXPECT(BUNDLE_LAYOUT, h->module_count++);
	EXPECT(BUNDLE_LAYOUT, h->module_count = UINT32_MAX);
	for (size_t i = 0; i < sizeof((struct ceno_bundle_header *)0)->reserved; i++)
		EXPECT(BUNDLE_LAYOUT, h->reserved[i] = 1);
}

/* Segments of the good bundle: 0-2 nucleus text, rodata, bss; 3-5 init; 6 entry page. */
static void test_segments(void **state)
{
	(void)state;
	EXPECT(BUNDLE_LAYOUT, h->segments[0].module = CENO_MODULE_VAULT);
	EXPECT(BUNDLE_LAYOUT, h->segments[3].module = 99);
	EXPECT(BUNDLE_LAYOUT, h->segments[0].kind = CENO_SEGMENT_NONE);
	EXPECT(BUNDLE_LAYOUT, h->segments[0].kind = CENO_SEGMENT_BSS + 1);
	EXPECT(BUNDLE_LAYOUT, h->segments[1].kind = CENO_SEGMENT_TEXT);
	EXPECT(BUNDLE_LAYOUT, h->segments[1].kind = CENO_SEGMENT_BSS);
	EXPECT(BUNDLE_LAYOUT, h->segments[0].kind = CENO_SEGMENT_RODATA);
	EXPECT(BUNDLE_LAYOUT, h->segments[0].offset += CENO_PAGE);
	EXPECT(BUNDLE_LAYOUT, h->segments[0].offset = 0);
	EXPECT(BUNDLE_LAYOUT, h->segments[1].offset -= CENO_PAGE);
	EXPECT(BUNDLE_LAYOUT, h->segments[1].offset++);
	EXPECT(BUNDLE_LAYOUT, h->segments[2].offset = CENO_PAGE);
	EXPECT(BUNDLE_LAYOUT, h->segments[6].offset = UINT64_MAX - CENO_PAGE + 1);
	EXPECT(BUNDLE_LAYOUT, h->segments[1].bytes = 0);
	EXPECT(BUNDLE_LAYOUT, h->segments[1].bytes++);
	EXPECT(BUNDLE_LAYOUT, h->segments[1].bytes += CENO_PAGE);
	EXPECT(BUNDLE_LAYOUT, h->segments[4].bytes = UINT64_MAX - CENO_PAGE + 1);
	EXPECT(BUNDLE_LAYOUT, h->segments[2].bytes = CENO_BUNDLE_MAX + CENO_PAGE);
	EXPECT(BUNDLE_LAYOUT, h->segments[5].bytes = 0);
	EXPECT(BUNDLE_LAYOUT, h->segments[0].gva++);
	EXPECT(BUNDLE_LAYOUT, h->segments[1].gva = h->segments[0].gva);
	EXPECT(BUNDLE_LAYOUT, h->segments[2].gva = h->segments[1].gva);
	EXPECT(BUNDLE_LAYOUT, h->segments[2].gva = CENO_LARGE_PAGE);
	EXPECT(BUNDLE_LAYOUT, h->segments[2].gva = UINT64_MAX - CENO_PAGE + 1);
	EXPECT(BUNDLE_LAYOUT, h->segments[5].gva = CENO_GVA_SERVICE - CENO_PAGE);
	EXPECT(BUNDLE_LAYOUT, h->segments[5].gva = CENO_GVA_WINDOW);
	EXPECT(BUNDLE_LAYOUT, h->segments[5].gva = 0);
	EXPECT(BUNDLE_LAYOUT, h->segments[6].gva += CENO_PAGE);
	EXPECT(BUNDLE_LAYOUT, h->segments[6].kind = CENO_SEGMENT_RODATA);
	EXPECT(BUNDLE_LAYOUT, h->segments[7].gva = 1);
	EXPECT(BUNDLE_LAYOUT, h->segments[CENO_BUNDLE_SEGMENTS - 1].module = 1);
	EXPECT(BUNDLE_LAYOUT, {
		struct ceno_bundle_segment s = h->segments[0];
		h->segments[0] = h->segments[1];
		h->segments[1] = s;
	});
	EXPECT(NONE, h->segments[2].gva += CENO_PAGE);
}

/* Modules: 0 nucleus, 1 init, 2 entry page. */
static void test_modules(void **state)
{
	(void)state;
	EXPECT(BUNDLE_LAYOUT, h->modules[0].id = CENO_MODULE_PROV);
	EXPECT(BUNDLE_LAYOUT, h->modules[1].id = CENO_MODULE_NUCLEUS);
	EXPECT(BUNDLE_LAYOUT, h->modules[1].id = CENO_MODULE_ENTRY_PAGE);
	EXPECT(BUNDLE_LAYOUT, h->modules[1].id = CENO_MODULE_VAULT + 1);
	EXPECT(BUNDLE_LAYOUT, {
		struct ceno_bundle_module m = h->modules[0];
		h->modules[0] = h->modules[1];
		h->modules[1] = m;
	});
	EXPECT(BUNDLE_LAYOUT, h->modules[1].name[0] = '\0');
	EXPECT(BUNDLE_LAYOUT, h->modules[1].name[2] = '\t');
	EXPECT(BUNDLE_LAYOUT, h->modules[1].name[23] = 'x');
	EXPECT(BUNDLE_LAYOUT, memset(h->modules[1].name, 'x', 24));
	EXPECT(BUNDLE_MANIFEST, h->modules[1].pledge_mask = 0x100);
	EXPECT(BUNDLE_LAYOUT, h->modules[0].entry = CENO_PAGE);
	EXPECT(BUNDLE_LAYOUT, h->modules[1].entry = CENO_GVA_SERVICE + CENO_PAGE);
	EXPECT(BUNDLE_LAYOUT, h->modules[1].entry = CENO_GVA_SERVICE - 1);
	EXPECT(BUNDLE_LAYOUT, h->modules[2].entry = 0);
	EXPECT(BUNDLE_LAYOUT, h->modules[1].vectors = 16);
	EXPECT(BUNDLE_LAYOUT, h->modules[0].vectors++);
	EXPECT(BUNDLE_LAYOUT, h->modules[0].vectors = CENO_PAGE - CENO_VECTORS * CENO_VECTOR_BYTES + 16);
	EXPECT(BUNDLE_LAYOUT, h->modules[0].vectors = UINT64_MAX - 15);
	EXPECT(BUNDLE_LAYOUT, h->modules[3].name[0] = 'x');
	EXPECT(BUNDLE_LAYOUT, h->modules[CENO_BUNDLE_MODULES - 1].reserved[23] = 1);
	EXPECT(NONE, h->modules[0].vectors = CENO_PAGE - CENO_VECTORS * CENO_VECTOR_BYTES);
	EXPECT(NONE, h->modules[1].pledge_mask = 0xff);
}

/* What the manifests of nucleus, init and entry page say must be nothing. */
static void test_fixed_manifests(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		EXPECT(BUNDLE_MANIFEST, memset(h->modules[i].content_id, 0, 32));
		EXPECT(NONE, h->modules[i].content_id[31] ^= 1);
		EXPECT(BUNDLE_MANIFEST, h->modules[i].budget = 1);
		EXPECT(BUNDLE_MANIFEST, h->modules[i].spectrum = CENO_SPECTRUM_MATTER);
		EXPECT(BUNDLE_MANIFEST, h->modules[i].flags = CENO_MODULE_ESSENTIAL);
		EXPECT(BUNDLE_MANIFEST, h->modules[i].restarts_max = 1);
		EXPECT(BUNDLE_MANIFEST, h->modules[i].pool_pages = 1);
		EXPECT(BUNDLE_MANIFEST, h->modules[i].state_bytes = CENO_PAGE);
		EXPECT(BUNDLE_MANIFEST, h->modules[i].grants = 1ull << CENO_SLOT_SELF);
		for (size_t k = 0; k < sizeof((struct ceno_bundle_module *)0)->reserved; k++)
			EXPECT(BUNDLE_MANIFEST, h->modules[i].reserved[k] = 1);
	}
}

/* Makes init's segments a service's, with a manifest that says something. */
static struct ceno_bundle_module *make_service(struct ceno_bundle_header *h, uint32_t id)
{
	struct ceno_bundle_module *m = &h->modules[1];

	m->id = id;
	for (unsigned i = 3; i < 6; i++)
		h->segments[i].module = id;
	m->budget = 1;
	m->pool_pages = 32;
	m->pledge_mask = 1u << CENO_PLEDGE_STDIO;
	m->grants = 1ull << CENO_SLOT_SELF | 1ull << CENO_SLOT_WINDOW;
	return m;
}

static void test_service_manifests(void **state)
{
	struct ceno_bundle_module *m;

	(void)state;
	EXPECT(NONE, make_service(h, CENO_MODULE_PROV));
	EXPECT(NONE, make_service(h, CENO_MODULE_MEMBRANE));
#define EXPECT_MANIFEST(stop, mutation) EXPECT(stop, (m = make_service(h, CENO_MODULE_VAULT), mutation))
	EXPECT_MANIFEST(BUNDLE_MANIFEST, memset(m->content_id, 0, 32));
	EXPECT_MANIFEST(BUNDLE_MANIFEST, m->budget = 0);
	EXPECT_MANIFEST(NONE, m->budget = UINT32_MAX);
	EXPECT_MANIFEST(NONE, m->spectrum = CENO_SPECTRUM_VOID);
	EXPECT_MANIFEST(BUNDLE_MANIFEST, m->spectrum = CENO_SPECTRUM_COUNT);
	EXPECT_MANIFEST(NONE, m->flags = CENO_MODULE_FLAGS);
	for (uint32_t bit = 4; bit < 8; bit++)
		EXPECT_MANIFEST(BUNDLE_MANIFEST, m->flags = (uint8_t)(1u << bit));
	EXPECT_MANIFEST(NONE, m->restarts_max = UINT16_MAX);
	EXPECT_MANIFEST(BUNDLE_MANIFEST, (m->restarts_max = 1, m->flags = CENO_MODULE_ESSENTIAL));
	EXPECT_MANIFEST(BUNDLE_MANIFEST, m->pool_pages = 0);
	EXPECT_MANIFEST(NONE, m->pool_pages = CENO_MODULE_POOL_REST);
	EXPECT_MANIFEST(NONE, m->state_bytes = CENO_MODULE_STATE_MAX);
	EXPECT_MANIFEST(BUNDLE_MANIFEST, m->state_bytes = CENO_MODULE_STATE_MAX + CENO_PAGE);
	EXPECT_MANIFEST(BUNDLE_MANIFEST, m->state_bytes = 1);
	EXPECT_MANIFEST(BUNDLE_MANIFEST, m->grants |= 1ull << (CENO_SLOT_WINDOW + CENO_PLEDGE_GPU));
	EXPECT_MANIFEST(BUNDLE_MANIFEST, m->pledge_mask = 1u << CENO_PLEDGE_RW);
	for (uint32_t slot = 0; slot < 64; slot++) {
		if (CENO_MODULE_GRANTS >> slot & 1)
			EXPECT_MANIFEST(NONE, (m->pledge_mask = 0xff, m->grants = 1ull << slot));
		else
			EXPECT_MANIFEST(BUNDLE_MANIFEST, m->grants = 1ull << slot);
	}
	assert_false(CENO_MODULE_GRANTS & (1ull << CENO_SLOT_NULL | 1ull << CENO_SLOT_TRAP));
}

/* Adds a second service that has one page of text. */
static struct ceno_bundle_module *add_service(struct ceno_bundle_header *h)
{
	struct ceno_bundle_module *m = &h->modules[h->module_count++];

	*m = h->modules[1];
	m->id = CENO_MODULE_PROV;
	h->segments[h->segment_count++] =
	    (struct ceno_bundle_segment){ m->id, CENO_SEGMENT_TEXT, h->total_bytes, CENO_PAGE, CENO_GVA_SERVICE };
	h->total_bytes += CENO_PAGE;
	return m;
}

/* User RAM, and the rest of the pool, go to one module. */
static void test_one_heir(void **state)
{
	const size_t more = good_bytes + CENO_PAGE;
	struct ceno_bundle_module *m;

	(void)state;
#define EXPECT_TWO(stop, one, two) \
	EXPECT_OF(more, stop, (m = make_service(h, CENO_MODULE_VAULT), one, m = add_service(h), two))
	EXPECT_TWO(NONE, m->budget = 1, m->budget = 1);
	EXPECT_TWO(BUNDLE_MANIFEST, m->grants |= 1ull << CENO_SLOT_RAM, m->budget = 1);
	EXPECT_TWO(NONE, m->grants |= 1ull << CENO_SLOT_RAM, m->grants = 1ull << CENO_SLOT_CLOCK);
	EXPECT_TWO(BUNDLE_MANIFEST, m->pool_pages = CENO_MODULE_POOL_REST, m->budget = 1);
	EXPECT_TWO(NONE, m->pool_pages = CENO_MODULE_POOL_REST, m->pool_pages = 1);
}

/* One byte of a module's text or rodata, or where it lies, is another content; another
 * module's bytes and its own bss are not. */
static void test_content(void **state)
{
	struct ceno_bundle_header *h = copy_bundle();
	uint8_t *bytes = (uint8_t *)h, id[32], now[32];
	struct ceno_blake3 hash;

	(void)state;
#define CONTENT(out) (ceno_bundle_content(&hash, h, CENO_MODULE_INIT), ceno_blake3_final(&hash, out, 32))
	CONTENT(id);
	assert_memory_equal(id, h->modules[1].content_id, 32);
	for (size_t i = CENO_PAGE; i < good_bytes; i += 61) {
		size_t page = i / CENO_PAGE;

		bytes[i] ^= 1;
		CONTENT(now);
		assert_int_equal(memcmp(id, now, 32) != 0, page == 3 || page == 4);
		bytes[i] ^= 1;
	}
	h->segments[3].gva += CENO_PAGE;
	CONTENT(now);
	assert_memory_not_equal(id, now, 32);
	h->segments[3].gva -= CENO_PAGE;
	h->segments[5].bytes += CENO_PAGE;
	CONTENT(now);
	assert_memory_equal(id, now, 32);
	free(h);
}

static void add_segment(struct ceno_bundle_header *h, uint32_t module, uint32_t kind, uint64_t gva)
{
	h->segments[h->segment_count++] = (struct ceno_bundle_segment){ module, kind, h->total_bytes, CENO_PAGE, gva };
	h->total_bytes += CENO_PAGE;
}

/* As a bundle without a header page of its own: text would start at offset 0. */
static void drop_header(struct ceno_bundle_header *h)
{
	h->header_bytes = 0;
	h->total_bytes -= CENO_PAGE;
	for (uint32_t i = 0; i < h->segment_count; i++)
		h->segments[i].offset -= h->segments[i].offset ? CENO_PAGE : 0;
}

/* Consistent changes: everything else is put right, so that one promise alone is broken. */
static void test_one_promise(void **state)
{
	const size_t more = good_bytes + CENO_PAGE;
	const uint64_t free_gva = CENO_GVA_SERVICE + 0x10000;

	(void)state;
	EXPECT_OF(SIZE_MAX, BUNDLE_SIZE, h->total_bytes = CENO_BUNDLE_MAX + CENO_PAGE);
	EXPECT_OF(SIZE_MAX, BUNDLE_SIZE, h->total_bytes--);
	EXPECT_OF(more, BUNDLE_LAYOUT, h->total_bytes += CENO_PAGE);
	EXPECT(BUNDLE_LAYOUT, drop_header(h));
	EXPECT(BUNDLE_LAYOUT, {
		uint8_t *rest = (uint8_t *)h + offsetof(struct ceno_bundle_header, segments);

		h->total_bytes = CENO_PAGE;
		h->segment_count = h->module_count = 0;
		memset(rest, 0, sizeof h->segments + sizeof h->modules);
	});
	EXPECT(BUNDLE_LAYOUT, make_service(h, CENO_MODULE_VAULT + 1));
	EXPECT(BUNDLE_LAYOUT, h->modules[h->module_count++] = h->modules[1]);
	EXPECT(BUNDLE_LAYOUT, h->segments[5].gva++);
	EXPECT(BUNDLE_LAYOUT, h->segments[5].bytes++);
	EXPECT(NONE, h->segments[5].bytes += CENO_PAGE);
	EXPECT(BUNDLE_LAYOUT, (h->segments[6].gva -= CENO_PAGE, h->modules[2].entry -= CENO_PAGE));
	EXPECT_OF(more, BUNDLE_LAYOUT, (h->segments[6].bytes += CENO_PAGE, h->total_bytes += CENO_PAGE));
	EXPECT_OF(more, NONE, (make_service(h, CENO_MODULE_PROV), h->segments[4].kind = CENO_SEGMENT_RODATA));
	EXPECT_OF(more, BUNDLE_LAYOUT, add_segment(h, CENO_MODULE_INIT, CENO_SEGMENT_NONE, free_gva));
	EXPECT_OF(more, BUNDLE_LAYOUT, add_segment(h, CENO_MODULE_INIT, CENO_SEGMENT_BSS + 1, free_gva));
	EXPECT_OF(more, BUNDLE_LAYOUT, add_segment(h, CENO_MODULE_INIT, CENO_SEGMENT_RODATA, free_gva));
	EXPECT_OF(more, BUNDLE_LAYOUT, add_segment(h, CENO_MODULE_PROV, CENO_SEGMENT_RODATA, free_gva));
	EXPECT_OF(more, BUNDLE_LAYOUT, add_segment(h, CENO_MODULE_ENTRY_PAGE, CENO_SEGMENT_RODATA, CENO_GVA_ENTRY));
	EXPECT_OF(more, BUNDLE_LAYOUT, add_segment(h, CENO_MODULE_ENTRY_PAGE, CENO_SEGMENT_RODATA, free_gva));
}

/* Every byte of the file: the check or the signature notices. */
static void test_every_byte(void **state)
{
	struct ceno_bundle_header *h = copy_bundle();
	uint8_t *bytes = (uint8_t *)h;

	(void)state;
	for (size_t i = 0; i < good_bytes; i++) {
		uint8_t flip = (uint8_t)(1u << i % 8);

		bytes[i] ^= flip;
		if (ceno_bundle_check(h, good_bytes) == CENO_STOP_NONE)
			assert_int_equal(ceno_bundle_verify(h, &trust, NULL), CENO_STOP_BUNDLE_SIGNATURE);
		bytes[i] ^= flip;
	}
	assert_int_equal(ceno_bundle_verify(h, &trust, NULL), CENO_STOP_NONE);
	free(h);
}

static void test_other_key(void **state)
{
	struct ceno_trust other = trust;
	struct ceno_key stranger;

	(void)state;
	assert_int_equal(ceno_key_generate(&stranger, "stranger", true), 0);
	ceno_key_trust(&stranger, &other);
	assert_int_equal(ceno_trust_check(&other), CENO_STOP_NONE);
	assert_int_equal(ceno_bundle_verify((const void *)good, &other, NULL), CENO_STOP_BUNDLE_SIGNATURE);
	memset(other.public_key, 0, sizeof other.public_key); /* a point of order 4 */
	assert_int_equal(ceno_bundle_verify((const void *)good, &other, NULL), CENO_STOP_BUNDLE_SIGNATURE);
}

/* The domain is signed too, with its NUL: a signature of the bare bundle is none. */
static void test_domain(void **state)
{
	struct ceno_bundle_header *h = copy_bundle();

	(void)state;
	memset(h->signature, 0, sizeof h->signature);
	crypto_sign_detached(h->signature, NULL, (const uint8_t *)h, good_bytes, key.secret);
	assert_int_equal(ceno_bundle_verify(h, &trust, NULL), CENO_STOP_BUNDLE_SIGNATURE);
	free(h);
}

static int set_up(void **state)
{
	static uint8_t text[CENO_PAGE], rodata[100];
	const struct ceno_module modules[] = {
		{ CENO_MODULE_NUCLEUS,
		  0x500,
		  0,
		  { { 0, 4096, text, 4096 }, { 4096, 4096, rodata, 100 }, { 12288, 8192, NULL, 0 } },
		  { 0 } },
		{ CENO_MODULE_INIT,
		  CENO_GVA_SERVICE,
		  0,
		  { { CENO_GVA_SERVICE, 4096, text, 4000 },
		    { CENO_GVA_SERVICE + 4096, 4096, rodata, 1 },
		    { CENO_GVA_SERVICE + 8192, 4096, NULL, 0 } },
		  { .pledge_mask = 3 } },
		{ CENO_MODULE_ENTRY_PAGE, CENO_GVA_ENTRY, 0, { { CENO_GVA_ENTRY, 4096, text, 50 } }, { 0 } },
	};

	(void)state;
	if (ceno_key_generate(&key, "unit test", true) != 0)
		return -1;
	randombytes_buf(text, sizeof text);
	ceno_key_trust(&key, &trust);
	return ceno_build_bundle(modules, 3, &key, &good, &good_bytes) ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(good);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_boot),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_other_key),
		cmocka_unit_test(test_domain),
		cmocka_unit_test(test_one_promise),
		cmocka_unit_test(test_fixed_manifests),
		cmocka_unit_test(test_service_manifests),
		cmocka_unit_test(test_one_heir),
		cmocka_unit_test(test_content),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
