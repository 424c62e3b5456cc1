/*
 * The part of the Linux x86-64 user ABI that membrane speaks: numbers and
 * structure layouts, as man-pages sections 2 and 7 and the uapi headers give
 * them. Names carry LX_ so that hosted tests can hold them against libc's
 * (tests/unit/membrane/test_linux_abi.c).
 */
#ifndef CENO_MEMBRANE_LINUX_H
#define CENO_MEMBRANE_LINUX_H

#include <stdint.h>

enum lx_errno {
	LX_EPERM = 1,
	LX_ENOENT = 2,
	LX_ESRCH = 3,
	LX_EINTR = 4,
	LX_EIO = 5,
	LX_ENXIO = 6,
	LX_E2BIG = 7,
	LX_ENOEXEC = 8,
	LX_EBADF = 9,
	LX_ECHILD = 10,
	LX_EAGAIN = 11,
	LX_ENOMEM = 12,
	LX_EACCES = 13,
	LX_EFAULT = 14,
	LX_EBUSY = 16,
	LX_EEXIST = 17,
	LX_EXDEV = 18,
	LX_ENODEV = 19,
	LX_ENOTDIR = 20,
	LX_EISDIR = 21,
	LX_EINVAL = 22,
	LX_ENFILE = 23,
	LX_EMFILE = 24,
	LX_ENOTTY = 25,
	LX_EFBIG = 27,
	LX_ENOSPC = 28,
	LX_ESPIPE = 29,
	LX_EROFS = 30,
	LX_EMLINK = 31,
	LX_EPIPE = 32,
	LX_ERANGE = 34,
	LX_EDEADLK = 35,
	LX_ENAMETOOLONG = 36,
	LX_ENOLCK = 37,
	LX_ENOSYS = 38,
	LX_ENOTEMPTY = 39,
	LX_ELOOP = 40,
	LX_EOVERFLOW = 75,
	LX_ENOTSOCK = 88,
	LX_EMSGSIZE = 90,
	LX_EPROTOTYPE = 91,
	LX_ENOPROTOOPT = 92,
	LX_EPROTONOSUPPORT = 93,
	LX_ESOCKTNOSUPPORT = 94,
	LX_ELIBBAD = 80,
	LX_EOPNOTSUPP = 95,
	LX_EAFNOSUPPORT = 97,
	LX_EADDRINUSE = 98,
	LX_EISCONN = 106,
	LX_ENOTCONN = 107,
	LX_ETOOMANYREFS = 109,
	LX_ETIMEDOUT = 110,
	LX_ECONNREFUSED = 111,
	/* Between a call and the delivery of signals only, as in Linux; no program sees them. */
	LX_ERESTARTSYS = 512,
	LX_ERESTARTNOHAND = 514
};

enum lx_signal {
	LX_SIGHUP = 1,
	LX_SIGINT = 2,
	LX_SIGQUIT = 3,
	LX_SIGILL = 4,
	LX_SIGTRAP = 5,
	LX_SIGABRT = 6,
	LX_SIGBUS = 7,
	LX_SIGFPE = 8,
	LX_SIGKILL = 9,
	LX_SIGSEGV = 11,
	LX_SIGPIPE = 13,
	LX_SIGALRM = 14,
	LX_SIGCHLD = 17,
	LX_SIGCONT = 18,
	LX_SIGSTOP = 19,
	LX_SIGTSTP = 20,
	LX_SIGTTIN = 21,
	LX_SIGTTOU = 22,
	LX_SIGURG = 23,
	LX_SIGXFSZ = 25,
	LX_SIGVTALRM = 26,
	LX_SIGPROF = 27,
	LX_SIGWINCH = 28,
	LX_SIGSYS = 31,
	LX_SIGRTMIN = 32, /* the kernel's; libc keeps the first ones for itself */
	LX_SIGNALS = 64
};

