/* Reading the machine: page tables as the CPU walks them, the free list. */
#include "machine.h"
#include "nucleus/paging.h"

const struct ceno_frame *ceno_machine_frame(const struct ceno_fiber *f)
{
	return ceno_machine.state == CENO_MACHINE_RUNNING && f == ceno_cpu.current ? &ceno_machine.regs : &f->frame;
}

#define ENTRY_BITS (PTE_P | PTE_W | PTE_U | PTE_AD | PTE_PS | PTE_NX | PTE_ADDRESS)

uint32_t ceno_machine_points[CENO_REGIONS_MAX];

struct walk {
	struct ceno_machine_mapping *out;
	int count, max, error;
	uint8_t *seen;
};

static int touches(const struct ceno_machine_mapping *a, const struct ceno_machine_mapping *b)
{
	return a->gva + a->bytes == b->gva && a->gpa + a->bytes == b->gpa && a->rights == b->rights &&
	    a->large == b->large && a->region == b->region;
}

static void add_leaf(struct walk *w, uint64_t entry, uint64_t gva, int large, uint64_t region)
{
	struct ceno_machine_mapping m = { .gva = gva,
		                          .gpa = entry & PTE_ADDRESS,
		                          .bytes = large ? CENO_LARGE_PAGE : CENO_PAGE,
		                          .large = (uint32_t)large,
		                          .region = region };

	m.rights = CENO_RIGHT_READ | (entry & PTE_W ? CENO_RIGHT_WRITE : 0) | (entry & PTE_NX ? 0 : CENO_RIGHT_EXECUTE);
	if (!(entry & PTE_U) || (m.gpa & (m.bytes - 1)))
		w->error = CENO_WALK_ENTRY;
	if (w->count && touches(&w->out[w->count - 1], &m))
		w->out[w->count - 1].bytes += m.bytes;
	else if (w->count < w->max)
		w->out[w->count++] = m;
	else
		w->error = CENO_WALK_ROOM;
}

static uint64_t *table_at(struct walk *w, uint64_t gpa)
{
	uint64_t page = (gpa - CENO_GPA_RAM) / CENO_PAGE;

	if (page >= ceno_machine.config.pool_pages || (gpa & (CENO_PAGE - 1)) ||
	    (w->seen[page]++ && gpa != ceno_cpu.handoff->entry_table_gpa)) { /* which every space has */
		w->error = CENO_WALK_TABLE;
		return NULL;
	}
	return ceno_machine_page(gpa);
}

/* The directory entry narrows what the region's own entries allow. */
static void walk_region(struct walk *w, uint64_t entry, uint64_t gva)
{
	uint64_t number = entry >> PTE_NUMBER_SHIFT & (CENO_REGIONS_MAX - 1);
	const struct ceno_region *r = ceno_cpu.region[number];
	const uint64_t *t = NULL;

	for (uint32_t i = 0; r && i < r->tables; i++)
		if (ceno_pool_gpa(r->table[i]) == (entry & PTE_ADDRESS))
			t = r->table[i];
	if (!t || (entry & ~(ENTRY_BITS | PTE_SHARED | 0x7full << PTE_NUMBER_SHIFT)) || !(entry & PTE_U)) {
		w->error = CENO_WALK_REGION;
		return;
	}
	ceno_machine_points[number]++;
	for (unsigned i = 0; i < ENTRIES; i++)
		if (t[i])
			add_leaf(w, (t[i] & (entry | ~PTE_W)) | (entry & PTE_NX), gva + i * CENO_PAGE, 0, number + 1);
}

static void walk_table(struct walk *w, uint64_t gpa, int level, uint64_t gva)
{
	const uint64_t *t = table_at(w, gpa);
	unsigned end = level == 3 ? ENTRIES - 1 : ENTRIES;

	for (unsigned i = 0; t && i < end && !w->error; i++) {
		uint64_t e = t[i], at = gva | (uint64_t)i << (12 + 9 * level);

		if (!e)
			continue;
		if (level == 1 && (e & PTE_SHARED)) {
			walk_region(w, e, at);
			continue;
		}
		if (!(e & PTE_P) || (e & ~ENTRY_BITS) || (level == 3 && i >= ENTRIES / 2))
			w->error = CENO_WALK_ENTRY;
		else if (level == 0 || (level == 1 && (e & PTE_PS)))
			add_leaf(w, level ? e & ~PTE_PS : e, at, level, 0);
		else if ((e & (PTE_W | PTE_U | PTE_PS | PTE_NX)) != (PTE_W | PTE_U))
			w->error = CENO_WALK_ENTRY;
		else
			walk_table(w, e & PTE_ADDRESS, level - 1, at);
	}
}

int ceno_machine_walk(uint64_t cr3, struct ceno_machine_mapping *out, int max, uint8_t *table_seen)
{
	struct walk w = { .out = out, .max = max, .seen = table_seen };
	const uint64_t *pml4 = ceno_machine_page(cr3);

	if (!pml4)
		return CENO_WALK_TABLE;
	if (pml4[ENTRIES - 1] != (ceno_cpu.handoff->nucleus_pdpt_gpa | PTE_P | PTE_W))
		return CENO_WALK_KERNEL;
	walk_table(&w, cr3, 3, 0);
	return w.error ? w.error : w.count;
}

uint64_t ceno_machine_serial(const void *object_page)
{
	uint64_t page = ((uint64_t)object_page - ceno_cpu.handoff->pool_gva) / CENO_PAGE;

	return page < ceno_machine.config.pool_pages ? ceno_machine.serial[page] : 0;
}

static int free_list(uint64_t at, uint8_t *free_page)
{
	const struct ceno_handoff *h = ceno_cpu.handoff;
	int n = 0;

	for (; at; n++, at = *(const uint64_t *)at) {
		uint64_t page = (at - h->pool_gva) / CENO_PAGE;

		if (page < h->pool_used || page >= ceno_cpu.pool_next || (at & (CENO_PAGE - 1)) || free_page[page]++)
			return -1;
		ceno_machine.serial[page] = 0;
	}
	return n;
}

static int is_clean(uint64_t at)
{
	for (; at; at = *(const uint64_t *)at)
		for (const uint64_t *word = (const uint64_t *)at, *end = word + CENO_PAGE / 8; ++word != end;)
			if (*word)
				return 0;
	return 1;
}

int ceno_machine_free_pages(uint8_t *free_page)
{
	int clean = free_list(ceno_cpu.pool_clean, free_page), others = free_list(ceno_cpu.pool_free, free_page);

	return clean < 0 || others < 0 || !is_clean(ceno_cpu.pool_clean) ? -1 : clean + others;
}
