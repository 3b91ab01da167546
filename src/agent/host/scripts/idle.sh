# The agent host while nobody is attached: reads the line of the next attach. $1 nonce of the last attach.
# What else arrives is never run: four quotes in a row begin such a line, and stand in no JSON text.
trap 'exec "$BASH" -pc "$ACB_IDLE" - $1' INT
unset TMOUT
printf '\036acb %s end\n' $1
while IFS= read -r l; do
  case $l in *'""""'*) eval "${l#*'""""'}" ;; esac
done
