/*
 * Attempts on what the process has: its memory, the kernel behind its calls, its
 * descriptors. See captured.h.
 */
#include "captured.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/kvm.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "vmm/sandbox/filter_table.h"

#define ONE(name, ...) \
	long captured_##name(const struct captured *c) \
	{ \
		(void)c; \
		return captured_call(__VA_ARGS__); \
	}

static void *slot(const struct captured *c, uint32_t fd)
{
	const struct ceno_slot_map *map = ceno_slots_find(&c->runner->vm.slots, fd);
	return map ? map->host : NULL;
}

#define FIRMWARE slot(c, CENO_VMM_FD_FIRMWARE)
#define RAM      slot(c, CENO_VMM_FD_RAM)
#define PAGE     4096

/* ---- memory ------------------------------------------------------------------- */

ONE(map_anonymous, SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
ONE(map_executable, SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
ONE(map_over_slot, SYS_mmap, FIRMWARE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
ONE(unprotect_slot, SYS_mprotect, FIRMWARE, PAGE, PROT_READ | PROT_WRITE)
ONE(unmap_slot, SYS_munmap, FIRMWARE, PAGE)
ONE(move_slot, SYS_mremap, RAM, CENO_LARGE_PAGE, 2 * CENO_LARGE_PAGE, MREMAP_MAYMOVE)
ONE(drop_slot, SYS_madvise, FIRMWARE, PAGE, MADV_DONTNEED)
ONE(punch_slot, SYS_madvise, FIRMWARE, PAGE, MADV_REMOVE)
ONE(remap_slot, SYS_remap_file_pages, RAM, PAGE, 0, 1, 0)
ONE(grow_heap, SYS_brk, (char *)captured_call(SYS_brk, 0) + PAGE)
ONE(key_slot, SYS_pkey_mprotect, FIRMWARE, PAGE, PROT_READ | PROT_WRITE, -1)
ONE(lock_all, SYS_mlockall, MCL_CURRENT)
ONE(fault_handler, SYS_userfaultfd, 0)
ONE(shared_segment, SYS_shmget, IPC_PRIVATE, PAGE, IPC_CREAT | 0600)
ONE(message_queue, SYS_mq_open, "x", O_RDWR | O_CREAT, 0600, 0)
ONE(thread_base, SYS_arch_prctl, 0x1003 /* ARCH_GET_FS */, &(uint64_t){ 0 })

/* The other slots' rights are those of their mappings: the store itself is what is refused. */
long captured_write_firmware(const struct captured *c)
{
	*(volatile uint32_t *)FIRMWARE = 0xdeadbeef;
	return 0;
}

long captured_write_boot(const struct captured *c)
{
	*(volatile uint32_t *)slot(c, CENO_VMM_FD_BOOT) = 0xdeadbeef;
	return 0;
}

long captured_execute_ram(const struct captured *c)
{
	uint8_t *at = (uint8_t *)RAM + CAPTURED_CODE;
	long (*run)(void);
	memcpy(&run, &at, sizeof(run));
	return run();
}

long captured_execute_stack(const struct captured *c)
{
	uint8_t here[16] = { 0 };
	(void)c;
	return captured_call(SYS_mprotect, (uintptr_t)here & ~(uintptr_t)(PAGE - 1), PAGE,
	                     PROT_READ | PROT_WRITE | PROT_EXEC);
}

long captured_ring_setup(const struct captured *c)
{
	struct io_uring_params params = { 0 };
	(void)c;
	return captured_call(SYS_io_uring_setup, 4, &params);
}

long captured_aio_setup(const struct captured *c)
{
	uint64_t context = 0;
	(void)c;
	return captured_call(SYS_io_setup, 1, &context);
}

long captured_local_table(const struct captured *c)
{
	uint8_t table[64];
	(void)c;
	return captured_call(SYS_modify_ldt, 0, table, sizeof(table));
}

/* ---- the kernel ----------------------------------------------------------------- */

ONE(key_add, SYS_add_key, "user", "ceno-captured", "x", 1, KEY_SPEC_SESSION_KEYRING)
ONE(key_request, SYS_request_key, "user", "ceno-captured-none", 0, KEY_SPEC_SESSION_KEYRING)
ONE(key_join, SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "ceno-captured")
ONE(load_module, SYS_init_module, "", 0, "")
ONE(load_kernel, SYS_kexec_load, 0, 0, 0, 0)
ONE(reboot_host, SYS_reboot, 0xfee1dead, 672274793, 0x89abcdef /* CAD_ON */, 0)
ONE(swap_on, SYS_swapon, "/", 0)
ONE(read_log, SYS_syslog, 3, "", 0)
ONE(io_ports, SYS_iopl, 3)
ONE(set_name, SYS_sethostname, "x", 1)
ONE(set_uid, SYS_setresuid, 1000, 1000, 1000)
ONE(undo_no_new_privs, SYS_prctl, PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0)
ONE(undo_dumpable, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0)
ONE(undo_death_signal, SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0)
ONE(raise_ambient, SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0)
ONE(allow_tracer, SYS_prctl, PR_SET_PTRACER, -1, 0, 0, 0)

long captured_bpf_map(const struct captured *c)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 4, .max_entries = 1 };
	(void)c;
	return captured_call(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

/* Of every process on one CPU. */
long captured_perf_event(const struct captured *c)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
		                        .size = sizeof(attr),
		                        .config = PERF_COUNT_SW_CONTEXT_SWITCHES };
	(void)c;
	return captured_call(SYS_perf_event_open, &attr, -1, 0, -1, 0);
}

long captured_set_clock(const struct captured *c)
{
	const struct timespec epoch = { 0 };
	(void)c;
	return captured_call(SYS_clock_settime, CLOCK_REALTIME, &epoch);
}

long captured_raise_capability(const struct captured *c)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	const struct __user_cap_data_struct all[2] = { { ~0u, ~0u, 0 }, { ~0u, ~0u, 0 } };
	(void)c;
	return captured_call(SYS_capset, &header, all);
}

