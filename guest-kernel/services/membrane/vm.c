/*
 * The system calls of memory: brk, mmap, munmap, mprotect, mremap, madvise and
 * their relatives. See vm.h. Lengths and addresses come from the program; every
 * sum is checked against CENO_USER_END before it is made.
 */
#include "vm.h"

#include "calls.h"
#include "fd.h"
#include "frames.h"
#include "pages.h"
#include "place.h"
#include "process.h"
#include "services/entry/ahead.h"

#define MMAP_BOTTOM 0x10000ull
#define GROWTH_MAX  (64ull << 20)
#define READ_MAX    (16ull * CENO_PAGE)
#define MAP_KNOWN \
	(LX_MAP_TYPE | LX_MAP_FIXED | LX_MAP_ANONYMOUS | LX_MAP_32BIT | LX_MAP_GROWSDOWN | LX_MAP_DENYWRITE | \
	 LX_MAP_EXECUTABLE | LX_MAP_LOCKED | LX_MAP_NORESERVE | LX_MAP_POPULATE | LX_MAP_NONBLOCK | LX_MAP_STACK | \
	 LX_MAP_FIXED_NOREPLACE)

/* A range the program may have at all: inside user space, not page 0 and up to
 * MMAP_BOTTOM, not the entry page's 2 MiB, nor those below, where its next reads lie. */
static int allowed(uint64_t start, uint64_t bytes)
{
	if (start < MMAP_BOTTOM || start >= CENO_USER_END || bytes > CENO_USER_END - start || bytes == 0)
		return 0;
	return start >= CENO_ENTRY_END || start + bytes <= CENO_GVA_AHEAD;
}

/* A large page may hang over into where the area comes to lie (fault.c). */
static int add(struct ceno_vm *vm, const struct ceno_area *area)
{
	if (!ceno_area_is_plain(area) && ceno_pages_discard(vm, area->start, area->end))
		return -LX_ENOMEM;
	return ceno_areas_add(vm, area);
}

int ceno_vm_add(struct ceno_vm *vm, const struct ceno_area *area)
{
	if (!allowed(area->start, area->end - area->start) || !ceno_areas_free(vm, area->start, area->end))
		return -LX_EINVAL;
	return add(vm, area);
}

/* Of two arenas in one large page (half_gap) one goes: the page stays whole, and hangs over. */
static int is_arena(struct ceno_vm *vm, uint64_t start, uint64_t end)
{
	const struct ceno_area *other = ceno_areas_find(vm, start ^ CENO_HALF);

	return start % CENO_HALF == 0 && end - start == CENO_HALF && other && ceno_area_is_plain(other) &&
	    ceno_areas_cover(vm, start ^ CENO_HALF, (start ^ CENO_HALF) + CENO_HALF);
}

static int64_t unmap(struct ceno_vm *vm, uint64_t start, uint64_t end)
{
	uint64_t low = start & ~(CENO_LARGE_PAGE - 1), high = CENO_LARGE_UP(end);
	int error = ceno_areas_split(vm, start, end);

	low = ceno_areas_free(vm, low, start) ? low : start; /* with what hangs over */
	high = ceno_areas_free(vm, end, high) ? high : end;
	if (!error && !(is_arena(vm, start, end) && ceno_pages_blank(vm, start, end)))
		error = ceno_pages_discard(vm, low, high);
	if (!error)
		ceno_areas_remove(vm, start, end);
	return error;
}

int ceno_vm_put(struct ceno_vm *vm, const struct ceno_area *area)
{
	if (!allowed(area->start, area->end - area->start))
		return -LX_EINVAL;
	return unmap(vm, area->start, area->end) ? -LX_ENOMEM : add(vm, area);
}

/* ---- brk ------------------------------------------------------------------- */

/* The heap's area ends on a large page, so that one entry maps it. A program that
 * writes between its break and that end is not stopped, and finds what it wrote. */
static uint64_t area_end(const struct ceno_vm *vm, uint64_t end)
{
	return end == vm->brk_start ? CENO_PAGE_DOWN(end) : CENO_LARGE_UP(end);
}

