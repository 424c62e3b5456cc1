/* See truth.h. */
#include "truth.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "guest-kernel/services/membrane/fd.h"
#include "guest-kernel/services/membrane/pack.h"
#include "guest-kernel/services/membrane/task.h"

struct ceno_inode *pack_file, *other_file, *ram_file;
int64_t pack_fd, ram_fd;
uint64_t pack_large;
struct ceno_vm *first;

uint64_t gva_of(uint64_t p)
{
	return p < REGIONS * CENO_LEAF_PAGES ? BASE + p * PAGE : TOP + (p - REGIONS * CENO_LEAF_PAGES) * PAGE;
}

void check_bytes(uint64_t gva, const uint64_t *at, uint64_t token)
{
	for (unsigned i = 0; i < PAGE / 8; i++)
		if (at[i] != token) {
			print_error("page %llx, word %u: %llx instead of %llx\n", (unsigned long long)gva, i,
			            (unsigned long long)at[i], (unsigned long long)token);
			fail();
		}
}

/* ---- spaces ----------------------------------------------------------------------- */

static uint64_t *entry_of(struct ceno_vm *vm, uint64_t gva)
{
	uint64_t *dir = ceno_pages_directory(vm, gva, 0);

	return dir && (*dir & CENO_PTE_LEAF) ? ceno_pages_look(vm, gva) : dir;
}

/* All areas of the 2 MiB at gva are plain. */
static void check_plain(struct ceno_vm *vm, uint64_t gva)
{
	uint64_t start = CENO_LARGE_DOWN(gva), end = start + LARGE;

	for (const struct ceno_area *area; (area = ceno_areas_above(vm, start)) && area->start < end; start = area->end)
		assert_true(ceno_area_is_plain(area));
	assert_true(end <= CENO_USER_END && end > LARGE);
}

/* What is mapped has an area, or is a large page of RAM that hangs over plain ones. What may be written
 * and is not marked is written without a fault, or never. */
static void check_area(struct ceno_vm *vm, uint64_t gva, int large, uint64_t is, uint32_t rights)
{
	const struct ceno_area *area = ceno_areas_find(vm, gva);

	if (!area) {
		assert_true(large);
		check_plain(vm, gva);
	} else if ((is & CENO_PTE_RAM) && !(is & CENO_PTE_RO) && (area->prot & PROT_WRITE)) {
		assert_true(rights & CENO_RIGHT_WRITE);
	}
}

/* The vm's table and the hardware's say the same of this page. */
static void check_entry(struct ceno_vm *vm, uint64_t gva, const struct fake_mapping *m)
{
	const uint64_t *dir = ceno_pages_directory(vm, gva, 0), *entry = entry_of(vm, gva);
	uint64_t is = entry ? *entry : 0, within = entry == dir ? gva % LARGE : 0;

	if (!m) {
		assert_false(entry != dir && (is & CENO_PTE_HW));
		assert_false(entry && entry == dir && (is & CENO_PTE_HW));
		return;
	}
	assert_true(is & CENO_PTE_HW);
	assert_true(*dir & CENO_PTE_HW);
	assert_int_equal((is & CENO_PTE_RAM) != 0, m->object == CENO_SLOT_RAM);
	if (is & CENO_PTE_RAM)
		assert_int_equal(ceno_pte_frame(is) + within, m->offset);
	assert_false((is & CENO_PTE_RO) && (m->rights & CENO_RIGHT_WRITE));
	assert_int_equal((is & CENO_PTE_TEXT) != 0, m->object == CENO_SLOT_RAM && (m->rights & CENO_RIGHT_EXECUTE));
	check_area(vm, gva, entry == dir && (is & CENO_PTE_RAM), is, m->rights);
}

void check_space(struct ceno_vm *vm)
{
	size_t mapped = 0;

	for (uint64_t p = 0; p < PAGES; p++) {
		const struct fake_mapping *m = vm->slot ? fake_space_find(vm->slot, gva_of(p)) : NULL;

		check_entry(vm, gva_of(p), m);
		mapped += m != NULL;
	}
	if (vm->slot)
		assert_int_equal(fake_space_pages(vm->slot), mapped);
}

/* ---- frames ------------------------------------------------------------------------ */

static uint8_t owners[FAKE_RAM_BYTES / CENO_PAGE];

static void count_pages(struct ceno_vm *vm)
{
	uint64_t pages = 0, gva = 0, *dir;

	for (; (dir = ceno_pages_next(vm, &gva, CENO_USER_END)); gva += LARGE) {
		gva = CENO_LARGE_DOWN(gva);
		for (unsigned i = 0; i < CENO_LEAF_PAGES; i++) {
			uint64_t is = *dir & CENO_PTE_LEAF ? *ceno_pte_at(ceno_pte_frame(*dir), gva + i * PAGE, 1)
			    : *dir                         ? *dir + i * PAGE
							   : 0;

			if (!(is & CENO_PTE_RAM))
				continue;
			pages++;
			owners[is / PAGE]++;
		}
	}
	assert_int_equal(vm->pages, pages);
}

