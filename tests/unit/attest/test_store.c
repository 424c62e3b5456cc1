/*
 * The file of leaves: golden bytes of a frame, every single bit changed, every
 * place a write could be cut off, and what an append that fails leaves behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sodium.h>

#include "attest/daemon/store.h"

#define LEAVES 6u

struct place {
	char path[64];
	int dir;
	uint8_t bytes[8192]; /* the file, as three frames of 1, 2 and 3 leaves */
	size_t size, last;   /* last: where the last frame begins */
};

struct seen {
	uint32_t count, wrong;
};

static struct ceno_store_leaf leaf_of(uint32_t i)
{
	struct ceno_store_leaf leaf = { .record = {
					    .kind = CENO_STORE_LAUNCH, .body_bytes = 5 + i, .reset_count = i } };
	memset(leaf.record.session_id, (int)i + 1, 16);
	memset(leaf.record.signer_pub, (int)i + 101, 32);
	memset(leaf.body, (int)i + 201, leaf.record.body_bytes);
	return leaf;
}

static int visit(void *arg, uint64_t index, const struct ceno_store_leaf *leaf)
{
	struct seen *s = arg;
	struct ceno_store_leaf want = leaf_of((uint32_t)index);
	s->wrong += index != s->count || memcmp(leaf, &want, sizeof(want)) != 0;
	s->count++;
	return 0;
}

static void append(struct ceno_store *store, uint32_t first, uint32_t count, int expected)
{
	struct ceno_store_leaf leaf[LEAVES];
	const struct ceno_store_leaf *list[LEAVES];
	for (uint32_t i = 0; i < count; i++) {
		leaf[i] = leaf_of(first + i);
		list[i] = &leaf[i];
	}
	assert_int_equal(ceno_store_append(store, list, count), expected);
}

