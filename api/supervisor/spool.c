/* The spool: see spool.h. */
#include "spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "attest/proof/proof.h"
#include "log.h"
#include "policy/units.h"
#include "vmm/warden/wire.h"

_Static_assert(sizeof(struct ceno_attest_payload) + CENO_PAYLOAD_MAX < CENO_SPOOL_DONE_OFFSET, "the spool's two parts");

struct waiting {
	struct waiting *next;
	struct ceno_step8_record record;
	char name[33];
};

static struct waiting *waiting; /* observations for an attest that is not there; few, in memory */

static void path_of(const struct ceno_node *node, const char *name, const char *suffix, char out[4096])
{
	snprintf(out, 4096, "%s/spool/%s%s", node->config->state, name, suffix);
}

/* The name before `suffix` in `file` if it is a session's 32 hex digits. */
static int session_name(const char *file, const char *suffix, char name[33], uint8_t id[16])
{
	if (strlen(file) != 32 + strlen(suffix) || strcmp(file + 32, suffix))
		return -1;
	memcpy(name, file, 32);
	name[32] = '\0';
	return ceno_units_parse_hex(name, id, 16);
}

static bool has_payload(int fd)
{
	uint32_t type = 0;

	return fd >= 0 && pread(fd, &type, sizeof type, 0) == sizeof type && type == CENO_ATTEST_PAYLOAD;
}

/* The last word of a warden whose supervisor was gone. */
static bool all_was_done(int fd)
{
	uint64_t word = 0;

	return pread(fd, &word, sizeof word, CENO_SPOOL_DONE_OFFSET) == sizeof word && word == CENO_SPOOL_DONE;
}

/* Under this name it waits for ceno_spool_leftovers. */
static void leave(const struct ceno_node *node, const char *name, const char *suffix)
{
	char path[4096], left[4096];

	path_of(node, name, suffix, path);
	path_of(node, name, ".left", left);
	if (rename(path, left))
		ceno_supervisor_log("%s: %s", path, strerror(errno));
}

/* What attest was given, it may not have been able to store (a full disk): it is given again, and takes it if it has no end of
 * that session yet. A file without the warden's last word was never a whole one's. */
static void leave_sent(const struct ceno_node *node, const char *name)
{
	char path[4096];
	int fd;

	path_of(node, name, ".sent", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && has_payload(fd) && all_was_done(fd))
		leave(node, name, ".sent");
	else
		unlink(path);
	if (fd >= 0)
		close(fd);
}

int ceno_spool_open(struct ceno_node *node)
{
	char path[4096], name[33];
	uint8_t id[16];
	struct dirent *entry;
	DIR *directory;
	int rc;

	path_of(node, "", "", path);
	rc = ceno_host_directory(path, 0700, 0);
	if (rc)
		return rc;
	directory = opendir(path);
	if (!directory)
		return -errno;
	while ((entry = readdir(directory)))
		if (!session_name(entry->d_name, ".sent", name, id))
			leave_sent(node, name);
		else if (!session_name(entry->d_name, ".payload", name, id))
			leave(node, name, ".payload");
	closedir(directory);
	return 0;
}

