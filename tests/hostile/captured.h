/*
 * A vmm whose attacker runs code of its own choice: the jailed role of ceno-vmm,
 * object for object, linked so that its first step after GO is an attempt of this
 * table instead (captured.c). The shipped program has no such entry: what is swapped
 * here is swapped by the linker of this test alone.
 *
 *   X(name, what it tries, answer, answer without the filter)
 *
 * answer: DIES (SIGSYS, the whole process) or FAULTS (SIGSEGV or SIGBUS).
 * The second column is what the other walls say of the same attempt in a vmm that did
 * all of its jail but install the filter: REFUSED (an errno, which depends on the kernel),
 * SEALED (refused where the kernel has mseal, Linux 6.10), or WORKS: then the filter is the
 * only wall, and docs/containment.md lists it; a kernel that has no such thing refuses it, too.
 */
#ifndef CENO_TESTS_CAPTURED_H
#define CENO_TESTS_CAPTURED_H

#include <stdint.h>

#include "vmm/core/loop.h"

#define CAPTURED_NAME "\0ceno-captured" /* an abstract socket of the host's namespace */
#define CAPTURED_CODE 0x200000          /* in guest RAM: a function that returns 0 */

#define CAPTURED_FILES(X) \
	X(open_file, "open a file by name", DIES, REFUSED) \
	X(open_root, "open the root directory", DIES, REFUSED) \
	X(open_kvm, "open /dev/kvm again", DIES, REFUSED) \
	X(open_proc_mem, "open /proc/self/mem", DIES, REFUSED) \
	X(openat2_root, "open the root directory by openat2", DIES, REFUSED) \
	X(open_handle, "open a file by handle", DIES, REFUSED) \
	X(create_file, "create a file", DIES, REFUSED) \
	X(make_directory, "make a directory", DIES, REFUSED) \
	X(make_node, "make the device node of a disk", DIES, REFUSED) \
	X(make_symlink, "make a symbolic link", DIES, REFUSED) \
	X(remove_root, "remove the root directory", DIES, REFUSED) \
	X(change_mode, "make the root directory writable", DIES, REFUSED) \
	X(change_root, "chroot", DIES, REFUSED) \
	X(pivot_root, "pivot_root", DIES, REFUSED) \
	X(mount_tmpfs, "mount a tmpfs", DIES, REFUSED) \
	X(remount_root, "remount the root writable", DIES, REFUSED) \
	X(unmount_root, "unmount the root", DIES, REFUSED) \
	X(open_filesystem, "open a file system context", DIES, REFUSED) \
	X(clone_tree, "clone the mount tree", DIES, REFUSED) \
	X(watch_files, "inotify", DIES, WORKS) \
	X(watch_mounts, "fanotify on the whole mount", DIES, REFUSED) \
	X(make_memfd, "a memfd", DIES, WORKS) \
	X(make_secret, "a secret memory area", DIES, WORKS)

#define CAPTURED_SOCKETS(X) \
	X(socket_inet, "a TCP socket, connected to 127.0.0.1", DIES, REFUSED) \
	X(socket_udp, "a datagram to 192.0.2.1", DIES, REFUSED) \
	X(socket_inet6, "a TCP socket, connected to ::1", DIES, REFUSED) \
	X(socket_raw, "a raw socket", DIES, REFUSED) \
	X(socket_packet, "a packet socket", DIES, REFUSED) \
	X(socket_unix, "a Unix socket, connected to an abstract name of the host", DIES, REFUSED) \
	X(bring_up, "bring an interface up", DIES, REFUSED) \
	X(socket_pair, "a socket pair", DIES, WORKS) \
	X(send_descriptor, "send the vCPU's descriptor to the warden", DIES, WORKS) \
	X(receive_descriptor, "receive a descriptor from the warden", DIES, REFUSED) \
	X(listen_control, "listen on the control socket", DIES, REFUSED)

