/*
 * The main thread's loop: streams, doorbells, the end of the vCPU.
 *
 *   READY --go--> RUNNING --drain, or program's end in direct mode--> DRAINING --parked--> FLUSHING --> STOPPED
 *                    \-- guest stop --> FLUSHING                      (both together 200 ms at most)
 *                    \-- violation, ring lie, host error -------------------------------------------> STOPPED
 *
 * DRAINING asks the guest to stop, so that its services can end what they write; a guest
 * that has not stopped after CENO_SEAL_MS is stopped. Without a stdio window it cannot be asked.
 *
 * Invariant: `stopped` is called once, after the vCPU parked. After
 * ceno_runner_complete nothing here allocates.
 */
#ifndef CENO_VMM_LOOP_H
#define CENO_VMM_LOOP_H

#include <uv.h>

#include "vmm/core/vm.h"
#include "vmm/windows/stdio.h"

#define CENO_FLUSH_MS 200
#define CENO_SEAL_MS  100

enum ceno_runner_state {
	CENO_RUNNER_READY,
	CENO_RUNNER_RUNNING,
	CENO_RUNNER_DRAINING,
	CENO_RUNNER_FLUSHING,
	CENO_RUNNER_STOPPED
};

struct ceno_runner_events {
	void (*program)(void *owner, const struct ceno_program_report *report);
	void (*stopped)(void *owner, const struct ceno_vcpu_stop *stop);
};

struct ceno_runner {
	struct ceno_vm vm;
	uv_loop_t loop;
	int parked_fd; /* owned eventfd: the vCPU thread writes it once. Not uv_async_t, whose
	                                   receiver may yield the CPU by a call that the filter refuses */
	uv_poll_t parked;
	uv_timer_t flush;  /* one deadline at a time: the guest's own stop, then the flush */
	uint64_t drain_ms; /* loop time of the drain; 0: none */
	uv_poll_t doorbell;
	struct ceno_stdio stdio;
	bool has_stdio;
	enum ceno_runner_state state;
	struct ceno_vcpu_stop stop; /* first reason wins */
	const struct ceno_runner_events *events;
	void *owner;
};

/* Make the loop and the node's part of the VM. fd: by enum ceno_vmm_fd, borrowed. Errors as
 * ceno_vm_prepare (runner->vm.failed). */
int ceno_runner_prepare(struct ceno_runner *runner, const int fd[CENO_VMM_FD_END], struct ceno_step *step,
                        const struct ceno_runner_events *events, void *owner);

/* Add the session's part and watch its streams. Errors as ceno_vm_complete. */
int ceno_runner_complete(struct ceno_runner *runner, const struct ceno_vmm_launch *launch,
                         const int fd[CENO_VMM_FD_END]);

/* Both at once, for drivers whose session is there from the beginning. */
int ceno_runner_init(struct ceno_runner *runner, const struct ceno_vmm_launch *launch, const int fd[CENO_VMM_FD_END],
                     struct ceno_step *step, const struct ceno_runner_events *events, void *owner);

/* First KVM_RUN. */
void ceno_runner_go(struct ceno_runner *runner);

/* Have the guest stop, or stop it, then flush the output rings. Idempotent. A guest that did as it
 * was asked has stopped as DRAINED. */
void ceno_runner_drain(struct ceno_runner *runner);

/* Let go of the stdio window, for good: no byte is moved any more, what lies in its rings is lost, the
 * guest is signalled. From then on the session is one without that window. Once; it has one. */
void ceno_runner_narrow(struct ceno_runner *runner);

/* Give everything back; the runner stopped or never went. Not after lock. */
void ceno_runner_fini(struct ceno_runner *runner);

/* Stop the vCPU at once, for `reason`. */
void ceno_runner_abort(struct ceno_runner *runner, uint32_t reason, uint64_t value);

#endif
