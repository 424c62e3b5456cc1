/*
 * The vCPU thread. See vcpu.h.
 */
#include "vmm/core/vcpu.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/kvm/step.h"

#define KICK_SIGNAL SIGUSR1
#define GATE_GO     1u /* what is written to the gate; the values add up */
#define GATE_END    2u

#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT 39 /* Linux 6.8; newer than the headers of Debian 12 */
#endif

static bool decode_port(const struct kvm_run *run, struct ceno_vcpu_stop *stop)
{
	uint32_t code;
	stop->value = run->io.port;
	stop->reason = CENO_VMM_STOP_PORT;
	if (run->io.direction != KVM_EXIT_IO_OUT || run->io.port != CENO_PORT_STOP || run->io.size != sizeof(code) ||
	    run->io.count != 1)
		return true;
	memcpy(&code, (const uint8_t *)run + run->io.data_offset, sizeof(code));
	stop->value = code;
	stop->reason = CENO_VMM_STOP_GUEST_STOP;
	return true;
}

/* KVM_RUN failed. -EFAULT: the memory behind a slot is gone, which only the warden
 * can do (it truncated a window). */
static bool decode_error(const struct kvm_run *run, int result, struct ceno_vcpu_stop *stop)
{
	if (result == -EINTR || result == -EAGAIN)
		return false;
	stop->value = (uint64_t)-result;
	stop->reason = CENO_VMM_STOP_HOST_ERROR;
	if (result == -EFAULT) {
		stop->reason = CENO_VMM_STOP_REVOKED;
		/* struct memory_fault { flags, gpa, size } at the exit union. */
		if (run->exit_reason == KVM_EXIT_MEMORY_FAULT)
			memcpy(&stop->gpa, (const uint8_t *)&run->mmio + sizeof(uint64_t), sizeof(stop->gpa));
	}
	return true;
}

bool ceno_vcpu_decode(const struct kvm_run *run, int result, const struct ceno_slots *slots,
                      struct ceno_vcpu_stop *stop)
{
	*stop = (struct ceno_vcpu_stop){ .reason = CENO_VMM_STOP_EMULATION };
	if (result)
		return decode_error(run, result, stop);
	switch (run->exit_reason) {
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		return false;
	case KVM_EXIT_IO:
		return decode_port(run, stop);
	case KVM_EXIT_MMIO:
		stop->gpa = run->mmio.phys_addr;
		stop->reason = ceno_slots_classify(slots, (ceno_gpa_t){ stop->gpa }, run->mmio.is_write);
		return true;
	case KVM_EXIT_SHUTDOWN:
		stop->reason = CENO_VMM_STOP_SHUTDOWN;
		return true;
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		stop->reason = CENO_VMM_STOP_MSR;
		stop->value = run->msr.index;
		return true;
	case KVM_EXIT_INTERNAL_ERROR:
		stop->value = run->internal.suberror;
		return true;
	case KVM_EXIT_FAIL_ENTRY:
		stop->value = run->fail_entry.hardware_entry_failure_reason;
		return true;
	default:
		stop->value = run->exit_reason;
		return true;
	}
}

static uint64_t wait_gate(int fd)
{
	uint64_t value;
	while (read(fd, &value, sizeof(value)) != (ssize_t)sizeof(value))
		;
	return value;
}

static void write_gate(const struct ceno_vcpu *vcpu, uint64_t value)
{
	while (write(vcpu->gate_fd, &value, sizeof(value)) < 0 && errno == EINTR)
		;
}

static void run_until_stop(struct ceno_vcpu *vcpu)
{
	for (;;) {
		int result = ceno_kvm_run(vcpu->kvm);
		if (vcpu->step && !result && vcpu->kvm->run->exit_reason == KVM_EXIT_DEBUG &&
		    ceno_step_on_debug(vcpu->step, vcpu->kvm))
			continue;
		/* A violation in the moment of the kick is still one. */
		if (ceno_vcpu_decode(vcpu->kvm->run, result, vcpu->slots, &vcpu->stop))
			return;
		if (atomic_load(&vcpu->kicked)) {
			vcpu->stop = (struct ceno_vcpu_stop){ .reason = CENO_VMM_STOP_DRAINED };
			return;
		}
	}
}

static void *thread_main(void *argument)
{
	struct ceno_vcpu *vcpu = argument;
	atomic_store(&vcpu->tid, (pid_t)syscall(SYS_gettid));
	if (wait_gate(vcpu->gate_fd) >= GATE_END)
		return NULL;
	run_until_stop(vcpu);
	vcpu->parked(vcpu->owner);
	while (wait_gate(vcpu->gate_fd) < GATE_END)
		;
	return NULL;
}

static void on_kick(int number)
{
	(void)number; /* its arrival alone makes KVM_RUN return */
}

int ceno_vcpu_start(struct ceno_vcpu *vcpu)
{
	struct sigaction action = { .sa_handler = on_kick };
	vcpu->pid = getpid();
	atomic_store(&vcpu->tid, 0);
	atomic_store(&vcpu->kicked, false);
	vcpu->stop = (struct ceno_vcpu_stop){ 0 };
	vcpu->gate_fd = eventfd(0, EFD_CLOEXEC);
	if (vcpu->gate_fd < 0 || sigaction(KICK_SIGNAL, &action, NULL) < 0)
		return -errno;
	int result = pthread_create(&vcpu->thread, NULL, thread_main, vcpu);
	if (result) {
		close(vcpu->gate_fd);
		return -result;
	}
	while (atomic_load(&vcpu->tid) == 0)
		usleep(50);
	return 0;
}

void ceno_vcpu_go(struct ceno_vcpu *vcpu)
{
	write_gate(vcpu, GATE_GO);
}

void ceno_vcpu_end(struct ceno_vcpu *vcpu)
{
	write_gate(vcpu, GATE_END);
	pthread_join(vcpu->thread, NULL);
	close(vcpu->gate_fd);
}

void ceno_vcpu_kick(struct ceno_vcpu *vcpu)
{
	if (atomic_exchange(&vcpu->kicked, true))
		return;
	/* immediate_exit covers the moment before KVM_RUN, the signal the one inside. */
	__atomic_store_n(&vcpu->kvm->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_tgkill, vcpu->pid, atomic_load(&vcpu->tid), KICK_SIGNAL);
}
