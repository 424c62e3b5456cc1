/*
 * Memory of many: what fork copies and shares, what everybody sees of shared mappings,
 * hardware spaces that come and go, and that no frame is left when all have ended.
 *
 * The model: an address space is an array of bytes, one of each page; fork copies it; a
 * page of a shared mapping is one byte for all who have it.
 */
#include "test.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "fake_space.h"
#include "guest-kernel/services/membrane/frames.h"
#include "guest-kernel/services/membrane/process.h"
#include "guest-kernel/services/membrane/task.h"
#include "guest-kernel/services/membrane/vm.h"

#define VMS   6
#define PAGES 96 /* of the private mapping */
#define SHARE 24 /* of the shared one */

static uint64_t seed;

static uint64_t random_below(uint64_t n)
{
	seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
	return seed % n;
}

static int64_t map(uint64_t bytes, int flags)
{
	return sys(SYS_mmap, 0, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
}

/* The current process lives in vm from now on. */
static void live_in(struct ceno_vm *vm)
{
	ceno_self()->vm = vm;
	assert_int_equal(ceno_vm_enter(vm), 0);
}

struct model {
	struct ceno_vm *vm;
	uint8_t page[PAGES];
};

static struct model models[VMS];
static uint8_t shared[SHARE];
static uint64_t private_at, shared_at;

static void one_step(void)
{
	struct model *m = &models[random_below(VMS)], *other = &models[random_below(VMS)];
	uint64_t i = random_below(PAGES), k = random_below(SHARE);
	uint8_t byte = (uint8_t)random_below(256), seen;

	if (!m->vm)
		return;
	live_in(m->vm);
	switch (random_below(12)) {
	case 0: /* fork */
		if (other->vm)
			break;
		other->vm = ceno_vm_fork(m->vm);
		assert_non_null(other->vm);
		memcpy(other->page, m->page, sizeof(m->page));
		break;
	case 1: /* exit */
		if (other == m || !other->vm)
			break;
		ceno_vm_drop(other->vm);
		other->vm = NULL;
		break;
	case 2:
		assert_int_equal(sys(SYS_madvise, private_at + i * PAGE, PAGE, MADV_DONTNEED), 0);
		m->page[i] = 0;
		break;
	case 3: /* the kernel writes too */
		fake_poke(private_at, &m->page[0], 1);
		assert_int_equal(sys(SYS_getrandom, private_at + i * PAGE + 100, 8, 0), 8);
		break;
	case 4:
		assert_int_equal(sys(SYS_mprotect, private_at + i * PAGE, PAGE, PROT_READ), 0);
		fake_peek(&seen, private_at + i * PAGE, 1);
		assert_int_equal(seen, m->page[i]);
		assert_int_equal(sys(SYS_mprotect, private_at + i * PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
		break;
	case 5:
	case 6:
		fake_poke(shared_at + k * PAGE, &byte, 1);
		shared[k] = byte;
		break;
	case 7:
	case 8:
		fake_poke(private_at + i * PAGE, &byte, 1);
		m->page[i] = byte;
		break;
	default:
		fake_peek(&seen, private_at + i * PAGE, 1);
		assert_int_equal(seen, m->page[i]);
		fake_peek(&seen, shared_at + k * PAGE, 1);
		assert_int_equal(seen, shared[k]);
	}
}

static void check_all(void)
{
	uint8_t seen;

	for (size_t i = 0; i < VMS; i++) {
		if (!models[i].vm)
			continue;
		live_in(models[i].vm);
		for (size_t k = 0; k < PAGES; k++) {
			fake_peek(&seen, private_at + k * PAGE, 1);
			assert_int_equal(seen, models[i].page[k]);
		}
		for (size_t k = 0; k < SHARE; k++) {
			fake_peek(&seen, shared_at + k * PAGE, 1);
			assert_int_equal(seen, shared[k]);
		}
	}
}

/* A space that is nobody's maps nothing of anybody. */
static void check_spares(void)
{
	for (uint32_t slot = CENO_SLOT_PROCESS; slot < CENO_CSPACE_SLOTS; slot++) {
		int owned = 0;

		for (const struct ceno_vm *vm = ceno_vms_first(); vm; vm = vm->next)
			owned |= vm->slot == slot;
		for (const struct ceno_vm *vm = ceno_husks_first(); vm; vm = vm->next)
			owned |= vm->slot == slot;
		if (!owned && fake_space_exists(slot))
			assert_int_equal(fake_space_pages(slot), 0);
	}
}

/* Runs the model; eat: frames taken away first, so that fork has to share. */
static void run_model(uint64_t first_seed, uint32_t pool, uint64_t eat)
{
	uint64_t without, eaten = CENO_NO_FRAME;

	fake_start();
	map(SHARE * PAGE, MAP_SHARED);
	ceno_vm_drop(ceno_self()->vm);
	while (ceno_husk_release())
		;
	without = ceno_frames_used();
	fake_start();
	seed = first_seed;
	fake_pool_pages = pool;
	private_at = (uint64_t)map(PAGES * PAGE, MAP_PRIVATE);
	shared_at = (uint64_t)map(SHARE * PAGE, MAP_SHARED);
	memset(models, 0, sizeof(models));
	memset(shared, 0, sizeof(shared));
	models[0].vm = ceno_self()->vm;
	for (uint64_t i = 0; i < eat; i++) {
		uint64_t frame = ceno_frames_alloc(CENO_ORDER_LARGE);

		assert_true(frame != CENO_NO_FRAME);
		*(uint64_t *)ceno_ram(frame) = eaten;
		eaten = frame;
	}
	for (int i = 0; i < 6000; i++) {
		one_step();
		check_spares();
		if (i % 500 == 0)
			check_all();
	}
	check_all();
	for (size_t i = 0; i < VMS; i++)
		if (models[i].vm) {
			ceno_vm_drop(models[i].vm);
			models[i].vm = NULL;
		}
	ceno_self()->vm = NULL;
	while (ceno_husk_release())
		;
	while (eaten != CENO_NO_FRAME) {
		uint64_t next = *(uint64_t *)ceno_ram(eaten);

		ceno_frames_free(eaten, CENO_ORDER_LARGE);
		eaten = next;
	}
	assert_int_equal(ceno_frames_used(), without);
	assert_in_range(fake_spaces_count(), 0, 4); /* kept for later forks */
	check_spares();
}

static void test_model_copied(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 4; i++)
		run_model(88172645463325252ull * i, 4096, 0);
}

static void test_model_shared(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 4; i++)
		run_model(36172645463325252ull * i, 4096, 12);
}

/* So few pool pages that two spaces at most exist at a time. */
static void test_model_few_spaces(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 3; i++)
		run_model(7172645463325252ull * i, 130, i == 2 ? 12 : 0);
}

