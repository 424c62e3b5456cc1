/*
 * The system calls of memory: brk, mmap, munmap, mprotect, mremap, madvise and
 * their relatives. See vm.h. Lengths and addresses come from the program; every
 * sum is checked against CENO_USER_END before it is made.
 */
#include "vm.h"

#include "calls.h"
#include "fd.h"
#include "frames.h"
#include "process.h"
#include "random.h"

#define MMAP_BOTTOM 0x10000ull
#define GROWTH_MAX  (64ull << 20)
#define ENTRY_END   (CENO_GVA_ENTRY_REGION + CENO_LARGE_PAGE)
#define MAP_KNOWN \
	(LX_MAP_TYPE | LX_MAP_FIXED | LX_MAP_ANONYMOUS | LX_MAP_32BIT | LX_MAP_GROWSDOWN | LX_MAP_DENYWRITE | \
	 LX_MAP_EXECUTABLE | LX_MAP_LOCKED | LX_MAP_NORESERVE | LX_MAP_POPULATE | LX_MAP_NONBLOCK | LX_MAP_STACK | \
	 LX_MAP_FIXED_NOREPLACE)

static uint64_t mmap_top, brk_start, brk_end;

int ceno_vm_start(void)
{
	ceno_areas_reset();
	brk_start = brk_end = 0;
	mmap_top = CENO_USER_END;
	return ceno_pages_start();
}

/* A range the program may have at all: inside user space, not page 0 and up to
 * MMAP_BOTTOM, not the entry page's 2 MiB. */
static int allowed(uint64_t start, uint64_t bytes)
{
	if (start < MMAP_BOTTOM || start >= CENO_USER_END || bytes > CENO_USER_END - start || bytes == 0)
		return 0;
	return start >= ENTRY_END || start + bytes <= CENO_GVA_ENTRY_REGION;
}

int ceno_vm_add(const struct ceno_area *area)
{
	if (!allowed(area->start, area->end - area->start) || !ceno_areas_free(area->start, area->end))
		return -LX_EINVAL;
	return ceno_areas_add(area);
}

void ceno_vm_brk_set(uint64_t start)
{
	start = (start + CENO_LARGE_PAGE - 1) & ~(CENO_LARGE_PAGE - 1);
	brk_start = brk_end = start + (ceno_random_u64() & 0x1f) * CENO_LARGE_PAGE + (ceno_random_u64() & 0xff) * 16;
}

uint64_t ceno_vm_stack_add(void)
{
	uint64_t top = (CENO_USER_END & ~(CENO_LARGE_PAGE - 1)) - (1 + (ceno_random_u64() & 0xfffff)) * CENO_LARGE_PAGE;
	struct ceno_area stack = { .start = top - CENO_STACK_MAX,
		                   .end = top,
		                   .prot = LX_PROT_READ | LX_PROT_WRITE,
		                   .kind = CENO_AREA_ANON,
		                   .flags = CENO_AREA_STACK };

	if (ceno_vm_add(&stack))
		return 0;
	mmap_top = stack.start - (256 + (ceno_random_u64() & 0xfffff)) * CENO_PAGE;
	return top - (ceno_random_u64() & 0x3fff) * 16;
}

/* Large ranges start on a large page, so that one entry can map 2 MiB of them. */
static uint64_t find_gap(uint64_t wanted, int below_4g)
{
	uint64_t bytes = wanted < CENO_LARGE_PAGE ? wanted : wanted + CENO_LARGE_PAGE - CENO_PAGE;
	uint64_t gap = below_4g ? 0 : ceno_areas_gap(bytes, 0x100000000ull, mmap_top);

	if (!gap)
		gap = ceno_areas_gap(bytes, ENTRY_END, below_4g ? 0x100000000ull : mmap_top);
	return bytes == wanted ? gap : (gap + CENO_LARGE_PAGE - 1) & ~(CENO_LARGE_PAGE - 1);
}

/* ---- brk ------------------------------------------------------------------- */

/* The heap's area ends on a large page, so that one entry maps it. A program that
 * writes between its break and that end is not stopped, and finds what it wrote. */
static uint64_t area_end(uint64_t end)
{
	return end == brk_start ? CENO_PAGE_DOWN(end) : (end + CENO_LARGE_PAGE - 1) & ~(CENO_LARGE_PAGE - 1);
}

