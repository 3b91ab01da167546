# The agent host: what is seen to beside an agent, whether somebody is attached or not. Functions alone.

# Looks at the epoch's files for as long as run.sh lives, which began at $1: twice a second while they grow, and ever more
# seldom while they do not.
watch() {
  local sizes last= pause trimmed=0 seen=0 spoken=0 since=
  unset IFS POSIXLY_CORRECT
  # Others may read what is made here.
  umask 022
  find_busy_file
  rm -f "$busy"
  while lives $$ $1; do
    sizes=$(stat -c %s in out err)
    if [ "$sizes" != "$last" ]; then
      last=$sizes pause=.5
      set -- $1 $sizes
      look_for_turn $2
      tell_of_turn $3
      trim_err $4
    else
      case $pause in .5) pause=1 ;; 1) pause=2 ;; *) pause=4 ;; esac
    fi
    nap $pause
  done
  rm -f "$busy"
}

# Puts into `busy` the file that is there while a turn is open. It lies beside the threads' directories, which nobody else
# may read, and has the name of this thread's.
find_busy_file() {
  local thread=${PWD%/*}
  busy=${thread%/*}-busy/${thread##*/}
}

# Finds the bridge's last word on whether a turn is open in what is new of `in`, which has $1 bytes: a record is shorter
# than what is looked at twice. Puts into `since` when that was found out, in seconds, or nothing.
look_for_turn() {
  [ $1 -gt $seen ] || return
  case $(record_in . 'note turn' A-Za-z0-9+/= $((seen > 64 ? seen - 64 : 0))) in
    MQ==)
      [ "$since" ] || printf -v since '%(%s)T' -1
      ;;
    MA==)
      since=
      rm -f "$busy"
      ;;
  esac
  seen=$1
}

# Where a turn is open, has the file say since when; its time is that of the last output of the agent, whose `out` has $1
# bytes.
tell_of_turn() {
  [ "$since" ] && ! { [ -e "$busy" ] && [ $1 = $spoken ]; } || return
  spoken=$1
  local dir=${busy%/*}
  [ -d "$dir" ] || mkdir "$dir"
  # In place, so that it is empty only when it is new. `declare -f` loses the 1 of `1<>`.
  [ ! -L "$dir" ] && [ -O "$dir" ] && echo $since 8<>"$busy" >&8
}

# Frees the disk of `err`, which has $1 bytes, but for its end. The agent appends to it: without fallocate it may be cut.
trim_err() {
  [ $(($1 - trimmed)) -gt 1048576 ] || return
  trimmed=$(($1 - 65536))
  punch $trimmed err && return
  trimmed=0
  (umask 077 && tail -c 65536 err >err.new) && >err && cat err.new >>err
  rm -f err.new
}
