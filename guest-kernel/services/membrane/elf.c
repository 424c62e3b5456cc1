/*
 * ELF: from a file whose first bytes say so to a mapped program. See exec.h. Every
 * number in it comes from outside and is checked in the order in which Linux checks it,
 * so that a bad file fails with the same errno; what Linux finds wrong only when the old
 * program is gone kills (CENO_EXEC_KILL).
 *
 * Segments are private mappings of the file, as any mapping of it is: of the pack in
 * place, of RAM shared until written, and as copies where they are code.
 */
#include "exec.h"

#include "frames.h"
#include "process.h"
#include "random.h"

#define INTERP_MAX  4096u
#define RANDOM_MASK 0x1ffull
#define PHDRS_MAX   (65536u / sizeof(struct lx_elf_segment)) /* as many as Linux takes */

struct image {
	struct ceno_exec *exec;
	struct ceno_inode *file;
	struct lx_elf_header header;
	struct lx_elf_segment *segments; /* a block of RAM, or NULL */
	unsigned order;
	uint64_t base, end, phdr; /* end: of the highest segment */
};

/* ---- headers ------------------------------------------------------------------------ */

static int read_table(struct image *image, int bad)
{
	uint64_t bytes = image->header.phnum * sizeof(struct lx_elf_segment), frame;

	while (CENO_PAGE << image->order < bytes)
		image->order++;
	frame = ceno_frames_alloc_raw(image->order);
	if (frame == CENO_NO_FRAME)
		return -LX_ENOMEM;
	image->segments = ceno_ram(frame);
	if (image->header.phoff > image->file->size ||
	    ceno_exec_read(image->file, image->segments, bytes, image->header.phoff) != (int64_t)bytes)
		return bad;
	for (unsigned i = 0; i < image->header.phnum; i++)
		if (image->segments[i].type == LX_PT_LOAD && (image->segments[i].flags & LX_PF_W) &&
		    (image->segments[i].flags & LX_PF_X))
			return -LX_EACCES;
	return 0;
}

/* The header and table of a program (bad: -LX_ENOEXEC) or its interpreter. 0 or -errno. */
static int read_headers(struct image *image, int bad)
{
	struct lx_elf_header *h = &image->header;
	int program = bad == -LX_ENOEXEC;

	if (ceno_exec_read(image->file, h, sizeof(*h), 0) != (int64_t)sizeof(*h))
		return program ? bad : -LX_EIO;
	if (memcmp(h->ident,
	           "\x7f"
	           "ELF",
	           4) ||
	    h->machine != LX_EM_X86_64 || (program && h->type != LX_ET_EXEC && h->type != LX_ET_DYN))
		return bad;
	if (h->phentsize != sizeof(struct lx_elf_segment) || !h->phnum || h->phnum > PHDRS_MAX)
		return bad;
	return read_table(image, bad);
}

static void free_table(const struct image *image)
{
	if (image->segments)
		ceno_frames_free((uint64_t)(uintptr_t)image->segments - CENO_RAM_GVA, image->order);
}

static const struct lx_elf_segment *first_of(const struct image *image, uint32_t type)
{
	for (unsigned i = 0; i < image->header.phnum; i++)
		if (image->segments[i].type == type)
			return &image->segments[i];
	return NULL;
}

/* The interpreter that the program names: *file stays NULL if none. */
static int find_interpreter(const struct image *program, struct ceno_inode **file)
{
	const struct lx_elf_segment *s = first_of(program, LX_PT_INTERP);
	char *path = program->exec->scratch->path;
	int64_t got;

	if (!s)
		return 0;
	if (s->filesz > INTERP_MAX || s->filesz < 2)
		return -LX_ENOEXEC;
	if (s->offset >> 63 || (s->offset + s->filesz) >> 63)
		return -LX_EINVAL;
	got = s->offset < program->file->size ? ceno_exec_read(program->file, path, s->filesz, s->offset) : 0;
	if (got != (int64_t)s->filesz)
		return got < 0 ? (int)got : -LX_EIO;
	if (path[s->filesz - 1])
		return -LX_ENOEXEC;
	program->exec->bad_interpreter = 1;
	return ceno_exec_find(path, file);
}

