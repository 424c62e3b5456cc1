/* Start and end of a native program, and fibers of its own. */
#include "lib/mem.h"
#include "native_internal.h"

#define ARGUMENTS_MAX 255u
#define STACK_BYTES   0x4000ull

static char *arguments[ARGUMENTS_MAX + 1];

/* ---- arguments: u32 argc, u32 envc, program, argv[], envp[], directory (abi/pack.h) ---- */

/* The end of the string at `at`, or NULL if there is none in the block. */
static const char *skip(const char *at, const char *end)
{
	while (at < end && *at)
		at++;
	return at < end ? at + 1 : NULL;
}

static int read_arguments(void)
{
	uint64_t bytes = 0;
	const char *block = ceno_native_file(CENO_PACK_ARGS, &bytes), *end, *at;
	uint32_t argc;

	if (!block || bytes < 8 || bytes > CENO_ARGS_MAX)
		return -1;
	end = block + bytes;
	memcpy(&argc, block, sizeof argc);
	at = skip(block + 8, end);
	if (argc == 0 || argc > ARGUMENTS_MAX)
		return -1;
	for (uint32_t i = 0; i < argc; i++) {
		if (!at)
			return -1;
		arguments[i] = (char *)(uintptr_t)at; /* read-only memory, as string constants are */
		at = skip(at, end);
	}
	return at ? (int)argc : -1;
}

/* What was reported is read first; then the host ends the session, or asks for it. */
static _Noreturn void leave(void)
{
	ceno_native_wait_shutdown();
	ceno_fiber_end();
}

_Noreturn void ceno_native_start(void)
{
	int argc;

	ceno_native_streams();
	argc = read_arguments();
	if (argc < 0) {
		ceno_native_report(CENO_PROGRAM_REFUSED, 0, CENO_REFUSAL_ARGS);
		leave();
	}
	ceno_native_report(CENO_PROGRAM_RUNNING, 0, 0);
	ceno_exit(main(argc, arguments));
}

_Noreturn void ceno_exit(int status)
{
	ceno_native_flush();
	ceno_native_report(CENO_PROGRAM_DONE, (uint32_t)status, 0);
	leave();
}

/* ---- fibers ---- */

void ceno_close(uint32_t slot)
{
	while (ceno_mask(slot, 0, 0, 0, 0) == CENO_E_AGAIN)
		;
}

_Noreturn void ceno_fiber_end(void)
{
	ceno_mask(CENO_SLOT_SELF, 0, 0, 0, 0);
	__builtin_trap();
}

/* Its own file, mapped at the first use. */
static const struct ceno_native_header *own_file(void)
{
	const struct ceno_native_header *h = (const void *)CENO_GVA_PROGRAM;
	static bool mapped;

	if (!mapped) {
		ceno_native_must(
		    ceno_map(CENO_SLOT_SELF, CENO_SLOT_PROGRAM, CENO_GVA_PROGRAM, 0, CENO_PAGE, CENO_RIGHT_READ));
		if (h->total_bytes > CENO_PAGE)
			ceno_native_must(ceno_map(CENO_SLOT_SELF, CENO_SLOT_PROGRAM, CENO_GVA_PROGRAM + CENO_PAGE,
			                          CENO_PAGE, h->total_bytes - CENO_PAGE, CENO_RIGHT_READ));
		mapped = true;
	}
	return h;
}

/* Memory for the fiber alone, at gva in its space; `from` is copied to its byte `at`. */
static int64_t give_memory(uint32_t slot, uint64_t gva, uint64_t bytes, uint64_t at, const void *from,
                           uint64_t from_bytes)
{
	uint64_t offset;
	uint8_t *memory = ceno_ram_at(bytes, &offset);

	if (!memory)
		return CENO_E_POOL;
	memcpy(memory + at, from, from_bytes);
	return ceno_map(slot, CENO_SLOT_RAM, gva, offset, bytes, CENO_RIGHT_READ | CENO_RIGHT_WRITE);
}

static int64_t give_segment(uint32_t slot, const struct ceno_native_segment *s)
{
	const uint8_t *file = (const uint8_t *)CENO_GVA_PROGRAM;

	switch (s->kind) {
	case CENO_NATIVE_TEXT:
		return ceno_map(slot, CENO_SLOT_PROGRAM, s->gva, s->offset, s->bytes,
		                CENO_RIGHT_READ | CENO_RIGHT_EXECUTE);
	case CENO_NATIVE_RODATA:
		return ceno_map(slot, CENO_SLOT_PROGRAM, s->gva, s->offset, s->bytes, CENO_RIGHT_READ);
	case CENO_NATIVE_DATA:
		return give_memory(slot, s->gva, s->bytes, 0, file + s->offset, s->bytes);
	case CENO_NATIVE_BSS:
		return give_memory(slot, s->gva, s->bytes, 0, file, 0);
	default:
		return 0;
	}
}

int64_t ceno_fiber_make(const struct ceno_native_fiber *f)
{
	const struct ceno_native_header *h = own_file();
	const uint64_t top[2] = { (uint64_t)f->run, f->argument };
	int64_t rc,
	    index = ceno_spawn_fiber(&(struct ceno_fiber_spawn){ .slot = f->slot,
	                                                         .pledge = f->pledge,
	                                                         .spectrum = f->spectrum,
	                                                         .events_slot = f->events_slot,
	                                                         .budget = f->budget,
	                                                         .pool_pages = f->pool_pages,
	                                                         .rip = (uint64_t)ceno_fiber_start,
	                                                         .rsp = CENO_GVA_SERVICE_STACK - sizeof top });

	if (index < 0)
		return index;
	rc = give_memory(f->slot, CENO_GVA_SERVICE_STACK - STACK_BYTES, STACK_BYTES, STACK_BYTES - sizeof top, top,
	                 sizeof top);
	for (uint32_t i = 0; i < CENO_NATIVE_SEGMENTS && rc >= 0; i++)
		rc = give_segment(f->slot, &h->segments[i]);
	if (rc >= 0)
		rc = ceno_grant(f->slot, f->slot, CENO_SLOT_SELF, f->self_rights);
	if (rc < 0)
		ceno_close(f->slot);
	return rc < 0 ? rc : index;
}
