/*
 * The CPU's own protection: which of it a guest has. The vmm reports it with LOCKED,
 * the evidence of step 1 carries it, `ceno doctor` says it of a machine.
 *
 * Sources: SDM vol. 2, CPUID; vol. 3, 2.5 and 2.2.1; APM vol. 3, appendix E.
 */
#ifndef CENO_ABI_CPU_H
#define CENO_ABI_CPU_H

#include <stdint.h>

/* X(name, bit of the mask, leaf, subleaf, register (0 to 3: eax to edx), its bit, text); numbers never change. */
#define CENO_CPU_FEATURES(X) \
	X(NX, 0, 0x80000001u, 0, 3, 20, "nx") \
	X(SMEP, 1, 7, 0, 1, 7, "smep") \
	X(SMAP, 2, 7, 0, 1, 20, "smap") \
	X(UMIP, 3, 7, 0, 2, 2, "umip") \
	X(CET_SS, 4, 7, 0, 2, 7, "cet-ss") \
	X(CET_IBT, 5, 7, 0, 3, 20, "cet-ibt") \
	X(SPEC_CTRL, 6, 7, 0, 3, 26, "spec-ctrl") \
	X(STIBP, 7, 7, 0, 3, 27, "stibp") \
	X(SSBD, 8, 7, 0, 3, 31, "ssbd") \
	X(AMD_IBRS, 9, 0x80000008u, 0, 1, 14, "amd-ibrs") \
	X(AMD_STIBP, 10, 0x80000008u, 0, 1, 15, "amd-stibp") \
	X(AMD_SSBD, 11, 0x80000008u, 0, 1, 24, "amd-ssbd")

enum ceno_cpu_feature {
#define CENO_CPU_FEATURE_ENUM(name, bit, leaf, subleaf, reg, at, text) CENO_CPU_##name = 1u << bit,
	CENO_CPU_FEATURES(CENO_CPU_FEATURE_ENUM)
#undef CENO_CPU_FEATURE_ENUM
};
#define CENO_CPU_FEATURE_MASK 0xfffu

#define CENO_CR0_WP   (1ull << 16)
#define CENO_CR0_PG   (1ull << 31)
#define CENO_CR4_UMIP (1ull << 11)
#define CENO_CR4_SMEP (1ull << 20)
#define CENO_CR4_SMAP (1ull << 21)
#define CENO_EFER_LMA (1ull << 10)
#define CENO_EFER_NXE (1ull << 11)

/* The features that one answer of CPUID shows. */
static inline uint32_t ceno_cpu_features(uint32_t leaf, uint32_t subleaf, const uint32_t answer[4])
{
	uint32_t found = 0;

#define CENO_CPU_FEATURE_FIND(name, bit, in_leaf, in_subleaf, reg, at, text) \
	if (leaf == (in_leaf) && subleaf == (in_subleaf) && (answer[reg] >> (at) & 1)) \
		found |= CENO_CPU_##name;
	CENO_CPU_FEATURES(CENO_CPU_FEATURE_FIND)
#undef CENO_CPU_FEATURE_FIND
	return found;
}

/* Does a vCPU that begins so keep ring 0 from running or reading ring 3's pages by accident,
 * read-only pages read-only for ring 0 too, and no page executable that says it is not? offered:
 * enum ceno_cpu_feature. */
static inline int ceno_cpu_protected(uint64_t cr0, uint64_t cr4, uint64_t efer, uint32_t offered)
{
	const uint64_t cr0_needed = CENO_CR0_PG | CENO_CR0_WP, cr4_needed = CENO_CR4_SMEP | CENO_CR4_SMAP,
		       efer_needed = CENO_EFER_LMA | CENO_EFER_NXE;

	return (cr0 & cr0_needed) == cr0_needed && (cr4 & cr4_needed) == cr4_needed &&
	    (efer & efer_needed) == efer_needed && (cr4 & CENO_CR4_UMIP || !(offered & CENO_CPU_UMIP));
}

#endif
