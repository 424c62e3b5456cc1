/*
 * guest-kernel/lib/blake3.c: a part of the official vectors (test_vectors.json of
 * the BLAKE3 project, CC0; test_blake3_vectors.c runs the whole file where it is),
 * then against blake3_reference.c: lengths around every border of the tree,
 * messages in pieces, output from any place, counters above 2^32 and the deepest
 * tree; and files against Debian's b3sum.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "blake3_reference.h"
#include "lib/blake3.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define CHUNK    CENO_BLAKE3_CHUNK_BYTES

static const char key[33] = "whats the Elvish word for friend";
static const char context[] = "BLAKE3 2019-12-27 16:29:52 test vectors context";

static void start(struct ceno_blake3 *hash, enum reference_mode mode)
{
	memset(hash, 0xa5, sizeof *hash);
	if (mode == REFERENCE_HASH)
		ceno_blake3_init(hash);
	else if (mode == REFERENCE_KEYED)
		ceno_blake3_init_keyed(hash, (const uint8_t *)key);
	else
		ceno_blake3_init_derive_key(hash, context, sizeof context - 1);
}

static struct reference_tree reference(enum reference_mode mode)
{
	return reference_start(mode, mode == REFERENCE_KEYED ? key : context,
	                       mode == REFERENCE_KEYED ? 32 : sizeof context - 1);
}

static void hash_once(enum reference_mode mode, const void *data, size_t bytes, uint8_t *out, size_t out_bytes)
{
	struct ceno_blake3 hash;

	start(&hash, mode);
	ceno_blake3_update(&hash, data, bytes);
	ceno_blake3_final(&hash, out, out_bytes);
}

/* The official vectors' message: 0, 1, ... 250, 0, 1, ... */
static uint8_t *make_message(size_t bytes)
{
	uint8_t *message = malloc(bytes + 1);

	assert_non_null(message);
	for (size_t i = 0; i < bytes; i++)
		message[i] = (uint8_t)(i % 251);
	return message;
}

static void assert_hex(const uint8_t *out, const char *hex)
{
	char ours[2 * 131 + 1];

	assert_true(strlen(hex) < sizeof ours);
	assert_string_equal(sodium_bin2hex(ours, strlen(hex) + 1, out, strlen(hex) / 2), hex);
}

