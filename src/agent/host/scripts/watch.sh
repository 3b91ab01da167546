# The agent host: what is seen to beside an agent, whether somebody is attached or not. Functions alone.

# Looks at the epoch's files for as long as run.sh lives, which began at $1: twice a second while they grow, and ever more
# seldom while they do not.
watch() {
  local sizes last= pause trimmed=0
  unset IFS POSIXLY_CORRECT
  while lives $$ $1; do
    sizes=$(stat -c %s in out err)
    if [ "$sizes" != "$last" ]; then
      last=$sizes pause=.5
      set -- $1 $sizes
      trim_err $4
    else
      case $pause in .5) pause=1 ;; 1) pause=2 ;; *) pause=4 ;; esac
    fi
    nap $pause
  done
}

# Frees the disk of `err`, which has $1 bytes, but for its end. The agent appends to it: without fallocate it may be cut.
trim_err() {
  [ $(($1 - trimmed)) -gt 1048576 ] || return
  trimmed=$(($1 - 65536))
  punch $trimmed err && return
  trimmed=0
  tail -c 65536 err >err.new && >err && cat err.new >>err
  rm -f err.new
}