long captured_raise_limit(const struct captured *c)
{
	const struct rlimit more = { 1024, 1024 };
	(void)c;
	return captured_call(SYS_prlimit64, 0, RLIMIT_NOFILE, &more, 0);
}

static long install(unsigned flags)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = { 1, &allow };
	return captured_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

long captured_filter_again(const struct captured *c)
{
	(void)c;
	return install(0);
}

long captured_filter_listener(const struct captured *c)
{
	(void)c;
	return install(SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

long captured_landlock_again(const struct captured *c)
{
	const uint64_t handled = 1;
	(void)c;
	return captured_call(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
}

/* ---- descriptors that are left --------------------------------------------------- */

/* KVM's request on whatever descriptor takes it: where the VM's lies is not told. */
static long on_vm(unsigned long request, const void *argument)
{
	long result = -EBADF;
	for (int fd = 0; fd < CENO_VMM_FD_VCPU && (result == -EBADF || result == -ENOTTY || result == -EINVAL); fd++)
		result = captured_call(SYS_ioctl, fd, request, argument);
	return result;
}

long captured_vcpu_registers(const struct captured *c)
{
	struct kvm_regs registers;
	(void)c;
	return captured_call(SYS_ioctl, CENO_VMM_FD_VCPU, KVM_GET_REGS, &registers);
}

long captured_vcpu_debug(const struct captured *c)
{
	const struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	(void)c;
	return captured_call(SYS_ioctl, CENO_VMM_FD_VCPU, KVM_SET_GUEST_DEBUG, &debug);
}

ONE(vcpu_mapped, SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, CENO_VMM_FD_VCPU, 0)

long captured_vm_slot(const struct captured *c)
{
	const struct kvm_userspace_memory_region region = {
		.slot = 15, .guest_phys_addr = 0x7000000000, .memory_size = PAGE, .userspace_addr = (uintptr_t)RAM
	};
	return on_vm(KVM_SET_USER_MEMORY_REGION, &region);
}

long captured_vm_slot_delete(const struct captured *c)
{
	const struct kvm_userspace_memory_region region = { .slot = 0 };
	(void)c;
	return on_vm(KVM_SET_USER_MEMORY_REGION, &region);
}

long captured_vm_vcpu(const struct captured *c)
{
	(void)c;
	return on_vm(KVM_CREATE_VCPU, (const void *)1);
}

ONE(duplicate, SYS_dup, CENO_VMM_FD_VCPU)
ONE(duplicate_over, SYS_dup2, CENO_VMM_FD_VCPU, CENO_VMM_FD_CONTROL)
ONE(close_control, SYS_close, CENO_VMM_FD_CONTROL)
ONE(own_signals, SYS_fcntl, CENO_VMM_FD_CONTROL, F_SETOWN, c->request.warden)
ONE(unseal, SYS_fcntl, STDOUT_FILENO, F_ADD_SEALS, F_SEAL_WRITE)
ONE(truncate_output, SYS_ftruncate, STDOUT_FILENO, 0)
ONE(type_input, SYS_ioctl, STDIN_FILENO, TIOCSTI, "x")
ONE(splice_streams, SYS_splice, STDIN_FILENO, 0, STDOUT_FILENO, 0, 1, 2 /* SPLICE_F_NONBLOCK */)
ONE(seek_stream, SYS_lseek, STDIN_FILENO, 0, SEEK_SET)
ONE(write_input, SYS_write, STDIN_FILENO, "x", 1)
ONE(read_output, SYS_read, STDOUT_FILENO, &(char){ 0 }, 1)
ONE(read_vcpu, SYS_read, CENO_VMM_FD_VCPU, &(uint64_t){ 0 }, 8)
ONE(write_unknown, SYS_write, CENO_VMM_FD_VCPU + 1, "x", 1)
ONE(gate_x32, 0x40000000 | SYS_getpid)

long captured_gate_i386(const struct captured *c)
{
	long result = 20; /* getpid there */
	(void)c;
	__asm__ volatile("int $0x80" : "+a"(result) : : "r8", "r9", "r10", "r11", "memory");
	return result;
}

long captured_gate_vsyscall(const struct captured *c)
{
	static const uintptr_t gettimeofday_page = 0xffffffffff600000;
	struct timeval now;
	long (*call)(struct timeval *, void *);
	(void)c;
	memcpy(&call, &gettimeofday_page, sizeof(call));
	return call(&now, NULL);
}
