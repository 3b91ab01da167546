# Waits for the end of its stdin, then kills all processes of a microVM made of a directory, until there is none.
# usage: directory-watch.sh MARK
#
# The processes are recognized by MARK, an unusual limit on POSIX message queues: unlike a session, a process group or a
# variable, it survives setsid, a double fork and `env -i`. Zombies count as gone: their parents have to wait for them.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

living() {
  for limits in $(grep -lsE "^Max msgqueue size +$1 " /proc/[0-9]*/limits); do
    process=${limits%/limits}
    if grep -qsE '^State:\s+[^ZX]' "$process/status"; then echo "${process#/proc/}"; fi
  done
}

echo ready
exec >/dev/null 2>&1
read -r _
while
  pids=$(living "$1")
  [ -n "$pids" ]
do
  kill -KILL $pids
done
