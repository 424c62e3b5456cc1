/*
 * Differential test of files: random sequences of system calls, each made of the host's
 * kernel and of membrane, which must answer alike: results, errors, and what they write
 * into memory. The host works in a new directory of tmpfs, as an unprivileged user, with
 * the same descriptors; membrane in /tmp/w.
 *
 *   unit_membrane_differ [STEPS [SEED]]
 */
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPACE    16384u /* of each of a sequence's two buffers */
#define SEQUENCE 200u   /* calls before both start anew */
#define FDS      24
#define DEPTH    6    /* of the directory they begin in: ".." never leads out of what is alike */
#define FAKE_FDS 600u /* the fake's own descriptors lie above */

struct world {
	uint64_t base; /* its two buffers */
};

static uint8_t host_memory[2 * SPACE];
static uint64_t guest_memory;
static uint64_t seed;
static unsigned long steps_done;
static char trace[SEQUENCE][120];
static unsigned traced;
static bool allocated;

static uint64_t any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dull >> 16;
}

static uint64_t below(uint64_t n)
{
	return any() % n;
}

#define PICK(list) (list)[below(sizeof(list) / sizeof((list)[0]))]

/* ---- arguments ------------------------------------------------------------------------ */

#define A16 "aaaaaaaaaaaaaaaa"
static const char too_long[] = A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16; /* by one, for a name */

static const char *const paths[] = { "a",      "b",      "c",          "d",    "d",  "d/a",   "d/b", "d/e",  "d/e/f",
	                             "s",      "s/a",    "l",          "d/s",  ".",  "..",    "d/.", "d/..", "d/../a",
	                             "",       "a/",     "d/",         "s/",   "l/", "a/x",   "./b", "d//a", "loop",
	                             "loop/x", "none/x", "d/./e/../b", "d/e/", "o",  too_long };

enum kind {
	END,
	FD,
	DIRFD,
	PATH,
	PATH2,
	OPENFLAGS,
	MODE,
	OUT,
	IN,
	SIZE,
	OFFSET,
	WHENCE,
	ATFLAGS,
	AMODE,
	NEW,
	RENAME,
	FALLOC,
	LINKFLAGS,
	UNLINKFLAGS,
	FCNTL,
	FCNTLARG,
	TIMES,
	IOV,
	IOVCNT,
	FLOCKOP,
	ZERO,
	PIPEFLAGS,
	LOCK,
	LOCKCMD,
	POLLFDS,
	POLLCOUNT,
	OUT2,
	BASIC
};

enum compare { RESULT, DATA, STAT, NAMES, WHOLE, WORDS, STATX };

struct call {
	const char *name;
	uint64_t number;
	enum compare compare;
	uint8_t kinds[6];
	uint32_t bytes; /* WHOLE: of the output */
};

