#!/bin/bash
# Programs that take all there is of something: each meets the errno of Linux and goes on, or its
# session ends; either way it is destroyed and proven, and the next session runs.
. "$(dirname "$0")/../node.sh"
ceno=$bin/ceno
program=$build/test-bin/guest_program_exhaust
cd "$node" || exit 1
node_start || exit 1

# session STATUS ARGS...: runs it in 64 MiB or $memory; status, a proof that verifies, and a session after it.
session() {
	local want=$1 got
	shift
	rm -f p.json
	"$ceno" run --memory "${memory:-64M}" --proof p.json -- "$program" "$@" >out 2>err </dev/null
	got=$?
	[ $got = "$want" ] && "$ceno" verify p.json >/dev/null && "$ceno" run --quiet --no-proof -- busybox true && return 0
	echo "      $1: status $got"; head -5 out err
	return 1
}
says() { [ "$(cat out)" = "$1" ] && return 0; echo "      said:"; cat out; return 1; }
# The same as on the host, where the thing has the same limit.
as_host() {
	local where
	where=$(mktemp -d "$node/host.XXXXXX")
	(ulimit -n 1024; ulimit -s 8192; "$program" "$1" "$where") >want 2>&1 </dev/null
	session 0 "$1" && says "$(cat want)"
}

check "memory: the larger child is killed, its parent has what it had" session 0 memory
check "... said so" says "$(printf 'the child: signal 9\nthe child: signal 9\nthe child: signal 9\nand on it goes')"
check "... and the summary does" grep -q "RAM ran out: whoever held most of it was killed" err
check "memory, alone: the session ends, proven" session 125 alone
check "... said so" grep -q "ran out of the session's memory (try --memory)" err
check "a fork bomb: EAGAIN, and on it goes" eval "memory=256M session 0 forks"
check "... said so" says "$(printf 'fork: Resource temporarily unavailable\nand on it goes')"
check "descriptors: EMFILE, as on the host" as_host files
check "a storm of signals: EAGAIN, and none is lost" session 0 signals
check "... said so" says "$(printf 'sigqueue: Resource temporarily unavailable\nall that were queued came: 1\nand on it goes')"
check "arguments too long: E2BIG, as on the host" as_host argv
check "directories too deep: ERANGE, ENAMETOOLONG, as on the host" as_host deep
check "a full file system: ENOSPC, and on it goes" session 0 full
check "... said so" says "$(printf 'write: No space left on device\nanother file: No space left on device\nthen: 65536\nand on it goes')"
check "a flood of output: every byte of 64 MiB" eval 'session 0 flood && [ "$(stat -c %s out)" = 67108864 ]'
closed() { "$ceno" run --quiet --memory 64M --proof p.json -- "$program" flood 2>err </dev/null | head -c 1 >/dev/null
	[ "${PIPESTATUS[0]}" = 141 ] && "$ceno" verify p.json >/dev/null; }
check "... that nobody reads: SIGPIPE, destroyed and proven" closed
finish
