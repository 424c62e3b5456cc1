/* Files that appear whole: see proof_file.h. */
#include "proof_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static int fail(const struct ceno_proof_file *file, const char *what, int error, char *message)
{
	snprintf(message, CENO_PROOF_FILE_ERROR_MAX, "cannot %s %.300s: %s", what, file->path, strerror(error));
	return -1;
}

static void directory_of(const char *path, char out[4096])
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		snprintf(out, 4096, ".");
	else
		snprintf(out, 4096, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static void temporary_name(struct ceno_proof_file *file)
{
	const char *slash = strrchr(file->path, '/'), *base = slash ? slash + 1 : file->path;
	uint32_t random;

	ceno_cli_random(&random, sizeof random);
	snprintf(file->temporary, sizeof file->temporary, "%.*s.%.200s.%08x", (int)(base - file->path), file->path,
	         base, random);
}

int ceno_proof_file_open(struct ceno_proof_file *file, const char *path, size_t reserve, char *error)
{
	char directory[4096];
	struct stat st;
	int rc;

	file->fd = -1;
	file->temporary[0] = '\0';
	if ((size_t)snprintf(file->path, sizeof file->path, "%s", path) >= sizeof file->path || !*path)
		return fail(file, "write", *path ? ENAMETOOLONG : ENOENT, error);
	if (!lstat(path, &st) && S_ISLNK(st.st_mode) && !realpath(path, file->path)) /* the link stays */
		return fail(file, "write", errno, error);
	path = file->path;
	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return fail(file, "write", S_ISDIR(st.st_mode) ? EISDIR : EINVAL, error);
	directory_of(path, directory);
	file->fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0644); /* nameless: gone even after SIGKILL */
	if (file->fd < 0) {
		temporary_name(file);
		file->fd = open(file->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	}
	if (file->fd < 0) {
		file->temporary[0] = '\0';
		return fail(file, "write", errno, error);
	}
	rc = posix_fallocate(file->fd, 0, (off_t)reserve);
	if (rc) {
		ceno_proof_file_abort(file);
		return fail(file, "reserve space for", rc, error);
	}
	return 0;
}

/* The nameless file gets its temporary name. */
static int give_name(struct ceno_proof_file *file)
{
	char self[64];

	if (file->temporary[0])
		return 0;
	temporary_name(file);
	snprintf(self, sizeof self, "/proc/self/fd/%d", file->fd);
	if (linkat(AT_FDCWD, self, AT_FDCWD, file->temporary, AT_SYMLINK_FOLLOW)) {
		int error = errno;

		file->temporary[0] = '\0';
		errno = error;
		return -1;
	}
	return 0;
}

static void sync_directory(const char *path)
{
	char directory[4096];
	int fd;

	directory_of(path, directory);
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

int ceno_proof_file_commit(struct ceno_proof_file *file, const void *bytes, size_t length, char *error)
{
	int rc = ceno_cli_write_all(file->fd, bytes, length);

	if (!rc &&
	    (ftruncate(file->fd, (off_t)length) || fsync(file->fd) || give_name(file) ||
	     rename(file->temporary, file->path)))
		rc = -errno;
	if (rc) {
		ceno_proof_file_abort(file);
		return fail(file, "write", -rc, error);
	}
	file->temporary[0] = '\0';
	close(file->fd);
	file->fd = -1;
	sync_directory(file->path);
	return 0;
}

void ceno_proof_file_abort(struct ceno_proof_file *file)
{
	if (file->temporary[0])
		unlink(file->temporary);
	file->temporary[0] = '\0';
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

int ceno_file_read(const char *path, size_t max, char **out, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	size_t used = 0;
	ssize_t n = 1;
	char *bytes;

	if (fd < 0)
		return -errno;
	bytes = malloc(max + 2);
	while (bytes && used <= max && (n = read(fd, bytes + used, max + 1 - used)) > 0)
		used += (size_t)n;
	if (!bytes)
		rc = -ENOMEM;
	else if (n < 0)
		rc = -errno;
	else if (used > max)
		rc = -EFBIG;
	close(fd);
	if (rc) {
		free(bytes);
		return rc;
	}
	bytes[used] = '\0';
	*out = bytes;
	*length = used;
	return 0;
}
