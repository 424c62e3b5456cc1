/*
 * Vms, and the hardware spaces that some of them have. See vm.h.
 *
 * A space costs a CSpace slot and pool pages, which are few. The one that ran longest
 * ago gives its own up for one that is to run.
 *
 * Taking a space apart costs ring 0 a look at every entry of every table of it. So a vm that
 * ends leaves its space to the next ones, with what is mapped in it (husk.c), or emptied, by
 * what the vm's own table says is mapped, with its tables.
 */
#include "pages.h"

#define SLOTS    (CENO_CSPACE_SLOTS - CENO_SLOT_PROCESS)
#define POOL_MIN 32u /* tables for every page that one instruction can touch */

static struct ceno_vm *first, *current, *selected; /* selected: whose space RESUME runs */
static uint64_t stamp, slots_used;

#define SPARES      4u
#define SPARE_PAGES 1024u /* a vm with more RAM is taken apart: emptying it would cost more */

/* Spaces in which nothing is mapped, but which have tables. */
static struct {
	uint32_t slot, pool_pages;
} spare[SPARES];
static uint32_t spares;

void ceno_vms_init(void)
{
	first = current = selected = NULL;
	stamp = slots_used = 0;
	spares = 0;
	ceno_husks_init();
}

struct ceno_vm *ceno_vm_current(void)
{
	return current;
}
struct ceno_vm *ceno_vms_first(void)
{
	return first;
}

/* ---- spaces -------------------------------------------------------------------- */

static void close_slot(uint32_t slot)
{
	int64_t result;

	do
		result = ceno_mask(slot, 0, 0, 0, 0);
	while (result == CENO_E_AGAIN);
	if (result < 0)
		ceno_membrane_abort();
	slots_used &= ~(1ull << (slot - CENO_SLOT_PROCESS));
}

static void end_space(struct ceno_vm *vm)
{
	if (!vm->slot)
		return;
	close_slot(vm->slot);
	vm->slot = 0;
	if (selected == vm)
		selected = NULL;
	ceno_pages_unmapped(vm);
}

/* The vm is about to end: keeps its space for another if that is worth it. */
static void spare_space(struct ceno_vm *vm)
{
	if (!vm->slot || spares == SPARES || vm->pages > SPARE_PAGES || ceno_pages_hide(vm, 0, CENO_USER_END))
		return;
	spare[spares].slot = vm->slot;
	spare[spares++].pool_pages = vm->pool_pages;
	vm->slot = 0;
	if (selected == vm)
		selected = NULL;
}

/* Ends a spare space, a husk, or the space that ran longest ago, but for vm's. 0: there is none. */
static int evict(const struct ceno_vm *vm)
{
	struct ceno_vm *oldest = NULL;

	if (spares) {
		close_slot(spare[--spares].slot);
		return 1;
	}
	if (ceno_husk_release())
		return 1;
	for (struct ceno_vm *at = first; at; at = at->next)
		if (at != vm && at->slot && (!oldest || at->ran < oldest->ran))
			oldest = at;
	if (oldest)
		end_space(oldest);
	return oldest != NULL;
}

static uint32_t free_slot(const struct ceno_vm *vm)
{
	uint32_t i = 0;

	while (i < SLOTS && (slots_used >> i & 1))
		i++;
	if (i == SLOTS && evict(vm))
		return free_slot(vm);
	return CENO_SLOT_PROCESS + i;
}

static int make_space(struct ceno_vm *vm)
{
	uint32_t slot;

	if (vm->forked && ceno_husk_take_over(vm))
		return 0;
	if (spares) {
		vm->slot = spare[--spares].slot;
		vm->pool_pages = spare[spares].pool_pages;
		return 0;
	}
	slot = free_slot(vm);
	for (;;) {
		int64_t result = ceno_spawn_process(slot, vm->pool_pages);

		if (result >= 0)
			break;
		if (result != CENO_E_POOL)
			ceno_membrane_abort();
		if (evict(vm))
			continue;
		if (vm->pool_pages == POOL_MIN)
			return -LX_ENOMEM;
		vm->pool_pages = vm->pool_pages / 2 < POOL_MIN ? POOL_MIN : vm->pool_pages / 2;
	}
	vm->slot = slot;
	slots_used |= 1ull << (slot - CENO_SLOT_PROCESS);
	return 0;
}

