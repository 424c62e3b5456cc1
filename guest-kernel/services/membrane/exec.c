/*
 * From a path and two arrays of strings to a loaded program. See exec.h. The strings go
 * straight to where the new program finds them, from the top of its stack downwards as
 * Linux lays them out: path, environment, arguments; what a script adds comes below.
 */
#include "exec.h"

#include "frames.h"
#include "pack.h"
#include "promise.h"

#define ARGS_MAX    0x7fffffffu
#define LIMIT_MAX   (6ull << 20) /* three quarters of the default stack */
#define LIMIT_MIN   (128ull << 10)
#define SCRIPTS_MAX 5

/* ---- files ---------------------------------------------------------------------- */

int64_t ceno_exec_read(struct ceno_inode *file, void *to, uint64_t bytes, uint64_t offset)
{
	const void *from;

	if (offset >= file->size)
		return 0;
	bytes = bytes < file->size - offset ? bytes : file->size - offset;
	if (file->kind != CENO_INODE_PACK)
		return ceno_inode_read(file, to, bytes, offset);
	from = ceno_packs_data(file->stored.offset + offset, bytes);
	if (!from)
		return -LX_ENOMEM;
	memcpy(to, from, bytes);
	return (int64_t)bytes;
}

static int may_run(const struct ceno_inode *file)
{
	if (file->kind == CENO_INODE_PACK)
		return (file->stored.mode & CENO_PACK_PROGRAM) != 0;
	return file->kind == CENO_INODE_FILE && (file->mode & 0111);
}

int ceno_exec_find(const char *path, struct ceno_inode **file)
{
	struct ceno_walk walk;
	int error = !*path ? -LX_EACCES : /* the directory itself */
	    ceno_path_walk(ceno_path_cwd(), path, 0, &walk);

	if (!error)
		error = ceno_promise_path(&walk, CENO_NEED_EXECUTE);
	if (!error && !walk.inode)
		error = -LX_ENOENT;
	if (!error && !may_run(walk.inode))
		error = -LX_EACCES;
	if (!error)
		*file = walk.inode;
	return error;
}

/* ---- strings ------------------------------------------------------------------------ */

/* Writes into the new vm. */
static int put(struct ceno_vm *vm, uint64_t gva, const void *from, uint64_t bytes)
{
	const uint8_t *in = from;

	while (bytes) {
		uint64_t got;
		int error;
		void *to = ceno_pages_reach(vm, gva, LX_PROT_WRITE, &got, &error);

		if (!to)
			return error == -LX_ENOMEM ? error : -LX_E2BIG;
		got = got < bytes ? got : bytes;
		memcpy(to, in, got);
		gva += got;
		in += got;
		bytes -= got;
	}
	return 0;
}

static int make_room(struct ceno_exec *exec, uint64_t bytes)
{
	if (bytes > exec->at - exec->least)
		return -LX_E2BIG;
	exec->at -= bytes;
	return 0;
}

int ceno_exec_push(struct ceno_exec *exec, const void *from, uint64_t bytes)
{
	int error = make_room(exec, bytes);

	return error ? error : put(exec->vm, exec->at, from, bytes);
}

static int push_string(struct ceno_exec *exec, const char *s)
{
	return ceno_exec_push(exec, s, strlen(s) + 1);
}

/* Length of a program's string with its NUL, -LX_EFAULT or -LX_E2BIG. */
static int64_t user_length(uint64_t gva)
{
	for (uint64_t length = 0, got; length < CENO_EXEC_STRING_MAX;) {
		const char *at = ceno_user_span(gva + length, CENO_EXEC_STRING_MAX - length, LX_PROT_READ, &got);

		if (!at)
			return -LX_EFAULT;
		for (uint64_t i = 0; i < got; i++)
			if (!at[i])
				return (int64_t)(length + i + 1);
		length += got;
	}
	return -LX_E2BIG;
}

