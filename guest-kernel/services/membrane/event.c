/*
 * Descriptors that are no files: eventfd, timerfd, signalfd, memfd.
 */
#include "calls.h"
#include "poll.h"
#include "task.h"
#include "time.h"
#include "vm.h"

/* A descriptor of a new inode without a name. */
static int64_t open_new(struct ceno_inode *inode, uint32_t flags)
{
	return inode ? ceno_fd_open(inode, NULL, LX_O_RDWR | flags, 0) : -LX_ENOMEM;
}

/* ---- eventfd ----------------------------------------------------------------------- */

int64_t ceno_event_read(struct ceno_inode *inode, void *to, uint64_t bytes)
{
	uint64_t value = inode->event.count;

	if (bytes < sizeof(value))
		return -LX_EINVAL;
	if (!value)
		return -LX_EAGAIN;
	if (inode->event.semaphore)
		value = 1;
	inode->event.count -= value;
	memcpy(to, &value, sizeof(value));
	ceno_file_changed(inode);
	return sizeof(value);
}

int64_t ceno_event_write(struct ceno_inode *inode, const void *from, uint64_t bytes)
{
	uint64_t value;

	if (bytes < sizeof(value))
		return -LX_EINVAL;
	memcpy(&value, from, sizeof(value));
	if (value == UINT64_MAX)
		return -LX_EINVAL;
	if (value > UINT64_MAX - 1 - inode->event.count)
		return -LX_EAGAIN;
	inode->event.count += value;
	ceno_file_changed(inode);
	return sizeof(value);
}

int64_t ceno_sys_eventfd2(const uint64_t a[6])
{
	struct ceno_inode *inode;

	if (a[1] & ~(uint64_t)(LX_O_CLOEXEC | LX_O_NONBLOCK | 1))
		return -LX_EINVAL;
	inode = ceno_inode_new(CENO_INODE_EVENT, 0600);
	if (inode) {
		inode->event.count = (uint32_t)a[0];
		inode->event.semaphore = a[1] & 1;
	}
	return open_new(inode, (uint32_t)a[1] & ~1u);
}

int64_t ceno_sys_eventfd(const uint64_t a[6])
{
	const uint64_t b[6] = { a[0] };

	return ceno_sys_eventfd2(b);
}

/* ---- timerfd ------------------------------------------------------------------------- */

int64_t ceno_timerfd_read(struct ceno_inode *inode, void *to, uint64_t bytes)
{
	uint64_t now = ceno_rdtsc(), count = 1;

	if (bytes < sizeof(count))
		return -LX_EINVAL;
	if (!inode->timer.deadline || inode->timer.deadline > now)
		return -LX_EAGAIN;
	if (inode->timer.interval) {
		count += (now - inode->timer.deadline) / inode->timer.interval;
		inode->timer.deadline += count * inode->timer.interval;
	} else {
		inode->timer.deadline = 0;
	}
	memcpy(to, &count, sizeof(count));
	return sizeof(count);
}

int64_t ceno_sys_timerfd_create(const uint64_t a[6])
{
	uint32_t clock = (uint32_t)a[0];
	struct ceno_inode *inode;

	if ((a[1] & ~(uint64_t)(LX_O_CLOEXEC | LX_O_NONBLOCK)) ||
	    (clock > LX_CLOCK_MONOTONIC && clock != LX_CLOCK_BOOTTIME))
		return -LX_EINVAL;
	inode = ceno_inode_new(CENO_INODE_TIMER, 0600);
	if (inode)
		inode->device = (uint8_t)clock;
	return open_new(inode, (uint32_t)a[1]);
}

static struct lx_timespec timespec_of(uint64_t ns)
{
	return (struct lx_timespec){ (int64_t)(ns / 1000000000u), (int64_t)(ns % 1000000000u) };
}

int64_t ceno_sys_timerfd_gettime(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);
	uint64_t now = ceno_rdtsc(), left = 0;
	struct lx_timespec out[2];

	if (!file)
		return -LX_EBADF;
	if (file->inode->kind != CENO_INODE_TIMER)
		return -LX_EINVAL;
	if (file->inode->timer.deadline > now)
		left = file->inode->timer.deadline - now;
	else if (file->inode->timer.deadline && file->inode->timer.interval)
		left = file->inode->timer.interval - (now - file->inode->timer.deadline) % file->inode->timer.interval;
	out[0] = timespec_of(file->inode->timer.interval_ns);
	out[1] = timespec_of(ceno_time_long_ns(left));
	return ceno_user_write(a[1], out, sizeof(out));
}

int64_t ceno_sys_timerfd_settime(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);
	const uint64_t old[6] = { a[0], a[3] };
	uint64_t interval, value;
	int64_t error;

	if (a[1] & ~3ull)
		return -LX_EINVAL;
	error = ceno_time_read(a[2], &interval);
	if (!error)
		error = ceno_time_read(a[2] + sizeof(struct lx_timespec), &value);
	if (!error && !file)
		error = -LX_EBADF;
	if (!error && file->inode->kind != CENO_INODE_TIMER)
		error = -LX_EINVAL;
	if (!error && a[3])
		error = ceno_sys_timerfd_gettime(old);
	if (error)
		return error;
	file->inode->timer.interval = ceno_time_cycles_long(interval);
	file->inode->timer.interval_ns = interval;
	file->inode->timer.deadline = !value ? 0
	    : a[1] & LX_TIMER_ABSTIME        ? ceno_time_deadline_at(file->inode->device, value)
					     : ceno_time_deadline(value);
	ceno_file_changed(file->inode);
	return 0;
}

