/*
 * Golden numbers of the guest ABI. A change here is a change of the ABI: bump
 * CENO_ABI_VERSION (layout.h) together with the figures below.
 *
 * One record of each kind is filled with known values and compared byte by
 * byte where its bytes cross a boundary (boot page, pack, bundle header).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guest-kernel/abi/boot.h"
#include "guest-kernel/abi/bundle.h"
#include "guest-kernel/abi/manifest.h"
#include "guest-kernel/abi/pack.h"
#include "guest-kernel/abi/trail.h"
#include "guest-kernel/abi/verbs.h"
#include "guest-kernel/abi/window.h"

#define AT(type, member, offset) assert_int_equal(offsetof(struct type, member), offset)

static void test_offsets(void **state)
{
	(void)state;
	assert_int_equal(CENO_ABI_VERSION, 8);
	AT(ceno_firmware_header, entry_offset, 40);
	AT(ceno_firmware_header, verifier_offset, 48);
	AT(ceno_bundle_header, segments, 32);
	AT(ceno_bundle_header, modules, 32 + 24 * 32);
	AT(ceno_bundle_module, pledge_mask, 28);
	AT(ceno_bundle_module, content_id, 48);
	AT(ceno_bundle_module, budget, 80);
	AT(ceno_bundle_module, spectrum, 84);
	AT(ceno_bundle_module, flags, 85);
	AT(ceno_bundle_module, restarts_max, 86);
	AT(ceno_bundle_module, pool_pages, 88);
	AT(ceno_bundle_module, state_bytes, 92);
	AT(ceno_bundle_module, grants, 96);
	AT(ceno_bundle_module, reserved, 104);
	AT(ceno_bundle_header, signature, 4032);
	AT(ceno_trust, public_key, 16);
	AT(ceno_trust, name, 48);
	AT(ceno_boot, tsc_hz, 16);
	AT(ceno_boot, session_id, 2048);
	AT(ceno_boot, seed, 2096);
	AT(ceno_boot, start_tsc, 2160);
	AT(ceno_boot, pledge_mask, 2168);
	AT(ceno_boot, dropped, 2176);
	AT(ceno_handoff, nucleus_gva, 16);
	AT(ceno_handoff, init_cr3, 176);
	AT(ceno_handoff, tick_tsc, 232);
	AT(ceno_pack_entry, mode, 200);
	AT(ceno_pack_entry, offset, 208);
	AT(ceno_pack_entry, sha256, 224);
	AT(ceno_stdio_host, index, 12);
	AT(ceno_stdio_host, shutdown, 36);
	AT(ceno_stdio_host, terminal, 40);
	AT(ceno_stdio_guest, state, 24);
	AT(ceno_stdio_guest, entry_tsc, 56);
	AT(ceno_stdio_guest, enosys, 104);
	AT(ceno_stdio_guest, end, 48);
	AT(ceno_stdio_guest, detail, 52);
	AT(ceno_stdio_guest, wants_in, 616);
	AT(ceno_stdio_guest, restarts, 620);
	AT(ceno_stdio_guest, enosys_program, 624);
	AT(ceno_stdio_guest, missing, 1648);
	AT(ceno_stdio_guest, released, 1652);
	AT(ceno_pack_header, flags, 24);
	AT(ceno_trap_page, resume_rip, 64);
	AT(ceno_trap_page, gpr, 128);
	AT(ceno_trail_header, bytes, 16);
	AT(ceno_trail_head, sequence, 8);
	AT(ceno_trail_head, prev, 32);
	AT(ceno_prov_message, root3, 40);
	AT(ceno_prov_answer, head, 32);
}

static void test_numbers(void **state)
{
	static const int prices[CENO_VERB_COUNT] = { 500, 5, 2, 10, 3, 1, 20 }; /* mission.md, X2 */

	(void)state;
	assert_int_equal(CENO_VERB_COUNT, 7);
#define PRICE(name, number, joules) assert_int_equal(joules, prices[number]);
	CENO_VERBS(PRICE)
