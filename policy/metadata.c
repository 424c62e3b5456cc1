/* Declared metadata: two word tables, read in both directions. */
#include "metadata.h"

#include <stddef.h>
#include <string.h>

static const char *const classifications[CENO_CLASSIFICATION_COUNT] = {
	"none", "general", "PHI", "PII", "financial", "credentials",
};

static const char *const jurisdictions[CENO_JURISDICTION_COUNT] = {
	"none", "US", "EU", "UK", "CA", "AU", "IN", "OTHER",
};

static int find(const char *const *words, int count, const char *word)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(words[i], word))
			return i;
	return -1;
}

const char *ceno_classification_word(uint32_t value)
{
	return value < CENO_CLASSIFICATION_COUNT ? classifications[value] : NULL;
}

const char *ceno_jurisdiction_word(uint32_t value)
{
	return value < CENO_JURISDICTION_COUNT ? jurisdictions[value] : NULL;
}

int ceno_classification_parse(const char *word)
{
	return find(classifications, CENO_CLASSIFICATION_COUNT, word);
}

int ceno_jurisdiction_parse(const char *word)
{
	return find(jurisdictions, CENO_JURISDICTION_COUNT, word);
}
