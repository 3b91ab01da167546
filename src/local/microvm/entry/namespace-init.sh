# The first process of a microVM made of namespaces. Makes a root of its own from this machine's, with an empty /tmp,
# /mnt and HOME, and then waits for the end of its stdin. When it ends, the kernel kills all other processes in its
# namespace. bash also reaps orphans; -p keeps it from reading a file that the container's environment names.
# usage: namespace-init.sh ROOT HOME WORKSPACE [PATH…]     PATHs stay visible where the new root would hide them
set -eu
root=$1 home=$2 workspace=$3
shift 3
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

show() {
  if [ -L "$1" ]; then
    cp -P "$1" "$root$1"
  elif [ -d "$1" ]; then
    mkdir -p "$root$1"
    mount --rbind "$1" "$root$1"
  elif [ -e "$1" ]; then
    : >"$root$1"
    mount --bind "$1" "$root$1"
  fi
}

mount -t tmpfs -o mode=755 tmpfs "$root"
for entry in /* /home/*; do
  case $entry in
    /tmp | /mnt | /home | /proc) ;;
    *) show "$entry" ;;
  esac
done
mkdir -p "$root/tmp" "$root/proc" "$root/mnt/workspace" "$root$home"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --bind "$workspace" "$root/mnt/workspace"
for path in "$@"; do
  [ -e "$root$path" ] || show "$path"
done

# Puts the old root on top of the new one, and unmounts it.
cd "$root"
pivot_root . .
umount -l .
cd /

echo ready
exec >/dev/null 2>&1
read -r _ || :
