# Runs an agent ($@) as the agent host does, behind files, and nothing else of it: what that costs is not the bridge's.
d=$(mktemp -d) && : >"$d/in" >"$d/out"
tail -s .02 -c +1 -f "$d/in" | LC_ALL=C grep --line-buffered -av $'\036' | "$@" | cat >>"$d/out" &
tail -s .02 -c +1 -f "$d/out" &
exec cat >>"$d/in"
