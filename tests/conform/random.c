/*
 * conform-random SEED SEQUENCES CALLS: sequences of system calls by chance, each in a
 * process and an empty folder of its own. Every call's result is printed, and of what
 * it read a hash. The same seed prints the same on every system that behaves like
 * Linux: the host's output and the guest's must be equal.
 *
 * Kept out of what is printed: addresses, numbers of processes and inodes, times, sizes
 * of directories. Calls never wait: pipes do not block, and stay far from full. Not as
 * root, who may do what modes forbid, and without descriptors of whoever started it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE      4096
#define ARENA     ((char *)0x200000000000)
#define ARENA_END 32 /* pages */
#define FDS       14 /* descriptors 3 to 16 are in play */

static uint64_t chance;
static unsigned number;
static char buffer[3 * PAGE];
static volatile sig_atomic_t caught;

/* splitmix64 */
static uint64_t draw(void)
{
	uint64_t z = chance += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
	return (unsigned)(draw() % n);
}

static uint32_t hash(const void *bytes, size_t n)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const unsigned char *)bytes)[i]) * 16777619u;
	return h;
}

/* What was drawn for a call: printed with its result. */
static char drawn[200];

static long note(long value)
{
	size_t at = strlen(drawn);
	snprintf(drawn + at, sizeof(drawn) - at, " %ld", value);
	return value;
}

/* One of the elements of an array, noted. */
#define PICK(array) note((array)[below(sizeof(array) / sizeof((array)[0]))])

static long said(const char *what, long result)
{
	printf("%u %s:%s = %ld %s\n", number, what, drawn, result, result == -1 ? strerrorname_np(errno) : "");
	drawn[0] = '\0';
	return result;
}

static void said_bytes(const char *what, long result, const void *bytes)
{
	said(what, result);
	if (result > 0)
		printf("  %08x\n", hash(bytes, (size_t)result));
}

static const char *path(void)
{
	static const char *const paths[] = { "a", "b",       "c",  "d", "d/a", "d/e",      "d/e/f",
		                             "l", "./d/./a", "d/", ".", "",    "absent/a", "a/x" };
	const char *p = paths[below(sizeof(paths) / sizeof(paths[0]))];
	size_t at = strlen(drawn);
	snprintf(drawn + at, sizeof(drawn) - at, " \"%s\"", p);
	return p;
}

static int fd(void)
{
	static const int odd[] = { -1, 99, 2000 };
	unsigned i = below(FDS + 1);
	return (int)note(i < FDS ? (int)i + 3 : odd[below(3)]);
}

/* A descriptor of a file, if a few tries find one. */
static int regular(void)
{
	struct stat st;
	for (unsigned i = 0; i < 6; i++) {
		int f = fd();
		if (fstat(f, &st) == 0 && S_ISREG(st.st_mode))
			return f;
	}
	return -1;
}

static size_t length(void)
{
	static const short lengths[] = { 0, 1, 7, 100, 511, 512 };
	return (size_t)PICK(lengths);
}

static off_t offset(void)
{
	static const off_t offsets[] = { 0, 1, 100, 4095, 4096, 5000, 8191, 70000, -1 };
	return PICK(offsets);
}

/* A descriptor that a call gave, if it is one in play. */
static void keep(int new)
{
	if (new >= 3 + FDS)
		close(new);
}

/* ---- files ---- */

