/*
 * Enrolment against a real swtpm: what the verifier's MakeCredential made opens only in the
 * TPM with that endorsement key, only for the key of that name, and only whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>
#include <tss2/tss2_esys.h>

#include "api/cli/credential.h"
#include "attest/tpm/swtpm.h"
#include "attest/tpm/tpm.h"
#include "attest/tpm/tpm_internal.h"

#define EK_ECC 0x01c0000au
#define EK_RSA 0x01c00002u

struct place {
	char dir[64];
	struct ceno_swtpm child;
	struct ceno_tpm *tpm;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	if (!p || sodium_init() < 0)
		return -1;
	strcpy(p->dir, "/tmp/ceno-enrol-XXXXXX");
	if (!mkdtemp(p->dir) || ceno_swtpm_start(&p->child, p->dir, true))
		return -1;
	int fd = p->child.data;
	p->child.data = -1;
	*state = p;
	return ceno_tpm_open_stream(&p->tpm, fd, true);
}

static int teardown(void **state)
{
	struct place *p = *state;
	char command[96];
	ceno_tpm_close(p->tpm);
	ceno_swtpm_stop(&p->child, 2000);
	snprintf(command, sizeof(command), "rm -rf %s", p->dir);
	free(p);
	return system(command);
}

/* As a TPM's maker does: bytes at an index that anybody may read. */
static void store_certificate(struct place *p, uint32_t index, const uint8_t *bytes, uint16_t count)
{
	const TPM2B_AUTH empty = { 0 };
	TPM2B_NV_PUBLIC area = { .nvPublic = { .nvIndex = index,
		                               .nameAlg = TPM2_ALG_SHA256,
		                               .attributes = TPMA_NV_OWNERWRITE | TPMA_NV_AUTHWRITE |
		                                   TPMA_NV_OWNERREAD | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA,
		                               .dataSize = count } };
	ESYS_TR nv;
	assert_int_equal(Esys_NV_DefineSpace(p->tpm->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
	                                     ESYS_TR_NONE, &empty, &area, &nv),
	                 0);
	for (uint16_t at = 0; at < count;) {
		TPM2B_MAX_NV_BUFFER data = { .size = (UINT16)(count - at < 500 ? count - at : 500) };
		memcpy(data.buffer, bytes + at, data.size);
		assert_int_equal(Esys_NV_Write(p->tpm->esys, nv, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
		                               &data, at),
		                 0);
		at = (uint16_t)(at + data.size);
	}
}

static int activate(struct place *p, enum ceno_tpm_key key, bool rsa, const struct ceno_credential *c, uint8_t out[32])
{
	return ceno_tpm_activate(p->tpm, key, rsa, c->blob, sizeof(c->blob), c->secret, c->secret_bytes, out);
}

