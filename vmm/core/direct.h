/*
 * The --direct driver: boots a bundle without warden, jail and filter, for guest
 * tests. It makes the descriptors and the record that the warden would make, and
 * runs the same core.
 */
#ifndef CENO_VMM_DIRECT_H
#define CENO_VMM_DIRECT_H

/* Run with the arguments after --direct (argv[0] is "--direct"). Returns the process's
 * exit status: the program's, or 125 when the guest stopped before one ended, or 2
 * for wrong usage; says on stderr what happened. */
int ceno_direct_main(int argc, char **argv);

#endif
