/*
 * What a session left in its /out, put into a directory of the caller's. The stream is the
 * guest's word (abi/out.h) and believed in nothing: every path stays below the directory
 * whatever links are in it, no file is replaced, and sizes and numbers are limited. What
 * cannot be put there is left out, each told with its name and why, and the rest comes.
 *
 *   seek the word -> head of an entry -> path -> data or target -> head ... -> done
 *
 * What comes before the word is the programs' output.
 */
#ifndef CENO_API_CLI_OUTPUT_H
#define CENO_API_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest-kernel/abi/out.h"
#include "nameless.h"

#define CENO_OUTPUT_WORD        65 /* with its NUL: 64 hexadecimal digits */
#define CENO_OUTPUT_ENTRIES_MAX 100000u
#define CENO_OUTPUT_DEPTH_MAX   64u
#define CENO_OUTPUT_LINK_MAX    4095u
#define CENO_OUTPUT_ERROR_MAX   512

enum ceno_output_state { CENO_OUTPUT_SEEK, CENO_OUTPUT_HEAD, CENO_OUTPUT_PATH, CENO_OUTPUT_DATA, CENO_OUTPUT_DONE };

struct ceno_output {
	enum ceno_output_state state;
	int directory;             /* borrowed; -1: nothing is written (tests) */
	struct ceno_nameless file; /* the one being filled: it has its name when it is whole */
	char word[CENO_OUTPUT_WORD];
	uint32_t matched; /* bytes of the word seen */
	struct ceno_out_entry entry;
	uint64_t have; /* bytes of the entry's part that were seen */
	uint64_t left; /* bytes that may still come */
	uint32_t entries, left_out;
	char path[CENO_OUT_PATH_MAX + 1], target[CENO_OUTPUT_LINK_MAX + 1];
	char error[CENO_OUTPUT_ERROR_MAX];
	/* Output of programs that came before the word. NULL: thrown away. */
	void (*before)(void *owner, const void *bytes, size_t length);
	/* What is left out: its path as the guest said it (any bytes), and why. NULL: only counted. */
	void (*missing)(void *owner, const char *path, size_t length, const char *why);
	void *owner; /* borrowed */
};

/* Starts: directory is borrowed until fini, limit is the most bytes of data together. Draws the word. */
void ceno_output_init(struct ceno_output *output, int directory, uint64_t limit);

/* Takes `length` bytes. 0; 1: done, the rest is ignored; -1 with `error`: the stream makes no sense,
 * or there is no room; what has a name by then is whole. */
int ceno_output_feed(struct ceno_output *output, const void *bytes, size_t length);

void ceno_output_fini(struct ceno_output *output);

/* Why a path of the guest's is not used: NULL, or static text. Used are those that are not empty, have no
 * empty part, "." or "..", no control character, and are not too deep. Pure. */
const char *ceno_output_path_why(const char *path);

/* The same for the target of a link at this path: relative, and never above the directory. Pure. */
const char *ceno_output_link_why(const char *path, const char *target);

#endif
