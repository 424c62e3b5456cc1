/*
 * Address spaces of programs: areas (what may be where) and pages (what is).
 *
 * An area says which addresses exist, with which rights, and what a page of it holds
 * when first touched: zeros, or bytes of a file (of the pack or in RAM). A page table
 * of membrane's own, the truth, says which frame each touched page has and what of it
 * is in the hardware tables; the hardware never maps anything that is not in it.
 *
 * The hardware space (a process of the nucleus, named by a CSpace slot) is a cache of
 * that table: made when the vm is to run, ended when slots or pool pages run out for
 * another, and refilled by faults. So there may be more vms than slots.
 *
 *        ceno_vm_new/fork -> [no space] --enter--> [space] --others need it--> [no space]
 *                                 `----------- drop: both are gone <-----------'
 *
 * Frames are shared by count (frames.h): by vms after fork, by a file in RAM and its
 * mappings. A private page with other owners is mapped read-only and copied when it is
 * written; a page of a SHARED area is the file's own.
 *
 * W^X: no area is writable and executable. Pages of the pack are executable in place;
 * bytes in RAM only as copies in frames for text (text.h), which nothing maps writable.
 */
#ifndef CENO_MEMBRANE_VM_H
#define CENO_MEMBRANE_VM_H

#include "membrane.h"
#include "vfs.h"

#define CENO_STACK_MAX (8ull << 20)
#define CENO_AREAS_MAX 16384u

enum ceno_area_flag {
	CENO_AREA_STACK = 1,
	CENO_AREA_BRK = 2,
	CENO_AREA_SHARED = 4,
	CENO_AREA_DONTFORK = 8, /* MADV_DONTFORK */
	CENO_AREA_WIPEONFORK = 16,
	CENO_AREA_READ_ONLY = 32 /* SHARED of a file opened for reading: never becomes writable */
};

struct ceno_area {
	uint64_t start, end;     /* page-aligned, start < end */
	uint64_t offset;         /* of the file, at start, page-aligned; 0 without a file */
	struct ceno_inode *file; /* FILE or PACK, in whose uses the area counts; NULL: zeros */
	uint16_t prot;           /* LX_PROT_* */
	uint16_t flags;          /* enum ceno_area_flag */
};

/* One page of RAM. */
struct ceno_vm {
	uint32_t uses;            /* processes that live in it */
	uint32_t slot;            /* of its hardware space; 0: it has none now */
	uint32_t pool_pages;      /* how many its space asks for */
	uint32_t areas_order;     /* areas: a block of 2^order pages, or `few` */
	uint32_t count, capacity; /* of areas */
	uint32_t forked;          /* it began as a copy: no program was loaded into it */
	uint32_t alone;           /* small pieces of memory that got 2 MiB to themselves (vm.c) */
	uint64_t root;            /* frame of the top table */
	uint64_t ran;             /* stamp of its last enter */
	uint64_t mmap_top, brk_start, brk_end;
	uint64_t args, env, env_end;      /* the strings of its program: args up to env, env up to env_end */
	uint64_t pages;                   /* of RAM that its table names */
	struct ceno_file *ahead;          /* its next bytes lie at CENO_AHEAD_DATA; NULL: no file's (ahead.c) */
	const struct ceno_file *reads_of; /* of the last read; only to compare */
	uint64_t ahead_bytes, reads_at;   /* how many; in ceno_run.syscalls, when that was */
	uint32_t reads;                   /* of the same file one after another so far */
	uint64_t data_bytes;              /* of its program: what it can write, but for the heap and stacks */
	struct ceno_vm *next;
	struct ceno_area *areas; /* sorted, no two overlap */
	struct ceno_area few[96];
};
_Static_assert(sizeof(struct ceno_vm) <= CENO_PAGE, "a vm is a page");

/* ---- vms (space.c) -------------------------------------------------------- */

/* There is none. Once per boot. */
void ceno_vms_init(void);
/* The one whose memory ceno_user_* reach and whose space runs; NULL at first. */
struct ceno_vm *ceno_vm_current(void);
/* All there are, by ->next. */
struct ceno_vm *ceno_vms_first(void);
/* A new one without areas and without a hardware space; uses 1. NULL: no RAM. */
struct ceno_vm *ceno_vm_new(void);
void ceno_vm_hold(struct ceno_vm *vm);
/* The last drop frees its pages, areas and space. May be the current one, which is NULL then. */
void ceno_vm_drop(struct ceno_vm *vm);
/* Makes it the one that ceno_user_* reach, without running it: returns the one before.
 * Nothing is mapped for it meanwhile if it has no space. */
struct ceno_vm *ceno_vm_select(struct ceno_vm *vm);
/* Makes it current, gives it a hardware space if it has none, and makes that the one
 * that RESUME runs. Returns 0, or -LX_ENOMEM: no pool page even without all others. */
int ceno_vm_enter(struct ceno_vm *vm);
/* A copy of vm as fork makes it: areas and pages, private ones copied or shared until
 * written. NULL: no RAM. */
