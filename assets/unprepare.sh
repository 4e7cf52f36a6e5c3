#!/bin/sh
# Undoes prepare.sh on a machine that lives on: ends what the job still runs there and empties its work folder.
# Environment: HGWORK, JOB, SUDO as in prepare.sh. Touches nothing that another job owns.
set -eu

if [ "$(id -u)" = 0 ] || [ "$SUDO" != yes ]; then
    as_root() { "$@"; }
else
    as_root() { sudo -n "$@"; }
fi
[ -f "$HGWORK/.hga-job" ] || exit 0
[ "$(cat "$HGWORK/.hga-job")" = "$JOB" ] || exit 0
for pid_file in "$HGWORK"/spool/*/pid; do
    [ -f "$pid_file" ] || continue
    [ -f "${pid_file%/pid}/status" ] && continue
    read -r pid rest <"$pid_file" || :
    [ -n "$pid" ] || continue
    # the whole session of the run, whatever process groups it made
    pkill -KILL -s "$pid" 2>/dev/null || kill -KILL -- "-$pid" 2>/dev/null || :
done
cd /
if grep -q " $HGWORK " /proc/mounts 2>/dev/null; then
    tries=0
    until as_root umount "$HGWORK"; do
        tries=$((tries + 1))
        [ "$tries" -lt 20 ] || { echo "$HGWORK cannot be unmounted" >&2; exit 1; }
        sleep 0.25
    done
    as_root rm -f "/var/tmp/hga-$JOB.img"
else
    chmod -R u+rwX "$HGWORK" 2>/dev/null || :
    rm -rf "$HGWORK/src" "$HGWORK/tmp" "$HGWORK/spool"
    find "$HGWORK" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
fi
# The folder itself stays where it cannot be removed without more rights than a job needs.
rmdir "$HGWORK" 2>/dev/null || as_root rmdir "$HGWORK" 2>/dev/null || :
