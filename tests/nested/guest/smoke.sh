# The machine itself: KVM over SVM with nested paging, a TPM, cgroup v2.
set -e
grep -q '^kvm=svm npt=on tpm=/dev/tpmrm0 cgroup=v2 ' /out/evidence
grep -qw memory /sys/fs/cgroup/cgroup.controllers
build/test-bin/nested_smoke
tpm2 getrandom --tcti device:/dev/tpmrm0 --hex 16 >/tmp/random
[ "$(wc -c </tmp/random)" = 32 ]
echo "nested smoke: passed"
