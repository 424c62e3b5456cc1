/* The node's images: see images.h. */
#include "images.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/checker/report.h"
#include "guest-kernel/abi/bundle.h"
#include "guest-kernel/abi/image.h"
#include "host.h"
#include "log.h"
#include "node.h"
#include "policy/tier.h"
#include "policy/units.h"

#define SEALS             (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define JOBS_MAX          4u
#define JOB_MS            120000u /* a client's file system may never answer */
#define IDLE_MAX          8u
#define CHECKER_UID(node) ((node)->config->uid_base + 2u)

struct ceno_image_job {
	struct ceno_image_job *next;
	struct ceno_node *node; /* borrowed */
	struct ceno_child child;
	uv_timer_t timer;
	int pipe;                     /* owned: the report */
	int target;                   /* owned if adding: a file of the store without a name */
	struct ceno_image_copy *copy; /* NULL: adding */
	uint8_t ticket[16];           /* adding: api's */
	struct ceno_checker_report report;
	bool stopped;
};

/* ---- copies ------------------------------------------------------------------------ */

static void copy_free(struct ceno_node *node, struct ceno_image_copy *copy)
{
	struct ceno_image_copy **link = &node->images.copies;

	while (*link != copy)
		link = &(*link)->next;
	*link = copy->next;
	if (copy->fd >= 0)
		close(copy->fd);
	if (copy->read_only >= 0)
		close(copy->read_only);
	free(copy);
}

/* A session's own copy goes with it; of the others the one longest unused, if too many are. */
static void tidy(struct ceno_node *node)
{
	struct ceno_image_copy *oldest = NULL, *next;
	unsigned idle = 0;

	for (struct ceno_image_copy *copy = node->images.copies; copy; copy = next) {
		next = copy->next;
		if (copy->users || copy->job)
			continue;
		if (copy->share == CENO_IMAGE_SHARE_SESSION) {
			copy_free(node, copy);
			continue;
		}
		idle++;
		if (!oldest || copy->used_ms < oldest->used_ms)
			oldest = copy;
	}
	if (idle > IDLE_MAX)
		copy_free(node, oldest);
}

static struct ceno_image_copy *find_copy(struct ceno_node *node, const struct ceno_spawn_request *r)
{
	for (struct ceno_image_copy *copy = node->images.copies; copy; copy = copy->next)
		if (r->share != CENO_IMAGE_SHARE_SESSION && copy->share == r->share && copy->tenant == r->tenant &&
		    !memcmp(copy->image, r->image, 32))
			return copy;
	return NULL;
}

static void answer(struct ceno_image_copy *copy, int error)
{
	while (copy->waiting) {
		struct ceno_image_wait *wait = copy->waiting;

		copy->waiting = wait->next;
		wait->next = NULL;
		if (error) {
			wait->copy = NULL;
			copy->users--;
		}
		wait->on_ready(wait->owner, error);
	}
}

/* ---- jobs: one run of ceno-image-check ---------------------------------------------- */

static void name_of(const uint8_t image[32], char name[65])
{
	ceno_units_format_hex(image, 32, name);
}

/* Whose signature: the trust page's key is the release key. */
static bool is_released(const struct ceno_node *node, const uint8_t signer[32])
{
	struct ceno_trust trust;

	return pread(node->trust.fd, &trust, sizeof trust, 0) == (ssize_t)sizeof trust &&
	    !memcmp(trust.public_key, signer, 32);
}

/* The file gets its name. A release is never replaced by somebody else's signature over the same content. */
static int keep(struct ceno_image_job *job)
{
	int directory = job->node->images.directory;
	char name[65], temporary[80], self[48];

	name_of(job->report.image, name);
	if (!faccessat(directory, name, F_OK, 0) && !is_released(job->node, job->report.signer))
		return 0;
	snprintf(temporary, sizeof temporary, "%s.new", name);
	snprintf(self, sizeof self, "/proc/self/fd/%d", job->target);
	unlinkat(directory, temporary, 0);
	if (linkat(AT_FDCWD, self, directory, temporary, AT_SYMLINK_FOLLOW) ||
	    renameat(directory, temporary, directory, name))
		return -errno;
	return fsync(directory) ? -errno : 0;
}

