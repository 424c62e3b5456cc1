/*
 * What a session left in /out, read from a hostile guest's stream. Properties: it returns
 * for any bytes, cut anywhere, without writing past its buffers; one cut or another gives the
 * same end; and a path it goes on with is one that stays below a directory.
 */
#include <stdlib.h>
#include <string.h>

#include "api/cli/output.h"
#include "api/cli/text.h"
#include "tests/fuzz/property.h"

static struct ceno_output whole, pieces;

static void check(const struct ceno_output *o)
{
	REQUIRE(o->matched < CENO_OUTPUT_WORD && o->entries <= CENO_OUTPUT_ENTRIES_MAX + 1);
	if (o->state != CENO_OUTPUT_DATA || ceno_output_path_why(o->path))
		return;
	REQUIRE(o->path[0] != '/' && o->path[0]);
	for (const char *p = o->path; *p; p += strcspn(p, "/") + (p[strcspn(p, "/")] == '/'))
		REQUIRE(strncmp(p, "../", 3) && strcmp(p, "..") && strncmp(p, "./", 2) && strcmp(p, ".") && *p != '/');
}

/* A name that is told: whatever it is, it is one line that a terminal only shows. */
static void check_told(void *owner, const char *path, size_t length, const char *why)
{
	char text[CENO_TEXT_ESCAPED(CENO_OUT_PATH_MAX)], cut[7];
	size_t n = ceno_text_escape(path, length, text, sizeof text);

	REQUIRE(owner == NULL && *why && n < sizeof text && strlen(text) == n && n >= length);
	for (size_t i = 0; i < n; i++)
		REQUIRE((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
	REQUIRE(ceno_text_escape(text, n, cut, sizeof cut) == n && strlen(cut) == (n < 6 ? n : 6) &&
	        !memcmp(text, cut, strlen(cut)));
}

/* Byte 0: how the rest is cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int a, b = 0;

	if (size < 2)
		return 0;
	ceno_output_init(&whole, -1, 1 << 20);
	ceno_output_init(&pieces, -1, 1 << 20);
	whole.missing = check_told;
	memcpy(pieces.word, whole.word, sizeof whole.word);
	REQUIRE(ceno_output_feed(&whole, whole.word, CENO_OUTPUT_WORD - 1) == 0 && whole.state == CENO_OUTPUT_HEAD);
	ceno_output_feed(&pieces, pieces.word, CENO_OUTPUT_WORD - 1);
	a = ceno_output_feed(&whole, data + 1, size - 1);
	check(&whole);
	for (size_t at = 1, cut = data[0] % 37 + 1u; at < size && !b; at += cut) {
		b = ceno_output_feed(&pieces, data + at, size - at < cut ? size - at : cut);
		check(&pieces);
	}
	REQUIRE(a == b && whole.state == pieces.state && whole.entries == pieces.entries &&
	        whole.left_out == pieces.left_out && !strcmp(whole.error, pieces.error));
	ceno_output_fini(&whole);
	ceno_output_fini(&pieces);
	return 0;
}
