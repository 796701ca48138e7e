"""Completion in a shell. Typer's own script for bash does not know that a command's name may hold a colon.

bash splits words at the colons of COMP_WORDBREAKS: so the words are read from the line itself, and what the line already has
of the last word, up to its last colon, is taken off what is offered.
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


def prepare() -> None:
    """Have --install-completion and --show-completion give this script for bash."""
    _completion_shared._completion_scripts["bash"] = _BASH