/* hash, keyed_hash, derive_key */
static const struct {
	size_t bytes;
	const char *digest[3];
} vectors[] = {
	{ 0,
	  { "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
	    "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26",
	    "2cc39783c223154fea8dfb7c1b1660f2ac2dcbd1c1de8277b0b0dd39b7e50d7d" } },
	{ 1,
	  { "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
	    "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b",
	    "b3e2e340a117a499c6cf2398a19ee0d29cca2bb7404c73063382693bf66cb06c" } },
	{ 64,
	  { "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98",
	    "ba8ced36f327700d213f120b1a207a3b8c04330528586f414d09f2f7d9ccb7e6",
	    "a5c4a7053fa86b64746d4bb688d06ad1f02a18fce9afd3e818fefaa7126bf73e" } },
	{ 65,
	  { "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee",
	    "c0a4edefa2d2accb9277c371ac12fcdbb52988a86edc54f0716e1591b4326e72",
	    "51fd05c3c1cfbc8ed67d139ad76f5cf8236cd2acd26627a30c104dfd9d3ff8a8" } },
	{ 1024,
	  { "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
	    "75c46f6f3d9eb4f55ecaaee480db732e6c2105546f1e675003687c31719c7ba4",
	    "7356cd7720d5b66b6d0697eb3177d9f8d73a4a5c5e968896eb6a689684302706" } },
	{ 1025,
	  { "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
	    "357dc55de0c7e382c900fd6e320acc04146be01db6a8ce7210b7189bd664ea69",
	    "effaa245f065fbf82ac186839a249707c3bddf6d3fdda22d1b95a3c970379bcb" } },
	{ 2049,
	  { "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030",
	    "9f29700902f7c86e514ddc4df1e3049f258b2472b6dd5267f61bf13983b78dd5",
	    "2ea477c5515cc3dd606512ee72bb3e0e758cfae7232826f35fb98ca1bcbdf273" } },
	{ 3073,
	  { "7124b49501012f81cc7f11ca069ec9226cecb8a2c850cfe644e327d22d3e1cd3",
	    "68dede9bef00ba89e43f31a6825f4cf433389fedae75c04ee9f0cf16a427c95a",
	    "72613c9ec9ff7e40f8f5c173784c532ad852e827dba2bf85b2ab4b76f7079081" } },
	{ 5121,
	  { "628bd2cb2004694adaab7bbd778a25df25c47b9d4155a55f8fbd79f2fe154cff",
	    "6ccf1c34753e7a044db80798ecd0782a8f76f33563accaddbfbb2e0ea4b2d024",
	    "b07f01e518e702f7ccb44a267e9e112d403a7b3f4883a47ffbed4b48339b3c34" } },
	{ 31744,
	  { "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47",
	    "efa53b389ab67c593dba624d898d0f7353ab99e4ac9d42302ee64cbf9939a419",
	    "39772aef80e0ebe60596361e45b061e8f417429d529171b6764468c22928e28e" } },
	{ 102400,
	  { "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085",
	    "1c35d1a5811083fd7119f5d5d1ba027b4d01c0c6c49fb6ff2cf75393ea5db4a7",
	    "4652cff7a3f385a6103b5c260fc1593e13c778dbe608efb092fe7ee69df6e9c6" } },
};

/* The whole extended output, in the three modes, of a message of 2049 bytes. */
static const char *const extended[3] = {
	"5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b687952256303096"
	"de31d71d74103403822a2e0bc1eb193e7aecc9643a76b7bbc0c9f9c52e8783aae9"
	"8764ca468962b5c2ec92f0c74eb5448d519713e09413719431c802f948dd5d9042"
	"5a4ecdadece9eb178d80f26efccae630734dff63340285adec2aed3b51073ad3",
	"9f29700902f7c86e514ddc4df1e3049f258b2472b6dd5267f61bf13983b78dd5f9"
	"a88abfefdfa1e00b418971f2b39c64ca621e8eb37fceac57fd0c8fc8e117d43b81"
	"447be22d5d8186f8f5919ba6bcc6846bd7d50726c06d245672c2ad4f61702c6464"
	"99ee1173daa061ffe15bf45a631e2946d616a4c345822f1151284712f76b2b0e",
	"2ea477c5515cc3dd606512ee72bb3e0e758cfae7232826f35fb98ca1bcbdf27316"
	"d8e9e79081a80b046b60f6a263616f33ca464bd78d79fa18200d06c7fc9bffd808"
	"cc4755277a7d5e09da0f29ed150f6537ea9bed946227ff184cc66a72a5f8c1e4bd"
	"8b04e81cf40fe6dc4427ad5678311a61f4ffc39d195589bdbc670f63ae70f4b6",
};

static void test_vectors(void **state)
{
	uint8_t *message = make_message(102400), out[131];

	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++)
		for (int mode = 0; mode < 3; mode++) {
			hash_once((enum reference_mode)mode, message, vectors[i].bytes, out, CENO_BLAKE3_BYTES);
			assert_hex(out, vectors[i].digest[mode]);
		}
	for (int mode = 0; mode < 3; mode++) {
		hash_once((enum reference_mode)mode, message, 2049, out, sizeof out);
		assert_hex(out, extended[mode]);
	}
	free(message);
}

static void assert_as_reference(enum reference_mode mode, const uint8_t *data, size_t bytes)
{
	struct reference_tree tree = reference(mode);
	struct reference_node root = reference_top(&tree, 0, data, bytes);
	uint8_t ours[96], theirs[96];

	hash_once(mode, data, bytes, ours, sizeof ours);
	reference_output(&root, 0, theirs, sizeof theirs);
	assert_memory_equal(ours, theirs, sizeof ours);
}

