/*
 * ceno-attest(8): options, start and end.
 *
 * Start: state directory and lock, TPM, log, privileges dropped, then the work an
 * earlier run left, then READY. Whatever can fail fails before READY, with one line
 * and an exit status of its own.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>

#include "attest/daemon/attestd.h"

#define GIVE_UP_MS 10000

enum exit_status { EXIT_DONE = 0, EXIT_STATE = 1, EXIT_USAGE = 2, EXIT_TPM = 3 };

static void print_help(void)
{
	puts(
	    "usage: ceno-attest --state DIR [--tcti TCTI] [--origin NAME]\n"
	    "       ceno-attest --state DIR --orphans\n"
	    "       ceno-attest --state DIR [--tcti TCTI] [--origin NAME] --init NONCE [--force] [--pinned AK:LOG]...\n"
	    "       ceno-attest --state DIR --rotate log|export|identity\n"
	    "       ceno-attest --state DIR --keeper\n"
	    "\n"
	    "Owns the node's TPM and log; started by cenod with its control socket as descriptor 3.\n"
	    "\n"
	    "  --state DIR    keys, log and pending proofs; made if it does not exist\n"
	    "  --tcti TCTI    a TPM of this machine, as tpm2-tss names it (device:/dev/tpmrm0);\n"
	    "                 without it a software TPM of its own, with its state in DIR/tpm\n"
	    "  --export FORMAT the export key may sign records of this node's proofs in that format: auditproof\n"
	    "  --origin NAME  the log's name, when it is made: 1 to 64 of A-Za-z0-9./_-\n"
	    "  --orphans      list launches in the log that no proof and no unclean end follows:\n"
	    "                 session id and index of the launch; running sessions are among them\n"
	    "  --init NONCE   start, open an epoch, print what the node is and a quote over this nonce (64 hex\n"
	    "                 digits), stop: for ceno tpm init\n"
	    "  --pinned AK:LOG  a node known already: hex of its seal key's and its log's; refused if the TPM seals\n"
	    "                 another log than that\n"
	    "  --force        go on all the same, and also if the TPM is another than this log's was\n"
	    "  --rotate KEY replace this key, with a leaf that says so in the log; prints the change as JSON;\n"
	    "                 only while no other ceno-attest uses DIR\n"
	    "  --keeper       start swtpm for the ceno-attest that asks on descriptor 3, and keep it\n"
	    "  --help, --version\n"
	    "\n"
	    "Exit status: 0 stopped in order; 1 state or log unusable; 2 usage; 3 no TPM.");
}

struct options {
	const char *state, *tcti, *origin, *rotate;
	bool orphans, keeper, init, force, exports;
	uint8_t nonce[32]; /* --init */
	struct ceno_attestd_pinned pinned[CENO_PINNED_MAX];
	uint32_t pinned_count;
};

static bool parse_hex(const char *text, size_t digits, uint8_t *out)
{
	size_t n = 0;
	const char *end = NULL;
	return !sodium_hex2bin(out, digits / 2, text, digits, NULL, &n, &end) && n == digits / 2 &&
	    end == text + digits;
}

/* --pinned AK:LOG */
static bool parse_pinned(const char *text, struct options *o)
{
	struct ceno_attestd_pinned *p = &o->pinned[o->pinned_count % CENO_PINNED_MAX];
	if (strlen(text) != 129 || text[64] != ':' || o->pinned_count == CENO_PINNED_MAX ||
	    !parse_hex(text, 64, p->ak) || !parse_hex(text + 65, 64, p->log_pub))
		return false;
	o->pinned_count++;
	return true;
}

static int usage_error(const char *why)
{
	ceno_attestd_say("%s", why);
	return EXIT_USAGE;
}