static int grow_heap(uint64_t old, uint64_t new)
{
	struct ceno_area area = { .start = old,
		                  .end = new,
		                  .prot = LX_PROT_READ | LX_PROT_WRITE,
		                  .kind = CENO_AREA_ANON,
		                  .flags = CENO_AREA_BRK };

	if (new <= old)
		return 0;
	if (ceno_vm_add(&area))
		return -LX_ENOMEM;
	ceno_areas_merge(old, new);
	return 0;
}

int64_t ceno_sys_brk(const uint64_t a[6])
{
	uint64_t want = a[0], old = area_end(brk_end), new;

	if (want < brk_start || want >= CENO_USER_END - CENO_LARGE_PAGE ||
	    want - brk_start > ceno_frames_total() * CENO_PAGE)
		return (int64_t)brk_end;
	new = area_end(want);
	if (grow_heap(old, new))
		return (int64_t)brk_end;
	if (want < brk_end) {
		uint64_t cut = want == brk_start ? new : CENO_PAGE_UP(want);

		if (ceno_areas_split(new, old) || (cut < old && ceno_pages_discard(cut, old)))
			return (int64_t)brk_end;
		ceno_areas_remove(new, old);
	}
	brk_end = want;
	return (int64_t)brk_end;
}

/* ---- mmap ------------------------------------------------------------------ */

static int64_t unmap(uint64_t start, uint64_t end)
{
	int error = ceno_areas_split(start, end);

	if (!error)
		error = ceno_pages_discard(start, end);
	if (!error)
		ceno_areas_remove(start, end);
	return error;
}

/* Fills the area's backing from a file: the pack in place, tmpfs by copying. */
static int back_by_file(struct ceno_area *area, const uint64_t a[6], struct ceno_inode **copy_from)
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[4]);
	const struct ceno_pack_entry *entry;

	if (!file)
		return -LX_EBADF;
	if (a[5] % CENO_PAGE || a[5] > 1ull << 62 || a[1] > 1ull << 62)
		return -LX_EINVAL;
	if ((file->flags & LX_O_ACCMODE) == LX_O_WRONLY || (file->flags & LX_O_PATH))
		return -LX_EACCES;
	if ((a[3] & LX_MAP_TYPE) != LX_MAP_PRIVATE && (a[2] & LX_PROT_WRITE))
		return (file->flags & LX_O_ACCMODE) == LX_O_RDONLY ? -LX_EACCES : -LX_ENODEV;
	if (file->inode->kind == CENO_INODE_FILE) {
		if (a[2] & LX_PROT_EXEC)
			return -LX_EACCES;
		*copy_from = file->inode;
		return 0;
	}
	if (file->inode->kind == CENO_INODE_DEVICE && file->inode->device == CENO_DEVICE_ZERO)
		return 0;
	if (file->inode->kind != CENO_INODE_PACK)
		return -LX_ENODEV;
	entry = file->inode->pack;
	area->kind = CENO_AREA_PACK;
	area->offset = entry->offset + a[5];
	area->limit = CENO_PAGE_UP(entry->offset + entry->length);
	return 0;
}

static int64_t place(const uint64_t a[6], uint64_t bytes, uint64_t *start)
{
	uint64_t flags = a[3];

	*start = CENO_PAGE_DOWN(a[0]);
	if (flags & (LX_MAP_FIXED | LX_MAP_FIXED_NOREPLACE)) {
		if (a[0] % CENO_PAGE)
			return -LX_EINVAL;
		if (!allowed(*start, bytes))
			return -LX_ENOMEM;
		if (flags & LX_MAP_FIXED_NOREPLACE)
			return ceno_areas_free(*start, *start + bytes) ? 0 : -LX_EEXIST;
		return unmap(*start, *start + bytes);
	}
	if (!*start || !allowed(*start, bytes) || !ceno_areas_free(*start, *start + bytes))
		*start = find_gap(bytes, (flags & LX_MAP_32BIT) != 0);
	return *start ? 0 : -LX_ENOMEM;
}

