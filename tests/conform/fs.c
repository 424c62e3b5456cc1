/* Files, directories, names. */
#include "conform.h"

#include <dirent.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>

/* Where nothing is; not known to the compiler, which warns of what these tests are about. */
static void *volatile nowhere = (void *)8;
static volatile int minus_one = -1;

static off_t size_of(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? st.st_size : -1;
}

void subject_files(void)
{
	char b[64];
	int fd = open("f", O_RDWR | O_CREAT | O_EXCL, 0640);
	struct stat st;
	OK(fd >= 0);
	FAILS(open("f", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	OK(write(fd, "hello", 5) == 5);
	OK(fstat(fd, &st) == 0 && st.st_size == 5 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0640 &&
	   st.st_nlink == 1);
	OK(st.st_blksize > 0 && st.st_ino != 0);
	OK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, b, sizeof(b)) == 5 && memcmp(b, "hello", 5) == 0);
	OK(read(fd, b, sizeof(b)) == 0);
	OK(read(fd, b, 0) == 0);
	FAILS(pread(fd, nowhere, 5, 0), EFAULT);
	OK(ftruncate(fd, 2) == 0 && size_of("f") == 2);
	OK(lseek(fd, 0, SEEK_CUR) == 5);
	OK(write(fd, "x", 1) == 1 && size_of("f") == 6);
	OK(pread(fd, b, 8, 0) == 6 && memcmp(b, "he\0\0\0x", 6) == 0);
	FAILS(ftruncate(fd, -1), EINVAL);
	OK(truncate("f", 10) == 0 && size_of("f") == 10);
	FAILS(truncate("absent", 0), ENOENT);
	FAILS(truncate(".", 0), EISDIR);
	OK(fsync(fd) == 0 && fdatasync(fd) == 0);
	OK(close(fd) == 0);
	FAILS(close(fd), EBADF);
	FAILS(write(fd, b, 1), EBADF);
	fd = open("f", O_RDONLY);
	FAILS(write(fd, b, 1), EBADF);
	FAILS(ftruncate(fd, 0), EINVAL);
	close(fd);
	fd = open("f", O_WRONLY | O_TRUNC);
	FAILS(read(fd, b, 1), EBADF);
	OK(size_of("f") == 0);
	FAILS(write(fd, nowhere, 5), EFAULT);
	close(fd);
	fd = open("f", O_WRONLY | O_APPEND);
	OK(write(fd, "ab", 2) == 2 && lseek(fd, 0, SEEK_SET) == 0 && write(fd, "cd", 2) == 2 && size_of("f") == 4);
	close(fd);
	FAILS(open("absent", O_RDONLY), ENOENT);
	FAILS(open("f/under", O_RDONLY), ENOTDIR);
	FAILS(open("f/", O_RDONLY), ENOTDIR);
	FAILS(open(".", O_WRONLY), EISDIR);
	FAILS(open(".", O_RDONLY | O_CREAT, 0600), EISDIR);
	FAILS(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	FAILS(open("", O_RDONLY), ENOENT);
	FAILS(open((char *)8, O_RDONLY), EFAULT);
	umask(077);
	fd = open("masked", O_CREAT | O_WRONLY, 0666);
	OK(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0600);
	OK(umask(022) == 077);
	close(fd);
	FAILS(creat("absent/f", 0600), ENOENT);
	fd = creat("made", 0644);
	OK(fd >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY);
	close(fd);
}

void subject_positions(void)
{
	char b[16];
	int fd, twin, again;
	conform_file("f", "0123456789", 10);
	fd = open("f", O_RDWR);
	twin = dup(fd);
	again = open("f", O_RDONLY);
	OK(lseek(fd, 3, SEEK_SET) == 3 && lseek(twin, 0, SEEK_CUR) == 3 && lseek(again, 0, SEEK_CUR) == 0);
	OK(read(twin, b, 2) == 2 && b[0] == '3' && lseek(fd, 0, SEEK_CUR) == 5);
	OK(lseek(fd, -1, SEEK_END) == 9 && read(fd, b, 4) == 1 && b[0] == '9');
	FAILS(lseek(fd, -11, SEEK_END), EINVAL);
	FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
	FAILS(lseek(fd, 0, 99), EINVAL);
	OK(lseek(fd, 100, SEEK_SET) == 100 && read(fd, b, 1) == 0 && size_of("f") == 10);
	OK(pread(fd, b, 3, 8) == 2 && b[1] == '9' && lseek(fd, 0, SEEK_CUR) == 100);
	FAILS(pread(fd, b, 1, -1), EINVAL);
	FAILS(pwrite(fd, b, 1, -1), EINVAL);
	OK(pwrite(fd, "AB", 2, 4) == 2 && pread(again, b, 4, 3) == 4 && memcmp(b, "3AB6", 4) == 0);
	OK(pread(fd, b, 1, 1000) == 0);
	close(twin);
	OK(lseek(fd, 0, SEEK_CUR) == 100);
	FAILS(lseek(77, 0, SEEK_SET), EBADF);
}

void subject_holes(void)
{
	static char page[8192];
	int fd = open("sparse", O_RDWR | O_CREAT, 0600);
	struct stat st;
	OK(pwrite(fd, "end", 3, 1 << 20) == 3);
	OK(fstat(fd, &st) == 0 && st.st_size == (1 << 20) + 3 && st.st_blocks * 512 < 1 << 19);
	memset(page, 1, sizeof(page));
	OK(pread(fd, page, sizeof(page), 5000) == (ssize_t)sizeof(page) && page[0] == 0 && page[8191] == 0);
	OK(lseek(fd, 0, SEEK_DATA) == 1 << 20);
	OK(lseek(fd, 0, SEEK_HOLE) == 0);
	OK(lseek(fd, 1 << 20, SEEK_HOLE) == (1 << 20) + 3);
	FAILS(lseek(fd, 2 << 20, SEEK_DATA), ENXIO);
	OK(ftruncate(fd, (1 << 20) + 1) == 0 && ftruncate(fd, (1 << 20) + 3) == 0);
	OK(pread(fd, page, 3, 1 << 20) == 3 && page[0] == 'e' && page[1] == 0 && page[2] == 0);
	OK(fallocate(fd, 0, 0, 8192) == 0);
	OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 4 << 20, 4096) == 0 && size_of("sparse") == (1 << 20) + 3);
	FAILS(fallocate(fd, 0, -1, 5), EINVAL);
	FAILS(fallocate(fd, 0, 0, 0), EINVAL);
	close(fd);
}

