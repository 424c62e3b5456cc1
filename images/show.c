/*
 * Listings (show.h). Numbers in the tables are trusted only after the same
 * check that the firmware makes.
 */
#include "images/show.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>
#include "images/module.h"
#include "lib/bundle.h"
#include "lib/content_id.h"

static const char *const kinds[] = { "none", "text", "rodata", "bss" };

const char *ceno_show_kind(const uint8_t *blob, size_t bytes)
{
	uint64_t magic;

	if (bytes < CENO_PAGE)
		return NULL;
	memcpy(&magic, blob, sizeof magic);
	return magic == CENO_FIRMWARE_MAGIC ? "firmware"
	    : magic == CENO_TRUST_MAGIC     ? "trust page"
	    : magic == CENO_BUNDLE_MAGIC    ? "bundle"
					    : NULL;
}

static const char *check(const uint8_t *blob, size_t bytes, const char **kind)
{
	const struct ceno_firmware_header *firmware = (const void *)blob;
	const struct ceno_bundle_header *bundle = (const void *)blob;

	*kind = ceno_show_kind(blob, bytes);
	if (!*kind)
		return "not a firmware image, trust page or bundle";
	if (strcmp(*kind, "firmware") == 0) {
		uint64_t parts = (uint64_t)firmware->rodata_bytes + firmware->stub_bytes + firmware->text_bytes;

		return firmware->total_bytes == bytes && parts == bytes ? NULL : "malformed firmware header";
	}
	if (strcmp(*kind, "trust page") == 0)
		return bytes == CENO_PAGE && ceno_trust_check((const void *)blob) == CENO_STOP_NONE
		    ? NULL
		    : "malformed trust page";
	switch (ceno_bundle_check(blob, bytes)) {
	case CENO_STOP_NONE:
		return bundle->total_bytes == bytes ? NULL : "bytes follow the bundle";
	case CENO_STOP_BUNDLE_ABI:
		return "the bundle is for another ABI version";
	case CENO_STOP_BUNDLE_SIZE:
		return "the bundle is truncated or larger than allowed";
	case CENO_STOP_BUNDLE_MANIFEST:
		return "the manifest of one of the bundle's modules is malformed";
	default:
		return "the bundle's segment or module table is malformed";
	}
}

static void print_hex(FILE *out, const char *label, const uint8_t *value, size_t bytes)
{
	fprintf(out, "  %-10s ", label);
	for (size_t i = 0; i < bytes; i++)
		fprintf(out, "%02x", value[i]);
	fputc('\n', out);
}

static void print_firmware(FILE *out, const struct ceno_firmware_header *f)
{
	fprintf(out, "firmware, ABI %u, %u bytes\n", f->abi_version, f->total_bytes);
	fprintf(out, "  stub       0x%05x %6u bytes, entry 0x%05x, vectors 0x%05x\n", f->stub_offset, f->stub_bytes,
	        f->entry_offset, f->vector_offset);
	fprintf(out, "  text       0x%05x %6u bytes, verifier 0x%05x\n", f->text_offset, f->text_bytes,
	        f->verifier_offset);
	fprintf(out, "  rodata     0x%05x %6u bytes\n", f->rodata_offset, f->rodata_bytes);
}

static void print_trust(FILE *out, const struct ceno_trust *t)
{
	fprintf(out, "trust page: %s%s\n", t->name, t->test_key ? " [test key]" : "");
	print_hex(out, "Ed25519", t->public_key, sizeof t->public_key);
}

static void print_words(FILE *out, const char *label, uint64_t bits, const char *(*word)(uint32_t))
{
	const char *comma = "";

	fprintf(out, "  %-10s ", label);
	for (uint32_t i = 0; word(i); i++) {
		if (bits >> i & 1) {
			fprintf(out, "%s%s", comma, word(i));
			comma = ",";
		}
	}
	fputs(bits ? "\n" : "-\n", out);
}

