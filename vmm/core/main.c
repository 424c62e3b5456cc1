/*
 * ceno-vmm: one process, one virtual machine.
 *
 *   ceno-vmm                        the jailed role (launch.h); started by the warden
 *   ceno-vmm --direct ...           boots a bundle for tests, without warden
 *   ceno-vmm --print-filter         prints the locked process's system call table
 *   ceno-vmm --print-filter-hash    prints the SHA-256 of its filter program
 *   ceno-vmm --probe                prints what kind of KVM this is (launch.h)
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/core/direct.h"
#include "vmm/core/jailed.h"
#include "vmm/core/launch.h"
#include "vmm/kvm/probe.h"
#include "vmm/sandbox/filter.h"
#include "vmm/sandbox/filter_digest.h"

/* /dev/kvm: descriptor CENO_VMM_FD_KVM if it is that device, else opened. */
static int find_kvm(void)
{
	struct stat here, there;
	if (stat("/dev/kvm", &there) == 0 && fstat(CENO_VMM_FD_KVM, &here) == 0 && S_ISCHR(here.st_mode) &&
	    here.st_rdev == there.st_rdev)
		return CENO_VMM_FD_KVM;
	return open("/dev/kvm", O_RDWR | O_CLOEXEC);
}

static int probe(void)
{
	struct ceno_probe found;
	int fd = find_kvm();
	if (fd < 0) {
		fprintf(stderr, "ceno-vmm: cannot open /dev/kvm: %m\n");
		return 1;
	}
	int result = ceno_probe_run(fd, &found);
	if (result) {
		fprintf(stderr, "ceno-vmm: the probe machine did not run: %s\n", strerror(-result));
		return 1;
	}
	printf("kvm_kind=%" PRIu32 "\nsyscall_mode=%" PRIu32 "\ntsc_hz=%" PRIu64 "\nnpt=%d\ncpu=%" PRIu32 "\n",
	       found.kvm_kind, found.syscall_mode, found.tsc_hz, found.npt, found.features);
	return fflush(stdout) ? 1 : 0;
}

static int print_filter_hash(void)
{
	uint8_t digest[32];
	if (ceno_filter_digest(digest))
		return 1;
	for (int i = 0; i < 32; i++)
		printf("%02x", digest[i]);
	putchar('\n');
	return fflush(stdout) ? 1 : 0;
}

static void print_condition(const struct ceno_filter_condition *condition, const char *before)
{
	printf("%sarg%" PRIu32 "=%#" PRIx64, before, condition->argument, condition->first);
	if (condition->within)
		printf("..%#" PRIx64, condition->last);
}

static int print_filter(void)
{
	size_t count;
	const struct ceno_filter_rule *rules = ceno_filter_rules(&count);
	for (size_t i = 0; i < count; i++) {
		printf("%" PRIu32 "\t%s", rules[i].number, rules[i].name);
		for (uint32_t j = 0; j < rules[i].condition_count; j++)
			print_condition(&rules[i].conditions[j], j ? " " : "\t");
		printf("%s%s\t%s\n", rules[i].condition_count ? "\t" : "\t-\t", rules[i].threads, rules[i].reason);
	}
	return fflush(stdout) ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--probe") == 0)
		return probe();
	if (argc >= 2 && strcmp(argv[1], "--direct") == 0)
		return ceno_direct_main(argc - 1, argv + 1);
	if (argc == 2 && strcmp(argv[1], "--print-filter-hash") == 0)
		return print_filter_hash();
	if (argc == 2 && strcmp(argv[1], "--print-filter") == 0)
		return print_filter();
	if (argc == 1)
		return ceno_jailed_main();
	fprintf(stderr,
	        "usage: ceno-vmm --probe | --print-filter | --print-filter-hash | --direct --firmware F --trust T "
	        "--bundle B [options]\n");
	return 2;
}
