/*
 * The command line's parts: what an ELF header is taken for, argument blocks,
 * and files that appear whole or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/cli/cli.h"
#include "api/cli/named.h"
#include "api/cli/program.h"
#include "api/cli/proof_file.h"
#include "api/cli/quote.h"
#include "api/cli/refusal.h"
#include "api/cli/text.h"
#include "guest-kernel/abi/native.h"
#include "guest-kernel/abi/window.h"

static size_t make_elf(uint8_t out[512], uint16_t type, uint16_t machine, const char *interpreter)
{
	Elf64_Ehdr head = { .e_type = type,
		            .e_machine = machine,
		            .e_phoff = sizeof head,
		            .e_phentsize = sizeof(Elf64_Phdr),
		            .e_phnum = 2 };
	Elf64_Phdr segments[2] = { { .p_type = PT_LOAD },
		                   { .p_type = interpreter ? PT_INTERP : PT_LOAD,
		                     .p_offset = 256,
		                     .p_filesz = interpreter ? strlen(interpreter) + 1 : 0 } };

	memset(out, 0, 512);
	memcpy(head.e_ident, ELFMAG, SELFMAG);
	head.e_ident[EI_CLASS] = ELFCLASS64;
	head.e_ident[EI_DATA] = ELFDATA2LSB;
	memcpy(out, &head, sizeof head);
	memcpy(out + sizeof head, segments, sizeof segments);
	if (interpreter)
		memcpy(out + 256, interpreter, strlen(interpreter) + 1);
	return 512;
}

static void test_elf(void **state)
{
	uint8_t elf[512];
	char text[32];
	size_t n;

	(void)state;
	n = make_elf(elf, ET_EXEC, EM_X86_64, NULL);
	assert_int_equal(ceno_program_inspect(elf, n, text, sizeof text), CENO_ELF_STATIC);
	for (size_t cut = 0; cut < sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr); cut++)
		assert_int_equal(ceno_program_inspect(elf, cut, text, sizeof text),
		                 cut < 4 ? CENO_ELF_NOT : CENO_ELF_BAD);
	n = make_elf(elf, ET_DYN, EM_X86_64, NULL);
	assert_int_equal(ceno_program_inspect(elf, n, text, sizeof text), CENO_ELF_STATIC); /* static-pie */
	n = make_elf(elf, ET_DYN, EM_X86_64, "/lib64/ld.so");
	assert_int_equal(ceno_program_inspect(elf, n, text, sizeof text), CENO_ELF_DYNAMIC);
	assert_string_equal(text, "/lib64/ld.so");
	n = make_elf(elf, ET_DYN, EM_X86_64, "/lib\033[31m/ld");
	assert_int_equal(ceno_program_inspect(elf, n, text, sizeof text), CENO_ELF_DYNAMIC);
	assert_string_equal(text, "/lib?[31m/ld");
	n = make_elf(elf, ET_EXEC, EM_AARCH64, NULL);
	assert_int_equal(ceno_program_inspect(elf, n, text, sizeof text), CENO_ELF_FOREIGN);
	n = make_elf(elf, ET_REL, EM_X86_64, NULL);
	assert_int_equal(ceno_program_inspect(elf, n, text, sizeof text), CENO_ELF_FOREIGN);
	assert_int_equal(ceno_program_inspect((const uint8_t *)"#!/bin/sh -e\nx", 14, text, sizeof text),
	                 CENO_ELF_SCRIPT);
	assert_string_equal(text, "/bin/sh -e");
	assert_int_equal(ceno_program_inspect((const uint8_t *)"CNOTNAT1", 8, text, sizeof text), CENO_ELF_NATIVE);
	assert_int_equal(ceno_program_inspect((const uint8_t *)"CNOTNAT1", 7, text, sizeof text), CENO_ELF_NOT);
}

static void test_args(void **state)
{
	char *argv[] = { "busybox", "echo", NULL }, *huge[] = { NULL, NULL };
	const char *const env[] = { "A=b" };
	static const char want[] = "\2\0\0\0\1\0\0\0/bin/busybox\0busybox\0echo\0A=b\0/";
	char got[64];
	uint64_t bytes;
	int fd = ceno_args_make("/bin/busybox", argv, 2, env, 1, "/", &bytes);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(bytes, sizeof want);
	assert_int_equal(pread(fd, got, sizeof got, 0), sizeof want);
	assert_memory_equal(got, want, sizeof want);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1); /* sealed */
	close(fd);
	huge[0] = malloc(CENO_ARGS_MAX);
	memset(huge[0], 'x', CENO_ARGS_MAX - 1);
	huge[0][CENO_ARGS_MAX - 1] = '\0';
	assert_int_equal(ceno_args_make("/bin/a", huge, 1, NULL, 0, "/", &bytes), -E2BIG);
	free(huge[0]);
}

