/*
 * ELF file in, native file out (native.h). Every offset in the ELF file is checked
 * against its length before use; the result is judged by the check that init makes.
 */
#include "images/native.h"

#include <elf.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "lib/content_id.h"
#include "lib/native.h"

struct part {
	uint64_t gva, bytes; /* as mapped; bytes 0: there is none */
	const uint8_t *data; /* borrowed from the ELF file */
	uint64_t data_bytes;
};

struct program {
	const uint8_t *elf;
	size_t bytes;
	Elf64_Ehdr header;
	struct part parts[CENO_NATIVE_BSS + 1]; /* by enum ceno_native_kind */
	struct ceno_native_wants wants;
	bool has_wants;
};

static uint64_t whole_pages(uint64_t bytes)
{
	return (bytes + CENO_PAGE - 1) & ~(CENO_PAGE - 1);
}

static bool in_file(const struct program *p, uint64_t offset, uint64_t length)
{
	return offset <= p->bytes && length <= p->bytes - offset;
}

static const char *check_header(struct program *p)
{
	Elf64_Ehdr *h = &p->header;

	if (p->bytes < sizeof *h || memcmp(p->elf, ELFMAG, SELFMAG) != 0)
		return "not an ELF file";
	memcpy(h, p->elf, sizeof *h);
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != EM_X86_64)
		return "not a 64-bit x86 ELF file";
	if (h->e_type != ET_EXEC)
		return "not a program linked at a fixed address: link it with the SDK's script (native.ld)";
	if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum == 0 ||
	    !in_file(p, h->e_phoff, (uint64_t)h->e_phnum * sizeof(Elf64_Phdr)))
		return "malformed program headers";
	if (h->e_shnum &&
	    (h->e_shentsize != sizeof(Elf64_Shdr) ||
	     !in_file(p, h->e_shoff, (uint64_t)h->e_shnum * sizeof(Elf64_Shdr)) || h->e_shstrndx >= h->e_shnum))
		return "malformed section headers";
	return NULL;
}

/* ---- segments ---- */

static const char *add_part(struct program *p, uint32_t kind, uint64_t gva, uint64_t bytes, uint64_t offset,
                            uint64_t data_bytes)
{
	if (bytes == 0)
		return NULL;
	if (p->parts[kind].bytes)
		return "two segments of one kind";
	p->parts[kind] = (struct part){ gva, bytes, p->elf + offset, data_bytes };
	return NULL;
}

static const char *read_segment(struct program *p, const Elf64_Phdr *s)
{
	const char *problem;
	uint64_t file, all;

	if (s->p_memsz == 0)
		return NULL;
	if ((s->p_flags & (PF_W | PF_X)) == (PF_W | PF_X))
		return "a segment is writable and executable";
	if (!(s->p_flags & PF_R))
		return "a segment is not readable";
	if (s->p_vaddr % CENO_PAGE)
		return "a segment is not page-aligned";
	if (s->p_memsz > CENO_NATIVE_BYTES_MAX + CENO_NATIVE_MEMORY_MAX || s->p_filesz > s->p_memsz)
		return "a segment is larger than a native program may be";
	if (!in_file(p, s->p_offset, s->p_filesz))
		return "a segment lies outside the file";
	file = whole_pages(s->p_filesz);
	all = whole_pages(s->p_memsz);
	if (s->p_flags & PF_W) { /* data, with zeros up to the end of its last page, then bss */
		problem = add_part(p, CENO_NATIVE_DATA, s->p_vaddr, file, s->p_offset, s->p_filesz);
		return problem ? problem : add_part(p, CENO_NATIVE_BSS, s->p_vaddr + file, all - file, 0, 0);
	}
	if (s->p_filesz != s->p_memsz)
		return "zero-filled memory in a read-only segment";
	return add_part(p, s->p_flags & PF_X ? CENO_NATIVE_TEXT : CENO_NATIVE_RODATA, s->p_vaddr, all, s->p_offset,
	                s->p_filesz);
}

static const char *read_segments(struct program *p)
{
	for (unsigned i = 0; i < p->header.e_phnum; i++) {
		const char *problem = NULL;
		Elf64_Phdr s;

		memcpy(&s, p->elf + p->header.e_phoff + i * sizeof s, sizeof s);
		if (s.p_type == PT_LOAD)
			problem = read_segment(p, &s);
		else if (s.p_type == PT_INTERP || s.p_type == PT_DYNAMIC)
			problem = "dynamically linked";
		else if (s.p_type == PT_TLS)
			problem = "thread-local storage";
		if (problem)
			return problem;
	}
	return p->parts[CENO_NATIVE_TEXT].bytes ? NULL : "no executable segment";
}

/* ---- sections ---- */

static bool is_named(const struct program *p, const Elf64_Shdr *names, const Elf64_Shdr *s, const char *name)
{
	size_t bytes = strlen(name) + 1;

	return s->sh_name <= names->sh_size && bytes <= names->sh_size - s->sh_name &&
	    memcmp(p->elf + names->sh_offset + s->sh_name, name, bytes) == 0;
}

static const char *read_wants(struct program *p, const Elf64_Shdr *s)
{
	static const uint8_t none[sizeof p->wants.reserved];

	if (p->has_wants || s->sh_size != sizeof p->wants)
		return "more than one CENO_NATIVE() in the program";
	if (s->sh_type != SHT_PROGBITS || !in_file(p, s->sh_offset, s->sh_size))
		return "a malformed section .ceno.native";
	memcpy(&p->wants, p->elf + s->sh_offset, sizeof p->wants);
	p->has_wants = true;
	if (p->wants.magic != CENO_NATIVE_WANTS_MAGIC || memcmp(p->wants.reserved, none, sizeof none) != 0)
		return "a malformed section .ceno.native";
	return NULL;
}