static void tell_api(struct ceno_image_job *job)
{
	const struct ceno_checker_report *report = &job->report;
	struct ceno_image_reply reply = {
		.type = CENO_SPAWN_IMAGE, .error = report->error, .bytes = report->bytes, .entries = report->entries
	};

	memcpy(reply.ticket, job->ticket, sizeof reply.ticket);
	memcpy(reply.image, report->image, sizeof reply.image);
	memcpy(reply.signer, report->signer, sizeof reply.signer);
	memcpy(reply.name, report->name, sizeof reply.name);
	reply.released = !report->error && is_released(job->node, report->signer);
	if (job->node->api.channel_open)
		ceno_channel_send(&job->node->api.channel, &reply, sizeof reply, NULL, 0);
}

/* The memfd is what was checked, and stays so: sealed, and given out read-only. */
static int seal(struct ceno_image_job *job)
{
	struct ceno_image_copy *copy = job->copy;
	char self[48];

	if (memcmp(job->report.image, copy->image, 32))
		return -EBADMSG;
	if (fcntl(copy->fd, F_ADD_SEALS, SEALS))
		return -errno;
	snprintf(self, sizeof self, "/proc/self/fd/%d", copy->fd);
	copy->read_only = open(self, O_RDONLY | O_CLOEXEC);
	if (copy->read_only < 0)
		return -errno;
	memcpy(copy->proof, job->report.proof, 32);
	copy->released = is_released(job->node, job->report.signer);
	copy->ready = true;
	return 0;
}

static void job_free(struct ceno_image_job *job)
{
	struct ceno_image_job **link = &job->node->images.jobs;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	job->node->images.job_count--;
	free(job);
}

static void job_closed(uv_handle_t *handle)
{
	job_free(handle->data);
}

static void finish(struct ceno_image_job *job)
{
	struct ceno_image_copy *copy = job->copy;
	int error = job->report.error;

	if (!copy) {
		if (!error)
			job->report.error = keep(job);
		tell_api(job);
		close(job->target);
	} else {
		if (!error)
			error = seal(job);
		if (error) {
			char name[65];

			name_of(copy->image, name);
			ceno_supervisor_log("image %s could not be opened: %d", name, error);
		}
		copy->job = NULL;
		copy->users++; /* it outlives the last of those who hear of it */
		answer(copy, error > 0 ? -EBADMSG : error);
		copy->users--;
		if (error)
			copy_free(job->node, copy);
		else
			tidy(job->node);
	}
	uv_close((uv_handle_t *)&job->timer, job_closed);
}

static void checker_exited(struct ceno_child *child)
{
	struct ceno_image_job *job = child->owner;

	if (read(job->pipe, &job->report, sizeof job->report) != (ssize_t)sizeof job->report) {
		memset(&job->report, 0, sizeof job->report);
		job->report.error = -EIO;
	}
	if (job->stopped)
		job->report.error = job->node->stage == CENO_NODE_UP ? -ETIMEDOUT : -ESHUTDOWN;
	close(job->pipe);
	finish(job);
}

static void job_late(uv_timer_t *timer)
{
	struct ceno_image_job *job = timer->data;

	job->stopped = true;
	ceno_child_signal(&job->child, SIGKILL);
}

static int job_start(struct ceno_image_job *job, int source, int target, uint64_t most)
{
	struct ceno_node *node = job->node;
	char limit[24];
	const char *argv[] = { "ceno-image-check", limit, NULL };
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	snprintf(limit, sizeof limit, "%llu", (unsigned long long)most);
	{
		const int fds[] = { ends[1], source, target };
		const struct ceno_child_spec spec = { .executable = node->checker_exe,
			                              .argv = argv,
			                              .fds = fds,
			                              .fd_count = 3,
			                              .uid = CHECKER_UID(node) };

		rc = ceno_child_start(&node->loop, &job->child, &spec, checker_exited, job);
	}
	close(ends[1]);
	if (rc) {
		close(ends[0]);
		return rc;
	}
	job->pipe = ends[0];
	uv_timer_init(&node->loop, &job->timer);
	job->timer.data = job;
	uv_timer_start(&job->timer, job_late, JOB_MS, 0);
	return 0;
}

/* Linked into the list, which is why it ends by job_free alone. */
static struct ceno_image_job *job_new(struct ceno_node *node)
{
	struct ceno_image_job *job = calloc(1, sizeof *job);

	if (!job)
		return NULL;
	job->node = node;
	job->target = -1;
	job->next = node->images.jobs;
	node->images.jobs = job;
	node->images.job_count++;
	return job;
}

