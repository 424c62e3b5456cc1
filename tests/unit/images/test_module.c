/*
 * Reading linked modules: a well-formed ELF file gives the right segments, and
 * each thing a module may not have is refused with its own sentence. Every cut
 * and every changed byte of the file ends in a verdict, never outside it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include "images/module.h"

/* An ELF file of a nucleus: text at 0, rodata, bss, a symbol table with ceno_vectors. */
struct file {
	Elf64_Ehdr header;
	Elf64_Phdr segments[3];
	Elf64_Shdr sections[3]; /* symbols, strings, relocations (empty) */
	Elf64_Sym symbols[2];
	char strings[24];
	uint8_t text[200], rodata[10];
};

static void make_file(struct file *f)
{
	*f = (struct file){
		.header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		            .e_type = ET_DYN,
		            .e_machine = EM_X86_64,
		            .e_entry = 0x20,
		            .e_phoff = offsetof(struct file, segments),
		            .e_phentsize = sizeof(Elf64_Phdr),
		            .e_phnum = 3,
		            .e_shoff = offsetof(struct file, sections),
		            .e_shentsize = sizeof(Elf64_Shdr),
		            .e_shnum = 3 },
		.segments = { { .p_type = PT_LOAD,
		                .p_flags = PF_R | PF_X,
		                .p_offset = offsetof(struct file, text),
		                .p_filesz = 200,
		                .p_memsz = 200 },
		              { .p_type = PT_LOAD,
		                .p_flags = PF_R,
		                .p_offset = offsetof(struct file, rodata),
		                .p_vaddr = 4096,
		                .p_filesz = 10,
		                .p_memsz = 10 },
		              { .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = 12288, .p_memsz = 5000 } },
		.sections = { { .sh_type = SHT_SYMTAB,
		                .sh_link = 1,
		                .sh_offset = offsetof(struct file, symbols),
		                .sh_size = sizeof f->symbols },
		              { .sh_type = SHT_STRTAB, .sh_offset = offsetof(struct file, strings), .sh_size = 24 },
		              { .sh_type = SHT_RELA } },
		.symbols = { { .st_name = 0 }, { .st_name = 1, .st_shndx = 1, .st_value = 0x40 } },
		.strings = "\0ceno_vectors",
	};
}

static const char *read_file(const struct file *f, size_t bytes, uint32_t id, struct ceno_module *module)
{
	uint8_t *copy = malloc(bytes ? bytes : 1); /* exactly as long as said */
	const char *problem;

	assert_non_null(copy);
	memcpy(copy, f, bytes);
	module->id = id;
	problem = ceno_module_read(module, copy, bytes);
	free(copy);
	return problem;
}

static void test_good(void **state)
{
	struct ceno_module m;
	struct file f;

	(void)state;
	make_file(&f);
	assert_null(read_file(&f, sizeof f, CENO_MODULE_NUCLEUS, &m));
	assert_int_equal(m.entry, 0x20);
	assert_int_equal(m.vectors, 0x40);
	assert_int_equal(m.segments[0].gva, 0);
	assert_int_equal(m.segments[0].bytes, 4096);
	assert_int_equal(m.segments[0].data_bytes, 200);
	assert_int_equal(m.segments[1].gva, 4096);
	assert_int_equal(m.segments[1].bytes, 4096);
	assert_int_equal(m.segments[2].gva, 12288);
	assert_int_equal(m.segments[2].bytes, 8192);
	assert_null(m.segments[2].data);
	f.header.e_type = ET_EXEC;
	f.segments[0].p_vaddr = CENO_GVA_SERVICE;
	assert_null(read_file(&f, sizeof f, CENO_MODULE_MEMBRANE, &m));
	assert_int_equal(m.vectors, 0);
	f.segments[0].p_vaddr = CENO_GVA_ENTRY;
	assert_null(read_file(&f, sizeof f, CENO_MODULE_ENTRY_PAGE, &m));
}

#define EXPECT(sentence, mutation) \
	do { \
		struct ceno_module m; \
		const char *problem; \
		struct file f; \
\
		make_file(&f); \
		mutation; \
		problem = read_file(&f, sizeof f, CENO_MODULE_NUCLEUS, &m); \
		assert_non_null(problem); \
		assert_non_null(strstr(problem, sentence)); \
	} while (0)

