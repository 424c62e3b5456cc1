/*
 * Pack layout: sorting, offsets, header and argument block. See pack.h.
 *
 * Invariant after a successful plan: entries are strictly ascending, no file is
 * a directory of another, directories have no data, offsets are ascending, page-aligned, do not overlap
 * and end at or below total.
 */
#include "pack.h"

#include <string.h>

#define MODE_KNOWN (07777u | CENO_PACK_PROGRAM | CENO_PACK_INPUT)

static int component_ok(const char *part, size_t bytes)
{
	if (bytes == 0 || bytes > 255)
		return 0;
	if (part[0] == '.' && (bytes == 1 || (bytes == 2 && part[1] == '.')))
		return 0;
	for (size_t i = 0; i < bytes; i++)
		if ((unsigned char)part[i] < 0x20 || part[i] == 0x7f)
			return 0;
	return 1;
}

static int is_directory(const char *path)
{
	return path[strlen(path) - 1] == '/';
}

int ceno_pack_path_ok(const char *path)
{
	size_t bytes = strnlen(path, CENO_PACK_PATH_MAX);

	if (bytes == CENO_PACK_PATH_MAX)
		return 0;
	if (strcmp(path, CENO_PACK_ARGS) == 0)
		return 1;
	if (path[0] != '/')
		return 0;
	if (bytes > 1 && is_directory(path))
		bytes--;
	for (size_t start = 1, end; start <= bytes; start = end + 1) {
		for (end = start; end < bytes && path[end] != '/'; end++)
			;
		if (!component_ok(path + start, end - start))
			return 0;
	}
	return 1;
}

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) & ~(unit - 1);
}

/* Insertion by binary search; few entries, 256 bytes each. */
static void sort(struct ceno_pack_entry *entries, uint32_t count, uint32_t *source)
{
	for (uint32_t i = 1; i < count; i++) {
		struct ceno_pack_entry moved = entries[i];
		uint32_t from = source ? source[i] : 0, low = 0, high = i;

		while (low < high) {
			uint32_t mid = low + (high - low) / 2;

			if (strcmp(entries[mid].path, moved.path) <= 0)
				low = mid + 1;
			else
				high = mid;
		}
		memmove(&entries[low + 1], &entries[low], (i - low) * sizeof(*entries));
		entries[low] = moved;
		if (source) {
			memmove(&source[low + 1], &source[low], (i - low) * sizeof(*source));
			source[low] = from;
		}
	}
}

static int holds(const struct ceno_pack_entry *entries, uint32_t count, const char *path)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int order = strcmp(entries[mid].path, path);

		if (order == 0)
			return 1;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return 0;
}

/* Whether a directory that this path needs is itself an entry. */
static int under_a_file(const struct ceno_pack_entry *entries, uint32_t count, uint32_t i)
{
	char parent[CENO_PACK_PATH_MAX];
	size_t bytes = strlen(entries[i].path);

	memcpy(parent, entries[i].path, bytes + 1);
	while (bytes > 1) {
		bytes--;
		if (parent[bytes] != '/')
			continue;
		parent[bytes] = 0;
		if (holds(entries, count, parent))
			return 1;
	}
	return 0;
}

static int check_one(struct ceno_pack_entry *entry)
{
	size_t bytes;

	if (!ceno_pack_path_ok(entry->path) || (is_directory(entry->path) && entry->length))
		return CENO_PACK_ERROR_PATH;
	if (entry->mode & ~MODE_KNOWN || (is_directory(entry->path) && entry->mode & CENO_PACK_PROGRAM))
		return CENO_PACK_ERROR_MODE;
	bytes = strlen(entry->path);
	memset(entry->path + bytes, 0, sizeof(entry->path) - bytes);
	entry->reserved = 0;
	return 0;
}

