/* Lays out the fake machine's RAM. The map of it is in machine.h. */
#include "machine.h"
#include "abi/window.h"
#include "nucleus/paging.h"
#include "entry.h"

#define PAGE_HANDOFF  0u
#define PAGE_IDT      1u
#define PAGE_PDPT     2u /* what PML4[511] of every space points to */
#define PAGE_PML4     3u
#define PAGE_PDPT_LOW 4u
#define PAGE_FRAMES   5u
#define TSS_OFFSET    2052u /* so that rsp0, four bytes in, is aligned for the host */
#define STACK_PAGES   4u

const struct ceno_machine_config ceno_machine_default = {
	.ram_bytes = 8 * 1024 * 1024,
	.pool_pages = 96,
	.trap_pages = 6,
	.pledge_mask = 1u << CENO_PLEDGE_STDIO | 1u << CENO_PLEDGE_NET,
	.bundle_bytes = 16 * CENO_PAGE,
	.pack_bytes = 2 * CENO_LARGE_PAGE,
	.image_bytes = 8 * CENO_PAGE,
	.tick_tsc = 1000,
	.syscall_mode = CENO_SYSCALL_PAGE,
};

struct ceno_machine ceno_machine;

static _Alignas(4096) uint8_t pool[CENO_MACHINE_POOL_MAX * CENO_PAGE];
static _Alignas(4096) uint8_t traps[CENO_MACHINE_TRAP_MAX * CENO_PAGE];
static struct ceno_handoff *const handoff = (struct ceno_handoff *)(void *)pool;
static uint64_t next_page; /* of the pool, while it is laid out */

void *ceno_machine_page(uint64_t gpa)
{
	uint64_t at = gpa - CENO_GPA_RAM;

	if (gpa & (CENO_PAGE - 1))
		return NULL;
	if (at < ceno_machine.config.pool_pages * CENO_PAGE)
		return pool + at;
	at -= CENO_LARGE_PAGE;
	return at < ceno_machine.config.trap_pages * CENO_PAGE ? traps + at : NULL;
}

static uint64_t gpa_of(uint64_t page)
{
	return CENO_GPA_RAM + page * CENO_PAGE;
}

/* The entry for gva at this level (0: 4 KiB) in the space whose PML4 is pool page `root`. */
static uint64_t *entry_in(uint64_t root, uint64_t gva, int level)
{
	uint64_t *table = (uint64_t *)(void *)(pool + root * CENO_PAGE);

	for (int l = 3; l > level; l--) {
		uint64_t *entry = &table[gva >> (12 + 9 * l) & (ENTRIES - 1)];

		if (!*entry)
			*entry = gpa_of(next_page++) | PTE_P | PTE_W | PTE_U;
		table = ceno_machine_page(*entry & PTE_ADDRESS);
	}
	return &table[gva >> (12 + 9 * level) & (ENTRIES - 1)];
}

/* A page of a space, as the warden maps it. */
static void map_in(uint64_t root, uint64_t gva, uint64_t gpa, uint64_t flags)
{
	*entry_in(root, gva, 0) = gpa | flags | PTE_P | PTE_U | PTE_AD;
}

static void map(uint64_t gva, uint64_t gpa, uint64_t flags)
{
	map_in(PAGE_PML4, gva, gpa, flags);
}

static void map_prepared(const struct ceno_machine_config *c, uint32_t number)
{
	struct ceno_prepared *p = &handoff->prepared[number];
	uint64_t root = next_page++;

	*(uint64_t *)(void *)(pool + root * CENO_PAGE + 511 * 8) = gpa_of(PAGE_PDPT) | PTE_P | PTE_W;
	*entry_in(root, CENO_GVA_ENTRY, 1) = handoff->entry_table_gpa | PTE_P | PTE_W | PTE_U;
	map_in(root, CENO_GVA_TRAP_PAGE, handoff->trap_gpa + (number + 1) * CENO_PAGE, PTE_W | PTE_NX);
	if (number == 0) {
		p->large_pages = c->prepared_large;
		p->windows = c->prepared_windows;
		for (uint64_t at = 0; at < p->large_pages * CENO_LARGE_PAGE && at < handoff->user_bytes;
		     at += CENO_LARGE_PAGE)
			*entry_in(root, CENO_GVA_RAM + at, 1) =
			    (handoff->user_gpa + at) | ceno_entry_flags(CENO_RIGHT_READ | CENO_RIGHT_WRITE) | PTE_PS;
	}
	p->cr3 = gpa_of(root);
	p->pages = next_page - root;
}

