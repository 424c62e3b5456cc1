/* cenod's command line: see config.h. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "layers.h"
#include "place.h"

#define UID_BASE_DEFAULT 0x10000000u
#define UID_BASE_MIN     65536u
#define UID_BASE_MAX     0xf0000000u

static const char help[] =
    "usage: cenod [option]...\n"
    "Run the Cenotaph node: one micro-VM per session, destroyed and proven.\n"
    "\n"
    "  --state DIR        what is kept between starts (default /var/lib/cenotaph)\n"
    "  --run DIR          directory of the socket cenod.sock (default /run/cenotaph)\n"
    "  --lib DIR          directory of ceno-api, ceno-attest, ceno-warden and ceno-vmm\n"
    "  --blobs DIR        directory of firmware.bin, trust.bin and bundle.bin\n"
    "  --tcti STRING      the TPM to use (default: a swtpm of the node's own)\n"
    "  --export FORMAT    let the node sign records of its proofs in a foreign format: auditproof\n"
    "  --uid-base N       first of 65536 unprivileged uids of this node (default 268435456)\n"
    "  --socket-mode MODE permission bits of the socket, octal (default 0660)\n"
    "  --layers LIST      what of a session's containment this node cannot do without:\n"
    "                     memory,tasks,processor,landlock,namespaces,core,branches,l1d or none\n"
    "                     (default: what the host offers but processor,landlock,l1d; and core)\n"
    "  --pidfile FILE     write the process id there once the node is up\n"
    "  --foreground       stay in the foreground, log to stderr (else to DIR/cenod.log)\n"
    "  --help, --version\n"
    "\n"
    "SIGTERM destroys every session, with its proof, then stops the node. See cenod(8).\n";

enum { STATE = 256, RUN, LIB, BLOBS, TCTI, EXPORT, UID_BASE, SOCKET_MODE, LAYERS, PIDFILE, FOREGROUND, HELP, VERSION };

static const struct option options[] = {
	{ "state", required_argument, NULL, STATE },       { "run", required_argument, NULL, RUN },
	{ "lib", required_argument, NULL, LIB },           { "blobs", required_argument, NULL, BLOBS },
	{ "tcti", required_argument, NULL, TCTI },         { "export", required_argument, NULL, EXPORT },
	{ "uid-base", required_argument, NULL, UID_BASE }, { "socket-mode", required_argument, NULL, SOCKET_MODE },
	{ "layers", required_argument, NULL, LAYERS },     { "pidfile", required_argument, NULL, PIDFILE },
	{ "foreground", no_argument, NULL, FOREGROUND },   { "help", no_argument, NULL, HELP },
	{ "version", no_argument, NULL, VERSION },         { NULL, 0, NULL, 0 },
};

/* The folder of these files of this build, wherever it is; kept for good. */
static const char *folder(enum ceno_place place, const char *name)
{
	char path[CENO_PLACE_MAX];

	ceno_place_folder(place, name, path);
	return strdup(path);
}

/* cenod leaves its working directory: paths are made absolute first. */
static const char *absolute(const char *path)
{
	char here[2048], whole[4096];

	if (path[0] == '/' || !getcwd(here, sizeof here))
		return path;
	snprintf(whole, sizeof whole, "%s/%s", here, path);
	return strdup(whole);
}

static int number(const char *text, int base, unsigned long min, unsigned long max, uint32_t *out)
{
	char *end;
	unsigned long value = strtoul(text, &end, base);

	if (!*text || *end || *text == '-' || value < min || value > max)
		return -1;
	*out = (uint32_t)value;
	return 0;
}

static int usage(const char *what, const char *value)
{
	fprintf(stderr, "cenod: %s%s\n%s", what, value, help);
	return 2;
}

static int one(int option, struct ceno_config *config)
{
	switch (option) {
	case STATE:
		config->state = absolute(optarg);
		return -1;
	case RUN:
		config->run = absolute(optarg);
		return -1;
	case LIB:
		config->lib = absolute(optarg);
		return -1;
	case BLOBS:
		config->blobs = absolute(optarg);
		return -1;
	case TCTI:
		config->tcti = optarg;
		return -1;
	case EXPORT:
		config->export = optarg;
		return strcmp(optarg, "auditproof") ? usage("not a format to --export to: ", optarg) : -1;
	case PIDFILE:
		config->pidfile = absolute(optarg);
		return -1;
	case FOREGROUND:
		config->foreground = true;
		return -1;
	case UID_BASE:
		return number(optarg, 10, UID_BASE_MIN, UID_BASE_MAX, &config->uid_base)
		    ? usage("not a usable --uid-base: ", optarg)
		    : -1;
	case SOCKET_MODE:
		return number(optarg, 8, 0, 0777, &config->socket_mode) ? usage("not a usable --socket-mode: ", optarg)
									: -1;
	case LAYERS:
		config->layers_given = true;
		return ceno_layers_parse(optarg, &config->layers) ? usage("not a list of layers: ", optarg) : -1;
	case HELP:
		fputs(help, stdout);
		return 0;
	case VERSION:
		puts("cenod " CENO_VERSION);
		return 0;
	default:
		return usage("see the options below", "");
	}
}

int ceno_config_parse(int argc, char **argv, struct ceno_config *config)
{
	int option;

	memset(config, 0, sizeof *config);
	config->state = "/var/lib/cenotaph";
	config->run = "/run/cenotaph";
	config->uid_base = UID_BASE_DEFAULT;
	config->socket_mode = 0660;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		int status = one(option, config);

		if (status >= 0)
			return status;
	}
	if (optind < argc)
		return usage("unexpected argument: ", argv[optind]);
	if (!config->lib)
		config->lib = folder(CENO_PLACE_LIB, "ceno-api");
	if (!config->blobs)
		config->blobs = folder(CENO_PLACE_BLOBS, "firmware.bin");
	return -1;
}
