/*
 * Records between supervisor, api and warden: who starts a session, what the
 * session is, and how it ended.
 *
 * All fixed-size, host byte order, one record a datagram (SOCK_SEQPACKET),
 * reserved bytes zero; descriptors ride along by SCM_RIGHTS and their number is
 * part of each record's definition. A malformed record ends the channel.
 *
 *   api --(SPAWN + [warden end of session socket])--> supervisor
 *   supervisor --(PARK)--> warden                        when it starts: what the pair is
 *   supervisor --(LAUNCH + descriptors)--> warden        later: the one session it is for
 *   api --(SESSION, INPUT..., ARGS, START)--> warden     on the session socket
 *   api --(EXEC, DESTROY, TRAIL, NARROW)--> warden       later
 *   warden --(LAUNCHED, PROGRAM..., TRAIL_COPY..., NARROWED..., DESTROYED | FAILED)--> api
 *   warden --(launch, payload)--> attest                 attest/proof/wire.h
 *   supervisor --(ceno_step8_record)--> attest           after the warden's pidfd fired
 *   attest --(file)--> api                               the whole CDP file
 */
#ifndef CENO_WARDEN_WIRE_H
#define CENO_WARDEN_WIRE_H

#include <stdint.h>
#include "../../guest-kernel/abi/pack.h"
#include "../../guest-kernel/abi/window.h"

/* ---- api -> supervisor -------------------------------------------------- */

enum ceno_spawn_type {
	CENO_SPAWN_SESSION = 1,
	CENO_SPAWN_KILL = 2,
	CENO_SPAWN_IMAGE_ADD = 3,      /* 1 descriptor: a client's file; session_id is a ticket; tier limits its size */
	CENO_SPAWN_IMAGE_REMOVE = 4    /* image */
};

/* Whose sessions share one copy of an image in memory. */
enum ceno_image_share { CENO_IMAGE_SHARE_TENANT, CENO_IMAGE_SHARE_SESSION, CENO_IMAGE_SHARE_NODE };

struct ceno_spawn_request {        /* 1 descriptor with SESSION: the warden's end of the session socket */
	uint32_t type;                 /* enum ceno_spawn_type */
	uint32_t tier;                 /* enum ceno_tier (policy/tier.h) */
	uint64_t memory_bytes;         /* session RAM: 2 MiB multiple within the tier */
	uint64_t ttl_ms;
	uint8_t  session_id[16];       /* made by api from the kernel's random generator */
	uint32_t pledge_mask;
	uint32_t flags;                /* 0 */
	uint8_t  image[32];            /* digest of the image's content id; zeros: none */
	uint32_t tenant;               /* with an image: the client's uid; 0 if share is NODE */
	uint32_t share;                /* with an image: enum ceno_image_share */
	uint64_t reserved[4];
};
_Static_assert(sizeof(struct ceno_spawn_request) == 120, "spawn request");

enum ceno_spawn_event {
	CENO_SPAWN_STARTED = 1,        /* a warden has it, or will when its image is checked; REFUSED may still follow */
	CENO_SPAWN_REFUSED,            /* value: errno-like reason */
	CENO_SPAWN_ENDED,              /* the warden ended, recovery done if needed */
	CENO_SPAWN_UNCLEAN,            /* value: 1 wiped by the recovery warden, 0 not proven */
	CENO_SPAWN_IMAGE,              /* struct ceno_image_reply */
	CENO_SPAWN_ATTEST              /* 1 descriptor: api's end of a channel to attest; replaces an earlier one */
};

struct ceno_spawn_reply {
	uint32_t type;                 /* enum ceno_spawn_event */
	uint32_t reserved;
	uint64_t value;
	uint8_t  session_id[16];
};
_Static_assert(sizeof(struct ceno_spawn_reply) == 32, "spawn reply");