static void do_open(void)
{
	static const int flags[] = { O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW };
	int how = (int[]){ O_RDONLY, O_WRONLY, O_RDWR }[below(3)];
	for (unsigned i = 0; i < 7; i++)
		how |= below(4) == 0 ? flags[i] : 0;
	const char *p = path();
	if (how & O_CREAT && how & O_DIRECTORY)
		how &= ~O_DIRECTORY; /* Linux changed its mind about these together */
	note(how);
	keep((int)said("open", open(p, how, 0600)));
}
static void do_close(void)
{
	said("close", close(fd()));
}
static void do_read(void)
{
	ssize_t n = read(fd(), buffer, length());
	said_bytes("read", n, buffer);
}
static void do_pread(void)
{
	int f = fd();
	size_t n = length();
	said_bytes("pread", pread(f, buffer, n, offset()), buffer);
}
static void fill(size_t n)
{
	memset(buffer, 'a' + (int)below(26), n);
}
static void do_write(void)
{
	size_t n = length();
	fill(n);
	said("write", write(fd(), buffer, n));
}
static void do_pwrite(void)
{
	size_t n = length();
	int f = fd();
	fill(n);
	said("pwrite", pwrite(f, buffer, n, offset()));
}
static void do_writev(void)
{
	struct iovec v[2] = { { buffer, length() }, { buffer + PAGE, length() } };
	memset(buffer, 'v', sizeof(buffer));
	said("writev", writev(fd(), v, 2));
}
static void do_lseek(void)
{
	int f = fd();
	off_t at = offset();
	static const int whence[] = { SEEK_SET, SEEK_CUR, SEEK_END, 9 };
	said("lseek", lseek(f, at, (int)PICK(whence)));
}
static void do_ftruncate(void)
{
	int f = fd();
	said("ftruncate", ftruncate(f, offset()));
}
static void do_truncate(void)
{
	const char *p = path();
	said("truncate", truncate(p, offset()));
}
static void do_dup(void)
{
	keep((int)said("dup", dup(fd())));
}
static void do_dup2(void)
{
	int f = fd();
	said("dup2", dup2(f, (int)note(3 + (long)below(FDS))));
}
static void do_fcntl(void)
{
	static const int what[] = { F_GETFD, F_SETFD, F_GETFL, F_SETFL };
	static const int arguments[] = { 0, 1, O_APPEND, O_NONBLOCK };
	int f = fd(), w = (int)PICK(what), argument = (int)PICK(arguments);
	struct stat st;
	if (w == F_SETFL && fstat(f, &st) == 0 && S_ISFIFO(st.st_mode))
		argument |= O_NONBLOCK;
	long result = fcntl(f, w, argument);
	said("fcntl", w == F_GETFL && result >= 0 ? result & (O_ACCMODE | O_APPEND | O_NONBLOCK) : result);
}
static void say_stat(const char *what, int result, const struct stat *st)
{
	said(what, result);
	if (result == 0)
		printf("  %o %ld %ld\n", st->st_mode & S_IFMT, S_ISDIR(st->st_mode) ? 0 : (long)st->st_size,
		       S_ISDIR(st->st_mode) ? 0 : (long)st->st_nlink);
}
static void do_stat(void)
{
	struct stat st;
	say_stat("stat", stat(path(), &st), &st);
	say_stat("lstat", lstat(path(), &st), &st);
}
static void do_fstat(void)
{
	struct stat st;
	int f = fd();
	int result = fstat(f, &st);
	if (result == 0 && S_ISFIFO(st.st_mode))
		st.st_size = 0;
	say_stat("fstat", result, &st);
}
static void do_link(void)
{
	const char *p = path();
	said("link", link(p, path()));
}
static void do_unlink(void)
{
	said("unlink", unlink(path()));
}
static void do_symlink(void)
{
	const char *p = path();
	said("symlink", symlink(p, path()));
}
static void do_readlink(void)
{
	const char *p = path();
	said_bytes("readlink", readlink(p, buffer, (size_t)note(below(8))), buffer);
}
static void do_rename(void)
{
	const char *p = path();
	said("rename", rename(p, path()));
}
static void do_mkdir(void)
{
	said("mkdir", mkdir(path(), 0700));
}
static void do_rmdir(void)
{
	said("rmdir", rmdir(path()));
}
static void do_chmod(void)
{
	static const int modes[] = { 0700, 0755, 0700, 0600, 0500, 0300, 0444, 0 };
	const char *p = path();
	mode_t mode = (mode_t)PICK(modes);
	/* Who cannot search the folder that all is in has nothing more to compare. */
	said("chmod", chmod(p, strcmp(p, ".") == 0 ? mode | 0100 : mode));
}
static void do_access(void)
{
	said("access", access(path(), F_OK));
}
static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}
static void do_list(void)
{
	char *names[64];
	unsigned n = 0;
	DIR *d = opendir(path());
	said("opendir", d ? 0 : -1);
	if (!d)
		return;
	for (struct dirent *e; n < 64 && (e = readdir(d));)
		names[n++] = strdup(e->d_name);
	closedir(d);
	qsort(names, n, sizeof(names[0]), by_name);
	for (unsigned i = 0; i < n; i++) {
		printf("  %s\n", names[i]);
		free(names[i]);
	}
}
/* Within one file only to the same place: elsewhere Linux may see bytes that it just wrote. */
static void do_sendfile(void)
{
	int to = fd(), from = fd();
	struct stat st, other;
	if (fstat(to, &st) != 0 || !S_ISREG(st.st_mode) || fstat(from, &other) != 0 || !S_ISREG(other.st_mode))
		return;
	if (st.st_ino != other.st_ino || to == from)
		said("sendfile", sendfile(to, from, NULL, length()));
}

/* ---- pipes ---- */

