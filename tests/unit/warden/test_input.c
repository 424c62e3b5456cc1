/*
 * Inputs copied into a pack: the same bytes, also where large pages were asked for, in steps of
 * any length; and nothing of a memfd is touched around what large pages were asked for. Large files are
 * hashed by a thread, if there can be one: from the pack, not far behind, never longer than the filling lasts.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
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

/* What the thread that hashes meets. */
static unsigned cpus = 2;
static int no_thread, no_mapping, late_ms;
static uint64_t digest_fails = UINT64_MAX; /* once so many bytes have been hashed */
static uint64_t spoilt; /* offset in the pack of a byte that is written otherwise than it was read; 0: none */
static _Atomic uint64_t written, hashed_beside, ahead;

int __wrap_sched_getaffinity(pid_t pid, size_t bytes, cpu_set_t *set);
int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *context);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *context);
void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
ssize_t __real_pwrite(int fd, const void *from, size_t bytes, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *from, size_t bytes, off_t offset);
int __real_EVP_DigestUpdate(EVP_MD_CTX *context, const void *from, size_t bytes);
int __wrap_EVP_DigestUpdate(EVP_MD_CTX *context, const void *from, size_t bytes);

int __wrap_sched_getaffinity(pid_t pid, size_t bytes, cpu_set_t *set)
{
	(void)pid;
	memset(set, 0, bytes);
	for (unsigned i = 0; i < cpus; i++)
		CPU_SET(i, set);
	return 0;
}

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *context)
{
	return no_thread ? EAGAIN : __real_pthread_create(t, a, run, context);
}

void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	/* The hasher's: the whole of a file, read-only, at a place that was reserved. */
	if (no_mapping && fd >= 0 && flags == (MAP_SHARED | MAP_FIXED)) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return __real_mmap(at, bytes, protection, flags, fd, offset);
}

ssize_t __wrap_pwrite(int fd, const void *from, size_t bytes, off_t offset)
{
	ssize_t n = __real_pwrite(fd, from, bytes, offset);
	if (spoilt >= (uint64_t)offset && spoilt < (uint64_t)offset + bytes && spoilt) {
		uint8_t other = (uint8_t) ~((const uint8_t *)from)[spoilt - (uint64_t)offset];
		assert_int_equal(__real_pwrite(fd, &other, 1, (off_t)spoilt), 1);
	}
	atomic_store(&written, (uint64_t)offset + bytes);
	return n;
}

int __wrap_EVP_DigestUpdate(EVP_MD_CTX *context, const void *from, size_t bytes)
{
	if (getpid() == gettid())
		return __real_EVP_DigestUpdate(context, from, bytes);
	if (late_ms)
		nanosleep(&(struct timespec){ 0, late_ms * 1000000l }, NULL);
	uint64_t now = atomic_load(&written) - CENO_LARGE_PAGE - atomic_load(&hashed_beside);
	if (late_ms && now > atomic_load(&ahead))
		atomic_store(&ahead, now);
	late_ms = 0;
	return atomic_fetch_add(&hashed_beside, bytes) + bytes >= digest_fails
	    ? 0
	    : __real_EVP_DigestUpdate(context, from, bytes);
}

static unsigned count_tasks(void)
{
	DIR *folder = opendir("/proc/self/task");
	unsigned count = 0;
	assert_non_null(folder);
	for (struct dirent *e; (e = readdir(folder));)
		count += e->d_name[0] != '.';
	closedir(folder);
	return count;
}

