/* Layers of containment by name: see layers.h. */
#include "layers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cgroup.h"
#include "vmm/sandbox/jail.h"

static const struct {
	uint32_t layer;
	const char *word;
} words[] = {
#define LAYER_WORD(name, number, word, text) { CENO_LAYER_##name, word },
	CENO_LAYERS(LAYER_WORD)
#undef LAYER_WORD
};

static const struct {
	uint32_t layer, step;
} steps[] = {
	{ CENO_LAYER_LANDLOCK, CENO_JAIL_LANDLOCK }, { CENO_LAYER_NAMESPACES, CENO_JAIL_SPACES },
	{ CENO_LAYER_CORE, CENO_JAIL_CORE },         { CENO_LAYER_BRANCHES, CENO_JAIL_BRANCHES },
	{ CENO_LAYER_L1D, CENO_JAIL_L1D },
};

static const struct {
	uint32_t layer, controller;
} groups[] = {
	{ CENO_LAYER_MEMORY, CENO_CGROUP_MEMORY },
	{ CENO_LAYER_TASKS, CENO_CGROUP_PIDS },
	{ CENO_LAYER_PROCESSOR, CENO_CGROUP_CPU },
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

uint32_t ceno_layers_offered(void)
{
	uint32_t layers = 0, controllers, offers = ceno_jail_offers();

	ceno_cgroup_version(&controllers);
	for (size_t i = 0; i < COUNT(groups); i++)
		layers |= controllers & 1u << groups[i].controller ? groups[i].layer : 0;
	for (size_t i = 0; i < COUNT(steps); i++)
		layers |= offers & 1u << steps[i].step ? steps[i].layer : 0;
	return layers;
}

uint32_t ceno_layers_usual(uint32_t offered)
{
	return (offered & ~(uint32_t)(CENO_LAYER_PROCESSOR | CENO_LAYER_LANDLOCK | CENO_LAYER_L1D)) | CENO_LAYER_CORE;
}

static uint32_t layer_of(const char *word, size_t length)
{
	for (size_t i = 0; i < COUNT(words); i++)
		if (strlen(words[i].word) == length && !memcmp(words[i].word, word, length))
			return words[i].layer;
	return 0;
}

int ceno_layers_parse(const char *list, uint32_t *layers)
{
	uint32_t found = 0;

	if (!strcmp(list, "none")) {
		*layers = 0;
		return 0;
	}
	for (const char *at = list;; at++) {
		size_t length = strcspn(at, ",");
		uint32_t layer = layer_of(at, length);

		if (!layer)
			return -EINVAL;
		found |= layer;
		at += length;
		if (!*at)
			break;
	}
	*layers = found;
	return 0;
}

void ceno_layers_format(uint32_t layers, char *out, size_t size)
{
	size_t used = 0;

	snprintf(out, size, "none");
	for (size_t i = 0; i < COUNT(words) && used < size; i++)
		if (layers & words[i].layer)
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? "," : "", words[i].word);
}

uint32_t ceno_layers_steps(uint32_t layers)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < COUNT(steps); i++)
		mask |= layers & steps[i].layer ? 1u << steps[i].step : 0;
	return mask;
}
