/*
 * Native files from ELF files: a well-formed one gives the right file, and each thing
 * that is refused has its own sentence. Every cut and every changed byte of the ELF
 * file ends in a sentence or in a file that the check of init accepts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include "images/native.h"
#include "lib/native.h"

#define BASE ((uint64_t)CENO_GVA_SERVICE)

struct file {
	Elf64_Ehdr header;
	Elf64_Phdr segments[3];
	Elf64_Shdr sections[4]; /* none, names, wants, relocations (empty) */
	char names[32];
	struct ceno_native_wants wants;
	uint8_t text[200], rodata[10], data[300];
};

static void make_file(struct file *f)
{
	*f = (struct file){
		.header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		            .e_type = ET_EXEC,
		            .e_machine = EM_X86_64,
		            .e_entry = BASE + 8,
		            .e_phoff = offsetof(struct file, segments),
		            .e_phentsize = sizeof(Elf64_Phdr),
		            .e_phnum = 3,
		            .e_shoff = offsetof(struct file, sections),
		            .e_shentsize = sizeof(Elf64_Shdr),
		            .e_shnum = 4,
		            .e_shstrndx = 1 },
		.segments = { { .p_type = PT_LOAD,
		                .p_flags = PF_R | PF_X,
		                .p_offset = offsetof(struct file, text),
		                .p_vaddr = BASE,
		                .p_filesz = 200,
		                .p_memsz = 200 },
		              { .p_type = PT_LOAD,
		                .p_flags = PF_R,
		                .p_offset = offsetof(struct file, rodata),
		                .p_vaddr = BASE + CENO_PAGE,
		                .p_filesz = 10,
		                .p_memsz = 10 },
		              { .p_type = PT_LOAD,
		                .p_flags = PF_R | PF_W,
		                .p_offset = offsetof(struct file, data),
		                .p_vaddr = BASE + 2 * CENO_PAGE,
		                .p_filesz = 300,
		                .p_memsz = 9000 } },
		.sections = { { 0 },
		              { .sh_type = SHT_STRTAB, .sh_offset = offsetof(struct file, names), .sh_size = 32 },
		              { .sh_name = 1,
		                .sh_type = SHT_PROGBITS,
		                .sh_offset = offsetof(struct file, wants),
		                .sh_size = sizeof f->wants },
		              { .sh_type = SHT_RELA } },
		.names = "\0" CENO_NATIVE_SECTION,
		.wants = { CENO_NATIVE_WANTS_MAGIC, CENO_PAGE, 5000, CENO_SPECTRUM_VOID, 7, { 0 } },
	};
	memset(f->text, 0xcc, sizeof f->text);
	memset(f->rodata, 0x11, sizeof f->rodata);
	memset(f->data, 0x22, sizeof f->data);
}

static const char *make(const struct file *f, size_t bytes, uint8_t **out, size_t *out_bytes)
{
	uint8_t *copy = malloc(bytes ? bytes : 1); /* exactly as long as said */
	const char *problem;

	assert_non_null(copy);
	memcpy(copy, f, bytes);
	problem = ceno_native_make(copy, bytes, out, out_bytes);
	free(copy);
	return problem;
}

static void test_good(void **state)
{
	static const uint8_t zeros[4096];
	const struct ceno_native_header *h;
	struct file f;
	uint8_t *out;
	size_t bytes;

	(void)state;
	make_file(&f);
	assert_null(make(&f, sizeof f, &out, &bytes));
	h = (const void *)out;
	assert_int_equal(bytes, 4 * CENO_PAGE);
	assert_int_equal(ceno_native_check(out, bytes), CENO_NATIVE_OK);
	assert_int_equal(h->entry, BASE + 8);
	assert_int_equal(h->state_bytes, CENO_PAGE);
	assert_int_equal(h->budget, 5000);
	assert_int_equal(h->spectrum, CENO_SPECTRUM_VOID);
	assert_int_equal(h->restarts_max, 7);
	assert_int_equal(h->segments[2].kind, CENO_NATIVE_DATA);
	assert_int_equal(h->segments[2].bytes, CENO_PAGE);
	assert_int_equal(h->segments[3].gva, BASE + 3 * CENO_PAGE);
	assert_int_equal(h->segments[3].bytes, 2 * CENO_PAGE);
	assert_memory_equal(out + CENO_PAGE, f.text, sizeof f.text);
	assert_memory_equal(out + CENO_PAGE + sizeof f.text, zeros, CENO_PAGE - sizeof f.text);
	assert_memory_equal(out + 2 * CENO_PAGE, f.rodata, sizeof f.rodata);
	assert_memory_equal(out + 3 * CENO_PAGE, f.data, sizeof f.data);
	assert_memory_equal(out + 3 * CENO_PAGE + 300, zeros, CENO_PAGE - 300);
	free(out);
}

