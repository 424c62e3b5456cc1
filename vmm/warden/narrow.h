/*
 * Taking classes from a running session: one-way, each at most once.
 *
 * A class without a window (rw, spawn) is held inside the guest: the boot page says that it
 * is dropped, and membrane looks there at each call. The stdio window is taken:
 *
 *   told     the boot page says so, the vmm is told; it moves no byte any more and signals the guest
 *   let go   the vmm has answered, and the guest has said `released`; or a second is over
 *   stopped  SIGSTOP: no thread of the vmm runs, so neither does the guest
 *   taken    overwritten, read back through another mapping, truncated to nothing; the vmm goes on
 *
 * Who has let go notices nothing. A guest that has not ends its session by its next access (KVM_RUN
 * fails: a violation, REVOKED), a vmm by a SIGBUS (a crash): both are destroyed like any session. Nobody can
 * write between overwriting and truncating, so no byte goes back to the kernel unread.
 */
#ifndef CENO_WARDEN_NARROW_H
#define CENO_WARDEN_NARROW_H

#include <stdint.h>

struct ceno_session;

struct ceno_narrowing {
	uint32_t asked; /* NARROW records not answered yet */
	uint32_t turns; /* looks at the window since the vmm was told; 0: it was not */
	int vmm_let_go; /* the vmm said so */
};

/* Adds classes to those that the boot page says are dropped. Returns 0 or -errno. */
int ceno_narrow_tell(struct ceno_session *session, uint32_t classes);

/* Whether the guest says that it is done with the stdio window. Guest-controlled. */
int ceno_narrow_released(const struct ceno_session *session);

/* Takes the stdio window, and writes its evidence. The vmm has stopped and goes on, blocking for at most a
 * second. Returns 0; -ESRCH: the vmm has ended, and the window is as it was; or -errno: it has not stopped, or the
 * window did not read back as zero and is as it was. The session cannot go on. */
int ceno_narrow_take(struct ceno_session *session);

#endif
