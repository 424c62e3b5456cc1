/*
 * Files: the pack, tmpfs, directories, links, devices, descriptors.
 */
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "guest-kernel/services/membrane/process.h"

static uint64_t buffer;

static int boot(void **state)
{
	static char big[300000];
	const char *const argv[] = { "/bin/p", NULL };
	struct fake_file files[] = { fake_program("/bin/p"),
		                     { "/in/a.txt", 0444 | CENO_PACK_INPUT, "hello\n", 6 },
		                     { "/in/big", 0444 | CENO_PACK_INPUT, big, sizeof(big) },
		                     { "/in/empty", 0444 | CENO_PACK_INPUT, "", 0 },
		                     { "/tmp/seed", 0444, "s", 1 },
		                     { "/etc/passwd", 0444, "me:x:1:1::/:\n", 13 } };

	(void)state;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 31 >> 3);
	fake_on_wait = NULL;
	assert_int_equal(fake_boot(files, 6, argv), FAKE_ENTERED);
	buffer = fake_page();
	return 0;
}

static int64_t open_(const char *path, int flags)
{
	uint64_t at = fake_string(path);
	int64_t fd = sys(SYS_openat, AT_FDCWD, at, flags, 0644);

	sys(SYS_munmap, at, PAGE);
	return fd;
}

static int64_t path_call(uint64_t number, const char *path, uint64_t b)
{
	uint64_t at = fake_string(path);
	int64_t result = sys(number, at, b);

	sys(SYS_munmap, at, PAGE);
	return result;
}

static int64_t two_paths(uint64_t number, const char *a, const char *b)
{
	uint64_t x = fake_string(a), y = fake_string(b);
	int64_t result = sys(number, x, y);

	sys(SYS_munmap, x, PAGE);
	sys(SYS_munmap, y, PAGE);
	return result;
}

static int64_t put(int64_t fd, const char *text)
{
	fake_poke(buffer, text, strlen(text));
	return sys(SYS_write, fd, buffer, strlen(text));
}

static const char *get(int64_t fd, uint64_t bytes)
{
	static char out[PAGE + 1];
	int64_t got = sys(SYS_read, fd, buffer, bytes);

	assert_in_range(got, 0, bytes);
	fake_peek(out, buffer, (size_t)got);
	out[got] = 0;
	return out;
}

static struct stat stat_of(const char *path)
{
	struct stat st;

	assert_int_equal(path_call(SYS_stat, path, buffer), 0);
	fake_peek(&st, buffer, sizeof(st));
	return st;
}

static void test_pack(void **state)
{
	struct stat st = stat_of("/in/a.txt");
	int64_t fd = open_("/in/a.txt", O_RDONLY);

	(void)state;
	assert_int_equal(st.st_size, 6);
	assert_int_equal(st.st_mode, S_IFREG | 0444);
	assert_int_equal(fd, 3);
	assert_string_equal(get(fd, 100), "hello\n");
	assert_string_equal(get(fd, 100), "");
	assert_int_equal(sys(SYS_lseek, fd, 1, SEEK_SET), 1);
	assert_string_equal(get(fd, 3), "ell");
	assert_int_equal(sys(SYS_pread64, fd, buffer, 10, 4), 2);
	assert_int_equal(sys(SYS_pread64, fd, buffer, 10, -1), -EINVAL);
	assert_int_equal(put(fd, "x"), -EBADF);
	assert_int_equal(open_("/in/a.txt", O_RDWR), -EACCES);
	assert_int_equal(open_("/in/a.txt", O_TRUNC), -EACCES);
	assert_int_equal(open_("/in/new", O_CREAT | O_WRONLY), -EACCES);
	assert_int_equal(path_call(SYS_unlink, "/in/a.txt", 0), -EACCES);
	assert_int_equal(path_call(SYS_unlink, "/tmp/seed", 0), -EPERM); /* root's, in a sticky directory */
	assert_int_equal(path_call(SYS_truncate, "/in/a.txt", 0), -EACCES);
	assert_int_equal(open_("/in/none", O_RDONLY), -ENOENT);
	assert_int_equal(open_("/in/a.txt/x", O_RDONLY), -ENOTDIR);
	assert_int_equal(open_("/in/a.txt/", O_RDONLY), -ENOTDIR);
	assert_int_equal(open_("", O_RDONLY), -ENOENT);
	assert_int_equal(open_(".args", O_RDONLY), -ENOENT);
	assert_string_equal(get(open_("/etc/passwd", O_RDONLY), 50), "me:x:1:1::/:\n");
}