/* Once it is known where its table is. */
static void point_prepared(uint32_t class, uint64_t table)
{
	for (const struct ceno_prepared *p = handoff->prepared; p != handoff->prepared + CENO_PREPARED_MAX; p++)
		if (p->windows >> class & 1)
			*entry_in((p->cr3 - CENO_GPA_RAM) / CENO_PAGE, CENO_GVA_WINDOW + class * CENO_LARGE_PAGE, 1) =
			    gpa_of(table) | ceno_entry_flags(CENO_RIGHT_READ | CENO_RIGHT_WRITE) |
			    CENO_PREPARED_WINDOW(class);
}

/* The table that holds gva's entry. */
static uint64_t table_of(uint64_t gva)
{
	uint64_t table = gpa_of(PAGE_PML4);

	for (int level = 3; level > 0; level--) {
		const uint64_t *entries = ceno_machine_page(table);

		table = entries[gva >> (12 + 9 * level) & (ENTRIES - 1)] & PTE_ADDRESS;
	}
	return table;
}

static void map_init(void)
{
	uint64_t granule = handoff->trap_gpa + CENO_MACHINE_TRAP_MAX * CENO_PAGE;

	*(uint64_t *)(void *)(pool + PAGE_PML4 * CENO_PAGE + 511 * 8) = gpa_of(PAGE_PDPT) | PTE_P | PTE_W;
	*(uint64_t *)(void *)(pool + PAGE_PML4 * CENO_PAGE) = gpa_of(PAGE_PDPT_LOW) | PTE_P | PTE_W | PTE_U;
	map(CENO_GVA_ENTRY, handoff->entry_page_gpa, 0);
	handoff->entry_table_gpa = table_of(CENO_GVA_ENTRY);
	map(CENO_GVA_SERVICE, CENO_GPA_BUNDLE + 2 * CENO_PAGE, 0);
	map(CENO_GVA_SERVICE + CENO_PAGE, CENO_GPA_BUNDLE + 3 * CENO_PAGE, PTE_NX);
	map(CENO_GVA_SERVICE + 2 * CENO_PAGE, granule, PTE_W | PTE_NX);
	for (uint64_t i = 1; i <= STACK_PAGES; i++)
		map(CENO_GVA_SERVICE_STACK - i * CENO_PAGE, granule + i * CENO_PAGE, PTE_W | PTE_NX);
	map(CENO_GVA_TRAP_PAGE, handoff->trap_gpa, PTE_W | PTE_NX);
	map(CENO_GVA_BOOT_PAGE, CENO_GPA_BOOT, PTE_NX);
}

static void map_windows(void)
{
	uint64_t page = next_page;

	for (uint32_t class = 0; class < CENO_PLEDGE_COUNT; class ++) {
		uint64_t *table = (uint64_t *)(void *)(pool + page * CENO_PAGE),
			 at = CENO_GPA_WINDOW + class * CENO_WINDOW_STRIDE;

		if (!(handoff->pledge_mask >> class & 1))
			continue;
		point_prepared(class, page++);
		for (uint64_t i = 0; i < CENO_WINDOW_BYTES(class) / CENO_PAGE; i++)
			table[i] = (at + i * CENO_PAGE) | ceno_entry_flags(CENO_RIGHT_READ | CENO_RIGHT_WRITE);
		table[ENTRIES - 1] =
		    (CENO_GPA_DOORBELL + class * CENO_PAGE) | ceno_entry_flags(CENO_RIGHT_READ | CENO_RIGHT_WRITE);
	}
}

