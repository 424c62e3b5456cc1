/*
 * Overwriting RAM: exactly the backed granules, whole; holes stay holes; what is
 * read back is what was written; a byte that is not zero is found; the last
 * comparison cannot be reached while anybody could still write, and is of all there is.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <sodium.h>

#include "attest/proof/merkle.h"
#include "guest-kernel/abi/layout.h"
#include "vmm/warden/destruction.h"
#include "vmm/warden/lanes.h"
#include "vmm/warden/memory.h"

#define RAM     (64ull << 20)
#define GRANULE 65536ull

static const uint8_t session[16] = { 1 }, challenge[32] = { 2 };
static struct ceno_proof_pass *pass[CENO_LANES_MAX];
static int fd, fd_ro;

/* Whoever goes over memory comes to its end there; 0: nowhere. */
static uint64_t cut;

int __real_ceno_proof_next_backed(const uint8_t *bitmap, uint64_t mem_total, uint64_t *offset, uint64_t *bytes);
int __wrap_ceno_proof_next_backed(const uint8_t *bitmap, uint64_t mem_total, uint64_t *offset, uint64_t *bytes);
int __wrap_ceno_proof_next_backed(const uint8_t *bitmap, uint64_t mem_total, uint64_t *offset, uint64_t *bytes)
{
	return __real_ceno_proof_next_backed(bitmap, mem_total, offset, bytes) && (!cut || *offset < cut);
}

static int setup(void **state)
{
	char path[32];
	(void)state;
	fd = memfd_create("ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, RAM) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	fd_ro = open(path, O_RDONLY | O_CLOEXEC);
	for (unsigned lane = 0; lane < CENO_LANES_MAX; lane++) {
		pass[lane] = ceno_proof_pass_new(session, challenge, 1);
		if (!pass[lane])
			return -1;
	}
	return fd_ro < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned lane = 0; lane < CENO_LANES_MAX; lane++)
		ceno_proof_pass_free(pass[lane]);
	close(fd);
	close(fd_ro);
	return 0;
}

static void touch(uint64_t at)
{
	assert_int_equal(pwrite(fd, "secret", 6, (off_t)at), 6);
}

