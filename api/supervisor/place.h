/*
 * Where the files of this build are: beside the running executable as it was built, else where an
 * installation puts them, wherever that was moved to, else where it was configured to be.
 */
#ifndef CENO_API_SUPERVISOR_PLACE_H
#define CENO_API_SUPERVISOR_PLACE_H

#include <stdbool.h>

#define CENO_PLACE_MAX 4096

enum ceno_place {
	CENO_PLACE_LIB,    /* executables that people do not start: ceno-vmm and the like */
	CENO_PLACE_BLOBS,  /* firmware.bin, trust.bin, bundle.bin */
	CENO_PLACE_RECIPES /* of images */
};

/* Writes the path of `name` there into out. True: it can be read; false: it is nowhere, and the path is where it
 * was configured to be, for a message. */
bool ceno_place_find(enum ceno_place place, const char *name, char out[CENO_PLACE_MAX]);

/* The folder that holds `name`, likewise. */
bool ceno_place_folder(enum ceno_place place, const char *name, char out[CENO_PLACE_MAX]);

#endif
