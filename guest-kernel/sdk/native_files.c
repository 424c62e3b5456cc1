/* The session's files (abi/pack.h), memory, time. */
#include "lib/mem.h"
#include "native_internal.h"

#define READ CENO_RIGHT_READ

static uint64_t ram_used;

/* [offset, offset + bytes) of a frame range at gva, in calls of at most 512 entries. What
 * is mapped already was mapped by the same call before. */
static int64_t map_all(uint32_t slot, uint64_t gva, uint64_t offset, uint64_t bytes, uint32_t rights)
{
	for (uint64_t done = 0, step; done < bytes; done += step) {
		int64_t rc;

		step = bytes - done < CENO_LARGE_PAGE ? bytes - done : CENO_LARGE_PAGE;
		rc = ceno_map(CENO_SLOT_SELF, slot, gva + done, offset + done, step, rights);
		if (rc < 0 && rc != CENO_E_EXISTS)
			return rc;
	}
	return 0;
}

static const void *map_pack(uint64_t offset, uint64_t bytes)
{
	uint64_t whole = (bytes + CENO_PAGE - 1) & ~(CENO_PAGE - 1);

	ceno_native_must(map_all(CENO_SLOT_PACK, CENO_GVA_PACK + offset, offset, whole, READ));
	return (const void *)(CENO_GVA_PACK + offset);
}

static bool is_path(const char *entry, const char *path)
{
	for (; *entry == *path; entry++, path++)
		if (!*path)
			return true;
	return false;
}

const void *ceno_native_file(const char *path, uint64_t *bytes)
{
	const struct ceno_pack_header *pack = map_pack(0, sizeof *pack);
	const struct ceno_pack_entry *entry = (const void *)(pack + 1);

	/* All of the table with one mapping a page: EXISTS would stop a larger one at its first. */
	for (uint64_t at = CENO_PAGE; at < sizeof *pack + pack->count * sizeof *entry; at += CENO_PAGE)
		map_pack(at, CENO_PAGE);
	for (uint32_t i = 0; i < pack->count; i++)
		if (is_path(entry[i].path, path)) {
			*bytes = entry[i].length;
			return *bytes ? map_pack(entry[i].offset, *bytes) : (const void *)"";
		}
	return NULL;
}

const void *ceno_input(const char *path, uint64_t *bytes)
{
	return ceno_native_file(path, bytes);
}

void *ceno_ram_at(uint64_t bytes, uint64_t *offset)
{
	uint64_t whole = (bytes + CENO_PAGE - 1) & ~(CENO_PAGE - 1), gva = CENO_GVA_RAM + ram_used;

	if (whole < bytes || map_all(CENO_SLOT_RAM, gva, ram_used, whole, READ | CENO_RIGHT_WRITE) < 0)
		return NULL;
	*offset = ram_used;
	ram_used += whole;
	return memset((void *)gva, 0, whole); /* a fiber before this one may have used it */
}

void *ceno_ram(uint64_t bytes)
{
	uint64_t offset;

	return ceno_ram_at(bytes, &offset);
}

/* ---- time ---- */

#define NS 1000000000ull

uint64_t ceno_ns_to_tsc(uint64_t ns)
{
	uint64_t hz = ceno_native_boot()->tsc_hz;

	return ns / NS * hz + ns % NS * (hz / 1000) / (NS / 1000);
}

uint64_t ceno_now_ns(void)
{
	const struct ceno_boot *boot = ceno_native_boot();
	uint64_t passed = ceno_rdtsc() - boot->start_tsc;

	return boot->start_realtime_ns + passed / boot->tsc_hz * NS + passed % boot->tsc_hz * NS / boot->tsc_hz;
}

void ceno_sleep_ns(uint64_t ns)
{
	ceno_native_must(ceno_tick(ceno_rdtsc() + ceno_ns_to_tsc(ns), 0, NULL));
}