static uint64_t backed(void)
{
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void only_backed_granules_are_overwritten_and_whole(void **state)
{
	struct ceno_memory m;
	static uint8_t want[GRANULE], have[GRANULE];
	(void)state;
	touch(0);
	touch(5 * GRANULE + 4096);
	touch(RAM - 6);
	assert_int_equal(ceno_memory_open(&m, fd, fd_ro, RAM), 0);
	assert_int_equal(ceno_memory_fill(&m, pass), 0);
	assert_int_equal(backed(), 3 * GRANULE);
	assert_int_equal(ceno_proof_backed_bytes(m.bitmap, RAM), 3 * GRANULE);
	assert_int_equal(ceno_proof_pass_fill(pass[0], CENO_GPA_RAM + 5 * GRANULE, want, GRANULE), 0);
	assert_int_equal(pread(fd, have, GRANULE, 5 * GRANULE), GRANULE);
	assert_memory_equal(want, have, GRANULE);
	ceno_memory_close(&m);
}

static void reading_back_does_not_back_a_hole(void **state)
{
	struct ceno_memory m;
	uint8_t root[32];
	(void)state;
	touch(3 * GRANULE);
	assert_int_equal(ceno_memory_open(&m, fd, fd_ro, RAM), 0);
	assert_int_equal(ceno_memory_fill(&m, pass), 0);
	assert_int_equal(ceno_memory_root(&m, pass, root), 0);
	assert_int_equal(backed(), GRANULE);
	ceno_memory_close(&m);
}

static void untouched_memory_has_the_root_of_nothing(void **state)
{
	struct ceno_memory m;
	uint8_t root[32], nothing[32];
	(void)state;
	assert_int_equal(ceno_memory_open(&m, fd, fd_ro, RAM), 0);
	assert_int_equal(ceno_memory_fill(&m, pass), 0);
	assert_int_equal(ceno_memory_root(&m, pass, root), 0);
	crypto_hash_sha256(nothing, NULL, 0);
	assert_memory_equal(root, nothing, 32);
	assert_int_equal(backed(), 0);
	ceno_memory_close(&m);
}

/* The root is over what is in memory, not over what was meant to be there. */
static void a_byte_that_did_not_stay_changes_the_root(void **state)
{
	struct ceno_memory m;
	uint8_t before[32], after[32];
	(void)state;
	touch(GRANULE);
	assert_int_equal(ceno_memory_open(&m, fd, fd_ro, RAM), 0);
	assert_int_equal(ceno_memory_fill(&m, pass), 0);
	assert_int_equal(ceno_memory_root(&m, pass, before), 0);
	m.map[GRANULE + 12345] ^= 1;
	assert_int_equal(ceno_memory_root(&m, pass, after), 0);
	assert_memory_not_equal(before, after, 32);
	ceno_memory_close(&m);
}

static void a_byte_that_is_not_zero_is_counted(void **state)
{
	struct ceno_memory m;
	uint64_t compared;
	(void)state;
	touch(7 * GRANULE);
	assert_int_equal(ceno_memory_open(&m, fd, fd_ro, RAM), 0);
	assert_int_equal(ceno_memory_fill(&m, pass), 0);
	ceno_memory_zero(&m);
	m.map[7 * GRANULE + 65535] = 9;
	m.map[7 * GRANULE] = 9;
	assert_int_equal(ceno_memory_seal(&m), 0);
	assert_int_equal(ceno_memory_compare(&m, &compared), 2);
	assert_int_equal(compared, GRANULE);
	ceno_memory_close(&m);
}

static void sealing_is_refused_while_somebody_could_write(void **state)
{
	struct ceno_memory m;
	(void)state;
	void *other = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_int_equal(ceno_memory_open(&m, fd, fd_ro, RAM), 0);
	assert_true(ceno_memory_seal(&m) < 0);
	munmap(other, RAM);
	assert_int_equal(ceno_memory_seal(&m), 0);
	assert_true(pwrite(fd, "x", 1, 0) < 0);
	ceno_memory_close(&m);
}

static void memory_of_another_length_is_refused(void **state)
{
	struct ceno_memory m;
	(void)state;
	assert_int_equal(ceno_memory_open(&m, fd, fd_ro, RAM / 2), -22 /* EINVAL */);
	assert_int_equal(ceno_memory_open(&m, fd, fd_ro, 0), -22);
}

static void wiping_ram_leaves_zeros_and_a_seal(void **state)
{
	char page[6] = "x";
	(void)state;
	touch(11 * GRANULE);
	assert_int_equal(ceno_destroy_orphan(fd, fd_ro, RAM, NULL, 0), 0);
	assert_int_equal(pread(fd, page, sizeof page, 11 * GRANULE), sizeof page);
	assert_memory_equal(page, "\0\0\0\0\0\0", 6);
	assert_true(fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE);
}

/* Of an orphan of which two granules are backed; late: a byte that comes after the fill, or NULL. */
static void fill_and_seal(struct ceno_destruction *d, const char *late)
{
	*d = (struct ceno_destruction){
		.way = CENO_WAY_RECOVERY, .attest = -1, .ram = fd, .ram_ro = fd_ro, .ram_bytes = RAM, .passes = 1
	};
	touch(11 * GRANULE);
	touch(300 * GRANULE);
	assert_int_equal(ceno_destroy_MAPPED(d), 0);
	assert_int_equal(ceno_destroy_CHALLENGED(d), 0);
	assert_int_equal(ceno_destroy_FILLED(d), 0);
	assert_int_equal(ceno_destroy_READ_BACK(d), 0);
	if (late)
		assert_int_equal(pwrite(fd, late, 1, 500 * GRANULE), 1);
	assert_int_equal(ceno_destroy_ZEROED(d), 0);
	assert_int_equal(ceno_destroy_SEALED(d), 0);
}

static void a_comparison_is_of_every_backed_byte(void **state)
{
	struct ceno_destruction d;
	(void)state;
	fill_and_seal(&d, NULL);
	cut = 200 * GRANULE;
	assert_int_equal(ceno_destroy_COMPARED(&d), -5 /* EIO */);
	cut = 0;
	assert_int_equal(ceno_destroy_COMPARED(&d), 0);
	ceno_destroy_RELEASED(&d);
}

static void a_page_that_came_after_the_fill_is_not_called_wiped(void **state)
{
	struct ceno_destruction d;
	(void)state;
	fill_and_seal(&d, "s");
	assert_int_equal(ceno_destroy_COMPARED(&d), -5);
	ceno_destroy_RELEASED(&d);
}

/* The kernel's own: khugepaged fills 2 MiB of which one page was there. */
static void a_page_of_zeros_that_came_after_the_fill_is_wiped(void **state)
{
	struct ceno_destruction d;
	(void)state;
	fill_and_seal(&d, "");
	assert_int_equal(ceno_destroy_COMPARED(&d), 0);
	ceno_destroy_RELEASED(&d);
}

static void an_area_is_wiped_whole(void **state)
{
	struct ceno_area_result r;
	char byte = 1;
	int area = memfd_create("area", MFD_CLOEXEC);
	(void)state;
	assert_int_equal(ftruncate(area, 5000), 0);
	assert_int_equal(pwrite(area, "secret", 6, 4990), 6);
	assert_int_equal(ceno_area_wipe(area, &r), 0);
	assert_int_equal(r.bytes, 8192);
	assert_int_equal(r.overwritten, 8192);
	assert_int_equal(r.read_back, 8192);
	assert_int_equal(r.mismatches, 0);
	assert_int_equal(pread(area, &byte, 1, 4990), 1);
	assert_int_equal(byte, 0);
	close(area);
}

/* More than a window of leaves (256 MiB), in granules of 128 KiB, runs that end anywhere: the root is that of the
 * chunks in their order, whoever read them. */
static void the_root_of_large_memory_is_in_order(void **state)
{
	const uint64_t bytes = 768ull << 20, last = bytes - 3 * CENO_LARGE_PAGE;
	static uint8_t chunk[CENO_PROOF_CHUNK];
	struct ceno_memory m;
	struct ceno_merkle tree;
	uint8_t leaf[32], want[32], root[32];
	uint64_t at = 0, run;
	(void)state;
	int large = memfd_create("large", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(large, (off_t)bytes), 0);
	for (uint64_t i = 0; i < 6 * CENO_LARGE_PAGE; i += GRANULE) { /* over the end of the first window */
		assert_int_equal(pwrite(large, "x", 1, (off_t)((256ull << 20) - 3 * CENO_LARGE_PAGE + i)), 1);
		if (i % (5 * GRANULE) == 0)
			assert_int_equal(pwrite(large, "x", 1, (off_t)(last + i / 2)), 1);
	}
	assert_int_equal(ceno_memory_open(&m, large, large, bytes), 0);
	assert_int_equal(ceno_memory_fill(&m, pass), 0);
	assert_int_equal(ceno_memory_root(&m, pass, root), 0);
	ceno_merkle_init(&tree);
	for (; ceno_proof_next_backed(m.bitmap, bytes, &at, &run); at += run)
		for (uint64_t done = 0; done < run; done += sizeof chunk) {
			assert_int_equal(ceno_proof_pass_fill(pass[0], CENO_GPA_RAM + at + done, chunk, sizeof chunk),
			                 0);
			assert_int_equal(ceno_proof_pass_leaf(pass[0], CENO_GPA_RAM + at + done, chunk, leaf), 0);
			ceno_merkle_add(&tree, leaf);
		}
	ceno_merkle_root(&tree, want);
	assert_memory_equal(root, want, 32);
	ceno_memory_close(&m);
	close(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_backed_granules_are_overwritten_and_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(reading_back_does_not_back_a_hole, setup, teardown),
		cmocka_unit_test_setup_teardown(untouched_memory_has_the_root_of_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_byte_that_did_not_stay_changes_the_root, setup, teardown),
		cmocka_unit_test_setup_teardown(a_byte_that_is_not_zero_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(sealing_is_refused_while_somebody_could_write, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_of_another_length_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(wiping_ram_leaves_zeros_and_a_seal, setup, teardown),
		cmocka_unit_test_setup_teardown(a_comparison_is_of_every_backed_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(a_page_that_came_after_the_fill_is_not_called_wiped, setup, teardown),
		cmocka_unit_test_setup_teardown(a_page_of_zeros_that_came_after_the_fill_is_wiped, setup, teardown),
		cmocka_unit_test_setup_teardown(the_root_of_large_memory_is_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(an_area_is_wiped_whole, setup, teardown),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
