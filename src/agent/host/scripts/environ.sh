# The agent host: where to read the environment of the image. Functions only.

# Puts into `environ` the file to read, or nothing, and into `separator` 1 if NUL stands between its variables, nothing
# if a newline does. The container's first process may belong to another user. Then the oldest other process of this
# user is read, except those in a terminal, whose environment is as minimal as this shell's, and those that a host
# started, which have the variables of another thread. Last comes a file that the image may provide.
find_environ() {
  local f p v s pid best= oldest=
  separator=1 environ=/proc/1/environ
  has_variables && return
  for p in /proc/[1-9]*; do
    [ -O $p/environ ] && read -r s <$p/stat || continue
    pid=${p#/proc/}
    set -- ${s##*) }
    # $5 and ${20} are the fields `tty_nr` and `starttime`.
    [ "$5" = 0 ] && { [ ! "$oldest" ] || ((${20} < oldest)); } || continue
    environ=$p/environ
    has_variables && oldest=${20} best=$environ
  done
  environ=$best
  [ "$best" ] && return
  environ=/etc/agentcore-bridge/environ
  if IFS= read -rd '' v <$environ; then return; fi
  separator=
  [ "$v" ] || environ=
}

has_variables() {
  local v n=0
  while IFS= read -rd '' v; do
    n=1
    case $v in AGENTCORE_BRIDGE=*) return 1 ;; esac
  done <$environ
  [ $n = 1 ]
}
