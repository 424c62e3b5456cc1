/*
 * A node from outside. See observer.h.
 */
#include "observer.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TREE_MAX  256u
#define UIDS      65536u
#define POLL_NS   20000000l
#define SEARCH_AT 8u

struct tree {
	unsigned count;
	pid_t pid[TREE_MAX];
};

static pid_t parent_of(pid_t pid)
{
	char path[64], text[512];
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return -1;
	size_t n = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[n] = 0;
	const char *end = strrchr(text, ')');
	return end && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : -1;
}

static bool in_tree(const struct tree *tree, pid_t pid)
{
	for (unsigned i = 0; i < tree->count; i++)
		if (tree->pid[i] == pid)
			return true;
	return false;
}

/* The node and all below it: passes over /proc until one adds nobody. */
static void find_tree(pid_t node, struct tree *tree)
{
	unsigned before;
	*tree = (struct tree){ .count = 1, .pid = { node } };
	do {
		before = tree->count;
		DIR *proc = opendir("/proc");
		for (struct dirent *entry; proc && (entry = readdir(proc)) && tree->count < TREE_MAX;) {
			pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
			if (pid > 0 && !in_tree(tree, pid) && in_tree(tree, parent_of(pid)))
				tree->pid[tree->count++] = pid;
		}
		if (proc)
			closedir(proc);
	} while (tree->count != before);
}

static uint64_t entries_of(const char *path)
{
	uint64_t count = 0;
	DIR *directory = opendir(path);
	for (struct dirent *entry; directory && (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	if (directory)
		closedir(directory);
	return count;
}

static uint64_t lines_of(const char *path)
{
	uint64_t count = 0;
	FILE *file = fopen(path, "re");
	for (int c; file && (c = fgetc(file)) != EOF;)
		count += c == '\n';
	if (file)
		fclose(file);
	return count;
}

static void count_descriptor(const char *target, struct observed *now)
{
	now->descriptors++;
	now->sockets += !strncmp(target, "socket:", 7);
	now->pipes += !strncmp(target, "pipe:", 5);
	now->memfds += !strncmp(target, "/memfd:", 7);
	now->eventfds += strstr(target, "[event") != NULL;
	now->kvm += strstr(target, "kvm") != NULL;
}

static void count_process(pid_t pid, struct observed *now)
{
	char path[64], target[512];
	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	now->processes++;
	now->threads += entries_of(path);
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *directory = opendir(path);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		ssize_t n = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);
		if (n < 0)
			continue;
		target[n] = 0;
		count_descriptor(target, now);
	}
	if (directory)
		closedir(directory);
}

/* Groups of the node, wherever the memory controller is. */
static uint64_t count_groups(pid_t node)
{
	static const char *const places[] = { "/sys/fs/cgroup/cenotaph-%d/*/", "/sys/fs/cgroup/*/cenotaph-%d/*/" };
	uint64_t count = 0;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		char pattern[96];
		glob_t found;
		snprintf(pattern, sizeof pattern, i ? places[1] : places[0], (int)node);
		if (glob(pattern, 0, NULL, &found) == 0)
			count += found.gl_pathc;
		globfree(&found);
	}
	return count;
}

static uint64_t count_shared_memory(uint32_t uid_base)
{
	uint64_t count = 0;
	DIR *directory = opendir("/dev/shm");
	struct stat st;
	for (struct dirent *entry; directory && (entry = readdir(directory));)
		count += fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_uid - uid_base < UIDS;
	if (directory)
		closedir(directory);
	return count;
}

/* "uid: usage nkeys/nikeys ..." */
static uint64_t count_keys(uint32_t uid_base)
{
	uint64_t count = 0;
	char line[256];
	FILE *file = fopen("/proc/key-users", "re");
	while (file && fgets(line, sizeof line, file)) {
		char *rest;
		uint32_t uid = (uint32_t)strtoul(line, &rest, 10);
		if (*rest == ':' && uid - uid_base < UIDS) {
			strtoul(rest + 1, &rest, 10);
			count += strtoul(rest, NULL, 10);
		}
	}
	if (file)
		fclose(file);
	return count;
}

void observe(const struct observer *observer, struct observed *now)
{
	struct tree tree;
	char path[64];
	*now = (struct observed){ 0 };
	find_tree(observer->node, &tree);
	for (unsigned i = 0; i < tree.count; i++)
		count_process(tree.pid[i], now);
	snprintf(path, sizeof path, "/proc/%d/mountinfo", (int)observer->node);
	now->mounts = lines_of(path);
	now->host_mounts = lines_of("/proc/self/mountinfo");
	now->groups = count_groups(observer->node);
	now->shared_memory = count_shared_memory(observer->uid_base);
	now->keys = count_keys(observer->uid_base);
}