static int push_user(struct ceno_exec *exec, uint64_t gva)
{
	int64_t length = user_length(gva);
	int error = length < 0 ? (int)length : make_room(exec, (uint64_t)length);

	for (uint64_t done = 0, got; !error && done < (uint64_t)length; done += got) {
		const void *from = ceno_user_span(gva + done, (uint64_t)length - done, LX_PROT_READ, &got);

		error = from ? put(exec->vm, exec->at + done, from, got) : -LX_EFAULT;
	}
	return error;
}

/* How many pointers an array of the program has. */
static int64_t user_count(uint64_t array)
{
	uint64_t pointer;

	for (uint32_t n = 0; array && n < ARGS_MAX; n++) {
		if (ceno_user_read(&pointer, array + n * 8ull, 8))
			return -LX_EFAULT;
		if (!pointer)
			return n;
	}
	return array ? -LX_E2BIG : 0;
}

static int push_array(struct ceno_exec *exec, uint64_t array, uint32_t count)
{
	int error = 0;

	while (!error && count--) {
		uint64_t pointer;

		error = ceno_user_read(&pointer, array + count * 8ull, 8);
		if (!error)
			error = push_user(exec, pointer);
	}
	return error;
}

static int count_strings(struct ceno_exec *exec)
{
	int64_t argc, envc;

	if (exec->strings)
		return 0;
	argc = user_count(exec->argv);
	if (argc < 0)
		return (int)argc;
	envc = user_count(exec->envp);
	if (envc < 0)
		return (int)envc;
	exec->argc = (uint32_t)argc;
	exec->envc = (uint32_t)envc;
	return 0;
}

static int push_strings(struct ceno_exec *exec)
{
	uint64_t limit = exec->stack_limit / 4, pointers = ((uint64_t)(exec->argc ? exec->argc : 1) + exec->envc) * 8;
	int error;

	limit = limit > LIMIT_MAX ? LIMIT_MAX : limit < LIMIT_MIN ? LIMIT_MIN : limit;
	if (limit <= pointers)
		return -LX_E2BIG;
	exec->at = exec->top - 8;
	exec->least = exec->at - (limit - pointers);
	error = push_string(exec, exec->path);
	exec->execfn = exec->at;
	if (!error && exec->strings)
		return ceno_exec_push(exec, exec->strings, exec->strings_bytes);
	if (!error)
		error = push_array(exec, exec->envp, exec->envc);
	if (!error)
		error = push_array(exec, exec->argv, exec->argc);
	if (!error && !exec->argc) {
		error = push_string(exec, "");
		exec->argc = 1;
	}
	return error;
}

uint64_t ceno_exec_length(struct ceno_vm *vm, uint64_t gva)
{
	for (uint64_t length = 0;;) {
		uint64_t got;
		int error;
		const char *at = ceno_pages_reach(vm, gva + length, LX_PROT_READ, &got, &error);

		if (!at)
			return 0;
		for (uint64_t i = 0; i < got; i++)
			if (!at[i])
				return length + i + 1;
		length += got;
	}
}

/* The stack forgets its first argument. */
static int drop_argument(struct ceno_exec *exec)
{
	uint64_t bytes = ceno_exec_length(exec->vm, exec->at);

	exec->at += bytes;
	exec->argc--;
	return bytes ? 0 : -LX_EFAULT;
}

/* ---- scripts -------------------------------------------------------------------------- */

static int is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *skip(char *at, const char *last, int blanks)
{
	while (at <= last && (blanks ? is_blank(*at) : *at && !is_blank(*at)))
		at++;
	return at;
}

/* Splits "#! interpreter argument" of `head`, all of whose bytes count, by Linux's rules: a
 * line that is cut off is fine if the interpreter's name is whole. */
static int parse_script(char *head, char **name, char **argument)
{
	char *last = head + sizeof(((struct ceno_exec_scratch *)0)->head) - 1, *end = head, *at;

	while (end <= last && *end && *end != '\n')
		end++;
	if (end > last || *end != '\n') {
		if (skip(skip(head + 2, last, 1), last, 0) > last)
			return -LX_ENOEXEC;
		end = last;
	}
	while (is_blank(end[-1]))
		end--;
	*name = skip(head + 2, end, 1);
	if (*name >= end)
		return -LX_ENOEXEC;
	*end = 0;
	at = skip(*name, end, 0);
	*argument = is_blank(*at) ? skip(at, end, 1) : NULL;
	*at = 0;
	return 0;
}

