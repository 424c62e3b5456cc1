/*
 * The VM's ioctls: creation, slots, interrupt routes, doorbells. See kvm.h.
 */
#include "vmm/kvm/kvm.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define WINDOW_ROUTES_MAX CENO_PLEDGE_COUNT

static int check(int result)
{
	return result < 0 ? -errno : 0;
}

static int enable_cap(int fd, uint32_t cap, uint64_t arg)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };
	return check(ioctl(fd, KVM_ENABLE_CAP, &enable));
}

static int check_capabilities(int sys_fd)
{
	static const int needed[] = { KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_READONLY_MEM, KVM_CAP_IOEVENTFD,
		                      KVM_CAP_IRQFD,         KVM_CAP_IRQ_ROUTING,  KVM_CAP_IMMEDIATE_EXIT };
	if (ioctl(sys_fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return -ENOTSUP;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (ioctl(sys_fd, KVM_CHECK_EXTENSION, (long)needed[i]) <= 0)
			return -ENOTSUP;
	return 0;
}

int ceno_kvm_vm_create(struct ceno_kvm *kvm, int sys_fd)
{
	*kvm = (struct ceno_kvm){ .sys_fd = sys_fd, .vm_fd = -1, .vcpu_fd = -1 };
	int result = check_capabilities(sys_fd);
	if (result)
		return result;
	kvm->vm_fd = ioctl(sys_fd, KVM_CREATE_VM, 0);
	if (kvm->vm_fd < 0)
		return -errno;
	/* 0 IO-APIC pins: only MSIs arrive. */
	result = enable_cap(kvm->vm_fd, KVM_CAP_SPLIT_IRQCHIP, 0);
	if (!result && ioctl(sys_fd, KVM_CHECK_EXTENSION, KVM_CAP_X2APIC_API) > 0)
		result = enable_cap(kvm->vm_fd, KVM_CAP_X2APIC_API,
		                    KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
	/* By default KVM answers reads of the xAPIC page with ones in x2APIC mode; there is
	 * no such page for our guests. And it rewrites one processor's hypercall instruction into the
	 * other's, in the guest's text, which is measured. */
	const int unwanted = KVM_X86_QUIRK_LAPIC_MMIO_HOLE | KVM_X86_QUIRK_FIX_HYPERCALL_INSN;
	int quirks = ioctl(kvm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_DISABLE_QUIRKS2);
	if (!result && quirks > 0 && (quirks & unwanted))
		result = enable_cap(kvm->vm_fd, KVM_CAP_DISABLE_QUIRKS2, (uint64_t)(quirks & unwanted));
	if (result)
		ceno_kvm_fini(kvm);
	return result;
}

int ceno_kvm_slot_set(const struct ceno_kvm *kvm, uint32_t index, ceno_gpa_t gpa, uint64_t bytes, void *host,
                      bool read_only)
{
	struct kvm_userspace_memory_region region = {
		.slot = index,
		.flags = read_only ? KVM_MEM_READONLY : 0,
		.guest_phys_addr = gpa.v,
		.memory_size = bytes,
		.userspace_addr = (uint64_t)(uintptr_t)host,
	};
	return check(ioctl(kvm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region));
}

int ceno_kvm_route_windows(const struct ceno_kvm *kvm, uint32_t count)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[WINDOW_ROUTES_MAX];
	} table = { .head = { .nr = count } };

	if (count > WINDOW_ROUTES_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		table.entries[i].gsi = i;
		table.entries[i].type = KVM_IRQ_ROUTING_MSI;
		table.entries[i].u.msi.address_lo = 0xfee00000u;  /* physical destination, APIC id 0 */
		table.entries[i].u.msi.data = CENO_VECTOR_WINDOW; /* fixed, edge */
	}
	return check(ioctl(kvm->vm_fd, KVM_SET_GSI_ROUTING, &table));
}

int ceno_kvm_irqfd(const struct ceno_kvm *kvm, int fd, uint32_t gsi)
{
	struct kvm_irqfd irqfd = { .fd = (uint32_t)fd, .gsi = gsi };
	return check(ioctl(kvm->vm_fd, KVM_IRQFD, &irqfd));
}

int ceno_kvm_doorbell(const struct ceno_kvm *kvm, int fd, ceno_gpa_t gpa)
{
	struct kvm_ioeventfd bell = { .addr = gpa.v, .len = 4, .fd = fd };
	return check(ioctl(kvm->vm_fd, KVM_IOEVENTFD, &bell));
}

int ceno_kvm_doorbell_end(const struct ceno_kvm *kvm, int fd, ceno_gpa_t gpa)
{
	struct kvm_ioeventfd bell = { .addr = gpa.v, .len = 4, .fd = fd, .flags = KVM_IOEVENTFD_FLAG_DEASSIGN };
	return check(ioctl(kvm->vm_fd, KVM_IOEVENTFD, &bell));
}

int ceno_kvm_msr_restrict(const struct ceno_kvm *kvm)
{
	static uint8_t all[1] = { 0xff }; /* 1: allowed; read by the kernel only */
	static const struct {
		uint32_t base, count;
	} offered[] = {
		{ 0x10, 1 },        /* TSC */
		{ 0x48, 2 },        /* SPEC_CTRL, PRED_CMD */
		{ 0x6e0, 1 },       /* TSC deadline */
		{ 0xc0000080u, 5 }, /* EFER, STAR, LSTAR, CSTAR, SFMASK */
		{ 0xc0000100u, 4 }, /* FS, GS, kernel GS base, TSC_AUX */
	};
	struct kvm_msr_filter filter = { .flags = KVM_MSR_FILTER_DEFAULT_DENY };
	if (ioctl(kvm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_USER_SPACE_MSR) <= 0 ||
	    ioctl(kvm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_MSR_FILTER) <= 0)
		return -ENOTSUP;
	for (size_t i = 0; i < sizeof(offered) / sizeof(offered[0]); i++)
		filter.ranges[i] = (struct kvm_msr_filter_range){ .flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
			                                          .base = offered[i].base,
			                                          .nmsrs = offered[i].count,
			                                          .bitmap = all };
	int result = enable_cap(kvm->vm_fd, KVM_CAP_X86_USER_SPACE_MSR,
	                        KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_FILTER);
	return result ? result : check(ioctl(kvm->vm_fd, KVM_X86_SET_MSR_FILTER, &filter));
}

int ceno_kvm_run(const struct ceno_kvm *kvm)
{
	return check(ioctl(kvm->vcpu_fd, KVM_RUN, 0));
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void ceno_kvm_seal(struct ceno_kvm *kvm)
{
	/* The VM's own descriptor stays: KVM takes its irqfds away when that is released
	 * (kvm_vm_release), and the guest would never be woken again. The filter admits no
	 * request on it. */
	kvm->sys_fd = -1;
}

void ceno_kvm_fini(struct ceno_kvm *kvm)
{
	if (kvm->run)
		munmap(kvm->run, kvm->run_bytes);
	kvm->run = NULL;
	close_fd(&kvm->vcpu_fd);
	close_fd(&kvm->vm_fd);
}