/* ---- large pages ------------------------------------------------------------------- */

/* 6 MiB written in the parent; both write; eat decides between copies and sharing, give_back
 * whether the writers then find large frames again. */
static void large(uint64_t eat, int give_back)
{
	uint64_t at, bytes = 6ull << 20, used, eaten[16];
	struct ceno_vm *parent, *child;
	uint8_t one = 1, two = 2, seen;

	fake_start();
	at = (uint64_t)map(bytes, MAP_PRIVATE);
	for (uint64_t i = 0; i < bytes; i += 64 * PAGE)
		fake_poke(at + i, &one, 1);
	for (uint64_t i = 0; i < eat; i++)
		assert_true((eaten[i] = ceno_frames_alloc(CENO_ORDER_LARGE)) != CENO_NO_FRAME);
	used = ceno_frames_used();
	parent = ceno_self()->vm;
	child = ceno_vm_fork(parent);
	assert_non_null(child);
	assert_true(eat ? ceno_frames_used() - used < 64 : ceno_frames_used() - used >= 3 * 512);
	for (uint64_t i = 0; give_back && i < eat; i++)
		ceno_frames_free(eaten[i], CENO_ORDER_LARGE);
	live_in(child);
	for (uint64_t i = 0; i < bytes; i += 128 * PAGE) {
		fake_peek(&seen, at + i, 1); /* mapped for reading first */
		assert_int_equal(seen, 1);
		fake_poke(at + i, &two, 1);
	}
	assert_true(fake_mapped_pages() >= (give_back || !eat ? 3 * 512 : 0));
	live_in(parent);
	for (uint64_t i = 0; i < bytes; i += 64 * PAGE) {
		fake_peek(&seen, at + i, 1);
		assert_int_equal(seen, 1);
	}
	fake_poke(at + 64 * PAGE, &two, 1);
	live_in(child);
	for (uint64_t i = 0; i < bytes; i += 64 * PAGE) {
		fake_peek(&seen, at + i, 1);
		assert_int_equal(seen, i % (128 * PAGE) ? 1 : 2);
	}
	ceno_vm_drop(child);
	live_in(parent);
	assert_int_equal(sys(SYS_munmap, at, bytes), 0);
	assert_true(ceno_frames_used() < used);
}