static void opens_and_only_so(struct place *p, bool rsa)
{
	static struct ceno_tpm_ek ek;
	struct ceno_credential c, changed;
	uint8_t value[32], out[32], strange[512];
	const struct ceno_tpm_ak *seal = ceno_tpm_ak(p->tpm, CENO_TPM_KEY_SEAL);
	assert_int_equal(ceno_tpm_ek_read(p->tpm, &ek), CENO_TPM_OK);
	assert_int_equal(ek.rsa, rsa);
	randombytes_buf(value, sizeof(value));
	assert_int_equal(ceno_credential_make(ek.public_area, ek.public_bytes, seal->name + 2, value, &c), 0);
	for (int i = 0; i < 4; i++) { /* nothing is left in the TPM's few slots */
		memset(out, 0, sizeof(out));
		assert_int_equal(activate(p, CENO_TPM_KEY_SEAL, rsa, &c, out), CENO_TPM_OK);
		assert_memory_equal(out, value, 32);
	}
	/* The other key of the same TPM; a byte of each part; the TPM goes on after each. */
	assert_int_equal(activate(p, CENO_TPM_KEY_RAW, rsa, &c, out), CENO_TPM_REFUSED);
	static const size_t at[] = { 0, 5, 40, 67 };
	for (size_t i = 0; i < 4; i++) {
		changed = c;
		changed.blob[at[i]] ^= 1;
		assert_int_equal(activate(p, CENO_TPM_KEY_SEAL, rsa, &changed, out), CENO_TPM_REFUSED);
	}
	for (size_t i = 5; i < c.secret_bytes; i += 31) {
		changed = c;
		changed.secret[i] ^= 1;
		assert_int_equal(activate(p, CENO_TPM_KEY_SEAL, rsa, &changed, out), CENO_TPM_REFUSED);
	}
	/* For another EK of the same shape. */
	memcpy(strange, ek.public_area, ek.public_bytes);
	if (rsa)
		strange[ek.public_bytes - 9] ^= 4;
	else
		memcpy(strange + ek.public_bytes - 66, p->tpm->point[0], 32),
		    memcpy(strange + ek.public_bytes - 32, p->tpm->point[0] + 32, 32);
	assert_int_equal(ceno_credential_make(strange, ek.public_bytes, seal->name + 2, value, &changed), 0);
	assert_int_equal(activate(p, CENO_TPM_KEY_SEAL, rsa, &changed, out), CENO_TPM_REFUSED);
	assert_int_equal(ceno_tpm_activate(p->tpm, CENO_TPM_KEY_SEAL, rsa, c.blob, 5000, c.secret, 68, out),
	                 CENO_TPM_REFUSED);
	assert_int_equal(activate(p, CENO_TPM_KEY_SEAL, rsa, &c, out), CENO_TPM_OK);
}

static void an_ecc_ek_without_a_certificate(void **state)
{
	struct place *p = *state;
	static struct ceno_tpm_ek ek;
	assert_int_equal(ceno_tpm_ek_certificate(p->tpm, &ek), CENO_TPM_OK);
	assert_int_equal(ek.certificate_bytes, 0);
	opens_and_only_so(p, false);
}

static void an_rsa_ek_with_a_certificate(void **state)
{
	struct place *p = *state;
	static struct ceno_tpm_ek ek;
	uint8_t bytes[1300];
	randombytes_buf(bytes, sizeof(bytes));
	store_certificate(p, EK_RSA, bytes, sizeof(bytes));
	assert_int_equal(ceno_tpm_ek_certificate(p->tpm, &ek), CENO_TPM_OK);
	assert_int_equal(ek.certificate_bytes, sizeof(bytes));
	assert_memory_equal(ek.certificate, bytes, sizeof(bytes));
	opens_and_only_so(p, true);
}

static void the_ecc_certificate_comes_first(void **state)
{
	struct place *p = *state;
	static struct ceno_tpm_ek ek;
	uint8_t bytes[700];
	memset(bytes, 1, sizeof(bytes));
	store_certificate(p, EK_RSA, bytes, sizeof(bytes));
	memset(bytes, 2, sizeof(bytes));
	store_certificate(p, EK_ECC, bytes, 600);
	assert_int_equal(ceno_tpm_ek_read(p->tpm, &ek), CENO_TPM_OK);
	assert_false(ek.rsa);
	assert_int_equal(ek.certificate_bytes, 600);
	assert_memory_equal(ek.certificate, bytes, 600);
}

/* Stored in pieces, as a maker may: found in the order of the indexes; too long a one is none. */
static void a_chain_above_the_certificate(void **state)
{
	struct place *p = *state;
	static struct ceno_tpm_ek ek;
	static uint8_t bytes[CENO_TPM_CHAIN_MAX];
	randombytes_buf(bytes, sizeof(bytes));
	assert_int_equal(ceno_tpm_ek_read(p->tpm, &ek), CENO_TPM_OK);
	assert_int_equal(ek.chain_bytes, 0);
	store_certificate(p, 0x01c00105u, bytes + 1500, 1200);
	store_certificate(p, 0x01c00100u, bytes, 1500);
	store_certificate(p, 0x01c00200u, bytes, 20); /* no part of it */
	assert_int_equal(ceno_tpm_ek_read(p->tpm, &ek), CENO_TPM_OK);
	assert_int_equal(ek.chain_bytes, 2700);
	assert_memory_equal(ek.chain, bytes, 2700);
	for (uint32_t i = 0; i < 4; i++)
		store_certificate(p, 0x01c00106u + i, bytes, 1500);
	assert_int_equal(ceno_tpm_ek_read(p->tpm, &ek), CENO_TPM_OK);
	assert_int_equal(ek.chain_bytes, 0);
	opens_and_only_so(p, false);
}