void subject_vectors(void)
{
	char a[3], b[4], c[8];
	struct iovec v[3] = { { "abc", 3 }, { "", 0 }, { "defgh", 5 } };
	struct iovec r[3] = { { a, sizeof(a) }, { b, sizeof(b) }, { c, sizeof(c) } };
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	OK(writev(fd, v, 3) == 8 && size_of("f") == 8);
	OK(lseek(fd, 0, SEEK_SET) == 0 && readv(fd, r, 3) == 8);
	OK(memcmp(a, "abc", 3) == 0 && memcmp(b, "defg", 4) == 0 && c[0] == 'h');
	OK(readv(fd, r, 3) == 0);
	OK(readv(fd, r, 0) == 0);
	FAILS(readv(fd, r, minus_one), EINVAL);
	FAILS(readv(fd, r, IOV_MAX - minus_one), EINVAL);
	OK(preadv(fd, r, 2, 2) == 6 && a[0] == 'c' && b[2] == 'h');
	OK(pwritev(fd, v, 1, 6) == 3 && size_of("f") == 9);
	v[0].iov_len = (size_t)-1;
	FAILS(writev(fd, v, 1), EINVAL);
	v[0] = (struct iovec){ (void *)8, 4 };
	FAILS(writev(fd, v, 1), EFAULT);
	close(fd);
}

