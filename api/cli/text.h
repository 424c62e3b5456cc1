/*
 * Text for people. What comes from a guest, a file or the node may hold anything; a terminal
 * obeys some of it. So whatever this command line prints goes through here, and only what is
 * valid UTF-8 and has a shape of its own is printed as it is.
 */
#ifndef CENO_API_CLI_TEXT_H
#define CENO_API_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Four bytes of output are enough for each byte of input, and one for the NUL. */
#define CENO_TEXT_ESCAPED(bytes) (4 * (bytes) + 1)

/* Writes `from` (any bytes, `length` of them) with every byte escaped as \n, \t or \xHH that is a
 * control character, part of one (C1), of a mark that turns the direction of text, or of no valid
 * UTF-8. out: at least 1 byte, NUL-terminated, cut where it is full. Returns the length that the
 * whole has. Pure. */
size_t ceno_text_escape(const char *from, size_t length, char *out, size_t size);

/* Is all of it valid UTF-8? What JSON can say is, and nothing else. Pure. */
bool ceno_text_is_utf8(const char *text);

/* One line, escaped, and its newline. Failures are left in the stream's error flag. */
__attribute__((format(printf, 2, 3))) void ceno_text_line(FILE *stream, const char *format, ...);

/* A text of several lines: its newlines are its own, everything else is escaped. */
void ceno_text_lines(FILE *stream, const char *text);

/* A text that a renderer made, on standard output, and freed. json: as it is. false: NULL, out of memory (said). */
bool ceno_text_print(char *text, bool json);

#endif
