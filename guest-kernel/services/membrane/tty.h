/*
 * The terminal of a session whose client has one: /dev/tty, which is descriptors 0, 1 and 2
 * of each request's first program then. The client's own terminal is raw, so every key comes
 * as bytes in the stdin stream (from outside, any byte), and the line discipline is here:
 *
 *   stdin stream -> take -> [first, whole) may be read   [whole, end) a line being edited
 *                    `-> echo -> stdout stream <- write (OPOST, ONLCR)
 */
#ifndef CENO_MEMBRANE_TTY_H
#define CENO_MEMBRANE_TTY_H

#include "stdio.h"
#include "vfs.h"

#define CENO_STREAM_TTY CENO_STREAMS /* a STREAM inode's device: the terminal */

/* No terminal yet. Once per boot. */
void ceno_tty_init(void);

/* Makes /dev/tty the terminal, fresh, with the current process's group in front. NULL: the
 * session has none, or no memory. A request's start. */
struct ceno_name *ceno_tty_start(void);

/* Takes what was typed, and a change of size, as far as there is room: signals go out, lines
 * end. Nothing without a terminal. */
void ceno_tty_pump(void);

/* As ceno_stdio_read, _write and _poll. */
int64_t ceno_tty_read(uint8_t *to, uint64_t bytes);
int64_t ceno_tty_write(const uint8_t *from, uint64_t bytes);
uint32_t ceno_tty_poll(void);

/* The terminal's own requests; -LX_ENOTTY: not one of them. */
int64_t ceno_tty_ioctl(uint32_t request, uint64_t argument);

#endif
