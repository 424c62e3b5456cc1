/* Control groups: see cgroup.h. */
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"

#define NODE_PREFIX "cenotaph-"

static int write_file(const char *directory, const char *name, const char *text)
{
	char path[CENO_CGROUP_PATH_MAX + 64];
	int fd, rc = 0;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int read_file(const char *directory, const char *name, char *out, size_t max)
{
	char path[CENO_CGROUP_PATH_MAX + 64];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	return ceno_host_text(path, out, max);
}

static const char *const controller_names[CENO_CGROUP_CONTROLLERS] = { "memory", "pids", "cpu" };

static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += length)
		if ((at == text || at[-1] == ' ') && strchr(" \n", at[length]))
			return true; /* strchr finds the terminator, too */
	return false;
}

/* Is this the mount of v2 (want 2), or of v1's hierarchy (want 1), that has the controller? */
static bool has_controller(const struct mntent *m, int want, const char *controller)
{
	char controllers[512];

	if (want == 1)
		return !strcmp(m->mnt_type, "cgroup") && hasmntopt(m, controller);
	return !strcmp(m->mnt_type, "cgroup2") &&
	    !read_file(m->mnt_dir, "cgroup.controllers", controllers, sizeof controllers) &&
	    has_word(controllers, controller);
}

/* Mount point of cgroup v2 or v1 with that controller. */
static bool find_mount(int want, enum ceno_cgroup_controller controller, char *out, size_t max)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *m;
	bool found = false;

	while (mounts && !found && (m = getmntent(mounts))) {
		found = strlen(m->mnt_dir) < max && has_controller(m, want, controller_names[controller]);
		if (found)
			snprintf(out, max, "%s", m->mnt_dir);
	}
	if (mounts)
		endmntent(mounts);
	return found;
}

int ceno_cgroup_version(uint32_t *controllers)
{
	char mount[CENO_CGROUP_PATH_MAX];
	int version = 2;

	while (version && !find_mount(version, CENO_CGROUP_MEMORY, mount, sizeof mount))
		version--;
	for (int i = 0; controllers && i < CENO_CGROUP_CONTROLLERS; i++) {
		uint32_t bit = 1u << i;

		*controllers = (i ? *controllers : 0) |
		    (version && find_mount(version, (enum ceno_cgroup_controller)i, mount, sizeof mount) ? bit : 0);
	}
	return version;
}

/* Groups named after a cenod that no longer runs, and the empty groups in them. */
static void sweep(const char *mount)
{
	DIR *directory = opendir(mount);
	struct dirent *entry, *inner;

	while (directory && (entry = readdir(directory))) {
		char path[CENO_CGROUP_PATH_MAX], sub[2 * CENO_CGROUP_PATH_MAX];
		DIR *sessions;
		long pid;

		if (strncmp(entry->d_name, NODE_PREFIX, strlen(NODE_PREFIX)))
			continue;
		pid = strtol(entry->d_name + strlen(NODE_PREFIX), NULL, 10);
		if (pid <= 0 || !kill((pid_t)pid, 0) || errno != ESRCH)
			continue;
		if ((size_t)snprintf(path, sizeof path, "%s/%s", mount, entry->d_name) >= sizeof path)
			continue;
		sessions = opendir(path);
		while (sessions && (inner = readdir(sessions)))
			if (inner->d_type == DT_DIR && inner->d_name[0] != '.') {
				snprintf(sub, sizeof sub, "%s/%s", path, inner->d_name);
				rmdir(sub);
			}
		if (sessions)
			closedir(sessions);
		rmdir(path);
	}
	if (directory)
		closedir(directory);
}

/* The node's own group in the hierarchy of one controller. */
static int make_root(struct ceno_cgroup_root *root, enum ceno_cgroup_controller controller)
{
	char mount[CENO_CGROUP_PATH_MAX / 2], *path = root->path[controller];

	if (!find_mount(root->version, controller, mount, sizeof mount))
		return -ENOENT;
	sweep(mount);
	snprintf(path, sizeof root->path[0], "%s/%s%d", mount, NODE_PREFIX, (int)getpid());
	if (root->version == 2)
		write_file(mount, "cgroup.subtree_control", "+memory");
	if (mkdir(path, 0755) && errno != EEXIST) {
		int rc = -errno;

		path[0] = '\0';
		return rc;
	}
	root->controllers |= 1u << controller;
	return 0;
}

/* v2 has one hierarchy: a controller is handed down to the node's group, and from there to the pairs'. */
static int hand_down(struct ceno_cgroup_root *root, enum ceno_cgroup_controller controller)
{
	char mount[CENO_CGROUP_PATH_MAX], word[16];
	int rc;

	snprintf(mount, sizeof mount, "%s", root->path[CENO_CGROUP_MEMORY]);
	*strrchr(mount, '/') = '\0';
	snprintf(word, sizeof word, "+%s", controller_names[controller]);
	write_file(mount, "cgroup.subtree_control", word);
	rc = write_file(root->path[CENO_CGROUP_MEMORY], "cgroup.subtree_control", word);
	root->controllers |= rc ? 0 : 1u << controller;
	return rc;
}