/* An area that is not exactly one of the two templates with a key that exists. */
static void other_keys_are_not_taken(void **state)
{
	struct place *p = *state;
	static struct ceno_tpm_ek ek;
	struct ceno_credential c;
	uint8_t zeros[32] = { 0 }, changed[512], spki[512];
	assert_int_equal(ceno_tpm_ek_read(p->tpm, &ek), CENO_TPM_OK);
	assert_int_equal(ceno_credential_spki(ek.public_area, ek.public_bytes, spki), 91);
	for (size_t i = 0; i < ek.public_bytes; i++) {
		memcpy(changed, ek.public_area, ek.public_bytes);
		changed[i] ^= 1; /* a head of another shape, or a point off the curve */
		assert_int_equal(ceno_credential_make(changed, ek.public_bytes, zeros, zeros, &c), -1);
		assert_int_equal(ceno_credential_spki(changed, ek.public_bytes, spki), 0);
	}
	assert_int_equal(ceno_credential_make(ek.public_area, ek.public_bytes - 1, zeros, zeros, &c), -1);
	assert_int_equal(ceno_credential_make(ek.public_area, 0, zeros, zeros, &c), -1);
	const struct ceno_tpm_ak *seal = ceno_tpm_ak(p->tpm, CENO_TPM_KEY_SEAL);
	assert_int_equal(ceno_credential_make(seal->public_area, seal->public_bytes, zeros, zeros, &c), -1);
}

/* Nothing of ours is under dictionary attack protection: neither do we fill its count, nor does a full one stop us. */
static void a_tpm_in_lockout_does_all_of_it(void **state)
{
	struct place *p = *state;
	struct ceno_tpm_quote quote;
	uint8_t extra[32] = { 7 };
	uint64_t counter;
	/* No failure is allowed: in lockout from now on (part 1, 19.8.6). */
	assert_int_equal(Esys_DictionaryAttackParameters(p->tpm->esys, ESYS_TR_RH_LOCKOUT, ESYS_TR_PASSWORD,
	                                                 ESYS_TR_NONE, ESYS_TR_NONE, 0, 1000, 1000),
	                 0);
	assert_int_equal(ceno_tpm_quote(p->tpm, CENO_TPM_KEY_SEAL, extra, &quote), CENO_TPM_OK);
	assert_int_equal(ceno_tpm_quote(p->tpm, CENO_TPM_KEY_RAW, extra, &quote), CENO_TPM_OK);
	assert_int_equal(ceno_tpm_counter_move(p->tpm, &counter), CENO_TPM_OK);
	assert_int_equal(ceno_tpm_counter_certify(p->tpm, extra, &quote), CENO_TPM_OK);
	opens_and_only_so(p, false);
	/* And it opens anew. */
	ceno_tpm_close(p->tpm);
	ceno_swtpm_stop(&p->child, 2000);
	assert_int_equal(ceno_swtpm_start(&p->child, p->dir, true), 0);
	int fd = p->child.data;
	p->child.data = -1;
	assert_int_equal(ceno_tpm_open_stream(&p->tpm, fd, true), CENO_TPM_OK);
	assert_int_equal(ceno_tpm_quote(p->tpm, CENO_TPM_KEY_SEAL, extra, &quote), CENO_TPM_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(an_ecc_ek_without_a_certificate), TEST(an_rsa_ek_with_a_certificate),
		TEST(the_ecc_certificate_comes_first), TEST(other_keys_are_not_taken),
		TEST(a_chain_above_the_certificate),   TEST(a_tpm_in_lockout_does_all_of_it),
	};
	setenv("TSS2_LOG", "all+none", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
