/*
 * Session images: a directory becomes the same bytes whenever it is the same, what is read
 * back is what was there, and each reason to refuse an image is met with all else in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "guest-kernel/lib/ed25519.h"
#include "images/session/read.h"
#include "images/session/write.h"

static char base[] = "/tmp/ceno-image-XXXXXX", directory[64], output[64];
static struct ceno_image_maker maker = { .name = "test", .time_s = 1700000000, .seed = { 1 } };

static void put(const char *name, const char *text, size_t bytes, mode_t mode)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	f = fopen(path, "w");
	assert_non_null(f);
	if (bytes)
		assert_int_equal(fwrite(text, 1, bytes, f), bytes);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void put_link(const char *name, const char *target)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	assert_int_equal(symlink(target, path), 0);
}

static void remove_it(const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	assert_int_equal(remove(path), 0);
}

static void make_directory(const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static int setup(void **state)
{
	char from[128], to[128];
	char *large = calloc(1, CENO_IMAGE_LARGE + 5);

	(void)state;
	assert_non_null(mkdtemp(base));
	snprintf(directory, sizeof directory, "%s/d", base);
	snprintf(output, sizeof output, "%s/image", base);
	assert_int_equal(mkdir(directory, 0755), 0);
	assert_non_null(large);
	large[CENO_IMAGE_LARGE] = 'x';
	make_directory("bin");
	make_directory("bin/deep");
	make_directory("empty");
	put("bin/tool", "tool\n", 5, 0755);
	put("bin/deep/large", large, CENO_IMAGE_LARGE + 5, 0600);
	put("bin.conf", "tool\n", 5, 0644); /* equal bytes, and sorts between bin and bin/deep as a path */
	put("none", "", 0, 0444);
	put("z", "zz", 2, 0644);
	put_link("sh", "bin/tool");
	put_link("up", "bin/deep/../../z");
	snprintf(from, sizeof from, "%s/z", directory);
	snprintf(to, sizeof to, "%s/hard", directory);
	assert_int_equal(link(from, to), 0);
	free(large);
	ceno_ed25519_public_key(maker.public_key, maker.seed);
	return 0;
}

static void make(const char *path)
{
	struct ceno_tree tree;

	if (ceno_tree_read(&tree, directory) || ceno_image_write(&tree, &maker, path, NULL))
		fail_msg("%s", tree.message);
	ceno_tree_fini(&tree);
}

static int check(const char *path, struct ceno_image_file *file)
{
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	rc = ceno_image_file_open(file, fd);
	if (!rc)
		rc = ceno_image_file_data(file, fd, -1);
	close(fd);
	return rc;
}

static const struct ceno_image_entry *look_up(const struct ceno_image *image, const char *path)
{
	const struct ceno_image_entry *e = ceno_image_entry(image, 0);

	while (e && *path) {
		size_t bytes = strcspn(path, "/");

		e = ceno_image_find(image, e, path, bytes);
		path += bytes + (path[bytes] == '/');
	}
	return e;
}

static void test_round_trip(void **state)
{
	struct ceno_image_file file;
	const struct ceno_image_entry *e, *same;
	uint8_t sha256[32];
	char path[64];

	(void)state;
	make(output);
	assert_int_equal(check(output, &file), 0);
	assert_int_equal(file.image.count, 12);
	e = look_up(&file.image, "bin/deep/large");
	assert_non_null(e);
	assert_int_equal(e->length, CENO_IMAGE_LARGE + 5);
	assert_int_equal(e->offset % CENO_LARGE_PAGE, 0);
	assert_int_equal(e->mode, CENO_IMAGE_FILE | 0600);
	assert_string_equal(ceno_image_path(&file.image, (uint32_t)(e - file.image.entries), path, sizeof path),
	                    "/bin/deep/large");
	e = look_up(&file.image, "bin.conf");
	same = look_up(&file.image, "bin/tool");
	assert_int_equal(e->offset, same->offset); /* equal bytes are there once */
	assert_true(e->same || same->same);
	EVP_Digest("tool\n", 5, sha256, NULL, EVP_sha256(), NULL);
	assert_memory_equal(e->sha256, sha256, 32);
	assert_int_equal(look_up(&file.image, "hard")->offset, look_up(&file.image, "z")->offset);
	e = look_up(&file.image, "up");
	assert_int_equal(e->mode, CENO_IMAGE_LINK | 0777);
	assert_string_equal(file.image.names + e->offset, "bin/deep/../../z");
	assert_int_equal(look_up(&file.image, "empty")->length, 0);
	assert_int_equal(look_up(&file.image, "none")->offset, 0);
	assert_null(look_up(&file.image, "bin/too"));
	assert_null(look_up(&file.image, "bin/tools"));
	assert_int_equal(file.image.header->time_s, 1700000000);
	ceno_image_file_fini(&file);
}

