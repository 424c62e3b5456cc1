/* Calls that change little or nothing for one user on one processor, and the order of their checks. */
#include "conform.h"

#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/epoll.h>
#include <poll.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <linux/falloc.h>
#include <linux/membarrier.h>

#define PAGE 4096

static void *volatile nowhere = (void *)8;

static void locking(void)
{
	char *at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	OK(mlock(at, PAGE) == 0 && mlock(at + 5, 1) == 0 && munlock(at, PAGE) == 0);
	OK(mlock(at, 0) == 0 && munlock(at, 0) == 0);
	OK(syscall(SYS_mlock2, at, PAGE, 0) == 0 && syscall(SYS_mlock2, at, PAGE, MLOCK_ONFAULT) == 0);
	FAILS(syscall(SYS_mlock2, at, PAGE, 2), EINVAL);
	OK(munmap(at + 2 * PAGE, PAGE) == 0);
	FAILS(mlock(at, 4 * PAGE), ENOMEM);
	FAILS(munlock(at, 4 * PAGE), ENOMEM);
	FAILS(munlock(at, (size_t)-2 * PAGE), EINVAL);
	FAILS(mlockall(0), EINVAL);
	FAILS(mlockall(8), EINVAL);
	FAILS(mlockall(MCL_ONFAULT), EINVAL);
	OK(munlockall() == 0);
	struct rlimit limit;
	OK(getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur >= PAGE);
	OK(memset(at, 1, PAGE) && at[0] == 1);
}

static void scheduling(void)
{
	struct sched_param p = { 7 };
	struct timespec slice;
	OK(sched_getscheduler(0) == SCHED_OTHER && sched_getparam(0, &p) == 0 && p.sched_priority == 0);
	OK(sched_get_priority_max(SCHED_FIFO) == 99 && sched_get_priority_min(SCHED_RR) == 1);
	OK(sched_get_priority_max(SCHED_OTHER) == 0 && sched_get_priority_min(SCHED_BATCH) == 0 &&
	   sched_get_priority_max(6) == 0);
	FAILS(sched_get_priority_max(4), EINVAL);
	FAILS(sched_get_priority_min(-1), EINVAL);
	FAILS(sched_get_priority_min(99), EINVAL);
	OK(sched_rr_get_interval(0, &slice) == 0 && slice.tv_sec == 0 && slice.tv_nsec >= 0);
	FAILS(sched_rr_get_interval(-1, &slice), EINVAL);
	FAILS(sched_rr_get_interval(99999999, &slice), ESRCH);
	FAILS(sched_rr_get_interval(0, nowhere), EFAULT);
	FAILS(sched_getscheduler(-1), EINVAL);
	FAILS(sched_getscheduler(99999999), ESRCH);
	FAILS(sched_getparam(0, NULL), EINVAL);
	FAILS(sched_getparam(-1, &p), EINVAL);
	FAILS(sched_getparam(99999999, &p), ESRCH);
	FAILS(sched_getparam(0, nowhere), EFAULT);
	p.sched_priority = 0;
	OK(sched_setparam(0, &p) == 0 && sched_setscheduler(0, SCHED_OTHER, &p) == 0);
	FAILS(sched_setscheduler(0, 4, &p), EINVAL);
	FAILS(sched_setscheduler(0, -1, &p), EINVAL);
	FAILS(sched_setscheduler(0, SCHED_OTHER, NULL), EINVAL);
	FAILS(sched_setscheduler(-1, SCHED_OTHER, &p), EINVAL);
	FAILS(sched_setscheduler(99999999, SCHED_OTHER, &p), ESRCH);
	FAILS(sched_setscheduler(0, SCHED_OTHER, nowhere), EFAULT);
	FAILS(sched_setparam(0, NULL), EINVAL);
	p.sched_priority = 1;
	FAILS(sched_setparam(0, &p), EINVAL);
	FAILS(sched_setscheduler(0, SCHED_BATCH, &p), EINVAL);
	p.sched_priority = 100;
	FAILS(sched_setscheduler(0, SCHED_FIFO, &p), EINVAL);
	p.sched_priority = 0;
	OK(sched_setscheduler(0, SCHED_BATCH, &p) == 0 && sched_getscheduler(0) == SCHED_BATCH);
	pid_t pid = fork();
	if (pid == 0)
		_exit(sched_getscheduler(0) == SCHED_BATCH ? 0 : 1);
	int status;
	OK(waitpid(pid, &status, 0) == pid && status == 0);
	OK(sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &p) == 0);
}

