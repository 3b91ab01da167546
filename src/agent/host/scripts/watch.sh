# The agent host: work that goes on beside an agent, whether a bridge is attached or not. Functions only.

# Looks at the epoch's files while run.sh, which began at $1, lives: twice a second while they grow, and every 4 s when
# they have stopped growing.
watch() {
  local sizes last= pause trimmed=0 seen=0 spoken=0 since=
  unset IFS POSIXLY_CORRECT
  # Other users may read the files that are made here.
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

# Puts into `busy` the path of the file that exists while a turn is open. It lies beside the threads' directories, which
# only this user may read, and has the name of this thread's.
find_busy_file() {
  local thread=${PWD%/*}
  busy=${thread%/*}-busy/${thread##*/}
}

# Looks for the bridge's last record of whether a turn is open, in the new part of `in`, which has $1 bytes. The last 64
# bytes are read again, since a record may have been cut there. Puts into `since` when the open turn was found, in
# seconds, or nothing.
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

# While a turn is open, writes into the file since when. Its modification time is that of the agent's last output, whose
# `out` has $1 bytes.
tell_of_turn() {
  [ "$since" ] && ! { [ -e "$busy" ] && [ $1 = $spoken ]; } || return
  spoken=$1
  local dir=${busy%/*}
  [ -d "$dir" ] || mkdir "$dir"
  # Written in place, so that the file is empty only when it is new. `declare -f` loses the 1 of `1<>`.
  [ ! -L "$dir" ] && [ -O "$dir" ] && echo $since 8<>"$busy" >&8
}

# Frees the disk of `err`, which has $1 bytes, except its end. The agent appends to it, so without fallocate it may be
# cut.
trim_err() {
  [ $(($1 - trimmed)) -gt 1048576 ] || return
  trimmed=$(($1 - 65536))
  punch $trimmed err && return
  trimmed=0
  (umask 077 && tail -c 65536 err >err.new) && >err && cat err.new >>err
  rm -f err.new
}
