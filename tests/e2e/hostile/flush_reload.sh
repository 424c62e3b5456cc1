#!/bin/bash
# Flush+Reload between two sessions (tests/hostile/flush_reload.c): the channel that docs/nonclaims.md states,
# measured. Two sessions of one tenant with --share tenant: the spy reads the victim's secret, if this machine has
# the channel at all, which two processes of the host show first. With --share session: it reads nothing.
# The node runs on one CPU, so that every machine has the cache in common that matters: the spy sleeps while the victim runs.
# shellcheck source=../node.sh
. "$(dirname "$0")/../node.sh"
build=$(cd "$build" && pwd) bin=$build/bin
cd "$build/test-bin" || exit 1
program=./guest_flush_reload # ours, not the image's
rounds=3

# HITS NEXT ROUNDS: has the spy found something? One hit in 500 rounds or more, and either few, five times those on any
# other page, or so many that a third more is no chance: some processors bring lines that nobody read.
is_found() {
	[ $((500 * $1)) -ge "$3" ] && { [ "$1" -ge 10 -a "$1" -ge $((5 * $2)) ] || [ "$1" -ge 120 -a $((3 * $1)) -ge $((4 * $2)) ]; }
}
cpu=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
taskset -cp "$cpu" $$ >/dev/null

mkdir "$node/tree" && head -c 69632 /dev/urandom >"$node/tree/shared"
"$bin/ceno" image build --from dir:"$node/tree" --name side -o "$node/side.img" >/dev/null || exit 1

on_host() { exec "$program" "$1" "$node/tree/shared" "${@:2}"; }
in_session() { exec "$bin/ceno" run --quiet --no-proof --memory 64M --image side --share "$share" -- "$program" "$1" /shared "${@:2}"; }

# Both programs by COMMAND; prints what the spy says, and the secret. The victim lives until it has.
pair() { # COMMAND
	local secret=$((RANDOM % 16)) victim
	mkfifo "$node/up"
	"$1" victim "$secret" 60000 >"$node/up" 2>/dev/null &
	victim=$!
	read -r -t 20 _ <"$node/up"
	echo "$("$1" spy 12000 2>&1) secret $secret"
	kill -INT "$victim"
	wait "$victim"
	rm "$node/up"
}

# In how many of the rounds the spy found a page: the secret, or another.
play() { # COMMAND
	found=0 wrong=0
	for _ in $(seq $rounds); do
		said=$(pair "$1")
		echo "      $said"
		set -- "$1" $said
		[ "$2" = page ] || return 1
		is_found "$5" "$7" "$9" || continue
		if [ "$3" = "${11}" ]; then found=$((found + 1)); else wrong=$((wrong + 1)); fi
	done
}

play on_host || exit 1
if [ $found != $rounds ]; then
	echo "skipped: two processes of this host find $found of $rounds secrets by Flush+Reload: there is no channel to state"
	exit 77
fi
node_start --uid-base 805371904 || exit 1
"$bin/ceno" image add "$node/side.img" >/dev/null || exit 1

share=tenant
play in_session || exit 1
check "share tenant: the spy has $found of $rounds secrets, $wrong wrong; the channel is there, as docs/nonclaims.md says" \
	[ "$found" -gt 0 -a "$wrong" = 0 ]
share=session
play in_session || exit 1
check "share session: the spy has found $found pages, $wrong wrong; no channel through the image" [ "$found$wrong" = 00 ]
finish
