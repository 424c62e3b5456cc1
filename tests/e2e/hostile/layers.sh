#!/bin/bash
# Layers that no test machine has: a core of one's own, restricted branch prediction, a flushed L1 data
# cache. tests/hostile/processor.c answers for kernel and processor. A step that was taken and read back
# carries a session; one that is refused, or not found done when read back, carries none where the node requires
# it; one that is not there, a node that requires it does not start, and ceno doctor says so.
# shellcheck source=../node.sh
[ "${1:-}" = inside ] || exec unshare --mount --propagation private "$0" inside
. "$(dirname "$0")/../node.sh"
processor=$build/test-bin/hostile_processor
smt=/sys/devices/system/cpu/smt/active
log=$node/asked

on() { # LAYER=HOW... -- COMMAND...
	"$processor" "$log" "$@"
}

# A node on such a machine. HOW of all three, and --layers.
node_on() { # "LAYER=HOW..." LAYERS
	local how=$1 layers=$2
	rm -rf "$node/state" "$node/pid" "$log"
	mkdir -p "$node/state" "$node/run" "$node/config"
	# shellcheck disable=SC2086
	on $how -- "$bin/cenod" --state "$node/state" --run "$node/run" --pidfile "$node/pid" --lib "${CENO_LIB:-$bin}" \
		--blobs "$blobs" --layers "$layers" </dev/null 2>"$node/why" || return 1
	for _ in $(seq 200); do [ -S "$CENO_SOCKET" ] && [ -n "$(node_pid)" ] && return 0; sleep 0.05; done
	return 1
}

session() { timeout 60 "$bin/ceno" run --quiet --ttl 20s --proof "$node/proof" -- busybox echo here >"$node/out" 2>"$node/err"; }

asked() { grep -qx "ceno-vmm $1" "$log"; } # LAYER get|set ANSWER

gives() { session && [ "$(cat "$node/out")" = here ] && "$bin/ceno" verify "$node/proof" >"$node/verify"; }

# No session, no output, and a reason; nothing of it is left.
refuses() {
	! session && [ ! -s "$node/out" ] && grep -q . "$node/err" && ! grep -q "destroyed" "$node/err"
}

fails_to_start() { # LAYERS MISSING "LAYER=HOW..."
	rm -rf "$node/state" "$node/pid"
	if node_on "$3" "$1"; then node_stop; return 1; fi
	grep -q "missing: $2;" "$node/why" || { cat "$node/why"; return 1; }
}

doctor_says() { # "LAYER=HOW..." TEXT
	# shellcheck disable=SC2086
	on $1 -- "$bin/ceno" doctor | grep -q "$2" || { on $1 -- "$bin/ceno" doctor | grep -A1 layers; return 1; }
}

all="core=gives branches=gives l1d=gives"
node_on "$all" core,branches,l1d || { cat "$node/why"; exit 1; }
check "all three given and required: a session runs" gives
check "  core: asked for, and read back" asked "core set 0"
check "  branches: asked for" asked "branches set 0"
check "  branches: read back as set for good" asked "branches get 9"
check "  L1D: asked for" asked "l1d set 0"
check "  L1D: read back" asked "l1d get 3"
check "  doctor says that they are given" doctor_says "$all" "given: .*core,branches,l1d; not given: none"
node_stop

node_on "core=needless branches=needless l1d=absent" core,branches || { cat "$node/why"; exit 1; }
check "nothing to protect from: a session runs" gives
node_stop

declare -A step=([core]="a processor core shared with nobody else" [branches]="indirect branches predicted from nobody else's"
	[l1d]="L1 data cache flushed when switched out") # vmm/sandbox/jail.h
for layer in core branches l1d; do
	for how in refuses forgets; do
		node_on "$all $layer=$how" "$layer" || { cat "$node/why"; exit 1; }
		check "$layer required, and the kernel $how: no session" refuses
		check "  and the reason names the step" grep -qx "ceno: the vmm could not be jailed: ${step[$layer]}" "$node/err"
		check "  it was asked" grep -q "^ceno-vmm $layer set " "$log"
		node_stop
	done
	# whether the kernel or the processor lacks it; a host without SMT needs no cookie
	[ $layer = core ] && continue
	check "$layer required and absent: the node does not start" fails_to_start "$layer" "$layer" "$all $layer=absent"
	check "  doctor says that it is not given" doctor_says "$all $layer=absent" "not given: $layer$"
done

# With SMT, by the kernel's word.
echo 1 >"$node/active"
if mount --bind "$node/active" $smt 2>/dev/null; then
	check "SMT without core scheduling: the node does not start" fails_to_start branches,core core "$all core=absent"
	check "  doctor says that a node requires it" doctor_says "$all core=absent" "failure  layers .*a node requires core; given: .*branches,l1d"
	node_on "$all" core || { cat "$node/why"; exit 1; }
	check "SMT with core scheduling: a session runs" gives
	node_stop
	umount $smt
else
	failed=$((failed + 1))
	echo "FAIL  $smt cannot be covered: nothing was shown of SMT"
fi

# Nothing required: what is not there is done without; what is there and refuses is trusted by nobody.
node_on "core=absent branches=absent l1d=absent" none || { cat "$node/why"; exit 1; }
check "nothing required, all absent: a session runs" gives
node_stop
node_on "core=refuses branches=absent l1d=absent" none || { cat "$node/why"; exit 1; }
check "nothing required, and core scheduling refuses: no session" refuses
node_stop
finish