static int grow_heap(struct ceno_vm *vm, uint64_t old, uint64_t new)
{
	struct ceno_area area = {
		.start = old, .end = new, .prot = LX_PROT_READ | LX_PROT_WRITE, .flags = CENO_AREA_BRK
	};

	if (new <= old)
		return 0;
	if (ceno_vm_add(vm, &area))
		return -LX_ENOMEM;
	ceno_areas_merge(vm, old, new);
	return 0;
}

/* What stays of the last large page is zeros again where it was the heap's: a little, or a part of one
 * large page, is cleared in place, since taking it out and putting it in again costs more. */
static int shrink_heap(struct ceno_vm *vm, uint64_t want, uint64_t new, uint64_t old)
{
	uint64_t cut = want == vm->brk_start ? new : CENO_PAGE_UP(want), end = CENO_PAGE_UP(vm->brk_end);
	int error = ceno_areas_split(vm, new, old);

	if (!error && new < old)
		error = ceno_pages_discard(vm, new, old);
	if (error)
		return error;
	ceno_areas_remove(vm, new, old);
	end = end < new ? end : new;
	return cut < end ? ceno_pages_clear(vm, cut, end) : 0;
}

int64_t ceno_sys_brk(const uint64_t a[6])
{
	struct ceno_vm *vm = ceno_vm_current();
	uint64_t want = a[0], old = area_end(vm, vm->brk_end), new;

	if (want < vm->brk_start || want >= CENO_USER_END - CENO_LARGE_PAGE ||
	    want - vm->brk_start > ceno_frames_total() * CENO_PAGE)
		return (int64_t)vm->brk_end;
	new = area_end(vm, want);
	if (grow_heap(vm, old, new))
		return (int64_t)vm->brk_end;
	if (want < vm->brk_end && shrink_heap(vm, want, new, old))
		return (int64_t)vm->brk_end;
	if (old < new && vm->brk_end == vm->brk_start && vm->slot)
		(void)ceno_husk_adopt(vm, vm->brk_start); /* the heap begins to be used */
	vm->brk_end = want;
	return (int64_t)vm->brk_end;
}

/* ---- mmap ------------------------------------------------------------------ */

/* Fills the area's backing from a descriptor. */
static int back_by_file(struct ceno_area *area, const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[4]);
	int shared = (a[3] & LX_MAP_TYPE) != LX_MAP_PRIVATE;
	uint32_t access;
	int sealed;

	if (!file || (file->flags & LX_O_PATH))
		return -LX_EBADF;
	access = file->flags & LX_O_ACCMODE;
	if (a[5] % CENO_PAGE)
		return -LX_EINVAL;
	if (a[5] > 1ull << 62 || a[1] > 1ull << 62)
		return -LX_EOVERFLOW;
	sealed = file->inode->kind == CENO_INODE_FILE && shared &&
	    (ceno_seals(file->inode->traits) & (LX_F_SEAL_WRITE | LX_F_SEAL_FUTURE_WRITE));
	if (sealed && (a[2] & LX_PROT_WRITE))
		return -LX_EPERM;
	if (access == LX_O_WRONLY || (shared && (a[2] & LX_PROT_WRITE) && access != LX_O_RDWR))
		return -LX_EACCES;
	if (file->inode->kind == CENO_INODE_DEVICE && file->inode->device == CENO_DEVICE_ZERO)
		return 0;
	if (file->inode->kind != CENO_INODE_PACK && file->inode->kind != CENO_INODE_FILE)
		return -LX_ENODEV;
	if (shared && (a[2] & LX_PROT_EXEC) && file->inode->kind == CENO_INODE_FILE)
		return -LX_EACCES; /* code in RAM is a copy */
	area->file = file->inode;
	area->offset = a[5];
	if (shared && file->inode->kind == CENO_INODE_FILE) /* of the pack, nobody can tell */
		area->flags |= CENO_AREA_SHARED | (access == LX_O_RDONLY || sealed ? CENO_AREA_READ_ONLY : 0u);
	return 0;
}