/* ---- segments -------------------------------------------------------------------------- */

/* Zeros from the end of a segment's file part to the end of that page, if it is writable. */
static int clear_tail(struct ceno_vm *vm, uint64_t gva, uint16_t prot)
{
	uint64_t got;
	int error;
	void *at;

	if (gva % CENO_PAGE == 0 || !(prot & LX_PROT_WRITE))
		return 0;
	at = ceno_pages_reach(vm, gva, LX_PROT_WRITE, &got, &error);
	if (!at)
		return error == -LX_ENOMEM ? error : CENO_EXEC_KILL;
	memset(at, 0, CENO_PAGE - gva % CENO_PAGE);
	return 0;
}

static uint16_t prot_of(const struct lx_elf_segment *s)
{
	return (uint16_t)((s->flags & LX_PF_R ? LX_PROT_READ : 0) | (s->flags & LX_PF_W ? LX_PROT_WRITE : 0) |
	                  (s->flags & LX_PF_X ? LX_PROT_EXEC : 0));
}

/* Over earlier segments, never over the stack. */
static int put_area(struct ceno_exec *exec, const struct ceno_area *area)
{
	const struct ceno_area *stack = ceno_areas_find(exec->vm, exec->top - 1);
	int error;

	if ((area->start < stack->end && stack->start < area->end) ||
	    (!area->file && area->end - area->start > ceno_frames_total() * CENO_PAGE))
		return CENO_EXEC_KILL;
	error = ceno_vm_put(exec->vm, area);
	return error == -LX_EINVAL ? CENO_EXEC_KILL : error;
}

static int map_segment(struct image *image, const struct lx_elf_segment *s)
{
	uint64_t vaddr = image->base + s->vaddr, start = CENO_PAGE_DOWN(vaddr), file_end, end;
	struct ceno_vm *vm = image->exec->vm;
	struct ceno_area area = { .start = start, .file = image->file, .prot = prot_of(s) };
	int error = 0;

	if (s->filesz > s->memsz || s->memsz > CENO_USER_END || s->vaddr > CENO_USER_END ||
	    vaddr > CENO_USER_END - s->memsz)
		return CENO_EXEC_KILL;
	file_end = s->filesz ? CENO_PAGE_UP(vaddr + s->filesz) : start;
	end = CENO_PAGE_UP(vaddr + s->memsz);
	if (s->filesz) {
		if (s->offset % CENO_PAGE != vaddr % CENO_PAGE || s->offset > 1ull << 62)
			return CENO_EXEC_KILL;
		area.end = file_end;
		area.offset = CENO_PAGE_DOWN(s->offset);
		error = put_area(image->exec, &area);
	}
	if (!error && s->filesz && s->memsz > s->filesz)
		error = clear_tail(vm, vaddr + s->filesz, area.prot);
	if (!error && end > file_end && s->memsz) {
		area = (struct ceno_area){ .start = file_end, .end = end, .prot = LX_PROT_READ | LX_PROT_WRITE };
		if (s->flags & LX_PF_X)
			area.prot = LX_PROT_READ | LX_PROT_EXEC;
		error = put_area(image->exec, &area);
	}
	image->end = end > image->end ? end : image->end;
	return error;
}

/* Bytes from the first segment's page to the last one's end; 0: there is none. */
static uint64_t span_of(const struct image *image)
{
	uint64_t low = UINT64_MAX, high = 0;

	for (unsigned i = 0; i < image->header.phnum; i++) {
		const struct lx_elf_segment *s = &image->segments[i];

		if (s->type != LX_PT_LOAD)
			continue;
		low = CENO_PAGE_DOWN(s->vaddr) < low ? CENO_PAGE_DOWN(s->vaddr) : low;
		high = s->vaddr + s->memsz > high ? s->vaddr + s->memsz : high;
	}
	return high > low && high - low < CENO_USER_END ? CENO_PAGE_UP(high - low) : 0;
}

