/*
 * ceno image build: an image from a directory, a container image or Debian packages. The
 * last two are unpacked into a directory of our own first, by a script that runs the
 * tools of their makers (images/session/source).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/supervisor/place.h"
#include "cli.h"
#include "image.h"
#include "images/key.h"
#include "images/session/write.h"
#include "options.h"
#include "policy/units.h"
#include "text.h"

#define TIME_DEFAULT 946684800 /* 2000-01-01: file formats begin at 1980 */

static const char usage[] =
    "usage: ceno image build --from dir:PATH|oci:LAYOUT|deb:RECIPE -o FILE [option]...\n"
    "Make a session image. The same files and key give the same bytes.\n"
    "\n"
    "  --from dir:PATH            everything below PATH\n"
    "  --from oci:LAYOUT[:TAG]    a container image: an OCI layout, or a file of docker save\n"
    "  --from deb:RECIPE          Debian packages: base, python, data, or a recipe file of yours\n"
    "  -o, --output FILE          where the image goes\n"
    "  --name NAME                what it is called: a-z 0-9 . _ - (default: from the source)\n"
    "  --key FILE                 the key that signs it (default: yours, made when first needed)\n"
    "  --debs DIR                 take packages from DIR, get none\n"
    "  --json                     what was made as one JSON object\n"
    "\n"
    "Links stay links. Set-user-id bits, capabilities, owners and times are not kept; devices, FIFOs\n"
    "and sockets are refused. SOURCE_DATE_EPOCH is the time of every file (default 2000-01-01).\n";

struct options {
	struct ceno_options command;
	const char *from, *output, *name, *key, *debs;
};

/* ---- the key ------------------------------------------------------------------------------- */

static int key_path(char *out, size_t size)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n = config && *config == '/' ? snprintf(out, size, "%s/cenotaph", config)
	    : home && *home == '/'       ? snprintf(out, size, "%s/.config/cenotaph", home)
					 : -1;

	if (n < 0 || (size_t)n + 11 >= size)
		return -1;
	for (char *p = out + 1; *p; p++)
		if (*p == '/') {
			*p = 0;
			mkdir(out, 0700);
			*p = '/';
		}
	mkdir(out, 0700); /* what is wrong with it, opening the file says */
	memcpy(out + n, "/image.key", sizeof "/image.key");
	return 0;
}

static int make_key(const char *path)
{
	char text[CENO_KEY_FILE_MAX];
	struct ceno_key key;
	size_t bytes;
	int rc, fd;

	if (ceno_key_generate(&key, "image key of this user", false))
		return -1;
	bytes = ceno_key_format(&key, true, text);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	rc = fd < 0 ? -1 : ceno_cli_write_all(fd, text, bytes);
	if (fd >= 0 && close(fd))
		rc = -1;
	sodium_memzero(text, sizeof text);
	ceno_key_wipe(&key);
	if (!rc)
		ceno_cli_error("made your key for images: %s", path);
	return rc;
}

static int load_key(const char *given, struct ceno_image_maker *maker)
{
	char path[4096], text[CENO_KEY_FILE_MAX + 1];
	struct ceno_key key = { 0 };
	ssize_t n = -1;
	int fd, rc = -1;

	if (given)
		snprintf(path, sizeof path, "%s", given);
	else if (key_path(path, sizeof path))
		path[0] = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && !given && path[0] && !make_key(path))
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		ceno_cli_error("the key %s: %s", path[0] ? path : "(no home directory)", strerror(errno));
		return -1;
	}
	n = read(fd, text, sizeof text);
	close(fd);
	if (n < 0 || ceno_key_parse(&key, text, (size_t)n) || !key.has_secret) {
		ceno_cli_error("%s is no secret key file (ceno-bundle key makes one)", path);
	} else {
		memcpy(maker->seed, key.secret, 32);
		memcpy(maker->public_key, key.public_key, 32);
		rc = 0;
	}
	sodium_memzero(text, sizeof text);
	ceno_key_wipe(&key);
	return rc;
}

/* ---- sources --------------------------------------------------------------------------------- */

static void recipe_path(const char *recipe, char out[CENO_PLACE_MAX])
{
	if (strchr(recipe, '/'))
		snprintf(out, CENO_PLACE_MAX, "%s", recipe);
	else
		ceno_place_find(CENO_PLACE_RECIPES, recipe, out);
}