static void test_defaults(void **state)
{
	const struct ceno_native_header *h;
	struct file f;
	uint8_t *out;
	size_t bytes;

	(void)state;
	make_file(&f);
	f.names[1] = 'x';
	f.segments[2].p_filesz = 0; /* bss alone */
	assert_null(make(&f, sizeof f, &out, &bytes));
	h = (const void *)out;
	assert_int_equal(bytes, 3 * CENO_PAGE);
	assert_int_equal(h->state_bytes, 0);
	assert_int_equal(h->budget, 0);
	assert_int_equal(h->spectrum, CENO_SPECTRUM_MATTER);
	assert_int_equal(h->restarts_max, CENO_NATIVE_RESTARTS);
	assert_int_equal(h->segments[2].kind, CENO_NATIVE_BSS);
	assert_int_equal(h->segments[2].bytes, 3 * CENO_PAGE);
	free(out);
}

static void refused(size_t offset, size_t bytes, uint64_t value, const char *like)
{
	struct file f;
	uint8_t *out = NULL;
	size_t out_bytes;
	const char *problem;

	make_file(&f);
	memcpy((uint8_t *)&f + offset, &value, bytes);
	problem = make(&f, sizeof f, &out, &out_bytes);
	assert_null(out);
	assert_non_null(problem);
	if (!strstr(problem, like))
		fail_msg("`%s' is not about `%s'", problem, like);
}

#define AT(name) offsetof(struct file, name), sizeof((struct file *)0)->name

static void test_refusals(void **state)
{
	(void)state;
	refused(0, 1, 0, "not an ELF");
	refused(AT(header.e_machine), EM_AARCH64, "64-bit x86");
	refused(AT(header.e_type), ET_DYN, "fixed address");
	refused(AT(header.e_phnum), 0, "program headers");
	refused(AT(header.e_phoff), UINT64_MAX - 8, "program headers");
	refused(AT(header.e_shoff), UINT64_MAX - 8, "section headers");
	refused(AT(header.e_shstrndx), 4, "section headers");
	refused(AT(header.e_entry), BASE + CENO_PAGE, "entry");
	refused(AT(segments[0].p_type), PT_NOTE, "no executable segment");
	refused(AT(segments[0].p_flags), PF_R | PF_W | PF_X, "writable and executable");
	refused(AT(segments[0].p_flags), PF_X, "not readable");
	refused(AT(segments[0].p_memsz), 201, "zero-filled");
	refused(AT(segments[0].p_filesz), 201, "larger than");
	refused(AT(segments[0].p_vaddr), BASE + 8, "page-aligned");
	refused(AT(segments[0].p_vaddr), 0, "lies where none may");
	refused(AT(segments[1].p_vaddr), BASE, "lies where none may");
	refused(AT(segments[1].p_offset), sizeof(struct file), "outside the file");
	refused(AT(segments[1].p_flags), PF_R | PF_X, "two segments");
	refused(AT(segments[1].p_type), PT_INTERP, "dynamically linked");
	refused(AT(segments[1].p_type), PT_DYNAMIC, "dynamically linked");
	refused(AT(segments[1].p_type), PT_TLS, "thread-local");
	refused(AT(segments[2].p_memsz), 1 << 20, "data and bss are larger");
	refused(AT(segments[2].p_memsz), 1ull << 40, "larger than");
	refused(AT(sections[3].sh_size), 24, "relocations");
	refused(AT(sections[1].sh_size), UINT64_MAX, "section headers");
	refused(AT(sections[2].sh_size), 64, "more than one CENO_NATIVE");
	refused(AT(sections[2].sh_type), SHT_NOBITS, ".ceno.native");
	refused(AT(wants.magic), 0, ".ceno.native");
	refused(AT(wants.reserved[2]), 1, ".ceno.native");
	refused(AT(wants.state_bytes), 100, "state");
	refused(AT(wants.budget), 1000001, "budget");
	refused(AT(wants.restarts_max), 1001, "restarts");
}

static void test_all_cuts_and_bytes(void **state)
{
	struct file f;
	uint8_t *out;
	size_t bytes;

	(void)state;
	make_file(&f);
	for (size_t length = 0; length < sizeof f; length++)
		if (!make(&f, length, &out, &bytes))
			free(out); /* a cut behind everything that is used */
	for (size_t i = 0; i < offsetof(struct file, text); i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			((uint8_t *)&f)[i] ^= (uint8_t)(1u << bit);
			if (!make(&f, sizeof f, &out, &bytes)) {
				assert_int_equal(ceno_native_check(out, bytes), CENO_NATIVE_OK);
				free(out);
			}
			((uint8_t *)&f)[i] ^= (uint8_t)(1u << bit);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_all_cuts_and_bytes),
	};

	return cmocka_run_group_tests_name("native files", tests, NULL, NULL);
}
