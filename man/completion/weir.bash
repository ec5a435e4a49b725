# bash completion for weir: the programs, then what each says in its --help.
# shellcheck shell=bash

# Words of the first column of "weir help".
_weir_programs()
{
	local line
	while IFS= read -r line; do
		if [[ $line =~ ^\ {4}([A-Za-z0-9_-]+) ]]; then
			printf '%s\n' "${BASH_REMATCH[1]}"
		fi
	done < <(weir help 2>/dev/null)
}

# Options, short and long, that "weir NAME --help" mentions.
_weir_options()
{
	local line word
	while IFS= read -r line; do
		for word in ${line//[][,|=()]/ }; do
			if [[ $word =~ ^(-[A-Za-z]|--[a-z][a-z-]+)$ ]]; then
				printf '%s\n' "$word"
			fi
		done
	done < <(weir "$1" --help 2>/dev/null </dev/null)
}

_weir()
{
	local cur=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[1]}
	local -
	set -f
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$(_weir_programs) help" -- "$cur")
	elif [[ $program == help ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_weir_programs)" -- "$cur")
	elif [[ $program == state && $cur != -* ]] && ((COMP_CWORD == 2)); then
		mapfile -t COMPREPLY < <(compgen -W 'list get export diff' -- "$cur")
	elif [[ $cur == -* && $program =~ ^[A-Za-z0-9_-]+$ ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_weir_options "$program")" -- "$cur")
	fi
}

complete -o default -F _weir weir
