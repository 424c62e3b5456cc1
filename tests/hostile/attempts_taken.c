/*
 * Attempts to keep a window that is taken. See taken.h.
 */
#include "taken.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "vmm/sandbox/filter_table.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#define KERNEL_RESTORER 0x04000000ul

typedef volatile uint64_t word;

static uint8_t *window(const struct captured *c)
{
	const struct ceno_slot_map *map = ceno_slots_find(&c->runner->vm.slots, CENO_VMM_FD_WINDOW + CENO_PLEDGE_STDIO);
	return map ? map->host : NULL;
}

static word *words(const struct captured *c)
{
	return (word *)(void *)(window(c) + TAKEN_PLACE);
}

static word *mark(const struct captured *c)
{
	words(c)[TAKEN_WORD_MARK] = TAKEN_MARK;
	return words(c);
}

static word *ready(const struct captured *c)
{
	word *w = mark(c);
	w[TAKEN_WORD_READY] = TAKEN_READY;
	return w;
}

/* The kernel adds a word of the window to an eventfd: 8, or why it cannot. The word is zero, so nobody wakes. */
static long give(const struct captured *c)
{
	return captured_call(SYS_write, c->runner->vm.doorbell_fd[CENO_PLEDGE_STDIO], words(c) + TAKEN_WORD_ZERO, 8);
}

static word *until_gone(const struct captured *c)
{
	word *w = ready(c);
	while (give(c) != -EFAULT)
		;
	return w;
}

/* ---- memory ----------------------------------------------------------------------- */

long taken_keep_reading(const struct captured *c)
{
	for (word *w = ready(c);;)
		(void)*w;
}

long taken_keep_writing(const struct captured *c)
{
	for (word *w = ready(c);;)
		*w = TAKEN_MARK;
}

long taken_read_after(const struct captured *c)
{
	return (long)(*until_gone(c) >> 1);
}

long taken_write_after(const struct captured *c)
{
	*until_gone(c) = TAKEN_MARK;
	return 0;
}

long taken_kernel_reads(const struct captured *c)
{
	ready(c);
	for (long result;;)
		if ((result = give(c)) < 0)
			return result;
}

/* What it reads, it has written itself, from its own memory. */
long taken_kernel_writes(const struct captured *c)
{
	const int bell = c->runner->vm.doorbell_fd[CENO_PLEDGE_STDIO];
	const uint64_t one = 1;
	word *w = ready(c);
	for (long result;;) {
		captured_call(SYS_write, bell, &one, sizeof(one));
		if ((result = captured_call(SYS_read, bell, w + TAKEN_WORD_OTHER, sizeof(*w))) != sizeof(*w) &&
		    result != -EAGAIN)
			return result;
	}
}

long taken_map_twice(const struct captured *c)
{
	mark(c);
	long second = captured_call(SYS_mremap, window(c), 0, CENO_STDIO_BYTES, MREMAP_MAYMOVE);
	const uint8_t *at = window(c); /* where the kernel has mseal, no second is made */
	if (second > 0)
		__builtin_memcpy(&at, &second, sizeof(at));
	until_gone(c);
	return *(volatile const uint8_t *)(at + TAKEN_PLACE);
}

long taken_pin_pages(const struct captured *c)
{
	int pipe[2];
	uint64_t kept = 0;
	struct iovec page = { window(c) + TAKEN_PLACE, sizeof(kept) };
	mark(c);
	long result = captured_call(SYS_pipe2, pipe, O_CLOEXEC);
	if (result < 0 || (result = captured_call(SYS_vmsplice, pipe[1], &page, 1, 0)) < 0)
		return result;
	until_gone(c);
	result = captured_call(SYS_read, pipe[0], &kept, sizeof(kept));
	captured_call(SYS_close, pipe[0]);
	captured_call(SYS_close, pipe[1]);
	return result < 0 || kept == TAKEN_MARK ? result : -ENODATA;
}

/* ---- what it no longer has a descriptor of -------------------------------------------- */

long taken_grow_after(const struct captured *c)
{
	long result = -EBADF;
	until_gone(c);
	for (int fd = 0; fd < CENO_VMM_FD_VCPU && result < 0; fd++)
		result = captured_call(SYS_ftruncate, fd, CENO_STDIO_BYTES);
	return result;
}

long taken_fill_after(const struct captured *c)
{
	long result = -EBADF;
	until_gone(c);
	for (int fd = 0; fd < CENO_VMM_FD_VCPU && result < 0; fd++)
		result = captured_call(SYS_fallocate, fd, 0, 0, CENO_STDIO_BYTES);
	return result;
}

long taken_populate_after(const struct captured *c)
{
	until_gone(c);
	return captured_call(SYS_madvise, window(c), CENO_STDIO_BYTES, MADV_POPULATE_WRITE);
}

/* ---- signals and processes --------------------------------------------------------------- */

static _Noreturn void on_fault(int number)
{
	const long result = -EFAULT;
	(void)number;
	captured_call(SYS_write, STDOUT_FILENO, &result, sizeof(result));
	for (;;)
		captured_call(SYS_exit_group, 0);
}

long taken_catch_fault(const struct captured *c)
{
	const struct {
		void (*handler)(int);
		unsigned long flags;
		void (*restorer)(int);
		uint64_t mask;
	} action = { on_fault, KERNEL_RESTORER, on_fault, 0 };
	mark(c);
	captured_call(SYS_rt_sigaction, SIGBUS, &action, NULL, sizeof(action.mask));
	return taken_read_after(c);
}

long taken_block_stop(const struct captured *c)
{
	const uint64_t all = ~0ull;
	mark(c);
	captured_call(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, sizeof(all));
	return taken_keep_writing(c);
}

/* SIGCONT takes back a SIGSTOP that no thread has seen yet. */
long taken_undo_stop(const struct captured *c)
{
	mark(c);
	long sent = captured_call(SYS_tgkill, 1, 1, SIGCONT);
	for (word *w = ready(c); sent == 0; sent = captured_call(SYS_tgkill, 1, 1, SIGCONT))
		*w = TAKEN_MARK;
	return sent;
}

long taken_child_writes(const struct captured *c)
{
	mark(c);
	long child = captured_call(SYS_fork);
	if (child == 0)
		taken_keep_writing(c);
	if (child > 0)
		until_gone(c);
	return child;
}
