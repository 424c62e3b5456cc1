/*
 * Stepping. See step.h.
 */
#include "vmm/core/step.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#define MSR_LSTAR 0xc0000082u
#define CANONICAL_HIGH (1ull << 63)
#define DR7_LOCAL(n) (1ull << ((n) * 2))

static int set_stepping(struct ceno_step *step, const struct ceno_kvm *kvm, bool on)
{
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE };
	if (on) {
		debug.control |= KVM_GUESTDBG_SINGLESTEP;
	} else {
		debug.control |= KVM_GUESTDBG_USE_HW_BP;
		for (unsigned i = 0; i < CENO_STEP_BREAKPOINTS; i++) {
			debug.arch.debugreg[i] = step->breakpoint[i];
			if (step->breakpoint[i])
				debug.arch.debugreg[7] |= DR7_LOCAL(i);
		}
	}
	step->stepping = on;
	return ioctl(kvm->vcpu_fd, KVM_SET_GUEST_DEBUG, &debug) < 0 ? -errno : 0;
}

/* Target of IDT entry `vector`, or 0. The tables are the warden's or the nucleus's;
 * every access is checked against RAM. */
static uint64_t idt_target(const struct ceno_step *step, const struct ceno_kvm *kvm, uint64_t idt, unsigned vector)
{
	struct kvm_translation where = { .linear_address = idt + vector * 16u };
	uint8_t gate[16];
	if (ioctl(kvm->vcpu_fd, KVM_TRANSLATE, &where) < 0 || !where.valid || where.physical_address < CENO_GPA_RAM)
		return 0;
	uint64_t offset = where.physical_address - CENO_GPA_RAM;
	if (offset > step->ram_bytes - sizeof(gate))
		return 0;
	memcpy(gate, step->ram + offset, sizeof(gate));
	return (uint64_t)gate[0] | (uint64_t)gate[1] << 8 | (uint64_t)gate[6] << 16 | (uint64_t)gate[7] << 24 |
	       (uint64_t)gate[8] << 32 | (uint64_t)gate[9] << 40 | (uint64_t)gate[10] << 48 | (uint64_t)gate[11] << 56;
}

static uint64_t read_lstar(const struct ceno_kvm *kvm)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head = { .nmsrs = 1 }, .entry = { .index = MSR_LSTAR } };
	return ioctl(kvm->vcpu_fd, KVM_GET_MSRS, &msrs) == 1 ? msrs.entry.data : 0;
}

/* #BP, #PF, tick, and `syscall` where it reaches ring 0, else #GP. */
static void find_entries(struct ceno_step *step, const struct ceno_kvm *kvm, uint64_t idt)
{
	uint64_t lstar = read_lstar(kvm);
	step->breakpoint[0] = idt_target(step, kvm, idt, 3);
	step->breakpoint[1] = idt_target(step, kvm, idt, 14);
	step->breakpoint[2] = idt_target(step, kvm, idt, CENO_VECTOR_TICK);
	step->breakpoint[3] = lstar & CANONICAL_HIGH ? lstar : idt_target(step, kvm, idt, 13);
}

static void emit(struct ceno_step *step, uint64_t exit)
{
	fprintf(step->out,
	        "{\"stretch\":%" PRIu64 ",\"entry\":\"%#" PRIx64 "\",\"exit\":\"%#" PRIx64 "\",\"count\":%" PRIu64
	        ",\"last\":\"%#" PRIx64 "\"}\n",
	        step->stretches++, step->first, exit, step->count, step->last);
	step->count = 0;
}

int ceno_step_arm(struct ceno_step *step, const struct ceno_kvm *kvm)
{
	struct kvm_regs regs;
	if (ioctl(kvm->vcpu_fd, KVM_GET_REGS, &regs) < 0)
		return -errno;
	step->count = 0;
	step->first = step->last = regs.rip;
	return set_stepping(step, kvm, true);
}

bool ceno_step_on_debug(struct ceno_step *step, const struct ceno_kvm *kvm)
{
	struct kvm_sregs sregs;
	uint64_t rip = kvm->run->debug.arch.pc;
	if (ioctl(kvm->vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
		return false;
	bool ring3 = (sregs.cs.selector & 3) == 3;
	if (!step->stepping) {
		step->first = step->last = rip;
		return set_stepping(step, kvm, true) == 0;
	}
	step->count++;
	if (!ring3) {
		step->last = rip;
		return true;
	}
	emit(step, rip);
	find_entries(step, kvm, sregs.idt.base);
	return set_stepping(step, kvm, false) == 0;
}

void ceno_step_finish(struct ceno_step *step)
{
	if (step->stepping && step->count)
		emit(step, 0);
	fflush(step->out);
}
