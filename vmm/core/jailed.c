/*
 * The jailed role. See jailed.h.
 */
#include "vmm/core/jailed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/core/launch_check.h"
#include "vmm/core/loop.h"
#include "vmm/core/receive.h"
#include "vmm/sandbox/filter.h"
#include "vmm/sandbox/filter_table.h"
#include "vmm/sandbox/jail.h"

#define EXIT_VIOLATION   3
#define EXIT_HOST        4
#define DESCRIPTOR_LIMIT 64 /* the table, eventfds, epoll; the vCPU moves to number 60 */
#define SEALS_CONTENT    (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)
#define SEALS_LENGTH     (F_SEAL_SHRINK | F_SEAL_GROW)

struct jailed {
	struct ceno_runner runner;
	struct ceno_vmm_launch launch;
	struct ceno_jail_result jail;
	struct ceno_kvm_mode mode;
	uv_poll_t control;
	bool locked; /* nothing is obeyed before */
	bool went;   /* GO was received */
};

/* ---- to the warden --------------------------------------------------------- */

static void send_record(const struct ceno_vmm_record *record)
{
	/* A full socket means a warden that reads nothing: it learns of the end by pidfd. */
	while (write(CENO_VMM_FD_CONTROL, record, sizeof(*record)) < 0 && errno == EINTR)
		;
}

static int refuse(uint32_t reason, uint64_t value, uint64_t stage)
{
	const struct ceno_vmm_record record = {
		.type = CENO_VMM_STOPPED, .reason = reason, .value = value, .gpa = stage
	};
	send_record(&record);
	return EXIT_HOST;
}

static int refuse_stage(int error, enum ceno_vmm_stage stage)
{
	return refuse(CENO_VMM_STOP_REFUSED, (uint64_t)(error < 0 ? -error : error), stage);
}

static void on_program(void *owner, const struct ceno_program_report *report)
{
	(void)owner;
	const struct ceno_vmm_record record = {
		.type = CENO_VMM_PROGRAM,
		.program_seq = report->seq,
		.exit_status = report->exit_status,
		.signal = report->signal,
		.refusal = report->refusal,
		.out_of_memory = report->out_of_memory,
		.restarts = report->restarts,
		.end = report->end,
		.detail = report->detail,
		.entry_tsc = report->entry_tsc,
		.done_tsc = report->done_tsc,
		.syscalls = report->syscalls,
		.faults = report->faults,
		.ram_peak_bytes = report->ram_peak_bytes,
	};
	send_record(&record);
}

/* The last act: say why, then leave by exit_group (nothing else would pass the filter). */
static void on_stopped(void *owner, const struct ceno_vcpu_stop *stop)
{
	(void)owner;
	const struct ceno_vmm_record record = {
		.type = CENO_VMM_STOPPED, .reason = stop->reason, .value = stop->value, .gpa = stop->gpa
	};
	send_record(&record);
	if (stop->reason >= CENO_VMM_STOP_HOST_ERROR)
		_exit(EXIT_HOST);
	_exit(stop->reason >= CENO_VMM_STOP_UNBACKED ? EXIT_VIOLATION : 0);
}

/* ---- from the warden ------------------------------------------------------- */

static bool obey(struct jailed *jailed, const struct ceno_vmm_record *record)
{
	static const struct ceno_vmm_record bare, narrowed = { .type = CENO_VMM_NARROWED };
	struct ceno_vmm_record rest = *record;
	rest.type = 0;
	if (!jailed->locked || memcmp(&rest, &bare, sizeof(bare)) != 0)
		return false;
	switch (record->type) {
	case CENO_VMM_GO:
		if (jailed->went)
			return false;
		jailed->went = true;
		ceno_runner_go(&jailed->runner);
		return true;
	case CENO_VMM_DRAIN:
		if (!jailed->went)
			return false;
		ceno_runner_drain(&jailed->runner);
		return true;
	case CENO_VMM_REQUEST:
		if (!jailed->went || !jailed->runner.has_stdio)
			return false;
		ceno_stdio_request(&jailed->runner.stdio);
		return true;
	case CENO_VMM_TERMINAL:
		if (!jailed->went || !jailed->runner.has_stdio)
			return false;
		ceno_stdio_signal(&jailed->runner.stdio);
		return true;
	case CENO_VMM_NARROW:
		if (!jailed->went || !jailed->runner.has_stdio || jailed->runner.stdio.gone)
			return false;
		ceno_runner_narrow(&jailed->runner);
		send_record(&narrowed);
		return true;
	default:
		return false;
	}
}

