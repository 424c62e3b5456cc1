/*
 * The --direct driver. See direct.h.
 */
#include "vmm/core/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "guest-kernel/abi/bundle.h"
#include "guest-kernel/abi/pack.h"
#include "guest-kernel/abi/trail.h"
#include "vmm/core/launch_check.h"
#include "vmm/core/loop.h"
#include "vmm/kvm/step.h"
#include "vmm/kvm/probe.h"
#include "vmm/warden/layout.h"

#define STATUS_STOPPED 125
#define STATUS_USAGE   2

struct options {
	const char *firmware, *trust, *bundle, *pack, *window_dump, *trail_dump, *step_table;
	uint32_t pledge_mask; /* 0: stdio, and with a Linux program also rw and spawn, which have no window */
	uint64_t memory_bytes;
	uint32_t syscall_mode; /* 0: ask the probe */
};

struct direct {
	struct options options;
	int fd[CENO_VMM_FD_END];
	uint64_t bytes[CENO_VMM_FD_END];
	struct ceno_vmm_launch launch;
	struct ceno_runner runner;
	struct ceno_step step;
	struct ceno_program_report report;
	bool has_report;
};

__attribute__((format(printf, 1, 2))) static int complain(const char *format, ...)
{
	va_list list;
	fputs("ceno-vmm: ", stderr);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	return STATUS_STOPPED;
}

/* ---- descriptors --------------------------------------------------------- */

static int make_memfd(struct direct *direct, uint32_t which, const char *name, uint64_t bytes)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
		return complain("cannot make memory for %s: %m", name);
	direct->fd[which] = fd;
	direct->bytes[which] = bytes;
	return 0;
}

