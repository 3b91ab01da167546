# The agent host: what outlives an agent, and a microVM where a persistent mount is. Functions alone.

# The last note of kind $2 in the epoch's directory $1, in base64.
note_in() { record_in "$1" "note $2" A-Za-z0-9+/=; }

# Says what a bridge that is new to this epoch has to know.
tell_notes() {
  local k n
  for k in agent thread; do
    n=$(note_in . $k)
    [ "$n" ] && say note $k $n
  done
  read -r n <keeping
  say keeping $n
  read -r n <environment
  say environment $n
}

# Has run.sh save. $1 `rest`, or `busy` while a turn is open  $2 how often to look whether it is done
ask() {
  local i s
  lives "$W" "$w" && echo $1 $N >save && kill -USR1 $W || return
  for ((i = 0; i < $2; i++)); do
    read -r s <saved
    [ "$s" = $N ] && break
    nap
  done
}

have() {
  type $1 >&2 && return
  busybox $1 --help >&2 && eval "$1() { busybox $1 \"\$@\"; }"
}

# Puts into `best` the mount that path $1 lies on; empty where that is the root.
mount_of() {
  local m
  best=
  while read -r _ m _; do
    printf -v m %b "$m"
    [[ $1/ == "$m"/* && ${#m} -gt ${#best} ]] && best=$m
  done </proc/mounts
  [ "$best" ]
}

# Finds the directory for what the thread $1 leaves, and makes it: below $3 where the person named that, else on the
# mount /mnt/workspace, else on the mount under /mnt that the working directory $2 lies on. On no other mount, since
# sessions may share it. Only a mount counts: a directory is lost with the microVM.
find_place() {
  local p best
  for p in "${3:-/mnt/workspace}" "${3:-$2}"; do
    mount_of "$p" || continue
    [ "$3" ] && best=$p
    case $p,$best/ in "$3",* | /mnt/*,/mnt/*) ;; *) continue ;; esac
    [ "$3" ] && mkdir -p "$best"
    [ -w "$best" ] || continue
    place=$best/.agentcore-bridge/$1
    mkdir -p "$place" && [ -w "$place" ] && return
  done
  place=
}

# Whether $1 looks like a place where AgentCore has yet to mount the session's storage: an empty directory of root's.
is_placeholder() {
  local best
  [ -d "$1" ] && [ "$(stat -c %u "$1")" = 0 ] && ! { mount_of "$1" && [ "$best" = "$1" ]; } || return
  shopt -s nullglob dotglob
  set -- "$1"/*
  shopt -u nullglob dotglob
  [ $# = 0 ]
}

# Waits until storage is mounted under /mnt where path $1 lies, for at most $2 seconds since the first agent of this
# microVM was asked for. Puts into `late` the directory where it is not.
await_storage() {
  local dir now since told=
  case $1 in /mnt/?*) dir=${1#/mnt/} dir=/mnt/${dir%%/*} ;; *) return ;; esac
  is_placeholder "$dir" || return
  [ -e ../started ] || >../started
  since=$(stat -c %Y ../started)
  while is_placeholder "$dir"; do
    printf -v now '%(%s)T' -1
    if ((now - since >= $2)); then
      late=$dir
      return
    fi
    [ $told ] || say storage
    told=1
    nap .1
  done
}

# What follows runs in a subshell of its own. Of the environment nothing may disturb it.
settle() {
  unset IFS GLOBIGNORE POSIXLY_CORRECT TAR_OPTIONS
  LC_ALL=C
  shopt -s globstar dotglob nullglob
  IFS= read -r place <"$1/place"
  [ "$place" ] || return
  IFS= read -r HOME <"$1/home"
  have tar && have mv && cd "$HOME"
}

# Whether path $1 belongs to a database: those are worth something only where nobody writes meanwhile.
is_database() {
  local base=$1
  case $1 in *-wal | *-shm | *-journal) base=${1%-*} ;; esac
  case $base in
    *.db | *.db3 | *.sqlite | *.sqlite3) ;;
    *) [ -e "$base-wal" ] && [ -e "$base" ] ;;
  esac
}

# Puts into `names` what is to be kept of the epoch in $1: its `files` or `databases`, as $2 says. Sockets and the like
# are not, nor is what lies on the persistent mount anyway.
collect() {
  local p f kind at
  names=()
  while IFS= read -rd '' p; do
    [ "$p" ] || continue
    p=./${p%/}
    at=$(cd -P "$p" || cd -P "${p%/*}" && pwd)
    case $at/ in "${place%/.agentcore-bridge/*}"/*) continue ;; esac
    set -- "$1" "$2" "$p"
    [ -d "$p" ] && set -- "$1" "$2" "$p"/**
    for f in "${@:3}"; do
      f=${f%/}
      kind=files
      if [ "$f" = "$p" ] && [ -d "$f" ]; then
        # It may be a link: then what is in it is kept as if it were none.
        [ -L "$f" ] && continue
      elif [ ! -d "$f" ] && [ ! -L "$f" ]; then
        [ -f "$f" ] && [ -r "$f" ] || continue
        is_database "$f" && kind=databases
      fi
      [ $kind = "$2" ] && names+=("$f")
    done
  done <"$1/persist"
}

# Names, sizes and times, in short.
print_of() {
  local i
  for ((i = 1; i <= $#; i += 500)); do stat -c '%n %s %Y %y %i' "${@:i:500}"; done | sha1sum
}

# Those names to stdout. Status 0: whole. GNU tar says 1 where a file changed while it was read.
archive() {
  if gnu tar; then
    printf '%s\0' "${names[@]}" | tar -c -f - --no-recursion --null -T -
    [ $? -le 1 ]
  else
    # As many as a command line holds: some ten thousand.
    tar -c -f - --no-recursion "${names[@]}"
  fi
}

# Keeps the epoch's `files` or `databases`, as $2 says, if they changed since the last time. What is there stays whole
# until what takes its place is.
pack() {
  local try print names
  for try in 1 2 3; do
    collect "$1" $2
    print=$(print_of "${names[@]}")
    [ "$print" = "$(cat "$1/../$2.print")" ] && return
    if [ ${#names[@]} = 0 ]; then
      rm -f "$place/$2.tar"
    else
      archive >"$place/$2.tar.new" || continue
      if [ $2 = databases ]; then
        collect "$1" $2
        [ "$(print_of "${names[@]}")" = "$print" ] || continue
      fi
      mv -f "$place/$2.tar.new" "$place/$2.tar" || continue
    fi
    echo "$print" >"$1/../$2.print"
    return
  done
  rm -f "$place/$2.tar.new"
}

# Saves what the epoch in $1 leaves. Never two at once: run.sh sees to it, and start.sh waits for the last one.
save() {
  local how nonce note
  umask 077
  born $BASHPID && echo $BASHPID $B >"$1/../saver"
  read -r how nonce <"$1/save"
  if settle "$1"; then
    pack "$1" files
    [ "${2:-$how}" = rest ] && pack "$1" databases
  fi
  if [ "$place" ]; then
    note=$(note_in "$1" thread)
    [ "$note" ] && [ "$note" != "$(cat "$place/note")" ] && echo "$note" >"$place/note.new" &&
      mv -f "$place/note.new" "$place/note"
  fi
  echo $nonce >"$1/saved"
}

# Puts what was saved under HOME, for the epoch in $1: once in a microVM's life, and never in the place of what is newer.
restore() {
  local kind tar
  [ -e "$1/../restored" ] && return
  if settle "$1"; then
    for kind in files databases; do
      tar=$place/$kind.tar
      [ -e "$tar" ] || continue
      # What can't be read is put aside, lest the next save take its place.
      unpack <"$tar" || mv -f "$tar" "$tar.bad"
    done
  fi
  >"$1/../restored"
}

unpack() {
  local f
  if gnu tar; then
    tar -x -p -f - --keep-newer-files
    return
  fi
  tar -t -f - <"$tar" | while IFS= read -r f; do
    [ -d "$f" ] || [ "$f" -nt "$tar" ] || rm -f "$f"
  done
  tar -x -k -f -
}
