/*
 * The smallest real use of KVM: one VM, one vCPU in 64-bit mode, a few dozen
 * instructions. It shows, before anything of ours is involved, that the machine
 * under the nested tests executes guest code, translates through our tables,
 * stops an access without a slot and stops a write to a read-only slot.
 *
 * Exit status: 0 shown, 1 the machine did something else, 77 no usable /dev/kvm.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM_BYTES  0x200000u
#define RAM_GPA    0x0u
#define ROM_GPA    0x400000u
#define ABSENT_GPA 0x600000u
#define CODE_GPA   0x10000u

/* 64-bit code: sum 1..100 and OUT it; store to the absent page; store to the
 * read-only page; HLT. Hand-assembled so that the program stays one file. */
static const uint8_t code[] = {
	0x31, 0xc0,                   /*    xor  eax, eax            */
	0xb9, 0x64, 0x00, 0x00, 0x00, /*    mov  ecx, 100            */
	0x01, 0xc8,                   /* 1: add  eax, ecx            */
	0xff, 0xc9,                   /*    dec  ecx                 */
	0x75, 0xfa,                   /*    jnz  1b                  */
	0xe7, 0x10,                   /*    out  0x10, eax           */
	0xbb, 0x00, 0x00, 0x60, 0x00, /*    mov  ebx, ABSENT_GPA     */
	0x89, 0x03,                   /*    mov  [rbx], eax          */
	0xbb, 0x00, 0x00, 0x40, 0x00, /*    mov  ebx, ROM_GPA        */
	0x8b, 0x03,                   /*    mov  eax, [rbx]          */
	0xe7, 0x10,                   /*    out  0x10, eax           */
	0x89, 0x03,                   /*    mov  [rbx], eax          */
	0xf4                          /*    hlt                      */
};

static int fail(const char *what)
{
	fprintf(stderr, "smoke: %s: %s\n", what, strerror(errno));
	return 1;
}

static int add_slot(int vm, uint32_t slot, uint64_t gpa, void *host, uint32_t flags)
{
	struct kvm_userspace_memory_region region = { .slot = slot,
		                                      .flags = flags,
		                                      .guest_phys_addr = gpa,
		                                      .memory_size = RAM_BYTES,
		                                      .userspace_addr = (uint64_t)(uintptr_t)host };

	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* Four levels, 2 MiB entries, gva = gpa for the first 16 MiB. */
static void write_tables(uint8_t *ram)
{
	uint64_t *pml4 = (uint64_t *)(void *)(ram + 0x1000);
	uint64_t *pdpt = (uint64_t *)(void *)(ram + 0x2000);
	uint64_t *pd = (uint64_t *)(void *)(ram + 0x3000);

	pml4[0] = 0x2000 | 3;
	pdpt[0] = 0x3000 | 3;
	for (uint64_t i = 0; i < 8; i++)
		pd[i] = i << 21 | 0x83;
}

static int set_registers(int vcpu)
{
	struct kvm_sregs s;
	struct kvm_regs r = { .rip = CODE_GPA, .rsp = 0x8000, .rflags = 2 };
	struct kvm_segment flat = {
		.limit = 0xffffffff, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1, .selector = 16
	};

	if (ioctl(vcpu, KVM_GET_SREGS, &s))
		return -1;
	s.cr0 = 0x80010033;
	s.cr3 = 0x1000;
	s.cr4 = 0x20;
	s.efer = 0x500;
	s.ds = s.es = s.ss = s.fs = s.gs = flat;
	s.cs = flat;
	s.cs.selector = 8;
	s.cs.type = 11;
	s.cs.l = 1;
	s.cs.db = 0;
	return ioctl(vcpu, KVM_SET_SREGS, &s) || ioctl(vcpu, KVM_SET_REGS, &r) ? -1 : 0;
}

/* What the guest must do, in order. */
static const struct {
	uint32_t reason;
	uint64_t address;
	uint32_t value;
	const char *what;
} expected[] = { { KVM_EXIT_IO, 0x10, 5050, "a loop computed 1 + ... + 100" },
	         { KVM_EXIT_MMIO, ABSENT_GPA, 5050, "a store without a slot was stopped" },
	         { KVM_EXIT_IO, 0x10, 0xce20ce20, "the read-only slot was read" },
	         { KVM_EXIT_MMIO, ROM_GPA, 0xce20ce20, "a store to the read-only slot was stopped" },
	         { KVM_EXIT_HLT, 0, 0, "the guest halted" } };

static int check_exit(const struct kvm_run *run, size_t step)
{
	uint64_t address = 0;
	uint32_t value = 0;

	if (run->exit_reason == KVM_EXIT_IO) {
		address = run->io.port;
		memcpy(&value, (const uint8_t *)run + run->io.data_offset, sizeof value);
	} else if (run->exit_reason == KVM_EXIT_MMIO) {
		address = run->mmio.phys_addr;
		memcpy(&value, run->mmio.data, sizeof value);
	}
	if (run->exit_reason != expected[step].reason || address != expected[step].address ||
	    value != expected[step].value) {
		fprintf(stderr, "smoke: step %zu: exit %u address %#llx value %#x\n", step, run->exit_reason,
		        (unsigned long long)address, value);
		return -1;
	}
	printf("smoke: %s\n", expected[step].what);
	return 0;
}

static int run_guest(int kvm, int vcpu)
{
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_run *run =
	    size > 0 ? mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0) : MAP_FAILED;

	if (run == MAP_FAILED)
		return fail("vCPU page");
	for (size_t step = 0; step < sizeof expected / sizeof *expected; step++) {
		if (ioctl(vcpu, KVM_RUN, 0))
			return fail("KVM_RUN");
		if (check_exit(run, step))
			return 1;
	}
	return 0;
}

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm, vcpu;
	uint8_t *ram, *rom;

	if (kvm < 0 || ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		printf("smoke: skipped: no usable /dev/kvm\n");
		return 77;
	}
	ram = mmap(NULL, 2ul * RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED)
		return fail("mmap");
	rom = ram + RAM_BYTES;
	write_tables(ram);
	memcpy(ram + CODE_GPA, code, sizeof code);
	memcpy(rom, &(uint32_t){ 0xce20ce20 }, 4);
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0 || add_slot(vm, 0, RAM_GPA, ram, 0) || add_slot(vm, 1, ROM_GPA, rom, KVM_MEM_READONLY))
		return fail("VM and slots");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0 || set_registers(vcpu))
		return fail("vCPU");
	if (run_guest(kvm, vcpu))
		return 1;
	if (memcmp(rom, &(uint32_t){ 0xce20ce20 }, 4)) {
		fprintf(stderr, "smoke: the read-only page changed\n");
		return 1;
	}
	printf("smoke: passed\n");
	return 0;
}
