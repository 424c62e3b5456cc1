/*
 * Images of ceno-api: which the node has, whose they are, what they are called. The bytes
 * are the supervisor's and its checker's business; here are names and digests.
 */
#include "api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "guest-kernel/lib/content_id.h"
#include "guest-kernel/lib/image.h"
#include "policy/units.h"

#define IMAGES_MAX 64 /* of one account; root may have any number */

struct ceno_api_add {
	struct ceno_api_add *next;
	struct ceno_api_client *client; /* borrowed; NULL when it left */
	json_t *id;                     /* owned */
	uint32_t uid;
	uint8_t ticket[16];
};

static void text_of(const uint8_t digest[32], char text[CENO_CONTENT_ID_TEXT_LENGTH + 1])
{
	struct ceno_content_id id = { CENO_CONTENT_ID_VERSION, CENO_CONTENT_ID_BLAKE3, CENO_CONTENT_IMAGE, { 0 } };

	memcpy(id.digest, digest, sizeof id.digest);
	ceno_content_id_format(&id, text);
}

static json_t *image_json(const struct ceno_ledger_image *row)
{
	char id[CENO_CONTENT_ID_TEXT_LENGTH + 1], signer[65];

	text_of(row->image, id);
	ceno_units_format_hex(row->signer, 32, signer);
	return json_pack("{s:s,s:s,s:I,s:I,s:s,s:b,s:I,s:I}", "name", row->name, "id", id, "bytes",
	                 (json_int_t)row->bytes, "entries", (json_int_t)row->entries, "signer", signer, "released",
	                 row->released, "uid", (json_int_t)row->uid, "added_ms", (json_int_t)row->added_ms);
}

static int find(struct ceno_api_client *client, const char *image, struct ceno_ledger_image *row)
{
	struct ceno_content_id id;
	int rc;

	if (!strncmp(image, CENO_CONTENT_ID_PREFIX, strlen(CENO_CONTENT_ID_PREFIX)) &&
	    !ceno_content_id_parse(&id, image, strlen(image)) && id.kind == CENO_CONTENT_IMAGE)
		rc = ceno_ledger_image_find(client->api->ledger, client->uid, NULL, id.digest, row);
	else
		rc = ceno_ledger_image_find(client->api->ledger, client->uid, image, NULL, row);
	return rc == 0 ? 0 : rc == -ENOENT ? CENO_RPC_IMAGE : CENO_RPC_INTERNAL;
}

int ceno_api_image_want(struct ceno_api_client *client, const struct ceno_rpc_run *run,
                        struct ceno_spawn_request *request)
{
	struct ceno_ledger_image row;
	int error = find(client, run->image, &row);

	if (error)
		return error;
	memcpy(request->image, row.image, sizeof request->image);
	request->share = run->share;
	request->tenant = run->share == CENO_IMAGE_SHARE_NODE ? 0 : client->uid;
	return 0;
}

/* ---- adding ------------------------------------------------------------------------ */

static void add_free(struct ceno_api *api, struct ceno_api_add *add)
{
	struct ceno_api_add **link = &api->adds;

	while (*link != add)
		link = &(*link)->next;
	*link = add->next;
	json_decref(add->id);
	free(add);
}

void ceno_api_image_add(struct ceno_api_client *client, json_t *id, int fd)
{
	struct ceno_api *api = client->api;
	struct ceno_spawn_request request = { .type = CENO_SPAWN_IMAGE_ADD, .tier = client->tier };
	struct ceno_api_add *add;

	if (client->uid && ceno_ledger_image_count(api->ledger, NULL, client->uid) >= IMAGES_MAX) {
		ceno_api_reply_error(client, id, CENO_RPC_IMAGE_BAD, "the account has 64 images; take one out first",
		                     NULL);
		return;
	}
	add = calloc(1, sizeof *add);
	if (!add || getrandom(add->ticket, sizeof add->ticket, 0) != (ssize_t)sizeof add->ticket) {
		free(add);
		ceno_api_reply_error(client, id, CENO_RPC_INTERNAL, "out of memory", NULL);
		return;
	}
	add->client = client;
	add->uid = client->uid;
	add->id = json_incref(id);
	add->next = api->adds;
	api->adds = add;
	memcpy(request.session_id, add->ticket, sizeof request.session_id);
	if (ceno_channel_send(&api->supervisor, &request, sizeof request, &fd, 1)) {
		add_free(api, add);
		ceno_api_reply_error(client, id, CENO_RPC_INTERNAL, NULL, NULL);
	}
}