struct ceno_image_reply {          /* to IMAGE_ADD */
	uint32_t type;                 /* CENO_SPAWN_IMAGE */
	int32_t  error;                /* 0: the store has it; enum ceno_image_error (abi/image.h); -errno */
	uint64_t bytes;
	uint32_t entries;
	uint32_t released;             /* 1: signed by the key of the node's trust page */
	uint8_t  ticket[16];
	uint8_t  image[32];            /* digest of its content id */
	uint8_t  signer[32];
	char     name[64];             /* as its header has it: plain characters, NUL-padded */
};
_Static_assert(sizeof(struct ceno_image_reply) == 168, "image reply");

/* ---- supervisor -> warden ----------------------------------------------- */

/* Descriptors of ceno-warden: the node's at exec, the session's with its LAUNCH record. */
enum ceno_warden_fd {
	CENO_WARDEN_FD_SUPERVISOR = 3, /* SEQPACKET; EOF: the supervisor died, destroy */
	CENO_WARDEN_FD_KVM,
	CENO_WARDEN_FD_FIRMWARE,       /* sealed memfds, made and hashed once per node */
	CENO_WARDEN_FD_TRUST,
	CENO_WARDEN_FD_BUNDLE,
	CENO_WARDEN_FD_VMM,            /* ceno-vmm, O_PATH or read-only: executed by fexecve */
	CENO_WARDEN_FD_CGROUP,         /* directory of the pair's cgroup (v2), or cgroup.procs of its memory group (v1) */
	CENO_WARDEN_FD_CGROUP_TASKS,   /* v1: cgroup.procs of its group for tasks; may be closed */
	CENO_WARDEN_FD_CGROUP_PROCESSOR, /* v1: the same for processor time */
	CENO_WARDEN_FD_EXEC_END,

	/* Above every number in use while parked; in this order in the record's SCM_RIGHTS. */
	CENO_WARDEN_FD_SESSION = 64,   /* to api: SESSION, INPUT, ... */
	CENO_WARDEN_FD_ATTEST,         /* to attest: one launch, then one payload */
	CENO_WARDEN_FD_RAM,            /* the session's RAM memfd, made by the supervisor, who keeps an
	                                  unmapped duplicate for a recovery warden */
	CENO_WARDEN_FD_SPOOL,          /* one fallocated file for the payload if attest is gone */
	CENO_WARDEN_FD_IMAGE,          /* only if digest_image is not zeros */
	CENO_WARDEN_FD_WINDOW,         /* + enum ceno_pledge_class: its window's memfd, the warden's own; at a number of
	                                  its own for the filter (lockdown.h), which lets nothing else be truncated */
	CENO_WARDEN_FD_END = CENO_WARDEN_FD_WINDOW + CENO_PLEDGE_COUNT
};

#define CENO_WARDEN_LAUNCH_FDS 4 /* and one more with an image */

enum ceno_supervisor_type {
	CENO_SUPERVISOR_PARK = 1,      /* first record of a pair: start and jail the vmm, then wait; no descriptor */
	CENO_SUPERVISOR_LAUNCH,        /* second record, at any time after the first: the session */
	CENO_SUPERVISOR_RECOVER        /* first and only record of a recovery warden: wipe, report (1 descriptor: RAM, and
	                                  those of its AREAS record) */
};

struct ceno_supervisor_launch {
	uint32_t type;                 /* enum ceno_supervisor_type */
	uint32_t layers;               /* PARK: 1 << enum ceno_jail_step, of CENO_JAIL_OPTIONAL: what the vmm must have
	                                  taken of it (vmm/sandbox/jail.h); 0 in LAUNCH and RECOVER */
	/* PARK; zeros in LAUNCH and RECOVER */
	uint64_t tsc_hz;
	uint32_t syscall_mode;         /* enum ceno_syscall_mode, from the node's probe VM */
	uint32_t kvm_kind;             /* 1 VMX, 2 SVM, 3 paging-based (no virtualization extension) */
	uint32_t cgroup_version;       /* 1, 2, or 0: none could be made */
	uint32_t uid_base;             /* outer uid of this pair: warden uid_base, vmm uid_base + 1 */
	uint8_t  digest_firmware[32];  /* SHA-256 of each sealed blob, as the supervisor computed it at start */
	uint8_t  digest_trust[32];
	uint8_t  digest_bundle[32];
	uint8_t  digest_vmm[32];       /* SHA-256 of the ceno-vmm executable */
	/* LAUNCH; zeros in PARK */
	uint8_t  session_id[16];
	uint64_t memory_bytes;
	uint64_t ttl_ms;
	uint32_t pledge_mask;
	int32_t  vmm_pid;              /* RECOVER: the vmm to kill first, or 0 */
	uint8_t  digest_image[32];     /* SHA-256 of its content id; zeros: none */
	uint32_t image_released;       /* 1: signed by the release key, so a part of the platform */
	uint32_t reserved1;
	uint64_t reserved[7];
};
_Static_assert(sizeof(struct ceno_supervisor_launch) == 296, "supervisor launch");