void subject_directories(void)
{
	char b[PATH_MAX];
	struct stat st;
	OK(mkdir("d", 0755) == 0);
	FAILS(mkdir("d", 0755), EEXIST);
	FAILS(mkdir("absent/d", 0755), ENOENT);
	OK(stat("d", &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0755);
	OK(mkdir("d/e/", 0700) == 0);
	FAILS(rmdir("d"), ENOTEMPTY);
	FAILS(rmdir("absent"), ENOENT);
	FAILS(rmdir("."), EINVAL);
	FAILS(rmdir("d/e/.."), ENOTEMPTY);
	conform_file("f", "x", 1);
	FAILS(rmdir("f"), ENOTDIR);
	FAILS(mkdir("f/d", 0755), ENOTDIR);
	FAILS(unlink("d"), EISDIR);
	OK(chdir("d/e") == 0 && getcwd(b, sizeof(b)) && strcmp(b + strlen(b) - 4, "/d/e") == 0);
	FAILS(getcwd(b, 3) ? 0 : -1, ERANGE);
	OK(access("../../f", F_OK) == 0 && chdir("../..") == 0);
	FAILS(chdir("f"), ENOTDIR);
	FAILS(chdir("absent"), ENOENT);
	int fd = open("d", O_RDONLY | O_DIRECTORY);
	OK(fd >= 0 && mkdirat(fd, "g", 0700) == 0 && access("d/g", X_OK) == 0);
	FAILS(read(fd, b, 1), EISDIR);
	OK(unlinkat(fd, "g", AT_REMOVEDIR) == 0);
	FAILS(unlinkat(fd, "e", 0), EISDIR);
	OK(fchdir(fd) == 0 && access("e", F_OK) == 0);
	close(fd);
	OK(rmdir("e") == 0 && rmdir("../d") == 0);
	FAILS(mkdir("under-removed", 0700), ENOENT);
	FAILS(open("f", O_RDONLY), ENOENT);
	OK(syscall(SYS_getcwd, b, sizeof(b)) == -1 && errno == ENOENT);
}

static int names_in(const char *path, const char *look)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;
	while ((e = readdir(d)))
		n += look ? strcmp(e->d_name, look) == 0 : 1;
	closedir(d);
	return n;
}

void subject_listing(void)
{
	char name[32], b[512];
	mkdir("d", 0755);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d/file-%03d", i);
		conform_file(name, "", 0);
	}
	OK(names_in("d", NULL) == 302);
	OK(names_in("d", "file-299") == 1 && names_in("d", ".") == 1 && names_in("d", "..") == 1);
	DIR *d = opendir("d");
	int seen = 0;
	for (struct dirent *e; (e = readdir(d)); seen++)
		if (e->d_name[0] == 'f')
			unlinkat(dirfd(d), e->d_name, 0);
	OK(seen == 302);
	rewinddir(d);
	OK(readdir(d) && readdir(d) && !readdir(d));
	closedir(d);
	int fd = open("d", O_RDONLY);
	FAILS(syscall(SYS_getdents64, fd, b, 4), EINVAL);
	OK(syscall(SYS_getdents64, fd, b, sizeof(b)) > 0 && syscall(SYS_getdents64, fd, b, sizeof(b)) == 0);
	close(fd);
	conform_file("plain", "", 0);
	fd = open("plain", O_RDONLY);
	FAILS(syscall(SYS_getdents64, fd, b, sizeof(b)), ENOTDIR);
	close(fd);
	symlink("x", "d/link");
	mkdir("d/dir", 0700);
	d = opendir("d");
	for (struct dirent *e; (e = readdir(d));) {
		if (strcmp(e->d_name, "link") == 0)
			OK(e->d_type == DT_LNK);
		if (strcmp(e->d_name, "dir") == 0)
			OK(e->d_type == DT_DIR);
	}
	closedir(d);
}

