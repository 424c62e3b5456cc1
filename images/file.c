/*
 * Whole files (file.h).
 */
#include "images/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t read_all(int fd, uint8_t *at, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t n = read(fd, at + done, bytes - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

uint8_t *ceno_file_read(const char *path, size_t max, size_t *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), saved;
	uint8_t *data = NULL;
	struct stat st;
	ssize_t n = -1;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			errno = EINVAL;
		else if (st.st_size < 0 || (uint64_t)st.st_size > max)
			errno = EFBIG;
		else if ((data = aligned_alloc(4096, ((size_t)st.st_size + 4096) & ~(size_t)4095)))
			n = read_all(fd, data, (size_t)st.st_size);
	}
	saved = errno;
	close(fd);
	if (n < 0) {
		free(data);
		errno = saved;
		return NULL;
	}
	*bytes = (size_t)n;
	return data;
}

static int write_all(int fd, const uint8_t *at, size_t bytes)
{
	while (bytes) {
		ssize_t n = write(fd, at, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		bytes -= (size_t)n;
	}
	return 0;
}

bool ceno_file_may_replace(const char *path)
{
	struct stat st;

	if (lstat(path, &st) || S_ISREG(st.st_mode))
		return true;
	errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	return false;
}

int ceno_file_write(const char *path, const void *data, size_t bytes, mode_t mode)
{
	char *temporary;
	int fd, result = -1, saved;

	if (!ceno_file_may_replace(path) || asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -1;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd >= 0) {
		if (write_all(fd, data, bytes) == 0 && fchmod(fd, mode) == 0 && fsync(fd) == 0)
			result = rename(temporary, path);
		saved = errno;
		close(fd);
		if (result != 0)
			unlink(temporary);
		errno = saved;
	}
	saved = errno;
	free(temporary);
	errno = saved;
	return result;
}
