/* The table of modules (table.h). */
#include "images/table.h"

#include <stdbool.h>
#include <string.h>
#include "images/module.h"

static const char *const pledges[CENO_PLEDGE_COUNT] = { "stdio", "rw",    "net",   "storage",
	                                                "spawn", "audio", "video", "gpu" };
static const char *const spectra[] = { "photon", "matter", "gravity", "void" };
_Static_assert(sizeof spectra / sizeof spectra[0] == CENO_SPECTRUM_COUNT, "a word for each spectrum");
static const char *const flags[] = { "essential", "lazy", "integer", "prepared" };
static const char *const grants[] = {
	[CENO_SLOT_NULL] = "",
	[CENO_SLOT_SELF] = "self",
	[CENO_SLOT_CLOCK] = "clock",
	[CENO_SLOT_RAM] = "ram",
	[CENO_SLOT_PACK] = "pack",
	[CENO_SLOT_BUNDLE] = "bundle",
	[CENO_SLOT_BOOT] = "boot",
	[CENO_SLOT_IMAGE] = "image",
	[CENO_SLOT_WINDOW] = "window-stdio",
	"window-rw",
	"window-net",
	"window-storage",
	"window-spawn",
	"window-audio",
	"window-video",
	"window-gpu",
	[CENO_SLOT_TRAP] = "trap",
	[CENO_SLOT_SERVICE] = "service",
	[CENO_SLOT_EVENTS] = "events",
	[CENO_SLOT_SUPERVISOR] = "supervisor",
	[CENO_SLOT_REPLY] = "reply",
	[CENO_SLOT_TRAIL] = "trail",
	[CENO_SLOT_TRAIL_EVENTS] = "trail-events",
	[CENO_SLOT_TRAIL_MESSAGES] = "trail-messages",
};
_Static_assert(sizeof grants / sizeof grants[0] == CENO_SLOT_TRAIL_END, "a word for each boot slot");

#define COUNT(words) (sizeof(words) / sizeof(words)[0])

const char *ceno_table_pledge(uint32_t number)
{
	return number < COUNT(pledges) ? pledges[number] : NULL;
}

const char *ceno_table_spectrum(uint32_t number)
{
	return number < COUNT(spectra) ? spectra[number] : NULL;
}

const char *ceno_table_flag(uint32_t number)
{
	return number < COUNT(flags) ? flags[number] : NULL;
}

const char *ceno_table_grant(uint32_t number)
{
	return number < COUNT(grants) ? grants[number] : NULL;
}

struct word {
	const char *at;
	size_t length;
};

static bool is(struct word w, const char *text)
{
	return strlen(text) == w.length && memcmp(text, w.at, w.length) == 0;
}

/* "a,b" as bits by the position in the list; `all` names `everything`. */
static bool read_words(struct word w, const char *const *list, size_t count, const char *all, uint64_t everything,
                       uint64_t *bits)
{
	*bits = 0;
	if (is(w, "-"))
		return true;
	for (;;) {
		const char *comma = memchr(w.at, ',', w.length);
		struct word one = { w.at, comma ? (size_t)(comma - w.at) : w.length };
		size_t i = 0;

		while (i < count && !is(one, list[i]))
			i++;
		if (one.length == 0 || (i == count && !(all && is(one, all))))
			return false;
		*bits |= i == count ? everything : 1ull << i;
		if (!comma)
			return true;
		w = (struct word){ comma + 1, w.length - one.length - 1 };
	}
}

static bool read_number(struct word w, uint64_t max, uint64_t *value)
{
	*value = 0;
	if (w.length == 0 || w.length > 12)
		return false;
	for (size_t i = 0; i < w.length; i++) {
		if (w.at[i] < '0' || w.at[i] > '9')
			return false;
		*value = *value * 10 + (uint64_t)(w.at[i] - '0');
	}
	return *value <= max;
}

static bool read_spectrum(struct word w, uint8_t *spectrum)
{
	for (*spectrum = 0; *spectrum < COUNT(spectra); (*spectrum)++)
		if (is(w, spectra[*spectrum]))
			return true;
	return false;
}

enum column { MODULE, PLEDGES, BUDGET, SPECTRUM, FLAGS, RESTARTS, POOL, STATE, GRANTS, COLUMNS };

static const char *read_row(struct ceno_manifest *m, const struct word w[COLUMNS])
{
	uint64_t bits;

	if (!read_words(w[PLEDGES], pledges, COUNT(pledges), "all", (1u << CENO_PLEDGE_COUNT) - 1, &bits))
		return "not a list of pledge classes";
	m->pledge_mask = (uint32_t)bits;
	if (!read_number(w[BUDGET], UINT32_MAX, &bits))
		return "not a budget in joules";
	m->budget = (uint32_t)bits;
	if (!read_spectrum(w[SPECTRUM], &m->spectrum))
		return "not a spectrum";
	if (!read_words(w[FLAGS], flags, COUNT(flags), NULL, 0, &bits))
		return "not a list of flags";
	m->flags = (uint8_t)bits;
	if (!read_number(w[RESTARTS], UINT16_MAX, &bits))
		return "not a number of restarts";
	m->restarts_max = (uint16_t)bits;
	if (is(w[POOL], "rest"))
		bits = CENO_MODULE_POOL_REST;
	else if (!read_number(w[POOL], CENO_MODULE_POOL_REST - 1, &bits))
		return "not a number of pool pages";
	m->pool_pages = (uint32_t)bits;
	if (!read_number(w[STATE], UINT32_MAX, &bits))
		return "not a number of bytes of state";
	m->state_bytes = (uint32_t)bits;
	if (!read_words(w[GRANTS], grants, COUNT(grants), "windows", CENO_MODULE_WINDOWS, &m->grants))
		return "not a list of grants";
	return NULL;
}

/* Cuts a line into its columns, without its comment; returns how many there are. */
static size_t cut(const char *at, const char *end, struct word w[COLUMNS])
{
	const char *comment = memchr(at, '#', (size_t)(end - at));
	size_t n = 0;

	end = comment ? comment : end;
	for (;;) {
		while (at < end && (*at == ' ' || *at == '\t'))
			at++;
		if (at == end)
			return n;
		if (n == COLUMNS)
			return COLUMNS + 1;
		w[n].at = at;
		while (at < end && *at != ' ' && *at != '\t')
			at++;
		w[n].length = (size_t)(at - w[n].at);
		n++;
	}
}

static const char *read_line(struct ceno_manifest *table, const char *at, const char *end)
{
	struct word w[COLUMNS];
	size_t n = cut(at, end, w);
	uint32_t id;

	if (n == 0)
		return NULL;
	if (n != COLUMNS)
		return "not nine columns";
	if (!ceno_module_id(w[MODULE].at, w[MODULE].length, &id))
		return "not a module";
	if (table[id].listed++)
		return "the module is in the table twice";
	return read_row(&table[id], w);
}

const char *ceno_table_read(struct ceno_manifest table[CENO_TABLE_MODULES], const char *text, size_t bytes,
                            unsigned *line)
{
	const char *end = text + bytes;

	memset(table, 0, CENO_TABLE_MODULES * sizeof table[0]);
	for (*line = 1; text < end; (*line)++) {
		const char *next = memchr(text, '\n', (size_t)(end - text)), *problem;

		problem = read_line(table, text, next ? next : end);
		if (problem)
			return problem;
		text = next ? next + 1 : end;
	}
	return NULL;
}
