/* Requests and their parameters: see request.h. */
#include "request.h"
#include "verify.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/metadata.h"
#include "policy/pledge.h"
#include "policy/units.h"

#define NUMBER_MAX ((json_int_t)((1ull << 53) - 1))
#define LIST_MAX   200

const char *ceno_rpc_error_text(int error)
{
	switch (error) {
#define CENO_RPC_ERROR_TEXT(name, number, text) \
	case number: \
		return text;
		CENO_RPC_ERRORS(CENO_RPC_ERROR_TEXT)
#undef CENO_RPC_ERROR_TEXT
	}
	return "unknown error";
}

/* ---- the envelope ---------------------------------------------------------- */

static bool usable_id(const json_t *id)
{
	if (json_is_integer(id))
		return json_integer_value(id) >= 0 && json_integer_value(id) <= NUMBER_MAX;
	if (!json_is_string(id) || json_string_length(id) < 1 || json_string_length(id) > 64)
		return false;
	for (const char *p = json_string_value(id); *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			return false;
	return true;
}

int ceno_rpc_request_parse(const void *bytes, size_t length, struct ceno_rpc_request *request)
{
	const char *key, *version = NULL;
	json_t *value;

	memset(request, 0, sizeof *request);
	request->root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);
	if (!request->root)
		return CENO_RPC_PARSE;
	if (!json_is_object(request->root))
		return CENO_RPC_REQUEST;
	value = json_object_get(request->root, "id");
	if (usable_id(value))
		request->id = json_incref(value);
	json_object_foreach(request->root, key, value)
	{
		if (!strcmp(key, "jsonrpc"))
			version = json_string_value(value);
		else if (!strcmp(key, "method"))
			request->method = json_string_value(value);
		else if (!strcmp(key, "params") && json_is_object(value))
			request->params = json_incref(value);
		else if (strcmp(key, "id"))
			return CENO_RPC_REQUEST;
	}
	if (!request->params)
		request->params = json_object();
	if (!version || strcmp(version, "2.0") || !request->method || !request->id || !request->params)
		return CENO_RPC_REQUEST;
	return CENO_RPC_OK;
}

void ceno_rpc_request_fini(struct ceno_rpc_request *request)
{
	json_decref(request->id);
	json_decref(request->params);
	json_decref(request->root);
	memset(request, 0, sizeof *request);
}

/* ---- one parameter at a time: each takes its member out of a copy, what is left is unknown ---- */

struct reader {
	json_t *left; /* shallow copy of params; members are removed as they are read */
	char *message;
	bool failed;
};

static bool fail(struct reader *reader, const char *name, const char *what)
{
	if (!reader->failed)
		snprintf(reader->message, CENO_RPC_MESSAGE_MAX, "%.60s: %s", name, what);
	reader->failed = true;
	return false;
}

static void begin(struct reader *reader, json_t *params, char *message)
{
	*reader = (struct reader){ .left = json_copy(params), .message = message };
	message[0] = '\0';
	if (!reader->left)
		fail(reader, "params", "out of memory");
}

static int finish(struct reader *reader)
{
	if (!reader->failed && json_object_size(reader->left))
		fail(reader, json_object_iter_key(json_object_iter(reader->left)), "no such parameter");
	json_decref(reader->left);
	return reader->failed ? CENO_RPC_PARAMS : CENO_RPC_OK;
}

/* The member, owned by the caller; NULL when absent (a failure if required). */
static json_t *take(struct reader *reader, const char *name, bool required)
{
	json_t *value = reader->failed ? NULL : json_incref(json_object_get(reader->left, name));

	if (value)
		json_object_del(reader->left, name);
	else if (required && !reader->failed)
		fail(reader, name, "missing");
	return value;
}

static void read_number(struct reader *reader, const char *name, bool required, uint64_t *out)
{
	json_t *value = take(reader, name, required);

	if (value &&
	    (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > NUMBER_MAX))
		fail(reader, name, "not an integer from 0 to 2^53-1");
	else if (value)
		*out = (uint64_t)json_integer_value(value);
	json_decref(value);
}

static void read_bool(struct reader *reader, const char *name, bool *out)
{
	json_t *value = take(reader, name, false);

	if (value && !json_is_boolean(value))
		fail(reader, name, "not true or false");
	else if (value)
		*out = json_is_true(value);
	json_decref(value);
}

