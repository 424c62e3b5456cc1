/*
 * The node's images. The store (state/images, a file an image, named by the digest of its
 * content id) is kept between starts; what sessions get are sealed memfds, filled and hashed
 * by ceno-image-check the first time a session wants one, never again while the node runs:
 *
 *   client's file --check--> store --check--> sealed memfd --read-only descriptor--> wardens
 *
 * cenod itself reads no byte of an image. One memfd is shared by whom the session's policy
 * says (enum ceno_image_share): one session, all sessions of one uid, or all of the node. A
 * memfd that nobody uses stays for the next session, until more than IDLE_MAX do.
 */
#ifndef CENO_API_SUPERVISOR_IMAGES_H
#define CENO_API_SUPERVISOR_IMAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/warden/wire.h"

struct ceno_node;
struct ceno_image_job;
struct ceno_image_wait;

struct ceno_image_copy {
	struct ceno_image_copy *next;
	uint8_t image[32], proof[32];
	uint32_t share, tenant;
	int fd, read_only;    /* memfd and its read-only descriptor; owned; -1 */
	bool ready, released; /* released: signed by the key of the trust page */
	unsigned users;
	uint64_t used_ms;           /* of the loop's clock */
	struct ceno_image_job *job; /* while it is being filled */
	struct ceno_image_wait *waiting;
};

struct ceno_image_wait { /* of whoever wants a copy, zeroed at first */
	struct ceno_image_wait *next;
	struct ceno_image_copy *copy; /* borrowed: held until ceno_images_release */
	/* Once, if it had to be waited for: 0 or -errno (then there is no copy). */
	void (*on_ready)(void *owner, int error);
	void *owner; /* borrowed */
};

struct ceno_images {   /* of the node */
	int directory; /* owned */
	struct ceno_image_copy *copies;
	struct ceno_image_job *jobs;
	unsigned job_count;
};

/* Opens (or makes) the store. 0 or -errno. */
int ceno_images_open(struct ceno_node *node);

/* Wants an image for a session. 0: wait->copy is ready; 1: on_ready will be called; -ENOENT: not
 * in the store; -errno. */
int ceno_images_take(struct ceno_node *node, const struct ceno_spawn_request *request, struct ceno_image_wait *wait);

/* No more wanted, ready or not. Nothing if wait holds none. */
void ceno_images_release(struct ceno_node *node, struct ceno_image_wait *wait);

/* Puts a client's file (borrowed) into the store; answers api when it is checked. */
void ceno_images_add(struct ceno_node *node, const struct ceno_spawn_request *request, int fd);

/* Takes an image out of the store; sessions that have it keep it. */
void ceno_images_remove(struct ceno_node *node, const uint8_t image[32]);

/* The node stops: checks under way are ended, whoever waits hears -ESHUTDOWN. */
void ceno_images_stop(struct ceno_node *node);

#endif
