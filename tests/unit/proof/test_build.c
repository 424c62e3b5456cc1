/*
 * Building: what the writer refuses, that the largest possible proof fits its
 * limits, that reading gives back what was written, the formulas of leaves and
 * commitments written out by hand, and that docs/proof-format.md lists exactly
 * the fields of the tables (unit_proof_build --table prints them).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "guest-kernel/abi/layout.h"
#include "tests/lib/proof_fixture.h"

static struct fixture f;

static void start(void)
{
	fixture_init(&f);
	fixture_redo(&f);
}

/* ---- the writer refuses what no verifier would take ---------------------------------- */

static void fields_outside_their_pattern(void **state)
{
	static const struct {
		const char *what;
		size_t offset, size;
		uint64_t value;
	} bad[] = {
#define BAD(member, value) \
	{ #member, offsetof(struct ceno_proof_statement, member), sizeof(((struct ceno_proof_statement *)0)->member), \
	  value }
		BAD(core.mem_total, 0),
		BAD(core.mem_total, CENO_PROOF_MEM_MAX + 1),
		BAD(core.page_bytes, 8192),
		BAD(core.pledge_mask, 256),
		BAD(core.classification, 6),
		BAD(core.jurisdiction, 8),
		BAD(core.platform.test_key, 2),
		BAD(isolation.cause, 0),
		BAD(isolation.cause, 7),
		BAD(isolation.slot_count, 0),
		BAD(isolation.slot_count, 17),
		BAD(isolation.slots[0].kind, 8),
		BAD(isolation.slots[0].bytes, 0),
		BAD(isolation.slots[0].gpa, 1ull << 53),
		BAD(isolation.no_new_privs, 2),
		BAD(filesystem.area_count, 17),
		BAD(filesystem.areas[0].pledge_class, 9),
		BAD(isolation.trail_bytes, CENO_TRAIL_BYTES + 1),
		BAD(isolation.cpu.cr0, 1ull << 53),
		BAD(overwrite.passes, 0),
		BAD(overwrite.passes, 8),
		BAD(overwrite.bitmap_bytes, 0),
		BAD(overwrite.bitmap_bytes, 1025),
		BAD(overwrite.random_source, 2),
		BAD(keys.key_count, 9),
		BAD(tokens.id_count, 17),
		BAD(forensic.root_count, 0),
		BAD(forensic.host.cgroup_version, 3),
		BAD(forensic.host.kvm, 4),
		BAD(sanitization.passes, 0),
		BAD(timing.stopped_us, 1ull << 53),
		BAD(chain.sealed_us, UINT64_MAX),
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint32_t narrow = (uint32_t)bad[i].value;
		uint8_t chain[8][32];
		start();
		memcpy((char *)&f.statement + bad[i].offset,
		       bad[i].size == 4 ? (void *)&narrow : (const void *)&bad[i].value, bad[i].size);
		int sealed = ceno_proof_seal_steps(&f.statement, chain);
		int written = ceno_proof_payload(&f.statement, f.payload, &f.payload_bytes);
		if (written != CENO_PROOF_E_FIELD ||
		    (sealed != CENO_PROOF_E_FIELD &&
		     bad[i].offset != offsetof(struct ceno_proof_statement, chain.sealed_us)))
			fail_msg("%s = %llu: %d %d", bad[i].what, (unsigned long long)bad[i].value, sealed, written);
		assert_int_equal(f.payload_bytes, 0);
	}
	start();
	strcpy(f.statement.core.version, "0.1 \"x\"");
	assert_int_equal(ceno_proof_payload(&f.statement, f.payload, &f.payload_bytes), CENO_PROOF_E_FIELD);
	start();
	memset(f.statement.core.platform.trust_name, 'a', sizeof(f.statement.core.platform.trust_name)); /* no NUL */
	assert_int_equal(ceno_proof_payload(&f.statement, f.payload, &f.payload_bytes), CENO_PROOF_E_FIELD);
	start();
	f.seal.node.origin[0] = '\0';
	assert_int_equal(ceno_proof_file(f.payload, f.payload_bytes, f.signature, f.statement.core.signer_pub, &f.seal,
	                                 f.file, &f.file_bytes),
	                 CENO_PROOF_E_FIELD);
	assert_int_equal(ceno_proof_file(f.payload, CENO_PAYLOAD_MAX + 1, f.signature, f.statement.core.signer_pub,
	                                 &f.seal, f.file, &f.file_bytes),
	                 CENO_PROOF_E_SPACE);
}

