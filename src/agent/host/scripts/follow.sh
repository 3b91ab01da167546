# The agent host: follows `in` and `out` as they grow. Both functions run until their process is ended.
# GNU tail is looked for once, for all attaches of an epoch.
if gnu tail; then gnu_tail() { :; }; else gnu_tail() { return 1; }; fi

# Prints the bytes of `out` from offset $1 on.
follow_out() {
  gnu_tail && exec tail -s .02 -c +$(($1 + 1)) -f out
  # The tail there polls once a second, or can't follow. So `cat` is run again and again, and goes on at its last
  # offset.
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

# Prints the lines of `in` that are for the agent. The file `reader` gets the pid of the process that reads `in`.
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
