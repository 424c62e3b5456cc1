/*
 * The descriptor table: everything not listed is closed, everything listed is
 * what it should be. A wrong descriptor here would be the hole in every other
 * wall, so types are checked by the kernel's word (fstat, F_GETFL, SO_TYPE),
 * not by trust in the parent.
 */
#include "jail_steps.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int close_others(const struct ceno_jail_fd *keep, size_t count)
{
	unsigned next = 0;
	for (size_t i = 0; i < count; i++) {
		unsigned fd = (unsigned)keep[i].fd;
		if (fd < next) {
			errno = EINVAL; /* not ascending */
			return -1;
		}
		if (fd > next && close_range(next, fd - 1, 0) < 0)
			return -1;
		next = fd + 1;
	}
	return close_range(next, ~0u, 0);
}

static int is_seqpacket(int fd)
{
	int domain = 0, type = 0;
	socklen_t size = sizeof domain;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0)
		return 0;
	size = sizeof type;
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && domain == AF_UNIX && type == SOCK_SEQPACKET;
}

static int matches(const struct ceno_jail_fd *want, const struct stat *st, int flags)
{
	int mode = flags & O_ACCMODE;
	switch (want->type) {
	case CENO_JAIL_FD_STREAM:
		return S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode) || S_ISREG(st->st_mode) || S_ISCHR(st->st_mode);
	case CENO_JAIL_FD_SOCKET:
		return S_ISSOCK(st->st_mode) && is_seqpacket(want->fd);
	case CENO_JAIL_FD_KVM:
		return S_ISCHR(st->st_mode) && st->st_rdev == makedev(10, 232);
	case CENO_JAIL_FD_MEMORY_RO:
		return S_ISREG(st->st_mode) && mode == O_RDONLY;
	case CENO_JAIL_FD_MEMORY_RW:
		return S_ISREG(st->st_mode) && mode == O_RDWR && fcntl(want->fd, F_GET_SEALS) >= 0;
	}
	return 0;
}

int ceno_jail_check_fd(const struct ceno_jail_fd *want)
{
	struct stat st;
	int flags;
	if (fstat(want->fd, &st) < 0 || (flags = fcntl(want->fd, F_GETFL)) < 0)
		return -1;
	if (!(flags & O_PATH) && matches(want, &st, flags))
		return 0;
	errno = EBADF;
	return -1;
}

int ceno_jail_descriptors(const struct ceno_jail_fd *keep, size_t count)
{
	if (close_others(keep, count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (!keep[i].required && fcntl(keep[i].fd, F_GETFD) < 0 && errno == EBADF)
			continue;
		if (ceno_jail_check_fd(&keep[i]) < 0)
			return -1;
	}
	return 0;
}
