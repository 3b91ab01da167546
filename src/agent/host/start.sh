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
  D=$PWD/$NEW
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
  if [ "$CWD" ]; then
    mkdir -p "$CWD"
    cd "$CWD" || die cwd "$CWD"
  elif [ -d /mnt/workspace ] && [ -w /mnt/workspace ]; then
    cd /mnt/workspace
  fi
  printf '%s\n' "$PWD" >$D/cwd
  # Without setsid: a process group of its own, which the terminal's end does not reach.
  detach=
  if type setsid >&2; then
    detach=setsid
  elif busybox setsid --help >&2; then
    detach='busybox setsid'
  else
    trap '' HUP
  fi
  # Through a shell with job control: without it, what runs in the background ignores interrupts, for ever.
  RUN=$RUN $detach "$BASH" -pc 'set -m; "$BASH" -pc "$RUN" agent-host "$@" &' - "$D" "$COMMAND" \
    </dev/null >/dev/null 2>&1 9>&-
) || exit
until [ -s $NEW/pids ]; do nap; done
read -r W G <$NEW/pids
born $W
echo $W $B $G >$NEW/pid
echo $NEW >epoch
C=$NEW
eval "$traps"
[ $late ] && kill -$late $$