static void escapes(const char *from, size_t length, const char *want)
{
	char out[256], cut[4];

	assert_int_equal(ceno_text_escape(from, length, out, sizeof out), strlen(want));
	assert_string_equal(out, want);
	assert_int_equal(ceno_text_escape(from, length, cut, sizeof cut), strlen(want));
	assert_int_equal(strlen(cut), strlen(want) < 3 ? strlen(want) : 3);
}

static void test_escape(void **state)
{
	static const char turns[] = { '\xe2', '\x80', '\xae', 'f', 'd', 'p' }; /* from here on right to left */

	(void)state;
	escapes("", 0, "");
	escapes("plain text, \\ too", 17, "plain text, \\ too");
	escapes("a\nb\tc\rd", 7, "a\\nb\\tc\\x0dd");
	escapes("\x1b]0;title\x07", 10, "\\x1b]0;title\\x07");
	escapes("\0", 1, "\\x00");
	assert_true(ceno_text_is_utf8(""));
	assert_true(ceno_text_is_utf8("caf\xc3\xa9 \x1b"));
	assert_false(ceno_text_is_utf8("caf\xe9"));
	assert_false(ceno_text_is_utf8("\xed\xa0\x80")); /* half of a pair */
	assert_false(ceno_text_is_utf8("cut \xe2\x80"));
	escapes("\x7f", 1, "\\x7f");
	escapes("\xc2\x9b"
	        "2J",
	        4, "\\xc2\\x9b2J"); /* CSI as one character */
	escapes("\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x90\xb1", 9, "\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x90\xb1");
	escapes(turns, sizeof turns, "\\xe2\\x80\\xaefdp");
	escapes("\xe9x", 2, "\\xe9x");
	escapes("\xc0\xaf", 2, "\\xc0\\xaf");                   /* not the shortest form */
	escapes("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");          /* a surrogate */
	escapes("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"); /* beyond the last character */
	escapes("\xe6\xbc", 2, "\\xe6\\xbc");                   /* cut */
}