static void test_lengths(void **state)
{
	uint8_t *data = make_message(512 * CHUNK + 1);

	(void)state;
	randombytes_buf(data, 512 * CHUNK + 1);
	for (int mode = 0; mode < 3; mode++) {
		for (size_t n = 0; n <= 2 * CHUNK + 65; n += n < 130 ? 1 : 13)
			assert_as_reference((enum reference_mode)mode, data, n);
		for (size_t chunks = 1; chunks <= 40; chunks++)
			for (size_t n = chunks * CHUNK - 1; n <= chunks * CHUNK + 1; n++)
				assert_as_reference((enum reference_mode)mode, data, n);
		for (size_t chunks = 64; chunks <= 512; chunks *= 2)
			for (size_t n = chunks * CHUNK - 1; n <= chunks * CHUNK + 1; n++)
				assert_as_reference((enum reference_mode)mode, data, n);
	}
	free(data);
}

/* Contexts are hashed like messages: any length, more than one chunk too. */
static void test_contexts(void **state)
{
	static const size_t lengths[] = { 0, 1, 64, 65, 1024, 1025, 5000 };
	uint8_t text[5000], ours[32], theirs[32];

	(void)state;
	randombytes_buf(text, sizeof text);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct reference_tree tree = reference_start(REFERENCE_DERIVE, text, lengths[i]);
		struct reference_node root = reference_top(&tree, 0, (const uint8_t *)"abc", 3);
		struct ceno_blake3 hash;

		ceno_blake3_init_derive_key(&hash, lengths[i] ? text : NULL, lengths[i]);
		ceno_blake3_update(&hash, "abc", 3);
		ceno_blake3_final(&hash, ours, 32);
		reference_output(&root, 0, theirs, 32);
		assert_memory_equal(ours, theirs, 32);
	}
}

/* Takes data in pieces below `most` bytes, with an output read and thrown away now and then. */
static void hash_pieces(enum reference_mode mode, const uint8_t *data, size_t bytes, size_t most, uint8_t out[32])
{
	struct ceno_blake3 hash;

	start(&hash, mode);
	for (size_t at = 0, n; at < bytes; at += n) {
		n = randombytes_uniform((uint32_t)most);
		n = n < bytes - at ? n : bytes - at;
		ceno_blake3_update(&hash, n ? data + at : NULL, n);
		if (randombytes_uniform(8) == 0)
			ceno_blake3_final_at(&hash, at, out, 32);
	}
	ceno_blake3_final(&hash, out, 32);
}

static void test_pieces(void **state)
{
	static const size_t most[] = { 2, 3, 66, 130, 1026, 5000 };
	uint8_t *data = make_message(40 * CHUNK), once[32], pieces[32];
	struct ceno_blake3 hash;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		enum reference_mode mode = (enum reference_mode)(round % 3);
		size_t limit = most[round % COUNT(most)];
		size_t bytes = randombytes_uniform(limit < 100 ? 5 * CHUNK : 40 * CHUNK);

		hash_once(mode, data, bytes, once, 32);
		hash_pieces(mode, data, bytes, limit, pieces);
		assert_memory_equal(pieces, once, 32);
	}
	hash_once(REFERENCE_HASH, data, 3 * CHUNK + 5, once, 32);
	for (size_t cut = 0; cut <= 3 * CHUNK + 5; cut++) {
		start(&hash, REFERENCE_HASH);
		ceno_blake3_update(&hash, data, cut);
		ceno_blake3_update(&hash, data + cut, 3 * CHUNK + 5 - cut);
		ceno_blake3_final(&hash, pieces, 32);
		assert_memory_equal(pieces, once, 32);
	}
	free(data);
}