/* ---- limits ------------------------------------------------------------------------------ */

static void widen_host(struct ceno_proof_statement *s)
{
	struct ceno_proof_host *h = &s->forensic.host;
	h->compact_unevictable = h->dumpable = h->hibernation = h->huge_pages = h->init_on_free = h->kdump = h->ksm = 0;
	h->npt = h->numa_balancing = h->swap = h->zswap = 0;
	h->kvm = CENO_PROOF_KVM_UNKNOWN;
	memset(h->kernel, 'k', 64);
}

/* Every list full, every number at its widest. */
static void fill_to_the_brim(struct ceno_proof_statement *s)
{
	uint64_t wide = CENO_JSON_NUMBER_MAX;
	memset(s->core.version, 'v', 24);
	memset(s->core.platform.trust_name, 't', 64);
	memset(s->core.record_commit, 1, 32);
	memset(s->core.platform.image, 1, 32);
	s->core.mem_total = CENO_PROOF_MEM_MAX;
	s->isolation.slot_count = CENO_PROOF_SLOTS_MAX;
	for (uint32_t i = 0; i < CENO_PROOF_SLOTS_MAX; i++)
		s->isolation.slots[i] =
		    (struct ceno_proof_slot){ wide, wide, CENO_PROOF_SLOT_FIRMWARE, CENO_PROOF_READ_WRITE };
	s->filesystem.area_count = CENO_PROOF_AREAS_MAX;
	for (uint32_t i = 0; i < CENO_PROOF_AREAS_MAX; i++)
		s->filesystem.areas[i] =
		    (struct ceno_proof_area){ CENO_PROOF_AREA_WINDOW, 8, wide, wide, wide, wide, 0 };
	s->overwrite.bitmap_bytes = CENO_PROOF_BITMAP_MAX;
	memset(s->overwrite.bitmap, 0xff, CENO_PROOF_BITMAP_MAX);
	s->overwrite.passes = s->sanitization.passes = s->forensic.root_count = CENO_PROOF_PASSES_MAX;
	s->keys.key_count = CENO_PROOF_KEYS_MAX;
	for (uint32_t i = 0; i < CENO_PROOF_KEYS_MAX; i++)
		s->keys.keys[i] = (struct ceno_proof_key){ .bytes = UINT32_MAX };
	s->tokens.id_count = CENO_PROOF_TOKENS_MAX;
	s->isolation.trail_bytes = CENO_TRAIL_BYTES;
	s->isolation.cpu = (struct ceno_proof_cpu){ wide, wide, wide, UINT32_MAX };
	s->isolation.cap_eff = s->overwrite.bytes = s->overwrite.ms = s->overwrite.st_blocks = wide;
	s->forensic.compared_bytes = s->forensic.mismatches = s->chain.sealed_us = wide;
	s->timing.started_unix_ms = s->timing.launched_us = s->timing.stopped_us = wide;
	s->timing.read_back_us = s->timing.zeroed_us = s->timing.compared_us = wide;
	for (int i = 0; i < 6; i++)
		s->timing.steps[i] = (struct ceno_proof_span){ wide, wide };
	widen_host(s);
}

static void the_largest_proof_fits(void **state)
{
	(void)state;
	start();
	fill_to_the_brim(&f.statement);
	assert_int_equal(ceno_proof_seal_steps(&f.statement, f.chain), 0);
	assert_int_equal(ceno_proof_payload(&f.statement, f.payload, &f.payload_bytes), 0);
	f.seal.batch.count = f.seal.launch.inclusion.count = 32; /* a log of 2^32 leaves */
	f.seal.checkpoint_bytes = CENO_PROOF_CHECKPOINT_MAX;
	f.seal.node.ak_public_bytes = CENO_PROOF_AK_PUBLIC_MAX;
	f.seal.quote.attest_bytes = f.seal.nv.attest_bytes = CENO_PROOF_ATTEST_MAX;
	f.seal.nv.value = UINT64_MAX;
	fixture_write(&f);
	print_message("largest payload %zu of %u bytes, largest file %zu of %u\n", f.payload_bytes, CENO_PAYLOAD_MAX,
	              f.file_bytes, CENO_CDP_FILE_MAX);
}

