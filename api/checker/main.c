/*
 * ceno-image-check: one image, read by a process that has nothing to lose. Started by cenod
 * with three descriptors (report.h), an unprivileged uid and an empty environment; it can
 * read one, write two, and nothing else. What it writes is what it checked: the bytes are
 * taken from the source once.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/confine/calls.h"
#include "images/session/read.h"
#include "report.h"

/* X(call, reason) */
#define CALLS(X) \
	X(pread64, "the image") \
	X(pwrite64, "its copy") \
	X(ftruncate, "the copy's length") \
	X(fsync, "the copy is there when the report is") \
	X(fstat, "what the source is") \
	X(newfstatat, "the same, as the C library asks") \
	X(write, "the report") \
	X(mmap, "memory") \
	X(munmap, "memory") \
	X(mremap, "memory") \
	X(mprotect, "memory") \
	X(madvise, "memory") \
	X(brk, "memory") \
	X(futex, "locks of the C library") \
	X(exit_group, "the end")

static const struct ceno_allowed_call allowed[] = { CALLS(CENO_ALLOWED_CALL) };

static int confine(void)
{
	const struct rlimit memory = { 1u << 30, 1u << 30 };
	int rc = ceno_confine_begin();

	if (!rc && !ceno_confine_is_sanitized() && setrlimit(RLIMIT_AS, &memory))
		rc = -errno;
	return rc ? rc : ceno_confine_calls(allowed, sizeof allowed / sizeof allowed[0]);
}

/* What is made lazily, made before the filter: OpenSSL looks for its configuration, which is not wanted. */
static int warm_up(void)
{
	uint8_t digest[32];

	return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1 &&
		EVP_Digest("", 0, digest, NULL, EVP_sha256(), NULL) == 1
	    ? 0
	    : -ENOMEM;
}

static int check(uint64_t most, struct ceno_checker_report *report)
{
	struct ceno_image_file file;
	struct stat st;
	int rc = fstat(CENO_CHECKER_FD_SOURCE, &st) ? -errno : 0;

	if (!rc && (uint64_t)st.st_size > most)
		return -EFBIG;
	if (!rc)
		rc = ceno_image_file_open(&file, CENO_CHECKER_FD_SOURCE);
	if (!rc)
		rc = ceno_image_file_data(&file, CENO_CHECKER_FD_SOURCE, CENO_CHECKER_FD_TARGET);
	if (!rc && fsync(CENO_CHECKER_FD_TARGET) && errno != EINVAL) /* a memfd has nothing to wait for */
		rc = -errno;
	if (!rc) {
		const struct ceno_image_header *h = file.image.header;

		report->entries = h->entry_count;
		report->bytes = h->total_bytes;
		memcpy(report->image, file.id.digest, 32);
		memcpy(report->signer, h->public_key, 32);
		memcpy(report->name, h->name, sizeof report->name);
		ceno_image_file_proof(&file.id, report->proof);
	}
	ceno_image_file_fini(&file);
	return rc;
}

int main(int argc, char **argv)
{
	struct ceno_checker_report report = { 0 };

	if (argc != 2) {
		fprintf(stderr, "ceno-image-check: started by cenod only\n");
		return 2;
	}
	report.error = warm_up();
	if (!report.error)
		report.error = confine();
	if (!report.error)
		report.error = check(strtoull(argv[1], NULL, 10), &report);
	return write(CENO_CHECKER_FD_REPORT, &report, sizeof report) == (ssize_t)sizeof report ? 0 : 1;
}
