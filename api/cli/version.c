/* ceno version: of this command, and of the node if one answers. */
#include <stdio.h>

#include "cli.h"
#include "client.h"
#include "text.h"
#include "options.h"
#include "guest-kernel/abi/layout.h"

static const char usage[] = "usage: ceno version [--json] [--socket PATH]\n"
			    "Print the versions of this command and of the node, if one is running.\n";

int ceno_command_version(int argc, char **argv)
{
	static const struct option table[] = { CENO_OPTIONS_JSON, CENO_OPTIONS_SOCKET, CENO_OPTIONS_END };
	struct ceno_options o = { .usage = usage, .table = table, .argc = argc, .argv = argv };
	struct ceno_client client;
	json_t *node = NULL;

	if (ceno_options_plain(&o, 0, 0, "") >= 0)
		return o.status;
	if (!ceno_client_open(&client, o.socket))
		node = ceno_client_call(&client, "node.version", json_object(), NULL, 0);
	ceno_client_close(&client);
	if (o.json)
		return ceno_cli_print_json(json_pack("{s:s,s:i,s:o}", "ceno", CENO_VERSION, "abi",
		                                     (int)CENO_ABI_VERSION, "node", node ? node : json_null()));
	printf("ceno %s (guest ABI %u)\n", CENO_VERSION, CENO_ABI_VERSION);
	if (node)
		ceno_text_line(stdout, "node %s (guest ABI %d, RPC %d)",
		               json_string_value(json_object_get(node, "version")),
		               (int)json_integer_value(json_object_get(node, "abi")),
		               (int)json_integer_value(json_object_get(node, "rpc")));
	else
		puts("node: none answers");
	json_decref(node);
	return CENO_EXIT_OK;
}
