# Linux's system calls as assertions on nested SVM, where `syscall` reaches the nucleus by the CPU's own
# way: all hold for the Linux of this machine, and for membrane in a guest of ours. Then by chance.
set -e
direct="ceno-vmm --direct --firmware build/blobs/firmware.bin --trust build/blobs/trust.bin --bundle build/blobs/bundle.bin"
echo "--- on this machine's Linux, whose pipes know no RWF_NOWAIT before 6.3"
build/test-bin/conform >/tmp/host || [ $? = 1 ] # some do not hold: which, below
tail -1 /tmp/host | grep " assertions hold, "
! grep "does not hold" /tmp/host | grep -v RWF_NOWAIT || exit 1
echo "--- in the guest"
ceno-mkpack /tmp/pack /bin/conform=build/test-bin/conform:program /bin/sh=/bin/busybox:program -- /bin/conform
$direct --memory 256 --pack /tmp/pack >/tmp/guest || { tail -30 /tmp/guest; exit 1; }
tail -1 /tmp/guest
seed=$(date +%s)
echo "--- by chance, seed $seed"
ceno-mkpack /tmp/pack /bin/random=build/test-bin/conform-random:program -- /bin/random "$seed" 10 1000
mkdir -p /dev/shm/random/tmp
chmod 755 /dev/shm/random
chmod 777 /dev/shm/random/tmp
TMPDIR=/dev/shm/random/tmp build/test-bin/conform-random "$seed" 10 1000 >/tmp/host
$direct --memory 256 --pack /tmp/pack >/tmp/guest
cmp /tmp/host /tmp/guest || { diff /tmp/host /tmp/guest | head -20; exit 1; }
echo "$(grep -c ' = ' /tmp/host) calls, no difference"
