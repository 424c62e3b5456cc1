/*
 * cenod's log: one line an event on stderr, never session content. Until the
 * node is up, the lines also go to the process that waits for it to come up.
 */
#ifndef CENO_API_SUPERVISOR_LOG_H
#define CENO_API_SUPERVISOR_LOG_H

/* Writes "cenod: ..." and a newline. */
__attribute__((format(printf, 1, 2))) void ceno_supervisor_log(const char *format, ...);

/* Lines also go to `fd` (borrowed) from now on; -1: no longer. */
void ceno_supervisor_log_copy(int fd);

#endif
