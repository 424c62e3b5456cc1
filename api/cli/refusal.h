/* Why a program did not start: the guest's word, as a line and as the status that a shell would give. */
#ifndef CENO_API_CLI_REFUSAL_H
#define CENO_API_CLI_REFUSAL_H

#include <jansson.h>

#define CENO_REFUSAL_LINE_MAX 512

/* program: a session.program notification, or session.exec's result, with a refusal that is not 0
 * (guest-kernel/abi/window.h; any number: unknown ones have a line too). path: of the program, directory: that it
 * was to start in. line: CENO_REFUSAL_LINE_MAX bytes, with execve's words for the errno. Returns, as a shell: 127 for
 * ENOENT, 126 for every other errno; 125 for a directory that it cannot start in, and for what nobody knows. */
int ceno_refusal_explain(const json_t *program, const char *path, const char *directory, char *line);

#endif
