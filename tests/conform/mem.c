/* Memory: mappings, protection, the break; files in memory. */
#include "conform.h"

#include <sys/mman.h>
#include <sys/wait.h>

#define PAGE 4096ul
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static char *map(size_t n, int prot, int flags)
{
	return mmap(NULL, n, prot, flags, -1, 0);
}

/* ---- what a touch does, found in a child ---- */

static volatile char *touched;

static void read_it(void)
{
	(void)*touched;
}
static void write_it(void)
{
	*touched = 1;
}
static void run_it(void)
{
	((void (*)(void))(uintptr_t)touched)();
}

static int touch(void (*how)(void), volatile char *at)
{
	touched = at;
	return conform_child(how);
}

void subject_memory(void)
{
	char *p = map(3 * PAGE, RW, ANON);
	OK(p != MAP_FAILED && (uintptr_t)p % PAGE == 0 && p[0] == 0 && p[3 * PAGE - 1] == 0);
	p[PAGE] = 7;
	OK(munmap(p + PAGE, PAGE) == 0 && touch(read_it, p + PAGE) == 128 + 11 && touch(read_it, p) == 0);
	OK(touch(write_it, p + 2 * PAGE) == 0);
	OK(mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + PAGE && p[PAGE] == 0);
	FAILS(mmap(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED ? -1 : 0, EEXIST);
	p[0] = 8;
	FAILS(mmap(p, PAGE, RW, ANON | MAP_FIXED | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED ? -1 : 0, EEXIST);
	OK(p[0] == 8);
	OK(munmap(p, 3 * PAGE) == 0 && munmap(p, 3 * PAGE) == 0);
	FAILS(munmap(p + 1, PAGE), EINVAL);
	FAILS(munmap(p, 0), EINVAL);
	FAILS(mmap(NULL, 0, RW, ANON, -1, 0) == MAP_FAILED ? -1 : 0, EINVAL);
	FAILS(mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0, EINVAL);
	FAILS(mmap((void *)1, PAGE, RW, ANON | MAP_FIXED, -1, 0) == MAP_FAILED ? -1 : 0, EINVAL);
	FAILS(mmap(NULL, PAGE, RW, MAP_PRIVATE, 99, 0) == MAP_FAILED ? -1 : 0, EBADF);
	FAILS(mmap(NULL, 1ul << 47, RW, ANON, -1, 0) == MAP_FAILED ? -1 : 0, ENOMEM);
	FAILS(mmap(NULL, (size_t)-PAGE, RW, ANON, -1, 0) == MAP_FAILED ? -1 : 0, ENOMEM);
	char *big = map(1ul << 36, PROT_NONE, ANON | MAP_NORESERVE);
	OK(big != MAP_FAILED && mprotect(big + (1ul << 30), PAGE, RW) == 0);
	big[1ul << 30] = 3;
	OK(big[1ul << 30] == 3 && touch(read_it, big) == 128 + 11);
	OK(munmap(big, 1ul << 36) == 0);
	p = map(8 * PAGE, RW, ANON);
	memset(p, 1, 8 * PAGE);
	OK(madvise(p, 4 * PAGE, MADV_DONTNEED) == 0 && p[0] == 0 && p[4 * PAGE] == 1);
	FAILS(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
	FAILS(madvise(p, PAGE, 9999), EINVAL);
	unsigned char in[8];
	OK(mincore(p, 8 * PAGE, in) == 0 && (in[7] & 1));
	OK(msync(p, PAGE, MS_SYNC) == 0);
	FAILS(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	char *q = mremap(p, 8 * PAGE, 32 * PAGE, MREMAP_MAYMOVE);
	OK(q != MAP_FAILED && q[5 * PAGE] == 1 && q[31 * PAGE] == 0);
	OK(mremap(q, 32 * PAGE, 2 * PAGE, 0) == q && touch(read_it, q + 2 * PAGE) == 128 + 11);
	FAILS(mremap(q + 1, PAGE, PAGE, 0) == MAP_FAILED ? -1 : 0, EINVAL);
	char *room = map(4 * PAGE, PROT_NONE, ANON);
	q[0] = 9;
	OK(mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room) == room && room[0] == 9);
	OK(touch(read_it, q) == 128 + 11);
	OK(touch(read_it, (char *)0) == 128 + 11 && touch(read_it, (char *)0xffff800000001000) == 128 + 11);
}

static void want_zero(void)
{
	if (*touched)
		_exit(1);
}

/* What lies before it is mapped when it is touched. */
static void write_both(void)
{
	touched[-1] = 1;
	*touched = 1;
}

/* Memory of less than 2 MiB, and what comes to lie beside it. */
void subject_middling(void)
{
	const size_t large = 2ul << 20, n = 64 * PAGE;
	char *room = map(4 * large, PROT_NONE, ANON), *base = room + (large - (uintptr_t)room % large) + PAGE;
	OK(room != MAP_FAILED && munmap(room, 4 * large) == 0);
	OK(mmap(base, n, RW, ANON, -1, 0) == base && mmap(base + n, PAGE, PROT_READ, ANON, -1, 0) == base + n);
	OK(mmap(base + 2 * n, n, RW, ANON, -1, 0) == base + 2 * n && base[2 * n] == 0);
	OK(touch(write_both, base + n) == 128 + 11 && touch(write_it, base + 2 * n) == 0);
	OK(munmap(base, 3 * n) == 0);
	char *p = mmap(base, n, RW, ANON | MAP_FIXED, -1, 0);
	OK(p == base);
	p[0] = 1;
	FAILS(pipe((int *)(void *)(p + n - 4)), EFAULT);
	memset(p, 5, n);
	OK(mmap(p + n, PAGE, PROT_READ, ANON, -1, 0) == p + n && p[n] == 0 && p[n - 1] == 5);
	OK(touch(write_both, p + n) == 128 + 11 && touch(write_it, p + n - 1) == 0 && p[n - 1] == 5);
	OK(mmap(p + n + PAGE, PAGE, PROT_NONE, ANON, -1, 0) == p + n + PAGE);
	OK(touch(read_it, p + n + PAGE) == 128 + 11 && touch(write_it, p) == 0);
	OK(mmap(p + n + 2 * PAGE, PAGE, RW, ANON, -1, 0) == p + n + 2 * PAGE && p[n + 2 * PAGE] == 0);
	OK(mmap(p + 2 * n, n, RW, ANON | MAP_FIXED, -1, 0) == p + 2 * n && p[2 * n] == 0 && p[3 * n - 1] == 0);
	OK(munmap(p + PAGE, PAGE) == 0 && touch(read_it, p + PAGE) == 128 + 11 && p[0] == 5 && p[2 * PAGE] == 5);
	OK(munmap(p, 3 * n) == 0 && touch(read_it, p) == 128 + 11 && touch(read_it, p + 3 * n - 1) == 128 + 11);
	p = map(n, RW, ANON);
	memset(p, 1, n);
	char *q = mremap(p, n, 5 * n, MREMAP_MAYMOVE);
	OK(q != MAP_FAILED && q[0] == 1 && q[n - 1] == 1 && q[n] == 0 && q[5 * n - 1] == 0);
	memset(q, 2, 5 * n);
	char *beside = map(n, RW, ANON);
	beside[0] = beside[n - 1] = 4;
	q = mremap(q, 5 * n, 20 * n, MREMAP_MAYMOVE);
	OK(q != MAP_FAILED && q[0] == 2 && q[5 * n - 1] == 2 && q[5 * n] == 0 && q[20 * n - 1] == 0);
	OK(beside[0] == 4 && beside[1] == 0 && beside[n - 1] == 4);
	OK(mremap(q, 20 * n, n, 0) == q && touch(read_it, q + n) == 128 + 11 && q[n - 1] == 2);
	p = map(4 * n, RW, ANON);
	memset(p, 7, 4 * n);
	OK(madvise(p + PAGE, PAGE, MADV_WIPEONFORK) == 0 && touch(want_zero, p + PAGE) == 0 && p[PAGE] == 7);
	OK(touch(want_zero, p) == 1 && touch(want_zero, p + 2 * PAGE) == 1);
}

void subject_protection(void)
{
	static const unsigned char ret[] = { 0xc3 };
	char *p = map(4 * PAGE, RW, ANON);
	memcpy(p, ret, sizeof(ret));
	OK(touch(run_it, p) == 128 + 11);
	OK(mprotect(p, PAGE, PROT_READ) == 0 && touch(read_it, p) == 0 && touch(write_it, p) == 128 + 11);
	OK(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0 && touch(run_it, p) == 0 && touch(write_it, p) == 128 + 11);
	OK(mprotect(p, PAGE, RW) == 0 && touch(write_it, p) == 0 && touch(run_it, p) == 128 + 11);
	OK(mprotect(p, PAGE, PROT_NONE) == 0 && touch(read_it, p) == 128 + 11);
	OK(mprotect(p, PAGE, PROT_READ) == 0 && p[0] == (char)0xc3);
	OK(touch(write_it, p + PAGE) == 0);
	FAILS(mprotect(p + 1, PAGE, RW), EINVAL);
	munmap(p + 2 * PAGE, PAGE);
	FAILS(mprotect(p, 4 * PAGE, RW), ENOMEM);
	FAILS(mprotect(p, PAGE, 0x100), EINVAL);
	int fd = open("/dev/zero", O_RDONLY);
	FAILS(read(fd, (char *)p + 2 * PAGE, 1), EFAULT);
	close(fd);
	fd = open("out", O_RDWR | O_CREAT, 0600);
	OK(mprotect(p, 2 * PAGE, PROT_NONE) == 0);
	FAILS(write(fd, p, 1), EFAULT);
	close(fd);
}

void subject_mappings(void)
{
	static char content[2 * PAGE + 100];
	char b[8];
	memset(content, 'c', sizeof(content));
	conform_file("f", content, sizeof(content));
	int fd = open("f", O_RDWR), reader = open("f", O_RDONLY);
	char *private = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0);
	char *shared = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0);
	char *view = mmap(NULL, 3 * PAGE, PROT_READ, MAP_SHARED, reader, 0);
	OK(private != MAP_FAILED && shared != MAP_FAILED && view != MAP_FAILED);
	OK(private[0] == 'c' && private[2 * PAGE + 99] == 'c' && private[2 * PAGE + 100] == 0);
	private[0] = 'p';
	OK(pread(fd, b, 1, 0) == 1 && b[0] == 'c');
	shared[PAGE] = 's';
	OK(pread(fd, b, 1, PAGE) == 1 && b[0] == 's' && view[PAGE] == 's' && private[PAGE] == 's');
	OK(pwrite(fd, "w", 1, 5) == 1 && shared[5] == 'w' && view[5] == 'w');
	OK(msync(shared, 3 * PAGE, MS_SYNC) == 0);
	FAILS(mmap(NULL, PAGE, RW, MAP_SHARED, reader, 0) == MAP_FAILED ? -1 : 0, EACCES);
	FAILS(mprotect(view, PAGE, RW), EACCES);
	OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, reader, 0) != MAP_FAILED);
	FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 5) == MAP_FAILED ? -1 : 0, EINVAL);
	char *past = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 2 * PAGE);
	OK(touch(read_it, past) == 0 && touch(read_it, past + PAGE) == 128 + 7 /* SIGBUS */);
	int writer = open("f", O_WRONLY);
	FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, writer, 0) == MAP_FAILED ? -1 : 0, EACCES);
	int dir = open(".", O_RDONLY);
	FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, dir, 0) == MAP_FAILED ? -1 : 0, ENODEV);
	close(fd);
	OK(shared[PAGE] == 's' && unlink("f") == 0 && view[PAGE] == 's');
	shared[7] = 'z';
	OK(view[7] == 'z');
	/* between processes */
	char *both = map(PAGE, RW, MAP_SHARED | MAP_ANONYMOUS), *own = map(PAGE, RW, ANON);
	own[0] = both[0] = 1;
	pid_t pid = fork();
	if (pid == 0) {
		own[0] = both[0] = 2;
		_exit(shared[7] == 'z' && private[0] == 'p' ? 0 : 1);
	}
	int status;
	OK(waitpid(pid, &status, 0) == pid && status == 0 && both[0] == 2 && own[0] == 1);
	char *p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, open("/dev/zero", O_RDWR), 0);
	OK(p != MAP_FAILED && p[100] == 0);
}

