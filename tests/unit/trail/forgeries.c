/* The forgeries: see forgeries.h. */
#include "forgeries.h"

#include <sodium.h>
#include <string.h>
#include "guest-kernel/abi/bundle.h"

struct trail_fixture f;
struct ceno_audit_expect expect;
size_t file_bytes;

static uint8_t public_key[32];

static void drop_refused(void);

void start(void)
{
	trail_story(&f, 1);
	drop_refused();
	memcpy(public_key, f.chain.public_key, 32);
	expect = (struct ceno_audit_expect){ f.session_id, f.nonce, public_key, f.bundle, NULL, f.program };
	file_bytes = 0;
}

/* Honest, but not the one that the proof is about. */
static void another_proofs(void)
{
	static uint8_t digest[32];

	crypto_hash_sha256(digest, f.area, CENO_TRAIL_OFFSET + header()->bytes);
	digest[31] ^= 1;
	expect.sha256 = digest;
}

/* ---- 1, 2: bytes ---- */

static void file_short(void)
{
	file_bytes = CENO_TRAIL_OFFSET - 1;
}
static void file_long(void)
{
	file_bytes = CENO_TRAIL_BYTES + 8; /* what follows the area in the fixture */
	header()->bytes = file_bytes - CENO_TRAIL_OFFSET;
}
static void magic(void)
{
	header()->magic++;
}
static void version(void)
{
	header()->version++;
}
static void header_reserved(void)
{
	header()->reserved1[4000] = 1;
}
static void header_bytes(void)
{
	header()->bytes -= 8;
	file_bytes = CENO_TRAIL_OFFSET + header()->bytes + 8;
}

static void cut_head(void)
{
	header()->bytes -= 136 - 63;
}
static void cut_payload(void)
{
	header()->bytes -= 1;
}
static void record_version(void)
{
	first(CENO_TRAIL_EXIT)->head.version = CENO_TRAIL_VERSION - 1;
	redo();
}
static void record_type(void)
{
	first(CENO_TRAIL_EXIT)->head.type = CENO_TRAIL_TYPE_COUNT;
	redo();
}
static void record_bytes(void)
{
	first(CENO_TRAIL_EXIT)->head.bytes += 8;
}
static void reserved_module(void)
{
	first(CENO_TRAIL_MODULE)->module.reserved = 1;
	redo();
}
static void reserved_grant(void)
{
	first(CENO_TRAIL_GRANT)->grant.reserved = 1;
	redo();
}
static void reserved_strike(void)
{
	first(CENO_TRAIL_STRIKE)->strike.reserved = 1;
	redo();
}
static void reserved_fault(void)
{
	first(CENO_TRAIL_FAULT)->fault.reserved = 1;
	redo();
}
static void reserved_checkpoint(void)
{
	first(CENO_TRAIL_CHECKPOINT)->checkpoint.reserved = 1;
	redo();
}
static void reserved_exit(void)
{
	first(CENO_TRAIL_EXIT)->exit.reserved = 1;
	redo();
}
static void reserved_seal(void)
{
	first(CENO_TRAIL_SEAL)->seal.reserved = 1;
	redo();
}

#define FIELD_OF_LOSS(function, change) \
	static void function(void) \
	{ \
		struct ceno_trail_record *r; \
\
		trail_story(&f, 1); \
		r = first(CENO_TRAIL_LOSS); \
		change; \
		redo(); \
	}
