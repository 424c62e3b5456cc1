/* The queue to the disk; disk.h has the rules. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/daemon/disk.h"

void ceno_disk_init(struct ceno_disk *disk, uv_loop_t *loop, struct ceno_store *store)
{
	*disk = (struct ceno_disk){ .loop = loop, .store = store };
	disk->waiting_end = &disk->waiting;
	disk->work.data = disk;
}

struct ceno_disk_job *ceno_disk_job_new(enum ceno_disk_kind kind, ceno_disk_done *done, void *context)
{
	struct ceno_disk_job *job = calloc(1, sizeof(*job));
	if (job) {
		job->kind = kind;
		job->done = done;
		job->context = context;
	}
	return job;
}

static int write_all(int fd, const uint8_t *data, size_t bytes)
{
	while (bytes) {
		ssize_t n = write(fd, data, bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		data += n;
		bytes -= (size_t)n;
	}
	return 0;
}

int ceno_disk_replace(int folder, const char *name, const void *data, size_t bytes)
{
	char temporary[CENO_DISK_NAME_MAX + 8];
	snprintf(temporary, sizeof(temporary), ".%s.new", name);
	int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	int failed = write_all(fd, data, bytes) || fsync(fd);
	int saved = errno;
	close(fd);
	if (!failed && !renameat(folder, temporary, folder, name) && !fsync(folder))
		return 0;
	if (!failed)
		saved = errno;
	unlinkat(folder, temporary, 0);
	errno = saved;
	return -1;
}

int ceno_disk_read(int folder, const char *name, size_t max, void **data, size_t *bytes)
{
	struct stat st;
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -1;
	int error = fstat(fd, &st) ? errno : !S_ISREG(st.st_mode) ? EINVAL : (size_t)st.st_size > max ? EFBIG : 0;
	uint8_t *p = error ? NULL : malloc((size_t)st.st_size + 1);
	if (!error && !p)
		error = ENOMEM;
	size_t have = 0;
	while (!error && have < (size_t)st.st_size) {
		ssize_t n = read(fd, p + have, (size_t)st.st_size - have);
		if (n < 0 && errno != EINTR)
			error = errno;
		else if (n == 0)
			break;
		else if (n > 0)
			have += (size_t)n;
	}
	close(fd);
	if (error) {
		free(p);
		errno = error;
		return -1;
	}
	*data = p;
	*bytes = have;
	return 0;
}

static int do_file(const struct ceno_disk_job *job)
{
	if (job->kind == CENO_DISK_WRITE)
		return ceno_disk_replace(job->folder, job->name, job->data, job->data_bytes) ? CENO_STORE_IO
											     : CENO_STORE_OK;
	if (unlinkat(job->folder, job->name, 0))
		return errno == ENOENT ? CENO_STORE_OK : CENO_STORE_IO;
	return fsync(job->folder) ? CENO_STORE_IO : CENO_STORE_OK;
}

/* Append the leaves of jobs as one frame. */
static void do_leaves(struct ceno_store *store, struct ceno_disk_job **jobs, uint32_t count)
{
	const struct ceno_store_leaf *leaves[CENO_STORE_GROUP_MAX];
	for (uint32_t i = 0; i < count; i++)
		leaves[i] = &jobs[i]->leaf;
	uint64_t first = store->leaves;
	int error = count ? ceno_store_append(store, leaves, count) : CENO_STORE_OK;
	for (uint32_t i = 0; i < count; i++) {
		jobs[i]->index = first + i;
		jobs[i]->error = error;
	}
}

/* On the worker. */
static void disk_work(uv_work_t *work)
{
	struct ceno_disk *disk = work->data;
	struct ceno_disk_job *leaves[CENO_STORE_GROUP_MAX];
	uint32_t count = 0;
	for (struct ceno_disk_job *job = disk->running; job; job = job->next) {
		if (job->kind != CENO_DISK_LEAF) {
			job->error = do_file(job);
			continue;
		}
		leaves[count++] = job;
		if (count == CENO_STORE_GROUP_MAX) {
			do_leaves(disk->store, leaves, count);
			count = 0;
		}
	}
	do_leaves(disk->store, leaves, count);
}

static void disk_start(struct ceno_disk *disk);

/* Back on the loop. */
static void disk_after(uv_work_t *work, int status)
{
	struct ceno_disk *disk = work->data;
	(void)status;
	struct ceno_disk_job *job = disk->running;
	disk->running = NULL;
	while (job) {
		struct ceno_disk_job *next = job->next;
		if (job->done)
			job->done(job);
		free(job->data);
		free(job);
		job = next;
	}
	disk->busy = false;
	if (disk->waiting)
		disk_start(disk);
	else if (disk->idle)
		disk->idle(disk->idle_arg);
}

static void disk_start(struct ceno_disk *disk)
{
	disk->busy = true;
	disk->running = disk->waiting;
	disk->waiting = NULL;
	disk->waiting_end = &disk->waiting;
	uv_queue_work(disk->loop, &disk->work, disk_work, disk_after);
}

void ceno_disk_submit(struct ceno_disk *disk, struct ceno_disk_job *job)
{
	job->next = NULL;
	*disk->waiting_end = job;
	disk->waiting_end = &job->next;
	if (!disk->busy)
		disk_start(disk);
}
