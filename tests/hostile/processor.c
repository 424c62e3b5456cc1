/*
 * A kernel and a processor with what no test machine has: what prctl answers about the sharing of
 * a core, of branch predictors and of the L1 data cache is made up here, for COMMAND and all that
 * it starts. Every other call is the kernel's own.
 *
 *   processor LOG LAYER=HOW... -- COMMAND [ARG...]
 *
 * LAYER      core, branches, l1d
 * HOW        absent    the kernel has no such thing
 *            needless  it says that there is nothing to protect from
 *            gives     it does what it is asked for, and says so afterwards
 *            refuses   it has it, and will not
 *            forgets   it says yes, and afterwards it was not done
 * LOG        one line for each question: "PROGRAM LAYER get|set ANSWER"
 *
 * By a seccomp filter that hands these calls to a listener (seccomp_unotify(2)): no debugger, so that
 * the processes trace and signal each other as ever. The listener ends with the last of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* include/uapi/linux/prctl.h */
#define SCHED_CORE        62
#define SCHED_CORE_GET    0
#define SCHED_CORE_CREATE 1
#define SPEC_L1D_FLUSH    2

#define CHANGED_MAX 4096u

enum layer { CORE, BRANCHES, L1D, LAYERS };
enum how { REAL, ABSENT, NEEDLESS, GIVES, REFUSES, FORGETS, HOWS };

static const char *const layer_names[LAYERS] = { "core", "branches", "l1d" };
static const char *const how_names[HOWS] = { "real", "absent", "needless", "gives", "refuses", "forgets" };

static enum how how[LAYERS];

/* Threads for which a layer was set. */
static struct {
	enum layer layer;
	pid_t pid;
} changed[CHANGED_MAX];
static unsigned changed_count;

static int is_changed(enum layer layer, pid_t pid)
{
	for (unsigned i = 0; i < changed_count; i++)
		if (changed[i].layer == layer && changed[i].pid == pid)
			return 1;
	return 0;
}

/* ---- answers ---- */

/* Sets it: 0 or -errno. */
static int64_t set(enum layer layer, pid_t pid)
{
	if (how[layer] == ABSENT || how[layer] == NEEDLESS)
		return -(layer == CORE && how[layer] == NEEDLESS ? ENODEV : ENXIO);
	if (how[layer] == REFUSES)
		return -EPERM;
	if (how[layer] == GIVES && changed_count < CHANGED_MAX) {
		changed[changed_count].layer = layer;
		changed[changed_count++].pid = pid;
	}
	return 0;
}

/* What a thread of the given state reads of its predictors or its cache: PR_GET_SPECULATION_CTRL. */
static int64_t speculation(enum layer layer, pid_t pid)
{
	int on = is_changed(layer, pid);

	if (how[layer] == ABSENT)
		return -ENODEV;
	if (how[layer] == NEEDLESS)
		return PR_SPEC_NOT_AFFECTED;
	if (layer == BRANCHES)
		return PR_SPEC_PRCTL | (on ? PR_SPEC_FORCE_DISABLE : PR_SPEC_ENABLE);
	return PR_SPEC_PRCTL | (on ? PR_SPEC_ENABLE : PR_SPEC_DISABLE);
}

static int64_t cookie(pid_t pid, uint64_t to)
{
	uint64_t value = is_changed(CORE, pid) ? 0xc00c1e00u + (uint64_t)pid : 0;
	char path[32];

	if (how[CORE] == ABSENT)
		return -EINVAL;
	if (how[CORE] == NEEDLESS)
		return -ENODEV;
	snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pwrite(fd, &value, sizeof value, (off_t)to);
	if (fd >= 0)
		close(fd);
	return n == sizeof value ? 0 : -EFAULT;
}

static void note(FILE *log, pid_t pid, enum layer layer, int is_set, int64_t answer)
{
	char path[32], name[32] = "?";

	snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
	FILE *comm = fopen(path, "re");
	if (comm && fgets(name, sizeof name, comm))
		name[strcspn(name, "\n")] = 0;
	if (comm)
		fclose(comm);
	fprintf(log, "%s %s %s %lld\n", name, layer_names[layer], is_set ? "set" : "get", (long long)answer);
	fflush(log);
}

