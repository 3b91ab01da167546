# The agent host: frees the disk under bytes that nobody will ask for again. Functions only.

# Prints the bytes of `in` from byte $2 on, in which records may be; of the bytes that were freed, the last record of
# each kind. $1 is the epoch's directory.
records_in() {
  local from=0
  { read -r from && [ $from -gt $2 ] && cat; } <"$1/records"
  tail -c +$(((from > $2 ? from : $2) + 1)) "$1/in"
}

# Prints the value of the last record of kind $2, from byte $4 of `in` on. $3 is the class of its characters.
record_in() {
  records_in "$1" ${4:-0} | LC_ALL=C sed -n $'/\036/s/^.*\036'"$2 \\([$3]*\\);\$/\\1/p" | tail -n 1
}

# Frees the bytes that the bridge named; of `in`, only those that the agent's process was given.
free() {
  local in out
  read -r out in <free
  [ $out -gt 0 ] && punch $out out
  [ $in -gt 0 ] && free_in $in
}

punch() { fallocate -pn -l $1 $2; }

# $1 is the offset at which a line begins.
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
