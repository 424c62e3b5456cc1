/*
 * What the warden tells the vmm, and what the vmm tells the warden.
 *
 * The warden starts ceno-vmm with a fixed table of descriptors; the vmm jails itself,
 * makes the part of its machine that is the same for every session, and waits. One
 * ceno_vmm_launch record on the control socket, with the session's descriptors, makes
 * the rest; it may be sent at any time after the start. The vmm decides nothing:
 * slots, registers and doorbells are as the record says.
 * All records are fixed-size, host byte order, on SOCK_SEQPACKET; reserved bytes
 * are zero or the record is refused.
 *
 * `ceno-vmm --probe` (run by the supervisor at start and by `ceno doctor`): uses
 * descriptor CENO_VMM_FD_KVM if it is /dev/kvm, else opens /dev/kvm; prints exactly
 *   kvm_kind=1|2|3 LF syscall_mode=1|2 LF tsc_hz=N LF npt=0|1 LF cpu=N LF
 * (cpu: what a guest here may have, enum ceno_cpu_feature of abi/cpu.h)
 * and exits 0; or one line on stderr and exit 1.
 *
 *   warden                          vmm
 *     (exec)  ------------------->   jail; create VM, the node's slots, routes, stdio's doorbell, vCPU
 *     <------------------- PARKED    (nothing of a session is here yet)
 *     launch + descriptors  ----->   the session's slots, doorbells, registers; close; filter
 *     <------------------- LOCKED    (after this nothing can be opened, mapped or received)
 *     GO      ------------------->   KVM_RUN
 *     <-- REPORT (first entry, done) | STOPPED (why the vCPU will not run again)
 *     DRAIN   ------------------->   flush output rings to the pipes, then STOPPED
 */
#ifndef CENO_VMM_LAUNCH_H
#define CENO_VMM_LAUNCH_H

#include "../../guest-kernel/abi/layout.h"

#define CENO_VMM_LAUNCH_MAGIC 0x484c4d56544f4e43ull /* "CNOTVMLH" */

/*
 * Descriptor table of ceno-vmm. At exec it has what belongs to the node: control socket,
 * KVM, firmware, trust page, bundle. What belongs to the session arrives with the launch
 * record, by SCM_RIGHTS: the three streams, then one descriptor for each of its slots that
 * is not of the node, in the order of the slot list. Each is checked (type, mode, length,
 * seals) before it takes its place here.
 */
enum ceno_vmm_fd {
	CENO_VMM_FD_STDIN = 0, CENO_VMM_FD_STDOUT = 1, CENO_VMM_FD_STDERR = 2, /* the program's streams */
	CENO_VMM_FD_CONTROL = 3,   /* SOCK_SEQPACKET to the warden */
	CENO_VMM_FD_KVM = 4,       /* /dev/kvm, read-write */
	CENO_VMM_FD_FIRMWARE = 5,  /* read-only from here ... */
	CENO_VMM_FD_TRUST = 6,
	CENO_VMM_FD_BUNDLE = 7,
	CENO_VMM_FD_BOOT = 8,
	CENO_VMM_FD_PACK = 9,
	CENO_VMM_FD_IMAGE = 10,    /* ... to here; may be closed */
	CENO_VMM_FD_RAM = 11,      /* read-write memfd */
	CENO_VMM_FD_WINDOW = 12,   /* + class, read-write memfd, closed unless pledged */
	CENO_VMM_FD_TRAIL = CENO_VMM_FD_WINDOW + CENO_PLEDGE_COUNT, /* read-write memfd: the guest's ledger */
	CENO_VMM_FD_END
};

enum ceno_slot_rights { CENO_SLOT_READ_ONLY = 1, CENO_SLOT_READ_WRITE = 2 };

struct ceno_vmm_slot {
	uint64_t gpa;              /* page-aligned; RAM 2 MiB-aligned */
	uint64_t bytes;            /* page multiple, not 0 */
	uint32_t fd;               /* enum ceno_vmm_fd */
	uint32_t rights;           /* enum ceno_slot_rights */
};

struct ceno_vmm_registers {    /* initial vCPU state; everything else zero or fixed by the vmm */
	uint64_t rip, rsp, rdi, rsi;
	uint64_t cr0, cr3, cr4, efer;
	uint64_t gdt_base, idt_base, tss_base;
	uint32_t gdt_limit, idt_limit, tss_limit, reserved;
};

#define CENO_VMM_SLOTS_MAX 16
#define CENO_VMM_STREAMS   3
/* Most descriptors with a launch record: streams, boot page, pack, image, RAM, windows, trail. */
#define CENO_VMM_SENT_MAX (CENO_VMM_STREAMS + 5 + CENO_PLEDGE_COUNT)

/* Does the vmm hold it from its start? (enum ceno_vmm_fd; the others come with the launch record) */
static inline int ceno_vmm_fd_is_node(uint32_t fd)
{
	return fd >= CENO_VMM_FD_CONTROL && fd <= CENO_VMM_FD_BUNDLE;
}