static int run(char *const argv[])
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(argv[0], argv);
		fprintf(stderr, "ceno: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int unpack(const struct options *o, const char *kind, const char *source, const char *directory)
{
	char script[CENO_PLACE_MAX], recipe[CENO_PLACE_MAX];
	char *argv[] = { script,
		         (char *)(uintptr_t)kind,
		         (char *)(uintptr_t)source,
		         (char *)(uintptr_t)directory,
		         (char *)(uintptr_t)o->debs,
		         NULL };

	ceno_place_find(CENO_PLACE_LIB, "ceno-image-source", script);
	if (!strcmp(kind, "deb")) {
		recipe_path(source, recipe);
		argv[2] = recipe;
	}
	return run(argv);
}

/* The last component, in the letters of a name. */
static void default_name(const char *source, char name[64])
{
	const char *slash = strrchr(source, '/');
	size_t used = 0;

	for (const char *p = slash && slash[1] ? slash + 1 : source; *p && *p != ':' && used < 63; p++) {
		char c = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';

		if (plain)
			name[used++] = c;
	}
	if (!used)
		memcpy(name, "image", used = 5);
	name[used] = 0;
}

/* ---- the image -------------------------------------------------------------------------------- */

static void tell(const struct ceno_image_header *h, const struct options *o)
{
	struct ceno_image_file file = { .image = { .header = h, .count = h->entry_count }, .culprit = 0 };
	char id[CENO_CONTENT_ID_TEXT_LENGTH + 1], size[32];

	file.id =
	    (struct ceno_content_id){ CENO_CONTENT_ID_VERSION, CENO_CONTENT_ID_BLAKE3, CENO_CONTENT_IMAGE, { 0 } };
	memcpy(file.id.digest, h->content_id, sizeof file.id.digest);
	if (o->command.json) {
		ceno_cli_print_json(ceno_image_json(&file));
		return;
	}
	ceno_content_id_format(&file.id, id);
	puts(id);
	ceno_text_line(stdout, "%s: %.64s, %u entries, %s", o->output, h->name, h->entry_count,
	               ceno_image_size_text(h->total_bytes, size));
}

static int make(const struct options *o, const char *directory, struct ceno_image_maker *maker)
{
	struct ceno_image_header header;
	struct ceno_tree tree;
	int status = CENO_EXIT_OK;

	if (ceno_tree_read(&tree, directory) || ceno_image_write(&tree, maker, o->output, &header)) {
		ceno_cli_error("%s", tree.message);
		status = CENO_EXIT_FAILURE;
	} else {
		if (tree.dropped_bits + tree.dropped_attributes)
			ceno_cli_error(
			    "not kept: set-id or sticky bits of %u, extended attributes of %u files (%s ...)",
			    tree.dropped_bits, tree.dropped_attributes, tree.first_dropped);
		tell(&header, o);
	}
	ceno_tree_fini(&tree);
	return status;
}

static int from_tools(const struct options *o, const char *kind, const char *source, struct ceno_image_maker *maker)
{
	const char *base = getenv("TMPDIR");
	char directory[4096], root[4200];
	char *const clean[] = { "rm", "-rf", directory, NULL };
	int status = CENO_EXIT_FAILURE;

	snprintf(directory, sizeof directory, "%s/ceno-image-XXXXXX", base && *base ? base : "/tmp");
	if (!mkdtemp(directory)) {
		ceno_cli_error("%s: %s", directory, strerror(errno));
		return status;
	}
	snprintf(root, sizeof root, "%s/root", directory);
	if (mkdir(root, 0755))
		ceno_cli_error("%s: %s", root, strerror(errno));
	else if (!unpack(o, kind, source, root))
		status = make(o, root, maker);
	run(clean);
	return status;
}

static int build(const struct options *o)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH"), *source = strchr(o->from, ':');
	struct ceno_image_maker maker = { .time_s = TIME_DEFAULT };
	char name[64], kind[4];
	int status = CENO_EXIT_FAILURE;

	if (!source || source - o->from != 3 || !source[1] ||
	    (strncmp(o->from, "dir", 3) && strncmp(o->from, "oci", 3) && strncmp(o->from, "deb", 3)))
		return ceno_options_misuse(usage, "--from takes dir:PATH, oci:LAYOUT or deb:RECIPE, not `%s'", o->from);
	snprintf(kind, sizeof kind, "%.3s", o->from);
	source++;
	default_name(source, name);
	maker.name = o->name ? o->name : name;
	if (epoch)
		maker.time_s = strtoll(epoch, NULL, 10);
	if (load_key(o->key, &maker))
		return CENO_EXIT_FAILURE;
	umask(022);
	status = !strcmp(kind, "dir") ? make(o, source, &maker) : from_tools(o, kind, source, &maker);
	sodium_memzero(&maker, sizeof maker);
	return status;
}

int ceno_image_build_command(int argc, char **argv)
{
	static const struct option table[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "output", required_argument, NULL, 'o' },
		{ "name", required_argument, NULL, 'n' },
		{ "key", required_argument, NULL, 'k' },
		{ "debs", required_argument, NULL, 'd' },
		CENO_OPTIONS_JSON,
		CENO_OPTIONS_END,
	};
	struct options o = { .command = {
				 .usage = usage, .table = table, .shorts = "o:", .argc = argc, .argv = argv } };
	int option;

	while ((option = ceno_options_next(&o.command)) >= 0) {
		switch (option) {
		case 'f':
			o.from = optarg;
			break;
		case 'o':
			o.output = optarg;
			break;
		case 'n':
			o.name = optarg;
			break;
		case 'k':
			o.key = optarg;
			break;
		default: /* 'd' */
			o.debs = optarg;
			break;
		}
	}
	if (o.command.status >= 0 || ceno_options_arguments(&o.command, 0, 0, ""))
		return o.command.status;
	if (!o.from || !o.output)
		return ceno_options_misuse(usage, "no %s given", o.from ? "--output FILE" : "--from SOURCE");
	if (o.name && strlen(o.name) > 63)
		return ceno_options_misuse(usage, "--name takes at most 63 characters");
	return build(&o);
}
