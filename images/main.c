/*
 * ceno-bundle: makes signing keys, trust pages and signed bundles, and shows
 * what is in a measured blob. Exit: 0 done, 1 an input is refused, 2 usage or I/O.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "images/build.h"
#include "images/file.h"
#include "images/key.h"
#include "images/module.h"
#include "images/show.h"

#define EXIT_REFUSED 1
#define EXIT_USAGE   2
#define ELF_MAX      (64u << 20) /* with debug information */
#define TABLE_MAX    (64u << 10)

static const char usage_text[] =
    "usage: ceno-bundle key   --out SECRET --pub PUBLIC --name NAME [--test]\n"
    "       ceno-bundle trust (--pub PUBLIC | --secret SECRET) --out TRUST\n"
    "       ceno-bundle build --secret SECRET --table TABLE --out BUNDLE MODULE=ELF...\n"
    "       ceno-bundle show  [--sizes [--total]] BLOB...\n"
    "\n"
    "key    make an Ed25519 key pair; --test marks it: proofs name it, releases refuse it\n"
    "trust  make the page that the firmware takes the key from\n"
    "build  put linked modules (nucleus first; init, membrane, entry, prov, vault) into\n"
    "       one signed bundle. TABLE says what each may have (images/table.h)\n"
    "show   print a firmware image, trust page or bundle; --sizes: mapped bytes of\n"
    "       each part, --total: only their sum\n"
    "\n"
    "exit: 0 done, 1 an input is refused, 2 usage or I/O\n";

struct options {
	const char *out, *pub, *secret, *name, *table;
	bool test, sizes, total;
};

static int fail_usage(const char *what)
{
	fprintf(stderr, "ceno-bundle: %s; see ceno-bundle --help\n", what);
	return EXIT_USAGE;
}

static int fail_file(const char *what, const char *path)
{
	fprintf(stderr, "ceno-bundle: cannot %s %s: %s\n", what, path, strerror(errno));
	return EXIT_USAGE;
}

static int fail_refused(const char *path, const char *why)
{
	fprintf(stderr, "ceno-bundle: %s: %s\n", path, why);
	return EXIT_REFUSED;
}

static int load_key(struct ceno_key *key, const char *path)
{
	size_t bytes;
	uint8_t *text = ceno_file_read(path, CENO_KEY_FILE_MAX, &bytes);
	int bad;

	if (!text)
		return fail_file("read key", path);
	bad = ceno_key_parse(key, (const char *)text, bytes);
	explicit_bzero(text, bytes);
	free(text);
	return bad ? fail_refused(path, "not a key file of ceno-bundle") : 0;
}

static int run_key(const struct options *o)
{
	char text[CENO_KEY_FILE_MAX];
	struct ceno_key key;
	size_t bytes;
	int result = 0;

	if (!o->out || !o->pub || !o->name)
		return fail_usage("key needs --out, --pub and --name");
	if (ceno_key_generate(&key, o->name, o->test) != 0)
		return fail_usage("--name takes 1 to 63 printable ASCII characters");
	bytes = ceno_key_format(&key, true, text);
	if (ceno_file_write(o->out, text, bytes, 0600) != 0)
		result = fail_file("write", o->out);
	explicit_bzero(text, sizeof text);
	bytes = ceno_key_format(&key, false, text);
	if (result == 0 && ceno_file_write(o->pub, text, bytes, 0644) != 0)
		result = fail_file("write", o->pub);
	ceno_key_wipe(&key);
	return result;
}

static int run_trust(const struct options *o)
{
	struct ceno_trust trust;
	struct ceno_key key;
	int result;

	if (!o->out || !o->pub == !o->secret)
		return fail_usage("trust needs --out and one of --pub and --secret");
	result = load_key(&key, o->pub ? o->pub : o->secret);
	if (result != 0)
		return result;
	ceno_key_trust(&key, &trust);
	ceno_key_wipe(&key);
	return ceno_file_write(o->out, &trust, sizeof trust, 0644) == 0 ? 0 : fail_file("write", o->out);
}

static int load_table(struct ceno_manifest table[CENO_TABLE_MODULES], const char *path)
{
	unsigned line;
	size_t bytes;
	uint8_t *text = ceno_file_read(path, TABLE_MAX, &bytes);
	const char *problem;

	if (!text)
		return fail_file("read", path);
	problem = ceno_table_read(table, (const char *)text, bytes, &line);
	free(text);
	if (!problem)
		return 0;
	fprintf(stderr, "ceno-bundle: %s: line %u: %s\n", path, line, problem);
	return EXIT_REFUSED;
}