static void test_pack_mapped(void **state)
{
	int64_t fd = open_("/in/big", O_RDONLY), at = sys(SYS_mmap, 0, 300000, 3, 2, fd, 4096);
	uint8_t seen, one = 1;
	enum fake_outcome outcome;

	(void)state;
	assert_true(at > 0);
	for (uint64_t i = 0; i < 300000 - 4096; i += 4099) {
		fake_peek(&seen, (uint64_t)at + i, 1);
		assert_int_equal(seen, (uint8_t)((i + 4096) * 31 >> 3));
	}
	fake_poke((uint64_t)at + 5000, &one, 1); /* a private copy */
	fake_peek(&seen, (uint64_t)at + 5001, 1);
	assert_int_equal(seen, (uint8_t)((5001 + 4096) * 31 >> 3));
	assert_int_equal(sys(SYS_pread64, fd, buffer, 1, 5000 + 4096), 1);
	fake_peek(&seen, buffer, 1);
	assert_int_equal(seen, (uint8_t)((5000 + 4096) * 31 >> 3));
	assert_int_equal(sys(SYS_mmap, 0, 4096, 3, 1, fd, 0), -EACCES);
	assert_int_equal(sys(SYS_mmap, 0, 4096, 1, 2, fd, 100), -EINVAL);
	assert_int_equal(sys(SYS_mmap, 0, 4096, 1, 2, 99, 0), -EBADF);
	assert_true(sys(SYS_mmap, 0, 4096, 5, 2, fd, 0) > 0);
	/* past the end of the file: SIGBUS */
	at = sys(SYS_mmap, 0, 100 * PAGE, 1, 2, fd, 0);
	assert_null(fake_touch((uint64_t)at + 80 * PAGE, CENO_RIGHT_READ, &outcome));
	assert_int_equal(fake_guest()->signal, 7);
}

static void test_tmpfs(void **state)
{
	int64_t fd = open_("/tmp/f", O_CREAT | O_RDWR | O_EXCL), at;
	uint8_t seen;
	enum fake_outcome outcome;

	(void)state;
	assert_int_equal(fd, 3);
	assert_int_equal(open_("/tmp/f", O_CREAT | O_EXCL | O_RDWR), -EEXIST);
	assert_int_equal(put(fd, "abcdef"), 6);
	assert_int_equal(sys(SYS_lseek, fd, 10ull << 20, SEEK_SET), 10 << 20);
	assert_int_equal(put(fd, "end"), 3);
	assert_int_equal(stat_of("/tmp/f").st_size, (10 << 20) + 3);
	assert_int_equal(sys(SYS_pread64, fd, buffer, 100, (10 << 20) - 50), 53);
	fake_peek(&seen, buffer + 49, 1);
	assert_int_equal(seen, 0);
	fake_peek(&seen, buffer + 50, 1);
	assert_int_equal(seen, 'e');
	assert_int_equal(sys(SYS_ftruncate, fd, 3), 0);
	assert_int_equal(sys(SYS_ftruncate, fd, 8), 0);
	sys(SYS_lseek, fd, 0, SEEK_SET);
	assert_int_equal(sys(SYS_read, fd, buffer, 100), 8);
	fake_peek(&seen, buffer + 4, 1);
	assert_int_equal(seen, 0);
	assert_int_equal(sys(SYS_ftruncate, fd, 1ull << 62), -EFBIG);
	assert_int_equal(sys(SYS_ftruncate, fd, -1), -EINVAL);
	at = sys(SYS_mmap, 0, 4096, 3, 2, fd, 0);
	fake_peek(&seen, (uint64_t)at + 1, 1);
	assert_int_equal(seen, 'b');
	at = sys(SYS_mmap, 0, 4096, 5, 2, fd, 0); /* code, by a copy */
	assert_int_equal(fake_touch((uint64_t)at, CENO_RIGHT_EXECUTE, &outcome)[1], 'b');
	assert_int_equal(sys(SYS_mmap, 0, 4096, 5, 1, fd, 0), -EACCES);
	assert_int_equal(sys(SYS_mmap, 0, 4096, 7, 2, fd, 0), -EACCES);
	assert_int_equal(path_call(SYS_unlink, "/tmp/f", 0), 0);
	sys(SYS_lseek, fd, 0, SEEK_SET);
	assert_string_equal(get(fd, 3), "abc");
	assert_int_equal(sys(SYS_close, fd), 0);
	assert_int_equal(open_("/tmp/f", O_RDONLY), -ENOENT);
}

