/*
 * Moving bytes through open files: read and write in all their forms, sendfile,
 * lseek, truncation. Program buffers are taken page by page (ceno_user_span); a
 * bad page ends the transfer there, with what was moved before it as the result.
 */
#include "calls.h"
#include "fd.h"
#include "pack.h"
#include "process.h"
#include "random.h"
#include "stdio.h"
#include "vm.h"

#define TRANSFER_MAX 0x7ffff000ull
#define IOV_MAX      1024

static int64_t read_pack(const struct ceno_inode *inode, void *to, uint64_t bytes, uint64_t offset)
{
	const void *from;

	if (offset >= inode->size)
		return 0;
	if (bytes > inode->size - offset)
		bytes = inode->size - offset;
	from = ceno_packs_data(inode->stored.offset + offset, bytes);
	if (!from)
		return -LX_EIO;
	memcpy(to, from, bytes);
	return (int64_t)bytes;
}

static int64_t read_text(const struct ceno_inode *inode, void *to, uint64_t bytes, uint64_t offset)
{
	uint64_t length = strlen(inode->text);

	if (offset >= length)
		return 0;
	if (bytes > length - offset)
		bytes = length - offset;
	memcpy(to, inode->text + offset, bytes);
	return (int64_t)bytes;
}

static int64_t read_device(const struct ceno_inode *inode, void *to, uint64_t bytes)
{
	switch (inode->device) {
	case CENO_DEVICE_ZERO:
	case CENO_DEVICE_FULL:
		memset(to, 0, bytes);
		return (int64_t)bytes;
	case CENO_DEVICE_RANDOM:
		ceno_random_fill(to, bytes);
		return (int64_t)bytes;
	default:
		return 0;
	}
}

int64_t ceno_file_read(struct ceno_file *file, void *to, uint64_t bytes, uint64_t *offset, int wait)
{
	uint64_t *at = offset ? offset : &file->position;
	int64_t got;

	switch (file->inode->kind) {
	case CENO_INODE_PACK:
		got = read_pack(file->inode, to, bytes, *at);
		break;
	case CENO_INODE_TEXT:
		got = read_text(file->inode, to, bytes, *at);
		break;
	case CENO_INODE_FILE:
		got = ceno_inode_read(file->inode, to, bytes, *at);
		break;
	case CENO_INODE_DEVICE:
		got = read_device(file->inode, to, bytes);
		break;
	case CENO_INODE_PIPE:
		return ceno_pipe_read(file, to, bytes, wait);
	case CENO_INODE_STREAM:
		if (file->inode->device != CENO_STREAM_IN)
			return -LX_EBADF;
		return ceno_stdio_read(to, bytes, wait && !(file->flags & LX_O_NONBLOCK));
	default:
		return -LX_EISDIR;
	}
	if (got > 0)
		*at += (uint64_t)got;
	return got;
}

static int64_t write_stream(struct ceno_file *file, const void *from, uint64_t bytes)
{
	if (file->inode->device == CENO_STREAM_IN)
		return -LX_EBADF;
	return ceno_stdio_write(file->inode->device, from, bytes, !(file->flags & LX_O_NONBLOCK));
}

int64_t ceno_file_write(struct ceno_file *file, const void *from, uint64_t bytes, uint64_t *offset)
{
	uint64_t *at = offset ? offset : &file->position;
	int64_t put;

	switch (file->inode->kind) {
	case CENO_INODE_FILE:
		if (file->flags & LX_O_APPEND)
			*at = file->inode->size;
		put = ceno_inode_write(file->inode, from, bytes, *at);
		if (put > 0)
			*at += (uint64_t)put;
		return put;
	case CENO_INODE_DEVICE:
		return file->inode->device == CENO_DEVICE_FULL ? -LX_ENOSPC : (int64_t)bytes;
	case CENO_INODE_PIPE:
		return ceno_pipe_write(file, from, bytes);
	case CENO_INODE_STREAM:
		return write_stream(file, from, bytes);
	default:
		return -LX_EBADF;
	}
}