static int64_t check_mmap(const uint64_t a[6], uint64_t bytes)
{
	uint64_t type = a[3] & LX_MAP_TYPE;

	if (a[1] == 0 || (a[2] & ~(uint64_t)LX_PROT_MASK) || (a[3] & ~(uint64_t)MAP_KNOWN))
		return -LX_EINVAL;
	if (type != LX_MAP_PRIVATE && type != LX_MAP_SHARED && type != LX_MAP_SHARED_VALIDATE)
		return -LX_EINVAL;
	if (a[1] > CENO_USER_END || bytes > CENO_USER_END)
		return -LX_ENOMEM;
	if ((a[2] & LX_PROT_WRITE) && (a[2] & LX_PROT_EXEC))
		return -LX_EACCES;
	if ((a[3] & LX_MAP_ANONYMOUS) && (a[2] & LX_PROT_EXEC))
		return -LX_EACCES;
	if ((a[3] & LX_MAP_ANONYMOUS) && a[2] && !(a[3] & LX_MAP_NORESERVE) && bytes > ceno_frames_total() * CENO_PAGE)
		return -LX_ENOMEM;
	return 0;
}

static int copy_file(struct ceno_inode *inode, uint64_t start, uint64_t bytes, uint64_t offset)
{
	for (uint64_t at = 0; at < bytes && offset + at < inode->size; at += CENO_PAGE) {
		const void *from = ceno_inode_page(inode, (offset + at) / CENO_PAGE, 0);
		uint64_t got, end = inode->size - (offset + at);
		uint8_t *to;
		int error;

		if (!from)
			continue;
		to = ceno_pages_reach(start + at, LX_PROT_WRITE, &got, &error);
		if (!to)
			return -LX_ENOMEM;
		memcpy(to, from, end < CENO_PAGE ? end : CENO_PAGE);
	}
	return 0;
}

int64_t ceno_sys_mmap(const uint64_t a[6])
{
	uint64_t bytes = CENO_PAGE_UP(a[1]), start;
	struct ceno_area area = { .prot = (uint16_t)a[2], .kind = CENO_AREA_ANON };
	struct ceno_inode *copy_from = NULL;
	int64_t error = check_mmap(a, bytes);

	if (!error && !(a[3] & LX_MAP_ANONYMOUS))
		error = back_by_file(&area, a, &copy_from);
	if (!error)
		error = place(a, bytes, &start);
	if (error)
		return error;
	area.start = start;
	area.end = start + bytes;
	if (copy_from)
		area.prot = LX_PROT_READ | LX_PROT_WRITE;
	error = ceno_areas_add(&area);
	if (error)
		return error;
	if (copy_from) {
		error = copy_file(copy_from, start, bytes, a[5]);
		if (!error && a[2] != area.prot) {
			ceno_areas_find(start)->prot = (uint16_t)a[2];
			error = ceno_pages_hide(start, start + bytes);
		}
		if (error) {
			unmap(start, start + bytes);
			return error;
		}
	}
	ceno_areas_merge(start, start + bytes);
	return (int64_t)start;
}

int64_t ceno_sys_munmap(const uint64_t a[6])
{
	uint64_t bytes = CENO_PAGE_UP(a[1]);

	if (a[0] % CENO_PAGE || a[1] == 0 || a[0] >= CENO_USER_END || a[1] > CENO_USER_END - a[0])
		return -LX_EINVAL;
	return unmap(a[0], a[0] + bytes);
}

/* ---- mprotect, mremap, madvise ---------------------------------------------- */

int64_t ceno_sys_mprotect(const uint64_t a[6])
{
	uint64_t start = a[0], bytes = CENO_PAGE_UP(a[1]), end;
	int error;

	if (start % CENO_PAGE || (a[2] & ~(uint64_t)LX_PROT_MASK))
		return -LX_EINVAL;
	if (a[1] == 0)
		return 0;
	if (start >= CENO_USER_END || a[1] > CENO_USER_END - start || !ceno_areas_cover(start, start + bytes))
		return -LX_ENOMEM;
	end = start + bytes;
	if (a[2] & LX_PROT_EXEC) {
		if ((a[2] & LX_PROT_WRITE) || ceno_pages_private(start, end))
			return -LX_EACCES;
		for (uint64_t at = start; at < end; at = ceno_areas_find(at)->end)
			if (ceno_areas_find(at)->kind != CENO_AREA_PACK)
				return -LX_EACCES;
	}
	error = ceno_areas_split(start, end);
	if (!error)
		error = ceno_pages_hide(start, end);
	if (error)
		return error;
	for (uint64_t at = start; at < end; at = ceno_areas_find(at)->end)
		ceno_areas_find(at)->prot = (uint16_t)a[2];
	ceno_areas_merge(start, end);
	return 0;
}

