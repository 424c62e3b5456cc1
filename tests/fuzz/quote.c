/*
 * What a TPM says of itself, read from a proof: TPMS_ATTEST of a quote (byte 0: 2), TPMT_PUBLIC
 * (3), TPMS_ATTEST of an NV certification (5), as in cdp.c, which goes on to the signatures.
 * Properties: no read outside the structure (it is copied to its exact size), refused or not
 * nothing is borrowed from outside it, and what is accepted is spelled in one way: written
 * again from what was read, it is the same bytes.
 */
#include "attest/verify/tpm.h"
#include "property.h"

struct text {
	uint8_t bytes[1 << 17];
	size_t n;
};

static struct text again;

static void put(uint64_t v, size_t bytes)
{
	while (bytes-- > 0)
		again.bytes[again.n++] = (uint8_t)(v >> 8 * bytes);
}

static void put_bytes(const uint8_t *p, size_t n)
{
	REQUIRE(again.n + n <= sizeof(again.bytes));
	if (n > 0)
		memcpy(again.bytes + again.n, p, n);
	again.n += n;
}

static void put2b(const uint8_t *p, uint16_t n)
{
	put(n, 2);
	put_bytes(p, n);
}

static void within(const uint8_t *file, size_t size, const uint8_t *p, size_t n)
{
	REQUIRE(n <= size);
	REQUIRE(n == 0 || (p >= file && p + n <= file + size));
}

static void require_same(const uint8_t *file, size_t size)
{
	REQUIRE(again.n == size && memcmp(again.bytes, file, size) == 0);
}

/* The policy is the one field that is skipped: it is written as it was read. */
static void judge_public(const void *file, size_t size)
{
	struct ceno_tpm_public p;
	if (ceno_tpm_public_parse(file, size, &p))
		return;
	const uint8_t *bytes = file;
	again.n = 0;
	put(p.type, 2);
	put(p.name_alg, 2);
	put(p.attributes, 4);
	put2b(bytes + 10, (uint16_t)(bytes[8] << 8 | bytes[9]));
	put(CENO_TPM_ALG_NULL, 2);
	put(p.scheme, 2);
	if (p.scheme != CENO_TPM_ALG_NULL)
		put(p.scheme_hash, 2);
	put(p.curve, 2);
	put(CENO_TPM_ALG_NULL, 2);
	put2b(p.x, sizeof(p.x));
	put2b(p.y, sizeof(p.y));
	require_same(file, size);
}

static void put_head(const struct ceno_tpm_attest *a)
{
	again.n = 0;
	put(a->magic, 4);
	put(a->type, 2);
	put2b(a->signer, a->signer_bytes);
	put2b(a->extra, a->extra_bytes);
	put(a->clock_ms, 8);
	put(a->reset_count, 4);
	put(a->restart_count, 4);
	put(a->safe, 1);
	put(a->firmware, 8);
}

static void borrowed_within(const uint8_t *file, size_t size, const struct ceno_tpm_attest *a)
{
	within(file, size, a->signer, a->signer_bytes);
	within(file, size, a->extra, a->extra_bytes);
	within(file, size, a->digest, a->digest_bytes);
	within(file, size, a->index_name, a->index_bytes);
	within(file, size, a->contents, a->contents_bytes);
	REQUIRE(a->selection_bytes <= sizeof(a->selection));
}

static void judge_quote(const void *file, size_t size)
{
	struct ceno_tpm_attest a;
	int error = ceno_tpm_attest_parse(file, size, CENO_TPM_ST_ATTEST_QUOTE, &a);
	borrowed_within(file, size, &a);
	if (error)
		return;
	put_head(&a);
	put(a.selection_count, 4);
	put(a.selection_hash, 2);
	put(a.selection_bytes, 1);
	put_bytes(a.selection, a.selection_bytes);
	put2b(a.digest, a.digest_bytes);
	require_same(file, size);
}

static void judge_nv(const void *file, size_t size)
{
	struct ceno_tpm_attest a;
	int error = ceno_tpm_attest_parse(file, size, CENO_TPM_ST_ATTEST_NV, &a);
	borrowed_within(file, size, &a);
	if (error)
		return;
	put_head(&a);
	put2b(a.index_name, a.index_bytes);
	put(a.offset, 2);
	put2b(a.contents, a.contents_bytes);
	require_same(file, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > sizeof(again.bytes) / 2)
		return 0;
	if (data[0] == 2)
		fuzz_exactly(data + 1, size - 1, judge_quote);
	else if (data[0] == 3)
		fuzz_exactly(data + 1, size - 1, judge_public);
	else if (data[0] == 5)
		fuzz_exactly(data + 1, size - 1, judge_nv);
	return 0;
}