/* Returns -1 to go on, or an exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{ "state", required_argument, NULL, 's' },
		{ "tcti", required_argument, NULL, 't' },
		{ "origin", required_argument, NULL, 'n' },
		{ "orphans", no_argument, NULL, 'o' },
		{ "rotate", required_argument, NULL, 'r' },
		{ "init", required_argument, NULL, 'i' },
		{ "force", no_argument, NULL, 'f' },
		{ "pinned", required_argument, NULL, 'p' },
		{ "export", required_argument, NULL, 'x' },
		{ "keeper", no_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
		switch (c) {
		case 's':
			o->state = optarg;
			break;
		case 't':
			o->tcti = optarg;
			break;
		case 'n':
			o->origin = optarg;
			break;
		case 'o':
			o->orphans = true;
			break;
		case 'i':
			o->init = true;
			if (strlen(optarg) != 64 || !parse_hex(optarg, 64, o->nonce))
				return usage_error("--init takes a nonce of 64 hex digits");
			break;
		case 'p':
			if (!parse_pinned(optarg, o))
				return usage_error("--pinned takes AK:LOG, 64 hex digits each");
			break;
		case 'f':
			o->force = true;
			break;
		case 'r':
			o->rotate = optarg;
			break;
		case 'x':
			o->exports = !strcmp(optarg, "auditproof");
			if (!o->exports)
				return usage_error("--export takes auditproof");
			break;
		case 'k':
			o->keeper = true;
			break;
		case 'h':
			print_help();
			return EXIT_DONE;
		case 'v':
			puts("ceno-attest " CENO_VERSION);
			return EXIT_DONE;
		default:
			return EXIT_USAGE;
		}
	}
	if (!o->state || optind != argc) {
		ceno_attestd_say("--state DIR is needed and nothing but options is taken; see --help");
		return EXIT_USAGE;
	}
	if (!o->init && (o->force || o->pinned_count))
		return usage_error("--force and --pinned belong to --init");
	if (o->rotate && strcmp(o->rotate, "log") && strcmp(o->rotate, "export") && strcmp(o->rotate, "identity"))
		return usage_error("--rotate takes log, export or identity");
	if (o->origin &&
	    (!*o->origin || strlen(o->origin) > 64 ||
	     o->origin[strspn(o->origin, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./_-")])) {
		ceno_attestd_say("--origin takes 1 to 64 of A-Za-z0-9./_-");
		return EXIT_USAGE;
	}
	return -1;
}

/* ---- the end ----------------------------------------------------------------- */

void ceno_attestd_maybe_end(void *arg)
{
	struct ceno_attestd *d = arg;
	if (!d->stopping || d->disk.busy || !ceno_tpmq_idle(&d->tpm) || uv_is_closing((uv_handle_t *)&d->control))
		return;
	if (!ceno_sealer_idle(&d->sealer))
		ceno_attestd_say("some proofs are not sealed yet: the next start seals them");
	ceno_attestd_wardens_close(d, true);
	ceno_attestd_api_close(d);
	ceno_tpmq_detach(&d->tpm);
	ceno_sealer_detach(&d->sealer);
	uv_close((uv_handle_t *)&d->control, NULL);
	uv_close((uv_handle_t *)&d->term, NULL);
	uv_close((uv_handle_t *)&d->interrupt, NULL);
	uv_close((uv_handle_t *)&d->give_up, NULL);
}

/* A worker hangs in the TPM or the disk: what is durable is durable. */
static void on_give_up(uv_timer_t *timer)
{
	struct ceno_attestd *d = timer->data;
	ceno_attestd_say("the TPM or the disk does not answer; ending without it");
	_exit(d->status ? d->status : EXIT_TPM);
}

void ceno_attestd_stop(struct ceno_attestd *d, int status)
{
	if (d->stopping)
		return;
	d->stopping = true;
	d->status = status;
	uv_poll_stop(&d->control);
	ceno_attestd_wardens_close(d, false);
	uv_timer_start(&d->give_up, on_give_up, GIVE_UP_MS, 0);
	ceno_sealer_hurry(&d->sealer);
	ceno_attestd_maybe_end(d);
}

static void on_signal(uv_signal_t *handle, int number)
{
	(void)number;
	ceno_attestd_stop(handle->data, EXIT_DONE);
}

static void on_tpm_lost(void *arg, const char *why)
{
	ceno_attestd_say("%s; start again to open a new epoch", why);
	ceno_attestd_stop(arg, EXIT_TPM);
}

/* ---- the start ------------------------------------------------------------------ */

static void loop_init(struct ceno_attestd *d)
{
	uv_loop_init(&d->loop);
	ceno_disk_init(&d->disk, &d->loop, &d->store);
	ceno_tpmq_start(&d->tpm, &d->loop);
	d->disk.idle = d->tpm.idle = ceno_attestd_maybe_end;
	d->disk.idle_arg = d->tpm.arg = d;
	d->tpm.lost = on_tpm_lost;
	d->sealer = (struct ceno_sealer){ .tree = &d->tree,
		                          .node = &d->node,
		                          .log_secret = d->log_secret,
		                          .tpm = &d->tpm,
		                          .disk = &d->disk,
		                          .log_folder = d->log,
		                          .sealed = ceno_attestd_sealed,
		                          .arg = d };
	ceno_sealer_start(&d->sealer, &d->loop);
	uv_signal_init(&d->loop, &d->term);
	uv_signal_init(&d->loop, &d->interrupt);
	uv_timer_init(&d->loop, &d->give_up);
	d->term.data = d->interrupt.data = d->give_up.data = d;
	uv_signal_start(&d->term, on_signal, SIGTERM);
	uv_signal_start(&d->interrupt, on_signal, SIGINT);
}

