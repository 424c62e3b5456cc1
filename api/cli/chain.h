/*
 * Certificates of an endorsement key and of those above it: a chain of any length to roots that the
 * verifier holds. What the node hands out, and what --intermediates names, are only candidates for the way;
 * nothing is ever fetched (no AIA, no CRL), so a check needs no network and tells nobody.
 */
#ifndef CENO_API_CLI_CHAIN_H
#define CENO_API_CLI_CHAIN_H

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#define CENO_CHAIN_MAX 64 /* certificates taken from one place */

/* Certificates as DER, one behind the other (hostile): appends those that parse to chain, stops at what does
 * not. Returns how many, at most CENO_CHAIN_MAX. */
int ceno_chain_add_der(STACK_OF(X509) * chain, const uint8_t *der, size_t bytes);

/* The same from a PEM file. Returns how many, or -1: it cannot be read, or has none. */
int ceno_chain_add_pem(STACK_OF(X509) * chain, const char *path);

/* Do the roots (PEM file) vouch for this certificate, by the candidates? *until (seconds since 1970) becomes the
 * end of whichever on the way ends first, if that is sooner. Returns NULL, or why not. */
const char *ceno_chain_check(X509 *certificate, STACK_OF(X509) * candidates, const char *roots, int64_t *until);

/* Subject ("subject") or issuer as RFC 2253 text, escaped; "(none)" for an empty name. */
void ceno_chain_name(X509 *certificate, int subject, char *out, size_t size);

/* notAfter in seconds since 1970, or -1. */
int64_t ceno_chain_until(X509 *certificate);

#endif
