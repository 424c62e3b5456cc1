/*
 * The readers of images. Properties: they return for any bytes without reading past them;
 * what the host's check accepts keeps every promise of guest-kernel/abi/image.h, judged
 * here by other code; and the guest's one-entry look never finds anything outside, nor a
 * directory in itself, however bad the image is.
 *
 * Byte 0 odd: the rest is the file. Even: the rest is a list of {offset low, offset
 * high, value} applied to the head of a good image.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/image.h"
#include "tests/fuzz/property.h"

/* /  /a  /d/  /l->d/b  /z=a  /d/b  /d/e/  /d/e/n */
#define GOOD_ENTRIES 8u
#define GOOD_BYTES   (5 * CENO_PAGE)

static const struct {
	const char *name, *target;
	uint16_t mode;
	uint64_t offset, length;
	uint32_t parent, same;
} good[GOOD_ENTRIES] = {
	{ "", NULL, CENO_IMAGE_DIR | 0755, 1, 4, 0, 0 },
	{ "a", NULL, CENO_IMAGE_FILE | 0644, 2 * CENO_PAGE, CENO_PAGE + 1, 0, 0 },
	{ "d", NULL, CENO_IMAGE_DIR | 0755, 5, 2, 0, 0 },
	{ "l", "d/b", CENO_IMAGE_LINK | 0777, 0, 3, 0, 0 },
	{ "z", NULL, CENO_IMAGE_FILE | 0755, 2 * CENO_PAGE, CENO_PAGE + 1, 0, 2 },
	{ "b", NULL, CENO_IMAGE_FILE | 0644, 4 * CENO_PAGE, 7, 2, 0 },
	{ "e", NULL, CENO_IMAGE_DIR | 0755, 7, 1, 2, 0 },
	{ "n", NULL, CENO_IMAGE_FILE | 0600, 0, 0, 6, 0 },
};

static void make_good(struct ceno_image_header *h)
{
	struct ceno_image_entry *e = (struct ceno_image_entry *)(h + 1);
	char *names = (char *)(e + GOOD_ENTRIES);
	uint32_t at = 0;

	memset(h, 0, GOOD_BYTES);
	h->magic = CENO_IMAGE_MAGIC;
	h->version = CENO_IMAGE_VERSION;
	h->entry_count = GOOD_ENTRIES;
	h->total_bytes = GOOD_BYTES;
	memcpy(h->name, "good", 4);
	for (uint32_t i = 0; i < GOOD_ENTRIES; i++) {
		e[i] = (struct ceno_image_entry){ .name = at,
			                          .name_bytes = (uint16_t)strlen(good[i].name),
			                          .mode = good[i].mode,
			                          .offset = good[i].offset,
			                          .length = good[i].length,
			                          .parent = good[i].parent,
			                          .same = good[i].same };
		strcpy(names + at, good[i].name);
		at += e[i].name_bytes + 1u;
		if (!good[i].target)
			continue;
		e[i].offset = at;
		strcpy(names + at, good[i].target);
		at += (uint32_t)strlen(good[i].target) + 1u;
	}
	h->names_bytes = at;
}

static bool is_file(const struct ceno_image_entry *e)
{
	return (e->mode & CENO_IMAGE_TYPE) == CENO_IMAGE_FILE;
}

/* Own data of two files never overlaps, and lies behind the head. */
static void require_extents(const struct ceno_image *image, const struct ceno_image_entry *e)
{
	uint64_t head = CENO_IMAGE_HEAD_BYTES(image->count, image->names_bytes);

	if (!is_file(e) || !e->length)
		return;
	REQUIRE(e->offset >= head && e->offset % CENO_PAGE == 0 && e->offset + e->length <= image->total_bytes);
	REQUIRE(e->length < CENO_IMAGE_LARGE || e->offset % CENO_LARGE_PAGE == 0);
	for (uint32_t k = 0; k < image->count; k++) {
		const struct ceno_image_entry *o = &image->entries[k];

		if (o == e || !is_file(o) || !o->length)
			continue;
		if (o->offset == e->offset)
			REQUIRE(o->length == e->length && (o->same || e->same));
		else
			REQUIRE(o->offset + o->length <= e->offset || e->offset + e->length <= o->offset);
	}
}