/* Memory that a family shares is a file without a name. */
static int back_by_shared(struct ceno_area *area, uint64_t bytes)
{
	area->file = ceno_inode_new(CENO_INODE_FILE, 0600);
	if (!area->file)
		return -LX_ENOMEM;
	area->file->size = bytes;
	area->flags |= CENO_AREA_SHARED;
	return 0;
}

static int64_t place(struct ceno_vm *vm, const uint64_t a[6], uint64_t bytes, uint64_t *start)
{
	uint64_t flags = a[3];

	*start = CENO_PAGE_DOWN(a[0]);
	if (flags & (LX_MAP_FIXED | LX_MAP_FIXED_NOREPLACE)) {
		if (a[0] % CENO_PAGE)
			return -LX_EINVAL;
		if (!allowed(*start, bytes))
			return *start < MMAP_BOTTOM ? -LX_EPERM : -LX_ENOMEM;
		if (flags & LX_MAP_FIXED_NOREPLACE)
			return ceno_areas_free(vm, *start, *start + bytes) ? 0 : -LX_EEXIST;
		return unmap(vm, *start, *start + bytes);
	}
	if (!*start || !allowed(*start, bytes) || !ceno_areas_free(vm, *start, *start + bytes))
		*start = ceno_place_for(vm, a, bytes);
	return *start ? 0 : -LX_ENOMEM;
}

static int64_t check_mmap(const uint64_t a[6], uint64_t bytes)
{
	uint64_t type = a[3] & LX_MAP_TYPE;

	if (a[1] == 0 || (a[3] & ~(uint64_t)MAP_KNOWN))
		return -LX_EINVAL;
	if (type != LX_MAP_PRIVATE && type != LX_MAP_SHARED && type != LX_MAP_SHARED_VALIDATE)
		return -LX_EINVAL;
	if (a[1] > CENO_USER_END || bytes > CENO_USER_END)
		return -LX_ENOMEM;
	if ((a[2] & LX_PROT_WRITE) && (a[2] & LX_PROT_EXEC))
		return -LX_EACCES;
	if ((a[3] & LX_MAP_ANONYMOUS) && type != LX_MAP_PRIVATE && (a[2] & LX_PROT_EXEC))
		return -LX_EACCES; /* code in RAM is a copy */
	if ((a[3] & LX_MAP_ANONYMOUS) && (a[2] & LX_PROT_MASK) && !(a[3] & LX_MAP_NORESERVE) &&
	    bytes > ceno_frames_total() * CENO_PAGE)
		return -LX_ENOMEM;
	return 0;
}

/* A few pages of data of the pack, which nobody maps but to read them: ld.so.cache. */
static int is_read_at_once(const struct ceno_vm *vm, const uint64_t a[6], const struct ceno_area *area)
{
	return area->file && area->file->kind == CENO_INODE_PACK && area->prot == LX_PROT_READ &&
	    !(a[3] & LX_MAP_DENYWRITE) && area->end - area->start <= READ_MAX && vm->slot && !vm->forked;
}

/* The dynamic linker's, of a library's data. */
static int is_library_data(const uint64_t a[6], const struct ceno_area *area)
{
	return area->file && area->file->kind == CENO_INODE_PACK && area->prot == (LX_PROT_READ | LX_PROT_WRITE) &&
	    (a[3] & (LX_MAP_TYPE | LX_MAP_FIXED | LX_MAP_DENYWRITE)) ==
	    (LX_MAP_PRIVATE | LX_MAP_FIXED | LX_MAP_DENYWRITE);
}

/* Zeros over zeros of the same kind, in one leaf table: what is mapped may stay, cleared. 0: it is something
 * else. */
