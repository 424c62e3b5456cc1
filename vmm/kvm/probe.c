/*
 * The probe VM. See probe.h.
 */
#include "vmm/kvm/probe.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-kernel/abi/boot.h"
#include "vmm/kvm/kvm.h"

#define PROBE_BYTES 0x5000u
#define PROBE_PML4  0x1000u
#define PROBE_PDPT  0x2000u
#define PROBE_PD    0x3000u
#define PROBE_CODE  0x4000u
#define PROBE_LSTAR 0x4010u
#define PROBE_STORE 0x200000u /* mapped, but no slot there */
#define PTE_USER    0x7u      /* present, writable, user */
#define PTE_LARGE   0x80u
#define MSR_STAR    0xc0000081u
#define MSR_LSTAR   0xc0000082u
#define MSR_FMASK   0xc0000084u

static void put64(uint8_t *memory, uint32_t at, uint64_t value)
{
	memcpy(memory + at, &value, sizeof(value));
}

static void lay_out(uint8_t *memory)
{
	static const uint8_t ring3[] = { 0x0f, 0x05 };  /* syscall */
	static const uint8_t target[] = { 0x8c, 0xc8,   /* mov %cs,%eax */
		                          0x89, 0x07,   /* mov %eax,(%rdi) */
		                          0xeb, 0xfe }; /* jmp . */
	put64(memory, PROBE_PML4, PROBE_PDPT | PTE_USER);
	put64(memory, PROBE_PDPT, PROBE_PD | PTE_USER);
	put64(memory, PROBE_PD, 0 | PTE_USER | PTE_LARGE);
	put64(memory, PROBE_PD + 8, PROBE_STORE | PTE_USER | PTE_LARGE);
	memcpy(memory + PROBE_CODE, ring3, sizeof(ring3));
	memcpy(memory + PROBE_LSTAR, target, sizeof(target));
}

static int set_ring3(const struct ceno_kvm *kvm)
{
	struct kvm_sregs sregs;
	if (ioctl(kvm->vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
		return -errno;
	sregs.cs.selector = CENO_SEL_USER_CS;
	sregs.cs.dpl = 3;
	sregs.ss.selector = CENO_SEL_USER_SS;
	sregs.ss.dpl = 3;
	if (ioctl(kvm->vcpu_fd, KVM_SET_SREGS, &sregs) < 0)
		return -errno;
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[3];
	} msrs = { .head = { .nmsrs = 3 },
		   .entries = { { .index = MSR_STAR,
		                  .data = (uint64_t)CENO_SEL_KERNEL_CS << 32 | (uint64_t)(CENO_SEL_USER_SS - 8) << 48 },
		                { .index = MSR_LSTAR, .data = PROBE_LSTAR },
		                { .index = MSR_FMASK, .data = 0x700 } } };
	int set = ioctl(kvm->vcpu_fd, KVM_SET_MSRS, &msrs);
	if (set < 0)
		return -errno;
	return set == 3 ? 0 : -ENOTSUP;
}

static int ask(struct ceno_kvm *kvm, uint8_t *memory, struct ceno_probe *probe)
{
	const struct ceno_vmm_registers regs = { .rip = PROBE_CODE,
		                                 .rsp = PROBE_BYTES,
		                                 .rdi = PROBE_STORE,
		                                 .cr0 = 0x80000033u,
		                                 .cr3 = PROBE_PML4,
		                                 .cr4 = 0x620,
		                                 .efer = 0xd01,
		                                 .tss_limit = 0x67 };
	lay_out(memory);
	int result = ceno_kvm_slot_set(kvm, 0, (ceno_gpa_t){ 0 }, PROBE_BYTES, memory, false);
	if (!result)
		result = ceno_kvm_vcpu_create(kvm);
	if (!result)
		result = ceno_kvm_vcpu_reset(kvm, &regs);
	if (!result)
		result = set_ring3(kvm);
	if (!result)
		result = ceno_kvm_run(kvm);
	if (result)
		return result;
	const struct kvm_run *run = kvm->run;
	if (run->exit_reason != KVM_EXIT_MMIO || !run->mmio.is_write || run->mmio.phys_addr != PROBE_STORE)
		return -EPROTO;
	probe->syscall_mode = run->mmio.data[0] & 3 ? CENO_SYSCALL_PAGE : CENO_SYSCALL_LSTAR;
	int khz = ioctl(kvm->vcpu_fd, KVM_GET_TSC_KHZ, 0);
	if (khz <= 0)
		return khz < 0 ? -errno : -ENOTSUP;
	probe->tsc_hz = (uint64_t)khz * 1000u;
	probe->features = kvm->features;
	return 0;
}

static uint32_t host_kind(void)
{
	uint32_t a, b, c, d;
	if (__get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 5)))
		return CENO_KVM_VMX;
	if (__get_cpuid(0x80000001u, &a, &b, &c, &d) && (c & (1u << 2)))
		return CENO_KVM_SVM;
	return CENO_KVM_PAGING;
}

static bool read_flag(const char *path)
{
	char value = 'N';
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, &value, 1) != 1)
		value = 'N';
	close(fd);
	return value == 'Y' || value == '1';
}

int ceno_probe_run(int sys_fd, struct ceno_probe *probe)
{
	*probe = (struct ceno_probe){ .kvm_kind = host_kind() };
	if (probe->kvm_kind == CENO_KVM_VMX)
		probe->npt = read_flag("/sys/module/kvm_intel/parameters/ept");
	if (probe->kvm_kind == CENO_KVM_SVM)
		probe->npt = read_flag("/sys/module/kvm_amd/parameters/npt");

	void *memory = mmap(NULL, PROBE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	struct ceno_kvm kvm;
	int result = ceno_kvm_vm_create(&kvm, sys_fd);
	if (!result) {
		result = ask(&kvm, memory, probe);
		ceno_kvm_fini(&kvm);
	}
	munmap(memory, PROBE_BYTES);
	return result;
}