/* Two arenas in one large page, which a child shares: what the parent gives up, the child keeps. */
static void test_shared_arenas(void **state)
{
	uint64_t high, low, used, eaten[11];
	uint8_t one = 1, seen;
	struct ceno_vm *parent, *child;

	(void)state;
	fake_start();
	high = (uint64_t)map(1 << 20, MAP_PRIVATE);
	low = (uint64_t)map(1 << 20, MAP_PRIVATE);
	assert_int_equal(high, low + (1 << 20));
	used = ceno_frames_used();
	fake_poke(high + 5, &one, 1);
	fake_poke(low + 5, &one, 1);
	assert_true(ceno_frames_used() - used >= 512);
	for (uint64_t i = 0; i < 11; i++)
		assert_true((eaten[i] = ceno_frames_alloc(CENO_ORDER_LARGE)) != CENO_NO_FRAME);
	parent = ceno_self()->vm;
	used = ceno_frames_used();
	child = ceno_vm_fork(parent);
	assert_non_null(child);
	assert_true(ceno_frames_used() - used < 64);
	live_in(parent);
	assert_int_equal(sys(SYS_munmap, high, 1 << 20), 0);
	live_in(child);
	fake_peek(&seen, high + 5, 1);
	assert_int_equal(seen, 1);
	live_in(parent);
	fake_peek(&seen, low + 5, 1);
	assert_int_equal(seen, 1);
	ceno_vm_drop(child);
	for (uint64_t i = 0; i < 11; i++)
		ceno_frames_free(eaten[i], CENO_ORDER_LARGE);
}

static void test_large(void **state)
{
	(void)state;
	large(0, 0);
	large(8, 0);
	large(8, 1);
}

/* ---- files --------------------------------------------------------------------------- */

