/*
 * A file without a name until it is complete: O_TMPFILE, so that nothing is left of it even
 * after SIGKILL; where a filesystem has none, a hidden name that nobody can guess.
 *
 *   open -> (written) -> name it | drop
 */
#ifndef CENO_API_CLI_NAMELESS_H
#define CENO_API_CLI_NAMELESS_H

#include <stdbool.h>
#include <sys/types.h>

struct ceno_nameless {
	int fd;             /* owned; -1: not open, and nothing else counts */
	int directory;      /* owned */
	char temporary[32]; /* its name for now, in that directory; "" none */
};

/* directory: moved in (O_PATH will do), closed also on failure. mode: as open(2)'s. 0 or -errno. */
int ceno_nameless_open(struct ceno_nameless *file, int directory, mode_t mode);

/* Names it `name` in its directory. replace: in the place of what has that name, else -EEXIST. The file
 * stays open. 0 or -errno, and then it has no name yet. */
int ceno_nameless_name(struct ceno_nameless *file, const char *name, bool replace);

/* Closes it; without a name nothing is left of it. Does nothing to one that is not open. */
void ceno_nameless_drop(struct ceno_nameless *file);

#endif
