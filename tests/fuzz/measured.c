/*
 * Logs of measured boot: the host's event log (byte 0 even) and IMA's list (odd).
 * Property: no read outside the log (it is copied to its exact size), IMA's entries
 * move on and end, and a longer IMA list begins as the shorter one did.
 */
#include "property.h"
#include "attest/verify/measured.h"

static void events(const void *log, size_t size)
{
	static uint8_t pcrs[CENO_PROOF_PCRS][32], again[CENO_PROOF_PCRS][32];
	if (ceno_event_log_replay(log, size, pcrs))
		REQUIRE(ceno_event_log_replay(log, size, again) && memcmp(pcrs, again, sizeof(pcrs)) == 0);
}

static void ima(const void *log, size_t size)
{
	struct ceno_ima_entry entry, again;
	size_t at = 0, before = 0;
	int rc;
	while ((rc = ceno_ima_next(log, size, &at, &entry)) > 0) {
		size_t from = before;
		REQUIRE(at > before && at <= size);
		REQUIRE(ceno_ima_next(log, at, &from, &again) == 1 && from == at &&
		        memcmp(&entry, &again, sizeof(entry)) == 0);
		before = at;
	}
	REQUIRE(rc < 0 ? at == before : at == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		fuzz_exactly(data + 1, size - 1, data[0] & 1 ? ima : events);
	return 0;
}
