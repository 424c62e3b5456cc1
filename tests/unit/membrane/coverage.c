/* The coverage file, and the constants it names. See coverage.h. */
#include "coverage.h"

#include "test.h"

#include <asm/prctl.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/mman.h>
#include <linux/random.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct constant {
	const char *name;
	uint64_t value;
} constants[] = {
#define N(name) \
	{ \
#name, (uint64_t)(name) \
	}
	N(ARCH_GET_FS),
	N(ARCH_GET_GS),
	N(ARCH_SET_FS),
	N(ARCH_SET_GS),
	N(AT_EACCESS),
	N(AT_EMPTY_PATH),
	N(AT_FDCWD),
	N(AT_NO_AUTOMOUNT),
	N(AT_REMOVEDIR),
	N(AT_STATX_DONT_SYNC),
	N(AT_STATX_FORCE_SYNC),
	N(AT_SYMLINK_FOLLOW),
	N(AT_SYMLINK_NOFOLLOW),
	N(CLOCK_BOOTTIME),
	N(CLOCK_MONOTONIC),
	N(CLOCK_MONOTONIC_COARSE),
	N(CLOCK_MONOTONIC_RAW),
	N(CLOCK_PROCESS_CPUTIME_ID),
	N(CLOCK_REALTIME),
	N(CLOCK_REALTIME_COARSE),
	N(CLOCK_THREAD_CPUTIME_ID),
	N(CLONE_CHILD_CLEARTID),
	N(CLONE_CHILD_SETTID),
	N(CLONE_DETACHED),
	N(CLONE_FILES),
	N(CLONE_FS),
	N(CLONE_IO),
	N(CLONE_PARENT),
	N(CLONE_PARENT_SETTID),
	N(CLONE_PTRACE),
	N(CLONE_SETTLS),
	N(CLONE_SIGHAND),
	N(CLONE_SYSVSEM),
	N(CLONE_THREAD),
	N(CLONE_UNTRACED),
	N(CLONE_VFORK),
	N(CLONE_VM),
	N(CLOSE_RANGE_CLOEXEC),
	N(CLOSE_RANGE_UNSHARE),
	N(EFD_CLOEXEC),
	N(EFD_NONBLOCK),
	N(EFD_SEMAPHORE),
	N(EPOLL_CLOEXEC),
	N(EPOLL_CTL_ADD),
	N(EPOLL_CTL_DEL),
	N(EPOLL_CTL_MOD),
	N(FALLOC_FL_KEEP_SIZE),
	N(FALLOC_FL_PUNCH_HOLE),
	N(FIOCLEX),
	N(FIONBIO),
	N(FIONCLEX),
	N(FIONREAD),
	N(FUTEX_CMP_REQUEUE),
	N(FUTEX_PRIVATE_FLAG),
	N(FUTEX_REQUEUE),
	N(FUTEX_WAIT),
	N(FUTEX_WAIT_BITSET),
	N(FUTEX_WAKE),
	N(FUTEX_WAKE_BITSET),
	N(FUTEX_WAKE_OP),
	N(F_ADD_SEALS),
	N(F_DUPFD),
	N(F_DUPFD_CLOEXEC),
	N(F_GETFD),
	N(F_GETFL),
	N(F_GETLK),
	N(F_GETOWN),
	{ "F_GETOWN_EX", 16 },
	N(F_GETPIPE_SZ),
	N(F_GET_SEALS),
	N(F_OFD_GETLK),
	N(F_OFD_SETLK),
	N(F_OFD_SETLKW),
	N(F_SETFD),
	N(F_SETFL),
	N(F_SETLK),
	N(F_SETLKW),
	N(F_SETOWN),
	N(F_SETPIPE_SZ),
	N(GRND_INSECURE),
	N(GRND_NONBLOCK),
	N(GRND_RANDOM),
	N(ITIMER_PROF),
	N(ITIMER_REAL),
	N(ITIMER_VIRTUAL),
	N(LOCK_EX),
	N(LOCK_NB),
	N(LOCK_SH),
	N(LOCK_UN),
	N(MADV_COLD),
	N(MADV_COLLAPSE),
	N(MADV_DODUMP),
	N(MADV_DOFORK),
	N(MADV_DONTDUMP),
	N(MADV_DONTFORK),
	N(MADV_DONTNEED),
	N(MADV_DONTNEED_LOCKED),
	N(MADV_FREE),
	N(MADV_HUGEPAGE),
	N(MADV_KEEPONFORK),
	N(MADV_MERGEABLE),
	N(MADV_NOHUGEPAGE),
	N(MADV_NORMAL),
	N(MADV_PAGEOUT),
	N(MADV_POPULATE_READ),
	N(MADV_POPULATE_WRITE),
	N(MADV_RANDOM),
	N(MADV_SEQUENTIAL),
	N(MADV_UNMERGEABLE),
	N(MADV_WILLNEED),
	N(MADV_WIPEONFORK),
	N(MAP_32BIT),
	N(MAP_ANONYMOUS),
	N(MAP_DENYWRITE),
	N(MAP_EXECUTABLE),
	N(MAP_FIXED),
	N(MAP_FIXED_NOREPLACE),
	N(MAP_GROWSDOWN),
	N(MAP_LOCKED),
	N(MAP_NONBLOCK),
	N(MAP_NORESERVE),
	N(MAP_POPULATE),
	N(MAP_PRIVATE),
	N(MAP_SHARED),
	N(MAP_SHARED_VALIDATE),
	N(MAP_STACK),
	N(MCL_CURRENT),
	N(MCL_FUTURE),
	N(MCL_ONFAULT),
	N(MEMBARRIER_CMD_GLOBAL),
	N(MEMBARRIER_CMD_GLOBAL_EXPEDITED),
	N(MEMBARRIER_CMD_PRIVATE_EXPEDITED),
	N(MEMBARRIER_CMD_QUERY),
	N(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED),
	N(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED),
	N(PROT_SEM),
	N(SCHED_DEADLINE),
	N(SCHED_RESET_ON_FORK),
	N(MFD_ALLOW_SEALING),
	N(MFD_CLOEXEC),
	N(MLOCK_ONFAULT),
	N(MREMAP_DONTUNMAP),
	N(MREMAP_FIXED),
	N(MREMAP_MAYMOVE),
	N(MSG_CMSG_CLOEXEC),
	N(MSG_DONTWAIT),
	N(MSG_NOSIGNAL),
	N(MSG_PEEK),
	N(MSG_TRUNC),
	N(MS_ASYNC),
	N(MS_INVALIDATE),
	N(MS_SYNC),
	N(O_APPEND),
	N(O_CLOEXEC),
	N(O_CREAT),
	N(O_DIRECT),
	N(O_DIRECTORY),
	N(O_DSYNC),
	N(O_EXCL),
	N(O_NOATIME),
	N(O_NOCTTY),
	N(O_NOFOLLOW),
	N(O_NONBLOCK),
	N(O_PATH),
	N(O_RDWR),
	N(O_SYNC),
	N(O_TMPFILE),
	N(O_TRUNC),
	N(O_WRONLY),
	N(POSIX_FADV_DONTNEED),
	N(POSIX_FADV_NOREUSE),
	N(POSIX_FADV_NORMAL),
	N(POSIX_FADV_RANDOM),
	N(POSIX_FADV_SEQUENTIAL),
	N(POSIX_FADV_WILLNEED),
	N(PRIO_PROCESS),
	N(PROT_EXEC),
	N(PROT_READ),
	N(PROT_WRITE),
	N(PR_GET_DUMPABLE),
	N(PR_GET_NAME),
	N(PR_GET_NO_NEW_PRIVS),
	N(PR_GET_PDEATHSIG),
	N(PR_SET_DUMPABLE),
	N(PR_SET_NAME),
	N(PR_SET_NO_NEW_PRIVS),
	N(PR_SET_PDEATHSIG),
	N(P_ALL),
	N(P_PGID),
	N(P_PID),
	N(RENAME_EXCHANGE),
	N(RENAME_NOREPLACE),
	N(RSEQ_FLAG_UNREGISTER),
	N(RUSAGE_CHILDREN),
	N(RUSAGE_SELF),
	N(RUSAGE_THREAD),
	N(RWF_APPEND),
	N(RWF_DSYNC),
	N(RWF_HIPRI),
	N(RWF_NOWAIT),
	N(RWF_SYNC),
	N(R_OK),
	N(SCHED_BATCH),
	N(SCHED_FIFO),
	N(SCHED_IDLE),
	N(SCHED_OTHER),
	N(SCHED_RR),
	N(SEEK_CUR),
	N(SEEK_DATA),
	N(SEEK_END),
	N(SEEK_HOLE),
	N(SEEK_SET),
	N(SFD_CLOEXEC),
	N(SFD_NONBLOCK),
	N(SHUT_RD),
	N(SHUT_RDWR),
	N(SHUT_WR),
	N(SIG_BLOCK),
	N(SIG_SETMASK),
	N(SIG_UNBLOCK),
	N(SOCK_CLOEXEC),
	N(SOCK_DGRAM),
	N(SOCK_NONBLOCK),
	N(SOCK_SEQPACKET),
	N(SOCK_STREAM),
	N(SO_ACCEPTCONN),
	N(SO_DOMAIN),
	N(SO_ERROR),
	N(SO_PASSCRED),
	N(SO_PEERCRED),
	N(SO_PROTOCOL),
	N(SO_RCVBUF),
	N(SO_SNDBUF),
	N(SO_TYPE),
	N(SPLICE_F_GIFT),
	N(SPLICE_F_MORE),
	N(SPLICE_F_MOVE),
	N(SPLICE_F_NONBLOCK),
	N(TFD_CLOEXEC),
	N(TFD_NONBLOCK),
	N(TFD_TIMER_ABSTIME),
	N(TFD_TIMER_CANCEL_ON_SET),
	N(TIMER_ABSTIME),
	N(WCONTINUED),
	N(WEXITED),
	N(WNOHANG),
	N(WNOWAIT),
	N(WSTOPPED),
	N(WUNTRACED),
	N(W_OK),
	N(X_OK),
	N(__WALL),
	N(__WCLONE),
	N(__WNOTHREAD),
#undef N
	/* libc's is 0 where a long is as wide as a file. */
	{ "O_LARGEFILE", 0100000 },
};

