/* Logs of the node's host: each shape that explains the PCRs, and each field of one that is malformed. */
#include <stdbool.h>
#include <string.h>
#include "vectors.h"

static void again(void)
{
	start();
	measured_logs();
}

static void shapes(void)
{
	static const uint16_t sets[][3] = { { BOOT_LOG_SHA256 },
		                            { BOOT_LOG_SHA1, BOOT_LOG_SHA256 },
		                            { BOOT_LOG_SHA256, BOOT_LOG_SHA384 },
		                            { BOOT_LOG_SHA384, BOOT_LOG_SHA1, BOOT_LOG_SHA256 } };
	for (uint32_t i = 0; i < 4; i++)
		for (uint32_t locality = 0; locality <= 5; locality++) {
			again();
			boot_log_begin(&events, sets[i], i == 0 ? 1 : i == 3 ? 3 : 2);
			boot_log_locality(&events, (uint8_t)locality);
			for (uint32_t pcr = 0; pcr <= 24; pcr++)
				if (pcr != 10 && (pcr < 24 || locality == 4))
					boot_log_event(&events, pcr, BOOT_LOG_ACTION, &pcr, sizeof(pcr));
			measured_given();
			vector(locality <= 3 ? OK : CENO_VERIFY_EVENT_LOG_FORM, "boot-shape-%u-%u", i, locality);
		}
	again();
	boot_log_begin(&events, sets[0], 1); /* a log of its first event alone: nothing was extended */
	measured_given();
	policy.ima = NULL;
	vector(OK, "boot-shape-none");
}

/* One algorithm's digest twice and the other's not at all; something behind the list of algorithms. */
static void event_lists(void)
{
	static const uint16_t two[] = { BOOT_LOG_SHA1, BOOT_LOG_SHA256 };
	static const uint8_t sha256[34] = { BOOT_LOG_SHA256 };
	again();
	boot_log_begin(&events, two, 2);
	boot_log_put32(&events, 3);
	boot_log_put32(&events, BOOT_LOG_ACTION);
	boot_log_put32(&events, 2);
	boot_log_put(&events, sha256, sizeof(sha256));
	boot_log_put(&events, sha256, sizeof(sha256));
	boot_log_put32(&events, 0);
	measured_given();
	vector(CENO_VERIFY_EVENT_LOG_FORM, "boot-event-digest-twice");
	again();
	boot_log_begin(&events, two, 2);
	boot_log_put(&events, "", 1);
	events.bytes[28]++;
	measured_given();
	vector(CENO_VERIFY_EVENT_LOG_FORM, "boot-event-algorithms-more");
}

/* Each byte of the log's head and of one event, changed: malformed, or what it says is another PCR. */
static void event_bytes(void)
{
	static const uint16_t sha256 = BOOT_LOG_SHA256;
	for (uint32_t i = 0; i < 32 + 24 + 4 + 4 + 1 + 12 + 2 + 32 + 4; i++) {
		again();
		boot_log_begin(&events, &sha256, 1);
		boot_log_event(&events, 3, BOOT_LOG_ACTION, "event", 5);
		events.bytes[i] ^= 0x21;
		measured_given();
		policy.ima = NULL;
		/* the specification's version, a type that is extended, an event's own text: nothing rests on them */
		bool free_byte = (i >= 48 && i < 56) || (i >= 69 && i < 73);
		vector(free_byte ? OK : ANY_REASON, "boot-event-byte-%u", i);
	}
	again();
	for (size_t cut = 1; cut < events.used; cut += 1 + cut / 8) {
		again();
		events.used -= cut;
		measured_given();
		vector(ANY_REASON, "boot-event-cut-%zu", cut);
	}
}

/* The SHA-1 of an entry is not what SHA-256 PCRs are extended with, and of a template's name "ima-" counts. */
static bool ima_free(size_t at)
{
	again();
	for (size_t entry = 0; entry < ima.used;) {
		size_t name = ima.bytes[entry + 24], data = ima.bytes[entry + 28 + name];
		if ((at >= entry + 4 && at < entry + 24) || (at >= entry + 32 && at < entry + 28 + name))
			return true;
		entry += 32 + name + data;
	}
	return false;
}

static void ima_bytes(void)
{
	again();
	size_t used = ima.used;
	for (size_t i = 0; i < used; i += 3) {
		bool is_free = ima_free(i);
		again();
		measured_given();
		ima.bytes[i] ^= 0x21;
		vector(is_free ? OK : ANY_REASON, "boot-ima-byte-%zu", i);
	}
	for (size_t cut = 1; cut < used; cut += 7) {
		again();
		measured_given();
		policy.ima_bytes -= cut;
		vector(ANY_REASON, "boot-ima-cut-%zu", cut);
	}
}

static void lists(void)
{
	static const char *const codes[] = { "none", "boot", "runtime" };
	for (uint32_t code = 0; code < 3; code++)
		for (uint32_t from = 0; from < 3; from++)
			for (uint32_t to = from; to < 3; to++) {
				again();
				measured_given();
				measured_listed(codes[code], from, to);
				vector(from == 0 && to == 2 ? OK : CENO_VERIFY_IMA_PROGRAM, "boot-list-%u-%u-%u", code,
				       from, to);
				policy.ima = NULL; /* without the list of what ran, nothing is known of it */
				vector(code == 2 ? CENO_VERIFY_CODE_ASSURANCE : OK, "boot-list-unseen-%u-%u-%u", code,
				       from, to);
			}
	for (uint32_t younger = 1; younger <= 3; younger++) { /* what the list got after the quote is not looked at */
		again();
		measured_given();
		measured_listed("runtime", 0, 2);
		for (uint32_t i = 0; i < younger; i++)
			boot_log_ima(&ima, "ima-ng", "sha256:", f.seal.node.log_pub, "/later");
		policy.ima_bytes = ima.used;
		vector(OK, "boot-ima-younger-%u", younger);
	}
}

void vectors_boot(void)
{
	shapes();
	event_lists();
	event_bytes();
	ima_bytes();
	lists();
}
