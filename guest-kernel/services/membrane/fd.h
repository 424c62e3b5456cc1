/*
 * File descriptors and open files. A descriptor is a number of a process's; an open
 * file is what dup and fork share. Tables and files are records in session RAM.
 */
#ifndef CENO_MEMBRANE_FD_H
#define CENO_MEMBRANE_FD_H

#include "vfs.h"

#define CENO_FDS 1024

struct ceno_file {
	struct ceno_inode *inode; /* counted in its uses */
	struct ceno_name *name;   /* it was opened by; held; NULL: none */
	uint64_t position;
	uint32_t flags; /* LX_O_* */
	uint32_t refs;  /* descriptors, and messages it is in */
	int32_t pid;    /* whose /proc/<pid> it lies in; 0 */
	int32_t owner;  /* F_SETOWN: kept, and gets nothing */
};

struct ceno_files {
	uint32_t uses;     /* processes */
	uint32_t *slot;    /* CENO_FDS of them, a frame: 0 closed, else where the file is, and close-on-exec */
	const void *waits; /* owner of the lock that a fcntl(F_SETLKW) of it waits for (lock.c) */
};

/* ---- tables of descriptors ---------------------------------------------------- */

/* A table without descriptors. NULL: no RAM. */
struct ceno_files *ceno_files_new(void);
/* Another with the same open files (fork). NULL: no RAM. */
struct ceno_files *ceno_files_copy(const struct ceno_files *from);
/* Takes one use away; the last closes everything. */
void ceno_files_put(struct ceno_files *files);
/* Closes what is marked close-on-exec. */
void ceno_files_exec(struct ceno_files *files);
/* The open file of a descriptor (any value), or NULL. */
struct ceno_file *ceno_files_at(const struct ceno_files *files, int32_t fd);

/* The first process of a request: 0, 1, 2 on the host's streams, its directory the root.
 * Returns 0 or -LX_ENOMEM. */
struct ceno_process;
int ceno_files_start(struct ceno_process *process);
/* ---- descriptors of the current process ----------------------------------------- */

struct ceno_file *ceno_fd_file(int32_t fd);
/* A new open file of inode on the lowest free descriptor at or above `from`. name: how it was
 * opened, or NULL. Returns it, -LX_EMFILE or -LX_ENFILE; on failure the inode is settled. */
int64_t ceno_fd_open(struct ceno_inode *inode, struct ceno_name *name, uint32_t flags, int32_t from);
/* Whether one more descriptor can be had. */
int ceno_fd_room(void);
/* Another descriptor for an open file. Returns it or -LX_EMFILE. */
int64_t ceno_fd_add(struct ceno_file *file, int cloexec, int32_t from);
int64_t ceno_fd_close(int32_t fd);
/* Takes one reference away; the last closes the file. */
void ceno_file_put(struct ceno_file *file);

int ceno_file_readable(const struct ceno_file *file);
int ceno_file_writable(const struct ceno_file *file);
int ceno_file_seekable(const struct ceno_file *file);

#define CENO_TRANSFER_MAX 0x7ffff000ull /* bytes that one call moves at most, as in Linux */

/* Reading and writing through an open file into membrane's own memory, without waiting.
 * offset: NULL, or where (the file's own position is not used). Return bytes (fewer than
 * asked: no more now), 0 at the end, -LX_EAGAIN: it would have to wait, or another -errno. */
int64_t ceno_file_read(struct ceno_file *file, void *to, uint64_t bytes, uint64_t *offset);
int64_t ceno_file_write(struct ceno_file *file, const void *from, uint64_t bytes, uint64_t *offset);
/* What the current task waits for before it tries again (task.h), when a file would have to wait and
 * `moved` bytes were moved: the result of its call. */
int64_t ceno_file_wait(struct ceno_file *file, int64_t moved);
const void *ceno_file_key(const struct ceno_file *file);
/* A file's readiness may be another: who waits for it looks again. */
void ceno_file_changed(struct ceno_inode *inode);
/* LX_POLL* bits that hold now. (poll.c) */
uint32_t ceno_file_poll(const struct ceno_file *file);
/* Checks an iovec array: *sum of its bytes, at most CENO_TRANSFER_MAX. Returns 0, -LX_EINVAL, -LX_EFAULT. */
int64_t ceno_user_vector(uint64_t gva, uint64_t count, uint64_t *sum);

/* ---- locks (lock.c) --------------------------------------------------------------- */

int64_t ceno_lock_fcntl(struct ceno_file *file, uint32_t command, uint64_t gva);
/* A descriptor of the inode was closed: the locks of its process on it are gone. */
void ceno_lock_closed(struct ceno_inode *inode, const struct ceno_files *files);
/* An open file is gone, and its locks. */
void ceno_lock_released(struct ceno_file *file);

/* ---- pipes (pipe.c) ----------------------------------------------------------------- */

#define CENO_PIPE_ORDER 4u /* 64 KiB, as in Linux */