static void small_buffers_are_refused(void **state)
{
	struct ceno_json_writer w;
	static char out[CENO_PAYLOAD_MAX];
	(void)state;
	start();
	ceno_json_writer_init(&w, out, sizeof(out));
	ceno_schema_write(&ceno_schema_core, &f.statement.core, &w);
	assert_int_equal(w.error, 0);
	size_t whole = w.length;
	for (size_t capacity = 0; capacity < whole; capacity += 7) {
		ceno_json_writer_init(&w, out, capacity);
		ceno_schema_write(&ceno_schema_core, &f.statement.core, &w);
		assert_int_equal(w.error, CENO_PROOF_E_SPACE);
		assert_true(w.length <= capacity);
	}
}

/* ---- round trip ---------------------------------------------------------------------------- */

static void reading_gives_back_what_was_written(void **state)
{
	static struct ceno_json_token tokens[2048];
	static struct ceno_proof_document document;
	static struct ceno_proof_envelope envelope;
	struct ceno_json json;
	uint32_t bad;
	(void)state;
	start();
	assert_int_equal(ceno_json_read(&json, f.payload, f.payload_bytes, tokens, 2048), 0);
	print_message("payload %zu bytes, %u values\n", f.payload_bytes, json.token_count);
	assert_int_equal(ceno_schema_read(&ceno_schema_document, &json, 0, &document, &bad), 0);
	assert_memory_equal(&document.statement, &f.statement, sizeof(f.statement));
	assert_memory_equal(document.subject, f.chain[0], 32);
	assert_int_equal(ceno_json_read(&json, f.file, f.file_bytes, tokens, 2048), 0);
	print_message("file %zu bytes, %u values\n", f.file_bytes, json.token_count);
	assert_int_equal(ceno_schema_read(&ceno_schema_envelope, &json, 0, &envelope, &bad), 0);
	assert_memory_equal(&envelope.seal, &f.seal, sizeof(f.seal));
	assert_memory_equal(envelope.payload, f.payload, f.payload_bytes);
}

/* ---- formulas by hand ------------------------------------------------------------------------ */

static void leaf_bodies(void **state)
{
	struct ceno_attest_launch launch = { 0 };
	uint8_t body[CENO_PROOF_LEAF_MAX], want[CENO_PROOF_LEAF_MAX], a[32], b[32], id[16], parts[6][32];
	(void)state;
	memset(id, 0x11, 16);
	memset(a, 0x22, 32);
	memset(b, 0x33, 32);
	memcpy(want, "CDP/v1/cdp\0\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\0\0\0\0\0\0\1\2",
	       35);
	memcpy(want + 35, a, 32);
	memcpy(want + 67, b, 32);
	assert_int_equal(ceno_proof_leaf_cdp(id, 258, a, b, body), 99);
	assert_memory_equal(body, want, 99);
	memcpy(want, "CDP/v1/unclean", 15);
	memcpy(want + 15, id, 16);
	memcpy(want + 31, "\0\0\0\0\0\0\0\7\6", 9);
	assert_int_equal(ceno_proof_leaf_unclean(id, 7, 6, body), 40);
	assert_memory_equal(body, want, 40);
	memset(launch.session_id, 0x11, 16);
	memset(launch.platform_digest, 0x22, 32);
	memset(launch.request_commit, 0x33, 32);
	memset(launch.signer_pub, 0x44, 32);
	memset(launch.rp_nonce, 0x55, 32);
	memcpy(want, "CDP/v1/launch", 14);
	memset(want + 14, 0x11, 16);
	memset(want + 30, 0x22, 32);
	memset(want + 62, 0x33, 32);
	crypto_hash_sha256(want + 94, launch.signer_pub, 32);
	memset(want + 126, 0x55, 32);
	assert_int_equal(ceno_proof_leaf_launch(&launch, body), 158);
	assert_memory_equal(body, want, 158);
	memset(parts, 0x66, sizeof(parts));
	memcpy(want, "CDP/v1/epoch", 13);
	crypto_hash_sha256(want + 13, parts[0], sizeof(parts));
	memcpy(want + 45, "\0\0\0\0\0\0\0\x2a", 8);
	assert_int_equal(ceno_proof_leaf_epoch((const uint8_t(*)[32])parts, 42, body), 53);
	assert_memory_equal(body, want, 53);
	memcpy(want, "CDP/v1/record", 14);
	memcpy(want + 14, a, 32);
	assert_int_equal(ceno_proof_leaf_record(a, body), 46);
	assert_memory_equal(body, want, 46);
	memcpy(want, "CDP/v1/key\0\1", 12);
	crypto_hash_sha256(want + 12, a, 32);
	crypto_hash_sha256(want + 44, b, 32);
	memset(want + 76, 0x66, 64);
	assert_int_equal(ceno_proof_leaf_keychange(CENO_PROOF_PURPOSE_LOG, a, b, (const uint8_t *)parts, body), 140);
	assert_memory_equal(body, want, 140);
}

