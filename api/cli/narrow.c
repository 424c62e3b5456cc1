/*
 * ceno narrow: a running session loses classes that it was pledged, at once and for good.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "client.h"
#include "named.h"
#include "options.h"
#include "policy/pledge.h"

static const char usage[] =
    "usage: ceno narrow [--json] [--socket PATH] SESSION WORD[,WORD]...\n"
    "Take pledged classes (stdio, rw, spawn) from a running session, for good. rw, spawn: its programs\n"
    "may not do any more what needs the word. stdio: its streams are cut, what was on its way in them\n"
    "is destroyed, and how its program ends is not reported. Taking a class again changes nothing.\n"
    "Exit status: 0; 1 no such session, one that does not run, or never pledged; 2 usage.\n";

/* The words of all arguments as one list. 0, or the exit status (said). */
static int join(char *const *argument, int count, char *words, size_t room)
{
	uint32_t classes;
	size_t used = 0;
	bool errors;
	int rc;

	words[0] = '\0';
	for (int i = 0; i < count; i++) {
		used += (size_t)snprintf(words + used, room - used, "%s%s", i ? "," : "", argument[i]);
		if (used >= room)
			return ceno_options_misuse(usage, "more words than there are classes");
	}
	rc = ceno_pledge_parse(words, &classes, &errors);
	if (rc == CENO_PLEDGE_REPEATED)
		return ceno_options_misuse(usage, "a class twice in `%s'", words);
	if (rc || errors || !classes)
		return ceno_options_misuse(usage, "`%s' is no list of pledge classes", words);
	return 0;
}

int ceno_command_narrow(int argc, char **argv)
{
	static const struct option table[] = { CENO_OPTIONS_JSON, CENO_OPTIONS_SOCKET, CENO_OPTIONS_END };
	struct ceno_options o = { .usage = usage, .table = table, .argc = argc, .argv = argv };
	int status = ceno_options_plain(&o, 2, 1 + CENO_PLEDGE_COUNT, "SESSION WORD");
	char words[2 * CENO_PLEDGE_TEXT_MAX];
	struct ceno_client client;
	json_t *result = NULL;
	const char *session;

	if (status >= 0)
		return status;
	session = argv[o.first];
	if (ceno_named_session(&o, session))
		return o.status;
	status = join(argv + o.first + 1, argc - o.first - 1, words, sizeof words);
	if (status)
		return status;
	if (!ceno_client_open(&client, o.socket))
		result = ceno_client_call(&client, "session.narrow",
		                          json_pack("{s:s,s:s}", "session", session, "pledge", words), NULL, 0);
	if (!result) {
		ceno_named_session_failed(&client, session);
		status = CENO_EXIT_FAILURE;
	} else if (o.json) {
		status = ceno_cli_print_json(json_incref(result));
	}
	json_decref(result);
	ceno_client_close(&client);
	return status;
}
