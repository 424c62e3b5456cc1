/*
 * The forgeries of forgeries.h. Each is made by someone who redoes everything
 * they can after the change.
 */
#include "asked.h"
#include "forgeries.h"
#include "forgeries_trust.h"
#include "measured.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attest/proof/hash.h"
#include "guest-kernel/abi/layout.h"

struct fixture f;
struct ceno_verify_policy policy;

void start(void)
{
	fixture_init(&f);
	asked_reset(&policy);
	policy.pins = &f.pins;
}

#define MUST(condition) \
	do { \
		if (!(condition)) \
			abort(); \
	} while (0)

/* Replace the first `from` in a text by `to` (both may differ in length). */
static size_t edit(uint8_t *text, size_t bytes, size_t capacity, const char *from, const char *to)
{
	size_t m = strlen(from), n = strlen(to);
	uint8_t *at = memmem(text, bytes, from, m);
	MUST(at != NULL);
	MUST(bytes - m + n <= capacity);
	memmove(at + n, at + m, bytes - (size_t)(at - text) - m);
	memcpy(at, to, n);
	return bytes - m + n;
}

static void edit_file(const char *from, const char *to)
{
	fixture_redo(&f);
	f.file_bytes = edit(f.file, f.file_bytes, sizeof(f.file), from, to);
}

/* The session's own key signs a payload edited as text; everything after it is honest. */
static void edit_payload(const char *from, const char *to)
{
	fixture_roots(&f);
	fixture_sign(&f);
	f.payload_bytes = edit(f.payload, f.payload_bytes, sizeof(f.payload), from, to);
	fixture_sign_payload(&f);
	fixture_log(&f);
	fixture_quote(&f);
	fixture_write(&f);
}

/* One forgery a line. */
/* clang-format off */
/* ---- stages 1 and 2 ------------------------------------------------------------------ */

static void v_empty(void) { fixture_redo(&f); f.file_bytes = 0; }
static void v_too_long(void) { fixture_redo(&f); f.file_bytes = CENO_CDP_FILE_MAX + 1; }
static void v_truncated(void) { fixture_redo(&f); f.file_bytes--; }
static void v_newline(void) { fixture_redo(&f); f.file[f.file_bytes++] = '\n'; }
static void v_space(void) { edit_file("{\"cdp\":\"1\"", "{ \"cdp\":\"1\""); }
static void v_duplicate(void) { edit_file("{\"cdp\":\"1\"", "{\"cdp\":\"1\",\"cdp\":\"1\""); }
static void v_key_order(void) { edit_file("\"reset_count\":7,\"restart_count\":2", "\"restart_count\":2,\"reset_count\":7"); }
static void v_null(void) { edit_file("\"reset_count\":7", "\"reset_count\":null"); }
static void v_float(void) { edit_file("\"reset_count\":7", "\"reset_count\":7.0"); }
static void v_zeros(void) { edit_file("\"reset_count\":7", "\"reset_count\":07"); }
static void v_escape(void) { edit_file("\"cdp\":\"1\"", "\"cdp\":\"\\u0031\""); }
static void v_version(void) { edit_file("\"cdp\":\"1\"", "\"cdp\":\"2\""); }
static void v_no_version(void) { edit_file("{\"cdp\":\"1\",", "{"); }
static void v_unknown_field(void) { edit_file("\"seal\":{\"batch\"", "\"seal\":{\"aaa\":1,\"batch\""); }
static void v_missing_field(void) { edit_file("\"restart_count\":2", "\"restarts\":2"); }
static void v_algorithm(void) { edit_file("application/vnd.in-toto+json", "application/vnd.in-toto+cbor"); }
static void v_wrong_type(void) { edit_file("\"reset_count\":7", "\"reset_count\":\"7\""); }
static void v_two_signatures(void) { edit_file("\"signatures\":[{", "\"signatures\":[{\"keyid\":\"x\",\"sig\":\"\"},{"); }
static void v_upper_hex(void) { edit_file("\"keyid\":\"sha256:", "\"keyid\":\"SHA256:"); }
static void v_binding(void) { edit_file("\"ak_binding\":\"none\"", "\"ak_binding\":\"enrolled\""); }
static void v_payload_newline(void) { fixture_roots(&f); fixture_sign(&f); f.payload[f.payload_bytes++] = '\n'; fixture_sign_payload(&f); fixture_log(&f); fixture_quote(&f); fixture_write(&f); }
static void v_payload_extra(void) { edit_payload(",\"subject\":", ",\"psubject\":0,\"subject\":"); }
static void v_payload_space(void) { edit_payload("{\"_type\"", "{ \"_type\""); }
static void v_payload_duplicate(void) { edit_payload("\"cause\":\"exit\"", "\"cause\":\"exit\",\"cause\":\"exit\""); }
static void v_payload_unknown(void) { edit_payload("\"cause\":\"exit\"", "\"cause\":\"exit\",\"causf\":\"exit\""); }
static void v_payload_op(void) { edit_payload("\"op\":\"chain_seal\"", "\"op\":\"chain_fake\""); }
static void v_payload_step(void) { edit_payload("\"step\":3", "\"step\":2"); }
static void v_payload_claim(void) { edit_payload("\"category\":\"clear\"", "\"category\":\"purge\""); }
static void v_payload_mem(void) { f.statement.core.mem_total = 32u << 20; edit_payload("\"mem_total\":33554432", "\"mem_total\":137438953472"); }