static int readable(const struct ceno_file *file)
{
	return !(file->flags & LX_O_PATH) && (file->flags & LX_O_ACCMODE) != LX_O_WRONLY;
}

static int writable(const struct ceno_file *file)
{
	return !(file->flags & LX_O_PATH) && (file->flags & LX_O_ACCMODE) != LX_O_RDONLY;
}

static int seekable(const struct ceno_file *file)
{
	return file->inode->kind != CENO_INODE_PIPE && file->inode->kind != CENO_INODE_STREAM;
}

/* Reads into the program's buffer. moved: bytes of this call already moved by earlier
 * parts (a blocking file then gives only what is there). */
static int64_t read_into(struct ceno_file *file, uint64_t gva, uint64_t bytes, uint64_t *offset, int64_t moved)
{
	int64_t total = 0;
	uint64_t got;

	if (bytes == 0)
		return ceno_file_read(file, NULL, 0, offset, 0) < 0 ? -LX_EISDIR : 0;
	while (bytes) {
		void *to = ceno_user_span(gva, bytes, LX_PROT_WRITE, &got);
		int64_t result = to ? ceno_file_read(file, to, got, offset, moved + total == 0) : -LX_EFAULT;

		if (result < 0)
			return total ? total : result;
		total += result;
		if ((uint64_t)result < got)
			break;
		gva += got;
		bytes -= got;
	}
	return total;
}

static int64_t write_from(struct ceno_file *file, uint64_t gva, uint64_t bytes, uint64_t *offset)
{
	int64_t total = 0;
	uint64_t got;

	while (bytes) {
		const void *from = ceno_user_span(gva, bytes, LX_PROT_READ, &got);
		int64_t result = from ? ceno_file_write(file, from, got, offset) : -LX_EFAULT;

		if (result == -LX_EPIPE)
			ceno_signal_self(LX_SIGPIPE);
		if (result < 0)
			return total ? total : result;
		total += result;
		if ((uint64_t)result < got)
			break;
		gva += got;
		bytes -= got;
	}
	return total;
}

static int check(struct ceno_file *file, int writing, const uint64_t *offset)
{
	if (!file || (writing ? !writable(file) : !readable(file)))
		return -LX_EBADF;
	if (offset && !seekable(file))
		return -LX_ESPIPE;
	return offset && *offset > INT64_MAX ? -LX_EINVAL : 0;
}

static int64_t move(uint64_t fd, uint64_t gva, uint64_t bytes, uint64_t *offset, int writing)
{
	struct ceno_file *file = ceno_fd_file((int32_t)fd);
	int error = check(file, writing, offset);

	if (error)
		return error;
	if (bytes > INT64_MAX)
		return -LX_EINVAL;
	bytes = bytes < TRANSFER_MAX ? bytes : TRANSFER_MAX;
	return writing ? write_from(file, gva, bytes, offset) : read_into(file, gva, bytes, offset, 0);
}

int64_t ceno_sys_read(const uint64_t a[6])
{
	return move(a[0], a[1], a[2], NULL, 0);
}
int64_t ceno_sys_write(const uint64_t a[6])
{
	return move(a[0], a[1], a[2], NULL, 1);
}

int64_t ceno_sys_pread64(const uint64_t a[6])
{
	uint64_t offset = a[3];

	return move(a[0], a[1], a[2], &offset, 0);
}

int64_t ceno_sys_pwrite64(const uint64_t a[6])
{
	uint64_t offset = a[3];

	return move(a[0], a[1], a[2], &offset, 1);
}