#define CAPTURED_PROCESSES(X) \
	X(execute_shell, "execute a shell", DIES, REFUSED) \
	X(execute_self, "execute the vCPU's descriptor", DIES, REFUSED) \
	X(fork_child, "fork", DIES, WORKS) \
	X(clone_child, "clone", DIES, WORKS) \
	X(start_thread, "start a thread", DIES, REFUSED) \
	X(start_clone3, "clone3", DIES, WORKS) \
	X(kill_all, "signal every process", DIES, REFUSED) \
	X(kill_warden, "kill the warden", DIES, REFUSED) \
	X(kill_victim, "kill a process of the same uid", DIES, REFUSED) \
	X(kick_victim, "the one admitted signal, to a process of the same uid", DIES, REFUSED) \
	X(kick_warden, "the one admitted signal, to the warden", DIES, REFUSED) \
	X(kick_with_kill, "SIGKILL to its own other thread", DIES, WORKS) \
	X(queue_signal, "queue a signal to the warden", DIES, REFUSED) \
	X(open_pidfd, "a pidfd of the warden", DIES, REFUSED) \
	X(take_descriptor, "take a descriptor of another session's vmm", DIES, REFUSED) \
	X(trace_victim, "ptrace a process of the same uid", DIES, REFUSED) \
	X(trace_other, "ptrace another session's vmm", DIES, REFUSED) \
	X(be_traced, "ask to be traced", DIES, WORKS) \
	X(read_other, "read another session's memory (process_vm_readv)", DIES, REFUSED) \
	X(write_other, "write another session's memory (process_vm_writev)", DIES, REFUSED) \
	X(read_warden, "read the warden's memory (process_vm_readv)", DIES, REFUSED) \
	X(write_victim, "write the memory of a process of the same uid", DIES, REFUSED) \
	X(open_other_mem, "open another process's /proc/PID/mem", DIES, REFUSED) \
	X(compare_warden, "compare descriptors with the warden's (kcmp)", DIES, REFUSED) \
	X(limit_victim, "change another process's limits", DIES, REFUSED) \
	X(place_victim, "change another process's CPUs", DIES, REFUSED) \
	X(move_pages_other, "move another session's pages", DIES, REFUSED) \
	X(enter_namespace, "setns with the control socket", DIES, REFUSED) \
	X(new_user_namespace, "a new user namespace", DIES, REFUSED) \
	X(child_user_namespace, "a child in a new user namespace", DIES, REFUSED) \
	X(new_mount_namespace, "a new mount namespace", DIES, REFUSED) \
	X(new_net_namespace, "a new network namespace", DIES, REFUSED)

#define CAPTURED_MEMORY(X) \
	X(map_anonymous, "map memory", DIES, WORKS) \
	X(map_executable, "map memory that is writable and executable", DIES, WORKS) \
	X(map_over_slot, "map over the firmware's slot", DIES, SEALED) \
	X(unprotect_slot, "make the firmware's slot writable", DIES, REFUSED) \
	X(unmap_slot, "unmap the firmware's slot", DIES, SEALED) \
	X(move_slot, "move the RAM's mapping", DIES, SEALED) \
	X(drop_slot, "drop the firmware's pages", DIES, WORKS) \
	X(punch_slot, "punch a hole into the firmware's file", DIES, REFUSED) \
	X(remap_slot, "remap_file_pages over the bundle's slot", DIES, SEALED) \
	X(write_firmware, "store to the firmware's slot", FAULTS, FAULTS) \
	X(write_boot, "store to the boot page's slot", FAULTS, FAULTS) \
	X(execute_ram, "jump into guest RAM", FAULTS, FAULTS) \
	X(execute_stack, "make the stack executable", DIES, WORKS) \
	X(grow_heap, "brk", DIES, WORKS) \
	X(key_slot, "a protection key over a slot", DIES, REFUSED) \
	X(lock_all, "lock all memory", DIES, REFUSED) \
	X(fault_handler, "userfaultfd", DIES, REFUSED) \
	X(shared_segment, "System V shared memory", DIES, WORKS) \
	X(message_queue, "a message queue", DIES, REFUSED) \
	X(ring_setup, "io_uring", DIES, WORKS) \
	X(aio_setup, "aio", DIES, WORKS) \
	X(local_table, "modify_ldt", DIES, WORKS) \
	X(thread_base, "arch_prctl", DIES, WORKS)

