/*
 * The bundle builder (build.h). Segments follow the module table: text, rodata,
 * bss of each. Text is padded with int3, rodata with zeros.
 */
#include "images/build.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "lib/bundle.h"
#include "lib/content_id.h"

#define TEXT_PADDING 0xcc

static void fill_manifest(struct ceno_bundle_module *m, const struct ceno_manifest *from)
{
	m->pledge_mask = from->pledge_mask;
	m->budget = from->budget;
	m->spectrum = from->spectrum;
	m->flags = from->flags;
	m->restarts_max = from->restarts_max;
	m->pool_pages = from->pool_pages;
	m->state_bytes = from->state_bytes;
	m->grants = from->grants;
}

static const char *fill_tables(struct ceno_bundle_header *h, const struct ceno_module *modules, size_t count)
{
	uint64_t end = CENO_PAGE;

	for (size_t i = 0; i < count; i++) {
		struct ceno_bundle_module *m = &h->modules[i];

		if (!ceno_module_name(modules[i].id))
			return "unknown module";
		strncpy(m->name, ceno_module_name(modules[i].id), sizeof m->name - 1);
		m->id = modules[i].id;
		fill_manifest(m, &modules[i].manifest);
		m->entry = modules[i].entry;
		m->vectors = modules[i].vectors;
		for (uint32_t kind = CENO_SEGMENT_TEXT; kind <= CENO_SEGMENT_BSS; kind++) {
			const struct ceno_module_segment *from = &modules[i].segments[kind - 1];
			struct ceno_bundle_segment *s = &h->segments[h->segment_count];

			if (!from->bytes)
				continue;
			if (h->segment_count++ == CENO_BUNDLE_SEGMENTS)
				return "too many segments for one bundle";
			*s = (struct ceno_bundle_segment){ m->id, kind, from->data ? end : 0, from->bytes, from->gva };
			end += from->data ? from->bytes : 0;
		}
	}
	h->magic = CENO_BUNDLE_MAGIC;
	h->abi_version = CENO_ABI_VERSION;
	h->header_bytes = CENO_PAGE;
	h->total_bytes = end;
	h->module_count = (uint32_t)count;
	return end <= CENO_BUNDLE_MAX ? NULL : "the bundle is larger than CENO_BUNDLE_MAX";
}

static void fill_data(uint8_t *bundle, const struct ceno_module *modules, size_t count)
{
	uint8_t *at = bundle + CENO_PAGE;

	for (size_t i = 0; i < count; i++) {
		for (uint32_t kind = CENO_SEGMENT_TEXT; kind <= CENO_SEGMENT_RODATA; kind++) {
			const struct ceno_module_segment *s = &modules[i].segments[kind - 1];

			if (!s->bytes)
				continue;
			memset(at, kind == CENO_SEGMENT_TEXT ? TEXT_PADDING : 0, s->bytes);
			memcpy(at, s->data, s->data_bytes);
			at += s->bytes;
		}
	}
}

static void fill_content_ids(uint8_t *bundle)
{
	struct ceno_bundle_header *h = (struct ceno_bundle_header *)bundle;

	for (uint32_t i = 0; i < h->module_count; i++) {
		struct ceno_content_id id;
		struct ceno_blake3 hash;

		ceno_bundle_content(&hash, h, h->modules[i].id);
		ceno_content_id_finish(&id, CENO_CONTENT_SERVICE, &hash);
		memcpy(h->modules[i].content_id, id.digest, sizeof id.digest);
	}
}

static void sign(uint8_t *bundle, size_t bytes, const struct ceno_key *key, uint8_t *message)
{
	struct ceno_bundle_header *h = (struct ceno_bundle_header *)bundle;

	memcpy(message, CENO_BUNDLE_DOMAIN, sizeof CENO_BUNDLE_DOMAIN);
	memcpy(message + sizeof CENO_BUNDLE_DOMAIN, bundle, bytes);
	crypto_sign_detached(h->signature, NULL, message, sizeof CENO_BUNDLE_DOMAIN + bytes, key->secret);
}

const char *ceno_build_bundle(const struct ceno_module *modules, size_t count, const struct ceno_key *key,
                              uint8_t **bundle, size_t *bytes)
{
	struct ceno_bundle_header header = { 0 };
	struct ceno_trust trust;
	const char *problem;
	uint8_t *message;

	if (count == 0 || count > CENO_BUNDLE_MODULES || modules[0].id != CENO_MODULE_NUCLEUS)
		return "the first module must be the nucleus";
	if (!key->has_secret)
		return "the key file holds no secret key";
	problem = fill_tables(&header, modules, count);
	if (problem)
		return problem;
	*bytes = header.total_bytes;
	*bundle = aligned_alloc(CENO_PAGE, *bytes);
	message = malloc(sizeof CENO_BUNDLE_DOMAIN + *bytes);
	if (*bundle && message) {
		memcpy(*bundle, &header, sizeof header);
		fill_data(*bundle, modules, count);
		fill_content_ids(*bundle);
		sign(*bundle, *bytes, key, message);
		ceno_key_trust(key, &trust);
		if (ceno_bundle_check(*bundle, *bytes) != CENO_STOP_NONE)
			problem = "the firmware would refuse this bundle: an address, entry or vector out of place, "
				  "two modules are the same, or the table gives one what it may not have";
		else if (ceno_bundle_verify((const void *)*bundle, &trust, NULL) != CENO_STOP_NONE)
			problem = "the new signature does not verify";
	} else {
		problem = "out of memory";
	}
	free(message);
	if (problem) {
		free(*bundle);
		*bundle = NULL;
	}
	return problem;
}