static void answer(int listener, FILE *log)
{
	struct seccomp_notif asked;
	struct seccomp_notif_resp given;
	int64_t value;

	memset(&asked, 0, sizeof asked);
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
		return;
	const __u64 *args = asked.data.args;
	pid_t pid = (pid_t)asked.pid;
	enum layer layer = args[0] == SCHED_CORE ? CORE : args[1] == SPEC_L1D_FLUSH ? L1D : BRANCHES;
	int is_set = layer == CORE ? args[1] == SCHED_CORE_CREATE : args[0] == PR_SET_SPECULATION_CTRL;
	memset(&given, 0, sizeof given);
	given.id = asked.id;
	if (how[layer] == REAL || (layer == BRANCHES && args[1] != PR_SPEC_INDIRECT_BRANCH)) {
		given.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	} else {
		value = is_set ? set(layer, pid) : layer == CORE ? cookie(pid, args[4]) : speculation(layer, pid);
		note(log, pid, layer, is_set, value);
		given.val = value < 0 ? 0 : value;
		given.error = value < 0 ? (int32_t)value : 0;
	}
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &given);
}

static void listen_until_the_last(int listener, FILE *log)
{
	struct pollfd wait = { .fd = listener, .events = POLLIN };

	while (poll(&wait, 1, -1) >= 0 || errno == EINTR) {
		if (wait.revents & POLLIN)
			answer(listener, log);
		else if (wait.revents)
			break;
	}
}

/* ---- start ---- */

static int install(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SCHED_CORE, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_GET_SPECULATION_CTRL, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SPECULATION_CTRL, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	struct sock_fprog program = { sizeof code / sizeof code[0], code };

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static int send_fd(int over, int fd)
{
	char byte = 0;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec io = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};

	memset(&control, 0, sizeof control);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
	return sendmsg(over, &message, 0) == 1 ? 0 : -1;
}

static int receive_fd(int over)
{
	char byte;
	int fd = -1;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec io = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};

	if (recvmsg(over, &message, MSG_CMSG_CLOEXEC) == 1 && message.msg_controllen >= CMSG_LEN(sizeof fd))
		memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
	return fd;
}

/* The listener's process: nobody's child, so that no command finds one that it did not start. */
static void start_listener(int over, const char *path)
{
	FILE *log = fopen(path, "ae");

	if (!log || setsid() < 0 || fork() != 0)
		_exit(!log);
	int listener = receive_fd(over);
	close(over);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	if (listener >= 0)
		listen_until_the_last(listener, log);
	_exit(0);
}

static int parse(const char *word)
{
	size_t length = strcspn(word, "=");

	for (unsigned l = 0; l < LAYERS; l++)
		for (unsigned h = 0; h < HOWS; h++)
			if (strlen(layer_names[l]) == length && !strncmp(word, layer_names[l], length) &&
			    word[length] && !strcmp(word + length + 1, how_names[h])) {
				how[l] = (enum how)h;
				return 0;
			}
	return -1;
}

int main(int argc, char **argv)
{
	int pair[2], status, at = 2;

	while (at < argc && strcmp(argv[at], "--") != 0 && parse(argv[at]) == 0)
		at++;
	if (at + 1 >= argc || strcmp(argv[at], "--") != 0) {
		fprintf(stderr, "usage: processor LOG LAYER=HOW... -- COMMAND [ARG...]\n");
		return 125;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return 125;
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		start_listener(pair[1], argv[1]);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		return 125;
	close(pair[1]);
	int listener = install();
	if (listener < 0 || send_fd(pair[0], listener) < 0) {
		fprintf(stderr, "processor: this kernel has no seccomp listener: %s\n", strerror(errno));
		return 125;
	}
	close(listener);
	close(pair[0]);
	execvp(argv[at + 1], argv + at + 1);
	return 125;
}
