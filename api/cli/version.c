/* ceno version: of this command, and of the node if one answers. */
#include <getopt.h>
#include <stdio.h>

#include "cli.h"
#include "client.h"
#include "guest-kernel/abi/layout.h"

static const char usage[] = "usage: ceno version [--json] [--socket PATH]\n"
			    "Print the versions of this command and of the node, if one is running.\n";

int ceno_command_version(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "socket", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *path = NULL;
	struct ceno_client client;
	json_t *node = NULL;
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'j')
			json = true;
		else if (option == 's')
			path = optarg;
		else
			return ceno_cli_usage(usage, option == 'h');
	}
	if (optind < argc)
		return ceno_cli_usage(usage, false);
	if (!ceno_client_open(&client, path))
		node = ceno_client_call(&client, "node.version", NULL, NULL, 0);
	ceno_client_close(&client);
	if (json)
		return ceno_cli_print_json(json_pack("{s:s,s:i,s:o}", "ceno", CENO_VERSION, "abi",
		                                     (int)CENO_ABI_VERSION, "node", node ? node : json_null()));
	printf("ceno %s (guest ABI %u)\n", CENO_VERSION, CENO_ABI_VERSION);
	if (node)
		printf("node %s (guest ABI %d, RPC %d)\n", json_string_value(json_object_get(node, "version")),
		       (int)json_integer_value(json_object_get(node, "abi")),
		       (int)json_integer_value(json_object_get(node, "rpc")));
	else
		puts("node: none answers");
	json_decref(node);
	return CENO_EXIT_OK;
}
