/*
 * What a node holds, seen from outside by root: processes, descriptors, groups, mounts,
 * shared memory, keys; and the memory of the session that runs, through descriptors of the
 * observer's own, which outlive it.
 *
 * Counts are of one node (its process and all below it, its uids), so other nodes of the
 * machine do not matter. Nothing is changed by looking: memfds are reopened read-only.
 */
#ifndef CENO_TESTS_OBSERVER_H
#define CENO_TESTS_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OBSERVED(X) \
	X(processes) \
	X(threads) \
	X(descriptors) \
	X(sockets) X(pipes) X(memfds) X(eventfds) X(kvm) X(groups) X(mounts) X(host_mounts) X(shared_memory) X(keys)

struct observed {
#define OBSERVED_FIELD(name) uint64_t name;
	OBSERVED(OBSERVED_FIELD)
#undef OBSERVED_FIELD
};

struct observer {
	pid_t node;        /* cenod */
	uint32_t uid_base; /* first of its 65,536 uids */
};

/* What the node holds now. */
void observe(const struct observer *observer, struct observed *now);

/* Waits until the node holds what `before` says again: sessions end a little before their last process does. False
 * after timeout_ms, with the first difference printed. */
bool observe_same(const struct observer *observer, const struct observed *before, unsigned timeout_ms);

#define MEMORIES_MAX 16u

/* Memfds of a live session. fd: owned, read-only. */
struct memories {
	unsigned count;
	struct {
		int fd;
		bool node; /* the node's own: firmware, trust page, bundle */
		char name[32];
	} of[MEMORIES_MAX];
};

/* Opens those of the one warden of the node that has a session. False: there is none. */
bool memories_open(const struct observer *observer, struct memories *memories);
void memories_close(struct memories *memories);

/* How often the bytes occur in the session's own memory. 8 bytes at least. */
uint64_t memories_search(const struct memories *memories, const void *bytes, size_t count);

/* True if each memfd of the node has the bytes of DIRECTORY/<blob>.bin. */
bool memories_match(const struct memories *memories, const char *directory);

#endif