#define FIELD(function, type, change) \
	static void function(void) \
	{ \
		struct ceno_trail_record *r = first(CENO_TRAIL_##type); \
\
		change; \
		redo(); \
	}
FIELD(boot_hz, BOOT, r->boot.tsc_hz = 0)
FIELD(boot_abi, BOOT, r->boot.abi_version = 0)
FIELD(boot_pledge, BOOT, r->boot.pledge = 256)
FIELD(module_id, MODULE, r->module.content_id[0] = 2)
FIELD(module_kind, MODULE, r->module.content_id[2] = 1)
FIELD(module_name, MODULE, r->module.name[0] = '"')
FIELD(module_no_name, MODULE, memset(r->module.name, 0, 24))
FIELD(module_long_name, MODULE, memset(r->module.name, 'a', 24))
FIELD(module_two_names, MODULE, r->module.name[20] = 'a')
FIELD(module_number, MODULE, r->module.module = 6)
FIELD(module_called_native, MODULE, r->module.module = CENO_TRAIL_NATIVE)
FIELD(module_fiber, MODULE, r->module.fiber = 64)
#define FIELD_OF_NATIVE(function, change) \
	static void function(void) \
	{ \
		struct ceno_trail_record *r = nth(CENO_TRAIL_MODULE, NATIVE); \
\
		change; \
		redo(); \
	}
FIELD_OF_NATIVE(native_kind, r->module.content_id[2] = 2)
FIELD_OF_NATIVE(native_name, r->module.name[6] = 's')
FIELD_OF_NATIVE(native_number, r->module.module = CENO_MODULE_VAULT)
FIELD_OF_NATIVE(native_slot_null, r->module.slots |= 1)
FIELD(module_pledge_bits, MODULE, r->module.pledge = 256)
FIELD(module_slot_high, MODULE, r->module.slots |= 1ull << CENO_SLOT_TRAIL_END)
FIELD(module_slot_null, MODULE, r->module.slots |= 1)
FIELD(module_onward, MODULE, r->module.onward |= 1u << CENO_SLOT_IMAGE)
FIELD(grant_from, GRANT, r->grant.from = 64)
FIELD(grant_to, GRANT, r->grant.to = 64)
FIELD(grant_null, GRANT, r->grant.type = 0)
FIELD(grant_type, GRANT, r->grant.type = 8)
FIELD(grant_rights, GRANT, r->grant.rights = 0x80)
FIELD(grant_depth_zero, GRANT, r->grant.depth = 0)
FIELD(grant_depth, GRANT, r->grant.depth = 41)
FIELD(pledge_fiber, PLEDGE, r->pledge.fiber = 64)
FIELD(pledge_by, PLEDGE, r->pledge.by = 64)
FIELD(pledge_old_bits, PLEDGE, r->pledge.old = 256)
FIELD(pledge_now_bits, PLEDGE, r->pledge.now = 256)
FIELD(spawn_fiber, SPAWN, r->spawn.fiber = 64)
FIELD(spawn_child, SPAWN, r->spawn.child = 64)
FIELD(spawn_self, SPAWN, r->spawn.child = r->spawn.fiber)
FIELD(spawn_pledge_bits, SPAWN, r->spawn.pledge = 256)
FIELD(strike_fiber, STRIKE, r->strike.fiber = 64)
FIELD(strike_zero, STRIKE, r->strike.count = 0)
FIELD(strike_many, STRIKE, r->strike.count = 256)
FIELD(strike_spectrum, STRIKE, r->strike.spectrum = 4)
FIELD(fault_fiber, FAULT, r->fault.fiber = 64)
FIELD(fault_count, FAULT, r->fault.count = 0)
FIELD(fault_cause, FAULT, r->fault.cause = 3)
FIELD(killed_vector, FAULT, r->fault.vector = 1)
FIELD(killed_error, FAULT, r->fault.error = 1)
FIELD(killed_rip, FAULT, r->fault.rip = CENO_GVA_SERVICE)
static void fault_vector(void)
{
	nth(CENO_TRAIL_FAULT, 1)->fault.vector = 32;
	redo();
}
static void fault_rip_low(void)
{
	nth(CENO_TRAIL_FAULT, 1)->fault.rip = CENO_GVA_SERVICE - 1;
	redo();
}
static void fault_rip_high(void)
{
	nth(CENO_TRAIL_FAULT, 1)->fault.rip = CENO_GVA_WINDOW;
	redo();
}
FIELD(restart_fiber, RESTART, r->restart.fiber = 64)
FIELD(restart_zero, RESTART, r->restart.count = 0)
FIELD(checkpoint_fiber, CHECKPOINT, r->checkpoint.fiber = 64)
FIELD(exit_fiber, EXIT, r->exit.fiber = 64)
FIELD(seal_final, SEAL, r->seal.final = 2)
FIELD_OF_LOSS(loss_cause, r->loss.cause = 4)
FIELD_OF_LOSS(loss_refused_count, r->loss.count = 2)
FIELD_OF_LOSS(loss_refused_types, r->loss.types = 2)
FIELD_OF_LOSS(loss_full_zero, (r->loss.cause = CENO_TRAIL_FULL, r->loss.types = 2, r->loss.count = 0))
FIELD_OF_LOSS(loss_full_no_types, (r->loss.cause = CENO_TRAIL_FULL, r->loss.types = 0))
FIELD_OF_LOSS(loss_full_types, (r->loss.cause = CENO_TRAIL_FULL, r->loss.types = 1))

/* ---- 3, 4: chain and seals ---- */

static void no_records(void)
{
	header()->bytes = 0;
}
static void no_boot(void)
{
	trail_remove(&f, 0);
	redo();
}
static void second_boot(void)
{
	struct ceno_trail_record boot = *trail_record(&f, 0);

	boot.head.tsc = boot.head.at = trail_record(&f, 1)->head.tsc;
	trail_insert(&f, 2, &boot);
	redo();
}
static void gap(void)
{
	trail_remove(&f, 5);
	trail_rehash(&f, f.seed);
}
static void removed(void)
{
	struct ceno_trail_record *r;

	trail_remove(&f, 5);
	for (uint32_t i = 5; (r = trail_record(&f, i)); i++)
		r->head.sequence = i;
}
static void reordered(void)
{
	struct ceno_trail_record one = *trail_record(&f, 6);

	trail_remove(&f, 6);
	trail_insert(&f, 5, &one);
	trail_rehash(&f, f.seed);
}
static void changed(void)
{
	first(CENO_TRAIL_MODULE)->module.pledge ^= 1;
}
static void boot_after_something(void)
{
	trail_record(&f, 0)->head.prev[0] = 1;
}
static void time_back(void)
{
	trail_record(&f, 8)->head.tsc = trail_record(&f, 8)->head.at = 1;
	redo();
}
static void time_ahead(void)
{
	trail_record(&f, 8)->head.at = trail_record(&f, 8)->head.tsc + 1;
	redo();
}
static void key_small_order(void)
{
	memset(trail_record(&f, 0)->boot.public_key, 0, 32);
	redo();
}
static void key_not_canonical(void)
{
	memset(trail_record(&f, 0)->boot.public_key, 0xff, 32);
	redo();
}
static void last_signature(void)
{
	trail_record(&f, trail_find(&f, CENO_TRAIL_EXIT, 0) + 1)->seal.signature[0] ^= 1;
}
static void fresh_key_seals_only(void)
{
	uint8_t fresh[32] = { 9 };

	trail_redo(&f, fresh);
}
static void seal_removed(void)
{
	trail_remove(&f, trail_find(&f, CENO_TRAIL_SEAL, 1));
	redo();
}
static void after_final(void)
{
	uint32_t last = trail_find(&f, CENO_TRAIL_EXIT, 0) + 1;

	make(last + 1, CENO_TRAIL_SEAL);
	redo();
}

/* ---- 6: asked ---- */

static void another_session(void)
{
	trail_story(&f, 2);
	expect.bundle = NULL;
	f.session_id[0] = 1;
}
static void another_nonce(void)
{
	f.nonce[3] ^= 1;
}
static void fresh_key(void)
{
	uint8_t fresh[32] = { 9 }, secret[64];

	crypto_sign_seed_keypair(trail_record(&f, 0)->boot.public_key, secret, fresh);
	trail_redo(&f, fresh);
}
static void other_bundle(void)
{
	f.bundle[FIXTURE_BUNDLE_BYTES - 1] ^= 1;
}
static void not_in_bundle(void)
{
	((struct ceno_bundle_header *)(void *)f.bundle)->module_count--;
}
static void other_name(void)
{
	for (uint32_t n = 2; n < 5; n++)
		nth(CENO_TRAIL_MODULE, n)->module.name[0] = 'n';
	redo();
}
static void beyond_bundle(void)
{
	trail_boot(&f, 1);
	memcpy(f.seed, f.chain.seed, 32);
	trail_record(&f, 2)->module.pledge = 1; /* prov: the bundle allows it nothing */
	trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0);
	redo();
}
static void refused(void)
{
	trail_story(&f, 1);
}
static void other_program(void)
{
	f.program[31] ^= 1;
}
static void no_program(void)
{
	trail_boot(&f, 1);
	trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0);
}
static void fill(void)
{
	int result;

	expect.program = NULL;
	trail_boot(&f, 1);
	do {
		result = trail_do(&f, FIBER_MEMBRANE, CENO_PROV_CHECKPOINT, 1, 2, 3);
	} while (result == 0);
	trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0);
}
static void drop_refused(void)
{
	trail_remove(&f, trail_find(&f, CENO_TRAIL_LOSS, 0));
	redo();
}
static void unsealed(void)
{
	trail_boot(&f, 1);
	trail_do(&f, 0, CENO_PROV_SEAL, 0, 0, 0);
	trail_do(&f, FIBER_MEMBRANE, CENO_FIBER_EVENT_EXIT, 0, 0, 0);
}
static void unfinished(void)
{
	trail_boot(&f, 1);
	trail_do(&f, 0, CENO_PROV_SEAL, 0, 0, 0);
}
static void no_key_asked(void)
{
	expect.public_key = NULL;
}

