/* What people read of an image: see image.h. For the host. */
#include "lib/image.h"
#include "lib/mem.h"

const char *ceno_image_path(const struct ceno_image *image, uint32_t i, char *out, size_t size)
{
	uint32_t above[CENO_IMAGE_DEPTH_MAX + 1], depth = 0;
	size_t used = 0;

	for (; i && depth <= CENO_IMAGE_DEPTH_MAX; i = image->entries[i].parent)
		above[depth++] = i;
	if (!depth && size > 1)
		out[used++] = '/';
	while (depth--) {
		const struct ceno_image_entry *e = &image->entries[above[depth]];

		if ((size_t)e->name_bytes + 2 > size - used)
			break;
		out[used++] = '/';
		memcpy(out + used, image->names + e->name, e->name_bytes);
		used += e->name_bytes;
	}
	out[used] = 0;
	return out;
}

const char *ceno_image_error_text(uint32_t error)
{
	switch (error) {
#define CENO_IMAGE_ERROR_CASE(name, number, text) \
	case number: \
		return text;
		CENO_IMAGE_ERRORS(CENO_IMAGE_ERROR_CASE)
#undef CENO_IMAGE_ERROR_CASE
	default:
		return "unknown";
	}
}