/* ---- signalfd -------------------------------------------------------------------------- */

static struct ceno_inode *signalfds;

void ceno_signalfds_init(void)
{
	signalfds = NULL;
}

void ceno_signalfds_changed(void)
{
	for (struct ceno_inode *inode = signalfds; inode; inode = inode->signals.next)
		ceno_file_changed(inode);
}

void ceno_signalfd_end(struct ceno_inode *inode)
{
	struct ceno_inode **at = &signalfds;

	while (*at != inode)
		at = &(*at)->signals.next;
	*at = inode->signals.next;
}

int ceno_signalfd_ready(const struct ceno_inode *inode)
{
	return ((ceno_self()->pending.set | ceno_current->pending.set) & inode->signals.set) != 0;
}

struct read_signal { /* struct signalfd_siginfo */
	int32_t signo, error, code;
	uint32_t pid, uid;
	int32_t fd;
	uint32_t tid, band, overrun, trap;
	int32_t status, value;
	uint64_t pointer, utime, stime, address, rest[6];
};
_Static_assert(sizeof(struct read_signal) == 128, "struct signalfd_siginfo");

static void translate(struct read_signal *out, const struct lx_siginfo *info)
{
	*out = (struct read_signal){ .signo = info->signo, .error = info->error, .code = info->code };
	if (info->code == LX_SI_TIMER) {
		out->tid = (uint32_t)info->timer_id;
		out->overrun = (uint32_t)info->timer_overrun;
		out->pointer = info->timer_value;
		out->value = (int32_t)info->timer_value;
		return;
	}
	out->pid = (uint32_t)info->pid;
	out->uid = info->uid;
	if (info->signo == LX_SIGCHLD && info->code > 0) {
		out->status = info->child_status;
		out->utime = (uint64_t)info->child_utime;
		out->stime = (uint64_t)info->child_stime;
	} else {
		out->pointer = info->value;
		out->value = (int32_t)info->value;
	}
}

int64_t ceno_signalfd_read(struct ceno_inode *inode, void *to, uint64_t bytes)
{
	struct read_signal *out = to;
	struct lx_siginfo info;
	uint64_t count = 0;

	if (bytes < sizeof(*out))
		return -LX_EINVAL;
	for (; count < bytes / sizeof(*out) && ceno_signal_take(inode->signals.set, &info); count++)
		translate(&out[count], &info);
	return count ? (int64_t)(count * sizeof(*out)) : -LX_EAGAIN;
}

int64_t ceno_sys_signalfd4(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);
	struct ceno_inode *inode = file ? file->inode : NULL;
	uint64_t set;

	if (a[2] != sizeof(set) || ((uint32_t)a[3] & ~(uint32_t)(LX_O_CLOEXEC | LX_O_NONBLOCK)))
		return -LX_EINVAL;
	if (ceno_user_read(&set, a[1], sizeof(set)))
		return -LX_EFAULT;
	set &= ~(CENO_SIGNAL_BIT(LX_SIGKILL) | CENO_SIGNAL_BIT(LX_SIGSTOP));
	if ((int32_t)a[0] != -1) {
		if (!inode || inode->kind != CENO_INODE_SIGNALS)
			return inode ? -LX_EINVAL : -LX_EBADF;
		inode->signals.set = set;
		ceno_file_changed(inode);
		return (int32_t)a[0];
	}
	inode = ceno_inode_new(CENO_INODE_SIGNALS, 0600);
	if (inode) {
		inode->signals.set = set;
		inode->signals.next = signalfds;
		signalfds = inode;
	}
	return open_new(inode, (uint32_t)a[3]);
}

int64_t ceno_sys_signalfd(const uint64_t a[6])
{
	const uint64_t b[6] = { a[0], a[1], a[2] };

	return ceno_sys_signalfd4(b);
}

/* ---- memfd --------------------------------------------------------------------------- */

int64_t ceno_sys_memfd_create(const uint64_t a[6])
{
	enum { CLOEXEC = 1, SEALING = 2 };
	struct ceno_inode *inode;
	int64_t length = ceno_user_string(ceno_path_scratch(), a[0], 250);

	if (length < 0)
		return length == -LX_ENAMETOOLONG ? -LX_EINVAL : length;
	if (a[1] & ~(uint64_t)(CLOEXEC | SEALING))
		return -LX_EINVAL;
	inode = ceno_inode_new(CENO_INODE_FILE, 0777);
	if (inode && (a[1] & SEALING))
		inode->traits = CENO_INODE_SEALABLE;
	return open_new(inode, a[1] & CLOEXEC ? LX_O_CLOEXEC : 0);
}
