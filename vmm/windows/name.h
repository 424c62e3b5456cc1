/* Names that a guest wrote into its report: bounded and printable before anybody prints them. */
#ifndef CENO_VMM_NAME_H
#define CENO_VMM_NAME_H

#include "guest-kernel/abi/window.h"

/* to: CENO_PROGRAM_NAME bytes, NUL-terminated afterwards. from: as many, guest-controlled. */
static inline void ceno_program_name(char *to, const char *from)
{
	unsigned i = 0;

	for (; i < CENO_PROGRAM_NAME - 1 && from[i]; i++)
		to[i] = (char)(from[i] >= 0x20 && from[i] < 0x7f ? from[i] : '?');
	for (; i < CENO_PROGRAM_NAME; i++)
		to[i] = 0;
}

#endif