static void users(void)
{
	uid_t u = getuid(), other[3];
	gid_t g = getgid();
	OK(setreuid(u, u) == 0 && setreuid((uid_t)-1, (uid_t)-1) == 0 && setresuid(u, (uid_t)-1, u) == 0);
	OK(setregid(g, g) == 0 && setresgid((gid_t)-1, g, (gid_t)-1) == 0);
	OK((uid_t)setfsuid((uid_t)-1) == u && (gid_t)setfsgid((gid_t)-1) == g);
	OK(getresuid(&other[0], &other[1], &other[2]) == 0 && other[0] == u && other[1] == u && other[2] == u);
	FAILS(setuid((uid_t)-1), EINVAL);
	FAILS(setgid((gid_t)-1), EINVAL);
}

static void barriers(void)
{
	int commands = (int)syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
	OK(commands >= 0 && (commands & MEMBARRIER_CMD_GLOBAL) && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED));
	OK(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0);
	FAILS(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), EPERM);
	OK(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0);
	OK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0);
	OK(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0);
	OK(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0);
	FAILS(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 1 << 5, 0), EINVAL);
	FAILS(syscall(SYS_membarrier, 3, 0, 0), EINVAL);
	FAILS(syscall(SYS_membarrier, 1 << 20, 0, 0), EINVAL);
}

static void orders(void)
{
	siginfo_t info = { .si_code = SI_QUEUE };
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0); /* a number that is free */
	FAILS(kill(pid, 999), ESRCH);
	FAILS(kill(getpid(), 999), EINVAL);
	FAILS(kill(0, 999), EINVAL);
	FAILS(kill(-pid, 999), ESRCH);
	FAILS(syscall(SYS_tgkill, getpid(), pid, 999), ESRCH);
	FAILS(syscall(SYS_tgkill, getpid(), getpid(), 999), EINVAL);
	FAILS(syscall(SYS_tkill, pid, 999), ESRCH);
	FAILS(syscall(SYS_tkill, getpid(), 65), EINVAL);
	FAILS(syscall(SYS_rt_sigqueueinfo, pid, 999, &info), ESRCH);
	FAILS(syscall(SYS_rt_sigqueueinfo, getpid(), 999, &info), EINVAL);
	FAILS(syscall(SYS_rt_sigqueueinfo, -1, 10, &info), ESRCH);
	FAILS(syscall(SYS_rt_tgsigqueueinfo, -1, -1, 10, nowhere), EFAULT);
	FAILS(syscall(SYS_rt_tgsigqueueinfo, -1, -1, 10, &info), EINVAL);
	FAILS(syscall(SYS_rt_tgsigqueueinfo, getpid(), pid, 999, &info), ESRCH);
}

static void owners(void)
{
	int p[2];
	OK(pipe(p) == 0 && fcntl(p[0], F_GETOWN) == 0 && fcntl(p[0], F_SETOWN, getpid()) == 0);
	OK(fcntl(p[0], F_GETOWN) == getpid() && fcntl(p[0], F_SETOWN, 0) == 0 && fcntl(p[0], F_GETOWN) == 0);
	FAILS(fcntl(p[0], F_SETOWN, 99999999), ESRCH);
	FAILS(fcntl(p[0], F_SETOWN, INT32_MIN), EINVAL);
}

/* libc's leaves the last argument out. */
static void *move(void *at, size_t from, size_t to, int flags, void *place)
{
	return (void *)syscall(SYS_mremap, at, from, to, flags, place);
}

