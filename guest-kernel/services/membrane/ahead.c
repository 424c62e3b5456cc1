/*
 * See ahead.h. What lies ahead is a copy: 0.1 ms for 512 KiB, where 16 calls that read 32 KiB each
 * take 0.6, and nothing of the file needs to be mapped for the program.
 */
#include "ahead.h"

#include "fd.h"
#include "pack.h"
#include "process.h"
#include "services/entry/ahead.h"

#define FEW      8u             /* reads in a row that are not worth it */
#define AHEAD    (512ull << 10) /* bytes, what a second-level cache holds; and half of a large page at most */
#define READ_MAX (AHEAD / 4)    /* of a read: larger ones cost more by their bytes than by the call */

/* The page that the entry page's code works with. */
struct page {
	int32_t fd;
	uint32_t reserved;
	uint64_t at, end, rdi, rsi, rcx, rsp;
};
_Static_assert(offsetof(struct page, at) == CENO_AHEAD_AT - CENO_GVA_AHEAD, "ahead.h");
_Static_assert(offsetof(struct page, end) == CENO_AHEAD_END - CENO_GVA_AHEAD, "ahead.h");
_Static_assert(offsetof(struct page, rdi) == CENO_AHEAD_RDI - CENO_GVA_AHEAD, "ahead.h");
_Static_assert(offsetof(struct page, rsp) == CENO_AHEAD_RSP - CENO_GVA_AHEAD, "ahead.h");

static void set_ds(uint32_t selector)
{
	__asm__ volatile("mov %0, %%ds" : : "r"(selector));
}

/* Nobody else can have the file or its position, now or before the program's next call. */
static int is_alone(const struct ceno_file *file)
{
	const struct ceno_process *self = ceno_self();

	return ceno_boot()->syscall_mode == CENO_SYSCALL_PAGE && file->inode->kind == CENO_INODE_PACK &&
	    file->refs == 1 && self->files->uses == 1 && self->vm->uses == 1 && !self->threads->sibling;
}

/* The page, with room for so many bytes behind it, mapped. NULL: RAM is short. */
static struct page *room(struct ceno_vm *vm, uint64_t bytes)
{
	const struct ceno_area area = { .start = CENO_GVA_AHEAD,
		                        .end = CENO_GVA_AHEAD + CENO_LARGE_PAGE,
		                        .prot = LX_PROT_READ | LX_PROT_WRITE,
		                        .flags = CENO_AREA_DONTFORK };
	struct page *page;
	uint64_t got;
	int error;

	if (!ceno_areas_find(vm, area.start) && ceno_areas_add(vm, &area))
		return NULL;
	if (ceno_vm_bring(vm, area.start, LX_PROT_WRITE) < 0)
		return NULL;
	page = ceno_pages_reach(vm, area.start, LX_PROT_WRITE, &got, &error);
	return page && got >= CENO_AHEAD_DATA - CENO_GVA_AHEAD + bytes ? page : NULL;
}

static void begin(struct ceno_vm *vm, struct ceno_file *file, int32_t fd, uint64_t bytes)
{
	const void *from = ceno_packs_data(file->inode->stored.offset + file->position, bytes);
	struct page *page = from ? room(vm, bytes) : NULL;

	if (!page)
		return;
	memcpy((uint8_t *)page + (CENO_AHEAD_DATA - CENO_GVA_AHEAD), from, bytes);
	*page = (struct page){ .fd = fd, .at = CENO_AHEAD_DATA, .end = CENO_AHEAD_DATA + bytes };
	vm->ahead = file;
	vm->ahead_bytes = bytes;
	set_ds(CENO_AHEAD_ON);
}

void ceno_ahead_read(int32_t fd, uint64_t bytes)
{
	struct ceno_vm *vm = ceno_vm_current();
	struct ceno_file *file = ceno_fd_file(fd);
	uint64_t left;

	vm->reads = vm->reads_of == file && vm->reads_at + 1 == ceno_run.syscalls ? vm->reads + 1 : 0;
	vm->reads_of = file;
	vm->reads_at = ceno_run.syscalls;
	if (vm->reads < FEW || bytes > READ_MAX || !is_alone(file))
		return;
	left = file->inode->size - file->position;
	left = left < AHEAD ? left : AHEAD;
	if (left >= bytes)
		begin(vm, file, fd, left / bytes * bytes);
}

void ceno_ahead_end(void)
{
	struct ceno_vm *vm = ceno_vm_current();
	struct ceno_file *file = vm->ahead;
	uint64_t got, read = 0;
	int error;
	struct page *page = ceno_pages_reach(vm, CENO_GVA_AHEAD, LX_PROT_WRITE, &got, &error);

	if (page) {
		read = page->at - CENO_AHEAD_DATA; /* or whatever the program has made of it */
		page->fd = -1;
		page->end = page->at; /* whoever sets DS by itself may read from -1 */
	}
	file->position += read < vm->ahead_bytes ? read : vm->ahead_bytes;
	vm->ahead = NULL;
	set_ds(0);
}

int ceno_ahead_release(void)
{
	int freed = 0;

	for (struct ceno_vm *vm = ceno_vms_first(); vm; vm = vm->next) {
		uint64_t before = vm->pages;

		if (vm->ahead || vm == ceno_vm_current() || vm == ceno_self()->vm)
			continue;
		(void)ceno_pages_discard(vm, CENO_GVA_AHEAD, CENO_GVA_AHEAD + CENO_LARGE_PAGE);
		freed |= vm->pages != before;
	}
	return freed;
}

void ceno_ahead_enter(const struct ceno_vm *vm)
{
	set_ds(vm->ahead ? CENO_AHEAD_ON : 0);
}

int ceno_ahead_leave(uint64_t gpr[16], uint64_t *rip, uint64_t *rflags)
{
	struct page page;

	if (*rip < CENO_GVA_AHEAD_CODE || *rip >= CENO_GVA_AHEAD_STOP)
		return 0;
	ceno_ahead_enter(ceno_vm_current());
	if (*rip >= CENO_GVA_AHEAD_CHANGED && ceno_user_read(&page, CENO_GVA_AHEAD, sizeof(page)) == 0) {
		gpr[CENO_RDI] = page.rdi;
		gpr[CENO_RSI] = page.rsi;
		gpr[CENO_RCX] = page.rcx;
		gpr[CENO_RSP] = page.rsp;
	}
	if (*rip >= CENO_GVA_AHEAD_DONE) {
		gpr[CENO_RAX] = gpr[CENO_RDX];
		*rip = gpr[CENO_RCX];
		*rflags = gpr[CENO_R11];
	} else {
		gpr[CENO_RAX] = 0;
		*rip = CENO_GATE_SYSCALL;
	}
	return 1;
}
