/*
 * Facts of the host that decide what could have left session memory: swap,
 * merging, migration, dumps. The files are opened at set-up, while the warden
 * may open anything, and read when step 6 is made.
 */
#ifndef CENO_WARDEN_FACTS_H
#define CENO_WARDEN_FACTS_H

#include <stdint.h>
#include "../../attest/proof/proof.h"

#define CENO_FACT_FILES(X) \
	X(SWAPS, "/proc/swaps") \
	X(ZSWAP, "/sys/module/zswap/parameters/enabled") \
	X(KSM, "/sys/kernel/mm/ksm/run") \
	X(COMPACT, "/proc/sys/vm/compact_unevictable_allowed") \
	X(NUMA, "/proc/sys/kernel/numa_balancing") \
	X(CMDLINE, "/proc/cmdline") \
	X(KDUMP, "/sys/kernel/kexec_crash_loaded") \
	X(POWER, "/sys/power/state") \
	X(HUGE, "/sys/kernel/mm/transparent_hugepage/shmem_enabled") \
	X(EPT, "/sys/module/kvm_intel/parameters/ept") \
	X(NPT, "/sys/module/kvm_amd/parameters/npt")

enum ceno_fact_file {
#define CENO_FACT_ENUM(name, path) CENO_FACT_##name,
	CENO_FACT_FILES(CENO_FACT_ENUM)
#undef CENO_FACT_ENUM
	    CENO_FACT_FILE_COUNT
};

struct ceno_facts {
	int fd[CENO_FACT_FILE_COUNT];      /* owned; -errno of the open if it failed */
	uint32_t kvm_kind, cgroup_version; /* as the supervisor said */
};

/* Opens what there is. Never fails: what is not there is a fact too. */
void ceno_facts_open(struct ceno_facts *facts, uint32_t kvm_kind, uint32_t cgroup_version);
void ceno_facts_close(struct ceno_facts *facts);

/* Reads all of it now. */
void ceno_facts_read(const struct ceno_facts *facts, struct ceno_proof_host *host);

/* 1 if no swap area is active now. */
int ceno_facts_swapless(const struct ceno_facts *facts);

#endif
