/*
 * cenod's configuration: its command line, nothing else.
 */
#ifndef CENO_API_SUPERVISOR_CONFIG_H
#define CENO_API_SUPERVISOR_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

struct ceno_config {
	const char *state;   /* directory kept between starts */
	const char *run;     /* directory of the socket */
	const char *lib;     /* directory of ceno-api, ceno-attest, ceno-warden, ceno-vmm */
	const char *blobs;   /* directory of firmware.bin, trust.bin, bundle.bin */
	const char *tcti;    /* TPM by TCTI string; NULL: a swtpm of our own */
	const char *export;  /* format that attest may export to; NULL: none */
	const char *pidfile; /* NULL: none */
	bool foreground;
	bool layers_given;
	uint32_t layers;      /* enum ceno_layer: required; if it was given */
	uint32_t uid_base;    /* first of 65,536 uids that belong to this node */
	uint32_t socket_mode; /* permission bits of the socket */
};

/* Fills `config` from the command line (strings borrowed from argv, or static).
 * Returns -1 to go on, else the exit status (0 after --help or --version, 2
 * after a usage error, each printed). */
int ceno_config_parse(int argc, char **argv, struct ceno_config *config);

#endif
