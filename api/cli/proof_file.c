/* Files that appear whole: see proof_file.h. */
#include "proof_file.h"

#include <errno.h>
#include <fcntl.h>
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

int ceno_proof_file_open(struct ceno_proof_file *file, const char *path, size_t reserve, char *error)
{
	char directory[4096];
	struct stat st;
	int rc, at;

	file->file.fd = -1;
	if ((size_t)snprintf(file->path, sizeof file->path, "%s", path) >= sizeof file->path || !*path)
		return fail(file, "write", *path ? ENAMETOOLONG : ENOENT, error);
	if (!lstat(path, &st) && S_ISLNK(st.st_mode) && !realpath(path, file->path)) /* the link stays */
		return fail(file, "write", errno, error);
	path = file->path;
	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return fail(file, "write", S_ISDIR(st.st_mode) ? EISDIR : EINVAL, error);
	directory_of(path, directory);
	at = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	rc = at < 0 ? -errno : ceno_nameless_open(&file->file, at, 0644);
	if (rc)
		return fail(file, "write", -rc, error);
	rc = posix_fallocate(file->file.fd, 0, (off_t)reserve);
	if (rc) {
		ceno_proof_file_abort(file);
		return fail(file, "reserve space for", rc, error);
	}
	return 0;
}

int ceno_proof_file_spare(const char *path, char *error)
{
	static const char first[] = "{\"cdp\"";
	char there[sizeof first - 1];
	struct stat st;
	ssize_t n;
	int fd;

	if (stat(path, &st) || !S_ISREG(st.st_mode) || st.st_size == 0)
		return 0; /* nothing to lose; what is no file, ceno_proof_file_open refuses */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, there, sizeof there);
	if (fd >= 0)
		close(fd);
	if (n == (ssize_t)sizeof there && !memcmp(there, first, sizeof there))
		return 0;
	snprintf(error, CENO_PROOF_FILE_ERROR_MAX,
	         "%.300s is there and is no proof: it would be replaced; name another file, or remove it", path);
	return -1;
}

static void sync_directory(int directory)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

int ceno_proof_file_commit(struct ceno_proof_file *file, const void *bytes, size_t length, char *error)
{
	const char *slash = strrchr(file->path, '/');
	int rc = ceno_cli_write_all(file->file.fd, bytes, length);

	if (!rc && (ftruncate(file->file.fd, (off_t)length) || fsync(file->file.fd)))
		rc = -errno;
	if (!rc)
		rc = ceno_nameless_name(&file->file, slash ? slash + 1 : file->path, true);
	if (!rc)
		sync_directory(file->file.directory);
	ceno_proof_file_abort(file);
	return rc ? fail(file, "write", -rc, error) : 0;
}

void ceno_proof_file_abort(struct ceno_proof_file *file)
{
	ceno_nameless_drop(&file->file);
}

int ceno_file_read(const char *path, size_t max, char **out, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = ceno_file_read_all(fd, max, out, length);
	close(fd);
	return rc;
}

int ceno_file_read_first(int fd, size_t most, char **out, size_t *length)
{
	char *bytes = malloc(most + 1);
	size_t used = 0;
	ssize_t n = 1;
	int rc = bytes ? 0 : -ENOMEM;

	while (!rc && used < most && (n = read(fd, bytes + used, most - used)) > 0)
		used += (size_t)n;
	if (n < 0)
		rc = -errno;
	if (rc) {
		free(bytes);
		return rc;
	}
	bytes[used] = '\0';
	*out = bytes;
	*length = used;
	return 0;
}

int ceno_file_read_all(int fd, size_t max, char **out, size_t *length)
{
	char *bytes;
	int rc = ceno_file_read_first(fd, max + 1, &bytes, length);

	if (!rc && *length > max) {
		free(bytes);
		rc = -EFBIG;
	}
	if (!rc)
		*out = bytes;
	return rc;
}