static int is_put_again(struct ceno_vm *vm, const uint64_t a[6], uint64_t end)
{
	const struct ceno_area *area = ceno_areas_find(vm, a[0]);

	return (a[3] & (LX_MAP_TYPE | LX_MAP_FIXED | LX_MAP_FIXED_NOREPLACE | LX_MAP_ANONYMOUS)) ==
	    (LX_MAP_PRIVATE | LX_MAP_FIXED | LX_MAP_ANONYMOUS) &&
	    (a[2] & LX_PROT_MASK) == (LX_PROT_READ | LX_PROT_WRITE) && a[0] % CENO_PAGE == 0 && area &&
	    ceno_area_is_plain(area) && end > a[0] && end <= area->end && ceno_pages_look(vm, a[0]) &&
	    ceno_pages_clear(vm, a[0], end) == 0;
}

int64_t ceno_sys_mmap(const uint64_t a[6])
{
	struct ceno_vm *vm = ceno_vm_current();
	uint64_t bytes = CENO_PAGE_UP(a[1]), start = 0;
	uint32_t alone = vm->alone;
	struct ceno_area area = { .prot = a[2] & LX_PROT_MASK };
	int64_t error = check_mmap(a, bytes);

	if (!error && is_put_again(vm, a, a[0] + bytes))
		return (int64_t)a[0];
	if (!error && !(a[3] & LX_MAP_ANONYMOUS))
		error = back_by_file(&area, a);
	if (!error)
		error = place(vm, a, bytes, &start);
	if (!error && !area.file && (a[3] & LX_MAP_TYPE) != LX_MAP_PRIVATE)
		error = back_by_shared(&area, bytes);
	if (error)
		return error;
	area.start = start;
	area.end = start + bytes;
	error = add(vm, &area);
	if (error) {
		if (area.file)
			ceno_inode_settle(area.file);
		return error;
	}
	ceno_areas_merge(vm, start, start + bytes);
	if (is_library_data(a, &area))
		ceno_vm_library_mapped(vm, &area);
	if (is_read_at_once(vm, a, &area))
		(void)ceno_vm_bring(vm, start, LX_PROT_READ);
	if (vm->alone != alone && vm->slot)
		(void)ceno_vm_bring(vm, start, LX_PROT_WRITE);
	return (int64_t)start;
}

int64_t ceno_sys_munmap(const uint64_t a[6])
{
	uint64_t bytes = CENO_PAGE_UP(a[1]);

	if (a[0] % CENO_PAGE || a[1] == 0 || a[0] >= CENO_USER_END || a[1] > CENO_USER_END - a[0])
		return -LX_EINVAL;
	return unmap(ceno_vm_current(), a[0], a[0] + bytes);
}

/* ---- mprotect, mremap, madvise ---------------------------------------------- */

static int may_have(const struct ceno_area *area, uint64_t prot)
{
	if ((prot & LX_PROT_WRITE) && (area->flags & CENO_AREA_READ_ONLY))
		return 0;
	return !(prot & LX_PROT_EXEC) || !(area->flags & CENO_AREA_SHARED);
}

/* Area by area: those before one that is not there, or may not have the rights, have them then. */
static int protect(struct ceno_vm *vm, uint64_t start, uint64_t end, uint64_t prot)
{
	int error = 0;

	for (uint64_t at = start; at < end && !error;) {
		struct ceno_area *area = ceno_areas_find(vm, at);
		uint64_t stop = area && area->end < end ? area->end : end;

		if (!area || !may_have(area, prot))
			return area ? -LX_EACCES : -LX_ENOMEM;
		error = ceno_areas_split(vm, at, stop);
		if (!error)
			error = ceno_pages_protect(vm, at, stop, ceno_areas_find(vm, at)->prot, (uint16_t)prot);
		if (!error)
			ceno_areas_find(vm, at)->prot = (uint16_t)prot;
		at = stop;
	}
	return error;
}

