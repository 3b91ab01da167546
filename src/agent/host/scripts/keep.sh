# The agent host: what outlives an agent, and a microVM where a persistent mount is. Functions alone.

# The last note of kind $2 in the epoch's directory $1, in base64.
note_in() { record_in "$1" "note $2" A-Za-z0-9+/=; }

# Says what a bridge that is new to this epoch has to know.
tell_notes() {
  local k n
  for k in agent thread; do
    n=$(note_in . $k)
    # In pieces that a frame holds.
    while [ "$n" ]; do
      say note $k ${n::3000}
      n=${n:3000}
    done
  done
  read -r n <keeping
  say keeping $n
  read -r n <environment
  say environment $n
}

# Has run.sh save, and says how the last save went that has ended. $1 `rest`, `busy` while a turn is open, or - for none
# $2 how often to look whether it is done
ask() {
  local i s r=
  if [ $1 != - ] && lives "$W" "$w" && echo $1 $N >save && kill -USR1 $W; then
    for ((i = 0; i < $2; i++)); do
      read -r s r <../saved
      [ "$s" = $N ] && break
      nap
    done
  fi
  read -r s r <../saved
  [ "$r" ] && say saved $r
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

# Whether path $1 belongs to a database: those are worth something only where nobody writes meanwhile. Puts into `base`
# the file that all of it is named after.
is_database() {
  base=$1
  case $1 in *-wal | *-shm | *-journal) base=${1%-*} ;; esac
  case $base in
    *.db | *.db3 | *.sqlite | *.sqlite3) ;;
    *) [ -e "$base-wal" ] && [ -e "$base" ] ;;
  esac
}

# Type and mode, size, times and inode of each path that is still there, one a line.
stats() { stat -c '%f %s %y %z %i' "$@"; }

# Puts into `names` the files of the database $1, and into `print` what changes with them.
look_at_database() {
  local suffix
  names=()
  for suffix in '' -wal -shm -journal; do
    [ -f "$1$suffix" ] && [ -r "$1$suffix" ] && names+=("$1$suffix")
  done
  print=$(stats "${names[@]}")
  print=${print//$'\n'/ }
}

# Finds what is to be kept of the epoch in $1: `databases` (the keys), `large` files with their `prints`, and `small`,
# which is everything else, with `small_print`. A print changes with what it is of. Sockets and the like are not kept,
# nor is what lies on the persistent mount anyway.
collect() {
  local p f at i j line base all=() lines=() text=
  local -A seen=()
  small=() large=() databases=() prints=()
  while IFS= read -rd '' p; do
    [ "$p" ] || continue
    p=./${p%/}
    at=$(cd -P "$p" || cd -P "${p%/*}" && pwd)
    case $at/ in "${place%/.agentcore-bridge/*}"/*) continue ;; esac
    set -- "$1" "$p"
    [ -d "$p" ] && set -- "$1" "$p" "$p"/**
    for f in "${@:2}"; do
      f=${f%/}
      if [ "$f" = "$p" ] && [ -d "$f" ]; then
        # It may be a link: then what is in it is kept as if it were none.
        [ -L "$f" ] && continue
      elif [ ! -d "$f" ] && [ ! -L "$f" ]; then
        [ -f "$f" ] && [ -r "$f" ] || continue
        is_database "$f" && databases["$base"]=1 && continue
      fi
      [ "${seen["$f"]}" ] && continue
      seen["$f"]=1
      all+=("$f")
    done
  done <"$1/persist"
  for ((i = 0; i < ${#all[@]}; i += 500)); do
    set -- "${all[@]:i:500}"
    mapfile -t lines < <(stats "$@")
    # Something was removed meanwhile: then each line is to be had by itself.
    if [ ${#lines[@]} != $# ]; then
      lines=()
      for f; do lines+=("$(stats "$f")"); done
    fi
    for ((j = 0; j < $#; j++)); do
      f=${all[i + j]} line=${lines[j]}
      case $line in
        '') continue ;;
        # What is in a directory changes its times.
        4*) line=${line%% *} ;;
        8*) set_size $line ;;
      esac
      if [[ $line = 8* ]] && ((size >= 1048576)); then
        large+=("$f")
        prints["$f"]=$line
      else
        small+=("$f")
        text+=$f$'\n'$line$'\n'
      fi
    done
  done
  small_print=$(printf %s "$text" | sha1sum)
  small_print=${small_print%% *}
}

set_size() { size=$2; }

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

# Says why the file $1 could not be written.
blame() {
  case $({ printf %65536s >>"$1"; } 2>&1) in *' space left on device' | *' quota exceeded') echo full ;; *) echo failed ;; esac
}

# Puts into `archive` what the archive of the file or database $1 is called.
name_archive() {
  archive=$(printf %s "$1" | sha1sum)
  archive=${archive%% *}
}

# Has the archive $1 hold `names`, whose print is $2, unless it does. What is there stays whole until what takes its
# place is. $3 the database that they are, which is not to change meanwhile
keep() {
  local print f new=$place/$1.tar.new
  wanted[$1]=1
  if [ $how = restored ]; then
    # What was there before may be newer than what is kept.
    for f in "${names[@]}"; do [ "${there["$f"]}" ] && return; done
    [ -e "$place/$1.tar" ] && kept[$1]=$2
    return
  fi
  [ "${kept[$1]}" = "$2" ] && [ -e "$place/$1.tar" ] && return
  if archive >"$new"; then
    [ "$3" ] && look_at_database "$3"
    if [ "${print:-$2}" = "$2" ] && mv -f "$new" "$place/$1.tar"; then
      kept[$1]=$2
      return
    fi
  fi
  [ "$failure" = full ] || failure=$(blame "$new")
  rm -f "$new"
}

# Removes the archives of what is not to be kept any more; with $1, only where it is not there any more either.
drop_archives() {
  local tar name f
  for tar in "$place"/*.tar; do
    name=${tar##*/} name=${name%.tar}
    [ "${wanted[$name]}" ] && continue
    [ "$1" ] && IFS= read -r f < <(tar -t -f "$tar") && [ -e "$f" ] && continue
    rm -f "$tar" && dropped=1
  done
}

