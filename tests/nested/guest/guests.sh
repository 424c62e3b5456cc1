# Every hostile guest of tests/hostile/guests on nested SVM, where ring 0 is the CPU's own, in sessions of a
# node with the machine's TPM and cgroup v2; judged by tests/hostile/judge.c. Arguments go to it.
set -e
uids=805306368
mkdir /tmp/blobs
cp build/blobs/firmware.bin /tmp/blobs/firmware.bin
cp build/blobs/trust-hostile.bin /tmp/blobs/trust.bin
cp build/blobs/bundle-hostile-guests.bin /tmp/blobs/bundle.bin
cenod --state /var/lib/cenotaph --tcti device:/dev/tpmrm0 --pidfile /run/cenod.pid --blobs /tmp/blobs \
	--uid-base $uids </dev/null
node=$(cat /run/cenod.pid)
status=0
build/test-bin/hostile_judge --bin build/bin --node "$node" --uid-base $uids --blobs /tmp/blobs "$@" || status=$?
kill -TERM "$node"
for i in $(seq 300); do [ -d /proc/$node ] || break; sleep 0.1; done
[ ! -d /proc/$node ]
[ $status = 0 ] || exit $status
echo "nested guests: passed"
