#!/bin/bash
# Runs a script where a container would run: on a copy of this machine's root that nobody else sees, with the
# interpreter at /opt/python, as processes of its own; and, once it has been built, without a network but loopback.
#
# usage: container.sh FOLDER CLONE PYTHON SCRIPT
#
#   FOLDER   an empty folder; for a mount that only the container sees
#   SCRIPT   a file for bash; the clone is at /clone. After `seal` the root is read-only, but for /tmp.
set -euo pipefail

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || { echo "container.sh: needs root: it makes namespaces and mounts in them" >&2 && exit 1; }
    unshare --mount --pid --fork --net true ||
        { echo "container.sh: namespaces are not allowed here: run it in a container with --privileged" >&2 && exit 1; }
    exec unshare --kill-child --pid --fork --mount --propagation private bash "$0" --inside "$@"
fi

folder=$2 clone=$3 python=$4 script=$5
mount -t tmpfs tmpfs "$folder"
cd "$folder"
mkdir upper work root python-upper python-work
mount -t overlay overlay -o "lowerdir=/,upperdir=upper,workdir=work" root
mkdir -p root/opt/python root/clone
rm -rf root/opt/ringwatch root/etc/ringwatch root/var/lib/ringwatch
# The image's interpreter: readable for everybody, and called python as well.
mount -t overlay overlay -o "lowerdir=$python,upperdir=python-upper,workdir=python-work" root/opt/python
[ -e root/opt/python/bin/python ] || ln -s python3 root/opt/python/bin/python
mount --bind "$clone" root/clone
cp "$script" root/script
mount -t proc proc root/proc
mount -t tmpfs -o mode=755,nosuid tmpfs root/dev
for node in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "root/dev/${node%:*}" c 1 "${node#*:}"; done
ln -s /proc/self/fd root/dev/fd
mkdir root/old
cd root
pivot_root . old
umount -l /old

seal() {
    mount -o remount,ro /
    mount -o remount,ro /opt/python
    umount /clone
    mount -t tmpfs -o mode=1777 tmpfs /tmp
}
export -f seal
exec bash -euo pipefail /script
