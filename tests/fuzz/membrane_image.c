/*
 * The session's image as membrane's tree of files, with entries and names that the host
 * never checked. Properties: what it puts into the tree lies in the image, links end, and
 * all of it can be walked, read, executed and taken away again.
 *
 *   a list of {offset low, offset high, value} applied to the entries and names of a good image
 */
#include <stdlib.h>
#include <string.h>

#include "guest-kernel/services/membrane/exec.h"
#include "guest-kernel/services/membrane/frames.h"
#include "guest-kernel/services/membrane/pack.h"
#include "lib/image.h"
#include "tests/unit/membrane/fake.h"
#include "tests/fuzz/property.h"

/* /  /a  /d/  /l->d/b  /d/b  /d/e/  /d/m->.. */
#define ENTRIES     7u
#define NAMES       24u
#define HEAD        (sizeof(struct ceno_image_header) + ENTRIES * sizeof(struct ceno_image_entry) + NAMES)
#define IMAGE_BYTES (5 * CENO_PAGE)
#define LOOKS_MAX   256u /* directories may share what is in them */

static uint8_t *image, pristine[HEAD];
static struct ceno_inode *top;
static unsigned looks;

static void make_good(void)
{
	static const char names[NAMES] = "\0a\0d\0l\0b\0e\0m\0d/b\0..";
	struct ceno_image_header *h = (void *)image;
	const struct ceno_image_entry entries[ENTRIES] = {
		{ .name = 0, .mode = CENO_IMAGE_DIR | 0755, .offset = 1, .length = 3 },
		{ .name = 1, .name_bytes = 1, .mode = CENO_IMAGE_FILE | 0755, .offset = 2 * CENO_PAGE, .length = 4097 },
		{ .name = 3, .name_bytes = 1, .mode = CENO_IMAGE_DIR | 0755, .offset = 4, .length = 3 },
		{ .name = 5, .name_bytes = 1, .mode = CENO_IMAGE_LINK | 0777, .offset = 13, .length = 3 },
		{ .name = 7,
		  .name_bytes = 1,
		  .mode = CENO_IMAGE_FILE | 0644,
		  .offset = 4 * CENO_PAGE,
		  .length = 7,
		  .parent = 2 },
		{ .name = 9, .name_bytes = 1, .mode = CENO_IMAGE_DIR | 0755, .offset = 7, .parent = 2 },
		{ .name = 11, .name_bytes = 1, .mode = CENO_IMAGE_LINK | 0777, .offset = 17, .length = 2, .parent = 2 },
	};

	*h = (struct ceno_image_header){ .magic = CENO_IMAGE_MAGIC,
		                         .version = CENO_IMAGE_VERSION,
		                         .entry_count = ENTRIES,
		                         .names_bytes = NAMES,
		                         .total_bytes = IMAGE_BYTES,
		                         .name = "good" };
	memcpy(h + 1, entries, sizeof(entries));
	memcpy((uint8_t *)(h + 1) + sizeof(entries), names, sizeof(names));
	memcpy(image + 2 * CENO_PAGE, fake_program("/bin/p").data, 2 * CENO_PAGE);
	memcpy(pristine, image, HEAD);
}

static void start(void)
{
	struct ceno_walk walk;

	image = fake_image(IMAGE_BYTES);
	make_good();
	fake_start();
	REQUIRE(!ceno_path_walk(ceno_inode_root(), "/d/../l", 0, &walk) && walk.inode && walk.inode->size == 7);
	top = ceno_inode_new(CENO_INODE_DIR, 0755);
	REQUIRE(top && !ceno_path_walk(ceno_inode_root(), "/tmp/t", 0, &walk) && !walk.inode);
	REQUIRE(ceno_dir_add(walk.parent, walk.last, walk.last_length, top) == 0);
}

static void look_at_file(struct ceno_inode *file)
{
	struct ceno_exec exec = {
		.path = "/tmp/t", .file = file, .strings = "t", .strings_bytes = 2, .argc = 1, .stack_limit = 8 << 20
	};
	uint64_t at = file->stored.offset - CENO_PACKS_IMAGE;
	uint8_t bytes[64];

	REQUIRE(file->stored.length == file->size && at <= IMAGE_BYTES && file->size <= IMAGE_BYTES - at);
	REQUIRE(file->size == 0 || ceno_packs_data(file->stored.offset, file->size));
	REQUIRE(ceno_exec_read(file, bytes, sizeof(bytes), 0) ==
	        (int64_t)(file->size < sizeof(bytes) ? file->size : sizeof(bytes)));
	if (ceno_exec(&exec) == 0)
		ceno_vm_drop(exec.vm);
}

static void look_at_link(const struct ceno_name *name, struct ceno_inode *dir)
{
	char path[CENO_NAME_MAX + 1];
	struct ceno_walk walk;

	REQUIRE(name->inode->target[name->inode->size] == 0);
	memcpy(path, name->text, name->length);
	path[name->length] = 0;
	(void)ceno_path_walk(dir, path, 0, &walk);
}

static void look_at_dir(struct ceno_inode *dir)
{
	(void)ceno_dir_find(dir, "b", 1);
	REQUIRE(!dir->dir.image);
	for (const struct ceno_name *name = dir->dir.first; name; name = name->next) {
		REQUIRE(name->length && ceno_dir_find(dir, name->text, name->length) == name);
		if (looks++ == LOOKS_MAX)
			return;
		switch (name->inode->kind) {
		case CENO_INODE_DIR:
			REQUIRE(name->inode != dir && name->inode->dir.parent == dir);
			look_at_dir(name->inode);
			break;
		case CENO_INODE_PACK:
			look_at_file(name->inode);
			break;
		default:
			REQUIRE(name->inode->kind == CENO_INODE_LINK);
			look_at_link(name, dir);
		}
	}
}

static void clear(struct ceno_inode *dir)
{
	dir->dir.image = 0;
	while (dir->dir.first) {
		if (dir->dir.first->inode->kind == CENO_INODE_DIR)
			clear(dir->dir.first->inode);
		ceno_dir_remove(dir->dir.first);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t used, empty_size;

	if (!top) {
		start();
		used = ceno_frames_used();
		empty_size = top->size;
	}
	memcpy(image, pristine, HEAD);
	for (; size >= 3; data += 3, size -= 3) {
		size_t at = ((size_t)data[0] | (size_t)data[1] << 8) % (HEAD - sizeof(struct ceno_image_header));

		image[sizeof(struct ceno_image_header) + at] = data[2];
	}
	looks = 0;
	top->dir.image = 1;
	look_at_dir(top);
	clear(top);
	REQUIRE(top->nlink == 2 && top->size == empty_size);
	REQUIRE(ceno_frames_used() <= used + 2 * LOOKS_MAX); /* the pool keeps pages, but for what there is at once */
	return 0;
}
