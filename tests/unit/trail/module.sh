#!/bin/bash
# prov as a module: it goes into a signed bundle, has no writable data of its own, and keeps
# its size. usage: module.sh CENO-BUNDLE BUILD-FOLDER IMAGES-FOLDER LIMIT
set -eu
out=$(mktemp)
table=$(mktemp)
trap 'rm -f "$out" "$table"' EXIT
grep -v '^prov ' "$3/modules.table" >"$table"
echo "prov - 1000000 matter - 3 64 0 self,boot,bundle,supervisor" >>"$table"
"$1" build --secret "$3/keys/development.seed" --table "$table" --out "$out" nucleus="$2/guest/nucleus.elf" \
	init="$2/guest/init.elf" membrane="$2/guest/membrane.elf" entry="$2/guest/entry.elf" prov="$2/guest/prov.elf"
bytes=$("$1" show --sizes "$out" | awk '$2 == "prov" { print $1 }')
echo "prov: ${bytes:-missing} bytes as mapped, at most $4"
[ "${bytes:-$(($4 + 1))}" -le "$4" ]