static void memory_calls(void)
{
	char *at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	OK(msync(at, (size_t)-1, MS_SYNC) == 0);
	FAILS(msync(at, (size_t)-PAGE, MS_SYNC), ENOMEM);
	FAILS(msync(at, PAGE, 8), EINVAL);
	OK(mprotect(at, PAGE, PROT_READ | PROT_WRITE | 8) == 0 && (at[0] = 1));
	FAILS(mprotect(at, PAGE, PROT_READ | 0x10), EINVAL);
	char *sem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | 8 | 0x100, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	OK(sem != MAP_FAILED && (sem[0] = 1));
	/* DONTUNMAP: the old place stays, empty */
	at[PAGE] = 2;
	FAILS((long)move(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, at + 4 * PAGE + 1), EINVAL);
	FAILS((long)move(at, PAGE, PAGE, MREMAP_DONTUNMAP, NULL), EINVAL);
	FAILS((long)move(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL), EINVAL);
	FAILS((long)move(at, 2 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL), EINVAL);
	FAILS((long)move(at, 0, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL), EINVAL);
	FAILS((long)move(at, PAGE, 0, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL), EINVAL);
	char *to = move(at, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	OK(to != MAP_FAILED && to != at && to[0] == 1 && to[PAGE] == 2 && at[0] == 0 && at[PAGE] == 0);
	at[0] = 5;
	OK(to[0] == 1);
	int fd = open("shared", O_RDWR | O_CREAT, 0600);
	ftruncate(fd, 2 * PAGE);
	char *shared = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	shared[0] = 7;
	to = move(shared, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	OK(to != MAP_FAILED && to[0] == 7 && shared[0] == 7 && (to[1] = 8) && shared[1] == 8);
	char *fixed = move(shared, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED, at + 3 * PAGE);
	OK(fixed == at + 3 * PAGE && fixed[0] == 7);
}

static void private_copies(void)
{
	char b[16] = { 0 };
	int fd = memfd_create("copies", 0);
	OK(ftruncate(fd, 4 * PAGE) == 0 && pwrite(fd, "file", 4, 0) == 4 && pwrite(fd, "also", 4, PAGE) == 4);
	char *own = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	OK(memcmp(own, "file", 4) == 0 && memcmp(own + PAGE, "also", 4) == 0);
	memcpy(own, "mine", 4);
	OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2 * PAGE) == 0);
	OK(memcmp(own, "mine", 4) == 0 && own[PAGE] == 0 && pread(fd, b, 4, 0) == 4 && b[0] == 0);
	memcpy(own + 2 * PAGE, "kept", 4);
	OK(ftruncate(fd, PAGE) == 0 && ftruncate(fd, 4 * PAGE) == 0);
	OK(memcmp(own, "mine", 4) == 0 && own[2 * PAGE] == 0); /* a file that shrinks takes copies along */
}

void subject_formalities(void)
{
	locking();
	scheduling();
	users();
	barriers();
	orders();
	owners();
	memory_calls();
	private_copies();
}

void subject_vectors_at(void)
{
	char b[16];
	struct iovec v[2] = { { "ab", 2 }, { "cd", 2 } }, in = { b, 16 };
	int fd = open("vectors", O_RDWR | O_CREAT, 0600), p[2];
	OK(pwritev2(fd, v, 2, 3, 0) == 4 && lseek(fd, 0, SEEK_CUR) == 0);
	OK(pwritev2(fd, v, 1, -1, RWF_DSYNC | RWF_SYNC) == 2 && lseek(fd, 0, SEEK_CUR) == 2);
	OK(preadv2(fd, &in, 1, 0, 0) == 7 && memcmp(b, "ab\0abcd", 7) == 0);
	OK(preadv2(fd, &in, 1, -1, 0) == 5 && lseek(fd, 0, SEEK_CUR) == 7);
	OK(pwritev2(fd, v, 2, 0, RWF_APPEND) == 4 && pread(fd, b, 16, 0) == 11 && memcmp(b + 7, "abcd", 4) == 0);
	FAILS(preadv2(fd, &in, 1, -2, 0), EINVAL);
	FAILS(preadv2(fd, &in, 1, 0, 0x40000000), EOPNOTSUPP);
	FAILS(preadv2(99, &in, 1, 0, 0), EBADF);
	OK(preadv2(fd, &in, 1, 0, RWF_HIPRI) == 11);
	OK(pipe(p) == 0);
	FAILS(preadv2(p[0], &in, 1, 0, 0), ESPIPE);
	FAILS(preadv2(p[0], &in, 1, -1, RWF_NOWAIT), EAGAIN);
	OK(pwritev2(p[1], v, 2, -1, RWF_NOWAIT) == 4 && preadv2(p[0], &in, 1, -1, RWF_NOWAIT) == 4);
	FAILS(pwritev2(p[0], v, 2, -1, 0), EBADF);
}

