/*
 * What the command line names and the node does not have: a session that ended, an image that is
 * called a little differently. Each prints the one line that an error deserves.
 */
#ifndef CENO_API_CLI_NAMED_H
#define CENO_API_CLI_NAMED_H

#include <stddef.h>

#include "client.h"
#include "options.h"

/* Is it a session's name (32 lowercase hexadecimal digits)? 0, or -1 (said) with the options' status. */
int ceno_named_session(struct ceno_options *options, const char *text);

/* The line about a call that failed, client->error: of a session that ended, when, how, and how to get
 * its proof (asks the node). */
void ceno_named_session_failed(struct ceno_client *client, const char *session);

/* The same for an image, with the nearest name (asks the node). line: CENO_CLIENT_ERROR_MAX bytes. */
void ceno_named_image_line(struct ceno_client *client, const char *image, char *line);
void ceno_named_image_failed(struct ceno_client *client, const char *image);

/* How many letters have to be put in, taken out, changed, or swapped with the next, to make `a` of `b`;
 * at least 64 for texts of 64 bytes or more. Pure. */
unsigned ceno_named_distance(const char *a, const char *b);

#endif
