/* The host: see host.h. */
#include "host.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-kernel/abi/cpu.h"
#include "vmm/core/launch.h"

#define PROBE_TIMEOUT_MS 10000

int ceno_host_directory(const char *path, mode_t mode, uid_t uid)
{
	char part[4096];
	size_t length = strlen(path);

	if (!length || length >= sizeof part)
		return -ENAMETOOLONG;
	memcpy(part, path, length + 1);
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (mkdir(part, mode) && errno != EEXIST)
		return -errno;
	if (chown(part, uid, uid) || chmod(part, mode))
		return -errno;
	return 0;
}

int ceno_host_text(const char *path, char *out, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	out[0] = '\0';
	if (fd < 0)
		return -errno;
	n = read(fd, out, max - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	while (n && isspace((unsigned char)out[n - 1]))
		n--;
	out[n] = '\0';
	return 0;
}

int ceno_host_swap_on(void)
{
	char line[512];
	int lines = 0;
	FILE *f = fopen("/proc/swaps", "re");

	if (!f)
		return errno == ENOENT ? 0 : -errno; /* no such file: a kernel without swap */
	while (fgets(line, sizeof line, f))
		lines++;
	fclose(f);
	return lines > 1;
}

uint64_t ceno_host_memory_available(void)
{
	char line[256];
	unsigned long long kib = 0;
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib * 1024;
}

void ceno_host_raise_limits(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int ceno_host_probe_parse(const char *text, struct ceno_host_kvm *out)
{
	unsigned kind, mode, npt, features;
	unsigned long long hz;
	int used = 0;

	if (sscanf(text, "kvm_kind=%u\nsyscall_mode=%u\ntsc_hz=%llu\nnpt=%u\ncpu=%u\n%n", &kind, &mode, &hz, &npt,
	           &features, &used) != 5 ||
	    text[used] || !used || kind < 1 || kind > 3 || mode < 1 || mode > 2 || hz < 1000000 || npt > 1 ||
	    features & ~CENO_CPU_FEATURE_MASK)
		return -EPROTO;
	*out = (struct ceno_host_kvm){
		.kind = kind, .syscall_mode = mode, .tsc_hz = hz, .npt = npt, .features = features
	};
	return 0;
}

static _Noreturn void run_probe(int vmm, int kvm, int answer)
{
	char *const argv[] = { "ceno-vmm", "--probe", NULL };
	char *environment[] = { NULL };

	/* out of the way first: either may lie where the other has to go */
	vmm = fcntl(vmm, F_DUPFD_CLOEXEC, 100);
	kvm = fcntl(kvm, F_DUPFD_CLOEXEC, 100);
	if (vmm < 0 || kvm < 0 || dup2(answer, 1) < 0 || dup2(kvm, CENO_VMM_FD_KVM) < 0)
		_exit(127);
	syscall(SYS_execveat, vmm, "", argv, environment, AT_EMPTY_PATH);
	_exit(127);
}

/* Reads until end of file or the deadline; the text is NUL-terminated. */
static void read_answer(int fd, char *text, size_t max)
{
	size_t used = 0;

	while (used + 1 < max) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, PROBE_TIMEOUT_MS) <= 0)
			break;
		n = read(fd, text + used, max - 1 - used);
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	text[used] = '\0';
}

int ceno_host_probe(int vmm, int kvm, struct ceno_host_kvm *out)
{
	char text[256];
	int answer[2], status;
	pid_t pid;

	if (pipe2(answer, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid == 0)
		run_probe(vmm, kvm, answer[1]);
	close(answer[1]);
	if (pid < 0) {
		close(answer[0]);
		return -errno;
	}
	read_answer(answer[0], text, sizeof text);
	close(answer[0]);
	kill(pid, SIGKILL); /* it has answered, or it hangs */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return ceno_host_probe_parse(text, out);
}
