/*
 * The observer. See outside.h.
 */
#include "outside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "captured.h"

extern const uint8_t guest_sleep_forever[], guest_sleep_forever_end[];

#define CANARY       0x796c6c6177766d6dull
#define CANARY_PLACE (3u << 20) /* in the other session's RAM */
#define FNV_START    0xcbf29ce484222325ull
#define FNV_PRIME    0x100000001b3ull

/* ---- small things -------------------------------------------------------------- */

static void read_all(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	for (ssize_t n = 1; n > 0 && used<size - 1; used += n> 0 ? (size_t)n : 0)
		n = read(fd, text + used, size - 1 - used);
	assert_true(used < size - 1);
	text[used] = 0;
	close(fd);
}

static uint64_t fold(uint64_t digest, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		digest = (digest ^ bytes[i]) * FNV_PRIME;
	return digest;
}

/* ---- the process ----------------------------------------------------------------- */

static void list_descriptors(pid_t pid, char *text, size_t size)
{
	char path[64], target[128], info[8192];
	text[0] = 0;
	for (int fd = 0; fd < 128; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = 0;
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
		read_all(path, info, sizeof(info));
		const char *flags = strstr(info, "flags:");
		size_t used = strlen(text);
		snprintf(text + used, size - used, "%d %s %.16s\n", fd, target, flags ? flags : "");
	}
	assert_true(strlen(text) < size - 256);
}

/* Identity, privileges and tasks: the lines of status that do not count time. */
static void list_status(pid_t pid, char *text, size_t size)
{
	static const char *const lines[] = { "Uid:",    "Gid:",        "Threads:", "SigBlk:",         "SigIgn:",
		                             "SigCgt:", "CapInh:",     "CapPrm:",  "CapEff:",         "CapBnd:",
		                             "CapAmb:", "NoNewPrivs:", "Seccomp:", "Seccomp_filters:" };
	char path[64], whole[4096];
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	read_all(path, whole, sizeof(whole));
	text[0] = 0;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *line = strstr(whole, lines[i]);
		if (line)
			snprintf(text + strlen(text), size - strlen(text), "%.*s\n", (int)strcspn(line, "\n"), line);
	}
}

static void list_spaces(pid_t pid, char *text, size_t size)
{
	static const char *const names[] = { "user", "mnt", "pid", "pid_for_children", "ipc", "uts", "net", "cgroup" };
	char path[64], target[64];
	text[0] = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, names[i]);
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = 0;
		snprintf(text + strlen(text), size - strlen(text), "%s %s\n", names[i], target);
	}
}

void outside_inside(struct inside *inside, pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	read_all(path, inside->maps, sizeof(inside->maps));
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	read_all(path, inside->mounts, sizeof(inside->mounts));
	list_descriptors(pid, inside->descriptors, sizeof(inside->descriptors));
	list_status(pid, inside->status, sizeof(inside->status));
	list_spaces(pid, inside->spaces, sizeof(inside->spaces));
}

const char *outside_compare(const struct inside *before, const struct inside *after)
{
	if (strcmp(before->maps, after->maps) != 0)
		return "its mappings changed";
	if (strcmp(before->descriptors, after->descriptors) != 0)
		return "its descriptors changed";
	if (strcmp(before->status, after->status) != 0)
		return "its tasks or privileges changed";
	if (strcmp(before->spaces, after->spaces) != 0)
		return "its namespaces changed";
	return strcmp(before->mounts, after->mounts) != 0 ? "its mounts changed" : NULL;
}

/* ---- behind the slots ------------------------------------------------------------- */

static uint64_t digest_of(int fd)
{
	static uint8_t buffer[1 << 16];
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	uint64_t digest = fold(FNV_START, (const uint8_t *)&st.st_size, sizeof(st.st_size));
	digest = fold(digest, (const uint8_t *)&st.st_blocks, sizeof(st.st_blocks));
	for (off_t at = lseek(fd, 0, SEEK_DATA); at >= 0 && at < st.st_size;) {
		ssize_t n = pread(fd, buffer, sizeof(buffer), at);
		if (n <= 0)
			break;
		digest = fold(digest, buffer, (size_t)n);
		at = lseek(fd, at + n, SEEK_DATA);
	}
	return digest;
}