int64_t ceno_sys_mprotect(const uint64_t a[6])
{
	struct ceno_vm *vm = ceno_vm_current();
	uint64_t start = a[0], end = start + CENO_PAGE_UP(a[1]);
	int error;

	if (start % CENO_PAGE || (a[2] & ~(uint64_t)(LX_PROT_MASK | LX_PROT_SEM)))
		return -LX_EINVAL;
	if (a[1] == 0)
		return 0;
	if (start >= CENO_USER_END || a[1] > CENO_USER_END - start)
		return -LX_ENOMEM;
	if ((a[2] & LX_PROT_WRITE) && (a[2] & LX_PROT_EXEC))
		return -LX_EACCES;
	error = protect(vm, start, end, a[2] & LX_PROT_MASK);
	ceno_areas_merge(vm, start, end);
	return error;
}

/* What was moved once will grow again (an array that a program extends bit by bit):
 * it goes where there is room to do so in place. */
static int64_t place_moved(struct ceno_vm *vm, const uint64_t a[6], uint64_t old, uint64_t new, uint64_t *to)
{
	uint64_t room = new < GROWTH_MAX ? new : GROWTH_MAX;

	if (!(a[3] & LX_MREMAP_FIXED)) {
		*to = ceno_place_to_grow(vm, new, new >= CENO_MIDDLE_MIN &&new > old ? room : 0);
		return *to ? 0 : -LX_ENOMEM;
	}
	*to = a[4];
	return unmap(vm, *to, *to + new);
}

/* A last large page that hangs over moves as it is if there is nothing but it in both places. */
static uint64_t moved_bytes(struct ceno_vm *vm, const struct ceno_area *to, uint64_t from, uint64_t bytes)
{
	uint64_t whole = CENO_LARGE_UP(bytes);

	if (!ceno_area_is_plain(to) || (from | to->start) % CENO_LARGE_PAGE ||
	    !ceno_areas_free(vm, from + bytes, from + whole) || !ceno_areas_free(vm, to->end, to->start + whole))
		return bytes;
	return whole;
}

static int64_t move_area(struct ceno_vm *vm, const uint64_t a[6], uint64_t old, uint64_t new)
{
	struct ceno_area area;
	uint64_t to;
	int64_t error = place_moved(vm, a, old, new, &to);

	if (!error)
		error = ceno_areas_split(vm, a[0], a[0] + old);
	if (error)
		return error;
	area = *ceno_areas_find(vm, a[0]);
	area.start = to;
	area.end = to + new;
	area.flags &= (uint16_t) ~(CENO_AREA_BRK | CENO_AREA_STACK);
	error = ceno_pages_discard(vm, to, to + new); /* what hangs over */
	if (!error)
		error = ceno_areas_add(vm, &area);
	if (error)
		return error;
	error = ceno_pages_move(vm, a[0], to, moved_bytes(vm, &area, a[0], old < new ? old : new));
	if (!error && !(a[3] & LX_MREMAP_DONTUNMAP))
		error = unmap(vm, a[0], a[0] + old);
	if (error) {
		ceno_process_out_of_memory();
		return error;
	}
	ceno_areas_merge(vm, to, to + new);
	return (int64_t)to;
}

static int64_t check_mremap(struct ceno_vm *vm, const uint64_t a[6], uint64_t old, uint64_t new)
{
	const struct ceno_area *area;

	if (a[3] & ~(uint64_t)(LX_MREMAP_MAYMOVE | LX_MREMAP_FIXED | LX_MREMAP_DONTUNMAP))
		return -LX_EINVAL;
	if ((a[3] & (LX_MREMAP_FIXED | LX_MREMAP_DONTUNMAP)) && !(a[3] & LX_MREMAP_MAYMOVE))
		return -LX_EINVAL;
	if ((a[3] & LX_MREMAP_DONTUNMAP) && (old != new || a[4] % CENO_PAGE))
		return -LX_EINVAL;
	if (a[0] % CENO_PAGE || a[2] == 0 || a[1] == 0 || a[1] > CENO_USER_END || a[2] > CENO_USER_END)
		return -LX_EINVAL;
	if (a[3] & LX_MREMAP_FIXED) {
		if (a[4] % CENO_PAGE || new > CENO_USER_END || a[4] > CENO_USER_END - new)
			return -LX_EINVAL;
		if (a[0] < a[4] + new &&a[4] < a[0] + old)
			return -LX_EINVAL;
		if (!allowed(a[4], new))
			return -LX_EINVAL;
	}
	area = ceno_areas_find(vm, a[0]);
	if (!area || old > area->end - a[0])
		return -LX_EFAULT;
	if (new > old &&new > ceno_frames_total() * CENO_PAGE)
		return -LX_ENOMEM;
	return 0;
}

