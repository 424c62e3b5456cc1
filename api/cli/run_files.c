/* Program, inputs and arguments of a run: see run_files.h. */
#include "run_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "text.h"

/* With an image the program is the image's, unless its name says that it is the caller's. */
static bool is_of_image(const struct ceno_run_options *options)
{
	const char *name = options->program[0];

	return options->image && strncmp(name, "./", 2) && strncmp(name, "../", 3);
}

static int open_program(struct ceno_run_files *in, const struct ceno_run_options *o, char *error)
{
	const enum ceno_program_want want = o->native ? CENO_PROGRAM_NATIVE_FILE
	    : o->image                                ? CENO_PROGRAM_ANY
						      : CENO_PROGRAM_STATIC;
	const char *name = o->program[0];
	int status;

	if (is_of_image(o))
		return ceno_program_of_guest(name, in->program_path, sizeof in->program_path, error);
	status = ceno_program_open(name, want, &in->files[0], error);
	in->count = in->program_count = 1;
	snprintf(in->program_path, sizeof in->program_path, "%s", in->files[0].guest);
	return status;
}

static int check_twice(const struct ceno_run_files *in, char *error)
{
	for (uint32_t i = 1; i < in->count; i++)
		for (uint32_t k = 0; k < i; k++)
			if (!strcmp(in->files[k].guest, in->files[i].guest)) {
				snprintf(error, CENO_PROGRAM_ERROR_MAX,
				         "two inputs would lie at %.200s; name one of them with PATH=NAME",
				         in->files[i].guest);
				return CENO_EXIT_RUN_FAILED;
			}
	return CENO_EXIT_OK;
}

/* The request names them in JSON, which has no other text. */
static int check_text(const struct ceno_run_files *in, char *error)
{
	for (uint32_t i = 0; i < in->count; i++)
		if (!ceno_text_is_utf8(in->files[i].guest)) {
			snprintf(error, CENO_PROGRAM_ERROR_MAX, "%.200s: the name is not UTF-8", in->files[i].guest);
			return CENO_EXIT_RUN_FAILED;
		}
	return CENO_EXIT_OK;
}

static int make_args(struct ceno_run_files *in, struct ceno_run_options *o, char *error)
{
	const char *env[CENO_ENV_BASE + CENO_ENV_MAX], *slash = strrchr(o->program[0], '/');
	uint32_t count = ceno_env_make(o->env, o->env_count, o->image != NULL, env);
	int fd;

	if (slash && !is_of_image(o))
		o->program[0] += slash + 1 - o->program[0];
	fd = ceno_args_make(in->program_path, o->program, o->program_count, env, count, o->workdir ? o->workdir : "/",
	                    &in->args_bytes);
	in->args_fd = fd < 0 ? -1 : fd;
	if (fd >= 0)
		return CENO_EXIT_OK;
	snprintf(error, CENO_PROGRAM_ERROR_MAX,
	         fd == -E2BIG ? "arguments and environment are longer than 128 KiB" : "arguments: %s", strerror(-fd));
	return CENO_EXIT_RUN_FAILED;
}

int ceno_run_files_open(struct ceno_run_files *in, struct ceno_run_options *options, char *error)
{
	int status;

	in->args_fd = -1;
	status = open_program(in, options, error);
	for (uint32_t i = 0; !status && i < options->input_count; i++)
		status = ceno_inputs_open(options->inputs[i], in->files, &in->count, CENO_SESSION_FILES_MAX, error);
	if (!status)
		status = check_text(in, error);
	if (!status)
		status = check_twice(in, error);
	return status ? status : make_args(in, options, error);
}

int ceno_run_files_spare(const struct ceno_run_files *in, const char *path, char *error)
{
	struct stat there, ours;

	if (!path || stat(path, &there))
		return CENO_EXIT_OK;
	for (uint32_t i = 0; i < in->count; i++)
		if (!fstat(in->files[i].fd, &ours) && ours.st_dev == there.st_dev && ours.st_ino == there.st_ino) {
			snprintf(error, CENO_PROGRAM_ERROR_MAX,
			         "%.200s would be replaced, and is what the session reads at %.200s", path,
			         in->files[i].guest);
			return CENO_EXIT_RUN_FAILED;
		}
	return CENO_EXIT_OK;
}

void ceno_run_files_close(struct ceno_run_files *in)
{
	for (uint32_t i = 0; i < in->count; i++) {
		if (in->files[i].fd >= 0)
			close(in->files[i].fd);
		in->files[i].fd = -1;
	}
	if (in->args_fd >= 0)
		close(in->args_fd);
	in->args_fd = -1;
}