void subject_break_(void)
{
	char *start = sbrk(0);
	OK(start != (char *)-1 && sbrk(3 * PAGE) == start && sbrk(0) == start + 3 * PAGE);
	start[3 * PAGE - 1] = 5;
	OK(start[3 * PAGE - 1] == 5);
	OK(sbrk(-(intptr_t)(2 * PAGE)) != (void *)-1 && sbrk(0) == start + PAGE);
	OK(sbrk(2 * PAGE) != (void *)-1 && start[3 * PAGE - 1] == 0);
	long now = syscall(SYS_brk, 0L);
	OK(syscall(SYS_brk, 8L) == now && syscall(SYS_brk, -1L) == now);
}

void subject_anonymous_files(void)
{
	char b[8];
	struct stat st;
	int fd = memfd_create("name", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	OK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	OK(write(fd, "data", 4) == 4 && fstat(fd, &st) == 0 && st.st_size == 4 && st.st_nlink == 0);
	char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	OK(p != MAP_FAILED && p[1] == 'a');
	p[0] = 'D';
	OK(pread(fd, b, 4, 0) == 4 && b[0] == 'D');
	FAILS(memfd_create("x", 0x40000000), EINVAL);
	int other = open(".", O_RDWR | O_TMPFILE, 0600);
	OK(other >= 0 && write(other, "t", 1) == 1 && fstat(other, &st) == 0 && st.st_nlink == 0);
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", other);
	OK(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0 && stat("named", &st) == 0 &&
	   st.st_size == 1);
	OK(readlink("/proc/self/fd/0", path, sizeof(path)) > 0);
}

void subject_transfers(void)
{
	char b[64] = { 0 };
	off_t at = 2;
	loff_t in = 1, out = 0;
	conform_file("from", "0123456789", 10);
	int from = open("from", O_RDONLY), to = open("to", O_RDWR | O_CREAT, 0600);
	OK(syscall(SYS_sendfile, to, from, &at, 4) == 4 && at == 6 && lseek(from, 0, SEEK_CUR) == 0);
	OK(pread(to, b, 8, 0) == 4 && memcmp(b, "2345", 4) == 0);
	OK(syscall(SYS_sendfile, to, from, NULL, 100) == 10 && lseek(from, 0, SEEK_CUR) == 10);
	OK(copy_file_range(from, &in, to, &out, 3, 0) == 3 && in == 4 && out == 3);
	OK(pread(to, b, 4, 0) == 4 && memcmp(b, "1235", 4) == 0);
	FAILS(copy_file_range(from, &in, to, &out, 3, 1), EINVAL);
	FAILS(syscall(SYS_sendfile, from, to, NULL, 1), EBADF);
	int pipe_fds[2];
	OK(pipe(pipe_fds) == 0 && lseek(from, 0, SEEK_SET) == 0);
	OK(splice(from, NULL, pipe_fds[1], NULL, 5, 0) == 5 && read(pipe_fds[0], b, 64) == 5 && b[4] == '4');
	OK(write(pipe_fds[1], "xyz", 3) == 3 && splice(pipe_fds[0], NULL, to, NULL, 3, 0) == 3);
	FAILS(splice(from, NULL, to, NULL, 1, 0), EINVAL);
}