struct ceno_vmm_launch {
	uint64_t magic;
	uint32_t abi_version;
	uint32_t slot_count;
	struct ceno_vmm_slot slots[CENO_VMM_SLOTS_MAX];
	struct ceno_vmm_registers regs;
	uint64_t start_tsc;        /* 0: the guest's TSC is the host's, on every KVM (an offset is not honoured
	                              where ring 3 runs natively) */
	uint32_t pledge_mask;      /* classes with a window and a doorbell */
	uint32_t flags;            /* enum ceno_vmm_flag */
	uint64_t reserved[6];
};

enum ceno_vmm_flag {
	CENO_VMM_SINGLE_STEP = 1   /* --direct only: count ring-0 instructions; refused by a jailed vmm */
};

enum ceno_vmm_message {
	CENO_VMM_LOCKED = 1,       /* vmm: value = tid of the vCPU thread, gpa = ceno_jail_result.done,
	                              program_seq = ceno_jail_result.landlock_abi; entry_tsc, done_tsc,
	                              syscalls = cr0, cr4, efer as KVM has them, faults = the guest's
	                              CPUID as enum ceno_cpu_feature (abi/cpu.h) */
	CENO_VMM_GO,               /* warden */
	CENO_VMM_DRAIN,            /* warden */
	CENO_VMM_PROGRAM,          /* vmm: a program ended or was refused; fields below */
	CENO_VMM_STOPPED,          /* vmm: the vCPU will not run again; reason, value, gpa */
	CENO_VMM_REQUEST,          /* warden: request_seq/bytes of the stdio host page were set: ring the irqfd */
	CENO_VMM_TERMINAL,         /* warden: `terminal` of the stdio host page was set: ring the irqfd */
	CENO_VMM_PARKED,           /* vmm: jailed, with a machine that has the node's slots and nothing of a session;
	                              waits for the launch record */
	CENO_VMM_NARROW,           /* warden, once: the stdio window is about to be taken. The vmm lets go of it,
	                              rings the irqfd and answers NARROWED */
	CENO_VMM_NARROWED          /* vmm: it will never touch the stdio window again */
};

/* Why the vCPU stopped. Also the violation code of step 1. */
#define CENO_VMM_STOP_REASONS(X) \
	X(NONE, 0, "still running") \
	X(GUEST_STOP, 1, "the guest stopped itself by a stop code") \
	X(DRAINED, 2, "drained on request") \
	X(UNBACKED, 16, "violation: access to guest-physical memory that has no slot") \
	X(READ_ONLY, 17, "violation: write to a read-only slot") \
	X(PORT, 18, "violation: port I/O other than the stop port") \
	X(SHUTDOWN, 19, "violation: triple fault") \
	X(RING_LIE, 20, "violation: a window index that no honest guest writes") \
	X(EMULATION, 21, "violation: KVM could not run the guest's instruction") \
	X(REVOKED, 22, "violation: access to a window whose pledge was dropped") \
	X(MSR, 23, "violation: access to a model-specific register that is not offered") \
	X(HOST_ERROR, 64, "the host could not go on: value is errno") \
	X(REFUSED, 67, "the vmm could not be set up: value is errno, gpa the enum ceno_vmm_stage") \
	X(JAIL, 66, "the jail could not be completed: value is errno, gpa the enum ceno_jail_step") \
	X(CLIENT_GONE, 65, "nobody holds the other end of the control socket")

enum ceno_vmm_stop {
#define CENO_VMM_STOP_ENUM(name, number, text) CENO_VMM_STOP_##name = number,
	CENO_VMM_STOP_REASONS(CENO_VMM_STOP_ENUM)
#undef CENO_VMM_STOP_ENUM
};

/* Where set-up failed: STOPPED(REFUSED) before LOCKED. */
enum ceno_vmm_stage {
	CENO_VMM_STAGE_RECORD = 1,     /* the launch record: value is the enum ceno_launch_fault (core/launch_check.h) */
	CENO_VMM_STAGE_DESCRIPTORS,    /* a descriptor is not sealed, or not as long as its slot */
	CENO_VMM_STAGE_MACHINE,        /* KVM, slots or threads */
	CENO_VMM_STAGE_LOCK            /* descriptors could not be closed or the filter not be installed */
};

struct ceno_vmm_record {       /* both directions, after the launch record */
	uint32_t type;             /* enum ceno_vmm_message */
	uint32_t reason;           /* STOPPED: enum ceno_vmm_stop */
	uint64_t value;            /* STOPPED: stop code, errno or 0; LOCKED: tid */
	uint64_t gpa;              /* STOPPED: violations on memory */
	uint32_t program_seq, exit_status, signal, refusal;   /* PROGRAM: from the guest's page, range-checked */
	uint32_t out_of_memory;
	uint32_t restarts;         /* PROGRAM: of a native program */
	uint64_t entry_tsc, done_tsc, syscalls, faults, ram_peak_bytes; /* guest's word */
	uint32_t end, detail;      /* PROGRAM: how a native program ended (abi/window.h) */
	uint64_t reserved2[3];
};
_Static_assert(sizeof(struct ceno_vmm_record) == 120, "vmm record");

#endif