struct ceno_vm *ceno_vm_fork(struct ceno_vm *vm);

/* MAP into vm's space, ending other vms' spaces, then its own mappings, if the pool is
 * used up. object -1: unmaps. Returns 0; -LX_EAGAIN: the space was made anew, nothing is
 * mapped in it (the caller starts over); -LX_EEXIST: a (now empty) table of small entries
 * is where one large entry should go. vm has a space. */
int ceno_space_map(struct ceno_vm *vm, int64_t object, uint64_t gva, uint64_t offset, uint64_t bytes, uint32_t rights);

/* Moves the hardware's table of the 2 MiB at gva to another space, which has nothing there but
 * perhaps an empty table: that goes the other way. 0, or -LX_ENOMEM: no pool page. */
int ceno_space_move(struct ceno_vm *to, const struct ceno_vm *from, uint64_t gva);
/* Frees all that a vm has, which nobody uses. */
void ceno_vm_finish(struct ceno_vm *vm);

/* ---- husks: what ended vms leave mapped (husk.c) ----------------------------- */

void ceno_husks_init(void);
/* Keeps a vm that nobody uses, for others. 0: it is not worth it, or RAM is short. */
int ceno_husk_keep(struct ceno_vm *vm);
/* The program touched gva: if nothing of these 2 MiB is mapped, and a husk has what fits, vm has
 * that, mapped. 1: so it is; rights may still be missing. vm has a space. */
int ceno_husk_adopt(struct ceno_vm *vm, uint64_t gva);
/* As ceno_pages_fault, from a husk if one has what fits (then 0). */
int ceno_vm_bring(struct ceno_vm *vm, uint64_t gva, int access);
/* The same in each 2 MiB of the area from gva on, up to 4 MiB of it. What the last said. */
int ceno_vm_bring_pieces(struct ceno_vm *vm, const struct ceno_area *area, uint64_t gva, int access);
/* Gives a vm that fork made a husk's whole space, with whatever fits. 0: there is none of its pool_pages. */
int ceno_husk_take_over(struct ceno_vm *vm);
/* All there are, by ->next, the latest first. */
struct ceno_vm *ceno_husks_first(void);
/* Frames of RAM that nobody has but they: free, to whom asks. */
uint64_t ceno_husks_pages(void);
/* Ends the oldest. 0: there is none. */
int ceno_husk_release(void);

/* ---- areas (area.c) ------------------------------------------------------- */

/* Memory of zeros that nothing else is known of. A large page may hang over the ends of such
 * areas, into what is free: what is mapped there later goes on with it if it is plain too, and
 * else finds nothing of it. */
static inline int ceno_area_is_plain(const struct ceno_area *area)
{
	return !area->file && !area->flags && area->prot == (LX_PROT_READ | LX_PROT_WRITE);
}

/* The area that holds gva, or NULL. */
struct ceno_area *ceno_areas_find(struct ceno_vm *vm, uint64_t gva);
/* That one, or the next above; NULL: none. */
struct ceno_area *ceno_areas_above(struct ceno_vm *vm, uint64_t gva);
/* Adds an area into a range that is free; counts its file. -LX_ENOMEM: table full. */
int ceno_areas_add(struct ceno_vm *vm, const struct ceno_area *area);
/* Makes start and end area borders where they fall inside an area. -LX_ENOMEM: table full. */
int ceno_areas_split(struct ceno_vm *vm, uint64_t start, uint64_t end);
/* Forgets the areas within [start, end), which are borders. */
void ceno_areas_remove(struct ceno_vm *vm, uint64_t start, uint64_t end);
/* Whether [start, end) is free; whether every byte of it is in some area. */
int ceno_areas_free(struct ceno_vm *vm, uint64_t start, uint64_t end);
int ceno_areas_cover(struct ceno_vm *vm, uint64_t start, uint64_t end);
/* Joins areas in and around [start, end) that continue one another. */
void ceno_areas_merge(struct ceno_vm *vm, uint64_t start, uint64_t end);
/* The highest free range of bytes below top, above bottom; 0 if there is none. */
uint64_t ceno_areas_gap(struct ceno_vm *vm, uint64_t bytes, uint64_t bottom, uint64_t top);
/* Copies the table of areas without those of DONTFORK. -LX_ENOMEM. */
int ceno_areas_copy(struct ceno_vm *to, struct ceno_vm *from);
/* Forgets all of them. */
void ceno_areas_end(struct ceno_vm *vm);
/* Whether the page of the file at gva exists (not beyond its end). area->file is not NULL. */
int ceno_area_within(const struct ceno_area *area, uint64_t gva);

/* ---- pages (pages.c, fault.c) --------------------------------------------- */

/* Makes the page at gva present for this kind of access, and some around it.
 * access: LX_PROT_READ, _WRITE or _EXEC. Returns 0; 1: it was mapped with that right
 * already; -LX_EFAULT: no such page; -LX_EACCES: no such right; -LX_EIO: beyond the end
 * of the file; -LX_ENOMEM: out of RAM. */