static size_t slurp(const char *path, uint8_t **bytes)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(fstat(fd, &st), 0);
	*bytes = malloc((size_t)st.st_size);
	assert_int_equal(read(fd, *bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	return (size_t)st.st_size;
}

/* Another order of making, other times and owners' bits: the same bytes. Another key: the same id. */
static void test_same_bytes(void **state)
{
	uint8_t *first, *second;
	size_t bytes;
	struct ceno_image_file a, b;

	(void)state;
	make(output);
	bytes = slurp(output, &first);
	remove_it("bin/tool");
	put("new", "x", 1, 0644);
	put("bin/tool", "tool\n", 5, 0755);
	remove_it("new");
	make(output);
	assert_int_equal(slurp(output, &second), bytes);
	assert_memory_equal(first, second, bytes);
	free(second);
	assert_int_equal(check(output, &a), 0);
	maker.seed[0] = 2;
	ceno_ed25519_public_key(maker.public_key, maker.seed);
	make(output);
	maker.seed[0] = 1;
	ceno_ed25519_public_key(maker.public_key, maker.seed);
	assert_int_equal(check(output, &b), 0);
	assert_memory_equal(&a.id, &b.id, sizeof a.id);
	assert_memory_not_equal(a.image.header->signature, b.image.header->signature, 64);
	ceno_image_file_fini(&a);
	ceno_image_file_fini(&b);
	free(first);
}

static void expect_refused(const char *words)
{
	struct ceno_tree tree;
	struct ceno_image_header *h = NULL;

	if (!ceno_tree_read(&tree, directory))
		h = ceno_image_lay(&tree, &maker);
	assert_null(h);
	if (!strstr(tree.message, words))
		fail_msg("\"%s\" does not say \"%s\"", tree.message, words);
	ceno_tree_fini(&tree);
}

static void test_sources(void **state)
{
	char path[128], name[CENO_IMAGE_LINK_MAX + 2];
	struct ceno_tree tree;

	(void)state;
	snprintf(path, sizeof path, "%s/fifo", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_refused("/fifo is a FIFO");
	remove_it("fifo");
	put_link("out", "bin/../../etc/passwd");
	expect_refused("/out: a link points above the root");
	remove_it("out");
	put("a\nb", "", 0, 0644);
	expect_refused("control character");
	remove_it("a\nb");
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = 0;
	put_link("long", name);
	expect_refused("/long: the link's target is longer than 1023 bytes");
	remove_it("long");
	put("suid", "s", 1, 04755);
	snprintf(path, sizeof path, "%s/suid", directory);
	assert_int_equal(ceno_tree_read(&tree, directory), 0);
	assert_int_equal(tree.dropped_bits, 1);
	assert_string_equal(tree.first_dropped, "/suid");
	ceno_tree_fini(&tree);
	if (setxattr(path, "user.test", "1", 1, 0) == 0) {
		assert_int_equal(ceno_tree_read(&tree, directory), 0);
		assert_int_equal(tree.dropped_attributes, 1);
		ceno_tree_fini(&tree);
	} else {
		print_message("no extended attributes on this file system: %s\n", strerror(errno));
	}
	remove_it("suid");
	assert_int_equal(ceno_tree_read(&tree, "/nowhere/at/all"), -1);
	assert_non_null(strstr(tree.message, "/nowhere/at/all: No such file"));
	ceno_tree_fini(&tree);
}

/* ---- every reason to refuse one --------------------------------------------------- */

static struct ceno_image_header *head;
static struct ceno_image_entry *entries;
static char *names;
static uint8_t *whole;
static size_t whole_bytes;

/* /  /bin /bin.conf /empty /hard /none /sh /up /z  /bin/deep /bin/tool  /bin/deep/large */
enum { E_ROOT, E_BIN, E_CONF, E_EMPTY, E_HARD, E_NONE, E_SH, E_UP, E_Z, E_DEEP, E_TOOL, E_LARGE };

static void bad_magic(void)
{
	head->magic ^= 1;
}
static void bad_version(void)
{
	head->version = 2;
}
static void bad_size(void)
{
	head->total_bytes += CENO_PAGE;
}
static void bad_count(void)
{
	head->entry_count = 0;
}
static void bad_counts(void)
{
	head->entry_count = CENO_IMAGE_ENTRIES_MAX + 1;
}
static void bad_reserved(void)
{
	head->reserved[7] = 1;
}
static void bad_header_name(void)
{
	head->name[0] = '/';
}
static void bad_device(void)
{
	entries[E_Z].mode = 0020644;
}
static void bad_setuid(void)
{
	entries[E_TOOL].mode |= 04000;
}
static void bad_slash(void)
{
	names[entries[E_CONF].name + 3] = '/';
}
static void bad_dots(void)
{
	memcpy(names + entries[E_Z].name, ".", 1);
}
static void bad_control(void)
{
	names[entries[E_Z].name] = 27;
}
static void bad_nul(void)
{
	names[entries[E_BIN].name + 1] = 0;
}
static void bad_long(void)
{
	entries[E_Z].name_bytes = 256;
}
static void bad_gap(void)
{
	entries[E_CONF].name++;
}
static void bad_tail(void)
{
	head->names_bytes++;
}
static void bad_order(void)
{
	memcpy(names + entries[E_CONF].name, "aaa", 3);
}
static void bad_twice(void)
{
	memcpy(names + entries[E_UP].name, "sh", 2);
}
static void bad_loop(void)
{
	entries[E_DEEP].offset = E_BIN;
}
static void bad_parent(void)
{
	entries[E_TOOL].parent = E_EMPTY;
}
static void bad_own_parent(void)
{
	entries[E_DEEP].parent = E_DEEP;
}
static void bad_file_parent(void)
{
	entries[E_TOOL].parent = E_CONF;
}
static void bad_orphan(void)
{
	entries[E_DEEP].length = 0;
}
static void bad_root(void)
{
	entries[E_ROOT].mode = CENO_IMAGE_FILE | 0644;
}
static void bad_target(void)
{
	names[entries[E_SH].offset] = 1;
}
static void bad_escape(void)
{
	memcpy(names + entries[E_SH].offset, "../x/too", 8);
}
static void bad_outside(void)
{
	entries[E_LARGE].length = head->total_bytes;
}
static void bad_overlap(void)
{
	entries[E_LARGE].offset = entries[E_Z].same ? entries[E_HARD].offset : entries[E_Z].offset;
}
static void bad_unaligned(void)
{
	entries[E_CONF].offset += 8;
}
static void bad_empty(void)
{
	entries[E_NONE].offset = CENO_PAGE;
}
static void bad_same(void)
{
	entries[E_Z].same = E_CONF + 1;
}
static void bad_same_later(void)
{
	entries[E_CONF].same = E_LARGE + 1;
}
static void bad_same_length(void)
{
	entries[E_Z].length++;
}
static void bad_field(void)
{
	entries[E_EMPTY].sha256[0] = 1;
}
static void bad_link_field(void)
{
	entries[E_SH].same = 1;
}
static void bad_padding(void)
{
	((uint8_t *)head)[CENO_IMAGE_HEAD_BYTES(head->entry_count, head->names_bytes) - 1] = 1;
}
static void bad_content(void)
{
	head->time_s ^= 1;
}
static void bad_signature(void)
{
	head->signature[9] ^= 1;
}
static void bad_key(void)
{
	head->public_key[9] ^= 1;
}
static void bad_data(void)
{
	whole[entries[E_LARGE].offset + 100] = 1;
}
static void bad_hash(void)
{
	entries[E_LARGE].sha256[3] ^= 1;
}
static void bad_between(void)
{
	whole[entries[E_CONF].offset + 100] = 1;
}

static const struct {
	void (*spoil)(void);
	int error, sign;
} bad[] = {
	{ bad_magic, CENO_IMAGE_E_MAGIC, 0 },        { bad_version, CENO_IMAGE_E_VERSION, 0 },
	{ bad_size, CENO_IMAGE_E_SIZE, 0 },          { bad_count, CENO_IMAGE_E_COUNT, 0 },
	{ bad_counts, CENO_IMAGE_E_COUNT, 0 },       { bad_reserved, CENO_IMAGE_E_HEADER, 1 },
	{ bad_header_name, CENO_IMAGE_E_HEADER, 1 }, { bad_device, CENO_IMAGE_E_MODE, 1 },
	{ bad_setuid, CENO_IMAGE_E_MODE, 1 },        { bad_slash, CENO_IMAGE_E_NAME, 1 },
	{ bad_dots, CENO_IMAGE_E_NAME, 1 },          { bad_control, CENO_IMAGE_E_NAME, 1 },
	{ bad_nul, CENO_IMAGE_E_NAME, 1 },           { bad_long, CENO_IMAGE_E_LONG, 1 },
	{ bad_gap, CENO_IMAGE_E_NAMES, 1 },          { bad_tail, CENO_IMAGE_E_NAMES, 1 },
	{ bad_order, CENO_IMAGE_E_ORDER, 1 },        { bad_twice, CENO_IMAGE_E_ORDER, 1 },
	{ bad_loop, CENO_IMAGE_E_TREE, 1 },          { bad_parent, CENO_IMAGE_E_TREE, 1 },
	{ bad_own_parent, CENO_IMAGE_E_TREE, 1 },    { bad_file_parent, CENO_IMAGE_E_TREE, 1 },
	{ bad_orphan, CENO_IMAGE_E_TREE, 1 },        { bad_root, CENO_IMAGE_E_TREE, 1 },
	{ bad_target, CENO_IMAGE_E_LINK, 1 },        { bad_escape, CENO_IMAGE_E_ESCAPE, 1 },
	{ bad_outside, CENO_IMAGE_E_EXTENT, 1 },     { bad_overlap, CENO_IMAGE_E_EXTENT, 1 },
	{ bad_unaligned, CENO_IMAGE_E_EXTENT, 1 },   { bad_empty, CENO_IMAGE_E_EXTENT, 1 },
	{ bad_same, CENO_IMAGE_E_SAME, 1 },          { bad_same_later, CENO_IMAGE_E_SAME, 1 },
	{ bad_same_length, CENO_IMAGE_E_SAME, 1 },   { bad_field, CENO_IMAGE_E_FIELD, 1 },
	{ bad_link_field, CENO_IMAGE_E_FIELD, 1 },   { bad_padding, CENO_IMAGE_E_PADDING, 1 },
	{ bad_content, CENO_IMAGE_E_CONTENT, 0 },    { bad_signature, CENO_IMAGE_E_SIGNATURE, 0 },
	{ bad_key, CENO_IMAGE_E_SIGNATURE, 0 },      { bad_data, CENO_IMAGE_E_DATA, 0 },
	{ bad_hash, CENO_IMAGE_E_DATA, 1 },          { bad_between, CENO_IMAGE_E_PADDING, 0 },
};

static void test_refused(void **state)
{
	struct ceno_image_file file;
	char path[80];

	(void)state;
	make(output);
	snprintf(path, sizeof path, "%s/bad", base);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int rc;
		FILE *f = fopen(path, "w");

		whole_bytes = slurp(output, &whole);
		head = (struct ceno_image_header *)(void *)whole;
		entries = (struct ceno_image_entry *)(head + 1);
		names = (char *)(entries + head->entry_count);
		bad[i].spoil();
		if (bad[i].sign)
			ceno_image_sign(head, maker.seed, maker.public_key);
		assert_int_equal(fwrite(whole, 1, whole_bytes, f), whole_bytes);
		fclose(f);
		rc = check(path, &file);
		ceno_image_file_fini(&file);
		free(whole);
		if (rc != bad[i].error)
			fail_msg("case %zu: %d (%s), not %d", i, rc, ceno_image_error_text((uint32_t)rc), bad[i].error);
	}
}

/* What the node's checker writes is the image, whole. */
static void test_copy(void **state)
{
	struct ceno_image_file file;
	uint8_t *first, *second;
	char path[80];
	size_t bytes;
	int from, to;

	(void)state;
	make(output);
	snprintf(path, sizeof path, "%s/copy", base);
	from = open(output, O_RDONLY | O_CLOEXEC);
	to = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(ceno_image_file_open(&file, from), 0);
	assert_int_equal(ceno_image_file_data(&file, from, to), 0);
	ceno_image_file_fini(&file);
	close(from);
	close(to);
	bytes = slurp(output, &first);
	assert_int_equal(slurp(path, &second), bytes);
	assert_memory_equal(first, second, bytes);
	free(first);
	free(second);
	assert_int_equal(truncate(path, (off_t)bytes - 4096), 0);
	assert_int_equal(check(path, &file), CENO_IMAGE_E_SIZE);
	ceno_image_file_fini(&file);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(check(path, &file), CENO_IMAGE_E_MAGIC);
	ceno_image_file_fini(&file);
}

static int teardown(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", base);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_sources),
		cmocka_unit_test(test_refused),    cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
