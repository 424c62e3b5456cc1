/* Programs and the husks they leave: see husks.h. */
#include "husks.h"

struct ceno_area area_of(uint16_t prot, struct ceno_inode *file, uint64_t index)
{
	return (struct ceno_area){
		.start = BASE, .end = BASE + TOUCH * PAGE, .prot = prot, .file = file, .offset = index * PAGE
	};
}

struct ceno_vm *start_program(struct ceno_area area)
{
	struct ceno_vm *vm = ceno_vm_new();

	assert_non_null(vm);
	assert_int_equal(ceno_vm_add(vm, &area), 0);
	live_in(vm);
	return vm;
}

void fill_pages(struct ceno_vm *vm, uint64_t gva, uint64_t pages, uint64_t token)
{
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t *at;

		assert_int_equal(touch(vm, gva + i * PAGE, PROT_WRITE, &at), 0);
		for (unsigned k = 0; k < PAGE / 8; k++)
			at[k] = token;
	}
}

void end_program(struct ceno_vm *vm)
{
	live_in(first);
	ceno_vm_drop(vm);
}

void leave_husk(struct ceno_area area, uint64_t access)
{
	struct ceno_vm *vm = start_program(area);
	uint64_t *at;

	for (uint64_t i = 0; access != PROT_WRITE && i < TOUCH; i++)
		assert_int_equal(touch(vm, BASE + i * PAGE, access, &at), 0);
	if (access == PROT_WRITE)
		fill_pages(vm, BASE, TOUCH, SECRET);
	end_program(vm);
	assert_ptr_equal(ceno_husks_first(), vm);
}

void clear_husks(void)
{
	uint64_t pages = ceno_husks_pages(), used = ceno_frames_used(), unused = ceno_frames_unused();

	live_in(first);
	while (ceno_husk_release())
		;
	assert_true(ceno_frames_used() + pages <= used); /* and their tables */
	assert_int_equal(ceno_husks_pages(), 0);
	assert_true(ceno_frames_unused() >= unused && unused >= ceno_frames_total() - used);
	check_spares();
	check_owners();
}
