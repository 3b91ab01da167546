# The agent host, second part: starts the agent. Sent to a host that said `need`, behind NEW (the epoch), COMMAND, CWD
# (or nothing), ENVIRONMENT (a script that exports the user's variables), PERSIST (an array), PERSIST_TO (a directory,
# or nothing), STORAGE_WAIT (seconds), FUNCTIONS (lines.sh, follow.sh, free.sh, environ.sh, keep.sh and watch.sh) and
# RUN (run.sh). $1 as in the first part.
say starting
eval "$FUNCTIONS"
find_engine
late=
for p in "$PERSIST_TO" "$CWD" /mnt/workspace; do [ "$late" ] || await_storage "$p" $STORAGE_WAIT; done
storage=${late:+late}
# A hangup is handled only when the agent's pid is written down: an agent without a known pid would run for ever.
late=
traps=$(trap -p HUP TERM)
trap 'late=HUP' HUP TERM
W= S= T=
if [ "$C" ]; then
  # The last agent may still be being saved: that takes up to 20 s.
  read -r W w _ <$C/pid
  read -r S s <saver
  for ((i = 0; i < 1000; i++)); do lives "$W" "$w" || lives "$S" "$s" || break; nap; done
  lives "$S" "$s" && end $S $s
  lives "$W" "$w" && end $W $w
  T=$(note_in $C thread)
  rm -rf $C
fi
mkdir $NEW && >$NEW/in >$NEW/out >$NEW/err && >$NEW/format-2 && { declare -f; declare -p engine; } >$NEW/functions && printf '%s\0' "${PERSIST[@]}" >$NEW/persist ||
  die directory
(
  trap : HUP TERM
  # As positional parameters, since any name may be one of the environment's.
  set -- "$PWD/$NEW" "$CWD" "$BASH" "$RUN" "$COMMAND" "$1" "$T" "$PERSIST_TO" "$storage"
  # The shell's own environment is minimal, so the image's is read.
  find_environ
  if [ "$environ" ]; then echo found; else echo none; fi >"$1/environment"
  while IFS= read -r${separator:+d ''} v || [ "$v" ]; do
    case ${v%%=*} in
      '' | [0-9]* | *[!A-Za-z0-9_]* | USER | LOGNAME | SHELL | PWD | OLDPWD | SHLVL | TERM | _) ;;
      HOME) : ${HOME:=${v#*=}} ;;
      PATH) PATH=${v#*=}:$PATH ;;
      *) export "$v" ;;
    esac
  done <"${environ:-/dev/null}"
  # Tells `find_environ` that a host started this process.
  export AGENTCORE_BRIDGE=1
  eval "$ENVIRONMENT"
  [ "$HOME" ] || HOME=~
  export HOME PATH
  mkdir -p "$HOME"
  (
    unset IFS
    find_place "$6" "$2" "$8"
    printf '%s\n' "$place" >"$1/place"
    printf '%s\n' "$HOME" >"$1/home"
    if [ ! "$place" ]; then echo ${9:-no-mount}; elif have tar && have mv; then echo kept; else echo no-tar; fi >"$1/keeping"
    [ "$7" ] || { read -r n <"$place/note" && set -- "${@:1:6}" "$n" "${@:8}"; }
    case $7 in '' | *[!A-Za-z0-9+/=]*) ;; *) printf '\036note thread %s;\n' "$7" >>"$1/in" ;; esac
    restore "$1"
  )
  cd "$HOME" || cd /
  if [ "$2" ]; then
    mkdir -p "$2"
    cd "$2" || die cwd "$2"
  elif [ -d /mnt/workspace ] && [ -w /mnt/workspace ]; then
    cd /mnt/workspace
  fi
  printf '%s\n' "$PWD" >"$1/cwd"
  # Through a shell with job control: without it, background processes would ignore interrupts for ever.
  set -- "$3" -pc 'set -m; "$0" -pc "$@" &' "$3" "$4" agent-host "$1" "$5" "$3"
  # Without setsid, job control gives a process group of its own, and hangups are ignored.
  if type setsid >&2; then
    set -- setsid "$@"
  elif busybox setsid --help >&2; then
    set -- busybox setsid "$@"
  else
    trap '' HUP
  fi
  # A shell that was started with interrupts ignored passes that on, and bash can't undo it.
  if [ "$(trap -p INT)" ]; then
    env --default-signal=INT true || die tool env --default-signal
    set -- env --default-signal=INT "$@"
  fi
  "$@" </dev/null >/dev/null 2>&1 9>&-
) || exit
for ((i = 0; i < 1000; i++)); do [ -s $NEW/pid ] && break; nap; done
W=
read -r W w G g <$NEW/pid
if ! { [ "$W" ] && echo $NEW >epoch; }; then
  # The third part can't write its pids then, and ends.
  rm -rf $NEW
  [ "$W" ] && kill -9 -- -$G -$W
  die start
fi
C=$NEW
eval "$traps"
[ $late ] && kill -$late $$