void ceno_cgroup_root_open(struct ceno_cgroup_root *root)
{
	memset(root, 0, sizeof *root);
	for (root->version = 2; root->version; root->version--) {
		if (make_root(root, CENO_CGROUP_MEMORY))
			continue;
		if (root->version == 1 || !hand_down(root, CENO_CGROUP_MEMORY))
			break;
		rmdir(root->path[CENO_CGROUP_MEMORY]);
		root->controllers = 0;
	}
	for (int i = CENO_CGROUP_MEMORY + 1; root->version && i < CENO_CGROUP_CONTROLLERS; i++) {
		enum ceno_cgroup_controller controller = (enum ceno_cgroup_controller)i;

		(void)(root->version == 2 ? hand_down(root, controller) : make_root(root, controller));
	}
}

void ceno_cgroup_root_close(const struct ceno_cgroup_root *root)
{
	for (int i = 0; i < CENO_CGROUP_CONTROLLERS; i++)
		if (root->path[i][0])
			rmdir(root->path[i]);
}

/* Where the files of a controller lie. */
static const char *place(const struct ceno_cgroup *group, enum ceno_cgroup_controller controller)
{
	return group->path[group->version == 2 ? CENO_CGROUP_MEMORY : controller];
}

int ceno_cgroup_limit(const struct ceno_cgroup *group, uint64_t memory_bytes)
{
	char text[32];

	if (!group->version)
		return 0;
	snprintf(text, sizeof text, "%llu", (unsigned long long)(memory_bytes + CENO_CGROUP_OVERHEAD));
	return write_file(place(group, CENO_CGROUP_MEMORY),
	                  group->version == 2 ? "memory.max" : "memory.limit_in_bytes", text);
}

int ceno_cgroup_processor(const struct ceno_cgroup *group, uint32_t percent)
{
	const unsigned long long period_us = 100000;
	char text[64];

	if (!(group->controllers & 1u << CENO_CGROUP_CPU))
		return 0;
	if (!percent)
		snprintf(text, sizeof text, "%s", group->version == 2 ? "max" : "-1");
	else
		snprintf(text, sizeof text, "%llu", percent * period_us / 100);
	return write_file(place(group, CENO_CGROUP_CPU), group->version == 2 ? "cpu.max" : "cpu.cfs_quota_us", text);
}

static int limit_tasks(const struct ceno_cgroup *group)
{
	char text[16];

	if (!(group->controllers & 1u << CENO_CGROUP_PIDS))
		return 0;
	snprintf(text, sizeof text, "%d", CENO_CGROUP_TASKS);
	return write_file(place(group, CENO_CGROUP_PIDS), "pids.max", text);
}

static int forbid_swap(const struct ceno_cgroup *group)
{
	const char *path = place(group, CENO_CGROUP_MEMORY);
	int rc;

	if (group->version == 2) {
		rc = write_file(path, "memory.swap.max", "0");
		/* absent when the kernel has no swap support at all: nothing to forbid */
		return rc == -ENOENT && access(path, F_OK) == 0 ? 0 : rc;
	}
	write_file(path, "memory.swappiness", "0");
	return 0;
}

/* The pair's group in the hierarchy of one controller, and the descriptor to join it with. */
static int make_group(const struct ceno_cgroup_root *root, enum ceno_cgroup_controller controller, const char *name,
                      struct ceno_cgroup *group)
{
	char procs[CENO_CGROUP_PATH_MAX + 16], *path = group->path[controller];

	if ((size_t)snprintf(path, sizeof group->path[0], "%s/%s", root->path[controller], name) >=
	    sizeof group->path[0]) {
		path[0] = '\0';
		return -ENAMETOOLONG;
	}
	if (mkdir(path, 0755)) {
		path[0] = '\0';
		return -errno;
	}
	snprintf(procs, sizeof procs, "%s/cgroup.procs", path);
	group->join[controller] =
	    root->version == 2 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : open(procs, O_WRONLY | O_CLOEXEC);
	return group->join[controller] < 0 ? -errno : 0;
}

void ceno_cgroup_init(struct ceno_cgroup *group)
{
	memset(group, 0, sizeof *group);
	for (int i = 0; i < CENO_CGROUP_CONTROLLERS; i++)
		group->join[i] = -1;
}

int ceno_cgroup_open(const struct ceno_cgroup_root *root, const char *name, struct ceno_cgroup *group)
{
	int rc = 0;

	ceno_cgroup_init(group);
	group->version = root->version;
	group->controllers = root->controllers;
	for (int i = 0; !rc && i < CENO_CGROUP_CONTROLLERS; i++)
		if (root->path[i][0])
			rc = make_group(root, (enum ceno_cgroup_controller)i, name, group);
	if (!rc)
		rc = ceno_cgroup_limit(group, 0);
	if (!rc && group->version)
		rc = forbid_swap(group);
	if (!rc)
		rc = limit_tasks(group);
	if (rc) {
		ceno_cgroup_close(group);
		ceno_cgroup_init(group);
	}
	return rc;
}

uint64_t ceno_cgroup_peak(const struct ceno_cgroup *group)
{
	char text[64];

	if (!group->version)
		return 0;
	if (read_file(place(group, CENO_CGROUP_MEMORY),
	              group->version == 2 ? "memory.peak" : "memory.max_usage_in_bytes", text, sizeof text))
		return 0;
	return strtoull(text, NULL, 10);
}

uint32_t ceno_cgroup_close(struct ceno_cgroup *group)
{
	bool left = false;

	for (int i = 0; i < CENO_CGROUP_CONTROLLERS; i++) {
		if (group->join[i] >= 0)
			close(group->join[i]);
		group->join[i] = -1;
		left |= group->path[i][0] && rmdir(group->path[i]) && errno != ENOENT;
	}
	return group->version ? !left : 2;
}
