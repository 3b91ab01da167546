# The agent host: what outlives an agent, and the microVM if it has a persistent mount. Functions only.

# Prints the last note of kind $2 in the epoch's directory $1, in base64.
note_in() { record_in "$1" "note $2" A-Za-z0-9+/=; }

# Prints the records for a bridge that is new to this epoch.
tell_notes() {
  local k n
  for k in agent thread; do
    n=$(note_in . $k)
    # In pieces, each small enough for one frame.
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

# Has run.sh save, and prints the result of the last save that has ended. $1 `rest`, `busy` while a turn is open, or -
# for no save.
# $2 how often to look whether the save has ended.
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

# Puts into `best` the mount that path $1 lies on; nothing if that is the root.
mount_of() {
  local m
  best=
  while read -r _ m _; do
    printf -v m %b "$m"
    [[ $1/ == "$m"/* && ${#m} -gt ${#best} ]] && best=$m
  done </proc/mounts
  [ "$best" ]
}

# Finds and makes the directory in which the thread $1 is saved: below $3 if the user named that, else on the mount
# /mnt/workspace, else on the mount under /mnt that the working directory $2 lies on. It uses no other mount, since
# sessions may share it, and no directory that is not on a mount, since that is lost with the microVM.
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

# Whether $1 looks like a place where AgentCore has not mounted the session's storage yet: an empty directory that
# belongs to root.
is_placeholder() {
  local best
  [ -d "$1" ] && [ "$(stat -c %u "$1")" = 0 ] && ! { mount_of "$1" && [ "$best" = "$1" ]; } || return
  shopt -s nullglob dotglob
  set -- "$1"/*
  shopt -u nullglob dotglob
  [ $# = 0 ]
}

# Waits until storage is mounted under /mnt on path $1, for at most $2 seconds since the first agent of this microVM was
# asked for. Puts the directory into `late` if it is not mounted by then.
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

# Unsets variables of the environment that would change what the functions below do. They run in a subshell of their
# own.
settle() {
  unset IFS GLOBIGNORE POSIXLY_CORRECT TAR_OPTIONS
  LC_ALL=C
  shopt -s globstar dotglob nullglob
  IFS= read -r place <"$1/place"
  [ "$place" ] || return
  IFS= read -r HOME <"$1/home"
  have tar && have mv && cd "$HOME"
}

# Whether path $1 belongs to a database, which is only saved while nobody writes to it. Puts into `base` the file that
# all files of the database are named after.
is_database() {
  base=$1
  case $1 in *-wal | *-shm | *-journal) base=${1%-*} ;; esac
  case $base in
    *.db | *.db3 | *.sqlite | *.sqlite3) ;;
    *) [ -e "$base-wal" ] && [ -e "$base" ] ;;
  esac
}

# Prints type and mode, size, times and inode of each path that exists, one a line.
stats() { stat -c '%f %s %y %z %i' "$@"; }

# Puts into `names` the files of the database $1, and into `print` a text that changes when they do.
look_at_database() {
  local suffix
  names=()
  for suffix in '' -wal -shm -journal; do
    [ -f "$1$suffix" ] && [ -r "$1$suffix" ] && names+=("$1$suffix")
  done
  print=$(stats "${names[@]}")
  print=${print//$'\n'/ }
}

# Lists the files to save of the epoch in $1: `databases` (the keys), `large` files with their `prints`, and `small`,
# which is all others, with `small_print`. A print is a text that changes when the files do. Sockets, pipes and devices
# are left out, and so is what lies on the persistent mount anyway.
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
        # It may be a link to a directory: then what is in it is saved as if it were none.
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
    # A path was removed meanwhile, so the lines do not match the paths: they are read one by one.
    if [ ${#lines[@]} != $# ]; then
      lines=()
      for f; do lines+=("$(stats "$f")"); done
    fi
    for ((j = 0; j < $#; j++)); do
      f=${all[i + j]} line=${lines[j]}
      case $line in
        '') continue ;;
        # The times of a directory change when its contents do, so they are left out.
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

# Writes an archive of `names` to stdout. Status 0: it is whole. GNU tar returns 1 if a file changed while it was read.
archive() {
  if gnu tar; then
    printf '%s\0' "${names[@]}" | tar -c -f - --no-recursion --null -T -
    [ $? -le 1 ]
  else
    # One command line holds some ten thousand names.
    tar -c -f - --no-recursion "${names[@]}"
  fi
}

# Prints why the file $1 could not be written: `full` or `failed`.
blame() {
  case $({ printf %65536s >>"$1"; } 2>&1) in *' space left on device' | *' quota exceeded') echo full ;; *) echo failed ;; esac
}

# Puts into `archive` the name of the archive for the file or database $1.
name_archive() {
  archive=$(printf %s "$1" | sha1sum)
  archive=${archive%% *}
}

# Writes the files `names`, whose print is $2, into the archive $1, unless it has them already. The old archive stays
# whole until the new one replaces it. $3 the database that the files belong to, if any: it must not change meanwhile.
keep() {
  local print f new=$place/$1.tar.new
  wanted[$1]=1
  if [ $how = restored ]; then
    # A file that was there before the restore may be newer than the saved one.
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

# Removes the archives of files that are not to be saved any more. With $1: only those whose files are gone.
drop_archives() {
  local tar name f
  for tar in "$place"/*.tar; do
    name=${tar##*/} name=${name%.tar}
    [ "${wanted[$name]}" ] && continue
    [ "$1" ] && IFS= read -r f < <(tar -t -f "$tar") && [ -e "$f" ] && continue
    rm -f "$tar" && dropped=1
  done
}

# Saves the epoch in $1. Each database and each large file has an archive of its own, all other files have one. Only
# archives whose files have changed are written again, one after the other, so that storage never holds two copies of
# everything.
# $2 `rest`: everything. `busy`: without the databases. `restored`: writes nothing, and takes what was restored as
# saved, except files that were `there` before.
# Puts into `failure` nothing, or the reason: `full` or `failed`.
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
    # Where storage is full, another try is of use only if archives were removed.
    case $failure,$dropped in ,* | full,) break ;; esac
  done
  for archive in "${!kept[@]}"; do
    [ "${wanted[$archive]}" ] && printf '%s %s\n' $archive "${kept[$archive]}"
  done >"$1/../prints"
}

# Saves the epoch in $1. Only one save runs at a time: run.sh ensures it, and start.sh waits for the last one.
save() {
  local how nonce note failure=
  umask 077
  born $BASHPID && echo $BASHPID $B >"$1/../saver"
  read -r how nonce <"$1/save"
  if settle "$1"; then
    pack "$1" ${2:-$how}
  else
    # Where nothing can be saved, the bridge knows that already.
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

# Restores what was saved under HOME, for the epoch in $1: once in a microVM's life, as soon as its storage is mounted.
# It never overwrites newer files.
restore() {
  local tar failure f small large small_print size
  local -A there=() databases prints
  [ ! -e "$1/../restored" ] && settle "$1" || return
  collect "$1"
  for f in "${small[@]}" "${large[@]}" "${!databases[@]}"; do
    [ -d "$f" ] && [ ! -L "$f" ] || there["$f"]=1
  done
  for tar in "$place"/*.tar; do
    # An archive that can't be read is renamed, so that the next save does not overwrite it.
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