static const struct call calls[] = {
	{ "openat", SYS_openat, RESULT, { DIRFD, PATH, OPENFLAGS, MODE }, 0 },
	{ "openat", SYS_openat, RESULT, { DIRFD, PATH, OPENFLAGS, MODE }, 0 },
	{ "open", SYS_open, RESULT, { PATH, OPENFLAGS, MODE }, 0 },
	{ "creat", SYS_creat, RESULT, { PATH, MODE }, 0 },
	{ "close", SYS_close, RESULT, { FD }, 0 },
	{ "close", SYS_close, RESULT, { FD }, 0 },
	{ "read", SYS_read, DATA, { FD, OUT, SIZE }, 0 },
	{ "write", SYS_write, RESULT, { FD, IN, SIZE }, 0 },
	{ "write", SYS_write, RESULT, { FD, IN, SIZE }, 0 },
	{ "pread64", SYS_pread64, DATA, { FD, OUT, SIZE, OFFSET }, 0 },
	{ "pwrite64", SYS_pwrite64, RESULT, { FD, IN, SIZE, OFFSET }, 0 },
	{ "readv", SYS_readv, DATA, { FD, IOV, IOVCNT }, 0 },
	{ "writev", SYS_writev, RESULT, { FD, IOV, IOVCNT }, 0 },
	{ "lseek", SYS_lseek, RESULT, { FD, OFFSET, WHENCE }, 0 },
	{ "ftruncate", SYS_ftruncate, RESULT, { FD, OFFSET }, 0 },
	{ "truncate", SYS_truncate, RESULT, { PATH, OFFSET }, 0 },
	{ "fallocate", SYS_fallocate, RESULT, { FD, FALLOC, OFFSET, OFFSET }, 0 },
	{ "mkdirat", SYS_mkdirat, RESULT, { DIRFD, PATH, MODE }, 0 },
	{ "mkdir", SYS_mkdir, RESULT, { PATH, MODE }, 0 },
	{ "rmdir", SYS_rmdir, RESULT, { PATH }, 0 },
	{ "unlink", SYS_unlink, RESULT, { PATH }, 0 },
	{ "unlinkat", SYS_unlinkat, RESULT, { DIRFD, PATH, UNLINKFLAGS }, 0 },
	{ "rename", SYS_rename, RESULT, { PATH, PATH2 }, 0 },
	{ "renameat2", SYS_renameat2, RESULT, { DIRFD, PATH, DIRFD, PATH2, RENAME }, 0 },
	{ "link", SYS_link, RESULT, { PATH, PATH2 }, 0 },
	{ "linkat", SYS_linkat, RESULT, { DIRFD, PATH, DIRFD, PATH2, LINKFLAGS }, 0 },
	{ "symlink", SYS_symlink, RESULT, { PATH, PATH2 }, 0 },
	{ "symlinkat", SYS_symlinkat, RESULT, { PATH, DIRFD, PATH2 }, 0 },
	{ "readlink", SYS_readlink, DATA, { PATH, OUT, SIZE }, 0 },
	{ "readlinkat", SYS_readlinkat, DATA, { DIRFD, PATH, OUT, SIZE }, 0 },
	{ "stat", SYS_stat, STAT, { PATH, OUT }, 0 },
	{ "lstat", SYS_lstat, STAT, { PATH, OUT }, 0 },
	{ "fstat", SYS_fstat, STAT, { FD, OUT }, 0 },
	{ "newfstatat", SYS_newfstatat, STAT, { DIRFD, PATH, OUT, ATFLAGS }, 0 },
	{ "statx", SYS_statx, STATX, { DIRFD, PATH, ATFLAGS, BASIC, OUT }, 0 },
	{ "access", SYS_access, RESULT, { PATH, AMODE }, 0 },
	{ "faccessat2", SYS_faccessat2, RESULT, { DIRFD, PATH, AMODE, ATFLAGS }, 0 },
	{ "chmod", SYS_chmod, RESULT, { PATH, MODE }, 0 },
	{ "fchmod", SYS_fchmod, RESULT, { FD, MODE }, 0 },
	{ "utimensat", SYS_utimensat, RESULT, { DIRFD, PATH, TIMES, ATFLAGS }, 0 },
	{ "getdents64", SYS_getdents64, NAMES, { FD, OUT, SIZE }, 0 },
	{ "dup", SYS_dup, RESULT, { FD }, 0 },
	{ "dup2", SYS_dup2, RESULT, { FD, NEW }, 0 },
	{ "dup3", SYS_dup3, RESULT, { FD, NEW, PIPEFLAGS }, 0 },
	{ "fcntl", SYS_fcntl, RESULT, { FD, FCNTL, FCNTLARG }, 0 },
	{ "fcntl lock", SYS_fcntl, WHOLE, { FD, LOCKCMD, LOCK }, 32 },
	{ "flock", SYS_flock, RESULT, { FD, FLOCKOP }, 0 },
	{ "chdir", SYS_chdir, RESULT, { PATH }, 0 },
	{ "fchdir", SYS_fchdir, RESULT, { FD }, 0 },
	{ "pipe2", SYS_pipe2, WHOLE, { OUT, PIPEFLAGS }, 8 },
	{ "poll", SYS_poll, WHOLE, { POLLFDS, POLLCOUNT, ZERO }, 64 },
	{ "fsync", SYS_fsync, RESULT, { FD }, 0 },
	{ "copy_file_range", SYS_copy_file_range, RESULT, { FD, ZERO, FD, ZERO, SIZE, ZERO }, 0 },
	{ "sendfile", SYS_sendfile, RESULT, { FD, FD, ZERO, SIZE }, 0 },
	{ "umask", SYS_umask, RESULT, { MODE }, 0 },
};

