/*
 * The supervisor's parts that need no node: sealed blobs, the probe's answer,
 * the descriptor table of a child.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/supervisor/blobs.h"
#include "api/supervisor/calls.h"
#include "api/supervisor/cgroup.h"
#include "api/supervisor/child.h"
#include "api/supervisor/host.h"
#include "api/supervisor/layers.h"
#include "api/supervisor/privilege.h"
#include "vmm/sandbox/jail.h"

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_blobs(void **state)
{
	/* SHA-256("abc"), FIPS 180-2 */
	static const uint8_t abc[32] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
		0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
	};
	char directory[] = "/tmp/ceno-blob.XXXXXX", path[64];
	struct ceno_blob blob;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/b", directory);
	assert_int_equal(ceno_blob_load(directory, "b", 10, &blob), -ENOENT);
	write_file(path, "");
	assert_int_equal(ceno_blob_load(directory, "b", 10, &blob), -ENODATA);
	write_file(path, "abcd");
	assert_int_equal(ceno_blob_load(directory, "b", 3, &blob), -EFBIG);
	write_file(path, "abc");
	assert_int_equal(ceno_blob_load(directory, "b", 3, &blob), 0);
	assert_memory_equal(blob.sha256, abc, 32);
	write_file(path, "xyz"); /* what was measured does not change any more */
	assert_int_equal(pwrite(blob.fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(blob.fd, 0), -1);
	assert_int_equal(ceno_blob_hash(blob.fd, blob.sha256), 0);
	assert_memory_equal(blob.sha256, abc, 32);
	close(blob.fd);
	unlink(path);
	assert_int_equal(ceno_blob_load("/tmp", "", 3, &blob), -EINVAL);
	rmdir(directory);
}

static void test_probe(void **state)
{
	struct ceno_host_kvm kvm;
	const char *const bad[] = {
		"",
		"kvm_kind=3\n",
		"kvm_kind=0\nsyscall_mode=2\ntsc_hz=2300000000\nnpt=0\ncpu=15\n",
		"kvm_kind=4\nsyscall_mode=2\ntsc_hz=2300000000\nnpt=0\ncpu=15\n",
		"kvm_kind=3\nsyscall_mode=3\ntsc_hz=2300000000\nnpt=0\ncpu=15\n",
		"kvm_kind=3\nsyscall_mode=2\ntsc_hz=0\nnpt=0\ncpu=15\n",
		"kvm_kind=3\nsyscall_mode=2\ntsc_hz=2300000000\nnpt=2\ncpu=15\n",
		"kvm_kind=3\nsyscall_mode=2\ntsc_hz=2300000000\nnpt=0\ncpu=15\nx",
		"kvm_kind=3\nsyscall_mode=2\ntsc_hz=2300000000\nnpt=0\n",
		"kvm_kind=3\nsyscall_mode=2\ntsc_hz=2300000000\nnpt=0\ncpu=4096\n",
		"x",
	};

	(void)state;
	assert_int_equal(ceno_host_probe_parse("kvm_kind=3\nsyscall_mode=2\ntsc_hz=2300000000\nnpt=1\ncpu=15\n", &kvm),
	                 0);
	assert_int_equal(kvm.kind, 3);
	assert_int_equal(kvm.syscall_mode, 2);
	assert_int_equal(kvm.tsc_hz, 2300000000);
	assert_true(kvm.npt);
	assert_int_equal(kvm.features, 15);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(ceno_host_probe_parse(bad[i], &kvm), -EPROTO);
}

static int ended;

static void on_exit_of_child(struct ceno_child *child)
{
	ended = child->wait_status;
}