static void test_distance(void **state)
{
	(void)state;
	assert_int_equal(ceno_named_distance("", ""), 0);
	assert_int_equal(ceno_named_distance("", "abc"), 3);
	assert_int_equal(ceno_named_distance("python", "python"), 0);
	assert_int_equal(ceno_named_distance("pyhton", "python"), 1);
	assert_int_equal(ceno_named_distance("pyton", "python"), 1);
	assert_int_equal(ceno_named_distance("kitten", "sitting"), 3);
	assert_int_equal(ceno_named_distance("data", "base"), 3);
	assert_int_equal(ceno_named_distance("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "b"),
	                 64);
}

static void test_env(void **state)
{
	const char *const given[] = { "A=1", "PATH=/x", "AB=2", "A=3", "A=" };
	const char *env[CENO_ENV_BASE + 5];

	(void)state;
	assert_int_equal(ceno_env_make(given, 5, false, env), 5);
	assert_string_equal(env[0], "HOME=/tmp");
	assert_string_equal(env[1], "LC_ALL=C");
	assert_string_equal(env[2], "PATH=/x");
	assert_string_equal(env[3], "AB=2");
	assert_string_equal(env[4], "A=");
	assert_true(ceno_workdir_usable("/") && ceno_workdir_usable("/a/...b/") && ceno_workdir_usable("//a"));
	assert_false(ceno_workdir_usable("") || ceno_workdir_usable("a") || ceno_workdir_usable("/a/..") ||
	             ceno_workdir_usable("/./a") || ceno_workdir_usable("/../a"));
}

static void test_refusals(void **state)
{
	static const struct {
		int refusal, detail, status;
		const char *words;
	} cases[] = {
		{ CENO_REFUSAL_NOT_FOUND, ENOENT, 127, "/bin/p: No such file or directory" },
		{ CENO_REFUSAL_NOT_FOUND, ENOTDIR, 126, "/bin/p: Not a directory" },
		{ CENO_REFUSAL_NOT_ELF, ENOEXEC, 126, "/bin/p: Exec format error" },
		{ CENO_REFUSAL_DYNAMIC, ENOENT, 127, "/bin/p: No such file or directory (its interpreter" },
		{ CENO_REFUSAL_DYNAMIC, EACCES, 126, "/bin/p: Permission denied (its interpreter" },
		{ CENO_REFUSAL_BAD_ELF, ENOEXEC, 126, "/bin/p: Exec format error" },
		{ CENO_REFUSAL_ARGS, E2BIG, 126, "/bin/p: Argument list too long" },
		{ CENO_REFUSAL_MEMORY, ENOMEM, 126, "/bin/p: Cannot allocate memory" },
		{ CENO_REFUSAL_NATIVE, CENO_NATIVE_E_MAGIC, 126, "/bin/p: " },
		{ CENO_REFUSAL_NOT_EXECUTABLE, EACCES, 126, "/bin/p: Permission denied" },
		{ CENO_REFUSAL_WORKDIR, ENOTDIR, 125, "/w: not a directory" },
		{ CENO_REFUSAL_WORKDIR + 1, ENOENT, 125, "/bin/p: for a reason" },
		/* A guest that names no errno, or none that is one. */
		{ CENO_REFUSAL_NOT_FOUND, 0, 127, "/bin/p: No such file or directory" },
		{ CENO_REFUSAL_BAD_ELF, 256, 126, "/bin/p: Exec format error" },
		{ CENO_REFUSAL_MEMORY, -1, 126, "/bin/p: Cannot allocate memory" },
		{ -1, 0, 125, "/bin/p: for a reason" },
	};
	char line[CENO_REFUSAL_LINE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_t *program = json_pack("{s:i,s:i}", "refusal", cases[i].refusal, "detail", cases[i].detail);

		assert_int_equal(ceno_refusal_explain(program, "/bin/p", "/w", line), cases[i].status);
		assert_non_null(strstr(line, cases[i].words));
		json_decref(program);
	}
}

static unsigned entries(const char *directory)
{
	char command[128];
	unsigned count = 0;
	FILE *f;

	snprintf(command, sizeof command, "ls -A %s | wc -l", directory);
	f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%u", &count), 1);
	pclose(f);
	return count;
}

static void test_proof_file(void **state)
{
	char directory[] = "/tmp/ceno-file.XXXXXX", path[64], error[CENO_PROOF_FILE_ERROR_MAX], *text;
	struct ceno_proof_file file;
	struct stat st;
	size_t length;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/p", directory);
	assert_int_equal(ceno_proof_file_open(&file, path, 65536, error), 0);
	ceno_proof_file_abort(&file);
	assert_int_equal(entries(directory), 0);
	assert_int_equal(ceno_proof_file_open(&file, path, 65536, error), 0);
	assert_int_equal(stat(path, &st), -1); /* no name before it is whole */
	assert_int_equal(ceno_proof_file_commit(&file, "one", 3, error), 0);
	ceno_proof_file_abort(&file);
	assert_int_equal(ceno_proof_file_open(&file, path, 65536, error), 0);
	assert_int_equal(ceno_proof_file_commit(&file, "three", 5, error), 0);
	assert_int_equal(entries(directory), 1);
	assert_int_equal(ceno_file_read(path, 5, &text, &length), 0);
	assert_string_equal(text, "three");
	free(text);
	assert_int_equal(ceno_file_read(path, 4, &text, &length), -EFBIG);
	unlink(path);
	rmdir(directory);
}

static void test_quote_malformed(void **state)
{
	static struct ceno_node_quote quote;
	char error[CENO_NODE_QUOTE_ERROR_MAX];
	static const uint8_t nonce[32];
	const char *const bad[] = { "", "{}", "[]", "{\"ak_public\":\"AA==\"}", "{\"pcrs\":[]}" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(ceno_node_quote_check(bad[i], strlen(bad[i]), nonce, &quote, error), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elf),        cmocka_unit_test(test_args),
		cmocka_unit_test(test_escape),     cmocka_unit_test(test_distance),
		cmocka_unit_test(test_env),        cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_proof_file), cmocka_unit_test(test_quote_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
