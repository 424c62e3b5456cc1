#!/bin/bash
# The one entry point, for people and CI. ./do help lists the verbs.
set -euo pipefail
cd "$(dirname "$0")"
build=${CENO_BUILD:-build}
jobs=${CENO_JOBS:-$(nproc)}

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() { printf 'do: %s\n' "$*" >&2; exit "${status:-1}"; }

packages="gcc g++ libc6-dev make cmake ninja-build pkg-config python3 git ca-certificates binutils
  libuv1-dev libsodium-dev libssl-dev libtss2-dev libtss2-tcti-swtpm0 swtpm libseccomp-dev
  libcap-ng-dev libsqlite3-dev libjansson-dev libcmocka-dev busybox-static b3sum musl-tools python3-cryptography nodejs"
# What command lines in sessions are compared with.
docs_packages="jq xxd openssl tpm2-tools swtpm-tools gnutls-bin"
compared_packages="bash bubblewrap bzip2 diffutils findutils gawk jq lua5.4 mawk openssl perl python3 sqlite3 xz-utils zstd skopeo umoci"
nested_packages="qemu-system-x86 seabios ipxe-qemu ovmf busybox-static cpio zstd kmod e2fsprogs swtpm tpm2-tools jq"
libvirt_packages="libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients swtpm-tools"