static void read_hex(struct reader *reader, const char *name, bool required, uint8_t *out, size_t bytes)
{
	json_t *value = take(reader, name, required);

	if (value && (!json_is_string(value) || ceno_units_parse_hex(json_string_value(value), out, bytes)))
		fail(reader, name, "not lowercase hexadecimal of the right length");
	json_decref(value);
}

static void read_word(struct reader *reader, const char *name, int (*parse)(const char *), uint32_t *out)
{
	json_t *value = take(reader, name, false);
	int found = value && json_is_string(value) ? parse(json_string_value(value)) : -1;

	if (value && found < 0)
		fail(reader, name, "not one of the defined words");
	else if (value)
		*out = (uint32_t)found;
	json_decref(value);
}

static void read_pledge(struct reader *reader, const char *name, uint32_t *out, bool *errors)
{
	json_t *value = take(reader, name, false);

	if (value && (!json_is_string(value) || ceno_pledge_parse(json_string_value(value), out, errors)))
		fail(reader, name, "not a list of pledge classes");
	json_decref(value);
}

/* Absolute, at most CENO_PACK_PATH_MAX with the NUL, no empty, "." or ".." component, printable; a directory's
 * ends in a slash. */
static bool usable_path(const char *path)
{
	size_t length = strlen(path);

	if (path[0] != '/' || length >= CENO_PACK_PATH_MAX || length < 2)
		return false;
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	for (const char *p = path; *p;) {
		size_t part = strcspn(p + 1, "/");

		if (part == 0 || (part == 1 && p[1] == '.') || (part == 2 && p[1] == '.' && p[2] == '.'))
			return false;
		p += 1 + part;
		if (!strcmp(p, "/"))
			break;
	}
	return true;
}

/* A name as abi/image.h has it (a content id's text is one too). */
static bool usable_image(const char *name)
{
	size_t length = strlen(name);

	return length && length < CENO_RPC_IMAGE_MAX &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}

static bool read_image(struct reader *reader, bool required, char image[CENO_RPC_IMAGE_MAX])
{
	json_t *value = take(reader, "image", required);
	bool good = value && json_is_string(value) && usable_image(json_string_value(value));

	if (value && !good)
		fail(reader, "image", "not a name of an image, nor a content id");
	if (good)
		snprintf(image, CENO_RPC_IMAGE_MAX, "%s", json_string_value(value));
	json_decref(value);
	return good;
}

static int parse_share(const char *word)
{
	static const char *const words[] = { "tenant", "session", "node" }; /* enum ceno_image_share */

	for (int i = 0; i < 3; i++)
		if (!strcmp(word, words[i]))
			return i;
	return -1;
}

static bool read_file(struct reader *outer, json_t *value, struct ceno_rpc_file *file)
{
	struct reader reader;
	uint64_t mode = 0;
	bool program = false, good;
	json_t *path;

	if (!json_is_object(value))
		return fail(outer, "files", "not an array of objects");
	begin(&reader, value, outer->message);
	path = take(&reader, "path", true);
	good = path && json_is_string(path) && usable_path(json_string_value(path));
	if (path && !good)
		fail(&reader, "files", "path is not absolute and plain, or is too long");
	if (good)
		snprintf(file->path, sizeof file->path, "%s", json_string_value(path));
	json_decref(path);
	read_number(&reader, "bytes", true, &file->bytes);
	read_number(&reader, "mode", true, &mode);
	read_bool(&reader, "program", &program);
	if (mode & ~(uint64_t)0777)
		fail(&reader, "files", "mode is more than permission bits");
	if (good && file->path[strlen(file->path) - 1] == '/' && (file->bytes || program))
		fail(&reader, "files", "a directory has no bytes, and is not the program");
	file->mode = (uint32_t)mode | (program ? CENO_PACK_PROGRAM : CENO_PACK_INPUT);
	if (finish(&reader))
		outer->failed = true;
	return !outer->failed;
}

static void read_files(struct reader *reader, struct ceno_rpc_run *run)
{
	json_t *files = take(reader, "files", true), *file;
	uint32_t programs = 0;
	size_t i;

	if (files &&
	    (!json_is_array(files) || (!run->has_image && json_array_size(files) < 1) ||
	     json_array_size(files) > CENO_SESSION_FILES_MAX))
		fail(reader, "files", "not an array of 1 to 200 files");
	json_array_foreach(files, i, file)
	{
		if (reader->failed || !read_file(reader, file, &run->files[i]))
			break;
		for (size_t k = 0; k < i; k++)
			if (!strcmp(run->files[k].path, run->files[i].path))
				fail(reader, "files", "two files of one path");
		programs += (run->files[i].mode & CENO_PACK_PROGRAM) != 0;
		run->files_bytes += run->files[i].bytes; /* 200 * 2^53 cannot overflow */
		run->file_count++;
	}
	if (!reader->failed && programs > 1)
		fail(reader, "files", "more than one is the program");
	if (!reader->failed && !programs && !run->has_image)
		fail(reader, "files", "none is the program, and no image has it");
	json_decref(files);
}

