/*
 * The api's channel: whole proofs out, requests for a node quote in.
 *
 * A file is sent from sealed/, where it stays until api says it has it. What was
 * not acknowledged comes again on the next channel, so neither a full socket
 * nor a dead api loses a proof.
 */
#include <errno.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
#include <sodium.h>

#include "attest/daemon/attestd.h"

#define NODE_REQUESTS_MAX 16u /* asked and not answered; then nothing is read */

static void on_api(uv_poll_t *poll, int status, int events);

static void poll_closed(uv_handle_t *handle)
{
	free(handle);
}

void ceno_attestd_api_close(struct ceno_attestd *d)
{
	struct ceno_attestd_api *api = &d->api;
	if (!api->poll)
		return;
	uv_poll_stop(api->poll);
	uv_close((uv_handle_t *)api->poll, poll_closed);
	close(api->fd);
	free(api->out);
	*api = (struct ceno_attestd_api){ .fd = -1, .generation = api->generation + 1 };
}

static void api_interest(struct ceno_attestd_api *api)
{
	int events = (api->out_count ? UV_WRITABLE : 0) | (api->node_requests < NODE_REQUESTS_MAX ? UV_READABLE : 0);
	if (events)
		uv_poll_start(api->poll, events, on_api);
	else
		uv_poll_stop(api->poll);
}

/* Send the first waiting file. Returns 0, -1: no room now, -2: the api is gone. */
static int send_first(struct ceno_attestd *d)
{
	struct ceno_attestd_api *api = &d->api;
	struct ceno_attest_file head = { .type = CENO_ATTEST_FILE };
	char name[CENO_DISK_NAME_MAX];
	void *file = NULL;
	size_t bytes = 0;
	memcpy(head.session_id, api->out[0], 16);
	ceno_attestd_name(head.session_id, ".cdp", name);
	int sent = 0;
	if (!ceno_disk_read(d->sealed, name, CENO_CDP_FILE_MAX, &file, &bytes)) {
		head.file_bytes = (uint32_t)bytes;
		sent = ceno_attestd_send(api->fd, &head, sizeof(head), file, bytes);
		free(file);
	} else if (errno != ENOENT) {
		head.type = CENO_ATTEST_ERROR;
		head.error = CENO_ATTEST_ERROR_LOG;
		sent = ceno_attestd_send(api->fd, &head, sizeof(head), NULL, 0);
	}
	if (!sent)
		memmove(api->out[0], api->out[1], --api->out_count * sizeof(*api->out));
	return sent;
}

/* Send what the socket takes. */
static void api_pump(struct ceno_attestd *d)
{
	int sent = 0;
	while (!sent && d->api.out_count)
		sent = send_first(d);
	if (sent == -2)
		ceno_attestd_api_close(d);
	else if (d->api.poll)
		api_interest(&d->api);
}

void ceno_attestd_api_file(struct ceno_attestd *d, const uint8_t id[16])
{
	struct ceno_attestd_api *api = &d->api;
	if (!api->poll)
		return;
	if (api->out_count + 1 >= api->out_capacity) {
		size_t capacity = api->out_capacity ? api->out_capacity * 2 : 64;
		void *p = realloc(api->out, capacity * sizeof(*api->out));
		if (!p)
			return; /* it stays in sealed/ and comes on the next channel */
		api->out = p;
		api->out_capacity = capacity;
	}
	memcpy(api->out[api->out_count++], id, 16);
	api_pump(d);
}

void ceno_attestd_api_error(struct ceno_attestd *d, const uint8_t id[16], enum ceno_attest_error error)
{
	struct ceno_attest_file head = { .type = CENO_ATTEST_ERROR, .error = error };
	memcpy(head.session_id, id, 16);
	if (d->api.poll && ceno_attestd_send(d->api.fd, &head, sizeof(head), NULL, 0) == -2)
		ceno_attestd_api_close(d);
}

/* ---- requests --------------------------------------------------------------- */

struct node_request {
	struct ceno_attestd *d;
	uint32_t generation;
	uint8_t nonce[32];
};

static void node_done(struct ceno_tpmq_job *job)
{
	struct node_request *r = job->context;
	struct ceno_attestd *d = r->d;
	struct ceno_attest_file head = { .type = CENO_ATTEST_NODE };
	static char json[16384];
	if (d->api.poll && d->api.generation == r->generation) {
		if (job->error) {
			head.type = CENO_ATTEST_ERROR;
			head.error = CENO_ATTEST_ERROR_TPM;
		} else {
			head.file_bytes =
			    (uint32_t)ceno_attestd_node_json(d, r->nonce, &job->quote, json, sizeof(json));
		}
		d->api.node_requests--;
		if (ceno_attestd_send(d->api.fd, &head, sizeof(head), json, head.file_bytes))
			ceno_attestd_api_close(d);
		else
			api_interest(&d->api);
	}
	free(r);
}

