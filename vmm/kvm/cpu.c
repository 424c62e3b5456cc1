/*
 * The vCPU's ioctls: creation, CPUID, and the reset state. See kvm.h.
 */
#include "vmm/kvm/kvm.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#include "guest-kernel/abi/cpu.h"

#define CPUID_ENTRIES            256u
#define CPUID_KVM_FEATURES       0x40000001u
#define CPUID_LEAF1_X2APIC       (1u << 21)
#define CPUID_LEAF1_TSC_DEADLINE (1u << 24)
#define CPUID_LEAF1_VMX_SMX      (3u << 5)
#define CPUID_EXTENDED           0x80000001u
#define CPUID_EXTENDED_SVM       (1u << 2 | 1u << 12) /* and SKINIT */
#define MSR_TSC                  0x10u
#define EFER_LME                 (1u << 8)
#define EFER_LMA                 (1u << 10)
#define APIC_BASE_X2APIC         0xfee00d00ull /* BSP, enabled, EXTD (SDM vol. 3, 11.12.1) */
#define XCR0_WANTED              0xe7ull       /* x87, SSE, AVX, AVX-512 */

static int check(int result)
{
	return result < 0 ? -errno : 0;
}

struct cpuid_table {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[CPUID_ENTRIES];
};

/* What KVM supports, plus what it leaves to us: the TSC deadline timer of the
 * kernel's APIC, x2APIC, and APIC id 0. Without nested virtualisation, which KVM does for
 * whoever has it in CPUID. */
static int set_cpuid(struct ceno_kvm *kvm)
{
	struct cpuid_table table;
	memset(&table, 0, sizeof(table));
	table.head.nent = CPUID_ENTRIES;
	if (ioctl(kvm->sys_fd, KVM_GET_SUPPORTED_CPUID, &table) < 0)
		return -errno;
	bool deadline = ioctl(kvm->sys_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	for (uint32_t i = 0; i < table.head.nent && i < CPUID_ENTRIES; i++) {
		struct kvm_cpuid_entry2 *entry = &table.entries[i];
		if (entry->function == 0xd && entry->index == 0)
			kvm->xcr0_offered = entry->eax;
		if (entry->function == 1) {
			entry->ebx &= 0x0000ffffu; /* APIC id 0, one logical processor */
			entry->ecx |= CPUID_LEAF1_X2APIC | (deadline ? CPUID_LEAF1_TSC_DEADLINE : 0);
			entry->ecx &= ~CPUID_LEAF1_VMX_SMX;
		}
		if (entry->function == CPUID_EXTENDED)
			entry->ecx &= ~CPUID_EXTENDED_SVM;
		if (entry->function == CPUID_KVM_FEATURES)
			entry->eax = 0; /* no clock, steal time or page-fault pages shared with the host */
		const uint32_t answer[4] = { entry->eax, entry->ebx, entry->ecx, entry->edx };
		kvm->features |= ceno_cpu_features(entry->function, entry->index, answer);
		if (entry->function == 0xb || entry->function == 0x1f)
			entry->edx = 0;
	}
	return check(ioctl(kvm->vcpu_fd, KVM_SET_CPUID2, &table));
}

int ceno_kvm_vcpu_create(struct ceno_kvm *kvm)
{
	int bytes = ioctl(kvm->sys_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (bytes < (int)sizeof(struct kvm_run))
		return bytes < 0 ? -errno : -ENOTSUP;
	kvm->vcpu_fd = ioctl(kvm->vm_fd, KVM_CREATE_VCPU, 0);
	if (kvm->vcpu_fd < 0)
		return -errno;
	kvm->run_bytes = (size_t)bytes;
	void *run = mmap(NULL, kvm->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, kvm->vcpu_fd, 0);
	if (run == MAP_FAILED)
		return -errno;
	kvm->run = run;
	/* What CPUID does not offer of KVM's own services is not served either, hypercalls included. */
	struct kvm_enable_cap enforce = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 } };
	if (ioctl(kvm->sys_fd, KVM_CHECK_EXTENSION, KVM_CAP_ENFORCE_PV_FEATURE_CPUID) > 0 &&
	    ioctl(kvm->vcpu_fd, KVM_ENABLE_CAP, &enforce) < 0)
		return -errno;
	return set_cpuid(kvm);
}

