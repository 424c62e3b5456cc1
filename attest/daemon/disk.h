/*
 * Everything ceno-attest writes after its start, done in order by one worker at a
 * time: leaves to the log, and small files of pending sessions.
 *
 * Jobs that wait while the disk is busy are done together: their files first, in
 * order, then their leaves as one frame of the log with one fdatasync. done runs
 * on the loop, in the order of the jobs. Nothing is told to anyone before its
 * job's done with error 0.
 *
 * What is durable when, so that neither kill -9 nor a power cut loses what was answered
 * or leaves a checkpoint without its leaves:
 *
 *   leaf        pwrite of its frame, fdatasync               then its index is answered, the tree has it
 *   file        open .NAME.new, write, fsync, rename, fsync of the folder   then it is answered or sent
 *   checkpoint  made of leaves that the tree has, quoted, written as a file  then proofs under it are made
 *   proof       a file; then its payload and step 8 are unlinked, fsync of the folder
 *   start       log read; torn end: copied to torn, cut, fsync; epoch leaf; checkpoint
 *
 * A frame cut off in the middle is the last one and was answered to nobody (store.h); a .NAME.new that
 * stayed is overwritten by the next of its name. tests/e2e/attest/test_kill.c kills attest at every one of
 * these calls.
 */
#ifndef CENO_ATTEST_DISK_H
#define CENO_ATTEST_DISK_H

#include <uv.h>

#include "attest/daemon/store.h"

#define CENO_DISK_NAME_MAX 64

enum ceno_disk_kind {
	CENO_DISK_LEAF,  /* append leaf; index is set */
	CENO_DISK_WRITE, /* folder/name := data, durable, all or nothing */
	CENO_DISK_REMOVE /* folder/name and its absence are durable; absent already is no error */
};

struct ceno_disk_job;
typedef void ceno_disk_done(struct ceno_disk_job *job);

struct ceno_disk_job {
	enum ceno_disk_kind kind;
	struct ceno_store_leaf leaf; /* LEAF */
	int folder;                  /* WRITE, REMOVE: directory descriptor, borrowed */
	char name[CENO_DISK_NAME_MAX];
	void *data; /* WRITE: owned, freed with the job */
	size_t data_bytes;
	void *context;        /* of done; borrowed */
	ceno_disk_done *done; /* may be NULL; the job is freed after it */
	uint64_t index;       /* LEAF: out */
	int error;            /* out: 0, or an enum ceno_store_error */
	struct ceno_disk_job *next;
};

struct ceno_disk {
	uv_loop_t *loop;          /* borrowed */
	struct ceno_store *store; /* borrowed; only the worker touches it while busy */
	uv_work_t work;
	struct ceno_disk_job *waiting, **waiting_end, *running;
	bool busy;
	void (*idle)(void *arg); /* called on the loop when nothing is left to do; may be NULL */
	void *idle_arg;
};

void ceno_disk_init(struct ceno_disk *disk, uv_loop_t *loop, struct ceno_store *store);

/* A zeroed job of this kind, or NULL: no memory. Heap; moved into ceno_disk_submit. */
struct ceno_disk_job *ceno_disk_job_new(enum ceno_disk_kind kind, ceno_disk_done *done, void *context);

/* Queue a job; done follows on the loop, never inside this call. */
void ceno_disk_submit(struct ceno_disk *disk, struct ceno_disk_job *job);

/* Durable replacement of a file, at once, on the calling thread. Returns 0 or -1 (errno). */
int ceno_disk_replace(int folder, const char *name, const void *data, size_t bytes);

/* Read a whole regular file of at most max bytes. *data: allocated, the caller frees it.
 * Returns 0, or -1 with errno (ENOENT; EFBIG: longer than max; EINVAL: not a regular file). */
int ceno_disk_read(int folder, const char *name, size_t max, void **data, size_t *bytes);

#endif
