/* The user's pin file: see pins.h. */
#include "pins.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proof_file.h"

#define PIN_FILE_MAX (256u * 1024)

int ceno_pins_path(char *out, size_t size)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n;

	if (config && *config == '/')
		n = snprintf(out, size, "%s/cenotaph/pins", config);
	else if (home && *home == '/')
		n = snprintf(out, size, "%s/.config/cenotaph/pins", home);
	else
		return -1;
	return n > 0 && (size_t)n < size ? 0 : -1;
}

int ceno_pins_load(const char *path, struct ceno_verify_pins *pins, char *error)
{
	uint32_t line = 0;
	size_t length;
	char *text;
	int rc;

	memset(pins, 0, sizeof *pins);
	rc = ceno_file_read(path, PIN_FILE_MAX, &text, &length);
	if (rc == -ENOENT || rc == -ENOTDIR)
		return 1;
	if (rc) {
		snprintf(error, CENO_PINS_ERROR_MAX, "pin file %.300s: %s", path, strerror(-rc));
		return -1;
	}
	rc = ceno_verify_pins_parse(text, length, pins, &line);
	free(text);
	if (!rc)
		return 0;
	snprintf(error, CENO_PINS_ERROR_MAX, "pin file %.300s, line %u: %s", path, line,
	         ceno_verify_pin_error_text(rc));
	return -1;
}

/* mkdir -p of the file's directory, private to the user. */
static void make_directory(const char *path)
{
	char part[4096];

	snprintf(part, sizeof part, "%s", path);
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(part, 0700); /* a failure shows when the file is opened */
		*p = '/';
	}
}

int ceno_pins_save(const char *path, const struct ceno_verify_pins *pins, char *error)
{
	char *text = malloc(PIN_FILE_MAX);
	struct ceno_proof_file file;
	int length = text ? ceno_verify_pins_format(pins, text, PIN_FILE_MAX) : -1, rc = -1;

	make_directory(path);
	if (length < 0)
		snprintf(error, CENO_PINS_ERROR_MAX, "pin file %.300s: %s", path,
		         text ? ceno_verify_pin_error_text(length) : "out of memory");
	else if (!ceno_proof_file_open(&file, path, (size_t)length, error))
		rc = ceno_proof_file_commit(&file, text, (size_t)length, error);
	free(text);
	return rc;
}

static struct ceno_verify_pin *find(struct ceno_verify_pins *pins, const struct ceno_verify_result *result)
{
	for (uint32_t i = 0; i < pins->pin_count; i++)
		if (!memcmp(pins->pins[i].ak, result->ak, 32) &&
		    !memcmp(pins->pins[i].log_pub, result->seal.node.log_pub, 32))
			return &pins->pins[i];
	return NULL;
}

bool ceno_pins_learn(struct ceno_verify_pins *pins, const struct ceno_verify_result *result)
{
	struct ceno_verify_pin *pin = find(pins, result);

	if (!pin) {
		if (pins->pin_count >= CENO_VERIFY_PINS_MAX)
			return false;
		pin = &pins->pins[pins->pin_count++];
		memset(pin, 0, sizeof *pin);
		memcpy(pin->origin, result->seal.node.origin, sizeof pin->origin);
		memcpy(pin->ak, result->ak, 32);
		memcpy(pin->log_pub, result->seal.node.log_pub, 32);
	} else if (result->log_size <= pin->size) {
		return false;
	}
	pin->size = result->log_size;
	memcpy(pin->root, result->log_root, 32);
	pin->nv_value = result->seal.nv.value;
	pin->clock_ms = result->clock_ms;
	pin->reset_count = result->reset_count;
	return true;
}
