/*
 * Loading a static ELF program from the pack: argument block, program headers,
 * areas, first stack. Every number in both comes from outside: bounded before use.
 *
 * Text and read-only data are areas of the pack, mapped in place; the writable
 * segment is a private copy made page by page when it is written; what lies beyond
 * its file part is zeros.
 */
#include "frames.h"
#include "pack.h"
#include "process.h"
#include "random.h"
#include "vm.h"

#define SEGMENTS_MAX 64
#define PIE_BASE     0x555500000000ull

struct args {
	uint32_t argc, envc;
	const char *program, *strings, *cwd; /* strings: argv then envp, strings_bytes of them */
	uint64_t strings_bytes;
};

struct image {
	struct ceno_vm *vm;
	struct ceno_inode *inode;
	const struct ceno_pack_entry *entry;
	const struct lx_elf_header *header;
	struct lx_elf_segment segments[SEGMENTS_MAX];
	uint64_t base, end, phdr; /* end: of the highest segment */
};

/* ---- argument block --------------------------------------------------------- */

static const char *next_string(const char *at, const char *end)
{
	while (at < end && *at)
		at++;
	return at < end ? at + 1 : NULL;
}

static int parse_args(const uint8_t *block, uint64_t bytes, struct args *args)
{
	const char *end = (const char *)block + bytes, *at = (const char *)block + 8;

	if (bytes < 8)
		return -LX_EINVAL;
	memcpy(&args->argc, block, 4);
	memcpy(&args->envc, block + 4, 4);
	if (args->argc == 0 || args->argc > bytes || args->envc > bytes)
		return -LX_EINVAL;
	args->program = at;
	at = next_string(at, end);
	args->strings = at;
	for (uint32_t i = 0; at && i < args->argc + args->envc; i++)
		at = next_string(at, end);
	if (!at)
		return -LX_EINVAL;
	args->strings_bytes = (uint64_t)(at - args->strings);
	args->cwd = at;
	at = next_string(at, end);
	return at == end && args->program[0] == '/' && args->cwd[0] == '/' ? 0 : -LX_EINVAL;
}

/* ---- program headers ---------------------------------------------------------- */

static int read_headers(struct image *image)
{
	static const uint8_t ident[7] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };
	const struct lx_elf_header *h = image->header;
	const void *table;

	if (image->entry->length < 4 || memcmp(h->ident, ident, 4))
		return CENO_REFUSAL_NOT_ELF;
	if (image->entry->length < sizeof(*h) || memcmp(h->ident, ident, sizeof(ident)) || h->machine != LX_EM_X86_64 ||
	    (h->type != LX_ET_EXEC && h->type != LX_ET_DYN) || h->phentsize != sizeof(struct lx_elf_segment) ||
	    h->phnum == 0 || h->phnum > SEGMENTS_MAX)
		return CENO_REFUSAL_BAD_ELF;
	if (h->phoff > image->entry->length ||
	    h->phnum * sizeof(struct lx_elf_segment) > image->entry->length - h->phoff)
		return CENO_REFUSAL_BAD_ELF;
	table = ceno_packs_data(image->entry->offset + h->phoff, h->phnum * sizeof(struct lx_elf_segment));
	if (!table)
		return CENO_REFUSAL_MEMORY;
	memcpy(image->segments, table, h->phnum * sizeof(struct lx_elf_segment));
	for (unsigned i = 0; i < h->phnum; i++)
		if (image->segments[i].type == LX_PT_INTERP)
			return CENO_REFUSAL_DYNAMIC;
	return CENO_REFUSAL_NONE;
}

static int segment_ok(const struct image *image, const struct lx_elf_segment *s)
{
	if (s->filesz > s->memsz || s->memsz == 0 || s->offset > image->entry->length ||
	    s->filesz > image->entry->length - s->offset)
		return 0;
	if (s->vaddr >= CENO_USER_END || s->memsz > CENO_USER_END || s->vaddr + s->memsz > CENO_USER_END / 2)
		return 0;
	if (s->filesz && s->offset % CENO_PAGE != s->vaddr % CENO_PAGE)
		return 0;
	if ((s->flags & LX_PF_W) && (s->flags & LX_PF_X))
		return 0;
	return (s->flags & LX_PF_W) || s->filesz == s->memsz;
}

static int add_area(struct ceno_vm *vm, const struct ceno_area *area)
{
	switch (ceno_vm_add(vm, area)) {
	case 0:
		return CENO_REFUSAL_NONE;
	case -LX_ENOMEM:
		return CENO_REFUSAL_MEMORY;
	default:
		return CENO_REFUSAL_BAD_ELF;
	}
}

