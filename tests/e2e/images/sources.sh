#!/bin/bash
# Where images come from: Debian packages by a recipe, container images, directories; the same
# input gives the same bytes, and what an image cannot be is said. No network: packages and
# layouts are made here.
set -u
bin=${CENO_BUILD:-$(cd "$(dirname "$0")/../../.." && pwd)/build}/bin
ceno=$bin/ceno
for tool in dpkg-deb umoci skopeo; do
	command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
work=$(mktemp -d "${TMPDIR:-/tmp}/ceno-sources.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 1
export XDG_CONFIG_HOME=$work/config XDG_CACHE_HOME=$work/cache
passed=0 failed=0

check() {
	local what=$1
	shift
	if "$@"; then passed=$((passed + 1)); echo "ok    $what"; else failed=$((failed + 1)); echo "FAIL  $what"; fi
}
equal() { [ "$1" = "$2" ] || { printf 'got:  %s\nwant: %s\n' "$1" "$2"; return 1; }; }
says() { # STATUS WORDS COMMAND...
	local status=$1 words=$2 out got
	shift 2
	out=$("$@" 2>&1)
	got=$?
	[ "$got" = "$status" ] && [[ $out == *"$words"* ]] || { echo "status $got, said: $out"; return 1; }
}
files() { "$ceno" image show --files "$1" | sed -n 's/^[-dl] [0-7]* *[-0-9]* //p'; }

# ---- packages

package() { # NAME VERSION: from the folder NAME
	mkdir -p "$1/DEBIAN"
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: a\n' "$1" "$2" >"$1/DEBIAN/control"
	dpkg-deb --root-owner-group --build "$1" "debs/${1}_${2//:/%3a}_all.deb" >/dev/null
}
mkdir -p debs one/bin one/usr/share/doc/one/examples one/DEBIAN two/usr/bin
printf '#!/bin/sh\necho one\n' >one/bin/one
chmod 4755 one/bin/one
echo gone >one/usr/share/doc/one/examples/x
printf '#!/bin/sh\ntouch %s/ran\n' "$work" >one/DEBIAN/postinst
chmod 755 one/DEBIAN/postinst
package one 1.0
cp /bin/true two/usr/bin/two
package two 1:2.0
echo 'extra' >one/usr/share/doc/one/extra
package one 1.10
cat >recipe <<'END'
# of the test
directory /etc /usr/bin
link /bin usr/bin
package one=1.0
remove /usr/share/doc/*/examples
file /etc/motd
hello
end
link /usr/bin/alias one
END
check "packages by a recipe" says 0 "set-id" "$ceno" image build --from deb:./recipe --debs debs -o a.img
check "again, the same bytes" eval '"$ceno" image build --from deb:./recipe --debs debs -o b.img >/dev/null 2>&1 && cmp a.img b.img'
check "what is in it" equal "$(files a.img | xargs)" "/ /bin -> usr/bin /etc/ /usr/ /etc/motd /usr/bin/ /usr/share/ /usr/bin/alias -> one /usr/bin/one /usr/share/cenotaph/ /usr/share/doc/ /usr/share/cenotaph/packages /usr/share/doc/one/"
check "no script of a package ran" eval '[ ! -e ran ]'
sed -i s/=1.0// recipe
check "the newest version is taken" eval '"$ceno" image build --from deb:./recipe --debs debs -o c.img >/dev/null 2>&1 && files c.img | grep -q doc/one/extra'
sed -i 's/^package one/& two/' recipe
check "a library that no package has" says 1 "libc.so.6" "$ceno" image build --from deb:./recipe --debs debs -o d.img
echo 'package three' >recipe
check "a package that is not there" says 1 "not in" "$ceno" image build --from deb:./recipe --debs debs -o d.img
echo 'instal one' >recipe
check "an unknown word" says 1 "unknown word instal" "$ceno" image build --from deb:./recipe --debs debs -o d.img
printf 'link /etc /\nfile /etc/../../x\nend\n' >recipe
check "a path that climbs" says 1 "not a plain absolute path" "$ceno" image build --from deb:./recipe --debs debs -o d.img
mkdir outside
printf 'link /etc %s/outside\nfile /etc/x\nbad\nend\n' "$work" >recipe
check "a link that leads out is not followed" says 1 "leads out" "$ceno" image build --from deb:./recipe --debs debs -o d.img
check "... and nothing was written there" equal "$(ls outside)" ""
echo keep >outside/x
printf 'link /etc %s/outside\nremove /etc/x\n' "$work" >recipe
"$ceno" image build --from deb:./recipe --debs debs -o d.img >/dev/null 2>&1
check "... nor removed" eval '[ -e outside/x ]'
check "no recipe" says 1 "no recipe" "$ceno" image build --from deb:./nothing -o d.img
check "a shipped recipe is found" says 1 "not in" "$ceno" image build --from deb:base --debs debs -o d.img

# ---- container images

mkdir rootfs && echo layer >rootfs/file && ln -s file rootfs/link && ln rootfs/file rootfs/hard && mkdir rootfs/sub
umoci init --layout layout >/dev/null 2>&1 && umoci new --image layout:v1 >/dev/null 2>&1
umoci insert --rootless --image layout:v1 rootfs /app >/dev/null 2>&1
umoci tag --image layout:v1 latest >/dev/null 2>&1
check "an OCI layout" says 0 "app" "$ceno" image build --from oci:layout:v1 --name app -o o.img
check "its files" equal "$(files o.img | xargs)" "/ /app/ /app/file /app/hard /app/link -> file /app/sub/"
check "again, the same bytes" eval '"$ceno" image build --from oci:layout:v1 --name app -o o2.img >/dev/null 2>&1 && cmp o.img o2.img'
skopeo copy --quiet oci:layout:v1 docker-archive:saved.tar:app:v1 >/dev/null 2>&1
check "a file of docker save is the same image" eval '"$ceno" image build --from oci:saved.tar --name app -o o3.img >/dev/null 2>&1 && cmp o.img o3.img'
check "a directory that is no layout" says 1 "no OCI layout" "$ceno" image build --from oci:rootfs -o d.img
check "a tag that is not there" says 1 "cannot be unpacked" "$ceno" image build --from oci:layout:v9 -o d.img

# ---- the command line

check "a source of no kind" says 2 "--from takes" "$ceno" image build --from tar:x -o d.img
check "a name in capitals" says 1 "name or time is not usable" "$ceno" image build --from dir:rootfs --name X -o d.img
check "a key that is none" says 1 "no secret key file" "$ceno" image build --from dir:rootfs --key recipe -o d.img
check "nothing is left where nothing was made" eval '[ ! -e d.img ] || { "$ceno" image verify d.img >/dev/null; }'
check "one key was made" equal "$(stat -c %a config/cenotaph/image.key)" 600
check "SOURCE_DATE_EPOCH is its time" equal "$(SOURCE_DATE_EPOCH=1234 "$ceno" image build --json --from dir:rootfs -o e.img | grep -o '"time_s":[0-9]*')" '"time_s":1234'
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