# Install the named Debian packages that are missing; silent when none is.
need() {
	local missing=() p
	for p in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
	done
	[ ${#missing[@]} -eq 0 ] && return
	[ "$(id -u)" = 0 ] || status=2 die "run as root once, to install: ${missing[*]}"
	say "installing ${#missing[@]} Debian packages: ${missing[*]}"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" |
		sed -un 's/^Setting up \([^ ]*\).*/    \1/p' >&2
	for p in "${missing[@]}"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || die "apt did not install $p"
	done
}

do_build() {
	# shellcheck disable=SC2086
	need $packages
	[ -f "$build/build.ninja" ] || { say "configuring $build"; cmake -S . -B "$build" -G Ninja >/dev/null; }
	say "building"
	cmake --build "$build" --parallel "$jobs" "$@"
}

kvm_usable() { [ -r /dev/kvm ] && [ -w /dev/kvm ] && python3 -c '
import fcntl, os
raise SystemExit(fcntl.ioctl(os.open("/dev/kvm", os.O_RDWR), 0xAE00, 0) != 12)' 2>/dev/null; }

do_run() {
	do_build
	kvm_usable || die "no usable /dev/kvm here (is it present, and may you open it?). ./do nested runs the same session inside QEMU."
	CENO_BUILD=$build tests/tools/demo
}

do_stop() { CENO_BUILD=$build tests/tools/node stop; }

do_test() {
	do_build
	# shellcheck disable=SC2086
	need $compared_packages
	say "testing"
	python3 tests/tools/run-tests "$build" "$@"
}

do_nested() {
	do_build
	# shellcheck disable=SC2086
	need $nested_packages $([ "${1:-}" != --libvirt ] || echo $libvirt_packages)
	say "making the nested machine's image"
	CENO_BUILD=$build tests/nested/build-image
	CENO_BUILD=$build tests/nested/all "$@"
}

# The offline page in a browser.
do_page() {
	do_build
	need chromium
	say "the offline page in a browser: $build/web/cenotaph-verify.html"
	tests/verifiers/run-corpus "$build/test-bin/proof-corpus" python3 tests/verifiers/page_browser.py "$build/web/cenotaph-verify.html"
}

# The reference model against the hosted nucleus, and against nuclei with a bug each.
do_model() {
	local operations=1000000 seed=1
	if [ "${1:-}" = --nightly ]; then
		operations=100000000 seed=$(date +%s)
		shift
	fi
	do_build --target nucleus-host
	say "model: $operations operations, seed $seed, $jobs processes"
	python3 tests/model/run.py "$build/test-bin/nucleus-host" --operations "$operations" --seed "$seed" --processes "$jobs" "$@"
	say "model: nuclei with a bug each"
	python3 tests/model/bugs/run . "$build/model-bugs"
}

# Wipers with a bug each, and an observer from outside that must see every one.
do_wiper() {
	do_build
	need patch
	kvm_usable || die "no usable /dev/kvm here"
	say "wipers with a bug each"
	python3 tests/wiper/run . "$build" "$build/wiper" "$@"
}

# faults [N [--seed S] ...]: sessions with one fault each, ten thousand
do_faults() {
	local count=${1:-10000}
	[ $# -eq 0 ] || shift
	do_build
	kvm_usable || die "no usable /dev/kvm here"
	say "$count faults"
	"$build/test-bin/faults" tests/faults/sites --count "$count" "$@"
	say "$((count / 40)) kills in a real node, and $((count / 100)) of its services at a system call (up to a minute each)"
	need strace
	python3 tests/faults/node "$build" --rounds "$((count / 40))" --sites "$((count / 100))"
}

# load [--at-once N] [--sequence M]: 200 sessions at once, 5,000 in sequence
do_load() {
	do_build
	kvm_usable || die "no usable /dev/kvm here"
	say "many sessions on a node of their own"
	python3 tests/load/load "$build" "$@"
}

# interleave [N]: revocation among everything else, in N random orders (a million), hosted
do_interleave() {
	do_build --target unit_nucleus_interleave
	say "revocation, interleaved"
	"$build/test-bin/unit_nucleus_interleave" "${1:-1000000}" "${2:-1}"
}

# native FILE.c... -o OUT: a native program for `ceno run --native` (guest-kernel/sdk/README.md)
do_native() {
	local out="" sources=() work rc=0
	while [ $# -gt 0 ]; do
		case $1 in
		-o) out=${2:-}; shift ;;
		-*) status=2 die "native: no option $1" ;;
		*) sources+=("$1") ;;
		esac
		shift
	done
	[ -n "$out" ] && [ ${#sources[@]} -gt 0 ] || status=2 die "usage: ./do native FILE.c... -o OUT (paths from $PWD)"
	do_build --target ceno_native_tools
	work=$(mktemp -d)
	{ gcc @"$build/guest/native.compile" "${sources[@]}" @"$build/guest/native.link" -o "$work/program" &&
		"$build/bin/ceno-native" "$work/program" "$out"; } || rc=$?
	rm -rf "$work"
	return $rc
}

# What REVOKE costs with up to 10,000 holders, under single step: minutes (--long: 100,000, an hour).
do_revoke() {
	local memory=128
	[ "${1:-}" = --long ] && memory=512
	do_build
	kvm_usable || die "no usable /dev/kvm here"
	say "revocation, by holders"
	tests/guest/revoke-counts $memory tests/guest/ring0.table "$build/bin/ceno-vmm" --direct \
		--firmware "$build/blobs/firmware.bin" --trust "$build/blobs/trust-development.bin" \
		--bundle "$build/blobs/bundle-revoke.bin"
}

do_size() {
	[ -f "$build/blobs/bundle.bin" ] || do_build
	python3 tests/tools/size "$build/blobs" "$@"
}

# bench [--quick]: everything; bench programs [TEXT]: everyday programs alone; bench leaves [SECONDS]: leaves sealed behind a slow TPM, alone; bench verify [SAMPLES]:
# one proof of 256 MiB, by `ceno verify` and by the page, with and without its memory roots
do_bench() {
	if [ "${1:-}" = leaves ]; then
		do_build --target bench_leaves
		CENO_BUILD=$build python3 tests/bench/leaves.py "${@:2}"
		return
	fi
	if [ "${1:-}" = verify ]; then
		do_build
		need chromium
		CENO_BUILD=$build python3 tests/bench/verify.py "${@:2}"
		return
	fi
	# shellcheck disable=SC2086
	need strace $docs_packages $compared_packages $nested_packages
	do_build
	kvm_usable || die "no usable /dev/kvm here"
	CENO_BUILD=$build python3 tests/bench/bench.py "$@"
}

# The C files of this tree that a tool formats: records between sides (abi, wire,
# launch) are tables laid out by hand.
formatted() {
	git ls-files --cached --others --exclude-standard '*.c' '*.h' |
		grep -vE '^guest-kernel/abi/|/wire\.h$|^vmm/core/launch\.h$' | while read -r f; do [ ! -f "$f" ] || echo "$f"; done
}

do_fmt() {
	need clang-format-14 git
	if [ "${1:-}" = --fix ]; then
		formatted | xargs -r clang-format-14 -i --style=file
		say "formatted"
	else
		formatted | xargs -r clang-format-14 --dry-run -Werror --style=file || die "not formatted: ./do fmt --fix"
		say "formatted: all $(formatted | wc -l) files"
	fi
}

do_lint() {
	need clang-tidy-14 cppcheck git
	do_build
	say "clang-tidy and cppcheck"
	python3 tests/tools/lint "$build" "$jobs" "$@"
}

do_deps() {
	python3 tests/deps/check.py --self-test
	[ -d "$build/bin" ] || do_build
	python3 tests/deps/check.py --bin "$build/bin"
}

do_san() {
	# shellcheck disable=SC2086
	need $packages
	say "building with AddressSanitizer and UndefinedBehaviorSanitizer in build-san"
	[ -f build-san/build.ninja ] ||
		cmake -S . -B build-san -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCENO_SANITIZE=address,undefined -DCENO_HOSTED_ONLY=ON >/dev/null
	cmake --build build-san --parallel "$jobs"
	say "testing: unit tests and fuzz replays"
	echo "not run here: guest, hostile, e2e, nested, bench (jailed processes: their filters refuse what a sanitizer does)"
	python3 tests/tools/run-tests build-san -LE nosan "$@"
}

# fuzz [SECONDS | --runs N] [TARGET...]
do_fuzz() {
	local limits=("${1:-10}") targets=(fuzzers)
	[ $# -eq 0 ] || shift
	[ "${limits[0]}" != --runs ] || { limits+=("${1:?fuzz: --runs needs a number}"); shift; }
	[ $# -eq 0 ] || targets=("${@/#/fuzz_}")
	# shellcheck disable=SC2086
	need clang-14 libclang-rt-14-dev $packages
	say "building the fuzzers in build-fuzz"
	[ -f build-fuzz/build.ninja ] || CC=clang-14 cmake -S . -B build-fuzz -G Ninja -DCMAKE_BUILD_TYPE=Debug \
		-DCENO_FUZZ=ON -DCENO_SANITIZE=fuzzer-no-link,address,undefined >/dev/null
	cmake --build build-fuzz --parallel "$jobs" --target "${targets[@]}"
	say "fuzzing, under ASan and UBSan"
	CENO_JOBS=$jobs tests/tools/fuzz build-fuzz "${limits[@]}" "$@"
}

do_repro() {
	# shellcheck disable=SC2086
	need $packages
	tests/tools/repro
}

do_cov() {
	# shellcheck disable=SC2086
	need gcovr $packages
	say "building with coverage in build-cov"
	[ -f build-cov/build.ninja ] ||
		cmake -S . -B build-cov -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCENO_COVERAGE=ON -DCENO_HOSTED_ONLY=ON >/dev/null
	cmake --build build-cov --parallel "$jobs"
	find build-cov -name '*.gcda' -delete
	python3 tests/tools/run-tests build-cov "$@" || failed=1
	mkdir -p out
	gcovr -r . --object-directory build-cov -e 'tests/' -e 'build.*/' --txt out/coverage.txt --print-summary
	say "the nucleus (guest-kernel/nucleus), by file: 95% of its lines or more"
	gcovr -r . --object-directory build-cov -f 'guest-kernel/nucleus/' --txt --fail-under-line 95 || failed=1
	say "per file: out/coverage.txt"
	return "${failed:-0}"
}

do_doc() {
	need mandoc python3
	python3 tests/tools/doc
}

# install [PREFIX]: everything, and a list of it; uninstall [PREFIX]: what that list says. DESTDIR as usual.
do_install() {
	do_build
	CENO_BUILD=$build api/install/install.sh install "$@"
}

do_uninstall() { CENO_BUILD=$build api/install/install.sh uninstall "$@"; }

do_clean() {
	do_stop
	rm -rf build build-* out run
}

do_help() {
	cat <<'HELP'
usage: ./do VERB [ARGUMENT...]
  run      build, start the node (cenod), run the demo session, verify its proof; the node stays
  stop     end the node that run started
  build    install what is needed and build everything into build/
  test     build and run every test that runs on this machine (arguments go to ctest)
  native   FILE.c... -o OUT: build a native program for ceno run --native
  nested   the same stack in QEMU: nested SVM and paging, a TPM, cgroup v2, measured boot, a search of all physical
           memory after a session (--quick: shortened; --libvirt: the measured machine as libvirt makes it)
  page     give proofs to the offline page in a browser (Chromium), and hold that it asks the network for nothing
  model    the reference model of the verbs against the nucleus: a million operations, then nuclei with
           a bug each (--nightly: a hundred million, with a seed of the day)
  wiper    destruction with one bug at a time (tests/wiper): each seen by an observer from outside
  faults   [N [--seed S]]: sessions with a fault each (system calls and allocations that fail, SIGKILL of one or two
           processes anywhere, services at each call): nothing runs on, is left, is lost, or is claimed that was not done (10,000)
  load     [--at-once N] [--sequence M]: 200 sessions at once, 5,000 in sequence under churn: nothing leaks, nothing crosses
  interleave [N [SEED]]: revocation among everything else, in a million random orders; bugs: ./do model
  revoke   what REVOKE costs in ring 0 with 1 to 10,000 holders: the same (--long: to 100,000, an hour)
  size     the measured blobs and their bytes (--total: only the sum)
  bench    measure against bwrap and QEMU, side by side; table, and out/bench.json (bench leaves: sealing alone;
           bench programs [TEXT]: everyday programs alone)
  fmt      check the formatting (--fix: apply it)
  lint     clang-tidy and cppcheck
  deps     who includes whom, what each executable links
  san      hosted tests under ASan and UBSan, in build-san/
  fuzz     [SECONDS | --runs N] [TARGET...]: every fuzz target, or those, for a while (10 s) or N executions
           each, under ASan and UBSan, in build-fuzz/
  repro    build firmware and bundle twice, in two folders, and compare
  cov      line coverage of the tests, in build-cov/; fails if the nucleus's is below 95%
  doc      check man pages and links, write the manual as text to out/doc/
  install  [PREFIX]: put everything below PREFIX (/usr/local): programs, man pages, completion, service unit
  uninstall [PREFIX]: take exactly that away again; proofs, logs and keys of a node stay
  clean    stop the node, remove everything these verbs made in this folder
CENO_BUILD names another build folder, CENO_JOBS the number of parallel compilers.
HELP
}

verb=${1:-help}
[ $# -gt 0 ] && shift
case $verb in
run | stop | build | test | native | nested | page | model | wiper | faults | load | interleave | revoke | size | bench | fmt | lint | deps | san | fuzz | repro | cov | doc | install | uninstall | clean | help)
	"do_$verb" "$@" ;;
*) do_help >&2; exit 2 ;;
esac