/* Both spellings of the quote's signature give the same file, with the lower s. */
static void one_spelling_of_ecdsa(void **state)
{
	static const char order_hex[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
	static uint8_t file[CENO_CDP_FILE_MAX];
	uint8_t order[32], *s = f.seal.quote.signature + 32;
	int borrow = 0;
	(void)state;
	start();
	fixture_redo(&f);
	memcpy(file, f.file, f.file_bytes);
	sodium_hex2bin(order, 32, order_hex, 64, NULL, NULL, NULL);
	for (int i = 31; i >= 0; i--) {
		int d = order[i] - s[i] - borrow;
		borrow = d < 0;
		s[i] = (uint8_t)d;
	}
	fixture_write(&f);
	assert_memory_equal(f.file, file, f.file_bytes);
}

static void commitments(void **state)
{
	uint8_t opening[32], x[32], salt[32], text[14 + 64], want[32], got[32], other[32];
	(void)state;
	memset(opening, 1, 32);
	memset(x, 2, 32);
	ceno_proof_hkdf(opening, (const uint8_t *)"CDP/v1/salt\0request", 19, salt);
	memcpy(text, "CDP/v1/commit", 14);
	memcpy(text + 14, salt, 32);
	memcpy(text + 46, x, 32);
	crypto_hash_sha256(want, text, sizeof(text));
	ceno_proof_commit(opening, "request", x, got);
	assert_memory_equal(got, want, 32);
	ceno_proof_commit(opening, "record", x, other);
	assert_memory_not_equal(other, got, 32);
}

static void bindings(void **state)
{
	struct ceno_proof_request request;
	uint8_t text[15 + 128], nonce[32], want[32], got[32];
	(void)state;
	for (uint8_t i = 0; i < 4; i++)
		memset((uint8_t *)&request + 32 * i, 0x70 + i, 32);
	memcpy(text, "CDP/v1/request", 15);
	memcpy(text + 15, &request, 128);
	crypto_hash_sha256(want, text, sizeof(text));
	ceno_proof_request_digest(&request, got);
	assert_memory_equal(got, want, 32);
	memset(nonce, 9, 32);
	memcpy(text, "CDP/v1/node", 12);
	memcpy(text + 12, nonce, 32);
	crypto_hash_sha256(want, text, 44);
	ceno_proof_node_data(nonce, got);
	assert_memory_equal(got, want, 32);
	memcpy(text, "CDP/v1/nv", 10);
	memcpy(text + 10, nonce, 32);
	crypto_hash_sha256(want, text, 42);
	ceno_proof_nv_data(nonce, got);
	assert_memory_equal(got, want, 32);
}

static void every_error_has_a_text(void **state)
{
	(void)state;
	for (int i = -1; i >= -4; i--)
		assert_string_not_equal(ceno_proof_error_text(i), ceno_proof_error_text(0));
	for (int i = -1; i >= -6; i--)
		assert_string_not_equal(ceno_log_error_text(i), ceno_log_error_text(0));
}

static void pae_is_dsse(void **state)
{
	uint8_t pae[CENO_PROOF_PAE_MAX];
	(void)state;
	size_t n = ceno_proof_pae((const uint8_t *)"{}", 2, pae);
	assert_int_equal(n, strlen("DSSEv1 28 application/vnd.in-toto+json 2 {}"));
	assert_memory_equal(pae, "DSSEv1 28 application/vnd.in-toto+json 2 {}", n);
	assert_int_equal(ceno_proof_pae(pae, CENO_PAYLOAD_MAX + 1, pae), 0);
}

/* ---- the documented table ---------------------------------------------------------------------- */

static const char *const types[] = { "number",  "decimal", "bool",  "word",         "text", "constant",
	                             "version", "number",  "hash",  "hash or none", "hex",  "base64",
	                             "base64",  "object",  "array", "array" };

static void describe(const struct ceno_field *x, char *out, size_t capacity)
{
	const char *const *words = x->aux;
	size_t n = (size_t)snprintf(out, capacity, "%s", types[x->type]);
	if (x->type == CENO_FIELD_CONST || x->type == CENO_FIELD_VERSION)
		snprintf(out, capacity, "\"%s\"", (const char *)x->aux);
	else if (x->type == CENO_FIELD_FIXED)
		snprintf(out, capacity, "%llu", (unsigned long long)x->min);
	else if (x->type == CENO_FIELD_NUMBER && x->max != CENO_JSON_NUMBER_MAX)
		snprintf(out + n, capacity - n, ", %llu to %llu", (unsigned long long)x->min,
		         (unsigned long long)x->max);
	else if (x->type == CENO_FIELD_HEX || x->type == CENO_FIELD_BASE64)
		snprintf(out + n, capacity - n, ", %u bytes", x->size);
	else if (x->type == CENO_FIELD_BYTES || x->type == CENO_FIELD_TEXT)
		snprintf(out + n, capacity - n, ", %llu to %llu %s", (unsigned long long)x->min,
		         (unsigned long long)x->max, x->type == CENO_FIELD_TEXT ? "characters" : "bytes");
	else if (x->type == CENO_FIELD_LIST)
		snprintf(out + n, capacity - n, " of %llu to %llu",
		         (unsigned long long)(x->count_offset == CENO_FIELD_NO_COUNT ? x->max : x->min),
		         (unsigned long long)x->max);
	for (uint64_t i = 0; x->type == CENO_FIELD_WORD && i <= x->max; i++)
		if (words[i] != NULL)
			n += (size_t)snprintf(out + n, capacity - n, "%s %s", n == 4 ? ":" : "", words[i]);
}

typedef void line_fn(const char *line, void *context);

static void walk(const struct ceno_schema *s, const char *path, line_fn *emit, void *context);

static void walk_field(const struct ceno_field *x, const char *path, line_fn *emit, void *context)
{
	char type[256], line[512], below[256];
	const struct ceno_field *element = x->aux;
	if (x->type == CENO_FIELD_OBJECT) {
		walk(x->aux, path, emit, context);
		return;
	}
	if (x->type == CENO_FIELD_TUPLE) {
		const struct ceno_schema *s = x->aux;
		for (uint32_t i = 0; i < s->count; i++) {
			snprintf(below, sizeof(below), "%s[%u]", path, i);
			walk_field(&s->fields[i], below, emit, context);
		}
		return;
	}
	describe(x, type, sizeof(type));
	snprintf(line, sizeof(line), "| `%s` | %s | %c |", path, type, x->vouch);
	emit(line, context);
	if (x->type == CENO_FIELD_LIST) {
		snprintf(below, sizeof(below), "%s[]", path);
		walk_field(element, below, emit, context);
	}
}

static void walk(const struct ceno_schema *s, const char *path, line_fn *emit, void *context)
{
	for (uint32_t i = 0; i < s->count; i++) {
		char below[256];
		snprintf(below, sizeof(below), "%s%s%s", path, *path != '\0' ? "." : "", s->fields[i].key);
		walk_field(&s->fields[i], below, emit, context);
	}
}

static void print_line(const char *line, void *context)
{
	(void)context;
	puts(line);
}

static char docs[65536];
static uint32_t documented;

static void find_line(const char *line, void *context)
{
	char want[600];
	(void)context;
	snprintf(want, sizeof(want), "\n%s", line);
	if (strstr(docs, want) == NULL)
		fail_msg("docs/proof-format.md lacks: %s", line);
	documented++;
}

static void the_document_lists_every_field(void **state)
{
	uint32_t lines = 0;
	FILE *in = fopen(CENO_FORMAT_DOCUMENT, "rb");
	(void)state;
	assert_non_null(in);
	docs[fread(docs, 1, sizeof(docs) - 1, in)] = '\0';
	fclose(in);
	walk(&ceno_schema_envelope, "", find_line, NULL);
	walk(&ceno_schema_document, "", find_line, NULL);
	for (const char *p = docs; (p = strstr(p, "\n| `")) != NULL; p++)
		lines++;
	assert_int_equal(lines, documented);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_outside_their_pattern),
		cmocka_unit_test(the_largest_proof_fits),
		cmocka_unit_test(small_buffers_are_refused),
		cmocka_unit_test(reading_gives_back_what_was_written),
		cmocka_unit_test(leaf_bodies),
		cmocka_unit_test(one_spelling_of_ecdsa),
		cmocka_unit_test(commitments),
		cmocka_unit_test(bindings),
		cmocka_unit_test(every_error_has_a_text),
		cmocka_unit_test(pae_is_dsse),
		cmocka_unit_test(the_document_lists_every_field),
	};
	if (argc == 2 && strcmp(argv[1], "--table") == 0) {
		walk(&ceno_schema_envelope, "", print_line, NULL);
		puts("");
		walk(&ceno_schema_document, "", print_line, NULL);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
