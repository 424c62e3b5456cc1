/*
 * A node's answers, as the command line reads them: `ceno attest` (byte 0: 1), the bundle for
 * Confidential Containers (2), enrolment (3), both texts of `ceno tpm show` with a zero byte between (4), a message of
 * its RPC (5); and a change of key, as anybody hands it on (6). Properties: no read outside the text (it is copied to
 * its exact size), a refusal has a sentence, and lengths stay within their fields.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "api/cli/client.h"
#include "api/cli/coco.h"
#include "api/cli/enrol.h"
#include "api/cli/quote.h"
#include "api/cli/tpm.h"
#include "api/cli/tpm_follow.h"
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

static void judge_facts(const void *text, size_t size)
{
	static const uint8_t nonce[32];
	static struct ceno_tpm_facts facts;
	const char *node = text, *end = size ? memchr(text, 0, size - 1) : NULL;
	if (end == NULL || node[size - 1] != 0)
		return;
	int rc = ceno_tpm_facts_read(node, end + 1, nonce, &facts, error);
	require_sentence(rc);
	REQUIRE(rc || facts.keys.seal_ak_bytes == facts.quote.seal_ak_public_bytes);
}

/* One packet in a socket, then the node is gone: every end has a sentence, and no descriptor is made up. */
static void judge_message(const void *text, size_t size)
{
	struct ceno_client client = { 0 };
	int pair[2], fd;
	if (size == 0 || size > 65536)
		return;
	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	REQUIRE(send(pair[1], text, size, 0) == (ssize_t)size);
	close(pair[1]);
	client.fd = pair[0];
	json_t *message = ceno_client_receive(&client, &fd);
	REQUIRE(fd == -1 && (message == NULL) == (client.error[0] != 0));
	REQUIRE(message == NULL || ceno_client_result(&client, message) || client.error[0] ||
	        json_object_get(message, "error"));
	REQUIRE(memchr(client.error, 0, sizeof(client.error)));
	json_decref(message);
	REQUIRE(ceno_client_receive(&client, &fd) == NULL && client.error[0]);
	ceno_client_close(&client);
}

static void judge_change(const void *text, size_t size)
{
	struct ceno_verify_keychange change;
	if (ceno_follow_parse(text, size, &change))
		return;
	REQUIRE(change.purpose >= CENO_PROOF_PURPOSE_LOG && change.purpose <= CENO_PROOF_PURPOSE_IDENTITY);
	REQUIRE(change.origin[0] && memchr(change.origin, 0, sizeof(change.origin)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	error[0] = 0;
	static void (*const judges[])(const void *, size_t) = { NULL,        judge_quote,   judge_coco,  judge_enrol,
		                                                judge_facts, judge_message, judge_change };
	if (data[0] > 0 && data[0] < sizeof(judges) / sizeof(judges[0]))
		fuzz_exactly(data + 1, size - 1, judges[data[0]]);
	return 0;
}
