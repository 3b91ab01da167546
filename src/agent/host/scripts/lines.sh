# The agent host: lines that carry the offset of their bytes, so that bytes which are lost, doubled, cut or mixed up on
# the way are noticed. Format: numbered-lines.ts. Both directions, in perl or in any awk.
gnu() { case $($1 --version 2>&1) in *GNU* | *uutils*) ;; *) return 1 ;; esac; }

# Puts the command that numbers lines into the array `engine`. Called once for an epoch.
find_engine() {
  local a
  # No module is needed of it: an image may have the interpreter alone. 4 is EINTR on every Linux.
  if perl -e 'exit(unpack("%32N*", "\0\0\0\1") != 1)' >&2; then
    engine=(perl)
    return
  fi
  for a in gawk awk; do
    type $a >&2 || continue
    if gnu $a; then
      engine=($a -b)
    elif [ "$($a -W version 2>&1 </dev/null | head -c 4)" = mawk ]; then
      # Without this option mawk reads a whole block before it handles a line.
      engine=($a -W interactive)
    else
      engine=($a)
    fi
    return
  done
  busybox awk 'BEGIN { exit }' >&2 || die tool 'perl or awk'
  engine=(busybox awk)
}

# Numbers the lines of stdin and appends them to `out` of the epoch's directory $1. The bytes RS and US, which mark the
# host's own lines, become spaces; JSON text never holds them. On TERM it writes the rest of an unfinished line, and
# ends.
number_out() {
  local key=$((16#$(printf %.7s "${1##*/}")))
  if [ ${engine[0]} = perl ]; then
    exec perl -e '
      my ($out, $key, $pad, $x) = (@ARGV, "", 1);
      for (1 .. 2048) { $pad .= pack "N", $x; $x = ($x * 1664525 + 1013904223) % 4294967296 }
      open OUT, ">>", $out or exit 1;
      $SIG{TERM} = sub { $stop = 1 };
      my ($at, $b) = (-s OUT, "");
      my $more = 1;
      while ($more) {
        if ($stop) { last if !select my $r = "\1", undef, undef, 0 }
        my $n = sysread STDIN, $b, 65536, length $b;
        next if !defined $n && $! == 4;
        $more = $n;
        put();
      }
      $more = 0;
      put() if length $b;
      sub put {
        my ($w, $p) = ("", 0);
        while ($p < length $b) {
          my $i = index $b, "\n", $p;
          $i = length $b if $i < 0 && !$more;
          my ($n, $k) = ($i - $p, ":");
          if ($i < 0 || $n > 8192) {
            last if length($b) - $p <= 8192;
            ($n, $k) = (8192, "+");
          }
          my $t = substr $b, $p, $n;
          $t =~ tr/\036\037/  /;
          $p += $k eq ":" ? $n + 1 : $n;
          my $sum = unpack "%32N*", ($t ^ substr $pad, 0, $n) . "\0\0\0";
          my $l = "$at $n$k$t#" . ($at + $key + $sum) % 4294967296 . "\n";
          $at += length $l;
          $w .= $l;
        }
        $b = substr $b, $p < length $b ? $p : length $b;
        for (my $d = 0; $d < length $w;) {
          my $n = syswrite OUT, $w, length($w) - $d, $d;
          if (defined $n) { $d += $n } elsif ($! != 4) { exit 1 }
        }
      }' "$1/out" $key
  fi
  LC_ALL=C exec "${engine[@]}" -v out="$1/out" -v key=$key -v at=$(stat -c %s "$1/out") '
    function put(n, k, t,  l) {
      # Long text must not pass through sprintf, which has 8 KB in mawk.
      l = sprintf("%.0f %d", at, n) k t sprintf("@%.0f", at + key)
      at += length(l) + 1
      print l >> out
    }
    {
      gsub(/[\036\037]/, " ")
      n = length($0)
      for (p = 1; n - p + 1 > 8192; p += 8192) put(8192, "+", substr($0, p, 8192))
      put(n - p + 1, ":", p == 1 ? $0 : substr($0, p))
      fflush(out)
    }'
}

# Appends to `in` the bridge's pieces that are whole, next, and of this attach: $1 its key, $2 its nonce. Answers
# questions for the sizes. Ends when another attach begins, and writes what that is to run to descriptor 3. Status 1:
# `in` can't be written; 2: the terminal is gone.
take_in() {
  if [ ${engine[0]} = perl ]; then
    exec perl -e '
      my ($key, $nonce, $pad, $x) = (@ARGV, "", 1);
      for (1 .. 2048) { $pad .= pack "N", $x; $x = ($x * 1664525 + 1013904223) % 4294967296 }
      open IN, ">>", "in" or exit 1;
      $SIG{XFSZ} = "IGNORE";
      my ($at, $missing, $b, $w) = (-s IN, -1, "", "");
      for (;;) {
        my $n = sysread STDIN, $b, 65536, length $b;
        if (!$n) { next if !defined $n && $! == 4; exit 2 }
        my $p = 0;
        while ((my $i = index $b, "\n", $p) >= 0) {
          my $l = substr $b, $p, $i - $p;
          $p = $i + 1;
          if ($l =~ /^(\d{1,15}) (\d{1,4})([:+])/) {
            my ($o, $n, $k, $h) = ($1, $2, $3, $+[0]);
            my $t = substr $l, $h, $n;
            next if length $t != $n || $n > 8192;
            my $sum = unpack "%32N*", ($t ^ substr $pad, 0, $n) . "\0\0\0";
            next if substr($l, $h + $n) ne "#" . ($o + $key + $sum) % 4294967296;
            if ($o == $at) { $w .= $k eq ":" ? "$t\n" : $t; $at += $n + ($k eq ":") }
            elsif ($o > $at && $missing != $at) { flush_in(); say("!$nonce"); $missing = $at }
          } elsif ($l =~ /^\?(\S{1,60})$/) {
            flush_in();
            say("=$1") if index($1, "$nonce.") == 0;
          } elsif ($l =~ /^ """": (\d{1,4});/ && length($l) - $+[0] == $1) {
            flush_in();
            open NEXT, ">&=3" and print NEXT substr $l, $+[0];
            exit 0;
          }
        }
        $b = substr $b, $p;
        $b = "x" if length $b > 16384;
        flush_in();
      }
      sub flush_in {
        for (my $d = 0; $d < length $w;) {
          my $n = syswrite IN, $w, length($w) - $d, $d;
          if (defined $n) { $d += $n } elsif ($! != 4) { exit 1 }
        }
        $w = "";
      }
      sub say {
        my $out = -s "out";
        syswrite STDOUT, "\036$_[0] $at $out " . ($at + $out) . "\037";
      }' $1 $2
  fi
  local size='stat -c %s '
  type -P stat >&2 || size="busybox $size"
  LC_ALL=C exec "${engine[@]}" -v size="$size" -v key=$1 -v nonce=$2 -v at=$(stat -c %s in) '
    function size_of(file,  n) {
      (size file) | getline n
      close(size file)
      return n + 0
    }
    # Ends the program with status 1 unless the file `in` has all that was written to it.
    function is_written() {
      if (size_of("in") == at) return 1
      status = 1
      exit
    }
    function tell(what,  out) {
      is_written()
      out = size_of("out")
      printf "\036%s %.0f %.0f %.0f\037", what, at, out, at + out
      fflush()
    }
    BEGIN { missing = -1; status = 2 }
    /^[0-9]+ [0-9]+[:+]/ {
      o = $1 + 0
      h = length($1) + 2
      n = substr($0, h) + 0
      h += length(n "")
      k = substr($0, h, 1)
      if (n > 8192 || substr($0, h + n + 1) != sprintf("@%.0f", o + key)) next
      if (o == at) {
        at += n + (k == ":")
        if (k == ":") print substr($0, h + 1, n) >> "in"
        else {
          ORS = ""
          print substr($0, h + 1, n) >> "in"
          ORS = "\n"
        }
        fflush("in")
      } else if (o > at && missing != at) { missing = at; tell("!" nonce) }
      next
    }
    /^\?/ {
      if (index($0, "?" nonce ".") == 1 && length($0) < 62) tell("=" substr($0, 2))
      next
    }
    /^ """": [0-9]+;/ {
      n = substr($0, 8) + 0
      l = substr($0, index($0, ";") + 1)
      if (length(l) != n) next
      is_written()
      print l > "/proc/self/fd/3"
      close("/proc/self/fd/3")
      status = 0
      exit
    }
    END { exit status }'
}
