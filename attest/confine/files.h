/*
 * A process whose files lie in a few directories, and which sees no others from here on: Landlock, where the kernel has it.
 */
#ifndef CENO_ATTEST_CONFINE_FILES_H
#define CENO_ATTEST_CONFINE_FILES_H

#include <stddef.h>

enum ceno_file_rights {
	CENO_FILES_ALL,    /* every right that this kernel's Landlock knows */
	CENO_FILES_READ,   /* read, and execute */
	CENO_FILES_DEVICE, /* read and write what is there */
};

struct ceno_allowed_files {
	int beneath; /* borrowed: a directory, O_PATH or more */
	enum ceno_file_rights rights;
};

/* Closes off every file that is not beneath a directory of `list` (borrowed; at least one, none of them the root) for this
 * thread and those it makes; what is open stays open. Needs no_new_privs. 0, also where the kernel has no
 * Landlock; or -errno (-ENOTRECOVERABLE: the kernel took the rules, and does not hold to them). */
int ceno_confine_files(const struct ceno_allowed_files *list, size_t count);

#endif
