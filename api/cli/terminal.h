/*
 * The user's terminal during `ceno run --tty`: raw, because the line discipline is the
 * session's own, and put back before anything else is written to it, or at the end.
 */
#ifndef CENO_API_CLI_TERMINAL_H
#define CENO_API_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

/* Whether standard input and output are a terminal. */
bool ceno_terminal_here(void);
/* Its size, at least 1 by 1; 24 by 80 if it does not say. */
void ceno_terminal_size(uint16_t *rows, uint16_t *columns);
/* Raw: every key is a byte of input. 0 or -errno. Put back by _restore and at exit. */
int ceno_terminal_raw(void);
/* As it was before; nothing if it is. */
void ceno_terminal_restore(void);

#endif