int ceno_vm_enter(struct ceno_vm *vm)
{
	current = vm;
	vm->ran = ++stamp;
	if (!vm->slot && make_space(vm))
		return -LX_ENOMEM;
	if (selected != vm && ceno_recv_signal(vm->slot, 1) < 0)
		ceno_membrane_abort();
	selected = vm;
	return 0;
}

/* Too few pool pages for one table more, or too many mappings of one frame: all of it
 * goes, and comes back as it is needed. */
static int start_over(struct ceno_vm *vm, int64_t why)
{
	uint32_t wanted = why == CENO_E_POOL ? vm->pool_pages * 2 : vm->pool_pages;

	while ((spares || why != CENO_E_POOL) && evict(vm)) /* a spare one has no more pages */
		;
	end_space(vm);
	vm->pool_pages = wanted;
	if (make_space(vm))
		return -LX_ENOMEM;
	if (vm == current && ceno_vm_enter(vm))
		return -LX_ENOMEM;
	return -LX_EAGAIN;
}

int ceno_space_map(struct ceno_vm *vm, int64_t object, uint64_t gva, uint64_t offset, uint64_t bytes, uint32_t rights)
{
	int64_t result;

	do
		result = ceno_map(vm->slot, object, gva, offset, bytes, rights);
	while (result == CENO_E_AGAIN);
	if (result >= 0)
		return 0;
	if (result == CENO_E_POOL || (result == CENO_E_WX && object == CENO_SLOT_RAM))
		return start_over(vm, result);
	if (result == CENO_E_EXISTS && bytes == CENO_LARGE_PAGE)
		return -LX_EEXIST;
	ceno_membrane_abort();
}

int ceno_space_move(struct ceno_vm *to, const struct ceno_vm *from, uint64_t gva)
{
	int64_t result = ceno_map(to->slot, from->slot, gva, gva, CENO_LARGE_PAGE, 0);

	if (result < 0 && result != CENO_E_POOL)
		ceno_membrane_abort();
	return result < 0 ? -LX_ENOMEM : 0;
}

/* ---- vms ------------------------------------------------------------------------ */

struct ceno_vm *ceno_vm_new(void)
{
	uint64_t frame = ceno_frames_alloc(0), root = frame == CENO_NO_FRAME ? frame : ceno_frames_alloc(0);
	struct ceno_vm *vm = ceno_ram(frame);

	if (root == CENO_NO_FRAME) {
		if (frame != CENO_NO_FRAME)
			ceno_frames_free(frame, 0);
		return NULL;
	}
	vm->uses = 1;
	vm->root = root;
	vm->pool_pages = POOL_MIN * 2;
	vm->mmap_top = CENO_USER_END;
	vm->areas = vm->few;
	vm->capacity = sizeof(vm->few) / sizeof(vm->few[0]);
	vm->next = first;
	first = vm;
	return vm;
}

void ceno_vm_hold(struct ceno_vm *vm)
{
	vm->uses++;
}

void ceno_vm_drop(struct ceno_vm *vm)
{
	struct ceno_vm **at = &first;

	if (--vm->uses)
		return;
	if (current == vm)
		current = NULL;
	while (*at != vm)
		at = &(*at)->next;
	*at = vm->next; /* before its files go, which look for their pages in every vm */
	if (selected == vm)
		selected = NULL;
	if (!ceno_husk_keep(vm))
		ceno_vm_finish(vm);
}

void ceno_vm_finish(struct ceno_vm *vm)
{
	spare_space(vm);
	end_space(vm);
	ceno_pages_end(vm);
	ceno_areas_end(vm);
	ceno_frames_free((uint64_t)(uintptr_t)vm - CENO_RAM_GVA, 0);
}

struct ceno_vm *ceno_vm_select(struct ceno_vm *vm)
{
	struct ceno_vm *before = current;

	current = vm;
	return before;
}

struct ceno_vm *ceno_vm_fork(struct ceno_vm *vm)
{
	struct ceno_vm *child = ceno_vm_new();

	if (!child)
		return NULL;
	child->pool_pages = vm->pool_pages;
	child->forked = 1;
	child->mmap_top = vm->mmap_top;
	child->args = vm->args;
	child->env = vm->env;
	child->env_end = vm->env_end;
	child->brk_start = vm->brk_start;
	child->brk_end = vm->brk_end;
	child->data_bytes = vm->data_bytes;
	if (ceno_areas_copy(child, vm) || ceno_pages_copy(child, vm)) {
		ceno_vm_drop(child);
		return NULL;
	}
	return child;
}
