/*
 * A session image: a tree of read-only files in one slot (CENO_GPA_IMAGE), mapped as
 * it is stored. Made by `ceno image build`, checked and hashed once per node, shared by
 * its sessions; a guest finds the session's own pack and its RAM above it.
 *
 *   [header page][entry]*count[names], zeros to the next page, then the data of each file,
 *   page-aligned, zeros to the next page; data of 1 MiB or more begins on a 2 MiB boundary
 *   of the slot, so that large mappings are possible.
 *
 * Entries. Entry 0 is the root directory. The children of a directory follow one another,
 * sorted by name (bytes, unsigned; a name before a longer one that begins with it), no two
 * equal; the directories' children come in the order of the directories: so the first child
 * of each directory is where the children before it end, every entry but the root has one
 * parent with a smaller index, and nothing can be a part of itself.
 *
 * Names. For each entry in order its name and a NUL, and for a symbolic link its target and
 * a NUL: every byte of the names belongs to one entry.
 *
 * Data. Each file that is not empty has its place, the next free one in the order of the
 * entries, or is the same as an earlier file (a hard link, or equal bytes).
 *
 * So one tree of files has one image, byte for byte. There are files, directories and
 * symbolic links, with permission bits; all belong to the super-user, and have one time.
 *
 * The content id (kind image of docs/content-id.md) covers header, entries and names, with
 * content_id, public_key and signature taken as zero; the entries carry the SHA-256 of the
 * data. The signature is Ed25519 over CENO_IMAGE_DOMAIN with its NUL, then the 35 bytes of
 * the content id: who signed it is no part of what it is.
 *
 * The version is the format's own, not the ABI's: images outlive the guests that read them.
 * Bump it whenever an offset, a meaning or an order changes; readers refuse any other.
 */
#ifndef CENO_ABI_IMAGE_H
#define CENO_ABI_IMAGE_H

#include "layout.h"

#define CENO_IMAGE_MAGIC       0x31474d49544f4e43ull /* "CNOTIMG1" */
#define CENO_IMAGE_VERSION     1u
#define CENO_IMAGE_DOMAIN      "CENO/v1/image"
#define CENO_IMAGE_BYTES_MAX   (16ull << 30)
#define CENO_IMAGE_ENTRIES_MAX (1u << 17)
#define CENO_IMAGE_NAMES_MAX   (16u << 20)
#define CENO_IMAGE_NAME_MAX    255u                  /* of one name, without the NUL */
#define CENO_IMAGE_LINK_MAX    1023u                 /* of a link's target, likewise */
#define CENO_IMAGE_DEPTH_MAX   32u                   /* directories above an entry, the root included */
#define CENO_IMAGE_LARGE       (1ull << 20)          /* data of so many bytes begins on a large page */

struct ceno_image_header {
	uint64_t magic;
	uint32_t version;
	uint32_t entry_count;       /* at least 1 */
	uint64_t total_bytes;       /* of the file and of the slot, page multiple */
	uint32_t names_bytes;
	uint32_t reserved0;
	int64_t  time_s;            /* seconds since 1970, the time of every file in it; not negative */
	char     name[64];          /* what its maker calls it: a-z 0-9 . _ -, NUL-padded */
	uint8_t  content_id[32];    /* digest of its content id */
	uint8_t  public_key[32];    /* whose signature it is */
	uint8_t  signature[64];
	uint8_t  reserved[4096 - 40 - 64 - 32 - 32 - 64];
};
_Static_assert(sizeof(struct ceno_image_header) == 4096, "image header");

enum ceno_image_type {          /* st_mode's */
	CENO_IMAGE_TYPE = 0170000,
	CENO_IMAGE_DIR  = 0040000,
	CENO_IMAGE_FILE = 0100000,
	CENO_IMAGE_LINK = 0120000       /* its permission bits are 0777 */
};

struct ceno_image_entry {
	uint32_t name;              /* byte of the names where its name begins; root: empty name */
	uint16_t name_bytes;        /* without the NUL */
	uint16_t mode;              /* enum ceno_image_type | 0777 at most */
	uint64_t offset;            /* file: of its data from the image's start, 0 if it is empty
	                             * link: byte of the names where its target begins
	                             * directory: index of its first child, also if it has none */
	uint64_t length;            /* file: bytes; link: bytes of the target; directory: children */
	uint32_t same;              /* file: 0, or 1 + index of the earlier file whose data it shares */
	uint32_t parent;            /* index of its directory; root: 0 */
	uint8_t  sha256[32];        /* file: of its data; else zeros */
};
_Static_assert(sizeof(struct ceno_image_entry) == 64, "image entry");

/* Where names and data begin. */
#define CENO_IMAGE_NAMES_OFFSET(count) (CENO_PAGE + (uint64_t)(count) * sizeof(struct ceno_image_entry))
#define CENO_IMAGE_HEAD_BYTES(count, names) \
	((CENO_IMAGE_NAMES_OFFSET(count) + (names) + CENO_PAGE - 1) & ~(CENO_PAGE - 1))

/* Why bytes are no image: the first that holds, entry by entry. Stable numbers. */
#define CENO_IMAGE_ERRORS(X) \
	X(MAGIC,     1, "it is not an image")                                                 \
	X(VERSION,   2, "it is of another version of the image format")                       \
	X(SIZE,      3, "its length is not what its header says, or larger than 16 GiB")      \
	X(COUNT,     4, "it has no entry, more than 131072, or more than 16 MiB of names")    \
	X(HEADER,    5, "its name or time is not usable, or a reserved byte is not zero")     \
	X(MODE,      6, "an entry is no file, directory or link, or has more than permission bits") \
	X(NAME,      7, "a name is empty, a dot, a double dot, or has a slash or a control character") \
	X(LONG,      8, "a name is longer than 255 bytes, or a link's target than 1023")      \
	X(NAMES,     9, "the names do not follow one another as the entries do")              \
	X(ORDER,     10, "names of a directory are not sorted, or one is there twice")        \
	X(TREE,      11, "an entry is in no directory, in two, or in itself")                 \
	X(DEPTH,     12, "directories are more than 32 deep")                                 \
	X(LINK,      13, "a link's target is empty or has a control character")               \
	X(ESCAPE,    14, "a link points above the root")                                      \
	X(EXTENT,    15, "a file's data lies outside, over another's or where none is due")   \
	X(SAME,      16, "a file shares data with something that is not an earlier equal file") \
	X(FIELD,     17, "an entry has a field that its type does not have")                  \
	X(PADDING,   18, "bytes between the parts are not zero")                              \
	X(CONTENT,   19, "its entries do not have the content id of its header")              \
	X(SIGNATURE, 20, "its signature is not that of the key it names")                     \
	X(DATA,      21, "a file's data does not have the hash of its entry")

enum ceno_image_error {
	CENO_IMAGE_OK,
#define CENO_IMAGE_ERROR_ENUM(name, number, text) CENO_IMAGE_E_##name = number,
	CENO_IMAGE_ERRORS(CENO_IMAGE_ERROR_ENUM)
#undef CENO_IMAGE_ERROR_ENUM
	CENO_IMAGE_E_END
};

#endif
