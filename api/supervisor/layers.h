/*
 * The layers of a session's containment that not every host can give, by name: which of
 * them this host offers, and which of them a node requires. What every host must give
 * (namespaces, empty root, no capability, seccomp ...) has no name here: a session without
 * it never runs (vmm/sandbox/jail.h).
 */
#ifndef CENO_API_SUPERVISOR_LAYERS_H
#define CENO_API_SUPERVISOR_LAYERS_H

#include <stddef.h>
#include <stdint.h>

/* X(name, number, word, text) */
#define CENO_LAYERS(X) \
	X(MEMORY, 0, "memory", "a control group's memory limit") \
	X(TASKS, 1, "tasks", "a control group's limit of tasks") \
	X(PROCESSOR, 2, "processor", "a control group's share of processor time") \
	X(LANDLOCK, 3, "landlock", "a Landlock domain without a single rule") \
	X(NAMESPACES, 4, "namespaces", "no further user namespace") \
	X(CORE, 5, "core", "no processor core shared between sessions (no SMT, or core scheduling)") \
	X(BRANCHES, 6, "branches", "indirect branch prediction restricted (STIBP, IBPB)") \
	X(L1D, 7, "l1d", "L1 data cache flushed when a session is switched out")

enum ceno_layer {
#define CENO_LAYER_ENUM(name, number, word, text) CENO_LAYER_##name = 1 << (number),
	CENO_LAYERS(CENO_LAYER_ENUM)
#undef CENO_LAYER_ENUM
};

/* What this host can give, by looking at it; changes nothing. */
uint32_t ceno_layers_offered(void);

/* What a node requires that was not told otherwise: all that the host offers but processor,
 * landlock and l1d, and core in any case. Pure. */
uint32_t ceno_layers_usual(uint32_t offered);

/* The words of a list with commas, or "none". 0 or -EINVAL (*layers is not changed). Pure. */
int ceno_layers_parse(const char *list, uint32_t *layers);

/* The list of words, "none" if there are none. out: at least CENO_LAYERS_TEXT_MAX bytes. Pure. */
void ceno_layers_format(uint32_t layers, char *out, size_t size);
#define CENO_LAYERS_TEXT_MAX 96

/* 1 << enum ceno_jail_step of those that are steps of the jail. Pure. */
uint32_t ceno_layers_steps(uint32_t layers);

#endif
