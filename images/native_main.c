/*
 * ceno-native: makes native programs for `ceno run --native`, and shows what is in
 * one. Exit: 0 done, 1 an input is refused, 2 usage or I/O.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "images/file.h"
#include "images/native.h"
#include "lib/native.h"

#define EXIT_REFUSED 1
#define EXIT_USAGE   2
#define ELF_MAX      (64u << 20) /* with debug information */

static const char usage_text[] = "usage: ceno-native ELF OUT     make the native program OUT from a linked ELF file\n"
				 "       ceno-native --show FILE  say what a native program is and asks for\n"
				 "\n"
				 "exit: 0 done, 1 the input is refused, 2 usage or I/O\n";

static int fail_file(const char *what, const char *path)
{
	fprintf(stderr, "ceno-native: cannot %s %s: %s\n", what, path, strerror(errno));
	return EXIT_USAGE;
}

static int finish(const char *path, const char *problem)
{
	if (problem)
		fprintf(stderr, "ceno-native: %s: %s\n", path, problem);
	return problem ? EXIT_REFUSED : 0;
}

static int make(const char *path, const char *out)
{
	size_t bytes, file_bytes;
	uint8_t *file = NULL, *elf = ceno_file_read(path, ELF_MAX, &bytes);
	int status;

	if (!elf)
		return fail_file("read", path);
	status = finish(path, ceno_native_make(elf, bytes, &file, &file_bytes));
	if (status == 0 && ceno_file_write(out, file, file_bytes, 0755) != 0)
		status = fail_file("write", out);
	free(file);
	free(elf);
	return status;
}

static int show(const char *path)
{
	size_t bytes;
	uint8_t *file = ceno_file_read(path, CENO_NATIVE_BYTES_MAX, &bytes);
	int status;

	if (!file)
		return fail_file("read", path);
	status = finish(path, ceno_native_show(stdout, file, bytes));
	free(file);
	return status == 0 && fflush(stdout) != 0 ? fail_file("write", "standard output") : status;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage_text, stdout);
		return 0;
	}
	if (argc != 3 || (argv[1][0] == '-' && strcmp(argv[1], "--show") != 0)) {
		fputs(usage_text, stderr);
		return EXIT_USAGE;
	}
	return strcmp(argv[1], "--show") == 0 ? show(argv[2]) : make(argv[1], argv[2]);
}
