/*
 * Where an address space's pieces lie: the session's layout, and places for what mmap, mremap and
 * execve leave to be chosen. See place.h.
 */
#include "place.h"

#include "linux.h"
#include "random.h"

#define PIE_BASE 0x555500000000ull
#define ZONE     (256ull << 20)
#define GIB      (1ull << 30)

#define ALONE_MAX 2u

static struct {
	uint64_t program, stack_top, stack_skip, mmap_top, brk_skip;
} layout;

void ceno_vm_layout_init(void)
{
	layout.program = PIE_BASE + (ceno_random_u64() & 0x3fffff) * CENO_LARGE_PAGE;
	layout.stack_top =
	    (CENO_USER_END & ~(CENO_LARGE_PAGE - 1)) - (1 + (ceno_random_u64() & 0xfffff)) * CENO_LARGE_PAGE;
	layout.stack_skip = (ceno_random_u64() & 0x3fff) * 16;
	layout.mmap_top = (layout.stack_top - CENO_STACK_MAX - (ceno_random_u64() & 0xfffff) * CENO_PAGE) & ~(GIB - 1);
	layout.brk_skip = (ceno_random_u64() & 0x1f) * CENO_LARGE_PAGE + (ceno_random_u64() & 0xff) * 16;
}

uint64_t ceno_vm_program_base(void)
{
	return layout.program;
}

/* Files that are code lie at the top, since nothing of them is touched before all are there;
 * other memory apart from them, and so do files that are only read. */
static uint64_t top_for(const struct ceno_vm *vm, uint64_t prot, uint64_t flags)
{
	if (flags & LX_MAP_ANONYMOUS)
		return vm->mmap_top - ZONE;
	return prot == LX_PROT_READ && !(flags & LX_MAP_DENYWRITE) ? vm->mmap_top - 2 * ZONE : vm->mmap_top;
}

void ceno_vm_brk_set(struct ceno_vm *vm, uint64_t end)
{
	uint64_t start = CENO_LARGE_UP(end);

	vm->brk_start = vm->brk_end = start + layout.brk_skip;
}

uint64_t ceno_vm_stack_add(struct ceno_vm *vm)
{
	struct ceno_area stack = { .start = layout.stack_top - CENO_STACK_MAX,
		                   .end = layout.stack_top,
		                   .prot = LX_PROT_READ | LX_PROT_WRITE,
		                   .flags = CENO_AREA_STACK };

	if (ceno_vm_add(vm, &stack))
		return 0;
	vm->mmap_top = layout.mmap_top;
	return layout.stack_top - layout.stack_skip;
}

/* Large ranges start on a large page, so that one entry can map 2 MiB of them. */
static uint64_t find_gap(struct ceno_vm *vm, uint64_t wanted, int below_4g, uint64_t top)
{
	uint64_t bytes = wanted < CENO_LARGE_PAGE ? wanted : wanted + CENO_LARGE_PAGE - CENO_PAGE;
	uint64_t gap = below_4g ? 0 : ceno_areas_gap(vm, bytes, 0x100000000ull, top);

	if (!gap)
		gap = ceno_areas_gap(vm, bytes, CENO_ENTRY_END, below_4g ? 0x100000000ull : vm->mmap_top);
	return bytes == wanted ? gap : CENO_LARGE_UP(gap);
}

uint64_t ceno_vm_interpreter_gap(struct ceno_vm *vm, uint64_t bytes)
{
	uint64_t gap = find_gap(vm, bytes, 0, vm->mmap_top);

	if (gap)
		vm->mmap_top = gap & ~(CENO_LARGE_PAGE - 1);
	return gap;
}

/* Halves of a large page are an allocator's arenas, which come one after another and mostly go
 * together: two share one, with one MAP, and neither wastes RAM. */
static uint64_t half_gap(struct ceno_vm *vm)
{
	uint64_t gap = ceno_areas_gap(vm, CENO_HALF, 0x100000000ull, vm->mmap_top - 4 * ZONE);

	return gap % CENO_HALF ? 0 : gap;
}

/* The first small pieces are the dynamic linker's own, a thread's block: a program that runs again has the
 * same, and gets the table for each from a husk, as it is. With others in that table, which come later,
 * the husk would have to lose those first. */
static uint64_t alone_gap(struct ceno_vm *vm)
{
	if (vm->forked || vm->alone == ALONE_MAX)
		return 0;
	vm->alone++;
	return find_gap(vm, CENO_LARGE_PAGE, 0, vm->mmap_top - ZONE - ZONE / 2);
}

/* Where memory lies that is to have 2 MiB to itself; 0: it is not that, or there is no room. */
static uint64_t own_gap(struct ceno_vm *vm, const uint64_t a[6], uint64_t bytes)
{
	uint64_t gap;

	if ((a[3] & (LX_MAP_TYPE | LX_MAP_ANONYMOUS | LX_MAP_32BIT)) != (LX_MAP_PRIVATE | LX_MAP_ANONYMOUS) ||
	    a[2] != (LX_PROT_READ | LX_PROT_WRITE) || bytes >= CENO_LARGE_PAGE)
		return 0;
	if (bytes < CENO_MIDDLE_MIN)
		return alone_gap(vm);
	gap = bytes == CENO_HALF ? half_gap(vm) : 0;
	return gap ? gap : find_gap(vm, CENO_LARGE_PAGE, 0, vm->mmap_top - 3 * ZONE);
}

uint64_t ceno_place_for(struct ceno_vm *vm, const uint64_t a[6], uint64_t bytes)
{
	uint64_t gap = own_gap(vm, a, bytes);

	return gap ? gap : find_gap(vm, bytes, (a[3] & LX_MAP_32BIT) != 0, top_for(vm, a[2], a[3]));
}

uint64_t ceno_place_to_grow(struct ceno_vm *vm, uint64_t bytes, uint64_t room)
{
	uint64_t gap = room ? find_gap(vm, CENO_LARGE_UP(bytes + room), 0, vm->mmap_top - 3 * ZONE) : 0;

	return gap ? gap : find_gap(vm, bytes, 0, vm->mmap_top - ZONE);
}
