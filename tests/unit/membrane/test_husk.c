/*
 * Husks, one condition at a time: what one program leaves, and whether the next one, which is
 * different in one thing, has it mapped. test_husk_short.c has shortages, test_husk_model.c
 * random programs.
 */
#include "husks.h"

#include <sys/syscall.h>

static void check_taken(struct ceno_vm *vm, const struct ceno_area *area)
{
	for (uint64_t i = 0; i < TOUCH; i++) {
		const struct fake_mapping *m = fake_space_find(vm->slot, BASE + i * PAGE);
		uint64_t *at;

		assert_non_null(m);
		assert_int_equal(m->rights & CENO_RIGHT_WRITE && !(area->prot & PROT_WRITE), 0);
		assert_int_equal(m->rights & CENO_RIGHT_EXECUTE && !(area->prot & PROT_EXEC), 0);
		assert_int_equal(touch(vm, BASE + i * PAGE, PROT_READ, &at), 0);
		check_bytes(BASE + i * PAGE, at, area->file ? PACKED + area->offset / PAGE + i : 0);
		if (area->prot & PROT_WRITE)
			fill_pages(vm, BASE + i * PAGE, 1, SECRET + i);
	}
}

static void fit(struct ceno_area old, uint64_t access, struct ceno_area new, int wanted)
{
	struct ceno_vm *vm;
	int got;

	leave_husk(old, access);
	vm = start_program(new);
	got = ceno_husk_adopt(vm, BASE);
	if (got != wanted)
		print_error("from %u (%p %llu) to %u (%p %llu)\n", old.prot, (void *)old.file,
		            (unsigned long long)old.offset, new.prot, (void *)new.file, (unsigned long long)new.offset);
	assert_int_equal(got, wanted);
	if (got)
		check_taken(vm, &new);
	else
		assert_int_equal(fake_space_pages(vm->slot), 0);
	check_space(vm);
	check_husks();
	end_program(vm);
	clear_husks();
}

static void test_fits_ram(void **state)
{
	struct ceno_area shared;

	(void)state;
	boot();
	assert_int_equal(sys(SYS_ftruncate, ram_fd, 32 * PAGE), 0);
	shared = area_of(RW, ram_file, 0);
	shared.flags = CENO_AREA_SHARED;
	fit(area_of(RW, NULL, 0), W, area_of(RW, NULL, 0), 1);
	fit(area_of(RW, NULL, 0), W, area_of(R, NULL, 0), 0); /* is mapped writable */
	fit(area_of(RW, NULL, 0), W, area_of(0, NULL, 0), 0);
	fit(area_of(RW, NULL, 0), W, area_of(RX, NULL, 0), 0);
	fit(area_of(R, NULL, 0), R, area_of(R, NULL, 0), 1);
	fit(area_of(R, NULL, 0), R, area_of(RW, NULL, 0), 1); /* writable at the next fault */
	fit(area_of(R, NULL, 0), R, area_of(0, NULL, 0), 0);
	fit(area_of(R, NULL, 0), R, area_of(RX, NULL, 0), 0); /* not executable there */
	fit(area_of(RW, NULL, 0), W, area_of(RW, pack_file, 3), 1);
	fit(area_of(R, NULL, 0), R, area_of(R, pack_file, 3), 1);
	fit(area_of(R, NULL, 0), R, area_of(RX, pack_file, 3), 0);
	fit(area_of(RW, NULL, 0), W, area_of(RW, pack_file, PACK_PAGES), 0); /* beyond its end */
	fit(area_of(RW, NULL, 0), W, area_of(RW, ram_file, 0), 0);
	fit(area_of(RW, NULL, 0), W, shared, 0);
	fit(area_of(RW, pack_file, 3), W, area_of(RW, NULL, 0), 1);
}

static void test_fits_pack(void **state)
{
	(void)state;
	boot();
	fit(area_of(R, pack_file, 3), R, area_of(R, pack_file, 3), 1);
	fit(area_of(R, pack_file, 3), R, area_of(R, pack_file, 4), 0);
	fit(area_of(R, other_file, 3), R, area_of(R, pack_file, 3), 0);
	fit(area_of(R, pack_file, 3), R, area_of(RX, pack_file, 3), 0);
	fit(area_of(RX, pack_file, 3), X, area_of(RX, pack_file, 3), 1);
	fit(area_of(RX, pack_file, 3), X, area_of(R, pack_file, 3), 0);
	fit(area_of(R, pack_file, 3), R, area_of(0, pack_file, 3), 0);
	fit(area_of(R, pack_file, 3), R, area_of(R, NULL, 0), 0);
	fit(area_of(R, pack_file, 3), R, area_of(RW, pack_file, 3), 1);
	fit(area_of(R, pack_file, PACK_PAGES - 8), R, area_of(R, pack_file, PACK_PAGES - 8), 1);
}

