/* The channel to ceno-attest: files in (acknowledged), node quotes by request. */
#include "api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ATTEST_QUEUE_MAX 65536u

static const char *attest_error_text(uint32_t error)
{
	switch (error) {
#define CENO_API_ATTEST_TEXT(name, number, text) \
	case number: \
		return text;
		CENO_ATTEST_ERRORS(CENO_API_ATTEST_TEXT)
#undef CENO_API_ATTEST_TEXT
	}
	return "attestation failed";
}

static void fail_requests(struct ceno_api_waiter **first)
{
	while (*first) {
		struct ceno_api_waiter *waiter = *first;

		*first = waiter->next;
		ceno_api_reply_error(waiter->client, waiter->id, CENO_RPC_ATTEST, "attestation went away; try again",
		                     NULL);
		ceno_api_waiter_free(waiter);
	}
}

static bool empty_session(const struct ceno_attest_file *head)
{
	static const uint8_t zeros[16];

	return !memcmp(head->session_id, zeros, 16);
}

/* The first of these waiters gets its answer, a text under this name, or the error. */
static void answer(struct ceno_api_waiter **first, const char *name, const struct ceno_attest_file *head,
                   const char *text)
{
	struct ceno_api_waiter *waiter = *first;

	if (!waiter)
		return;
	*first = waiter->next;
	if (head->type == CENO_ATTEST_ERROR || head->error)
		ceno_api_reply_error(waiter->client, waiter->id, CENO_RPC_ATTEST, attest_error_text(head->error), NULL);
	else
		ceno_api_reply(waiter->client, waiter->id,
		               json_pack("{s:o}", name, json_stringn(text, head->file_bytes)), -1);
	ceno_api_waiter_free(waiter);
}

/* The index of a record's leaf. */
static void answer_record(struct ceno_api *api, const struct ceno_attest_file *head, const char *text)
{
	struct ceno_api_waiter **at = &api->record_first, *waiter;
	char digits[24];

	while (*at && (*at)->program_seq != head->number)
		at = &(*at)->next;
	waiter = *at;
	if (!waiter)
		return;
	*at = waiter->next;
	snprintf(digits, sizeof digits, "%.*s", (int)head->file_bytes, text);
	if (head->error)
		ceno_api_reply_error(waiter->client, waiter->id,
		                     head->error == CENO_ATTEST_ERROR_RECORDED ? CENO_RPC_STATE : CENO_RPC_ATTEST,
		                     attest_error_text(head->error), NULL);
	else
		ceno_api_reply(waiter->client, waiter->id,
		               json_pack("{s:I}", "index", (json_int_t)strtoull(digits, NULL, 10)), -1);
	ceno_api_waiter_free(waiter);
}

static void acknowledge(struct ceno_api *api, const struct ceno_attest_file *head)
{
	struct ceno_attest_file record = { .type = CENO_ATTEST_FILE };

	memcpy(record.session_id, head->session_id, 16);
	ceno_channel_send(&api->attest, &record, sizeof record, NULL, 0);
}

static void on_record(struct ceno_channel *channel, const void *bytes, size_t length, struct ceno_packet_fds *fds)
{
	struct ceno_api *api = channel->owner;
	const char *body = (const char *)bytes + sizeof(struct ceno_attest_file);
	struct ceno_attest_file head;

	if (length < sizeof head || fds->count)
		goto malformed;
	memcpy(&head, bytes, sizeof head);
	if (head.file_bytes > CENO_CDP_FILE_MAX || head.file_bytes != length - sizeof head)
		goto malformed;
	if (head.type == CENO_ATTEST_NODE || (head.type == CENO_ATTEST_ERROR && empty_session(&head))) {
		answer(&api->node_first, "node", &head, body);
		return;
	}
	if (head.type == CENO_ATTEST_ENROL) {
		answer(&api->enrol_first, "text", &head, body);
		return;
	}
	if (head.type == CENO_ATTEST_REPORT) {
		answer(&api->report_first, "text", &head, body);
		return;
	}
	if (head.type == CENO_ATTEST_TEXT) {
		answer(&api->text_first, "text", &head, body);
		return;
	}
	if (head.type == CENO_ATTEST_EXPORT) {
		answer(&api->export_first, "text", &head, body);
		return;
	}
	if (head.type == CENO_ATTEST_RECORD) {
		answer_record(api, &head, body);
		return;
	}
	if (head.type == CENO_ATTEST_FILE || head.type == CENO_ATTEST_ERROR) {
		bool made = head.type == CENO_ATTEST_FILE;

		if (!ceno_api_session_file(api, head.session_id, made ? body : NULL, head.file_bytes, head.error) &&
		    made)
			acknowledge(api, &head);
		return;
	}
malformed:
	fprintf(stderr, "ceno-api: malformed record from ceno-attest; channel closed\n");
	channel->events->on_end(channel, 0);
}