static void test_append_and_full(void **state)
{
	int64_t fd = open_("/tmp/f", O_CREAT | O_WRONLY | O_APPEND), again = open_("/tmp/f", O_WRONLY | O_APPEND),
		wrote = 0, total = 0;

	(void)state;
	put(fd, "one");
	put(again, "two");
	put(fd, "three");
	assert_int_equal(stat_of("/tmp/f").st_size, 11);
	for (int i = 0; i < 20000 && wrote >= 0; i++) {
		wrote = sys(SYS_write, fd, buffer, PAGE);
		total += wrote > 0 ? wrote : 0;
	}
	assert_int_equal(wrote, -ENOSPC);
	assert_true(total > 20 << 20);
	/* the program itself still has memory, and the space comes back */
	assert_true(fake_page() > 0);
	assert_int_equal(sys(SYS_ftruncate, fd, 0), 0);
	assert_int_equal(put(fd, "room"), 4);
}

static void test_directories(void **state)
{
	(void)state;
	assert_int_equal(path_call(SYS_mkdir, "/tmp/d", 0755), 0);
	assert_int_equal(path_call(SYS_mkdir, "/tmp/d", 0755), -EEXIST);
	assert_int_equal(path_call(SYS_mkdir, "/tmp/none/d", 0755), -ENOENT);
	assert_int_equal(path_call(SYS_mkdir, "/in/d", 0755), -EACCES);
	assert_int_equal(path_call(SYS_mkdir, "/", 0755), -EEXIST);
	assert_int_equal(path_call(SYS_mkdir, "/tmp/d/e", 0755), 0);
	assert_int_equal(path_call(SYS_rmdir, "/tmp/d", 0), -ENOTEMPTY);
	assert_int_equal(path_call(SYS_rmdir, "/tmp/d/.", 0), -EINVAL);
	assert_int_equal(path_call(SYS_rmdir, "/", 0), -EBUSY);
	assert_int_equal(path_call(SYS_chdir, "/tmp/d/e", 0), 0);
	assert_int_equal(sys(SYS_getcwd, buffer, 100), 9);
	assert_int_equal(sys(SYS_getcwd, buffer, 8), -ERANGE);
	assert_int_equal(open_("x", O_CREAT | O_WRONLY), 3);
	assert_int_equal(stat_of("/tmp/d/../d/./e//x").st_size, 0);
	assert_int_equal(path_call(SYS_unlink, "x", 0), 0);
	assert_int_equal(path_call(SYS_rmdir, "../e", 0), 0);
	assert_int_equal(sys(SYS_getcwd, buffer, 100), -ENOENT);
	assert_int_equal(open_("y", O_CREAT | O_WRONLY), -ENOENT);
	assert_int_equal(path_call(SYS_chdir, "/tmp", 0), 0);
	assert_int_equal(path_call(SYS_rmdir, "/tmp/d", 0), 0);
	assert_int_equal(path_call(SYS_chdir, "/in/a.txt", 0), -ENOTDIR);
}

static void test_listing(void **state)
{
	char name[16], seen[2000] = "";
	int64_t dir, got;
	int count = 0;

	(void)state;
	path_call(SYS_mkdir, "/tmp/l", 0755);
	for (int i = 0; i < 60; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/tmp/l/f%d", i);
		sys(SYS_close, open_(path, O_CREAT | O_WRONLY));
	}
	dir = open_("/tmp/l", O_RDONLY | O_DIRECTORY);
	assert_int_equal(sys(SYS_getdents64, dir, buffer, 10), -EINVAL);
	while ((got = sys(SYS_getdents64, dir, buffer, 300)) > 0) {
		for (int64_t at = 0; at < got;) {
			uint16_t length;

			fake_peek(&length, buffer + (uint64_t)at + 16, 2);
			fake_peek(name, buffer + (uint64_t)at + 19, sizeof(name));
			assert_true(length % 8 == 0 && length >= 24 && at + length <= got);
			if (name[0] == 'f') {
				char path[32];

				strcat(seen, name);
				snprintf(path, sizeof(path), "/tmp/l/%s",
				         name); /* removing while listing loses nothing */
				assert_int_equal(path_call(SYS_unlink, path, 0), 0);
			}
			count++;
			at += length;
		}
	}
	assert_int_equal(got, 0);
	assert_int_equal(count, 62);
	assert_non_null(strstr(seen, "f59"));
	assert_int_equal(path_call(SYS_rmdir, "/tmp/l", 0), 0);
	assert_int_equal(sys(SYS_getdents64, 0, buffer, 300), -ENOTDIR);
}

