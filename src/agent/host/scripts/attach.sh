# The agent host, first part: replaces the shell at every attach. Sent as one line of at most 4094 bytes.
# $1 name of the thread's directory
# $2 nonce of this attach, a dot, and the number of the attempt
# $3 epoch that the bridge knows, or -
# $4 how many bytes of that epoch's `out` the bridge has
# $5 how many bytes of `out` to free, or 0
# $6 epoch to end and replace, or -
# $7 what to save: rest, busy or -
# $8 how often to look whether the save has ended
# $9 how many bytes of `in` to free, or 0: whole lines that are acknowledged
# $10 key of the bridge's numbered lines
# A line that holds \036 is the host's or the bridge's: no JSON text holds that byte.
N=$2 E=$3 O=$4 F= J= K=${10} said=0
unset TMOUT POSIXLY_CORRECT
umask 077
exec 2>/dev/null
# Prints a record. Its number, which stands at both ends, and its length show whether it arrived whole.
say() {
local LC_ALL=C t="$*"
printf '\036acb %s %s %s %s %s\n' $N $said ${#t} "$t" $said
((said++))
}
die() { say fail "$*"; exit 73; }
for t in stty cat tail head stat mkdir rm mv sed sha1sum base64; do
hash $t && continue
busybox $t --help >&2 || die tool $t
eval "$t() { busybox $t \"\$@\"; }"
done
trap 'kill $F; exit' HUP TERM
stty raw -echo || die stty
nap() { true >&9 || exec 9<> <(:); read -rt ${1:-.02} -u 9; }
# Puts into B when process $1 began, which tells it from a later one with the same pid. Fails if the process is gone, or
# is a zombie.
born() {
local s
read -r s <"/proc/$1/stat" && set -- ${s##*) } && B=${20} && [ $1 != Z ]
}
lives() { [ "$1" ] && born $1 && [ $B = "$2" ]; }
# Kills the group of process $1, which began at $2, unless another process has that pid now.
end() { born $1 && [ $B != "$2" ] || kill -9 -- -$1; }
# Waits for the next whole line of the bridge, of this attach or of its next one, and runs it.
listen() {
while IFS= read -r P || exit; do
case $P in
' """": '* | $'\036'"${N%.*}: "*)
P=${P#*: } s=${P%%;*} P=${P#*;}
[ ${#P} = "$s" ] || continue
eval "$P"
return
esac
done
}
# /tmp comes first, since inotify works there: on overlay and network file systems it may not. Never on a mount for
# storage.
for b in /tmp "${HOME:-/}" /var/tmp -; do
[ "$b" = - ] && die directory
[[ $b != /mnt/* ]] && cd "$b" || continue
b=.agentcore-bridge-$UID
[ -d $b/$1 ] || mkdir -p $b/$1
[ ! -L $b ] && [ -O $b ] && cd $b/$1 && break
done
# When two hosts start at once, the later one stays, so that only one process writes to `in`.
set -C
for ((i = 0; i < 100; i++)); do >lock && J=1 && break; nap; done
set +C
read -r H h M <viewer
# A bridge that knows the agent but was not the last one attached has missed something: it has to ask again as a new
# one.
case $E,$M in
-,* | *, | *,"${N%-*}"-*) ;;
*)
[ "$J" ] && rm -f lock
say taken
listen $1
esac
if [ "$H" != $$ ] && lives "$H" "$h"; then
# TERM comes first: that host may be about to write down the pid of the agent that it started.
for s in TERM KILL; do
kill -$s -- -$H
for ((i = 0; i < 50; i++)); do nap; lives $H $h || break 2; done
done
fi
born $$
# Written in place: some file systems wait for the disk when a file is truncated and written again.
echo $$ $B $N 1<>viewer
rm -f lock &
# Appends the record $2 to `out` of epoch $1 as its next line, and makes `exit`, unless the epoch itself has done so.
tell() {
[ -e $1/exit ] && return
local e=${1##*/} o
# Ends a line that was left unfinished.
[ "$(tail -c 1 $1/out)" ] && echo >>$1/out
o=$(stat -c %s $1/out)
printf '%s %s!%s@%s\n' $o ${#2} "$2" $((o + 16#${e::7})) >>$1/out && >$1/exit
}
# Ends epoch $1: its agent, and run.sh.
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
tell $1 'exit 137 -' || die input
}
read -r C <epoch
L=live
# An agent that was started by a host of another format can not be attached to.
if [ "$C" ] && [ $C != $6 ] && [ -e $C/format-2 ]; then
read -r W w G <$C/pid
lives "$W" "$w" || { finish $C; L=dead; }
else
say need
[ "$C" ] && finish $C
listen $1
fi
cd $C && . ./functions || die epoch
ask $7 $8
I=$(stat -c %s in) k=-
if [ $E = $C ]; then
[ $L = live ] && [ $(($5 + $9)) -gt 0 ] && echo $5 $9 >free && kill -USR2 $W
else
# A bridge that is new to the epoch begins where the last one said that its client was: "delivered:open,open".
k=$(record_in . ack 0-9:,)
: ${k:=0:}
O=${k%:*} o=${k#*:}
for o in ${o//,/ }; do [ $o -lt $O ] && O=$o; done
tell_notes
fi
read -r W <cwd
e=awk
[ $engine = perl ] && e=perl
say begin $C $L $I $O $k $e "$W"
follow_out $O &
F=$!
P=$(take_in $K ${N%.*} 3>&1 >&0)
s=$?
kill -9 $F
[ $s = 1 ] && die input
eval "$P"