/* What a program wrote before it had a space (its stack) stays, whatever a husk has there. */
/* A shell's children and its programs have husks of their own: a child takes nothing of a program's, which
 * the next program wants; a program may take a child's. */
static void test_forks(void **state)
{
	struct ceno_area area = area_of(RW, NULL, 0);

	(void)state;
	boot();
	for (uint32_t left = 0; left < 2; left++) {
		for (uint32_t next = 0; next < 2; next++) {
			struct ceno_vm *vm;

			leave_husk(area, W);
			ceno_husks_first()->forked = left;
			vm = start_program(area);
			vm->forked = next;
			assert_int_equal(ceno_husk_adopt(vm, BASE), left || !next);
			end_program(vm);
			clear_husks();
		}
	}
}

/* What the dynamic linker wrote and then protected is writable at once for the next one. */
static void test_protected(void **state)
{
	struct ceno_area area = area_of(RW, pack_file, 3);
	struct ceno_vm *vm;

	(void)state;
	boot();
	vm = start_program(area);
	fill_pages(vm, BASE, TOUCH, SECRET);
	assert_int_equal(sys(SYS_mprotect, BASE, 2 * PAGE, PROT_READ), 0);
	end_program(vm);
	vm = start_program(area);
	assert_int_equal(ceno_husk_adopt(vm, BASE), 1);
	for (uint64_t i = 0; i < TOUCH; i++)
		assert_true(fake_space_find(vm->slot, BASE + i * PAGE)->rights & CENO_RIGHT_WRITE);
	check_taken(vm, &area);
	check_space(vm);
	end_program(vm);
	clear_husks();
}

static void test_own_pages(void **state)
{
	static const uint16_t prots_left[] = { R, RW };

	(void)state;
	boot();
	for (unsigned k = 0; k < 2; k++) {
		struct ceno_area area = area_of(RW, pack_file, 3);
		struct ceno_vm *vm;
		uint64_t *at, got;
		int error;

		leave_husk(area_of(prots_left[k], pack_file, 3), k ? W : R);
		vm = ceno_vm_new();
		assert_int_equal(ceno_vm_add(vm, &area), 0);
		at = ceno_pages_reach(vm, BASE, PROT_WRITE, &got, &error);
		for (unsigned i = 0; i < PAGE / 8; i++)
			at[i] = 77;
		live_in(vm);
		assert_int_equal(ceno_husk_adopt(vm, BASE + (TOUCH - 1) * PAGE), k);
		assert_int_equal(touch(vm, BASE, PROT_READ, &at), 0);
		check_bytes(BASE, at, 77);
		check_space(vm);
		check_owners();
		end_program(vm);
		clear_husks();
	}
}

/* Areas here and there: the rest is not in reach; too few: nothing is taken. */
static void test_holes(void **state)
{
	static const uint8_t has[][TOUCH] = { { 1, 1, 0, 0, 1, 1, 1, 1 },
		                              { 1, 0, 1, 0, 1, 0, 1, 0 },
		                              { 1, 0, 0, 1, 1, 0, 1, 1 },
		                              { 0, 1, 1, 1, 1, 0, 0, 1 },
		                              { 1, 0, 0, 0, 1, 0, 0, 1 } };

	(void)state;
	boot();
	for (unsigned k = 0; k < 5; k++) {
		struct ceno_vm *vm = ceno_vm_new();
		unsigned mapped = 0;
		int taken = k != 1 && k != 4; /* most of it fits */

		leave_husk(area_of(RW, NULL, 0), W);
		for (uint64_t i = 0; i < TOUCH; i++) {
			struct ceno_area area = { .start = BASE + i * PAGE, .end = BASE + (i + 1) * PAGE, .prot = RW };

			if (has[k][i])
				assert_int_equal(ceno_vm_add(vm, &area), 0);
		}
		live_in(vm);
		assert_int_equal(k == 0 && ceno_husk_adopt(vm, BASE + 2 * PAGE), 0); /* it has no page there */
		assert_int_equal(ceno_husk_adopt(vm, BASE + 4 * PAGE), taken);
		for (uint64_t i = 0; i < TOUCH; i++) {
			const struct fake_mapping *m = fake_space_find(vm->slot, BASE + i * PAGE);

			assert_int_equal(m != NULL, taken && has[k][i]);
			mapped += m != NULL;
		}
		assert_int_equal(fake_space_pages(vm->slot), mapped);
		end_program(vm);
		clear_husks();
	}
	leave_husk(area_of(RW, NULL, 0), W);
	live_in(first);
	assert_int_equal(ceno_husk_adopt(first, CENO_USER_END), 0);
	assert_int_equal(ceno_husk_adopt(first, ~0ull), 0);
	assert_int_equal(ceno_husk_adopt(first, BASE), 0); /* has no area there */
}