/* "rows" and "columns"; both or, if not required, none. */
static uint32_t read_terminal(struct reader *reader, bool required)
{
	uint64_t rows = 0, columns = 0;

	read_number(reader, "rows", required, &rows);
	read_number(reader, "columns", required, &columns);
	if ((rows || columns || required) && (!rows || rows > UINT16_MAX || !columns || columns > UINT16_MAX))
		fail(reader, "rows", "rows and columns are from 1 to 65535");
	return (uint32_t)rows << 16 | (uint32_t)columns;
}

int ceno_rpc_resize_parse(json_t *params, uint8_t session[16], uint32_t *terminal, char *message)
{
	struct reader reader;

	begin(&reader, params, message);
	read_hex(&reader, "session", true, session, 16);
	*terminal = read_terminal(&reader, true);
	return finish(&reader);
}

int ceno_rpc_run_parse(json_t *params, struct ceno_rpc_run *run, char *message)
{
	struct reader reader;

	memset(run, 0, sizeof *run);
	run->pledge_mask = CENO_PLEDGE_DEFAULT;
	begin(&reader, params, message);
	read_number(&reader, "memory_bytes", false, &run->memory_bytes);
	read_number(&reader, "ttl_ms", false, &run->ttl_ms);
	read_number(&reader, "args_bytes", true, &run->args_bytes);
	if (run->args_bytes > CENO_ARGS_MAX)
		fail(&reader, "args_bytes", "arguments and environment are larger than 128 KiB");
	read_pledge(&reader, "pledge", &run->pledge_mask, &run->pledge_errors);
	read_word(&reader, "classification", ceno_classification_parse, &run->classification);
	read_word(&reader, "jurisdiction", ceno_jurisdiction_parse, &run->jurisdiction);
	run->passes = 1;
	read_number(&reader, "passes", false, &run->passes);
	if (run->passes < 1 || run->passes > CENO_SESSION_PASSES >> CENO_SESSION_PASSES_SHIFT)
		fail(&reader, "passes", "not from 1 to 7");
	read_bool(&reader, "hold", &run->hold);
	read_bool(&reader, "native", &run->native);
	if (run->native && run->hold)
		fail(&reader, "hold", "a native session runs one program");
	run->terminal = read_terminal(&reader, false);
	if (run->native && run->terminal)
		fail(&reader, "rows", "a native program has no terminal");
	if (run->native && run->pledge_errors)
		fail(&reader, "pledge", "`error' is for Linux programs");
	read_hex(&reader, "nonce", false, run->nonce, 32);
	run->has_image = read_image(&reader, false, run->image);
	read_word(&reader, "share", parse_share, &run->share);
	if (run->native && run->has_image)
		fail(&reader, "image", "a native session has no image");
	read_files(&reader, run);
	return finish(&reader);
}

int ceno_rpc_exec_parse(json_t *params, uint8_t session[16], uint64_t *args_bytes, char *message)
{
	struct reader reader;

	*args_bytes = 0;
	begin(&reader, params, message);
	read_hex(&reader, "session", true, session, 16);
	read_number(&reader, "args_bytes", true, args_bytes);
	if (*args_bytes > CENO_ARGS_MAX)
		fail(&reader, "args_bytes", "arguments and environment are larger than 128 KiB");
	return finish(&reader);
}

int ceno_rpc_narrow_parse(json_t *params, uint8_t session[16], uint32_t *classes, char *message)
{
	struct reader reader;
	bool errors = false;

	*classes = 0;
	begin(&reader, params, message);
	read_hex(&reader, "session", true, session, 16);
	read_pledge(&reader, "pledge", classes, &errors);
	if (errors || !*classes)
		fail(&reader, "pledge", "not words of classes to drop");
	return finish(&reader);
}

int ceno_rpc_session_parse(json_t *params, uint8_t session[16], char *message)
{
	struct reader reader;

	begin(&reader, params, message);
	read_hex(&reader, "session", true, session, 16);
	return finish(&reader);
}

