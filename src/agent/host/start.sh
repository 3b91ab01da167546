# The agent host, second part: starts the agent. Sent to a host that said "need", behind NEW (the epoch), COMMAND,
# CWD (or nothing), ENVIRONMENT (a script that exports what the person set), FOLLOW and RUN (follow.sh and run.sh).
# An interrupt waits until the agent is on record: an agent that nobody knows of would run for ever.
late=
traps=$(trap -p)
trap 'late=INT' INT
trap 'late=HUP' HUP TERM
[ "$C" ] && rm -rf $C
mkdir $NEW && >$NEW/in >$NEW/out >$NEW/err && { declare -f; printf %s "$FOLLOW"; } >$NEW/follow || die directory
(
  trap : INT HUP TERM
  # Positional, since any name may be one of the environment's.
  set -- "$PWD/$NEW" "$CWD" "$BASH" "$RUN" "$COMMAND"
  unset ACB_IDLE
  # The shell's own environment is minimal: what the image's ENV says stands with the container's first process.
  while IFS= read -rd '' v; do
    case ${v%%=*} in
      '' | [0-9]* | *[!A-Za-z0-9_]* | USER | LOGNAME | SHELL | PWD | OLDPWD | SHLVL | TERM | _) ;;
      HOME) : ${HOME:=${v#*=}} ;;
      PATH) PATH=${v#*=}:$PATH ;;
      *) export "$v" ;;
    esac
  done </proc/1/environ
  eval "$ENVIRONMENT"
  [ "$HOME" ] || HOME=~
  export HOME PATH
  mkdir -p "$HOME"
  cd "$HOME" || cd /
  if [ "$2" ]; then
    mkdir -p "$2"
    cd "$2" || die cwd "$2"
  elif [ -d /mnt/workspace ] && [ -w /mnt/workspace ]; then
    cd /mnt/workspace
  fi
  printf '%s\n' "$PWD" >"$1/cwd"
  # Through a shell with job control: without it, what runs in the background ignores interrupts, for ever.
  set -- "$3" -pc 'set -m; "$0" -pc "$@" &' "$3" "$4" agent-host "$1" "$5" "$3"
  # Without setsid: a process group of its own, which the terminal's end does not reach.
  if type setsid >&2; then
    set -- setsid "$@"
  elif busybox setsid --help >&2; then
    set -- busybox setsid "$@"
  else
    trap '' HUP
  fi
  "$@" </dev/null >/dev/null 2>&1 9>&-
) || exit
for ((i = 0; i < 1000; i++)); do [ -s $NEW/pids ] && break; nap; done
read -r W G <$NEW/pids
B=
born $W
w=$B
born $G
if ! { [ "$w" ] && echo $W $w $G $B >$NEW/pid && echo $NEW >epoch; }; then
  # The third part finds no place for its pids then, and ends.
  rm -rf $NEW
  [ "$W" ] && kill -9 -- -$G -$W
  die start
fi
C=$NEW
eval "$traps"
[ $late ] && kill -$late $$