/* From any place, over the 2^32nd block and up to the end of the output; nothing
 * beside the range asked for is written. */
static void test_output(void **state)
{
	static const uint64_t places[] = { 0,
		                           1,
		                           31,
		                           63,
		                           64,
		                           65,
		                           1000,
		                           0x3fffffffc0 - 1,
		                           0x4000000000 - 7,
		                           0x4000000000,
		                           0x123456789abcdef0,
		                           UINT64_MAX - 200 };
	static const size_t lengths[] = { 0, 1, 64, 65, 128, 200 };
	uint8_t *data = make_message(3000), ours[202], theirs[200];
	struct reference_tree tree = reference(REFERENCE_KEYED);
	struct ceno_blake3 hash;

	(void)state;
	for (size_t bytes = 10; bytes <= 3000; bytes += 2990) { /* the root is a chunk, a parent */
		struct reference_node root = reference_top(&tree, 0, data, bytes);

		start(&hash, REFERENCE_KEYED);
		ceno_blake3_update(&hash, data, bytes);
		for (size_t i = 0; i < COUNT(places); i++)
			for (size_t k = 0; k < COUNT(lengths); k++) {
				memset(ours, 0x5a, sizeof ours);
				ceno_blake3_final_at(&hash, places[i], ours + 1, lengths[k]);
				reference_output(&root, places[i], theirs, lengths[k]);
				assert_memory_equal(ours + 1, theirs, lengths[k]);
				assert_int_equal(ours[0], 0x5a);
				assert_int_equal(ours[1 + lengths[k]], 0x5a);
			}
	}
	ceno_blake3_final(&hash, NULL, 0);
	free(data);
}

/* Puts a hash behind `chunks` chunks that were never hashed: the subtrees that would
 * wait are noise. */
static void skip_chunks(struct ceno_blake3 *hash, uint64_t chunks)
{
	hash->chunk = chunks;
	for (; chunks; chunks &= chunks - 1)
		randombytes_buf(hash->stack[hash->depth++], 32);
}

/* The output over the subtrees of `before` and a right edge below them. */
static void fold(const struct reference_tree *tree, const struct ceno_blake3 *before, unsigned down_to,
                 struct reference_node *edge)
{
	uint8_t right[32];

	for (unsigned i = before->depth; i-- > down_to;) {
		reference_cv(edge, right);
		*edge = reference_parent(tree, (const uint8_t *)before->stack[i], right);
	}
}

/* Chunk 2^32 - 1 closes 32 subtrees into one; chunk 2^32 stands beside it. */
static void test_many_chunks(void **state)
{
	uint8_t *data = make_message(CHUNK + 100), ours[32], theirs[32], left[32], right[32];

	(void)state;
	for (int mode = 0; mode < 3; mode++) {
		struct reference_tree tree = reference((enum reference_mode)mode);
		struct reference_node node = reference_chunk(&tree, 0xffffffff, data, CHUNK);
		struct reference_node last = reference_chunk(&tree, 0x100000000, data + CHUNK, 100);
		struct ceno_blake3 hash, before;

		start(&hash, (enum reference_mode)mode);
		skip_chunks(&hash, 0xffffffff);
		before = hash;
		assert_int_equal(before.depth, 32);
		ceno_blake3_update(&hash, data, CHUNK + 100);
		ceno_blake3_final(&hash, ours, 32);
		fold(&tree, &before, 0, &node);
		reference_cv(&node, left);
		reference_cv(&last, right);
		node = reference_parent(&tree, left, right);
		reference_output(&node, 0, theirs, 32);
		assert_memory_equal(ours, theirs, 32);
		assert_int_equal(hash.depth, 1);
	}
	free(data);
}

