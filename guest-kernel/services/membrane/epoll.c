/*
 * epoll. An instance is a list of what it watches; what is ready is found by asking each
 * (poll.c). Edge-triggered: reported once for each change of the file (struct ceno_inode's
 * `changes`) or of its readiness. Instances do not watch instances: ELOOP.
 */
#include "calls.h"
#include "poll.h"
#include "task.h"
#include "vm.h"

enum { CTL_ADD = 1, CTL_DEL = 2, CTL_MOD = 3 };
#define EDGE     0x80000000u
#define ONE_SHOT 0x40000000u
#define PRIVATE  0xf0000000u /* with EXCLUSIVE and WAKEUP */

struct event { /* Linux's, packed */
	uint32_t events;
	uint32_t data[2];
};

struct ceno_watch {
	struct ceno_watch *next;
	struct ceno_file *file; /* not counted: ceno_epoll_forget */
	int32_t fd;
	uint32_t changes, seen; /* of the file when it was reported last; the bits reported */
	struct event event;
};

static struct ceno_inode *instances;

void ceno_epolls_init(void)
{
	instances = NULL;
}

/* What to report of one now. */
static uint32_t ready(struct ceno_watch *watch)
{
	uint32_t bits = ceno_file_poll(watch->file) & (watch->event.events | LX_POLLERR | LX_POLLHUP);

	if (!(watch->event.events & ~(uint32_t)PRIVATE)) /* a one-shot that was reported */
		return 0;
	if ((watch->event.events & EDGE) && watch->changes == watch->file->inode->changes && !(bits & ~watch->seen)) {
		watch->seen = bits;
		return 0;
	}
	return bits;
}

uint32_t ceno_epoll_poll(struct ceno_inode *inode)
{
	for (struct ceno_watch *watch = inode->epoll.watches; watch; watch = watch->next)
		if (ready(watch))
			return LX_POLLIN;
	return 0;
}

static void remove(struct ceno_watch **at)
{
	struct ceno_watch *watch = *at;

	*at = watch->next;
	ceno_pool_give(watch, sizeof(*watch));
}

void ceno_epoll_end(struct ceno_inode *inode)
{
	struct ceno_inode **at = &instances;

	while (inode->epoll.watches)
		remove(&inode->epoll.watches);
	while (*at != inode)
		at = &(*at)->epoll.next;
	*at = inode->epoll.next;
}

void ceno_epoll_forget(const struct ceno_file *file)
{
	for (struct ceno_inode *inode = instances; inode; inode = inode->epoll.next) {
		struct ceno_watch **at = &inode->epoll.watches;

		while (*at)
			if ((*at)->file == file)
				remove(at);
			else
				at = &(*at)->next;
	}
}

int64_t ceno_sys_epoll_create1(const uint64_t a[6])
{
	struct ceno_inode *inode;

	if (a[0] & ~(uint64_t)LX_O_CLOEXEC)
		return -LX_EINVAL;
	inode = ceno_inode_new(CENO_INODE_EPOLL, 0600);
	if (!inode)
		return -LX_ENOMEM;
	inode->epoll.next = instances;
	instances = inode;
	return ceno_fd_open(inode, NULL, LX_O_RDWR | (uint32_t)a[0], 0);
}

int64_t ceno_sys_epoll_create(const uint64_t a[6])
{
	const uint64_t b[6] = { 0 };

	return (int32_t)a[0] > 0 ? ceno_sys_epoll_create1(b) : -LX_EINVAL;
}

static int64_t add(struct ceno_inode *inode, struct ceno_file *file, int32_t fd, const struct event *event)
{
	struct ceno_watch *watch = ceno_pool_take(sizeof(*watch)), **at = &inode->epoll.watches;

	if (!watch)
		return -LX_ENOSPC;
	*watch = (struct ceno_watch){ .file = file, .fd = fd, .event = *event, .changes = file->inode->changes - 1 };
	while (*at)
		at = &(*at)->next;
	*at = watch;
	return 0;
}

