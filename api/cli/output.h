/*
 * What a session left in its /out, put into a directory of the caller's. The stream is the
 * guest's word (abi/out.h) and believed in nothing: every path stays below the directory
 * whatever links are in it, no file is replaced, and sizes and numbers are limited.
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

#define CENO_OUTPUT_WORD        65 /* with its NUL: 64 hexadecimal digits */
#define CENO_OUTPUT_ENTRIES_MAX 100000u
#define CENO_OUTPUT_DEPTH_MAX   64u
#define CENO_OUTPUT_LINK_MAX    4095u
#define CENO_OUTPUT_ERROR_MAX   512

enum ceno_output_state { CENO_OUTPUT_SEEK, CENO_OUTPUT_HEAD, CENO_OUTPUT_PATH, CENO_OUTPUT_DATA, CENO_OUTPUT_DONE };

struct ceno_output {
	enum ceno_output_state state;
	int directory; /* borrowed; -1: nothing is written (tests) */
	int file;      /* owned: the one being filled, or -1 */
	char word[CENO_OUTPUT_WORD];
	uint32_t matched; /* bytes of the word seen */
	struct ceno_out_entry entry;
	uint64_t have;             /* bytes of the entry's part that were seen */
	uint64_t left;             /* bytes that may still come */
	uint32_t entries, skipped; /* skipped: links that lead out */
	char path[CENO_OUT_PATH_MAX + 1], target[CENO_OUTPUT_LINK_MAX + 1];
	char error[CENO_OUTPUT_ERROR_MAX];
	/* Output of programs that came before the word. */
	void (*before)(void *owner, const void *bytes, size_t length);
	void *owner; /* borrowed */
};

/* Starts: directory is borrowed until fini, limit is the most bytes of data together. Draws the word. */
void ceno_output_init(struct ceno_output *output, int directory, uint64_t limit);

/* Takes `length` bytes. 0; 1: done, the rest is ignored; -1 with `error`. */
int ceno_output_feed(struct ceno_output *output, const void *bytes, size_t length);

void ceno_output_fini(struct ceno_output *output);

/* Whether a path of the guest's may be used: not empty, no empty part, "." or "..", no control
 * character, not too deep. Pure. */
bool ceno_output_path_ok(const char *path);

/* Whether a link at this path may have this target: relative, and never above the directory. Pure. */
bool ceno_output_link_ok(const char *path, const char *target);

#endif