/* The last two chunks that a message of 2^64 - 1 bytes has: the stack is full. */
static void test_deepest(void **state)
{
	uint8_t *data = make_message(2 * CHUNK - 1), ours[32], theirs[32], cv[32];
	struct reference_tree tree = reference(REFERENCE_HASH);
	struct reference_node whole = reference_chunk(&tree, (1ull << 54) - 2, data, CHUNK);
	struct reference_node edge = reference_chunk(&tree, (1ull << 54) - 1, data + CHUNK, CHUNK - 1);
	struct ceno_blake3 hash, before;

	(void)state;
	start(&hash, REFERENCE_HASH);
	skip_chunks(&hash, (1ull << 54) - 2);
	before = hash;
	ceno_blake3_update(&hash, data, 2 * CHUNK - 1);
	assert_int_equal(hash.depth, CENO_BLAKE3_DEPTH);
	ceno_blake3_final(&hash, ours, 32);
	reference_cv(&whole, cv);
	memcpy(before.stack[before.depth++], cv, 32);
	fold(&tree, &before, 0, &edge);
	reference_output(&edge, 0, theirs, 32);
	assert_memory_equal(ours, theirs, 32);
	free(data);
}

static void test_fini(void **state)
{
	uint8_t *data = make_message(5000), out[100];
	struct ceno_blake3 hash, zero;

	(void)state;
	memset(&zero, 0, sizeof zero);
	start(&hash, REFERENCE_KEYED);
	ceno_blake3_update(&hash, data, 5000);
	ceno_blake3_final(&hash, out, sizeof out);
	ceno_blake3_fini(&hash);
	assert_memory_equal(&hash, &zero, sizeof hash);
	free(data);
}

/* 100 bytes of b3sum's output over the file, from its own process. */
static void run_b3sum(int file, int key_file, enum reference_mode mode, uint8_t out[100])
{
	char command[256];
	FILE *pipe;

	if (mode == REFERENCE_DERIVE)
		snprintf(command, sizeof command, "b3sum --raw -l 100 --derive-key '%s' /dev/fd/%d", context, file);
	else
		snprintf(command, sizeof command, "b3sum --raw -l 100 %s /dev/fd/%d </dev/fd/%d",
		         mode == REFERENCE_KEYED ? "--keyed" : "", file, key_file);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_int_equal(fread(out, 1, 100, pipe), 100);
	assert_int_equal(pclose(pipe), 0);
}

static int make_file(void)
{
	int fd = memfd_create("blake3", 0); /* b3sum inherits it */

	assert_true(fd >= 0);
	return fd;
}

static void write_file(int fd, const void *data, size_t bytes)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, data, bytes, 0), bytes);
}

static void test_b3sum(void **state)
{
	static const size_t fixed[] = { 0, 1, 64, 1024, 1025, 65536, 65537, 1 << 20, (1 << 20) + 1, 5 << 20 };
	uint8_t *data, ours[100], theirs[100];
	int file, key_file;

	(void)state;
	if (system("b3sum --version >/dev/null 2>&1") != 0) {
		printf("no b3sum on this machine (Debian package b3sum)\n");
		skip();
	}
	data = make_message(5 << 20);
	file = make_file();
	key_file = make_file();
	write_file(key_file, key, 32);
	for (unsigned i = 0; i < 20; i++) {
		size_t bytes = i < COUNT(fixed) ? fixed[i] : randombytes_uniform(3 << 20);

		randombytes_buf(data, bytes);
		write_file(file, data, bytes);
		for (int mode = 0; mode < 3; mode++) {
			hash_once((enum reference_mode)mode, data, bytes, ours, sizeof ours);
			run_b3sum(file, key_file, (enum reference_mode)mode, theirs);
			assert_memory_equal(ours, theirs, sizeof ours);
		}
	}
	close(file);
	close(key_file);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors), cmocka_unit_test(test_lengths), cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_pieces),  cmocka_unit_test(test_output),  cmocka_unit_test(test_many_chunks),
		cmocka_unit_test(test_deepest), cmocka_unit_test(test_fini),    cmocka_unit_test(test_b3sum),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
