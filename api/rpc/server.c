/* Clients of ceno-api: see api.h. */
#include "api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policy/tier.h"

#define CLIENTS_MAX      512u
#define CLIENT_QUEUE_MAX (1u << 20)

bool ceno_api_wait(struct ceno_api_waiter **first, struct ceno_api_client *client, json_t *id, uint32_t program_seq)
{
	struct ceno_api_waiter *waiter = calloc(1, sizeof *waiter);

	if (!waiter)
		return false;
	waiter->client = client;
	waiter->id = json_incref(id);
	waiter->program_seq = program_seq;
	while (*first)
		first = &(*first)->next;
	*first = waiter;
	return true;
}

void ceno_api_waiter_free(struct ceno_api_waiter *waiter)
{
	json_decref(waiter->id);
	free(waiter);
}

/* ---- out ----------------------------------------------------------------------- */

static void send_json(struct ceno_api_client *client, json_t *message, int fd)
{
	char *text = message ? json_dumps(message, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	int rc = -ENOMEM;

	json_decref(message);
	if (text && !client->gone)
		rc = ceno_channel_send(&client->channel, text, strlen(text), &fd, fd >= 0);
	free(text);
	if (rc && !client->gone)
		ceno_api_client_drop(client); /* it does not read, or it left */
}

void ceno_api_reply(struct ceno_api_client *client, json_t *id, json_t *result, int fd)
{
	if (!client) {
		json_decref(result);
		return;
	}
	send_json(client, json_pack("{s:s,s:O,s:o}", "jsonrpc", "2.0", "id", id, "result", result), fd);
}

void ceno_api_reply_error(struct ceno_api_client *client, json_t *id, int error, const char *message, json_t *data)
{
	json_t *object =
	    json_pack("{s:i,s:s}", "code", error, "message", message ? message : ceno_rpc_error_text(error));

	if (object && data)
		json_object_set(object, "data", data);
	json_decref(data);
	if (!client) {
		json_decref(object);
		return;
	}
	send_json(client, json_pack("{s:s,s:O,s:o}", "jsonrpc", "2.0", "id", id ? id : json_null(), "error", object),
	          -1);
}

void ceno_api_notify(struct ceno_api_client *client, const char *method, json_t *params, int fd)
{
	if (!client) {
		json_decref(params);
		return;
	}
	send_json(client, json_pack("{s:s,s:s,s:o}", "jsonrpc", "2.0", "method", method, "params", params), fd);
}

/* ---- in and out of being -------------------------------------------------------- */

static void client_closed(struct ceno_channel *channel)
{
	struct ceno_api_client *client = channel->owner;
	struct ceno_api_client **link = &client->api->clients;

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	client->api->client_count--;
	free(client);
}

void ceno_api_client_drop(struct ceno_api_client *client)
{
	if (client->gone)
		return;
	client->gone = true;
	ceno_api_session_client_left(client->api, client);
	ceno_channel_close(&client->channel, false, client_closed);
}

static void on_record(struct ceno_channel *channel, const void *bytes, size_t length, struct ceno_packet_fds *fds)
{
	ceno_api_dispatch(channel->owner, bytes, length, fds);
}

static void on_end(struct ceno_channel *channel, int error)
{
	struct ceno_api_client *client = channel->owner;

	if (error == -EMSGSIZE)
		fprintf(stderr, "ceno-api: a client of uid %u sent an oversized request; disconnected\n", client->uid);
	ceno_api_client_drop(client);
}

static const struct ceno_channel_events client_events = { .on_record = on_record, .on_end = on_end };

static int adopt(struct ceno_api *api, int fd)
{
	struct ceno_api_client *client;
	struct ucred peer;
	socklen_t size = sizeof peer;
	int rc;

	if (api->client_count >= CLIENTS_MAX)
		return -EMFILE;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return -errno;
	client = calloc(1, sizeof *client);
	if (!client)
		return -ENOMEM;
	client->api = api;
	client->uid = peer.uid;
	client->tier = ceno_tier_for_uid(peer.uid);
	rc = ceno_channel_open(&api->loop, &client->channel, fd, CENO_RPC_REQUEST_MAX, CLIENT_QUEUE_MAX, &client_events,
	                       client);
	if (rc) {
		free(client);
		return rc;
	}
	client->next = api->clients;
	api->clients = client;
	api->client_count++;
	return 0;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct ceno_api *api = poll->data;

	(void)events;
	while (status >= 0) {
		int rc, fd = accept4(api->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		rc = api->stopping ? -ESHUTDOWN : adopt(api, fd);
		if (rc) {
			fprintf(stderr, "ceno-api: a client was turned away: %s\n", strerror(-rc));
			close(fd);
		}
	}
}

int ceno_api_listen(struct ceno_api *api, int listen_fd)
{
	int rc = uv_poll_init(&api->loop, &api->listener, listen_fd);

	if (rc)
		return rc;
	api->listen_fd = listen_fd;
	api->listener.data = api;
	return uv_poll_start(&api->listener, UV_READABLE, on_connection);
}