/* Parses MODULE=ELF and reads the module. *elf: allocated, the caller frees. */
static int load_module(struct ceno_module *module, const char *argument,
                       const struct ceno_manifest table[CENO_TABLE_MODULES], uint8_t **elf)
{
	const char *path = strchr(argument, '='), *problem;
	size_t bytes;

	*elf = NULL;
	memset(module, 0, sizeof *module);
	if (!path || !ceno_module_id(argument, (size_t)(path - argument), &module->id)) {
		fprintf(stderr, "ceno-bundle: %s: not MODULE=ELF with a known module\n", argument);
		return EXIT_USAGE;
	}
	if (!table[module->id].listed)
		return fail_refused(argument, "the module is not in the table");
	module->manifest = table[module->id];
	*elf = ceno_file_read(++path, ELF_MAX, &bytes);
	if (!*elf)
		return fail_file("read", path);
	problem = ceno_module_read(module, *elf, bytes);
	return problem ? fail_refused(path, problem) : 0;
}

static int build(const struct options *o, const struct ceno_key *key, const struct ceno_module *modules, size_t count)
{
	uint8_t *bundle;
	size_t bytes;
	const char *problem = ceno_build_bundle(modules, count, key, &bundle, &bytes);
	int result = 0;

	if (problem)
		return fail_refused(o->out, problem);
	if (ceno_file_write(o->out, bundle, bytes, 0644) != 0)
		result = fail_file("write", o->out);
	free(bundle);
	return result;
}

static int run_build(const struct options *o, int count, char **arguments)
{
	struct ceno_module modules[CENO_BUNDLE_MODULES];
	struct ceno_manifest table[CENO_TABLE_MODULES];
	uint8_t *elfs[CENO_BUNDLE_MODULES] = { 0 };
	struct ceno_key key;
	int result, n;

	if (!o->out || !o->secret || !o->table || count < 1)
		return fail_usage("build needs --secret, --table, --out and modules");
	if (count > CENO_BUNDLE_MODULES)
		return fail_usage("too many modules");
	result = load_key(&key, o->secret);
	if (result == 0)
		result = load_table(table, o->table);
	for (n = 0; n < count && result == 0; n++)
		result = load_module(&modules[n], arguments[n], table, &elfs[n]);
	if (result == 0)
		result = build(o, &key, modules, (size_t)count);
	for (n = 0; n < count; n++)
		free(elfs[n]);
	ceno_key_wipe(&key);
	return result;
}

static int run_show(const struct options *o, int count, char **paths)
{
	uint64_t total = 0;

	if (count < 1)
		return fail_usage("show needs a file");
	for (int i = 0; i < count; i++) {
		size_t bytes;
		uint8_t *blob = ceno_file_read(paths[i], CENO_BUNDLE_MAX, &bytes);
		const char *problem;

		if (!blob)
			return fail_file("read", paths[i]);
		problem = o->sizes ? ceno_show_sizes(o->total ? NULL : stdout, blob, bytes, &total)
				   : ceno_show_blob(stdout, blob, bytes);
		free(blob);
		if (problem)
			return fail_refused(paths[i], problem);
	}
	if (o->sizes)
		printf(o->total ? "%llu\n" : "%llu\ttotal\n", (unsigned long long)total);
	return fflush(stdout) == 0 ? 0 : fail_file("write", "standard output");
}

static int parse_options(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "out", required_argument, NULL, 'o' },    { "pub", required_argument, NULL, 'p' },
		{ "secret", required_argument, NULL, 's' }, { "name", required_argument, NULL, 'n' },
		{ "table", required_argument, NULL, 'm' },  { "test", no_argument, NULL, 't' },
		{ "sizes", no_argument, NULL, 'z' },        { "total", no_argument, NULL, 'T' },
		{ "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 }
	};

	for (int c; (c = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
		switch (c) {
		case 'o':
			o->out = optarg;
			break;
		case 'p':
			o->pub = optarg;
			break;
		case 's':
			o->secret = optarg;
			break;
		case 'n':
			o->name = optarg;
			break;
		case 'm':
			o->table = optarg;
			break;
		case 't':
			o->test = true;
			break;
		case 'z':
			o->sizes = true;
			break;
		case 'T':
			o->sizes = o->total = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			exit(0);
		default:
			return EXIT_USAGE;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	const char *verb;

	if (parse_options(&o, argc, argv) != 0) {
		fputs("see ceno-bundle --help\n", stderr);
		return EXIT_USAGE;
	}
	if (optind == argc)
		return fail_usage("no subcommand");
	verb = argv[optind++];
	if (strcmp(verb, "build") == 0)
		return run_build(&o, argc - optind, argv + optind);
	if (strcmp(verb, "show") == 0)
		return run_show(&o, argc - optind, argv + optind);
	if (optind != argc)
		return fail_usage("too many arguments");
	if (strcmp(verb, "key") == 0)
		return run_key(&o);
	if (strcmp(verb, "trust") == 0)
		return run_trust(&o);
	return fail_usage("unknown subcommand");
}