void subject_seals(void)
{
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING), plain = memfd_create("plain", 0), p[2];
	OK(fcntl(fd, F_GET_SEALS) == 0 && fcntl(plain, F_GET_SEALS) == F_SEAL_SEAL);
	FAILS(fcntl(plain, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	FAILS(fcntl(fd, F_ADD_SEALS, 0x1000), EINVAL);
	OK(pipe(p) == 0);
	FAILS(fcntl(p[0], F_GET_SEALS), EINVAL);
	FAILS(fcntl(p[1], F_ADD_SEALS, F_SEAL_GROW), EINVAL);
	OK(ftruncate(fd, 2 * PAGE) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0 &&
	   fcntl(fd, F_GET_SEALS) == F_SEAL_SHRINK);
	FAILS(ftruncate(fd, PAGE), EPERM);
	OK(ftruncate(fd, 3 * PAGE) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0);
	FAILS(ftruncate(fd, 4 * PAGE), EPERM);
	FAILS(pwrite(fd, "xy", 2, 3 * PAGE), EPERM);
	FAILS(fallocate(fd, 0, 0, 4 * PAGE), EPERM);
	OK(pwrite(fd, "xy", 2, 0) == 2);
	char *m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	OK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0 && (m[0] = 'z') && munmap(m, PAGE) == 0);
	FAILS(pwrite(fd, "xy", 2, 0), EPERM);
	FAILS((long)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EPERM);
	OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0);
	FAILS(pwrite(fd, "xy", 2, 0), EPERM);
	FAILS(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), EPERM);
	m = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	OK(m != MAP_FAILED && m[0] == 'z');
	FAILS(mprotect(m, PAGE, PROT_READ | PROT_WRITE), EACCES);
	m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	OK(m != MAP_FAILED && (m[0] = 'q'));
	OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) == 0);
	FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), EPERM);
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int reader = open(path, O_RDONLY);
	OK(reader >= 0 &&
	   fcntl(reader, F_GET_SEALS) ==
	       (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE));
	fd = memfd_create("again", MFD_ALLOW_SEALING);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = open(path, O_RDONLY);
	FAILS(fcntl(reader, F_ADD_SEALS, F_SEAL_GROW), EPERM);
}

static void handler(int signal)
{
	(void)signal;
}

void subject_signal_fds(void)
{
	struct signalfd_siginfo info[3];
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	FAILS(signalfd(-1, &set, 1), EINVAL);
	FAILS(syscall(SYS_signalfd4, -1, &set, 4, 0), EINVAL);
	FAILS(syscall(SYS_signalfd4, -1, nowhere, 8, 0), EFAULT);
	FAILS(signalfd(0, &set, 0), EINVAL);
	FAILS(signalfd(99, &set, 0), EBADF);
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	OK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	FAILS(read(fd, info, sizeof(info)), EAGAIN);
	FAILS(read(fd, info, 100), EINVAL);
	FAILS(write(fd, info, sizeof(info)), EINVAL);
	struct pollfd p = { fd, POLLIN, 0 };
	OK(poll(&p, 1, 0) == 0 && raise(SIGUSR1) == 0 && poll(&p, 1, 0) == 1 && p.revents == POLLIN);
	union sigval value = { .sival_int = 77 };
	OK(sigqueue(getpid(), SIGRTMIN + 2, value) == 0 && sigqueue(getpid(), SIGRTMIN + 2, value) == 0);
	OK(read(fd, info, sizeof(info)) == (ssize_t)sizeof(info) && info[0].ssi_signo == SIGUSR1 &&
	   info[0].ssi_pid == (uint32_t)getpid() && info[1].ssi_signo == (uint32_t)SIGRTMIN + 2 &&
	   info[1].ssi_int == 77 && info[1].ssi_code == SI_QUEUE && info[2].ssi_int == 77);
	OK(poll(&p, 1, 0) == 0);
	/* another set for the same descriptor */
	sigset_t other;
	sigemptyset(&other);
	sigaddset(&other, SIGCHLD);
	sigprocmask(SIG_BLOCK, &other, NULL);
	OK(signalfd(fd, &other, 0) == fd && raise(SIGUSR1) == 0 && poll(&p, 1, 0) == 0);
	fcntl(fd, F_SETFL, 0);
	pid_t pid = fork();
	if (pid == 0) {
		usleep(20000);
		_exit(3);
	}
	OK(read(fd, info, sizeof(info)) == (ssize_t)sizeof(info[0]) && info[0].ssi_signo == SIGCHLD &&
	   info[0].ssi_pid == (uint32_t)pid && info[0].ssi_status == 3 && info[0].ssi_code == CLD_EXITED);
	OK(waitpid(pid, NULL, 0) == pid);
	/* waiting in poll and in epoll; a read that a handler ends */
	int e = epoll_create1(0);
	struct epoll_event ev = { EPOLLIN | EPOLLET, { .fd = fd } };
	OK(epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev) == 0 && epoll_wait(e, &ev, 1, 0) == 0);
	for (int i = 0; i < 2; i++) {
		pid = fork();
		if (pid == 0) {
			usleep(20000);
			_exit(0);
		}
		OK((i ? epoll_wait(e, &ev, 1, 5000) : poll(&p, 1, 5000)) == 1);
		OK(read(fd, info, sizeof(info)) == (ssize_t)sizeof(info[0]) && waitpid(pid, NULL, 0) == pid);
	}
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = handler }, NULL);
	pid = getpid();
	pid_t child = fork();
	if (child == 0) {
		usleep(20000);
		kill(pid, SIGALRM);
		pause();
	}
	FAILS(read(fd, info, sizeof(info)), EINTR);
	kill(child, SIGKILL);
}