static void test_refused(void **state)
{
	(void)state;
	EXPECT("not an ELF", f.header.e_ident[0] = 0);
	EXPECT("64-bit x86", f.header.e_ident[EI_CLASS] = ELFCLASS32);
	EXPECT("64-bit x86", f.header.e_ident[EI_DATA] = ELFDATA2MSB);
	EXPECT("64-bit x86", f.header.e_machine = EM_AARCH64);
	EXPECT("not a linked", f.header.e_type = ET_REL);
	EXPECT("program headers", f.header.e_phnum = 0);
	EXPECT("program headers", f.header.e_phnum = 0xffff);
	EXPECT("program headers", f.header.e_phoff = UINT64_MAX - 8);
	EXPECT("program headers", f.header.e_phentsize = 32);
	EXPECT("section headers", f.header.e_shoff = sizeof f);
	EXPECT("section headers", f.header.e_shentsize = 1);
	EXPECT("writable and executable", f.segments[2].p_flags |= PF_X);
	EXPECT("writable and executable", f.segments[0].p_flags |= PF_W);
	EXPECT("not readable", f.segments[0].p_flags = PF_X);
	EXPECT("initialised writable data", f.segments[2].p_filesz = 1);
	EXPECT("zero-filled memory", f.segments[1].p_memsz = 11);
	EXPECT("not page-aligned", f.segments[1].p_vaddr = 4097);
	EXPECT("larger than a bundle", f.segments[2].p_memsz = CENO_BUNDLE_MAX + 1);
	EXPECT("larger than a bundle", f.segments[2].p_memsz = UINT64_MAX);
	EXPECT("outside the file", f.segments[0].p_offset = sizeof f - 199);
	EXPECT("outside the file", f.segments[0].p_offset = UINT64_MAX);
	EXPECT("two segments", f.segments[1].p_flags = PF_R | PF_X);
	EXPECT("dynamically linked", f.segments[2].p_type = PT_INTERP);
	EXPECT("dynamically linked", f.segments[2].p_type = PT_DYNAMIC);
	EXPECT("thread-local", f.segments[2].p_type = PT_TLS);
	EXPECT("relocations", f.sections[2].sh_size = 24);
	EXPECT("relocations", (f.sections[2].sh_size = 16, f.sections[2].sh_type = SHT_REL));
	EXPECT("malformed symbol table", f.sections[0].sh_size = UINT64_MAX);
	EXPECT("malformed symbol table", f.sections[1].sh_offset = sizeof f);
	EXPECT("no symbol ceno_vectors", f.strings[3] = 'x');
	EXPECT("no symbol ceno_vectors", f.symbols[1].st_shndx = SHN_UNDEF);
	EXPECT("no symbol ceno_vectors", f.symbols[1].st_name = UINT32_MAX);
	EXPECT("no symbol table", f.header.e_shnum = 0);
	EXPECT("not linked at 0", f.segments[0].p_vaddr = 8192);
	EXPECT("no executable", f.segments[0].p_memsz = f.segments[0].p_filesz = 0);
}

static void test_place(void **state)
{
	struct ceno_module m;
	struct file f;

	(void)state;
	make_file(&f);
	assert_non_null(strstr(read_file(&f, sizeof f, CENO_MODULE_INIT, &m), "CENO_GVA_SERVICE"));
	assert_non_null(strstr(read_file(&f, sizeof f, CENO_MODULE_ENTRY_PAGE, &m), "CENO_GVA_ENTRY"));
}

static void test_every_cut_and_byte(void **state)
{
	struct ceno_module m;
	struct file f;

	(void)state;
	make_file(&f);
	for (size_t n = 0; n < sizeof f; n++) /* the structure's tail padding apart, all of it is needed */
		if (read_file(&f, n, CENO_MODULE_NUCLEUS, &m) == NULL)
			assert_true(n >= offsetof(struct file, rodata) + sizeof f.rodata);
	for (size_t i = 0; i < sizeof f; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			((uint8_t *)&f)[i] ^= (uint8_t)(1u << bit);
			(void)read_file(&f, sizeof f, CENO_MODULE_NUCLEUS, &m); /* under ASan: no overrun */
			((uint8_t *)&f)[i] ^= (uint8_t)(1u << bit);
		}
	}
}

static void test_names(void **state)
{
	uint32_t id;

	(void)state;
	for (uint32_t i = 0; i <= CENO_MODULE_VAULT; i++) {
		const char *name = ceno_module_name(i);

		assert_true(ceno_module_id(name, strlen(name), &id));
		assert_int_equal(id, i);
		assert_false(ceno_module_id(name, strlen(name) - 1, &id));
	}
	assert_null(ceno_module_name(CENO_MODULE_VAULT + 1));
	assert_false(ceno_module_id("", 0, &id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_every_cut_and_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
