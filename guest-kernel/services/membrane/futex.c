/*
 * Futexes: waiters are blocked tasks, told apart by the word they wait for. Two tasks
 * wait for the same word if vm.h says it is the same: the same address of one memory,
 * or the same place of something shared.
 *
 * Priority inheritance is not there (ENOSYS): one processor, no priorities.
 */
#include "calls.h"
#include "process.h"
#include "time.h"
#include "vm.h"

static const char futex_key = 1;

enum { WAIT, WAKE, FD, REQUEUE, CMP_REQUEUE, WAKE_OP, WAIT_BITSET = 9, WAKE_BITSET = 10 };
enum { PRIVATE = 128, CLOCK_REALTIME = 256 };

struct word {
	const void *object;
	uint64_t offset;
};

static int find(uint64_t gva, uint32_t op, struct word *word)
{
	if (gva % 4)
		return -LX_EINVAL;
	return ceno_user_futex(gva, !(op & PRIVATE), &word->object, &word->offset);
}

static struct ceno_task *next_waiter(struct ceno_task *from, const struct word *word)
{
	for (; from; from = from->next)
		if (from->wait_key == &futex_key && from->futex == word->object && from->futex_offset == word->offset)
			return from;
	return NULL;
}

static int64_t wake(const struct word *word, uint32_t count, uint32_t bits)
{
	struct ceno_task *task = next_waiter(ceno_blocked_first(), word), *next;
	int64_t woken = 0;

	for (; task && (uint32_t)woken < count; task = next) {
		next = next_waiter(task->next, word);
		if (!(task->futex_bits & bits))
			continue;
		ceno_wake_task(task, 1);
		woken++;
	}
	return woken;
}

static int64_t wait(const uint64_t a[6], uint32_t bits, int absolute)
{
	struct ceno_task *task = ceno_current;
	uint64_t ns = 0, deadline = CENO_NEVER;
	uint32_t value;
	struct word word;
	int error;

	if (task->call.woken)
		return 0;
	if (!bits)
		return -LX_EINVAL;
	error = a[3] ? ceno_time_read(a[3], &ns) : 0;
	if (!error)
		error = find(a[0], (uint32_t)a[1], &word);
	if (error)
		return error;
	if (ceno_user_read(&value, a[0], sizeof(value)))
		return -LX_EFAULT;
	if (task->call.timed_out)
		return -LX_ETIMEDOUT;
	if (value != (uint32_t)a[2])
		return -LX_EAGAIN;
	if (a[3])
		deadline = absolute
		    ? ceno_time_deadline_at(a[1] & CLOCK_REALTIME ? LX_CLOCK_REALTIME : LX_CLOCK_MONOTONIC, ns)
		    : ceno_call_deadline(ns);
	task->futex = word.object;
	task->futex_offset = word.offset;
	task->futex_bits = bits;
	return a[3] ? ceno_block_once(&futex_key, deadline) : ceno_block(&futex_key, deadline);
}

static int64_t wake_at(const uint64_t a[6], uint32_t bits)
{
	struct word word;
	int error;

	if (!bits)
		return -LX_EINVAL;
	error = find(a[0], (uint32_t)a[1], &word);
	return error ? error : wake(&word, (int32_t)a[2] > 0 ? (uint32_t)a[2] : 1, bits);
}

static int64_t requeue(const uint64_t a[6], int compare)
{
	struct word from, to;
	struct ceno_task *task, *next;
	uint32_t value, moved = 0;
	int64_t woken;
	int error;

	if ((int32_t)a[2] < 0 || (int32_t)a[3] < 0)
		return -LX_EINVAL;
	error = find(a[0], (uint32_t)a[1], &from);
	if (!error)
		error = find(a[4], (uint32_t)a[1], &to);
	if (error)
		return error;
	if (compare && ceno_user_read(&value, a[0], sizeof(value)))
		return -LX_EFAULT;
	if (compare && value != (uint32_t)a[5])
		return -LX_EAGAIN;
	woken = wake(&from, (uint32_t)a[2], UINT32_MAX);
	for (task = next_waiter(ceno_blocked_first(), &from); task && moved < (uint32_t)a[3]; task = next, moved++) {
		next = next_waiter(task->next, &from);
		task->futex = to.object;
		task->futex_offset = to.offset;
	}
	return compare ? woken + moved : woken;
}