static void write_handoff(const struct ceno_machine_config *c, uint64_t frame_pages)
{
	struct ceno_handoff *h = handoff;

	h->magic = CENO_HANDOFF_MAGIC;
	h->abi_version = CENO_ABI_VERSION;
	h->syscall_mode = c->syscall_mode;
	h->nucleus_pdpt_gpa = gpa_of(PAGE_PDPT);
	h->pool_gva = (uint64_t)pool;
	h->pool_gpa = CENO_GPA_RAM;
	h->pool_pages = c->pool_pages;
	h->frame_gva = (uint64_t)pool + PAGE_FRAMES * CENO_PAGE;
	h->granule_gva = h->frame_gva + frame_pages * CENO_PAGE;
	h->trap_gva = (uint64_t)traps;
	h->trap_gpa = CENO_GPA_RAM + CENO_LARGE_PAGE;
	h->trap_pages = c->trap_pages;
	h->idt_gva = (uint64_t)pool + PAGE_IDT * CENO_PAGE;
	h->tss_gva = (uint64_t)pool + TSS_OFFSET;
	h->ram_bytes = c->ram_bytes;
	h->user_gpa = CENO_GPA_RAM + 2 * CENO_LARGE_PAGE;
	h->user_bytes = c->ram_bytes - 2 * CENO_LARGE_PAGE;
	h->entry_page_gpa = CENO_GPA_BUNDLE + CENO_PAGE;
	h->init_cr3 = gpa_of(PAGE_PML4);
	h->init_rip = CENO_GVA_SERVICE;
	h->init_rsp = CENO_GVA_SERVICE_STACK;
	h->bundle_bytes = c->bundle_bytes;
	h->pack_bytes = c->pack_bytes;
	h->image_bytes = c->image_bytes;
	h->pledge_mask = c->pledge_mask;
	h->tick_tsc = c->tick_tsc;
}

static int check_config(const struct ceno_machine_config *c)
{
	if (c->ram_bytes < 3 * CENO_LARGE_PAGE || c->ram_bytes > 1ull << 30 || c->ram_bytes % CENO_LARGE_PAGE ||
	    c->pool_pages < 32 || c->pool_pages > CENO_MACHINE_POOL_MAX || c->trap_pages < 1 ||
	    c->trap_pages > CENO_MACHINE_TRAP_MAX || c->pledge_mask >> CENO_PLEDGE_COUNT ||
	    c->bundle_bytes < 4 * CENO_PAGE || c->bundle_bytes > CENO_BUNDLE_MAX || c->pack_bytes > CENO_PACK_MAX ||
	    c->image_bytes > CENO_PACK_MAX || c->prepared > CENO_PREPARED_MAX ||
	    (c->bundle_bytes | c->pack_bytes | c->image_bytes) % CENO_PAGE || !c->tick_tsc)
		return -1;
	return c->syscall_mode == CENO_SYSCALL_LSTAR || c->syscall_mode == CENO_SYSCALL_PAGE ? 0 : -1;
}

static uint64_t pages_for(uint64_t bytes)
{
	return (bytes + CENO_PAGE - 1) / CENO_PAGE;
}

/* Clears what the machine before may have touched: everything below pool_next. */
static void forget(void)
{
	uint64_t used = ceno_cpu.pool_next > next_page ? ceno_cpu.pool_next : next_page;

	memset(pool, 0, used * CENO_PAGE);
	for (uint64_t i = 0; i < ceno_machine.config.trap_pages; i++)
		memset(traps + i * CENO_PAGE, 0, offsetof(struct ceno_trap_page, gpr));
	memset(&ceno_cpu, 0, sizeof ceno_cpu);
	memset(&ceno_fake_cpu, 0, sizeof ceno_fake_cpu);
	memset(&ceno_machine, 0, offsetof(struct ceno_machine, event));
	ceno_machine.spawned = 0;
	memset(ceno_machine.serial, 0, sizeof ceno_machine.serial);
}

int ceno_machine_reset(const struct ceno_machine_config *config)
{
	const struct ceno_machine_config c = config ? *config : ceno_machine_default;
	uint64_t user = c.ram_bytes - 2 * CENO_LARGE_PAGE, frame_pages = pages_for(user / CENO_PAGE);

	if (check_config(&c))
		return -1;
	forget();
	ceno_machine.config = c;
	write_handoff(&c, frame_pages);
	next_page = PAGE_FRAMES + frame_pages + pages_for(user / CENO_LARGE_PAGE * 4);
	map_init();
	for (uint32_t i = 0; i < c.prepared; i++)
		map_prepared(&c, i);
	handoff->pool_used = next_page;
	map_windows();
	ceno_fake_boot(handoff);
	return 0;
}
