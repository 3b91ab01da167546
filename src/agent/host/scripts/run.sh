# The agent host, third part: runs beside the agent, in a session of its own. $1 the epoch's directory, $2 the command,
# $3 bash.
# Job control gives the agent a process group of its own.
set -m
# Before the agent has started no variable is set here: any name may be one of its environment's.
. "$1/functions"
exec 3< <(cd "$1" && follow_in) 4> >(number_out "$1")
set -- "$@" $!
(
  umask 022
  exec "$3" -c "$2" <&3 >&4 2>>"$1/err" 3<&- 4>&- 9>&-
) &
A=$! D=$1 K=$4 V= v=
# USR1 asks for a save. It runs in a process of its own, so that the agent's end is not missed, and waits for the save
# before it.
last() { while lives "$V" "$v"; do nap; done; }
trap '(last; save "$D") & V=$! T=1; born $V; v=$B' USR1
trap '(cd "$D" && free); T=1' USR2
# An agent that has ended already has no start time, and needs none. `pid` is written last: a host that finds it finds
# the other files as well.
born $$
W=$B B=
born $A
echo $$ $W $A $B >"$D/pid" || kill -9 -- -$A 0
# Reserves disk, so that the exit can be written when the disk is full.
head -c 8192 /dev/zero >"$D/spare"
exec 3<&- 4>&-
# `watch` is in this process group, so that it ends with it.
exec 3< <(cd "$D" && watch $W)
E=$!
# `wait` also returns after a signal, and then says nothing of the agent.
while T=; wait $A; X=$?; [ $T ] || kill -0 $A; do [ $T ] || nap .1; done
kill $E
(cd "$D" && find_busy_file && rm -f "$busy")
# Processes that the agent left behind may hold its stdout. What they write within a second is kept; those in another
# session may hold it for ever.
drain() { for ((i = 0; i < 20; i++)); do kill -0 $K || return; nap .05; done; }
drain
kill -9 -- -$A
drain
# On TERM `number_out` writes the rest of an unfinished line. Until the next host nobody else writes to `out`.
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