static int64_t move_vector(const uint64_t a[6], uint64_t *offset, int writing)
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);
	int error = check(file, writing, offset);
	uint64_t sum = 0;
	int64_t total = 0;
	struct lx_iovec part;

	if (error)
		return error;
	if (a[2] > IOV_MAX)
		return -LX_EINVAL;
	for (uint64_t i = 0; i < a[2]; i++) {
		if (ceno_user_read(&part, a[1] + i * sizeof(part), sizeof(part)))
			return -LX_EFAULT;
		if (part.len > INT64_MAX || sum + part.len > INT64_MAX)
			return -LX_EINVAL;
		sum += part.len;
	}
	for (uint64_t i = 0; i < a[2]; i++) {
		int64_t result;

		if (ceno_user_read(&part, a[1] + i * sizeof(part), sizeof(part)))
			return total ? total : -LX_EFAULT;
		if (part.len > TRANSFER_MAX - (uint64_t)total)
			part.len = TRANSFER_MAX - (uint64_t)total;
		if (part.len == 0)
			continue;
		result = writing ? write_from(file, part.base, part.len, offset)
				 : read_into(file, part.base, part.len, offset, total);
		if (result < 0)
			return total ? total : result;
		total += result;
		if ((uint64_t)result < part.len)
			break;
	}
	return total;
}

int64_t ceno_sys_readv(const uint64_t a[6])
{
	return move_vector(a, NULL, 0);
}
int64_t ceno_sys_writev(const uint64_t a[6])
{
	return move_vector(a, NULL, 1);
}

int64_t ceno_sys_preadv(const uint64_t a[6])
{
	uint64_t offset = a[3];

	return move_vector(a, &offset, 0);
}

int64_t ceno_sys_pwritev(const uint64_t a[6])
{
	uint64_t offset = a[3];

	return move_vector(a, &offset, 1);
}

/* Copies between open files through a page of membrane's. */
static int64_t copy(struct ceno_file *in, uint64_t *in_at, struct ceno_file *out, uint64_t *out_at, uint64_t bytes)
{
	static uint8_t buffer[CENO_PAGE];
	uint64_t total = 0;

	while (total < bytes) {
		uint64_t part = bytes - total < CENO_PAGE ? bytes - total : CENO_PAGE;
		int64_t got = ceno_file_read(in, buffer, part, in_at, total == 0), put;

		if (got <= 0)
			return total ? (int64_t)total : got;
		put = ceno_file_write(out, buffer, (uint64_t)got, out_at);
		if (put == -LX_EPIPE)
			ceno_signal_self(LX_SIGPIPE);
		if (put < got) {
			uint64_t back = (uint64_t)(put < 0 ? got : got - put);

			if (seekable(in))
				*(in_at ? in_at : &in->position) -= back;
			return put < 0 && total == 0 ? put : (int64_t)total + (put < 0 ? 0 : put);
		}
		total += (uint64_t)put;
	}
	return (int64_t)total;
}

int64_t ceno_sys_sendfile(const uint64_t a[6])
{
	struct ceno_file *out = ceno_fd_file((int32_t)a[0]), *in = ceno_fd_file((int32_t)a[1]);
	uint64_t offset = 0;
	int64_t result;

	if (!out || !in || !writable(out) || !readable(in))
		return -LX_EBADF;
	if (!seekable(in) || in->inode->kind == CENO_INODE_DIR || (out->flags & LX_O_APPEND))
		return -LX_EINVAL;
	if (a[2] && (ceno_user_read(&offset, a[2], sizeof(offset)) || ceno_user_check_write(a[2], sizeof(offset))))
		return -LX_EFAULT;
	if (offset > INT64_MAX)
		return -LX_EINVAL;
	result = copy(in, a[2] ? &offset : NULL, out, NULL, a[3] < TRANSFER_MAX ? a[3] : TRANSFER_MAX);
	if (a[2] && result >= 0 && ceno_user_write(a[2], &offset, sizeof(offset)))
		return -LX_EFAULT;
	return result;
}