/* Zeros from the end of the segment's file part to the end of that page. */
static int clear_tail(uint64_t gva)
{
	uint64_t got;
	void *at = gva % CENO_PAGE ? ceno_user_span(gva, CENO_PAGE - gva % CENO_PAGE, LX_PROT_WRITE, &got) : NULL;

	if (gva % CENO_PAGE == 0)
		return CENO_REFUSAL_NONE;
	if (!at)
		return CENO_REFUSAL_MEMORY;
	memset(at, 0, got);
	return CENO_REFUSAL_NONE;
}

static int map_segment(struct image *image, const struct lx_elf_segment *s)
{
	uint64_t start = image->base + CENO_PAGE_DOWN(s->vaddr), vaddr = image->base + s->vaddr;
	uint64_t file_end = CENO_PAGE_UP(vaddr + s->filesz), end = CENO_PAGE_UP(vaddr + s->memsz);
	struct ceno_area area = { .start = start, .end = file_end, .file = image->inode };
	int refusal = CENO_REFUSAL_NONE;

	if (!segment_ok(image, s))
		return CENO_REFUSAL_BAD_ELF;
	area.prot = (uint16_t)(LX_PROT_READ | ((s->flags & LX_PF_W) ? LX_PROT_WRITE : 0) |
	                       ((s->flags & LX_PF_X) ? LX_PROT_EXEC : 0));
	if (s->filesz) {
		area.offset = CENO_PAGE_DOWN(s->offset);
		refusal = add_area(image->vm, &area);
	} else {
		file_end = start;
	}
	if (!refusal && s->memsz > s->filesz && s->filesz)
		refusal = clear_tail(vaddr + s->filesz);
	if (!refusal && end > file_end) {
		area = (struct ceno_area){ .start = file_end, .end = end, .prot = area.prot };
		refusal = add_area(image->vm, &area);
	}
	if (end > image->end)
		image->end = end;
	return refusal;
}

static int map_image(struct image *image)
{
	const struct lx_elf_header *h = image->header;
	int loads = 0, refusal;

	image->base = h->type == LX_ET_DYN ? PIE_BASE + (ceno_random_u64() & 0x3fffff) * CENO_LARGE_PAGE : 0;
	for (unsigned i = 0; i < h->phnum; i++) {
		const struct lx_elf_segment *s = &image->segments[i];

		if (s->type == LX_PT_PHDR)
			image->phdr = image->base + s->vaddr;
		if (s->type != LX_PT_LOAD)
			continue;
		refusal = map_segment(image, s);
		if (refusal)
			return refusal;
		loads++;
		if (!image->phdr && h->phoff >= s->offset && h->phoff - s->offset < s->filesz)
			image->phdr = image->base + s->vaddr + (h->phoff - s->offset);
	}
	if (!loads || !h->entry || h->entry >= CENO_USER_END / 2 ||
	    !ceno_areas_find(image->vm, image->base + h->entry) ||
	    !(ceno_areas_find(image->vm, image->base + h->entry)->prot & LX_PROT_EXEC))
		return CENO_REFUSAL_BAD_ELF;
	ceno_vm_brk_set(image->vm, image->end);
	return CENO_REFUSAL_NONE;
}

/* ---- first stack ----------------------------------------------------------------- */

struct stack {
	uint64_t at;
	int error;
};

static void push_word(struct stack *stack, uint64_t word)
{
	stack->error |= ceno_user_write(stack->at, &word, sizeof(word));
	stack->at += sizeof(word);
}

static void push_pair(struct stack *stack, uint64_t key, uint64_t value)
{
	push_word(stack, key);
	push_word(stack, value);
}

/* Pointers to `count` strings that follow one another from *text (of the program). */
static void push_pointers(struct stack *stack, uint32_t count, const char **text, uint64_t *gva)
{
	for (uint32_t i = 0; i < count; i++) {
		uint64_t bytes = strlen(*text) + 1;

		push_word(stack, *gva);
		*text += bytes;
		*gva += bytes;
	}
	push_word(stack, 0);
}

