/*
 * The observer of the hostile guests (observer.h) is not blind: whatever it counts is changed here, one
 * thing at a time, and it must say so and no more; and it must find bytes wherever in a session's
 * memory they lie, and a blob of the node's that is not what it was.
 *
 * This process plays the node, in a mount namespace of its own; a child plays a session's warden.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "observer.h"

#define UIDS     939524096u /* this test's own */
#define PATIENCE 5000u

enum field {
#define FIELD_NUMBER(name) FIELD_##name,
	OBSERVED(FIELD_NUMBER)
#undef FIELD_NUMBER
};
static const char *const field_names[] = {
#define FIELD_NAME(name) #name,
	OBSERVED(FIELD_NAME)
#undef FIELD_NAME
};
#define BIT(name) (1u << FIELD_##name)

static struct observer observer;
static char folder[] = "/tmp/ceno-observer.XXXXXX";

static uint32_t differences(const struct observed *a, const struct observed *b)
{
	uint32_t bits = 0;
#define FIELD_DIFFERS(name) bits |= a->name != b->name ? BIT(name) : 0;
	OBSERVED(FIELD_DIFFERS)
#undef FIELD_DIFFERS
	return bits;
}

/* ---- changes: each returns what undo() needs ---- */

static int pair[2];
static pthread_t thread;
static char path[256];

static void undo_fd(int fd)
{
	close(fd);
}
static int a_file(void)
{
	return open("/etc/passwd", O_RDONLY);
}
static int a_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}
static int a_pipe(void)
{
	return pipe(pair);
}
static void undo_pipe(int rc)
{
	(void)rc;
	close(pair[0]);
	close(pair[1]);
}
static int a_memfd(void)
{
	return memfd_create("left", 0);
}
static int an_eventfd(void)
{
	return eventfd(0, 0);
}
static int a_vm(void)
{
	return open("/dev/kvm", O_RDWR);
}

static void *wait_for_byte(void *unused)
{
	char byte;
	while (read(pair[0], &byte, 1) < 0)
		;
	return unused;
}
static int a_thread(void)
{
	return pipe(pair) < 0 ? -1 : -pthread_create(&thread, NULL, wait_for_byte, NULL);
}
static void undo_thread(int rc)
{
	if (write(pair[1], "x", 1) == 1)
		pthread_join(thread, NULL);
	undo_pipe(rc);
}

/* A child, and a child of it, neither with a descriptor. */
static int processes(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		syscall(SYS_close_range, 0, ~0u, 0);
		if (fork() == 0)
			prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}
