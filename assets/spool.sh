# The machine's side of a spool. Sent whole with every use as the text of `sh -c`, so nothing has to be installed and
# client and machine never disagree about the version. POSIX sh; Linux' /proc and GNU tail are used where present.
#
#   VERB SPOOL RUN NONCE [ARGS]     verbs: start status list signal follow drain
#
# The first thing said on a stream is the nonce: whatever a login shell's start-up files print comes before it and is
# dropped by the client. A run's folder holds
#   command   the script that is run          output   what it prints, both streams
#   events    what it appends to $HGA_EVENTS  status   its exit status, there once it is over (by rename)
#   pid       "PID BIRTH BOOT NONCE" of the supervisor; made by one link(2): from then on the run counts as started
# Every start prepares files of its own (named by nonce) and lets its supervisor try to make `pid`. Exactly one can; a
# start that was cut anywhere before left only such files, and the next one starts the run.
set -u
verb=$1 spool=$2 run=$3 nonce=$4
dir=$spool/$run
printf '%s\n' "$nonce"

# Start time of process $1 in ticks since boot; fails when it is gone or a zombie.
birth() {
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    set -- ${line##*) }
    [ "$1" != Z ] && [ "$1" != X ] || return 1
    shift 19
    echo "$1"
}

# Sets parent to the parent of process $1; fails when it is gone or a zombie.
parent_of() {
    if [ ! -d /proc/self ]; then kill -0 "$1" 2>/dev/null; parent=$me; return; fi
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    set -- ${line##*) }
    parent=$2
    [ "$1" != Z ] && [ "$1" != X ]
}

boot() {
    if [ -r /proc/sys/kernel/random/boot_id ]; then cat /proc/sys/kernel/random/boot_id; else echo -; fi
}

# Whether the supervisor named in $1/pid is alive; sets sup.
alive() {
    sup='' born='' booted=''
    { read -r sup born booted rest <"$1/pid"; } 2>/dev/null || return 1
    if [ "$born" = - ]; then kill -0 "$sup" 2>/dev/null; return; fi
    [ "$booted" = "$(boot)" ] && [ "$(birth "$sup")" = "$born" ]
}

state() {
    if [ ! -e "$1/pid" ]; then echo absent; return; fi
    alive "$1" && going=y || going=n
    # looked at after the supervisor: it writes the status before it goes
    if [ -e "$1/status" ]; then read -r status <"$1/status"; echo "ended $status"
    elif [ $going = y ]; then echo running
    else echo vanished
    fi
}

# The supervisor: session leader, parent of the run. No single quotes in here.
supervise='
dir=$1 nonce=$2 mask=$3 born=$4 boot=$5
umask 077
cd "$dir" || exit 1
# caught, not ignored: what is ignored stays so in children, what is caught does not
trap : HUP INT QUIT TERM
give_up() { rm -f "pid.$nonce" "status.$nonce" "command.$nonce"; exit 1; }
if [ -r "/proc/$$/stat" ]; then
    read -r line <"/proc/$$/stat"
    set -- ${line##*) }
    shift 19
    born=$1
else
    born=- boot=-
fi
# the block that the status needs is taken now, so that a disk filled by the run cannot keep it from being written
printf "running\n" >"status.$nonce" || give_up
record="$$ $born $boot $nonce"
printf "%s\n" "$record" >"pid.$nonce" || give_up
read -r back <"pid.$nonce" && [ "$back" = "$record" ] || give_up
ln "pid.$nonce" pid 2>/dev/null || give_up
rm -f "pid.$nonce"
mv "command.$nonce" command
(
    trap - HUP INT QUIT TERM
    umask "$mask"
    exec /bin/sh "$dir/command"
) </dev/null >>output 2>&1
code=$?
until printf "%7d\n" "$code" 1<>"status.$nonce" && read -r back <"status.$nonce" && [ "$back" = "$code" ] &&
    mv "status.$nonce" status; do
    sleep 1
done 2>/dev/null
# those who follow need not look for the status: each waits at a pipe of its own
for pipe in end.*; do
    [ -p "$pipe" ] && printf "\\n" 1<>"$pipe"
done 2>/dev/null
'

detach() {
    if setsid -f true 2>/dev/null; then
        setsid -f "$@"
    elif command -v setsid >/dev/null; then
        # a shell lets its background children ignore SIGINT; here that cannot be helped
        setsid "$@" &
    else
        python3 -c 'import os, sys
if os.fork() == 0:
    os.setsid()
    os.execvp(sys.argv[1], sys.argv[1:])' "$@"
    fi
}

fail() {
    cat >/dev/null 2>&1
    echo "failed $1"
    exit 0
}

start() {
    size=$1 mask=$(umask)
    umask 077
    why=$(mkdir -p "$dir" 2>&1) || fail "$why"
    if [ -e "$dir/pid" ]; then cat >/dev/null; echo already; exit 0; fi
    why=$( { cat >"$dir/command.$nonce"; } 2>&1) || { rm -f "$dir/command.$nonce"; fail "$why"; }
    got=$(wc -c <"$dir/command.$nonce")
    [ "$got" -eq "$size" ] || { rm -f "$dir/command.$nonce"; fail "the command came incomplete"; }
    why=$( { : >>"$dir/output" && : >>"$dir/events"; } 2>&1) || fail "$why"
    detach /bin/sh -c "$supervise" hga-run "$dir" "$nonce" "$mask" - "$(boot)" </dev/null >/dev/null 2>"$dir/error.$nonce"
    tries=0
    # the supervisor makes `pid` or, where it cannot, takes its command away
    while [ ! -e "$dir/pid" ] && [ -e "$dir/command.$nonce" ] && [ $tries -lt 600 ]; do
        sleep 0.02 2>/dev/null || sleep 1
        tries=$((tries + 1))
    done
    if [ -e "$dir/pid" ]; then
        read -r _ _ _ winner <"$dir/pid"
        [ "$winner" = "$nonce" ] && echo new || echo already
    else
        echo "failed $(cat "$dir/error.$nonce" 2>/dev/null)"
    fi
    rm -f "$dir/error.$nonce"
}

# The living processes of session $1 but its leader.
members() {
    for file in /proc/[0-9]*/stat; do
        { read -r line <"$file"; } 2>/dev/null || continue
        member=${line%% *}
        set -- "$1" ${line##*) }
        if [ "${5-}" = "$1" ] && [ "$member" != "$1" ] && [ "$2" != Z ] && [ "$2" != X ]; then echo "$member"; fi
    done
}

signal() {
    [ -e "$dir/pid" ] || { echo absent; exit 0; }
    alive "$dir" && going=y || going=n
    if [ "$born" = - ]; then
        kill -s "$1" -- "-$sup" 2>/dev/null && echo sent || echo gone
        exit 0
    fi
    # no process of an earlier boot is left, and a number in use by somebody else means that the session has ended
    if [ "$booted" != "$(boot)" ] || { [ $going = n ] && [ -e "/proc/$sup/stat" ] && birth "$sup" >/dev/null; }; then
        echo gone
        exit 0
    fi
    tries=0 sent=gone
    while :; do
        all=$(members "$sup")
        if [ -n "$all" ]; then
            kill -s "$1" $all 2>/dev/null
            sent=sent
            # what is killed may just have made another
            [ "$1" = KILL ] || break
        else
            # none: over, or not yet begun
            [ $sent = gone ] && [ $going = y ] && [ ! -e "$dir/status" ] || break
        fi
        tries=$((tries + 1))
        [ $tries -lt 100 ] || break
        sleep 0.02 2>/dev/null || sleep 1
    done
    echo $sent
}

check_offsets() {
    [ -e "$dir/pid" ] || exit 4
    [ "$(wc -c <"$dir/output")" -ge "$1" ] && [ "$(wc -c <"$dir/events")" -ge "$2" ] || exit 5
}

# Output from $1 on standard output, events from $2 on standard error, live, until the run is over or our input ends.
# May end a little early: the client then drains by the offsets it has.
follow() {
    printf '%s\n' "$nonce" >&2
    check_offsets "$1" "$2"
    [ ! -e "$dir/status" ] && alive "$dir" || exit 0
    # from here on standard error is the events' alone: no word of the shell about its children
    exec 3<&0 4>&2 2>/dev/null
    case $(tail --version 2>/dev/null) in
    *GNU*) options="-s 0.1 --pid=$sup" pause=0.5 ;;
    *) options='' pause=0.2 ;;
    esac
    tail $options -f -c "+$(($1 + 1))" "$dir/output" 3<&- 4>&- &
    one=$!
    tail $options -f -c "+$(($2 + 1))" "$dir/events" 3<&- >&4 4>&- &
    two=$!
    # The client has gone when our input ends. Both helpers end with us, however we end, and signal no process but a
    # child of ours that is still there: a number may be in use again by somebody else.
    me=$$
    stop() {
        for reader in $one $two; do
            parent_of "$reader" && [ "$parent" = "$me" ] && kill "$reader"
        done
    }
    { cat >/dev/null <&3; stop; } >/dev/null 2>&1 4>&- &
    listener=$!
    # The supervisor knocks here when the status is there. Where it came before the pipe, nobody will.
    pipe=$dir/end.$nonce waiter=
    if mkfifo "$pipe" 3<&- 4>&-; then
        { [ -e "$dir/status" ] || read -r word <>"$pipe"; rm -f "$pipe"; stop; } >/dev/null 2>&1 3<&- 4>&- &
        waiter=$!
    fi
    # A supervisor that was killed does not knock, and tail does not see that a process is a zombie.
    {
        while sleep $pause 2>/dev/null || sleep 1; do
            parent_of $$ >/dev/null || { printf '\n' 1<>"$pipe"; break; }
            if [ -e "$dir/status" ] || ! alive "$dir"; then stop; break; fi
        done
    } 3<&- 4>&- >/dev/null 2>&1 &
    poller=$!
    wait $one
    wait $two
    kill $listener $poller $waiter 2>/dev/null
    rm -f "$pipe"
    exit 0
}

# Bytes $2 up to the present size of file $1, whatever is still being appended.
rest() {
    size=$(wc -c <"$1")
    [ "$size" -gt "$2" ] || return 0
    # GNU dd does it in one process and large pieces; others do not know the flags. Never one after the other: what has
    # been said must not be said again.
    if dd iflag=skip_bytes,count_bytes count=0 </dev/null >/dev/null 2>&1; then
        dd if="$1" bs=256k iflag=skip_bytes,count_bytes skip="$2" count="$((size - $2))" 2>/dev/null
    else
        tail -c "+$(($2 + 1))" "$1" | head -c "$((size - $2))"
    fi
}

drain() {
    printf '%s\n' "$nonce" >&2
    check_offsets "$1" "$2"
    rest "$dir/output" "$1" 2>/dev/null
    rest "$dir/events" "$2" 2>/dev/null >&3
}

case $verb in
start) start "$5" ;;
status) state "$dir" ;;
signal) signal "$5" ;;
follow) follow "$5" "$6" ;;
drain) drain "$5" "$6" 3>&2 ;;
list)
    for one in "$spool"/*/; do
        [ -d "$one" ] || continue
        one=${one%/}
        echo "${one##*/} $(state "$one")"
    done
    ;;
esac