/* What a call is made with, the same for both; addresses are offsets into the buffers. */
struct step {
	const struct call *call;
	uint64_t a[6];
	uint8_t is_pointer[6];
	char path[2][300];
};

static bool is_output(enum kind kind)
{
	return kind == OUT || kind == POLLFDS || kind == LOCK || kind == OUT2;
}

static uint64_t offset(void)
{
	static const uint64_t edges[] = {
		0, 0, 1, 100, 4095, 4096, 4097, 8192, 12345, 40000, 100000, (uint64_t)-1, (uint64_t)-4096, 1ull << 20
	};

	return PICK(edges);
}

static uint64_t value_of(enum kind kind, uint8_t *data)
{
	static const uint64_t open_flags[] = { O_RDONLY,
		                               O_RDONLY,
		                               O_WRONLY,
		                               O_RDWR,
		                               O_RDWR | O_CREAT,
		                               O_WRONLY | O_CREAT | O_TRUNC,
		                               O_RDWR | O_CREAT | O_EXCL,
		                               O_RDONLY | O_CREAT,
		                               O_WRONLY | O_APPEND | O_CREAT,
		                               O_RDONLY | O_DIRECTORY,
		                               O_RDONLY | O_NOFOLLOW,
		                               O_PATH,
		                               O_PATH | O_NOFOLLOW,
		                               O_RDONLY | O_TRUNC,
		                               O_RDWR | O_TMPFILE,
		                               O_RDONLY | O_TMPFILE,
		                               O_RDONLY | O_DIRECTORY | O_CREAT,
		                               O_RDWR | O_TMPFILE | O_EXCL,
		                               O_RDONLY | O_NONBLOCK,
		                               O_RDONLY | O_NOATIME,
		                               O_WRONLY | O_DIRECTORY,
		                               O_PATH | O_DIRECTORY,
		                               O_RDWR | O_CREAT | O_NOFOLLOW,
		                               O_DIRECTORY | O_NOFOLLOW };
	static const uint64_t modes[] = { 0644, 0755, 0600, 0700, 0777, 0, 0400, 0200, 0100, 01777, 0444, 0555 };
	static const uint64_t sizes[] = { 0, 1, 8, 24, 64, 100, 300, 1000, 4096, 5000, 8192 };
	static const uint64_t at_flags[] = {
		0, 0, 0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, 0x8000000
	};
	static const uint64_t fallocs[] = { 0, 1, 3, 2, 0x10, 0x11, 8 };
	static const uint64_t flocks[] = { 1, 2, 4, 8, 5, 6, 8, 0, 3 };
	static const uint64_t fcntls[] = { F_GETFD, F_SETFD, F_GETFL, F_DUPFD, F_DUPFD_CLOEXEC, 99999, F_SETFL };
	static const uint64_t lock_commands[] = { F_SETLK, F_SETLK, F_GETLK, F_OFD_SETLK, F_OFD_SETLK, F_OFD_GETLK };
	static const uint64_t pipes[] = { O_NONBLOCK, O_NONBLOCK | O_CLOEXEC, 1 };
	static const int64_t nsecs[] = { 5, 0, UTIME_NOW, UTIME_OMIT, UTIME_OMIT, 999999999, 1000000000, -1 };

	switch (kind) {
	case FD:
		return below(20) ? 3 + below(FDS - 3) : below(2) ? (uint64_t)-1 : 5000;
	case DIRFD:
		return below(3) ? (uint64_t)AT_FDCWD : 3 + below(FDS - 3);
	case OPENFLAGS:
		return PICK(open_flags) | (below(4) ? 0 : O_CLOEXEC) | (below(30) ? 0 : below(1ull << 22));
	case MODE:
		return PICK(modes);
	case SIZE:
		return PICK(sizes);
	case OFFSET:
		return offset();
	case WHENCE:
		return below(6);
	case ATFLAGS:
		return PICK(at_flags);
	case AMODE:
		return below(40) ? below(8) : 9;
	case NEW:
		return 3 + below(FDS - 3);
	case RENAME:
		return below(20) ? below(3) : 3;
	case FALLOC:
		return PICK(fallocs);
	case LINKFLAGS:
		return below(8) ? below(2) * AT_SYMLINK_FOLLOW : AT_EMPTY_PATH;
	case UNLINKFLAGS:
		return below(20) ? below(2) * AT_REMOVEDIR : 1;
	case FCNTL:
		return PICK(fcntls);
	case FCNTLARG:
		return below(3) ? below(FDS) : O_APPEND;
	case FLOCKOP:
		return PICK(flocks) | 4;
	case LOCKCMD:
		return PICK(lock_commands);
	case PIPEFLAGS:
		return PICK(pipes);
	case IOVCNT:
		return below(20) ? below(4) : below(2) ? 1025 : (uint64_t)-1;
	case POLLCOUNT:
		return below(6);
	case TIMES:
		for (int i = 0; i < 2; i++) {
			struct timespec t = { (time_t)below(2000000000), PICK(nsecs) };

			memcpy(data + (size_t)i * sizeof(t), &t, sizeof(t));
		}
		return 0;
	case LOCK: {
		struct flock lock = { .l_type = (short)below(4),
			              .l_whence = (short)below(4),
			              .l_start = (off_t)below(30) - 5,
			              .l_len = (off_t)below(20) - 4 };

		memcpy(data, &lock, sizeof(lock));
		return 0;
	}
	case POLLFDS:
		for (size_t i = 0; i < 8; i++) {
			struct pollfd p = { (int)value_of(FD, NULL), (short)(POLLIN | POLLOUT), 0 };

			memcpy(data + i * sizeof(p), &p, sizeof(p));
		}
		return 0;
	case BASIC:
		return STATX_BASIC_STATS;
	default:
		return 0;
	}
}