void outside_backing(struct backing *backing, const struct tinyvm *vm)
{
	memset(backing, 0, sizeof(*backing));
	for (int fd = CENO_VMM_FD_FIRMWARE; fd < CENO_VMM_FD_END; fd++)
		if (vm->fd[fd] >= 0 && fd != CENO_VMM_FD_WINDOW + CENO_PLEDGE_STDIO)
			backing->digest[fd] = digest_of(vm->fd[fd]);
}

const char *outside_backing_changed(const struct backing *before, const struct tinyvm *vm)
{
	struct backing after;
	outside_backing(&after, vm);
	return memcmp(before, &after, sizeof(after)) != 0 ? "what lies behind a slot changed" : NULL;
}

/* ---- around it ---------------------------------------------------------------------- */

static struct outside *current;

static void count_own(int number)
{
	(void)number;
	current->signals++;
}

static void count_victims(int number)
{
	(void)number;
	current->page->signals++;
}

static void handle_all(void (*handler)(int))
{
	for (int number = 1; number < NSIG; number++)
		if (number != SIGKILL && number != SIGSTOP && number != SIGCHLD && number != SIGPIPE &&
		    number != SIGSEGV && number != SIGBUS && number != SIGABRT && number != SIGINT)
			signal(number, handler);
}

/* As open to the vmm as a process can be: same uid, dumpable, any tracer. */
static _Noreturn void be_victim(void)
{
	handle_all(count_victims);
	if (setresgid(JAILED_UID, JAILED_UID, JAILED_UID) < 0 || setresuid(JAILED_UID, JAILED_UID, JAILED_UID) < 0 ||
	    prctl(PR_SET_DUMPABLE, 1) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		_exit(1);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* where there is Yama */
	for (;;)
		pause();
}

static int listen_at(void)
{
	const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = CAPTURED_NAME };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&name,
	                      offsetof(struct sockaddr_un, sun_path) + sizeof(CAPTURED_NAME) - 1),
	                 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

void outside_open(struct outside *outside)
{
	memset(outside, 0, sizeof(*outside));
	current = outside;
	outside->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(outside->page != MAP_FAILED);
	outside->page->canary = CANARY;
	outside->victim = fork();
	assert_true(outside->victim >= 0);
	if (outside->victim == 0)
		be_victim();
	handle_all(count_own);
	outside->listener = listen_at();
	jailed_start(&outside->other, guest_sleep_forever, (size_t)(guest_sleep_forever_end - guest_sleep_forever));
	const struct captured_request none = { .attempt = CAPTURED_COUNT - 1 };
	assert_int_equal(write(outside->other.input, &none, sizeof(none)), sizeof(none));
	*(volatile uint64_t *)(outside->other.tiny.ram + CANARY_PLACE) = CANARY;
	assert_int_equal(jailed_launch(&outside->other).type, CENO_VMM_LOCKED);
}

void outside_close(struct outside *outside)
{
	jailed_fini(&outside->other);
	kill(outside->victim, SIGKILL);
	waitpid(outside->victim, NULL, 0);
	close(outside->listener);
	munmap(outside->page, 4096);
}

static bool is_of(const char *pid, uid_t uid)
{
	char path[300];
	struct stat st;
	snprintf(path, sizeof(path), "/proc/%s", pid);
	return stat(path, &st) == 0 && st.st_uid == uid;
}

/* By the owner of /proc/PID, which is root's for a process that is not dumpable: so by its Uid line. */
static bool runs_as(const char *pid, uid_t uid)
{
	char path[300], text[4096];
	unsigned real = 0;
	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = 0;
	const char *line = strstr(text, "\nUid:");
	return line && sscanf(line, "\nUid: %u", &real) == 1 && real == uid;
}

static unsigned count_processes(pid_t but)
{
	DIR *proc = opendir("/proc");
	unsigned count = 0;
	assert_non_null(proc);
	for (struct dirent *entry; (entry = readdir(proc));)
		if (isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) != but)
			count += is_of(entry->d_name, JAILED_UID) || runs_as(entry->d_name, JAILED_UID);
	closedir(proc);
	return count;
}

/* The line of /proc/key-users that counts this uid's keys; "" if it has none. */
static void list_keys(char *text, size_t size)
{
	char whole[65536], wanted[32];
	unsigned uid;
	text[0] = 0;
	read_all("/proc/key-users", whole, sizeof(whole));
	snprintf(wanted, sizeof(wanted), "%u", JAILED_UID);
	for (const char *line = whole; *line; line += strcspn(line, "\n") + 1)
		if (sscanf(line, " %u:", &uid) == 1 && uid == JAILED_UID)
			snprintf(text, size, "%.*s", (int)strcspn(line, "\n"), line);
}