/* Evidence of steps 4 and 5 in each other's place. */
static void v_swapped_steps(void)
{
	static char text[CENO_PAYLOAD_MAX], *a, *b, *c;
	fixture_roots(&f);
	fixture_sign(&f);
	memcpy(text, f.payload, f.payload_bytes);
	text[f.payload_bytes] = '\0';
	/* each element begins with {"evidence": */
	a = text;
	for (int i = 0; i < 4; i++)
		a = strstr(a + 1, "{\"evidence\":");
	b = strstr(a + 1, "{\"evidence\":");
	c = strstr(b + 1, "{\"evidence\":");
	uint8_t *out = f.payload + (a - text);
	memcpy(out, b, (size_t)(c - b));                 /* with its comma */
	memcpy(out + (c - b), a, (size_t)(b - a));
	fixture_sign_payload(&f);
	fixture_log(&f);
	fixture_quote(&f);
	fixture_write(&f);
}

/* ---- stages 3 and 4: the warden itself lies, consistently to the end ------------------- */

static void v_subject(void)
{
	char hex[65], other[65];
	fixture_roots(&f);
	fixture_sign(&f);
	sodium_bin2hex(hex, sizeof(hex), f.chain[0], 32);
	memcpy(other, hex, sizeof(other));
	other[0] = other[0] == '0' ? '1' : '0';
	edit_payload(hex, other);
}

#define LIE(name, ...) static void name(void) { struct ceno_proof_statement *s = &f.statement; (void)s; __VA_ARGS__; fixture_redo(&f); }
#define LIE_KEEP_ROOTS(name, ...) \
	static void name(void) { struct ceno_proof_statement *s = &f.statement; fixture_roots(&f); __VA_ARGS__; fixture_redo_signed(&f); }

