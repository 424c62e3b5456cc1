/*
 * Files: one tree of inodes in RAM. The pack's entries are read-only leaves of
 * it; everything a program makes lives in frames of RAM until the session ends.
 *
 * There is one user. What the pack holds or implies belongs to root, so a program
 * finds it as an unprivileged user of a Linux machine does: EACCES, not EROFS. The
 * user may write in /, /tmp, /var/tmp, /dev/shm, in what it makes in them, and in its
 * working directory if the pack does not imply it.
 */
#ifndef CENO_MEMBRANE_VFS_H
#define CENO_MEMBRANE_VFS_H

#include "membrane.h"

#define CENO_PATH_MAX 4096
#define CENO_NAME_MAX 255
#define CENO_UID      1000u /* the one user, and its group */

enum ceno_inode_kind {
	CENO_INODE_DIR,
	CENO_INODE_FILE,
	CENO_INODE_PACK,
	CENO_INODE_LINK,
	CENO_INODE_DEVICE,
	CENO_INODE_TEXT,      /* constant text */
	CENO_INODE_GENERATED, /* text made when it is opened (procfs.c) */
	CENO_INODE_MAGIC,     /* a link whose target depends on the process (procfs.c) */
	CENO_INODE_FD_DIR,    /* /proc/<pid>/fd */
	CENO_INODE_PIPE,      /* from here on: not seekable, nlink one more than its names */
	CENO_INODE_STREAM,
	CENO_INODE_SOCKET,
	CENO_INODE_EVENT, /* eventfd, timerfd, signalfd, epoll */
	CENO_INODE_TIMER,
	CENO_INODE_SIGNALS,
	CENO_INODE_EPOLL
};

enum ceno_device { CENO_DEVICE_NULL, CENO_DEVICE_ZERO, CENO_DEVICE_RANDOM, CENO_DEVICE_TTY, CENO_DEVICE_FULL };

enum ceno_inode_trait {
	CENO_INODE_OF_PROC = 1,  /* made of a GENERATED one */
	CENO_INODE_LINKABLE = 2, /* has had no name yet, and may get one (O_TMPFILE) */
	CENO_INODE_SEALABLE = 4  /* seals may be added; from bit 8 on are those it has */
};

/* LX_F_SEAL_* of a file: those that it has, or that none may be added. */
static inline uint32_t ceno_seals(uint32_t traits)
{
	return traits & CENO_INODE_SEALABLE ? traits >> 8 : 1;
}

struct ceno_lock;
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
	uint32_t uses;           /* open files, working directories, names kept by them */
	uint32_t pages;          /* FILE: frames of data */
	uint8_t kind, owned;     /* owned: the user's, else root's */
	uint8_t device;          /* DEVICE: enum ceno_device; STREAM: enum of window.h; GENERATED, MAGIC: which; a DIR
	                 * of /proc: enum ceno_proc_dir */
	uint8_t height;          /* FILE: levels of tables above the data */
	uint32_t traits;         /* FILE: enum ceno_inode_trait */
	uint32_t changes;        /* of its readiness, so far */
	struct ceno_lock *locks; /* lock.c */
	union {
		uint64_t root;             /* FILE: frame of data or of the top table, 0 for none */
		struct ceno_stored stored; /* PACK */
		const char *text;          /* TEXT */
		char *target;              /* LINK: NUL-terminated, size + 1 bytes of ceno_pool_take */
		struct ceno_pipe *pipe;
		struct ceno_socket *socket;
		struct {
			uint64_t count;
			uint64_t semaphore;
		} event;
		struct {
			uint64_t deadline, interval; /* TSC, 0: off; cycles */
			uint64_t interval_ns;
		} timer;
		struct {
			uint64_t set; /* bit signal - 1 */
			struct ceno_inode *next;
		} signals;
		struct {
			struct ceno_watch *watches;
			struct ceno_inode *next;
		} epoll;
		struct {
			struct ceno_name *first, *last;
			struct ceno_inode *parent; /* counted in its uses once this was removed */
			struct ceno_name *name;    /* its own; NULL: the root, or removed */
			uint64_t next_cookie;
			uint32_t image; /* 1 + index of its entry in the image, until that was read (image.h); 0 */
		} dir;
	};
};

/* A directory entry; kept after its removal while an open file was opened by it. */
struct ceno_name {
	struct ceno_name *next, *previous; /* in its directory, in order of cookies */
	struct ceno_name *chain;           /* in its bucket */
	struct ceno_inode *dir, *inode;
	char *text;      /* not NUL-terminated */
	uint64_t cookie; /* position in a directory listing; never reused */
	uint32_t hash, uses;
	uint8_t length, removed;
};

