/*
 * Copies between open files through a page of membrane's: sendfile, copy_file_range,
 * splice, tee. What cannot be written after it was read is given back, so nothing is lost.
 */
#include "calls.h"
#include "fd.h"
#include "task.h"
#include "vm.h"

struct end {
	struct ceno_file *file;
	uint64_t *at; /* NULL: the file's own position */
	uint64_t offset;
};

static int is_pipe(const struct ceno_file *file)
{
	return file->inode->kind == CENO_INODE_PIPE;
}

/* Takes from a pipe only what was written: reads ahead without taking, then takes. */
static int64_t take(struct end *in, uint8_t *to, uint64_t bytes)
{
	return is_pipe(in->file) ? ceno_pipe_peek(in->file, 0, to, bytes) : ceno_file_read(in->file, to, bytes, in->at);
}

static void give_back(struct end *in, uint8_t *page, uint64_t got, uint64_t put)
{
	if (is_pipe(in->file))
		(void)ceno_pipe_read(in->file, page, put);
	else if (ceno_file_seekable(in->file))
		*(in->at ? in->at : &in->file->position) -= got - put;
}

static int64_t copy(struct end *in, struct end *out, uint64_t bytes)
{
	uint8_t *page = (uint8_t *)ceno_path_scratch();
	uint64_t total = 0;

	while (total < bytes) {
		uint64_t part = bytes - total < CENO_PATH_MAX ? bytes - total : CENO_PATH_MAX;
		struct ceno_file *stuck = in->file;
		int64_t got = take(in, page, part), put = got;

		if (got > 0) {
			stuck = out->file;
			put = ceno_file_write(out->file, page, (uint64_t)got, out->at);
			give_back(in, page, (uint64_t)got, put > 0 ? (uint64_t)put : 0);
		}
		if (put == -LX_EPIPE)
			ceno_signal_self(LX_SIGPIPE);
		if (put == -LX_EAGAIN && !total)
			return ceno_file_wait(stuck, 0);
		if (put <= 0)
			return total ? (int64_t)total : put;
		total += (uint64_t)put;
	}
	return (int64_t)total;
}

/* The file and, if gva is not 0, the offset there. */
static int64_t open_end(struct end *end, uint64_t fd, uint64_t gva, int writing)
{
	*end = (struct end){ .file = ceno_fd_file((int32_t)fd) };
	if (!end->file || !(writing ? ceno_file_writable(end->file) : ceno_file_readable(end->file)))
		return -LX_EBADF;
	if (!gva)
		return 0;
	end->at = &end->offset;
	if (ceno_user_check_write(gva, sizeof(end->offset)) || ceno_user_read(&end->offset, gva, sizeof(end->offset)))
		return -LX_EFAULT;
	return 0;
}

static int64_t finish(const struct end *end, uint64_t gva, int64_t result)
{
	if (gva && result > 0 && ceno_user_write(gva, &end->offset, sizeof(end->offset)))
		return -LX_EFAULT;
	return result;
}

static uint64_t at_most(uint64_t bytes)
{
	return bytes < CENO_TRANSFER_MAX ? bytes : CENO_TRANSFER_MAX;
}

int64_t ceno_sys_sendfile(const uint64_t a[6])
{
	struct end in, out;
	int64_t error = open_end(&in, a[1], a[2], 0);

	if (!error)
		error = open_end(&out, a[0], 0, 1);
	if (error)
		return error;
	if (!ceno_file_seekable(in.file))
		return a[2] ? -LX_ESPIPE : -LX_EINVAL;
	if (in.offset > INT64_MAX || (out.file->flags & LX_O_APPEND) ||
	    (in.file->inode->mode & LX_S_IFMT) == LX_S_IFDIR)
		return -LX_EINVAL;
	if (!a[2] && in.file == out.file) { /* both begin where its one position is */
		in.offset = in.file->position;
		in.at = &in.offset;
	}
	return finish(&in, a[2], copy(&in, &out, at_most(a[3])));
}

