#!/bin/sh
# Makes the work folder of one job on a Linux machine: filesystem, ownership, scratch space, a clone to work in.
# Environment: HGDEV, HGWORK (absolute paths), JOB (job id), FILESYSTEM (default, tmpfs, or what mkfs.X makes),
# SUDO (yes where the machine lets us use sudo), WITH_SOURCE (yes to copy HGDEV/src).
# Prints one line a step. Exit status: 0 done, 3 busy with another job, 4 the filesystem cannot be had here, 1 else.
set -eu

say() { printf '%s\n' "$*"; }
die() { status=$1; shift; printf '%s\n' "$*" >&2; exit "$status"; }

if [ "$(id -u)" = 0 ]; then
    as_root() { "$@"; }
elif [ "$SUDO" = yes ]; then
    as_root() { sudo -n "$@"; }
else
    as_root() { "$@"; }
fi
export PATH="$PATH:/usr/sbin:/sbin"
image="/var/tmp/hga-$JOB.img"

# Only one job at a time looks who is here and moves in. The lock ends with this script and leaves no file.
parent=$(dirname "$HGWORK")
if [ -d "$parent" ] && [ -r "$parent" ] && command -v flock >/dev/null 2>&1; then
    exec 9<"$parent"
    flock -w 60 9 || die 3 "the machine is busy with a job that is just beginning"
fi

mounted() { grep -q " $HGWORK " /proc/mounts 2>/dev/null; }

# Whether the job that moved in last still needs its folder: its run lives; or it has not begun one, or the run ended,
# so short a time ago that its client may still be sending the source or fetching the results.
in_use() {
    for pid_file in "$HGWORK"/spool/*/pid; do
        [ -f "$pid_file" ] || continue
        [ -f "${pid_file%/pid}/status" ] && continue
        read -r pid rest <"$pid_file" || :
        [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && return 0
    done
    ended=$(find "$HGWORK/spool" -mindepth 2 -maxdepth 2 -name pid 2>/dev/null | head -n 1)
    if [ -n "$ended" ]; then
        [ -n "$(find "$HGWORK/spool" -mindepth 2 -maxdepth 2 -name status -mmin -2 2>/dev/null)" ]
    else
        [ -n "$(find "$HGWORK/.hga-job" -mmin -10 2>/dev/null)" ]
    fi
}

# Who works here? A job that came before us and is gone leaves its name; one that is at work keeps us out.
if [ -f "$HGWORK/.hga-job" ]; then
    owner=$(cat "$HGWORK/.hga-job")
    if [ "$owner" = "$JOB" ] && [ -f "$HGWORK/.hga-ready" ]; then
        say "work folder $HGWORK stands already"
        exit 0
    fi
    if [ "$owner" != "$JOB" ]; then
        if in_use; then die 3 "the machine is busy with job $owner"; fi
        say "removing what job $owner left in $HGWORK"
    fi
    # daemons that tests left behind carry the name of their spool; what is killed takes a moment to go, and keeps its folder
    # in use so long
    tries=0
    while left=$(grep -lasF "HGA_EVENTS=$HGWORK/spool/" /proc/[0-9]*/environ 2>/dev/null | cut -d / -f 3) &&
        [ -n "$left" ] && [ "$tries" -lt 40 ]; do
        kill -KILL $left 2>/dev/null || :
        tries=$((tries + 1))
        sleep 0.25
    done
    tries=0
    while mounted; do
        if ! why=$(as_root umount "$HGWORK" 2>&1); then
            tries=$((tries + 1))
            [ "$tries" -lt 20 ] || die 1 "$HGWORK is mounted and cannot be unmounted: $why"
            sleep 0.25
        fi
    done
    case $owner in
        */* | '') ;;
        *) [ ! -e "/var/tmp/hga-$owner.img" ] || as_root rm -f "/var/tmp/hga-$owner.img" ;;
    esac
    # tests leave folders without write permission
    chmod -R u+rwX "$HGWORK" 2>/dev/null || :
    find "$HGWORK" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
elif [ -d "$HGWORK" ] && [ -n "$(ls -A "$HGWORK" 2>/dev/null | head -n 1)" ]; then
    if [ -d "$HGWORK/spool" ] || [ -d "$HGWORK/src" ]; then
        die 1 "$HGWORK holds files that no job of ours left: move them away first"
    fi
fi

# The folder itself. It carries our name before anything is made that would have to be removed.
if [ ! -d "$HGWORK" ]; then
    mkdir -p "$HGWORK" 2>/dev/null || as_root mkdir -p "$HGWORK" || die 1 "cannot make $HGWORK"
fi
own() {
    [ -O "$HGWORK" ] || as_root chown "$(id -u):$(id -g)" "$HGWORK" || die 1 "cannot own $HGWORK"
    chmod 755 "$HGWORK"
    printf '%s\n' "$JOB" >"$HGWORK/.hga-job"
}
own

# A spare NVMe disk: a whole device without partitions, filesystem or mount.
spare_device() {
    for device in /dev/nvme[0-9]n1; do
        [ -b "$device" ] || continue
        [ -e "${device}p1" ] && continue
        grep -q "^$device" /proc/mounts && continue
        as_root blkid "$device" >/dev/null 2>&1 && continue
        printf '%s\n' "$device"
        return 0
    done
    return 1
}

case $FILESYSTEM in
    default) ;;
    tmpfs)
        say "mounting tmpfs (1024 MiB) on $HGWORK"
        as_root mount -t tmpfs -o size=1024M tmpfs "$HGWORK" || die 4 "cannot mount tmpfs on $HGWORK"
        ;;
    *)
        command -v "mkfs.$FILESYSTEM" >/dev/null 2>&1 || die 4 "mkfs.$FILESYSTEM is not installed on the machine"
        if device=$(spare_device); then
            options=
        else
            say "no spare disk: making an 8 GiB sparse file $image"
            as_root truncate -s 8G "$image" || die 4 "cannot make $image"
            device=$image
            options='-o loop'
        fi
        case $FILESYSTEM in
            ext3 | ext4) force=-F ;;
            jfs) force=-q ;;
            *) force=-f ;;
        esac
        say "mkfs.$FILESYSTEM on $device"
        as_root "mkfs.$FILESYSTEM" $force "$device" >/dev/null || die 4 "mkfs.$FILESYSTEM failed on $device"
        as_root mount -t "$FILESYSTEM" $options "$device" "$HGWORK" || die 4 "cannot mount $device on $HGWORK"
        ;;
esac

[ "$FILESYSTEM" = default ] || own
mkdir -p "$HGWORK/tmp" "$HGWORK/spool"
chmod 1777 "$HGWORK/tmp"
if [ "$WITH_SOURCE" = yes ]; then
    say "copying the image's clone"
    rm -rf "$HGWORK/src"
    cp -a --reflink=auto "$HGDEV/src" "$HGWORK/src" 2>/dev/null || cp -a "$HGDEV/src" "$HGWORK/src"
fi
: > "$HGWORK/.hga-ready"
