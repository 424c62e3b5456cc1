/*
 * Prints the closed schema of a proof as JSON Schema (draft 2020-12), from the
 * tables that write and read it: attest/proof/cdp.schema.json is this output, and a
 * test keeps it so.
 *
 * "$defs".file is the file, "$defs".payload the statement inside dsse.payload.
 * "vouch" (who vouches for a field, docs/proof-format.md) and "bytes" (least and most
 * bytes after base64) are annotations; every other word is of the standard.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "attest/proof/schema.h"

#define BASE64 "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?"

static int depth;

static void line(const char *end)
{
	printf("%s\n%*s", end, 2 * depth, "");
}

static void print_field(const struct ceno_field *x);

/* A set of characters as a class of a regular expression, a hyphen last. */
static void print_class(const char *set)
{
	putchar('[');
	for (; *set != '\0'; set++)
		if (*set != '-')
			printf("%s%c", strchr("\\]^[", *set) != NULL ? "\\\\" : "", *set);
		else if (set[1] == '\0')
			putchar('-');
		else
			fputs("\\\\-", stdout);
	putchar(']');
}

static void print_string(const struct ceno_field *x)
{
	const char *const *words = x->aux;
	const char *comma = "";
	switch (x->type) {
	case CENO_FIELD_DECIMAL:
		fputs("\"type\": \"string\", \"pattern\": \"^(?:0|[1-9][0-9]{0,19})$\"", stdout);
		break;
	case CENO_FIELD_WORD:
		fputs("\"enum\": [", stdout);
		for (uint64_t i = 0; i <= x->max; i++) {
			if (words[i] != NULL) {
				printf("%s\"%s\"", comma, words[i]);
				comma = ", ";
			}
		}
		putchar(']');
		break;
	case CENO_FIELD_TEXT:
		fputs("\"type\": \"string\", \"pattern\": \"^", stdout);
		print_class(x->aux);
		printf("{%" PRIu64 ",%" PRIu64 "}$\"", x->min, x->max);
		break;
	case CENO_FIELD_HASH:
		fputs("\"type\": \"string\", \"pattern\": \"^sha256:[0-9a-f]{64}$\"", stdout);
		break;
	case CENO_FIELD_HASH_OR_NONE: /* zeros have one spelling, the word */
		fputs("\"type\": \"string\", \"pattern\": \"^(?:none|sha256:(?!0{64})[0-9a-f]{64})$\"", stdout);
		break;
	case CENO_FIELD_HEX:
		printf("\"type\": \"string\", \"pattern\": \"^[0-9a-f]{%u}$\"", 2 * x->size);
		break;
	default:
		printf("\"type\": \"string\", \"pattern\": \"^" BASE64 "$\", \"bytes\": [%" PRIu64 ", %" PRIu64 "]",
		       x->type == CENO_FIELD_BASE64 ? x->size : x->min,
		       x->type == CENO_FIELD_BASE64 ? x->size : x->max);
		break;
	}
}

static void print_object(const struct ceno_schema *s)
{
	fputs("\"type\": \"object\", \"additionalProperties\": false,", stdout);
	line("");
	fputs("\"required\": [", stdout);
	for (uint32_t i = 0; i < s->count; i++)
		printf("%s\"%s\"", i == 0 ? "" : ", ", s->fields[i].key);
	fputs("],", stdout);
	line("");
	fputs("\"properties\": {", stdout);
	depth++;
	for (uint32_t i = 0; i < s->count; i++) {
		line(i == 0 ? "" : ",");
		printf("\"%s\": ", s->fields[i].key);
		print_field(&s->fields[i]);
	}
	depth--;
	line("");
	putchar('}');
}

static void print_array(const struct ceno_field *x)
{
	const struct ceno_schema *tuple = x->aux;
	uint64_t max = x->type == CENO_FIELD_TUPLE ? tuple->count : x->max;
	uint64_t min = x->type == CENO_FIELD_TUPLE || x->count_offset == CENO_FIELD_NO_COUNT ? max : x->min;
	printf("\"type\": \"array\", \"minItems\": %" PRIu64 ", \"maxItems\": %" PRIu64 ",", min, max);
	line("");
	if (x->type == CENO_FIELD_LIST) {
		fputs("\"items\": ", stdout);
		print_field(x->aux);
		return;
	}
	fputs("\"prefixItems\": [", stdout);
	depth++;
	for (uint32_t i = 0; i < tuple->count; i++) {
		line(i == 0 ? "" : ",");
		print_field(&tuple->fields[i]);
	}
	depth--;
	line("");
	putchar(']');
}

static void print_field(const struct ceno_field *x)
{
	putchar('{');
	depth++;
	switch (x->type) {
	case CENO_FIELD_NUMBER:
		printf("\"type\": \"integer\", \"minimum\": %" PRIu64 ", \"maximum\": %" PRIu64, x->min, x->max);
		break;
	case CENO_FIELD_FIXED:
		printf("\"const\": %" PRIu64, x->min);
		break;
	case CENO_FIELD_BOOL:
		fputs("\"type\": \"boolean\"", stdout);
		break;
	case CENO_FIELD_CONST:
	case CENO_FIELD_VERSION:
		printf("\"const\": \"%s\"", (const char *)x->aux);
		break;
	case CENO_FIELD_OBJECT:
		print_object(x->aux);
		break;
	case CENO_FIELD_TUPLE:
	case CENO_FIELD_LIST:
		print_array(x);
		break;
	default:
		print_string(x);
		break;
	}
	if (x->vouch != '-' && x->type != CENO_FIELD_LIST && x->type != CENO_FIELD_OBJECT)
		printf(", \"vouch\": \"%c\"", x->vouch);
	depth--;
	putchar('}');
}

int main(void)
{
	const struct ceno_field file = { .type = CENO_FIELD_OBJECT, .vouch = '-', .aux = &ceno_schema_envelope };
	const struct ceno_field payload = { .type = CENO_FIELD_OBJECT, .vouch = '-', .aux = &ceno_schema_document };
	fputs("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
	      "  \"$id\": \"" CENO_PROOF_PREDICATE_TYPE "\",\n"
	      "  \"title\": \"Cryptographic Destruction Proof\",\n"
	      "  \"$ref\": \"#/$defs/file\",\n  \"$defs\": {\n    \"file\": ",
	      stdout);
	depth = 2;
	print_field(&file);
	fputs(",\n    \"payload\": ", stdout);
	print_field(&payload);
	fputs("\n  }\n}\n", stdout);
	return ferror(stdout) != 0;
}
