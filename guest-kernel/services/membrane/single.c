/* See single.h. */
#include "single.h"

static struct ceno_files files;

struct ceno_files *ceno_files_new(void)
{
	files.uses = 1;
	return &files;
}
struct ceno_files *ceno_files_copy(struct ceno_files *from)
{
	from->uses++;
	return from;
}
void ceno_files_put(struct ceno_files *from)
{
	from->uses--;
}
void ceno_files_exec(struct ceno_files *from)
{
	(void)from;
}
