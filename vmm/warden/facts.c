/*
 * Host facts; see facts.h. A file that does not exist means a kernel without the
 * feature (off); one that cannot be read or understood is unknown.
 */
#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

void ceno_facts_open(struct ceno_facts *facts, uint32_t kvm_kind, uint32_t cgroup_version)
{
	static const char *const paths[] = {
#define CENO_FACT_PATH(name, path) path,
		CENO_FACT_FILES(CENO_FACT_PATH)
#undef CENO_FACT_PATH
	};
	for (int i = 0; i < CENO_FACT_FILE_COUNT; i++) {
		facts->fd[i] = open(paths[i], O_RDONLY | O_CLOEXEC);
		if (facts->fd[i] < 0)
			facts->fd[i] = -errno;
	}
	facts->kvm_kind = kvm_kind;
	facts->cgroup_version = cgroup_version;
}

void ceno_facts_close(struct ceno_facts *facts)
{
	for (int i = 0; i < CENO_FACT_FILE_COUNT; i++) {
		if (facts->fd[i] >= 0)
			close(facts->fd[i]);
		facts->fd[i] = -EBADF;
	}
}

/* Text of a file, or NULL: *fact then says off (no such file) or unknown. */
static const char *text_of(const struct ceno_facts *facts, enum ceno_fact_file file, char *text, size_t size,
                           uint32_t *fact)
{
	*fact = facts->fd[file] == -ENOENT ? CENO_PROOF_FACT_OFF : CENO_PROOF_FACT_UNKNOWN;
	if (facts->fd[file] < 0)
		return NULL;
	ssize_t n = pread(facts->fd[file], text, size - 1, 0);
	*fact = CENO_PROOF_FACT_UNKNOWN;
	if (n < 0)
		return NULL;
	text[n] = 0;
	return text;
}

/* Files whose first character is the switch. */
static uint32_t boolean(const struct ceno_facts *facts, enum ceno_fact_file file)
{
	char text[64];
	uint32_t fact;
	if (!text_of(facts, file, text, sizeof text, &fact))
		return fact;
	if (text[0] == '0' || text[0] == 'N')
		return CENO_PROOF_FACT_OFF;
	return text[0] == 'Y' || (text[0] >= '1' && text[0] <= '9') ? CENO_PROOF_FACT_ON : CENO_PROOF_FACT_UNKNOWN;
}

static uint32_t contains(const struct ceno_facts *facts, enum ceno_fact_file file, const char *word)
{
	char text[256];
	uint32_t fact;
	if (!text_of(facts, file, text, sizeof text, &fact))
		return fact;
	return strstr(text, word) ? CENO_PROOF_FACT_ON : CENO_PROOF_FACT_OFF;
}

static uint32_t swap(const struct ceno_facts *facts)
{
	char text[1024];
	uint32_t fact;
	if (!text_of(facts, CENO_FACT_SWAPS, text, sizeof text, &fact))
		return fact;
	const char *second = strchr(text, '\n'); /* the first line is the heading */
	return second && second[1] ? CENO_PROOF_FACT_ON : CENO_PROOF_FACT_OFF;
}

/* The last word on the command line counts; without one the build's default does, which is not readable. */
static uint32_t init_on_free(const struct ceno_facts *facts)
{
	char text[4096];
	uint32_t fact;
	if (!text_of(facts, CENO_FACT_CMDLINE, text, sizeof text, &fact))
		return CENO_PROOF_FACT_UNKNOWN;
	fact = CENO_PROOF_FACT_UNKNOWN;
	for (const char *at = text; (at = strstr(at, "init_on_free=")); at++) {
		char value = at[strlen("init_on_free=")];
		int on = value == '1' || value == 'y' || strncmp(at + strlen("init_on_free="), "on", 2) == 0;
		fact = on ? CENO_PROOF_FACT_ON : CENO_PROOF_FACT_OFF;
	}
	return fact;
}

static uint32_t nested_paging(const struct ceno_facts *facts)
{
	switch (facts->kvm_kind) {
	case CENO_PROOF_KVM_VMX:
		return boolean(facts, CENO_FACT_EPT);
	case CENO_PROOF_KVM_SVM:
		return boolean(facts, CENO_FACT_NPT);
	case CENO_PROOF_KVM_PAGING:
		return CENO_PROOF_FACT_OFF;
	default:
		return CENO_PROOF_FACT_UNKNOWN;
	}
}

static void kernel_release(char out[65])
{
	struct utsname name;
	memset(out, 0, 65);
	if (uname(&name) < 0)
		memcpy(name.release, "unknown", 8);
	for (size_t i = 0; i < 64 && name.release[i]; i++) {
		char c = name.release[i];
		int ok =
		    (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr(".+_~-", c);
		out[i] = ok ? c : '_';
	}
}

void ceno_facts_read(const struct ceno_facts *facts, struct ceno_proof_host *host)
{
	memset(host, 0, sizeof *host);
	host->kvm = facts->kvm_kind;
	host->npt = nested_paging(facts);
	host->cgroup_version = facts->cgroup_version;
	host->swap = swap(facts);
	host->zswap = boolean(facts, CENO_FACT_ZSWAP);
	host->ksm = boolean(facts, CENO_FACT_KSM);
	host->compact_unevictable = boolean(facts, CENO_FACT_COMPACT);
	host->numa_balancing = boolean(facts, CENO_FACT_NUMA);
	host->init_on_free = init_on_free(facts);
	host->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? CENO_PROOF_FACT_OFF : CENO_PROOF_FACT_ON;
	host->kdump = boolean(facts, CENO_FACT_KDUMP);
	host->hibernation = contains(facts, CENO_FACT_POWER, "disk");
	host->huge_pages = contains(facts, CENO_FACT_HUGE, "[never]") == CENO_PROOF_FACT_ON
	    ? CENO_PROOF_FACT_OFF
	    : contains(facts, CENO_FACT_HUGE, "[");
	kernel_release(host->kernel);
}

int ceno_facts_swapless(const struct ceno_facts *facts)
{
	return swap(facts) == CENO_PROOF_FACT_OFF;
}
