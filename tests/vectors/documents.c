/* Text that is no canonical JSON, or JSON that is no proof. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vectors.h"

static struct fixture base;

static void text(uint32_t code, const char *what, uint32_t number, const void *bytes, size_t length)
{
	start();
	f = base;
	policy.pins = &f.pins;
	MUST(length <= sizeof(f.file));
	memcpy(f.file, bytes, length);
	f.file_bytes = length;
	vector(code, "document-%s-%u", what, number);
}

/* JSON, but not one of ours. */
static const char *const others[] = {
	"{}",
	"[]",
	"0",
	"true",
	"\"cdp\"",
	"{\"cdp\":\"\"}",
	"{\"cdp\":1}",
	"{\"cdp\":\"01\"}",
	"{\"cdp\":\"1 \"}",
	"{\"cdp\":\"2\"}",
	"{\"cdp\":[\"1\"]}",
	"{\"cdp\":{}}",
	"{\"a\":\"1\",\"cdp\":\"1\"}",
	"{\"CDP\":\"1\"}",
	"[\"cdp\",\"1\"]",
	"{\"cdp\":true}",
};

/* Not the one spelling. */
static const char *const spellings[] = {
	"",
	" ",
	"{",
	"}",
	"[",
	"]",
	"{]",
	"[}",
	"{\"a\"}",
	"{\"a\":}",
	"{\"a\":1,}",
	"{,}",
	"[1,]",
	"[,1]",
	"{\"a\" :1}",
	"{\"a\": 1}",
	"{ \"a\":1}",
	"{\"a\":1 }",
	"{}\n",
	"\n{}",
	"\xef\xbb\xbf{}",
	"{}{}",
	"{}0",
	"null",
	"{\"a\":null}",
	"nul",
	"tru",
	"True",
	"truefalse",
	"-0",
	"-1",
	"+1",
	"01",
	"1.0",
	"1e3",
	"1E3",
	".5",
	"0x1",
	"1_0",
	"9007199254740992",
	"10000000000000000",
	"99999999999999999999",
	"NaN",
	"Infinity",
	"'a'",
	"\"",
	"\"a",
	"\"a\\\"",
	"\"\\u0041\"",
	"\"\\n\"",
	"\"\t\"",
	"\"\x7f\"",
	"\"\x01\"",
	"\"\xc3\xa9\"",
	"\"\xe2\x82\xac\"",
	"\"\xff\"",
	"\"\xed\xa0\x80\"",
	"{\"\":1}",
	"{\"a b\":1}",
	"{\"a-b\":1}",
	"{\"\xc3\xa9\":1}",
	"{\"b\":1,\"a\":2}",
	"{\"a\":1,\"a\":1}",
	"{\"aa\":1,\"a\":1}",
	"{\"a\":1,\"A\":1}",
	"{a:1}",
	"{\"a\":1;\"b\":2}",
	"/**/{}",
	"{\"a\":1//\n}",
	"[1 ,2]",
	"[1, 2]",
	"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
};

