/*
 * A program becomes an address space: execve without the process half.
 *
 *   exec.c   the file, its right to run, argument strings, #! scripts
 *   elf.c    ELF: headers, segments, interpreter, the first stack
 *   start.c  the first program of a request, from its argument block
 *
 * Everything is put into a new vm beside the current one, so that whatever fails, fails
 * with the errno of execve(2) and the program that called goes on. What Linux only finds
 * out when the old program is gone is CENO_EXEC_KILL: the process ends by SIGSEGV.
 *
 * Differences from Linux: a segment that is writable and executable is -LX_EACCES;
 * programs of 32 bits are -LX_ENOEXEC. The vDSO is where every space has it (services/entry/vdso.h).
 */
#ifndef CENO_MEMBRANE_EXEC_H
#define CENO_MEMBRANE_EXEC_H

#include "vfs.h"
#include "vm.h"

#define CENO_EXEC_KILL       1
#define CENO_EXEC_STRING_MAX (128u << 10) /* with its NUL, as Linux's MAX_ARG_STRLEN */

struct ceno_exec {
	/* from the caller */
	const char *path;        /* NUL-terminated, of membrane: AT_EXECFN, what a script is called with */
	struct ceno_inode *file; /* what it names (resolved, links followed); becomes the file that is loaded */
	uint64_t argv, envp;     /* arrays of the current vm, may be 0, if strings is NULL */
	const char *strings;     /* argc, then envc strings one after another, of membrane; or NULL */
	uint64_t strings_bytes;
	uint32_t argc, envc;
	uint64_t stack_limit; /* RLIMIT_STACK: a quarter of it is for strings and pointers */

	/* to the caller, on success */
	struct ceno_vm *vm; /* uses 1, moved */
	uint64_t rip, rsp;
	uint8_t dynamic; /* it has an interpreter */

	/* on failure, too: what was wrong */
	uint8_t bad_interpreter; /* the file was fine, its interpreter was not */
	uint8_t no_format;       /* neither ELF nor a script */

	/* exec.c's and elf.c's own */
	uint64_t top, at, least; /* of the stack: its end, where the last string begins, E2BIG below it */
	uint64_t execfn, strings_at;
	struct ceno_exec_scratch *scratch;
};

/* Returns 0, -errno, or CENO_EXEC_KILL. The last two leave nothing behind. */
int ceno_exec(struct ceno_exec *exec);
/* exec->vm has a space, and the program runs next. Brings what one with an interpreter is sure to touch
 * first, so that it need not fault for each: its segments, and its stack. */
void ceno_exec_prime(const struct ceno_exec *exec);

/* ---- between exec.c and elf.c ------------------------------------------------ */

/* Two pages. */
struct ceno_exec_scratch {
	char path[CENO_PATH_MAX]; /* of an interpreter */
	char head[256];           /* of the file */
};
_Static_assert(sizeof(struct ceno_exec_scratch) <= 2 * CENO_PAGE, "two pages");

/* Bytes of a regular file, fewer at its end. */
int64_t ceno_exec_read(struct ceno_inode *file, void *to, uint64_t bytes, uint64_t offset);
/* Resolves a path for execution: 0 and *file, or -errno. */
int ceno_exec_find(const char *path, struct ceno_inode **file);
/* exec->file is ELF by its first bytes, and the strings are on the stack: the rest. Returns as ceno_exec. */
int ceno_exec_elf(struct ceno_exec *exec);
/* Length with its NUL of a string of the new vm; 0: it is not all there. */
uint64_t ceno_exec_length(struct ceno_vm *vm, uint64_t gva);
/* Puts bytes below exec->at. Returns 0, -LX_E2BIG, -LX_ENOMEM. */
int ceno_exec_push(struct ceno_exec *exec, const void *from, uint64_t bytes);

#endif
