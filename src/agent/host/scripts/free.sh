# The agent host: how the disk is given back that holds what nobody will ask for again. Functions alone.

# What `in` holds from byte $2 on that is not for the agent; of what was freed, the last record of each kind. $1 the
# epoch's directory.
records_in() {
  local from=0
  { read -r from && [ $from -gt $2 ] && cat; } <"$1/records"
  tail -c +$(((from > $2 ? from : $2) + 1)) "$1/in"
}

# What the last record of kind $2 says, in characters of the class $3, from byte $4 of `in` on.
record_in() {
  records_in "$1" ${4:-0} | LC_ALL=C sed -n $'/\036/s/^.*\036'"$2 \\([$3]*\\);\$/\\1/p" | tail -n 1
}

# Frees what the bridge asked for; of `in`, what the agent's process was given.
free() {
  local in out
  read -r out in <free
  [ $out -gt 0 ] && punch $out out
  [ $in -gt 0 ] && free_in $in
}

punch() { fallocate -pn -l $1 $2; }

# $1 where a line begins
free_in() {
  local reader fd field value at= kind text
  read -r reader <reader
  for fd in /proc/$reader/fd/*; do
    [ $fd -ef in ] || continue
    while read -r field value; do [ $field = pos: ] && at=$value; done </proc/$reader/fdinfo/${fd##*/}
  done
  [ "$at" ] || return
  {
    echo $1 || return
    for kind in 'note agent' 'note thread' 'note turn' ack; do
      text=$(record_in . "$kind" A-Za-z0-9+/=:,)
      [ ! "$text" ] || printf '\036%s %s;\n' "$kind" "$text" || return
    done
  } >records.new && mv -f records.new records && punch $((at < $1 ? at : $1)) in
}
