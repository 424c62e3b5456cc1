#!/bin/bash
# The one entry point, for people and CI. ./do help lists the verbs.
set -euo pipefail
cd "$(dirname "$0")"
build=${CENO_BUILD:-build}

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }

packages="gcc g++ make cmake ninja-build pkg-config python3 git ca-certificates
  libuv1-dev libsodium-dev libssl-dev libtss2-dev libtss2-tcti-swtpm0 swtpm libseccomp-dev
  libcap-ng-dev libsqlite3-dev libjansson-dev libcmocka-dev busybox-static"

# Install the named Debian packages that are missing; silent when none is.
need() {
	local missing=() p
	for p in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
	done
	[ ${#missing[@]} -eq 0 ] && return
	[ "$(id -u)" = 0 ] || { echo "do: run as root once, to install: ${missing[*]}" >&2; exit 2; }
	say "installing ${#missing[@]} Debian packages"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

do_build() {
	# shellcheck disable=SC2086
	need $packages
	[ -f "$build/build.ninja" ] || cmake -S . -B "$build" -G Ninja >/dev/null
	say "building"
	cmake --build "$build"
}

do_test() {
	do_build
	say "testing"
	ctest --test-dir "$build" --output-on-failure --no-tests=error "$@"
}

do_clean() { rm -rf build build-* out; }

do_help() {
	cat <<'HELP'
usage: ./do VERB
  build    install what is needed and build everything into build/
  test     build and run the default tests (arguments go to ctest)
  clean    remove what ./do made in this folder
HELP
}

verb=${1:-help}
[ $# -gt 0 ] && shift
case $verb in
build | test | clean | help) "do_$verb" "$@" ;;
*) do_help >&2; exit 2 ;;
esac
