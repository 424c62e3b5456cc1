/* The RPC client: see client.h. */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/ipc/packet.h"
#include "api/rpc/request.h"

#define DEFAULT_SOCKET "/run/cenotaph/cenod.sock"

static void explain(struct ceno_client *client, const char *path, int error)
{
	const char *advice = error == ENOENT || error == ECONNREFUSED ? "; is cenod running? (./do run, or cenod(8))"
	    : error == EACCES || error == EPERM                       ? "; this user may not use the node"
								      : "";

	snprintf(client->error, sizeof client->error, "cannot reach the node at %.200s: %s%s", path, strerror(error),
	         advice);
}

int ceno_client_open(struct ceno_client *client, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *variable = getenv("CENO_SOCKET");

	memset(client, 0, sizeof *client);
	client->fd = -1;
	if (!path)
		path = variable && *variable ? variable : DEFAULT_SOCKET;
	if (strlen(path) >= sizeof address.sun_path) {
		explain(client, path, ENAMETOOLONG);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	client->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof address)) {
		explain(client, path, errno);
		ceno_client_close(client);
		return -1;
	}
	return 0;
}

void ceno_client_close(struct ceno_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	json_decref(client->error_data);
	client->error_data = NULL;
}

json_int_t ceno_client_send(struct ceno_client *client, const char *method, json_t *params, const int *fds,
                            unsigned fd_count)
{
	json_int_t id = ++client->next_id;
	json_t *request =
	    json_pack("{s:s,s:I,s:s,s:o}", "jsonrpc", "2.0", "id", id, "method", method, "params", params);
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	int rc = text ? ceno_packet_send(client->fd, text, strlen(text), fds, fd_count) : params ? -ENOMEM : -EILSEQ;

	json_decref(request);
	free(text);
	if (!rc)
		return id;
	snprintf(client->error, sizeof client->error, "cannot send to the node: %s", strerror(-rc));
	return -1;
}

json_t *ceno_client_receive(struct ceno_client *client, int *fd)
{
	struct ceno_packet_fds fds;
	char *text = malloc(CENO_RPC_REPLY_MAX);
	json_t *message = NULL;
	ssize_t n = text ? ceno_packet_receive(client->fd, text, CENO_RPC_REPLY_MAX, &fds) : -ENOMEM;

	client->error[0] = '\0';
	*fd = -1;
	if (n > 0) {
		message = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
		*fd = ceno_packet_fds_take(&fds, 0);
		ceno_packet_fds_close(&fds);
		if (!json_is_object(message)) {
			json_decref(message);
			message = NULL;
			snprintf(client->error, sizeof client->error, "the node sent something that is no message");
		}
	} else if (n == 0) {
		snprintf(client->error, sizeof client->error, "the node closed the connection");
	} else if (n != -EAGAIN) {
		snprintf(client->error, sizeof client->error, "cannot hear from the node: %s", strerror((int)-n));
	}
	free(text);
	return message;
}

json_t *ceno_client_result(struct ceno_client *client, json_t *message)
{
	json_t *result = json_object_get(message, "result"), *error = json_object_get(message, "error");
	const char *text = json_string_value(json_object_get(error, "message"));

	if (result)
		return result;
	client->error_code = (int)json_integer_value(json_object_get(error, "code"));
	json_decref(client->error_data);
	client->error_data = json_incref(json_object_get(error, "data"));
	snprintf(client->error, sizeof client->error, "%s", text ? text : "the node's answer has no result");
	return NULL;
}

/* Waits for the answer to `id`; *kept: the descriptor that came with it, if kept is not NULL. */
static json_t *answer_to(struct ceno_client *client, json_int_t id, int *kept)
{
	json_t *message, *result = NULL;
	int fd;

	while (id > 0 && (message = ceno_client_receive(client, &fd))) {
		bool ours = json_integer_value(json_object_get(message, "id")) == id;

		if (ours && kept)
			*kept = fd;
		else if (fd >= 0)
			close(fd);
		if (ours) {
			result = json_incref(ceno_client_result(client, message));
			id = 0;
		}
		json_decref(message);
	}
	return result;
}

json_t *ceno_client_call(struct ceno_client *client, const char *method, json_t *params, const int *fds,
                         unsigned fd_count)
{
	return answer_to(client, ceno_client_send(client, method, params, fds, fd_count), NULL);
}

json_t *ceno_client_call_fd(struct ceno_client *client, const char *method, json_t *params, int *fd)
{
	*fd = -1;
	return answer_to(client, ceno_client_send(client, method, params, NULL, 0), fd);
}