static void test_links(void **state)
{
	(void)state;
	assert_int_equal(two_paths(SYS_symlink, "/in/a.txt", "/tmp/s"), 0);
	assert_string_equal(get(open_("/tmp/s", O_RDONLY), 100), "hello\n");
	assert_int_equal(open_("/tmp/s", O_RDONLY | O_NOFOLLOW), -ELOOP);
	assert_int_equal(two_paths(SYS_symlink, "loop2", "/tmp/loop1"), 0);
	assert_int_equal(two_paths(SYS_symlink, "loop1", "/tmp/loop2"), 0);
	assert_int_equal(open_("/tmp/loop1", O_RDONLY), -ELOOP);
	assert_int_equal(two_paths(SYS_symlink, "../in", "/tmp/dir"), 0);
	assert_string_equal(get(open_("/tmp/dir/a.txt", O_RDONLY), 100), "hello\n");
	assert_int_equal(path_call(SYS_unlink, "/tmp/dir", 0), 0);
	sys(SYS_close, open_("/tmp/f", O_CREAT | O_WRONLY));
	assert_int_equal(two_paths(SYS_link, "/tmp/f", "/tmp/g"), 0);
	assert_int_equal(stat_of("/tmp/g").st_nlink, 2);
	assert_int_equal(two_paths(SYS_link, "/in/a.txt", "/tmp/h"), -EPERM);
	assert_int_equal(two_paths(SYS_link, "/tmp", "/tmp/h"), -EPERM);
	assert_int_equal(path_call(SYS_unlink, "/tmp/f", 0), 0);
	assert_int_equal(stat_of("/tmp/g").st_nlink, 1);
	assert_int_equal(path_call(SYS_readlink, "/tmp/g", buffer), -EINVAL);
}

static void test_rename(void **state)
{
	(void)state;
	int64_t fd = open_("/tmp/a", O_CREAT | O_WRONLY);

	put(fd, "A");
	put(open_("/tmp/b", O_CREAT | O_WRONLY), "B");
	assert_int_equal(two_paths(SYS_rename, "/tmp/a", "/tmp/b"), 0);
	assert_string_equal(get(open_("/tmp/b", O_RDONLY), 10), "A");
	assert_int_equal(open_("/tmp/a", O_RDONLY), -ENOENT);
	assert_int_equal(path_call(SYS_mkdir, "/tmp/d", 0755), 0);
	assert_int_equal(path_call(SYS_mkdir, "/tmp/d/e", 0755), 0);
	assert_int_equal(two_paths(SYS_rename, "/tmp/d", "/tmp/d/e/f"), -EINVAL);
	assert_int_equal(two_paths(SYS_rename, "/tmp/b", "/tmp/d"), -EISDIR);
	assert_int_equal(two_paths(SYS_rename, "/tmp/d", "/tmp/b"), -ENOTDIR);
	assert_int_equal(two_paths(SYS_rename, "/tmp/d/e", "/tmp/e"), 0);
	assert_int_equal(path_call(SYS_chdir, "/tmp/e", 0), 0);
	assert_int_equal(two_paths(SYS_rename, "/tmp/e", "/tmp/x"), 0);
	assert_int_equal(sys(SYS_getcwd, buffer, 100), 7);
	assert_int_equal(two_paths(SYS_rename, "/tmp/x", "/tmp/d"), 0);
	assert_int_equal(two_paths(SYS_rename, "/in/a.txt", "/tmp/y"), -EACCES);
	assert_int_equal(two_paths(SYS_rename, "/tmp/none", "/tmp/y"), -ENOENT);
	assert_int_equal(two_paths(SYS_rename, "/tmp/b", "/tmp/b"), 0);
}