static void print_manifest(FILE *out, const struct ceno_bundle_module *m)
{
	struct ceno_content_id id = { CENO_CONTENT_ID_VERSION, CENO_CONTENT_ID_BLAKE3, CENO_CONTENT_SERVICE, { 0 } };
	char text[CENO_CONTENT_ID_TEXT_LENGTH + 1];

	memcpy(id.digest, m->content_id, sizeof id.digest);
	ceno_content_id_format(&id, text);
	fprintf(out, "  %-10s %s\n", "content id", text);
	print_words(out, "pledges", m->pledge_mask, ceno_table_pledge);
	if (!m->budget)
		return;
	print_words(out, "flags", m->flags, ceno_table_flag);
	print_words(out, "grants", m->grants, ceno_table_grant);
	fprintf(out, "  %-10s %u J, spectrum %s\n", "budget", m->budget, ceno_table_spectrum(m->spectrum));
	fprintf(out, "  %-10s at most %u, state %u bytes\n", "restarts", m->restarts_max, m->state_bytes);
	if (m->pool_pages == CENO_MODULE_POOL_REST)
		fprintf(out, "  %-10s what the others leave\n", "pool");
	else
		fprintf(out, "  %-10s %u pages\n", "pool", m->pool_pages);
}

static void print_bundle(FILE *out, const struct ceno_bundle_header *h)
{
	fprintf(out, "bundle, ABI %u, %" PRIu64 " bytes, %u modules\n", h->abi_version, h->total_bytes,
	        h->module_count);
	for (uint32_t i = 0; i < h->module_count; i++) {
		const struct ceno_bundle_module *m = &h->modules[i];

		fprintf(out, "%s: entry 0x%" PRIx64, m->name, m->entry);
		if (m->id == CENO_MODULE_NUCLEUS)
			fprintf(out, ", vectors 0x%" PRIx64, m->vectors);
		fputc('\n', out);
		for (uint32_t k = 0; k < h->segment_count; k++) {
			const struct ceno_bundle_segment *s = &h->segments[k];

			if (s->module == m->id)
				fprintf(out, "  %-6s     0x%05" PRIx64 " %6" PRIu64 " bytes at 0x%" PRIx64 "\n",
				        kinds[s->kind], s->offset, s->bytes, s->gva);
		}
		print_manifest(out, m);
	}
	print_hex(out, "signature", h->signature, sizeof h->signature);
}

const char *ceno_show_blob(FILE *out, const uint8_t *blob, size_t bytes)
{
	const char *kind, *problem = check(blob, bytes, &kind);
	uint8_t digest[32];

	if (problem)
		return problem;
	if (kind[0] == 'f')
		print_firmware(out, (const void *)blob);
	else if (kind[0] == 't')
		print_trust(out, (const void *)blob);
	else
		print_bundle(out, (const void *)blob);
	crypto_hash_sha256(digest, blob, bytes);
	print_hex(out, "SHA-256", digest, sizeof digest);
	return NULL;
}

/* A module's segments as mapped, bss too. */
static uint64_t module_bytes(const struct ceno_bundle_header *h, uint32_t id)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < h->segment_count; i++)
		if (h->segments[i].module == id)
			sum += h->segments[i].bytes;
	return sum;
}

static void add_part(FILE *out, uint64_t bytes, const char *name, uint64_t *total)
{
	*total += bytes;
	if (out)
		fprintf(out, "%" PRIu64 "\t%s\n", bytes, name);
}

const char *ceno_show_sizes(FILE *out, const uint8_t *blob, size_t bytes, uint64_t *total)
{
	const struct ceno_bundle_header *h = (const void *)blob;
	const char *kind, *problem = check(blob, bytes, &kind);

	if (problem)
		return problem;
	if (kind[0] != 'b') {
		add_part(out, bytes, kind, total);
		return NULL;
	}
	add_part(out, h->header_bytes, "bundle header", total);
	for (uint32_t i = 0; i < h->module_count; i++)
		add_part(out, module_bytes(h, h->modules[i].id), h->modules[i].name, total);
	return NULL;
}