static void attest_closed(struct ceno_channel *channel)
{
	struct ceno_api *api = channel->owner;
	int fd = api->attest_next_fd;

	api->attest_closing = false;
	api->attest_next_fd = -1;
	if (fd >= 0)
		ceno_api_attest_open(api, fd);
}

static void on_end(struct ceno_channel *channel, int error)
{
	struct ceno_api *api = channel->owner;

	(void)error;
	if (!api->attest_open)
		return;
	api->attest_open = false;
	api->attest_closing = true;
	fail_requests(&api->node_first);
	fail_requests(&api->enrol_first);
	fail_requests(&api->report_first);
	fail_requests(&api->text_first);
	fail_requests(&api->export_first);
	fail_requests(&api->record_first);
	ceno_channel_close(channel, false, attest_closed);
}

static const struct ceno_channel_events attest_events = { .on_record = on_record, .on_end = on_end };

void ceno_api_attest_open(struct ceno_api *api, int fd)
{
	int rc;

	if (api->attest_open)
		on_end(&api->attest, 0);
	if (api->attest_closing) { /* the struct is busy until its close callback */
		if (api->attest_next_fd >= 0)
			close(api->attest_next_fd);
		api->attest_next_fd = fd;
		return;
	}
	rc = ceno_channel_open(&api->loop, &api->attest, fd, sizeof(struct ceno_attest_file) + CENO_CDP_FILE_MAX,
	                       ATTEST_QUEUE_MAX, &attest_events, api);
	if (rc) {
		fprintf(stderr, "ceno-api: no channel to ceno-attest: %s\n", uv_strerror(rc));
		close(fd);
		return;
	}
	api->attest_open = true;
}

/* Queues the waiter for the answer of a request; bytes: the record. number: 0, or of the request. */
static void ask(struct ceno_api_client *client, json_t *id, struct ceno_api_waiter **first, const void *record,
                size_t bytes, uint32_t number)
{
	struct ceno_api *api = client->api;

	if (!api->attest_open || ceno_channel_send(&api->attest, record, bytes, NULL, 0)) {
		ceno_api_reply_error(client, id, CENO_RPC_ATTEST, NULL, NULL);
		return;
	}
	if (!ceno_api_wait(first, client, id, number))
		ceno_api_client_drop(client); /* out of memory: the order of answers must hold */
}

void ceno_api_attest_node(struct ceno_api_client *client, json_t *id, const uint8_t nonce[32])
{
	struct ceno_attest_node_request request = { .type = CENO_ATTEST_NODE };

	memcpy(request.nonce, nonce, 32);
	ask(client, id, &client->api->node_first, &request, sizeof request, 0);
}

void ceno_api_attest_text(struct ceno_api_client *client, json_t *id, uint32_t what, uint64_t size)
{
	const struct ceno_attest_text_request request = { .type = CENO_ATTEST_TEXT, .what = what, .size = size };

	ask(client, id, &client->api->text_first, &request, sizeof request, 0);
}

void ceno_api_attest_enrol(struct ceno_api_client *client, json_t *id, const struct ceno_attest_enrol_request *request)
{
	ask(client, id, &client->api->enrol_first, request, sizeof *request, 0);
}

void ceno_api_attest_report(struct ceno_api_client *client, json_t *id,
                            const struct ceno_attest_report_request *request)
{
	ask(client, id, &client->api->report_first, request, sizeof *request, 0);
}

void ceno_api_attest_export(struct ceno_api_client *client, json_t *id, const void *file, size_t bytes)
{
	static uint8_t record[sizeof(struct ceno_attest_export_request) + CENO_CDP_FILE_MAX];
	const struct ceno_attest_export_request request = { .type = CENO_ATTEST_EXPORT, .file_bytes = (uint32_t)bytes };

	if (bytes > CENO_CDP_FILE_MAX) {
		ceno_api_reply_error(client, id, CENO_RPC_ATTEST, NULL, NULL);
		return;
	}
	memcpy(record, &request, sizeof request);
	memcpy(record + sizeof request, file, bytes);
	ask(client, id, &client->api->export_first, record, sizeof request + bytes, 0);
}

void ceno_api_attest_record(struct ceno_api_client *client, json_t *id, const uint8_t session[16],
                            const uint8_t commitment[32])
{
	struct ceno_attest_record_request request = { .type = CENO_ATTEST_RECORD,
		                                      .number = ++client->api->record_number };

	memcpy(request.session_id, session, 16);
	memcpy(request.commitment, commitment, 32);
	ask(client, id, &client->api->record_first, &request, sizeof request, request.number);
}
