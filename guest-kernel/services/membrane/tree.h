/* The tree of files at the start of a session (tree.c), for those who put something into it. */
#ifndef CENO_MEMBRANE_TREE_H
#define CENO_MEMBRANE_TREE_H

#include "vfs.h"

/* A leaf of root's under an absolute path, in directories that are made for root if they are
 * missing. What exists already (the pack's) stays. NULL: no RAM, or it exists. */
struct ceno_inode *ceno_tree_plant(const char *path, enum ceno_inode_kind kind, uint32_t mode);

/* /proc but for what is constant text. */
void ceno_procfs_plant(void);

#endif
