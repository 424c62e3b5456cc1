#!/bin/bash
# Every hostile guest of tests/hostile/guests, each form in a session of a node that runs their
# kernel: see tests/hostile/judge.c. Arguments go to it.
# shellcheck source=../node.sh
. "$(dirname "$0")/../node.sh"
uids=805306368 # this node's own, so that others of the machine are not counted

mkdir "$node/blobs"
cp "$build/blobs/firmware.bin" "$node/blobs/firmware.bin"
cp "$build/blobs/trust-hostile.bin" "$node/blobs/trust.bin"
cp "$build/blobs/bundle-hostile-guests.bin" "$node/blobs/bundle.bin"
blobs=$node/blobs
# CENO_LIB: other daemons than those of the build (guests/prove)
node_start --uid-base $uids ${CENO_LIB:+--lib "$CENO_LIB"} || exit 1
"$build/test-bin/hostile_judge" --bin "$bin" --node "$(node_pid)" --uid-base $uids --blobs "$blobs" "$@"
status=$?
check "the node ends" node_stop
[ $status = 0 ] && finish
exit 1
