/* What BOOT says (prov.h). */
#include <cpuid.h>
#include "prov.h"
#include "abi/bundle.h"
#include "lib/blake3.h"
#include "lib/mem.h"

static void take_leaf(struct ceno_blake3 *hash, uint32_t leaf, uint32_t ebx_mask, uint32_t ecx_mask)
{
	uint32_t word[5] = { leaf };

	__cpuid_count(leaf, 0, word[1], word[2], word[3], word[4]);
	word[2] &= ebx_mask;
	word[3] &= ecx_mask;
	ceno_blake3_update(hash, word, sizeof word);
}

void ceno_prov_hardware(uint8_t fingerprint[32])
{
	struct ceno_blake3 hash;

	ceno_blake3_init_derive_key(&hash, CENO_TRAIL_HARDWARE_CONTEXT, sizeof CENO_TRAIL_HARDWARE_CONTEXT - 1);
	take_leaf(&hash, 0, UINT32_MAX, UINT32_MAX);
	take_leaf(&hash, 1, 0x0000ffff, ~(1u << 27)); /* APIC id and the number of logical CPUs; OSXSAVE */
	take_leaf(&hash, 7, UINT32_MAX, ~(1u << 4));  /* OSPKE */
	for (uint32_t leaf = 0x80000001; leaf <= 0x80000004; leaf++)
		take_leaf(&hash, leaf, UINT32_MAX, UINT32_MAX);
	take_leaf(&hash, 0x80000008, UINT32_MAX, UINT32_MAX);
	ceno_blake3_final(&hash, fingerprint, 32);
}

bool ceno_prov_boot_record(struct ceno_trail_boot *record, const struct ceno_boot *boot,
                           const struct ceno_boot_events *events)
{
	uint8_t *const to[3] = { record->trust, record->bundle, record->constant };

	memset(record, 0, sizeof *record);
	if (events->count != 3 || events->verdict != CENO_STOP_NONE)
		return false;
	for (uint32_t i = 0; i < 3; i++) {
		if (events->event[i].type != CENO_EVENT_TRUST + i)
			return false;
		memcpy(to[i], events->event[i].sha512, 64);
	}
	ceno_prov_hardware(record->hardware);
	memcpy(record->session_id, boot->session_id, sizeof record->session_id);
	memcpy(record->nonce, boot->nonce, sizeof record->nonce);
	record->start_realtime_ns = boot->start_realtime_ns;
	record->start_tsc = boot->start_tsc;
	record->tsc_hz = boot->tsc_hz;
	record->abi_version = boot->abi_version;
	record->pledge = boot->pledge_mask;
	return true;
}
