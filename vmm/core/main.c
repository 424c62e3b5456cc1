/*
 * ceno-vmm: one process, one virtual machine.
 *
 *   ceno-vmm                        the jailed role (launch.h); started by the warden
 *   ceno-vmm --direct ...           boots a bundle for tests, without warden
 *   ceno-vmm --probe                prints what kind of KVM this is, as JSON
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vmm/core/direct.h"
#include "vmm/kvm/probe.h"

static int probe(void)
{
	static const char *const kind[] = { "", "vmx", "svm", "paging" };
	static const char *const mode[] = { "", "lstar", "page" };
	struct ceno_probe found;
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "ceno-vmm: cannot open /dev/kvm: %m\n");
		return 1;
	}
	int result = ceno_probe_run(fd, &found);
	if (result) {
		fprintf(stderr, "ceno-vmm: the probe machine did not run: %s\n", strerror(-result));
		return 1;
	}
	printf("{\"kvm_kind\":\"%s\",\"npt\":%s,\"syscall_mode\":\"%s\",\"tsc_hz\":%" PRIu64 "}\n", kind[found.kvm_kind],
	       found.npt ? "true" : "false", mode[found.syscall_mode], found.tsc_hz);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--probe") == 0)
		return probe();
	if (argc >= 2 && strcmp(argv[1], "--direct") == 0)
		return ceno_direct_main(argc - 1, argv + 1);
	fprintf(stderr, "usage: ceno-vmm --probe | --direct --firmware F --trust T --bundle B [options]\n");
	return 2;
}
