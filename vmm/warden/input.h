/*
 * The files of a session: taken from regular files only, copied into the pack's
 * memfd while being hashed, under a deadline.
 *
 * The copy is what is hashed and what the guest sees (a large file's by a thread that
 * reads it in the pack, behind the copying: hasher.h), so a file that changes
 * afterwards changes nothing; one that changes, shrinks or grows while it is
 * read is refused, because then the copy is of no version of it.
 *
 *   add ... add -> plan -> step, step, ... -> done        close at any point
 */
#ifndef CENO_WARDEN_INPUT_H
#define CENO_WARDEN_INPUT_H

#include <sys/stat.h>
#include "hasher.h"
#include "pack.h"
#include "wire.h"

#define CENO_INPUT_STRETCH (64u << 10) /* read, hashed and written at a time */

struct ceno_input_file {
	int fd;             /* owned */
	struct stat before; /* when it was added */
};

struct ceno_inputs {
	uint32_t count;
	uint32_t next;              /* sorted index of the file being copied */
	uint64_t copied;            /* bytes of it done */
	uint64_t bytes;             /* of all files */
	uint64_t total_bytes;       /* of the pack, after plan */
	void *hash;                 /* EVP_MD_CTX of the file being copied; owned; the hasher's while it has the file */
	struct ceno_hasher *hasher; /* owned; NULL until a large file comes, and after the last */
	int beside;                 /* the hasher has the file being copied */
	uint32_t flags;             /* enum ceno_pack_flag, for the header */
	uint32_t buffered;          /* bytes of buffer that were ever used */
	int large_is_slow;          /* large pages are not asked for any more */
	uint8_t buffer[CENO_INPUT_STRETCH];
	uint32_t order[CENO_PACK_ENTRIES_MAX]; /* sorted index -> index in file[] */
	struct ceno_input_file file[CENO_PACK_ENTRIES_MAX];
	struct ceno_pack_entry entry[CENO_PACK_ENTRIES_MAX]; /* in order of arrival; sorted by plan */
};

/* An empty set, with the hash library warmed up. Returns NULL without memory. Free it by
 * ceno_inputs_free, which overwrites what was kept of the files. */
struct ceno_inputs *ceno_inputs_new(void);
void ceno_inputs_free(struct ceno_inputs *in);

/*
 * Adds one file. fd: moved, also on error. path: client-controlled, not
 * necessarily terminated, CENO_PACK_PATH_MAX bytes. mode: enum ceno_pack_mode and
 * permission bits. length: as the client's fstat said. limit: most bytes all
 * files may have together.
 * Returns 0, or CENO_SESSION_ERROR_ PATH, NOT_REGULAR (also a descriptor that is
 * a directory, FIFO, socket or device), UNREADABLE (not open for reading),
 * CHANGED (its length is not `length` any more), TOO_LARGE (limit, or too many).
 */
int ceno_inputs_add(struct ceno_inputs *in, int fd, const char *path, uint32_t mode, uint64_t length, uint64_t limit);

/*
 * Sorts the entries and fixes in->total_bytes.
 * culprit: set to the path at fault, CENO_PACK_PATH_MAX bytes.
 * Returns 0 or CENO_SESSION_ERROR_ DUPLICATE, PATH, TOO_LARGE, PROTOCOL (no argument block).
 */
int ceno_inputs_plan(struct ceno_inputs *in, char *culprit);

/*
 * Copies and hashes up to `budget` bytes into the pack, a memfd of in->total_bytes, or
 * hashes alone if pack is -1; blocks for the reads only. When the last file is done it writes entries and header.
 * Returns 1 more to do, 0 done, or -CENO_SESSION_ERROR_ UNREADABLE, CHANGED or
 * MEMORY; the file at fault is in->entry[in->next].
 */
int ceno_inputs_step(struct ceno_inputs *in, int pack, uint64_t budget);

/* No step will come any more: what hashes beside the caller is ended. Step does so itself when it is done or has failed. */
void ceno_inputs_stop(struct ceno_inputs *in);

/* SHA-256 over the pack's header and entries, and of the argument block's data. After step said done. */
int ceno_inputs_digest(struct ceno_inputs *in, uint8_t pack_sha256[32], uint8_t args_sha256[32]);

#endif