int64_t ceno_sys_lseek(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);
	int64_t base, offset = (int64_t)a[1];
	uint64_t size;

	if (!file || (file->flags & LX_O_PATH))
		return -LX_EBADF;
	if (!seekable(file))
		return -LX_ESPIPE;
	if (file->inode->kind == CENO_INODE_DEVICE)
		return 0;
	size = file->inode->size;
	switch ((uint32_t)a[2]) {
	case LX_SEEK_SET:
		base = 0;
		break;
	case LX_SEEK_CUR:
		base = (int64_t)file->position;
		break;
	case LX_SEEK_END:
		base = (int64_t)size;
		break;
	case LX_SEEK_DATA:
	case LX_SEEK_HOLE:
		if (offset < 0 || (uint64_t)offset >= size)
			return -LX_ENXIO;
		base = (uint32_t)a[2] == LX_SEEK_HOLE ? (int64_t)size - offset : 0;
		break;
	default:
		return -LX_EINVAL;
	}
	if (__builtin_add_overflow(base, offset, &offset) || offset < 0)
		return offset < 0 && base >= 0 && (int64_t)a[1] < 0 ? -LX_EINVAL : -LX_EOVERFLOW;
	file->position = (uint64_t)offset;
	return offset;
}

static int64_t truncate_inode(struct ceno_inode *inode, uint64_t size)
{
	if (inode->kind == CENO_INODE_DIR)
		return -LX_EISDIR;
	if (inode->kind == CENO_INODE_PACK || inode->kind == CENO_INODE_TEXT)
		return -LX_EROFS;
	if (inode->kind != CENO_INODE_FILE || size > INT64_MAX)
		return -LX_EINVAL;
	return ceno_inode_truncate(inode, size);
}

int64_t ceno_sys_ftruncate(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);

	if (!file)
		return -LX_EBADF;
	return writable(file) ? truncate_inode(file->inode, a[1]) : -LX_EINVAL;
}

int64_t ceno_sys_truncate(const uint64_t a[6])
{
	struct ceno_walk walk;
	int error = ceno_path_user((uint64_t)LX_AT_FDCWD, a[0], 0, &walk);

	if (error)
		return error;
	return walk.inode ? truncate_inode(walk.inode, a[1]) : -LX_ENOENT;
}

int64_t ceno_sys_fallocate(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);

	if (!file || !writable(file))
		return -LX_EBADF;
	if ((int64_t)a[2] < 0 || (int64_t)a[3] <= 0)
		return -LX_EINVAL;
	if (a[1] & ~1ull)
		return -LX_EOPNOTSUPP;
	if (file->inode->kind != CENO_INODE_FILE)
		return seekable(file) ? -LX_ENODEV : -LX_ESPIPE;
	if (a[2] + a[3] > CENO_FILE_MAX)
		return -LX_EFBIG;
	for (uint64_t page = a[2] / CENO_PAGE; page * CENO_PAGE < a[2] + a[3]; page++)
		if (!ceno_inode_page(file->inode, page, 1))
			return -LX_ENOSPC;
	if (!(a[1] & 1) && a[2] + a[3] > file->inode->size)
		return ceno_inode_truncate(file->inode, a[2] + a[3]);
	return 0;
}

/* RAM is all the storage there is: what is written is as safe as it gets. */
int64_t ceno_sys_fsync(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);

	if (!file)
		return -LX_EBADF;
	return seekable(file) ? 0 : -LX_EINVAL;
}

int64_t ceno_sys_fdatasync(const uint64_t a[6])
{
	return ceno_sys_fsync(a);
}

int64_t ceno_sys_syncfs(const uint64_t a[6])
{
	return ceno_fd_file((int32_t)a[0]) ? 0 : -LX_EBADF;
}

int64_t ceno_sys_fadvise64(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);

	if (!file)
		return -LX_EBADF;
	if (!seekable(file))
		return -LX_ESPIPE;
	return a[3] <= 5 ? 0 : -LX_EINVAL;
}

int64_t ceno_sys_sync(const uint64_t a[6])
{
	(void)a;
	return 0;
}
