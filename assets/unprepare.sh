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
# daemons that tests left behind have sessions of their own, but carry the name of their spool; what is killed takes a
# moment to go, and may just have made another
tries=0
while left=$(grep -lasF "HGA_EVENTS=$HGWORK/spool/" /proc/[0-9]*/environ 2>/dev/null | cut -d / -f 3) &&
    [ -n "$left" ] && [ "$tries" -lt 40 ]; do
    kill -KILL $left 2>/dev/null || :
    tries=$((tries + 1))
    sleep 0.25
done
cd /
tries=0
while grep -q " $HGWORK " /proc/mounts 2>/dev/null; do
    if ! why=$(as_root umount "$HGWORK" 2>&1); then
        tries=$((tries + 1))
        [ "$tries" -lt 20 ] || { echo "$HGWORK cannot be unmounted: $why" >&2; exit 1; }
        sleep 0.25
    fi
done
[ ! -e "/var/tmp/hga-$JOB.img" ] || as_root rm -f "/var/tmp/hga-$JOB.img"
chmod -R u+rwX "$HGWORK" 2>/dev/null || :
find "$HGWORK" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
# The folder itself stays where it cannot be removed without more rights than a job needs.
rmdir "$HGWORK" 2>/dev/null || as_root rmdir "$HGWORK" 2>/dev/null || :
