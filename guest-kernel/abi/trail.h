/*
 * The trail: the guest's ledger (ProvChain), one append-only area in a window that
 * the host reads, at CENO_GPA_TRAIL in every session, zero when it begins,
 * CENO_TRAIL_BYTES with its header page (layout.h). Also: what init tells the service that writes it, and what it
 * must give that service.
 *
 *   offset 0      header page: struct ceno_trail_header
 *          4096   records, one after the other, header.bytes of them in bytes
 *
 * Exported, a trail is the header page and those bytes, nothing after; nothing at all
 * while header.bytes is 0. header.bytes
 * is the only word that ever changes twice; it is stored last, with release order, so
 * whoever reads it with acquire order finds every record before it complete.
 *
 * A record is a head and the payload of its type; the type gives the length. Its `prev`
 * is the BLAKE3 of the whole record before, so a record's hash covers everything from
 * BOOT on. A SEAL signs its own record up to the signature, and with its prev
 * everything before: Ed25519 over CENO_TRAIL_DOMAIN with its NUL, then those bytes. A
 * record after the last SEAL is vouched for by nobody yet.
 *
 * What is recorded is who may do what, and what became of it: nothing of a program's
 * content, no address of its data. A fault's rip is kept only where signed
 * modules are linked.
 *
 * All little-endian, reserved bytes zero. Any change of size, offset, number or meaning
 * is a new CENO_TRAIL_VERSION, new record types too: a reader refuses what it does
 * not know.
 */
#ifndef CENO_ABI_TRAIL_H
#define CENO_ABI_TRAIL_H

#include "verbs.h"

#define CENO_TRAIL_MAGIC   0x314c5254544f4e43ull /* "CNOTTRL1" */
#define CENO_TRAIL_VERSION 2u
#define CENO_TRAIL_DOMAIN  "CENO/v1/trail"
#define CENO_TRAIL_OFFSET  4096u                 /* of the first record */

/* A SEAL follows at the latest when so many records, RESUME and LOSS not counted, came
 * after the last one. */
#define CENO_TRAIL_SEAL_EVERY 32u

/* Fibers have the indices of their trap pages. */
#define CENO_TRAIL_FIBERS 64u

/* MODULE of a native program. */
#define CENO_TRAIL_NATIVE      0xffffffffu
#define CENO_TRAIL_NATIVE_NAME "native"

/* BLAKE3 derive_key contexts: the guest key's seed from trail_seed (boot.h); the hash over
 * the CPU's description. */
#define CENO_TRAIL_KEY_CONTEXT      "CENO/v1/trail guest key"
#define CENO_TRAIL_HARDWARE_CONTEXT "CENO/v1/trail hardware fingerprint"

struct ceno_trail_header {
	uint64_t magic;
	uint32_t version;           /* CENO_TRAIL_VERSION */
	uint32_t reserved0;
	uint64_t bytes;             /* of records */
	uint8_t  reserved1[CENO_TRAIL_OFFSET - 24];
};
_Static_assert(sizeof(struct ceno_trail_header) == CENO_TRAIL_OFFSET, "trail header");

struct ceno_trail_head {
	uint32_t bytes;             /* of the whole record: its type's */
	uint16_t type;              /* enum ceno_trail_type */
	uint16_t version;           /* CENO_TRAIL_VERSION */
	uint64_t sequence;          /* 0 for BOOT, then one more each */
	uint64_t tsc;               /* when it was written; never less than in the record before */
	uint64_t at;                /* TSC when what it tells happened; at most tsc */
	uint8_t  prev[32];          /* BLAKE3 of the record before; BOOT: zero */
};
_Static_assert(sizeof(struct ceno_trail_head) == 64, "trail head");

/* First record, and only there. */
struct ceno_trail_boot {
	uint8_t  hardware[32];      /* fingerprint of the CPU as the guest sees it */
	uint8_t  trust[64];         /* what the firmware measured: struct ceno_boot_event's SHA-512 */
	uint8_t  bundle[64];        /* of the trust page, of the signed bundle (nucleus and services), */
	uint8_t  constant[64];      /* of the boot page's constant half */
	uint8_t  session_id[16];    /* the rest as in struct ceno_boot */
	uint8_t  nonce[32];
	uint8_t  public_key[32];    /* the guest key, Ed25519 */
	uint64_t start_realtime_ns;
	uint64_t start_tsc;
	uint64_t tsc_hz;
	uint32_t abi_version;
	uint32_t pledge;            /* the session's */
};