static void require_tree(const struct ceno_image *image)
{
	uint8_t *parents = calloc(image->count, 1);

	REQUIRE(parents);
	for (uint32_t i = 0; i < image->count; i++) {
		const struct ceno_image_entry *e = ceno_image_entry(image, i);
		const char *name;

		REQUIRE(e);
		name = image->names + e->name;
		REQUIRE(strlen(name) == e->name_bytes && !strchr(name, '/') && (e->mode & 07000) == 0);
		REQUIRE(i == 0 || (e->name_bytes && strcmp(name, ".") && strcmp(name, "..")));
		require_extents(image, e);
		if ((e->mode & CENO_IMAGE_TYPE) != CENO_IMAGE_DIR)
			continue;
		for (uint64_t k = e->offset; k < e->offset + e->length; k++) {
			const struct ceno_image_entry *child = &image->entries[k];

			REQUIRE(k > i && parents[k]++ == 0 && child->parent == i);
			REQUIRE(ceno_image_find(image, e, image->names + child->name, child->name_bytes) == child);
			REQUIRE(k == e->offset ||
			        strcmp(image->names + child[-1].name, image->names + child->name) < 0);
		}
	}
	for (uint32_t i = 1; i < image->count; i++)
		REQUIRE(parents[i] == 1);
	free(parents);
}

/* As a guest does: from the root, believing nothing. */
static void look_around(const struct ceno_image *image)
{
	uint64_t i = 0;

	for (unsigned steps = 0; steps < 64; steps++) {
		const struct ceno_image_entry *e = ceno_image_entry(image, i);

		if (!e)
			return;
		REQUIRE((const uint8_t *)image->names + e->name + e->name_bytes <
		        (const uint8_t *)image->names + image->names_bytes);
		if ((e->mode & CENO_IMAGE_TYPE) == CENO_IMAGE_FILE)
			REQUIRE(e->offset <= image->total_bytes && e->length <= image->total_bytes - e->offset);
		if ((e->mode & CENO_IMAGE_TYPE) == CENO_IMAGE_DIR) {
			REQUIRE(e->offset > i && e->offset + e->length <= image->count);
			ceno_image_find(image, e, "b", 1);
			i = e->length ? e->offset + steps % e->length : i + 1;
		} else {
			i++;
		}
	}
}

static bool try(const void *file, size_t size)
{
	struct ceno_image image;
	char path[300];
	uint32_t culprit = 0;

	if (size < CENO_PAGE || ceno_image_open(&image, file, size) != CENO_IMAGE_OK)
		return false;
	look_around(&image);
	if (ceno_image_check(&image, &culprit) != CENO_IMAGE_OK) {
		REQUIRE(culprit <= image.count);
		return false;
	}
	require_tree(&image);
	ceno_image_path(&image, image.count - 1, path, sizeof path);
	REQUIRE(path[0] == '/');
	return true;
}

static void run_whole(const void *file, size_t size)
{
	try(file, size);
}

static void run_patched(const uint8_t *data, size_t size)
{
	static _Alignas(16) uint8_t image[GOOD_BYTES], good_head[2 * CENO_PAGE]; /* all that is patched */

	if (image[0] == 0) {
		make_good((struct ceno_image_header *)(void *)image);
		REQUIRE(try(image, GOOD_BYTES));
		memcpy(good_head, image, sizeof good_head);
	}
	for (size_t i = 0; i + 3 <= size; i += 3) {
		size_t at = ((size_t)data[i] | (size_t)data[i + 1] << 8) % 1536;

		/* the fields of the header, then entries and names */
		image[at < 256 ? at : at - 256 + CENO_PAGE] = data[i + 2];
	}
	try(image, GOOD_BYTES);
	memcpy(image, good_head, sizeof good_head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_either(data, size, run_whole, run_patched);
	return 0;
}