int64_t ceno_sys_epoll_ctl(const uint64_t a[6])
{
	struct ceno_file *epoll = ceno_fd_file((int32_t)a[0]), *file = ceno_fd_file((int32_t)a[2]);
	struct ceno_watch **at;
	struct event event = { 0 };

	if ((uint32_t)a[1] != CTL_DEL && ceno_user_read(&event, a[3], sizeof(event)))
		return -LX_EFAULT;
	if (!epoll || !file)
		return -LX_EBADF;
	if (file->inode->kind < CENO_INODE_PIPE)
		return -LX_EPERM;
	if (epoll == file || epoll->inode->kind != CENO_INODE_EPOLL)
		return -LX_EINVAL;
	if (file->inode->kind == CENO_INODE_EPOLL)
		return -LX_ELOOP;
	for (at = &epoll->inode->epoll.watches; *at; at = &(*at)->next)
		if ((*at)->file == file && (*at)->fd == (int32_t)a[2])
			break;
	ceno_wake_pollers();
	switch ((uint32_t)a[1]) {
	case CTL_ADD:
		return *at ? -LX_EEXIST : add(epoll->inode, file, (int32_t)a[2], &event);
	case CTL_MOD:
	case CTL_DEL:
		if (!*at)
			return -LX_ENOENT;
		remove(at);
		return (uint32_t)a[1] == CTL_MOD ? add(epoll->inode, file, (int32_t)a[2], &event) : 0;
	default:
		return -LX_EINVAL;
	}
}

/* Reports what is ready; what was reported goes to the end, so that nobody starves. */
static int64_t collect(struct ceno_inode *inode, uint64_t gva, int32_t most)
{
	struct ceno_watch *reported = NULL, **end = &reported, **at = &inode->epoll.watches;
	int64_t found = 0;

	while (*at && found < most) {
		struct ceno_watch *watch = *at;
		uint32_t bits = ready(watch);
		struct event out = watch->event;

		if (!bits) {
			at = &watch->next;
			continue;
		}
		out.events = bits;
		if (ceno_user_write(gva + (uint64_t)found * sizeof(out), &out, sizeof(out))) {
			found = found ? found : -LX_EFAULT;
			break;
		}
		found++;
		watch->changes = watch->file->inode->changes;
		watch->seen = bits;
		if (watch->event.events & ONE_SHOT)
			watch->event.events &= (uint32_t)PRIVATE;
		*at = watch->next;
		*end = watch;
		end = &watch->next;
		*end = NULL;
	}
	while (*at)
		at = &(*at)->next;
	*at = reported;
	return found;
}

static int64_t wait(const uint64_t a[6], uint64_t deadline)
{
	struct ceno_file *epoll = ceno_fd_file((int32_t)a[0]);
	int32_t most = (int32_t)a[2];

	if (most <= 0 || most > INT32_MAX / (int32_t)sizeof(struct event))
		return -LX_EINVAL;
	if (!epoll)
		return -LX_EBADF;
	if (epoll->inode->kind != CENO_INODE_EPOLL)
		return -LX_EINVAL;
	ceno_poll_begin();
	return ceno_poll_wait(collect(epoll->inode, a[1], most), deadline);
}

int64_t ceno_sys_epoll_wait(const uint64_t a[6])
{
	return wait(a, ceno_poll_deadline_ms((int32_t)a[3]));
}

int64_t ceno_sys_epoll_pwait(const uint64_t a[6])
{
	uint64_t never;
	int64_t error = ceno_poll_prepare(0, a[4], a[5], &never);

	return error ? error : wait(a, ceno_poll_deadline_ms((int32_t)a[3]));
}

int64_t ceno_sys_epoll_pwait2(const uint64_t a[6])
{
	uint64_t deadline;
	int64_t error = ceno_poll_prepare(a[3], a[4], a[5], &deadline);

	return error ? error : wait(a, deadline);
}