/* A text in the seal for another one: what a lax reader takes for the same. */
static const struct {
	const char *from, *to;
	uint32_t code;
} edits[] = {
	{ "\"reset_count\":7", "\"reset_count\":+7", CENO_VERIFY_FILE_JSON },
	{ "\"reset_count\":7", "\"reset_count\":7e0", CENO_VERIFY_FILE_JSON },
	{ "\"reset_count\":7", "\"reset_count\":-7", CENO_VERIFY_FILE_JSON },
	{ "\"reset_count\":7", "\"reset_count\":0x7", CENO_VERIFY_FILE_JSON },
	{ "\"reset_count\":7", "\"reset_count\":4294967296", CENO_VERIFY_FILE_SCHEMA },
	{ "\"reset_count\":7", "\"reset_count\":4294967303", CENO_VERIFY_FILE_SCHEMA },
	{ "\"reset_count\":7", "\"reset_count\":9007199254740991", CENO_VERIFY_FILE_SCHEMA },
	{ "\"reset_count\":7", "\"reset_count\":true", CENO_VERIFY_FILE_SCHEMA },
	{ "\"reset_count\":7", "\"reset_count\":[7]", CENO_VERIFY_FILE_SCHEMA },
	{ "\"reset_count\":7", "\"reset_count\":{}", CENO_VERIFY_FILE_SCHEMA },
	{ "\"value\":\"0\"", "\"value\":\"00\"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"value\":\"0\"", "\"value\":\"\"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"value\":\"0\"", "\"value\":\"-0\"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"value\":\"0\"", "\"value\":\" 0\"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"value\":\"0\"", "\"value\":0", CENO_VERIFY_FILE_SCHEMA },
	{ "\"value\":\"0\"", "\"value\":\"18446744073709551616\"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"value\":\"0\"", "\"value\":\"99999999999999999999\"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"kind\":\"none\"", "\"kind\":\"None\"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"kind\":\"none\"", "\"kind\":\"\"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"kind\":\"none\"", "\"kind\":\"none \"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"cgroup\":\"removed\"", "\"cgroup\":\"toString\"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"cgroup\":\"removed\"", "\"cgroup\":\"constructor\"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"cgroup\":\"removed\",", "\"__proto__\":{},\"cgroup\":\"removed\",", CENO_VERIFY_FILE_SCHEMA },
	{ "\"observer\":\"supervisor and attest\"", "\"observer\":\"supervisor\"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"origin\":\"fixture.test/node\"", "\"origin\":\"fixture.test/n de\"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"origin\":\"fixture.test/node\"", "\"origin\":\"\"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"origin\":\"fixture.test/node\"", "\"origin\":\"fixture.test/node+\"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"ak_binding\":\"none\"",
	  "\"ak_binding\":\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"",
	  CENO_VERIFY_FILE_SCHEMA },
	{ "\"ak_binding\":\"none\"", "\"ak_binding\":\"sha256:\"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"payloadType\":\"application/vnd.in-toto+json\"", "\"payloadType\":\"application/vnd.in-toto+JSON\"",
	  CENO_VERIFY_FILE_SCHEMA },
	{ ",\"step8\":{", ",\"step8\":{\"a\":1,", CENO_VERIFY_FILE_SCHEMA },
	{ "}}", "},\"zzz\":0}", CENO_VERIFY_FILE_SCHEMA },
	{ "\"signatures\":[", "\"signatures\":[[],", CENO_VERIFY_FILE_SCHEMA },
	{ "\"pcrs\":[", "\"pcrs\":[\"sha256:00\",", CENO_VERIFY_FILE_SCHEMA },
	{ "=\",\"kind\"", "\",\"kind\"", ANY_REASON },
	{ "==\"", "=\"", CENO_VERIFY_FILE_SCHEMA },
	{ "==\"", "\"", CENO_VERIFY_FILE_SCHEMA },
	{ "==\"", "===\"", CENO_VERIFY_FILE_SCHEMA },
	{ "==\"", "== \"", CENO_VERIFY_FILE_SCHEMA },
	{ "\"payload\":\"ey", "\"payload\":\"e-", CENO_VERIFY_FILE_SCHEMA },
	{ "\"payload\":\"ey", "\"payload\":\"e_", CENO_VERIFY_FILE_SCHEMA },
	{ "\"payload\":\"ey", "\"payload\":\" ey", CENO_VERIFY_FILE_SCHEMA },
	{ "\"payload\":\"ey", "\"payload\":\"=ey", CENO_VERIFY_FILE_SCHEMA },
	{ "\"keyid\":\"sha256:", "\"keyid\":\"sha512:", CENO_VERIFY_FILE_SCHEMA },
	{ "\"keyid\":\"sha256:", "\"keyid\":\"", CENO_VERIFY_FILE_SCHEMA },
};

static void edited(void)
{
	for (uint32_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		size_t m = strlen(edits[i].from), n = strlen(edits[i].to);
		static uint8_t out[CENO_CDP_FILE_MAX];
		const uint8_t *at = memmem(base.file, base.file_bytes, edits[i].from, m);
		if (at == NULL && edits[i].code == ANY_REASON)
			continue;
		MUST(at != NULL);
		size_t before = (size_t)(at - base.file);
		memcpy(out, base.file, before);
		memcpy(out + before, edits[i].to, n);
		memcpy(out + before + n, at + m, base.file_bytes - before - m);
		text(edits[i].code, "edit", i, out, base.file_bytes - m + n);
	}
}

