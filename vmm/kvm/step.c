/*
 * Stepping. See step.h.
 */
#include "vmm/kvm/step.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#include "guest-kernel/abi/bundle.h"

#define MSR_TSC        0x10u
#define MSR_LSTAR      0xc0000082u
#define CANONICAL_HIGH (1ull << 63)
#define DR7_LOCAL(n)   (1ull << ((n)*2))

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

/* Copy guest memory at a gva out of a slot. False: not mapped, or not in a slot. */
static bool peek(const struct ceno_step *step, const struct ceno_kvm *kvm, uint64_t gva, void *to, size_t bytes)
{
	struct kvm_translation where = { .linear_address = gva };
	if (ioctl(kvm->vcpu_fd, KVM_TRANSLATE, &where) < 0 || !where.valid)
		return false;
	for (uint32_t i = 0; i < step->slots->count; i++) {
		const struct ceno_slot_map *map = &step->slots->map[i];
		uint64_t offset = where.physical_address - map->gpa;
		if (where.physical_address < map->gpa || offset >= map->bytes || map->bytes - offset < bytes)
			continue;
		memcpy(to, (const uint8_t *)map->host + offset, bytes);
		return true;
	}
	return false;
}

/* Target of IDT entry `vector`, or 0. */
static uint64_t idt_target(const struct ceno_step *step, const struct ceno_kvm *kvm, uint64_t idt, unsigned vector)
{
	uint8_t gate[16];
	if (!peek(step, kvm, idt + vector * 16u, gate, sizeof(gate)))
		return 0;
	return (uint64_t)gate[0] | (uint64_t)gate[1] << 8 | (uint64_t)gate[6] << 16 | (uint64_t)gate[7] << 24 |
	    (uint64_t)gate[8] << 32 | (uint64_t)gate[9] << 40 | (uint64_t)gate[10] << 48 | (uint64_t)gate[11] << 56;
}

static uint64_t read_msr(const struct ceno_kvm *kvm, uint32_t index)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head = { .nmsrs = 1 }, .entry = { .index = index } };
	return ioctl(kvm->vcpu_fd, KVM_GET_MSRS, &msrs) == 1 ? msrs.entry.data : 0;
}

/* The guest's own clock in microseconds, 0 if it cannot be read. */
static uint64_t guest_us(const struct ceno_kvm *kvm)
{
	int khz = ioctl(kvm->vcpu_fd, KVM_GET_TSC_KHZ, 0);
	return khz > 1000 ? read_msr(kvm, MSR_TSC) / ((uint64_t)khz / 1000) : 0;
}

/* #BP, #PF, tick, and `syscall` where it reaches ring 0, else #GP. */
static void find_entries(struct ceno_step *step, const struct ceno_kvm *kvm, uint64_t idt)
{
	uint64_t lstar = read_msr(kvm, MSR_LSTAR);
	step->breakpoint[0] = idt_target(step, kvm, idt, 3);
	step->breakpoint[1] = idt_target(step, kvm, idt, 14);
	step->breakpoint[2] = idt_target(step, kvm, idt, CENO_VECTOR_TICK);
	step->breakpoint[3] = lstar & CANONICAL_HIGH ? lstar : idt_target(step, kvm, idt, 13);
}

/* Which way ring 0 was entered, told by where its first instruction lies. */
static void name_entry(struct ceno_step *step, const struct ceno_kvm *kvm, uint64_t idt, uint64_t rip)
{
	snprintf(step->entry, sizeof(step->entry), "unknown");
	uint64_t lstar = read_msr(kvm, MSR_LSTAR);
	if (rip - lstar <= CENO_VECTOR_BYTES)
		snprintf(step->entry, sizeof(step->entry), "syscall");
	for (unsigned vector = 0; vector < CENO_VECTORS; vector++) {
		uint64_t target = idt_target(step, kvm, idt, vector);
		if (target && rip >= target && rip - target <= CENO_VECTOR_BYTES)
			snprintf(step->entry, sizeof(step->entry), "vector %u", vector);
	}
}

static void emit(struct ceno_step *step, uint64_t exit, uint64_t cr3, uint64_t us)
{
	fprintf(step->out,
	        "{\"stretch\":%" PRIu64 ",\"entry\":\"%s\",\"count\":%" PRIu64 ",\"first\":\"%#" PRIx64
	        "\",\"last\":\"%#" PRIx64 "\",\"exit\":\"%#" PRIx64 "\",\"cr3\":\"%#" PRIx64 "\",\"us\":%" PRIu64 "}\n",
	        step->stretches++, step->entry, step->count, step->first, step->last, exit, cr3, us);
	step->count = 0;
}

int ceno_step_arm(struct ceno_step *step, const struct ceno_kvm *kvm, const struct ceno_slots *slots)
{
	struct kvm_regs regs;
	if (ioctl(kvm->vcpu_fd, KVM_GET_REGS, &regs) < 0)
		return -errno;
	step->slots = slots;
	step->count = 0;
	step->fresh = false;
	step->first = step->last = regs.rip;
	snprintf(step->entry, sizeof(step->entry), "reset");
	return set_stepping(step, kvm, true);
}

/* If the next instruction is an iretq to ring 3, where it goes; else 0. */
static uint64_t next_return(const struct ceno_step *step, const struct ceno_kvm *kvm, uint64_t rip)
{
	static const uint8_t iretq[2] = { 0x48, 0xcf };
	uint8_t code[2];
	uint64_t frame[2]; /* rip, cs */
	struct kvm_regs regs;
	if (!peek(step, kvm, rip, code, sizeof(code)) || memcmp(code, iretq, sizeof(code)) != 0)
		return 0;
	if (ioctl(kvm->vcpu_fd, KVM_GET_REGS, &regs) < 0 || !peek(step, kvm, regs.rsp, frame, sizeof(frame)))
		return 0;
	return (frame[1] & 3) == 3 ? frame[0] : 0;
}

/* An instruction of ring 0 ended; rip is the next one. */
static void count_one(struct ceno_step *step, const struct ceno_kvm *kvm, const struct kvm_sregs *sregs, uint64_t rip)
{
	if (step->fresh) {
		step->first = rip;
		name_entry(step, kvm, sregs->idt.base, rip);
		step->fresh = false;
	}
	step->count++;
	step->last = rip;
	uint64_t target = next_return(step, kvm, rip);
	if (!target)
		return;
	step->count++; /* the iretq itself: where ring 0 is emulated no exit follows it */
	emit(step, target, sregs->cr3, guest_us(kvm));
	step->fresh = true;
}

bool ceno_step_on_debug(struct ceno_step *step, const struct ceno_kvm *kvm)
{
	struct kvm_sregs sregs;
	uint64_t rip = kvm->run->debug.arch.pc;
	if (ioctl(kvm->vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
		return false;
	bool ring3 = (sregs.cs.selector & 3) == 3;
	if (ring3) { /* stepped over the iretq: let ring 3 run free */
		find_entries(step, kvm, sregs.idt.base);
		return set_stepping(step, kvm, false) == 0;
	}
	if (!step->stepping) { /* a breakpoint: nothing of the stub ran yet */
		step->first = rip;
		step->fresh = false;
		name_entry(step, kvm, sregs.idt.base, rip);
		return set_stepping(step, kvm, true) == 0;
	}
	count_one(step, kvm, &sregs, rip);
	return true;
}

void ceno_step_finish(struct ceno_step *step)
{
	if (step->count)
		emit(step, 0, 0, 0);
	fflush(step->out);
}
