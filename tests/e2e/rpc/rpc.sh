#!/bin/bash
# The socket itself, without the command line: malformed requests, wrong
# descriptors, clients that vanish at each point, limits of the free tier.
. "$(dirname "$0")/../node.sh"
node_start --socket-mode 0666 || exit 1
chmod 755 "$node"
python3 "$(dirname "$0")/rpc.py" "$CENO_SOCKET"
status=$?
"$bin/ceno" run --quiet --proof "$node/p.json" -- busybox true
check "proof.verify" python3 "$(dirname "$0")/verify.py" "$CENO_SOCKET" "$bin/ceno" "$node/p.json" "$XDG_CONFIG_HOME/cenotaph/pins"
check "the node still answers" "$bin/ceno" version
check "no session is left open" eval '! "$bin/ceno" ls --json --all | grep -q "\"state\":\"\(active\|executing\|destroying\)\""'
[ $status = 0 ] || failed=$((failed + 1))
finish