static void test_devices(void **state)
{
	uint8_t zero[64] = { 0 }, seen[64];
	int64_t fd = open_("/dev/null", O_RDWR);

	(void)state;
	assert_int_equal(put(fd, "gone"), 4);
	assert_int_equal(sys(SYS_read, fd, buffer, 10), 0);
	fd = open_("/dev/zero", O_RDWR);
	assert_int_equal(sys(SYS_read, fd, buffer, 64), 64);
	fake_peek(seen, buffer, 64);
	assert_memory_equal(seen, zero, 64);
	fd = open_("/dev/urandom", O_RDONLY);
	assert_int_equal(sys(SYS_read, fd, buffer, 64), 64);
	fake_peek(seen, buffer, 64);
	assert_memory_not_equal(seen, zero, 64);
	assert_int_equal(put(open_("/dev/full", O_WRONLY), "x"), -ENOSPC);
	assert_int_equal(open_("/dev/tty", O_RDWR), -ENXIO);
	assert_int_equal(sys(SYS_ioctl, 1, 0x5401, buffer), -ENOTTY);
	assert_int_equal(sys(SYS_ioctl, fd, 0x5401, buffer), -ENOTTY);
}

/* The program's own strings, and another's: unless it does not want to be looked at. */
static void test_proc_strings(void **state)
{
	char path[64];
	int64_t child;
	int64_t fd;

	(void)state;
	assert_string_equal(get(open_("/proc/self/cmdline", O_RDONLY), 100), "/bin/p");
	assert_string_equal(get(open_("/proc/self/environ", O_RDONLY), 100), "PATH=/bin");
	assert_non_null(strstr(get(open_("/proc/self/maps", O_RDONLY), 4000), " /bin/p\n"));
	child = sys(SYS_fork);
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)child);
	assert_string_equal(get(open_(path, O_RDONLY), 100), "PATH=/bin");
	ceno_process_find((int32_t)child)->dumpable = 0;
	fd = open_(path, O_RDONLY);
	assert_int_equal(sys(SYS_read, fd, buffer, 100), 0);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)child);
	assert_string_equal(get(open_(path, O_RDONLY), 100), "/bin/p");
	assert_int_equal(sys(SYS_prctl, 4, 0), 0); /* its own it may always read */
	assert_string_equal(get(open_("/proc/self/environ", O_RDONLY), 100), "PATH=/bin");
}

static void test_proc(void **state)
{
	(void)state;
	assert_non_null(strstr(get(open_("/proc/self/maps", O_RDONLY), 4000), "00401000-00402000 r-xp"));
	assert_non_null(strstr(get(open_("/proc/meminfo", O_RDONLY), 4000), "MemTotal:"));
	assert_string_equal(get(open_("/sys/devices/system/cpu/online", O_RDONLY), 10), "0\n");
	assert_int_equal(path_call(SYS_readlink, "/proc/self/exe", buffer), -EINVAL);
	uint64_t at = fake_string("/proc/self/exe");
	assert_int_equal(sys(SYS_readlink, at, buffer, 100), 6);
	char text[7] = "";
	fake_peek(text, buffer, 6);
	assert_string_equal(text, "/bin/p");
	assert_int_equal(open_("/proc/self/fd/77", O_RDONLY), -ENOENT);
	int64_t fd = open_("/in/a.txt", O_RDONLY);
	char path[40];
	snprintf(path, sizeof(path), "/dev/fd/%d", (int)fd);
	assert_string_equal(get(open_(path, O_RDONLY), 10), "hello\n");
	assert_int_equal(open_("/proc/meminfo", O_WRONLY), -EACCES);
}

