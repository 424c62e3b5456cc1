/*
 * Memory of the program: what mmap and its relatives promise, and what no
 * sequence of them may reach (write and execute, somebody's old bytes).
 */
#include "test.h"

#include <linux/mman.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "guest-kernel/services/membrane/frames.h"

static int64_t map(uint64_t at, uint64_t bytes, int prot, int flags)
{
	return sys(SYS_mmap, at, bytes, prot, flags, -1, 0);
}

static int dies_of(uint64_t gva, uint32_t access, uint32_t signal)
{
	enum fake_outcome outcome;

	return !fake_touch(gva, access, &outcome) && outcome == FAKE_BLOCKED && fake_guest()->signal == signal;
}

static void test_anonymous(void **state)
{
	uint8_t byte = 0xff, seven = 7;
	int64_t at = map(0, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);

	(void)state;
	assert_true(at > 0 && at % 4096 == 0);
	for (uint64_t i = 0; i < 5 * PAGE; i += 1000) {
		fake_peek(&byte, (uint64_t)at + i, 1);
		assert_int_equal(byte, 0);
	}
	fake_poke((uint64_t)at + 4097, &seven, 1);
	fake_peek(&byte, (uint64_t)at + 4097, 1);
	assert_int_equal(byte, 7);
	assert_int_equal(sys(SYS_munmap, at, 5 * PAGE), 0);
	assert_true(dies_of((uint64_t)at, CENO_RIGHT_READ, 11));
}

static void test_reuse_is_zero(void **state)
{
	uint8_t secret[64], seen[64], zero[64] = { 0 };

	(void)state;
	memset(secret, 0xa5, sizeof(secret));
	for (int round = 0; round < 20; round++) {
		uint64_t bytes = (round % 2 ? 3ull << 20 : 40 * PAGE);
		int64_t at = map(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);

		assert_true(at > 0);
		for (uint64_t i = 0; i < bytes; i += 37 * PAGE) {
			fake_peek(seen, (uint64_t)at + i, sizeof(seen));
			assert_memory_equal(seen, zero, sizeof(zero));
			fake_poke((uint64_t)at + i, secret, sizeof(secret));
		}
		if (round % 3 == 0) {
			assert_int_equal(sys(SYS_madvise, at, bytes, MADV_DONTNEED), 0);
			fake_peek(seen, (uint64_t)at, sizeof(seen));
			assert_memory_equal(seen, zero, sizeof(zero));
		}
		assert_int_equal(sys(SYS_munmap, at, bytes), 0);
	}
}

