/* ceno: finds the command and hands it the rest. */
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const struct ceno_cli_command commands[] = {
	{ "run", "ceno run", ceno_command_run, CENO_EXIT_RUN_FAILED },
	{ "exec", "ceno exec", ceno_command_exec, CENO_EXIT_RUN_FAILED },
	{ "narrow", "ceno narrow", ceno_command_narrow, 0 },
	{ "destroy", "ceno destroy", ceno_command_destroy, 0 },
	{ "ls", "ceno ls", ceno_command_ls, 0 },
	{ "verify", "ceno verify", ceno_command_verify, CENO_EXIT_USAGE },
	{ "proof", "ceno proof", ceno_command_proof, 0 },
	{ "audit", "ceno audit", ceno_command_audit, CENO_EXIT_USAGE },
	{ "measure", "ceno measure", ceno_command_measure, 0 },
	{ "attest", "ceno attest", ceno_command_attest, 0 },
	{ "tpm", "ceno tpm", ceno_command_tpm, 0 },
	{ "image", "ceno image", ceno_command_image, 0 },
	{ "doctor", "ceno doctor", ceno_command_doctor, 0 },
	{ "version", "ceno version", ceno_command_version, 0 },
};

static const char usage[] =
    "usage: ceno COMMAND [option]... [argument]...\n"
    "Run a program on your data in a micro-VM of its own, destroy it, keep a proof.\n"
    "\n"
    "  run [option]... -- PROGRAM [ARG]...   run one program in one session\n"
    "  exec SESSION -- PROGRAM [ARG]...      run another program in a held session\n"
    "  narrow SESSION WORD...                take pledges from a running session, for good\n"
    "  destroy SESSION                       end a session now, get its proof\n"
    "  ls                                    list sessions\n"
    "  verify FILE                           check a proof, with nobody's help\n"
    "  proof cert|inclusion|consistency|...  what a proof and the node's log say, for other tools\n"
    "  audit FILE|SESSION                    check the trail that a guest left of itself\n"
    "  measure                               what proofs of this build say of their platform; reference values\n"
    "  attest                                ask the node's TPM what the node is, and check the answer\n"
    "  tpm init|show|rotate|follow           provision a node's TPM, show it, change a key, follow a change\n"
    "  image build|add|ls|rm|verify|show     images that sessions run from\n"
    "  doctor                                what this machine offers, and what to do about each gap\n"
    "  version                               versions of this command and of the node\n"
    "\n"
    "ceno COMMAND --help tells more; ceno(1) tells all.\n";

int main(int argc, char **argv)
{
	static char name[] = "ceno";

	signal(SIGPIPE, SIG_IGN);
	ceno_cli_stdio_begin();
	/* No configuration file of the host's: it could put another implementation in the place of OpenSSL's own, and load
	 * it, with the libraries that it needs, into a program that is alone. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		puts("ceno " CENO_VERSION);
		return ceno_cli_stdio_end(CENO_EXIT_FAILURE);
	}
	if (argc > 0)
		argv[0] = name;
	return ceno_cli_dispatch(commands, sizeof commands / sizeof commands[0], usage, argc, argv);
}