static const struct forgery forgeries[] = {
	F(file_short, FILE_SIZE),
	F(file_long, FILE_SIZE),
	F(magic, MAGIC),
	F(version, VERSION),
	F(header_reserved, HEADER_RESERVED),
	F(header_bytes, HEADER_BYTES),
	F(cut_head, RECORD_CUT),
	F(cut_payload, RECORD_CUT),
	F(record_version, RECORD_VERSION),
	F(record_type, RECORD_TYPE),
	F(record_bytes, RECORD_BYTES),
	F(reserved_module, RECORD_RESERVED),
	F(reserved_grant, RECORD_RESERVED),
	F(reserved_strike, RECORD_RESERVED),
	F(reserved_fault, RECORD_RESERVED),
	F(reserved_checkpoint, RECORD_RESERVED),
	F(reserved_exit, RECORD_RESERVED),
	F(reserved_seal, RECORD_RESERVED),
	F(boot_hz, RECORD_FIELD),
	F(boot_abi, RECORD_FIELD),
	F(boot_pledge, RECORD_FIELD),
	F(module_id, RECORD_FIELD),
	F(module_kind, RECORD_FIELD),
	F(module_name, RECORD_FIELD),
	F(module_no_name, RECORD_FIELD),
	F(module_long_name, RECORD_FIELD),
	F(module_two_names, RECORD_FIELD),
	F(module_number, RECORD_FIELD),
	F(module_called_native, RECORD_FIELD),
	F(native_kind, RECORD_FIELD),
	F(native_name, RECORD_FIELD),
	F(native_number, RECORD_FIELD),
	F(native_slot_null, RECORD_FIELD),
	F(module_fiber, RECORD_FIELD),
	F(module_pledge_bits, RECORD_FIELD),
	F(module_slot_high, RECORD_FIELD),
	F(module_slot_null, RECORD_FIELD),
	F(module_onward, RECORD_FIELD),
	F(grant_from, RECORD_FIELD),
	F(grant_to, RECORD_FIELD),
	F(grant_null, RECORD_FIELD),
	F(grant_type, RECORD_FIELD),
	F(grant_rights, RECORD_FIELD),
	F(grant_depth_zero, RECORD_FIELD),
	F(grant_depth, RECORD_FIELD),
	F(pledge_fiber, RECORD_FIELD),
	F(pledge_by, RECORD_FIELD),
	F(pledge_old_bits, RECORD_FIELD),
	F(pledge_now_bits, RECORD_FIELD),
	F(spawn_fiber, RECORD_FIELD),
	F(spawn_child, RECORD_FIELD),
	F(spawn_self, RECORD_FIELD),
	F(spawn_pledge_bits, RECORD_FIELD),
	F(strike_fiber, RECORD_FIELD),
	F(strike_zero, RECORD_FIELD),
	F(strike_many, RECORD_FIELD),
	F(strike_spectrum, RECORD_FIELD),
	F(fault_fiber, RECORD_FIELD),
	F(fault_count, RECORD_FIELD),
	F(fault_cause, RECORD_FIELD),
	F(fault_vector, RECORD_FIELD),
	F(fault_rip_low, RECORD_FIELD),
	F(fault_rip_high, RECORD_FIELD),
	F(killed_vector, RECORD_FIELD),
	F(killed_error, RECORD_FIELD),
	F(killed_rip, RECORD_FIELD),
	F(restart_fiber, RECORD_FIELD),
	F(restart_zero, RECORD_FIELD),
	F(checkpoint_fiber, RECORD_FIELD),
	F(exit_fiber, RECORD_FIELD),
	F(seal_final, RECORD_FIELD),
	F(loss_cause, RECORD_FIELD),
	F(loss_refused_count, RECORD_FIELD),
	F(loss_refused_types, RECORD_FIELD),
	F(loss_full_zero, RECORD_FIELD),
	F(loss_full_no_types, RECORD_FIELD),
	F(loss_full_types, RECORD_FIELD),
	F(no_records, BOOT_FIRST),
	F(no_boot, BOOT_FIRST),
	F(second_boot, BOOT_FIRST),
	F(gap, SEQUENCE),
	F(reordered, SEQUENCE),
	F(removed, CHAIN),
	F(changed, CHAIN),
	F(boot_after_something, CHAIN),
	F(time_back, TIME),
	F(time_ahead, TIME),
	F(key_small_order, GUEST_KEY),
	F(key_not_canonical, GUEST_KEY),
	F(last_signature, SIGNATURE),
	F(fresh_key_seals_only, SIGNATURE),
	F(seal_removed, SEAL_LATE),
	F(after_final, AFTER_FINAL),
	F(another_session, SESSION),
	F(another_nonce, NONCE),
	F(fresh_key, KEY),
	F(other_bundle, BUNDLE_MODULE),
	F(not_in_bundle, BUNDLE_MODULE),
	F(other_name, BUNDLE_MODULE),
	F(beyond_bundle, BUNDLE_PLEDGE),
	F(refused, LOST),
	F(fill, LOST),
	F(unsealed, UNSEALED),
	F(unfinished, UNFINISHED),
	F(no_key_asked, KEY_UNKNOWN),
	F(another_proofs, DIGEST),
	F(other_program, PROGRAM),
	F(no_program, PROGRAM),
};

const struct forgery *forgery(size_t i)
{
	const size_t own = sizeof forgeries / sizeof forgeries[0];

	if (i < own)
		return &forgeries[i];
	return i - own < replay_forgery_count ? &replay_forgeries[i - own] : NULL;
}