static int set_system_registers(const struct ceno_kvm *kvm, const struct ceno_vmm_registers *regs)
{
	struct kvm_sregs sregs;
	if (ioctl(kvm->vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
		return -errno;
	const struct kvm_segment code = {
		.selector = CENO_SEL_KERNEL_CS, .limit = 0xffffffffu, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1
	};
	const struct kvm_segment stack = {
		.selector = CENO_SEL_KERNEL_SS, .limit = 0xffffffffu, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1
	};
	const struct kvm_segment null = { .unusable = 1 };
	sregs.cs = code;
	sregs.ss = stack;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ldt = null;
	sregs.tr = (struct kvm_segment){
		.selector = CENO_SEL_TSS, .base = regs->tss_base, .limit = regs->tss_limit, .type = 11, .present = 1
	};
	sregs.gdt = (struct kvm_dtable){ .base = regs->gdt_base, .limit = (uint16_t)regs->gdt_limit };
	sregs.idt = (struct kvm_dtable){ .base = regs->idt_base, .limit = (uint16_t)regs->idt_limit };
	sregs.cr0 = regs->cr0;
	sregs.cr2 = 0;
	sregs.cr3 = regs->cr3;
	sregs.cr4 = regs->cr4;
	if (!(kvm->features & CENO_CPU_UMIP)) /* the one optional bit: not on every SVM */
		sregs.cr4 &= ~CENO_CR4_UMIP;
	sregs.cr8 = 0;
	sregs.efer = regs->efer | (regs->efer & EFER_LME ? EFER_LMA : 0);
	sregs.apic_base = APIC_BASE_X2APIC;
	if (ioctl(kvm->vcpu_fd, KVM_SET_SREGS, &sregs) == 0)
		return 0;
	/* UMIP is the one wanted bit that CPUs with SMEP and SMAP may lack (AMD family 17h, first models). */
	sregs.cr4 &= ~CENO_CR4_UMIP;
	return check(ioctl(kvm->vcpu_fd, KVM_SET_SREGS, &sregs));
}

int ceno_kvm_vcpu_mode(const struct ceno_kvm *kvm, struct ceno_kvm_mode *mode)
{
	struct kvm_sregs sregs;
	if (ioctl(kvm->vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
		return -errno;
	*mode = (struct ceno_kvm_mode){ sregs.cr0, sregs.cr4, sregs.efer, kvm->features };
	return 0;
}

/* Guest TSC = host TSC: an offset would not reach ring 3 where that runs natively,
 * so there is none anywhere, and boot.h's start_tsc means the same on both kinds. */
static int set_tsc(const struct ceno_kvm *kvm)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head = { .nmsrs = 1 }, .entry = { .index = MSR_TSC, .data = __rdtsc() } };
	int set = ioctl(kvm->vcpu_fd, KVM_SET_MSRS, &msrs);
	if (set < 0)
		return -errno;
	return set == 1 ? 0 : -ENOTSUP;
}

/* XCR0 as far as CPUID leaf 0xd offers it: ring 0 of the guest may not execute
 * xsetbv where it is emulated, so the vmm sets it once. */
static int set_xcr0(const struct ceno_kvm *kvm)
{
	uint64_t mask = kvm->xcr0_offered & XCR0_WANTED;
	if (!(mask & 1) || ioctl(kvm->sys_fd, KVM_CHECK_EXTENSION, KVM_CAP_XCRS) <= 0)
		return 0;
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs = { { .xcr = 0, .value = mask } } };
	return check(ioctl(kvm->vcpu_fd, KVM_SET_XCRS, &xcrs));
}

int ceno_kvm_vcpu_reset(const struct ceno_kvm *kvm, const struct ceno_vmm_registers *regs)
{
	int result = set_system_registers(kvm, regs);
	if (!result)
		result = set_xcr0(kvm);
	if (!result)
		result = set_tsc(kvm);
	if (result)
		return result;
	struct kvm_regs general = {
		.rip = regs->rip, .rsp = regs->rsp, .rdi = regs->rdi, .rsi = regs->rsi, .rflags = 2
	};
	return check(ioctl(kvm->vcpu_fd, KVM_SET_REGS, &general));
}