static void on_control(uv_poll_t *poll, int status, int events)
{
	struct jailed *jailed = poll->data;
	struct ceno_vmm_record record;
	uint8_t buffer[sizeof(record) + 1]; /* one more, to see a longer one */
	(void)status;
	(void)events;
	ssize_t n = read(CENO_VMM_FD_CONTROL, buffer, sizeof(buffer));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		const struct ceno_vcpu_stop gone = { .reason = CENO_VMM_STOP_CLIENT_GONE };
		on_stopped(jailed, &gone);
	}
	memcpy(&record, buffer, sizeof(record));
	if (n == (ssize_t)sizeof(record) && obey(jailed, &record))
		return;
	const struct ceno_vcpu_stop lie = { .reason = CENO_VMM_STOP_HOST_ERROR, .value = EPROTO };
	on_stopped(jailed, &lie);
}

/* ---- set-up ----------------------------------------------------------------- */

/* The node's descriptors; nothing of a session is here yet, and what else was left open is closed. */
static int enter_jail(struct jailed *jailed)
{
	static const struct ceno_jail_fd keep[] = {
		{ CENO_VMM_FD_CONTROL, CENO_JAIL_FD_SOCKET, 1 },     { CENO_VMM_FD_KVM, CENO_JAIL_FD_KVM, 1 },
		{ CENO_VMM_FD_FIRMWARE, CENO_JAIL_FD_MEMORY_RO, 1 }, { CENO_VMM_FD_TRUST, CENO_JAIL_FD_MEMORY_RO, 1 },
		{ CENO_VMM_FD_BUNDLE, CENO_JAIL_FD_MEMORY_RO, 1 },
	};
	const struct ceno_jail_options options = { .keep = keep,
		                                   .keep_count = sizeof(keep) / sizeof(keep[0]),
		                                   .control_fd = CENO_VMM_FD_CONTROL,
		                                   .descriptor_limit = DESCRIPTOR_LIMIT };
	return ceno_jail_enter(&options, &jailed->jail);
}

/* Sealed as its kind must be, and exactly as long as its slot. */
static int check_memory(const struct ceno_vmm_slot *slot)
{
	struct stat st;
	int fd = (int)slot->fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < 0 || (uint64_t)st.st_size != slot->bytes)
		return -EOVERFLOW;
	int needed = 0;
	if (slot->fd == CENO_VMM_FD_FIRMWARE || slot->fd == CENO_VMM_FD_TRUST || slot->fd == CENO_VMM_FD_BUNDLE)
		needed = SEALS_CONTENT;
	else if (slot->fd == CENO_VMM_FD_RAM)
		needed = SEALS_LENGTH;
	int seals = needed ? fcntl(fd, F_GET_SEALS) : 0;
	if (seals < 0)
		return -errno;
	return (seals & needed) == needed ? 0 : -EPERM;
}

static int check_descriptors(const struct ceno_vmm_launch *launch)
{
	int result = 0;
	for (uint32_t i = 0; i < launch->slot_count && !result; i++)
		result = check_memory(&launch->slots[i]);
	return result;
}

/* Every number of the table is taken, so that descriptors made from now on lie above it:
 * the session's get their places by dup3, and the table can be closed in one piece. */
static int fill_table(void)
{
	for (int fd = 0; fd < CENO_VMM_FD_END; fd++)
		if (fcntl(fd, F_GETFD) < 0 && dup3(CENO_VMM_FD_CONTROL, fd, O_CLOEXEC) < 0)
			return -errno;
	return 0;
}

static void count_table(int fd[CENO_VMM_FD_END])
{
	for (int i = 0; i < CENO_VMM_FD_END; i++)
		fd[i] = i;
}

/* One turn: registers every descriptor with epoll and lets libuv make what it makes lazily. */
static void turn(struct jailed *jailed)
{
	uv_run(&jailed->runner.loop, UV_RUN_NOWAIT);
}

/* What is the same for every session, and the news that it is done. */
static int park(struct jailed *jailed)
{
	static const struct ceno_runner_events events = { on_program, on_stopped };
	const struct ceno_vmm_record parked = { .type = CENO_VMM_PARKED };
	int fd[CENO_VMM_FD_END];
	count_table(fd);
	int result = fill_table();
	if (!result)
		result = ceno_runner_prepare(&jailed->runner, fd, NULL, &events, jailed);
	if (result)
		return refuse_stage(result, CENO_VMM_STAGE_MACHINE);
	turn(jailed);
	send_record(&parked);
	return 0;
}