# Keeps what the epoch in $1 leaves. Each database and each large file has an archive of its own, all the rest has one:
# only what has changed is written again, one behind the other, so that storage never holds two copies of everything.
# $2 `rest`; `busy`: databases stay as they were kept; `restored`: all is as it was kept, but for what was `there` before
# Puts into `failure` nothing, or what was in the way: `full` or `failed`.
pack() {
  local try how=$2 f archive print dropped names small large small_print size
  local -A kept=() wanted databases prints
  while read -r archive print; do kept[$archive]=$print; done <"$1/../prints"
  [ $how = restored ] || rm -f "$place"/*.tar.new
  for try in 1 2 3; do
    failure= dropped=
    wanted=()
    collect "$1"
    for f in "${large[@]}"; do
      name_archive "$f"
      names=("$f")
      keep $archive "${prints["$f"]}"
    done
    for f in "${!databases[@]}"; do
      name_archive "$f"
      wanted[$archive]=1
      [ $how = busy ] && continue
      look_at_database "$f"
      keep $archive "$print" "$f"
    done
    names=("${small[@]}")
    [ ${#names[@]} = 0 ] || keep files "$small_print"
    [ $how = restored ] || drop_archives $failure
    # Where storage is full, another try is of use only if there is more room for it.
    case $failure,$dropped in ,* | full,) break ;; esac
  done
  for archive in "${!kept[@]}"; do
    [ "${wanted[$archive]}" ] && printf '%s %s\n' $archive "${kept[$archive]}"
  done >"$1/../prints"
}

# Saves what the epoch in $1 leaves. Never two at once: run.sh sees to it, and start.sh waits for the last one.
save() {
  local how nonce note failure=
  umask 077
  born $BASHPID && echo $BASHPID $B >"$1/../saver"
  read -r how nonce <"$1/save"
  if settle "$1"; then
    pack "$1" ${2:-$how}
  else
    # Where nothing can be kept, the bridge knows.
    read -r note <"$1/keeping"
    [ "$note" = kept ] && failure=failed
  fi
  if [ "$place" ]; then
    note=$(note_in "$1" thread)
    if [ "$note" ] && [ "$note" != "$(cat "$place/note")" ]; then
      echo "$note" >"$place/note.new" && mv -f "$place/note.new" "$place/note" || {
        failure=$(blame "$place/note.new")
        rm -f "$place/note.new"
      }
    fi
  fi
  echo ${nonce:--} ${failure:-ok} >"$1/../saved"
}

# Puts what was saved under HOME, for the epoch in $1: once in a microVM's life, as soon as its storage is there, and never
# in the place of what is newer.
restore() {
  local tar failure f small large small_print size
  local -A there=() databases prints
  [ ! -e "$1/../restored" ] && settle "$1" || return
  collect "$1"
  for f in "${small[@]}" "${large[@]}" "${!databases[@]}"; do
    [ -d "$f" ] && [ ! -L "$f" ] || there["$f"]=1
  done
  for tar in "$place"/*.tar; do
    # What can't be read is put aside, lest the next save take its place.
    unpack <"$tar" || mv -f "$tar" "$tar.bad"
  done
  pack "$1" restored
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
