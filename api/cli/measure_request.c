/* The request part of ceno measure: see measure.h. The files are hashed by the warden's own code. */
#include "measure.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "options.h"
#include "policy/metadata.h"
#include "policy/pledge.h"
#include "policy/tier.h"
#include "proof_file.h"
#include "run_files.h"
#include "vmm/warden/input.h"
#include "vmm/warden/request.h"

static void measure_policy(const struct ceno_run_options *o, uint32_t tier, uint8_t digest[32])
{
	const struct ceno_tier_limits *limits = ceno_tier_limits(tier);
	struct ceno_request_policy policy = {
		.memory_bytes = o->memory_bytes ? o->memory_bytes : limits->memory_default_bytes,
		.ttl_ms = o->ttl_ms ? o->ttl_ms : limits->ttl_default_ms,
		.pledge_mask = CENO_PLEDGE_DEFAULT,
	};
	bool errors = false;

	if (o->pledge)
		ceno_pledge_parse(o->pledge, &policy.pledge_mask, &errors); /* parsed before: it cannot fail */
	if (o->classification)
		policy.classification = (uint32_t)ceno_classification_parse(o->classification);
	if (o->jurisdiction)
		policy.jurisdiction = (uint32_t)ceno_jurisdiction_parse(o->jurisdiction);
	policy.flags = (o->hold || o->output ? CENO_SESSION_HOLD : 0u) | (o->native ? CENO_SESSION_NATIVE : 0u) |
	    (errors ? CENO_SESSION_ERRORS : 0u) | (o->passes > 1 ? o->passes << CENO_SESSION_PASSES_SHIFT : 0u);
	ceno_warden_request_policy(&policy, digest);
}

static int add(struct ceno_inputs *in, int fd, const char *path, uint32_t mode, uint64_t bytes)
{
	char padded[CENO_PACK_PATH_MAX] = { 0 };

	memcpy(padded, path, strnlen(path, sizeof padded - 1));
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* the set closes its own */
	return fd < 0 ? CENO_SESSION_ERROR_UNREADABLE : ceno_inputs_add(in, fd, padded, mode, bytes, CENO_PACK_MAX);
}

/* Added, laid out and hashed as the warden does it. 0 or a session error. */
static int hash_files(struct ceno_inputs *in, const struct ceno_run_files *files, bool native,
                      struct ceno_proof_request *request)
{
	char culprit[CENO_PACK_PATH_MAX];
	int error = 0;

	in->flags = native ? CENO_PACK_NATIVE : 0;
	for (uint32_t i = 0; !error && i < files->count; i++)
		error = add(in, files->files[i].fd, files->files[i].guest,
		            files->files[i].mode | (i < files->program_count ? CENO_PACK_PROGRAM : CENO_PACK_INPUT),
		            files->files[i].bytes);
	if (!error)
		error = add(in, files->args_fd, CENO_PACK_ARGS, CENO_PACK_ARGS_MODE, files->args_bytes);
	if (!error)
		error = ceno_inputs_plan(in, culprit);
	if (!error)
		error = -ceno_inputs_step(in, -1, UINT64_MAX);
	return error ? error : ceno_inputs_digest(in, request->pack, request->args);
}

static int measure_files(struct ceno_run_options *o, struct ceno_proof_request *request)
{
	static struct ceno_run_files files;
	char error[CENO_PROGRAM_ERROR_MAX];
	struct ceno_inputs *in = ceno_inputs_new();
	int status = in ? ceno_run_files_open(&files, o, error) : CENO_EXIT_FAILURE;

	if (!in)
		ceno_cli_error("out of memory");
	else if (status)
		ceno_cli_error("%s", error);
	else if (hash_files(in, &files, o->native, request)) {
		ceno_cli_error("the files cannot be measured: one changed meanwhile, or they are too large");
		status = CENO_EXIT_FAILURE;
	}
	ceno_run_files_close(&files);
	ceno_inputs_free(in);
	return status;
}

static int read_opening(const char *path, uint8_t opening[32])
{
	size_t length;
	char *bytes;
	int rc = ceno_file_read(path, 32, &bytes, &length);

	if (!rc && length == 32)
		memcpy(opening, bytes, 32);
	else
		ceno_cli_error("opening %s: %s", path, rc ? strerror(-rc) : "it is 32 bytes long, and this is not");
	if (rc)
		return -1;
	sodium_memzero(bytes, length);
	free(bytes);
	return length == 32 ? 0 : -1;
}

int ceno_measure_request(int argc, char **argv, uint32_t tier, const uint8_t image[32], bool has_image,
                         struct ceno_measured_request *out)
{
	static struct ceno_run_options options;
	uint8_t opening[32];
	int status;

	memset(out, 0, sizeof *out);
	optind = 0; /* another command line: the parser begins anew */
	status = ceno_run_options_parse(argc, argv, &options);
	if (status >= 0)
		return status;
	if (!options.image != !has_image)
		return ceno_options_misuse("usage: ceno measure [option]... [run OPTION... -- PROGRAM [ARG]...]", "%s",
		                           has_image ? "this run has no --image"
		                                     : "name the image's file with --image, before `run'");
	measure_policy(&options, tier, out->parts.policy);
	memcpy(out->parts.image, image, 32);
	status = measure_files(&options, &out->parts);
	if (status)
		return status;
	if (options.opening) {
		if (read_opening(options.opening, opening))
			return CENO_EXIT_FAILURE;
		ceno_warden_request_commit(&out->parts, opening, out->commitment);
		out->has_commitment = true;
		sodium_memzero(opening, sizeof opening);
	}
	return -1;
}
