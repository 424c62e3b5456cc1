/* ceno image add, ls, rm: the images of a node. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "client.h"
#include "image.h"

static const char usage[] = "usage: ceno image add [--json] [--socket PATH] FILE\n"
			    "       ceno image ls [--json] [--socket PATH]\n"
			    "       ceno image rm [--json] [--socket PATH] NAME|ID\n"
			    "A node checks an image when it is added and once after each start. Images that root\n"
			    "added are everybody's, others their owner's.\n";

struct request {
	const char *socket, *argument;
	bool json;
};

/* -1 to go on, else the exit status. */
static int parse(int argc, char **argv, bool argument, struct request *request)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "socket", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	*request = (struct request){ 0 };
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'j')
			request->json = true;
		else if (option == 's')
			request->socket = optarg;
		else
			return ceno_cli_usage(usage, option == 'h');
	}
	if (optind + argument != argc)
		return ceno_cli_usage(usage, false);
	request->argument = argument ? argv[optind] : NULL;
	return -1;
}

static json_t *call(const struct request *request, const char *method, json_t *params, int fd)
{
	struct ceno_client client;
	json_t *result = NULL;

	if (!ceno_client_open(&client, request->socket))
		result = ceno_client_call(&client, method, params, &fd, fd >= 0);
	else
		json_decref(params);
	if (!result)
		ceno_cli_error("%s", client.error);
	ceno_client_close(&client);
	return result;
}

int ceno_image_add_command(int argc, char **argv)
{
	char error[CENO_IMAGE_LINE_MAX];
	struct ceno_image_file file;
	struct request request;
	json_t *result;
	int fd, status = parse(argc, argv, true, &request);

	if (status >= 0)
		return status;
	if (ceno_image_open_file(request.argument, false, &file, &fd, error)) { /* the data is for the node to check */
		ceno_cli_error("%s", error);
		return CENO_EXIT_FAILURE;
	}
	result = call(&request, "image.add", json_object(), fd);
	ceno_image_file_fini(&file);
	close(fd);
	if (!result)
		return CENO_EXIT_FAILURE;
	if (request.json)
		return ceno_cli_print_json(result);
	printf("%s %s\n", json_string_value(json_object_get(result, "name")),
	       json_string_value(json_object_get(result, "id")));
	json_decref(result);
	return CENO_EXIT_OK;
}

int ceno_image_ls_command(int argc, char **argv)
{
	struct request request;
	json_t *result, *image;
	size_t i;
	int status = parse(argc, argv, false, &request);

	if (status >= 0)
		return status;
	result = call(&request, "image.list", json_object(), -1);
	if (!result)
		return CENO_EXIT_FAILURE;
	if (request.json)
		return ceno_cli_print_json(result);
	printf("%-16s %-61s %10s %s\n", "NAME", "ID", "SIZE", "SIGNED BY");
	json_array_foreach(json_object_get(result, "images"), i, image)
	{
		char size[32];

		printf("%-16s %-61s %10s %.16s%s\n", json_string_value(json_object_get(image, "name")),
		       json_string_value(json_object_get(image, "id")),
		       ceno_image_size_text((uint64_t)json_integer_value(json_object_get(image, "bytes")), size),
		       json_string_value(json_object_get(image, "signer")),
		       json_is_true(json_object_get(image, "released")) ? " (release)" : "");
	}
	json_decref(result);
	return fflush(stdout) ? CENO_EXIT_FAILURE : CENO_EXIT_OK;
}

int ceno_image_rm_command(int argc, char **argv)
{
	struct request request;
	json_t *result;
	int status = parse(argc, argv, true, &request);

	if (status >= 0)
		return status;
	result = call(&request, "image.remove", json_pack("{s:s}", "image", request.argument), -1);
	if (!result)
		return CENO_EXIT_FAILURE;
	if (request.json)
		return ceno_cli_print_json(result);
	json_decref(result);
	return CENO_EXIT_OK;
}