LIE(v_two_ram_slots, s->isolation.slots[8] = s->isolation.slots[6]; s->isolation.slots[8].gpa = 0x800000000; s->isolation.slot_count = 9)
LIE(v_ram_shorter, s->isolation.slots[6].bytes -= 4096)
LIE(v_ram_elsewhere, s->isolation.slots[6].gpa += 0x200000)
LIE(v_no_ram_slot, s->isolation.slots[6] = s->isolation.slots[7]; s->isolation.slot_count = 7)
LIE(v_slot_overlap, s->isolation.slots[7].gpa = CENO_GPA_RAM + (16u << 20))
LIE(v_slot_writable, s->isolation.slots[2].rights = CENO_PROOF_READ_WRITE)
LIE(v_slot_unaligned, s->isolation.slots[0].bytes = 0x6001)
LIE(v_slot_unpledged, s->isolation.slots[4].gpa += CENO_PLEDGE_NET * CENO_WINDOW_STRIDE; s->filesystem.areas[0].pledge_class = CENO_PLEDGE_NET)
LIE(v_pledge_widened, s->isolation.pledge_mask |= 1u << CENO_PLEDGE_GPU)
LIE(v_window_nowhere, s->isolation.slots[4].gpa = 0x70000000)
LIE(v_filter, s->isolation.filter[0] ^= 1)
LIE(v_no_seccomp, s->isolation.seccomp_mode = 0)
LIE(v_new_privs, s->isolation.no_new_privs = 0)
LIE(v_capability, s->isolation.cap_eff = 1u << 21)
LIE(v_no_tasks, s->isolation.tasks = 0)
LIE(v_cause_code, s->isolation.violation = 17)
LIE(v_violation_none, s->isolation.cause = CENO_CAUSE_VIOLATION)
LIE(v_tasks_left, s->isolation.tasks_left = 1)
LIE(v_trail_no_window, s->isolation.slots[5] = s->isolation.slots[7]; s->isolation.slot_count = 7)
LIE(v_trail_none, s->isolation.trail_bytes = 0)
LIE(v_trail_no_records, s->isolation.trail_bytes = 4096)
LIE(v_trail_hash_of_none, crypto_hash_sha256(s->isolation.trail_sha256, NULL, 0))
LIE(v_cpu_smep, s->isolation.cpu.cr4 &= ~(1ull << 20))
LIE(v_cpu_smap, s->isolation.cpu.cr4 &= ~(1ull << 21))
LIE(v_cpu_umip, s->isolation.cpu.cr4 &= ~(1ull << 11))
LIE(v_cpu_wp, s->isolation.cpu.cr0 &= ~(1ull << 16))
LIE(v_cpu_paging, s->isolation.cpu.cr0 &= ~(1ull << 31))
LIE(v_cpu_nx, s->isolation.cpu.efer &= ~(1ull << 11))
LIE(v_cpu_long_mode, s->isolation.cpu.efer &= ~(1ull << 10))
LIE(v_cpu_unknown, s->isolation.cpu.offered |= 1u << 12)
LIE(v_area_missing, s->filesystem.areas[2] = s->filesystem.areas[3]; s->filesystem.area_count = 3)
LIE(v_area_trail, s->filesystem.areas[1] = s->filesystem.areas[3]; s->filesystem.area_count = 3)
LIE(v_area_shorter, s->filesystem.areas[2].bytes = s->filesystem.areas[2].overwritten = s->filesystem.areas[2].read_back = 4096)
LIE(v_area_twice, s->isolation.slots[8] = s->isolation.slots[4]; s->isolation.slots[8].gpa += CENO_WINDOW_STRIDE; s->isolation.slot_count = 9)
LIE(v_area_half, s->filesystem.areas[0].overwritten -= 4096)
LIE(v_area_unread, s->filesystem.areas[0].read_back = 0)
LIE(v_area_mismatch, s->filesystem.areas[3].mismatches = 1)
LIE(v_area_mapped, s->filesystem.areas[3].unmapped = 0)
LIE(v_namespace, s->filesystem.mount_ns_gone = 0)
LIE(v_bitmap_short, s->overwrite.bitmap_bytes = 63)
LIE(v_backed_bytes, s->overwrite.bytes += CENO_PROOF_CHUNK; s->overwrite.st_blocks += 128; s->forensic.compared_bytes += CENO_PROOF_CHUNK)
LIE(v_blocks, s->overwrite.st_blocks += 8)
LIE(v_passes, s->sanitization.passes = 3)
LIE(v_key_twice, memcpy(s->keys.keys[1].id, s->keys.keys[0].id, 16))
LIE(v_key_left, s->keys.read_back = 0)
LIE(v_token_lost, s->tokens.token_count = 2)
LIE(v_token_key, s->tokens.zeroized = 0)
LIE(v_compared, s->forensic.compared_bytes -= 4096)
LIE(v_mismatches, s->forensic.mismatches = 1)
LIE(v_write_seal, s->forensic.write_sealed = 0)
LIE(v_stop_before_launch, s->timing.launched_us = s->timing.stopped_us + 1)
LIE(v_fill_before_reap, s->timing.steps[0].begin_us = s->timing.stopped_us - 1)
LIE(v_steps_overlap, s->timing.steps[3].begin_us = s->timing.steps[2].end_us - 1)
LIE(v_compare_before_zero, s->timing.zeroed_us = s->timing.compared_us + 1)
LIE(v_sealed_early, s->chain.sealed_us = s->timing.steps[5].end_us - 1)
LIE(v_duration, s->overwrite.ms = 2)
LIE_KEEP_ROOTS(v_root, s->forensic.roots[0][31] ^= 1)
LIE_KEEP_ROOTS(v_root_challenge, s->overwrite.random[0] ^= 1)
LIE_KEEP_ROOTS(v_root_nonce, s->overwrite.destroy_nonce[0] ^= 1)
LIE_KEEP_ROOTS(v_root_granule, ceno_proof_bitmap_set(s->overwrite.bitmap, s->core.mem_total, 300 * CENO_PROOF_CHUNK, 1);
	s->overwrite.bytes += CENO_PROOF_CHUNK; s->overwrite.st_blocks += 128; s->forensic.compared_bytes += CENO_PROOF_CHUNK)

/* A tail bit of the bitmap that stands for no memory. */
static void v_bitmap_tail(void)
{
	struct ceno_proof_statement *s = &f.statement;
	s->core.mem_total = s->isolation.slots[6].bytes = (32u << 20) + 3 * CENO_PROOF_CHUNK;
	s->overwrite.bitmap_bytes = ceno_proof_bitmap_bytes(s->core.mem_total);
	s->overwrite.bitmap[s->overwrite.bitmap_bytes - 1] = 0x80;
	fixture_redo(&f);
}

/* Hashes of step 7 over other evidence than the payload holds: edited after they were made. */
static void v_timing_hash(void) { edit_payload("\"launched_us\":10000", "\"launched_us\":10001"); }

static void step7_hash_of(const uint8_t hash[32])
{
	char hex[65], other[65];
	fixture_roots(&f);
	fixture_sign(&f);
	sodium_bin2hex(hex, sizeof(hex), hash, 32);
	memcpy(other, hex, sizeof(other));
	other[63] = other[63] == '0' ? '1' : '0';
	edit_payload(hex, other);
}

/* The warden itself signs another step 7, and everything after it is of that. */
static void step7_lie(uint8_t hash[32])
{
	uint8_t evidence[32];
	fixture_roots(&f);
	MUST(ceno_proof_seal_steps(&f.statement, f.chain) == 0);
	hash[31] ^= 1;
	MUST(ceno_schema_hash(ceno_schema_steps[6], &f.statement.chain, evidence) == 0);
	ceno_hash_step(7, f.chain[6], evidence, f.chain[7]);
	MUST(ceno_proof_payload(&f.statement, f.payload, &f.payload_bytes) == 0);
	fixture_sign_payload(&f);
	fixture_log(&f);
	fixture_quote(&f);
	fixture_write(&f);
}