int64_t ceno_sys_copy_file_range(const uint64_t a[6])
{
	struct end in, out;
	int64_t error = 0;
	uint64_t from, to, bytes = at_most(a[4]);

	for (int i = 0; i < 6 && !error; i++) { /* both are files; neither is a directory; both are regular */
		const struct ceno_file *file = ceno_fd_file((int32_t)a[i % 2 * 2]);

		if (!file || (file->flags & LX_O_PATH))
			error = -LX_EBADF;
		else if (i >= 2 && (file->inode->mode & LX_S_IFMT) == LX_S_IFDIR)
			error = -LX_EISDIR;
		else if (i >= 4 && (file->inode->mode & LX_S_IFMT) != LX_S_IFREG)
			error = -LX_EINVAL;
	}
	if (!error && (uint32_t)a[5])
		error = -LX_EINVAL;
	if (!error)
		error = open_end(&in, a[0], a[1], 0);
	if (!error)
		error = open_end(&out, a[2], a[3], 1);
	if (!error && (out.file->flags & LX_O_APPEND))
		error = -LX_EBADF;
	if (error)
		return error;
	from = in.at ? *in.at : in.file->position;
	to = out.at ? *out.at : out.file->position;
	if (from > INT64_MAX || to > INT64_MAX || from + bytes > INT64_MAX || to + bytes > INT64_MAX)
		return (int64_t)(from | to) < 0 ? -LX_EINVAL : -LX_EOVERFLOW;
	if (bytes > in.file->inode->size || from > in.file->inode->size - bytes)
		bytes = from < in.file->inode->size ? in.file->inode->size - from : 0;
	if (in.file->inode == out.file->inode && from < to + bytes && to < from + bytes)
		return -LX_EINVAL;
	error = finish(&in, a[1], copy(&in, &out, bytes));
	return finish(&out, a[3], error);
}

int64_t ceno_sys_splice(const uint64_t a[6])
{
	struct end in, out;
	int64_t result;

	if (a[4] == 0)
		return 0;
	if ((uint32_t)a[5] > 15)
		return -LX_EINVAL;
	result = open_end(&in, a[0], a[1], 0);
	if (!result)
		result = open_end(&out, a[2], a[3], 1);
	if (result)
		return result;
	if ((a[1] && is_pipe(in.file)) || (a[3] && is_pipe(out.file)))
		return -LX_ESPIPE;
	/* What came from the host's stream could not be given back. */
	if ((!is_pipe(in.file) && (!is_pipe(out.file) || !ceno_file_seekable(in.file))) ||
	    in.file->inode == out.file->inode || (out.file->flags & LX_O_APPEND) ||
	    (int64_t)(in.offset | out.offset) < 0)
		return -LX_EINVAL;
	result = copy(&in, &out, at_most(a[4]));
	return finish(&out, a[3], finish(&in, a[1], result));
}

int64_t ceno_sys_tee(const uint64_t a[6])
{
	struct ceno_file *in = ceno_fd_file((int32_t)a[0]), *out = ceno_fd_file((int32_t)a[1]);
	uint8_t *page = (uint8_t *)ceno_path_scratch();
	uint64_t total = 0;

	if ((uint32_t)a[3] > 15)
		return -LX_EINVAL;
	if (a[2] == 0)
		return 0;
	if (!in || !out || !ceno_file_readable(in) || !ceno_file_writable(out))
		return -LX_EBADF;
	if (!is_pipe(in) || !is_pipe(out) || in->inode == out->inode)
		return -LX_EINVAL;
	while (total < at_most(a[2])) {
		uint64_t part = a[2] - total < CENO_PATH_MAX ? a[2] - total : CENO_PATH_MAX;
		int64_t got = ceno_pipe_peek(in, total, page, part), put = got;

		if (got > 0)
			put = ceno_pipe_write(out, page, (uint64_t)got);
		if (put == -LX_EPIPE)
			ceno_signal_self(LX_SIGPIPE);
		if (put == -LX_EAGAIN && !total)
			return ceno_file_wait(got > 0 ? out : in, 0);
		if (put <= 0)
			return total ? (int64_t)total : put;
		total += (uint64_t)put;
	}
	return (int64_t)total;
}