static uint64_t one_value(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
		if (strlen(constants[i].name) == length && !memcmp(constants[i].name, name, length))
			return constants[i].value;
	fail_msg("no such constant: %.*s", (int)length, name);
	return 0;
}

uint64_t coverage_value(const char *name)
{
	uint64_t sum = 0;

	for (;;) {
		size_t length = strcspn(name, "+");

		sum |= one_value(name, length);
		if (!name[length])
			return sum;
		name += length + 1;
	}
}

int coverage_errno(const char *name)
{
	for (int error = 1; error < 134; error++) {
		const char *other = strerrorname_np(error);

		if (other && strcmp(other, name) == 0)
			return error;
	}
	fail_msg("no such error: %s", name);
	return 0;
}

static void read_call(struct coverage_call *call, json_t *object)
{
	static const char *const keys[] = { "number", "name", "needed", "args", "flags", "errors", "limits", "why" };
	const char *key, *last = "";
	json_t *value;
	size_t i;

	json_object_foreach(object, key, value)
	{
		for (i = 0; i < 8 && strcmp(keys[i], key) != 0; i++)
			;
		if (i == 8)
			fail_msg("%s has a field %s", call->name, key);
	}
	call->needed = json_string_value(json_object_get(object, "needed"));
	call->args = json_string_value(json_object_get(object, "args"));
	call->limits = json_string_value(json_object_get(object, "limits"));
	call->why = json_string_value(json_object_get(object, "why"));
	call->flags = json_object_get(object, "flags");
	call->errors = json_object_get(object, "errors");
	if (!call->errors == !call->why || !call->errors != !call->args ||
	    (call->why && (call->flags || call->limits || strlen(call->why) < 10)))
		fail_msg("%s: served has arguments and errors, not served has a reason, nothing has both", call->name);
	json_array_foreach(call->errors, i, value)
	{
		if (strcmp(json_string_value(value), last) <= 0)
			fail_msg("%s: %s is not in the order of the alphabet", call->name, json_string_value(value));
		last = json_string_value(value);
	}
}

const struct coverage_call *coverage_read(void)
{
	static struct coverage_call calls[COVERAGE_END];
	static json_t *file; /* the names are its */
	json_int_t last = -1, number;
	json_error_t error;
	json_t *object;
	size_t i;

	if (calls[0].name)
		return calls;
	file = json_load_file(CENO_COVERAGE, JSON_REJECT_DUPLICATES, &error);
	if (!file)
		fail_msg("%s:%d: %s", CENO_COVERAGE, error.line, error.text);
	json_array_foreach(file, i, object)
	{
		number = json_integer_value(json_object_get(object, "number"));
		assert_true(number > last && number < COVERAGE_END);
		last = number;
		calls[number].name = json_string_value(json_object_get(object, "name"));
		assert_non_null(calls[number].name);
		read_call(&calls[number], object);
	}
	assert_non_null(calls[0].name);
	return calls;
}
