/*
 * What the host must offer before a node starts: directories, limits, no swap,
 * KVM and what kind of it.
 */
#ifndef CENO_API_SUPERVISOR_HOST_H
#define CENO_API_SUPERVISOR_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ceno_host_kvm {
	uint32_t kind;         /* 1 VMX, 2 SVM, 3 paging-based */
	uint32_t syscall_mode; /* enum ceno_syscall_mode */
	uint64_t tsc_hz;
	bool npt;
	uint32_t features; /* enum ceno_cpu_feature: what a guest here may have */
};

/* Makes `path` (and its parents) with `mode`, owned by `uid`. 0 or -errno. */
int ceno_host_directory(const char *path, mode_t mode, uid_t uid);

/* The beginning of a small text file (/proc, /sys, a cgroup's): at most max - 1 bytes, ended, without white space
 * at its end; "" on failure. 0 or -errno. */
int ceno_host_text(const char *path, char *out, size_t max);

/* Is any swap on? 1, 0, or -errno. */
int ceno_host_swap_on(void);

/* Bytes the host could give to a session now (MemAvailable); 0 if unknown. */
uint64_t ceno_host_memory_available(void);

/* Raises the descriptor limit to its maximum (children inherit it). */
void ceno_host_raise_limits(void);

/* Runs `ceno-vmm --probe` (borrowed descriptors) and reads its answer. 0 or
 * -errno; -EPROTO when it says anything else than core/launch.h states. */
int ceno_host_probe(int vmm, int kvm, struct ceno_host_kvm *out);

/* The parser of the probe's answer, pure. 0 or -EPROTO. */
int ceno_host_probe_parse(const char *text, struct ceno_host_kvm *out);

#endif
