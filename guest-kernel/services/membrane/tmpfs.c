/*
 * Data of files in RAM: a tree of 512-entry tables, as high as the file needs,
 * over 4 KiB frames. See vfs.h. A page never written is a hole and reads as zeros.
 *
 * Files leave a 32nd of RAM to the programs (ceno_pool_frame), so that a full file
 * system is ENOSPC and not a program's death.
 */
#include "vfs.h"

#include "frames.h"
#include "vm.h"

static uint64_t reach(unsigned height)
{
	return height == 0 ? 1 : 1ull << (9 * height);
}

/* Adds levels until page lies below the root. */
static int grow(struct ceno_inode *inode, uint64_t page)
{
	while (page >= reach(inode->height)) {
		if (inode->root) {
			uint64_t table = ceno_pool_frame();

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
			uint64_t frame = create ? ceno_pool_frame() : CENO_NO_FRAME;

			if (frame == CENO_NO_FRAME)
				return NULL;
			*slot = frame;
			inode->pages += level == 0;
		}
		if (level == 0)
			return ceno_ram(*slot);
		slot = (uint64_t *)ceno_ram(*slot) + (page >> (9 * (level - 1)) & 511);
	}
}

struct range {
	struct ceno_inode *inode;
	uint64_t from, to; /* pages */
};

static int has_pages(uint64_t table, unsigned level)
{
	for (uint64_t i = 0; level > 0 && i < 512; i++)
		if (((uint64_t *)ceno_ram(table))[i])
			return 1;
	return 0;
}

/* Frees what lies in the range of the tree at *slot; first: its first page. */
static void cut(const struct range *range, uint64_t *slot, unsigned level, uint64_t first)
{
	if (!*slot || first + reach(level) <= range->from || first >= range->to)
		return;
	for (uint64_t i = 0; level > 0 && i < 512; i++)
		cut(range, (uint64_t *)ceno_ram(*slot) + i, level - 1, first + i * reach(level - 1));
	if (first >= range->from && first + reach(level) <= range->to && !has_pages(*slot, level)) {
		ceno_frames_free(*slot, 0);
		*slot = 0;
		range->inode->pages -= level == 0;
	}
}

static void clear(struct ceno_inode *inode, uint64_t from, uint64_t to)
{
	uint8_t *page = from < to ? ceno_inode_page(inode, from / CENO_PAGE, 0) : NULL;

	if (page)
		memset(page + from % CENO_PAGE, 0, to - from);
}

void ceno_inode_punch(struct ceno_inode *inode, uint64_t from, uint64_t to)
{
	struct range range = { inode, CENO_PAGE_UP(from) / CENO_PAGE, to / CENO_PAGE };

	if (range.from > range.to) {
		clear(inode, from, to);
		return;
	}
	ceno_vms_forget(inode, from, to == CENO_FILE_MAX ? UINT64_MAX : to);
	clear(inode, from, range.from * CENO_PAGE);
	clear(inode, range.to * CENO_PAGE, to);
	cut(&range, &inode->root, inode->height, 0);
	if (!inode->root)
		inode->height = 0;
}

int ceno_inode_truncate(struct ceno_inode *inode, uint64_t size)
{
	if (size > CENO_FILE_MAX)
		return -LX_EFBIG;
	if (ceno_seals(inode->traits) &
	    (size < inode->size       ? LX_F_SEAL_SHRINK
	         : size > inode->size ? LX_F_SEAL_GROW
	                              : 0u))
		return -LX_EPERM;
	/* Whatever lies beyond the end: a page that was made, and whose write then failed, too. */
	if (size < inode->size || inode->pages)
		ceno_inode_punch(inode, size > inode->size ? CENO_PAGE_UP(size) : size, CENO_FILE_MAX);
	inode->size = size;
	inode->mtime = inode->ctime = ceno_inode_now();
	return 0;
}

/* The first page at or after `page` that is there, below `end`; end if there is none. */
static uint64_t next_page(struct ceno_inode *inode, uint64_t page, uint64_t end)
{
	while (page < end) {
		uint64_t *slot = &inode->root;
		unsigned level = inode->height;

		if (page >= reach(level))
			return end;
		while (*slot && level > 0)
			slot = (uint64_t *)ceno_ram(*slot) + (page >> (9 * --level) & 511);
		if (*slot)
			return page;
		page = (page | (reach(level) - 1)) + 1;
	}
	return end;
}

uint64_t ceno_inode_seek(struct ceno_inode *inode, uint64_t offset, int hole)
{
	uint64_t end = CENO_PAGE_UP(inode->size) / CENO_PAGE, page = offset / CENO_PAGE, at;

	if (hole)
		while (page < end && ceno_inode_page(inode, page, 0))
			page++;
	else
		page = next_page(inode, page, end);
	at = page * CENO_PAGE > offset ? page * CENO_PAGE : offset;
	return at < inode->size ? at : inode->size;
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
	if (inode->atime <= inode->mtime)
		inode->atime = ceno_inode_now();
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