/* A module of the signed bundle, or the session's native program, is about to run in a fiber: for
 * the first time, or again after its RESTART, then with the same id and the pledge it has kept. */
struct ceno_trail_module {
	uint8_t  content_id[35];    /* lib/content_id.h, which init has checked. Kind SERVICE: its manifest's; NATIVE: its file's */
	char     name[24];          /* [a-z0-9-]{1,23}, NUL-padded, as in the bundle's module table; CENO_TRAIL_NATIVE_NAME */
	uint8_t  reserved;
	uint32_t module;            /* enum ceno_module_id, or CENO_TRAIL_NATIVE: a native program (native.h) */
	uint32_t fiber;
	uint32_t pledge;            /* it starts with */
	uint64_t slots;             /* bit i: slot i of its CSpace is filled (enum ceno_boot_slot, ceno_trail_slot) */
	uint64_t onward;            /* of those: with the right GRANT */
};

struct ceno_trail_grant {
	uint32_t from;
	uint32_t to;
	uint32_t type;              /* enum ceno_object_type */
	uint32_t rights;            /* enum ceno_right */
	uint32_t depth;             /* of the copy */
	uint32_t reserved;
};

struct ceno_trail_pledge {
	uint32_t fiber;
	uint32_t by;                /* who narrowed it */
	uint32_t old;
	uint32_t now;
};

/* A fiber made by a fiber that is no module's start: it runs what its maker maps there. */
struct ceno_trail_spawn {
	uint32_t fiber;
	uint32_t child;
	uint32_t pledge;
	uint32_t budget;            /* joules a period */
};

struct ceno_trail_strike {
	uint32_t fiber;
	uint32_t count;             /* strikes it has now */
	uint32_t spectrum;          /* enum ceno_spectrum it runs in now */
	uint32_t reserved;
};

enum ceno_trail_cause { CENO_TRAIL_FAULTED = 1, CENO_TRAIL_KILLED = 2 /* by its strikes */ };

/* A crash. */
struct ceno_trail_fault {
	uint32_t fiber;
	uint32_t cause;             /* enum ceno_trail_cause */
	uint32_t vector;            /* KILLED: this, error and rip are 0 */
	uint32_t error;
	uint64_t rip;               /* 0 if not in [CENO_GVA_SERVICE, CENO_GVA_WINDOW), where services are linked */
	uint32_t count;             /* of this fiber's crashes so far */
	uint32_t reserved;
};

struct ceno_trail_restart {
	uint32_t fiber;
	uint32_t count;             /* of its restarts so far */
	uint64_t checkpoint;        /* sequence number of the CHECKPOINT its state is from: its last; 0: none */
};

struct ceno_trail_checkpoint {
	uint8_t  root[32];          /* of the state, as the service defines it */
	uint32_t fiber;
	uint32_t reserved;
};

struct ceno_trail_exit {
	uint32_t fiber;
	uint32_t reserved;
};

struct ceno_trail_seal {
	uint32_t final;             /* 1: the key is wiped, nothing follows */
	uint32_t reserved;
	uint8_t  signature[64];
};

enum ceno_trail_loss_cause {
	CENO_TRAIL_FULL = 1,        /* the area was full */
	CENO_TRAIL_UNCOUNTED = 2,   /* likewise, and the writer was restarted since: at least so many */
	CENO_TRAIL_REFUSED = 3      /* messages that make no sense */
};

/* Records that are missing. FULL comes twice: after the first record that did not
 * fit (count 1), with a SEAL, and before the final SEAL for those since, if there
 * are any. What stays true of a trail with a LOSS: every record before it, that it was
 * written in that order and nothing between; how many are missing (but for UNCOUNTED)
 * and of which types. Nothing is known of what the missing ones said. */
struct ceno_trail_loss {
	uint64_t count;
	uint32_t types;             /* 1 << enum ceno_trail_type of those missing; REFUSED: 0 */
	uint32_t cause;             /* enum ceno_trail_loss_cause */
};