static bool api_node(struct ceno_attestd *d, size_t bytes)
{
	struct ceno_attest_node_request request;
	if (bytes != sizeof(request))
		return false;
	memcpy(&request, d->buffer, sizeof(request));
	if (request.flags)
		return false;
	struct node_request *r = malloc(sizeof(*r));
	struct ceno_tpmq_job *job = r ? ceno_tpmq_job_new(CENO_TPMQ_NODE, node_done, r) : NULL;
	if (!job) {
		free(r);
		return false;
	}
	*r = (struct node_request){ .d = d, .generation = d->api.generation };
	memcpy(r->nonce, request.nonce, 32);
	ceno_proof_node_data(request.nonce, job->extra_data);
	d->api.node_requests++;
	ceno_tpmq_submit(&d->tpm, job);
	return true;
}

struct enrolment {
	struct ceno_attestd *d;
	uint32_t generation;
	struct ceno_attest_enrol_request request;
	struct ceno_tpmq_enrol job;
};

static uint32_t enrol_error(int error)
{
	return error == CENO_TPM_OK     ? CENO_ATTEST_ERROR_NONE
	    : error == CENO_TPM_REFUSED ? CENO_ATTEST_ERROR_CREDENTIAL
					: CENO_ATTEST_ERROR_TPM;
}

static void enrol_done(struct ceno_tpmq_job *job)
{
	struct enrolment *e = job->context;
	struct ceno_attestd *d = e->d;
	struct ceno_attest_file head = { .type = CENO_ATTEST_ENROL, .error = enrol_error(job->error) };
	static char text[CENO_CDP_FILE_MAX];
	if (d->api.poll && d->api.generation == e->generation) {
		if (!head.error && e->request.secret_bytes)
			head.file_bytes = (uint32_t)strlen(sodium_bin2hex(text, sizeof(text), e->job.value, 32));
		else if (!head.error)
			head.file_bytes = (uint32_t)ceno_attestd_enrol_json(d, &e->job.ek, text, sizeof(text));
		d->api.node_requests--;
		if (ceno_attestd_send(d->api.fd, &head, sizeof(head), text, head.file_bytes))
			ceno_attestd_api_close(d);
		else
			api_interest(&d->api);
	}
	free(e);
}

static bool enrol_request_ok(const struct ceno_attest_enrol_request *r)
{
	if (r->secret_bytes && r->secret_bytes != CENO_ATTEST_SECRET_ECC && r->secret_bytes != CENO_ATTEST_SECRET_RSA)
		return false;
	return sodium_is_zero(r->secret + r->secret_bytes, sizeof(r->secret) - r->secret_bytes) &&
	    (r->secret_bytes || sodium_is_zero(r->credential, sizeof(r->credential)));
}

static bool api_enrol(struct ceno_attestd *d, size_t bytes)
{
	struct enrolment *e = bytes == sizeof(e->request) ? calloc(1, sizeof(*e)) : NULL;
	struct ceno_tpmq_job *job = e ? ceno_tpmq_job_new(CENO_TPMQ_ENROL, enrol_done, e) : NULL;
	if (job)
		memcpy(&e->request, d->buffer, sizeof(e->request));
	if (!job || !enrol_request_ok(&e->request)) {
		free(job);
		free(e);
		return false;
	}
	e->d = d;
	e->generation = d->api.generation;
	e->job.request = &e->request;
	job->enrol = &e->job;
	d->api.node_requests++;
	ceno_tpmq_submit(&d->tpm, job);
	return true;
}

struct reporting {
	struct ceno_attestd *d;
	uint32_t generation;
	struct ceno_tpmq_report job;
};

static void report_done(struct ceno_tpmq_job *job)
{
	struct reporting *r = job->context;
	struct ceno_attestd *d = r->d;
	struct ceno_attest_file head = { .type = CENO_ATTEST_REPORT,
		                         .error = job->error ? CENO_ATTEST_ERROR_TPM : CENO_ATTEST_ERROR_NONE };
	static char text[8192];
	if (d->api.poll && d->api.generation == r->generation) {
		if (!head.error)
			head.file_bytes = (uint32_t)ceno_attestd_report_json(&r->job.report, text, sizeof(text));
		d->api.node_requests--;
		if (ceno_attestd_send(d->api.fd, &head, sizeof(head), text, head.file_bytes))
			ceno_attestd_api_close(d);
		else
			api_interest(&d->api);
	}
	free(r);
}