void subject_links(void)
{
	char b[64];
	struct stat st, other;
	conform_file("f", "content", 7);
	OK(link("f", "g") == 0 && stat("f", &st) == 0 && stat("g", &other) == 0);
	OK(st.st_nlink == 2 && st.st_ino == other.st_ino);
	FAILS(link("f", "g"), EEXIST);
	FAILS(link("absent", "h"), ENOENT);
	OK(unlink("f") == 0 && stat("g", &st) == 0 && st.st_nlink == 1);
	FAILS(unlink("f"), ENOENT);
	OK(symlink("g", "s") == 0 && readlink("s", b, sizeof(b)) == 1 && b[0] == 'g');
	OK(readlink("s", b, 0) == -1 && errno == EINVAL);
	FAILS(readlink("g", b, sizeof(b)), EINVAL);
	OK(lstat("s", &st) == 0 && S_ISLNK(st.st_mode) && st.st_size == 1 && stat("s", &st) == 0 &&
	   S_ISREG(st.st_mode));
	FAILS(open("s", O_RDONLY | O_NOFOLLOW), ELOOP);
	FAILS(symlink("", "empty"), ENOENT);
	FAILS(symlink("g", "s"), EEXIST);
	OK(symlink("loop-b", "loop-a") == 0 && symlink("loop-a", "loop-b") == 0);
	FAILS(open("loop-a", O_RDONLY), ELOOP);
	FAILS(stat("loop-a/x", &st), ELOOP);
	OK(symlink("absent", "dangling") == 0);
	FAILS(open("dangling", O_RDONLY), ENOENT);
	FAILS(open("dangling", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
	int fd = open("dangling", O_CREAT | O_WRONLY, 0600);
	OK(fd >= 0 && access("absent", F_OK) == 0);
	close(fd);
	OK(mkdir("d", 0700) == 0 && symlink("../g", "d/up") == 0 && stat("d/up", &st) == 0 && st.st_size == 7);
	OK(linkat(AT_FDCWD, "s", AT_FDCWD, "s2", 0) == 0 && lstat("s2", &st) == 0 && S_ISLNK(st.st_mode));
	OK(linkat(AT_FDCWD, "s", AT_FDCWD, "g2", AT_SYMLINK_FOLLOW) == 0 && lstat("g2", &st) == 0 &&
	   S_ISREG(st.st_mode));
	OK(unlink("s") == 0 && access("g", F_OK) == 0);
	fd = open("g", O_RDONLY);
	OK(unlink("g") == 0 && unlink("g2") == 0 && fstat(fd, &st) == 0 && st.st_nlink == 0);
	OK(read(fd, b, 7) == 7);
	close(fd);
}

void subject_renames(void)
{
	struct stat st;
	conform_file("a", "A", 1);
	conform_file("b", "BB", 2);
	OK(rename("a", "b") == 0 && size_of("b") == 1);
	FAILS(stat("a", &st), ENOENT);
	FAILS(rename("a", "c"), ENOENT);
	OK(mkdir("d", 0700) == 0 && mkdir("e", 0700) == 0);
	OK(rename("b", "d/b") == 0 && size_of("d/b") == 1);
	FAILS(rename("e", "d/b"), ENOTDIR);
	FAILS(rename("d/b", "e"), EISDIR);
	FAILS(rename("e", "d"), ENOTEMPTY);
	OK(rename("d", "e") == 0 && size_of("e/b") == 1);
	FAILS(rename("e", "e/inside"), EINVAL);
	OK(rename("e/b", "e/b") == 0);
	conform_file("x", "1", 1);
	conform_file("y", "22", 2);
	FAILS(syscall(SYS_renameat2, AT_FDCWD, "x", AT_FDCWD, "y", 1 /* NOREPLACE */), EEXIST);
	OK(syscall(SYS_renameat2, AT_FDCWD, "x", AT_FDCWD, "z", 1) == 0 && size_of("z") == 1);
	OK(syscall(SYS_renameat2, AT_FDCWD, "z", AT_FDCWD, "y", 2 /* EXCHANGE */) == 0 && size_of("z") == 2 &&
	   size_of("y") == 1);
	FAILS(syscall(SYS_renameat2, AT_FDCWD, "z", AT_FDCWD, "y", 3), EINVAL);
	OK(link("y", "y2") == 0 && rename("y", "y2") == 0 && access("y", F_OK) == 0);
	OK(symlink("y", "s") == 0 && rename("s", "t") == 0 && lstat("t", &st) == 0 && S_ISLNK(st.st_mode));
	FAILS(rename(".", "dot"), EBUSY);
}

void subject_attributes(void)
{
	struct timespec t[2] = { { 1000, 5 }, { 2000, 7 } };
	struct stat st;
	struct statfs fs;
	struct statx x;
	conform_file("f", "x", 1);
	OK(utimensat(AT_FDCWD, "f", t, 0) == 0 && stat("f", &st) == 0);
	OK(st.st_atim.tv_sec == 1000 && st.st_atim.tv_nsec == 5 && st.st_mtim.tv_sec == 2000 &&
	   st.st_mtim.tv_nsec == 7);
	t[0].tv_nsec = UTIME_OMIT;
	t[1].tv_nsec = UTIME_NOW;
	OK(utimensat(AT_FDCWD, "f", t, 0) == 0 && stat("f", &st) == 0 && st.st_atim.tv_sec == 1000 &&
	   st.st_mtim.tv_sec > 1000000);
	t[0].tv_nsec = 1000000000;
	FAILS(utimensat(AT_FDCWD, "f", t, 0), EINVAL);
	FAILS(utimensat(AT_FDCWD, "absent", NULL, 0), ENOENT);
	OK(chmod("f", 0604) == 0 && stat("f", &st) == 0 && (st.st_mode & 07777) == 0604);
	int fd = open("f", O_RDONLY);
	OK(fchmod(fd, 0400) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0400);
	OK(futimens(fd, NULL) == 0);
	OK(chown("f", (uid_t)-1, (gid_t)-1) == 0 && fchown(fd, getuid(), getgid()) == 0);
	close(fd);
	FAILS(chmod("absent", 0), ENOENT);
	OK(statfs(".", &fs) == 0 && fs.f_bsize > 0 && fs.f_namelen >= 255 && fs.f_blocks >= fs.f_bfree);
	OK(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &x) == 0 && x.stx_size == 1 && (x.stx_mask & STATX_SIZE) &&
	   S_ISREG(x.stx_mode));
	FAILS(statx(AT_FDCWD, "", 0, STATX_SIZE, &x), ENOENT);
	OK(statx(AT_FDCWD, "", AT_EMPTY_PATH, STATX_TYPE, &x) == 0 && S_ISDIR(x.stx_mode));
	OK(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH) == 0 && S_ISDIR(st.st_mode));
	FAILS(fstatat(AT_FDCWD, "f", &st, 0x40000000), EINVAL);
	OK(getxattr("f", "user.absent", NULL, 0) == -1 && (errno == ENODATA || errno == ENOTSUP));
	OK(access("f", F_OK) == 0 && faccessat(AT_FDCWD, "f", F_OK, AT_EACCESS) == 0);
	FAILS(access("absent", R_OK), ENOENT);
	FAILS(access("f", 9), EINVAL);
	struct stat before;
	OK(stat("f", &before) == 0 && usleep(20000) == 0);
	OK(chmod("f", 0600) == 0);
	fd = open("f", O_WRONLY);
	OK(write(fd, "y", 1) == 1 && close(fd) == 0 && stat("f", &st) == 0);
	OK(st.st_mtim.tv_sec > before.st_mtim.tv_sec || st.st_mtim.tv_nsec > before.st_mtim.tv_nsec);
}

