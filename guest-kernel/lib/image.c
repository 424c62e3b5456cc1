/* Reading an image, entry by entry: see image.h. For guest and host. */
#include "lib/image.h"

int ceno_image_compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
	for (size_t i = 0; i < a_bytes && i < b_bytes; i++)
		if (a[i] != b[i])
			return (uint8_t)a[i] < (uint8_t)b[i] ? -1 : 1;
	return a_bytes < b_bytes ? -1 : a_bytes > b_bytes;
}

/* Of its own, because mem.c brings more than membrane can link twice. */
static bool is_zero(const void *at, size_t bytes)
{
	const unsigned char *p = at;
	unsigned char any = 0;

	for (size_t i = 0; i < bytes; i++)
		any |= p[i];
	return any == 0;
}

/* One to 63 plain characters, then zeros. */
static bool is_name(const char *name)
{
	size_t used = 0;

	for (; used < 63 && name[used]; used++) {
		char c = name[used];

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-')
			return false;
	}
	return used && is_zero(name + used, 64 - used);
}

enum ceno_image_error ceno_image_open(struct ceno_image *image, const void *header, uint64_t file_bytes)
{
	const struct ceno_image_header *h = header;

	if (h->magic != CENO_IMAGE_MAGIC)
		return CENO_IMAGE_E_MAGIC;
	if (h->version != CENO_IMAGE_VERSION)
		return CENO_IMAGE_E_VERSION;
	if (h->total_bytes != file_bytes || file_bytes > CENO_IMAGE_BYTES_MAX || file_bytes % CENO_PAGE)
		return CENO_IMAGE_E_SIZE;
	if (!h->entry_count || h->entry_count > CENO_IMAGE_ENTRIES_MAX || h->names_bytes > CENO_IMAGE_NAMES_MAX)
		return CENO_IMAGE_E_COUNT;
	if (CENO_IMAGE_HEAD_BYTES(h->entry_count, h->names_bytes) > file_bytes)
		return CENO_IMAGE_E_SIZE;
	if (!is_name(h->name) || h->time_s < 0 || h->reserved0 || !is_zero(h->reserved, sizeof h->reserved))
		return CENO_IMAGE_E_HEADER;
	*image = (struct ceno_image){
		.header = h,
		.entries = (const struct ceno_image_entry *)(h + 1),
		.names = (const char *)h + CENO_IMAGE_NAMES_OFFSET(h->entry_count),
		.total_bytes = file_bytes,
		.count = h->entry_count,
		.names_bytes = h->names_bytes,
	};
	return CENO_IMAGE_OK;
}

static bool is_within(uint64_t offset, uint64_t length, uint64_t bytes)
{
	return offset <= bytes && length <= bytes - offset;
}

const struct ceno_image_entry *ceno_image_entry(const struct ceno_image *image, uint64_t i)
{
	const struct ceno_image_entry *e;

	if (i >= image->count)
		return NULL;
	e = &image->entries[i];
	if (!is_within(e->name, (uint64_t)e->name_bytes + 1, image->names_bytes) || e->name_bytes > CENO_IMAGE_NAME_MAX)
		return NULL;
	switch (e->mode & CENO_IMAGE_TYPE) {
	case CENO_IMAGE_DIR:
		return e->offset > i && is_within(e->offset, e->length, image->count) ? e : NULL;
	case CENO_IMAGE_FILE:
		return e->offset % CENO_PAGE == 0 && is_within(e->offset, e->length, image->total_bytes) ? e : NULL;
	case CENO_IMAGE_LINK:
		return e->length <= CENO_IMAGE_LINK_MAX && is_within(e->offset, e->length + 1, image->names_bytes)
		    ? e
		    : NULL;
	default:
		return NULL;
	}
}

const struct ceno_image_entry *ceno_image_find(const struct ceno_image *image, const struct ceno_image_entry *directory,
                                               const char *name, size_t bytes)
{
	uint64_t low = directory->offset, high = directory->offset + directory->length;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		const struct ceno_image_entry *e = ceno_image_entry(image, middle);
		int order = e ? ceno_image_compare(image->names + e->name, e->name_bytes, name, bytes) : 0;

		if (!e || order == 0)
			return e;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
