# The agent host while nobody is attached: reads the line of the next attach. What else arrives is never run: an
# interrupt begins the reading anew.
trap 'exec "$BASH" -pc "$ACB_IDLE"' INT
unset TMOUT
printf '\036acb - end\n'
IFS= read -r l && eval "$l"
