# The agent host: how `in` and `out` are followed as they grow. Both end with the process that runs them.
gnu() { case $($1 --version 2>&1) in *GNU* | *uutils*) ;; *) return 1 ;; esac; }
# Looked up once for all of an epoch's attaches.
if gnu tail; then gnu_tail() { :; }; else gnu_tail() { return 1; }; fi

# The bytes of `out` from offset $1.
follow_out() {
  gnu_tail && exec tail -s .02 -c +$(($1 + 1)) -f out
  # A tail that polls once a second, or can't follow at all: look at the size instead. Ends between two reads, not in one.
  local at=$1 size idle=0 stop=
  trap stop=1 TERM
  until [ $stop ]; do
    size=$(stat -c %s out)
    if [ "$size" -gt "$at" ]; then
      tail -c +$((at + 1)) out | head -c $((size - at))
      at=$size idle=0
    else
      nap .$((idle++ < 50 ? 2 : 9))
    fi
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