static void do_pipe(void)
{
	int p[2];
	if (said("pipe2", pipe2(p, O_NONBLOCK)) == 0) {
		printf("  %d %d\n", p[0], p[1]);
		keep(p[0]);
		keep(p[1]);
	}
}
static void do_poll(void)
{
	struct pollfd f[3];
	for (int i = 0; i < 3; i++)
		f[i] = (struct pollfd){ fd(), (short)note((below(2) ? POLLIN : 0) | (below(2) ? POLLOUT : 0)), 0 };
	said("poll", poll(f, 3, 0));
	printf("  %x %x %x\n", (unsigned)f[0].revents, (unsigned)f[1].revents, (unsigned)f[2].revents);
}

/* ---- memory, in an arena that nothing else is in ---- */

static int protection(void)
{
	static const int protections[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE };
	return (int)PICK(protections);
}
static char *place(void)
{
	return ARENA + PAGE * note(below(ARENA_END));
}
static size_t pages(void)
{
	return PAGE * (size_t)note(1 + (long)below(6));
}
static void do_mmap(void)
{
	static const int kinds[] = { MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED };
	int flags = (int)PICK(kinds), prot = protection(), f = flags & MAP_ANONYMOUS ? -1 : regular();
	char *at = place();
	size_t n = pages();
	off_t from = flags & MAP_ANONYMOUS ? 0 : PAGE * note(below(2));
	if (f < 0 && !(flags & MAP_ANONYMOUS))
		return;
	char *p = mmap(at, n, prot, flags | MAP_FIXED, f, from);
	said("mmap", p == MAP_FAILED ? -1 : p == at);
}
static void do_munmap(void)
{
	char *at = place();
	size_t n = pages();
	said("munmap", munmap(at, n));
}
static void do_mprotect(void)
{
	char *at = place();
	size_t n = pages();
	int prot = protection();
	said("mprotect", mprotect(at, n, prot));
}
static void do_madvise(void)
{
	char *at = place();
	size_t n = pages();
	said("madvise", madvise(at, n, MADV_DONTNEED));
}
/* Within one mapping: what becomes of several, and of the target then, depends on the kernel's version. */
static void do_mremap(void)
{
	static const int kinds[] = { MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS };
	char *from = place(), *to = place();
	size_t n = PAGE * (size_t)note(1 + (long)below(3));
	if (to + n > from && from + n > to)
		return;
	if (n > PAGE && mmap(from, n, PROT_READ | PROT_WRITE, (int)PICK(kinds) | MAP_FIXED, -1, 0) == from)
		for (size_t at = 0; at < n; at += PAGE * (1 + below(2)))
			memset(from + at, 'a' + (int)below(26), PAGE / 2);
	char *p = mremap(from, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	said("mremap", p == MAP_FAILED ? -1 : p == to);
}

/* Memory is looked at and changed by calls, which say EFAULT where a touch would kill. */
static int tube[2] = { 40, 41 };

static void do_peek(void)
{
	char *at = place() + note(below(PAGE));
	size_t n = 1 + (size_t)note(below(64));
	ssize_t got = write(tube[1], at, n);
	said("peek", got);
	if (got > 0 && read(tube[0], buffer, sizeof(buffer)) == got)
		printf("  %08x\n", hash(buffer, (size_t)got));
}
static void do_poke(void)
{
	char *at = place() + note(below(PAGE));
	size_t n = 1 + (size_t)note(below(64));
	fill(n);
	write(tube[1], buffer, n);
	ssize_t got = read(tube[0], at, n);
	said("poke", got);
	if (got < 0)
		read(tube[0], buffer, sizeof(buffer));
}

/* And by touching it, where a signal says what is wrong. */
static sigjmp_buf back;
static siginfo_t fault;

static void on_fault(int n, siginfo_t *info, void *context)
{
	(void)n;
	(void)context;
	fault = *info;
	siglongjmp(back, 1);
}
static void do_touch(void)
{
	volatile char *at = place() + note(below(PAGE));
	char letter = (char)('a' + below(26));
	if (sigsetjmp(back, 1) == 0) {
		if (note(below(2)))
			*at = letter;
		said("touch", *at);
	} else {
		said("touch", fault.si_signo);
		printf("  %d %d\n", fault.si_code, (char *)fault.si_addr == at);
	}
}

/* The same with files, where the mapping may be of the same file: then what is copied onto itself lies whole pages apart,
 * since nearer than that each processor's way of copying leaves something else. */
static void do_load(void)
{
	int f = regular();
	char *at = place();
	size_t n = 1 + (size_t)note(below(2 * PAGE));
	off_t from = offset();
	if (f >= 0)
		said("load", pread(f, at + (size_t)from % PAGE, n, from));
}
static void do_store(void)
{
	int f = regular();
	char *at = place();
	size_t n = 1 + (size_t)note(below(2 * PAGE));
	off_t to = offset();
	struct stat st;
	if (f < 0 || fstat(f, &st) != 0)
		return;
	/* Not past the end: a newer tmpfs grows up to there before it finds nothing to write. */
	to = to < st.st_size ? to : st.st_size;
	said("store", pwrite(f, at + (size_t)to % PAGE, n, to));
}

/* ---- processes and signals ---- */

static void on_signal(int n)
{
	caught += n;
}
static void do_signal(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	switch (below(4)) {
	case 0:
		said("block", sigprocmask(SIG_BLOCK, &set, NULL));
		break;
	case 1:
		said("unblock", sigprocmask(SIG_UNBLOCK, &set, NULL));
		break;
	case 2:
		said("raise", raise(SIGUSR1));
		break;
	default:
		signal(SIGUSR1, below(3) ? on_signal : SIG_IGN);
		break;
	}
	sigpending(&set);
	printf("  caught %d pending %d\n", (int)caught, sigismember(&set, SIGUSR1));
}

static void step(int depth);

static void do_fork(int depth)
{
	int status = 0;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		for (unsigned i = below(8); i > 0; i--)
			step(depth + 1);
		fflush(stdout);
		if (below(8) == 0)
			kill(getpid(), SIGKILL);
		_exit((int)below(200));
	}
	said("wait", waitpid(pid, &status, 0) == pid);
	printf("  %x\n", (unsigned)status);
	chance += 12345;
}