static int place(struct ceno_pack_entry *entries, uint32_t count, uint64_t *total, uint32_t *culprit)
{
	uint64_t at = round_up(sizeof(struct ceno_pack_header) + count * sizeof(*entries), CENO_PAGE);

	for (uint32_t i = 0; i < count; i++) {
		*culprit = i;
		if (entries[i].length > CENO_PACK_MAX)
			return CENO_PACK_ERROR_SIZE;
		if (strcmp(entries[i].path, CENO_PACK_ARGS) == 0 && entries[i].length > CENO_ARGS_MAX)
			return CENO_PACK_ERROR_ARGS;
		if (entries[i].length >= CENO_PACK_LARGE)
			at = round_up(at, CENO_LARGE_PAGE);
		entries[i].offset = at;
		at = round_up(at + entries[i].length, CENO_PAGE);
		if (at > CENO_PACK_MAX)
			return CENO_PACK_ERROR_SIZE;
	}
	*total = at;
	return 0;
}

int ceno_pack_plan(struct ceno_pack_entry *entries, uint32_t count, uint32_t *source, uint64_t *total_bytes,
                   uint32_t *culprit)
{
	uint32_t ignored;
	uint32_t *at = culprit ? culprit : &ignored;

	*at = 0;
	if (count > CENO_PACK_ENTRIES_MAX)
		return CENO_PACK_ERROR_COUNT;
	for (uint32_t i = 0; i < count; i++) {
		int error = check_one(&entries[i]);

		*at = i;
		if (error)
			return error;
		if (source)
			source[i] = i;
	}
	sort(entries, count, source);
	for (uint32_t i = 0; i < count; i++) {
		*at = i;
		if (i > 0 && strcmp(entries[i - 1].path, entries[i].path) == 0)
			return CENO_PACK_ERROR_DUPLICATE;
		if (under_a_file(entries, count, i))
			return CENO_PACK_ERROR_DUPLICATE;
	}
	return place(entries, count, total_bytes, at);
}

void ceno_pack_header_format(struct ceno_pack_header *header, uint32_t count, uint64_t total_bytes, uint32_t flags)
{
	memset(header, 0, sizeof(*header));
	header->magic = CENO_PACK_MAGIC;
	header->abi_version = CENO_ABI_VERSION;
	header->count = count;
	header->total_bytes = total_bytes;
	header->flags = flags;
}

struct block {
	uint8_t *out;
	size_t used, capacity;
	int full;
};

static void append(struct block *block, const void *data, size_t bytes)
{
	if (block->full || bytes > block->capacity - block->used) {
		block->full = 1;
		return;
	}
	memcpy(block->out + block->used, data, bytes);
	block->used += bytes;
}

static uint32_t count_strings(const char *const *list)
{
	uint32_t count = 0;

	while (list && list[count])
		count++;
	return count;
}

int64_t ceno_pack_args_format(uint8_t *out, size_t capacity, const char *program, const char *const *argv,
                              const char *const *envp, const char *cwd)
{
	struct block block = { out, 0, capacity < CENO_ARGS_MAX ? capacity : CENO_ARGS_MAX, 0 };
	uint32_t counts[2] = { count_strings(argv), count_strings(envp) };

	if (counts[0] == 0 || program[0] != '/' || cwd[0] != '/')
		return CENO_PACK_ERROR_ARGS;
	append(&block, counts, sizeof(counts));
	append(&block, program, strlen(program) + 1);
	for (uint32_t i = 0; i < counts[0]; i++)
		append(&block, argv[i], strlen(argv[i]) + 1);
	for (uint32_t i = 0; i < counts[1]; i++)
		append(&block, envp[i], strlen(envp[i]) + 1);
	append(&block, cwd, strlen(cwd) + 1);
	return block.full ? CENO_PACK_ERROR_ARGS : (int64_t)block.used;
}

const char *ceno_pack_error_text(int error)
{
	switch (error) {
#define CENO_PACK_ERROR_CASE(name, number, text) \
	case number: \
		return text;
		CENO_PACK_ERRORS(CENO_PACK_ERROR_CASE)
#undef CENO_PACK_ERROR_CASE
	default:
		return "no error";
	}
}
