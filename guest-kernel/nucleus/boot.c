/*
 * From the handoff record to init: the CPU's tables and registers, the first
 * objects, the first fiber with the boot manifest in its CSpace.
 *
 * init's space and the prepared ones were laid out by the warden; the nucleus takes them over
 * as they are, and counts what they map.
 */
#include "nucleus.h"
#include "abi/trail.h"
#include "abi/window.h"
#include "cpu.h"
#include "frames.h"
#include "paging.h"

struct ceno_cpu ceno_cpu;

extern const char ceno_syscall_entry[]; /* entry.S */

#define IDT_LIMIT                 (CENO_VECTORS * 16 - 1)
#define TSS_RSP0                  4
#define RFLAGS_CLEARED_BY_SYSCALL 0x47700u /* TF IF DF IOPL NT AC, SDM vol. 3, 5.8.8 */
#define LVT_TSC_DEADLINE          (2u << 17)

/* A tick below CENO_TICK_MS cycles would make periods of none: refills without end. One
 * of 2^40 (an hour on the slowest TSC, 8 ms at 137 THz) is no tick, and far below what
 * would overflow a period. */
#define TICK_TSC_END (1ull << 40)

static void check_handoff(const struct ceno_handoff *h)
{
	if (h->tick_tsc < CENO_TICK_MS || h->tick_tsc >= TICK_TSC_END || h->magic != CENO_HANDOFF_MAGIC ||
	    h->abi_version != CENO_ABI_VERSION || h->pool_used + CENO_PLEDGE_COUNT + CENO_FPU_PAGES >= h->pool_pages ||
	    h->pledge_mask >> CENO_PLEDGE_COUNT || h->trap_pages == 0 ||
	    (h->syscall_mode != CENO_SYSCALL_LSTAR && h->syscall_mode != CENO_SYSCALL_PAGE))
		ceno_cpu_stop(CENO_STOP_HANDOFF);
}

/* What the prepared spaces map counts from here on, taken or not. */
static void take_prepared(const struct ceno_handoff *h)
{
	for (uint32_t i = 0; i < CENO_PREPARED_MAX; i++) {
		const struct ceno_prepared *p = &h->prepared[i];

		if (p->windows & ~h->pledge_mask || p->large_pages > h->user_bytes / CENO_LARGE_PAGE)
			ceno_cpu_stop(CENO_STOP_HANDOFF);
		ceno_cpu.prepared_cr3[i] = p->cr3;
		ceno_frames_add_write_large(h->user_gpa, p->large_pages);
	}
}

/* Ring 3's `syscall`: into the nucleus, or, where ring 0 is emulated, to the
 * ring-3 page with the int3. */
static void init_syscall(const struct ceno_handoff *h)
{
	uint64_t star = (uint64_t)(CENO_SEL_USER_SS - 8) << 48 | (uint64_t)CENO_SEL_KERNEL_CS << 32;

	ceno_cpu_wrmsr(CENO_MSR_STAR, star);
	ceno_cpu_wrmsr(CENO_MSR_SFMASK, RFLAGS_CLEARED_BY_SYSCALL);
	ceno_cpu_wrmsr(CENO_MSR_LSTAR,
	               h->syscall_mode == CENO_SYSCALL_PAGE ? (uint64_t)CENO_GVA_SYSCALL
	                                                    : (uint64_t)ceno_syscall_entry);
}

static void init_timer(const struct ceno_handoff *h)
{
	ceno_cpu_wrmsr(CENO_MSR_X2APIC_SVR, 0x1ff);
	ceno_cpu_wrmsr(CENO_MSR_X2APIC_LVT_TIMER, LVT_TSC_DEADLINE | CENO_VECTOR_TICK);
	ceno_cpu.tick_tsc = h->tick_tsc;
	ceno_cpu_wrmsr(CENO_MSR_TSC_DEADLINE, ceno_cpu_tsc() + h->tick_tsc);
}

/* The first capability to a boot object, into a slot and an object that are all zero.
 * Inline, so that what is constant is stored as constants. */
static inline __attribute__((always_inline)) void give(struct ceno_cap *cspace, uint32_t slot,
                                                       struct ceno_object *object, uint32_t type, uint32_t rights,
                                                       uint64_t length)
{
	struct ceno_cap *cap = &cspace[slot];

	object->type = (uint16_t)type;
	object->holders = object->live = 1;
	object->epoch = 1 + slot;
	cap->type = (uint8_t)type;
	cap->rights = (uint8_t)rights;
	cap->depth = 0;
	cap->pledge = 0;
	cap->strength = CENO_STRENGTH_FULL;
	cap->reserved = 0;
	cap->object = object;
	cap->length = length;
	cap->until = UINT64_MAX;
	cap->epoch = 1 + slot;
}

static inline __attribute__((always_inline)) void make_range(struct ceno_cap *cspace, uint32_t slot, uint64_t gpa,
                                                             uint64_t bytes, uint32_t rights)
{
	struct ceno_frames *r = &ceno_cpu.range[slot];

	if (!bytes)
		return;
	r->gpa = gpa;
	r->bytes = bytes;
	give(cspace, slot, &r->object, CENO_OBJECT_FRAMES, rights | CENO_RIGHT_GRANT, bytes);
}

