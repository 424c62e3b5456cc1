/*
 * Constants and layouts of linux.h: equal to the C library's.
 */
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "guest-kernel/services/membrane/linux.h"

#define SAME(name) assert_int_equal(LX_##name, name)

static void test_constants(void **state)
{
	(void)state;
	SAME(EPERM), SAME(ENOENT), SAME(ESRCH), SAME(EIO), SAME(ENXIO), SAME(E2BIG), SAME(EBADF), SAME(ECHILD),
	    SAME(EAGAIN);
	SAME(ENOMEM), SAME(EACCES), SAME(EFAULT), SAME(EBUSY), SAME(EEXIST), SAME(EXDEV), SAME(ENODEV), SAME(ENOTDIR),
	    SAME(EISDIR);
	SAME(EINVAL), SAME(ENFILE), SAME(EMFILE), SAME(ENOTTY), SAME(EFBIG), SAME(ENOSPC), SAME(ESPIPE), SAME(EROFS),
	    SAME(EMLINK);
	SAME(EPIPE), SAME(ERANGE), SAME(EDEADLK), SAME(ENAMETOOLONG), SAME(ENOSYS), SAME(ENOTEMPTY), SAME(ELOOP),
	    SAME(EOVERFLOW);
	SAME(EOPNOTSUPP), SAME(ETIMEDOUT), SAME(EINTR);
	SAME(SIGILL), SAME(SIGTRAP), SAME(SIGABRT), SAME(SIGBUS), SAME(SIGFPE), SAME(SIGKILL), SAME(SIGSEGV),
	    SAME(SIGPIPE);
	SAME(SIGCHLD), SAME(SIGCONT), SAME(SIGSTOP), SAME(SIGURG), SAME(SIGWINCH);
	SAME(O_ACCMODE), SAME(O_CREAT), SAME(O_EXCL), SAME(O_NOCTTY), SAME(O_TRUNC), SAME(O_APPEND), SAME(O_NONBLOCK),
	    SAME(O_DSYNC);
	SAME(O_DIRECT), SAME(O_DIRECTORY), SAME(O_NOFOLLOW), SAME(O_NOATIME), SAME(O_CLOEXEC), SAME(O_SYNC),
	    SAME(O_PATH), SAME(O_TMPFILE);
	SAME(AT_FDCWD), SAME(AT_SYMLINK_NOFOLLOW), SAME(AT_REMOVEDIR), SAME(AT_EACCESS), SAME(AT_SYMLINK_FOLLOW),
	    SAME(AT_NO_AUTOMOUNT);
	SAME(AT_EMPTY_PATH), SAME(MAP_SHARED), SAME(MAP_PRIVATE), SAME(MAP_FIXED), SAME(MAP_ANONYMOUS), SAME(MAP_32BIT);
	SAME(MAP_NORESERVE), SAME(MAP_POPULATE), SAME(MAP_STACK), SAME(MAP_HUGETLB), SAME(MAP_FIXED_NOREPLACE),
	    SAME(MREMAP_MAYMOVE);
	SAME(POLLIN), SAME(POLLOUT), SAME(POLLERR), SAME(POLLHUP), SAME(POLLNVAL);
	SAME(F_DUPFD), SAME(F_GETFD), SAME(F_SETFD), SAME(F_GETFL), SAME(F_SETFL), SAME(F_GETLK), SAME(F_SETLK),
	    SAME(F_SETLKW);
	SAME(F_DUPFD_CLOEXEC), SAME(F_GETPIPE_SZ), SAME(FD_CLOEXEC);
}

#define FIELD(ours, field, theirs, their_field) \
	assert_int_equal(offsetof(struct ours, field), offsetof(struct theirs, their_field))

static void test_layouts(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct lx_stat), sizeof(struct stat));
	FIELD(lx_stat, ino, stat, st_ino), FIELD(lx_stat, nlink, stat, st_nlink), FIELD(lx_stat, mode, stat, st_mode);
	FIELD(lx_stat, rdev, stat, st_rdev), FIELD(lx_stat, size, stat, st_size),
	    FIELD(lx_stat, blocks, stat, st_blocks);
	FIELD(lx_stat, mtime, stat, st_mtim), FIELD(lx_stat, ctime, stat, st_ctim),
	    FIELD(lx_stat, atime, stat, st_atim);
	assert_int_equal(sizeof(struct lx_statfs), sizeof(struct statfs));
	FIELD(lx_statfs, namelen, statfs, f_namelen), FIELD(lx_statfs, frsize, statfs, f_frsize);
	assert_int_equal(sizeof(struct lx_statx), sizeof(struct statx));
	FIELD(lx_statx, size, statx, stx_size), FIELD(lx_statx, mtime, statx, stx_mtime),
	    FIELD(lx_statx, dev_minor, statx, stx_dev_minor);
	assert_int_equal(sizeof(struct lx_utsname), sizeof(struct utsname));
	assert_int_equal(sizeof(struct lx_sysinfo), sizeof(struct sysinfo));
	FIELD(lx_sysinfo, freeram, sysinfo, freeram), FIELD(lx_sysinfo, procs, sysinfo, procs),
	    FIELD(lx_sysinfo, mem_unit, sysinfo, mem_unit);
	assert_int_equal(sizeof(struct lx_flock), sizeof(struct flock));
	assert_int_equal(sizeof(struct lx_stack), sizeof(stack_t));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_constants), cmocka_unit_test(test_layouts) };

	return cmocka_run_group_tests_name("membrane table", tests, NULL, NULL);
}