static void undo_process(int pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int a_group(void)
{
	static const char *const places[] = { "/sys/fs/cgroup/memory", "/sys/fs/cgroup" };
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		snprintf(path, sizeof path, "%s/cenotaph-%d", places[i], (int)getpid());
		if (mkdir(path, 0700) == 0) {
			strcat(path, "/left");
			return mkdir(path, 0700);
		}
	}
	return -1;
}
static void undo_group(int rc)
{
	(void)rc;
	rmdir(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
}

static int a_mount(void)
{
	return mount("tmpfs", folder, "tmpfs", 0, NULL);
}
static void undo_mount(int rc)
{
	(void)rc;
	umount(folder);
}

static int shared_memory(void)
{
	snprintf(path, sizeof path, "/dev/shm/ceno-observer-%d", (int)getpid());
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	int rc = fd < 0 ? -1 : fchown(fd, UIDS + 65535, UIDS);
	close(fd);
	return rc;
}
static void undo_shared_memory(int rc)
{
	(void)rc;
	unlink(path);
}

static uint32_t key_uid = UIDS;
/* A key of that uid, held by nobody but a process that is not the node's: adopted by init. */
static int a_key(void)
{
	int rc = -1;
	if (pipe(pair) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		if (fork() != 0)
			_exit(0);
		setsid();
		pid_t self = (pid_t)syscall(SYS_getpid);
		if (setresgid(key_uid, key_uid, key_uid) < 0 || setresuid(key_uid, key_uid, key_uid) < 0 ||
		    syscall(SYS_add_key, "user", "left", "x", 1, KEY_SPEC_PROCESS_KEYRING) < 0)
			self = -1;
		ssize_t n = write(pair[1], &self, sizeof self);
		syscall(SYS_close_range, 0, ~0u, 0);
		while (n == sizeof self)
			pause();
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	if (read(pair[0], &rc, sizeof rc) != sizeof rc)
		rc = -1;
	undo_pipe(0);
	return rc;
}
static void undo_key(int pid)
{
	kill(pid, SIGKILL);
}

static const struct change {
	const char *what;
	int (*make)(void);
	void (*undo)(int);
	uint32_t fields; /* that differ, and no other */
} changes[] = {
	{ "a file", a_file, undo_fd, BIT(descriptors) },
	{ "a socket", a_socket, undo_fd, BIT(descriptors) | BIT(sockets) },
	{ "a pipe", a_pipe, undo_pipe, BIT(descriptors) | BIT(pipes) },
	{ "a memfd", a_memfd, undo_fd, BIT(descriptors) | BIT(memfds) },
	{ "an eventfd", an_eventfd, undo_fd, BIT(descriptors) | BIT(eventfds) },
	{ "a VM", a_vm, undo_fd, BIT(descriptors) | BIT(kvm) },
	{ "a thread", a_thread, undo_thread, BIT(descriptors) | BIT(pipes) | BIT(threads) },
	{ "two processes", processes, undo_process, BIT(processes) | BIT(threads) },
	{ "a group", a_group, undo_group, BIT(groups) },
	{ "a mount", a_mount, undo_mount, BIT(mounts) | BIT(host_mounts) },
	{ "shared memory", shared_memory, undo_shared_memory, BIT(shared_memory) },
	{ "a key", a_key, undo_key, BIT(keys) },
};

static void every_change_is_seen(void **state)
{
	struct observed before, now;
	uint32_t seen = 0;
	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		const struct timespec settle = { .tv_nsec = 20000000 };
		observe(&observer, &before);
		int made = changes[i].make();
		if (made < 0)
			fail_msg("%s cannot be made here", changes[i].what);
		nanosleep(&settle, NULL); /* a child closes its descriptors */
		for (unsigned tries = 0; tries < 200; tries++) {
			observe(&observer, &now);
			if (differences(&before, &now) == changes[i].fields)
				break;
			nanosleep(&settle, NULL);
		}
		uint32_t bits = differences(&before, &now);
		for (unsigned f = 0; f < sizeof field_names / sizeof field_names[0]; f++)
			if ((bits ^ changes[i].fields) >> f & 1)
				print_error("%s: %s %s\n", changes[i].what, field_names[f],
				            bits >> f & 1 ? "differs" : "is the same");
		assert_int_equal(bits, changes[i].fields);
		assert_false(observe_same(&observer, &before, 0));
		changes[i].undo(made);
		assert_true(observe_same(&observer, &before, PATIENCE));
		seen |= changes[i].fields;
	}
	assert_int_equal(seen, (1u << sizeof field_names / sizeof field_names[0]) - 1); /* none is left out */
}

static void other_nodes_do_not_count(void **state)
{
	struct observed before;
	(void)state;
	observe(&observer, &before);
	for (unsigned beside = 0; beside < 2; beside++) {
		key_uid = beside ? UIDS - 1 : UIDS + 65536;
		int pid = a_key();
		assert_true(pid > 0);
		assert_true(observe_same(&observer, &before, 0));
		undo_key(pid);
	}
}

/* ---- memory ---- */

#define CANARY "a canary of 24 bytes....."
#define EACH   (sizeof CANARY - 1)
#define MIB    (1 << 20)

static int blob(const char *name, const char *bytes)
{
	char file[128];
	snprintf(file, sizeof file, "%s/%s.bin", folder, name);
	int fd = memfd_create(name, MFD_CLOEXEC), to = open(file, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && to >= 0);
	assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
	assert_int_equal(write(to, bytes, strlen(bytes)), strlen(bytes));
	close(to);
	return fd;
}

/* Of two files: at the start, over the border of two reads, behind a hole, at the end; and beside a page that is. */
static pid_t session(int ready)
{
	static const off_t places[] = { 0, MIB - 7, 3 * MIB + 4096 - 5, 8 * MIB - (off_t)EACH };
	pid_t pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int ram = memfd_create("ceno-ram", 0), boot = memfd_create("ceno-boot", 0);
	if (ftruncate(ram, 8 * MIB) < 0 || ftruncate(boot, 4096) < 0 || pwrite(boot, CANARY, EACH, 100) < 0)
		_exit(1);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (pwrite(ram, CANARY, EACH, places[i]) != (ssize_t)EACH)
			_exit(1);
	if (write(ready, "r", 1) == 1)
		for (;;)
			pause();
	_exit(1);
}

static void every_copy_is_found_and_every_blob_compared(void **state)
{
	struct memories memories = { .count = 0 };
	int ready[2], blobs[3] = { blob("firmware", CANARY "f"), blob("trust", "t"), blob("bundle", CANARY "b") };
	char byte;
	(void)state;
	assert_false(memories_open(&observer, &memories)); /* no session yet */
	assert_int_equal(pipe(ready), 0);
	pid_t pid = session(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_true(memories_open(&observer, &memories));
	assert_int_equal(memories.count, 5);
	assert_int_equal(memories_search(&memories, CANARY, EACH), 5); /* none of the node's own */
	assert_int_equal(memories_search(&memories, "not there", 9), 0);
	undo_process(pid);
	assert_int_equal(memories_search(&memories, CANARY, EACH), 5); /* the observer's descriptors outlive it */
	assert_true(memories_match(&memories, folder));
	assert_int_equal(pwrite(blobs[2], "B", 1, (off_t)EACH), 1);
	assert_false(memories_match(&memories, folder));
	assert_int_equal(pwrite(blobs[2], "b", 1, (off_t)EACH), 1);
	assert_true(memories_match(&memories, folder));
	assert_int_equal(ftruncate(blobs[2], (off_t)EACH), 0); /* what is left of it is the same */
	assert_false(memories_match(&memories, folder));
	assert_int_equal(pwrite(blobs[2], "b", 1, (off_t)EACH), 1);
	assert_int_equal(ftruncate(blobs[1], 0), 0);
	assert_false(memories_match(&memories, folder));
	memories_close(&memories);
	for (unsigned i = 0; i < 3; i++)
		close(blobs[i]);
	close(ready[0]);
	close(ready[1]);
}

static int clean(void **state)
{
	static const char *const names[] = { "firmware", "trust", "bundle" };
	char file[128];
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		snprintf(file, sizeof file, "%s/%s.bin", folder, names[i]);
		unlink(file);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_change_is_seen),
		cmocka_unit_test(other_nodes_do_not_count),
		cmocka_unit_test(every_copy_is_found_and_every_blob_compared),
	};
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		puts("SKIP: needs root and a mount namespace");
		return 77;
	}
	observer = (struct observer){ .node = getpid(), .uid_base = UIDS };
	if (!mkdtemp(folder))
		return 1;
	return cmocka_run_group_tests_name("observer", tests, NULL, clean);
}
