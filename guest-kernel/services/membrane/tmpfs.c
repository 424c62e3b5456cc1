/*
 * Data of files in RAM: a tree of 512-entry tables, as high as the file needs,
 * over 4 KiB frames. See vfs.h. A page never written is a hole and reads as zeros.
 *
 * Files leave a 32nd of RAM to the program, so that a full file system is ENOSPC
 * and not the program's death.
 */
#include "vfs.h"

#include "frames.h"
#include "vm.h"

static uint64_t reach(unsigned height)
{
	return height == 0 ? 1 : 1ull << (9 * height);
}

static uint64_t take_frame(void)
{
	if (ceno_frames_used() + ceno_frames_total() / 32 >= ceno_frames_total())
		return CENO_NO_FRAME;
	return ceno_frames_alloc(0);
}

/* Adds levels until page lies below the root. */
static int grow(struct ceno_inode *inode, uint64_t page)
{
	while (page >= reach(inode->height)) {
		if (inode->root) {
			uint64_t table = take_frame();

			if (table == CENO_NO_FRAME)
				return -LX_ENOSPC;
			*(uint64_t *)ceno_ram(table) = inode->root;
			inode->root = table;
		}
		inode->height++;
	}
	return 0;
}

void *ceno_inode_page(struct ceno_inode *inode, uint64_t page, int create)
{
	uint64_t *slot = &inode->root;

	if (page >= reach(inode->height) && (!create || grow(inode, page)))
		return NULL;
	for (unsigned level = inode->height;; level--) {
		if (!*slot) {
			uint64_t frame = create ? take_frame() : CENO_NO_FRAME;

			if (frame == CENO_NO_FRAME)
				return NULL;
			*slot = frame;
		}
		if (level == 0)
			return ceno_ram(*slot);
		slot = (uint64_t *)ceno_ram(*slot) + (page >> (9 * (level - 1)) & 511);
	}
}

/* Frees what lies at or above page `keep` of the tree at *slot; first: its first page. */
static void cut(uint64_t *slot, unsigned level, uint64_t first, uint64_t keep)
{
	if (!*slot || first + reach(level) <= keep)
		return;
	for (uint64_t i = 0; level > 0 && i < 512; i++)
		cut((uint64_t *)ceno_ram(*slot) + i, level - 1, first + i * reach(level - 1), keep);
	if (first >= keep) {
		ceno_frames_free(*slot, 0);
		*slot = 0;
	}
}

int ceno_inode_truncate(struct ceno_inode *inode, uint64_t size)
{
	if (size > CENO_FILE_MAX)
		return -LX_EFBIG;
	if (size < inode->size) {
		ceno_vms_forget(inode, size, UINT64_MAX);
		cut(&inode->root, inode->height, 0, (size + CENO_PAGE - 1) / CENO_PAGE);
		if (size % CENO_PAGE) {
			uint8_t *page = ceno_inode_page(inode, size / CENO_PAGE, 0);

			if (page)
				memset(page + size % CENO_PAGE, 0, CENO_PAGE - size % CENO_PAGE);
		}
		if (!inode->root)
			inode->height = 0;
	}
	inode->size = size;
	inode->mtime = inode->ctime = ceno_inode_now();
	return 0;
}

int64_t ceno_inode_read(struct ceno_inode *inode, void *to, uint64_t bytes, uint64_t offset)
{
	uint64_t done = 0;

	if (offset >= inode->size)
		return 0;
	if (bytes > inode->size - offset)
		bytes = inode->size - offset;
	while (done < bytes) {
		uint64_t at = offset + done, part = CENO_PAGE - at % CENO_PAGE;
		const uint8_t *page = ceno_inode_page(inode, at / CENO_PAGE, 0);

		part = part < bytes - done ? part : bytes - done;
		if (page)
			memcpy((uint8_t *)to + done, page + at % CENO_PAGE, part);
		else
			memset((uint8_t *)to + done, 0, part);
		done += part;
	}
	return (int64_t)done;
}

int64_t ceno_inode_write(struct ceno_inode *inode, const void *from, uint64_t bytes, uint64_t offset)
{
	uint64_t done = 0;

	if (offset >= CENO_FILE_MAX)
		return -LX_EFBIG;
	if (bytes > CENO_FILE_MAX - offset)
		bytes = CENO_FILE_MAX - offset;
	while (done < bytes) {
		uint64_t at = offset + done, part = CENO_PAGE - at % CENO_PAGE;
		uint8_t *page = ceno_inode_page(inode, at / CENO_PAGE, 1);

		if (!page)
			break;
		part = part < bytes - done ? part : bytes - done;
		memcpy(page + at % CENO_PAGE, (const uint8_t *)from + done, part);
		done += part;
	}
	if (done == 0 && bytes)
		return -LX_ENOSPC;
	if (offset + done > inode->size)
		inode->size = offset + done;
	inode->mtime = inode->ctime = ceno_inode_now();
	return (int64_t)done;
}
