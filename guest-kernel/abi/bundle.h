/*
 * Firmware image, release trust page and signed bundle: the three measured
 * read-only blobs a vCPU starts from.
 *
 *   firmware  [header, verifier rodata][stub text][verifier text]
 *   trust     one page: the Ed25519 public key that bundles must be signed by
 *   bundle    [header page][segment]...  all page-aligned, no ELF, no relocation
 *
 * The signature is Ed25519 over CENO_BUNDLE_DOMAIN (with its NUL), then the
 * whole bundle with the 64 signature bytes taken as zero. Every reserved byte
 * is zero or the bundle is refused.
 *
 * No segment has initialised writable data: text and rodata run in place in
 * the read-only slot, bss is fresh (zero) RAM.
 */
#ifndef CENO_ABI_BUNDLE_H
#define CENO_ABI_BUNDLE_H

#include "layout.h"

#define CENO_FIRMWARE_MAGIC 0x31574645544f4e43ull /* "CNOTEFW1" */
#define CENO_BUNDLE_MAGIC   0x31444e42544f4e43ull /* "CNOTBND1" */
#define CENO_TRUST_MAGIC    0x31545254544f4e43ull /* "CNOTTRT1" */
#define CENO_BUNDLE_DOMAIN  "CENO/v1/bundle"

/* Byte offsets within the image; every section is page-aligned and they follow
 * one another without a gap: rodata (offset 0: this header is its start), stub,
 * text. Linked at CENO_GPA_FIRMWARE. */
struct ceno_firmware_header {
	uint64_t magic;
	uint32_t abi_version;
	uint32_t total_bytes;       /* whole image, a multiple of CENO_PAGE */
	uint32_t stub_offset;       /* ring-0 text */
	uint32_t stub_bytes;
	uint32_t text_offset;       /* ring-3 verifier text */
	uint32_t text_bytes;
	uint32_t rodata_offset;     /* ring-3 verifier rodata: 0 */
	uint32_t rodata_bytes;
	uint32_t entry_offset;      /* first instruction of the stub */
	uint32_t vector_offset;     /* 34 stub vectors, CENO_VECTOR_BYTES apart */
	uint32_t verifier_offset;   /* ring-3 entry */
	uint32_t reserved[3];
};
_Static_assert(sizeof(struct ceno_firmware_header) == 64, "firmware header");

struct ceno_trust {
	uint64_t magic;
	uint32_t version;           /* 1 */
	uint32_t test_key;          /* 1: a test key; the proof names it, never a release */
	uint8_t  public_key[32];    /* Ed25519, RFC 8032 */
	char     name[64];          /* printable, NUL-padded */
	uint8_t  reserved[4096 - 112];
};
_Static_assert(sizeof(struct ceno_trust) == 4096, "trust page");

#define CENO_BUNDLE_SEGMENTS 24
#define CENO_BUNDLE_MODULES  8
#define CENO_VECTOR_BYTES 32   /* distance of two interrupt stubs, nucleus and firmware */
#define CENO_VECTORS      34   /* 0-31 exceptions, 32 tick, 33 any window */

enum ceno_segment_kind {
	CENO_SEGMENT_NONE,
	CENO_SEGMENT_TEXT,          /* read, execute */
	CENO_SEGMENT_RODATA,        /* read */
	CENO_SEGMENT_BSS            /* read, write; no bytes in the bundle */
};

enum ceno_module_id { CENO_MODULE_NUCLEUS, CENO_MODULE_INIT, CENO_MODULE_MEMBRANE,
                      CENO_MODULE_ENTRY_PAGE, CENO_MODULE_PROV, CENO_MODULE_VAULT };

struct ceno_bundle_segment {
	uint32_t module;            /* enum ceno_module_id */
	uint32_t kind;              /* enum ceno_segment_kind */
	uint64_t offset;            /* bytes from the bundle's start; 0 for bss */
	uint64_t bytes;             /* page multiple */
	uint64_t gva;               /* services: link address; nucleus: offset from its base */
};
_Static_assert(sizeof(struct ceno_bundle_segment) == 32, "segment");

/* The manifest (manifest.h has its words): what a module is and the most it ever gets. init gives each service
 * exactly this (where the session has it) and nothing else, and starts it only if its
 * bytes have the content id. Everything behind content_id is zero for the nucleus,
 * init and the entry page, which nobody starts by their manifest. */