void outside_begin(struct outside *outside, pid_t captured)
{
	char path[64];
	outside->captured = captured;
	outside->processes = count_processes(captured);
	list_keys(outside->keys, sizeof(outside->keys));
	snprintf(path, sizeof(path), "/proc/%d/limits", outside->victim);
	read_all(path, outside->victim_limits, sizeof(outside->victim_limits));
}

static const char *victim_changed(const struct outside *outside)
{
	char path[64], limits[sizeof(outside->victim_limits)];
	siginfo_t info = { 0 };
	if (waitid(P_PID, (id_t)outside->victim, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) < 0 || info.si_pid)
		return "a process of the same uid ended or stopped";
	if (outside->page->canary != CANARY)
		return "the memory of a process of the same uid was written";
	if (outside->page->signals)
		return "a process of the same uid got a signal";
	snprintf(path, sizeof(path), "/proc/%d/limits", outside->victim);
	read_all(path, limits, sizeof(limits));
	return strcmp(limits, outside->victim_limits) != 0 ? "the limits of a process of the same uid changed" : NULL;
}

static const char *other_changed(const struct outside *outside)
{
	const struct pollfd end = { .fd = outside->other.child.pidfd, .events = POLLIN };
	struct pollfd now = end;
	if (poll(&now, 1, 0) != 0)
		return "another session's vmm ended";
	uint64_t seen = *(volatile uint64_t *)(outside->other.tiny.ram + CANARY_PLACE);
	return seen != CANARY ? "another session's memory was written" : NULL;
}

const char *outside_changed(struct outside *outside, bool own)
{
	struct pollfd connected = { .fd = outside->listener, .events = POLLIN };
	char keys[sizeof(outside->keys)];
	const char *changed = victim_changed(outside);
	if (!changed)
		changed = other_changed(outside);
	if (changed)
		return changed;
	if (outside->signals)
		return "the warden got a signal";
	if (poll(&connected, 1, 0) != 0)
		return "somebody connected to a socket of the host";
	if (own)
		return NULL;
	if (count_processes(outside->captured) != outside->processes)
		return "there are more processes, or fewer";
	list_keys(keys, sizeof(keys));
	/* A process that ended takes its own keyring with it: what may not be is more. */
	return strlen(keys) && strcmp(keys, outside->keys) > 0 ? "there are more keys" : NULL;
}

static void expect_change(struct outside *outside, const char *what)
{
	const char *changed = outside_changed(outside, false);
	if (!changed || strcmp(changed, what) != 0)
		fail_msg("'%s', not '%s'", changed ? changed : "nothing changed", what);
}

static void disturb_processes(struct outside *outside, uid_t uid)
{
	pid_t child = fork();
	if (child == 0) {
		if (setresuid(uid, uid, uid) == 0)
			pause();
		_exit(1);
	}
	for (int i = 0; i < 500 && count_processes(outside->captured) == outside->processes; i++)
		usleep(10000);
	expect_change(outside, "there are more processes, or fewer");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void disturb_listener(struct outside *outside)
{
	const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = CAPTURED_NAME };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&name,
	                         offsetof(struct sockaddr_un, sun_path) + sizeof(CAPTURED_NAME) - 1),
	                 0);
	expect_change(outside, "somebody connected to a socket of the host");
	close(accept(outside->listener, NULL, NULL));
	close(fd);
}

void outside_disturb(struct outside *outside, uid_t uid)
{
	outside->page->canary ^= 1;
	expect_change(outside, "the memory of a process of the same uid was written");
	outside->page->canary ^= 1;
	kill(outside->victim, SIGUSR1);
	for (int i = 0; i < 500 && !outside->page->signals; i++)
		usleep(10000);
	expect_change(outside, "a process of the same uid got a signal");
	outside->page->signals = 0;
	outside->other.tiny.ram[CANARY_PLACE] ^= 1;
	expect_change(outside, "another session's memory was written");
	outside->other.tiny.ram[CANARY_PLACE] ^= 1;
	raise(SIGTERM);
	expect_change(outside, "the warden got a signal");
	outside->signals = 0;
	disturb_processes(outside, uid);
	disturb_listener(outside);
	assert_null(outside_changed(outside, false));
}