static bool api_report(struct ceno_attestd *d, size_t bytes)
{
	struct ceno_attest_report_request request;
	if (bytes != sizeof(request))
		return false;
	memcpy(&request, d->buffer, sizeof(request));
	struct reporting *r = request.reserved ? NULL : calloc(1, sizeof(*r));
	struct ceno_tpmq_job *job = r ? ceno_tpmq_job_new(CENO_TPMQ_REPORT, report_done, r) : NULL;
	if (!job) {
		free(r);
		return false;
	}
	r->d = d;
	r->generation = d->api.generation;
	memcpy(r->job.data, request.data, sizeof(request.data));
	job->report = &r->job;
	d->api.node_requests++;
	ceno_tpmq_submit(&d->tpm, job);
	return true;
}

static bool api_text(struct ceno_attestd *d, size_t bytes)
{
	static char text[CENO_CDP_FILE_MAX];
	struct ceno_attest_text_request request;
	struct ceno_attest_file head = { .type = CENO_ATTEST_TEXT };
	size_t length = 0;
	if (bytes != sizeof(request))
		return false;
	memcpy(&request, d->buffer, sizeof(request));
	head.error = ceno_attestd_text(d, request.what, request.size, text, sizeof(text), &length);
	if (head.error == CENO_ATTEST_ERROR_PAYLOAD)
		return false;
	head.file_bytes = (uint32_t)length;
	/* No room: the api does not read. It asks again on its next channel. */
	return !ceno_attestd_send(d->api.fd, &head, sizeof(head), text, length);
}

/* api has a file: forget ours. */
static bool api_acknowledged(struct ceno_attestd *d, size_t bytes)
{
	struct ceno_attest_file head;
	if (bytes != sizeof(head))
		return false;
	memcpy(&head, d->buffer, sizeof(head));
	if (head.file_bytes || head.error || head.number)
		return false;
	char name[CENO_DISK_NAME_MAX];
	ceno_attestd_name(head.session_id, ".cdp", name);
	unlinkat(d->sealed, name, 0); /* should that be lost in a crash, api gets the same file again */
	return true;
}

/* A record of this type in d->buffer. False: malformed. */
static bool api_record(struct ceno_attestd *d, uint32_t type, size_t bytes)
{
	switch (type) {
	case CENO_ATTEST_NODE:
		return api_node(d, bytes);
	case CENO_ATTEST_TEXT:
		return api_text(d, bytes);
	case CENO_ATTEST_ENROL:
		return api_enrol(d, bytes);
	case CENO_ATTEST_REPORT:
		return api_report(d, bytes);
	case CENO_ATTEST_RECORD:
		return ceno_attestd_record(d, d->buffer, bytes);
	case CENO_ATTEST_EXPORT:
		return ceno_attestd_export(d, d->buffer, bytes);
	case CENO_ATTEST_FILE:
		return api_acknowledged(d, bytes);
	default:
		return false;
	}
}

static void api_readable(struct ceno_attestd *d)
{
	while (d->api.poll && d->api.node_requests < NODE_REQUESTS_MAX) {
		int fd;
		uint32_t type = 0;
		ssize_t n = ceno_attestd_receive(d->api.fd, d->buffer, sizeof(d->buffer), &fd);
		if (n == -1)
			break;
		if (fd >= 0)
			close(fd);
		if (n >= (ssize_t)sizeof(type))
			memcpy(&type, d->buffer, sizeof(type));
		if (n <= 0 || fd >= 0 || !api_record(d, type, (size_t)n))
			ceno_attestd_api_close(d);
	}
}

static void on_api(uv_poll_t *poll, int status, int events)
{
	struct ceno_attestd *d = poll->data;
	if (status < 0) {
		ceno_attestd_api_close(d);
		return;
	}
	if (events & UV_READABLE)
		api_readable(d);
	if (d->api.poll)
		api_pump(d);
}

/* Everything in sealed/ is still owed. */
static void queue_sealed(struct ceno_attestd *d)
{
	int fd = openat(d->sealed, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		close(fd);
	for (struct dirent *e; dir && d->api.poll && (e = readdir(dir));) {
		uint8_t id[16];
		size_t n = 0;
		const char *end = NULL;
		if (!sodium_hex2bin(id, sizeof(id), e->d_name, strlen(e->d_name), NULL, &n, &end) && n == 16 &&
		    !strcmp(end, ".cdp"))
			ceno_attestd_api_file(d, id);
	}
	if (dir)
		closedir(dir);
}

void ceno_attestd_api_open(struct ceno_attestd *d, int fd)
{
	api_readable(d); /* acknowledgements that its predecessor still sent */
	ceno_attestd_api_close(d);
	uv_poll_t *poll = calloc(1, sizeof(*poll));
	if (!poll || uv_poll_init(&d->loop, poll, fd)) {
		free(poll);
		close(fd);
		return;
	}
	poll->data = d;
	d->api.poll = poll;
	d->api.fd = fd;
	api_interest(&d->api);
	queue_sealed(d);
}