struct ceno_ring {
	uint8_t *at; /* 2^order pages, or NULL: nothing was written yet */
	uint32_t order, head, tail;
};

uint32_t ceno_ring_bytes(const struct ceno_ring *ring);
uint32_t ceno_ring_room(const struct ceno_ring *ring);
/* Bytes taken out; bytes put in, -LX_EAGAIN: it is full, -LX_ENOMEM. */
uint32_t ceno_ring_get(struct ceno_ring *ring, void *to, uint64_t bytes);
int64_t ceno_ring_put(struct ceno_ring *ring, const void *from, uint64_t bytes);
/* Takes out bytes that are there. */
void ceno_ring_skip(struct ceno_ring *ring, uint32_t bytes);
void ceno_ring_free(struct ceno_ring *ring);

struct ceno_pipe {
	struct ceno_ring ring;
	uint32_t readers, writers;
	uint32_t opened_read, opened_write; /* how often so far */
};

void ceno_pipe_open(struct ceno_pipe *pipe, uint32_t flags);
void ceno_pipe_close(struct ceno_inode *inode, uint32_t flags);
int64_t ceno_pipe_read(struct ceno_file *file, void *to, uint64_t bytes);
int64_t ceno_pipe_write(struct ceno_file *file, const void *from, uint64_t bytes);
/* Whether a write of so many bytes can begin: all of it if it must be atomic; or fails at once. */
int ceno_pipe_room(const struct ceno_pipe *pipe, uint64_t bytes);
/* Reads without taking, from offset of what is there. */
int64_t ceno_pipe_peek(struct ceno_file *file, uint64_t offset, void *to, uint64_t bytes);
/* The size it has then, -LX_EINVAL, -LX_EPERM, -LX_EBUSY or -LX_ENOMEM. */
int64_t ceno_pipe_resize(struct ceno_inode *inode, uint64_t bytes);
/* LX_POLL* bits that hold now. */
uint32_t ceno_pipe_poll(const struct ceno_file *file);

/* ---- sockets (socket.c, unix.c, message.c; socket.h) ------------------------------------ */

#define CENO_SOCKET_NAME 109u /* bytes: a path and its NUL, or an abstract name */

struct ceno_rights;

struct ceno_socket {
	struct ceno_ring in;
	struct ceno_rights *rights; /* what comes with bytes of `in`, in their order */
	struct ceno_inode *peer;    /* it writes to; counted in its uses; closed if that has no socket any more */
	struct ceno_inode *first,
	    *next;                   /* LISTENING: connections that nobody accepted yet, counted; the next of those */
	struct ceno_inode *inode;    /* its own */
	struct ceno_socket *another; /* the next of all there are (socket.h) */
	uint32_t type;               /* LX_SOCK_* */
	uint32_t waiting, backlog;   /* connections of `first`; more than backlog have to wait */
	uint32_t pid;                /* who made the other side; LISTENING: who listens */
	uint8_t no_more, shut;       /* nothing will come; nothing may be sent */
	uint8_t listening, bound;
	uint8_t name_bytes; /* 0: none; that of who listened, if it was accepted */
	char name[CENO_SOCKET_NAME];
};

/* Its one open file is gone, or it never had one: the other side is told. The inode may stay, as a name. */
void ceno_socket_close(struct ceno_inode *inode);
/* A call begins to move `whole` bytes: how many it may (INT64_MAX: what there is), 0 at the end,
 * -LX_EAGAIN, -LX_EPIPE, -LX_EMSGSIZE, -LX_ENOMEM, -LX_ENOTCONN, -LX_ECONNREFUSED, -LX_EPERM. A message has
 * begun to be read or written then. */
int64_t ceno_socket_begin(struct ceno_file *file, int writing, uint64_t whole);
/* Drops the rest of a message. */
void ceno_socket_skip(struct ceno_file *file, uint64_t bytes);
int64_t ceno_socket_read(struct ceno_file *file, void *to, uint64_t bytes);
int64_t ceno_socket_write(struct ceno_file *file, const void *from, uint64_t bytes);
/* There is none. Once per boot. */
void ceno_sockets_init(void);
/* All processes are gone, and with them what was on its way between them. */
void ceno_sockets_end(void);

/* ---- eventfd, timerfd, signalfd (event.c): as ceno_file_read and _write ----------------------- */

int64_t ceno_event_read(struct ceno_inode *inode, void *to, uint64_t bytes);
int64_t ceno_event_write(struct ceno_inode *inode, const void *from, uint64_t bytes);
int64_t ceno_timerfd_read(struct ceno_inode *inode, void *to, uint64_t bytes);
int64_t ceno_signalfd_read(struct ceno_inode *inode, void *to, uint64_t bytes);
/* The current task has a signal that it would read there. */
int ceno_signalfd_ready(const struct ceno_inode *inode);
/* A signal was raised: who reads signals looks again. */
void ceno_signalfds_changed(void);
/* There is none (once per boot); one is gone. */
void ceno_signalfds_init(void);
void ceno_signalfd_end(struct ceno_inode *inode);

#endif