void subject_paths(void)
{
	static char long_name[300], long_path[5000];
	struct stat st;
	memset(long_name, 'n', 255);
	OK(mkdir(long_name, 0700) == 0 && rmdir(long_name) == 0);
	memset(long_name, 'n', 256);
	FAILS(mkdir(long_name, 0700), ENAMETOOLONG);
	for (unsigned i = 0; i < sizeof(long_path) - 1; i++)
		long_path[i] = i % 2 ? '/' : '.';
	FAILS(stat(long_path, &st), ENAMETOOLONG);
	long_path[4094] = '\0';
	OK(stat(long_path, &st) == 0 && S_ISDIR(st.st_mode));
	mkdir("d", 0700);
	conform_file("d/f", "x", 1);
	OK(stat(".///d//./f", &st) == 0 && stat("d/../d/f", &st) == 0);
	OK(stat("/", &st) == 0 && stat("/..", &st) == 0 && stat("/../../tmp", &st) == 0);
	FAILS(stat("d/f/..", &st), ENOTDIR);
	FAILS(stat("d/absent/../f", &st), ENOENT);
	FAILS(openat(99, "f", O_RDONLY), EBADF);
	int dir = open("d", O_RDONLY), file = open("d/f", O_RDONLY);
	int fd = openat(dir, "f", O_RDONLY);
	OK(fd >= 0 && close(fd) == 0);
	FAILS(openat(file, "f", O_RDONLY), ENOTDIR);
	OK((fd = openat(99, "/tmp", O_RDONLY)) >= 0 && close(fd) == 0);
	fd = open("d", O_PATH);
	OK(fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode));
	char b[1];
	int opened = openat(fd, "f", O_RDONLY);
	OK(opened >= 0 && read(opened, b, 1) == 1);
	close(fd);
	fd = open("d/f", O_PATH);
	FAILS(read(fd, b, 1), EBADF);
	close(dir);
	close(file);
}