static void test_large(void **state)
{
	uint8_t value = 9, seen;
	int64_t at = map(0, 8ull << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	uint64_t middle = ((uint64_t)at + (2ull << 20)) & ~((2ull << 20) - 1);
	enum fake_outcome outcome;

	(void)state;
	fake_poke(middle, &value, 1);
	fake_poke(middle + (2 << 20) - 1, &value, 1);
	assert_true(fake_mapped_pages() >= 512);
	/* a hole in a large page: what is left keeps its bytes */
	assert_int_equal(sys(SYS_munmap, middle + 16 * PAGE, PAGE), 0);
	fake_peek(&seen, middle, 1);
	assert_int_equal(seen, 9);
	fake_peek(&seen, middle + (2 << 20) - 1, 1);
	assert_int_equal(seen, 9);
	assert_non_null(fake_touch(middle + 17 * PAGE, CENO_RIGHT_WRITE, &outcome));
	/* all of it again: the empty table of small entries is in the way of a large one */
	assert_int_equal(sys(SYS_munmap, at, 8ull << 20), 0);
	assert_int_equal(map((uint64_t)at, 8ull << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
	                 at);
	fake_peek(&seen, middle + 5000, 1);
	assert_int_equal(seen, 0);
	assert_true(dies_of((uint64_t)at - 1, CENO_RIGHT_READ, 11));
}

/* Arenas of half a large page: two share one; what one leaves, the next finds as zeros. */
static void test_arenas(void **state)
{
	const uint64_t half = 1 << 20;
	uint8_t secret = 0xa5, seen;
	uint64_t used, high, low;

	(void)state;
	high = (uint64_t)map(0, half, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	low = (uint64_t)map(0, half, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	assert_true(low % (2 * half) == 0 && high == low + half);
	used = ceno_frames_used();
	for (uint64_t i = 0; i < 2 * half; i += PAGE)
		fake_poke(low + i + 77, &secret, 1);
	assert_in_range(ceno_frames_used(), used + 512, used + 515); /* and tables */
	assert_int_equal(sys(SYS_munmap, high, half), 0);
	assert_int_equal(sys(SYS_madvise, high, PAGE, MADV_WILLNEED), -ENOMEM); /* it is not there */
	assert_int_equal(map(0, half, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS), (int64_t)high);
	for (uint64_t i = 0; i < half; i += PAGE) {
		fake_peek(&seen, low + i + 77, 1);
		assert_int_equal(seen, secret);
		fake_peek(&seen, high + i + 77, 1);
		assert_int_equal(seen, 0);
	}
	assert_int_equal(sys(SYS_munmap, low, half), 0);
	assert_int_equal(sys(SYS_munmap, high, half), 0);
	assert_in_range(ceno_frames_used(), used, used + 3);
	assert_true(dies_of(high, CENO_RIGHT_READ, 11));
}

static void test_write_xor_execute(void **state)
{
	uint64_t page = fake_page();
	enum fake_outcome outcome;
	uint8_t *text;

	(void)state;
	assert_int_equal(map(0, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS), -EACCES);
	assert_int_equal(map(0, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS), -EACCES);
	assert_int_equal(sys(SYS_mprotect, page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), -EACCES);
	/* the program's own text may lose and regain execution */
	assert_int_equal(sys(SYS_mprotect, 0x401000, PAGE, PROT_READ), 0);
	assert_int_equal(sys(SYS_mprotect, 0x401000, PAGE, PROT_READ | PROT_EXEC), 0);
	assert_non_null(fake_touch(0x401000, CENO_RIGHT_EXECUTE, &outcome));
	/* once it was written, what runs is a copy that nobody can write */
	assert_int_equal(sys(SYS_mprotect, 0x401000, PAGE, PROT_READ | PROT_WRITE), 0);
	fake_poke(0x401000, "\x90", 1);
	assert_int_equal(sys(SYS_mprotect, 0x401000, PAGE, PROT_READ | PROT_EXEC), 0);
	text = fake_touch(0x401000, CENO_RIGHT_EXECUTE, &outcome);
	assert_non_null(text);
	assert_int_equal(text[0], 0x90);
	assert_int_equal(text[1], 0xcc);
	assert_true(dies_of(0x401000, CENO_RIGHT_WRITE, 11));
}

/* What a compiler in memory does: write, make executable, run; write again, run again. */
static void test_code_in_ram(void **state)
{
	enum { ROUNDS = 5, PAGES = 40 };
	int64_t at = map(0, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	enum fake_outcome outcome;

	(void)state;
	for (unsigned round = 1; round <= ROUNDS; round++) {
		const uint8_t code = (uint8_t)round;

		for (uint64_t i = 0; i < PAGES; i++)
			fake_poke((uint64_t)at + i * PAGE + round, &code, 1);
		assert_int_equal(sys(SYS_mprotect, at, PAGES * PAGE, PROT_READ | PROT_EXEC), 0);
		for (uint64_t i = 0; i < PAGES; i++) {
			uint8_t *text = fake_touch((uint64_t)at + i * PAGE, CENO_RIGHT_EXECUTE, &outcome);

			assert_non_null(text);
			for (unsigned k = 0; k <= ROUNDS; k++)
				assert_int_equal(text[k], k <= round ? k : 0);
		}
		assert_int_equal(sys(SYS_mprotect, at, PAGES * PAGE, PROT_READ | PROT_WRITE), 0);
	}
	assert_int_equal(sys(SYS_munmap, at, PAGES * PAGE), 0);
	assert_true(dies_of((uint64_t)at, CENO_RIGHT_EXECUTE, 11));
}

static void test_protection(void **state)
{
	uint64_t page = fake_page();
	uint8_t one = 1, seen;

	(void)state;
	fake_poke(page, &one, 1);
	assert_int_equal(sys(SYS_mprotect, page, PAGE, PROT_NONE), 0);
	assert_int_equal(sys(SYS_mprotect, page, PAGE, PROT_READ), 0);
	fake_peek(&seen, page, 1);
	assert_int_equal(seen, 1);
	assert_int_equal(sys(SYS_getrandom, page, 16, 0), -EFAULT);
	assert_int_equal(sys(SYS_mprotect, page, 2 * PAGE, PROT_READ), -ENOMEM);
	assert_int_equal(sys(SYS_mprotect, page + 1, PAGE, PROT_READ), -EINVAL);
	assert_int_equal(sys(SYS_mprotect, page, PAGE, 16), -EINVAL);
	assert_int_equal(sys(SYS_mprotect, page, UINT64_MAX, PROT_READ), -ENOMEM);
	assert_true(dies_of(page, CENO_RIGHT_WRITE, 11));
}

/* What lies before a hole, or before what may not have the rights, has them then; advice passes over holes. */
static void test_holes(void **state)
{
	uint64_t at = (uint64_t)map(0, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	uint8_t one = 1, seen = 0;

	(void)state;
	for (uint64_t i = 0; i < 6; i++)
		fake_poke(at + i * PAGE, &one, 1);
	assert_int_equal(sys(SYS_munmap, at + 2 * PAGE, PAGE), 0);
	assert_int_equal(sys(SYS_mprotect, at + PAGE, 4 * PAGE, PROT_READ), -ENOMEM);
	assert_int_equal(sys(SYS_getrandom, at, 1, 0), 1);
	assert_int_equal(sys(SYS_getrandom, at + PAGE, 1, 0), -EFAULT);
	assert_int_equal(sys(SYS_getrandom, at + 3 * PAGE, 1, 0), 1);
	assert_int_equal(sys(SYS_mprotect, at + 2 * PAGE, 4 * PAGE, PROT_READ), -ENOMEM);
	assert_int_equal(sys(SYS_getrandom, at + 3 * PAGE, 1, 0), 1);
	fake_poke(at + 3 * PAGE, &one, 1);
	assert_int_equal(sys(SYS_madvise, at + PAGE, 4 * PAGE, MADV_DONTNEED), -ENOMEM);
	for (uint64_t i = 0; i < 6; i++) {
		if (i == 2)
			continue;
		fake_peek(&seen, at + i * PAGE, 1);
		assert_int_equal(seen != 0, i == 0 || i == 5);
	}
	assert_int_equal(sys(SYS_madvise, at + 2 * PAGE, PAGE, MADV_DONTNEED), -ENOMEM);
	assert_int_equal(sys(SYS_madvise, at, 6 * PAGE, MADV_DONTFORK), -ENOMEM);
	/* of shared memory MADV_FREE and MADV_WIPEONFORK know nothing, and end there */
	assert_int_equal(map(at + 2 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED),
	                 (int64_t)(at + 2 * PAGE));
	fake_poke(at, &one, 1);
	assert_int_equal(sys(SYS_madvise, at, 6 * PAGE, MADV_FREE), -EINVAL);
	fake_peek(&seen, at + 5 * PAGE, 1);
	assert_int_equal(seen, 1);
	assert_int_equal(sys(SYS_madvise, at, 6 * PAGE, MADV_WIPEONFORK), -EINVAL);
}

static void test_lengths(void **state)
{
	static const uint64_t lengths[] = { UINT64_MAX, UINT64_MAX - 4094, 1ull << 63, 1ull << 47, (1ull << 47) - 1 };
	uint64_t page = fake_page();
	char kept[4];

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		assert_int_equal(map(0, lengths[i], PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS), -ENOMEM);
		assert_int_equal(map(0, lengths[i], PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE), -ENOMEM);
		assert_int_equal(map(page, lengths[i], PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -ENOMEM);
		assert_int_equal(sys(SYS_munmap, page, lengths[i]), -EINVAL);
		assert_true(sys(SYS_mremap, page, PAGE, lengths[i], MREMAP_MAYMOVE) < 0);
		assert_true(sys(SYS_madvise, page, lengths[i], MADV_DONTNEED) < 0);
	}
	assert_int_equal(map(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS), -EINVAL);
	assert_int_equal(map(0, PAGE, PROT_READ, MAP_ANONYMOUS), -EINVAL);
	assert_int_equal(map(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | 0x40000000), -EINVAL);
	assert_int_equal(map(0, FAKE_RAM_BYTES * 2, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS), -ENOMEM);
	assert_true(map(0, 1ull << 40, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE) > 0);
	/* page 0, the entry page and the end of the address space are nobody's */
	assert_int_equal(map(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -EPERM);
	assert_int_equal(map(0x7ffff000, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -ENOMEM);
	assert_int_equal(map(0x7fff0000, 32 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -ENOMEM);
	assert_int_equal(map(0x7ffffffff000, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -ENOMEM);
	assert_true(map(0x7ffff000, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS) > 0);
	assert_int_equal(map(page, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE), -EEXIST);
	fake_poke(page, "kept", 4); /* nor is it cleared */
	assert_int_equal(map(page, PAGE, PROT_READ | PROT_WRITE,
	                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_FIXED_NOREPLACE),
	                 -EEXIST);
	fake_peek(kept, page, 4);
	assert_memory_equal(kept, "kept", 4);
	assert_int_equal(sys(SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, 0), -ENODEV);
	assert_int_equal(sys(SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, 0, INT64_MAX & -(int64_t)PAGE), -EOVERFLOW);
}

static void test_remap(void **state)
{
	int64_t at = map(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS), moved, big;
	uint8_t seen;

	(void)state;
	for (uint8_t i = 0; i < 4; i++)
		fake_poke((uint64_t)at + i * PAGE, &i, 1);
	assert_int_equal(map((uint64_t)at + 4 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
	                 at + 4 * 4096);
	assert_int_equal(sys(SYS_mremap, at, 4 * PAGE, 8 * PAGE, 0), -ENOMEM);
	moved = sys(SYS_mremap, at, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
	assert_true(moved > 0 && moved != at);
	for (uint8_t i = 0; i < 8; i++) {
		fake_peek(&seen, (uint64_t)moved + i * PAGE, 1);
		assert_int_equal(seen, i < 4 ? i : 0);
	}
	assert_int_equal(sys(SYS_mremap, at, PAGE, PAGE, 0), -EFAULT);
	assert_int_equal(sys(SYS_mremap, moved, 8 * PAGE, PAGE, 0), moved);
	fake_peek(&seen, (uint64_t)moved, 1);
	assert_int_equal(seen, 0);
	/* out of a large page */
	big = map(0, 6ull << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	seen = 77;
	fake_poke((uint64_t)big + (3 << 20), &seen, 1);
	big = sys(SYS_mremap, big, 6ull << 20, 9ull << 20, MREMAP_MAYMOVE);
	assert_true(big > 0);
	fake_peek(&seen, (uint64_t)big + (3 << 20), 1);
	assert_int_equal(seen, 77);
	assert_true(dies_of((uint64_t)moved + PAGE, CENO_RIGHT_READ, 11));
}

static void test_brk(void **state)
{
	int64_t start = sys(SYS_brk, 0), end;
	uint8_t one = 1, seen;

	(void)state;
	end = sys(SYS_brk, start + 100000);
	assert_int_equal(end, start + 100000);
	fake_poke((uint64_t)end - 1, &one, 1);
	assert_int_equal(sys(SYS_brk, start + 10), start + 10);
	assert_int_equal(sys(SYS_brk, end), end);
	fake_peek(&seen, (uint64_t)end - 1, 1);
	assert_int_equal(seen, 0);
	assert_int_equal(sys(SYS_brk, start - 1), end);
	assert_int_equal(sys(SYS_brk, UINT64_MAX), end);
	assert_int_equal(sys(SYS_brk, start + (int64_t)(2 * FAKE_RAM_BYTES)), end);
	assert_int_equal(sys(SYS_brk, start), start); /* nothing of it is left */
	assert_true(dies_of((uint64_t)start, CENO_RIGHT_READ, 11));
}

static void test_heap_end(void **state)
{
	int64_t start = sys(SYS_brk, 0);

	(void)state;
	assert_int_equal(sys(SYS_brk, start + 100), start + 100);
	assert_true(dies_of((uint64_t)start + (4 << 20), CENO_RIGHT_READ, 11));
}

static void test_segments(void **state)
{
	uint8_t seen[32];
	enum fake_outcome outcome;

	(void)state;
	assert_non_null(fake_touch(0x401000, CENO_RIGHT_EXECUTE, &outcome));
	fake_peek(seen, 0x402010, 32);
	for (int i = 0; i < 32; i++)
		assert_int_equal(seen[i], 0xcc);
	fake_peek(seen, 0x402030, 32); /* beyond the file part: zeros */
	for (int i = 0; i < 32; i++)
		assert_int_equal(seen[i], 0);
	fake_peek(seen, 0x406ff0, 16);
	assert_true(dies_of(0x401000, CENO_RIGHT_WRITE, 11));
}

static void test_out_of_memory(void **state)
{
	int64_t at = map(0, 31ull << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	enum fake_outcome outcome = FAKE_RETURNED;

	(void)state;
	assert_true(at > 0);
	for (uint64_t i = 0; i < 31ull << 20 && outcome == FAKE_RETURNED; i += PAGE)
		fake_touch((uint64_t)at + i, CENO_RIGHT_WRITE, &outcome);
	if (outcome == FAKE_RETURNED) {
		int64_t more = map(0, 8ull << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);

		assert_true(more > 0);
		for (uint64_t i = 0; i < 8ull << 20 && outcome == FAKE_RETURNED; i += PAGE)
			fake_touch((uint64_t)more + i, CENO_RIGHT_WRITE, &outcome);
	}
	assert_int_equal(outcome, FAKE_BLOCKED);
	assert_int_equal(fake_guest()->state, CENO_PROGRAM_DONE);
	assert_int_equal(fake_guest()->signal, 9);
	assert_int_equal(fake_guest()->out_of_memory, 1);
	assert_true(fake_guest()->ram_peak_bytes > 20 << 20);
}

static void test_bounded_areas(void **state)
{
	int64_t at = map(0, 40000 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE), error = 0;
	uint64_t i;

	(void)state;
	for (i = 0; i < 20000 && !error; i++)
		error = sys(SYS_mprotect, (uint64_t)at + 2 * i * PAGE, PAGE, PROT_READ | PROT_WRITE);
	assert_int_equal(error, -ENOMEM);
	assert_true(i > 8000);
	assert_int_equal(sys(SYS_munmap, at, 40000 * PAGE), 0);
	assert_true(map(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_anonymous, start),
		cmocka_unit_test_setup(test_reuse_is_zero, start),
		cmocka_unit_test_setup(test_large, start),
		cmocka_unit_test_setup(test_arenas, start),
		cmocka_unit_test_setup(test_write_xor_execute, start),
		cmocka_unit_test_setup(test_code_in_ram, start),
		cmocka_unit_test_setup(test_protection, start),
		cmocka_unit_test_setup(test_holes, start),
		cmocka_unit_test_setup(test_lengths, start),
		cmocka_unit_test_setup(test_remap, start),
		cmocka_unit_test_setup(test_brk, start),
		cmocka_unit_test_setup(test_heap_end, start),
		cmocka_unit_test_setup(test_segments, start),
		cmocka_unit_test_setup(test_out_of_memory, start),
		cmocka_unit_test_setup(test_bounded_areas, start),
	};

	return cmocka_run_group_tests_name("membrane memory", tests, NULL, NULL);
}
