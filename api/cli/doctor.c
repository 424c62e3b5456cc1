/*
 * ceno doctor: what this machine offers a node, and what to do about each gap.
 * Reads the machine only; needs neither the daemon nor root (but says what only
 * root would see).
 *
 * A check is ok, a warning (a session runs, but something is weaker or slower)
 * or a failure (no session runs). Exit 1 if anything is a failure.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/supervisor/cgroup.h"
#include "api/supervisor/host.h"
#include "api/supervisor/place.h"
#include "api/supervisor/layers.h"
#include "cli.h"
#include "client.h"
#include "guest-kernel/abi/cpu.h"
#include "options.h"
#include "policy/units.h"
#include "text.h"

static const char usage[] = "usage: ceno doctor [--json] [--socket PATH]\n"
			    "Say what this machine offers Cenotaph, and what to do about each gap.\n"
			    "Exit status: 0, or 1 when something is missing that no session can do without.\n";

enum level { OK, WARNING, FAILURE };

static const char *const level_words[] = { "ok", "warning", "failure" };

struct report {
	json_t *checks; /* owned array of {name, level, found, advice} */
	int failures, warnings;
};

__attribute__((format(printf, 5, 6))) static void add(struct report *report, const char *name, enum level level,
                                                      const char *advice, const char *format, ...)
{
	char found[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(found, sizeof found, format, arguments);
	va_end(arguments);
	report->failures += level == FAILURE;
	report->warnings += level == WARNING;
	json_array_append_new(report->checks,
	                      json_pack("{s:s,s:s,s:s,s:s}", "name", name, "level", level_words[level], "found", found,
	                                "advice", level == OK ? "" : advice));
}

/* ceno-vmm of this build; a descriptor or -1. */
static int find_vmm(void)
{
	char path[CENO_PLACE_MAX];

	return ceno_place_find(CENO_PLACE_LIB, "ceno-vmm", path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

/* CPUID of this machine, as far as it concerns ring 0 of a guest. */
static uint32_t host_features(void)
{
	static const struct {
		uint32_t leaf, subleaf;
	} asked[] = { { 7, 0 }, { 0x80000001u, 0 }, { 0x80000008u, 0 } };
	uint32_t found = 0, r[4];

	for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
		if (__get_cpuid_count(asked[i].leaf, asked[i].subleaf, &r[0], &r[1], &r[2], &r[3]))
			found |= ceno_cpu_features(asked[i].leaf, asked[i].subleaf, r);
	return found;
}

static void list_features(uint32_t mask, char *out, size_t size)
{
	static const struct {
		uint32_t bit;
		const char *text;
	} names[] = {
#define CENO_DOCTOR_FEATURE(name, bit, leaf, subleaf, reg, at, text) { CENO_CPU_##name, text },
		CENO_CPU_FEATURES(CENO_DOCTOR_FEATURE)
#undef CENO_DOCTOR_FEATURE
	};

	snprintf(out, size, "%s", mask ? "" : " none");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (mask & names[i].bit)
			snprintf(out + strlen(out), size - strlen(out), " %s", names[i].text);
}

/* What a guest's ring 0 is protected by: switched on, offered but not used, and not offered. */
static void check_cpu(struct report *report, uint32_t kind, uint32_t offered)
{
	const uint32_t needed = CENO_CPU_NX | CENO_CPU_SMEP | CENO_CPU_SMAP, used = needed | CENO_CPU_UMIP;
	char on[128], unused[128], withheld[128];

	list_features(offered & used, on, sizeof on);
	list_features(offered & ~used, unused, sizeof unused);
	list_features(host_features() & ~offered, withheld, sizeof withheld);
	if ((offered & needed) != needed && kind == 3)
		add(report, "cpu", WARNING,
		    "a KVM with VMX or SVM: where ring 0 is emulated, CR4 has the bits, but what they do is the "
		    "emulation's",
		    "KVM shows a guest:%s; of this machine, not shown:%s", on, withheld);
	else if ((offered & needed) != needed)
		add(report, "cpu", FAILURE, "use a CPU (or a CPU model of the machine above) with NX, SMEP and SMAP",
		    "a guest here would have only:%s", on);
	else
		add(report, "cpu", offered & CENO_CPU_UMIP ? OK : WARNING,
		    "the CPU has no UMIP: programs can learn where the guest's descriptor tables lie",
		    "on in the guest:%s; offered, not used (docs/cpu.md says why):%s; of this machine, not offered by "
		    "KVM:%s",
		    on, unused, withheld);
}

static void check_kvm(struct report *report)
{
	static const char *const kinds[] = { "?", "VMX (Intel virtualization)", "SVM (AMD virtualization)",
		                             "paging-based (no virtualization extension; guest ring 0 is emulated)" };
	struct ceno_host_kvm kvm;
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC), vmm, rc;

	if (fd < 0) {
		add(report, "kvm", FAILURE,
		    errno == EACCES ? "run as root or join the group of /dev/kvm"
		                    : "enable virtualization and load kvm_intel or kvm_amd; ./do nested runs a session "
		                      "inside QEMU meanwhile",
		    "/dev/kvm: %s", strerror(errno));
		return;
	}
	vmm = find_vmm();
	if (vmm < 0) {
		add(report, "kvm", WARNING, "build or install ceno-vmm to learn its kind",
		    "/dev/kvm opens; ceno-vmm was not found to probe it");
	} else {
		rc = ceno_host_probe(vmm, fd, &kvm);
		if (rc)
			add(report, "kvm", FAILURE, "see the line of ceno-vmm above",
			    "/dev/kvm opens, but the probe VM failed");
		else
			add(report, "kvm", OK, "", "%s, system calls by %s, TSC %llu MHz%s", kinds[kvm.kind],
			    kvm.syscall_mode == 1 ? "LSTAR" : "a ring-3 page",
			    (unsigned long long)(kvm.tsc_hz / 1000000), kvm.npt ? ", nested paging" : "");
		if (!rc)
			check_cpu(report, kvm.kind, kvm.features);
		close(vmm);
	}
	close(fd);
}

static bool on_path(const char *name)
{
	const char *path = getenv("PATH");
	char one[4096];

	while (path && *path) {
		size_t length = strcspn(path, ":");

		snprintf(one, sizeof one, "%.*s/%s", (int)length, path, name);
		if (length && !access(one, X_OK))
			return true;
		path += length + (path[length] == ':');
	}
	return false;
}

static void check_tpm(struct report *report)
{
	if (!access("/dev/tpmrm0", F_OK))
		add(report, "tpm", OK, "",
		    "/dev/tpmrm0 is there (cenod --tcti device:/dev/tpmrm0); %s for a TPM of the node's own",
		    on_path("swtpm") ? "swtpm too" : "no swtpm");
	else if (on_path("swtpm"))
		add(report, "tpm", WARNING,
		    "a proof sealed by a software TPM says: whoever runs the node could have written it; "
		    "use a machine with a TPM for more",
		    "no TPM device; swtpm is installed");
	else
		add(report, "tpm", FAILURE, "apt-get install swtpm", "neither a TPM device nor swtpm");
}

static void check_namespaces(struct report *report)
{
	static const char *const kinds[] = { "user", "mnt", "pid", "ipc", "uts", "net", "cgroup" };
	char path[64], missing[128] = "", limit[64];

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
		if (access(path, F_OK))
			snprintf(missing + strlen(missing), sizeof missing - strlen(missing), " %s", kinds[i]);
	}
	if (missing[0])
		add(report, "namespaces", FAILURE, "use a kernel with all seven namespaces", "missing:%s", missing);
	else if (!ceno_host_text("/proc/sys/user/max_user_namespaces", limit, sizeof limit) && !strcmp(limit, "0"))
		add(report, "namespaces", FAILURE, "sysctl user.max_user_namespaces=1000",
		    "user namespaces are switched off");
	else
		add(report, "namespaces", OK, "", "user mount pid ipc uts net cgroup");
}

/* What of the containment this host gives, what a node requires by itself, and what is not there. */
static void check_layers(struct report *report)
{
	char given[CENO_LAYERS_TEXT_MAX], missing[CENO_LAYERS_TEXT_MAX], needed[CENO_LAYERS_TEXT_MAX];
	uint32_t all = 0, offered = ceno_layers_offered(), usual = ceno_layers_usual(offered);

#define ADD_LAYER(name, number, word, text) all |= CENO_LAYER_##name;
	CENO_LAYERS(ADD_LAYER)
#undef ADD_LAYER
	ceno_layers_format(offered, given, sizeof given);
	ceno_layers_format(all & ~offered, missing, sizeof missing);
	ceno_layers_format(usual & ~offered, needed, sizeof needed);
	if (usual & ~offered)
		add(report, "layers", FAILURE,
		    "SMT is on and the kernel has no core scheduling: echo off > /sys/devices/system/cpu/smt/control, "
		    "or "
		    "cenod --layers",
		    "a node requires %s; given: %s", needed, given);
	else
		add(report, "layers", OK, "", "given: %s; not given: %s", given, missing);
}

static void check_cgroup(struct report *report)
{
	int version = ceno_cgroup_version(NULL);

	if (version == 2)
		add(report, "cgroup", OK, "", "v2 with the memory controller");
	else if (version == 1)
		add(report, "cgroup", WARNING,
		    "boot with systemd.unified_cgroup_hierarchy=1 to have v2 (and no swap per session)",
		    "v1 memory controller; joining costs up to 15 ms");
	else
		add(report, "cgroup", WARNING,
		    "mount cgroup2 with the memory controller: session memory has no hard limit without it",
		    "no memory controller");
}

static void check_confinement(struct report *report)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	char actions[256];

	if (abi > 0)
		add(report, "landlock", OK, "", "ABI %ld", abi);
	else
		add(report, "landlock", WARNING, "boot with lsm=landlock,... (Linux 5.13 or later)",
		    "not available: %s", strerror(errno));
	if (!ceno_host_text("/proc/sys/kernel/seccomp/actions_avail", actions, sizeof actions) &&
	    strstr(actions, "kill_process"))
		add(report, "seccomp", OK, "", "filter mode with kill_process");
	else
		add(report, "seccomp", FAILURE, "use a kernel with CONFIG_SECCOMP_FILTER", "no seccomp filter");
}

