#!/bin/bash
# An installation below a folder of the test's own: all of it is there, it runs from there alone, and
# after the uninstall nothing is left of it, and everything of others.
. "$(dirname "$0")/../node.sh"
prefix=$node/opt
export CENO_BUILD=$build
install=$root/api/install/install.sh

mkdir -p "$prefix/share/man/man1" && echo mine >"$prefix/share/man/man1/mine.1"
before=$(cd "$prefix" && find . | sort)
# Configured for the first time, as by who has just cloned: a second time, the cache knows what the first did not.
check "configured once, nothing is put outside the prefix" eval 'cmake -S "$root" -B "$node/fresh" -G Ninja >/dev/null 2>"$node/err" &&
	grep -rqF "\${CMAKE_INSTALL_PREFIX}/include/cenotaph/verify" "$node/fresh/attest" --include=cmake_install.cmake &&
	! grep -rE "INSTALL DESTINATION \"/" "$node/fresh" --include=cmake_install.cmake'
rm -rf "$node/fresh"
check "installs" "$install" install "$prefix"
check "programs, manual, completion, unit, blobs, page, recipes" eval '(cd "$prefix" && ls bin/ceno bin/ceno-native sbin/cenod libexec/cenotaph/{ceno-api,ceno-attest,ceno-warden,ceno-vmm,ceno-image-check,ceno-image-source} \
	share/man/man1/ceno.1 share/man/man8/cenod.8 share/bash-completion/completions/ceno lib/systemd/system/cenod.service \
	share/cenotaph/{firmware.bin,trust.bin,bundle.bin,cenotaph-verify.html,recipes/base,installed}) >/dev/null'
check "the unit: SIGTERM for cenod alone, time for the worst wipe, its own folder" eval 'grep -qx "KillMode=mixed" "$prefix/lib/systemd/system/cenod.service" &&
	[ "$(sed -n "s/^TimeoutStopSec=//p" "$prefix/lib/systemd/system/cenod.service")" -ge 120 ] && grep -qx "ExecStart=$prefix/sbin/cenod --foreground" "$prefix/lib/systemd/system/cenod.service"'
if command -v systemd-analyze >/dev/null; then
	check "... as systemd reads it" eval 'said=$(systemd-analyze verify --man=no "$prefix/lib/systemd/system/cenod.service" 2>&1 | grep -F cenod.service); [ -z "$said" ] || { echo "      $said"; false; }'
fi
check "every file is on the list" eval '[ "$(cd "$prefix" && find . ! -type d ! -name mine.1 | sed "s,^\.,$prefix," | sort)" = "$(grep -v "/\$" "$prefix/share/cenotaph/installed" | sort)" ]'

# It runs from there: nothing else of this tree is asked.
bin=$prefix/bin
mkdir -p "$node/state" "$node/run" "$node/config"
check "the node starts without being told where its parts are" "$prefix/sbin/cenod" --state "$node/state" --run "$node/run" --pidfile "$node/pid"
for _ in $(seq 200); do [ -S "$CENO_SOCKET" ] && [ -n "$(node_pid)" ] && break; sleep 0.05; done
check "... from there" eval '[ "$(readlink "/proc/$(node_pid)/exe")" = "$prefix/sbin/cenod" ]'
check "a session runs and is proven" eval '[ "$("$bin/ceno" run --quiet --proof "$node/p.json" -- busybox echo ran)" = ran ] && "$bin/ceno" verify "$node/p.json" >/dev/null'
check "ceno measure finds its files, and is right" eval '[ "sha256:$("$bin/ceno" measure --json | python3 -c "import json,sys; print(json.load(sys.stdin)[\"platform\"])")" = "$("$bin/ceno" verify --json "$node/p.json" | python3 -c "import json,sys; print(json.load(sys.stdin)[\"submods\"][\"cdp\"][\"proof\"][\"platform\"])")" ]'
check "doctor finds the vmm" eval '"$bin/ceno" doctor --json | python3 -c "import json,sys; assert json.load(sys.stdin)[\"failures\"] == 0"'
if ! grep -q "^CENO_SANITIZE:STRING=." "$build/CMakeCache.txt"; then # sanitizers are shared libraries
	check "ceno alone verifies where nothing else is" eval 'mkdir "$node/bare" && cp "$bin/ceno" "$root/docs/example/proof.cdp.json" "$root/docs/example/pins" "$node/bare" &&
		[ "$(chroot "$node/bare" /ceno verify --pin-file pins proof.cdp.json | sed 1q)" = VERIFIED ]'
fi
check "image build finds its script" eval '! "$bin/ceno" image build --from oci:nowhere -o "$node/i.img" 2>"$node/err" && ! grep -q "ceno-image-source: No such file" "$node/err"'
check "a running node is not taken away" eval '! "$install" uninstall "$prefix" 2>"$node/err" && grep -q "a node runs from there" "$node/err" && [ -x "$prefix/sbin/cenod" ]'
node_stop

check "installing over it leaves nothing of the older one" eval 'echo "$prefix/share/cenotaph/old" >>"$prefix/share/cenotaph/installed" && touch "$prefix/share/cenotaph/old" &&
	"$install" install "$prefix" >/dev/null && [ ! -e "$prefix/share/cenotaph/old" ] && [ -x "$prefix/bin/ceno" ]'
printf '%s\n' "$node/p.json" >>"$prefix/share/cenotaph/installed"
check "a list that names something else is not followed" eval '! "$install" uninstall "$prefix" 2>"$node/err" && grep -q "which is not below" "$node/err" && [ -e "$node/p.json" ] && [ -x "$prefix/bin/ceno" ]'
sed -i '$d' "$prefix/share/cenotaph/installed"
check "uninstalls" "$install" uninstall "$prefix"
check "nothing of it is left, no folder either, and everything of others" eval '[ "$(cd "$prefix" && find . | sort)" = "$before" ]'
check "what the node keeps is kept" [ -d "$node/state/attest" ]
check "twice is told" eval '! "$install" uninstall "$prefix" 2>"$node/err" && grep -q "nothing of ours" "$node/err"'
check "with DESTDIR, for packages" eval 'DESTDIR=$node/stage "$install" install /usr >/dev/null && [ -x "$node/stage/usr/bin/ceno" ] && grep -qx "ExecStart=/usr/sbin/cenod --foreground" "$node/stage/usr/lib/systemd/system/cenod.service" &&
	! grep -q "$node" "$node/stage/usr/share/cenotaph/installed" && DESTDIR=$node/stage "$install" uninstall /usr >/dev/null && [ -z "$(find "$node/stage" -type f)" ]'
check "a prefix that was not there is not there afterwards" eval '"$install" install "$node/new" >/dev/null && [ -x "$node/new/bin/ceno" ] && "$install" install "$node/new" >/dev/null && "$install" uninstall "$node/new" >/dev/null && [ ! -e "$node/new" ]'
check "one that was stays, empty as it was" eval 'mkdir "$node/old" && "$install" install "$node/old" >/dev/null && "$install" uninstall "$node/old" >/dev/null && [ -d "$node/old" ] && [ -z "$(ls -A "$node/old")" ]'
finish
