/* Names that the node does not have: see named.h. */
#include "named.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/rpc/error.h"
#include "cli.h"
#include "policy/units.h"

#define NAME_MAX_BYTES 64

int ceno_named_session(struct ceno_options *options, const char *text)
{
	uint8_t id[16];

	if (strlen(text) == 32 && !ceno_units_parse_hex(text, id, sizeof id))
		return 0;
	options->status =
	    ceno_options_misuse(options->usage, "SESSION is 32 lowercase hexadecimal digits (ceno ls), not `%s'", text);
	return -1;
}

static const char *text(json_t *row, const char *key)
{
	const char *value = json_string_value(json_object_get(row, key));

	return value ? value : "?";
}

void ceno_named_session_failed(struct ceno_client *client, const char *session)
{
	char error[CENO_CLIENT_ERROR_MAX], when[32] = "?", proof[128];
	json_t *row = NULL;
	struct tm local;
	time_t ended;

	memcpy(error, client->error, sizeof error);
	if (client->error_code == CENO_RPC_SESSION)
		row = ceno_client_call(client, "session.status", json_pack("{s:s}", "session", session), NULL, 0);
	ended = (time_t)(json_integer_value(json_object_get(row, "ended_ms")) / 1000);
	if (!ended) {
		ceno_cli_error("%s", error);
		json_decref(row);
		return;
	}
	if (localtime_r(&ended, &local))
		strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &local);
	snprintf(proof, sizeof proof,
	         json_is_true(json_object_get(row, "proof")) ? "its proof: ceno destroy %s --proof FILE"
	                                                     : "the node has no proof of it",
	         session);
	ceno_cli_error("session %s ended at %s (%s, cause %s); %s", session, when, text(row, "state"),
	               text(row, "cause"), proof);
	json_decref(row);
}

/* ---- images ---------------------------------------------------------------------- */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned ceno_named_distance(const char *a, const char *b)
{
	unsigned rows[3][NAME_MAX_BYTES + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n >= NAME_MAX_BYTES || m >= NAME_MAX_BYTES)
		return NAME_MAX_BYTES;
	for (size_t k = 0; k <= m; k++)
		rows[0][k] = (unsigned)k;
	for (size_t i = 1; i <= n; i++) {
		unsigned *now = rows[i % 3];
		const unsigned *last = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t k = 1; k <= m; k++) {
			now[k] = least(least(last[k], now[k - 1]) + 1, last[k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				now[k] = least(now[k], before[k - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

/* The image whose name is nearest, if it is near or begins with what was asked; borrowed from the list, or NULL. */
static const char *nearest(json_t *list, const char *image)
{
	unsigned best = 1 + (unsigned)strlen(image) / 3;
	const char *found = NULL;
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(list, "images"), i, row)
	{
		const char *name = text(row, "name");
		unsigned distance =
		    *image && !strncmp(name, image, strlen(image)) ? 0 : ceno_named_distance(image, name);

		if (distance > best || (found && distance == best))
			continue;
		best = distance;
		found = name;
	}
	return found;
}

void ceno_named_image_line(struct ceno_client *client, const char *image, char *line)
{
	char error[CENO_CLIENT_ERROR_MAX];
	const char *near = NULL;
	json_t *list = NULL;

	memcpy(error, client->error, sizeof error);
	snprintf(line, CENO_CLIENT_ERROR_MAX, "%s", error);
	if (client->error_code != CENO_RPC_IMAGE)
		return;
	list = ceno_client_call(client, "image.list", json_object(), NULL, 0);
	near = nearest(list, image);
	snprintf(line, CENO_CLIENT_ERROR_MAX, "%.100s: `%.100s'%s%.64s%s; ceno image ls lists them", error, image,
	         near ? "; nearest: `" : "", near ? near : "", near ? "'" : "");
	json_decref(list);
}

void ceno_named_image_failed(struct ceno_client *client, const char *image)
{
	char line[CENO_CLIENT_ERROR_MAX];

	ceno_named_image_line(client, image, line);
	ceno_cli_error("%s", line);
}
