/*
 * Files: one tree of inodes in RAM. The pack's entries are read-only leaves of
 * it; everything a program makes lives in frames of RAM until the session ends.
 *
 * A directory that the pack implies is read-only. Writable are /, /tmp, /var/tmp,
 * /dev/shm, what a program makes in them, and its working directory if the pack
 * does not imply it.
 */
#ifndef CENO_MEMBRANE_VFS_H
#define CENO_MEMBRANE_VFS_H

#include "membrane.h"

#define CENO_PATH_MAX 4096
#define CENO_NAME_MAX 255

enum ceno_inode_kind {
	CENO_INODE_DIR,
	CENO_INODE_FILE,
	CENO_INODE_PACK,
	CENO_INODE_LINK,
	CENO_INODE_DEVICE,
	CENO_INODE_TEXT,      /* constant text */
	CENO_INODE_GENERATED, /* text made when it is opened (procfs.c) */
	CENO_INODE_FD_DIR,    /* /proc/self/fd */
	CENO_INODE_PIPE,
	CENO_INODE_STREAM
};

enum ceno_device { CENO_DEVICE_NULL, CENO_DEVICE_ZERO, CENO_DEVICE_RANDOM, CENO_DEVICE_TTY, CENO_DEVICE_FULL };

struct ceno_name;

/* Where the data of a PACK inode lies: in the pack, or in the image (pack.h). */
struct ceno_stored {
	uint64_t offset, length;
	uint32_t mode; /* permission bits | CENO_PACK_PROGRAM: may be executed */
};

struct ceno_inode {
	uint64_t number, size;
	uint64_t mtime, ctime, atime; /* ns since 1970 */
	uint32_t mode;                /* with LX_S_IFMT */
	uint32_t nlink;
	uint32_t uses; /* open files, working directory */
	uint8_t kind, read_only;
	uint8_t device; /* DEVICE: enum ceno_device; STREAM: enum of window.h; GENERATED: which */
	uint8_t height; /* FILE: levels of tables above the data */
	union {
		uint64_t root;             /* FILE: frame of data or of the top table, 0 for none */
		struct ceno_stored stored; /* PACK */
		const char *text;          /* TEXT */
		uint64_t target;           /* LINK: frame holding the NUL-terminated target */
		struct ceno_pipe *pipe;
		struct {
			struct ceno_name *first, *last;
			struct ceno_inode *parent;
			uint64_t next_cookie;
			uint32_t image; /* 1 + index of its entry in the image, until that was read (image.h); 0 */
		} dir;
	};
};

struct ceno_name {
	struct ceno_name *next, *previous;
	struct ceno_inode *inode;
	uint64_t cookie; /* position in a directory listing */
	uint8_t length;
	char text[CENO_NAME_MAX + 1];
};

/* ---- inodes and names (inode.c) ------------------------------------------ */

/* No inode exists. Once per boot, before any other. */
void ceno_inodes_init(void);
struct ceno_inode *ceno_inode_root(void);
/* A new inode without a name. NULL: no RAM. mode without the type. */
struct ceno_inode *ceno_inode_new(enum ceno_inode_kind kind, uint32_t mode);
/* Frees it if nothing names or uses it any more. */
void ceno_inode_settle(struct ceno_inode *inode);
struct ceno_name *ceno_dir_find(struct ceno_inode *dir, const char *name, uint64_t length);
/* Adds a name; counts it in nlink. Returns 0 or -LX_ENOSPC. */
int ceno_dir_add(struct ceno_inode *dir, const char *name, uint64_t length, struct ceno_inode *inode);
/* Removes a name and frees the inode if that was its last use. */
void ceno_dir_remove(struct ceno_inode *dir, struct ceno_name *name);
/* The absolute path of a directory, or of an inode named in one, into out.
 * Returns its length with the NUL, -LX_ENOENT if it was removed, -LX_ERANGE. */
int64_t ceno_dir_path(struct ceno_inode *dir, const char *leaf, char *out, uint64_t capacity);
/* Nanoseconds since 1970, for time stamps. */
uint64_t ceno_inode_now(void);

/* ---- data of FILE inodes (tmpfs.c) --------------------------------------- */

#define CENO_FILE_MAX (64ull << 30)

/* The page of a file, or NULL if it is a hole; with create it is made (NULL: no RAM). */
void *ceno_inode_page(struct ceno_inode *inode, uint64_t page, int create);
/* Shrinks or grows. Returns 0, -LX_EFBIG. */
int ceno_inode_truncate(struct ceno_inode *inode, uint64_t size);
/* Bytes copied; a write may be short when RAM runs out (-LX_ENOSPC if nothing fits). */
int64_t ceno_inode_read(struct ceno_inode *inode, void *to, uint64_t bytes, uint64_t offset);
int64_t ceno_inode_write(struct ceno_inode *inode, const void *from, uint64_t bytes, uint64_t offset);

/* ---- paths (path.c) ------------------------------------------------------- */

struct ceno_walk {
	struct ceno_inode *parent; /* directory of the last component */
	struct ceno_inode *inode;  /* what it names, or NULL */
	struct ceno_name *name;    /* the entry, NULL for "." ".." "/" */
	char last[CENO_NAME_MAX + 1];
	uint32_t last_length; /* 0 for "/" */
	int must_be_dir;      /* trailing slash */
	int fd;               /* >= 0: /proc/self/fd/N */
};

enum { CENO_WALK_NOFOLLOW = 1, CENO_WALK_EMPTY = 2 };

/* Resolves a path. path: NUL-terminated, may change. from: a directory.
 * Returns 0 if the parent exists (walk->inode may be NULL), else -LX_ENOENT,
 * -LX_ENOTDIR, -LX_ELOOP, -LX_ENAMETOOLONG. */
int ceno_path_walk(struct ceno_inode *from, const char *path, int flags, struct ceno_walk *walk);
/* The same for a system call's (dirfd, path) arguments; also -LX_EFAULT, -LX_EBADF. */
int ceno_path_user(uint64_t dirfd, uint64_t path_gva, int flags, struct ceno_walk *walk);
void ceno_paths_init(void);
struct ceno_inode *ceno_path_cwd(void);
void ceno_path_cwd_set(struct ceno_inode *dir);
/* Makes missing directories of an absolute path; returns the last or NULL. */
struct ceno_inode *ceno_path_make(const char *path, int read_only);

/* Builds the tree from the pack and the files every program expects. Returns 0 or -LX_ENOMEM. */
int ceno_vfs_init(void);
/* /proc: content of a GENERATED inode as a new FILE inode without a name. NULL: no RAM. */
struct ceno_inode *ceno_procfs_generate(uint8_t which);
enum { CENO_PROC_MAPS, CENO_PROC_MEMINFO, CENO_PROC_STAT, CENO_PROC_STATUS, CENO_PROC_CMDLINE, CENO_PROC_UPTIME };
/* Points /proc/self/exe at a path shorter than CENO_PATH_MAX. */
void ceno_procfs_exe_set(const char *path);

#endif
