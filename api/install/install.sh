#!/bin/bash
# Installs a build and takes it away again (./do install, ./do uninstall).
#
#   install.sh install [PREFIX]     puts everything below PREFIX (/usr/local) and keeps a list of it there
#   install.sh uninstall [PREFIX]   removes what that list says, and folders that are empty then
#
# CENO_BUILD: the build folder. DESTDIR: put before every path, for packages. What a node keeps
# (/var/lib/cenotaph) and what users keep (~/.config/cenotaph) is nobody's to remove here.
set -euo pipefail
build=${CENO_BUILD:-build}
prefix=${2:-/usr/local}
destination=${DESTDIR:-}

die() { printf 'install: %s\n' "$*" >&2; exit 1; }

[[ $prefix == /* ]] || prefix=$PWD/$prefix
prefix=$(realpath -m -- "$prefix")
[ "$prefix" != / ] || prefix=""
list=$destination$prefix/share/cenotaph/installed

node_of() { # the pid of a node that runs from there, if one does
	local exe
	for exe in /proc/[0-9]*/exe; do
		[ "$(readlink -- "$exe" 2>/dev/null)" = "$destination$prefix/sbin/cenod" ] && { exe=${exe#/proc/}; echo "${exe%/exe}"; return; }
	done
	return 0
}

# The list: a path a line, without DESTDIR; folders that were made end in a slash.
check_list() {
	local path
	while IFS= read -r path; do
		[[ $path == "$prefix"/* && /$path/ != */../* ]] || die "$list names $path, which is not below ${prefix:-/}: nothing is removed"
	done <"$1"
}

remove() { # LIST: its files, then its folders that are empty, deepest first
	local path
	grep -v '/$' "$1" | while IFS= read -r path; do rm -f -- "$destination$path"; done
	grep '/$' "$1" | sort -r | while IFS= read -r path; do
		rmdir --ignore-fail-on-non-empty -- "$destination$path" 2>/dev/null || true
	done
}

folders_of() { # of the files on standard input, the prefix among them
	local folder
	while IFS= read -r folder; do
		folder=${folder%/*}
		while [[ $folder/ == "$prefix"/?* || ( $folder == "$prefix" && -n $folder ) ]]; do
			echo "$folder/"
			folder=${folder%/*}
		done
	done | sort -u
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case ${1:-} in
install)
	[ -f "$build/cmake_install.cmake" ] || die "no build in $build: ./do build"
	if [ -f "$list" ]; then # an older one: nothing of it stays
		cp "$list" "$work/before"
		check_list "$work/before"
		remove "$work/before"
	fi
	find "$destination$prefix" -type d 2>/dev/null | sed "s,^$destination,,; s,\$,/," | sort >"$work/there" || true
	DESTDIR=$destination cmake --install "$build" --prefix "${prefix:-/}" >"$work/log" 2>&1 || { tail -n 3 "$work/log" >&2; die "cmake --install failed"; }
	mkdir -p "${list%/*}"
	{ cat "$build/install_manifest.txt"; printf '\n%s\n' "$prefix/share/cenotaph/installed"; } | sed '/^$/d' >"$work/files"
	folders_of <"$work/files" | comm -23 - "$work/there" | cat "$work/files" - >"$list"
	echo "installed $(wc -l <"$work/files") files below $destination${prefix:-/}; start the node: systemctl enable --now cenod, or $prefix/sbin/cenod"
	;;
uninstall)
	[ -f "$list" ] || die "nothing of ours below $destination${prefix:-/} (no $list)"
	pid=$(node_of)
	[ -z "$pid" ] || die "a node runs from there (process $pid); stop it first: its sessions are destroyed, with their proofs"
	cp "$list" "$work/list"
	check_list "$work/list"
	remove "$work/list"
	echo "removed $(grep -vc '/$' "$work/list") files below $destination${prefix:-/}; what nodes and users keep is where it was (/var/lib/cenotaph, ~/.config/cenotaph)"
	;;
*)
	echo "usage: install.sh install|uninstall [PREFIX]" >&2
	exit 2
	;;
esac