/* ---- for sessions ---------------------------------------------------------------------- */

static int fill(struct ceno_node *node, struct ceno_image_copy *copy)
{
	struct ceno_image_job *job;
	char name[65];
	int rc, source;

	name_of(copy->image, name);
	source = openat(node->images.directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (source < 0)
		return -errno;
	copy->fd = memfd_create("ceno-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	rc = copy->fd < 0 ? -errno : 0;
	job = rc ? NULL : job_new(node);
	if (job) {
		job->copy = copy;
		rc = job_start(job, source, copy->fd, CENO_IMAGE_BYTES_MAX);
		if (rc)
			job_free(job);
		else
			copy->job = job;
	} else if (!rc) {
		rc = -ENOMEM;
	}
	close(source);
	return rc;
}

static int new_copy(struct ceno_node *node, const struct ceno_spawn_request *r, struct ceno_image_copy **out)
{
	struct ceno_image_copy *copy = calloc(1, sizeof *copy);
	int rc;

	if (!copy)
		return -ENOMEM;
	memcpy(copy->image, r->image, 32);
	copy->share = r->share;
	copy->tenant = r->tenant;
	copy->fd = copy->read_only = -1;
	copy->next = node->images.copies;
	node->images.copies = copy;
	rc = fill(node, copy);
	if (rc)
		copy_free(node, copy);
	*out = copy;
	return rc;
}

int ceno_images_take(struct ceno_node *node, const struct ceno_spawn_request *request, struct ceno_image_wait *wait)
{
	struct ceno_image_copy *copy = find_copy(node, request);
	int rc = copy ? 0 : new_copy(node, request, &copy);

	if (rc)
		return rc;
	wait->copy = copy;
	copy->users++;
	if (copy->ready)
		return 0;
	wait->next = copy->waiting;
	copy->waiting = wait;
	return 1;
}

void ceno_images_release(struct ceno_node *node, struct ceno_image_wait *wait)
{
	struct ceno_image_copy *copy = wait->copy;

	if (!copy)
		return;
	for (struct ceno_image_wait **link = &copy->waiting; *link; link = &(*link)->next)
		if (*link == wait) {
			*link = wait->next;
			break;
		}
	wait->copy = NULL;
	copy->users--;
	copy->used_ms = uv_now(&node->loop);
	tidy(node);
}

/* ---- for api ----------------------------------------------------------------------------- */

void ceno_images_add(struct ceno_node *node, const struct ceno_spawn_request *request, int fd)
{
	const struct ceno_tier_limits *tier = ceno_tier_limits(request->tier);
	struct ceno_image_job *job = job_new(node);
	int rc = 0;

	if (!job)
		return; /* api's client waits until it gives up: there is no memory for more */
	memcpy(job->ticket, request->session_id, sizeof job->ticket);
	job->target = openat(node->images.directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (job->target < 0)
		rc = -errno;
	else if (!tier)
		rc = -EPERM;
	else if (node->images.job_count > JOBS_MAX)
		rc = -EBUSY;
	else
		rc = job_start(job, fd, job->target, tier->input_max_bytes);
	if (!rc)
		return;
	job->report.error = rc;
	tell_api(job);
	if (job->target >= 0)
		close(job->target);
	job_free(job);
}

void ceno_images_remove(struct ceno_node *node, const uint8_t image[32])
{
	struct ceno_image_copy *next;
	char name[65];

	name_of(image, name);
	if (unlinkat(node->images.directory, name, 0) && errno != ENOENT)
		ceno_supervisor_log("image %s: %s", name, strerror(errno));
	for (struct ceno_image_copy *copy = node->images.copies; copy; copy = next) {
		next = copy->next;
		if (!copy->users && !copy->job && !memcmp(copy->image, image, 32))
			copy_free(node, copy);
	}
}

/* ---- the node ------------------------------------------------------------------------------ */

int ceno_images_open(struct ceno_node *node)
{
	char path[4096];
	int rc;

	snprintf(path, sizeof path, "%s/images", node->config->state);
	rc = ceno_host_directory(path, 0700, 0);
	if (rc)
		return rc;
	node->images.directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return node->images.directory < 0 ? -errno : 0;
}

void ceno_images_stop(struct ceno_node *node)
{
	for (struct ceno_image_job *job = node->images.jobs; job; job = job->next) {
		job->stopped = true;
		ceno_child_signal(&job->child, SIGKILL);
	}
}