enum {
	LX_O_ACCMODE = 3,
	LX_O_RDONLY = 0,
	LX_O_WRONLY = 1,
	LX_O_RDWR = 2,
	LX_O_CREAT = 0100,
	LX_O_EXCL = 0200,
	LX_O_NOCTTY = 0400,
	LX_O_TRUNC = 01000,
	LX_O_APPEND = 02000,
	LX_O_NONBLOCK = 04000,
	LX_O_DSYNC = 010000,
	LX_O_DIRECT = 040000,
	LX_O_LARGEFILE = 0100000,
	LX_O_DIRECTORY = 0200000,
	LX_O_NOFOLLOW = 0400000,
	LX_O_NOATIME = 01000000,
	LX_O_CLOEXEC = 02000000,
	LX_O_SYNC = 04010000,
	LX_O_PATH = 010000000,
	LX_O_TMPFILE = 020200000
};

enum {
	LX_S_IFMT = 0170000,
	LX_S_IFIFO = 0010000,
	LX_S_IFCHR = 0020000,
	LX_S_IFBLK = 0060000,
	LX_S_IFDIR = 0040000,
	LX_S_IFREG = 0100000,
	LX_S_IFLNK = 0120000,
	LX_S_IFSOCK = 0140000
};

enum {
	LX_AT_FDCWD = -100,
	LX_AT_SYMLINK_NOFOLLOW = 0x100,
	LX_AT_REMOVEDIR = 0x200,
	LX_AT_EACCESS = 0x200,
	LX_AT_SYMLINK_FOLLOW = 0x400,
	LX_AT_NO_AUTOMOUNT = 0x800,
	LX_AT_EMPTY_PATH = 0x1000,
	LX_AT_STATX_SYNC_TYPE = 0x6000
};

enum { LX_AF_UNIX = 1, LX_AF_INET = 2, LX_AF_INET6 = 10 };
enum { LX_SOCK_STREAM = 1, LX_SOCK_DGRAM = 2, LX_SOCK_SEQPACKET = 5 };
enum { LX_PROT_READ = 1, LX_PROT_WRITE = 2, LX_PROT_EXEC = 4, LX_PROT_MASK = 7, LX_PROT_SEM = 8 };

enum {
	LX_MAP_SHARED = 1,
	LX_MAP_PRIVATE = 2,
	LX_MAP_SHARED_VALIDATE = 3,
	LX_MAP_TYPE = 0xf,
	LX_MAP_FIXED = 0x10,
	LX_MAP_ANONYMOUS = 0x20,
	LX_MAP_32BIT = 0x40,
	LX_MAP_GROWSDOWN = 0x100,
	LX_MAP_DENYWRITE = 0x800,
	LX_MAP_EXECUTABLE = 0x1000,
	LX_MAP_LOCKED = 0x2000,
	LX_MAP_NORESERVE = 0x4000,
	LX_MAP_POPULATE = 0x8000,
	LX_MAP_NONBLOCK = 0x10000,
	LX_MAP_STACK = 0x20000,
	LX_MAP_HUGETLB = 0x40000,
	LX_MAP_FIXED_NOREPLACE = 0x100000
};

enum { LX_MREMAP_MAYMOVE = 1, LX_MREMAP_FIXED = 2, LX_MREMAP_DONTUNMAP = 4 };
enum { LX_SEEK_SET, LX_SEEK_CUR, LX_SEEK_END, LX_SEEK_DATA, LX_SEEK_HOLE };
enum { LX_DT_DIR = 4, LX_DT_LNK = 10 };
enum { LX_POLLIN = 1, LX_POLLOUT = 4, LX_POLLERR = 8, LX_POLLHUP = 16, LX_POLLNVAL = 32, LX_POLLRDHUP = 0x2000 };

enum {
	LX_F_DUPFD = 0,
	LX_F_GETFD = 1,
	LX_F_SETFD = 2,
	LX_F_GETFL = 3,
	LX_F_SETFL = 4,
	LX_F_GETLK = 5,
	LX_F_SETLK = 6,
	LX_F_SETLKW = 7,
	LX_F_OFD_GETLK = 36,
	LX_F_OFD_SETLK = 37,
	LX_F_OFD_SETLKW = 38,
	LX_F_DUPFD_CLOEXEC = 1030,
	LX_F_SETPIPE_SZ = 1031,
	LX_F_GETPIPE_SZ = 1032,
	LX_F_ADD_SEALS = 1033,
	LX_F_GET_SEALS = 1034,
	LX_F_SETOWN = 8,
	LX_F_GETOWN = 9,
	LX_F_GETOWN_EX = 16,
	LX_FD_CLOEXEC = 1,
	LX_F_RDLCK = 0,
	LX_F_WRLCK = 1,
	LX_F_UNLCK = 2
};

