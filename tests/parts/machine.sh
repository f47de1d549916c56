#!/bin/bash
# Boots a real systemd in namespaces of its own, on a copy of this machine's root that nobody else sees.
#
# usage: machine.sh FOLDER CLONE PYTHON PACKAGES
#
#   FOLDER     an empty folder; for a mount that only the booted machine sees
#   CLONE      ringwatch's, to be seen at /opt/ringwatch/clone
#   PYTHON     the prefix of the interpreter, at /opt/python
#   PACKAGES   the site-packages that it uses, at /opt/ringwatch/packages
#
# What it must not do is touch the machine it runs on: it has a /dev of its own, and /sys and /proc/sys are read-only, so
# that neither udev nor sysctl is started (their units ask for that), and so has every container. Killing this process
# ends the machine; SIGTERM does not, for unshare ignores it.
set -euo pipefail

die() {
    echo "machine.sh: $*" >&2
    exit 1
}

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || die "needs root: it makes namespaces and mounts in them"
    unshare --mount --pid --fork --uts --ipc --cgroup --net true ||
        die "namespaces are not allowed here: run it as root, in a container with --privileged"
    exec unshare --mount --propagation private bash "$0" --inside cgroup "$@"
fi

stage=$2 folder=$3 clone=$4 python=$5 packages=$6

if [ "$stage" = cgroup ]; then
    # systemd takes the root of its cgroups for itself: give it one that is nobody else's.
    mount -t cgroup2 cgroup2 "$folder" || die "there is no cgroup2 here"
    own="$folder$(sed -n 's/^0:://p' /proc/self/cgroup)/ringwatch-machine-$$"
    mkdir "$own"
    echo $$ >"$own/cgroup.procs"
    umount "$folder"
    exec unshare --kill-child --pid --fork --mount --uts --ipc --cgroup --net --propagation private \
        bash "$0" --inside system "$folder" "$clone" "$python" "$packages"
fi

mount -t tmpfs tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
cd "$folder/root"

mount -t tmpfs -o mode=755,nosuid tmpfs dev
for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
    IFS=: read -r name major minor <<<"$node"
    mknod -m 666 "dev/$name" c "$major" "$minor"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs tmpfs dev/shm

mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup

mkdir -p opt/python opt/ringwatch/packages opt/ringwatch/clone opt/ringwatch/bin
mount --bind "$python" opt/python
mount --bind "$packages" opt/ringwatch/packages
mount --bind "$clone" opt/ringwatch/clone
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp

# What stands for the package: the interpreter and the packages of whoever runs the tests, with this clone's ringwatch.
cat >opt/ringwatch/bin/python <<'END'
#!/bin/sh
export LD_LIBRARY_PATH=/opt/python/lib PYTHONHOME=/opt/python PYTHONPATH=/opt/ringwatch/clone:/opt/ringwatch/packages
exec /opt/python/bin/python3 "$@"
END
printf '#!/bin/sh\nexec /opt/ringwatch/bin/python -m ringwatch "$@"\n' >opt/ringwatch/bin/ringwatch
chmod 755 opt/ringwatch/bin/*

# Nothing of what this machine starts is to be started there.
rm -rf etc/systemd/system/*.wants etc/systemd/system/*.requires etc/ringwatch
ln -sf /dev/null etc/systemd/system/modprobe@.service
printf '[Unit]\nDescription=A machine without services\nRequires=basic.target\nAfter=basic.target\n' \
    >etc/systemd/system/machine.target

mkdir "$folder/root/old"
pivot_root . old
umount -l /old
# Without it a unit sees no credentials.
mount --make-rshared /
export container=docker
exec /lib/systemd/systemd --unit=machine.target --show-status=0 --log-target=journal