/* The writer was restarted, checked what it found, and goes on. */
struct ceno_trail_resume {
	uint64_t bytes;             /* of records before this one */
	uint64_t sealed;            /* sequence number of the last SEAL among them; 0: none */
};

/* X(name, number, payload, text) */
#define CENO_TRAIL_TYPES(X) \
	X(BOOT, 1, struct ceno_trail_boot, "boot") \
	X(MODULE, 2, struct ceno_trail_module, "module") \
	X(GRANT, 3, struct ceno_trail_grant, "grant") \
	X(PLEDGE, 4, struct ceno_trail_pledge, "pledge") \
	X(SPAWN, 5, struct ceno_trail_spawn, "spawn") \
	X(STRIKE, 6, struct ceno_trail_strike, "strike") \
	X(FAULT, 7, struct ceno_trail_fault, "fault") \
	X(RESTART, 8, struct ceno_trail_restart, "restart") \
	X(CHECKPOINT, 9, struct ceno_trail_checkpoint, "checkpoint") \
	X(EXIT, 10, struct ceno_trail_exit, "exit") \
	X(SEAL, 11, struct ceno_trail_seal, "seal") \
	X(LOSS, 12, struct ceno_trail_loss, "loss") \
	X(RESUME, 13, struct ceno_trail_resume, "resume")

enum ceno_trail_type {
#define CENO_TRAIL_TYPE_ENUM(name, number, payload, text) CENO_TRAIL_##name = number,
	CENO_TRAIL_TYPES(CENO_TRAIL_TYPE_ENUM)
#undef CENO_TRAIL_TYPE_ENUM
	CENO_TRAIL_TYPE_COUNT
};