enum ceno_warden_event {
	CENO_WARDEN_READY = 1,         /* LAUNCH was taken: from here on the warden answers for the session */
	CENO_WARDEN_VMM,               /* value: pid of the vmm (for recovery) */
	CENO_WARDEN_DONE,              /* every step done; the warden exits now */
	CENO_WARDEN_WIPED,             /* recovery warden: value 1 wiped and checked, 0 not */
	CENO_WARDEN_STOP,              /* supervisor -> warden: destroy (SIGTERM of the node) */
	CENO_WARDEN_PARKED,            /* the vmm is jailed and has its machine: a LAUNCH will be served at once */
	CENO_WARDEN_AREAS              /* once, before anything of the session is in them: duplicates of boot page, pack,
	                                  trail and, if it is pledged, the stdio window (value: how many descriptors)
	                                  for a recovery warden */
};

#define CENO_WARDEN_AREAS_MAX    4
#define CENO_WARDEN_AREAS_SEALED 3 /* so many, the first, never shrink; a window does when it is taken */

struct ceno_warden_status {        /* both directions on CENO_WARDEN_FD_SUPERVISOR */
	uint32_t type;                 /* enum ceno_warden_event */
	uint32_t reserved;
	uint64_t value;
};

/* The spool file: a struct ceno_attest_payload and its bytes from 0 on if attest did not store them; and here, when
 * every step was done, the warden's last word, for a supervisor that was not there to hear DONE. The supervisor
 * locks the file (flock) when it makes it: who can lock it again knows that supervisor and warden are gone. */
#define CENO_SPOOL_DONE_OFFSET 20480u
#define CENO_SPOOL_DONE        0x454e4f444f4e4543ull /* "CENODONE" */
#define CENO_SPOOL_BYTES       24576u

/* ---- api <-> warden ------------------------------------------------------ */

enum ceno_session_message {
	/* api -> warden, in this order */
	CENO_SESSION_OPEN = 1,         /* 3 descriptors: program's stdin (read end), stdout, stderr (write ends) */
	CENO_SESSION_FILE,             /* 1 descriptor: a file for the pack; path, mode, length (as fstat said; checked) */
	CENO_SESSION_ARGS,             /* 1 descriptor: memfd with the argument block; length */
	CENO_SESSION_START,
	CENO_SESSION_EXEC,             /* later, while active: 1 descriptor: memfd with an argument block */
	CENO_SESSION_DESTROY,
	CENO_SESSION_TRAIL,            /* while active: a copy of the trail as it is now */
	CENO_SESSION_TERMINAL,         /* while active: value, as in OPEN; only if the streams are a terminal's */
	CENO_SESSION_NARROW,           /* while active: value: 1 << enum ceno_pledge_class to drop for good, each of them
	                                  pledged at launch (dropped already: nothing happens) */
	/* warden -> api */
	CENO_SESSION_LAUNCHED = 32,    /* launch index in value; program running; 1 descriptor: memfd, 32-byte opening */
	CENO_SESSION_PROGRAM,          /* a program ended: exit_status, signal, refusal ... */
	CENO_SESSION_DESTROYING,       /* cause */
	CENO_SESSION_DESTROYED,        /* payload given to attest; length, 1 descriptor: sealed memfd, the trail
	                                  (none if it is empty, or if there was no memory for it) */
	CENO_SESSION_FAILED,           /* refused before launch: code, value; nothing ran */
	CENO_SESSION_TRAIL_COPY,       /* one for each TRAIL, in order: length and descriptor as with DESTROYED */
	CENO_SESSION_NARROWED          /* one for each NARROW: value: what is still pledged; windows of the others are gone */
};