/* Grows the area that ends at `end` where it is, if there is room. */
static int64_t grow_in_place(struct ceno_vm *vm, uint64_t start, uint64_t end, uint64_t new)
{
	struct ceno_area area = *ceno_areas_find(vm, start);
	int error;

	if (end != area.end || !allowed(start, new) || !ceno_areas_free(vm, end, start + new))
		return -LX_ENOMEM;
	area.offset += area.file ? end - area.start : 0;
	area.start = end;
	area.end = start + new;
	error = add(vm, &area);
	ceno_areas_merge(vm, start, start + new);
	return error ? error : (int64_t)start;
}

int64_t ceno_sys_mremap(const uint64_t a[6])
{
	struct ceno_vm *vm = ceno_vm_current();
	uint64_t start = a[0], old = CENO_PAGE_UP(a[1]), new = CENO_PAGE_UP(a[2]);
	int64_t error = check_mremap(vm, a, old, new);

	if (error)
		return error;
	if (a[3] & (LX_MREMAP_FIXED | LX_MREMAP_DONTUNMAP)) {
		if (new < old && !(a[3] & LX_MREMAP_DONTUNMAP)) {
			error = unmap(vm, start + new, start + old);
			old = new;
		}
		return error ? error : move_area(vm, a, old, new);
	}
	if (new <= old) {
		error = new < old ? unmap(vm, start + new, start + old) : 0;
		return error ? error : (int64_t)start;
	}
	error = grow_in_place(vm, start, start + old, new);
	if (error > 0 || !(a[3] & LX_MREMAP_MAYMOVE))
		return error;
	return move_area(vm, a, old, new);
}

enum { DONTNEED = 4, FREE = 8, REMOVE = 9, DONTFORK = 10, DOFORK = 11, WIPEONFORK = 18, KEEPONFORK = 19 };

/* For a part of one area. */
static int advise(struct ceno_vm *vm, uint64_t start, uint64_t end, uint64_t advice)
{
	struct ceno_area *area = ceno_areas_find(vm, start);
	uint16_t flag = advice >= WIPEONFORK ? CENO_AREA_WIPEONFORK : CENO_AREA_DONTFORK;
	int error;

	if (area->file && (advice == WIPEONFORK || advice == FREE))
		return -LX_EINVAL;
	if (advice == DONTNEED || advice == FREE)
		return ceno_pages_discard(vm, start, end);
	if (advice != DONTFORK && advice != DOFORK && advice != WIPEONFORK && advice != KEEPONFORK)
		return 0;
	error = ceno_areas_split(vm, start, end);
	if (error)
		return error;
	area = ceno_areas_find(vm, start);
	area->flags &= (uint16_t)~flag;
	if (advice == DONTFORK || advice == WIPEONFORK)
		area->flags |= flag;
	return 0;
}

/* What is not mapped is passed over, and told of in the end. */
int64_t ceno_sys_madvise(const uint64_t a[6])
{
	struct ceno_vm *vm = ceno_vm_current();
	uint64_t start = a[0], end = a[0] + CENO_PAGE_UP(a[1]);
	int error = 0, holes;

	if (start % CENO_PAGE || a[1] > CENO_USER_END || (a[1] && start > CENO_USER_END - a[1]))
		return -LX_EINVAL;
	if (a[2] > 25 || (a[2] > 4 && a[2] < 8) || a[2] == REMOVE)
		return -LX_EINVAL;
	holes = start < end && !ceno_areas_cover(vm, start, end);
	for (uint64_t at = start, stop; at < end && !error; at = stop) {
		const struct ceno_area *area = ceno_areas_above(vm, at);

		at = !area ? end : area->start > at ? area->start : at;
		stop = area && area->end < end ? area->end : end;
		if (at < end)
			error = advise(vm, at, stop, a[2]);
	}
	ceno_areas_merge(vm, start, end);
	return error || !holes ? error : -LX_ENOMEM;
}

