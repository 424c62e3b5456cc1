/* Moving bytes between open files and the program's memory: what io.c and message.c share. */
#ifndef CENO_MEMBRANE_IO_H
#define CENO_MEMBRANE_IO_H

#include "fd.h"

/* One call's transfer. */
struct ceno_move {
	struct ceno_file *file;
	uint64_t *offset; /* NULL: the file's own position */
	int64_t total;    /* so far, earlier makings of the call included */
	int writing;
	uint64_t left;    /* of a message; after a reading call: what was dropped of it */
	uint32_t no_wait; /* as with O_NONBLOCK */
	uint32_t peek;
	uint32_t no_signal; /* no SIGPIPE */
};

/* Begins a call on a descriptor; offset: NULL, or of a call that says where. Returns 0, -LX_EINVAL,
 * -LX_EBADF or -LX_ESPIPE; m->file is set, and NULL if there is none. */
int64_t ceno_move_begin(struct ceno_move *m, uint64_t fd, uint64_t *offset, int writing);
/* Moves through one buffer of the program, or an array of struct iovec: the result of the call. */
int64_t ceno_move_bytes(struct ceno_move *m, uint64_t gva, uint64_t bytes);
int64_t ceno_move_vector(struct ceno_move *m, uint64_t gva, uint64_t count);

#endif