/* A sealed copy of a file: what the supervisor and the warden hand over. */
static int load_file(struct direct *direct, uint32_t which, const char *path)
{
	struct stat st;
	int in = open(path, O_RDONLY | O_CLOEXEC);
	if (in < 0 || fstat(in, &st) < 0)
		return complain("cannot open %s: %m", path);
	if (!S_ISREG(st.st_mode) || st.st_size == 0 || (uint64_t)st.st_size % CENO_PAGE)
		return complain("%s is not a file of whole pages", path);
	int result = make_memfd(direct, which, path, (uint64_t)st.st_size);
	off_t at = 0;
	while (!result && at < st.st_size) {
		char buffer[65536];
		ssize_t n = pread(in, buffer, sizeof(buffer), at);
		if (n <= 0 || pwrite(direct->fd[which], buffer, (size_t)n, at) != n)
			result = complain("cannot read %s", path);
		at += n;
	}
	close(in);
	if (!result && fcntl(direct->fd[which], F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		result = complain("cannot seal %s: %m", path);
	return result;
}

/* Streams on descriptions of our own, so that O_NONBLOCK stays ours; a file or a
 * socket is used as it is. */
static void take_streams(struct direct *direct)
{
	static const int mode[CENO_STREAMS] = { O_RDONLY, O_WRONLY, O_WRONLY };
	for (int i = 0; i < CENO_STREAMS; i++) {
		struct stat st;
		char path[32];
		direct->fd[i] = i;
		if (fstat(i, &st) < 0 || !(S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", i);
		int own = open(path, mode[i] | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (own >= 0)
			direct->fd[i] = own;
	}
}

static int open_all(struct direct *direct)
{
	const struct options *options = &direct->options;
	for (uint32_t i = 0; i < CENO_VMM_FD_END; i++)
		direct->fd[i] = -1;
	direct->fd[CENO_VMM_FD_KVM] = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (direct->fd[CENO_VMM_FD_KVM] < 0)
		return complain("cannot open /dev/kvm: %m");
	take_streams(direct);
	int result = load_file(direct, CENO_VMM_FD_FIRMWARE, options->firmware);
	if (!result)
		result = load_file(direct, CENO_VMM_FD_TRUST, options->trust);
	if (!result)
		result = load_file(direct, CENO_VMM_FD_BUNDLE, options->bundle);
	if (!result && options->pack)
		result = load_file(direct, CENO_VMM_FD_PACK, options->pack);
	if (!result)
		result = make_memfd(direct, CENO_VMM_FD_BOOT, "boot page", CENO_PAGE);
	if (!result)
		result = make_memfd(direct, CENO_VMM_FD_RAM, "session RAM", options->memory_bytes);
	if (!result)
		result = make_memfd(direct, CENO_VMM_FD_WINDOW + CENO_PLEDGE_STDIO, "stdio window", CENO_STDIO_BYTES);
	if (!result)
		result = make_memfd(direct, CENO_VMM_FD_TRAIL, "trail", CENO_TRAIL_BYTES);
	return result;
}

/* ---- layout and launch record -------------------------------------------- */

static void *map_fd(struct direct *direct, uint32_t which, int prot)
{
	void *at = mmap(NULL, direct->bytes[which], prot, MAP_SHARED, direct->fd[which], 0);
	return at == MAP_FAILED ? NULL : at;
}

static int is_native(const struct direct *direct)
{
	struct ceno_pack_header header = { 0 };
	if (direct->fd[CENO_VMM_FD_PACK] >= 0 &&
	    pread(direct->fd[CENO_VMM_FD_PACK], &header, sizeof(header), 0) != (ssize_t)sizeof(header))
		return 0;
	return (header.flags & CENO_PACK_NATIVE) != 0;
}

static uint32_t pledge_of(const struct direct *direct)
{
	uint32_t mask = direct->options.pledge_mask;
	if (mask)
		return mask;
	mask = 1u << CENO_PLEDGE_STDIO;
	if (direct->fd[CENO_VMM_FD_PACK] >= 0 && !is_native(direct))
		mask |= 1u << CENO_PLEDGE_RW | 1u << CENO_PLEDGE_SPAWN;
	return mask;
}

static int fill_layout(struct direct *direct, struct ceno_layout_input *in)
{
	struct ceno_probe probe;
	struct timespec now;
	int result = ceno_probe_run(direct->fd[CENO_VMM_FD_KVM], &probe);
	if (result)
		return complain("the probe machine did not run: %s", strerror(-result));
	clock_gettime(CLOCK_REALTIME, &now);
	*in = (struct ceno_layout_input){
		.firmware = map_fd(direct, CENO_VMM_FD_FIRMWARE, PROT_READ),
		.firmware_bytes = direct->bytes[CENO_VMM_FD_FIRMWARE],
		.trust = map_fd(direct, CENO_VMM_FD_TRUST, PROT_READ),
		.bundle = map_fd(direct, CENO_VMM_FD_BUNDLE, PROT_READ),
		.bundle_bytes = direct->bytes[CENO_VMM_FD_BUNDLE],
		.ram = map_fd(direct, CENO_VMM_FD_RAM, PROT_READ | PROT_WRITE),
		.ram_bytes = direct->bytes[CENO_VMM_FD_RAM],
		.pack_bytes = direct->bytes[CENO_VMM_FD_PACK],
		.native = is_native(direct),
		.boot = map_fd(direct, CENO_VMM_FD_BOOT, PROT_READ | PROT_WRITE),
		.syscall_mode = direct->options.syscall_mode ? direct->options.syscall_mode : probe.syscall_mode,
		.pledge_mask = pledge_of(direct),
		.tsc_hz = probe.tsc_hz,
		.start_realtime_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
		.start_tsc = __rdtsc(),
	};
	if (!in->firmware || !in->trust || !in->bundle || !in->ram || !in->boot)
		return complain("cannot map the session's memory: %m");
	if (direct->bytes[CENO_VMM_FD_TRUST] != CENO_PAGE)
		return complain("%s is not one page", direct->options.trust);
	if (getrandom(in->session_id, sizeof(in->session_id), 0) < 0 || getrandom(in->seed, sizeof(in->seed), 0) < 0 ||
	    getrandom(in->trail_seed, sizeof(in->trail_seed), 0) < 0 ||
	    getrandom(in->slide_random, sizeof(in->slide_random), 0) < 0)
		return complain("no randomness: %m");
	return 0;
}

static int lay_out(struct direct *direct)
{
	static const char *const why[] = { "",
		                           "unusable --memory",
		                           "malformed firmware",
		                           "malformed bundle",
		                           "unusable input",
		                           "it does not fit into the kernel pool" };
	struct ceno_layout_input in = { 0 };
	int result = fill_layout(direct, &in);
	if (result)
		return result;
	result = ceno_layout_build(&in, &direct->launch.regs);
	if (result)
		return complain("cannot lay out the session: %s", -result <= 5 ? why[-result] : "unknown error");
	munmap(in.boot, CENO_PAGE);
	munmap(in.ram, in.ram_bytes);
	return 0;
}

static void add_slot(struct direct *direct, uint32_t which, uint64_t gpa, uint32_t rights)
{
	if (direct->fd[which] >= 0)
		direct->launch.slots[direct->launch.slot_count++] =
		    (struct ceno_vmm_slot){ .gpa = gpa, .bytes = direct->bytes[which], .fd = which, .rights = rights };
}

static int make_record(struct direct *direct)
{
	struct ceno_vmm_launch *launch = &direct->launch;
	launch->magic = CENO_VMM_LAUNCH_MAGIC;
	launch->abi_version = CENO_ABI_VERSION;
	launch->pledge_mask = 1u << CENO_PLEDGE_STDIO;
	launch->flags = direct->options.step_table ? CENO_VMM_SINGLE_STEP : 0;
	add_slot(direct, CENO_VMM_FD_FIRMWARE, CENO_GPA_FIRMWARE, CENO_SLOT_READ_ONLY);
	add_slot(direct, CENO_VMM_FD_TRUST, CENO_GPA_TRUST, CENO_SLOT_READ_ONLY);
	add_slot(direct, CENO_VMM_FD_BUNDLE, CENO_GPA_BUNDLE, CENO_SLOT_READ_ONLY);
	add_slot(direct, CENO_VMM_FD_BOOT, CENO_GPA_BOOT, CENO_SLOT_READ_ONLY);
	add_slot(direct, CENO_VMM_FD_PACK, CENO_GPA_PACK, CENO_SLOT_READ_ONLY);
	add_slot(direct, CENO_VMM_FD_RAM, CENO_GPA_RAM, CENO_SLOT_READ_WRITE);
	add_slot(direct, CENO_VMM_FD_WINDOW + CENO_PLEDGE_STDIO, CENO_GPA_WINDOW, CENO_SLOT_READ_WRITE);
	add_slot(direct, CENO_VMM_FD_TRAIL, CENO_GPA_TRAIL, CENO_SLOT_READ_WRITE);
	enum ceno_launch_fault fault = ceno_launch_check(launch, sizeof(*launch), CENO_VMM_SINGLE_STEP);
	return fault ? complain("%s", ceno_launch_fault_text(fault)) : 0;
}

/* ---- running ------------------------------------------------------------- */

static void on_program(void *owner, const struct ceno_program_report *report)
{
	struct direct *direct = owner;
	direct->report = *report;
	direct->has_report = true;
	ceno_runner_drain(&direct->runner);
}

static void on_stopped(void *owner, const struct ceno_vcpu_stop *stop)
{
	struct direct *direct = owner;
	(void)stop; /* kept in the runner */
	uv_stop(&direct->runner.loop);
}

/* The first program is asked for before the guest starts. */
static int ask_for_program(struct direct *direct)
{
	uint8_t *window = map_fd(direct, CENO_VMM_FD_WINDOW + CENO_PLEDGE_STDIO, PROT_READ | PROT_WRITE);
	if (!window)
		return complain("cannot map the stdio window: %m");
	struct ceno_stdio_host *host = (void *)(window + CENO_STDIO_HOST_OFFSET);
	host->request_seq = 1;
	host->shutdown = CENO_SHUTDOWN_AFTER;
	munmap(window, CENO_STDIO_BYTES);
	return 0;
}

static int run(struct direct *direct)
{
	static const struct ceno_runner_events events = { on_program, on_stopped };
	struct ceno_step *step = NULL;
	if (direct->options.step_table) {
		direct->step.out = fopen(direct->options.step_table, "we");
		if (!direct->step.out)
			return complain("cannot write %s: %m", direct->options.step_table);
		step = &direct->step;
	}
	int result = ceno_runner_init(&direct->runner, &direct->launch, direct->fd, step, &events, direct);
	if (result)
		return complain("cannot %s: %s", direct->runner.vm.failed, strerror(-result));
	ceno_vm_seal(&direct->runner.vm);
	ceno_runner_go(&direct->runner);
	uv_run(&direct->runner.loop, UV_RUN_DEFAULT);
	if (step) {
		ceno_step_finish(step);
		if (fclose(direct->step.out) != 0)
			return complain("cannot write %s: %m", direct->options.step_table);
	}
	return 0;
}

/* ---- the report ---------------------------------------------------------- */

static const char *stop_code_text(uint64_t code)
{
	switch (code) {
#define STOP_CODE_CASE(name, value, text) \
	case value: \
		return text;
		CENO_STOP_CODES(STOP_CODE_CASE)
#undef STOP_CODE_CASE
	default:
		return "a code that has no meaning";
	}
}

static void print_stop(const struct ceno_vcpu_stop *stop)
{
	if (stop->reason == CENO_VMM_STOP_GUEST_STOP)
		complain("the guest stopped itself: code %#" PRIx64 ", %s", stop->value, stop_code_text(stop->value));
	else
		complain("stopped: %s (reason %" PRIu32 ", value %#" PRIx64 ", gpa %#" PRIx64 ")",
		         ceno_vmm_stop_text(stop->reason), stop->reason, stop->value, stop->gpa);
}

static void print_program(const struct ceno_program_report *report)
{
	complain("program %" PRIu32 ": state %" PRIu32 " exit %" PRIu32 " signal %" PRIu32 " refusal %" PRIu32
	         " oom %" PRIu32 " syscalls %" PRIu64 " faults %" PRIu64 " ram_peak %" PRIu64 " entry_tsc %" PRIu64
	         " done_tsc %" PRIu64,
	         report->seq, report->state, report->exit_status, report->signal, report->refusal,
	         report->out_of_memory, report->syscalls, report->faults, report->ram_peak_bytes, report->entry_tsc,
	         report->done_tsc);
	if (report->end || report->detail || report->restarts)
		complain("  native: end %" PRIu32 " detail %" PRIu32 " restarts %" PRIu32, report->end, report->detail,
		         report->restarts);
	if (report->missing)
		complain("  missing: pledge classes %#" PRIx32, report->missing);
	for (uint32_t i = 0; i < report->enosys_distinct; i++)
		complain("  enosys: call %" PRIu32 ", %" PRIu32 " times by %s", report->enosys[i].number,
		         report->enosys[i].count, report->enosys[i].program);
	if (report->enosys_other)
		complain("  enosys: %" PRIu32 " more", report->enosys_other);
}

static int dump(const struct direct *direct, uint32_t which, const char *path)
{
	if (!path)
		return 0;
	const struct ceno_slot_map *window = ceno_slots_find(&direct->runner.vm.slots, which);
	uint64_t bytes = window->bytes;
	if (which == CENO_VMM_FD_TRAIL) { /* what the warden would copy */
		uint64_t records = ((const struct ceno_trail_header *)window->host)->bytes;
		bytes = records <= bytes - CENO_TRAIL_OFFSET ? CENO_TRAIL_OFFSET + records : bytes;
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, window->host, bytes) != (ssize_t)bytes || close(fd) < 0)
		return complain("cannot write %s: %m", path);
	return 0;
}

static int conclude(struct direct *direct)
{
	int result = dump(direct, CENO_VMM_FD_WINDOW + CENO_PLEDGE_STDIO, direct->options.window_dump);
	if (!result)
		result = dump(direct, CENO_VMM_FD_TRAIL, direct->options.trail_dump);
	print_stop(&direct->runner.stop);
	if (!direct->has_report)
		return STATUS_STOPPED;
	print_program(&direct->report);
	if (result || direct->runner.stop.reason != CENO_VMM_STOP_DRAINED ||
	    direct->report.state == CENO_PROGRAM_REFUSED)
		return STATUS_STOPPED;
	return direct->report.signal ? 128 + (int)direct->report.signal : (int)direct->report.exit_status;
}

/* ---- arguments ----------------------------------------------------------- */

static int usage(void)
{
	fputs("usage: ceno-vmm --direct --firmware FILE --trust FILE --bundle FILE [--pack FILE] [--memory MiB]\n"
	      "                [--syscall-mode page|lstar|auto] [--window-dump FILE] [--trail-dump FILE] [--step-table "
	      "FILE]\n"
	      "                [--pledge MASK]\n",
	      stderr);
	return STATUS_USAGE;
}

static bool parse_mode(const char *word, uint32_t *mode)
{
	if (strcmp(word, "page") == 0)
		*mode = CENO_SYSCALL_PAGE;
	else if (strcmp(word, "lstar") == 0)
		*mode = CENO_SYSCALL_LSTAR;
	else if (strcmp(word, "auto") != 0)
		return false;
	return true;
}

static bool parse_memory(const char *word, uint64_t *bytes)
{
	char *end;
	errno = 0;
	unsigned long mib = strtoul(word, &end, 10);
	if (errno || *end || end == word || mib > CENO_RAM_MAX >> 20)
		return false;
	*bytes = (uint64_t)mib << 20;
	return true;
}

static bool parse_pledge(const char *word, uint32_t *mask)
{
	char *end;
	unsigned long bits = strtoul(word, &end, 0);
	if (*end || end == word || bits >> CENO_PLEDGE_COUNT || !(bits & 1u << CENO_PLEDGE_STDIO))
		return false;
	*mask = (uint32_t)bits;
	return true;
}

static bool parse(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{ "firmware", required_argument, NULL, 'f' },
		{ "trust", required_argument, NULL, 't' },
		{ "bundle", required_argument, NULL, 'b' },
		{ "pack", required_argument, NULL, 'p' },
		{ "memory", required_argument, NULL, 'm' },
		{ "syscall-mode", required_argument, NULL, 's' },
		{ "window-dump", required_argument, NULL, 'w' },
		{ "trail-dump", required_argument, NULL, 'r' },
		{ "step-table", required_argument, NULL, 'i' },
		{ "pledge", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	int letter;
	bool ok = true;
	*options = (struct options){ .memory_bytes = 256ull << 20 };
	while ((letter = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (letter) {
		case 'f':
			options->firmware = optarg;
			break;
		case 't':
			options->trust = optarg;
			break;
		case 'b':
			options->bundle = optarg;
			break;
		case 'p':
			options->pack = optarg;
			break;
		case 'm':
			ok = ok && parse_memory(optarg, &options->memory_bytes);
			break;
		case 's':
			ok = ok && parse_mode(optarg, &options->syscall_mode);
			break;
		case 'w':
			options->window_dump = optarg;
			break;
		case 'r':
			options->trail_dump = optarg;
			break;
		case 'i':
			options->step_table = optarg;
			break;
		case 'n':
			ok = ok && parse_pledge(optarg, &options->pledge_mask);
			break;
		default:
			return false;
		}
	}
	return ok && optind == argc && options->firmware && options->trust && options->bundle;
}

int ceno_direct_main(int argc, char **argv)
{
	static struct direct direct;
	if (!parse(argc, argv, &direct.options))
		return usage();
	signal(SIGPIPE, SIG_IGN);
	int result = open_all(&direct);
	if (!result)
		result = lay_out(&direct);
	if (!result)
		result = ask_for_program(&direct);
	if (!result)
		result = make_record(&direct);
	if (!result)
		result = run(&direct);
	return result ? result : conclude(&direct);
}