static void check_memory(struct report *report)
{
	char text[4096], available[CENO_UNITS_TEXT_MAX];
	uint64_t bytes = ceno_host_memory_available();
	struct rlimit limit = { 0 };
	int swap = ceno_host_swap_on();

	if (swap > 0)
		add(report, "swap", ceno_cgroup_version(NULL) == 2 ? WARNING : FAILURE,
		    "swapoff -a, and remove swap from /etc/fstab: session memory must never reach a disk", "on");
	else
		add(report, "swap", OK, "", "off");
	if (ceno_host_text("/sys/kernel/mm/transparent_hugepage/shmem_enabled", text, sizeof text) ||
	    strstr(text, "[never]") || strstr(text, "[deny]"))
		add(report, "shmem huge pages", WARNING,
		    "echo advise > /sys/kernel/mm/transparent_hugepage/shmem_enabled (destruction gets several times "
		    "faster)",
		    "%s", text[0] ? text : "not available");
	else
		add(report, "shmem huge pages", OK, "", "%s", text);
	if (!ceno_host_text("/proc/cmdline", text, sizeof text) && strstr(text, "init_on_free=1"))
		add(report, "init_on_free", OK, "", "on: memory the kernel frees is zeroed");
	else
		add(report, "init_on_free", WARNING,
		    "boot with init_on_free=1: pipe buffers, registers and moved pages are then zeroed when freed",
		    "not on the kernel's command line");
	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (limit.rlim_max == RLIM_INFINITY)
		add(report, "memlock", OK, "", "unlimited");
	else
		add(report, "memlock", swap > 0 ? WARNING : OK, "raise the memlock limit of cenod",
		    "at most %llu KiB%s", (unsigned long long)(limit.rlim_max >> 10),
		    swap > 0 ? "" : " (swap is off, so nothing depends on it)");
	ceno_units_format_bytes(bytes, available);
	add(report, "memory", bytes && bytes < (512ull << 20) ? WARNING : OK,
	    "a session of the default size needs 256 MiB and some", "%s available", available);
}