static void v_sanitization_lie(void) { step7_lie(f.statement.chain.sanitization); }
static void v_timing_lie(void) { step7_lie(f.statement.chain.timing); }
static void v_c6_lie(void) { step7_lie(f.statement.chain.c6); }
static void v_sanitization_hash(void) { step7_hash_of(f.statement.chain.sanitization); }
static void v_c6(void) { step7_hash_of(f.statement.chain.c6); }
static void v_evidence_edited(void) { edit_payload("\"fds_closed\":9", "\"fds_closed\":8"); }

/* ---- stage 5 ------------------------------------------------------------------------------ */

/* A key of small order, under which anyone can find signatures. */
static void v_small_order_key(void)
{
	static const uint8_t identity[32] = { 1 };
	memcpy(f.statement.core.signer_pub, identity, 32);
	fixture_roots(&f);
	fixture_sign(&f);
	memset(f.signature, 0, 64);
	memcpy(f.signature, identity, 32);   /* R = identity, S = 0: a valid signature for lax verifiers */
	fixture_log(&f);
	fixture_quote(&f);
	fixture_write(&f);
}

static void v_keyid(void)
{
	uint8_t other[32] = { 9 };
	fixture_redo(&f);
	MUST(ceno_proof_file(f.payload, f.payload_bytes, f.signature, other, &f.seal, f.file, &f.file_bytes) == 0);
}

/* A field changed and every later hash recomputed, by someone without the session's key. */
static void v_recomputed_unsigned(void)
{
	uint8_t signature[64];
	fixture_redo(&f);
	memcpy(signature, f.signature, 64);
	f.statement.isolation.cause = CENO_CAUSE_TTL;
	fixture_roots(&f);
	fixture_sign(&f);
	memcpy(f.signature, signature, 64);
	fixture_log(&f);
	fixture_quote(&f);
	fixture_write(&f);
}

