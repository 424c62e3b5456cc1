/*
 * Husks where something runs out: frames, pages of the pool, slots of spaces, room for files. What a husk
 * has is given up before anybody goes without.
 */
#include "husks.h"

#include <sys/syscall.h>

/* Takes all RAM but so many frames, without any from a husk. */
static uint64_t leave_frames(uint64_t frames)
{
	uint64_t eaten = CENO_NO_FRAME;

	while (ceno_frames_total() - ceno_frames_used() > frames) {
		uint64_t frame = ceno_frames_alloc(0);

		assert_true(frame != CENO_NO_FRAME);
		*(uint64_t *)ceno_ram(frame) = eaten;
		eaten = frame;
	}
	return eaten;
}

static void give_frames(uint64_t eaten)
{
	while (eaten != CENO_NO_FRAME) {
		uint64_t next = *(uint64_t *)ceno_ram(eaten);

		ceno_frames_free(eaten, 0);
		eaten = next;
	}
}

/* Each frame that taking a table, or a space, wants may be missing. */
static void test_no_frames(void **state)
{
	struct ceno_area more = {
		.start = BASE + LARGE, .end = BASE + 2 * LARGE, .prot = RW, .flags = CENO_AREA_STACK
	};

	(void)state;
	for (uint64_t frames = 0; frames < 6; frames++) {
		struct ceno_vm *vm, *parent;
		uint64_t used, eaten, *at;
		int result;

		boot();
		used = ceno_frames_used();
		leave_husk(area_of(RW, NULL, 0), W);
		vm = start_program(area_of(RW, NULL, 0));
		eaten = leave_frames(frames);
		result = touch(vm, BASE, PROT_READ, &at);
		assert_int_equal(result, 0); /* of the husk's RAM, if there is no other */
		check_bytes(BASE, at, 0);
		check_space(vm);
		check_owners();
		give_frames(eaten);
		end_program(vm);
		clear_husks();

		parent = start_program(area_of(RW, NULL, 0));
		assert_int_equal(ceno_vm_add(parent, &more), 0);
		fill_pages(parent, BASE, 1, 3);
		vm = ceno_vm_fork(parent);
		live_in(vm);
		fill_pages(vm, more.start, TOUCH, SECRET);
		fill_pages(vm, BASE, TOUCH, SECRET);
		end_program(vm);
		vm = ceno_vm_fork(parent);
		eaten = leave_frames(frames);
		live_in(vm);
		assert_null(ceno_husks_first());
		check_space(vm);
		check_owners();
		assert_int_equal(touch(vm, BASE, PROT_READ, &at), 0);
		check_bytes(BASE, at, 3);
		result = touch(vm, more.start + PAGE, PROT_READ, &at);
		assert_true(!result || result == -ENOMEM);
		if (!result)
			check_bytes(more.start, at, 0);
		give_frames(eaten);
		end_program(vm);
		end_program(parent);
		clear_husks();
		assert_int_equal(ceno_frames_used(), used);
	}
}

/* No page of the pool for the table that comes: it goes, and all begins anew. */
static void test_no_pool(void **state)
{
	struct ceno_area area = { .start = BASE, .end = BASE + 128 * LARGE, .prot = RW, .flags = CENO_AREA_STACK };
	struct ceno_vm *vm;
	uint64_t *at;

	(void)state;
	boot();
	leave_husk(area_of(RW, NULL, 0), W);
	vm = start_program(area);
	for (uint64_t i = 1; i <= 58; i++)
		fill_pages(vm, BASE + i * LARGE, 1, i);
	assert_int_equal(ceno_husk_adopt(vm, BASE), 0);
	assert_null(fake_space_find(vm->slot, BASE));
	assert_null(ceno_husks_first()); /* it had nothing else */
	check_owners();
	check_husks();
	assert_int_equal(touch(vm, BASE, PROT_READ, &at), 0);
	check_bytes(BASE, at, 0);
	for (uint64_t i = 1; i <= 58; i++) {
		assert_int_equal(touch(vm, BASE + i * LARGE, PROT_READ, &at), 0);
		check_bytes(BASE, at, i);
	}
	end_program(vm);
	clear_husks();
}

/* A child that needs a larger space takes none of the old size for it. */
static void test_small_husks(void **state)
{
	struct ceno_area area = { .start = BASE, .end = BASE + 128 * LARGE, .prot = RW, .flags = CENO_AREA_STACK };
	struct ceno_vm *parent, *child[4];
	uint64_t *at;

	(void)state;
	boot();
	parent = start_program(area);
	fill_pages(parent, BASE, 1, 1);
	for (unsigned i = 0; i < 4; i++)
		child[i] = ceno_vm_fork(parent);
	for (unsigned i = 0; i < 4; i++)
		live_in(child[i]);
	for (unsigned i = 1; i < 4; i++) {
		live_in(child[i]);
		fill_pages(child[i], BASE, 1, SECRET);
		end_program(child[i]);
	}
	live_in(child[0]);
	for (uint64_t i = 1; i <= 60; i++)
		fill_pages(child[0], BASE + i * LARGE, 1, i + 1);
	assert_int_equal(child[0]->pool_pages, 128);
	assert_ptr_equal(ceno_husks_first(), child[3]);
	for (uint64_t i = 0; i <= 60; i++) {
		assert_int_equal(touch(child[0], BASE + i * LARGE, PROT_READ, &at), 0);
		check_bytes(BASE + i * LARGE, at, i + 1);
	}
	end_program(child[0]);
	end_program(parent);
	clear_husks();
}

/* More programs than slots, husks among them. */
static void test_no_slots(void **state)
{
	struct ceno_vm *vm[70];
	uint64_t *at;

	(void)state;
	boot();
	for (uint64_t round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < 70; i++) {
			vm[i] = start_program(area_of(RW, NULL, 0));
			fill_pages(vm[i], BASE, TOUCH, i + 1);
			if (i % 7 == 0)
				leave_husk(area_of(RW, NULL, 0), W);
		}
		for (uint64_t i = 0; i < 70; i++) {
			live_in(vm[i]);
			for (uint64_t k = 0; k < TOUCH; k++) {
				assert_int_equal(touch(vm[i], BASE + k * PAGE, PROT_READ, &at), 0);
				check_bytes(BASE, at, i + 1);
			}
		}
		check_owners();
		check_husks();
		check_spares();
		for (uint64_t i = 0; i < 70; i++)
			end_program(vm[i]);
	}
	clear_husks();
}

/* RAM that husks have is RAM that files may have. */
static void test_full_disk(void **state)
{
	struct ceno_area area = { .start = BASE, .end = BASE + 4 * LARGE, .prot = RW, .flags = CENO_AREA_STACK };
	uint64_t room[2], from;

	(void)state;
	boot();
	from = fake_string("x");
	for (unsigned k = 0; k < 2; k++) {
		for (unsigned i = 0; k && i < 4; i++) {
			struct ceno_vm *vm = start_program(area);

			fill_pages(vm, BASE, 1000, SECRET);
			end_program(vm);
		}
		assert_int_equal(ceno_husks_first() != NULL, k);
		for (room[k] = 0; sys(SYS_pwrite64, ram_fd, from, 1, room[k] * PAGE) == 1; room[k]++)
			;
		assert_int_equal(sys(SYS_ftruncate, ram_fd, 0), 0);
	}
	assert_in_range(room[1], room[0] - 8, room[0] + 8);
	clear_husks();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_frames), cmocka_unit_test(test_no_pool),   cmocka_unit_test(test_small_husks),
		cmocka_unit_test(test_no_slots),  cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests_name("membrane husk, shortages", tests, NULL, NULL);
}
