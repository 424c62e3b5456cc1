/*
 * Behaviour that must be the same on Linux and in the guest: a static program that
 * checks itself. It is run on the host first, where it must pass (else it tests
 * something that Linux does not do), then in the guest. Argument 1: a directory
 * that can be written.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static int failures, checks;

#define CHECK(x)           (checks++, (x) ? 0 : (failures++, printf("%s:%d: %s (errno %d)\n", __func__, __LINE__, #x, errno)))
#define FAILS(call, error) CHECK((errno = 0, (long)(call) == -1 && errno == (error)))

/* A system call that must not be known: all registers but rax, rcx, r11 survive. */
static void registers(void)
{
	uint64_t out[12], want[12];
	uint64_t result;

	for (unsigned i = 0; i < 12; i++)
		want[i] = 0x1234567800000000u + i;
	__asm__ volatile("push %%rbx; push %%rbp; push %[out]\n\t"
	                 "mov 0(%[in]), %%rbx; mov 8(%[in]), %%rdx; mov 16(%[in]), %%rdi\n\t"
	                 "mov 32(%[in]), %%r8; mov 40(%[in]), %%r9; mov 48(%[in]), %%r10; mov 56(%[in]), %%r12\n\t"
	                 "mov 64(%[in]), %%r13; mov 72(%[in]), %%r14; mov 80(%[in]), %%r15; mov 88(%[in]), %%rbp\n\t"
	                 "mov 24(%[in]), %%rsi\n\t"
	                 "mov $5000, %%eax; syscall\n\t"
	                 "pop %%rcx\n\t"
	                 "mov %%rbx, 0(%%rcx); mov %%rdx, 8(%%rcx); mov %%rdi, 16(%%rcx); mov %%rsi, 24(%%rcx)\n\t"
	                 "mov %%r8, 32(%%rcx); mov %%r9, 40(%%rcx); mov %%r10, 48(%%rcx); mov %%r12, 56(%%rcx)\n\t"
	                 "mov %%r13, 64(%%rcx); mov %%r14, 72(%%rcx); mov %%r15, 80(%%rcx); mov %%rbp, 88(%%rcx)\n\t"
	                 "pop %%rbp; pop %%rbx"
	                 : "=a"(result)
	                 : [in] "S"(want), [out] "c"(out)
	                 : "rdx", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
	CHECK((int64_t)result == -ENOSYS);
	CHECK(memcmp(out, want, sizeof(out)) == 0);
}

/* Vector registers and flags across calls, faults and ticks. */
static void long_state(void)
{
	volatile double sum = 0, x = 1.000000001;
	struct timespec from, to;
	char *fresh = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < 30000000; i++) { /* some tens of milliseconds: several ticks */
		sum += x;
		if (i % 1000000 == 0)
			fresh[(unsigned)i / 1000000 * 32768] = (char)i;
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	CHECK(sum > 30000000.02 && sum < 30000000.04);
	CHECK(to.tv_sec > from.tv_sec || to.tv_nsec > from.tv_nsec);
}

static void memory(void)
{
	char *a = mmap(NULL, 16 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *b;
	void *heap = sbrk(0);

	CHECK(a != MAP_FAILED);
	strcpy(a + 5000, "kept");
	CHECK(munmap(a + (4 << 12), 4096) == 0);
	CHECK(strcmp(a + 5000, "kept") == 0);
	CHECK(madvise(a, 3 << 12, MADV_DONTNEED) == 0 && a[5000] == 0);
	FAILS(mprotect(a + (4 << 12), 4096, PROT_READ), ENOMEM);
	FAILS(munmap(a + 1, 4096), EINVAL);
	FAILS(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
	FAILS(mmap(NULL, (size_t)-4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	FAILS(mmap(a, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	b = mremap(a, 4096, 64 << 12, MREMAP_MAYMOVE);
	CHECK(b != MAP_FAILED);
	FAILS(write(1, a == b ? NULL : a, 1), EFAULT);
	CHECK(sbrk(100000) == heap);
	memset(heap, 1, 100000);
	CHECK(sbrk(-100000) != (void *)-1 && sbrk(100000) == heap);
	b = mmap(NULL, 32 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(mprotect(b + (5 << 20), 8 << 20, PROT_READ | PROT_WRITE) == 0);
	for (size_t i = 5 << 20; i < 13 << 20; i += 4096)
		CHECK(b[i] == 0), b[i] = 1;
	CHECK(munmap(b, 32 << 20) == 0);
}

static void files(const char *directory)
{
	char path[300], other[300], text[32] = "";
	struct stat st;
	struct iovec v[2] = { { "one ", 4 }, { "two", 3 } };
	int fd, dup_fd, at;

	CHECK(chdir(directory) == 0 && getcwd(path, sizeof(path)));
	fd = open("f", O_CREAT | O_EXCL | O_RDWR, 0640);
	CHECK(fd >= 0);
	FAILS(open("f", O_CREAT | O_EXCL | O_RDWR, 0640), EEXIST);
	CHECK(writev(fd, v, 2) == 7 && lseek(fd, 0, SEEK_CUR) == 7);
	CHECK(pread(fd, text, 3, 4) == 3 && strcmp(text, "two") == 0);
	CHECK(ftruncate(fd, 100000) == 0 && fstat(fd, &st) == 0 && st.st_size == 100000 && S_ISREG(st.st_mode));
	CHECK((st.st_mode & 0777) == (0640 & ~022) && st.st_nlink == 1);
	CHECK(lseek(fd, 0, SEEK_END) == 100000);
	FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
	FAILS(lseek(fd, 0, 99), EINVAL);
	dup_fd = dup(fd);
	CHECK(lseek(dup_fd, 10, SEEK_SET) == 10 && lseek(fd, 0, SEEK_CUR) == 10);
	CHECK(close(dup_fd) == 0);
	FAILS(close(dup_fd), EBADF);
	FAILS(read(dup_fd, text, 1), EBADF);
	CHECK(mkdir("d", 0755) == 0 && link("f", "d/g") == 0 && stat("d/g", &st) == 0 && st.st_nlink == 2);
	FAILS(rmdir("d"), ENOTEMPTY);
	FAILS(unlink("d"), EISDIR);
	FAILS(rename("d", "d/e"), EINVAL);
	FAILS(open("f/x", O_RDONLY), ENOTDIR);
	FAILS(open("d", O_WRONLY), EISDIR);
	FAILS(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	FAILS(open("none/x", O_CREAT | O_WRONLY, 0600), ENOENT);
	CHECK(symlink("d/g", "s") == 0 && readlink("s", other, sizeof(other)) == 3 && lstat("s", &st) == 0 &&
	      S_ISLNK(st.st_mode));
	FAILS(open("s", O_RDONLY | O_NOFOLLOW), ELOOP);
	FAILS(readlink("f", other, sizeof(other)), EINVAL);
	at = open("d", O_RDONLY | O_DIRECTORY);
	CHECK(at >= 0 && faccessat(at, "g", R_OK, 0) == 0 && renameat(at, "g", at, "h") == 0);
	FAILS(stat("s", &st), ENOENT);
	CHECK(unlinkat(at, "h", 0) == 0 && close(at) == 0 && rmdir("d") == 0 && unlink("s") == 0);
	CHECK(unlink("f") == 0 && write(fd, "still", 5) == 5 && close(fd) == 0);
	FAILS(access("f", F_OK), ENOENT);
	FAILS(stat("", &st), ENOENT);
	FAILS(stat((char *)1, &st), EFAULT);
	FAILS(fstat(0, (struct stat *)8), EFAULT);
	memset(path, 'a', 290);
	path[290] = 0;
	FAILS(open(path, O_RDONLY), ENAMETOOLONG);
}

static void listing(void)
{
	char name[32];
	DIR *dir;
	struct dirent *entry;
	int seen = 0, left = 0;

	CHECK(mkdir("many", 0700) == 0 && chdir("many") == 0);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0600));
	}
	dir = opendir(".");
	while ((entry = readdir(dir)))
		if (entry->d_name[0] == 'f' && entry->d_type == DT_REG)
			seen++, left += unlink(entry->d_name) != 0;
	closedir(dir);
	CHECK(seen == 300 && left == 0);
	CHECK(chdir("..") == 0 && rmdir("many") == 0);
}

static void descriptors(void)
{
	int ends[2], fd;
	char text[8];
	struct pollfd p;
	struct rlimit limit = { 20, 20 }, before;

	CHECK(pipe(ends) == 0 && write(ends[1], "pipe", 4) == 4);
	p = (struct pollfd){ ends[0], POLLIN, 0 };
	CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLIN);
	CHECK(read(ends[0], text, 8) == 4 && memcmp(text, "pipe", 4) == 0);
	CHECK(close(ends[1]) == 0 && read(ends[0], text, 8) == 0 && poll(&p, 1, 0) == 1 && p.revents == POLLHUP);
	FAILS(lseek(ends[0], 0, SEEK_SET), ESPIPE);
	FAILS(write(ends[0], "x", 1), EBADF);
	CHECK(dup2(ends[0], 19) == 19 && fcntl(19, F_GETFD) == 0 && fcntl(19, F_SETFD, FD_CLOEXEC) == 0 &&
	      fcntl(19, F_GETFD) == 1);
	FAILS(fcntl(19, F_DUPFD, -1), EINVAL);
	CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
	limit.rlim_max = before.rlim_max;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	while ((fd = dup(0)) >= 0)
		;
	CHECK(errno == EMFILE);
	CHECK(syscall(SYS_close_range, 3, ~0u, 0) == 0 && dup(0) == 3 && close(3) == 0);
	FAILS(ioctl(2, 0x5401, text), ENOTTY);
}

static void other(void)
{
	struct timespec t, u = { 0, 20000000 };
	struct utsname name;
	struct sysinfo info;
	struct sigaction action = { .sa_handler = SIG_IGN }, old;
	unsigned char random[64] = { 0 };
	sigset_t set, was;
	int zeros = 0;

	CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0 && nanosleep(&u, NULL) == 0 &&
	      clock_gettime(CLOCK_MONOTONIC, &u) == 0);
	CHECK((u.tv_sec - t.tv_sec) * 1000000000 + u.tv_nsec - t.tv_nsec >= 20000000);
	FAILS(clock_gettime(999, &t), EINVAL);
	FAILS(nanosleep(&(struct timespec){ 0, 1000000000 }, NULL), EINVAL);
	CHECK(time(NULL) > 1700000000);
	CHECK(syscall(SYS_getrandom, random, sizeof(random), 0) == 64);
	for (int i = 0; i < 64; i++)
		zeros += random[i] == 0;
	CHECK(zeros < 8);
	CHECK(uname(&name) == 0 && strcmp(name.sysname, "Linux") == 0 && strcmp(name.machine, "x86_64") == 0);
	CHECK(sysinfo(&info) == 0 && info.totalram * info.mem_unit > 16 << 20);
	CHECK(getauxval(AT_PAGESZ) == 4096 && getauxval(AT_RANDOM) && getauxval(AT_PHDR) && getauxval(AT_SECURE) == 0);
	CHECK(sigaction(SIGUSR1, &action, &old) == 0 && old.sa_handler == SIG_DFL && raise(SIGUSR1) == 0);
	FAILS(sigaction(SIGKILL, &action, NULL), EINVAL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	CHECK(sigprocmask(SIG_BLOCK, &set, &was) == 0 && sigprocmask(SIG_SETMASK, &was, &set) == 0 &&
	      sigismember(&set, SIGTERM));
	FAILS(syscall(SYS_wait4, -1, NULL, 0, NULL), ECHILD);
	FAILS(kill(getpid(), 99), EINVAL);
	CHECK(syscall(SYS_gettid) == getpid());
	errno = 0;
}

int main(int argc, char **argv)
{
	struct stat out;

	if (argc < 2)
		return 2;
	umask(022);
	registers();
	memory();
	files(argv[1]);
	listing();
	other();
	long_state();
	if (fstat(1, &out) == 0 && !isatty(2))
		descriptors();
	printf("%d checks, %d failures\n", checks, failures);
	return failures ? 1 : 0;
}