void subject_descriptors(void)
{
	int fd = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	OK(fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_SETFD, 0) == 0 && fcntl(fd, F_GETFD) == 0);
	OK((fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND)) == O_RDWR);
	OK(fcntl(fd, F_SETFL, O_APPEND) == 0 && (fcntl(fd, F_GETFL) & O_APPEND));
	OK(fcntl(fd, F_DUPFD, 50) == 50 && fcntl(fd, F_DUPFD_CLOEXEC, 50) == 51 && fcntl(51, F_GETFD) == FD_CLOEXEC);
	FAILS(fcntl(fd, F_DUPFD, -1), EINVAL);
	FAILS(fcntl(fd, 9999), EINVAL);
	OK(dup2(fd, 60) == 60 && dup2(60, 60) == 60);
	FAILS(dup2(99, 61), EBADF);
	FAILS(dup2(99, 99), EBADF);
	FAILS(dup2(fd, -1), EBADF);
	OK(dup3(fd, 62, O_CLOEXEC) == 62 && fcntl(62, F_GETFD) == FD_CLOEXEC);
	FAILS(dup3(fd, fd, 0), EINVAL);
	FAILS(dup3(fd, 63, 1), EINVAL);
	OK(close(50) == 0 && dup(fd) == fd + 1);
	OK(syscall(SYS_close_range, 51u, 62u, 0) == 0);
	FAILS(fcntl(60, F_GETFD), EBADF);
	FAILS(syscall(SYS_close_range, 5u, 4u, 0), EINVAL);
	OK(syscall(SYS_close_range, (unsigned)fd, (unsigned)fd, 4 /* CLOEXEC */) == 0 &&
	   fcntl(fd, F_GETFD) == FD_CLOEXEC);
	FAILS(dup(-1), EBADF);
	close(fd);
	OK(open("f", O_RDONLY) == fd);
}

static int locked_elsewhere(short type, off_t start)
{
	pid_t pid = fork();
	int status = 0;
	if (pid == 0) {
		struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = 10 };
		int fd = open("f", O_RDWR);
		_exit(fcntl(fd, F_SETLK, &l) == 0 ? 0 : errno);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void try_flock(void)
{
	int fd = open("f", O_RDWR);
	_exit(flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno);
}

void subject_locks(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10 };
	conform_file("f", "0123456789012345678901234567890123456789", 40);
	int fd = open("f", O_RDWR);
	OK(fcntl(fd, F_SETLK, &l) == 0);
	OK(fcntl(fd, F_GETLK, &l) == 0 && l.l_type == F_UNLCK);
	OK(locked_elsewhere(F_RDLCK, 5) == EAGAIN && locked_elsewhere(F_WRLCK, 10) == 0);
	l = (struct flock){ .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10 };
	OK(fcntl(fd, F_SETLK, &l) == 0 && locked_elsewhere(F_RDLCK, 5) == 0 && locked_elsewhere(F_WRLCK, 5) == EAGAIN);
	l = (struct flock){ .l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 3 };
	OK(fcntl(fd, F_SETLK, &l) == 0 && locked_elsewhere(F_WRLCK, 10) == 0 && locked_elsewhere(F_WRLCK, 0) == EAGAIN);
	int other = open("f", O_RDONLY);
	close(other); /* any close of the file drops the process's locks */
	OK(locked_elsewhere(F_WRLCK, 0) == 0);
	l.l_type = 77;
	FAILS(fcntl(fd, F_SETLK, &l), EINVAL);
	int reader = open("f", O_RDONLY);
	l = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 };
	FAILS(fcntl(reader, F_SETLK, &l), EBADF);
	OK(flock(fd, LOCK_EX) == 0 && conform_child(try_flock) == EWOULDBLOCK);
	OK(flock(fd, LOCK_UN) == 0 && conform_child(try_flock) == 0);
	OK(flock(fd, LOCK_SH) == 0 && conform_child(try_flock) == EWOULDBLOCK);
	FAILS(flock(fd, 77), EINVAL);
	FAILS(flock(99, LOCK_EX), EBADF);
}
