/*
 * Reads linked modules (module.h). Every offset in the file is checked against
 * its length before use: the builder also runs on files it did not make.
 */
#include "images/module.h"

#include <elf.h>
#include <string.h>

static const char *const names[] = { "nucleus", "init", "membrane", "entry", "prov", "vault" };
_Static_assert(sizeof names / sizeof names[0] == CENO_MODULE_VAULT + 1, "a name for each module id");

const char *ceno_module_name(uint32_t id)
{
	return id <= CENO_MODULE_VAULT ? names[id] : NULL;
}

bool ceno_module_id(const char *name, size_t length, uint32_t *id)
{
	for (uint32_t i = 0; i <= CENO_MODULE_VAULT; i++) {
		if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) {
			*id = i;
			return true;
		}
	}
	return false;
}

static bool in_file(uint64_t offset, uint64_t length, size_t bytes)
{
	return offset <= bytes && length <= bytes - offset;
}

static const char *check_header(const Elf64_Ehdr *h, size_t bytes)
{
	if (bytes < sizeof *h || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
		return "not an ELF file";
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != EM_X86_64)
		return "not a 64-bit x86 ELF file";
	if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
		return "not a linked program";
	if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum == 0 ||
	    !in_file(h->e_phoff, (uint64_t)h->e_phnum * sizeof(Elf64_Phdr), bytes))
		return "malformed program headers";
	if (h->e_shnum &&
	    (h->e_shentsize != sizeof(Elf64_Shdr) ||
	     !in_file(h->e_shoff, (uint64_t)h->e_shnum * sizeof(Elf64_Shdr), bytes)))
		return "malformed section headers";
	return NULL;
}

static const char *read_segment(struct ceno_module *module, const Elf64_Phdr *p, const uint8_t *elf, size_t bytes)
{
	struct ceno_module_segment *s;
	enum ceno_segment_kind kind;

	if (p->p_memsz == 0)
		return NULL;
	if ((p->p_flags & (PF_W | PF_X)) == (PF_W | PF_X))
		return "a segment is writable and executable";
	if (!(p->p_flags & PF_R))
		return "a segment is not readable";
	kind = p->p_flags & PF_X ? CENO_SEGMENT_TEXT : p->p_flags & PF_W ? CENO_SEGMENT_BSS : CENO_SEGMENT_RODATA;
	if (kind == CENO_SEGMENT_BSS && p->p_filesz != 0)
		return "initialised writable data: a module may only have bss";
	if (kind != CENO_SEGMENT_BSS && p->p_filesz != p->p_memsz)
		return "zero-filled memory in a read-only segment";
	if (p->p_vaddr % CENO_PAGE)
		return "a segment is not page-aligned";
	if (p->p_memsz > CENO_BUNDLE_MAX)
		return "a segment is larger than a bundle may be";
	if (!in_file(p->p_offset, p->p_filesz, bytes))
		return "a segment lies outside the file";
	s = &module->segments[kind - 1];
	if (s->bytes)
		return "two segments of one kind";
	s->gva = p->p_vaddr;
	s->bytes = (p->p_memsz + CENO_PAGE - 1) & ~(CENO_PAGE - 1);
	s->data = kind == CENO_SEGMENT_BSS ? NULL : elf + p->p_offset;
	s->data_bytes = p->p_filesz;
	return NULL;
}

static const char *read_segments(struct ceno_module *module, const Elf64_Ehdr *h, const uint8_t *elf, size_t bytes)
{
	for (unsigned i = 0; i < h->e_phnum; i++) {
		const char *problem = NULL;
		Elf64_Phdr p;

		memcpy(&p, elf + h->e_phoff + i * sizeof p, sizeof p);
		if (p.p_type == PT_LOAD)
			problem = read_segment(module, &p, elf, bytes);
		else if (p.p_type == PT_INTERP || p.p_type == PT_DYNAMIC)
			problem = "dynamically linked";
		else if (p.p_type == PT_TLS)
			problem = "thread-local storage";
		if (problem)
			return problem;
	}
	return NULL;
}

/* Looks for ceno_vectors in one symbol table. */
static const char *read_symbols(struct ceno_module *module, const Elf64_Shdr *table, const Elf64_Shdr *strings,
                                const uint8_t *elf, size_t bytes)
{
	static const char wanted[] = "ceno_vectors";

	if (!in_file(table->sh_offset, table->sh_size, bytes) || !in_file(strings->sh_offset, strings->sh_size, bytes))
		return "malformed symbol table";
	for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= table->sh_size; at += sizeof(Elf64_Sym)) {
		Elf64_Sym symbol;

		memcpy(&symbol, elf + table->sh_offset + at, sizeof symbol);
		if (symbol.st_shndx == SHN_UNDEF || symbol.st_name > strings->sh_size ||
		    strings->sh_size - symbol.st_name < sizeof wanted ||
		    memcmp(elf + strings->sh_offset + symbol.st_name, wanted, sizeof wanted) != 0)
			continue;
		module->vectors = symbol.st_value;
		return NULL;
	}
	return "the nucleus has no symbol ceno_vectors";
}

static const char *read_sections(struct ceno_module *module, const Elf64_Ehdr *h, const uint8_t *elf, size_t bytes)
{
	const char *vectors = "the nucleus has no symbol table";
	Elf64_Shdr s, strings;

	for (unsigned i = 0; i < h->e_shnum; i++) {
		memcpy(&s, elf + h->e_shoff + i * sizeof s, sizeof s);
		if ((s.sh_type == SHT_RELA || s.sh_type == SHT_REL) && s.sh_size)
			return "relocations are left: a module runs in place";
		if (s.sh_type != SHT_SYMTAB || s.sh_link >= h->e_shnum)
			continue;
		memcpy(&strings, elf + h->e_shoff + s.sh_link * sizeof s, sizeof s);
		vectors = read_symbols(module, &s, &strings, elf, bytes);
	}
	if (module->id == CENO_MODULE_NUCLEUS)
		return vectors;
	module->vectors = 0;
	return NULL;
}

static const char *check_place(const struct ceno_module *module)
{
	const struct ceno_module_segment *text = &module->segments[CENO_SEGMENT_TEXT - 1];

	if (!text->bytes)
		return "no executable segment";
	if (module->id == CENO_MODULE_NUCLEUS)
		return text->gva == 0 ? NULL : "the nucleus is not linked at 0";
	if (module->id == CENO_MODULE_ENTRY_PAGE)
		return text->gva == CENO_GVA_ENTRY ? NULL : "the entry page is not linked at CENO_GVA_ENTRY";
	return text->gva == CENO_GVA_SERVICE ? NULL : "the service is not linked at CENO_GVA_SERVICE";
}

const char *ceno_module_read(struct ceno_module *module, const uint8_t *elf, size_t bytes)
{
	Elf64_Ehdr header = { 0 };
	const char *problem;

	memcpy(&header, elf, bytes < sizeof header ? bytes : sizeof header);
	memset(module->segments, 0, sizeof module->segments);
	problem = check_header(&header, bytes);
	if (!problem)
		problem = read_segments(module, &header, elf, bytes);
	if (!problem)
		problem = read_sections(module, &header, elf, bytes);
	if (!problem)
		problem = check_place(module);
	module->entry = header.e_entry;
	return problem;
}