/* The session: a checked record, and its descriptors in their places. */
static int receive_launch(struct jailed *jailed)
{
	struct ceno_received received;
	uint8_t buffer[sizeof(jailed->launch) + 1]; /* one more, to see a longer one */
	if (ceno_receive(CENO_VMM_FD_CONTROL, buffer, sizeof(buffer), &received) <= 0)
		return EXIT_HOST; /* the warden is gone: nobody to tell */
	enum ceno_launch_fault fault = ceno_launch_check(buffer, received.bytes, 0);
	if (fault)
		return refuse_stage((int)fault, CENO_VMM_STAGE_RECORD);
	memcpy(&jailed->launch, buffer, sizeof(jailed->launch));
	int result = ceno_receive_place(&jailed->launch, &received);
	if (!result)
		result = check_descriptors(&jailed->launch);
	return result ? refuse_stage(result, CENO_VMM_STAGE_DESCRIPTORS) : 0;
}

static int build(struct jailed *jailed)
{
	int fd[CENO_VMM_FD_END];
	count_table(fd);
	int result = ceno_runner_complete(&jailed->runner, &jailed->launch, fd);
	if (!result)
		result = uv_poll_init(&jailed->runner.loop, &jailed->control, CENO_VMM_FD_CONTROL);
	jailed->control.data = jailed;
	if (!result)
		result = uv_poll_start(&jailed->control, UV_READABLE, on_control);
	if (!result)
		turn(jailed);
	return result ? refuse_stage(result, CENO_VMM_STAGE_MACHINE) : 0;
}

/* After this KVM_RUN, reads, writes and waiting are all that is left. */
static int lock(struct jailed *jailed)
{
	struct ceno_vm *vm = &jailed->runner.vm;
	int result = ceno_kvm_vcpu_mode(&vm->kvm, &jailed->mode);
	if (result)
		return refuse_stage(result, CENO_VMM_STAGE_LOCK);
	ceno_vm_seal(vm);
	int vcpu_fd = fcntl(vm->kvm.vcpu_fd, F_DUPFD_CLOEXEC, CENO_VMM_FD_VCPU);
	if (vcpu_fd != CENO_VMM_FD_VCPU)
		return refuse_stage(EMFILE, CENO_VMM_STAGE_LOCK);
	close(vm->kvm.vcpu_fd);
	vm->kvm.vcpu_fd = vcpu_fd;
	if (close_range(CENO_VMM_FD_KVM, CENO_VMM_FD_END - 1, 0) < 0)
		return refuse_stage(errno, CENO_VMM_STAGE_LOCK);
	result = ceno_slots_seal(&vm->slots);
	if (result >= 0)
		result = ceno_filter_install();
	return result < 0 ? refuse_stage(result, CENO_VMM_STAGE_LOCK) : 0;
}

int ceno_jailed_main(void)
{
	static struct jailed jailed;
	signal(SIGPIPE, SIG_IGN); /* a gone reader is EPIPE */
	signal(SIGXFSZ, SIG_IGN); /* and a file as stream is EFBIG: the jail allows none to grow */
	if (enter_jail(&jailed) < 0)
		return refuse(CENO_VMM_STOP_JAIL, (uint64_t)jailed.jail.error, (uint64_t)jailed.jail.failed_step);
	int status = park(&jailed);
	if (!status)
		status = receive_launch(&jailed);
	if (!status)
		status = build(&jailed);
	if (!status)
		status = lock(&jailed);
	if (status)
		return status;
	jailed.locked = true;
	const struct ceno_vmm_record locked = { .type = CENO_VMM_LOCKED,
		                                .value = (uint64_t)jailed.runner.vm.vcpu.tid,
		                                .gpa = jailed.jail.done,
		                                .program_seq = jailed.jail.landlock_abi,
		                                .entry_tsc = jailed.mode.cr0,
		                                .done_tsc = jailed.mode.cr4,
		                                .syscalls = jailed.mode.efer,
		                                .faults = jailed.mode.features };
	send_record(&locked);
	uv_run(&jailed.runner.loop, UV_RUN_DEFAULT);
	_exit(EXIT_HOST); /* the loop always has the control socket to wait for */
}