enum {
	LX_F_SEAL_SEAL = 1,
	LX_F_SEAL_SHRINK = 2,
	LX_F_SEAL_GROW = 4,
	LX_F_SEAL_WRITE = 8,
	LX_F_SEAL_FUTURE_WRITE = 16,
	LX_F_SEAL_ALL = 31
};

enum {
	LX_CLOCK_REALTIME = 0,
	LX_CLOCK_MONOTONIC = 1,
	LX_CLOCK_PROCESS_CPUTIME = 2,
	LX_CLOCK_THREAD_CPUTIME = 3,
	LX_CLOCK_MONOTONIC_RAW = 4,
	LX_CLOCK_REALTIME_COARSE = 5,
	LX_CLOCK_MONOTONIC_COARSE = 6,
	LX_CLOCK_BOOTTIME = 7,
	LX_TIMER_ABSTIME = 1
};

enum {
	LX_CLONE_VM = 0x100,
	LX_CLONE_FS = 0x200,
	LX_CLONE_FILES = 0x400,
	LX_CLONE_SIGHAND = 0x800,
	LX_CLONE_PIDFD = 0x1000,
	LX_CLONE_PTRACE = 0x2000,
	LX_CLONE_VFORK = 0x4000,
	LX_CLONE_PARENT = 0x8000,
	LX_CLONE_THREAD = 0x10000,
	LX_CLONE_NEWNS = 0x20000,
	LX_CLONE_SYSVSEM = 0x40000,
	LX_CLONE_SETTLS = 0x80000,
	LX_CLONE_PARENT_SETTID = 0x100000,
	LX_CLONE_CHILD_CLEARTID = 0x200000,
	LX_CLONE_DETACHED = 0x400000,
	LX_CLONE_UNTRACED = 0x800000,
	LX_CLONE_CHILD_SETTID = 0x1000000,
	LX_CLONE_NEW_ANY = 0x7e020000 /* NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET */
};
#define LX_CLONE_CLEAR_SIGHAND 0x100000000ull

enum {
	LX_WNOHANG = 1,
	LX_WUNTRACED = 2,
	LX_WEXITED = 4,
	LX_WCONTINUED = 8,
	LX_WNOWAIT = 0x1000000,
	LX_WNOTHREAD = 0x20000000,
	LX_WALL = 0x40000000
};
#define LX_WCLONE 0x80000000u

enum {
	LX_AT_NULL = 0,
	LX_AT_PHDR = 3,
	LX_AT_PHENT = 4,
	LX_AT_PHNUM = 5,
	LX_AT_PAGESZ = 6,
	LX_AT_BASE = 7,
	LX_AT_FLAGS = 8,
	LX_AT_ENTRY = 9,
	LX_AT_UID = 11,
	LX_AT_EUID = 12,
	LX_AT_GID = 13,
	LX_AT_EGID = 14,
	LX_AT_PLATFORM = 15,
	LX_AT_HWCAP = 16,
	LX_AT_CLKTCK = 17,
	LX_AT_SECURE = 23,
	LX_AT_RANDOM = 25,
	LX_AT_HWCAP2 = 26,
	LX_AT_EXECFN = 31,
	LX_AT_SYSINFO_EHDR = 33,
	LX_AT_MINSIGSTKSZ = 51
};

struct lx_timespec {
	int64_t sec, nsec;
};
struct lx_timeval {
	int64_t sec, usec;
};
struct lx_iovec {
	uint64_t base, len;
};
struct lx_pollfd {
	int32_t fd;
	int16_t events, revents;
};

struct lx_stat {
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, pad0;
	uint64_t rdev;
	int64_t size, blksize, blocks;
	struct lx_timespec atime, mtime, ctime;
	int64_t reserved[3];
};
_Static_assert(sizeof(struct lx_stat) == 144, "struct stat of x86-64");

