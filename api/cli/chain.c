/* Chains of endorsement certificates: see chain.h. */
#include "chain.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Takes certificate over, also on failure. */
static int append(STACK_OF(X509) * chain, X509 *certificate)
{
	if (sk_X509_push(chain, certificate) > 0)
		return 0;
	X509_free(certificate);
	return -1;
}

int ceno_chain_add_der(STACK_OF(X509) * chain, const uint8_t *der, size_t bytes)
{
	const unsigned char *at = der, *end = der + bytes;
	int count = 0;

	while (at < end && count < CENO_CHAIN_MAX) {
		X509 *certificate = d2i_X509(NULL, &at, (long)(end - at));

		if (!certificate || append(chain, certificate))
			break;
		count++;
	}
	ERR_clear_error();
	return count;
}

int ceno_chain_add_pem(STACK_OF(X509) * chain, const char *path)
{
	BIO *file = BIO_new_file(path, "r");
	int count = 0;

	while (file && count < CENO_CHAIN_MAX) {
		X509 *certificate = PEM_read_bio_X509(file, NULL, NULL, NULL);

		if (!certificate || append(chain, certificate))
			break;
		count++;
	}
	BIO_free(file);
	ERR_clear_error();
	return count ? count : -1;
}

int64_t ceno_chain_until(X509 *certificate)
{
	struct tm end;

	return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1 ? (int64_t)timegm(&end) : -1;
}

static void shorten(STACK_OF(X509) * way, int64_t *until)
{
	for (int i = 0; i < sk_X509_num(way); i++) {
		int64_t end = ceno_chain_until(sk_X509_value(way, i));

		if (end < *until)
			*until = end;
	}
}

const char *ceno_chain_check(X509 *certificate, STACK_OF(X509) * candidates, const char *roots, int64_t *until)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	const char *why = NULL;

	if (!store || !context || X509_STORE_load_file(store, roots) != 1)
		why = "the roots cannot be read";
	else if (X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) != 1 ||
	         X509_STORE_CTX_init(context, store, certificate, candidates) != 1)
		why = "out of memory";
	else if (X509_verify_cert(context) != 1)
		why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
	else
		shorten(X509_STORE_CTX_get0_chain(context), until);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	ERR_clear_error();
	return why;
}

void ceno_chain_name(X509 *certificate, int subject, char *out, size_t size)
{
	X509_NAME *name = subject ? X509_get_subject_name(certificate) : X509_get_issuer_name(certificate);
	BIO *text = BIO_new(BIO_s_mem());
	int n = 0;

	if (text && X509_NAME_entry_count(name) && X509_NAME_print_ex(text, name, 0, XN_FLAG_RFC2253) > 0)
		n = BIO_read(text, out, (int)size - 1);
	out[n > 0 ? n : 0] = '\0';
	if (n <= 0)
		snprintf(out, size, "(none)");
	BIO_free(text);
}
