/*
 * The caller's files: the program and its inputs, opened and checked here so
 * that most mistakes are told before anything starts.
 */
#ifndef CENO_API_CLI_PROGRAM_H
#define CENO_API_CLI_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest-kernel/abi/pack.h"

#define CENO_PROGRAM_ERROR_MAX 512

struct ceno_cli_file {
	int fd;                         /* owned, read-only; -1 closed */
	uint64_t bytes;                 /* as fstat said */
	uint32_t mode;                  /* permission bits */
	char guest[CENO_PACK_PATH_MAX]; /* path in the guest */
};

/* What a program's header says (pure; bytes are the file's first ones). */
enum ceno_elf {
	CENO_ELF_STATIC,
	CENO_ELF_DYNAMIC,
	CENO_ELF_FOREIGN,
	CENO_ELF_NOT,
	CENO_ELF_SCRIPT,
	CENO_ELF_BAD,
	CENO_ELF_NATIVE /* no ELF file, but a native program's beginning (abi/native.h) */
};

/* `interpreter` (size bytes) gets the PT_INTERP path or the script's first line, printable. */
enum ceno_elf ceno_program_inspect(const uint8_t *bytes, size_t length, char *interpreter, size_t size);

/* What kind of program is wanted: a static Linux program, a native file, or, in a session with an image,
 * also one whose interpreter the image has. */
enum ceno_program_want { CENO_PROGRAM_STATIC, CENO_PROGRAM_NATIVE_FILE, CENO_PROGRAM_ANY };

/* Finds `name` as execvp(3) would (a slash: that path; else the PATH of the
 * environment), opens and checks it as it is wanted; of a native file only magic, ABI
 * version and size are looked at: init judges the rest.
 * CENO_EXIT_OK, CENO_EXIT_NOT_FOUND or
 * CENO_EXIT_NOT_EXECUTABLE with a line in `error` (CENO_PROGRAM_ERROR_MAX). */
int ceno_program_open(const char *name, enum ceno_program_want want, struct ceno_cli_file *file, char *error);

/* The path of a program that is the session's own: a name in its /bin, or an absolute path. path: size bytes.
 * CENO_EXIT_OK, CENO_EXIT_NOT_FOUND (an empty name) or CENO_EXIT_NOT_EXECUTABLE (longer than size: never cut, it
 * would be another program) with a line in `error`. */
int ceno_program_of_guest(const char *name, char *path, size_t size, char *error);

/* Opens an input: FILE or FILE=NAME (the last `=` that makes FILE exist).
 * CENO_EXIT_OK or CENO_EXIT_RUN_FAILED with a line in `error`. */
int ceno_input_open(const char *spec, struct ceno_cli_file *file, char *error);

/* The same for a directory too: its regular files below /in/NAME/, in the order of their names, and its empty
 * directories, whose path in the guest ends in a slash; what is neither file nor directory is refused. files: room for `max` more at *count, which is counted up also
 * on failure (the caller closes them). */
int ceno_inputs_open(const char *spec, struct ceno_cli_file *files, uint32_t *count, uint32_t max, char *error);

#define CENO_ENV_BASE 3u   /* variables that every program has: PATH, HOME, LC_ALL */
#define CENO_ENV_MAX  256u /* variables that may be given */

/* Whether a program can be asked to start there: an absolute path without the parts "." and "..". */
bool ceno_workdir_usable(const char *path);
#define CENO_WORKDIR_TAKES "an absolute path in the guest, without . and .."

/* Whether `text` is NAME=VALUE with a name. */
bool ceno_env_usable(const char *text);

/* A program's environment: the base unless it is among `given` (NAME=VALUE, borrowed), then those, each
 * name once: the last of it counts. image: its PATH is an image's. env: room for CENO_ENV_BASE + count. Returns how many. */
uint32_t ceno_env_make(const char *const *given, uint32_t count, bool image, const char **env);

/* The argument block (pack.h) in a sealed memfd: its descriptor (moved out) and
 * `*bytes`, or -errno (-E2BIG: longer than CENO_ARGS_MAX). Counts exclude NULL. */
int ceno_args_make(const char *guest_path, char *const *argv, uint32_t argc, const char *const *env, uint32_t envc,
                   const char *directory, uint64_t *bytes);

#endif