#undef PRICE
	assert_int_equal(CENO_GATE_SYSCALL, 0x7ffff000);
	assert_int_equal(CENO_GVA_SYSCALL, 0x7ffff001);
	assert_int_equal(CENO_GATE_SYSRET, 0x7ffff010);
	assert_int_equal(CENO_GATE_RESUME, 0x7ffff020);
	assert_int_equal(CENO_GATE_VERB, 0x7ffff030);
	assert_int_equal(CENO_GVA_HANDLER_SYSCALL, 0x10000040);
	assert_int_equal(CENO_GVA_HANDLER_FAULT, 0x10000080);
	assert_int_equal(CENO_SLOT_SUPERVISOR, 17);
	assert_int_equal(CENO_SLOT_REPLY, 18);
	assert_int_equal(CENO_STOP_BUNDLE_SIGNATURE, 6);
	assert_int_equal(CENO_STOP_NUCLEUS_FAULT, 0x102);
	assert_int_equal(CENO_E_STATE, -12);
	assert_int_equal(CENO_E_DEPTH, -17);
	assert_int_equal(CENO_GVA_WINDOW, 0x18000000);
	assert_int_equal(CENO_OBJECT_REGION, 7);
	assert_int_equal(CENO_SPAWN_RESTART, 5);
	assert_int_equal(CENO_RFLAGS_USER, 0x240cd5);
	assert_int_equal(CENO_TRAIL_VERSION, 2);
	assert_int_equal(CENO_TRAIL_BYTES, 262144);
	assert_int_equal(CENO_TRAIL_RESUME, 13);
	assert_int_equal(CENO_SLOT_TRAIL, 21);
	assert_int_equal(CENO_SLOT_TRAIL_END, 24);
	assert_int_equal(CENO_PROV_MODULE, 0x10000);
	assert_int_equal(CENO_PROV_FINISH, 0x100000);
	assert_int_equal(CENO_PROV_NATIVE, 0x200000);
	assert_int_equal(CENO_PROV_START(2ull, 4ull, 8ull), 8ull << 48 | 4ull << 24 | 2);
}

static void test_bytes(void **state)
{
	struct ceno_pack_header pack = {
		.magic = CENO_PACK_MAGIC, .abi_version = 2, .count = 3, .total_bytes = 0x5000
	};
	static const uint8_t pack_bytes[24] = {
		'N', 'O', 'T', 'P', 'A', 'C', 'K', '1', 2, 0, 0, 0, 3, 0, 0, 0, 0, 0x50
	};
	struct ceno_boot boot = { .magic = CENO_BOOT_MAGIC,
		                  .abi_version = 2,
		                  .syscall_mode = CENO_SYSCALL_PAGE,
		                  .tsc_hz = 0x0102030405060708 };
	static const uint8_t boot_bytes[24] = { 'C', 'N', 'T', 'B', 'O', 'O', 'T', '1', 2, 0, 0, 0,
		                                2,   0,   0,   0,   8,   7,   6,   5,   4, 3, 2, 1 };
	struct ceno_bundle_header bundle = { .magic = CENO_BUNDLE_MAGIC,
		                             .abi_version = 2,
		                             .header_bytes = 4096,
		                             .total_bytes = 0x9000,
		                             .segment_count = 5,
		                             .module_count = 2 };
	static const uint8_t bundle_bytes[32] = { 'C', 'N',  'O', 'T', 'B', 'N', 'D', '1', 2, 0, 0, 0, 0, 0x10, 0, 0,
		                                  0,   0x90, 0,   0,   0,   0,   0,   0,   5, 0, 0, 0, 2, 0,    0, 0 };
	struct ceno_bundle_module module = { .name = "prov",
		                             .id = CENO_MODULE_PROV,
		                             .pledge_mask = 1,
		                             .entry = 0x10000000,
		                             .content_id = { 0xaa, [31] = 0xbb },
		                             .budget = 0x01020304,
		                             .spectrum = CENO_SPECTRUM_GRAVITY,
		                             .flags = CENO_MODULE_LAZY,
		                             .restarts_max = 0x0506,
		                             .pool_pages = CENO_MODULE_POOL_REST,
		                             .state_bytes = 0x2000,
		                             .grants = 1ull << CENO_SLOT_SUPERVISOR };
	static const uint8_t module_bytes[128] = {
		'p', 'r', 'o', 'v', [24] = 4, [28] = 1, [35] = 0x10, [48] = 0xaa, [79] = 0xbb, 4, 3,    2,
		1,   2,   2,   6,   5,        0xff,     255,         255,         255,         0, 0x20, [98] = 0x02
	};
	uint64_t trust = CENO_TRUST_MAGIC, firmware = CENO_FIRMWARE_MAGIC, stdio = CENO_STDIO_MAGIC,
		 trail = CENO_TRAIL_MAGIC;

	(void)state;
	assert_memory_equal(&pack, pack_bytes, sizeof pack_bytes);
	assert_memory_equal(&boot, boot_bytes, sizeof boot_bytes);
	assert_memory_equal(&bundle, bundle_bytes, sizeof bundle_bytes);
	assert_memory_equal(&module, module_bytes, sizeof module_bytes);
	assert_memory_equal(&trust, "CNOTTRT1", 8);
	assert_memory_equal(&firmware, "CNOTEFW1", 8);
	assert_memory_equal(&stdio, "CNOTDIO1", 8);
	assert_memory_equal(&trail, "CNOTTRL1", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
