/*
 * Windows over pack and image. See pack.h.
 *
 * A whole 2 MiB block of either is mapped by one large entry, and those behind it by the same
 * MAP, up to 32, since an entry more costs a fiftieth of a MAP; the last, partial
 * block in pieces of 16 pages. One bit says what is mapped.
 */
#include "pack.h"

#include "abi/image.h"
#include "frames.h"

#define PIECE  (16 * CENO_PAGE)
#define BLOCKS (CENO_PACK_MAX / CENO_LARGE_PAGE)

struct store {
	uint64_t total;
	uint32_t *bits; /* one for each whole block */
	uint32_t tail_bits;
};

static struct store pack, image;
static uint32_t count;
static const struct ceno_pack_entry *entries;

uint32_t ceno_packs_slot(uint64_t *offset)
{
	if (*offset < CENO_PACKS_IMAGE)
		return CENO_SLOT_PACK;
	*offset -= CENO_PACKS_IMAGE;
	return CENO_SLOT_IMAGE;
}

/* Whole blocks from this one on whose bits are in one word, as long as nothing of them is mapped. */
static uint32_t blocks_from(const struct store *store, uint64_t block)
{
	uint64_t whole = store->total / CENO_LARGE_PAGE - block, room = 32 - block % 32;

	if (store->bits[block / 32] >> block % 32)
		return 1;
	return (uint32_t)(whole < room ? whole : room);
}

static int map_piece(struct store *store, uint32_t slot, uint64_t offset)
{
	uint64_t block = offset / CENO_LARGE_PAGE, at = block * CENO_LARGE_PAGE, bytes;
	uint64_t gva = CENO_PACK_GVA + (store == &image ? CENO_PACKS_IMAGE : 0);
	uint32_t *bits = &store->bits[block / 32], shift = block % 32, wanted;

	if (at + CENO_LARGE_PAGE > store->total) {
		at = offset & ~(PIECE - 1);
		bytes = store->total - at < PIECE ? store->total - at : PIECE;
		bits = &store->tail_bits;
		shift = at % CENO_LARGE_PAGE / PIECE;
		wanted = 1;
	} else {
		wanted = *bits >> shift & 1 ? 1 : blocks_from(store, block);
		bytes = wanted * CENO_LARGE_PAGE;
	}
	if (*bits >> shift & 1)
		return 0;
	if (ceno_map(CENO_SLOT_SELF, slot, gva + at, at, bytes, CENO_RIGHT_READ) < 0)
		return -LX_ENOMEM;
	*bits |= (uint32_t)((1ull << wanted) - 1) << shift;
	return 0;
}

const void *ceno_packs_data(uint64_t offset, uint64_t bytes)
{
	uint64_t from = offset;
	uint32_t slot = ceno_packs_slot(&from);
	struct store *store = slot == CENO_SLOT_PACK ? &pack : &image;

	if (from > store->total || bytes > store->total - from)
		return NULL;
	for (uint64_t at = from & ~(PIECE - 1); at < from + bytes; at += PIECE)
		if (map_piece(store, slot, at))
			return NULL;
	return (const void *)(uintptr_t)(CENO_PACK_GVA + offset);
}

static int entry_ok(const struct ceno_pack_entry *entry)
{
	if (entry->path[CENO_PACK_PATH_MAX - 1] || entry->offset % CENO_PAGE)
		return 0;
	if (entry->offset > pack.total || entry->length > pack.total - entry->offset)
		return 0;
	return entry->path[0] == '/' || strcmp(entry->path, CENO_PACK_ARGS) == 0;
}

int ceno_packs_init(uint64_t pack_bytes)
{
	const struct ceno_pack_header *header;

	pack = (struct store){ .total = pack_bytes, .bits = ceno_frames_table(BLOCKS / 8) };
	if (pack_bytes < CENO_LARGE_PAGE) /* the beginning is mapped (boot.h, prepared spaces) */
		pack.tail_bits = ~0u;
	else
		pack.bits[0] = 1;
	image.total = 0;
	count = 0;
	if (pack_bytes > CENO_PACK_MAX || pack_bytes % CENO_PAGE)
		return -LX_EINVAL;
	header = ceno_packs_data(0, sizeof(*header));
	if (!header || header->magic != CENO_PACK_MAGIC || header->abi_version != CENO_ABI_VERSION ||
	    header->count > CENO_PACK_ENTRIES_MAX || header->total_bytes != pack.total)
		return -LX_EINVAL;
	entries = ceno_packs_data(sizeof(*header), header->count * sizeof(*entries));
	if (!entries)
		return -LX_EINVAL;
	for (uint32_t i = 0; i < header->count; i++)
		if (!entry_ok(&entries[i]))
			return -LX_EINVAL;
	count = header->count;
	return 0;
}

int ceno_packs_add_image(uint64_t bytes)
{
	if (bytes > CENO_IMAGE_BYTES_MAX || bytes % CENO_PAGE)
		return -LX_EINVAL;
	image = (struct store){ .total = bytes, .bits = ceno_frames_table(CENO_IMAGE_BYTES_MAX / CENO_LARGE_PAGE / 8) };
	return 0;
}

uint32_t ceno_packs_count(void)
{
	return count;
}
const struct ceno_pack_entry *ceno_packs_entry(uint32_t i)
{
	return &entries[i];
}
uint64_t ceno_packs_bytes(void)
{
	return pack.total;
}

const struct ceno_pack_entry *ceno_packs_find(const char *path)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int order = strcmp(entries[mid].path, path);

		if (order == 0)
			return &entries[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}
