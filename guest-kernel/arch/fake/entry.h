/* Between machine.c and entry.c. */
#ifndef CENO_FAKE_ENTRY_H
#define CENO_FAKE_ENTRY_H

#include "abi/boot.h"

/* ceno_start: from the firmware's stub to init in ring 3. */
void ceno_fake_boot(const struct ceno_handoff *h);

#endif