/* The kernel tells who joins a thread before it takes it off the list. */
static void expect_tasks(unsigned expected)
{
	for (int ms = 0; ms < 5000 && count_tasks() != expected; ms++)
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	assert_int_equal(count_tasks(), expected);
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

/* A set of one file by chance (*file: a copy of it) and an argument block, and its pack. */
struct filling {
	struct ceno_inputs *in;
	int pack;
	uint8_t *file, *args;
};

static struct filling begin_filling(uint64_t bytes)
{
	char culprit[CENO_PACK_PATH_MAX];
	struct filling f = { .in = ceno_inputs_new() };
	assert_non_null(f.in);
	add(f.in, new_file(bytes, &f.file), "/in/file", bytes);
	add(f.in, new_file(100, &f.args), CENO_PACK_ARGS, 100);
	assert_int_equal(ceno_inputs_plan(f.in, culprit), 0);
	f.pack = new_memfd(f.in->total_bytes);
	atomic_store(&written, 0);
	atomic_store(&hashed_beside, 0);
	atomic_store(&ahead, 0);
	return f;
}

static int fill(const struct filling *f, uint64_t budget)
{
	int more;
	while ((more = ceno_inputs_step(f->in, f->pack, budget)) == 1)
		;
	expect_tasks(1);
	return more;
}

static void end_filling(struct filling *f)
{
	ceno_inputs_free(f->in);
	close(f->pack);
	free(f->file);
	free(f->args);
}

/* With this budget a step, a file of so many bytes comes out as it went in, with the right digest. */
static void copies(uint64_t bytes, uint64_t budget)
{
	uint8_t digest[32];
	struct filling f = begin_filling(bytes);
	assert_int_equal(fill(&f, budget), 0);
	const uint8_t *at = view(f.pack, f.in->total_bytes);
	const struct ceno_pack_entry *entry = (const void *)(at + sizeof(struct ceno_pack_header));
	for (uint32_t i = 0; i < 2; i++) {
		const uint8_t *want = entry[i].length == 100 ? f.args : f.file;
		assert_memory_equal(at + entry[i].offset, want, entry[i].length);
		crypto_hash_sha256(digest, want, entry[i].length);
		assert_memory_equal(entry[i].sha256, digest, 32);
	}
	munmap((void *)at, f.in->total_bytes);
	end_filling(&f);
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

static void large_files_are_hashed_beside(void **state)
{
	(void)state;
	copies(CENO_HASHER_MIN - 1, 1 << 20);
	assert_int_equal(atomic_load(&hashed_beside), 0);
	copies(CENO_HASHER_MIN, 1 << 20);
	assert_int_equal(atomic_load(&hashed_beside), CENO_HASHER_MIN);
	copies((9 << 20) + 4097, UINT64_MAX);
	assert_int_equal(atomic_load(&hashed_beside), (9 << 20) + 4097);
}

static void where_nobody_hashes_beside_the_caller_does(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		cpus = i == 0 ? 1 : 2;
		no_thread = i == 1;
		no_mapping = i == 2;
		copies((9 << 20) + 1, 4 << 20);
		assert_int_equal(atomic_load(&hashed_beside), 0);
	}
	no_mapping = 0;
}

/* The caller's file is as it was; what the guest will see is not. */
static void what_lies_in_the_pack_is_hashed(void **state)
{
	const uint64_t bytes = 6 << 20, at = 3 << 20;
	uint8_t digest[32];
	struct filling f = begin_filling(bytes);
	(void)state;
	spoilt = f.in->entry[1].offset + at;
	assert_int_equal(fill(&f, 4 << 20), 0);
	spoilt = 0;
	f.file[at] = (uint8_t)~f.file[at];
	crypto_hash_sha256(digest, f.file, bytes);
	assert_memory_equal(f.in->entry[1].sha256, digest, 32);
	end_filling(&f);
}

static void the_hash_is_never_far_behind(void **state)
{
	struct filling f = begin_filling(12 << 20);
	(void)state;
	late_ms = 200;
	assert_int_equal(fill(&f, UINT64_MAX), 0);
	assert_in_range(atomic_load(&ahead), 1, CENO_HASHER_LAG + CENO_INPUT_STRETCH);
	end_filling(&f);
}

/* At its beginning; and with its last bytes, when nothing is copied any more. */
static void a_hash_that_fails_fails_the_session(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct filling f = begin_filling(12 << 20);
		digest_fails = i ? 12 << 20 : 1;
		assert_int_equal(fill(&f, 4 << 20), -CENO_SESSION_ERROR_MEMORY);
		assert_true(i || f.in->copied <= CENO_HASHER_LAG + CENO_INPUT_STRETCH);
		assert_string_equal(f.in->entry[f.in->next].path, "/in/file");
		end_filling(&f);
	}
	digest_fails = UINT64_MAX;
}

static void a_session_that_ends_meanwhile_leaves_no_thread(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct filling f = begin_filling(16 << 20);
		assert_int_equal(ceno_inputs_step(f.in, f.pack, 5 << 20), 1);
		expect_tasks(2);
		if (i)
			ceno_inputs_stop(f.in);
		else
			close(f.in->file[f.in->order[1]].fd); /* a read that fails */
		assert_int_equal(i ? 0 : fill(&f, 4 << 20), i ? 0 : -CENO_SESSION_ERROR_UNREADABLE);
		expect_tasks(1);
		f.in->file[f.in->order[1]].fd = -1;
		end_filling(&f);
	}
	struct filling f = begin_filling(16 << 20);
	assert_int_equal(ceno_inputs_step(f.in, f.pack, 5 << 20), 1);
	end_filling(&f);
	expect_tasks(1);
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
		cmocka_unit_test(large_files_are_hashed_beside),
		cmocka_unit_test(where_nobody_hashes_beside_the_caller_does),
		cmocka_unit_test(what_lies_in_the_pack_is_hashed),
		cmocka_unit_test(the_hash_is_never_far_behind),
		cmocka_unit_test(a_hash_that_fails_fails_the_session),
		cmocka_unit_test(a_session_that_ends_meanwhile_leaves_no_thread),
		cmocka_unit_test(a_slow_host_is_asked_once),
		cmocka_unit_test(only_whole_large_pages_are_backed),
		cmocka_unit_test(where_nothing_can_be_backed_nothing_happens),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
