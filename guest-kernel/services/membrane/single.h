/* One table of descriptors, shared by everybody: until fd.c knows more. */
#ifndef CENO_MEMBRANE_SINGLE_H
#define CENO_MEMBRANE_SINGLE_H

#include "membrane.h"

struct ceno_files {
	uint32_t uses;
};

struct ceno_files *ceno_files_new(void);
struct ceno_files *ceno_files_copy(struct ceno_files *files);
void ceno_files_put(struct ceno_files *files);
void ceno_files_exec(struct ceno_files *files);

#endif
