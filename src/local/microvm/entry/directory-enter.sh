# Becomes a process of a microVM made of a directory: see directory-watch.sh.
# usage: directory-enter.sh MARK COMMAND…
ulimit -q "$1" || exit
shift
exec "$@"
