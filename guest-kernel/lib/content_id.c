/* Content ids (content_id.h): what guest and host need. */
#include "lib/content_id.h"
#include "lib/mem.h"

void ceno_content_id_make(struct ceno_content_id *id, enum ceno_content_kind kind, const void *content, size_t bytes)
{
	struct ceno_blake3 hash;

	ceno_blake3_init(&hash);
	ceno_blake3_update(&hash, content, bytes);
	ceno_content_id_finish(id, kind, &hash);
}

void ceno_content_id_finish(struct ceno_content_id *id, enum ceno_content_kind kind, struct ceno_blake3 *hash)
{
	id->version = CENO_CONTENT_ID_VERSION;
	id->hash = CENO_CONTENT_ID_BLAKE3;
	id->kind = (uint8_t)kind;
	ceno_blake3_final(hash, id->digest, sizeof id->digest);
}

int ceno_content_id_check(const struct ceno_content_id *id)
{
	if (id->version != CENO_CONTENT_ID_VERSION)
		return CENO_CONTENT_ID_E_VERSION;
	if (id->hash != CENO_CONTENT_ID_BLAKE3)
		return CENO_CONTENT_ID_E_HASH;
	switch (id->kind) {
#define X(name, number, text) case CENO_CONTENT_##name:
		CENO_CONTENT_KINDS(X)
#undef X
		return 0;
	default:
		return CENO_CONTENT_ID_E_KIND;
	}
}

bool ceno_content_id_equal(const struct ceno_content_id *a, const struct ceno_content_id *b)
{
	return ceno_mem_equal(a, b, sizeof *a);
}