/* Runs a shell command as a child with descriptors 3 (a pipe), 4 (none), 5 (the same pipe); its output from there. */
static void run_shell(const char *command, char *out, size_t size)
{
	const char *const argv[] = { "sh", "-c", command, NULL };
	int shell = open("/bin/sh", O_RDONLY | O_CLOEXEC), pipe_fds[2];
	struct ceno_child child;
	uv_loop_t loop;
	ssize_t n;

	assert_true(shell >= 0);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	const int fds[] = { pipe_fds[1], -1, pipe_fds[1] };
	const struct ceno_child_spec spec = { .executable = shell, .argv = argv, .fds = fds, .fd_count = 3 };

	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(ceno_child_start(&loop, &child, &spec, on_exit_of_child, NULL), 0);
	close(pipe_fds[1]);
	uv_run(&loop, UV_RUN_DEFAULT);
	n = read(pipe_fds[0], out, size - 1);
	out[n > 0 ? n : 0] = '\0';
	close(pipe_fds[0]);
	close(shell);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_child(void **state)
{
	char text[256];

	(void)state;
	run_shell("[ -e /proc/self/fd/4 ] && echo four >&3; /usr/bin/env >&3; echo end >&5; exit 3", text, sizeof text);
	assert_int_equal(WEXITSTATUS(ended), 3);
	assert_null(strstr(text, "four"));
	assert_non_null(strstr(text, "end\n"));
	assert_null(strstr(text, "PATH=/")); /* nothing of our environment; the shell sets PWD, SHLVL and _ itself */
	assert_null(strstr(text, "HOME="));
	run_shell("kill -9 $$", text, sizeof text);
	assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == 9);
}

static void test_layers(void **state)
{
	const uint32_t few = CENO_LAYER_MEMORY | CENO_LAYER_L1D | CENO_LAYER_LANDLOCK;
	static const char *const bad[] = {
		"", ",", "memory,", ",memory", "memory,,tasks", "Memory", "memory tasks", "none,memory", "all"
	};
	char text[CENO_LAYERS_TEXT_MAX];
	uint32_t layers = 77;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(ceno_layers_parse(bad[i], &layers), -EINVAL);
	assert_int_equal(layers, 77);
	assert_int_equal(ceno_layers_parse("l1d,memory,landlock", &layers), 0);
	assert_int_equal(layers, few);
	ceno_layers_format(few, text, sizeof text);
	assert_string_equal(text, "memory,landlock,l1d");
	ceno_layers_format(~0u, text, sizeof text);
	assert_int_equal(ceno_layers_parse(text, &layers), 0);
	assert_true(strlen(text) + 1 < CENO_LAYERS_TEXT_MAX && layers == 0xff);
	assert_int_equal(ceno_layers_parse("none", &layers), 0);
	assert_int_equal(layers, 0);
	/* What is not offered is not asked for, but that no core is shared. */
	assert_int_equal(ceno_layers_usual(0), CENO_LAYER_CORE);
	assert_int_equal(ceno_layers_usual(few), CENO_LAYER_CORE | CENO_LAYER_MEMORY);
	assert_int_equal(ceno_layers_steps(0xff), CENO_JAIL_OPTIONAL);
	assert_int_equal(ceno_layers_steps(few), 1u << CENO_JAIL_L1D | 1u << CENO_JAIL_LANDLOCK);
}

static void expect_file(const char *directory, const char *name, const char *want)
{
	char path[512], text[64] = "";
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	f = fopen(path, "r");
	if (!f || !fgets(text, sizeof text, f))
		fail_msg("cannot read %s", path);
	fclose(f);
	if (strncmp(text, want, strlen(want)))
		fail_msg("%s is %s, not %s", path, text, want);
}