struct ceno_bundle_module {
	char     name[24];          /* NUL-padded */
	uint32_t id;                /* enum ceno_module_id; 0 is the nucleus, first in the table */
	uint32_t pledge_mask;       /* most a module may hold; 1 << enum ceno_pledge_class */
	uint64_t entry;             /* gva; nucleus: offset from its base */
	uint64_t vectors;           /* nucleus only: offset of its 34 vector stubs */
	uint8_t  content_id[32];    /* digest of its content id, kind service (docs/content-id.md) */
	uint32_t budget;            /* joules a refill, at least 1 */
	uint8_t  spectrum;          /* enum ceno_spectrum */
	uint8_t  flags;             /* enum ceno_module_flag */
	uint16_t restarts_max;      /* how often it is restarted after a crash; ESSENTIAL: 0 */
	uint32_t pool_pages;        /* it may use, CENO_MODULE_POOL_REST: what the others leave */
	uint32_t state_bytes;       /* of its state at CENO_GVA_STATE, a page multiple; 0: none */
	uint64_t grants;            /* 1 << enum ceno_boot_slot, of CENO_MODULE_GRANTS; a window
	                             * needs its class in pledge_mask; RAM: one module alone */
	uint8_t  reserved[24];
};
_Static_assert(sizeof(struct ceno_bundle_module) == 128, "module");

/* What is hashed before each of a module's segments for its content id. */
struct ceno_content_segment {
	uint32_t kind;              /* enum ceno_segment_kind: text or rodata */
	uint32_t reserved0;
	uint64_t gva;
	uint64_t bytes;
	uint64_t reserved1;
};
_Static_assert(sizeof(struct ceno_content_segment) == 32, "content segment");

struct ceno_bundle_header {
	uint64_t magic;
	uint32_t abi_version;
	uint32_t header_bytes;      /* 4096 */
	uint64_t total_bytes;       /* whole bundle, page multiple, at most CENO_BUNDLE_MAX */
	uint32_t segment_count;
	uint32_t module_count;
	struct ceno_bundle_segment segments[CENO_BUNDLE_SEGMENTS];
	struct ceno_bundle_module  modules[CENO_BUNDLE_MODULES];
	uint8_t  reserved[4096 - 32 - 32 * CENO_BUNDLE_SEGMENTS - 128 * CENO_BUNDLE_MODULES - 64];
	uint8_t  signature[64];
};
_Static_assert(sizeof(struct ceno_bundle_header) == 4096, "bundle header");

/* Why a boot stopped: the value of the one OUT to CENO_PORT_STOP. Stable
 * numbers; 0x100 and up come from the nucleus. */
#define CENO_STOP_CODES(X) \
	X(NONE,            0x000, "no stop code")                                          \
	X(TRUST_PAGE,      0x001, "the trust page is malformed")                           \
	X(BUNDLE_MAGIC,    0x002, "the bundle does not start with the bundle magic")       \
	X(BUNDLE_ABI,      0x003, "the bundle is for another ABI version")                 \
	X(BUNDLE_SIZE,     0x004, "the bundle is truncated or larger than allowed")        \
	X(BUNDLE_LAYOUT,   0x005, "the bundle's segment or module table is malformed")     \
	X(BUNDLE_SIGNATURE,0x006, "the bundle's signature does not verify under the trust page's key") \
	X(BOOT_PAGE,       0x007, "the boot page is malformed or of another ABI version")  \
	X(FIRMWARE_FAULT,  0x008, "the firmware verifier faulted")                         \
	X(BUNDLE_MANIFEST, 0x009, "the manifest of one of the bundle's modules is malformed")  \
	X(HANDOFF,         0x101, "the nucleus refused the launch layout")                 \
	X(NUCLEUS_FAULT,   0x102, "a fault in the nucleus")                                \
	X(INIT_FAULT,      0x103, "a fault in init")                                       \
	X(NO_FIBER,        0x104, "no fiber is left that could ever run")                  \
	X(SERVICE_FAULT,   0x106, "a fault in a service")                                      \
	X(MODULE,          0x107, "a module's bytes do not have the content id of its manifest") \
	X(MANIFEST,        0x108, "the session cannot give a module what its manifest says")

enum ceno_stop {
#define CENO_STOP_ENUM(name, value, text) CENO_STOP_##name = value,
	CENO_STOP_CODES(CENO_STOP_ENUM)
#undef CENO_STOP_ENUM
};

#endif