int ceno_pages_fault(struct ceno_vm *vm, uint64_t gva, int access);

/* Where membrane reaches the page's bytes from gva on, made present like a fault.
 * *bytes: set to how many follow contiguously (at least to the page's end).
 * Returns NULL with *error set as ceno_pages_fault does. */
void *ceno_pages_reach(struct ceno_vm *vm, uint64_t gva, int access, uint64_t *bytes, int *error);

/* Forgets pages and drops their RAM. Returns 0 or -LX_ENOMEM (a large page
 * could not be split: nothing after it was changed). */
int ceno_pages_discard(struct ceno_vm *vm, uint64_t start, uint64_t end);
/* Makes zeros of private memory: in place where that is little, else as ceno_pages_discard. */
int ceno_pages_clear(struct ceno_vm *vm, uint64_t start, uint64_t end);
/* Makes zeros of a part of one large page of RAM, and leaves it mapped. 0: there is none, or it has
 * other owners. */
int ceno_pages_blank(struct ceno_vm *vm, uint64_t start, uint64_t end);
/* Takes pages out of the hardware tables; they come back on the next touch with
 * whatever rights their area has then. Returns as ceno_pages_discard. */
int ceno_pages_hide(struct ceno_vm *vm, uint64_t start, uint64_t end);
/* Pages of one area get other rights: what is mapped is mapped with no more than `to` after it. */
int ceno_pages_protect(struct ceno_vm *vm, uint64_t start, uint64_t end, uint16_t from, uint16_t to);
/* Forgets that anything is in the hardware tables (they are gone). */
void ceno_pages_unmapped(struct ceno_vm *vm);
/* Whether any page of the range has a frame of RAM. */
int ceno_pages_present(struct ceno_vm *vm, uint64_t start, uint64_t end);
/* Moves pages to another place (both page-aligned, not overlapping, to is empty).
 * Returns 0 or -LX_ENOMEM, then pages not yet moved stay where they were. */
int ceno_pages_move(struct ceno_vm *vm, uint64_t from, uint64_t to, uint64_t bytes);
/* Fills `to`, whose areas are a copy of from's, with its pages. Returns 0 or -LX_ENOMEM. */
int ceno_pages_copy(struct ceno_vm *to, struct ceno_vm *from);
/* Frees every page and table. vm has no space. */
void ceno_pages_end(struct ceno_vm *vm);

/* Whether a shared mapping of the file is writable, or may become so. */
int ceno_vms_may_write(const struct ceno_inode *file);
/* Takes the whole pages of a file within bytes [from, to) out of every vm that maps it: it is
 * about to lose them. Private copies stay, unless it shrinks (to UINT64_MAX). The next touch finds what the file has then, or its end (SIGBUS). */
void ceno_vms_forget(struct ceno_inode *file, uint64_t from, uint64_t to);

/* ---- program memory (user.c): of the current vm --------------------------- */

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
/* What a futex at gva is named by: *object and *offset are the same for everybody who
 * shares the word, and for nobody else. shared: not FUTEX_PRIVATE_FLAG. 0 or -LX_EFAULT. */
int ceno_user_futex(uint64_t gva, int shared, const void **object, uint64_t *offset);

/* ---- set-up for exec: vm.c, place.c, library.c ------------------------------- */

/* The heap begins somewhere behind `end`, the end of the program's image. */
void ceno_vm_brk_set(struct ceno_vm *vm, uint64_t end);
/* Adds the stack's area; returns its top, or 0 if it does not fit. */
uint64_t ceno_vm_stack_add(struct ceno_vm *vm);
/* Adds an area; the range must be free and below CENO_USER_END, and must not hold
 * the entry page. Returns 0, -LX_ENOMEM, or -LX_EINVAL. */
int ceno_vm_add(struct ceno_vm *vm, const struct ceno_area *area);
/* The same, over whatever is there. */
int ceno_vm_put(struct ceno_vm *vm, const struct ceno_area *area);
/* The program has mapped a library's data, copied on a write, over the library mapped as a whole, the last of
 * its segments: what is bss behind it is zeros from now on, where the file's headers say that there is one; and
 * what is touched first is brought (library.c). */
void ceno_vm_library_mapped(struct ceno_vm *vm, const struct ceno_area *data);
/* Draws where the programs of this session lie: all of them in the same places, so that one
 * can have what another left mapped (husk.c). Once per boot. */
void ceno_vm_layout_init(void);
/* Where a position-independent program begins, if it does not ask for more than 2 MiB of alignment. */
uint64_t ceno_vm_program_base(void);
/* A place for the interpreter, in 2 MiB that nothing else of mmap's choice lies in; 0: none. */
uint64_t ceno_vm_interpreter_gap(struct ceno_vm *vm, uint64_t bytes);

#endif
