/* The image under the tree. See image.h. The host checked it; nothing here relies on that. */
#include "image.h"

#include "lib/image.h"
#include "pack.h"

static struct ceno_image image;

int ceno_image_mount(uint64_t bytes)
{
	const struct ceno_image_header *header;
	struct ceno_inode *root = ceno_inode_root();

	if (!bytes)
		return 0;
	header = ceno_packs_add_image(bytes) ? NULL : ceno_packs_data(CENO_PACKS_IMAGE, CENO_PAGE);
	if (!header || ceno_image_open(&image, header, bytes) ||
	    !ceno_packs_data(CENO_PACKS_IMAGE, CENO_IMAGE_HEAD_BYTES(image.count, image.names_bytes)) || !root)
		return -LX_EINVAL;
	root->dir.image = 1;
	return 0;
}

static struct ceno_inode *new_link(const struct ceno_image_entry *e)
{
	char *target = ceno_pool_take((uint32_t)e->length + 1);
	struct ceno_inode *inode = target ? ceno_inode_new(CENO_INODE_LINK, 0777) : NULL;

	if (!inode) {
		if (target)
			ceno_pool_give(target, (uint32_t)e->length + 1);
		return NULL;
	}
	inode->target = memcpy(target, image.names + e->offset, e->length);
	inode->size = e->length;
	return inode;
}

static struct ceno_inode *new_inode(const struct ceno_image_entry *e)
{
	uint32_t type = e->mode & CENO_IMAGE_TYPE, mode = e->mode & 0777u;
	struct ceno_inode *inode;

	if (type == CENO_IMAGE_LINK)
		return new_link(e);
	inode = ceno_inode_new(type == CENO_IMAGE_DIR ? CENO_INODE_DIR : CENO_INODE_PACK, mode);
	if (!inode)
		return NULL;
	if (type == CENO_IMAGE_DIR) {
		inode->dir.image = (uint32_t)(e - image.entries) + 1;
	} else {
		inode->stored = (struct ceno_stored){ .offset = CENO_PACKS_IMAGE + e->offset,
			                              .length = e->length,
			                              .mode = mode | (mode & 0111 ? CENO_PACK_PROGRAM : 0) };
		inode->size = e->length;
	}
	return inode;
}

void ceno_image_fill(struct ceno_inode *dir)
{
	const struct ceno_image_entry *d = ceno_image_entry(&image, dir->dir.image - 1), *e;

	dir->dir.image = 0;
	for (uint64_t i = 0; d && i < d->length; i++) {
		struct ceno_name *above;
		struct ceno_inode *inode;

		e = ceno_image_entry(&image, d->offset + i);
		if (!e || !e->name_bytes)
			return;
		above = ceno_dir_find(dir, image.names + e->name, e->name_bytes);
		if (above) {
			if (above->inode->kind == CENO_INODE_DIR && (e->mode & CENO_IMAGE_TYPE) == CENO_IMAGE_DIR)
				above->inode->dir.image = (uint32_t)(d->offset + i) + 1;
			continue;
		}
		inode = new_inode(e);
		if (!inode)
			return;
		inode->mtime = inode->ctime = inode->atime = (uint64_t)image.header->time_s * 1000000000u;
		inode->owned = 0;
		if (ceno_dir_add(dir, image.names + e->name, e->name_bytes, inode)) {
			ceno_inode_settle(inode);
			return;
		}
	}
}
