# Sourced by end-to-end tests: a node of the test's own in a temporary folder.
#
#   node_start [cenod option]...   starts it and waits until its socket answers
#   node_stop                      SIGTERM, and waits for the end
#   $bin (executables)  $node (folder)  $CENO_SOCKET, $XDG_CONFIG_HOME (exported)
#   check WHAT COMMAND...          runs, says WHAT, counts; finish prints the sum
#
# Exit 77 (skip) where /dev/kvm cannot be used. Everything started is ended by pid.
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${CENO_BUILD:-$root/build}
bin=$build/bin
blobs=$build/blobs
[ -r /dev/kvm ] && [ -w /dev/kvm ] || { echo "skipped: no usable /dev/kvm"; exit 77; }
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }

node=$(mktemp -d /tmp/ceno-e2e.XXXXXX)
chmod 711 "$node" # the daemons run as users of their own
export CENO_SOCKET=$node/run/cenod.sock XDG_CONFIG_HOME=$node/config
passed=0 failed=0

node_pid() { cat "$node/pid" 2>/dev/null; }

node_start() {
	mkdir -p "$node/state" "$node/run" "$node/config"
	"$bin/cenod" --state "$node/state" --run "$node/run" --pidfile "$node/pid" --lib "$bin" --blobs "$blobs" "$@" \
		</dev/null || { echo "node: cenod did not start"; tail -5 "$node/state/cenod.log" 2>/dev/null; return 1; }
	for _ in $(seq 200); do
		[ -S "$CENO_SOCKET" ] && [ -n "$(node_pid)" ] && return 0
		sleep 0.05
	done
	echo "node: no socket after 10 s"
	tail -5 "$node/state/cenod.log" 2>/dev/null
	return 1
}

node_stop() {
	local pid
	pid=$(node_pid)
	[ -n "$pid" ] && [ -d "/proc/$pid" ] || return 0
	kill -TERM "$pid"
	for _ in $(seq 300); do [ -d "/proc/$pid" ] || return 0; sleep 0.1; done
	echo "node: cenod ($pid) still runs 30 s after SIGTERM"
	kill -KILL "$pid"
	return 1
}

cleanup() {
	node_stop
	rm -rf "$node"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

check() {
	local what=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
		echo "ok    $what"
	else
		failed=$((failed + 1))
		echo "FAIL  $what"
	fi
}

# field FILE PATH: a value of a proof's payload, e.g. steps.0.evidence.cause
field() {
	python3 - "$@" <<'PY'
import base64, json, sys
value = json.loads(base64.b64decode(json.load(open(sys.argv[1]))["dsse"]["payload"]))["predicate"]
for key in sys.argv[2].split("."):
    value = value[int(key)] if isinstance(value, list) else value[key]
print(value)
PY
}

finish() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
	exit
}
