/*
 * File descriptors and open files. A descriptor is a number of the program's; an
 * open file is what dup shares. Both tables are fixed.
 */
#ifndef CENO_MEMBRANE_FD_H
#define CENO_MEMBRANE_FD_H

#include "vfs.h"

#define CENO_FDS 1024

struct ceno_file {
	struct ceno_inode *inode; /* counted in its uses; NULL: the slot is free */
	uint64_t position;
	uint32_t flags; /* LX_O_* */
	uint32_t refs;  /* descriptors */
	char *path;     /* a frame of RAM with the path it was opened by, or NULL */
};

/* No descriptor is open. Once per boot. */
void ceno_fd_init(void);
/* Closes everything; opens 0, 1, 2 on the host's streams. Returns 0 or -LX_ENOMEM. */
int ceno_fd_start(void);
void ceno_fd_end(void);

/* The open file of a descriptor (any value), or NULL. */
struct ceno_file *ceno_fd_file(int32_t fd);
/* A new open file of inode on the lowest free descriptor at or above `from`.
 * Returns it, -LX_EMFILE, -LX_ENFILE or -LX_ENOMEM; on failure the inode is settled. */
int64_t ceno_fd_open(struct ceno_inode *inode, uint32_t flags, int32_t from);
int64_t ceno_fd_close(int32_t fd);

/* Reading and writing through an open file into membrane's own memory.
 * wait: block until there is something. offset: NULL, or where (the file's own
 * position is not used). Return bytes, 0 at the end, or -errno. */
int64_t ceno_file_read(struct ceno_file *file, void *to, uint64_t bytes, uint64_t *offset, int wait);
int64_t ceno_file_write(struct ceno_file *file, const void *from, uint64_t bytes, uint64_t *offset);

/* ---- pipes within the program (pipe.c) ------------------------------------ */

struct ceno_pipe {
	uint64_t buffer;
	uint32_t head, tail, readers, writers;
};

void ceno_pipe_open(struct ceno_pipe *pipe, uint32_t flags);
void ceno_pipe_close(struct ceno_inode *inode, uint32_t flags);
int64_t ceno_pipe_read(struct ceno_file *file, void *to, uint64_t bytes, int wait);
int64_t ceno_pipe_write(struct ceno_file *file, const void *from, uint64_t bytes);
/* LX_POLL* bits that hold now. */
uint32_t ceno_pipe_poll(struct ceno_file *file);

#endif