struct lx_statx_time {
	int64_t sec;
	uint32_t nsec;
	int32_t pad;
};
struct lx_statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad0;
	uint64_t ino, size, blocks, attributes_mask;
	struct lx_statx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mnt_id, spare[13];
};
_Static_assert(sizeof(struct lx_statx) == 256, "struct statx");

struct lx_statfs {
	int64_t type, bsize;
	uint64_t blocks, bfree, bavail, files, ffree;
	int32_t fsid[2];
	int64_t namelen, frsize, flags, spare[4];
};
_Static_assert(sizeof(struct lx_statfs) == 120, "struct statfs");

struct lx_utsname {
	char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};

struct lx_sysinfo {
	int64_t uptime;
	uint64_t loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	uint16_t procs, pad;
	uint32_t pad1;
	uint64_t totalhigh, freehigh;
	uint32_t mem_unit, pad2;
};
_Static_assert(sizeof(struct lx_sysinfo) == 112, "struct sysinfo");

struct lx_sigaction {
	uint64_t handler, flags, restorer, mask;
};
enum {
	LX_SA_NOCLDSTOP = 1,
	LX_SA_NOCLDWAIT = 2,
	LX_SA_SIGINFO = 4,
	LX_SA_UNSUPPORTED = 0x400,
	LX_SA_EXPOSE_TAGBITS = 0x800,
	LX_SA_RESTORER = 0x04000000,
	LX_SA_ONSTACK = 0x08000000,
	LX_SA_RESTART = 0x10000000,
	LX_SA_NODEFER = 0x40000000,
	LX_SS_ONSTACK = 1,
	LX_SS_DISABLE = 2
};
#define LX_SA_RESETHAND  0x80000000u
#define LX_SS_AUTODISARM 0x80000000u

enum {
	LX_SI_USER = 0,
	LX_SI_KERNEL = 128,
	LX_SI_QUEUE = -1,
	LX_SI_TIMER = -2,
	LX_SI_TKILL = -6,
	LX_ILL_ILLOPN = 2,
	LX_FPE_INTDIV = 1,
	LX_FPE_FLTINV = 7,
	LX_SEGV_MAPERR = 1,
	LX_SEGV_ACCERR = 2,
	LX_BUS_ADRALN = 1,
	LX_BUS_ADRERR = 2,
	LX_TRAP_BRKPT = 1,
	LX_TRAP_TRACE = 2,
	LX_CLD_EXITED = 1,
	LX_CLD_KILLED = 2,
	LX_CLD_STOPPED = 5,
	LX_CLD_CONTINUED = 6
};

/* The part that every kind has, and what follows: pid, uid and value; address; ... */
struct lx_siginfo {
	int32_t signo, error, code, pad;
	union {
		struct {
			int32_t pid;
			uint32_t uid;
			uint64_t value;
		};
		struct {
			int32_t child_pid;
			uint32_t child_uid;
			int32_t child_status, child_pad;
			int64_t child_utime, child_stime;
		};
		struct {
			int32_t timer_id, timer_overrun;
			uint64_t timer_value;
		};
		uint64_t address;
		uint64_t field[14];
	};
};
_Static_assert(sizeof(struct lx_siginfo) == 128, "siginfo_t");

struct lx_stack {
	uint64_t sp;
	int32_t flags;
	int32_t pad;
	uint64_t size;
};
struct lx_rlimit {
	uint64_t cur, max;
};
struct lx_flock {
	int16_t type, whence;
	int32_t pad;
	int64_t start, len;
	int32_t pid, pad1;
};

struct lx_elf_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct lx_elf_segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
enum {
	LX_ET_EXEC = 2,
	LX_ET_DYN = 3,
	LX_EM_X86_64 = 62,
	LX_PT_LOAD = 1,
	LX_PT_INTERP = 3,
	LX_PT_PHDR = 6,
	LX_PF_X = 1,
	LX_PF_W = 2,
	LX_PF_R = 4
};

#endif