/* Its page table is there already (boot.h). */
static void make_window(struct ceno_cap *cspace, uint32_t class, uint64_t *table)
{
	uint32_t rw = CENO_RIGHT_READ | CENO_RIGHT_WRITE;
	uint64_t gpa = CENO_GPA_WINDOW + class * CENO_WINDOW_STRIDE, bytes = CENO_WINDOW_BYTES(class);
	struct ceno_region *r = ceno_region_open(CENO_OBJECT_WINDOW, class, gpa, bytes, rw);

	r->table[0] = table;
	for (uint32_t i = 0; i < CENO_PREPARED_MAX; i++)
		r->maps += (uint32_t)(ceno_cpu.handoff->prepared[i].windows >> class & 1);
	ceno_cap_set(&cspace[CENO_SLOT_WINDOW + class], &r->object, rw | CENO_RIGHT_GRANT | CENO_RIGHT_REVOKE, bytes);
}

static uint64_t count_windows(const struct ceno_handoff *h)
{
	uint64_t n = 0;

	for (uint64_t left = h->pledge_mask; left; left &= left - 1)
		n++;
	return n;
}

/* The boot manifest: everything there is, once. */
static void fill_cspace(const struct ceno_handoff *h, struct ceno_fiber *init)
{
	struct ceno_cap *c = init->cspace;
	uint32_t rx = CENO_RIGHT_READ | CENO_RIGHT_EXECUTE, rw = CENO_RIGHT_READ | CENO_RIGHT_WRITE;
	uint64_t table = h->pool_gva + h->pool_used * CENO_PAGE;

	ceno_cpu.epochs = CENO_SLOT_FIRST_FREE; /* up to here they go by slot */
	give(c, CENO_SLOT_SELF, &init->object, CENO_OBJECT_FIBER, CENO_RIGHTS_ALL, 0);
	give(c, CENO_SLOT_CLOCK, &ceno_cpu.clock, CENO_OBJECT_CLOCK, CENO_RIGHT_READ | CENO_RIGHT_GRANT, 0);
	make_range(c, CENO_SLOT_RAM, h->user_gpa, h->user_bytes, rw | CENO_RIGHT_EXECUTE);
	make_range(c, CENO_SLOT_PACK, CENO_GPA_PACK, h->pack_bytes, rx);
	make_range(c, CENO_SLOT_BUNDLE, CENO_GPA_BUNDLE, h->bundle_bytes, rx);
	make_range(c, CENO_SLOT_BOOT, CENO_GPA_BOOT, CENO_PAGE, CENO_RIGHT_READ);
	make_range(c, CENO_SLOT_IMAGE, CENO_GPA_IMAGE, h->image_bytes, rx);
	make_range(c, CENO_SLOT_TRAP, h->trap_gpa, h->trap_pages * CENO_PAGE, rw);
	make_range(c, CENO_SLOT_SERVICE, h->service_gpa, h->service_bytes, rw);
	make_range(c, CENO_SLOT_EVENTS, h->events_gpa, h->events_gpa ? CENO_PAGE : 0, CENO_RIGHT_READ);
	make_range(c, CENO_SLOT_TRAIL, CENO_GPA_TRAIL, CENO_TRAIL_BYTES, rw);
	for (uint32_t class = 0; h->pledge_mask >> class; class ++) {
		if (h->pledge_mask >> class & 1) {
			make_window(c, class, (uint64_t *)table);
			table += CENO_PAGE;
		}
	}
}

void ceno_nucleus_main(const struct ceno_handoff *h)
{
	struct ceno_fiber *init;

	check_handoff(h);
	ceno_cpu.handoff = h;
	ceno_cpu.stack_top = h->stack_top_gva;
	ceno_cpu.pool_next = h->pool_used + count_windows(h);
	ceno_cpu.pool_fresh_end = h->pool_pages;
	take_prepared(h);
	ceno_cpu.tss_rsp0 = (uint64_t *)(h->tss_gva + TSS_RSP0);
	ceno_cpu_load_idt(h->idt_gva, IDT_LIMIT);
	init_syscall(h);
	init_timer(h);
	init = ceno_fiber_new(0, h->init_rip, h->init_rsp, 0);
	init->space.cr3 = h->init_cr3;
	init->space.pml4 = ceno_pool_page(h->init_cr3);
	init->state = CENO_FIBER_READY;
	ceno_energy_init(init, CENO_SPECTRUM_MATTER, UINT32_MAX, UINT32_MAX);
	init->pledge = (uint32_t)h->pledge_mask | 1u << CENO_PLEDGE_SPAWN;
	fill_cspace(h, init);
	init->space.quota = h->pool_pages - ceno_cpu.pool_next - CENO_FPU_PAGES;
	ceno_fiber_select(init);
	ceno_nucleus_return();
}

void ceno_nucleus_fault(uint64_t vector)
{
	(void)vector; /* in rdi for whoever reads the registers of the stopped vCPU */
	ceno_cpu_stop(CENO_STOP_NUCLEUS_FAULT);
}
