/* ceno image add, ls, rm: the images of a node. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "client.h"
#include "image.h"
#include "named.h"
#include "options.h"
#include "text.h"

#define ABOUT \
	"A node checks an image when it is added and once after each start. Images that root\n" \
	"added are everybody's, others their owner's.\n"

static const struct option table[] = { CENO_OPTIONS_JSON, CENO_OPTIONS_SOCKET, CENO_OPTIONS_END };

/* The result (new reference), or NULL after a line. argument: the image asked for, NULL none. */
static json_t *call(const struct ceno_options *o, const char *method, json_t *params, int fd, const char *argument)
{
	struct ceno_client client;
	json_t *result = NULL;

	if (!ceno_client_open(&client, o->socket))
		result = ceno_client_call(&client, method, params, &fd, fd >= 0);
	else
		json_decref(params);
	if (!result && argument)
		ceno_named_image_failed(&client, argument);
	else if (!result)
		ceno_cli_error("%s", client.error);
	ceno_client_close(&client);
	return result;
}

int ceno_image_add_command(int argc, char **argv)
{
	static const char usage[] = "usage: ceno image add [--json] [--socket PATH] FILE\n"
				    "Put an image into the node, so that sessions can have it.\n" ABOUT;
	struct ceno_options o = { .usage = usage, .table = table, .argc = argc, .argv = argv };
	char error[CENO_IMAGE_LINE_MAX];
	struct ceno_image_file file;
	json_t *result;
	int fd;

	if (ceno_options_plain(&o, 1, 1, "FILE") >= 0)
		return o.status;
	if (ceno_image_open_file(argv[o.first], false, &file, &fd, error)) { /* the data is for the node to check */
		ceno_cli_error("%s", error);
		return CENO_EXIT_FAILURE;
	}
	result = call(&o, "image.add", json_object(), fd, NULL);
	ceno_image_file_fini(&file);
	close(fd);
	if (!result)
		return CENO_EXIT_FAILURE;
	if (o.json)
		return ceno_cli_print_json(result);
	ceno_text_line(stdout, "%s %s", json_string_value(json_object_get(result, "name")),
	               json_string_value(json_object_get(result, "id")));
	json_decref(result);
	return CENO_EXIT_OK;
}

int ceno_image_ls_command(int argc, char **argv)
{
	static const char usage[] = "usage: ceno image ls [--json] [--socket PATH]\n"
				    "List the node's images that you may use.\n" ABOUT;
	struct ceno_options o = { .usage = usage, .table = table, .argc = argc, .argv = argv };
	json_t *result, *image;
	size_t i;

	if (ceno_options_plain(&o, 0, 0, "") >= 0)
		return o.status;
	result = call(&o, "image.list", json_object(), -1, NULL);
	if (!result)
		return CENO_EXIT_FAILURE;
	if (o.json)
		return ceno_cli_print_json(result);
	printf("%-16s %-61s %10s %s\n", "NAME", "ID", "SIZE", "SIGNED BY");
	json_array_foreach(json_object_get(result, "images"), i, image)
	{
		char size[32];

		ceno_text_line(stdout, "%-16s %-61s %10s %.16s%s", json_string_value(json_object_get(image, "name")),
		               json_string_value(json_object_get(image, "id")),
		               ceno_image_size_text((uint64_t)json_integer_value(json_object_get(image, "bytes")),
		                                    size),
		               json_string_value(json_object_get(image, "signer")),
		               json_is_true(json_object_get(image, "released")) ? " (release)" : "");
	}
	json_decref(result);
	return CENO_EXIT_OK;
}

int ceno_image_rm_command(int argc, char **argv)
{
	static const char usage[] = "usage: ceno image rm [--json] [--socket PATH] NAME|ID\n"
				    "Take an image out of the node.\n" ABOUT;
	struct ceno_options o = { .usage = usage, .table = table, .argc = argc, .argv = argv };
	json_t *result;

	if (ceno_options_plain(&o, 1, 1, "NAME|ID") >= 0)
		return o.status;
	if (!ceno_text_is_utf8(argv[o.first]))
		return ceno_options_misuse(usage, "`%s' is neither the name of an image nor an id", argv[o.first]);
	result = call(&o, "image.remove", json_pack("{s:s}", "image", argv[o.first]), -1, argv[o.first]);
	if (!result)
		return CENO_EXIT_FAILURE;
	if (o.json)
		return ceno_cli_print_json(result);
	json_decref(result);
	return CENO_EXIT_OK;
}
