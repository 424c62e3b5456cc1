/*
 * One page of guest code on the vmm's core. See tinyvm.h.
 */
#include "tinyvm.h"

#include <fcntl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/core/launch_check.h"

#define PML4      0x1000u
#define PDPT      0x2000u
#define PD_FIRST  0x3000u /* five of them: 0 to 5 GiB */
#define PDS       5u
#define PTE_RW    0x3u
#define PTE_USER  0x4u
#define PTE_LARGE 0x80u

static uint8_t *make(struct tinyvm *vm, uint32_t which, uint64_t gpa, uint64_t bytes, uint32_t rights)
{
	int fd = memfd_create("tiny", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(at != MAP_FAILED);
	vm->fd[which] = fd;
	vm->launch.slots[vm->launch.slot_count++] =
	    (struct ceno_vmm_slot){ .gpa = gpa, .bytes = bytes, .fd = which, .rights = rights };
	return at;
}

/* Unmap the test's own view, seal what the warden would seal, and keep a read-only
 * descriptor, as the vmm is to receive it. */
static void finish_read_only(struct tinyvm *vm, uint32_t which, uint8_t *at)
{
	char path[32];
	munmap(at, CENO_PAGE);
	assert_int_equal(fcntl(vm->fd[which], F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", vm->fd[which]);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	close(vm->fd[which]);
	vm->fd[which] = fd;
}

static void write_tables(uint8_t *ram)
{
	uint64_t entry = CENO_GPA_RAM + PDPT + PTE_RW;
	memcpy(ram + PML4, &entry, sizeof(entry));
	for (uint64_t i = 0; i < PDS; i++) {
		entry = CENO_GPA_RAM + PD_FIRST + i * CENO_PAGE + PTE_RW;
		memcpy(ram + PDPT + i * 8, &entry, sizeof(entry));
		for (uint64_t j = 0; j < 512; j++) {
			entry = (i << 30 | j << 21) + PTE_RW + PTE_LARGE;
			memcpy(ram + PD_FIRST + i * CENO_PAGE + j * 8, &entry, sizeof(entry));
		}
	}
}

void tiny_init(struct tinyvm *vm, const void *code, size_t bytes)
{
	memset(vm, 0, sizeof(*vm));
	for (unsigned i = 0; i < CENO_VMM_FD_END; i++)
		vm->fd[i] = -1;
	vm->fd[CENO_VMM_FD_KVM] = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	assert_true(vm->fd[CENO_VMM_FD_KVM] >= 0);
	vm->fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	vm->fd[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	vm->fd[2] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	static const uint64_t place[] = { CENO_GPA_FIRMWARE, CENO_GPA_TRUST, CENO_GPA_BUNDLE, CENO_GPA_BOOT };
	assert_true(bytes <= CENO_PAGE);
	for (uint32_t i = 0; i < sizeof(place) / sizeof(place[0]); i++) {
		uint32_t which = CENO_VMM_FD_FIRMWARE + i;
		uint8_t *at = make(vm, which, place[i], CENO_PAGE, CENO_SLOT_READ_ONLY);
		if (i == 0)
			memcpy(at, code, bytes);
		finish_read_only(vm, which, at);
	}
	vm->ram = make(vm, CENO_VMM_FD_RAM, CENO_GPA_RAM, TINY_RAM_BYTES, CENO_SLOT_READ_WRITE);
	assert_int_equal(fcntl(vm->fd[CENO_VMM_FD_RAM], F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	vm->window = make(vm, CENO_VMM_FD_WINDOW, CENO_GPA_WINDOW, CENO_STDIO_BYTES, CENO_SLOT_READ_WRITE);
	munmap(make(vm, CENO_VMM_FD_TRAIL, CENO_GPA_TRAIL, CENO_TRAIL_BYTES, CENO_SLOT_READ_WRITE), CENO_TRAIL_BYTES);
	write_tables(vm->ram);
	vm->launch.magic = CENO_VMM_LAUNCH_MAGIC;
	vm->launch.abi_version = CENO_ABI_VERSION;
	vm->launch.pledge_mask = 1u << CENO_PLEDGE_STDIO;
	vm->launch.regs = (struct ceno_vmm_registers){ .rip = CENO_GPA_FIRMWARE,
		                                       .rsp = CENO_GPA_RAM + 0x100000,
		                                       .cr0 = 0x80050033u,
		                                       .cr3 = CENO_GPA_RAM + PML4,
		                                       .cr4 = 0x620,
		                                       .efer = 0xd00,
		                                       .tss_limit = 0x67 };
	assert_int_equal(ceno_launch_check(&vm->launch, sizeof(vm->launch), CENO_VMM_SINGLE_STEP), CENO_LAUNCH_NONE);
}

static void put64(struct tinyvm *vm, uint64_t gpa, uint64_t value)
{
	memcpy(vm->ram + (gpa - CENO_GPA_RAM), &value, sizeof(value));
}

void tiny_add_ring3(struct tinyvm *vm, const void *user, size_t bytes)
{
	static const uint64_t handler = CENO_GPA_FIRMWARE + 0x100;
	const uint64_t user_entry = PTE_RW | PTE_LARGE | PTE_USER;
	memcpy(vm->ram + (TINY_USER - CENO_GPA_RAM), user, bytes);
	put64(vm, CENO_GPA_RAM + PML4, CENO_GPA_RAM + PDPT + PTE_RW + PTE_USER);
	put64(vm, CENO_GPA_RAM + PDPT + 4 * 8, CENO_GPA_RAM + PD_FIRST + 4 * CENO_PAGE + PTE_RW + PTE_USER);
	put64(vm, CENO_GPA_RAM + PD_FIRST + 4 * CENO_PAGE + 8, TINY_USER | user_entry);
	put64(vm, TINY_GDT + CENO_SEL_KERNEL_CS, 0x00af9b000000ffffull);
	put64(vm, TINY_GDT + CENO_SEL_KERNEL_SS, 0x00cf93000000ffffull);
	put64(vm, TINY_GDT + (CENO_SEL_USER_SS & ~7u), 0x00cff3000000ffffull);
	put64(vm, TINY_GDT + (CENO_SEL_USER_CS & ~7u), 0x00affb000000ffffull);
	put64(vm, TINY_TSS + 4, TINY_RSP0);
	put64(vm, TINY_IDT + 3 * 16,
	      (handler & 0xffff) | (uint64_t)CENO_SEL_KERNEL_CS << 16 | 0xee00ull << 32 |
	          (handler >> 16 & 0xffff) << 48);
	put64(vm, TINY_IDT + 3 * 16 + 8, handler >> 32);
	struct ceno_vmm_registers *regs = &vm->launch.regs;
	regs->gdt_base = TINY_GDT;
	regs->gdt_limit = 0x4f;
	regs->tss_base = TINY_TSS;
	regs->tss_limit = 0x67;
	regs->idt_base = TINY_IDT;
	regs->idt_limit = 34 * 16 - 1;
}

void tiny_open_to_user(struct tinyvm *vm, uint64_t gpa)
{
	uint64_t table = gpa >> 30, page = gpa >> 21 & 511;
	put64(vm, CENO_GPA_RAM + PDPT + table * 8, CENO_GPA_RAM + PD_FIRST + table * CENO_PAGE + PTE_RW + PTE_USER);
	put64(vm, CENO_GPA_RAM + PD_FIRST + table * CENO_PAGE + page * 8,
	      (gpa & ~(CENO_LARGE_PAGE - 1)) + PTE_RW + PTE_USER + PTE_LARGE);
}

void tiny_add_window(struct tinyvm *vm, uint32_t class)
{
	void *at = make(vm, CENO_VMM_FD_WINDOW + class, CENO_GPA_WINDOW + class * CENO_WINDOW_STRIDE, CENO_PAGE,
	                CENO_SLOT_READ_WRITE);
	munmap(at, CENO_PAGE);
	vm->launch.pledge_mask |= 1u << class;
}

static void on_program(void *owner, const struct ceno_program_report *report)
{
	struct tinyvm *vm = owner;
	(void)report;
	vm->programs++;
}

static void on_stopped(void *owner, const struct ceno_vcpu_stop *stop)
{
	struct tinyvm *vm = owner;
	(void)stop;
	vm->stopped = true;
	uv_stop(&vm->runner.loop);
}

static void on_timeout(uv_timer_t *timer)
{
	ceno_runner_drain(timer->data);
}

struct ceno_vcpu_stop tiny_run(struct tinyvm *vm, unsigned timeout_ms)
{
	static const struct ceno_runner_events events = { on_program, on_stopped };
	uv_timer_t timer;
	int result = ceno_runner_init(&vm->runner, &vm->launch, vm->fd, vm->step, &events, vm);
	if (result)
		fail_msg("cannot %s: %s", vm->runner.vm.failed, strerror(-result));
	ceno_vm_seal(&vm->runner.vm);
	uv_timer_init(&vm->runner.loop, &timer);
	timer.data = &vm->runner;
	uv_timer_start(&timer, on_timeout, timeout_ms, 0);
	ceno_runner_go(&vm->runner);
	uv_run(&vm->runner.loop, UV_RUN_DEFAULT);
	assert_true(vm->stopped);
	struct ceno_vcpu_stop stop = vm->runner.stop;
	vm->msr_exits = vm->runner.vm.msr_exits;
	uv_close((uv_handle_t *)&timer, NULL);
	ceno_runner_fini(&vm->runner);
	return stop;
}

void tiny_fini(struct tinyvm *vm)
{
	for (unsigned i = 0; i < CENO_VMM_FD_END; i++)
		if (vm->fd[i] >= 0)
			close(vm->fd[i]);
	munmap(vm->ram, TINY_RAM_BYTES);
	munmap(vm->window, CENO_STDIO_BYTES);
}