static void test_descriptors(void **state)
{
	int64_t fd = open_("/in/a.txt", O_RDONLY | O_CLOEXEC), other = sys(SYS_dup, fd);

	(void)state;
	assert_int_equal(sys(SYS_fcntl, fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(sys(SYS_fcntl, other, F_GETFD), 0);
	assert_string_equal(get(fd, 2), "he");
	assert_string_equal(get(other, 2), "ll");
	assert_int_equal(sys(SYS_dup2, fd, 100), 100);
	assert_int_equal(sys(SYS_dup2, fd, fd), fd);
	assert_int_equal(sys(SYS_dup2, fd, 1024), -EBADF);
	assert_int_equal(sys(SYS_dup2, fd, -1), -EBADF);
	assert_int_equal(sys(SYS_dup2, 99, 5), -EBADF);
	assert_int_equal(sys(SYS_dup3, fd, fd, 0), -EINVAL);
	assert_int_equal(sys(SYS_fcntl, fd, F_DUPFD, 50), 50);
	assert_int_equal(sys(SYS_fcntl, fd, F_DUPFD, 1024), -EINVAL);
	assert_int_equal(sys(SYS_close_range, 50, UINT32_MAX, 0), 0);
	assert_int_equal(sys(SYS_close, 100), -EBADF);
	assert_int_equal(sys(SYS_close, -1), -EBADF);
	assert_int_equal(sys(SYS_close, 1ull << 32 | 3), 0); /* an int: the upper half does not count */
	for (int i = 0; i < 1030; i++)
		fd = sys(SYS_dup, other);
	assert_int_equal(fd, -EMFILE);
	assert_int_equal(open_("/in/a.txt", O_RDONLY), -EMFILE);
}

static void test_pipe(void **state)
{
	int32_t ends[2];

	(void)state;
	assert_int_equal(sys(SYS_pipe2, buffer, O_NONBLOCK), 0);
	fake_peek(ends, buffer, sizeof(ends));
	assert_int_equal(sys(SYS_read, ends[0], buffer, 10), -EAGAIN);
	assert_int_equal(sys(SYS_splice, 0, 0, ends[1], 0, 10, 0),
	                 -EINVAL); /* what a pipe has no room for would be lost */
	assert_int_equal(put(ends[1], "through"), 7);
	assert_int_equal(put(ends[0], "x"), -EBADF);
	assert_string_equal(get(ends[0], 100), "through");
	for (int i = 0; i < 16; i++)
		assert_int_equal(sys(SYS_write, ends[1], buffer, PAGE), PAGE);
	assert_int_equal(sys(SYS_write, ends[1], buffer, PAGE), -EAGAIN);
	assert_int_equal(sys(SYS_close, ends[1]), 0);
	for (int i = 0; i < 16; i++)
		assert_int_equal(sys(SYS_read, ends[0], buffer, PAGE), PAGE);
	assert_int_equal(sys(SYS_read, ends[0], buffer, PAGE), 0);
	assert_int_equal(sys(SYS_lseek, ends[0], 0, SEEK_SET), -ESPIPE);
	assert_int_equal(sys(SYS_pipe2, BAD, 0), -EFAULT);
}

/* A pipe moves whole pages, or all that is left, or nothing of them; and looks at a buffer only for that. */
static void test_pipe_bad_end(void **state)
{
	uint64_t at = (uint64_t)sys(SYS_mmap, 0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct iovec parts[2] = { { (void *)at, 7 }, { (void *)BAD, 7 } };
	const uint64_t ignore[4] = { 1 };
	int32_t ends[2];

	(void)state;
	assert_int_equal(sys(SYS_munmap, at + 3 * PAGE, PAGE), 0);
	assert_int_equal(sys(SYS_pipe2, buffer, O_NONBLOCK), 0);
	fake_peek(ends, buffer, sizeof(ends));
	assert_int_equal(sys(SYS_read, ends[0], BAD, 10), -EAGAIN);
	assert_int_equal(sys(SYS_write, ends[1], at + 3 * PAGE - 5, 10), -EFAULT);
	fake_poke(buffer, parts, sizeof(parts));
	assert_int_equal(sys(SYS_writev, ends[1], buffer, 2), -EFAULT);
	assert_int_equal(sys(SYS_read, ends[0], buffer, 10), -EAGAIN);
	assert_int_equal(sys(SYS_write, ends[1], at + 100, 3 * PAGE), 2 * PAGE);
	assert_int_equal(sys(SYS_read, ends[0], at + 3 * PAGE - 5, 10), -EFAULT);
	assert_int_equal(sys(SYS_read, ends[0], at + PAGE + 1, 2 * PAGE), PAGE);
	assert_int_equal(sys(SYS_read, ends[0], at, 2 * PAGE), PAGE);
	assert_int_equal(sys(SYS_close, ends[0]), 0);
	assert_int_equal(sys(SYS_write, ends[1], BAD, 0), 0);
	fake_poke(buffer, ignore, sizeof(ignore));
	assert_int_equal(sys(SYS_rt_sigaction, SIGPIPE, buffer, 0, 8), 0);
	assert_int_equal(sys(SYS_write, ends[1], BAD, 10), -EPIPE);
}

static void test_sendfile(void **state)
{
	int64_t in = open_("/in/big", O_RDONLY), out = open_("/tmp/copy", O_CREAT | O_RDWR);
	uint64_t offset = 1000;
	uint8_t seen;

	(void)state;
	fake_poke(buffer, &offset, 8);
	assert_int_equal(sys(SYS_sendfile, out, in, buffer, 1 << 20), 299000);
	fake_peek(&offset, buffer, 8);
	assert_int_equal(offset, 300000);
	assert_int_equal(sys(SYS_pread64, out, buffer, 1, 298999), 1);
	fake_peek(&seen, buffer, 1);
	assert_int_equal(seen, (uint8_t)(299999ull * 31 >> 3));
	assert_int_equal(sys(SYS_lseek, in, 0, SEEK_CUR), 0);
	assert_int_equal(sys(SYS_sendfile, in, out, 0, 10), -EBADF);
	/* to itself: both ends begin at its one position */
	assert_int_equal(sys(SYS_lseek, out, 298000, SEEK_SET), 298000);
	assert_int_equal(sys(SYS_sendfile, out, out, 0, 900), 900);
	assert_int_equal(sys(SYS_lseek, out, 0, SEEK_CUR), 298900);
	assert_int_equal(sys(SYS_lseek, out, 0, SEEK_END), 299000);
	assert_int_equal(sys(SYS_sendfile, out, in, BAD, 10), -EFAULT);
}

/* At the end of a file the buffer is not looked at; a directory has no end to seek from. */
static void test_ends(void **state)
{
	int64_t fd = open_("/tmp/short", O_CREAT | O_RDWR), dir = open_("/tmp", O_RDONLY);

	(void)state;
	assert_int_equal(sys(SYS_write, fd, buffer, 10), 10);
	assert_int_equal(sys(SYS_read, fd, BAD, 10), 0);
	assert_int_equal(sys(SYS_pread64, fd, BAD, 10, 10), 0);
	assert_int_equal(sys(SYS_pread64, fd, BAD, 10, 9), -EFAULT);
	assert_int_equal(sys(SYS_read, fd, UINT64_MAX, 1), -EFAULT); /* nowhere at all */
	assert_int_equal(sys(SYS_read, fd, buffer, UINT64_MAX), -EFAULT);
	fd = open_("/dev/null", O_RDWR);
	assert_int_equal(sys(SYS_write, fd, BAD, 10), 10);
	assert_int_equal(sys(SYS_read, fd, BAD, 10), 0);
	assert_int_equal(sys(SYS_read, open_("/dev/zero", O_RDWR), BAD, 10), -EFAULT);
	assert_int_equal(sys(SYS_write, open_("/dev/full", O_RDWR), BAD, 10), -ENOSPC);
	assert_int_equal(sys(SYS_write, open_("/dev/urandom", O_RDWR), BAD, 10), -EFAULT);
	assert_int_equal(sys(SYS_lseek, dir, 0, SEEK_END), -EINVAL);
	assert_int_equal(sys(SYS_lseek, dir, 0, SEEK_HOLE), -EINVAL);
	assert_int_equal(sys(SYS_lseek, dir, 3, SEEK_SET), 3);
	assert_int_equal(sys(SYS_lseek, dir, 1, SEEK_CUR), 4);
}

static void test_size_limit(void **state)
{
	const uint64_t limit[2] = { 5000, 5000 }, ignore[4] = { 1 };
	int64_t fd = open_("/tmp/limited", O_CREAT | O_RDWR), result;
	const uint64_t past[6] = { (uint64_t)fd, 5001 }, across[6] = { (uint64_t)fd, buffer - 200, 400, 4800 };

	(void)state;
	assert_int_equal(sys(SYS_mmap, buffer - PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
	                 (int64_t)(buffer - PAGE));
	fake_poke(buffer, limit, sizeof(limit));
	assert_int_equal(sys(SYS_prlimit64, 0, 1, buffer, 0), 0);
	/* up to the limit there is no signal, though the buffer goes on where it is reached */
	assert_int_equal(fake_call(SYS_pwrite64, across, &result), FAKE_RETURNED);
	assert_int_equal(result, 200);
	fake_poke(buffer, ignore, sizeof(ignore));
	assert_int_equal(sys(SYS_rt_sigaction, SIGXFSZ, buffer, 0, 8), 0);
	assert_int_equal(sys(SYS_pwrite64, fd, buffer, 1, 5000), -EFBIG);
	assert_int_equal(sys(SYS_pwrite64, fd, buffer, 0, 5000), 0);
	assert_int_equal(sys(SYS_ftruncate, fd, 5001), -EFBIG);
	assert_int_equal(sys(SYS_ftruncate, fd, 5000), 0);
	fake_poke(buffer, (const uint64_t[4]){ 0 }, sizeof(ignore));
	assert_int_equal(sys(SYS_rt_sigaction, SIGXFSZ, buffer, 0, 8), 0);
	assert_int_not_equal(fake_call(SYS_ftruncate, past, &result), FAKE_RETURNED);
}

static void test_bad_buffers(void **state)
{
	int64_t fd = open_("/in/big", O_RDONLY);
	uint64_t page = fake_page();

	(void)state;
	assert_int_equal(sys(SYS_read, fd, BAD, 10), -EFAULT);
	assert_int_equal(sys(SYS_read, fd, page + 4000, 1000), 96); /* as far as memory goes */
	assert_int_equal(sys(SYS_read, fd, page, UINT64_MAX), -EFAULT);
	assert_int_equal(sys(SYS_read, fd, 0x401000, 10), -EFAULT); /* text */
	assert_int_equal(sys(SYS_write, 1, 0x7ffffffff000, 10), -EFAULT);
	assert_int_equal(sys(SYS_write, 1, UINT64_MAX - 3, 10), -EFAULT);
	assert_int_equal(sys(SYS_stat, BAD, page), -EFAULT);
	assert_int_equal(sys(SYS_fstat, fd, page + 4090), -EFAULT);
	assert_int_equal(sys(SYS_readv, fd, BAD, 2), -EFAULT);
	assert_int_equal(sys(SYS_readv, fd, page, 1025), -EINVAL);
	uint64_t vector[4] = { page + 2048, 1ull << 63, page, 10 };
	fake_poke(page, vector, sizeof(vector));
	assert_int_equal(sys(SYS_readv, fd, page, 2), -EINVAL);
	vector[1] = 5;
	vector[2] = BAD;
	fake_poke(page, vector, sizeof(vector));
	assert_int_equal(sys(SYS_readv, fd, page, 2), 5);
	/* a path that runs off its page, and one that is too long */
	for (uint64_t i = 0; i < PAGE; i++)
		fake_poke(page + i, "a", 1);
	assert_int_equal(sys(SYS_open, page, 0, 0), -ENAMETOOLONG);
	assert_int_equal(sys(SYS_open, page + 4090, 0, 0), -EFAULT);
	fake_poke(page + 300, "", 1);
	assert_int_equal(sys(SYS_open, page, 0, 0), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_pack, boot),         cmocka_unit_test_setup(test_pack_mapped, boot),
		cmocka_unit_test_setup(test_tmpfs, boot),        cmocka_unit_test_setup(test_append_and_full, boot),
		cmocka_unit_test_setup(test_directories, boot),  cmocka_unit_test_setup(test_listing, boot),
		cmocka_unit_test_setup(test_links, boot),        cmocka_unit_test_setup(test_rename, boot),
		cmocka_unit_test_setup(test_devices, boot),      cmocka_unit_test_setup(test_proc, boot),
		cmocka_unit_test_setup(test_proc_strings, boot), cmocka_unit_test_setup(test_descriptors, boot),
		cmocka_unit_test_setup(test_pipe, boot),         cmocka_unit_test_setup(test_sendfile, boot),
		cmocka_unit_test_setup(test_bad_buffers, boot),  cmocka_unit_test_setup(test_ends, boot),
		cmocka_unit_test_setup(test_pipe_bad_end, boot), cmocka_unit_test_setup(test_size_limit, boot),
	};

	return cmocka_run_group_tests_name("membrane files", tests, NULL, NULL);
}
