/* ceno image: finds the subcommand; verify and show, which need no node. */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "guest-kernel/lib/image.h"
#include "options.h"
#include "policy/units.h"
#include "text.h"

static const char usage[] =
    "usage: ceno image COMMAND [option]... [argument]\n"
    "Images that sessions run from.\n"
    "\n"
    "  build --from SOURCE -o FILE  an image from a directory, a container image or Debian packages\n"
    "  add FILE                     put an image into the node, so that sessions can have it\n"
    "  ls                           list the node's images\n"
    "  rm NAME|ID                   take one out of the node\n"
    "  verify FILE                  check an image: format, content id, signature, every file\n"
    "  show FILE                    say what it is; --files lists what is in it\n"
    "\n"
    "An image is a tree of read-only files that sessions run from (ceno run --image). It is named\n"
    "by what is in it: the same files have the same id. Each subcommand takes --help and --json.\n";

int ceno_image_open_file(const char *path, bool data, struct ceno_image_file *file, int *fd, char *error)
{
	char at[300];
	int rc;

	*fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd < 0) {
		snprintf(error, CENO_IMAGE_LINE_MAX, "%.200s: %s", path, strerror(errno));
		return -1;
	}
	rc = ceno_image_file_open(file, *fd);
	if (!rc && data)
		rc = ceno_image_file_data(file, *fd, -1);
	if (!rc)
		return 0;
	if (rc < 0)
		snprintf(error, CENO_IMAGE_LINE_MAX, "%.200s: %s", path,
		         rc == -EINVAL ? "not a regular file" : strerror(-rc));
	else if (rc >= CENO_IMAGE_E_MODE && file->image.count && file->culprit && file->culprit < file->image.count &&
	         rc == CENO_IMAGE_E_DATA) /* only a checked tree has paths */
		snprintf(error, CENO_IMAGE_LINE_MAX, "%.150s: %.250s: %s", path,
		         ceno_image_path(&file->image, file->culprit, at, sizeof at),
		         ceno_image_error_text((uint32_t)rc));
	else if (file->image.count && file->culprit < file->image.count && rc >= CENO_IMAGE_E_MODE &&
	         rc <= CENO_IMAGE_E_FIELD)
		snprintf(error, CENO_IMAGE_LINE_MAX, "%.200s, entry %u: %s", path, file->culprit,
		         ceno_image_error_text((uint32_t)rc));
	else
		snprintf(error, CENO_IMAGE_LINE_MAX, "%.200s: %s", path, ceno_image_error_text((uint32_t)rc));
	ceno_image_file_fini(file);
	close(*fd);
	*fd = -1;
	return -1;
}

const char *ceno_image_size_text(uint64_t bytes, char *out)
{
	snprintf(out, 32, "%.1f MiB", (double)bytes / (1 << 20));
	return out;
}

json_t *ceno_image_json(const struct ceno_image_file *file)
{
	const struct ceno_image_header *h = file->image.header;
	char id[CENO_CONTENT_ID_TEXT_LENGTH + 1], signer[65], digest[65];
	uint8_t proof[32];

	ceno_content_id_format(&file->id, id);
	ceno_units_format_hex(h->public_key, 32, signer);
	ceno_image_file_proof(&file->id, proof);
	ceno_units_format_hex(proof, 32, digest);
	return json_pack("{s:s#,s:s,s:I,s:I,s:I,s:s,s:s}", "name", h->name, (int)strnlen(h->name, sizeof h->name), "id",
	                 id, "bytes", (json_int_t)h->total_bytes, "entries", (json_int_t)h->entry_count, "time_s",
	                 (json_int_t)h->time_s, "signer", signer, "sha256_of_id", digest);
}

static void print_entry(const struct ceno_image *image, uint32_t i)
{
	const struct ceno_image_entry *e = &image->entries[i];
	char path[8300];

	ceno_image_path(image, i, path, sizeof path);
	switch (e->mode & CENO_IMAGE_TYPE) {
	case CENO_IMAGE_DIR:
		ceno_text_line(stdout, "d %04o %12s %s%s", e->mode & 0777u, "-", path, i ? "/" : "");
		break;
	case CENO_IMAGE_LINK:
		ceno_text_line(stdout, "l %04o %12s %s -> %s", e->mode & 0777u, "-", path, image->names + e->offset);
		break;
	default:
		ceno_text_line(stdout, "- %04o %12llu %s", e->mode & 0777u, (unsigned long long)e->length, path);
	}
}

static void print_image(const struct ceno_image_file *file)
{
	const struct ceno_image_header *h = file->image.header;
	char id[CENO_CONTENT_ID_TEXT_LENGTH + 1], signer[65], size[32];
	uint32_t files = 0;

	for (uint32_t i = 0; i < file->image.count; i++)
		files += (file->image.entries[i].mode & CENO_IMAGE_TYPE) == CENO_IMAGE_FILE;
	ceno_content_id_format(&file->id, id);
	ceno_units_format_hex(h->public_key, 32, signer);
	ceno_text_line(stdout, "name    %.64s", h->name);
	printf("id      %s\nsigner  %s\nsize    %s, %u files, %u entries\n", id, signer,
	       ceno_image_size_text(h->total_bytes, size), files, file->image.count);
}

static const char verify_usage[] = "usage: ceno image verify [--json] FILE\n"
				   "Check an image: format, content id, signature, every byte of every file.\n";
static const char show_usage[] = "usage: ceno image show [--files] [--json] FILE\n"
				 "Say what an image is; --files lists what is in it.\n";

static int look(int argc, char **argv, bool verify)
{
	static const struct option table[] = { { "files", no_argument, NULL, 'f' },
		                               CENO_OPTIONS_JSON,
		                               CENO_OPTIONS_END };
	struct ceno_options o = {
		.usage = verify ? verify_usage : show_usage, .table = table + verify, .argc = argc, .argv = argv
	};
	char error[CENO_IMAGE_LINE_MAX];
	struct ceno_image_file file;
	bool files = false;
	int fd;

	while (ceno_options_next(&o) >= 0)
		files = true;
	if (o.status >= 0 || ceno_options_arguments(&o, 1, 1, "FILE"))
		return o.status;
	if (ceno_image_open_file(argv[o.first], verify, &file, &fd, error)) {
		ceno_cli_error("%s", error);
		return CENO_EXIT_FAILURE;
	}
	close(fd);
	if (o.json) {
		int status = ceno_cli_print_json(ceno_image_json(&file));

		ceno_image_file_fini(&file);
		return status;
	}
	print_image(&file);
	for (uint32_t i = 0; files && i < file.image.count; i++)
		print_entry(&file.image, i);
	if (verify)
		puts("verdict every byte is as its signer left it");
	ceno_image_file_fini(&file);
	return CENO_EXIT_OK;
}

static int verify(int argc, char **argv)
{
	return look(argc, argv, true);
}

static int show(int argc, char **argv)
{
	return look(argc, argv, false);
}

int ceno_command_image(int argc, char **argv)
{
	static const struct ceno_cli_command commands[] = {
		{ "build", "ceno image build", ceno_image_build_command, 0 },
		{ "add", "ceno image add", ceno_image_add_command, 0 },
		{ "ls", "ceno image ls", ceno_image_ls_command, 0 },
		{ "rm", "ceno image rm", ceno_image_rm_command, 0 },
		{ "verify", "ceno image verify", verify, 0 },
		{ "show", "ceno image show", show, 0 },
	};

	return ceno_cli_dispatch(commands, sizeof commands / sizeof commands[0], usage, argc, argv);
}
