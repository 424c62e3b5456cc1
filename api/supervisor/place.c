/* Files of this build: see place.h. */
#include "place.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Relative to the folder of the executable: a build tree's, an installation's. Then the configured one. */
static const struct {
	const char *built, *installed, *configured;
} places[] = {
	[CENO_PLACE_LIB] = { ".", "../libexec/cenotaph", CENO_LIBEXEC },
	[CENO_PLACE_BLOBS] = { "../blobs", "../share/cenotaph", CENO_BLOBS },
	[CENO_PLACE_RECIPES] = { "../recipes", "../share/cenotaph/recipes", CENO_BLOBS "/recipes" },
};

static bool there(const char *folder, const char *below, const char *name, char out[CENO_PLACE_MAX])
{
	return (size_t)snprintf(out, CENO_PLACE_MAX, "%s/%s/%s", folder, below, name) < CENO_PLACE_MAX &&
	    !access(out, R_OK);
}

bool ceno_place_find(enum ceno_place place, const char *name, char out[CENO_PLACE_MAX])
{
	char self[2048];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash) {
		*slash = '\0';
		if (there(self, places[place].built, name, out) || there(self, places[place].installed, name, out))
			return true;
	}
	snprintf(out, CENO_PLACE_MAX, "%s/%s", places[place].configured, name);
	return !access(out, R_OK);
}

bool ceno_place_folder(enum ceno_place place, const char *name, char out[CENO_PLACE_MAX])
{
	bool found = ceno_place_find(place, name, out);

	out[strlen(out) - strlen(name) - 1] = '\0';
	return found;
}
