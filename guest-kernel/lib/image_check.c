/* The whole of an image's head: see image.h. For the host. */
#include "lib/image.h"
#include "lib/ed25519.h"
#include "lib/mem.h"

uint64_t ceno_image_place(uint64_t at, uint64_t length)
{
	uint64_t unit = length >= CENO_IMAGE_LARGE ? CENO_LARGE_PAGE : CENO_PAGE;

	return (at + unit - 1) & ~(unit - 1);
}

struct walk {
	const struct ceno_image *image;
	uint64_t names; /* bytes of the names that belong to entries before this one */
	uint64_t child; /* the next directory's first child */
	uint64_t data;  /* end of the data so far */
};

static bool is_text(const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return bytes && text[bytes] == 0;
}

static enum ceno_image_error check_mode(const struct ceno_image_entry *e)
{
	uint32_t type = e->mode & CENO_IMAGE_TYPE, bits = e->mode & ~(uint32_t)CENO_IMAGE_TYPE;

	if (bits > 0777 || (type == CENO_IMAGE_LINK && bits != 0777))
		return CENO_IMAGE_E_MODE;
	return type == CENO_IMAGE_DIR || type == CENO_IMAGE_FILE || type == CENO_IMAGE_LINK ? CENO_IMAGE_OK
											    : CENO_IMAGE_E_MODE;
}

static enum ceno_image_error check_name(struct walk *w, uint32_t i)
{
	const struct ceno_image_entry *e = &w->image->entries[i];
	const char *name = w->image->names + w->names;
	size_t bytes = e->name_bytes;

	if (bytes > CENO_IMAGE_NAME_MAX)
		return CENO_IMAGE_E_LONG;
	if (e->name != w->names || bytes + 1 > w->image->names_bytes - w->names)
		return CENO_IMAGE_E_NAMES;
	w->names += bytes + 1;
	if (i == 0)
		return bytes || name[0] ? CENO_IMAGE_E_NAME : CENO_IMAGE_OK;
	if (!is_text(name, bytes) || (name[0] == '.' && (bytes == 1 || (bytes == 2 && name[1] == '.'))))
		return CENO_IMAGE_E_NAME;
	for (size_t k = 0; k < bytes; k++)
		if (name[k] == '/')
			return CENO_IMAGE_E_NAME;
	return CENO_IMAGE_OK;
}

/* Whether i is among the children of the directory it names, behind a sibling of a smaller name. The directory
 * has a smaller index, so its children are known to lie in one piece. */
static enum ceno_image_error check_place(const struct walk *w, uint32_t i)
{
	const struct ceno_image_entry *e = &w->image->entries[i], *directory, *before;
	uint32_t depth = 0;

	if (i == 0)
		return e->parent || (e->mode & CENO_IMAGE_TYPE) != CENO_IMAGE_DIR ? CENO_IMAGE_E_TREE : CENO_IMAGE_OK;
	if (e->parent >= i)
		return CENO_IMAGE_E_TREE;
	directory = &w->image->entries[e->parent];
	if ((directory->mode & CENO_IMAGE_TYPE) != CENO_IMAGE_DIR || i < directory->offset ||
	    i - directory->offset >= directory->length)
		return CENO_IMAGE_E_TREE;
	for (uint32_t at = i; at; at = w->image->entries[at].parent)
		if (++depth > CENO_IMAGE_DEPTH_MAX)
			return CENO_IMAGE_E_DEPTH;
	before = e - 1;
	if (i > directory->offset &&
	    ceno_image_compare(w->image->names + before->name, before->name_bytes, w->image->names + e->name,
	                       e->name_bytes) >= 0)
		return CENO_IMAGE_E_ORDER;
	return CENO_IMAGE_OK;
}

static enum ceno_image_error check_directory(struct walk *w, const struct ceno_image_entry *e)
{
	if (e->offset != w->child || e->length > w->image->count - w->child)
		return CENO_IMAGE_E_TREE;
	w->child += e->length;
	return e->same || !ceno_mem_is_zero(e->sha256, sizeof e->sha256) ? CENO_IMAGE_E_FIELD : CENO_IMAGE_OK;
}

/* Whether the target goes above the root, as text. depth: of the link's directory, the root's is 0. */
static bool escapes(const char *target, size_t bytes, uint32_t depth)
{
	if (target[0] == '/')
		depth = 0;
	for (size_t at = 0, end; at < bytes; at = end + 1) {
		for (end = at; end < bytes && target[end] != '/'; end++)
			;
		if (end == at || (end - at == 1 && target[at] == '.'))
			continue;
		if (end - at != 2 || target[at] != '.' || target[at + 1] != '.')
			depth++;
		else if (depth-- == 0)
			return true;
	}
	return false;
}

static enum ceno_image_error check_link(struct walk *w, const struct ceno_image_entry *e)
{
	const char *target = w->image->names + w->names;
	uint32_t depth = 0;

	if (e->length > CENO_IMAGE_LINK_MAX)
		return CENO_IMAGE_E_LONG;
	if (e->offset != w->names || e->length + 1 > w->image->names_bytes - w->names)
		return CENO_IMAGE_E_NAMES;
	w->names += e->length + 1;
	if (!is_text(target, e->length))
		return CENO_IMAGE_E_LINK;
	for (uint32_t at = e->parent; at; at = w->image->entries[at].parent)
		depth++;
	if (escapes(target, e->length, depth))
		return CENO_IMAGE_E_ESCAPE;
	return e->same || !ceno_mem_is_zero(e->sha256, sizeof e->sha256) ? CENO_IMAGE_E_FIELD : CENO_IMAGE_OK;
}