static void say_difference(const struct observed *before, const struct observed *now)
{
#define OBSERVED_SAY(name) \
	if (before->name != now->name) \
		printf("      " #name ": %lu before, %lu after\n", (unsigned long)before->name, \
		       (unsigned long)now->name);
	OBSERVED(OBSERVED_SAY)
#undef OBSERVED_SAY
}

bool observe_same(const struct observer *observer, const struct observed *before, unsigned timeout_ms)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };
	struct observed now;
	for (unsigned waited = 0;; waited += POLL_NS / 1000000) {
		observe(observer, &now);
		if (!memcmp(before, &now, sizeof now))
			return true;
		if (waited >= timeout_ms)
			break;
		nanosleep(&pause, NULL);
	}
	say_difference(before, &now);
	return false;
}

/* ---- a session's memory ---- */

static bool is_node(const char *name)
{
	return strstr(name, "firmware") || strstr(name, "trust") || strstr(name, "bundle");
}

/* node: only the node's own, else only a session's. */
static void open_memfds(pid_t pid, bool node, struct memories *memories)
{
	char path[64], target[256];
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *directory = opendir(path);
	for (struct dirent *entry; directory && (entry = readdir(directory)) && memories->count < MEMORIES_MAX;) {
		ssize_t n = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);
		if (n < 0)
			continue;
		target[n] = 0;
		if (strncmp(target, "/memfd:", 7) != 0 || is_node(target) != node)
			continue;
		int fd = openat(dirfd(directory), entry->d_name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		memories->of[memories->count].fd = fd;
		memories->of[memories->count].node = node;
		snprintf(memories->of[memories->count++].name, sizeof memories->of[0].name, "%.*s",
		         (int)strcspn(target + 7, " "), target + 7);
	}
	if (directory)
		closedir(directory);
}

static bool has_session(const struct memories *memories)
{
	for (unsigned i = 0; i < memories->count; i++)
		if (strstr(memories->of[i].name, "boot"))
			return true;
	return false;
}

bool memories_open(const struct observer *observer, struct memories *memories)
{
	struct tree tree;
	find_tree(observer->node, &tree);
	for (unsigned i = 0; i < tree.count; i++) {
		memories->count = 0;
		open_memfds(tree.pid[i], false, memories);
		if (has_session(memories)) {
			open_memfds(observer->node, true, memories);
			return true;
		}
		memories_close(memories);
	}
	return false;
}

void memories_close(struct memories *memories)
{
	while (memories->count)
		close(memories->of[--memories->count].fd);
}

/* Over what is backed: a read of a hole's mapping would allocate it. */
static uint64_t search_file(int fd, const uint8_t *bytes, size_t count)
{
	static uint8_t buffer[1 << 20];
	uint64_t found = 0;
	for (off_t at = 0; (at = lseek(fd, at, SEEK_DATA)) >= 0;) {
		ssize_t n = pread(fd, buffer, sizeof buffer, at);
		if (n <= 0)
			break;
		for (const uint8_t *p = buffer; (p = memmem(p, (size_t)(buffer + n - p), bytes, count)); p += count)
			found++;
		/* so that what lies over the border is seen once */
		at += n == (ssize_t)sizeof buffer ? n - (ssize_t)count + 1 : n;
	}
	return found;
}

uint64_t memories_search(const struct memories *memories, const void *bytes, size_t count)
{
	uint64_t found = 0;
	if (count < SEARCH_AT)
		abort();
	for (unsigned i = 0; i < memories->count; i++)
		if (!memories->of[i].node)
			found += search_file(memories->of[i].fd, bytes, count);
	return found;
}

static bool same_bytes(int fd, int other)
{
	static uint8_t one[65536], two[65536];
	off_t at = 0;
	for (;;) {
		ssize_t n = pread(fd, one, sizeof one, at), m = pread(other, two, sizeof two, at);
		if (n != m || n < 0 || memcmp(one, two, (size_t)n) != 0)
			return false;
		if (n == 0)
			return at > 0;
		at += n;
	}
}

bool memories_match(const struct memories *memories, const char *directory)
{
	static const char *const blobs[] = { "firmware", "trust", "bundle" };
	unsigned matched = 0;
	for (unsigned i = 0; i < memories->count; i++)
		for (size_t b = 0; memories->of[i].node && b < sizeof blobs / sizeof blobs[0]; b++) {
			char path[512];
			snprintf(path, sizeof path, "%s/%s.bin", directory, blobs[b]);
			int fd = strstr(memories->of[i].name, blobs[b]) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
			if (fd < 0)
				continue;
			if (!same_bytes(memories->of[i].fd, fd))
				printf("      the node's %s is not %s any more\n", memories->of[i].name, path);
			else
				matched++;
			close(fd);
		}
	return matched == sizeof blobs / sizeof blobs[0];
}
