/*
 * The program's address space: areas (what may be where) and pages (what is).
 *
 * An area says which addresses exist, with which rights, and what a page of it
 * holds when first touched: zeros, or bytes of the pack. A page table of
 * membrane's own says which frame of RAM each touched page has and what is in the
 * hardware tables; the hardware never maps anything that is not in it.
 *
 * W^X: an area is never both writable and executable, and only pages of the pack
 * are ever executable.
 */
#ifndef CENO_MEMBRANE_VM_H
#define CENO_MEMBRANE_VM_H

#include "membrane.h"

#define CENO_AREAS     600u
#define CENO_STACK_MAX (8ull << 20)

enum ceno_area_kind { CENO_AREA_ANON, CENO_AREA_PACK };
enum ceno_area_flag { CENO_AREA_STACK = 1, CENO_AREA_BRK = 2 };

struct ceno_area {
	uint64_t start, end; /* page-aligned, start < end */
	uint64_t offset;     /* PACK: byte of the pack at start, page-aligned */
	uint64_t limit;      /* PACK: pages at or above this pack offset do not exist (SIGBUS) */
	uint16_t prot;       /* LX_PROT_* */
	uint8_t kind, flags;
};

/* ---- areas (area.c): a sorted table, no two overlap ---------------------- */

/* Takes the table, empty. Once per boot, after ceno_frames_init. */
void ceno_areas_init(void);
void ceno_areas_reset(void);
uint32_t ceno_areas_count(void);
struct ceno_area *ceno_areas_at(uint32_t i);
/* The area that holds gva, or NULL. */
struct ceno_area *ceno_areas_find(uint64_t gva);
/* Adds an area into a range that is free. -LX_ENOMEM: table full. */
int ceno_areas_add(const struct ceno_area *area);
/* Makes start and end area borders where they fall inside an area. -LX_ENOMEM: table full. */
int ceno_areas_split(uint64_t start, uint64_t end);
/* Forgets the areas within [start, end), which are borders. */
void ceno_areas_remove(uint64_t start, uint64_t end);
/* Whether [start, end) is free; whether every byte of it is in some area. */
int ceno_areas_free(uint64_t start, uint64_t end);
int ceno_areas_cover(uint64_t start, uint64_t end);
/* Joins areas in and around [start, end) that continue one another. */
void ceno_areas_merge(uint64_t start, uint64_t end);
/* The highest free range of bytes below top, above bottom; 0 if there is none. */
uint64_t ceno_areas_gap(uint64_t bytes, uint64_t bottom, uint64_t top);

/* ---- pages (pages.c) ----------------------------------------------------- */

/* There is no space. Once per boot. */
void ceno_pages_init(void);
/* A new, empty space (CENO_SLOT_PROCESS); frees every page of the one before.
 * Returns 0 or -LX_ENOMEM. */
int ceno_pages_start(void);
/* Frees every page, ends the space. */
void ceno_pages_end(void);

/* Makes the page at gva present for this kind of access, and some around it.
 * access: LX_PROT_READ, _WRITE or _EXEC. Returns 0; 1: it was mapped with that right
 * already; -LX_EFAULT: no such page or right; -LX_EIO: beyond the end of the file;
 * -LX_ENOMEM: out of RAM. */
int ceno_pages_fault(uint64_t gva, int access);

/* Where membrane reaches the page's bytes from gva on, made present like a fault.
 * *bytes: set to how many follow contiguously (at least to the page's end).
 * Returns NULL with *error set as ceno_pages_fault does. */
void *ceno_pages_reach(uint64_t gva, int access, uint64_t *bytes, int *error);

/* Forgets pages and frees their RAM. Returns 0 or -LX_ENOMEM (a large page
 * could not be split: nothing after it was changed). */
int ceno_pages_discard(uint64_t start, uint64_t end);
/* Takes pages out of the hardware tables; they come back on the next touch with
 * whatever rights their area has then. Returns as ceno_pages_discard. */
int ceno_pages_hide(uint64_t start, uint64_t end);
/* Whether any page of the range has a frame of RAM of its own. */
int ceno_pages_private(uint64_t start, uint64_t end);
/* Moves pages of RAM to another place (both page-aligned, not overlapping, to is
 * empty). Returns 0 or -LX_ENOMEM, then pages not yet moved stay where they were. */
int ceno_pages_move(uint64_t from, uint64_t to, uint64_t bytes);

/* ---- program memory (user.c) --------------------------------------------- */

/* Copies. Return 0 or -LX_EFAULT, then nothing at or past the first bad page was
 * written. Running out of RAM on the way ends the program after this call. */
int ceno_user_read(void *to, uint64_t gva, uint64_t bytes);
int ceno_user_write(uint64_t gva, const void *from, uint64_t bytes);
/* Checks that all of it could be written; makes it present. */
int ceno_user_check_write(uint64_t gva, uint64_t bytes);
/* A NUL-terminated string of at most capacity - 1 bytes. Returns its length,
 * -LX_EFAULT, or -LX_ENAMETOOLONG. */
int64_t ceno_user_string(char *to, uint64_t gva, uint64_t capacity);
/* Contiguous bytes at gva, at most bytes of them: sets *got, at least 1. NULL: EFAULT. */
void *ceno_user_span(uint64_t gva, uint64_t bytes, int access, uint64_t *got);

/* ---- set-up for elf.c ----------------------------------------------------- */

/* Forgets all areas and pages, opens an empty space, chooses where mmap starts. */
int ceno_vm_start(void);
void ceno_vm_brk_set(uint64_t start);
/* Adds the stack's area; returns its top (random), or 0 if it does not fit. */
uint64_t ceno_vm_stack_add(void);
/* Adds an area; the range must be free and below CENO_USER_END, and must not hold
 * the entry page. Returns 0, -LX_ENOMEM, or -LX_EINVAL. */
int ceno_vm_add(const struct ceno_area *area);

#endif
