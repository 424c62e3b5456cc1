/*
 * Layout of a pack (guest-kernel/abi/pack.h): which entry lies where.
 *
 * Pure: bytes in, bytes out, no descriptor and no allocation. Whoever writes a
 * pack fills path, mode and length of its entries, calls ceno_pack_plan, then
 * copies each file to its offset while hashing and puts the hash into the entry.
 * Everything between the parts is zero.
 *
 *   entries[i] filled -> ceno_pack_plan -> sorted, offsets set, total known
 *                     -> header at 0, entries at sizeof header, data at offsets
 */
#ifndef CENO_WARDEN_PACK_H
#define CENO_WARDEN_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "../../guest-kernel/abi/pack.h"

#define CENO_PACK_ERRORS(X) \
	X(PATH, -1, "not a usable path for a pack entry") \
	X(DUPLICATE, -2, "two entries of one path, or a file where another needs a directory") \
	X(COUNT, -3, "too many entries") \
	X(SIZE, -4, "the pack would be larger than allowed") \
	X(MODE, -5, "unknown mode bits") \
	X(ARGS, -6, "the argument block is too long, or a part of it is missing")

enum ceno_pack_error {
#define CENO_PACK_ERROR_ENUM(name, number, text) CENO_PACK_ERROR_##name = number,
	CENO_PACK_ERRORS(CENO_PACK_ERROR_ENUM)
#undef CENO_PACK_ERROR_ENUM
};

/* Data of at least this many bytes starts on a large-page boundary. */
#define CENO_PACK_LARGE (1ull << 20)

/*
 * Whether a path may stand in a pack: absolute, no "//", "." or "..", not "/" itself,
 * no control byte, shorter than CENO_PACK_PATH_MAX; or CENO_PACK_ARGS.
 * path: client-controlled, NUL-terminated within CENO_PACK_PATH_MAX bytes or refused.
 * Returns 1 or 0.
 */
int ceno_pack_path_ok(const char *path);

/*
 * Sorts entries and gives each its offset.
 * entries: count of them, borrowed; path (zero-padded here), mode and length are
 *   read and client-controlled, reserved is zeroed, offset is set, sha256 is moved along.
 * source: NULL, or count numbers that are set to each sorted entry's index before the call.
 * total_bytes: set to the pack's length, a page multiple.
 * Returns 0, or an enum ceno_pack_error: PATH (or a directory with data), DUPLICATE, COUNT (more than
 * CENO_PACK_ENTRIES_MAX), SIZE (over CENO_PACK_MAX or overflowing), MODE. On failure
 * entries may be in another order, *total_bytes is not set, and *culprit, if not NULL,
 * is the index (in the order as it is then) of the entry at fault.
 */
int ceno_pack_plan(struct ceno_pack_entry *entries, uint32_t count, uint32_t *source, uint64_t *total_bytes,
                   uint32_t *culprit);

/* Writes the header for what ceno_pack_plan returned. header: set whole. flags: enum ceno_pack_flag. */
void ceno_pack_header_format(struct ceno_pack_header *header, uint32_t count, uint64_t total_bytes, uint32_t flags);

/*
 * Writes an argument block (CENO_PACK_ARGS): u32 argc, u32 envc, program, argv[],
 * envp[], cwd, each NUL-terminated.
 * out: capacity bytes, borrowed. argv, envp: NULL-terminated; argv needs one string.
 * program, cwd: absolute paths inside the guest.
 * Returns the block's length, or CENO_PACK_ERROR_ARGS if it does not fit into capacity
 * or CENO_ARGS_MAX, or argv is empty, or a path is not absolute.
 */
int64_t ceno_pack_args_format(uint8_t *out, size_t capacity, const char *program, const char *const *argv,
                              const char *const *envp, const char *cwd);

/* The text of an enum ceno_pack_error. Never NULL. */
const char *ceno_pack_error_text(int error);

#endif
