/* What the ceno image commands share. */
#ifndef CENO_API_CLI_IMAGE_H
#define CENO_API_CLI_IMAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "images/session/read.h"

#define CENO_IMAGE_LINE_MAX 512

/* argv[0] is the subcommand's title; each returns the exit status. */
int ceno_image_build_command(int argc, char **argv);
int ceno_image_add_command(int argc, char **argv);
int ceno_image_ls_command(int argc, char **argv);
int ceno_image_rm_command(int argc, char **argv);

/* Opens and checks an image file, its data too if `data`. 0 with *file filled (ceno_image_file_fini
 * is due) and its descriptor in *fd (owned by the caller); -1 with one line in `error`
 * (CENO_IMAGE_LINE_MAX bytes) and nothing to free. */
int ceno_image_open_file(const char *path, bool data, struct ceno_image_file *file, int *fd, char *error);

/* What an image is, as JSON (new reference). */
json_t *ceno_image_json(const struct ceno_image_file *file);

/* "12.3 MiB" into out (32 bytes); returns out. */
const char *ceno_image_size_text(uint64_t bytes, char *out);

#endif
