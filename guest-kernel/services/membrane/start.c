/*
 * The first program of a request, from its argument block (abi/pack.h), which comes from
 * outside: bounded before use.
 */
#include "abi/out.h"
#include "exec.h"
#include "out.h"
#include "process.h"
#include "promise.h"
#include "vm.h"

struct args {
	uint32_t argc, envc;
	const char *program, *strings, *cwd; /* strings: argv then envp, strings_bytes of them */
	uint64_t strings_bytes;
};

static const char *next_string(const char *at, const char *end)
{
	while (at < end && *at)
		at++;
	return at < end ? at + 1 : NULL;
}

static int parse_args(const uint8_t *block, uint64_t bytes, struct args *args)
{
	const char *end = (const char *)block + bytes, *at = (const char *)block + 8;

	if (bytes < 8)
		return -LX_EINVAL;
	memcpy(&args->argc, block, 4);
	memcpy(&args->envc, block + 4, 4);
	if (args->argc == 0 || args->argc > bytes || args->envc > bytes)
		return -LX_EINVAL;
	args->program = at;
	at = next_string(at, end);
	args->strings = at;
	for (uint32_t i = 0; at && i < args->argc + args->envc; i++)
		at = next_string(at, end);
	if (!at)
		return -LX_EINVAL;
	args->strings_bytes = (uint64_t)(at - args->strings);
	args->cwd = at;
	at = next_string(at, end);
	return at == end && args->program[0] == '/' && args->cwd[0] == '/' ? 0 : -LX_EINVAL;
}

static void remember(const struct args *args)
{
	const char *name = args->program, *at;
	uint64_t length = strlen(args->program);

	memcpy(ceno_self()->path, args->program, length < CENO_PATH_MAX ? length : CENO_PATH_MAX - 1);
	for (at = name; *at; at++)
		if (*at == '/')
			name = at + 1;
	length = strlen(name);
	memcpy(ceno_current->name, name, length < 15 ? length : 15);
}

/* What the host is told of an exec that failed. */
static enum ceno_refusal refusal_of(const struct ceno_exec *exec, int error)
{
	if (error == -LX_ENOMEM)
		return CENO_REFUSAL_MEMORY;
	if (error == -LX_E2BIG)
		return CENO_REFUSAL_ARGS;
	if (exec->bad_interpreter)
		return CENO_REFUSAL_DYNAMIC;
	return exec->no_format ? CENO_REFUSAL_NOT_ELF : CENO_REFUSAL_BAD_ELF;
}

int ceno_elf_load(const uint8_t *block, uint64_t bytes)
{
	struct ceno_regs *regs = &ceno_current->regs;
	struct ceno_exec exec = { .stack_limit = CENO_STACK_MAX };
	struct ceno_inode *cwd;
	struct args args;
	int error;

	if (bytes > CENO_ARGS_MAX || parse_args(block, bytes, &args))
		return ceno_refuse(CENO_REFUSAL_ARGS, -LX_EINVAL);
	if (!strcmp(args.program, CENO_OUT_PROGRAM)) {
		ceno_out_send(args.strings);
		return CENO_SERVED;
	}
	error = ceno_exec_find(args.program, &exec.file);
	if (error)
		return ceno_refuse(error == -LX_EACCES ? CENO_REFUSAL_NOT_EXECUTABLE : CENO_REFUSAL_NOT_FOUND, error);
	cwd = ceno_path_make(args.cwd, 1);
	if (!cwd)
		return ceno_refuse(CENO_REFUSAL_WORKDIR, -LX_ENOTDIR);
	exec.path = args.program;
	exec.strings = args.strings;
	exec.strings_bytes = args.strings_bytes;
	exec.argc = args.argc;
	exec.envc = args.envc;
	error = ceno_exec(&exec);
	if (error) /* what Linux would have killed by is no errno */
		return ceno_refuse(refusal_of(&exec, error), error == CENO_EXEC_KILL ? -LX_ENOEXEC : error);
	ceno_self()->vm = exec.vm;
	if (ceno_vm_enter(exec.vm))
		return ceno_refuse(CENO_REFUSAL_MEMORY, -LX_ENOMEM);
	ceno_exec_prime(&exec);
	ceno_path_cwd_set(cwd);
	remember(&args);
	ceno_promise_begin();
	memset(regs, 0, sizeof(*regs));
	regs->gpr[CENO_RSP] = exec.rsp;
	regs->rip = exec.rip;
	regs->rflags = CENO_RFLAGS_SET;
	return CENO_REFUSAL_NONE;
}
