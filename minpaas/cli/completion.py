"""Completion in a shell. Typer's own scripts do not know that a command's name may hold a colon.

bash splits words at the colons of COMP_WORDBREAKS: so the words are read from the line itself, and what the line already has
of the last word, up to its last colon, is taken off what is offered. zsh gets plain names, and completes at the first TAB
too, in which the function is only just loaded.
"""

from typer import _completion_shared

_BASH = """
%(complete_func)s() {
    local line="${COMP_LINE:0:$COMP_POINT}" words word
    read -ra words <<< "$line"
    [[ "$line" == *[[:space:]] ]] && words+=("")
    word="${words[${#words[@]}-1]}"
    local IFS=$'\\n'
    COMPREPLY=( $( env COMP_WORDS="${words[*]}" COMP_CWORD=$(( ${#words[@]} - 1 )) \\
                   %(autocomplete_var)s=complete_bash $1 2>/dev/null ) )
    if [[ "$word" == *:* && "$COMP_WORDBREAKS" == *:* && ${#COMPREPLY[@]} -gt 0 ]]; then
        COMPREPLY=( "${COMPREPLY[@]#"${word%%:*}:"}" )
    fi
    return 0
}

complete -o default -F %(complete_func)s %(prog_name)s
"""

_ZSH = """
#compdef %(prog_name)s

%(complete_func)s() {
  local -a found
  found=(${(f)"$(env COMP_WORDS="${words[1,$CURRENT]}" COMP_CWORD=$((CURRENT - 1)) \\
                 %(autocomplete_var)s=complete_bash %(prog_name)s 2>/dev/null)"})
  if (( ${#found} )); then compadd -- "${found[@]}"; else _files; fi
}

compdef %(complete_func)s %(prog_name)s
[[ -n "$CURRENT" ]] && %(complete_func)s "$@"
"""


def prepare() -> None:
    """Have --install-completion and --show-completion give these scripts."""
    _completion_shared._completion_scripts |= {"bash": _BASH, "zsh": _ZSH}