void check_owners(void)
{
	memset(owners, 0, sizeof(owners));
	for (struct ceno_vm *vm = ceno_vms_first(); vm; vm = vm->next)
		count_pages(vm);
	for (struct ceno_vm *vm = ceno_husks_first(); vm; vm = vm->next)
		count_pages(vm);
	for (uint64_t i = 0; i < ram_file->size / PAGE; i++) {
		const uint8_t *page = ceno_inode_page(ram_file, i, 0);

		if (page)
			owners[(uint64_t)(page - (uint8_t *)ceno_ram(0)) / PAGE]++;
	}
	for (uint64_t i = 0; i < FAKE_RAM_BYTES / PAGE; i++)
		if (owners[i] && (owners[i] > 1) != ceno_frames_shared(i * PAGE, 0)) {
			print_error("frame %llu: %u owners\n", (unsigned long long)i, owners[i]);
			fail();
		}
}

/* ---- husks -------------------------------------------------------------------------- */

/* A husk has no table in which nothing is mapped. */
static void check_tables(struct ceno_vm *vm)
{
	uint64_t gva = 0, *dir;

	for (; (dir = ceno_pages_next(vm, &gva, CENO_USER_END)); gva = CENO_LARGE_DOWN(gva) + LARGE) {
		unsigned mapped = 0;

		assert_true(*dir & CENO_PTE_LEAF);
		for (unsigned i = 0; i < CENO_LEAF_PAGES; i++)
			mapped +=
			    (*ceno_pte_at(ceno_pte_frame(*dir), CENO_LARGE_DOWN(gva) + i * PAGE, 1) & CENO_PTE_HW) != 0;
		assert_true(mapped);
	}
}

void check_husks(void)
{
	size_t count = 0;

	for (struct ceno_vm *vm = ceno_husks_first(); vm; vm = vm->next, count++) {
		assert_true(vm->slot && fake_space_exists(vm->slot));
		for (uint32_t i = 0; i < vm->count; i++)
			assert_true(!vm->areas[i].file || vm->areas[i].file->kind == CENO_INODE_PACK);
		assert_in_range(vm->pages, 0, 1024);
		assert_true(fake_space_pages(vm->slot));
		check_space(vm);
		check_tables(vm);
		for (uint64_t p = 0; p < PAGES; p++) {
			const uint64_t *entry = entry_of(vm, gva_of(p));

			assert_false(entry && (*entry & CENO_PTE_TEXT));
			assert_false(entry && (*entry & CENO_PTE_RAM) && !(*entry & CENO_PTE_HW));
		}
	}
	assert_in_range(count, 0, 8);
}

void check_spares(void)
{
	for (uint32_t slot = CENO_SLOT_PROCESS; slot < CENO_CSPACE_SLOTS; slot++) {
		int owned = 0;

		for (const struct ceno_vm *vm = ceno_vms_first(); vm; vm = vm->next)
			owned += vm->slot == slot;
		for (const struct ceno_vm *vm = ceno_husks_first(); vm; vm = vm->next)
			owned += vm->slot == slot;
		assert_in_range(owned, 0, 1);
		if (!owned && fake_space_exists(slot))
			assert_int_equal(fake_space_pages(slot), 0);
	}
}

/* ---- programs ----------------------------------------------------------------------- */

void live_in(struct ceno_vm *vm)
{
	ceno_self()->vm = vm;
	assert_int_equal(ceno_vm_enter(vm), 0);
}

int touch(struct ceno_vm *vm, uint64_t gva, uint64_t access, uint64_t **at)
{
	uint32_t right = access == PROT_WRITE ? CENO_RIGHT_WRITE
	    : access == PROT_EXEC             ? CENO_RIGHT_EXECUTE
					      : CENO_RIGHT_READ;

	for (int tries = 0; tries < 20; tries++) {
		const struct fake_mapping *m = fake_space_find(vm->slot, gva);
		int result;

		if (m && (m->rights & right)) {
			*at = m->object == CENO_SLOT_RAM ? ceno_ram(m->offset)
							 : (void *)(uintptr_t)ceno_packs_data(m->offset, PAGE);
			return 0;
		}
		result = ceno_husk_adopt(vm, gva) ? 0 : ceno_pages_fault(vm, gva, (int)access);
		if (result < 0)
			return result;
	}
	print_error("no progress at %llx\n", (unsigned long long)gva);
	fail();
	return 0;
}

static uint64_t pack_words[PACK_PAGES * PAGE / 8], other_words[16 * PAGE / 8];

void boot(void)
{
	const char *const argv[] = { "/bin/p", NULL };
	struct fake_file files[] = { fake_program("/bin/p"),
		                     { "/lib/data", 0555, pack_words, sizeof(pack_words) },
		                     { "/lib/other", 0555, other_words, sizeof(other_words) } };

	for (uint64_t i = 0; i < sizeof(pack_words) / 8; i++)
		pack_words[i] = PACKED + i / (PAGE / 8);
	for (uint64_t i = 0; i < sizeof(other_words) / 8; i++)
		other_words[i] = OTHER + i / (PAGE / 8);
	fake_on_wait = NULL;
	assert_int_equal(fake_boot(files, 3, argv), FAKE_ENTERED);
	pack_fd = sys(SYS_open, fake_string("/lib/data"), 0);
	ram_fd = sys(SYS_open, fake_string("/tmp/husk"), 0102, 0600);
	assert_true(pack_fd >= 0 && ram_fd >= 0);
	pack_file = ceno_fd_file((int32_t)pack_fd)->inode;
	other_file = ceno_fd_file((int32_t)sys(SYS_open, fake_string("/lib/other"), 0))->inode;
	ram_file = ceno_fd_file((int32_t)ram_fd)->inode;
	pack_large = (LARGE - pack_file->stored.offset % LARGE) / PAGE;
	first = ceno_self()->vm;
}
