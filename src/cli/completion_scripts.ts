/** What makes a shell complete `quartet`: each script asks the binary for candidates and shows them its own way. @module */

/** The shells that there is a script for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** One of them. */
export type Shell = typeof SHELLS[number];

/** Stands alone in the answer where any file may come next. */
export const FILES_MARK = ":files";

/** A dollar sign before a brace, which would begin something else in these texts. */
const D = "$";

const BASH = String
  .raw`# Completion of quartet in bash. In ~/.bashrc: source <(quartet client completion bash)
_quartet() {
  local current=${D}{COMP_WORDS[COMP_CWORD]} line IFS=$'\n'
  COMPREPLY=()
  # Of --flag=value bash completes the value alone.
  [[ $current == = ]] && current=
  while read -r line; do
    if [[ $line == ${FILES_MARK} ]]; then
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "$current"))
      return
    fi
    line=${D}{line%%$'\t'*}
    COMPREPLY+=("${D}{line#--*=}")
  done < <("${D}{COMP_WORDS[0]/#\~/$HOME}" client completion words -- "${D}{COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _quartet quartet
`;

const ZSH = String.raw`#compdef quartet
# Completion of quartet in zsh. In ~/.zshrc, behind compinit: source <(quartet client completion zsh)
_quartet() {
  local -a candidates
  local line text about
  for line in "${D}{(@f)$(${D}{~words[1]} client completion words -- "${D}{(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -z $line ]] && continue
    if [[ $line == ${FILES_MARK} ]]; then
      compset -P '--*='
      _files
      return
    fi
    # A colon divides a candidate from what it is; without that it stands alone.
    text=${D}{${D}{line%%$'\t'*}//:/\\:}
    about=${D}{line#*$'\t'}
    candidates+=("$text${D}{about:+:$about}")
  done
  _describe -V quartet candidates
}
if [[ ${D}{funcstack[1]} == _quartet ]]; then _quartet "$@"; else compdef _quartet quartet; fi
`;

const FISH = String
  .raw`# Completion of quartet in fish: quartet client completion fish > ~/.config/fish/completions/quartet.fish
function __quartet_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l binary (string replace -r '^~' "$HOME" -- $words[1])
    set -l lines ($binary client completion words -- $words[2..-1] "$current" 2>/dev/null)
    if test "$lines[1]" = ${FILES_MARK}
        set -l flag (string match -r -- '^--[^=]*=' "$current")
        for path in (__fish_complete_path (string replace -r -- '^--[^=]*=' '' "$current"))
            printf '%s\n' "$flag$path"
        end
        return
    end
    printf '%s\n' $lines
end
complete -c quartet -f -k -a '(__quartet_complete)'
`;

/** The script of each shell. */
export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