int64_t ceno_sys_mincore(const uint64_t a[6])
{
	struct ceno_vm *vm = ceno_vm_current();
	uint64_t bytes = CENO_PAGE_UP(a[1]);
	uint8_t one;

	if (a[0] % CENO_PAGE)
		return -LX_EINVAL;
	if (a[1] > CENO_USER_END || a[0] > CENO_USER_END - a[1] || (a[1] && !ceno_areas_cover(vm, a[0], a[0] + bytes)))
		return -LX_ENOMEM;
	for (uint64_t i = 0; i < bytes / CENO_PAGE; i++) {
		uint64_t gva = a[0] + i * CENO_PAGE;

		one = ceno_areas_find(vm, gva)->file != NULL || ceno_pages_present(vm, gva, gva + CENO_PAGE);
		if (ceno_user_write(a[2] + i, &one, 1))
			return -LX_EFAULT;
	}
	return 0;
}

/* Nothing is ever swapped or written back. */
int64_t ceno_sys_msync(const uint64_t a[6])
{
	if (a[0] % CENO_PAGE || (a[2] & ~7ull) || (a[2] & 5) == 5)
		return -LX_EINVAL;
	if (CENO_PAGE_UP(a[1]) == 0) /* also of what is too long */
		return 0;
	if (a[1] > CENO_USER_END || a[0] > CENO_USER_END - a[1])
		return -LX_ENOMEM;
	return ceno_areas_cover(ceno_vm_current(), a[0], a[0] + CENO_PAGE_UP(a[1])) ? 0 : -LX_ENOMEM;
}

/* ---- files that lose pages -------------------------------------------------------- */

int ceno_vms_may_write(const struct ceno_inode *file)
{
	for (const struct ceno_vm *vm = ceno_vms_first(); vm; vm = vm->next)
		for (uint32_t i = 0; i < vm->count; i++)
			if (vm->areas[i].file == file &&
			    (vm->areas[i].flags & (CENO_AREA_SHARED | CENO_AREA_READ_ONLY)) == CENO_AREA_SHARED)
				return 1;
	return 0;
}

/* A page of a private area that is a copy, not the file's own. */
static int is_copy(struct ceno_vm *vm, const struct ceno_area *area, uint64_t gva)
{
	const uint64_t *entry = ceno_pages_look(vm, gva);
	const void *page = ceno_inode_page(area->file, (area->offset + (gva - area->start)) / CENO_PAGE, 0);

	return entry && (*entry & CENO_PTE_RAM) && ceno_ram(ceno_pte_frame(*entry)) != page;
}

void ceno_vms_forget(struct ceno_inode *file, uint64_t from, uint64_t to)
{
	int shrinks = to == UINT64_MAX;

	from = CENO_PAGE_UP(from);
	to = CENO_PAGE_DOWN(to);
	for (struct ceno_vm *vm = ceno_vms_first(); vm; vm = vm->next) {
		for (uint32_t i = 0; i < vm->count; i++) {
			const struct ceno_area *area = &vm->areas[i];
			uint64_t end = area->offset + (area->end - area->start), low, high;

			if (area->file != file || end <= from || area->offset >= to)
				continue;
			low = area->start + (from > area->offset ? from - area->offset : 0);
			high = area->end - (end > to ? end - to : 0);
			while (low < high) { /* a hole leaves private copies */
				uint64_t stop = shrinks || (area->flags & CENO_AREA_SHARED) ? high : low + CENO_PAGE;

				if ((shrinks || (area->flags & CENO_AREA_SHARED) || !is_copy(vm, area, low)) &&
				    ceno_pages_discard(vm, low, stop))
					ceno_membrane_abort(); /* a file's pages are small */
				low = stop;
			}
		}
	}
}