/* An array with its first element twice, or with it gone: each element is good, the number is not. */
static void counted(const char *key, uint32_t number)
{
	static uint8_t out[CENO_CDP_FILE_MAX];
	const uint8_t *at = memmem(base.file, base.file_bytes, key, strlen(key)), *end;
	MUST(at != NULL);
	at += strlen(key);
	for (end = at + 1; *end != '}' && *end != ','; end++) /* of a hash: its quote; of an object: its brace */
		;
	if (*at == '{')
		for (; *end != '}'; end++)
			;
	end += *end == '}';
	size_t before = (size_t)(at - base.file), n = (size_t)(end - at), left = base.file_bytes - before;
	memcpy(out, base.file, before + n);
	out[before + n] = ',';
	memcpy(out + before + n + 1, at, left);
	text(CENO_VERIFY_FILE_SCHEMA, "twice", number, out, base.file_bytes + n + 1);
	if (*end == ']') /* the only element: none is left */
		memcpy(out + before, end, left - n);
	else
		memcpy(out + before, end + 1, left - n - 1);
	text(CENO_VERIFY_FILE_SCHEMA, "without", number, out, base.file_bytes - n - (*end == ']' ? 0 : 1));
}

/* One space, newline or NUL behind each of the first 80 structural characters. */
static void spaced(void)
{
	static uint8_t out[CENO_CDP_FILE_MAX];
	bool inside = false;
	uint32_t seen = 0;
	for (size_t i = 0; i < base.file_bytes && seen < 80; i++) {
		inside ^= base.file[i] == '"';
		if (inside || strchr("{}[],:", base.file[i]) == NULL)
			continue;
		memcpy(out, base.file, i + 1);
		out[i + 1] = (uint8_t) " \n\t\r\0"[seen % 5];
		memcpy(out + i + 2, base.file + i + 1, base.file_bytes - i - 1);
		text(CENO_VERIFY_FILE_JSON, "space", seen++, out, base.file_bytes + 1);
	}
}

static void large(void)
{
	static uint8_t out[2 * CENO_CDP_FILE_MAX];
	start();
	for (uint32_t i = 0; i < 4; i++) { /* deep, many, long: each below the size limit */
		size_t n = 0;
		if (i == 0)
			memset(out, '[', n = CENO_CDP_FILE_MAX);
		else if (i == 1)
			while (n + 2 < 6000)
				memcpy(out + n, n == 0 ? "[1" : ",1", 2), n += 2;
		else if (i == 2)
			memset(out, '1', n = CENO_CDP_FILE_MAX);
		else
			memset(out, 0, n = CENO_CDP_FILE_MAX);
		text(CENO_VERIFY_FILE_JSON, "large", i, out, n);
	}
	static const uint32_t sizes[] = { CENO_CDP_FILE_MAX + 1, CENO_CDP_FILE_MAX + 1000, 2 * CENO_CDP_FILE_MAX };
	for (uint32_t i = 0; i < 3; i++) {
		text(CENO_VERIFY_FILE_JSON, "below", i, out, CENO_CDP_FILE_MAX - i);
		start();
		f = base;
		policy.pins = &f.pins;
		f.file_bytes = sizes[i];
		vector(CENO_VERIFY_FILE_SIZE, "document-size-%u", sizes[i]);
	}
}

void vectors_documents(void)
{
	char out[256];
	start();
	fixture_redo(&f);
	base = f;
	for (uint32_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		text(CENO_VERIFY_VERSION, "other", i, others[i], strlen(others[i]));
	text(CENO_VERIFY_FILE_SCHEMA, "only-version", 0, "{\"cdp\":\"1\"}", 11);
	for (uint32_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
		text(i == 0 ? CENO_VERIFY_FILE_SIZE : CENO_VERIFY_FILE_JSON, "spelling", i, spellings[i],
		     strlen(spellings[i]));
	for (uint32_t depth = 14; depth <= 16; depth++) { /* 16 levels are JSON of ours, 17 are not (above) */
		memset(out, '[', depth);
		memset(out + depth, ']', depth);
		text(CENO_VERIFY_VERSION, "depth", depth, out, (size_t)2 * depth);
	}
	edited();
	counted("\"pcrs\":[", 0);
	counted("\"signatures\":[", 1);
	spaced();
	large();
}
