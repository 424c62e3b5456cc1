/*
 * Whatever a client sends: the envelope, then every method's parameters. Accepted
 * requests must keep the promises of request.h.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/rpc/proof_read.h"
#include "api/rpc/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROMISE(condition) \
	do { \
		if (!(condition)) \
			abort(); \
	} while (0)

static void promises_of_run(const struct ceno_rpc_run *run)
{
	uint32_t programs = 0;
	uint64_t sum = 0;

	PROMISE(run->file_count >= 1 && run->file_count <= CENO_SESSION_FILES_MAX);
	PROMISE(run->args_bytes <= CENO_ARGS_MAX);
	PROMISE(!(run->native && run->hold));
	PROMISE(run->passes >= 1 && run->passes <= 7);
	for (uint32_t i = 0; i < run->file_count; i++) {
		const struct ceno_rpc_file *file = &run->files[i];

		PROMISE(file->path[0] == '/' && memchr(file->path, '\0', sizeof file->path));
		PROMISE(!strstr(file->path, "//") && !strstr(file->path, "/../") && !strstr(file->path, "/./"));
		PROMISE(!(file->mode & ~(uint32_t)(0777 | CENO_PACK_PROGRAM | CENO_PACK_INPUT)));
		programs += (file->mode & CENO_PACK_PROGRAM) != 0;
		sum += file->bytes;
		for (uint32_t k = 0; k < i; k++)
			PROMISE(strcmp(run->files[k].path, file->path));
	}
	PROMISE(programs == 1 && sum == run->files_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ceno_rpc_run run;
	struct ceno_rpc_request request;
	struct ceno_proof_facts facts;
	char message[CENO_RPC_MESSAGE_MAX];
	uint8_t id[16], nonce[32];
	int64_t before, limit;
	uint64_t bytes;
	uint32_t terminal, classes;
	int error = ceno_rpc_request_parse(data, size, &request);

	if (!error) {
		PROMISE(request.id && request.params && request.method);
		if (!ceno_rpc_run_parse(request.params, &run, message))
			promises_of_run(&run);
		else
			PROMISE(message[0] && memchr(message, '\0', sizeof message));
		uint8_t report[64];
		(void)ceno_rpc_report_parse(request.params, report, message);
		(void)ceno_rpc_leaf_parse(request.params, &bytes, message);
		(void)ceno_rpc_record_parse(request.params, id, nonce, message);
		if (!ceno_rpc_narrow_parse(request.params, id, &classes, message))
			PROMISE(classes && !(classes >> CENO_PLEDGE_COUNT));
		if (!ceno_rpc_resize_parse(request.params, id, &terminal, message))
			PROMISE(terminal >> 16 && terminal & 0xffff);
		if (!ceno_rpc_exec_parse(request.params, id, &bytes, message))
			PROMISE(bytes <= CENO_ARGS_MAX);
		if (!ceno_rpc_list_parse(request.params, &before, &limit, message))
			PROMISE(before >= 0 && limit >= 1 && limit <= 200);
		ceno_rpc_session_parse(request.params, id, message);
		ceno_rpc_attest_parse(request.params, nonce, message);
		ceno_rpc_empty_parse(request.params, message);
	}
	ceno_rpc_request_fini(&request);
	if (!ceno_proof_read(data, size, &facts))
		PROMISE(facts.cause >= 1 && facts.cause <= 6);
	return 0;
}
