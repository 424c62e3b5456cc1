/* ceno: finds the command and hands it the rest. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const struct ceno_cli_command commands[] = {
	{ "run", "ceno run", ceno_command_run },
	{ "exec", "ceno exec", ceno_command_exec },
	{ "destroy", "ceno destroy", ceno_command_destroy },
	{ "ls", "ceno ls", ceno_command_ls },
	{ "verify", "ceno verify", ceno_command_verify },
	{ "proof", "ceno proof", ceno_command_proof },
	{ "audit", "ceno audit", ceno_command_audit },
	{ "measure", "ceno measure", ceno_command_measure },
	{ "attest", "ceno attest", ceno_command_attest },
	{ "image", "ceno image", ceno_command_image },
	{ "doctor", "ceno doctor", ceno_command_doctor },
	{ "version", "ceno version", ceno_command_version },
};

static const char usage[] =
    "usage: ceno COMMAND [option]... [argument]...\n"
    "Run a program on your data in a micro-VM of its own, destroy it, keep a proof.\n"
    "\n"
    "  run [option]... -- PROGRAM [ARG]...   run one program in one session\n"
    "  exec SESSION -- PROGRAM [ARG]...      run another program in a held session\n"
    "  destroy SESSION                       end a session now, get its proof\n"
    "  ls                                    list sessions\n"
    "  verify FILE                           check a proof, with nobody's help\n"
    "  proof cert|inclusion|consistency|...  what a proof and the node's log say, for other tools\n"
    "  audit FILE|SESSION                    check the trail that a guest left of itself\n"
    "  measure                               what proofs of this build say of their platform; reference values\n"
    "  attest                                ask the node's TPM what the node is, and check the answer\n"
    "  image build|add|ls|rm|verify|show     images that sessions run from\n"
    "  doctor                                what this machine offers, and what to do about each gap\n"
    "  version                               versions of this command and of the node\n"
    "\n"
    "ceno COMMAND --help tells more; ceno(1) tells all.\n";

int main(int argc, char **argv)
{
	int status;

	signal(SIGPIPE, SIG_IGN);
	if (argc < 2)
		return ceno_cli_usage(usage, false);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))
		return ceno_cli_usage(usage, true);
	if (!strcmp(argv[1], "--version")) {
		puts("ceno " CENO_VERSION);
		return CENO_EXIT_OK;
	}
	status = ceno_cli_dispatch(commands, sizeof commands / sizeof commands[0], argc, argv);
	if (status >= 0)
		return status;
	ceno_cli_error("no command `%s'; ceno --help lists them", argv[1]);
	return CENO_EXIT_USAGE;
}
