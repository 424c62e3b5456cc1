/*
 * The words of a module's manifest (bundle.h, struct ceno_bundle_module): flags, and
 * the boot slots (verbs.h, trail.h) that init may fill for it.
 */
#ifndef CENO_ABI_MANIFEST_H
#define CENO_ABI_MANIFEST_H

#include "bundle.h"
#include "trail.h"

enum ceno_module_flag {
	CENO_MODULE_ESSENTIAL = 1u << 0, /* its crash stops the session */
	CENO_MODULE_LAZY      = 1u << 1, /* started after the others have run */
	CENO_MODULE_INTEGER   = 1u << 2, /* built without FPU instructions: it has no FPU (verbs.h) */
	CENO_MODULE_PREPARED  = 1u << 3  /* its space is laid out at launch, if it can be (boot.h) */
};
#define CENO_MODULE_FLAGS     (CENO_MODULE_ESSENTIAL | CENO_MODULE_LAZY | CENO_MODULE_INTEGER | CENO_MODULE_PREPARED)
#define CENO_MODULE_POOL_REST UINT32_MAX
#define CENO_MODULE_STATE_MAX 0x10000u
#define CENO_MODULE_WINDOWS   (((1ull << CENO_PLEDGE_COUNT) - 1) << CENO_SLOT_WINDOW)
/* SELF: MAP, SPAWN. CLOCK: READ. RAM: READ WRITE EXECUTE.
 * PACK, IMAGE: READ EXECUTE. Windows: READ WRITE. SUPERVISOR: WRITE. BOOT: READ, and the page
 * is mapped at CENO_GVA_BOOT_PAGE; PREPARED: it is mapped, no more. BUNDLE and the trail's frame
 * ranges: mapped (trail.h), no more. */
#define CENO_MODULE_GRANTS \
	(1ull << CENO_SLOT_SELF | 1ull << CENO_SLOT_CLOCK | 1ull << CENO_SLOT_RAM | 1ull << CENO_SLOT_PACK | \
	 1ull << CENO_SLOT_BUNDLE | 1ull << CENO_SLOT_BOOT | 1ull << CENO_SLOT_IMAGE | \
	 1ull << CENO_SLOT_TRAIL | 1ull << CENO_SLOT_TRAIL_EVENTS | 1ull << CENO_SLOT_TRAIL_MESSAGES | \
	 1ull << CENO_SLOT_SUPERVISOR | CENO_MODULE_WINDOWS)

#endif
