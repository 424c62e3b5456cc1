/*
 * The command line's side of the RPC (docs/rpc.md): one connection, requests
 * with descriptors, replies and notifications.
 */
#ifndef CENO_API_CLI_CLIENT_H
#define CENO_API_CLI_CLIENT_H

#include <jansson.h>

#define CENO_CLIENT_ERROR_MAX 512

struct ceno_client {
	int fd; /* owned */
	json_int_t next_id;
	char error[CENO_CLIENT_ERROR_MAX]; /* one line about the last failure */
	int error_code;                    /* the daemon's RPC error, 0 when it never answered */
	json_t *error_data;                /* owned; the daemon's error data or NULL */
};

/* Connects to `path` (NULL: $CENO_SOCKET, else /run/cenotaph/cenod.sock). 0, or
 * -1 with `error` saying what to do. */
int ceno_client_open(struct ceno_client *client, const char *path);
void ceno_client_close(struct ceno_client *client);

/* Sends a request with descriptors (borrowed); `params` stolen. Its id, or -1 with `error`; NULL, which
 * is what jansson makes of text that is not UTF-8, is refused and never becomes a request without it. */
json_int_t ceno_client_send(struct ceno_client *client, const char *method, json_t *params, const int *fds,
                            unsigned fd_count);

/* One message of the daemon (blocking unless the socket was made non-blocking):
 * a new reference; `*fd` a descriptor that came with it or -1 (owned by the
 * caller). NULL with `error` when the connection is gone or broken; with
 * `error` empty when nothing is there yet. */
json_t *ceno_client_receive(struct ceno_client *client, int *fd);

/* The result (borrowed from `message`) if it is the reply to `id`; on an error
 * reply NULL with error, error_code and error_data set. */
json_t *ceno_client_result(struct ceno_client *client, json_t *message);

/* Request and reply, blocking: a new reference to the result, or NULL with `error`. */
json_t *ceno_client_call(struct ceno_client *client, const char *method, json_t *params, const int *fds,
                         unsigned fd_count);

/* The same for a method without descriptors that may answer with one: *fd, owned by the caller, or -1. */
json_t *ceno_client_call_fd(struct ceno_client *client, const char *method, json_t *params, int *fd);

#endif
