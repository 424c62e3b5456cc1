/*
 * The mount namespace: an empty read-only tmpfs becomes the root, all else is
 * detached, and Landlock then denies even what is not there.
 *
 * pivot_root(2): with "." for both arguments the old root is stacked on top of
 * the new one and can be detached without a directory to hold it.
 */
#include "jail_steps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Any directory serves: it is only the place where the tmpfs is attached until
 * it becomes the root. */
static int mount_tmpfs(void)
{
	static const char *const places[] = { "/tmp", "/run", "/dev", "/proc" };
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (mount("none", places[i], "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		          "size=4k,nr_inodes=2,mode=0555") == 0)
			return chdir(places[i]);
	return -1;
}

static int root_is_empty(void)
{
	DIR *root = opendir("/");
	if (!root)
		return -1;
	int entries = 0;
	for (struct dirent *entry; (entry = readdir(root));)
		entries += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(root);
	errno = ENOTEMPTY;
	return entries == 0 ? 0 : -1;
}

static int check_root(void)
{
	struct statfs fs;
	struct statvfs flags;
	if (statfs("/", &fs) < 0 || statvfs("/", &flags) < 0)
		return -1;
	if (fs.f_type != TMPFS_MAGIC || !(flags.f_flag & ST_RDONLY)) {
		errno = EPERM;
		return -1;
	}
	/* ".." of a detached old root would show what a botched pivot left behind. */
	if (chdir("..") < 0 || access("/proc/self", F_OK) == 0) {
		errno = EPERM;
		return -1;
	}
	return root_is_empty();
}

int ceno_jail_root(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount_tmpfs() < 0)
		return -1;
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -1;
	/* The mount, then the file system behind it. */
	const unsigned long flags = MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
	if (mount(NULL, "/", NULL, flags | MS_BIND, NULL) < 0 || mount(NULL, "/", NULL, flags, NULL) < 0)
		return -1;
	return check_root();
}

/* linux/landlock.h of the build host may be older than the running kernel, so
 * the attribute is stated here in the size of ABI 6; the kernel is told only as
 * many bytes as its ABI has. */
struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

static struct ruleset_attr rules_of(uint32_t abi, int may_signal, size_t *size)
{
	struct ruleset_attr attr = { .handled_access_fs = (1ull << 13) - 1 }; /* ABI 1: EXECUTE .. MAKE_SYM */
	*size = sizeof attr.handled_access_fs;
	if (abi >= 2)
		attr.handled_access_fs |= 1ull << 13; /* REFER */
	if (abi >= 3)
		attr.handled_access_fs |= 1ull << 14; /* TRUNCATE */
	if (abi >= 4) {
		attr.handled_access_net = 3; /* BIND_TCP, CONNECT_TCP */
		*size = 2 * sizeof(uint64_t);
	}
	if (abi >= 5)
		attr.handled_access_fs |= 1ull << 15; /* IOCTL_DEV */
	if (abi >= 6) {
		attr.scoped = may_signal ? 1 : 3; /* ABSTRACT_UNIX_SOCKET, SIGNAL */
		*size = sizeof attr;
	}
	return attr;
}

uint32_t ceno_jail_landlock_abi(void)
{
	long offered = syscall(SYS_landlock_create_ruleset, NULL, 0, 1u /* LANDLOCK_CREATE_RULESET_VERSION */);
	return offered > 0 ? (uint32_t)offered : 0;
}

int ceno_jail_landlock(uint32_t *abi, int may_signal)
{
	*abi = ceno_jail_landlock_abi();
	if (!*abi)
		return -1;
	size_t size;
	struct ruleset_attr attr = rules_of(*abi, may_signal, &size);
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0u);
	if (ruleset < 0)
		return -1;
	long rc = syscall(SYS_landlock_restrict_self, ruleset, 0u);
	close(ruleset);
	if (rc < 0)
		return -1;
	/* Read back: the root, readable to anyone a moment ago, is not any more. */
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == EACCES)
		return 0;
	if (fd >= 0)
		close(fd);
	errno = EPERM;
	return -1;
}