/* One record with room for any type's payload. The first head.bytes bytes count. */
struct ceno_trail_record {
	struct ceno_trail_head head;
	union {
		struct ceno_trail_boot boot;
		struct ceno_trail_module module;
		struct ceno_trail_grant grant;
		struct ceno_trail_pledge pledge;
		struct ceno_trail_spawn spawn;
		struct ceno_trail_strike strike;
		struct ceno_trail_fault fault;
		struct ceno_trail_restart restart;
		struct ceno_trail_checkpoint checkpoint;
		struct ceno_trail_exit exit;
		struct ceno_trail_seal seal;
		struct ceno_trail_loss loss;
		struct ceno_trail_resume resume;
	};
};
#define CENO_TRAIL_AT(member, offset) \
	_Static_assert(__builtin_offsetof(struct ceno_trail_record, member) == 64 + (offset), #member)
CENO_TRAIL_AT(boot.session_id, 224);
CENO_TRAIL_AT(boot.public_key, 272);
CENO_TRAIL_AT(boot.start_realtime_ns, 304);
CENO_TRAIL_AT(boot.pledge, 332);
CENO_TRAIL_AT(module.name, 35);
CENO_TRAIL_AT(module.module, 60);
CENO_TRAIL_AT(module.slots, 72);
CENO_TRAIL_AT(grant.depth, 16);
CENO_TRAIL_AT(fault.rip, 16);
CENO_TRAIL_AT(fault.count, 24);
CENO_TRAIL_AT(restart.checkpoint, 8);
CENO_TRAIL_AT(checkpoint.fiber, 32);
CENO_TRAIL_AT(seal.signature, 8);
CENO_TRAIL_AT(loss.cause, 12);
#undef CENO_TRAIL_AT
_Static_assert(sizeof(struct ceno_trail_boot) == 336 && sizeof(struct ceno_trail_module) == 88, "boot, module");
_Static_assert(sizeof(struct ceno_trail_grant) == 24 && sizeof(struct ceno_trail_pledge) == 16, "grant, pledge");
_Static_assert(sizeof(struct ceno_trail_spawn) == 16 && sizeof(struct ceno_trail_strike) == 16, "spawn, strike");
_Static_assert(sizeof(struct ceno_trail_fault) == 32 && sizeof(struct ceno_trail_restart) == 16, "fault, restart");
_Static_assert(sizeof(struct ceno_trail_checkpoint) == 40 && sizeof(struct ceno_trail_exit) == 8, "checkpoint, exit");
_Static_assert(sizeof(struct ceno_trail_seal) == 72 && sizeof(struct ceno_trail_loss) == 16, "seal, loss");
_Static_assert(sizeof(struct ceno_trail_resume) == 16, "resume");

/* ---- the service that writes it ---- */

/* What prov finds. In its space, besides what every service has and the boot page, at the
 * addresses below: the area (READ WRITE), the firmware's struct ceno_boot_events and the bundle's
 * header (READ); no capability to any of them (manifest.h, PREPARED). In its CSpace:
 * CENO_SLOT_TRAIL_MESSAGES, CENO_SLOT_SUPERVISOR (channel, WRITE: its answers). Nothing else is
 * needed. */
enum ceno_trail_slot {
	CENO_SLOT_TRAIL_EVENTS = CENO_SLOT_FIRST_FREE, /* frame range: the firmware's struct ceno_boot_events, READ */
	CENO_SLOT_TRAIL_MESSAGES,                      /* channel: what prov is told, READ */
	CENO_SLOT_TRAIL_END
};
#define CENO_GVA_TRAIL_EVENTS 0x1f120000u        /* behind stack and state (layout.h), in their page table */
#define CENO_GVA_TRAIL_BUNDLE 0x1f130000u        /* one page: the header */
#define CENO_GVA_TRAIL        0x1f140000u

/* What prov is told, one message each: the nucleus's struct ceno_fiber_event as init
 * received it, or init's own with one of these bits and no other in `what`. Bits of an
 * event that come together are recorded in the order STRIKE, then one end: FAULT,
 * KILLED or EXIT, the first that is set. init has no events channel: what it grants to a
 * fiber after its MODULE, whose pledge it narrows and which module's fiber it ends, it tells
 * in the form of the event. It passes on what the boot manifest gave it by GRANT only.
 * `tsc` is when it happened. */
enum ceno_prov_what {
	/* a = enum ceno_module_id, b = slots, c = onward, root3 = pledge */
	CENO_PROV_MODULE     = 1u << 16,
	/* a = restarts so far, b = 1: its state is that of its last checkpoint, 0: fresh. MODULE follows. */
	CENO_PROV_RESTART    = 1u << 17,
	/* a, b, c, root3 = the root's four little-endian words */
	CENO_PROV_CHECKPOINT = 1u << 18,
	/* seal what is unsealed; answered */
	CENO_PROV_SEAL       = 1u << 19,
	/* the last SEAL, wipe the key; answered */
	CENO_PROV_FINISH     = 1u << 20,
	/* MODULE of a native program: a, b, c, root3 = the digest of its content id, spent = CENO_PROV_START */
	CENO_PROV_NATIVE     = 1u << 21
};
#define CENO_PROV_START(slots, onward, pledge) ((slots) | (onward) << 24 | (uint64_t)(pledge) << 48)
_Static_assert(CENO_SLOT_TRAIL_END <= 24, "slots in 24 bits");

struct ceno_prov_message {
	uint64_t fiber;             /* SEAL, FINISH: 0 */
	uint64_t what;
	uint64_t a, b, c;
	uint64_t root3;             /* in events: strikes | spectrum << 8 | pledge << 16 | restarts << 32 */
	uint64_t spent;             /* in events, and NATIVE; else 0 */
	uint64_t tsc;
};
_Static_assert(sizeof(struct ceno_prov_message) == sizeof(struct ceno_fiber_event), "one message, one shape");
_Static_assert(__builtin_offsetof(struct ceno_prov_message, root3) == __builtin_offsetof(struct ceno_fiber_event, strikes) &&
               __builtin_offsetof(struct ceno_prov_message, tsc) == __builtin_offsetof(struct ceno_fiber_event, tsc),
               "one message, one shape");

/* Answer to SEAL and FINISH, to CENO_SLOT_SUPERVISOR. */
struct ceno_prov_answer {
	uint64_t what;              /* of the message */
	uint64_t records;           /* in the trail */
	uint64_t bytes;             /* header.bytes */
	int64_t  result;            /* 0, or an enum ceno_chain_error (services/prov/chain.h) */
	uint8_t  head[32];          /* BLAKE3 of the last record */
};
_Static_assert(sizeof(struct ceno_prov_answer) == 64, "one message");

#endif
