/* Logs of a host's measured boot, honest and forged: see measured.h. */
#include "asked.h"
#include "measured.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct boot_log events, ima;

/* The kernel's first entry: over PCRs 0 to 9. */
static void aggregate(void)
{
	uint8_t digest[32];
	crypto_hash_sha256(digest, events.pcrs[0], 10 * 32);
	boot_log_ima(&ima, "ima-ng", "sha256:", digest, "boot_aggregate");
}

static void program(uint32_t number)
{
	static const char *const paths[] = { "/sbin/init", "/usr/bin/cenod", "/usr/libexec/ceno-attest",
		                             "/tmp/intruder" };
	uint8_t digest[32];
	memset(digest, 0x50 + (int)number, 32);
	boot_log_ima(&ima, number == 1 ? "ima-sig" : "ima-ng", number == 2 ? "ima:sha256:" : "sha256:", digest,
	             paths[number]);
}

static void boot(int locality)
{
	static const uint16_t algorithms[] = { BOOT_LOG_SHA1, BOOT_LOG_SHA256 };
	char what[16];
	boot_log_begin(&events, algorithms, 2);
	if (locality >= 0)
		boot_log_locality(&events, (uint8_t)locality);
	for (uint32_t i = 0; i < 10; i++)
		for (uint32_t k = 0; k <= i % 3; k++)
			boot_log_event(&events, i, BOOT_LOG_ACTION, what,
			               (size_t)snprintf(what, sizeof(what), "%u %u", i, k));
	boot_log_event(&events, 0xffffffff, BOOT_LOG_NOTHING, "note", 4);
	boot_log_event(&events, 14, BOOT_LOG_ACTION, "MokList", 7);
}

void measured_logs(void)
{
	boot(-1);
	memset(&ima, 0, sizeof(ima));
	aggregate();
	for (uint32_t i = 0; i < 3; i++)
		program(i);
}

static void name_log(struct fixture *x)
{
	crypto_hash_sha256(x->seal.node.epoch_log_sha256, events.bytes, events.used);
}

void measured_given(void)
{
	for (uint32_t i = 0; i < CENO_PROOF_PCRS; i++)
		memcpy(f.seal.quote.pcrs[i], i == 10 ? ima.pcrs[i] : events.pcrs[i], 32);
	f.on_node = name_log;
	fixture_redo(&f);
	policy.event_log = events.bytes;
	policy.event_log_bytes = events.used;
	policy.ima = ima.bytes;
	policy.ima_bytes = ima.used;
}

void measured_listed(const char *code, uint32_t from, uint32_t to)
{
	char text[2048], hex[65];
	uint8_t digest[32], secret[64];
	policy.as_of = 1750000000;
	asked_rule(&policy, "signer %s\ncode %s\n", asked_key(1, secret), code);
	if (ceno_proof_platform_digest(&f.statement.core.platform, digest) != 0)
		abort();
	size_t n = (size_t)snprintf(text, sizeof(text), "valid 1700000000 1800000000\nplatform sha256:%s\n",
	                            sodium_bin2hex(hex, sizeof(hex), digest, 32));
	n += (size_t)snprintf(text + n, sizeof(text) - n, "pcr 7 sha256:%s\n",
	                      sodium_bin2hex(hex, sizeof(hex), f.seal.quote.pcrs[7], 32));
	for (uint32_t i = from; i <= to; i++) {
		memset(digest, 0x50 + (int)i, 32);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "executable sha256:%s\n",
		                      sodium_bin2hex(hex, sizeof(hex), digest, 32));
	}
	asked_reference(&policy, 1, text);
}

/* ---- event logs ------------------------------------------------------------------------------ */

void v_events_other(void)
{
	measured_logs();
	measured_given();
	events.bytes[events.used - 1] ^= 1;
}

void v_events_cut(void)
{
	measured_logs();
	events.used--;
	measured_given();
}

/* No SHA-256 in it: as if its events were none. */
void v_events_sha1(void)
{
	static const uint16_t sha1 = BOOT_LOG_SHA1;
	measured_logs();
	boot_log_begin(&events, &sha1, 1);
	measured_given();
}

void v_events_text(void)
{
	measured_logs();
	boot_log_put(&events, "\n", 1);
	measured_given();
}

void v_events_late_locality(void)
{
	uint8_t before[32];
	measured_logs();
	memcpy(before, events.pcrs[0], 32);
	boot_log_locality(&events, 3);
	memcpy(events.pcrs[0], before, 32);
	measured_given();
}

static void other_pcr(uint32_t pcr)
{
	measured_logs();
	events.pcrs[pcr][31] ^= 1;
	measured_given();
}