struct ceno_walk;

/* ---- small records (inode.c) ---------------------------------------------- */

#define CENO_POOL_MAX 4096u

/* At most CENO_POOL_MAX zero bytes, 32-byte-aligned, in session RAM; NULL: all but the
 * program's reserve of RAM is in use. Given back with the same size, they serve records of that size. */
void *ceno_pool_take(uint32_t bytes);
void ceno_pool_give(void *at, uint32_t bytes);
/* A frame, unless only the program's reserve of RAM (a 32nd) is left: CENO_NO_FRAME. */
uint64_t ceno_pool_frame(void);

/* ---- inodes and names (inode.c) ------------------------------------------ */

/* No inode exists. Once per boot, before any other, after ceno_frames_init. */
void ceno_inodes_init(void);
struct ceno_inode *ceno_inode_root(void);
/* A new inode of the user without a name. NULL: no RAM. mode without the type. */
struct ceno_inode *ceno_inode_new(enum ceno_inode_kind kind, uint32_t mode);
/* Frees it if nothing names or uses it any more. */
void ceno_inode_settle(struct ceno_inode *inode);
/* Takes one use away, then the same. */
void ceno_inode_drop(struct ceno_inode *inode);
/* Whether the user may: want is a sum of 4 read, 2 write, 1 execute or search. */
int ceno_inode_may(const struct ceno_inode *inode, uint32_t want);
struct ceno_name *ceno_dir_find(struct ceno_inode *dir, const char *name, uint64_t length);
/* Adds a name; counts it in nlink. Returns 0 or -LX_ENOSPC. */
int ceno_dir_add(struct ceno_inode *dir, const char *name, uint64_t length, struct ceno_inode *inode);
/* Removes a name and frees the inode if that was its last use. */
void ceno_dir_remove(struct ceno_name *name);
/* Gives a name another directory and text. Returns 0 or -LX_ENOSPC, then nothing changed. */
int ceno_dir_move(struct ceno_name *name, struct ceno_inode *dir, const char *text, uint64_t length);
/* Two names change places. */
void ceno_dir_exchange(struct ceno_name *a, struct ceno_name *b);
/* The new inode (NULL: there was no room for it) under a walk's last name. Returns 0 or
 * -LX_ENOSPC, then the inode is freed. (dir.c) */
int64_t ceno_dir_new(struct ceno_walk *walk, struct ceno_inode *inode);
/* Names an inode that there is already by a path of the current process. Returns 0, -LX_EEXIST, or an
 * error of the walk. (dir.c) */
int ceno_dir_bind(const char *path, struct ceno_inode *inode);
/* One of the names that an inode has now; NULL: it has none. Looks at all there are. */
const struct ceno_name *ceno_inode_name(const struct ceno_inode *inode);
/* A name that somebody remembers: its path can be asked for after its removal. NULL is allowed. */
void ceno_name_hold(struct ceno_name *name);
void ceno_name_drop(struct ceno_name *name);
/* The absolute path of a name (NULL: the root), with a NUL, into out; *removed: it or a directory
 * above it is gone. Returns the length with the NUL, or -LX_ENAMETOOLONG. */
int64_t ceno_name_path(const struct ceno_name *name, char *out, uint64_t capacity, int *removed);
/* Nanoseconds since 1970, for time stamps. */
uint64_t ceno_inode_now(void);

/* ---- data of FILE inodes (tmpfs.c) --------------------------------------- */

/* A directory that was removed: nothing can be made in it. */
static inline int ceno_dir_removed(const struct ceno_inode *dir)
{
	return dir->nlink < 2;
}

#define CENO_FILE_MAX (64ull << 30)

/* The page of a file, or NULL if it is a hole; with create it is made (NULL: no RAM). */
void *ceno_inode_page(struct ceno_inode *inode, uint64_t page, int create);
/* Shrinks or grows. Returns 0, -LX_EFBIG, or -LX_EPERM: it is sealed. */
int ceno_inode_truncate(struct ceno_inode *inode, uint64_t size);
/* Makes holes of whole pages of [from, to), zeros of the rest. */
void ceno_inode_punch(struct ceno_inode *inode, uint64_t from, uint64_t to);
/* The first byte at or after offset that is data (hole 0) or in a hole (hole 1); the size if there is none. */
uint64_t ceno_inode_seek(struct ceno_inode *inode, uint64_t offset, int hole);
/* Bytes copied; a write may be short when RAM runs out (-LX_ENOSPC if nothing fits). */
int64_t ceno_inode_read(struct ceno_inode *inode, void *to, uint64_t bytes, uint64_t offset);
int64_t ceno_inode_write(struct ceno_inode *inode, const void *from, uint64_t bytes, uint64_t offset);