/* What was moved once will grow again (an array that a program extends bit by bit):
 * it goes where there is room to do so in place. */
static int64_t move_area(struct ceno_area area, uint64_t old, uint64_t new)
{
	uint64_t from = area.start, room = new < GROWTH_MAX ? new : GROWTH_MAX, to = find_gap(new + room, 0);
	int64_t error;

	if (!to)
		to = find_gap(new, 0);
	if (!to)
		return -LX_ENOMEM;
	area.start = to;
	area.end = to + new;
	error = ceno_areas_add(&area);
	if (error)
		return error;
	error = ceno_pages_move(from, to, old);
	if (!error)
		error = unmap(from, from + old);
	if (error) {
		ceno_process_out_of_memory();
		return error;
	}
	return (int64_t)to;
}

int64_t ceno_sys_mremap(const uint64_t a[6])
{
	uint64_t start = a[0], old = CENO_PAGE_UP(a[1]), new = CENO_PAGE_UP(a[2]), end;
	struct ceno_area *area, copy;
	int64_t error;

	if (start % CENO_PAGE || a[2] == 0 || a[1] == 0 || (a[3] & ~1ull) || a[1] > CENO_USER_END ||
	    a[2] > CENO_USER_END)
		return -LX_EINVAL;
	area = ceno_areas_find(start);
	if (!area || old > area->end - start)
		return -LX_EFAULT;
	end = start + old;
	if (new <= old) {
		error = new < old ? unmap(start + new, end) : 0;
		return error ? error : (int64_t)start;
	}
	if (new > ceno_frames_total() * CENO_PAGE)
		return -LX_ENOMEM;
	copy = *area;
	copy.offset += start - copy.start;
	copy.start = start;
	if (end == area->end && allowed(start, new) && ceno_areas_free(end, start + new)) {
		copy.offset += old;
		copy.start = end;
		copy.end = start + new;
		error = ceno_areas_add(&copy);
		ceno_areas_merge(start, start + new);
		return error ? error : (int64_t)start;
	}
	if (!(a[3] & LX_MREMAP_MAYMOVE))
		return -LX_ENOMEM;
	error = ceno_areas_split(start, end);
	return error ? error : move_area(copy, old, new);
}

int64_t ceno_sys_madvise(const uint64_t a[6])
{
	enum { DONTNEED = 4, FREE = 8, REMOVE = 9 };
	uint64_t bytes = CENO_PAGE_UP(a[1]);

	if (a[0] % CENO_PAGE || a[1] > CENO_USER_END || (a[1] && a[0] > CENO_USER_END - a[1]))
		return -LX_EINVAL;
	if (a[2] > 25 || (a[2] > 4 && a[2] < 8) || a[2] == REMOVE)
		return -LX_EINVAL;
	if (a[1] == 0)
		return 0;
	if (!ceno_areas_cover(a[0], a[0] + bytes))
		return -LX_ENOMEM;
	return a[2] == DONTNEED || a[2] == FREE ? ceno_pages_discard(a[0], a[0] + bytes) : 0;
}

int64_t ceno_sys_mincore(const uint64_t a[6])
{
	uint64_t bytes = CENO_PAGE_UP(a[1]);
	uint8_t one;

	if (a[0] % CENO_PAGE)
		return -LX_EINVAL;
	if (a[1] > CENO_USER_END || a[0] > CENO_USER_END - a[1] || (a[1] && !ceno_areas_cover(a[0], a[0] + bytes)))
		return -LX_ENOMEM;
	for (uint64_t i = 0; i < bytes / CENO_PAGE; i++) {
		uint64_t gva = a[0] + i * CENO_PAGE;

		one = ceno_areas_find(gva)->kind == CENO_AREA_PACK || ceno_pages_private(gva, gva + CENO_PAGE);
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
	if (a[1] > CENO_USER_END || a[0] > CENO_USER_END - a[1])
		return -LX_ENOMEM;
	return a[1] == 0 || ceno_areas_cover(a[0], a[0] + CENO_PAGE_UP(a[1])) ? 0 : -LX_ENOMEM;
}
