/*
 * The trail out of its window: what the guest states is held to the window, nothing
 * of it is parsed, the copy cannot change, and none is kept.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <sodium.h>

#include "guest-kernel/abi/trail.h"
#include "vmm/warden/trail.h"

static int window;
static uint8_t *guest; /* its view */

static int set_up(void **state)
{
	(void)state;
	window = memfd_create("window", MFD_CLOEXEC);
	if (sodium_init() < 0 || window < 0 || ftruncate(window, CENO_TRAIL_BYTES) < 0)
		return -1;
	guest = mmap(NULL, CENO_TRAIL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, window, 0);
	if (guest == MAP_FAILED)
		return -1;
	for (size_t i = 0; i < CENO_TRAIL_BYTES; i++)
		guest[i] = (uint8_t)(i * 7 + i / 256);
	return 0;
}

static void state_length(uint64_t bytes)
{
	memcpy(guest + offsetof(struct ceno_trail_header, bytes), &bytes, sizeof bytes);
}

/* Takes it and compares with what the window holds. */
static void expect(uint64_t stated, size_t bytes)
{
	struct ceno_trail trail;
	uint8_t sha256[32];
	state_length(stated);
	ceno_trail_take(window, &trail);
	assert_int_equal(trail.bytes, bytes);
	assert_memory_equal(trail.copy, guest, bytes);
	crypto_hash_sha256(sha256, guest, bytes);
	assert_memory_equal(trail.sha256, sha256, 32);
	ceno_trail_drop(&trail);
}

static void a_length_is_held_to_the_window(void **state)
{
	const uint64_t most = CENO_TRAIL_BYTES - CENO_TRAIL_OFFSET;
	(void)state;
	expect(0, 0);
	expect(1, CENO_TRAIL_OFFSET + 1);
	expect(most - 1, CENO_TRAIL_BYTES - 1);
	expect(most, CENO_TRAIL_BYTES);
	expect(most + 1, CENO_TRAIL_BYTES);
	expect(CENO_TRAIL_BYTES, CENO_TRAIL_BYTES);
	expect(1ull << 63, CENO_TRAIL_BYTES);
	expect(UINT64_MAX - CENO_TRAIL_OFFSET + 1, CENO_TRAIL_BYTES);
	expect(UINT64_MAX, CENO_TRAIL_BYTES);
}

static void the_copy_is_sealed_and_whole(void **state)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	struct ceno_trail trail;
	struct stat st;
	uint8_t *bytes = malloc(CENO_TRAIL_BYTES);
	(void)state;
	assert_non_null(bytes);
	state_length(5000);
	ceno_trail_take(window, &trail);
	int fd = ceno_trail_memfd(&trail);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GET_SEALS) & seals, seals);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, CENO_TRAIL_OFFSET + 5000);
	assert_int_equal(pread(fd, bytes, CENO_TRAIL_BYTES, 0), CENO_TRAIL_OFFSET + 5000);
	assert_memory_equal(bytes, guest, CENO_TRAIL_OFFSET + 5000);
	close(fd);
	free(bytes);
	ceno_trail_drop(&trail);
	for (size_t i = 0; i < trail.bytes; i++)
		assert_int_equal(trail.copy[i], 0);
}

static void an_empty_one_is_nothing(void **state)
{
	struct ceno_trail trail;
	uint8_t nothing[32];
	(void)state;
	crypto_hash_sha256(nothing, NULL, 0);
	ceno_trail_take(-1, &trail);
	assert_int_equal(trail.bytes, 0);
	assert_memory_equal(trail.sha256, nothing, 32);
	assert_int_equal(ceno_trail_memfd(&trail), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_length_is_held_to_the_window),
		cmocka_unit_test(the_copy_is_sealed_and_whole),
		cmocka_unit_test(an_empty_one_is_nothing),
	};
	return cmocka_run_group_tests_name("trail", tests, set_up, NULL);
}
