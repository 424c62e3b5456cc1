/*
 * Inputs copied into a pack: the same bytes, also where large pages were asked for, in steps of
 * any length; and nothing of a memfd is touched around what large pages were asked for.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <sodium.h>

#include "guest-kernel/abi/layout.h"
#include "vmm/warden/input.h"
#include "vmm/warden/large.h"

#define LARGE CENO_LARGE_PAGE

/* What the kernel is asked, and how long it seems to take (the linker's --wrap); 0: the kernel's own. */
static unsigned collapses;
static uint64_t collapse_us, clock_us;
int __real_madvise(void *at, size_t bytes, int advice);
int __wrap_madvise(void *at, size_t bytes, int advice);
int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_madvise(void *at, size_t bytes, int advice)
{
	if (!collapse_us || advice != 25) /* MADV_COLLAPSE */
		return __real_madvise(at, bytes, advice);
	collapses++;
	clock_us += collapse_us;
	return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	if (!collapse_us)
		return __real_clock_gettime(clock, time);
	*time =
	    (struct timespec){ .tv_sec = (time_t)(clock_us / 1000000), .tv_nsec = (long)(clock_us % 1000000) * 1000 };
	return 0;
}

static int new_memfd(uint64_t bytes)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	return fd;
}

static uint8_t *view(int fd, uint64_t bytes)
{
	uint8_t *at = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(at != MAP_FAILED);
	return at;
}

/* A file of bytes by chance. */
static int new_file(uint64_t bytes, uint8_t **copy)
{
	static const uint8_t seed[randombytes_SEEDBYTES] = { 5 };
	int fd = memfd_create("file", MFD_CLOEXEC);
	*copy = malloc(bytes);
	assert_non_null(*copy);
	randombytes_buf_deterministic(*copy, bytes, seed);
	assert_true(fd >= 0 && write(fd, *copy, bytes) == (ssize_t)bytes);
	return fd;
}

static void add(struct ceno_inputs *in, int fd, const char *name, uint64_t bytes)
{
	char path[CENO_PACK_PATH_MAX] = { 0 };
	strcpy(path, name);
	assert_int_equal(ceno_inputs_add(in, fd, path, 0444, bytes, 1ull << 30), 0);
}

/* With this budget a step, a file of so many bytes comes out as it went in, with the right digest. */
static void copies(uint64_t bytes, uint64_t budget)
{
	char culprit[CENO_PACK_PATH_MAX];
	uint8_t *file, *args, digest[32];
	struct ceno_inputs *in = ceno_inputs_new();
	assert_non_null(in);
	add(in, new_file(bytes, &file), "/in/file", bytes);
	add(in, new_file(100, &args), CENO_PACK_ARGS, 100);
	assert_int_equal(ceno_inputs_plan(in, culprit), 0);
	int pack = new_memfd(in->total_bytes), more;
	while ((more = ceno_inputs_step(in, pack, budget)) == 1)
		;
	assert_int_equal(more, 0);
	const uint8_t *at = view(pack, in->total_bytes);
	const struct ceno_pack_entry *entry = (const void *)(at + sizeof(struct ceno_pack_header));
	for (uint32_t i = 0; i < 2; i++) {
		const uint8_t *want = entry[i].length == 100 ? args : file;
		assert_memory_equal(at + entry[i].offset, want, entry[i].length);
		crypto_hash_sha256(digest, want, entry[i].length);
		assert_memory_equal(entry[i].sha256, digest, 32);
	}
	munmap((void *)at, in->total_bytes);
	ceno_inputs_free(in);
	close(pack);
	free(file);
	free(args);
}

static void inputs_come_out_as_they_went_in(void **state)
{
	(void)state;
	copies(1, 1000);
	copies(LARGE + 5, 4 << 20);
	copies((8 << 20) - 1, 4 << 20);
	copies(8 << 20, 4 << 20);
	copies((11 << 20) + 4097, 1000003);
	copies((37 << 20) + 4097, 4 << 20);
}

/* How often large pages are asked for while files of these sizes are copied, if each request takes so long. */
static unsigned asked(uint64_t first, uint64_t second, uint64_t us)
{
	char culprit[CENO_PACK_PATH_MAX];
	uint8_t *one, *two, *args;
	struct ceno_inputs *in = ceno_inputs_new();
	add(in, new_file(first, &one), "/in/first", first);
	add(in, new_file(second, &two), "/in/second", second);
	add(in, new_file(100, &args), CENO_PACK_ARGS, 100);
	assert_int_equal(ceno_inputs_plan(in, culprit), 0);
	int pack = new_memfd(in->total_bytes), more;
	collapses = 0;
	collapse_us = us;
	while ((more = ceno_inputs_step(in, pack, 3 << 20)) == 1)
		;
	collapse_us = 0;
	assert_int_equal(more, 0);
	ceno_inputs_free(in);
	close(pack);
	free(one);
	free(two);
	free(args);
	return collapses;
}

/* Once for each 32 MiB of a file of 8 MiB and more; a host where it takes more than a millisecond for each
 * page of 2 MiB (16 in 32 MiB, 4 in 8 MiB) is not asked again, by no later file either. */
static void a_slow_host_is_asked_once(void **state)
{
	(void)state;
	assert_int_equal(asked(100, (8 << 20) - 1, 1), 0);
	assert_int_equal(asked(100, 8 << 20, 1), 1);
	assert_int_equal(asked(70 << 20, 8 << 20, 1), 4);
	assert_int_equal(asked(64 << 20, 32 << 20, 16000), 3);
	assert_int_equal(asked(64 << 20, 32 << 20, 16001), 1);
	assert_int_equal(asked(32 << 20, 8 << 20, 16001), 1);
	assert_int_equal(asked(8 << 20, 64 << 20, 4000), 3);
	assert_int_equal(asked(8 << 20, 64 << 20, 4001), 1);
}

static void only_whole_large_pages_are_backed(void **state)
{
	const uint64_t total = 5 * LARGE, begin = LARGE, length = 2 * LARGE + CENO_PAGE;
	struct stat st;
	int fd = new_memfd(total);
	(void)state;
	(void)ceno_large_back(fd, begin, length);
	assert_int_equal(ceno_large_back(fd, 4 * LARGE, LARGE - 1), 0); /* not a whole one */
	assert_int_equal(lseek(fd, 0, SEEK_DATA), begin);
	assert_true(lseek(fd, (off_t)(begin + 2 * LARGE), SEEK_DATA) < 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, total);
	printf("%s large pages on this host\n", st.st_blocks * 512 == 2 * LARGE ? "there are" : "no");
	assert_true(st.st_blocks * 512 == 2 * LARGE || st.st_blocks * 512 == 2 * CENO_PAGE);
	uint8_t *at = view(fd, total);
	for (uint64_t i = 0; i < total; i++)
		assert_int_equal(at[i], 0);
	munmap(at, total);
	close(fd);
}

static void where_nothing_can_be_backed_nothing_happens(void **state)
{
	struct stat st;
	int fd = new_memfd(2 * LARGE), null = open("/dev/null", O_RDONLY);
	(void)state;
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	(void)ceno_large_back(fd, 0, 2 * LARGE);
	(void)ceno_large_back(null, 0, 2 * LARGE);
	(void)ceno_large_back(-1, 0, 2 * LARGE);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_blocks, 0);
	close(fd);
	close(null);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inputs_come_out_as_they_went_in),
		cmocka_unit_test(a_slow_host_is_asked_once),
		cmocka_unit_test(only_whole_large_pages_are_backed),
		cmocka_unit_test(where_nothing_can_be_backed_nothing_happens),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