/* ---- the two worlds ------------------------------------------------------------------------ */

/* Both buffers begin alike: arguments in the first, what calls write in the second. */
static void lay_out(const uint8_t *image)
{
	memcpy(host_memory, image, 2 * SPACE);
	fake_poke(guest_memory, image, 2 * SPACE);
}

static void see(uint8_t *out, bool guest)
{
	if (guest)
		fake_peek(out, guest_memory, 2 * SPACE);
	else
		memcpy(out, host_memory, 2 * SPACE);
}

static int64_t make_call(const struct step *step, bool guest)
{
	uint64_t base = guest ? guest_memory : (uint64_t)(uintptr_t)host_memory, a[6];
	int64_t result;

	for (int i = 0; i < 6; i++) {
		a[i] = step->a[i] + (step->is_pointer[i] ? base : 0);
		if (step->call->kinds[i] == IOV) { /* holds addresses itself */
			struct iovec v[3];

			for (size_t k = 0; k < 3; k++) {
				v[k].iov_base = (void *)(uintptr_t)(base + SPACE + k * 3000);
				v[k].iov_len =
				    (step->a[5] >> (8 * k)) & 0xff ? ((step->a[5] >> (8 * k)) & 0xff) * 10 : 0;
			}
			if (guest)
				fake_poke(a[i], v, sizeof(v));
			else
				memcpy((void *)(uintptr_t)a[i], v, sizeof(v));
		}
	}
	if (guest)
		return sys6(step->call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	result = syscall((long)step->call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	return result < 0 ? -errno : result;
}

static void compose(struct step *step, uint8_t *image)
{
	uint64_t at = 0;

	memset(step, 0, sizeof(*step));
	step->call = &calls[below(sizeof(calls) / sizeof(calls[0]))];
	for (size_t i = 0; i < 2 * SPACE; i++)
		image[i] = (uint8_t)(i * 7 >> 2 ^ seed);
	for (int i = 0; i < 6; i++) {
		enum kind kind = step->call->kinds[i];

		if (kind == PATH || kind == PATH2) {
			const char *path = PICK(paths);

			step->is_pointer[i] = 1;
			step->a[i] = at;
			strcpy((char *)image + at, path);
			strcpy(step->path[kind == PATH2], path);
			at += 512;
		} else if (kind == OUT) {
			step->is_pointer[i] = 1;
			step->a[i] = SPACE;
		} else if (kind == IN || kind == TIMES || kind == IOV || kind == LOCK || kind == POLLFDS) {
			step->is_pointer[i] = 1;
			step->a[i] = is_output(kind) ? SPACE : at;
			(void)value_of(kind, image + step->a[i]);
			at += kind == IN ? 9000 : 512;
		} else {
			step->a[i] = value_of(kind, NULL);
		}
	}
	if (step->call->compare == WHOLE && step->call->number == SYS_fcntl)
		step->is_pointer[2] = 1;
	if (step->call->kinds[1] == IOV)
		step->a[5] = any();
	if (step->call->number == SYS_dup3 && step->a[2] != 1)
		step->a[2] &= O_CLOEXEC;
	if (step->call->number == SYS_fcntl && step->a[1] == F_SETFL)
		step->a[2] =
		    (step->a[2] & O_APPEND) | O_NONBLOCK; /* never O_NONBLOCK off: nobody else is there to wait for */
}

/* ---- comparing ---------------------------------------------------------------------------- */

static void fail_with(const struct step *step, int64_t host, int64_t guest, const char *what)
{
	fprintf(stderr, "after %lu steps: %s(", steps_done, step->call->name);
	for (int i = 0; i < 6 && step->call->kinds[i]; i++)
		fprintf(stderr, "%s%#lx", i ? ", " : "", (unsigned long)step->a[i]);
	fprintf(stderr, ") \"%s\" \"%s\": host %ld, membrane %ld: %s\n", step->path[0], step->path[1], (long)host,
	        (long)guest, what);
	for (unsigned i = 0; i < traced; i++)
		fprintf(stderr, "  %3u %s\n", i, trace[i]);
	abort();
}

static void compare_stat(const struct step *step, const uint8_t *host, const uint8_t *guest, int64_t result)
{
	struct stat h, g;

	memcpy(&h, host + SPACE, sizeof(h));
	memcpy(&g, guest + SPACE, sizeof(g));
	if (h.st_mode != g.st_mode)
		fail_with(step, h.st_mode, g.st_mode, "mode");
	if (h.st_nlink != g.st_nlink && !S_ISFIFO(h.st_mode))
		fail_with(step, (int64_t)h.st_nlink, (int64_t)g.st_nlink, "nlink");
	if (h.st_size != g.st_size)
		fail_with(step, h.st_size, g.st_size, "size");
	if (S_ISREG(h.st_mode) && h.st_blocks != g.st_blocks)
		fail_with(step, h.st_blocks, g.st_blocks, "blocks");
	if ((h.st_mtime < 1900000000 || g.st_mtime < 1600000000) && h.st_mtime < 1650000000 && h.st_mtime != g.st_mtime)
		fail_with(step, h.st_mtime, g.st_mtime, "mtime");
	(void)result;
}

static void compare_statx(const struct step *step, const uint8_t *host, const uint8_t *guest)
{
	struct statx h, g;

	memcpy(&h, host + SPACE, sizeof(h));
	memcpy(&g, guest + SPACE, sizeof(g));
	if (h.stx_mode != g.stx_mode || (h.stx_nlink != g.stx_nlink && !S_ISFIFO(h.stx_mode)) ||
	    h.stx_size != g.stx_size)
		fail_with(step, h.stx_mode, g.stx_mode, "statx");
	if ((h.stx_mask & 0x7ff) != (g.stx_mask & 0x7ff))
		fail_with(step, h.stx_mask, g.stx_mask, "statx mask");
}

/* A listing is a set: the order is each file system's own. Only whole ones are compared. */
static uint64_t names_of(const uint8_t *at, int64_t bytes)
{
	uint64_t sum = 0;

	for (int64_t i = 0; i < bytes;) {
		uint16_t length;
		uint64_t hash = at[i + 18];

		memcpy(&length, at + i + 16, 2);
		for (const char *c = (const char *)at + i + 19; *c; c++)
			hash = hash * 131 + (uint8_t)*c;
		sum += hash;
		i += length;
	}
	return sum;
}

static void compare(const struct step *step, int64_t host, int64_t guest)
{
	static uint8_t h[2 * SPACE], g[2 * SPACE];

	if (host != guest)
		fail_with(step, host, guest, "result");
	if (host < 0)
		return;
	see(h, false);
	see(g, true);
	switch (step->call->compare) {
	case DATA:
		if (memcmp(h + SPACE, g + SPACE, SPACE) != 0)
			fail_with(step, host, guest, "data");
		break;
	case STAT:
		compare_stat(step, h, g, host);
		break;
	case STATX:
		compare_statx(step, h, g);
		break;
	case NAMES:
		if (names_of(h + SPACE, host) != names_of(g + SPACE, guest))
			fail_with(step, host, guest, "names");
		break;
	case WHOLE:
		for (uint32_t i = 0; i < step->call->bytes; i++)
			if (h[SPACE + i] != g[SPACE + i])
				fprintf(stderr, "byte %u: %#x, %#x\n", i, h[SPACE + i], g[SPACE + i]);
		if (memcmp(h + SPACE, g + SPACE, step->call->bytes) != 0)
			fail_with(step, host, guest, "output");
		break;
	default:
		break;
	}
}

static void note(const struct step *step, int64_t result)
{
	int at = snprintf(trace[traced], sizeof(trace[0]), "%s", step->call->name);

	for (int i = 0; i < 6 && step->call->kinds[i] && at < 60; i++)
		at += snprintf(trace[traced] + at, sizeof(trace[0]) - (size_t)at, " %#lx", (unsigned long)step->a[i]);
	snprintf(trace[traced++] + at, sizeof(trace[0]) - (size_t)at, " \"%.12s\" \"%.12s\" = %ld", step->path[0],
	         step->path[1], (long)result);
}

/* ---- sequences ------------------------------------------------------------------------------- */

/* A listing that does not fit, and positions in directories, are each file system's own. */
static bool is_own(const struct step *step)
{
	struct stat st;

	/* Of two bad paths, which one is complained about. */
	for (int i = 0; i < 6; i++)
		if (step->call->kinds[i] == PATH2 &&
		    (strlen(step->path[0]) > NAME_MAX || strlen(step->path[1]) > NAME_MAX))
			return true;
	/* Of two unfit files, likewise. */
	if (step->call->number == SYS_sendfile)
		return fstat((int)step->a[0], &st) || !S_ISREG(st.st_mode) || fstat((int)step->a[1], &st) ||
		    !S_ISREG(st.st_mode);
	if (step->call->number == SYS_getdents64)
		return step->a[2] < 1000;
	if (step->call->number == SYS_fallocate) /* what it makes is data here, and unwritten there */
		allocated = true;
	if (step->call->number == SYS_lseek && allocated && (step->a[2] == SEEK_DATA || step->a[2] == SEEK_HOLE))
		return true;
	if (step->call->number == SYS_lseek)
		return fstat((int)step->a[0], &st) == 0 && S_ISDIR(st.st_mode) && (step->a[1] || step->a[2]);
	return false;
}

static void host_home(const char *home)
{
	if (chdir(home) || syscall(SYS_close_range, 3u, FAKE_FDS - 1u, 0u))
		abort();
	umask(022);
}

static void remove_all(const char *path)
{
	char command[400];

	snprintf(command, sizeof(command), "chmod -R u+rwx %s 2>/dev/null; rm -rf %s", path, path);
	if (system(command) != 0)
		fprintf(stderr, "cannot remove %s\n", path);
}

static void guest_home(void)
{
	const uint64_t ignore[4] = { 1 };
	uint64_t at;

	fake_start();
	guest_memory = (uint64_t)sys(SYS_mmap, 0, 2 * SPACE, 3, 0x22, -1, 0);
	fake_poke(guest_memory, ignore, sizeof(ignore));
	assert_int_equal(sys(SYS_rt_sigaction, SIGPIPE, guest_memory, 0, 8), 0);
	at = fake_string("/tmp");
	for (int depth = 0; depth <= DEPTH; depth++) {
		assert_int_equal(sys(SYS_chdir, at), 0);
		if (depth == 0)
			at = fake_string("h");
		if (depth < DEPTH)
			assert_int_equal(sys(SYS_mkdir, at, 0700), 0);
	}
}

static void sequence(const char *parent, unsigned long count)
{
	static uint8_t image[2 * SPACE];
	char home[200];

	snprintf(home, sizeof(home), "%s/w%lu", parent, steps_done);
	for (int depth = 0; depth < DEPTH; depth++) {
		if (mkdir(home, 0700)) {
			perror(home);
			abort();
		}
		strcat(home, "/h");
	}
	*strrchr(home, '/') = 0;
	host_home(home);
	guest_home();
	traced = 0;
	allocated = false;
	for (unsigned long i = 0; i < count; i++) {
		struct step step;
		int64_t host, guest;

		compose(&step, image);
		if (is_own(&step))
			continue;
		lay_out(image);
		host = make_call(&step, false);
		guest = make_call(&step, true);
		compare(&step, host, guest);
		note(&step, host);
		steps_done++;
	}
	if (chdir("/") || syscall(SYS_close_range, 3u, FAKE_FDS - 1u, 0u))
		abort();
	umask(022);
}

static int run(const char *parent, unsigned long steps)
{
	struct rlimit files = { 1024, 1024 };

	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	while (dup(0) >= 0 && fcntl(FAKE_FDS - 1, F_GETFD) < 0)
		;
	fake_start();
	(void)fake_window();
	if (getuid() == 0 && (chown(parent, 1000, 1000) || setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000)))
		return 1;
	while (steps_done < steps)
		sequence(parent, SEQUENCE);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long steps = argc > 1 ? strtoul(argv[1], NULL, 0) : 30000;
	char parent[] = "/dev/shm/differ-XXXXXX";
	int status = 0;
	pid_t child;

	seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 0x5eed;
	printf("%lu steps, seed %#lx\n", steps, (unsigned long)seed);
	fflush(stdout);
	if (!mkdtemp(parent)) {
		printf("skip: no tmpfs at /dev/shm\n");
		return 77;
	}
	child = fork();
	if (child == 0)
		_exit(run(parent, steps));
	if (waitpid(child, &status, 0) < 0)
		status = 1;
	remove_all(parent);
	printf("%s (status %#x)\n", status ? "not the same" : "the same", (unsigned)status);
	return status ? 1 : 0;
}