static void push_auxv(struct stack *stack, const struct image *image, uint64_t random, uint64_t execfn,
                      uint64_t platform)
{
	push_pair(stack, LX_AT_HWCAP, ceno_cpu_hwcap());
	push_pair(stack, LX_AT_PAGESZ, CENO_PAGE);
	push_pair(stack, LX_AT_CLKTCK, 100);
	push_pair(stack, LX_AT_PHDR, image->phdr);
	push_pair(stack, LX_AT_PHENT, sizeof(struct lx_elf_segment));
	push_pair(stack, LX_AT_PHNUM, image->header->phnum);
	push_pair(stack, LX_AT_BASE, 0);
	push_pair(stack, LX_AT_FLAGS, 0);
	push_pair(stack, LX_AT_ENTRY, image->base + image->header->entry);
	push_pair(stack, LX_AT_UID, 0);
	push_pair(stack, LX_AT_EUID, 0);
	push_pair(stack, LX_AT_GID, 0);
	push_pair(stack, LX_AT_EGID, 0);
	push_pair(stack, LX_AT_SECURE, 0);
	push_pair(stack, LX_AT_RANDOM, random);
	push_pair(stack, LX_AT_HWCAP2, 2); /* FSGSBASE */
	push_pair(stack, LX_AT_EXECFN, execfn);
	push_pair(stack, LX_AT_PLATFORM, platform);
	push_pair(stack, LX_AT_MINSIGSTKSZ, 3632);
	push_pair(stack, LX_AT_NULL, 0);
}

#define AUXV_WORDS 40

static int build_stack(const struct args *args, const struct image *image, uint64_t *rsp)
{
	uint64_t top = ceno_vm_stack_add(image->vm), execfn, text, platform, random, words;
	uint64_t program_bytes = strlen(args->program) + 1;
	const char *strings = args->strings;
	uint8_t seed[16];
	struct stack stack;

	if (!top)
		return CENO_REFUSAL_MEMORY;
	execfn = top - 8 - program_bytes;
	text = execfn - args->strings_bytes;
	platform = (text - 8) & ~7ull;
	random = platform - 16;
	words = 1 + args->argc + 1 + args->envc + 1 + AUXV_WORDS;
	stack = (struct stack){ .at = (random - words * 8) & ~15ull };
	*rsp = stack.at;
	ceno_random_fill(seed, sizeof(seed));
	stack.error = ceno_user_write(execfn, args->program, program_bytes) |
	    ceno_user_write(text, args->strings, args->strings_bytes) | ceno_user_write(platform, "x86_64", 7) |
	    ceno_user_write(random, seed, sizeof(seed));
	push_word(&stack, args->argc);
	push_pointers(&stack, args->argc, &strings, &text);
	push_pointers(&stack, args->envc, &strings, &text);
	push_auxv(&stack, image, random, execfn, platform);
	return stack.error ? CENO_REFUSAL_MEMORY : CENO_REFUSAL_NONE;
}

/* ---- the whole ---------------------------------------------------------------------- */

static struct ceno_inode *find_program(const char *path)
{
	struct ceno_walk walk;

	if (ceno_path_walk(ceno_inode_root(), path, 0, &walk) || !walk.inode || walk.inode->kind != CENO_INODE_PACK)
		return NULL;
	return walk.inode->pack->mode & CENO_PACK_PROGRAM ? walk.inode : NULL;
}

static void remember(const struct args *args)
{
	const char *name = args->program, *at;
	uint64_t length = strlen(args->program);

	memcpy(ceno_self()->path, args->program, length < CENO_PATH_MAX ? length : CENO_PATH_MAX - 1);
	ceno_procfs_exe_set(ceno_self()->path);
	for (at = name; *at; at++)
		if (*at == '/')
			name = at + 1;
	length = strlen(name);
	memcpy(ceno_current->name, name, length < 15 ? length : 15);
}

int ceno_elf_load(const uint8_t *block, uint64_t bytes)
{
	static struct image image;
	struct ceno_regs *regs = &ceno_current->regs;
	struct args args;
	struct ceno_inode *cwd;
	uint64_t rsp = 0;
	int refusal;

	memset(&image, 0, sizeof(image));
	if (bytes > CENO_ARGS_MAX || parse_args(block, bytes, &args))
		return CENO_REFUSAL_ARGS;
	image.inode = find_program(args.program);
	if (!image.inode)
		return CENO_REFUSAL_NOT_FOUND;
	image.entry = image.inode->pack;
	image.header =
	    ceno_packs_data(image.entry->offset,
	                    image.entry->length < sizeof(*image.header) ? image.entry->length : sizeof(*image.header));
	image.vm = ceno_self()->vm = image.header ? ceno_vm_new() : NULL;
	if (!image.vm || ceno_vm_enter(image.vm))
		return CENO_REFUSAL_MEMORY;
	refusal = read_headers(&image);
	if (!refusal)
		refusal = map_image(&image);
	if (!refusal)
		refusal = build_stack(&args, &image, &rsp);
	if (refusal)
		return refusal;
	cwd = ceno_path_make(args.cwd, 0);
	ceno_path_cwd_set(cwd ? cwd : ceno_inode_root());
	remember(&args);
	memset(regs, 0, sizeof(*regs));
	regs->gpr[CENO_RSP] = rsp;
	regs->rip = image.base + image.header->entry;
	regs->rflags = CENO_RFLAGS_SET;
	return CENO_REFUSAL_NONE;
}