static const char *refusal(int32_t error)
{
	switch (error) {
	case -EFBIG:
		return "it is larger than the account's tier allows";
	case -EINVAL:
		return "it is no regular file";
	case -ENOSPC:
		return "the node's disk is full";
	case -EBUSY:
		return "the node is checking as many images as it can; try again";
	case -ETIMEDOUT:
		return "reading it took longer than two minutes";
	case -ESHUTDOWN:
		return "the node is stopping";
	default:
		return error > 0 ? ceno_image_error_text((uint32_t)error) : strerror(-error);
	}
}

static void forget_content(struct ceno_api *api, const uint8_t image[32])
{
	static const uint8_t none[32];
	struct ceno_spawn_request request = { .type = CENO_SPAWN_IMAGE_REMOVE };

	if (!memcmp(image, none, sizeof none) || ceno_ledger_image_count(api->ledger, image, 0) != 0)
		return;
	memcpy(request.image, image, sizeof request.image);
	ceno_channel_send(&api->supervisor, &request, sizeof request, NULL, 0);
}

static int keep(struct ceno_api *api, const struct ceno_api_add *add, const struct ceno_image_reply *reply,
                struct ceno_ledger_image *row)
{
	struct timespec now;
	uint8_t replaced[32];
	int rc;

	clock_gettime(CLOCK_REALTIME, &now);
	*row = (struct ceno_ledger_image){ .uid = add->uid,
		                           .entries = reply->entries,
		                           .bytes = reply->bytes,
		                           .added_ms = (int64_t)now.tv_sec * 1000,
		                           .released = reply->released != 0 };
	memcpy(row->image, reply->image, 32);
	memcpy(row->signer, reply->signer, 32);
	snprintf(row->name, sizeof row->name, "%.63s", reply->name);
	rc = ceno_ledger_image_put(api->ledger, row, replaced);
	forget_content(api, rc ? reply->image : replaced);
	return rc;
}

int ceno_api_image_added(struct ceno_api *api, const void *bytes, size_t length)
{
	struct ceno_image_reply reply;
	struct ceno_ledger_image row;
	struct ceno_api_add *add = api->adds;
	int rc = 0;

	if (length != sizeof reply)
		return -1;
	memcpy(&reply, bytes, sizeof reply);
	if (reply.type != CENO_SPAWN_IMAGE || !memchr(reply.name, 0, sizeof reply.name))
		return -1;
	while (add && memcmp(add->ticket, reply.ticket, sizeof reply.ticket))
		add = add->next;
	if (!add) /* an earlier api's */
		return 0;
	if (!reply.error)
		rc = keep(api, add, &reply, &row);
	if (reply.error)
		ceno_api_reply_error(add->client, add->id, CENO_RPC_IMAGE_BAD, refusal(reply.error), NULL);
	else if (rc)
		ceno_api_reply_error(add->client, add->id, CENO_RPC_INTERNAL, "the ledger cannot be written", NULL);
	else
		ceno_api_reply(add->client, add->id, image_json(&row), -1);
	add_free(api, add);
	return 0;
}

void ceno_api_image_client_left(struct ceno_api *api, const struct ceno_api_client *client)
{
	for (struct ceno_api_add *add = api->adds; add; add = add->next)
		if (add->client == client)
			add->client = NULL;
}

/* ---- what there is ------------------------------------------------------------------- */

static void append(const struct ceno_ledger_image *row, void *context)
{
	json_array_append_new(context, image_json(row));
}

void ceno_api_image_list(struct ceno_api_client *client, json_t *id)
{
	json_t *rows = json_array();

	if (!rows || ceno_ledger_image_list(client->api->ledger, client->uid, append, rows)) {
		json_decref(rows);
		ceno_api_reply_error(client, id, CENO_RPC_INTERNAL, "the ledger cannot be read", NULL);
		return;
	}
	ceno_api_reply(client, id, json_pack("{s:o}", "images", rows), -1);
}

void ceno_api_image_remove(struct ceno_api_client *client, json_t *id, const char *image)
{
	struct ceno_ledger_image row;
	int error = find(client, image, &row);

	if (!error && row.uid != client->uid)
		error = CENO_RPC_IMAGE; /* only its owner takes it out */
	if (!error && ceno_ledger_image_remove(client->api->ledger, row.uid, row.name))
		error = CENO_RPC_INTERNAL;
	if (error) {
		ceno_api_reply_error(client, id, error, NULL, NULL);
		return;
	}
	forget_content(client->api, row.image);
	ceno_api_reply(client, id, image_json(&row), -1);
}