/* The script's interpreter is the program from now on. called: what the script is called by. */
static int run_script(struct ceno_exec *exec, char *called)
{
	char *name, *argument;
	int error = parse_script(exec->scratch->head, &name, &argument);

	if (!error)
		error = drop_argument(exec);
	if (!error)
		error = push_string(exec, called);
	if (!error && argument)
		error = push_string(exec, argument);
	if (!error)
		error = push_string(exec, name);
	if (error)
		return error;
	exec->argc += argument ? 3 : 2;
	memcpy(called, name, strlen(name) + 1);
	exec->bad_interpreter = 1;
	error = ceno_exec_find(called, &exec->file);
	exec->bad_interpreter = error != 0;
	return error;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static int load(struct ceno_exec *exec)
{
	struct ceno_exec_scratch *scratch = exec->scratch;

	for (unsigned depth = 0; depth <= SCRIPTS_MAX; depth++) {
		int64_t bytes = ceno_exec_read(exec->file, scratch->head, sizeof(scratch->head), 0);
		int error;

		if (bytes < 0)
			return (int)bytes;
		memset(scratch->head + bytes, 0, sizeof(scratch->head) - (uint64_t)bytes);
		exec->no_format = 0;
		if (memcmp(scratch->head,
		           "\x7f"
		           "ELF",
		           4) == 0)
			return ceno_exec_elf(exec);
		exec->no_format = 1;
		if (memcmp(scratch->head, "#!", 2) != 0)
			return -LX_ENOEXEC;
		error = run_script(exec, scratch->path);
		if (error)
			return error;
	}
	return -LX_ELOOP;
}

static int prepare(struct ceno_exec *exec)
{
	int error = count_strings(exec);

	if (error)
		return error;
	exec->top = ceno_vm_stack_add(exec->vm);
	return exec->top ? push_strings(exec) : -LX_ENOMEM;
}

int ceno_exec(struct ceno_exec *exec)
{
	uint64_t scratch = CENO_NO_FRAME;
	int error = may_run(exec->file) ? 0 : -LX_EACCES;

	if (error)
		return error;
	scratch = ceno_frames_alloc_raw(1);
	exec->vm = scratch == CENO_NO_FRAME ? NULL : ceno_vm_new();
	exec->scratch = ceno_ram(scratch);
	error = exec->vm ? prepare(exec) : -LX_ENOMEM;
	if (!error) {
		uint64_t length = strlen(exec->path);

		length = length < CENO_PATH_MAX ? length : CENO_PATH_MAX - 1;
		memcpy(exec->scratch->path, exec->path, length);
		exec->scratch->path[length] = 0;
		error = load(exec);
	}
	if (scratch != CENO_NO_FRAME)
		ceno_frames_free(scratch, 1);
	if (error && exec->vm) {
		ceno_vm_drop(exec->vm);
		exec->vm = NULL;
	}
	return error;
}

void ceno_exec_prime(const struct ceno_exec *exec)
{
	struct ceno_vm *vm = exec->vm;

	for (uint32_t i = 0; exec->dynamic && i < vm->count; i++) {
		const struct ceno_area *area = &vm->areas[i];
		int stack = (area->flags & CENO_AREA_STACK) != 0, access = LX_PROT_READ;

		if (!area->file && !stack)
			continue;
		if (area->prot & (LX_PROT_WRITE | LX_PROT_EXEC))
			access = area->prot & LX_PROT_WRITE ? LX_PROT_WRITE : LX_PROT_EXEC;
		if (ceno_vm_bring_pieces(vm, area, stack ? exec->rsp : area->start, access) == -LX_ENOMEM)
			return;
	}
}
