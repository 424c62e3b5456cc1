/* Files without a name: see nameless.h. */
#include "nameless.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"

static void draw_name(struct ceno_nameless *file)
{
	uint64_t random;

	ceno_cli_random(&random, sizeof random);
	snprintf(file->temporary, sizeof file->temporary, ".ceno-%016llx", (unsigned long long)random);
}

int ceno_nameless_open(struct ceno_nameless *file, int directory, mode_t mode)
{
	int error;

	file->directory = directory;
	file->temporary[0] = '\0';
	file->fd = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
	if (file->fd < 0) {
		draw_name(file);
		file->fd = openat(directory, file->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	}
	if (file->fd >= 0)
		return 0;
	error = errno;
	close(directory);
	return -error;
}

static int give(const struct ceno_nameless *file, const char *name)
{
	char self[64];

	snprintf(self, sizeof self, "/proc/self/fd/%d", file->fd);
	return linkat(AT_FDCWD, self, file->directory, name, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

/* A link is refused where the name is taken; filesystems without links may know the flag. */
static int move_beside(const struct ceno_nameless *file, const char *name)
{
	if (!renameat2(file->directory, file->temporary, file->directory, name, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (linkat(file->directory, file->temporary, file->directory, name, 0))
		return -errno;
	unlinkat(file->directory, file->temporary, 0);
	return 0;
}

/* What a filesystem tells only when a descriptor is closed (a full quota, a server): any of them will do. */
static int flush(const struct ceno_nameless *file)
{
	int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 || close(fd) ? -errno : 0;
}

int ceno_nameless_name(struct ceno_nameless *file, const char *name, bool replace)
{
	int rc = flush(file);

	if (rc)
		return rc;
	if (!file->temporary[0] && !replace)
		return give(file, name);
	if (!file->temporary[0]) {
		draw_name(file);
		rc = give(file, file->temporary);
		if (rc)
			file->temporary[0] = '\0';
	}
	if (!rc && replace)
		rc = renameat(file->directory, file->temporary, file->directory, name) ? -errno : 0;
	else if (!rc)
		rc = move_beside(file, name);
	if (!rc)
		file->temporary[0] = '\0';
	return rc;
}

void ceno_nameless_drop(struct ceno_nameless *file)
{
	if (file->fd < 0)
		return;
	if (file->temporary[0])
		unlinkat(file->directory, file->temporary, 0);
	close(file->fd);
	close(file->directory);
	file->fd = -1;
}