#define CAPTURED_KERNEL(X) \
	X(key_add, "add a key", DIES, WORKS) \
	X(key_request, "request a key", DIES, REFUSED) \
	X(key_join, "join a session keyring by name", DIES, WORKS) \
	X(bpf_map, "bpf", DIES, REFUSED) \
	X(perf_event, "perf_event_open", DIES, REFUSED) \
	X(load_module, "load a module", DIES, REFUSED) \
	X(load_kernel, "kexec", DIES, REFUSED) \
	X(reboot_host, "reboot", DIES, REFUSED) \
	X(swap_on, "swapon", DIES, REFUSED) \
	X(read_log, "the kernel's log", DIES, REFUSED) \
	X(io_ports, "iopl", DIES, REFUSED) \
	X(set_clock, "set the clock", DIES, REFUSED) \
	X(set_name, "set the host's name", DIES, REFUSED) \
	X(set_uid, "change the uid", DIES, REFUSED) \
	X(raise_capability, "raise a capability", DIES, REFUSED) \
	X(raise_ambient, "raise an ambient capability", DIES, REFUSED) \
	X(raise_limit, "raise a limit", DIES, REFUSED) \
	X(undo_no_new_privs, "clear no_new_privs", DIES, REFUSED) \
	X(undo_dumpable, "be dumpable", DIES, WORKS) \
	X(undo_death_signal, "outlive the warden", DIES, WORKS) \
	X(allow_tracer, "allow a tracer (where there is Yama)", DIES, WORKS) \
	X(filter_again, "install a filter that allows everything", DIES, WORKS) \
	X(filter_listener, "install a filter that asks a listener", DIES, WORKS) \
	X(landlock_again, "a Landlock ruleset", DIES, WORKS)

#define CAPTURED_KEPT(X) \
	X(vcpu_registers, "read the vCPU's registers", DIES, WORKS) \
	X(vcpu_debug, "single-step the vCPU", DIES, WORKS) \
	X(vcpu_mapped, "map the vCPU's run page again", DIES, WORKS) \
	X(vm_slot, "add a slot to the VM", DIES, WORKS) \
	X(vm_slot_delete, "delete the firmware's slot", DIES, WORKS) \
	X(vm_vcpu, "a second vCPU", DIES, WORKS) \
	X(duplicate, "duplicate the vCPU's descriptor", DIES, WORKS) \
	X(duplicate_over, "duplicate the vCPU over the control socket", DIES, WORKS) \
	X(close_control, "close the control socket", DIES, WORKS) \
	X(own_signals, "have the kernel signal the warden (F_SETOWN)", DIES, REFUSED) \
	X(unseal, "add seals to an output", DIES, REFUSED) \
	X(truncate_output, "truncate an output", DIES, REFUSED) \
	X(type_input, "type into a terminal (TIOCSTI)", DIES, REFUSED) \
	X(splice_streams, "splice input to output", DIES, REFUSED) \
	X(seek_stream, "seek in a stream", DIES, REFUSED) \
	X(write_input, "write to its input", DIES, REFUSED) \
	X(read_output, "read its output", DIES, REFUSED) \
	X(read_vcpu, "read the vCPU's descriptor", DIES, REFUSED) \
	X(write_unknown, "write to a descriptor that is not there", DIES, REFUSED) \
	X(gate_i386, "the 32-bit gate", DIES, WORKS) \
	X(gate_x32, "an x32 number", DIES, REFUSED) \
	X(gate_vsyscall, "the vsyscall page (a fault where the kernel has none)", DIES, WORKS)

#define CAPTURED_ATTEMPTS(X) \
	CAPTURED_FILES(X) \
	CAPTURED_SOCKETS(X) \
	CAPTURED_PROCESSES(X) \
	CAPTURED_MEMORY(X) \
	CAPTURED_KERNEL(X) \
	CAPTURED_KEPT(X)

enum captured_attempt {
#define CAPTURED_ENUM(name, text, locked, open) CAPTURED_##name,
	CAPTURED_ATTEMPTS(CAPTURED_ENUM)
#undef CAPTURED_ENUM
	    CAPTURED_COUNT
};

enum captured_thread { CAPTURED_LOOP = 1, CAPTURED_VCPU = 2 };

/* What the attacker is told, over its own input, before the lock: as much as an attacker could guess. */
struct captured_request {
	uint32_t attempt;  /* enum captured_attempt */
	uint32_t threads;  /* enum captured_thread: those that try it */
	uint32_t unlocked; /* 1: without the filter */
	int32_t warden, victim, other;
	uint64_t address; /* of something in all three */
};

/* What an attempt may use. */
struct captured {
	struct captured_request request;
	struct ceno_runner *runner; /* the vmm's own state */
};

/* Each: 0 or more, or -errno; as the kernel answered. */
#define CAPTURED_DECLARE(name, text, locked, open) long captured_##name(const struct captured *c);
CAPTURED_ATTEMPTS(CAPTURED_DECLARE)
#undef CAPTURED_DECLARE

/* A system call, past the C library. The result as the kernel gives it. */
static inline long captured_call6(long number, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	                 : "rcx", "r11", "memory");
	return result;
}
#define CAPTURED_PICK(number, a, b, c, d, e, f, ...) \
	captured_call6((long)(number), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define captured_call(...) CAPTURED_PICK(__VA_ARGS__, 0, 0, 0, 0, 0, 0)

#endif