/* As the kernel has the limits then; on whatever groups this machine offers. */
static void test_groups(void **state)
{
	struct ceno_cgroup_root root;
	struct ceno_cgroup group;
	int two;

	(void)state;
	ceno_cgroup_root_open(&root);
	if (!root.version) {
		print_message("skipped: no memory group can be made here\n");
		skip();
	}
	two = root.version == 2;
	assert_int_equal(ceno_cgroup_open(&root, "limits", &group), 0);
	assert_true(group.join[CENO_CGROUP_MEMORY] >= 0);
	assert_int_equal(ceno_cgroup_limit(&group, 64u << 20), 0);
	expect_file(group.path[0], two ? "memory.max" : "memory.limit_in_bytes", "83886080");
	if (group.controllers & 1u << CENO_CGROUP_PIDS)
		expect_file(group.path[two ? 0 : CENO_CGROUP_PIDS], "pids.max", "8");
	if (group.controllers & 1u << CENO_CGROUP_CPU) {
		const char *path = group.path[two ? 0 : CENO_CGROUP_CPU];

		assert_int_equal(ceno_cgroup_processor(&group, 150), 0);
		expect_file(path, two ? "cpu.max" : "cpu.cfs_quota_us", "150000");
		assert_int_equal(ceno_cgroup_processor(&group, 0), 0);
		expect_file(path, two ? "cpu.max" : "cpu.cfs_quota_us", two ? "max" : "-1");
	}
	assert_int_equal(ceno_cgroup_open(&root, "limits", &(struct ceno_cgroup){ 0 }), -EEXIST);
	assert_int_equal(ceno_cgroup_close(&group), 1);
	ceno_cgroup_root_close(&root);
	for (int i = 0; i < CENO_CGROUP_CONTROLLERS; i++)
		assert_true(!root.path[i][0] || access(root.path[i], F_OK));
}

static int keeps_what_it_should(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct before[2], after[2];
	uint64_t kept = ceno_privilege_kept();

	if (syscall(SYS_capget, &header, before) || ceno_privilege_keep() || syscall(SYS_capget, &header, after))
		return 1;
	for (int i = 0; i < 2; i++)
		if (after[i].permitted != (before[i].permitted & (uint32_t)(kept >> 32 * i)) ||
		    after[i].effective != after[i].permitted || after[i].inheritable)
			return 2;
	for (unsigned long cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) && !(kept >> cap & 1))
			return 3;
	return ceno_privilege_keep() ? 4 : 0; /* twice is no different */
}

static void test_privilege(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = fork();
	if (pid == 0)
		_exit(keeps_what_it_should());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Every number that is not in the list, with arguments that no call takes; 0 if each is refused, and there is one that
 * this kernel has. */
static int outside_the_list(const uint8_t *listed, const uint8_t *known)
{
	int refused = 0;

	for (long call = 0; call < 512; call++) {
		errno = 0;
		if (listed[call] || call == 335 || call == 336)
			continue; /* uretprobe and uprobe: Linux asks no filter, and ends a process that calls them by itself */
		if (syscall(call, -1L, -1L, -1L, -1L, -1L, -1L) != -1 || errno != ENOSYS)
			return 3;
		refused += known[call];
	}
	return refused < 4 ? 4 : 0;
}

/* What cenod starts: its filter is inherited, and a dynamic program runs under it. */
static int confined_child(void)
{
	static const long dangerous[] = { SYS_ptrace, SYS_bpf, SYS_perf_event_open, SYS_setns, SYS_process_vm_readv };
	char *const argv[] = {
		"sh", "-c", "grep -q '^Seccomp:.2$' /proc/self/status && grep -q '^NoNewPrivs:.1$' /proc/self/status",
		NULL
	};
	uint8_t listed[512] = { 0 }, known[512] = { 0 };
	int rc;

#define LIST_CALL(name, reason) listed[SYS_##name] = 1;
	CENO_SUPERVISOR_CALLS(LIST_CALL)
#undef LIST_CALL
	for (size_t i = 0; i < sizeof dangerous / sizeof dangerous[0]; i++)
		known[dangerous[i]] = syscall(dangerous[i], -1L, -1L, -1L, -1L, -1L, -1L) == -1 && errno != ENOSYS;
	if (ceno_supervisor_confine())
		return 2;
	rc = outside_the_list(listed, known);
	if (rc)
		return rc;
	execve("/bin/sh", argv, NULL);
	return 5;
}

static void test_calls(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (ceno_confine_is_sanitized()) {
		print_message("built with a sanitizer: the call list is not installed\n");
		return;
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(confined_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blobs),  cmocka_unit_test(test_probe),  cmocka_unit_test(test_child),
		cmocka_unit_test(test_layers), cmocka_unit_test(test_groups), cmocka_unit_test(test_privilege),
		cmocka_unit_test(test_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
