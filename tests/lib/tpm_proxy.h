/*
 * A keeper of swtpm (attest/daemon/keeper.h) whose TPM is slow, or lies: it relays each
 * command and each response, and does to them what its rules say at that moment.
 */
#ifndef CENO_TESTS_TPM_PROXY_H
#define CENO_TESTS_TPM_PROXY_H

#include <stdint.h>
#include <sys/types.h>

#define TPM_CC_QUOTE      0x158u
#define TPM_CC_NV_CERTIFY 0x184u
#define TPM_CC_NV_READ    0x14eu
#define TPM_CC_RANDOM     0x17bu

enum tpm_proxy_lie {
	TPM_PROXY_HONEST,
	TPM_PROXY_SIGNATURE, /* its last byte changed: the one before the five of a password session */
	TPM_PROXY_EXTRA,     /* byte of the response at `at` changed */
	TPM_PROXY_CODE,      /* instead of the response, only this response code */
	TPM_PROXY_GARBAGE,   /* as many bytes as the response has, all of them 0x55 */
	TPM_PROXY_SHORT,     /* the response without its last byte, and its length says so */
	TPM_PROXY_HANG_UP    /* the connection ends instead */
};

struct tpm_proxy_rules {                /* shared: write at any time */
	volatile uint32_t slow_ms;      /* of each Quote and each NV_Certify */
	volatile uint32_t lie, command; /* enum tpm_proxy_lie, told about this command */
	volatile uint32_t count;        /* so many times, then honest */
	volatile uint32_t at, code;
	volatile uint32_t told, quotes; /* out: lies told, Quote commands seen */
};

struct tpm_proxy {
	pid_t pid;
	int socket; /* owned: for ceno-attest's descriptor 4 */
	struct tpm_proxy_rules *rules;
};

/* Start on swtpm's state folder (made if missing). Aborts on failure. */
struct tpm_proxy tpm_proxy_start(const char *folder);
void tpm_proxy_stop(struct tpm_proxy *proxy);

#endif