/* A husk gives table by table, until it has none. Who lost a space takes, too. */
static void test_one_by_one(void **state)
{
	struct ceno_area area = { .start = BASE, .end = BASE + 2 * LARGE, .prot = RW, .flags = CENO_AREA_STACK };
	struct ceno_vm *vm, *other;

	(void)state;
	boot();
	vm = start_program(area);
	fill_pages(vm, BASE, TOUCH, 4);
	live_in(first);
	fake_pool_pages = 128; /* two spaces: the oldest ends */
	other = start_program(area);
	assert_int_equal(vm->slot, 0);
	fill_pages(other, BASE, 2 * TOUCH, SECRET);
	fill_pages(other, BASE + LARGE, TOUCH, SECRET);
	fake_pool_pages = 4096;
	end_program(other);
	live_in(vm);
	assert_ptr_equal(ceno_husks_first(), other);
	assert_int_equal(ceno_husk_adopt(vm, BASE), 1);
	assert_ptr_equal(ceno_husks_first(), other);
	assert_int_equal(ceno_husk_adopt(vm, BASE), 0);
	assert_int_equal(ceno_husk_adopt(vm, BASE + LARGE), 1);
	assert_null(ceno_husks_first());
	for (uint64_t i = 0; i < 2 * TOUCH; i++) {
		uint64_t *at;

		assert_int_equal(touch(vm, BASE + i * PAGE, PROT_READ, &at), 0);
		check_bytes(BASE + i * PAGE, at, i < TOUCH ? 4 : 0);
	}
	check_space(vm);
	check_owners();
	end_program(vm);
	clear_husks();
}

/* A frame that somebody has, too, is nobody's to fill; who shares it anyhow has it mapped at once. */
static void test_shared_frames(void **state)
{
	struct ceno_vm *parent, *child, *other;
	uint64_t *at;

	(void)state;
	boot();
	parent = start_program(area_of(RW, NULL, 0));
	fill_pages(parent, BASE, TOUCH, 5);
	assert_int_equal(sys(SYS_mprotect, BASE, TOUCH * PAGE, PROT_READ), 0);
	child = ceno_vm_fork(parent);
	live_in(child);
	for (uint64_t i = 0; i < TOUCH; i++)
		assert_int_equal(touch(child, BASE + i * PAGE, PROT_READ, &at), 0);
	end_program(child);
	assert_ptr_equal(ceno_husks_first(), child);
	assert_int_equal(ceno_husks_pages(), 0);
	other = start_program(area_of(R, NULL, 0));
	assert_int_equal(ceno_husk_adopt(other, BASE), 0);
	end_program(other);
	live_in(parent);
	for (uint64_t i = 0; i < TOUCH; i++) {
		assert_int_equal(touch(parent, BASE + i * PAGE, PROT_READ, &at), 0);
		check_bytes(BASE, at, 5);
	}
	other = ceno_vm_fork(parent);
	live_in(other);
	for (uint64_t i = 0; i < TOUCH; i++) {
		assert_non_null(fake_space_find(other->slot, BASE + i * PAGE));
		assert_int_equal(touch(other, BASE + i * PAGE, PROT_READ, &at), 0);
		check_bytes(BASE, at, 5);
	}
	check_owners();
	check_husks();
	end_program(other);
	end_program(parent);
	clear_husks();
}