/* ---- paths (path.c) ------------------------------------------------------- */

struct ceno_file;

struct ceno_walk {
	struct ceno_inode *parent; /* directory of the last component */
	struct ceno_inode *inode;  /* what it names, or NULL */
	struct ceno_name *name;    /* the entry, NULL for "." ".." "/" */
	char last[CENO_NAME_MAX + 1];
	uint32_t last_length;   /* 0 for "/" */
	int must_be_dir;        /* trailing slash */
	struct ceno_file *file; /* not NULL: /proc/<pid>/fd/N */
	int32_t pid;            /* whose /proc/<pid> it lies in; 0 */
};

enum {
	CENO_WALK_NOFOLLOW = 1, /* the last component, unless a slash follows */
	CENO_WALK_EMPTY = 2,    /* an empty path is the directory itself, or any file */
	CENO_WALK_CHANGE = 4,   /* the last component is to be made or removed: never followed, any type */
	CENO_WALK_CREATE = 8    /* of a file: -LX_EISDIR if a slash follows the last component */
};

/* Resolves a path. path: NUL-terminated, may change. from: a directory, pid: whose it is if in /proc.
 * Returns 0 if the parent exists (walk->inode may be NULL), else -LX_ENOENT, -LX_ENOTDIR,
 * -LX_EACCES (a directory that may not be searched), -LX_ELOOP, -LX_ENAMETOOLONG. */
int ceno_path_walk(struct ceno_inode *from, const char *path, int flags, struct ceno_walk *walk);
/* The same for a system call's (dirfd, path) arguments; also -LX_EFAULT, -LX_EBADF. */
int ceno_path_user(uint64_t dirfd, uint64_t path_gva, int flags, struct ceno_walk *walk);
/* The same for a path that is here already, from the working directory. */
int ceno_path_text(const char *path, int flags, struct ceno_walk *walk);
void ceno_paths_init(void);
struct ceno_inode *ceno_path_cwd(void);
void ceno_path_cwd_set(struct ceno_inode *dir);
/* CENO_PATH_MAX bytes for a path that is made and used up within one call. */
char *ceno_path_scratch(void);
/* Makes missing directories of an absolute path, for the user or for root; returns the last or NULL. */
struct ceno_inode *ceno_path_make(const char *path, int owned);

/* Builds the tree from the pack and the files every program expects. Returns 0 or -LX_ENOMEM. */
int ceno_vfs_init(void);

/* ---- /proc (procfs.c) ------------------------------------------------------ */

enum ceno_proc_link { CENO_PROC_SELF, CENO_PROC_THREAD_SELF, CENO_PROC_EXE, CENO_PROC_CWD, CENO_PROC_ROOT };
/* DIRs of /proc that have entries beside their names: processes, threads. */
enum ceno_proc_dir { CENO_PROC_PLAIN, CENO_PROC_PIDS, CENO_PROC_TIDS };

/* Content of a GENERATED inode, of process pid (0: the current), as a new FILE inode without a
 * name. NULL: no RAM. */
struct ceno_inode *ceno_procfs_generate(uint8_t which, int32_t pid);
/* The target of a MAGIC link, NUL-terminated, into CENO_PATH_MAX bytes. Returns its length. */
int64_t ceno_procfs_target(uint8_t which, int32_t pid, char *out);
/* The directory of process or thread number `text` in such a DIR, with *pid set to the process; NULL. */
struct ceno_inode *ceno_procfs_find(const struct ceno_inode *dir, const char *text, uint64_t length, int32_t *pid);
/* The next number at or above `from` that such a DIR lists, or -1. */
int32_t ceno_procfs_next(const struct ceno_inode *dir, int32_t pid, int32_t from);
/* The descriptors of process pid (0: the current); NULL: it is gone. */
struct ceno_files;
struct ceno_files *ceno_procfs_files(int32_t pid);

/* A decimal number without sign or leading zeros that fits; else -1. */
int32_t ceno_number_parse(const char *text, uint64_t length);
/* Writes it, without a NUL; returns the digits. */
uint64_t ceno_number_put(char *out, uint64_t value);

#endif
