/* Options: see options.h. */
#include "options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "text.h"

int ceno_options_misuse(const char *usage, const char *format, ...)
{
	char line[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	fprintf(stderr, "%.*s\n", (int)strcspn(usage, "\n"), usage);
	ceno_cli_error("%s", line);
	return CENO_EXIT_USAGE;
}

/* getopt refused argv[optind - 1], or a letter of it. */
static int refused(const struct ceno_options *o, int answer)
{
	const char *word = o->argv[optind - 1];
	const char *help = o->argv[0]; /* "ceno run" */
	int length = (int)strcspn(word, "=");

	if (answer == ':')
		return ceno_options_misuse(o->usage, "%s needs a value", word);
	if (optopt && optopt < 0x100 && strncmp(word, "--", 2))
		return ceno_options_misuse(o->usage, "no option `-%c'; %s --help lists them", optopt, help);
	for (const struct option *row = o->table; optopt && row->name; row++)
		if (row->val == optopt)
			return ceno_options_misuse(o->usage, "--%s takes no value", row->name);
	return ceno_options_misuse(o->usage, "no option `%.*s'; %s --help lists them", length, word, help);
}

int ceno_options_next(struct ceno_options *o)
{
	char shorts[16];
	int option;

	if (!o->first) { /* the first call */
		o->status = -1;
		o->first = 1;
		opterr = 0;
	}
	snprintf(shorts, sizeof shorts, "%s:%s", o->program ? "+" : "", o->shorts ? o->shorts : "");
	for (;;) {
		option = getopt_long(o->argc, o->argv, shorts, o->table, NULL);
		o->first = optind;
		if (option == CENO_OPTION_JSON)
			o->json = true;
		else if (option == CENO_OPTION_SOCKET)
			o->socket = optarg;
		else
			break;
	}
	if (option == CENO_OPTION_HELP) {
		fputs(o->usage, stdout);
		o->status = CENO_EXIT_OK;
	} else if (option == '?' || option == ':') {
		o->status = refused(o, option);
	}
	return o->status >= 0 ? -1 : option;
}

int ceno_options_arguments(struct ceno_options *o, int least, int most, const char *what)
{
	int given = o->argc - o->first;

	if (given > most) {
		o->status = most
		    ? ceno_options_misuse(o->usage, "`%s' is one argument too many", o->argv[o->first + most])
		    : ceno_options_misuse(o->usage, "it takes no argument, and `%s' is one", o->argv[o->first]);
		return -1;
	}
	if (given >= least)
		return 0;
	for (int i = 0; i < given; i++)
		what += strcspn(what, " ") + 1;
	o->status = ceno_options_misuse(o->usage, "no %.*s given", (int)strcspn(what, " "), what);
	return -1;
}

int ceno_options_bad(struct ceno_options *o, const char *option, const char *takes)
{
	o->status = ceno_options_misuse(o->usage, "%s takes %s, not `%s'", option, takes, optarg);
	return o->status;
}

int ceno_options_plain(struct ceno_options *o, int least, int most, const char *what)
{
	while (ceno_options_next(o) >= 0)
		;
	if (o->status < 0)
		ceno_options_arguments(o, least, most, what);
	return o->status;
}