static void check_node(struct report *report, const char *path)
{
	struct ceno_client client;
	json_t *version = NULL;

	if (!ceno_client_open(&client, path))
		version = ceno_client_call(&client, "node.version", json_object(), NULL, 0);
	if (version)
		add(report, "node", OK, "", "cenod %s answers", json_string_value(json_object_get(version, "version")));
	else
		add(report, "node", WARNING, "start it: ./do run, or cenod(8)", "%s", client.error);
	json_decref(version);
	ceno_client_close(&client);
}

static void print_report(const struct report *report)
{
	json_t *check;
	size_t i;

	json_array_foreach(report->checks, i, check)
	{
		const char *advice = json_string_value(json_object_get(check, "advice"));

		ceno_text_line(stdout, "%-8s %-17s %s", json_string_value(json_object_get(check, "level")),
		               json_string_value(json_object_get(check, "name")),
		               json_string_value(json_object_get(check, "found")));
		if (advice && *advice)
			ceno_text_line(stdout, "%-8s %-17s -> %s", "", "", advice);
	}
	printf("%d failures, %d warnings\n", report->failures, report->warnings);
}

int ceno_command_doctor(int argc, char **argv)
{
	static const struct option table[] = { CENO_OPTIONS_JSON, CENO_OPTIONS_SOCKET, CENO_OPTIONS_END };
	struct ceno_options o = { .usage = usage, .table = table, .argc = argc, .argv = argv };
	struct report report = { 0 };

	if (ceno_options_plain(&o, 0, 0, "") >= 0)
		return o.status;
	report.checks = json_array();
	if (!report.checks) {
		ceno_cli_error("out of memory");
		return CENO_EXIT_FAILURE;
	}
	check_kvm(&report);
	check_tpm(&report);
	check_namespaces(&report);
	check_cgroup(&report);
	check_layers(&report);
	check_confinement(&report);
	check_memory(&report);
	check_node(&report, o.socket);
	if (o.json) {
		int rc = ceno_cli_print_json(json_pack("{s:i,s:i,s:o}", "failures", report.failures, "warnings",
		                                       report.warnings, "checks", report.checks));

		return rc ? rc : report.failures ? CENO_EXIT_FAILURE : CENO_EXIT_OK;
	}
	print_report(&report);
	json_decref(report.checks);
	return report.failures ? CENO_EXIT_FAILURE : CENO_EXIT_OK;
}