static int map_segments(struct image *image)
{
	const struct lx_elf_header *h = &image->header;
	int error = 0;

	for (unsigned i = 0; !error && i < h->phnum; i++) {
		const struct lx_elf_segment *s = &image->segments[i];

		if (s->type != LX_PT_LOAD)
			continue;
		error = map_segment(image, s);
		if (s->offset <= h->phoff && h->phoff - s->offset < s->filesz)
			image->phdr = image->base + s->vaddr + (h->phoff - s->offset);
	}
	return error;
}

/* The largest that is a power of two, as all segments ask for it. */
static uint64_t alignment_of(const struct image *image)
{
	uint64_t most = CENO_PAGE;

	for (unsigned i = 0; i < image->header.phnum; i++) {
		uint64_t align = image->segments[i].align;

		if (image->segments[i].type == LX_PT_LOAD && !(align & (align - 1)) && align > most)
			most = align;
	}
	return most;
}

static int map_program(struct image *image)
{
	uint64_t span = span_of(image), start;
	int error;

	if (image->header.type == LX_ET_DYN) {
		start = ceno_vm_program_base() & ~(alignment_of(image) - 1);
		if (!span || span > CENO_USER_END - start)
			return CENO_EXEC_KILL;
		image->base = start - CENO_PAGE_DOWN(first_of(image, LX_PT_LOAD)->vaddr);
	}
	for (unsigned i = 0; i < image->header.phnum; i++)
		if (image->segments[i].type == LX_PT_LOAD && (image->segments[i].flags & LX_PF_W))
			image->exec->vm->data_bytes += image->segments[i].memsz;
	error = map_segments(image);
	if (!error)
		ceno_vm_brk_set(image->exec->vm, image->end);
	return error;
}

static int map_interpreter(struct image *image)
{
	uint64_t span = span_of(image), gap;

	if (image->header.type != LX_ET_EXEC && image->header.type != LX_ET_DYN)
		return CENO_EXEC_KILL;
	if (!span)
		return CENO_EXEC_KILL;
	if (image->header.type == LX_ET_DYN) {
		gap = ceno_vm_interpreter_gap(image->exec->vm, span);
		if (!gap)
			return -LX_ENOMEM;
		image->base = gap - CENO_PAGE_DOWN(first_of(image, LX_PT_LOAD)->vaddr);
	}
	return map_segments(image);
}

/* ---- first stack ----------------------------------------------------------------- */

#define AUXV_PAIRS 21u

struct stack {
	struct ceno_vm *vm;
	uint64_t at;
	int error;
};

static void push_word(struct stack *stack, uint64_t word)
{
	uint64_t got, *to;
	int error = 0;

	to = stack->error ? NULL : ceno_pages_reach(stack->vm, stack->at, LX_PROT_WRITE, &got, &error);
	if (to)
		*to = word; /* aligned, so on one page */
	else if (!stack->error)
		stack->error = error == -LX_ENOMEM ? error : -LX_E2BIG;
	stack->at += 8;
}

/* Pointers to `count` strings that follow one another from *gva. */
static void push_pointers(struct stack *stack, uint32_t count, uint64_t *gva)
{
	for (uint32_t i = 0; !stack->error && i < count; i++) {
		uint64_t bytes = ceno_exec_length(stack->vm, *gva);

		if (!bytes)
			stack->error = -LX_EFAULT;
		push_word(stack, *gva);
		*gva += bytes;
	}
	push_word(stack, 0);
}