/* S + L: the same signature in a second spelling. */
static void v_malleable(void)
{
	static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
			0xde, 0x14, [31] = 0x10 };
	fixture_roots(&f);
	fixture_sign(&f);
	for (unsigned i = 0, carry = 0; i < 32; i++) {
		carry += (unsigned)f.signature[32 + i] + order[i];
		f.signature[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	fixture_log(&f);
	fixture_quote(&f);
	fixture_write(&f);
}

static void v_role_log(void)
{
	memcpy(f.session_secret, f.log_secret, 64);
	memcpy(f.statement.core.signer_pub, f.seal.node.log_pub, 32);
	fixture_redo(&f);
}

/* The session key is another pinned node's log key. */
static void v_role_pinned(void)
{
	f.pins.pin_count = 2;
	strcpy(f.pins.pins[1].origin, "other.test/node");
	memset(f.pins.pins[1].ak, 7, 32);
	memcpy(f.pins.pins[1].log_pub, f.statement.core.signer_pub, 32);
	fixture_redo(&f);
}

/* A key of the group's whole order times eight, under a message that was searched for: equations without the
 * cofactor hold, and the signature verifies. */
static void v_mixed_order_key(void)
{
	static const char torsion_hex[] = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
	uint8_t torsion[32], scalar[32], nonce[32], r[32], h[64], hr[32], wide[64], *pub = f.statement.core.signer_pub;
	static uint8_t pae[CENO_PROOF_PAE_MAX], message[64 + CENO_PROOF_PAE_MAX];
	sodium_hex2bin(torsion, 32, torsion_hex, 64, NULL, NULL, NULL);
	memset(wide, 0x35, 64);
	crypto_core_ed25519_scalar_reduce(scalar, wide);
	MUST(crypto_scalarmult_ed25519_base_noclamp(pub, scalar) == 0 && crypto_core_ed25519_add(pub, pub, torsion) == 0);
	fixture_roots(&f);
	fixture_sign(&f);
	size_t n = ceno_proof_pae(f.payload, f.payload_bytes, pae);
	for (uint8_t i = 1;; i++) { /* until 8 divides the challenge: then the torsion part vanishes */
		memset(wide, i, 64);
		crypto_core_ed25519_scalar_reduce(nonce, wide);
		MUST(i < 255 && crypto_scalarmult_ed25519_base_noclamp(r, nonce) == 0);
		memcpy(message, r, 32);
		memcpy(message + 32, pub, 32);
		memcpy(message + 64, pae, n);
		crypto_hash_sha512(h, message, 64 + n);
		crypto_core_ed25519_scalar_reduce(hr, h);
		if ((hr[0] & 7) == 0)
			break;
	}
	memcpy(f.signature, r, 32);
	crypto_core_ed25519_scalar_mul(f.signature + 32, hr, scalar);
	crypto_core_ed25519_scalar_add(f.signature + 32, f.signature + 32, nonce);
	fixture_log(&f);
	fixture_quote(&f);
	fixture_write(&f);
}

/* ---- stage 6 ------------------------------------------------------------------------------ */

static void other_payload(struct fixture *x) { x->seal.step8.payload_sha256[5] ^= 1; }
static void other_signature(struct fixture *x) { x->seal.step8.signature_sha256[5] ^= 1; }
static void other_launch(struct fixture *x) { x->seal.step8.launch_index ^= 1; }
static void v_step8_payload(void) { f.on_step8 = other_payload; fixture_redo(&f); }
static void v_step8_signature(void) { f.on_step8 = other_signature; fixture_redo(&f); }
static void v_step8_launch(void) { f.on_step8 = other_launch; fixture_redo(&f); }
static void v_step8_status(void) { f.seal.step8.warden_status = 9; fixture_redo(&f); }
static void v_step8_later_group(void) { f.seal.step8.observer = 1; f.seal.step8.peak_bytes = 0; fixture_redo(&f); }
static void v_step8_later_peak(void) { f.seal.step8.observer = 1; f.seal.step8.cgroup = 3; fixture_redo(&f); }
static void v_step8_unseen_group(void) { f.seal.step8.cgroup = 3; fixture_redo(&f); }

/* ---- stage 8 ------------------------------------------------------------------------------ */

static void requote(void) { fixture_quote(&f); fixture_write(&f); }

static void v_checkpoint_text(void)
{
	fixture_redo(&f);
	f.seal.checkpoint[f.seal.checkpoint_bytes++] = '\n';
	requote();
}

static void v_checkpoint_origin(void)
{
	fixture_redo(&f);
	strcpy(f.seal.node.origin, "elsewhere.test/node");
	requote();
}

static void v_checkpoint_key(void)
{
	fixture_redo(&f);
	f.seal.node.log_pub[3] ^= 1;
	requote();
}

/* A checkpoint by the right key, but of a smaller log: neither leaf is under it. */
static void v_checkpoint_other(void)
{
	size_t n;
	uint8_t root[32] = { 1 };
	fixture_redo(&f);
	MUST(ceno_checkpoint_make(f.seal.node.origin, f.log_count, root, f.log_secret, f.seal.checkpoint, &n) == 0);
	f.seal.checkpoint_bytes = (uint32_t)n;
	requote();
}

/* Re-signed by a fresh session key, step 8 redone, log and quote untouched. */
static void v_fresh_session_key(void)
{
	uint8_t seed[32] = { 77 };
	fixture_redo(&f);
	crypto_sign_ed25519_seed_keypair(f.statement.core.signer_pub, f.session_secret, seed);
	f.statement.isolation.cause = CENO_CAUSE_TTL;
	fixture_roots(&f);
	fixture_sign(&f);
	fixture_step8(&f);
	fixture_write(&f);
}

/* Another session's proof, its nonce changed to the one that was asked for. */
static void v_other_session(void)
{
	fixture_redo(&f);
	memset(f.statement.core.rp_nonce, 0x5a, 32);
	fixture_roots(&f);
	fixture_sign(&f);
	fixture_step8(&f);
	fixture_write(&f);
	policy.rp_nonce = (const uint8_t *)memset(f.chain[8], 0x5a, 32);
}

/* The session's key leaked and signed a second story: it is not the one that was logged. */
static void v_second_story(void)
{
	fixture_redo(&f);
	f.statement.isolation.cause = CENO_CAUSE_TTL;
	fixture_roots(&f);
	fixture_sign(&f);
	fixture_step8(&f);
	fixture_write(&f);
}

/* Everything agrees, and the pin too, but the log has another name than the node. */
static void v_checkpoint_renamed(void) { v_checkpoint_origin(); strcpy(f.pins.pins[0].origin, f.seal.node.origin); }

/* Signed by a key that is not the node's. */
static void v_checkpoint_stranger(void)
{
	uint8_t seed[32] = { 41 }, pub[32];
	crypto_sign_ed25519_seed_keypair(pub, f.log_secret, seed);
	fixture_redo(&f);
}

/* The size in a second spelling, signed as it stands. */
static void v_checkpoint_zero(void)
{
	uint8_t signature[64];
	char b64[sodium_base64_ENCODED_LEN(68, sodium_base64_VARIANT_ORIGINAL)];
	uint8_t blob[68];
	struct ceno_checkpoint c;
	fixture_redo(&f);
	MUST(ceno_checkpoint_parse(f.seal.checkpoint, f.seal.checkpoint_bytes, &c) == 0);
	char *text = f.seal.checkpoint, *digits = memchr(text, '\n', f.seal.checkpoint_bytes);
	size_t body = c.signed_bytes + 1, at = (size_t)(digits + 1 - text);
	memmove(text + at + 1, text + at, c.signed_bytes - at);
	text[at] = '0';
	crypto_sign_ed25519_detached(signature, NULL, (const unsigned char *)text, body, f.log_secret);
	memcpy(blob, c.key_id, 4);
	memcpy(blob + 4, signature, 64);
	sodium_bin2base64(b64, sizeof(b64), blob, sizeof(blob), sodium_base64_VARIANT_ORIGINAL);
	f.seal.checkpoint_bytes = (uint32_t)(body +
	    (size_t)snprintf(text + body, sizeof(f.seal.checkpoint) - body, "\n\xe2\x80\x94 %s %s\n", c.origin, b64));
	requote();
}

static void v_cdp_path(void) { fixture_redo(&f); f.seal.batch.path[0][0] ^= 1; fixture_write(&f); }
static void v_launch_path(void) { fixture_redo(&f); f.seal.launch.inclusion.path[1][0] ^= 1; fixture_write(&f); }
static void v_launch_late(void) { f.launch_after_cdp = 1; fixture_redo(&f); }

/* ---- stage 9 ------------------------------------------------------------------------------ */

static void short_ak(struct fixture *x) { x->seal.node.ak_public_bytes--; }
static void rsa_ak(struct fixture *x) { x->seal.node.ak_public[1] = 1; }
static void unrestricted(struct fixture *x) { x->seal.node.ak_public[5] &= 0xfe; }
static void decrypting(struct fixture *x) { x->seal.node.ak_public[5] |= 2; }
static void sha384(struct fixture *x) { x->seal.node.ak_public[15] = 0x0c; }
static void ecdaa(struct fixture *x) { x->seal.node.ak_public[13] = 0x1a; }
static void uncertified_value(struct fixture *x) { x->seal.nv.value = 9; }
static void long_ak(struct fixture *x) { x->seal.node.ak_public[x->seal.node.ak_public_bytes++] = 0; }
/* The key, as it is, is the one that is pinned. */
static void pinned_so(void) { fixture_redo(&f); ceno_verify_ak_digest(f.seal.node.ak_public, f.seal.node.ak_public_bytes, f.pins.pins[0].ak); }
static void v_ak_pinned_long(void) { f.on_node = long_ak; pinned_so(); }
static void v_ak_pinned_unrestricted(void) { f.on_node = unrestricted; pinned_so(); }
static void v_ak_pinned_decrypt(void) { f.on_node = decrypting; pinned_so(); }
static void v_ak_pinned_hash(void) { f.on_node = sha384; pinned_so(); }
static void v_ak_short(void) { f.on_node = short_ak; fixture_redo(&f); }
static void v_ak_type(void) { f.on_node = rsa_ak; fixture_redo(&f); }
static void v_ak_unrestricted(void) { f.on_node = unrestricted; fixture_redo(&f); }
static void v_ak_decrypt(void) { f.on_node = decrypting; fixture_redo(&f); }
static void v_ak_hash(void) { f.on_node = sha384; fixture_redo(&f); }
static void v_ak_scheme(void) { f.on_node = ecdaa; fixture_redo(&f); }

/* The AK holder signs attestations of another shape (the TPM would refuse most of them). */
static void resign(void) { fixture_sign_quote(&f); fixture_write(&f); }
static void v_quote_long(void) { fixture_redo(&f); f.seal.quote.attest[f.seal.quote.attest_bytes++] = 0; resign(); }
static void v_quote_short(void) { fixture_redo(&f); f.seal.quote.attest_bytes--; resign(); }
static void v_magic(void) { f.magic = 0xff544348; fixture_redo(&f); }
static void v_type(void) { f.type = 0x8017; fixture_redo(&f); }
static void v_quote_signature(void) { fixture_redo(&f); f.seal.quote.signature[40] ^= 1; fixture_write(&f); }
/* The second spelling of the same signature: n - s. */
static void higher(uint8_t s[32])
{
	static const char hex[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
	uint8_t order[32];
	sodium_hex2bin(order, 32, hex, 64, NULL, NULL, NULL);
	for (int i = 31, borrow = 0; i >= 0; i--) {
		int d = order[i] - s[i] - borrow;
		borrow = d < 0;
		s[i] = (uint8_t)d;
	}
}

/* In the file as bytes: the writer would lower it again. */
static void respell(const uint8_t low[64])
{
	char from[96], to[96];
	uint8_t high[64];
	memcpy(high, low, 64);
	higher(high + 32);
	sodium_bin2base64(from, sizeof(from), low, 64, sodium_base64_VARIANT_ORIGINAL);
	sodium_bin2base64(to, sizeof(to), high, 64, sodium_base64_VARIANT_ORIGINAL);
	f.file_bytes = edit(f.file, f.file_bytes, sizeof(f.file), from, to);
}

static void lower(uint8_t s[32])
{
	uint8_t other[32];
	memcpy(other, s, 32);
	higher(other);
	if (memcmp(other, s, 32) < 0)
		memcpy(s, other, 32);
}

static void v_quote_high_s(void) { fixture_redo(&f); lower(f.seal.quote.signature + 32); respell(f.seal.quote.signature); }
static void v_nv_high_s(void) { f.with_nv = 1; fixture_redo(&f); lower(f.seal.nv.signature + 32); respell(f.seal.nv.signature); }
static void v_quote_zero_signature(void) { fixture_redo(&f); memset(f.seal.quote.signature, 0, 64); fixture_write(&f); }

/* Quoted again by another TPM's key under the first one's name. */
static void v_quote_second_ak(void)
{
	fixture_redo(&f);
	f.signing_ak = f.second_ak;
	resign();
}

static void v_quote_signer(void) { fixture_redo(&f); f.seal.quote.attest[20] ^= 1; resign(); }

static void v_quote_other_checkpoint(void)
{
	fixture_redo(&f);
	f.foreign_leaves = 6;
	fixture_log(&f);
	fixture_write(&f);
}

static void v_quote_other_node(void)
{
	fixture_redo(&f);
	f.seal.node.epoch_log_sha256[0] ^= 1;
	fixture_write(&f);
}

static void v_selection(void) { f.selection[1] = 0x7f; fixture_redo(&f); }
static void v_selection_more(void) { f.selection[2] = 0x01; fixture_redo(&f); }
static void v_pcrs(void) { fixture_redo(&f); f.seal.quote.pcrs[4][0] ^= 1; fixture_write(&f); }
static void v_reset(void) { f.seal.launch.reset_count = 6; fixture_redo(&f); }
static void v_restart(void) { f.seal.launch.restart_count = 1; fixture_redo(&f); }
static void v_nv_value_uncertified(void) { f.on_node = uncertified_value; fixture_redo(&f); }
static void v_nv_long(void) { f.with_nv = 1; fixture_redo(&f); f.seal.nv.attest[f.seal.nv.attest_bytes++] = 0; resign(); }
static void v_nv_signature(void) { f.with_nv = 1; fixture_redo(&f); f.seal.nv.signature[1] ^= 1; fixture_write(&f); }
static void v_nv_extra(void) { f.with_nv = 1; fixture_redo(&f); f.seal.nv.attest[45] ^= 1; resign(); }
static void v_nv_reset(void) { f.with_nv = 1; fixture_redo(&f); f.seal.nv.attest[6 + 36 + 34 + 8 + 3] ^= 1; resign(); }
static void v_nv_contents(void) { f.with_nv = 1; fixture_redo(&f); f.seal.nv.attest[f.seal.nv.attest_bytes - 1] ^= 1; resign(); }

/* ---- the table --------------------------------------------------------------------------------- */

const struct forgery forgeries[] = {
#define V(code, name) { #name, name, CENO_VERIFY_##code },
	V(FILE_SIZE, v_empty) V(FILE_SIZE, v_too_long) V(FILE_JSON, v_truncated) V(FILE_JSON, v_newline) V(FILE_JSON, v_space)
	V(FILE_JSON, v_duplicate) V(FILE_JSON, v_key_order) V(FILE_JSON, v_null) V(FILE_JSON, v_float) V(FILE_JSON, v_zeros)
	V(FILE_JSON, v_escape) V(VERSION, v_version) V(VERSION, v_no_version) V(FILE_SCHEMA, v_unknown_field)
	V(FILE_SCHEMA, v_missing_field) V(FILE_SCHEMA, v_algorithm) V(FILE_SCHEMA, v_wrong_type) V(FILE_SCHEMA, v_two_signatures)
	V(FILE_SCHEMA, v_upper_hex) V(FILE_SCHEMA, v_binding) V(PAYLOAD_JSON, v_payload_space) V(PAYLOAD_JSON, v_payload_newline)
	V(PAYLOAD_SCHEMA, v_payload_extra) V(PAYLOAD_JSON, v_payload_duplicate) V(PAYLOAD_SCHEMA, v_payload_unknown)
	V(PAYLOAD_SCHEMA, v_payload_op) V(PAYLOAD_SCHEMA, v_payload_step) V(PAYLOAD_SCHEMA, v_payload_claim)
	V(PAYLOAD_SCHEMA, v_payload_mem) V(PAYLOAD_SCHEMA, v_swapped_steps) V(SUBJECT, v_subject) V(SLOT_SUM, v_two_ram_slots)
	V(SLOT_SUM, v_ram_shorter) V(SLOT_SUM, v_ram_elsewhere) V(SLOT_SUM, v_no_ram_slot) V(SLOT_FORM, v_slot_overlap)
	V(SLOT_FORM, v_slot_writable) V(SLOT_FORM, v_slot_unaligned) V(SLOT_PLEDGE, v_slot_unpledged) V(SLOT_PLEDGE, v_pledge_widened)
	V(SLOT_PLEDGE, v_window_nowhere) V(FILTER, v_filter) V(CONFINED, v_no_seccomp) V(CONFINED, v_new_privs)
	V(CONFINED, v_capability) V(CONFINED, v_no_tasks) V(CAUSE, v_cause_code) V(CAUSE, v_violation_none) V(TASKS_LEFT, v_tasks_left)
	V(AREA_COVER, v_area_missing) V(AREA_COVER, v_area_trail) V(TRAIL, v_trail_no_window) V(TRAIL, v_trail_none)
	V(TRAIL, v_trail_no_records) V(TRAIL, v_trail_hash_of_none) V(CPU, v_cpu_smep) V(CPU, v_cpu_smap) V(CPU, v_cpu_umip)
	V(CPU, v_cpu_wp) V(CPU, v_cpu_paging) V(CPU, v_cpu_nx) V(CPU, v_cpu_long_mode) V(CPU, v_cpu_unknown)
	V(AREA_COVER, v_area_shorter) V(AREA_COVER, v_area_twice) V(AREA_WIPE, v_area_half) V(AREA_WIPE, v_area_unread)
	V(AREA_WIPE, v_area_mismatch) V(AREA_WIPE, v_area_mapped) V(NAMESPACE, v_namespace) V(BITMAP, v_bitmap_short)
	V(BITMAP, v_bitmap_tail) V(BACKED_BYTES, v_backed_bytes) V(BLOCKS, v_blocks) V(PASSES, v_passes) V(KEYS, v_key_twice)
	V(KEYS, v_key_left) V(TOKENS, v_token_lost) V(TOKENS, v_token_key) V(COMPARED, v_compared) V(MISMATCHES, v_mismatches)
	V(WRITE_SEAL, v_write_seal) V(TIMES, v_stop_before_launch) V(TIMES, v_fill_before_reap) V(TIMES, v_steps_overlap)
	V(TIMES, v_compare_before_zero) V(TIMES, v_sealed_early) V(DURATION, v_duration) V(TIMING_HASH, v_timing_hash)
	V(SANITIZATION_HASH, v_sanitization_hash) V(SANITIZATION_HASH, v_sanitization_lie) V(TIMING_HASH, v_timing_lie)
	V(CHAIN, v_c6_lie) V(CHAIN, v_c6) V(CHAIN, v_evidence_edited) V(SIGNER_KEY, v_small_order_key) V(SIGNER_KEY, v_mixed_order_key)
	V(KEYID, v_keyid) V(SIGNATURE, v_recomputed_unsigned) V(SIGNATURE, v_malleable) V(KEY_ROLE, v_role_log)
	V(KEY_ROLE, v_role_pinned) V(STEP8_PAYLOAD, v_step8_payload) V(STEP8_SIGNATURE, v_step8_signature)
	V(STEP8_LAUNCH, v_step8_launch) V(STEP8_STATUS, v_step8_status)
	V(STEP8_OBSERVER, v_step8_later_group) V(STEP8_OBSERVER, v_step8_later_peak) V(STEP8_OBSERVER, v_step8_unseen_group)
	V(MEMORY_ROOT, v_root) V(MEMORY_ROOT, v_root_challenge)
	V(MEMORY_ROOT, v_root_nonce) V(MEMORY_ROOT, v_root_granule) V(CHECKPOINT, v_checkpoint_text) V(CHECKPOINT, v_checkpoint_zero)
	V(CHECKPOINT_ORIGIN, v_checkpoint_renamed) V(CHECKPOINT_KEY, v_checkpoint_stranger) V(CHECKPOINT_ORIGIN, v_checkpoint_origin)
	V(CHECKPOINT_KEY, v_checkpoint_key) V(LAUNCH_INCLUSION, v_checkpoint_other) V(LAUNCH_INCLUSION, v_fresh_session_key)
	V(LAUNCH_INCLUSION, v_other_session) V(LAUNCH_INCLUSION, v_launch_path) V(CDP_INCLUSION, v_second_story)
	V(CDP_INCLUSION, v_cdp_path) V(LOG_ORDER, v_launch_late) V(AK_FORM, v_ak_short) V(AK_FORM, v_ak_pinned_long)
	V(AK_ATTRIBUTES, v_ak_pinned_unrestricted) V(AK_ATTRIBUTES, v_ak_pinned_decrypt) V(AK_SCHEME, v_ak_pinned_hash)
	V(AK_FORM, v_ak_type) V(AK_ATTRIBUTES, v_ak_unrestricted) V(AK_ATTRIBUTES, v_ak_decrypt) V(AK_SCHEME, v_ak_hash)
	V(AK_SCHEME, v_ak_scheme) V(QUOTE_FORM, v_quote_long) V(QUOTE_FORM, v_quote_short) V(QUOTE_MAGIC, v_magic)
	V(QUOTE_TYPE, v_type) V(QUOTE_SIGNATURE, v_quote_signature) V(QUOTE_SIGNATURE, v_quote_zero_signature)
	V(QUOTE_SIGNATURE, v_quote_high_s) V(NV_SIGNATURE, v_nv_high_s) V(QUOTE_SIGNATURE, v_quote_second_ak)
	V(QUOTE_SIGNER, v_quote_signer) V(QUOTE_DATA, v_quote_other_checkpoint) V(QUOTE_DATA, v_quote_other_node)
	V(QUOTE_SELECTION, v_selection) V(QUOTE_SELECTION, v_selection_more) V(QUOTE_PCRS, v_pcrs) V(RESET, v_reset)
	V(RESET, v_restart) V(NV_FORM, v_nv_value_uncertified) V(NV_FORM, v_nv_long) V(NV_SIGNATURE, v_nv_signature)
	V(NV_DATA, v_nv_extra) V(NV_DATA, v_nv_reset) V(NV_VALUE, v_nv_contents)
	TRUST_FORGERIES(V) MEASURED_FORGERIES(V)
};
const size_t forgery_count = sizeof(forgeries) / sizeof(forgeries[0]);
