# The agent host, third part: runs beside the agent, in a session of its own. $1 the epoch's directory, $2 the command,
# $3 bash.
# Job control gives the agent a process group of its own.
set -m
# Before the agent has started nothing is assigned: any name may be one of its environment's.
. "$1/follow"
exec 9<> <(:)
exec 3< <(cd "$1" && follow_in) 4> >(cat >>"$1/out")
set -- "$@" $!
(
  umask 022
  exec "$3" -c "$2" <&3 >&4 2>>"$1/err" 3<&- 4>&- 9>&-
) &
A=$! D=$1 K=$4
echo $$ $A >"$D/pids" || kill -9 -- -$A 0
# So that the exit can be told where the disk has filled up.
head -c 8192 /dev/zero >"$D/spare"
exec 3<&- 4>&-
while wait $A; X=$?; kill -0 $A; do read -rt .1 -u 9; done
# Whoever the agent left behind may hold its stdout: what they say in a second still counts. Those in another session
# may hold it for ever.
drain() { for ((i = 0; i < 20; i++)); do kill -0 $K || return; read -rt .05 -u 9; done; }
drain
kill -9 -- -$A
drain
S=$(tail -c 2000 "$D/err" | base64)
S=${S//$'\n'/}
rm "$D/spare"
printf '\n\036exit %s %s %s\n' "${D##*/}" $X ${S:--} >>"$D/out" && >"$D/exit"
kill -9 0
