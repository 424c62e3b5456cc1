/*
 * Inside of a vm's page table, for pages.c and fault.c alone.
 *
 * Four levels of 512 entries in frames of RAM, shaped like the hardware's. The
 * upper two hold the offset of the next table. A directory entry (2 MiB) is
 * nothing, a leaf table, one large frame of RAM, or a large piece of the pack;
 * a leaf entry (4 KiB) is nothing, a frame of RAM, or a page of the pack.
 *
 *   directory  LEAF [HW] | table RAM [HW [RO]] | frame      HW (of the pack)
 *   leaf       RAM [TEXT] [HW [RO]] | frame      HW (a page of the pack, where the area says)
 *
 * HW of a leaf table: something of it may be mapped. Elsewhere: mapped by MAP, with the area's rights; a page of the pack never writable, nor a
 * page of RAM with RO, which may have other owners. TEXT: the frame is text.c's.
 */
#ifndef CENO_MEMBRANE_PAGES_H
#define CENO_MEMBRANE_PAGES_H

#include "frames.h"
#include "vm.h"

#define CENO_PTE_RAM       1ull
#define CENO_PTE_HW        2ull
#define CENO_PTE_RO        4ull
#define CENO_PTE_TEXT      8ull
#define CENO_PTE_LEAF      16ull
#define CENO_LEAF_PAGES    512u
#define CENO_LARGE_DOWN(x) ((x) & ~(CENO_LARGE_PAGE - 1))

static inline uint64_t ceno_pte_frame(uint64_t entry)
{
	return CENO_PAGE_DOWN(entry);
}

/* Entry of the table at `table` for this level (1: leaf ... 4: root). */
static inline uint64_t *ceno_pte_at(uint64_t table, uint64_t gva, unsigned level)
{
	return (uint64_t *)ceno_ram(table) + (gva >> (12 + 9 * (level - 1)) & 511);
}

/* The directory entry of gva's 2 MiB; NULL if there is none and create is 0, or no RAM. */
uint64_t *ceno_pages_directory(struct ceno_vm *vm, uint64_t gva, int create);
/* The first directory entry in use at or above *gva, below end; moves *gva up to it. */
uint64_t *ceno_pages_next(struct ceno_vm *vm, uint64_t *gva, uint64_t end);
/* The leaf entry of gva, made if it does not exist; NULL: no RAM. */
uint64_t *ceno_pages_leaf(struct ceno_vm *vm, uint64_t gva);
/* The same, NULL also if there is no leaf table. */
uint64_t *ceno_pages_look(struct ceno_vm *vm, uint64_t gva);
/* Turns a large entry into 512 small ones (RAM) or nothing (pack). 0 or -LX_ENOMEM. */
int ceno_pages_split(struct ceno_vm *vm, uint64_t *dir, uint64_t gva);
/* Takes [gva, gva + bytes) out of the hardware tables, if there are any. */
void ceno_pages_unmap(struct ceno_vm *vm, uint64_t gva, uint64_t bytes);
/* Gives up the frame of a leaf entry that names RAM. */
void ceno_pages_free(struct ceno_vm *vm, uint64_t entry);

#endif