static void test_shared_file(void **state)
{
	uint64_t name = fake_string("/tmp/shared"), text = fake_string("0123456789");
	int64_t fd, at, again, private;
	struct ceno_vm *parent = ceno_self()->vm, *child;
	uint8_t byte = 'x', seen;

	(void)state;
	fd = sys(SYS_open, name, 0102, 0600);
	assert_int_equal(sys(SYS_ftruncate, fd, 3 * PAGE), 0);
	at = sys(SYS_mmap, 0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	again = sys(SYS_mmap, 0, PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
	private = sys(SYS_mmap, 0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	fake_poke((uint64_t)at + PAGE + 3, &byte, 1);
	fake_peek(&seen, (uint64_t)again + 3, 1);
	assert_int_equal(seen, 'x');
	fake_peek(&seen, (uint64_t) private + PAGE + 3, 1);
	assert_int_equal(seen, 'x');
	/* what is written privately is seen by nobody else, and stays */
	fake_poke((uint64_t) private + PAGE + 4, "p", 1);
	fake_peek(&seen, (uint64_t)again + 4, 1);
	assert_int_equal(seen, 0);
	fake_poke((uint64_t)at + PAGE + 4, "s", 1);
	fake_peek(&seen, (uint64_t) private + PAGE + 4, 1);
	assert_int_equal(seen, 'p');
	/* write() and the mapping are one; so is a child's */
	assert_int_equal(sys(SYS_pwrite64, fd, text, 10, PAGE + 3), 10);
	fake_peek(&seen, (uint64_t)again + 5, 1);
	assert_int_equal(seen, '2');
	child = ceno_vm_fork(parent);
	live_in(child);
	fake_poke((uint64_t)at + 7, "c", 1);
	live_in(parent);
	fake_peek(&seen, (uint64_t)at + 7, 1);
	assert_int_equal(seen, 'c');
	assert_int_equal(sys(SYS_pread64, fd, text, 1, 7), 1);
	fake_peek(&seen, text, 1);
	assert_int_equal(seen, 'c');
	/* rights come from the descriptor */
	assert_int_equal(sys(SYS_close, fd), 0);
	fd = sys(SYS_open, name, 0);
	assert_int_equal(sys(SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), -EACCES);
	again = sys(SYS_mmap, 0, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	assert_int_equal(sys(SYS_mprotect, again, PAGE, PROT_READ | PROT_WRITE), -EACCES);
	ceno_vm_drop(child);
}

/* A private page is the file's until it is written: alone, in a child too, and where the file had a hole. */
static void test_private_file(void **state)
{
	uint64_t name = fake_string("/tmp/private"), text = fake_string("xyz");
	int64_t fd = sys(SYS_open, name, 0102, 0600), at;
	struct ceno_vm *parent = ceno_self()->vm, *child;
	uint8_t seen;

	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(sys(SYS_pwrite64, fd, name, 5, i * PAGE), 5);
	assert_int_equal(sys(SYS_ftruncate, fd, 6 * PAGE), 0);
	at = sys(SYS_mmap, 0, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	fake_poke((uint64_t)at, "p", 1);
	fake_peek(&seen, (uint64_t)at + 2 * PAGE, 1);
	assert_int_equal(seen, '/');
	fake_peek(&seen, (uint64_t)at + 4 * PAGE, 1);
	assert_int_equal(seen, 0);
	child = ceno_vm_fork(parent);
	live_in(child);
	fake_poke((uint64_t)at + 2 * PAGE, "c", 1);
	live_in(parent);
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(sys(SYS_pwrite64, fd, text, 3, i * PAGE), 3);
	for (uint64_t i = 0; i < 5; i++) {
		fake_peek(&seen, (uint64_t)at + i * PAGE, 1);
		assert_int_equal(seen, i ? 'x' : 'p');
	}
	live_in(child);
	for (uint64_t i = 1; i < 5; i++) {
		fake_peek(&seen, (uint64_t)at + i * PAGE, 1);
		assert_int_equal(seen, i == 2 ? 'c' : 'x');
	}
	live_in(parent);
	ceno_vm_drop(child);
}

static int dies(uint64_t gva, uint32_t access, uint32_t signal)
{
	enum fake_outcome outcome;

	return !fake_touch(gva, access, &outcome) && outcome == FAKE_BLOCKED && fake_guest()->signal == signal;
}

static void test_file_shrinks(void **state)
{
	uint64_t name = fake_string("/tmp/shrinks");
	int64_t fd = sys(SYS_open, name, 0102, 0600), at, private;
	uint64_t used;
	uint8_t seen;

	(void)state;
	used = ceno_frames_used();
	assert_int_equal(sys(SYS_ftruncate, fd, 3 * PAGE), 0);
	at = sys(SYS_mmap, 0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = sys(SYS_mmap, 0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	for (uint64_t i = 0; i < 3; i++) {
		fake_poke((uint64_t)at + i * PAGE, "a", 1);
		fake_poke((uint64_t) private + i * PAGE, "b", 1);
	}
	assert_int_equal(sys(SYS_ftruncate, fd, PAGE), 0);
	assert_int_equal(sys(SYS_ftruncate, fd, 2 * PAGE), 0);
	fake_peek(&seen, (uint64_t)at + PAGE, 1); /* there again, and empty */
	assert_int_equal(seen, 0);
	fake_peek(&seen, (uint64_t) private, 1);
	assert_int_equal(seen, 'b');
	fake_peek(&seen, (uint64_t) private + PAGE, 1);
	assert_int_equal(seen, 0);
	assert_true(ceno_frames_used() < used + 16);
	assert_int_equal(sys(SYS_munmap, private, 3 * PAGE), 0);
	assert_true(dies((uint64_t)at + 2 * PAGE, CENO_RIGHT_READ, 7));
}

/* ---- what fork leaves out, moving, code ------------------------------------------------ */

static void test_advice(void **state)
{
	int64_t at = map(3 * PAGE, MAP_PRIVATE);
	struct ceno_vm *child;
	uint8_t seen;

	(void)state;
	for (uint64_t i = 0; i < 3; i++)
		fake_poke((uint64_t)at + i * PAGE, "f", 1);
	assert_int_equal(sys(SYS_madvise, at, PAGE, MADV_DONTFORK), 0);
	assert_int_equal(sys(SYS_madvise, at + 4096, PAGE, MADV_WIPEONFORK), 0);
	child = ceno_vm_fork(ceno_self()->vm);
	ceno_vm_hold(ceno_self()->vm);
	live_in(child);
	fake_peek(&seen, (uint64_t)at + PAGE, 1);
	assert_int_equal(seen, 0);
	fake_peek(&seen, (uint64_t)at + 2 * PAGE, 1);
	assert_int_equal(seen, 'f');
	assert_true(dies((uint64_t)at, CENO_RIGHT_READ, 11));
}

static void test_move_shared_pages(void **state)
{
	int64_t at = map(4 * PAGE, MAP_PRIVATE), moved, again;
	struct ceno_vm *parent = ceno_self()->vm, *child;
	uint8_t seen;

	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		fake_poke((uint64_t)at + i * PAGE, "m", 1);
	assert_int_equal(sys(SYS_mprotect, at, 4 * PAGE, PROT_READ), 0); /* fork shares what nobody may write */
	child = ceno_vm_fork(parent);
	assert_int_equal(sys(SYS_mprotect, at, 4 * PAGE, PROT_READ | PROT_WRITE), 0);
	moved = sys(SYS_mremap, at, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 0x600000000000);
	assert_int_equal(moved, 0x600000000000);
	fake_poke((uint64_t)moved + PAGE, "n", 1);
	again = sys(SYS_mremap, moved, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	assert_true(again > 0 && again != moved);
	fake_peek(&seen, (uint64_t)again + PAGE, 1);
	assert_int_equal(seen, 'n');
	fake_peek(&seen, (uint64_t)moved + PAGE, 1); /* still mapped, and empty */
	assert_int_equal(seen, 0);
	live_in(child);
	fake_peek(&seen, (uint64_t)at + PAGE, 1);
	assert_int_equal(seen, 'm');
	live_in(parent);
	ceno_vm_drop(child);
}

static void test_code_is_shared(void **state)
{
	int64_t at = map(20 * PAGE, MAP_PRIVATE);
	struct ceno_vm *parent = ceno_self()->vm, *child;
	enum fake_outcome outcome;
	uint64_t used;

	(void)state;
	for (uint64_t i = 0; i < 20; i++)
		fake_poke((uint64_t)at + i * PAGE, "\xc3", 1);
	assert_int_equal(sys(SYS_mprotect, at, 20 * PAGE, PROT_READ | PROT_EXEC), 0);
	for (uint64_t i = 0; i < 20; i++)
		assert_int_equal(*fake_touch((uint64_t)at + i * PAGE, CENO_RIGHT_EXECUTE, &outcome), 0xc3);
	child = ceno_vm_fork(parent);
	used = ceno_frames_used();
	live_in(child);
	for (uint64_t i = 0; i < 20; i++)
		assert_int_equal(*fake_touch((uint64_t)at + i * PAGE, CENO_RIGHT_EXECUTE, &outcome), 0xc3);
	assert_int_equal(ceno_frames_used(), used);
	assert_int_equal(sys(SYS_mprotect, at, 20 * PAGE, PROT_READ | PROT_WRITE), 0);
	fake_poke((uint64_t)at, "\x90", 1);
	live_in(parent);
	assert_int_equal(*fake_touch((uint64_t)at, CENO_RIGHT_EXECUTE, &outcome), 0xc3);
	ceno_vm_drop(child);
	assert_int_equal(*fake_touch((uint64_t)at, CENO_RIGHT_EXECUTE, &outcome), 0xc3);
	used = ceno_frames_used();
	assert_int_equal(sys(SYS_munmap, at, 20 * PAGE), 0);
	assert_true(ceno_frames_used() + 512 <= used); /* the frame for text went back, and is writable again */
	while (ceno_frames_alloc(CENO_ORDER_LARGE) != CENO_NO_FRAME)
		;
}

/* One frame in more places than the nucleus counts. */
static void test_many_mappings(void **state)
{
	uint64_t name = fake_string("/tmp/many");
	int64_t fd = sys(SYS_open, name, 0102, 0600), at[140];

	(void)state;
	assert_int_equal(sys(SYS_ftruncate, fd, PAGE), 0);
	for (int i = 0; i < 140; i++) {
		at[i] = sys(SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		assert_true(at[i] > 0);
	}
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 140; i++) {
			uint8_t byte = (uint8_t)i, seen;

			fake_poke((uint64_t)at[i], &byte, 1);
			fake_peek(&seen, (uint64_t)at[(i * 7) % 140], 1);
			assert_int_equal(seen, byte);
		}
}

static void test_futex_names(void **state)
{
	int64_t shared_page = map(PAGE, MAP_SHARED), private = map(PAGE, MAP_PRIVATE);
	struct ceno_vm *parent = ceno_self()->vm, *child = ceno_vm_fork(parent);
	const void *a, *b;
	uint64_t x, y;

	(void)state;
	assert_int_equal(ceno_user_futex((uint64_t)shared_page + 8, 1, &a, &x), 0);
	live_in(child);
	assert_int_equal(ceno_user_futex((uint64_t)shared_page + 8, 1, &b, &y), 0);
	assert_true(a == b && x == y);
	assert_int_equal(ceno_user_futex((uint64_t) private, 1, &b, &y), 0);
	live_in(parent);
	assert_int_equal(ceno_user_futex((uint64_t) private, 1, &a, &x), 0);
	assert_true(a != b);
	assert_int_equal(ceno_user_futex(BAD, 1, &a, &x), -EFAULT);
	ceno_vm_drop(child);
}

/* Of parent and child, the larger one is killed, whoever asks for more. */
static void fill(uint64_t at, uint64_t bytes, enum fake_outcome *outcome)
{
	for (uint64_t i = 0; i < bytes && *outcome == FAKE_RETURNED; i += PAGE)
		fake_touch(at + i, CENO_RIGHT_WRITE, outcome);
}

static void test_out_of_memory_kills_the_largest(void **state)
{
	const uint64_t large = 20ull << 20, small = 4ull << 20;
	enum fake_outcome outcome = FAKE_RETURNED;
	uint64_t at, more;
	int64_t child, grandchild, sharer;
	uint8_t first = 1;

	(void)state;
	child = sys(SYS_fork);
	assert_true(child > 2);
	grandchild = sys(SYS_fork);
	assert_true(grandchild > child);
	ceno_current = ceno_process_find((int32_t)child)->threads; /* the child takes most of RAM */
	assert_int_equal(ceno_vm_enter(ceno_self()->vm), 0);
	at = (uint64_t)sys(SYS_mmap, 0, large, 3, 0x22, -1, 0);
	fill(at, large, &outcome);
	assert_int_equal(outcome, FAKE_RETURNED);
	sharer = sys(SYS_clone, 0x100 | 17, at + PAGE); /* CLONE_VM: one who shares it ends with it */
	assert_true(sharer > grandchild);
	ceno_current = ceno_run.first->threads;
	assert_int_equal(ceno_vm_enter(ceno_self()->vm), 0);
	more = (uint64_t)sys(SYS_mmap, 0, 16ull << 20, 3, 0x22, -1, 0);
	fill(more, small, &outcome);
	fake_poke(more, &first, 1);
	fill(more + small, (16ull << 20) - small, &outcome);
	assert_int_equal(outcome, FAKE_RETURNED);
	assert_int_equal(ceno_process_find((int32_t)child)->ending, 1);
	assert_int_equal(ceno_process_find((int32_t)child)->signal, 9);
	assert_int_equal(ceno_process_find((int32_t)child)->vm->pages, 0);
	assert_int_equal(ceno_process_find((int32_t)sharer)->ending, 1);
	assert_int_equal(ceno_process_find((int32_t)sharer)->signal, 9);
	assert_int_equal(ceno_process_find((int32_t)grandchild)->ending, 0);
	assert_int_equal(ceno_run.out_of_memory, 1);
	fake_peek(&first, more, 1);
	assert_int_equal(first, 1);
	assert_int_equal(fake_guest()->state, CENO_PROGRAM_RUNNING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model_copied),
		cmocka_unit_test(test_model_shared),
		cmocka_unit_test(test_model_few_spaces),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_shared_arenas),
		cmocka_unit_test_setup(test_shared_file, start),
		cmocka_unit_test_setup(test_private_file, start),
		cmocka_unit_test_setup(test_file_shrinks, start),
		cmocka_unit_test_setup(test_advice, start),
		cmocka_unit_test_setup(test_move_shared_pages, start),
		cmocka_unit_test_setup(test_code_is_shared, start),
		cmocka_unit_test_setup(test_many_mappings, start),
		cmocka_unit_test_setup(test_futex_names, start),
		cmocka_unit_test_setup(test_out_of_memory_kills_the_largest, start),
	};

	return cmocka_run_group_tests_name("membrane fork", tests, NULL, NULL);
}