static enum ceno_image_error check_file(struct walk *w, uint32_t i)
{
	const struct ceno_image_entry *e = &w->image->entries[i], *first;
	uint64_t total = w->image->total_bytes;

	if (e->same) {
		if (e->same > i || !e->length)
			return CENO_IMAGE_E_SAME;
		first = &w->image->entries[e->same - 1];
		return (first->mode & CENO_IMAGE_TYPE) != CENO_IMAGE_FILE || first->same ||
			first->offset != e->offset || first->length != e->length ||
			!ceno_mem_equal(first->sha256, e->sha256, sizeof e->sha256)
		    ? CENO_IMAGE_E_SAME
		    : CENO_IMAGE_OK;
	}
	if (!e->length)
		return e->offset ? CENO_IMAGE_E_EXTENT : CENO_IMAGE_OK;
	if (e->offset != ceno_image_place(w->data, e->length) || e->offset > total || e->length > total - e->offset)
		return CENO_IMAGE_E_EXTENT;
	w->data = (e->offset + e->length + CENO_PAGE - 1) & ~(CENO_PAGE - 1);
	return CENO_IMAGE_OK;
}

static enum ceno_image_error check_entry(struct walk *w, uint32_t i)
{
	const struct ceno_image_entry *e = &w->image->entries[i];
	enum ceno_image_error error = check_mode(e);

	if (!error)
		error = check_name(w, i);
	if (!error)
		error = check_place(w, i);
	if (error)
		return error;
	switch (e->mode & CENO_IMAGE_TYPE) {
	case CENO_IMAGE_DIR:
		return check_directory(w, e);
	case CENO_IMAGE_LINK:
		return check_link(w, e);
	default:
		return check_file(w, i);
	}
}

enum ceno_image_error ceno_image_check(const struct ceno_image *image, uint32_t *culprit)
{
	uint64_t head = CENO_IMAGE_HEAD_BYTES(image->count, image->names_bytes);
	uint64_t end = CENO_IMAGE_NAMES_OFFSET(image->count) + image->names_bytes;
	struct walk w = { .image = image, .child = 1, .data = head };
	uint32_t ignored;

	if (!culprit)
		culprit = &ignored;
	for (uint32_t i = 0; i < image->count; i++) {
		enum ceno_image_error error = check_entry(&w, i);

		*culprit = i;
		if (error)
			return error;
	}
	*culprit = image->count;
	if (w.child != image->count)
		return CENO_IMAGE_E_TREE;
	if (w.names != image->names_bytes)
		return CENO_IMAGE_E_NAMES;
	if (w.data != image->total_bytes)
		return CENO_IMAGE_E_EXTENT;
	return ceno_mem_is_zero((const uint8_t *)image->header + end, head - end) ? CENO_IMAGE_OK
										  : CENO_IMAGE_E_PADDING;
}

void ceno_image_content_id(const struct ceno_image *image, struct ceno_content_id *id)
{
	struct ceno_image_header header = *image->header;
	struct ceno_blake3 hash;

	memset(header.content_id, 0, sizeof header.content_id);
	memset(header.public_key, 0, sizeof header.public_key);
	memset(header.signature, 0, sizeof header.signature);
	ceno_blake3_init(&hash);
	ceno_blake3_update(&hash, &header, sizeof header);
	ceno_blake3_update(&hash, image->entries,
	                   CENO_IMAGE_HEAD_BYTES(image->count, image->names_bytes) - sizeof header);
	ceno_content_id_finish(id, CENO_CONTENT_IMAGE, &hash);
}

#define MESSAGE_BYTES (sizeof CENO_IMAGE_DOMAIN + sizeof(struct ceno_content_id))

static void message_of(const struct ceno_content_id *id, uint8_t message[MESSAGE_BYTES])
{
	memcpy(message, CENO_IMAGE_DOMAIN, sizeof CENO_IMAGE_DOMAIN);
	memcpy(message + sizeof CENO_IMAGE_DOMAIN, id, sizeof *id);
}

enum ceno_image_error ceno_image_verify(const struct ceno_image *image)
{
	const struct ceno_image_header *h = image->header;
	uint8_t message[MESSAGE_BYTES];
	struct ceno_content_id id;

	ceno_image_content_id(image, &id);
	if (!ceno_mem_equal(id.digest, h->content_id, sizeof id.digest))
		return CENO_IMAGE_E_CONTENT;
	message_of(&id, message);
	return ceno_ed25519_verify(h->signature, h->public_key, message, sizeof message) ? CENO_IMAGE_OK
											 : CENO_IMAGE_E_SIGNATURE;
}

void ceno_image_sign(struct ceno_image_header *header, const uint8_t seed[32], const uint8_t public_key[32])
{
	const struct ceno_image image = {
		.header = header,
		.entries = (const struct ceno_image_entry *)(header + 1),
		.count = header->entry_count,
		.names_bytes = header->names_bytes,
	};
	uint8_t message[MESSAGE_BYTES];
	struct ceno_content_id id;

	ceno_image_content_id(&image, &id);
	message_of(&id, message);
	memcpy(header->content_id, id.digest, sizeof id.digest);
	memcpy(header->public_key, public_key, 32);
	ceno_ed25519_sign(header->signature, seed, public_key, message, sizeof message);
}