/* What a husk may not have: code in RAM, large pages, files in RAM, too much, no space. */
static void test_kept(void **state)
{
	struct ceno_area area = { .start = BASE, .end = BASE + 4 * LARGE, .prot = RW };
	struct ceno_vm *vm;
	uint64_t used, *at;

	(void)state;
	boot();
	used = ceno_frames_used();
	vm = start_program(area); /* of large pages */
	for (unsigned i = 0; i < 3; i++)
		fill_pages(vm, BASE + i * LARGE + PAGE, 2, SECRET);
	assert_true(vm->pages >= 3 * CENO_LEAF_PAGES);
	assert_int_equal(sys(SYS_mmap, TOP, PAGE, RW, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), TOP);
	fill_pages(vm, TOP, 1, SECRET);
	end_program(vm);
	assert_ptr_equal(ceno_husks_first(), vm);
	assert_int_equal(vm->pages, 1);
	check_husks();
	assert_int_equal(fake_space_pages(vm->slot), 1);
	clear_husks();
	assert_int_equal(ceno_frames_used(), used);
	vm = start_program(area);
	fill_pages(vm, BASE, 1, SECRET);
	end_program(vm); /* nothing else: the space is a spare one */
	assert_null(ceno_husks_first());
	assert_int_equal(ceno_frames_used(), used);

	area.flags = CENO_AREA_STACK; /* of small pages */
	vm = start_program(area);
	fill_pages(vm, BASE, 1024, SECRET);
	end_program(vm);
	assert_ptr_equal(ceno_husks_first(), vm);
	assert_int_equal(ceno_husks_pages(), 1024);
	clear_husks();
	vm = start_program(area);
	for (uint64_t i = 0; i < 33; i++)
		fill_pages(vm, BASE + i * 32 * PAGE, 32, SECRET);
	end_program(vm);
	assert_null(ceno_husks_first());

	vm = start_program(area_of(RW, NULL, 0));
	fill_pages(vm, BASE, TOUCH, SECRET);
	assert_int_equal(sys(SYS_mprotect, BASE + PAGE, 3 * PAGE, PROT_READ | PROT_EXEC), 0);
	assert_int_equal(touch(vm, BASE + PAGE, PROT_EXEC, &at), 0);
	end_program(vm);
	assert_ptr_equal(ceno_husks_first(), vm);
	check_husks();
	clear_husks();
	assert_int_equal(ceno_frames_used(), used);

	vm = ceno_vm_new();
	ceno_vm_drop(vm); /* it never ran */
	assert_null(ceno_husks_first());
	for (unsigned i = 0; i < 12; i++)
		leave_husk(area_of(RW, NULL, 0), W);
	check_husks();
	clear_husks();
	assert_int_equal(ceno_frames_used(), used);
}

/* A whole space goes to a child that has a large page where the husk has small ones. */
static void test_large_over_small(void **state)
{
	struct ceno_area area = { .start = BASE, .end = BASE + LARGE, .prot = RW };
	struct ceno_vm *parent, *child;
	uint64_t *at;

	(void)state;
	boot();
	parent = start_program(area);
	fill_pages(parent, BASE, TOUCH, 9);
	assert_int_equal(parent->pages, CENO_LEAF_PAGES);
	child = ceno_vm_fork(parent);
	live_in(child);
	assert_int_equal(sys(SYS_munmap, BASE + LARGE - PAGE, PAGE), 0);
	fill_pages(child, BASE, TOUCH, SECRET);
	end_program(child);
	assert_ptr_equal(ceno_husks_first(), child);
	child = ceno_vm_fork(parent);
	live_in(child);
	assert_null(ceno_husks_first());
	assert_int_equal(fake_space_pages(child->slot), 0);
	for (uint64_t i = 0; i < TOUCH; i++) {
		assert_int_equal(touch(child, BASE + i * PAGE, PROT_READ, &at), 0);
		check_bytes(BASE + i * PAGE, at, 9);
	}
	check_space(child);
	check_owners();
	end_program(child);
	end_program(parent);
	clear_husks();
}

/* Of a table in which nothing fits the child gets nothing, a table neither. */
static void test_nothing_fits(void **state)
{
	struct ceno_vm *parent, *child;
	uint64_t *at;

	(void)state;
	boot();
	parent = start_program(area_of(RW, NULL, 0));
	fill_pages(parent, BASE, TOUCH, 9);
	child = ceno_vm_fork(parent);
	live_in(child);
	assert_int_equal(sys(SYS_mmap, BASE + 3 * LARGE, TOUCH * PAGE, RW, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1,
	                     0),
	                 BASE + 3 * LARGE);
	fill_pages(child, BASE, TOUCH, SECRET);
	fill_pages(child, BASE + 3 * LARGE, TOUCH, SECRET);
	end_program(child);
	child = ceno_vm_fork(parent);
	live_in(child);
	assert_null(ceno_husks_first());
	assert_int_equal(*ceno_pages_directory(child, BASE + 3 * LARGE, 0), 0);
	assert_int_equal(fake_space_pages(child->slot), TOUCH);
	assert_int_equal(touch(child, BASE, PROT_READ, &at), 0);
	check_bytes(BASE, at, 9);
	check_space(child);
	check_owners();
	end_program(child);
	end_program(parent);
	clear_husks();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fits_ram),     cmocka_unit_test(test_fits_pack),
		cmocka_unit_test(test_forks),        cmocka_unit_test(test_protected),
		cmocka_unit_test(test_own_pages),    cmocka_unit_test(test_holes),
		cmocka_unit_test(test_one_by_one),   cmocka_unit_test(test_shared_frames),
		cmocka_unit_test(test_kept),         cmocka_unit_test(test_large_over_small),
		cmocka_unit_test(test_nothing_fits),
	};

	return cmocka_run_group_tests_name("membrane husk", tests, NULL, NULL);
}
