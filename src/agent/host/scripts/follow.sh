# The agent host: how `in` and `out` are followed as they grow. Both end with the process that runs them.
# Looked up once for all of an epoch's attaches.
if gnu tail; then gnu_tail() { :; }; else gnu_tail() { return 1; }; fi

# The bytes of `out` from offset $1.
follow_out() {
  gnu_tail && exec tail -s .02 -c +$(($1 + 1)) -f out
  # A tail that polls once a second, or can't follow at all: each read goes on where the last one ended.
  local idle=0 before= after
  have dd
  exec 5<out
  dd bs=1 skip=$1 count=0 <&5
  while :; do
    cat <&5
    read -r _ after </proc/$BASHPID/fdinfo/5
    [ "$before" = "$after" ] && nap .$((idle++ < 50 ? 1 : 5)) || idle=0
    before=$after
  done
}

# The lines of `in`, less those that are not for the agent. The file `reader` names the process that reads it.
follow_in() {
  if gnu_tail && gnu grep; then
    { echo $BASHPID >reader; exec tail -s .02 -c +1 -f in; } | LC_ALL=C exec grep --line-buffered -av $'\036'
    return
  fi
  local LC_ALL=C line part
  exec 5<in
  echo $BASHPID >reader
  while :; do
    IFS= read -r -u 5 part
    case $?$line$part in
      0*$'\036'*) line= ;;
      0*) printf '%s\n' "$line$part"; line= ;;
      *) line+=$part; [ "$part" ] || nap .05 ;;
    esac
  done
}
