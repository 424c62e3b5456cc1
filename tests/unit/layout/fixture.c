/* The layout that the tests look at: see fixture.h. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

static void add_segment(struct ceno_bundle_header *h, uint32_t module, uint32_t kind, uint64_t offset, uint64_t bytes,
                        uint64_t gva)
{
	h->segments[h->segment_count++] = (struct ceno_bundle_segment){ module, kind, offset, bytes, gva };
}

void layout_add_module(struct ceno_bundle_header *h, uint32_t id, const char *name, uint64_t entry, uint64_t vectors)
{
	struct ceno_bundle_module *m = &h->modules[h->module_count++];

	strncpy(m->name, name, sizeof m->name - 1);
	m->id = id;
	m->entry = entry;
	m->vectors = vectors;
}

int layout_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct ceno_firmware_header *fw;
	struct ceno_bundle_header *h;

	assert_non_null(f);
	fw = (void *)f->firmware;
	*fw = (struct ceno_firmware_header){ .magic = CENO_FIRMWARE_MAGIC,
		                             .abi_version = CENO_ABI_VERSION,
		                             .total_bytes = sizeof f->firmware,
		                             .rodata_offset = 0,
		                             .rodata_bytes = CENO_PAGE,
		                             .stub_offset = CENO_PAGE,
		                             .stub_bytes = CENO_PAGE,
		                             .text_offset = 2 * CENO_PAGE,
		                             .text_bytes = 2 * CENO_PAGE,
		                             .entry_offset = CENO_PAGE + 1024,
		                             .vector_offset = CENO_PAGE + 1536 };
	h = (void *)f->bundle;
	*h = (struct ceno_bundle_header){ .magic = CENO_BUNDLE_MAGIC,
		                          .abi_version = CENO_ABI_VERSION,
		                          .header_bytes = CENO_PAGE,
		                          .total_bytes = sizeof f->bundle };
	add_segment(h, CENO_MODULE_NUCLEUS, CENO_SEGMENT_TEXT, CENO_PAGE, 2 * CENO_PAGE, 0);
	add_segment(h, CENO_MODULE_NUCLEUS, CENO_SEGMENT_RODATA, 3 * CENO_PAGE, CENO_PAGE, 2 * CENO_PAGE);
	add_segment(h, CENO_MODULE_NUCLEUS, CENO_SEGMENT_BSS, 0, 3 * CENO_PAGE, 4 * CENO_PAGE);
	add_segment(h, CENO_MODULE_INIT, CENO_SEGMENT_TEXT, 4 * CENO_PAGE, CENO_PAGE, CENO_GVA_SERVICE);
	add_segment(h, CENO_MODULE_INIT, CENO_SEGMENT_RODATA, 5 * CENO_PAGE, CENO_PAGE, CENO_GVA_SERVICE + CENO_PAGE);
	add_segment(h, CENO_MODULE_INIT, CENO_SEGMENT_BSS, 0, CENO_PAGE, CENO_GVA_SERVICE + 2 * CENO_PAGE);
	add_segment(h, CENO_MODULE_ENTRY_PAGE, CENO_SEGMENT_TEXT, 6 * CENO_PAGE, CENO_PAGE, CENO_GVA_ENTRY);
	layout_add_module(h, CENO_MODULE_NUCLEUS, "nucleus", 1088, 0);
	layout_add_module(h, CENO_MODULE_INIT, "init", CENO_GVA_SERVICE, 0);
	layout_add_module(h, CENO_MODULE_ENTRY_PAGE, "entry", CENO_GVA_ENTRY, 0);
	add_segment(h, CENO_MODULE_MEMBRANE, CENO_SEGMENT_TEXT, 7 * CENO_PAGE, CENO_PAGE, CENO_GVA_SERVICE);
	add_segment(h, CENO_MODULE_MEMBRANE, CENO_SEGMENT_RODATA, 8 * CENO_PAGE, CENO_PAGE,
	            CENO_GVA_SERVICE + CENO_PAGE);
	add_segment(h, CENO_MODULE_MEMBRANE, CENO_SEGMENT_BSS, 0, 3 * CENO_PAGE, CENO_GVA_SERVICE + 2 * CENO_PAGE);
	layout_add_module(h, CENO_MODULE_MEMBRANE, "membrane", CENO_GVA_SERVICE, 0);
	h->modules[MEMBRANE].budget = 1;
	h->modules[MEMBRANE].flags = CENO_MODULE_PREPARED;
	h->modules[MEMBRANE].pledge_mask = 1u << CENO_PLEDGE_STDIO | 1u << CENO_PLEDGE_GPU;
	h->modules[MEMBRANE].grants = 1ull << CENO_SLOT_BOOT | 1ull << CENO_SLOT_RAM | 1ull << CENO_SLOT_PACK | STDIO |
	    1ull << (CENO_SLOT_WINDOW + CENO_PLEDGE_GPU);
	add_segment(h, CENO_MODULE_PROV, CENO_SEGMENT_TEXT, 9 * CENO_PAGE, CENO_PAGE, CENO_GVA_SERVICE);
	layout_add_module(h, CENO_MODULE_PROV, "prov", CENO_GVA_SERVICE, 0);
	h->modules[PROV].budget = 1;
	h->modules[PROV].restarts_max = 3;
	h->modules[PROV].flags = CENO_MODULE_PREPARED | CENO_MODULE_LAZY;
	h->modules[PROV].grants = 1ull << CENO_SLOT_BOOT | 1ull << CENO_SLOT_BUNDLE | 1ull << CENO_SLOT_TRAIL |
	    1ull << CENO_SLOT_TRAIL_EVENTS | 1ull << CENO_SLOT_TRAIL_MESSAGES;
	f->ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(f->ram, MAP_FAILED);
	f->in = (struct ceno_layout_input){ .firmware = f->firmware,
		                            .firmware_bytes = sizeof f->firmware,
		                            .trust = &f->trust,
		                            .bundle = f->bundle,
		                            .bundle_bytes = sizeof f->bundle,
		                            .ram = f->ram,
		                            .ram_bytes = RAM_BYTES,
		                            .pack_bytes = 16 * CENO_PAGE,
		                            .boot = &f->boot,
		                            .syscall_mode = CENO_SYSCALL_PAGE,
		                            .pledge_mask = 1u << CENO_PLEDGE_STDIO | 1u << CENO_PLEDGE_RW |
		                                1u << CENO_PLEDGE_SPAWN | 1u << CENO_PLEDGE_GPU,
		                            .tsc_hz = 2000000000,
		                            .start_tsc = 123456789,
		                            .start_realtime_ns = 1700000000123456789 };
	*state = f;
	return 0;
}

int layout_teardown(void **state)
{
	struct fixture *f = *state;

	munmap(f->ram, RAM_BYTES);
	free(f);
	return 0;
}

void layout_fill_random(uint8_t *p, size_t n, uint64_t *seed)
{
	for (size_t i = 0; i < n; i++) {
		*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
		p[i] = (uint8_t)(*seed >> 56);
	}
}

void layout_build(struct fixture *f, uint64_t *seed)
{
	assert_int_equal(madvise(f->ram, RAM_BYTES, MADV_DONTNEED), 0);
	layout_fill_random(f->in.slide_random, sizeof f->in.slide_random, seed);
	assert_int_equal(ceno_layout_build(&f->in, &f->regs), 0);
}

void layout_walk(struct fixture *f, uint64_t table_gpa, int level, uint64_t gva, int user, int writable, int executable)
{
	const uint64_t *t;

	assert_true(table_gpa >= CENO_GPA_RAM && table_gpa < CENO_GPA_RAM + RAM_BYTES && table_gpa % CENO_PAGE == 0);
	t = (const uint64_t *)(const void *)(f->ram + (table_gpa - CENO_GPA_RAM));
	for (uint64_t i = 0; i < 512; i++) {
		uint64_t e = t[i], at = gva | i << (12 + 9 * level), to = e & 0x000ffffffffff000ull;
		int u = user && (e & 4), w = writable && (e & 2), x = executable && !(e >> 63);

		if (!(e & 1)) {
			assert_true(e == 0);
			continue;
		}
		if (level == 3) {
			/* slot 256 belongs to others */
			assert_true(i == 0 || i == 511 || i == CENO_GVA_RAM >> 39 || i == CENO_GVA_PACK >> 39);
			if (i == 511)
				at |= 0xffff000000000000ull;
		}
		if (level == 0 || (e & 0x80)) {
			assert_true(level <= 1 && f->leaves < LEAVES_MAX);
			f->leaf[f->leaves++] = (struct leaf){ at, to, 1ull << (12 + 9 * level), u, w, x };
		} else {
			layout_walk(f, to, level - 1, at, u, w, x);
		}
	}
}
