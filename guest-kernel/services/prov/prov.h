/*
 * prov's parts that have no verb in them, so that tests reach them.
 */
#ifndef CENO_PROV_H
#define CENO_PROV_H

#include "chain.h"

/*
 * A fingerprint of the CPU as CPUID describes it to the guest: vendor, family, model,
 * stepping, features, brand string, address widths. Left out is what differs between two
 * looks at one machine: the APIC id, and the bits that only repeat CR4 (OSXSAVE, OSPKE).
 */
void ceno_prov_hardware(uint8_t fingerprint[32]);

/* Fills BOOT from the boot page and the firmware's events (abi/boot.h; borrowed).
 * False if the events are not the three that a verdict of NONE comes with. */
bool ceno_prov_boot_record(struct ceno_trail_boot *record, const struct ceno_boot *boot,
                           const struct ceno_boot_events *events);

#endif
