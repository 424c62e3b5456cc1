# bash completion for ceno(1)
_ceno() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]-} i
	local -A options=(
		[run]="--image --share --output --workdir --timeout --input --env --memory --ttl --pledge --proof --no-proof --trail --opening --nonce --classification --jurisdiction --passes --native --hold --tty --no-stdin --quiet --json --socket --help"
		[exec]="--env --workdir --json --socket --help" [narrow]="--json --socket --help" [destroy]="--proof --json --quiet --socket --help"
		[ls]="--all --json --socket --help" [verify]="--nonce --request --mem --pin-file --policy --reference --as-of --compare --event-log --ima --seen --refuse-test-key --explain --json --help"
		[measure]="run --blobs --vmm --image --tier --json --sign --valid --pcr --event-log --executable --runtime --help"
		[audit]="--proof --key --session --nonce --bundle --program --json --socket --help"
		[image]="build add ls rm verify show --from --output --name --key --debs --files --json --socket --help"
		[proof]="show cert inclusion consistency export record leaf orphans --format --pdf --policy --pin-file --reference --as-of --nonce --mem --launch --from --json --socket --help"
		[tpm]="init show rotate follow --pin-file --state --tcti --origin --force --json --socket --help"
		[attest]="--nonce --format --enrol --roots --intermediates --ek --days --json --socket --help" [doctor]="--json --socket --help" [version]="--json --socket --help"
	)
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "${!options[*]} --help --version" -- "$cur")
		return
	fi
	case $prev in
	--classification) mapfile -t COMPREPLY < <(compgen -W "general PHI PII financial credentials" -- "$cur"); return ;;
	--jurisdiction) mapfile -t COMPREPLY < <(compgen -W "US EU UK CA AU IN OTHER" -- "$cur"); return ;;
	--pledge) mapfile -t COMPREPLY < <(compgen -W "stdio stdio,rw stdio,rw,spawn stdio,error stdio,rw,error" -- "$cur"); return ;;
	--share) mapfile -t COMPREPLY < <(compgen -W "tenant session node" -- "$cur"); return ;;
	--image) mapfile -t COMPREPLY < <(compgen -W "$(ceno image ls 2>/dev/null | awk 'NR > 1 { print $1 }')" -- "$cur"); return ;;
	--format) mapfile -t COMPREPLY < <(compgen -W "coco coco-key" -- "$cur"); return ;;
	--enrol) mapfile -t COMPREPLY < <(compgen -W "vtpm ftpm dtpm" -- "$cur"); return ;;
	--mem) mapfile -t COMPREPLY < <(compgen -W "full none sample:1" -- "$cur"); return ;;
	--input | --output | --key | --debs | --proof | --trail | --opening | --roots | --intermediates | --state | --pin | --from | --pin-file | --policy | --reference | --compare | --seen | --vmm | --sign | --bundle | --socket) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	esac
	for ((i = 2; i < COMP_CWORD; i++)); do
		[ "${COMP_WORDS[i]}" = -- ] || continue
		[ "$i" -eq $((COMP_CWORD - 1)) ] && mapfile -t COMPREPLY < <(compgen -c -- "$cur") || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	done
	if [ "$command" = image ] && [ "$COMP_CWORD" -eq 2 ]; then
		mapfile -t COMPREPLY < <(compgen -W "build add ls rm verify show" -- "$cur")
		return
	fi
	if [ "$command" = tpm ] && [ "$COMP_CWORD" -eq 2 ]; then
		mapfile -t COMPREPLY < <(compgen -W "init show rotate follow" -- "$cur")
		return
	fi
	if [ "$command" = tpm ] && [ "$prev" = rotate ]; then
		mapfile -t COMPREPLY < <(compgen -W "log export identity" -- "$cur")
		return
	fi
	if [ "$command" = proof ] && [ "$COMP_CWORD" -eq 2 ]; then
		mapfile -t COMPREPLY < <(compgen -W "show cert inclusion consistency export record leaf orphans" -- "$cur")
		return
	fi
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${options[$command]-}" -- "$cur")
	elif [ "$command" = verify ] || [ "$command" = audit ] || [ "$command" = image ] || [ "$command" = proof ]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	elif [ "$command" = narrow ] && [ "$COMP_CWORD" -gt 2 ]; then
		mapfile -t COMPREPLY < <(compgen -W "stdio rw spawn" -- "$cur")
	elif [ "$command" = destroy ] || [ "$command" = exec ] || [ "$command" = narrow ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(ceno ls 2>/dev/null | awk 'NR > 1 { print $1 }')" -- "$cur")
	fi
}
complete -o filenames -F _ceno ceno