void v_events_pcr_0(void)
{
	other_pcr(0);
}
void v_events_pcr_9(void)
{
	other_pcr(9);
}

/* The node names a log without an event that took place. */
void v_events_left_out(void)
{
	size_t used;
	measured_logs();
	used = events.used;
	boot_log_event(&events, 4, BOOT_LOG_ACTION, "a loader", 8);
	events.used = used;
	measured_given();
}

void v_events_locality(void)
{
	uint8_t pcrs[24][32];
	measured_logs();
	boot(3); /* its values, and the log of another start */
	memcpy(pcrs, events.pcrs, sizeof(pcrs));
	boot(-1);
	memcpy(events.pcrs, pcrs, sizeof(pcrs));
	measured_given();
}

/* ---- IMA's list -------------------------------------------------------------------------------- */

void v_ima_cut(void)
{
	measured_logs();
	measured_given();
	policy.ima_bytes--;
}

/* Something behind the entries that were quoted. */
void v_ima_text(void)
{
	measured_logs();
	measured_given();
	boot_log_put(&ima, "\n", 1);
	policy.ima_bytes = ima.used;
}

void v_ima_other_pcr(void)
{
	measured_logs();
	measured_given();
	ima.bytes[0] = 11;
}

/* The template that has SHA-1 alone. */
void v_ima_old(void)
{
	measured_logs();
	memset(&ima, 0, sizeof(ima));
	aggregate();
	memcpy(memmem(ima.bytes, ima.used, "ima-ng", 6), "ima_ng", 6);
	measured_given();
}

void v_ima_edited(void)
{
	measured_logs();
	measured_given();
	ima.bytes[ima.used - 2] ^= 1;
}

void v_ima_empty(void)
{
	measured_logs();
	memset(&ima, 0, sizeof(ima));
	measured_given();
}

/* The last program that was quoted is not shown. */
void v_ima_shorter(void)
{
	size_t used;
	measured_logs();
	used = ima.used;
	program(3);
	measured_given();
	policy.ima_bytes = used;
}

void v_ima_unknown(void)
{
	measured_logs();
	program(3);
	measured_given();
	measured_listed("runtime", 0, 2);
}

void v_ima_violation(void)
{
	measured_logs();
	boot_log_ima(&ima, "ima-ng", "sha256:", NULL, "/sbin/init");
	measured_given();
	measured_listed("boot", 0, 2);
}

/* 32 bytes of a listed digest, under another algorithm's name. */
void v_ima_sha1(void)
{
	uint8_t digest[32];
	measured_logs();
	memset(digest, 0x50, 32);
	boot_log_ima(&ima, "ima-ng", "sm3-256:", digest, "/sbin/init");
	measured_given();
	measured_listed("runtime", 0, 2);
}

/* An aggregate of another boot. */
void v_ima_aggregate(void)
{
	measured_logs();
	memset(&ima, 0, sizeof(ima));
	events.pcrs[2][0] ^= 1;
	aggregate();
	events.pcrs[2][0] ^= 1;
	program(0);
	measured_given();
	measured_listed("runtime", 0, 2);
}

/* It is one only where the kernel puts it. */
void v_ima_aggregate_later(void)
{
	measured_logs();
	aggregate();
	measured_given();
	measured_listed("runtime", 0, 2);
}

void v_ima_not_given(void)
{
	measured_logs();
	measured_given();
	policy.ima = NULL;
	measured_listed("runtime", 0, 2);
}

/* A list of a signer whom the policy does not name is no list. */
void v_ima_nobody(void)
{
	char line[128], hex[65];
	uint8_t digest[32], secret[64];
	measured_logs();
	measured_given();
	policy.as_of = 1750000000;
	asked_rule(&policy, "signer %s\ncode runtime\n", asked_key(1, secret));
	if (ceno_proof_platform_digest(&f.statement.core.platform, digest) != 0)
		abort();
	char text[2048];
	snprintf(line, sizeof(line), "platform sha256:%s\n", sodium_bin2hex(hex, sizeof(hex), digest, 32));
	size_t n = (size_t)snprintf(text, sizeof(text), "valid 1700000000 1800000000\n%spcr 7 sha256:%s\n", line,
	                            sodium_bin2hex(hex, sizeof(hex), f.seal.quote.pcrs[7], 32));
	asked_reference(&policy, 1, text);
	for (int i = 0; i < 3; i++) {
		memset(digest, 0x50 + i, 32);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "executable sha256:%s\n",
		                      sodium_bin2hex(hex, sizeof(hex), digest, 32));
	}
	asked_reference(&policy, 2, text);
}