static const char *read_sections(struct program *p)
{
	Elf64_Shdr s, names;
	const char *problem = NULL;

	if (!p->header.e_shnum)
		return NULL;
	memcpy(&names, p->elf + p->header.e_shoff + p->header.e_shstrndx * sizeof names, sizeof names);
	if (!in_file(p, names.sh_offset, names.sh_size))
		return "malformed section headers";
	for (unsigned i = 0; i < p->header.e_shnum && !problem; i++) {
		memcpy(&s, p->elf + p->header.e_shoff + i * sizeof s, sizeof s);
		if ((s.sh_type == SHT_RELA || s.sh_type == SHT_REL) && s.sh_size)
			problem = "relocations are left: a native program runs where it is linked";
		else if (is_named(p, &names, &s, CENO_NATIVE_SECTION))
			problem = read_wants(p, &s);
	}
	return problem;
}

/* ---- the file ---- */

static uint64_t file_bytes_of(const struct program *p)
{
	uint64_t bytes = CENO_PAGE;

	for (uint32_t kind = CENO_NATIVE_TEXT; kind <= CENO_NATIVE_DATA; kind++)
		bytes += p->parts[kind].bytes;
	return bytes;
}

static void fill(const struct program *p, uint8_t *file, uint64_t bytes)
{
	struct ceno_native_header *h = (struct ceno_native_header *)(void *)file;
	uint64_t at = CENO_PAGE;
	uint32_t used = 0;

	*h = (struct ceno_native_header){ .magic = CENO_NATIVE_MAGIC,
		                          .abi_version = CENO_ABI_VERSION,
		                          .header_bytes = CENO_PAGE,
		                          .total_bytes = bytes,
		                          .entry = p->header.e_entry,
		                          .state_bytes = p->wants.state_bytes,
		                          .budget = p->wants.budget,
		                          .spectrum = p->has_wants ? p->wants.spectrum : CENO_SPECTRUM_MATTER,
		                          .restarts_max = p->has_wants ? p->wants.restarts_max : CENO_NATIVE_RESTARTS };
	for (uint32_t kind = CENO_NATIVE_TEXT; kind <= CENO_NATIVE_BSS; kind++) {
		const struct part *part = &p->parts[kind];
		bool in = kind != CENO_NATIVE_BSS;

		if (!part->bytes)
			continue;
		h->segments[used++] = (struct ceno_native_segment){
			.kind = kind, .offset = in ? at : 0, .bytes = part->bytes, .gva = part->gva
		};
		if (part->data_bytes)
			memcpy(file + at, part->data, part->data_bytes);
		at += in ? part->bytes : 0;
	}
	ceno_native_content(file, bytes, h->content_id);
}

const char *ceno_native_make(const uint8_t *elf, size_t bytes, uint8_t **file, size_t *file_bytes)
{
	struct program p = { .elf = elf, .bytes = bytes };
	const char *problem = check_header(&p);
	enum ceno_native_error error;
	uint64_t total;
	uint8_t *made;

	if (!problem)
		problem = read_segments(&p);
	if (!problem)
		problem = read_sections(&p);
	if (problem)
		return problem;
	total = file_bytes_of(&p);
	made = total > CENO_NATIVE_BYTES_MAX ? NULL : calloc(1, total);
	if (!made)
		return total > CENO_NATIVE_BYTES_MAX ? "the native file would be larger than 1 MiB" : "out of memory";
	fill(&p, made, total);
	error = ceno_native_check(made, total);
	if (error) {
		free(made);
		return ceno_native_error_text(error);
	}
	*file = made;
	*file_bytes = total;
	return NULL;
}

const char *ceno_native_show(FILE *out, const void *file, size_t bytes)
{
	static const char *const kinds[] = { "", "text", "rodata", "data", "bss" };
	static const char *const spectra[] = { "photon", "matter", "gravity", "void" };
	const struct ceno_native_header *h = file;
	struct ceno_content_id id = { CENO_CONTENT_ID_VERSION, CENO_CONTENT_ID_BLAKE3, CENO_CONTENT_NATIVE, { 0 } };
	char text[CENO_CONTENT_ID_TEXT_LENGTH + 1];
	enum ceno_native_error error = ceno_native_check(file, bytes);

	if (error)
		return ceno_native_error_text(error);
	memcpy(id.digest, h->content_id, sizeof id.digest);
	ceno_content_id_format(&id, text);
	fprintf(out, "native program, ABI %" PRIu32 ", %" PRIu64 " bytes\n  content id  %s\n", h->abi_version,
	        h->total_bytes, text);
	fprintf(out, "  entry       0x%" PRIx64 "\n  energy      %" PRIu32 " J, %s\n", h->entry,
	        h->budget ? h->budget : CENO_JOULES_DEFAULT, spectra[h->spectrum]);
	fprintf(out, "  restarts    at most %" PRIu32 ", state %" PRIu32 " bytes\n", h->restarts_max, h->state_bytes);
	for (uint32_t i = 0; i < CENO_NATIVE_SEGMENTS && h->segments[i].kind; i++)
		fprintf(out, "  %-11s 0x%" PRIx64 ", %" PRIu64 " bytes\n", kinds[h->segments[i].kind],
		        h->segments[i].gva, h->segments[i].bytes);
	return NULL;
}
