/*
 * A file of any bytes is executed, as a program, as the interpreter of a good program, or
 * as the interpreter of a script: it becomes an address space or is refused, no page of
 * RAM stays behind, and what was mapped can be touched.
 *
 *   first byte: its role (modulo 3); second: how many bytes of a good file are kept before
 *   the input's own
 */
#include <stdlib.h>
#include <string.h>

#include "guest-kernel/services/membrane/exec.h"
#include "guest-kernel/services/membrane/frames.h"
#include "tests/unit/membrane/fake.h"
#include "tests/fuzz/property.h"

enum { PROGRAM, INTERPRETER, SCRIPT };

static struct ceno_inode *file_of(const char *path)
{
	struct ceno_walk walk;
	struct ceno_inode *file = ceno_inode_new(CENO_INODE_FILE, 0755);

	REQUIRE(file && !ceno_path_walk(ceno_inode_root(), path, 0, &walk) && !walk.inode);
	REQUIRE(ceno_dir_add(walk.parent, walk.last, walk.last_length, file) == 0);
	return file;
}

static void fill(struct ceno_inode *file, const void *bytes, size_t size)
{
	REQUIRE(ceno_inode_truncate(file, 0) == 0);
	REQUIRE(ceno_inode_write(file, bytes, size, 0) == (int64_t)size);
}

/* A good program that asks for /tmp/i. */
static size_t with_interpreter(uint8_t *to)
{
	struct fake_file good = fake_program("/bin/p");
	struct lx_elf_segment interp = { LX_PT_INTERP, LX_PF_R, 0x800, 0x400800, 0x400800, 7, 7, 1 };
	struct lx_elf_header h;

	memcpy(to, good.data, good.bytes);
	memcpy(&h, to, sizeof(h));
	h.phnum = 4;
	memcpy(to, &h, sizeof(h));
	memcpy(to + sizeof(h) + 3 * sizeof(interp), &interp, sizeof(interp));
	memcpy(to + 0x800, "/tmp/i", 7);
	return good.bytes;
}

static void look_at(struct ceno_exec *exec)
{
	uint64_t got;
	int error;

	REQUIRE(ceno_pages_reach(exec->vm, exec->rsp, LX_PROT_READ, &got, &error));
	if (exec->rip < CENO_USER_END)
		(void)ceno_pages_fault(exec->vm, exec->rip, LX_PROT_EXEC);
	for (uint32_t i = 0; i < exec->vm->count; i++) {
		const struct ceno_area *area = &exec->vm->areas[i];

		REQUIRE(area->start < area->end && area->end <= CENO_USER_END &&
		        (i == 0 || area[-1].end <= area->start));
		REQUIRE((area->prot & (LX_PROT_WRITE | LX_PROT_EXEC)) != (LX_PROT_WRITE | LX_PROT_EXEC));
		(void)ceno_pages_fault(exec->vm, area->start,
		                       area->prot & LX_PROT_WRITE ? LX_PROT_WRITE : LX_PROT_READ);
		(void)ceno_pages_fault(exec->vm, area->end - 1, LX_PROT_READ);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ceno_inode *program, *interpreter;
	static uint8_t image[3 * 4096], good[3 * 4096];
	struct ceno_exec exec = { .path = "/tmp/p",
		                  .strings = "p\0x\0A=b",
		                  .strings_bytes = 8,
		                  .argc = 2,
		                  .envc = 1,
		                  .stack_limit = 8 << 20 };
	uint64_t used;
	size_t keep, good_bytes;
	int result;

	if (size < 2)
		return 0;
	if (!program) {
		fake_start();
		program = file_of("/tmp/p");
		interpreter = file_of("/tmp/i");
	}
	good_bytes = with_interpreter(good);
	memcpy(image, fake_program("/bin/p").data, sizeof(image));
	keep = data[1];
	size = size - 2 < sizeof(image) - keep ? size - 2 : sizeof(image) - keep;
	memcpy(image + keep, data + 2, size);
	switch (data[0] % 3) {
	case PROGRAM:
		fill(program, image, data[0] & 128 ? keep + size : sizeof(image));
		fill(interpreter, good, 4096);
		break;
	case INTERPRETER:
		fill(program, good, good_bytes);
		fill(interpreter, image, data[0] & 128 ? keep + size : sizeof(image));
		break;
	default:
		fill(program, data + 2, size);
		fill(interpreter, good, good_bytes);
	}
	used = ceno_frames_used();
	exec.file = program;
	result = ceno_exec(&exec);
	REQUIRE(result <= CENO_EXEC_KILL && result > -134);
	if (!result) {
		look_at(&exec);
		ceno_vm_drop(exec.vm);
	}
	REQUIRE(ceno_frames_used() == used);
	return 0;
}