static void (*const calls[])(void) = {
	do_open,     do_open,    do_open,     do_close,     do_read,     do_read,   do_pread, do_write, do_write,
	do_pwrite,   do_writev,  do_lseek,    do_ftruncate, do_truncate, do_dup,    do_dup2,  do_fcntl, do_stat,
	do_fstat,    do_link,    do_unlink,   do_symlink,   do_readlink, do_rename, do_mkdir, do_rmdir, do_chmod,
	do_access,   do_list,    do_sendfile, do_pipe,      do_poll,     do_mmap,   do_mmap,  do_mmap,  do_munmap,
	do_mprotect, do_madvise, do_mremap,   do_peek,      do_peek,     do_poke,   do_poke,  do_load,  do_store,
	do_signal,   do_touch,   do_touch,    do_touch,
};

static void step(int depth)
{
	unsigned i = below(sizeof(calls) / sizeof(calls[0]) * 8 + 3);
	number++;
	drawn[0] = '\0';
	if (i / 8 < sizeof(calls) / sizeof(calls[0]))
		calls[i / 8]();
	else if (depth < 3)
		do_fork(depth);
}

static void sequence(unsigned count)
{
	char folder[4096];
	const char *tmp = getenv("TMPDIR");
	snprintf(folder, sizeof(folder), "%s/random-XXXXXX", tmp ? tmp : "/tmp");
	int p[2];
	if (!mkdtemp(folder) || chdir(folder) != 0 || pipe2(p, O_NONBLOCK) != 0 || dup2(p[0], tube[0]) < 0 ||
	    dup2(p[1], tube[1]) < 0)
		abort();
	close(p[0]);
	close(p[1]);
	signal(SIGUSR1, on_signal);
	signal(SIGPIPE, SIG_IGN);
	struct sigaction on = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	sigaction(SIGSEGV, &on, NULL);
	sigaction(SIGBUS, &on, NULL);
	alarm(100);
	mkdir("d", 0700);
	mkdir("d/e", 0700);
	open("a", O_RDWR | O_CREAT, 0600);
	open("b", O_RDWR | O_CREAT, 0600);
	open("d/e/f", O_RDWR | O_CREAT, 0600);
	while (count-- > 0)
		step(0);
	fflush(stdout);
	_exit(0);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fputs("usage: conform-random SEED SEQUENCES CALLS\n", stderr);
		return 2;
	}
	if (close_range(3, ~0u, 0) != 0 ||
	    (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(1000) != 0 || setuid(1000) != 0))) {
		perror("conform-random");
		return 2;
	}
	uint64_t seed = strtoull(argv[1], NULL, 0);
	unsigned sequences = (unsigned)atoi(argv[2]), count = (unsigned)atoi(argv[3]);
	for (unsigned i = 0; i < sequences; i++) {
		int status = 0;
		chance = seed * 1000003 + i;
		number = 0;
		printf("sequence %u\n", i);
		fflush(stdout);
		pid_t pid = fork();
		if (pid == 0)
			sequence(count);
		waitpid(pid, &status, 0);
		if (status != 0) {
			printf("sequence %u ended with %#x\n", i, (unsigned)status);
			return 1;
		}
	}
	return 0;
}
