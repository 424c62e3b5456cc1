/* Memory groups: see cgroup.h. */
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, out, max - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	out[n] = '\0';
	return 0;
}

/* Mount point of cgroup v2 with the memory controller (want 2) or of v1's memory hierarchy (want 1). */
static int find_mount(int want, char *out, size_t max)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *m;
	int found = 0;

	while (mounts && !found && (m = getmntent(mounts))) {
		char controllers[512];

		if (want == 2 && !strcmp(m->mnt_type, "cgroup2"))
			found = !read_file(m->mnt_dir, "cgroup.controllers", controllers, sizeof controllers) &&
			    strstr(controllers, "memory");
		else if (want == 1 && !strcmp(m->mnt_type, "cgroup"))
			found = hasmntopt(m, "memory") != NULL;
		if (found)
			snprintf(out, max, "%s", m->mnt_dir);
	}
	if (mounts)
		endmntent(mounts);
	return found;
}

int ceno_cgroup_version(void)
{
	char mount[CENO_CGROUP_PATH_MAX];

	return find_mount(2, mount, sizeof mount) ? 2 : find_mount(1, mount, sizeof mount) ? 1 : 0;
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

void ceno_cgroup_root_open(struct ceno_cgroup_root *root)
{
	char mount[CENO_CGROUP_PATH_MAX / 2];

	memset(root, 0, sizeof *root);
	for (int version = 2; version >= 1; version--) {
		if (!find_mount(version, mount, sizeof mount))
			continue;
		sweep(mount);
		snprintf(root->path, sizeof root->path, "%s/%s%d", mount, NODE_PREFIX, (int)getpid());
		if (version == 2)
			write_file(mount, "cgroup.subtree_control", "+memory");
		if (mkdir(root->path, 0755) && errno != EEXIST)
			continue;
		if (version == 2 && write_file(root->path, "cgroup.subtree_control", "+memory")) {
			rmdir(root->path);
			continue;
		}
		root->version = version;
		return;
	}
}

void ceno_cgroup_root_close(const struct ceno_cgroup_root *root)
{
	if (root->version)
		rmdir(root->path);
}

int ceno_cgroup_limit(const struct ceno_cgroup *group, uint64_t memory_bytes)
{
	char text[32];

	if (!group->version)
		return 0;
	snprintf(text, sizeof text, "%llu", (unsigned long long)(memory_bytes + CENO_CGROUP_OVERHEAD));
	return write_file(group->path, group->version == 2 ? "memory.max" : "memory.limit_in_bytes", text);
}

static int forbid_swap(const struct ceno_cgroup *group)
{
	int rc;

	if (group->version == 2) {
		rc = write_file(group->path, "memory.swap.max", "0");
		/* absent when the kernel has no swap support at all: nothing to forbid */
		return rc == -ENOENT && access(group->path, F_OK) == 0 ? 0 : rc;
	}
	write_file(group->path, "memory.swappiness", "0");
	return 0;
}

int ceno_cgroup_open(const struct ceno_cgroup_root *root, const char *name, struct ceno_cgroup *group)
{
	char procs[CENO_CGROUP_PATH_MAX + 16];
	int rc;

	memset(group, 0, sizeof *group);
	group->join_fd = -1;
	if (!root->version)
		return 0;
	if ((size_t)snprintf(group->path, sizeof group->path, "%s/%s", root->path, name) >= sizeof group->path)
		return -ENAMETOOLONG;
	if (mkdir(group->path, 0755))
		return -errno;
	group->version = root->version;
	rc = ceno_cgroup_limit(group, 0);
	if (!rc)
		rc = forbid_swap(group);
	if (!rc && group->version == 2)
		group->join_fd = open(group->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	else if (!rc) {
		snprintf(procs, sizeof procs, "%s/cgroup.procs", group->path);
		group->join_fd = open(procs, O_WRONLY | O_CLOEXEC);
	}
	if (!rc && group->join_fd < 0)
		rc = -errno;
	if (rc) {
		ceno_cgroup_close(group);
		group->version = 0;
	}
	return rc;
}

uint64_t ceno_cgroup_peak(const struct ceno_cgroup *group)
{
	char text[64];

	if (!group->version)
		return 0;
	if (read_file(group->path, group->version == 2 ? "memory.peak" : "memory.max_usage_in_bytes", text,
	              sizeof text))
		return 0;
	return strtoull(text, NULL, 10);
}

uint32_t ceno_cgroup_close(struct ceno_cgroup *group)
{
	if (group->join_fd >= 0)
		close(group->join_fd);
	group->join_fd = -1;
	if (!group->version)
		return 2;
	return rmdir(group->path) == 0 || errno == ENOENT;
}
