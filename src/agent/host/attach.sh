# The agent host, first part: takes the place of the shell at every attach. Sent as one line of at most 4095 bytes.
# $1 name of the thread's directory  $2 nonce of this attach   $3 epoch that the bridge knows, or -
# $4 bytes of its `out` that it has  $5 bytes of its `in` that are acknowledged already
# $6 bytes of its `out` to free      $7 epoch to end and replace, or -
# $8 what to save: rest, busy or -   $9 how often to look whether that is done
# A line that holds \036 is the host's or the bridge's: no JSON text holds that byte.
N=$2 E=$3 O=$4
unset TMOUT
umask 077
exec 2>/dev/null
say() { printf '\036acb %s %s\n' $N "$*"; }
die() { say fail "$*"; exit 73; }
# A shell that was started with interrupts ignored hands that on, and bash can't undo it.
if [ "$(trap -p INT)" ]; then
env --default-signal=INT true || die tool env --default-signal
exec env --default-signal=INT "$BASH" -pc "$BASH_EXECUTION_STRING" "$0" "$@"
fi
for t in stty cat tail head stat mkdir rm sed sha256sum base64; do
type $t >&2 && continue
busybox $t --help >&2 || die tool $t
eval "$t() { busybox $t \"\$@\"; }"
done
# `cat` dies of the interrupt before it can write what came behind it. Where it is a function, stdout still is `in` then.
trap 'kill %% && wait; exec "$BASH" -pc "$ACB_IDLE" - $N >&0' INT
trap 'kill %%; exit' HUP TERM
stty raw -echo isig intr ^C quit undef susp undef || die stty
exec 9<> <(:)
nap() { read -rt .02 -u 9; }
# When process $1 began, which tells it from a later one with the same pid; fails if it is gone, perhaps unreaped.
born() {
local s
read -r s <"/proc/$1/stat" && set -- ${s##*) } && B=${20} && [ $1 != Z ]
}
lives() { [ "$1" ] && born $1 && [ $B = "$2" ]; }
# Kills the group of process $1, which began at $2, unless that number is another's by now.
end() { born $1 && [ $B != "$2" ] || kill -9 -- -$1; }
# /tmp first: inotify works there, as it may not on overlay and network file systems.
for b in /tmp "${HOME:-/}" /var/tmp -; do
[ "$b" = - ] && die directory
cd "$b" || continue
b=.agentcore-bridge-$UID
[ -d $b/$1 ] || mkdir -p $b/$1
[ ! -L $b ] && [ -O $b ] && cd $b/$1 && break
done
# Of two hosts at once the later one stays, so that a single process writes to `in`.
for ((i = 0; i < 100; i++)); do mkdir lock && break; nap; done
read -r H h M <viewer
if [ "$H" != $$ ] && lives "$H" "$h"; then
# A polite signal first: it may be about to put on record which agent it started.
for s in TERM KILL; do
kill -$s -- -$H
for ((i = 0; i < 50; i++)); do nap; lives $H $h || break 2; done
done
fi
born $$
echo $$ $B $N >viewer
rm -rf lock
# Ends epoch $1, and says so behind its last output where the epoch itself did not.
finish() {
local W w G g
read -r W w G g <$1/pid
if lives "$W" "$w"; then
kill -- -$G
for ((i = 0; i < 150; i++)); do lives $W $w || break; nap; done
fi
[ -e $1/exit ] && return
end $G $g
end $W $w
printf '\n\036exit %s 137 -\n' $1 >>$1/out && >$1/exit || die input
}
read -r C <epoch
L=live
if [ "$C" ] && [ $C != $7 ]; then
read -r W w G <$C/pid
lives "$W" "$w" || { finish $C; L=dead; }
else
say need
[ "$C" ] && finish $C
IFS= read -rd '' -t 60 P && eval "${P##*$'\036'}"
fi
cd $C && . ./functions || die epoch
[ $8 = - ] || ask $8 $9
I=$(stat -c %s in) X=- K=-
if [ $E = $C ]; then
[ $I -gt $5 ] && X=$(tail -c +$(($5 + 1)) in | head -c $((I - $5)) | sha256sum) && X=${X%% *}
[ $6 -gt 0 ] && fallocate -pn -l $6 out
else
# A bridge that knows nothing goes on where the last one said that its client was: "delivered:open,open".
k=$'s/^.*\036ack \\([0-9:,]*\\);$/\\1/p'
K=$(tail -c 65536 in | LC_ALL=C sed -n "$k" | tail -n 1)
: ${K:=$(LC_ALL=C sed -n "$k" in | tail -n 1)}
: ${K:=0:}
O=${K%:*} o=${K#*:}
for o in ${o//,/ }; do [ $o -lt $O ] && O=$o; done
tell_notes
fi
read -r W <cwd
say begin $C $L ${M:--} $I $O $X $K "$W"
follow_out $O &
cat >>in
kill %% && wait
die input