static void push_auxv(struct stack *stack, const struct image *image, uint64_t base, uint64_t random, uint64_t platform)
{
	const uint64_t auxv[AUXV_PAIRS][2] = {
		{ LX_AT_SYSINFO_EHDR, CENO_GVA_VDSO },
		{ LX_AT_MINSIGSTKSZ, 3632 },
		{ LX_AT_HWCAP, ceno_cpu_hwcap() },
		{ LX_AT_PAGESZ, CENO_PAGE },
		{ LX_AT_CLKTCK, 100 },
		{ LX_AT_PHDR, image->phdr },
		{ LX_AT_PHENT, sizeof(struct lx_elf_segment) },
		{ LX_AT_PHNUM, image->header.phnum },
		{ LX_AT_BASE, base },
		{ LX_AT_FLAGS, 0 },
		{ LX_AT_ENTRY, image->base + image->header.entry },
		{ LX_AT_UID, CENO_UID },
		{ LX_AT_EUID, CENO_UID },
		{ LX_AT_GID, CENO_UID },
		{ LX_AT_EGID, CENO_UID },
		{ LX_AT_SECURE, 0 },
		{ LX_AT_RANDOM, random },
		{ LX_AT_HWCAP2, 2 }, /* FSGSBASE */
		{ LX_AT_EXECFN, image->exec->execfn },
		{ LX_AT_PLATFORM, platform },
		{ LX_AT_NULL, 0 },
	};

	for (unsigned i = 0; i < AUXV_PAIRS; i++) {
		push_word(stack, auxv[i][0]);
		push_word(stack, auxv[i][1]);
	}
}

static int build_stack(struct ceno_exec *exec, const struct image *image, uint64_t base)
{
	uint64_t strings = exec->at, platform, random, words;
	struct stack stack = { exec->vm, 0, 0 };
	uint8_t seed[16];

	exec->at = (exec->at - (ceno_random_u64() & RANDOM_MASK) * 16) & ~15ull;
	exec->least = exec->top - CENO_STACK_MAX; /* pointers were counted among the strings */
	stack.error = ceno_exec_push(exec, "x86_64\0", 8);
	platform = exec->at;
	ceno_random_fill(seed, sizeof(seed));
	if (!stack.error)
		stack.error = ceno_exec_push(exec, seed, sizeof(seed));
	random = exec->at;
	words = 1 + exec->argc + 1ull + exec->envc + 1 + 2 * AUXV_PAIRS;
	exec->rsp = stack.at = (random - words * 8) & ~15ull;
	push_word(&stack, exec->argc);
	exec->vm->args = strings;
	push_pointers(&stack, exec->argc, &strings);
	exec->vm->env = strings;
	push_pointers(&stack, exec->envc, &strings);
	exec->vm->env_end = strings;
	push_auxv(&stack, image, base, random, platform);
	return stack.error;
}

/* ---- the whole ---------------------------------------------------------------------- */

static int map_all(struct ceno_exec *exec, struct image *program, struct image *interpreter)
{
	int error = map_program(program);

	if (!error && interpreter->file)
		error = map_interpreter(interpreter);
	if (!error)
		error = build_stack(exec, program, interpreter->base);
	exec->rip =
	    interpreter->file ? interpreter->base + interpreter->header.entry : program->base + program->header.entry;
	return error;
}

int ceno_exec_elf(struct ceno_exec *exec)
{
	struct image program = { .exec = exec, .file = exec->file }, interpreter = { .exec = exec };
	int error = read_headers(&program, -LX_ENOEXEC);

	if (!error)
		error = find_interpreter(&program, &interpreter.file);
	exec->dynamic = interpreter.file != NULL;
	if (!error && interpreter.file)
		error = read_headers(&interpreter, -LX_ELIBBAD);
	if (!error) {
		exec->bad_interpreter = 0;
		error = map_all(exec, &program, &interpreter);
	}
	free_table(&program);
	free_table(&interpreter);
	return error;
}