static void put(const struct place *p, const uint8_t *bytes, size_t size)
{
	int fd = openat(p->dir, "leaves", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct ceno_store store;
	struct seen seen = { 0 };
	if (!p || sodium_init() < 0)
		return -1;
	strcpy(p->path, "/tmp/ceno-store-XXXXXX");
	if (!mkdtemp(p->path))
		return -1;
	p->dir = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(ceno_store_open(&store, p->dir, false, visit, &seen), CENO_STORE_OK);
	append(&store, 0, 1, CENO_STORE_OK);
	append(&store, 1, 2, CENO_STORE_OK);
	p->last = (size_t)store.bytes;
	append(&store, 3, 3, CENO_STORE_OK);
	p->size = (size_t)store.bytes;
	assert_int_equal(pread(store.fd, p->bytes, sizeof(p->bytes), 0), p->size);
	ceno_store_close(&store);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	unlinkat(p->dir, "leaves", 0);
	unlinkat(p->dir, "torn", 0);
	close(p->dir);
	rmdir(p->path);
	free(p);
	return 0;
}

static void a_frame_has_these_bytes(void **state)
{
	static const uint8_t head[] = { 'C',
		                        'L',
		                        'F',
		                        '1',
		                        1,
		                        0,
		                        0,
		                        0,
		                        0,
		                        0,
		                        0,
		                        0,
		                        0,
		                        0,
		                        0,
		                        0,
		                        77,
		                        0,
		                        0,
		                        0,
		                        0,
		                        0,
		                        0,
		                        0,
		                        /* record: kind, body_bytes */ 1,
		                        0,
		                        0,
		                        0,
		                        5,
		                        0,
		                        0,
		                        0 };
	const struct place *p = *state;
	uint8_t hash[32];
	assert_memory_equal(p->bytes, head, sizeof(head));
	for (int i = 0; i < 16; i++)
		assert_int_equal(p->bytes[32 + i], 1);
	for (int i = 0; i < 32; i++)
		assert_int_equal(p->bytes[56 + i], 101);
	for (int i = 0; i < 5; i++)
		assert_int_equal(p->bytes[96 + i], 201);
	crypto_hash_sha256(hash, p->bytes, 24 + 77);
	assert_memory_equal(p->bytes + 24 + 77, hash, 32);
	assert_memory_equal(p->bytes + 24 + 77 + 32, "CLF1\2", 5);
}

static void all_leaves_come_back(void **state)
{
	const struct place *p = *state;
	struct ceno_store store;
	struct seen seen = { 0 };
	assert_int_equal(ceno_store_open(&store, p->dir, true, visit, &seen), CENO_STORE_OK);
	assert_int_equal(seen.count, LEAVES);
	assert_int_equal(seen.wrong, 0);
	assert_int_equal(store.leaves, LEAVES);
	assert_int_equal(store.torn_bytes, 0);
	ceno_store_close(&store);
}

/* A changed bit before the last frame is always an alteration; in the last frame it is that, or a frame
 * that counts as cut off. Never is a changed leaf handed out. */
static void no_changed_bit_gets_through(void **state)
{
	struct place *p = *state;
	for (size_t at = 0; at < p->size * 8; at++) {
		struct ceno_store store;
		struct seen seen = { 0 };
		p->bytes[at / 8] ^= (uint8_t)(1u << at % 8);
		put(p, p->bytes, p->size);
		p->bytes[at / 8] ^= (uint8_t)(1u << at % 8);
		int error = ceno_store_open(&store, p->dir, true, visit, &seen);
		assert_int_equal(seen.wrong, 0);
		assert_true(seen.count < LEAVES);
		if (error) {
			assert_int_equal(error, CENO_STORE_CORRUPT);
			continue;
		}
		assert_true(at / 8 >= p->last);
		assert_int_equal(store.bytes, p->last);
		assert_int_equal(store.torn_bytes, p->size - p->last);
		ceno_store_close(&store);
	}
}

static void every_cut_is_found_and_mended(void **state)
{
	const struct place *p = *state;
	for (size_t size = p->last + 1; size < p->size; size++) {
		struct ceno_store store;
		struct seen seen = { 0 };
		struct stat st;
		put(p, p->bytes, size);
		assert_int_equal(ceno_store_open(&store, p->dir, false, visit, &seen), CENO_STORE_OK);
		assert_int_equal(seen.count, 3);
		assert_int_equal(store.torn_bytes, size - p->last);
		assert_int_equal(fstat(store.fd, &st), 0);
		assert_int_equal(st.st_size, size);  /* opening changes nothing */
		append(&store, 3, 3, CENO_STORE_IO); /* nor does anything go behind a torn end */
		assert_int_equal(ceno_store_cut_torn(&store, p->dir), CENO_STORE_OK);
		assert_int_equal(fstatat(p->dir, "torn", &st, 0), 0);
		assert_int_equal(st.st_size, size - p->last);
		append(&store, 3, 3, CENO_STORE_OK);
		ceno_store_close(&store);
		seen.count = 0;
		assert_int_equal(ceno_store_open(&store, p->dir, true, visit, &seen), CENO_STORE_OK);
		assert_int_equal(seen.count, LEAVES);
		assert_int_equal(seen.wrong, 0);
		ceno_store_close(&store);
	}
}

static void frames_out_of_order_or_repeated_are_refused(void **state)
{
	const struct place *p = *state;
	struct ceno_store store;
	struct seen seen = { 0 };
	static uint8_t twice[16384];
	memcpy(twice, p->bytes, p->size);
	memcpy(twice + p->size, p->bytes + p->last, p->size - p->last);
	put(p, twice, p->size + p->size - p->last);
	assert_int_equal(ceno_store_open(&store, p->dir, true, visit, &seen), CENO_STORE_ORDER);
	put(p, p->bytes + p->last, p->size - p->last);
	assert_int_equal(ceno_store_open(&store, p->dir, true, visit, &seen), CENO_STORE_ORDER);
}

static void an_append_that_fails_leaves_nothing(void **state)
{
	const struct place *p = *state;
	struct ceno_store store;
	struct seen seen = { 0 };
	struct rlimit before, limit;
	struct stat st;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(ceno_store_open(&store, p->dir, false, visit, &seen), CENO_STORE_OK);
	for (rlim_t room = 0; room < 300; room += 37) {
		limit = before;
		limit.rlim_cur = p->size + room;
		setrlimit(RLIMIT_FSIZE, &limit);
		append(&store, LEAVES, 3, CENO_STORE_IO);
		setrlimit(RLIMIT_FSIZE, &before);
		assert_int_equal(fstat(store.fd, &st), 0);
		assert_int_equal(st.st_size, p->size);
		assert_int_equal(store.leaves, LEAVES);
	}
	append(&store, LEAVES, 1, CENO_STORE_OK);
	ceno_store_close(&store);
	seen.count = 0;
	assert_int_equal(ceno_store_open(&store, p->dir, true, visit, &seen), CENO_STORE_OK);
	assert_int_equal(seen.count, LEAVES + 1);
	assert_int_equal(seen.wrong, 0);
	ceno_store_close(&store);
}

static int refuse(void *arg, uint64_t index, const struct ceno_store_leaf *leaf)
{
	(void)arg;
	(void)leaf;
	return index == 2 ? -1 : 0;
}

static void a_visitor_can_stop_it(void **state)
{
	const struct place *p = *state;
	struct ceno_store store;
	assert_int_equal(ceno_store_open(&store, p->dir, true, refuse, NULL), CENO_STORE_VISIT);
	assert_int_equal(store.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_frame_has_these_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(all_leaves_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(no_changed_bit_gets_through, setup, teardown),
		cmocka_unit_test_setup_teardown(every_cut_is_found_and_mended, setup, teardown),
		cmocka_unit_test_setup_teardown(frames_out_of_order_or_repeated_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(an_append_that_fails_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_visitor_can_stop_it, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
