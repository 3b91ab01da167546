# The agent host, third part: runs beside the agent, in a session of its own. $1 the epoch's directory, $2 the command,
# $3 bash.
# Job control gives the agent a process group of its own.
set -m
# Before the agent has started nothing is assigned: any name may be one of its environment's.
. "$1/functions"
exec 3< <(cd "$1" && follow_in) 4> >(number_out "$1")
set -- "$@" $!
(
  umask 022
  exec "$3" -c "$2" <&3 >&4 2>>"$1/err" 3<&- 4>&- 9>&-
) &
A=$! D=$1 K=$4 V= v=
# Asked to save: in a process of its own, so that the agent's end is not missed; one behind the other.
last() { while lives "$V" "$v"; do nap; done; }
trap '(last; save "$D") & V=$! T=1; born $V; v=$B' USR1
trap '(cd "$D" && free); T=1' USR2
# An agent that ended at once has no start time any more, and needs none. The last: who reads this finds all of it.
born $$
W=$B B=
born $A
echo $$ $W $A $B >"$D/pid" || kill -9 -- -$A 0
# So that the exit can be told where the disk has filled up.
head -c 8192 /dev/zero >"$D/spare"
exec 3<&- 4>&-
# In this process group, so that it ends with it.
exec 3< <(cd "$D" && watch $W)
E=$!
# `wait` also ends when something was asked for, and then says nothing of the agent.
while T=; wait $A; X=$?; [ $T ] || kill -0 $A; do [ $T ] || nap .1; done
kill $E
(cd "$D" && find_busy_file && rm -f "$busy")
# Whoever the agent left behind may hold its stdout: what they say in a second still counts. Those in another session
# may hold it for ever.
drain() { for ((i = 0; i < 20; i++)); do kill -0 $K || return; nap .05; done; }
drain
kill -9 -- -$A
drain
# It says what it has of an unfinished line. Nobody writes to `out` any more but who comes next here.
kill $K
drain
kill -9 $K
S=$(tail -c 2000 "$D/err" | base64)
S=${S//$'\n'/}
rm "$D/spare"
tell "$D" "exit $X ${S:--}"
trap '' USR1 USR2
last
(save "$D" rest)
kill -9 0