/* WAKE_OP's operation (futex(2)): the new value, and whether the old one compares. */
static int operate(uint32_t code, uint32_t old, uint32_t *new, int *compares)
{
	int32_t operand = (int32_t)(code << 8) >> 20, with = (int32_t)(code << 20) >> 20, was = (int32_t)old;
	uint32_t op = code >> 28 & 7, bits;

	if (code >> 31 && (uint32_t)operand > 31)
		return -LX_EINVAL;
	bits = code >> 31 ? 1u << operand : (uint32_t)operand;
	switch (op) {
	case 0:
		*new = bits;
		break;
	case 1:
		*new = old + bits;
		break;
	case 2:
		*new = old | bits;
		break;
	case 3:
		*new = old & ~bits;
		break;
	case 4:
		*new = old ^ bits;
		break;
	default:
		return -LX_ENOSYS;
	}
	switch (code >> 24 & 15) {
	case 0:
		*compares = was == with;
		return 0;
	case 1:
		*compares = was != with;
		return 0;
	case 2:
		*compares = was < with;
		return 0;
	case 3:
		*compares = was <= with;
		return 0;
	case 4:
		*compares = was > with;
		return 0;
	case 5:
		*compares = was >= with;
		return 0;
	default:
		return -LX_ENOSYS;
	}
}

static int64_t wake_op(const uint64_t a[6])
{
	struct word first, second;
	uint32_t old, new;
	int compares, error = find(a[0], (uint32_t)a[1], &first);
	int64_t woken;

	if (!error)
		error = find(a[4], (uint32_t)a[1], &second);
	if (error)
		return error;
	if (ceno_user_read(&old, a[4], sizeof(old)))
		return -LX_EFAULT;
	error = operate((uint32_t)a[5], old, &new, &compares);
	if (error)
		return error;
	if (ceno_user_write(a[4], &new, sizeof(new)))
		return -LX_EFAULT;
	woken = wake(&first, (int32_t)a[2] > 0 ? (uint32_t)a[2] : 1, UINT32_MAX);
	return compares ? woken + wake(&second, (int32_t)a[3] > 0 ? (uint32_t)a[3] : 1, UINT32_MAX) : woken;
}

int64_t ceno_sys_futex(const uint64_t a[6])
{
	uint32_t op = (uint32_t)a[1] & ~(uint32_t)(PRIVATE | CLOCK_REALTIME);

	if ((a[1] & CLOCK_REALTIME) && op != WAIT_BITSET)
		return -LX_ENOSYS;
	switch (op) {
	case WAIT:
		return wait(a, UINT32_MAX, 0);
	case WAIT_BITSET:
		return wait(a, (uint32_t)a[5], 1);
	case WAKE:
		return wake_at(a, UINT32_MAX);
	case WAKE_BITSET:
		return wake_at(a, (uint32_t)a[5]);
	case REQUEUE:
		return requeue(a, 0);
	case CMP_REQUEUE:
		return requeue(a, 1);
	case WAKE_OP:
		return wake_op(a);
	default:
		return -LX_ENOSYS;
	}
}

/* ---- the end of threads --------------------------------------------------------- */

void ceno_futex_wake_one(uint64_t gva)
{
	for (uint32_t op = 0; op <= PRIVATE; op += PRIVATE) {
		struct word word;

		if (find(gva, op, &word) == 0 && wake(&word, 1, UINT32_MAX))
			return;
	}
}

/* The owner of a lock dies: says so in the word, and wakes who waits for it. */
static void abandon(uint64_t gva, uint32_t tid)
{
	const uint32_t waiters = 0x80000000u, owner_died = 0x40000000u, owner = 0x3fffffffu;
	uint32_t value, now;

	if (gva % 4 || ceno_user_read(&value, gva, sizeof(value)) || (value & owner) != tid)
		return;
	now = (value & waiters) | owner_died;
	if (ceno_user_write(gva, &now, sizeof(now)) == 0 && (value & waiters))
		ceno_futex_wake_one(gva);
}

/* struct robust_list_head: the first entry, where an entry's futex lies from it, and the entry
 * that was being worked on. The program wrote it: at most so many entries, as Linux. */
void ceno_futex_robust(struct ceno_task *task)
{
	uint64_t head[3], at, next;

	if (!task->robust_list || ceno_user_read(head, task->robust_list, sizeof(head)))
		return;
	at = head[0];
	for (int i = 0; i < 2048 && at != task->robust_list; i++, at = next) {
		int last = ceno_user_read(&next, at & ~1ull, sizeof(next));

		if (at != head[2])
			abandon((at & ~1ull) + head[1], task->tid);
		if (last)
			break;
	}
	if (head[2])
		abandon((head[2] & ~1ull) + head[1], task->tid);
}

int64_t ceno_sys_set_robust_list(const uint64_t a[6])
{
	if (a[1] != 24)
		return -LX_EINVAL;
	ceno_current->robust_list = a[0];
	return 0;
}

int64_t ceno_sys_get_robust_list(const uint64_t a[6])
{
	const uint64_t bytes = 24;
	const struct ceno_task *task = (int32_t)a[0] ? ceno_task_find((int32_t)a[0]) : ceno_current;

	if (!task)
		return -LX_ESRCH;
	if (ceno_user_write(a[2], &bytes, sizeof(bytes)) ||
	    ceno_user_write(a[1], &task->robust_list, sizeof(task->robust_list)))
		return -LX_EFAULT;
	return 0;
}
