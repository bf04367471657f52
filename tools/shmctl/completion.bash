# Bash completion for shmctl. Source it, or install it as /usr/share/bash-completion/completions/shmctl.

# Bash takes the = of --dir=DIR for a word of its own.

# The directory on the command line, else the environment's, else the default.
_shmctl_directory() {
  local i value
  for ((i = 1; i < COMP_CWORD; ++i)); do
    [[ ${COMP_WORDS[i]} == --dir ]] || continue
    value=${COMP_WORDS[i + 1]}
    [[ $value != = ]] || value=${COMP_WORDS[i + 2]}
    printf '%s' "$value"
    return
  done
  printf '%s' "${MILLRACE_DIR:-/dev/shm}"
}

_shmctl_ring_names() {
  local directory ring
  directory=$(_shmctl_directory)
  for ring in "$directory"/*.ring; do
    [[ -e $ring ]] || continue
    ring=${ring##*/}
    printf '%s\n' "${ring%.ring}"
  done
}

# What `shmctl stat` shows under SEAT.
_shmctl_seats() { shmctl --dir "$(_shmctl_directory)" stat "$1" 2>/dev/null | awk '$1 ~ /^[0-9]+#[0-9]+$/ {print $1}'; }

# Groups of the rings on the command line, as `shmctl stat` shows them.
_shmctl_groups() {
  local ring
  for ring in "${COMP_WORDS[@]:2}"; do
    [[ -e $(_shmctl_directory)/$ring.ring ]] || continue
    shmctl --dir "$(_shmctl_directory)" stat "$ring" 2>/dev/null | awk '/^GROUP /{inside = 1; next} inside {print $1}'
  done
}

# The first word that is neither an option nor the value of --dir.
_shmctl_command() {
  local i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case ${COMP_WORDS[i]} in
      --dir)
        [[ ${COMP_WORDS[i + 1]} != = ]] || ((++i))
        ((++i))
        ;;
      -*) ;;
      *) printf '%s' "${COMP_WORDS[i]}"; return ;;
    esac
  done
}

_shmctl_offer() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word"); }

_shmctl() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command
  COMPREPLY=()
  [[ $previous != = ]] || previous=${COMP_WORDS[COMP_CWORD - 2]}
  if [[ $word == = ]]; then
    word=
    previous=${COMP_WORDS[COMP_CWORD - 1]}
  fi
  command=$(_shmctl_command)
  case $previous in
    --dir) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
    --access) _shmctl_offer "private watchable group everyone"; return ;;
    --framing) _shmctl_offer "lines length raw"; return ;;
    --format) _shmctl_offer "text hex json raw length"; return ;;
    --on-full) _shmctl_offer "block drop evict evict:5"; return ;;
    --from) _shmctl_offer "end oldest 1m 5m 1h"; return ;;
    --capacity) _shmctl_offer "1M 4M 16M 64M 256M 1G"; return ;;
    --older-than | --since) _shmctl_offer "1m 1h 1d"; return ;;
    --mode | --seats-mode) _shmctl_offer "0600 0640 0644 0660 0666"; return ;;
    --owner) mapfile -t COMPREPLY < <(compgen -u -- "$word"); return ;;
    --group)
      if [[ $command == set ]]; then
        mapfile -t COMPREPLY < <(compgen -g -- "$word")
      else
        _shmctl_offer "$(_shmctl_groups)"
      fi
      return
      ;;
    --pid | --label | --max-message | --seats | --schema | --wait-for | --rate | -n | -c) return ;;
  esac
  if [[ -z $command ]]; then
    _shmctl_offer "create list stat pub tail unlink prune evict set --dir --help --version"
    return
  fi
  if [[ $word == -* ]]; then
    local options="--dir --help"
    case $command in
      create) options+=" --capacity --max-message --seats --schema --access --no-keep" ;;
      list | stat) options+=" --json" ;;
      pub) options+=" --create --capacity --framing --wait-for --rate --on-full --keep-open --owned-by" ;;
      evict) options+=" --group --label --pid" ;;
      tail) options+=" --from --since -n -c -e --lossless --group --durable --format --until-closed --no-wait --owned-by --json" ;;
      unlink) options+=" --force" ;;
      prune) options+=" --dry-run --yes --older-than --json" ;;
      set) options+=" --keep --no-keep --mode --seats-mode --owner --group --owned-by" ;;
    esac
    _shmctl_offer "$options"
    return
  fi
  case $command in
    evict) # a ring, then one of its seats
      local seats
      seats=$(_shmctl_seats "$previous")
      _shmctl_offer "${seats:-$(_shmctl_ring_names)}"
      ;;
    list | stat | pub | tail | unlink | prune | set) _shmctl_offer "$(_shmctl_ring_names)" ;;
  esac
}

complete -F _shmctl shmctl
