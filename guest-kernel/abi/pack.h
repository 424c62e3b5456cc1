/*
 * The pack: program, inputs and argument block of one session in one read-only
 * slot, laid out by the warden from regular files only.
 *
 *   [header][entry]*count, padded to a page, then each entry's data, page-aligned,
 *   zero-padded to the next page. Entries are sorted by path (memcmp over the
 *   NUL-terminated bytes), no two equal. Data of 1 MiB or more starts on a 2 MiB
 *   boundary of the slot so that large mappings are possible.
 *
 * Paths are absolute ("/in/patients.csv", "/bin/busybox"), without "//", "." or
 * ".." components, except the one entry CENO_PACK_ARGS. One that ends in "/" is a
 * directory without data ("/in/empty/"): directories of files need no entry.
 */
#ifndef CENO_ABI_PACK_H
#define CENO_ABI_PACK_H

#include "layout.h"

#define CENO_PACK_MAGIC 0x314b434150544f4eull /* "NOTPACK1" */
#define CENO_PACK_ENTRIES_MAX 1024u
#define CENO_PACK_PATH_MAX 200u               /* with the NUL */

/* Entry whose data is the argument block of the first program:
 * u32 argc, u32 envc, then path of the program, argv[], envp[] and the working
 * directory, each NUL-terminated, nothing after. */
#define CENO_PACK_ARGS ".args"
#define CENO_PACK_ARGS_MODE 0400u
#define CENO_ARGS_MAX (128u << 10)

enum ceno_pack_mode {               /* low 12 bits: st_mode permission bits */
	CENO_PACK_PROGRAM = 1u << 16,   /* measured as `program`: may be executed */
	CENO_PACK_INPUT   = 1u << 17
};

struct ceno_pack_entry {
	char     path[CENO_PACK_PATH_MAX];
	uint32_t mode;              /* permission bits | enum ceno_pack_mode */
	uint32_t reserved;
	uint64_t offset;            /* from the pack's start, page-aligned */
	uint64_t length;            /* bytes, exact */
	uint8_t  sha256[32];        /* of the data */
};
_Static_assert(sizeof(struct ceno_pack_entry) == 256, "pack entry");

enum ceno_pack_flag {
	CENO_PACK_NATIVE = 1u << 0      /* the program is a native file (native.h): init runs it, no membrane */
};

struct ceno_pack_header {
	uint64_t magic;
	uint32_t abi_version;
	uint32_t count;
	uint64_t total_bytes;       /* slot length, page multiple */
	uint32_t flags;             /* enum ceno_pack_flag */
	uint8_t  reserved[36];
};
_Static_assert(sizeof(struct ceno_pack_header) == 64, "pack header");

#endif
