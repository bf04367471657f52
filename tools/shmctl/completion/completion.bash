# SPDX-License-Identifier: Apache-2.0
# Bash completion for shmctl. Source it, or install it as /usr/share/bash-completion/completions/shmctl.
#
# `shmctl __complete` prints the candidates. Nothing here expands a candidate, because other users choose the
# names of files in /dev/shm and of groups.

_shmctl() {
  local candidate quoted
  COMPREPLY=()
  case ${COMP_WORDS[COMP_CWORD - 1]}${COMP_WORDS[COMP_CWORD]} in
    --dir* | =*) # bash takes the = of --dir=DIR for a word of its own
      if [[ ${COMP_WORDS[COMP_CWORD - 1]} == --dir || ${COMP_WORDS[COMP_CWORD - 2]} == --dir ]]; then
        compopt -o dirnames # bash offers directories itself, and quotes them
        return
      fi
      ;;
  esac
  while IFS= read -r candidate; do
    printf -v quoted %q "$candidate"
    COMPREPLY+=("$quoted")
  done < <(command shmctl __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}

complete -F _shmctl shmctl
