/*
 * What is known of a library before the dynamic linker says or touches it: the bss behind its data, and
 * what is brought without a fault for each.
 *
 * The linker maps a library as a whole, then its segments over that, clears the rest of the
 * data segment's last page, and only then maps the bss, which is zeros, over what is still the
 * file's. That page brings all of the library's 2 MiB from a husk (husk.c), and what was bss
 * there would have to go and come again, by two verbs and a fault. So the bss is an area of its
 * own as soon as the data is. Nothing here trusts the file: what it says is taken only where
 * the same file is mapped already, read-only, as the linker leaves it.
 */
#include "exec.h"
#include "vm.h"

#define SEGMENTS_MAX 16u

/* Bytes of whole pages that the segment with this data (of a file, at offset, so many in pages) has behind
 * it, or any number that a bad file says; 0: none, or it is not that segment. */
static uint64_t zeros_behind(const struct lx_elf_segment *s, uint64_t offset, uint64_t bytes)
{
	uint64_t skip = s->offset % CENO_PAGE;

	if (s->type != LX_PT_LOAD || s->offset - skip != offset || CENO_PAGE_UP(skip + s->filesz) != bytes)
		return 0;
	return CENO_PAGE_UP(skip + s->memsz) - bytes;
}

static uint64_t bss_bytes(struct ceno_inode *file, uint64_t offset, uint64_t bytes)
{
	struct lx_elf_segment segments[SEGMENTS_MAX];
	struct lx_elf_header h;
	uint64_t all, zeros = 0;

	if (ceno_exec_read(file, &h, sizeof(h), 0) != (int64_t)sizeof(h) ||
	    memcmp(h.ident,
	           "\x7f"
	           "ELF",
	           4) ||
	    h.phentsize != sizeof(segments[0]) || h.phnum > SEGMENTS_MAX)
		return 0;
	all = h.phnum * sizeof(segments[0]);
	if (ceno_exec_read(file, segments, all, h.phoff) != (int64_t)all)
		return 0;
	for (unsigned i = 0; i < h.phnum && !zeros; i++)
		zeros = zeros_behind(&segments[i], offset, bytes);
	return zeros;
}

/* It is zeros from now on, if it is there. */
static void put_bss(struct ceno_vm *vm, const struct ceno_area *data)
{
	struct ceno_area bss = { .start = data->end, .prot = LX_PROT_READ | LX_PROT_WRITE };
	const struct ceno_area *behind = ceno_areas_find(vm, data->end);
	uint64_t bytes;

	if (!behind || behind->file != data->file || behind->prot != LX_PROT_READ)
		return;
	bytes = bss_bytes(data->file, data->offset, data->end - data->start);
	bss.end = bss.start + bytes;
	if (bytes && bytes <= behind->end - bss.start)
		(void)ceno_vm_put(vm, &bss);
}

/* What the linker and the library's first function are sure to touch: data, code, and the symbols before it. */
static void bring(struct ceno_vm *vm, const struct ceno_area *data)
{
	int error = ceno_vm_bring(vm, data->start, LX_PROT_WRITE);

	for (const struct ceno_area *area = ceno_areas_find(vm, data->start);
	     error != -LX_ENOMEM && area > vm->areas && area[-1].file == data->file; area--) {
		if (area[-1].prot & LX_PROT_EXEC)
			error = ceno_vm_bring_pieces(vm, &area[-1], area[-1].start, LX_PROT_EXEC);
		else if (area[-1].prot == LX_PROT_READ && area[-1].offset == 0)
			error = ceno_vm_bring_pieces(vm, &area[-1], area[-1].start, LX_PROT_READ);
	}
}

void ceno_vm_library_mapped(struct ceno_vm *vm, const struct ceno_area *data)
{
	put_bss(vm, data);
	if (vm->slot && !vm->forked)
		bring(vm, data);
}
