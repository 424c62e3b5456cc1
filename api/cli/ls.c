/* ceno ls: the node's sessions, newest first. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "client.h"
#include "options.h"
#include "policy/units.h"
#include "text.h"

static const char usage[] = "usage: ceno ls [--all] [--json] [--socket PATH]\n"
			    "List sessions, newest first: those still open and the last 20; --all: every one.\n"
			    "Root sees everybody's sessions, other users their own.\n";

#define RECENT 20

static const char *text(json_t *row, const char *key)
{
	const char *value = json_string_value(json_object_get(row, key));

	return value ? value : "?";
}

static bool open_state(json_t *row)
{
	const char *state = text(row, "state");

	return !strcmp(state, "active") || !strcmp(state, "executing") || !strcmp(state, "destroying");
}

static void print_row(json_t *row)
{
	time_t created = (time_t)(json_integer_value(json_object_get(row, "created_ms")) / 1000);
	json_int_t index = json_integer_value(json_object_get(row, "launch_index"));
	char when[32], memory[CENO_UNITS_TEXT_MAX], launch[24] = "-";
	struct tm local;

	localtime_r(&created, &local);
	strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &local);
	ceno_units_format_bytes((uint64_t)json_integer_value(json_object_get(row, "memory_bytes")), memory);
	if (index >= 0)
		snprintf(launch, sizeof launch, "%lld", (long long)index);
	ceno_text_line(stdout, "%-32s  %-15s  %-9s  %-19s  %8s  %6s  %s", text(row, "session"), text(row, "state"),
	               text(row, "cause"), when, memory, launch,
	               json_is_true(json_object_get(row, "proof")) ? "proof" : "-");
}

/* Every page of the list into one array; NULL with client->error set. */
static json_t *fetch(struct ceno_client *client, bool all)
{
	json_t *rows = json_array();
	json_int_t before = 0;

	for (;;) {
		json_t *page = ceno_client_call(client, "session.list", json_pack("{s:I}", "before", before), NULL, 0);
		json_t *list = json_object_get(page, "sessions");
		size_t count = json_array_size(list);

		if (!page) {
			json_decref(rows);
			return NULL;
		}
		json_array_extend(rows, list);
		if (count)
			before = json_integer_value(json_object_get(json_array_get(list, count - 1), "number"));
		json_decref(page);
		if (!count || !all)
			return rows;
	}
}

int ceno_command_ls(int argc, char **argv)
{
	static const struct option table[] = {
		{ "all", no_argument, NULL, 'a' }, CENO_OPTIONS_JSON, CENO_OPTIONS_SOCKET, CENO_OPTIONS_END
	};
	struct ceno_options o = { .usage = usage, .table = table, .argc = argc, .argv = argv };
	struct ceno_client client;
	json_t *rows = NULL, *row;
	bool all = false;
	size_t i;

	while (ceno_options_next(&o) >= 0)
		all = true;
	if (o.status >= 0 || ceno_options_arguments(&o, 0, 0, ""))
		return o.status;
	if (!ceno_client_open(&client, o.socket))
		rows = fetch(&client, all);
	ceno_client_close(&client);
	if (!rows) {
		ceno_cli_error("%s", client.error);
		return CENO_EXIT_FAILURE;
	}
	if (o.json)
		return ceno_cli_print_json(json_pack("{s:o}", "sessions", rows));
	printf("%-32s  %-15s  %-9s  %-19s  %8s  %6s\n", "SESSION", "STATE", "CAUSE", "CREATED", "MEMORY", "LAUNCH");
	json_array_foreach(rows, i, row) if (all || i < RECENT || open_state(row)) print_row(row);
	json_decref(rows);
	return CENO_EXIT_OK;
}
