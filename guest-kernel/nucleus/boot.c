/*
 * From the handoff record to init: the CPU's tables and registers, the first
 * objects, the first fiber with the boot manifest in its CSpace.
 *
 * init's space was laid out by the warden; the nucleus takes it over as it is.
 */
#include "nucleus.h"
#include "abi/window.h"
#include "cpu.h"

struct ceno_cpu ceno_cpu;

extern const char ceno_syscall_entry[]; /* entry.S */

#define IDT_LIMIT                 (CENO_VECTORS * 16 - 1)
#define TSS_RSP0                  4
#define RFLAGS_CLEARED_BY_SYSCALL 0x47700u /* TF IF DF IOPL NT AC, SDM vol. 3, 5.8.8 */
#define LVT_TSC_DEADLINE          (2u << 17)

static void check_handoff(const struct ceno_handoff *h)
{
	if (h->magic != CENO_HANDOFF_MAGIC || h->abi_version != CENO_ABI_VERSION || h->pool_used >= h->pool_pages ||
	    h->trap_pages == 0 || (h->syscall_mode != CENO_SYSCALL_LSTAR && h->syscall_mode != CENO_SYSCALL_PAGE))
		ceno_cpu_stop(CENO_STOP_HANDOFF);
}

/* Ring 3's `syscall`: into the nucleus, or, where ring 0 is emulated, to the
 * ring-3 page with the int3. */
static void init_syscall(const struct ceno_handoff *h)
{
	uint64_t star = (uint64_t)(CENO_SEL_USER_SS - 8) << 48 | (uint64_t)CENO_SEL_KERNEL_CS << 32;

	ceno_cpu_wrmsr(CENO_MSR_STAR, star);
	ceno_cpu_wrmsr(CENO_MSR_SFMASK, RFLAGS_CLEARED_BY_SYSCALL);
	ceno_cpu_wrmsr(CENO_MSR_LSTAR,
	               h->syscall_mode == CENO_SYSCALL_PAGE ? (uint64_t)CENO_GATE_SYSCALL
	                                                    : (uint64_t)ceno_syscall_entry);
}

static void init_timer(const struct ceno_handoff *h)
{
	ceno_cpu_wrmsr(CENO_MSR_X2APIC_SVR, 0x1ff);
	ceno_cpu_wrmsr(CENO_MSR_X2APIC_LVT_TIMER, LVT_TSC_DEADLINE | CENO_VECTOR_TICK);
	ceno_cpu.tick_tsc = h->tick_tsc;
	ceno_cpu_wrmsr(CENO_MSR_TSC_DEADLINE, ceno_cpu_tsc() + h->tick_tsc);
}

static void make_range(struct ceno_cap *cspace, uint32_t slot, uint32_t type, uint64_t gpa, uint64_t bytes,
                       uint32_t rights)
{
	struct ceno_frames *r = &ceno_cpu.range[slot];

	if (!bytes)
		return;
	r->object.type = type;
	r->object.epoch = 1;
	r->gpa = gpa;
	r->bytes = bytes;
	ceno_cap_set(&cspace[slot], &r->object, rights | CENO_RIGHT_GRANT | CENO_RIGHT_REVOKE, bytes);
}

/* The boot manifest: everything there is, once. */
static void fill_cspace(const struct ceno_handoff *h, struct ceno_fiber *init)
{
	struct ceno_cap *c = init->cspace;
	uint32_t rx = CENO_RIGHT_READ | CENO_RIGHT_EXECUTE, rw = CENO_RIGHT_READ | CENO_RIGHT_WRITE;

	ceno_cap_set(&c[CENO_SLOT_SELF], &init->object, CENO_RIGHTS_ALL, 0);
	ceno_cpu.clock.type = CENO_OBJECT_CLOCK;
	ceno_cpu.clock.epoch = 1;
	ceno_cap_set(&c[CENO_SLOT_CLOCK], &ceno_cpu.clock, CENO_RIGHT_READ | CENO_RIGHT_GRANT, 0);
	make_range(c, CENO_SLOT_RAM, CENO_OBJECT_FRAMES, h->user_gpa, h->user_bytes, rw | CENO_RIGHT_EXECUTE);
	make_range(c, CENO_SLOT_PACK, CENO_OBJECT_FRAMES, CENO_GPA_PACK, h->pack_bytes, rx);
	make_range(c, CENO_SLOT_BUNDLE, CENO_OBJECT_FRAMES, CENO_GPA_BUNDLE, h->bundle_bytes, rx);
	make_range(c, CENO_SLOT_BOOT, CENO_OBJECT_FRAMES, CENO_GPA_BOOT, CENO_PAGE, CENO_RIGHT_READ);
	make_range(c, CENO_SLOT_IMAGE, CENO_OBJECT_FRAMES, CENO_GPA_IMAGE, h->image_bytes, rx);
	make_range(c, CENO_SLOT_TRAP, CENO_OBJECT_FRAMES, h->trap_gpa, h->trap_pages * CENO_PAGE, rw);
	for (uint32_t class = 0; class < CENO_PLEDGE_COUNT; class ++) {
		if (!(h->pledge_mask >> class & 1))
			continue;
		ceno_cpu.range[CENO_SLOT_WINDOW + class].doorbell_gpa = CENO_GPA_DOORBELL + class * CENO_PAGE;
		make_range(c, CENO_SLOT_WINDOW + class, CENO_OBJECT_WINDOW,
		           CENO_GPA_WINDOW + class * CENO_WINDOW_STRIDE,
		           class == CENO_PLEDGE_STDIO ? CENO_STDIO_BYTES : CENO_WINDOW_STRIDE, rw);
	}
}

void ceno_nucleus_main(const struct ceno_handoff *h)
{
	struct ceno_fiber *init;

	check_handoff(h);
	ceno_cpu.handoff = h;
	ceno_cpu.stack_top = h->stack_top_gva;
	ceno_cpu.pool_next = h->pool_used;
	ceno_cpu.tss_rsp0 = (uint64_t *)(h->tss_gva + TSS_RSP0);
	ceno_cpu_load_idt(h->idt_gva, IDT_LIMIT);
	init_syscall(h);
	init_timer(h);
	init = ceno_fiber_new(h->pool_pages - h->pool_used - 2, h->init_rip, h->init_rsp, 0);
	init->space.cr3 = h->init_cr3;
	init->space.pml4 = ceno_pool_page(h->init_cr3);
	init->state = CENO_FIBER_READY;
	ceno_energy_init(init, CENO_SPECTRUM_MATTER, UINT32_MAX, UINT32_MAX);
	fill_cspace(h, init);
	ceno_fiber_select(init);
	ceno_nucleus_return();
}

void ceno_nucleus_fault(uint64_t vector)
{
	(void)vector; /* in rdi for whoever reads the registers of the stopped vCPU */
	ceno_cpu_stop(CENO_STOP_NUCLEUS_FAULT);
}
