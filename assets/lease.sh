# The machine's side of a lease: a cloud's machine ends itself, without credentials, when nobody has renewed its lease in
# time. Run as root, as the text of `sh -c`; sent with the launch, for every boot, and with each renewal.
#
#   arm SECONDS    the machine may live so long from now on
#   least SECONDS  the same where it had less; prints the seconds that are left then
#   boot SECONDS   the same at a boot: a renewal that came first stands
#   left           prints the seconds that are left; fails where no lease is armed
#
# The deadline counts in seconds of uptime, which no clock that is set can move. A service of systemd's watches it: it is
# started again when it dies, however often, and is the last thing that the kernel's memory killer takes. What it does in
# the end does not depend on one way out: the orderly one, then the rough one, then the kernel's own. It depends on no
# other unit: a boot that never comes to its end is watched too, and a shutdown neither ends it nor waits for it.
set -eu
folder=/run/hga
file=$folder/lease

uptime() { read -r now rest </proc/uptime; now=${now%%.*}; }

# systemd takes what is in dollar and braces for variables of its own, finds none, and leaves nothing: so there is none in
# here, and no double dollar either.
watch='
# a shutdown ends it last, by TERM, and would wait a minute and a half for who does not listen
trap "" HUP INT
while :; do
    IFS=. read -r now rest </proc/uptime
    # no deadline that can be read is one that is over
    read -r until </run/hga/lease || until=0
    case $until in "" | *[!0-9]*) until=0 ;; esac
    case $now in "" | *[!0-9]*) now=$until ;; esac
    [ "$now" -ge "$until" ] && break
    sleep 1
done
logger -t hga-lease "the lease is over" 2>/dev/null
systemctl poweroff --no-block || poweroff || shutdown -P now
sleep 90
systemctl poweroff --force --force
sleep 30
echo o >/proc/sysrq-trigger
'

case $1 in
arm | least | boot)
    seconds=$2
    case $seconds in '' | *[!0-9]*) echo "lease: \`$seconds\` is no number of seconds" >&2; exit 2 ;; esac
    mkdir -p "$folder"
    chmod 755 "$folder"
    uptime
    until=0
    [ ! -s "$file" ] || read -r until <"$file"
    case $until in '' | *[!0-9]*) until=0 ;; esac
    case $1 in
    arm) until=0 ;;
    least) [ "$until" -ge "$((now + seconds))" ] || until=0 ;;
    esac
    if [ "$until" = 0 ]; then
        until=$((now + seconds))
        printf '%s\n' "$until" >"$file.$$"
        mv "$file.$$" "$file"
    fi
    # a kernel that panics starts the machine anew, and so the lease; where that cannot be set it is as it was
    [ "$1" != boot ] || { echo 10 >/proc/sys/kernel/panic && echo 1 >/proc/sys/kernel/panic_on_oops; } 2>/dev/null || :
    if ! systemctl is-active --quiet hga-lease.service 2>/dev/null; then
        # early in a boot nothing may wait for a service; one that is queued already is refused, which is as well
        systemd-run --no-block --quiet --collect --unit=hga-lease --description="ends this machine with its lease" \
            --property=DefaultDependencies=no --property=Restart=always --property=RestartSec=1 \
            --property=StartLimitIntervalSec=0 --property=OOMScoreAdjust=-1000 \
            /bin/sh -c "$watch" || systemctl is-active --quiet hga-lease.service ||
            [ "$1" = boot ] || { echo "lease: the watch could not be started" >&2; exit 1; }
    fi
    [ "$1" != least ] || echo "$((until - now))"
    ;;
left)
    read -r until <"$file"
    systemctl is-active --quiet hga-lease.service || { echo "lease: nobody watches it" >&2; exit 1; }
    uptime
    echo "$((until - now))"
    ;;
*) echo "lease: no verb \`$1\`" >&2; exit 2 ;;
esac