struct ceno_session_record {
	uint32_t type;                 /* enum ceno_session_message */
	uint32_t code;                 /* FAILED: enum ceno_session_error; DESTROYING: enum ceno_cause */
	uint64_t value;                /* launch index; errno; file index; classes. OPEN, TERMINAL: the streams are a terminal's,
	                                  of rows << 16 | columns; 0: no */
	uint64_t length;               /* FILE, ARGS: bytes; the deadline applies. DESTROYED, TRAIL_COPY: bytes of the trail */
	uint32_t mode;                 /* FILE: enum ceno_pack_mode | permission bits */
	uint32_t flags;                /* OPEN: enum ceno_session_flag */
	uint8_t  rp_nonce[32];         /* OPEN: the relying party's nonce, zeros if none */
	uint32_t classification;       /* OPEN: policy/metadata.h; 0 not declared */
	uint32_t jurisdiction;         /* OPEN */
	uint32_t exit_status, signal, refusal, out_of_memory, violation, program_seq;  /* PROGRAM, DESTROYING */
	uint64_t entry_tsc, done_tsc, syscalls, faults, ram_peak_bytes;                /* PROGRAM: guest's word */
	uint32_t end, detail, restarts, missing;                                       /* PROGRAM: abi/window.h */
	uint32_t enosys_distinct, enosys_other;
	struct { uint32_t number, count; char program[CENO_PROGRAM_NAME]; } enosys[16]; /* program: printable */
	char     path[CENO_PACK_PATH_MAX];   /* FILE; FAILED: the path it is about */
	uint64_t reserved[2];
};

enum ceno_session_flag {
	CENO_SESSION_HOLD = 1,         /* stay active after the first program ends (ceno exec) */
	CENO_SESSION_NATIVE = 2,       /* the program is a native file (abi/native.h) */
	CENO_SESSION_ERRORS = 4,       /* what a program was not pledged is ENOSYS; never with NATIVE */
	CENO_SESSION_PASSES = 7 << 8   /* three bits: keyed passes over RAM when it is destroyed; 0: one */
};

#define CENO_SESSION_PASSES_SHIFT 8

/* Whether a value is a terminal's rows << 16 | columns. */
static inline int ceno_terminal_ok(uint64_t value)
{
	return value >> 32 == 0 && value >> 16 != 0 && (value & 0xffff) != 0;
}

#define CENO_SESSION_ERRORS(X) \
	X(NONE, 0, "no error") \
	X(PROTOCOL, 1, "a record came out of order or malformed") \
	X(NOT_REGULAR, 2, "not a regular file") \
	X(CHANGED, 3, "the file changed or shrank while it was being measured") \
	X(UNREADABLE, 4, "the file could not be read") \
	X(DUPLICATE, 5, "two files of one name") \
	X(PATH, 6, "not a usable path") \
	X(TOO_LARGE, 7, "larger than the session's policy allows") \
	X(DEADLINE, 8, "reading the inputs took longer than the deadline") \
	X(MEMORY, 9, "the host could not provide the session's memory") \
	X(JAIL, 10, "the vmm could not be jailed") \
	X(KVM, 11, "KVM refused the virtual machine") \
	X(ATTEST, 12, "the launch could not be recorded in the log") \
	X(BOOT, 13, "the guest stopped while booting: value is the stop code") \
	X(BUNDLE, 14, "firmware or bundle is malformed") \
	X(SWAPPABLE, 15, "the session's memory could be swapped out on this host")

enum ceno_session_error {
#define CENO_SESSION_ERROR_ENUM(name, number, text) CENO_SESSION_ERROR_##name = number,
	CENO_SESSION_ERRORS(CENO_SESSION_ERROR_ENUM)
#undef CENO_SESSION_ERROR_ENUM
};

#endif
