# The agent host, third part: runs beside the agent, in a session of its own. $1 the epoch's directory, $2 the command.
# Job control gives the agent a process group of its own.
set -m
unset RUN
D=$1
. $D/follow
exec 9<> <(:)
exec 3< <(cd $D && follow_in) 4> >(cat >>$D/out)
K=$!
(
  umask 022
  exec "$BASH" -c "$2" <&3 >&4 2>>$D/err 3<&- 4>&- 9>&-
) &
A=$!
echo $$ $A >$D/pids
exec 3<&- 4>&-
while wait $A; X=$?; kill -0 $A; do read -rt .1 -u 9; done
# Whoever the agent left behind may hold its stdout: what they say in a second still counts.
for ((i = 0; i < 20; i++)); do kill -0 $K || break; read -rt .05 -u 9; done
kill -9 -- -$A
wait $K
S=$(tail -c 2000 $D/err | base64)
S=${S//$'\n'/}
printf '\n\036exit %s %s %s\n' ${D##*/} $X ${S:--} >>$D/out
>$D/exit
kill -9 0
