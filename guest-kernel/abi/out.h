/*
 * What a session leaves in /out, on its way to the host: a request for a program of this path
 * (window.h; its first argument is a word of the host's choice) is served by membrane itself.
 * It writes to the stdout ring
 *
 *   the word, then for each name below /out, a directory before what is in it:
 *   struct ceno_out_entry, path, data; and one entry of zeros
 *
 * and reports the request done. All of it is the guest's word; whoever reads it believes no
 * length and no path.
 */
#ifndef CENO_ABI_OUT_H
#define CENO_ABI_OUT_H

#include <stdint.h>

#define CENO_OUT_PROGRAM "/.out"
#define CENO_OUT_PATH_MAX 4095u     /* below /out */
#define CENO_OUT_TOO_DEEP 1u        /* mode of what has a longer one: the path is its last part alone, no data comes */

struct ceno_out_entry {
	uint64_t bytes;             /* file: of its data; link: of its target; else 0 */
	uint32_t mode;              /* st_mode, of a directory, file, link, FIFO, socket or device; or TOO_DEEP */
	uint32_t path_bytes;        /* of the path below /out, which has no slash at its ends */
};
_Static_assert(sizeof(struct ceno_out_entry) == 16, "out entry");

#endif
