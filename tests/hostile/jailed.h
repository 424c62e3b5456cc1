/*
 * A jailed ceno-vmm around a tiny guest, started the way the warden starts it and
 * spoken to over its control socket.
 */
#ifndef CENO_TESTS_JAILED_H
#define CENO_TESTS_JAILED_H

#include "tinyvm.h"
#include "vmm/warden/spawn.h"

#define JAILED_UID 64999 /* outer uid; nobody else's */

struct jailed_vmm {
	struct tinyvm tiny;
	struct ceno_child child;
	int control;       /* our end */
	int input, output; /* our ends of the program's stdin and stdout */
};

/* Which program: a path, or NULL for bin/ceno-vmm of the build this test lies in. */
void jailed_use(const char *path);

/* Make everything, start the process and wait until it has parked; the session is sent by jailed_launch. */
void jailed_start(struct jailed_vmm *vmm, const void *code, size_t bytes);

/* Send the launch record and the descriptors in vmm->tiny, and wait for the answer. */
struct ceno_vmm_record jailed_launch(struct jailed_vmm *vmm);

/* Wait for the answer to a launch that the test sent itself; our ends of the streams' descriptors are closed. */
struct ceno_vmm_record jailed_answer(struct jailed_vmm *vmm);

/* Start, launch, and require LOCKED; go: also let it run. */
void jailed_lock(struct jailed_vmm *vmm, const void *code, size_t bytes, bool go);

void jailed_send(struct jailed_vmm *vmm, uint32_t type);

/* Next record; false: the other end is closed. Fails the test after five seconds. */
bool jailed_receive(struct jailed_vmm *vmm, struct ceno_vmm_record *record);

/* Wait for its end; si_status | si_code << 8. */
uint32_t jailed_reap(struct jailed_vmm *vmm);

/* Kill if alive, close everything. */
void jailed_fini(struct jailed_vmm *vmm);

#endif