int ceno_spool_create(struct ceno_node *node, const char *name)
{
	char path[4096];
	int fd, rc;

	path_of(node, name, ".payload", path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = posix_fallocate(fd, 0, CENO_SPOOL_BYTES);
	if (!rc &&
	    flock(fd, LOCK_EX | LOCK_NB)) /* the warden's descriptor is the same, so the lock lasts as long as either */
		rc = errno;
	if (!rc)
		return fd;
	close(fd);
	unlink(path);
	return -rc;
}

void ceno_spool_remove(struct ceno_node *node, const char *name)
{
	char path[4096];

	path_of(node, name, ".payload", path);
	unlink(path);
}

/* Hands a spooled payload to attest; true when it went. */
static bool send_spooled(struct ceno_node *node, const char *name, const char *suffix, const uint8_t id[16])
{
	struct ceno_attest_channel record = { .type = CENO_ATTEST_CHANNEL, .kind = CENO_ATTEST_CHANNEL_SPOOL };
	char path[4096], sent[4096];
	int fd, rc;

	path_of(node, name, suffix, path);
	path_of(node, name, ".sent", sent);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (!has_payload(fd)) {
		close(fd);
		unlink(path);
		return false;
	}
	memcpy(record.session_id, id, 16);
	rc = ceno_channel_send(&node->attest.channel, &record, sizeof record, &fd, 1);
	close(fd);
	if (rc)
		return false;
	if (rename(path, sent))
		ceno_supervisor_log("session %s: spool file kept its name: %s", name, strerror(errno));
	return true;
}

void ceno_spool_observe(struct ceno_node *node, const char *name, int spool_fd, const struct ceno_step8_record *record)
{
	struct waiting *item;

	if (node->attest.ready) {
		if (has_payload(spool_fd))
			send_spooled(node, name, ".payload", record->session_id);
		else
			ceno_spool_remove(node, name);
		if (!ceno_channel_send(&node->attest.channel, record, sizeof *record, NULL, 0))
			return;
	}
	item = calloc(1, sizeof *item);
	if (!item) {
		ceno_supervisor_log("session %s: out of memory; its observation is lost, its proof stays pending",
		                    name);
		return;
	}
	item->record = *record;
	snprintf(item->name, sizeof item->name, "%s", name);
	item->next = waiting;
	waiting = item;
}

static void reply_unclean(struct ceno_node *node, const uint8_t id[16])
{
	struct ceno_spawn_reply reply = { .type = CENO_SPAWN_UNCLEAN };

	memcpy(reply.session_id, id, 16);
	ceno_channel_send(&node->api.channel, &reply, sizeof reply, NULL, 0);
}

/* Its payload, if it is not attest's already, and step 8 as it can be seen now: the warden did every step, and is gone.
 * Attest takes the payload only if the key of the session's launch signed it. */
static bool deliver_left(struct ceno_node *node, const char *name, int fd, const uint8_t id[16])
{
	struct ceno_step8_record record = {
		.type = CENO_ATTEST_STEP8,
		.observer = CENO_PROOF_OBSERVER_LATER,
		.cgroup_removed = CENO_PROOF_CGROUP_UNKNOWN,
	};

	memcpy(record.session_id, id, 16);
	if (has_payload(fd) && !send_spooled(node, name, ".left", id))
		return false;
	return !ceno_channel_send(&node->attest.channel, &record, sizeof record, NULL, 0);
}

static bool report_unclean(struct ceno_node *node, const uint8_t id[16])
{
	struct ceno_step8_record record = { .type = CENO_ATTEST_UNCLEAN, .cause = CENO_CAUSE_CRASH };

	memcpy(record.session_id, id, 16);
	if (ceno_channel_send(&node->attest.channel, &record, sizeof record, NULL, 0))
		return false;
	reply_unclean(node, id);
	return true;
}

/* One session that outlived its cenod. False: its warden is not gone yet, or attest could not be told. */
static bool report_left(struct ceno_node *node, const char *name, const uint8_t id[16])
{
	char path[4096];
	bool done, told;
	int fd;

	path_of(node, name, ".left", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return false;
	}
	done = all_was_done(fd);
	told = done ? deliver_left(node, name, fd, id) : report_unclean(node, id);
	close(fd);
	if (!told)
		return false;
	unlink(path);
	ceno_supervisor_log("session %s of an earlier cenod: its warden %s", name,
	                    done ? "destroyed it, and its proof is on its way" : "did not say that it destroyed it");
	return true;
}

bool ceno_spool_leftovers(struct ceno_node *node)
{
	char path[4096], name[33];
	uint8_t id[16];
	bool all = true;
	struct dirent *entry;
	DIR *directory;

	if (!node->attest.ready || !node->api.channel_open) /* each is told once */
		return false;
	path_of(node, "", "", path);
	directory = opendir(path);
	while (directory && (entry = readdir(directory)))
		if (!session_name(entry->d_name, ".left", name, id))
			all &= report_left(node, name, id);
	if (directory)
		closedir(directory);
	return all;
}

void ceno_spool_attest_ready(struct ceno_node *node)
{
	while (waiting) {
		struct waiting *item = waiting;

		waiting = item->next;
		send_spooled(node, item->name, ".payload", item->record.session_id);
		ceno_channel_send(&node->attest.channel, &item->record, sizeof item->record, NULL, 0);
		free(item);
	}
}