int ceno_rpc_list_parse(json_t *params, int64_t *before, int64_t *limit, char *message)
{
	struct reader reader;
	uint64_t at = 0, count = LIST_MAX;

	begin(&reader, params, message);
	read_number(&reader, "before", false, &at);
	read_number(&reader, "limit", false, &count);
	if (!count || count > LIST_MAX)
		fail(&reader, "limit", "not from 1 to 200");
	*before = (int64_t)at;
	*limit = (int64_t)count;
	return finish(&reader);
}

int ceno_rpc_attest_parse(json_t *params, uint8_t nonce[32], char *message)
{
	struct reader reader;

	begin(&reader, params, message);
	read_hex(&reader, "nonce", true, nonce, 32);
	return finish(&reader);
}

int ceno_rpc_enrol_parse(json_t *params, struct ceno_attest_enrol_request *request, char *message)
{
	struct reader reader;
	bool rsa = json_string_length(json_object_get(params, "secret")) == 2 * CENO_ATTEST_SECRET_RSA;
	bool credential = json_object_get(params, "credential");

	memset(request, 0, sizeof *request);
	request->type = CENO_ATTEST_ENROL;
	begin(&reader, params, message);
	read_hex(&reader, "credential", false, request->credential, sizeof request->credential);
	if (credential) {
		request->secret_bytes = rsa ? CENO_ATTEST_SECRET_RSA : CENO_ATTEST_SECRET_ECC;
		read_hex(&reader, "secret", true, request->secret, request->secret_bytes);
	}
	return finish(&reader);
}

int ceno_rpc_consistency_parse(json_t *params, uint64_t *size, char *message)
{
	struct reader reader;

	*size = 0;
	begin(&reader, params, message);
	read_number(&reader, "size", false, size);
	return finish(&reader);
}

/* A text, borrowed from the parameters; absent: untouched. */
static void read_text(struct reader *reader, const char *name, bool required, const char **out, size_t *length)
{
	json_t *value = take(reader, name, required);

	if (value && !json_is_string(value)) {
		fail(reader, name, "not a text");
	} else if (value) {
		*out = json_string_value(value);
		*length = json_string_length(value);
	}
	json_decref(value); /* the caller's parameters hold it */
}

int ceno_rpc_verify_parse(json_t *params, struct ceno_rpc_verify *ask, char *message)
{
	static const uint8_t none[32];
	struct reader reader;

	memset(ask, 0, sizeof *ask);
	begin(&reader, params, message);
	read_text(&reader, "proof", true, &ask->proof, &ask->proof_bytes);
	read_text(&reader, "pins", false, &ask->pins, &ask->pins_bytes);
	read_text(&reader, "policy", false, &ask->policy, &ask->policy_bytes);
	read_hex(&reader, "nonce", false, ask->nonce, sizeof ask->nonce);
	read_number(&reader, "as_of", false, &ask->as_of);
	read_bool(&reader, "explain", &ask->explain);
	ask->has_nonce = memcmp(ask->nonce, none, sizeof none) != 0;
	return finish(&reader);
}

int ceno_rpc_report_parse(json_t *params, uint8_t data[64], char *message)
{
	struct reader reader;
	size_t digits = json_string_length(json_object_get(params, "report_data"));

	memset(data, 0, 64);
	begin(&reader, params, message);
	if (json_object_get(params, "report_data") && (digits < 2 || digits > 128))
		fail(&reader, "report_data", "not 1 to 64 bytes");
	else
		read_hex(&reader, "report_data", true, data, digits / 2);
	return finish(&reader);
}

int ceno_rpc_leaf_parse(json_t *params, uint64_t *index, char *message)
{
	struct reader reader;

	begin(&reader, params, message);
	read_number(&reader, "index", true, index);
	return finish(&reader);
}

int ceno_rpc_record_parse(json_t *params, uint8_t session[16], uint8_t commitment[32], char *message)
{
	struct reader reader;

	begin(&reader, params, message);
	read_hex(&reader, "session", true, session, 16);
	read_hex(&reader, "commitment", true, commitment, 32);
	return finish(&reader);
}

int ceno_rpc_image_parse(json_t *params, char image[CENO_RPC_IMAGE_MAX], char *message)
{
	struct reader reader;

	begin(&reader, params, message);
	read_image(&reader, true, image);
	return finish(&reader);
}

int ceno_rpc_empty_parse(json_t *params, char *message)
{
	struct reader reader;

	begin(&reader, params, message);
	return finish(&reader);
}
