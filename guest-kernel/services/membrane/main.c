/*
 * Membrane's start: windows, RAM, randomness, time, the tree of files; then the
 * session's programs, one after another (process.c).
 *
 * A pack or window that cannot be used is the launcher's fault: membrane ends, and
 * the nucleus reports that no fiber can run.
 */
#include "frames.h"
#include "pack.h"
#include "process.h"
#include "random.h"
#include "stdio.h"
#include "text.h"
#include "time.h"
#include "tty.h"
#include "vfs.h"
#include "vm.h"

#ifndef CENO_ARCH_FAKE
_Noreturn void ceno_membrane_abort(void)
{
	for (;;)
		__asm__ volatile("ud2");
}
#endif

/* User RAM, which init hands on whole: without pool and boot granule. */
static uint64_t user_bytes(uint64_t ram_bytes)
{
	uint64_t pool = (ram_bytes / 32 + CENO_LARGE_PAGE - 1) & ~(CENO_LARGE_PAGE - 1);

	return ram_bytes - pool - CENO_LARGE_PAGE;
}

void ceno_service_main(void)
{
	const struct ceno_boot *boot = ceno_boot();

	if (boot->magic != CENO_BOOT_MAGIC || boot->abi_version != CENO_ABI_VERSION)
		ceno_membrane_abort();
	memset(&ceno_run, 0, sizeof(ceno_run));
	ceno_vms_init();
	ceno_text_init();
	if (ceno_stdio_init() || ceno_frames_init(user_bytes(boot->ram_bytes)) || ceno_packs_init(boot->pack_bytes))
		ceno_membrane_abort();
	ceno_run.enosys = ceno_frames_table(CENO_ENOSYS_SLOTS * sizeof(*ceno_run.enosys));
	ceno_tty_init();
	ceno_tasks_init();
	ceno_signals_init();
	ceno_timers_init();
	ceno_inodes_init();
	ceno_paths_init();
	ceno_time_init();
	ceno_random_init();
	ceno_vm_layout_init();
	if (ceno_vfs_init())
		ceno_membrane_abort();
	ceno_program_next();
}