static void warm_up(uv_work_t *work)
{
	(void)work;
}

static void warmed_up(uv_work_t *work, int status)
{
	(void)status;
	*(bool *)work->data = true;
}

/* Landlock binds the threads made after it, the filter is spread over those that exist: workers in between. */
static int confine(struct ceno_attestd *d)
{
	bool warm = false;
	uv_work_t work = { .data = &warm };
	if (ceno_attestd_drop_privileges() || ceno_attestd_confine_files(d))
		return -1;
	uv_queue_work(&d->loop, &work, warm_up, warmed_up);
	while (!warm)
		uv_run(&d->loop, UV_RUN_ONCE);
	return ceno_attestd_confine_calls(d);
}

static int serve(struct ceno_attestd *d)
{
	loop_init(d);
	if (confine(d))
		return EXIT_STATE;
	if (ceno_attestd_supervisor_open(d)) {
		ceno_attestd_say("the supervisor is gone already");
		return EXIT_STATE;
	}
	ceno_attestd_state_resume(d);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
	return d->status;
}

static int start(struct ceno_attestd *d, struct options *o)
{
	char tpm_dir[4096];
	if (!o->init && !ceno_attestd_supervised()) {
		ceno_attestd_say("descriptor 3 is not a control socket: ceno-attest is started by cenod");
		return EXIT_USAGE;
	}
	int n = snprintf(tpm_dir, sizeof(tpm_dir), "%s/tpm", o->state);
	if (n < 0 || (size_t)n >= sizeof(tpm_dir) || ceno_attestd_state_open(d, o->state))
		return EXIT_STATE;
	d->provisioning = o->init;
	d->exports = o->exports;
	d->force = o->force;
	d->pinned = o->pinned;
	d->pinned_count = o->pinned_count;
	int error = ceno_tpmq_open(&d->tpm, o->tcti, tpm_dir, ceno_attestd_accept, d);
	if (error) {
		if (error != CENO_TPM_OTHER) /* which has been said, with the reason */
			ceno_attestd_say("%s (%s)", ceno_tpm_error_text(error), o->tcti ? o->tcti : "swtpm");
		return EXIT_TPM;
	}
	int status = EXIT_STATE;
	if (!d->tpm.counted)
		ceno_attestd_say("the TPM's owner hierarchy is locked: proofs carry no counter");
	if (!ceno_attestd_state_load(d, o->origin))
		status = !o->init ? serve(d) : ceno_attestd_provisioned(d, o->nonce) ? EXIT_TPM : EXIT_DONE;
	ceno_tpmq_close(&d->tpm);
	return status;
}

static int rotate(struct ceno_attestd *d, const struct options *o)
{
	if (ceno_attestd_state_open(d, o->state) || ceno_attestd_log_load(d, o->origin))
		return EXIT_STATE;
	return ceno_attestd_rotate(d, o->rotate) ? EXIT_STATE : EXIT_DONE;
}

int main(int argc, char **argv)
{
	static struct ceno_attestd d;
	static struct options o;
	int status = parse_options(argc, argv, &o);
	if (status >= 0)
		return status;
	if (o.keeper)
		return ceno_attestd_supervised() ? ceno_keeper_serve(o.state) : EXIT_USAGE;
	/* The library's own messages would be a second, uncontrolled voice on standard error. */
	setenv("TSS2_LOG", "all+none", 1);
	setenv("UV_THREADPOOL_SIZE", "2", 1); /* one for the disk, one for the TPM */
	signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0)
		return EXIT_STATE;
	if (o.orphans)
		return ceno_attestd_orphans(o.state);
	/* May be refused: the seeds are on the disk anyway. */
	sodium_mlock(d.log_secret, sizeof(d.log_secret));
	sodium_mlock(d.export_secret, sizeof(d.export_secret));
	sodium_mlock(d.identity_secret, sizeof(d.identity_secret));
	d.ready_end = &d.ready;
	d.api.fd = -1;
	d.store.fd = -1;
	ceno_log_init(&d.tree);
	status = o.rotate ? rotate(&d, &o) : start(&d, &o);
	sodium_munlock(d.log_secret, sizeof(d.log_secret));
	sodium_munlock(d.export_secret, sizeof(d.export_secret));
	sodium_munlock(d.identity_secret, sizeof(d.identity_secret));
	ceno_store_close(&d.store);
	ceno_attestd_sessions_fini(&d);
	ceno_log_fini(&d.tree);
	return status;
}
