/*
 * A node's answers, as the command line reads them: `ceno attest` (byte 0: 1), the bundle for
 * Confidential Containers (2), enrolment (3). Properties: no read outside the text (it is copied to
 * its exact size), a refusal has a sentence, and lengths stay within their fields.
 */
#include "api/cli/coco.h"
#include "api/cli/enrol.h"
#include "api/cli/quote.h"
#include "tests/fuzz/property.h"

static char error[1024];

static void require_sentence(int rc)
{
	REQUIRE(rc == 0 || (rc == -1 && error[0] && memchr(error, 0, sizeof(error))));
}

static void judge_quote(const void *text, size_t size)
{
	static const uint8_t nonce[32];
	struct ceno_node_quote quote;
	require_sentence(ceno_node_quote_check(text, size, nonce, &quote, error));
	REQUIRE(quote.ak_public_bytes <= sizeof(quote.ak_public));
	REQUIRE(quote.seal_ak_public_bytes <= sizeof(quote.seal_ak_public));
}

static void judge_coco(const void *text, size_t size)
{
	static const uint8_t data[64];
	uint8_t spki[294];
	require_sentence(ceno_coco_check(text, size, data, spki, error));
}

static void judge_enrol(const void *text, size_t size)
{
	static struct ceno_enrol_keys keys;
	if (size == 0 || ((const char *)text)[size - 1] != 0)
		return;
	int rc = ceno_enrol_parse(text, &keys, error);
	require_sentence(rc);
	REQUIRE(rc ||
	        (keys.ek_bytes <= sizeof(keys.ek) && keys.certificate_bytes <= sizeof(keys.certificate) &&
	         keys.chain_bytes <= sizeof(keys.chain) && keys.seal_ak_bytes <= sizeof(keys.seal_ak)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	error[0] = 0;
	if (data[0] == 1)
		fuzz_exactly(data + 1, size - 1, judge_quote);
	else if (data[0] == 2)
		fuzz_exactly(data + 1, size - 1, judge_coco);
	else if (data[0] == 3)
		fuzz_exactly(data + 1, size - 1, judge_enrol);
	return 0;
}
