# The agent host, first part: takes the place of the shell at every attach. Sent as one line of at most 4095 bytes.
# $1 name of the thread's directory  $2 nonce of this attach   $3 epoch that the bridge knows, or -
# $4 bytes of its `out` that it has  $5 bytes of its `in` that are acknowledged already
# $6 bytes of its `out` to free, or 0    $7 epoch to end and replace, or -
# $8 what to save: rest, busy or -   $9 how often to look whether that is done
# $10 bytes of its `in` to free, or 0: whole lines that are acknowledged
# A line that holds \036 is the host's or the bridge's: no JSON text holds that byte.
N=$2 E=$3 O=$4 F= J=
unset TMOUT POSIXLY_CORRECT
umask 077
exec 2>/dev/null
say() { printf '\036acb %s %s\n' $N "$*"; }
die() { say fail "$*"; exit 73; }
# A shell that was started with interrupts ignored hands that on, and bash can't undo it.
if [ "$(trap -p INT)" ]; then
env --default-signal=INT true || die tool env --default-signal
exec env --default-signal=INT "$BASH" -pc "$BASH_EXECUTION_STRING" "$0" "$@"
fi
for t in stty cat tail head stat mkdir rm mv sed sha1sum base64; do
hash $t && continue
busybox $t --help >&2 || die tool $t
eval "$t() { busybox $t \"\$@\"; }"
done
# Where `cat` is a function, stdout may still be `in`.
idle() { [ "$J" ] && rm -f lock; exec "$BASH" -pc "$ACB_IDLE" - $N >&0; }
# Until what follows `out` can write no more: it is gone, or on its way out (PF_EXITING). Inotify makes that way long.
hush() {
local s
[ "$F" ] && kill $F || return
while read -r s <"/proc/$F/stat" && set -- ${s##*) } && [ $1 != Z ] && ! (($7 & 4)); do nap .001; done
}
# `cat` dies of the interrupt before it can write what came behind it.
trap 'hush; idle' INT
trap 'kill $F; exit' HUP TERM
stty raw -echo isig intr ^C quit undef susp undef || die stty
nap() { true >&9 || exec 9<> <(:); read -rt ${1:-.02} -u 9; }
# When process $1 began, which tells it from a later one with the same pid; fails if it is gone, perhaps unreaped.
born() {
local s
read -r s <"/proc/$1/stat" && set -- ${s##*) } && B=${20} && [ $1 != Z ]
}
lives() { [ "$1" ] && born $1 && [ $B = "$2" ]; }
# Kills the group of process $1, which began at $2, unless that number is another's by now.
end() { born $1 && [ $B != "$2" ] || kill -9 -- -$1; }
# /tmp first: inotify works there, as it may not on overlay and network file systems. Never on a mount for storage.
for b in /tmp "${HOME:-/}" /var/tmp -; do
[ "$b" = - ] && die directory
[[ $b != /mnt/* ]] && cd "$b" || continue
b=.agentcore-bridge-$UID
[ -d $b/$1 ] || mkdir -p $b/$1
[ ! -L $b ] && [ -O $b ] && cd $b/$1 && break
done
# Of two hosts at once the later one stays, so that a single process writes to `in`.
set -C
for ((i = 0; i < 100; i++)); do >lock && J=1 && break; nap; done
set +C
read -r H h M <viewer
# A bridge that knows of the agent, and was not the last one here, knows too little: it asks again, as a new one.
case $E,$M in
-,* | *, | *,"${N%-*}"-*) ;;
*) say taken; idle ;;
esac
if [ "$H" != $$ ] && lives "$H" "$h"; then
# A polite signal first: it may be about to put on record which agent it started.
for s in TERM KILL; do
kill -$s -- -$H
for ((i = 0; i < 50; i++)); do nap; lives $H $h || break 2; done
done
fi
born $$
# In place: to truncate a file and write it anew, some file systems wait for the disk.
echo $$ $B $N 1<>viewer
rm -f lock &
J=
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
ask $8 $9
I=$(stat -c %s in) X=- K=-
if [ $E = $C ]; then
[ $I -gt $5 ] && X=$(tail -c +$(($5 + 1)) in | head -c $((I - $5)) | sha1sum) && X=${X%% *}
[ $L = live ] && [ $(($6 + ${10})) -gt 0 ] && echo $6 ${10} >free && kill -USR2 $W
else
# A bridge that knows nothing goes on where the last one said that its client was: "delivered:open,open".
K=$(record_in . ack 0-9:,)
: ${K:=0:}
O=${K%:*} o=${K#*:}
for o in ${o//,/ }; do [ $o -lt $O ] && O=$o; done
tell_notes
fi
read -r W <cwd
say begin $C $L $I $O $X $K "$W"
follow_out $O &
F=$!
cat >>in
hush
die input
