/*
 * The vmm as /proc shows it; see observe.h.
 */
#include "observe.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The value of a field that starts a line; NULL if there is none. */
static const char *field(const char *text, const char *name)
{
	size_t n = strlen(name);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, n) == 0 && line[n] == ':')
			return line + n + 1;
		if (!*line)
			break;
	}
	return NULL;
}

static int ids_are(const char *value, uid_t id)
{
	unsigned a, b, c, d;
	return sscanf(value, "%u %u %u %u", &a, &b, &c, &d) == 4 && a == id && b == id && c == id && d == id;
}

int ceno_observe_parse(const char *text, uid_t uid, struct ceno_observation *seen)
{
	static const char *const sets[] = { "CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb" };
	const char *seccomp = field(text, "Seccomp"), *filters = field(text, "Seccomp_filters");
	const char *privs = field(text, "NoNewPrivs"), *uids = field(text, "Uid"), *gids = field(text, "Gid");
	if (!seccomp || !filters || !privs || !uids || !gids)
		return -1;
	uint64_t caps = 0;
	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
		const char *value = field(text, sets[i]);
		if (!value)
			return -1;
		caps |= strtoull(value, NULL, 16);
	}
	uint32_t mode = (uint32_t)strtoul(seccomp, NULL, 10), no_new = strtoul(privs, NULL, 10) == 1;
	uint32_t count = (uint32_t)strtoul(filters, NULL, 10);
	int first = seen->tasks == 0;
	seen->filters = first || count < seen->filters ? count : seen->filters;
	seen->seccomp_mode = first || mode < seen->seccomp_mode ? mode : seen->seccomp_mode;
	seen->no_new_privs = first ? no_new : (seen->no_new_privs & no_new);
	seen->uid_ok = (first ? 1u : seen->uid_ok) & (uint32_t)(ids_are(uids, uid) && ids_are(gids, uid));
	seen->cap_eff |= caps;
	seen->tasks++;
	return 0;
}

static int read_status(int tasks, const char *tid, char *text, size_t size)
{
	char path[32];
	snprintf(path, sizeof path, "%.15s/status", tid);
	int fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, text, size - 1);
	int error = n < 0 ? -errno : 0;
	close(fd);
	text[n < 0 ? 0 : n] = 0;
	return error;
}

static int observe_tasks(const char *path, uid_t uid, struct ceno_observation *seen)
{
	char text[8192] = "";
	DIR *tasks = opendir(path);
	if (!tasks)
		return -errno;
	int rc = 0;
	for (struct dirent *entry; rc == 0 && (entry = readdir(tasks));) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		rc = read_status(dirfd(tasks), entry->d_name, text, sizeof text);
		if (rc == 0 && ceno_observe_parse(text, uid, seen) < 0)
			rc = -EPROTO;
	}
	closedir(tasks);
	return rc;
}

static int count_namespaces(pid_t pid, uint32_t *count)
{
	static const char *const names[] = { "user", "mnt", "pid", "ipc", "uts", "net", "cgroup" };
	*count = 0;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char path[64], ours[64], theirs[64];
		snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
		ssize_t a = readlink(path, ours, sizeof ours);
		snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, names[i]);
		ssize_t b = readlink(path, theirs, sizeof theirs);
		if (a < 0 || b < 0)
			return -errno;
		*count += a != b || memcmp(ours, theirs, (size_t)a) != 0;
	}
	return 0;
}

int ceno_observe(pid_t pid, uid_t uid, struct ceno_observation *seen)
{
	char path[64];
	memset(seen, 0, sizeof *seen);
	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	int rc = observe_tasks(path, uid, seen);
	return rc == 0 ? count_namespaces(pid, &seen->namespaces) : rc;
}

int ceno_observe_inherited(uint32_t *filters)
{
	char text[8192] = "";
	int self = open("/proc/thread-self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (self < 0)
		return -errno;
	int rc = read_status(self, ".", text, sizeof text);
	close(self);
	const char *value = rc == 0 ? field(text, "Seccomp_filters") : NULL;
	if (value)
		*filters = (uint32_t)strtoul(value, NULL, 10);
	return rc == 0 && !value ? -EPROTO : rc;
}

int ceno_observe_locked(const struct ceno_observation *seen, uint32_t inherited)
{
	return seen->tasks > 0 && seen->seccomp_mode == 2 && seen->filters > inherited && seen->no_new_privs &&
	    seen->cap_eff == 0 && seen->uid_ok && seen->namespaces == 7;
}
