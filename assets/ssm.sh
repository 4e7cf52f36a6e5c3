# The machine's side of commands by AWS Systems Manager. Run Command shows nothing until a command is over, and then at
# most 24,000 characters: so what is to be run is detached with its streams in files, and short commands like this one
# read them from byte offsets, compressed, and write its input in pieces. Runs as root; POSIX sh, and what every Debian
# and Ubuntu has. Sent whole with every use, behind lines that set
#
#   verb      start read write signal end          id       name of what is run, made up by the client
#   room      most letters of an answer's bytes    most     most bytes of a stream to look at
#   out err   offsets of the two streams           had_out had_err   before these nothing is needed any more
#   wait      how often a reader looks for news, a tenth of a second apart
#   forget    names of what is over and read       user plain line    of start
#   at data last   a piece of input, its offset, and where the input ends, if that is known     sig   of signal
#
# Every verb may be repeated: a start by its folder, a piece of input by its offset, the others do no harm twice. The
# answer is one line, `hga OUT ERR ALL-OUT ALL-ERR STATE [WORD]`: bytes given of either stream, bytes there are, and
# `going`, `over STATUS`, `gone` (no status was written and nobody lives), `absent`, or `failed REASON` in base64; then
# the bytes, both streams one after the other, by gzip and base64. A folder holds
#   line out err status   stdin (a pipe)   in.OFFSET in.end (input not yet read)   knock (a pipe: there is more)
#   pid "PID BIRTH BOOT" of the supervisor   session (process session of what is run)   seen (when last asked about)
# Of one that was ended or forgotten a file ID.over stays for a while: a start of it that comes late is not obeyed.
set -u
umask 077
export LC_ALL=C
base=/var/lib/hga-ssm
[ "$(id -u)" = 0 ] || base=${TMPDIR:-/tmp}/hga-ssm-$(id -u)
dir=$base/$id
# nobody asks any more: seconds until it is ended
: "${patience:=600}"

unpack() { printf %s "$1" | base64 -d | gzip -d; }

failed() {
    printf 'hga 0 0 0 0 failed %s\n' "$(printf %s "$1" | head -c 2000 | base64 | tr -d '\n')"
    exit 0
}

# Shared with the supervisor, hence a text; no single quotes in here.
tools='
# Start time of process $1 in ticks since boot; fails when it is gone or a zombie.
birth() {
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    set -- ${stat##*) }
    [ "$1" != Z ] && [ "$1" != X ] || return 1
    shift 19
    echo "$1"
}

boot() { cat /proc/sys/kernel/random/boot_id; }

# Sends signal $1 to all living processes of the session named in file $2.
hit() {
    { read -r session <"$2"; } 2>/dev/null || return 1
    for file in /proc/[0-9]*/stat; do
        { read -r stat <"$file"; } 2>/dev/null || continue
        member=${stat%% *}
        set -- "$1" ${stat##*) }
        [ "$5" != "$session" ] || [ "$2" = Z ] || [ "$2" = X ] || kill -s "$1" "$member" 2>/dev/null
    done
}
'
eval "$tools"

alive() {
    { read -r sup born booted <"$1/pid"; } 2>/dev/null || return 1
    [ "$booted" = "$(boot)" ] && [ "$(birth "$sup")" = "$born" ]
}

state() {
    if [ ! -e "$dir/pid" ]; then echo absent; return; fi
    alive "$dir" && going=y || going=n
    # looked at after the supervisor: it writes the status before it goes
    if [ -e "$dir/status" ]; then read -r code <"$dir/status"; echo "over $code"
    elif [ $going = y ]; then echo going
    else echo gone
    fi
}

# Ends what is run: its input first, then kindly, then not.
finish() {
    alive "$dir" || return 0
    : >"$dir/cut"
    [ -p "$dir/knock" ] && printf '\n' 1<>"$dir/knock"
    for sig in - TERM KILL KILL; do
        [ $sig = - ] || hit $sig "$dir/session"
        tries=0
        while [ $tries -lt 10 ]; do
            alive "$dir" || return 0
            [ ! -e "$dir/status" ] || return 0
            sleep 0.1 2>/dev/null || sleep 1
            tries=$((tries + 1))
        done
    done
}

# The supervisor: a session of its own, root's, with what is run as its child in another. No single quotes in here.
supervise=$tools'
dir=$1 user=$2 plain=$3 patience=$4
cd "$dir" || exit 1
# caught, not ignored: what is ignored stays so in children, what is caught does not
trap : HUP INT QUIT TERM
echo "$$ $(birth $$) $(boot)" >pid.new && mv pid.new pid || exit 1
give() {
    at=0
    while :; do
        if [ -e "in.$at" ]; then
            size=$(wc -c <"in.$at")
            cat "in.$at" || return
            rm -f "in.$at"
            at=$((at + size))
        elif [ -e cut ] || { [ -e in.end ] && read -r end <in.end && [ "$at" -ge "$end" ]; }; then
            return
        else
            read -r word <>knock
        fi
    done
}
# Ends all when nobody has asked for it for so long.
watch() {
    trap "kill \$nap; exit" TERM
    while :; do
        sleep 5 &
        nap=$!
        wait $nap
        { read -r last <seen; } 2>/dev/null || continue
        [ $(($(date +%s) - last)) -gt "$patience" ] && hit KILL session
    done
}
give >stdin 2>/dev/null &
giver=$!
watch </dev/null >/dev/null 2>&1 &
watcher=$!
# pipes, for a file that a command opens anew by /dev/stderr would be emptied
cat <out.pipe >out &
one=$!
cat <err.pipe >err &
two=$!
entry=$(getent passwd "$user")
home=$(echo "$entry" | cut -d: -f6) group=$(echo "$entry" | cut -d: -f4) shell=$(echo "$entry" | cut -d: -f7)
[ -x "$shell" ] || shell=/bin/sh
line=$(cat line; echo x)
line=${line%x}
if [ "$plain" = y ]; then set -- /bin/sh -c "$line"
elif [ -n "$line" ]; then set -- "$shell" -l -c "$line"
else set -- "$shell" -l
fi
[ "$(id -un)" = "$user" ] || set -- setpriv --reuid="$user" --regid="$group" --init-groups --reset-env "$@"
inside="echo \$\$ >session; cd \"\$1\" 2>/dev/null || cd /; umask 022; unset LC_ALL
    export HOME=\"\$1\" USER=\"\$2\" LOGNAME=\"\$2\"; shift 2; exec \"\$@\""
# in the foreground: a shell lets its background children ignore SIGINT
setsid -w sh -c "$inside" hga-command "$home" "$user" "$@" <stdin >out.pipe 2>err.pipe
code=$?
# what it started may hold its output open; that is not waited for long
tries=0
while [ $tries -lt 50 ] && { birth $one || birth $two; } >/dev/null; do
    sleep 0.02 2>/dev/null || sleep 1
    tries=$((tries + 1))
done
echo "$code" >status.new && mv status.new status
kill "$giver" "$watcher" 2>/dev/null
'

start() {
    entry=$(getent passwd "$user") || failed "there is no user \`$user\`"
    why=$(mkdir -p "$base" 2>&1) || failed "$why"
    if mkdir "$dir" 2>/dev/null; then
        # a call whose answer was lost is made again, and the first may come after all, when all is over
        if [ -e "$dir.over" ]; then rmdir "$dir"; return; fi
        find "$base" -maxdepth 1 -name '*.over' -mmin +30 -exec rm -f {} + 2>/dev/null
        # what a client left that did not come back
        for old in "$base"/*/; do
            old=${old%/}
            case $old in "$dir" | "$base/*") continue ;; esac
            [ -n "$(find "$old/seen" -mmin +30 2>/dev/null)" ] && ! alive "$old" && rm -rf "$old"
        done
        why=$( { unpack "$line" >"$dir/line" && : >"$dir/out" && : >"$dir/err" && date +%s >"$dir/seen" &&
            mkfifo "$dir/stdin" "$dir/knock" "$dir/out.pipe" "$dir/err.pipe" &&
            chown "$user" "$dir/stdin" "$dir/out.pipe" "$dir/err.pipe"; } 2>&1) || failed "$why"
        write
        set -- sh -c "$supervise" hga-ssm "$dir" "$user" "$plain" "$patience"
        # out of the agent's control group: it may be updated, and started anew, meanwhile
        if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
            scope='unit=$1; shift
                systemd-run --quiet --collect --scope --unit="hga-ssm-$unit" "$@" || [ -e "$0/pid" ] || exec "$@"'
            setsid -f sh -c "$scope" "$dir" "$id" "$@" </dev/null >/dev/null 2>"$dir/why"
        else
            setsid -f "$@" </dev/null >/dev/null 2>"$dir/why"
        fi
    fi
    tries=0
    while [ ! -e "$dir/pid" ] && [ $tries -lt 100 ]; do
        sleep 0.02 2>/dev/null || sleep 1
        tries=$((tries + 1))
    done
    [ -e "$dir/pid" ] || failed "it did not start: $(cat "$dir/why" 2>&1)"
}

# A piece of input, under the name of its offset, and where the input ends.
write() {
    if [ -n "${data-}" ]; then
        why=$( { unpack "$data" >"$dir/.in.$at.$$" && mv "$dir/.in.$at.$$" "$dir/in.$at"; } 2>&1) || failed "$why"
    fi
    if [ -n "${last-}" ]; then echo "$last" >"$dir/.in.end.$$" && mv "$dir/.in.end.$$" "$dir/in.end"; fi
    [ ! -p "$dir/knock" ] || [ ! -e "$dir/pid" ] || printf '\n' 1<>"$dir/knock"
}

part() { [ "$3" -le 0 ] || tail -c "+$(($2 + 1))" "$1" | head -c "$3"; }

news() {
    [ ! -e "$dir/status" ] || return 0
    set -- $(stat -c %s "$dir/out" "$dir/err")
    [ "$1" -gt "$out" ] || [ "$2" -gt "$err" ]
}

# Both streams from their offsets on, as much as there is room for, and the state.
answer() {
    if [ ! -d "$dir" ]; then echo "hga 0 0 0 0 absent"; return; fi
    date +%s >"$dir/seen"
    tries=0 pause=0.02
    while [ $tries -lt "$wait" ] && ! news; do
        if [ $((tries % 10)) = 9 ]; then
            pause=0.1
            alive "$dir" || break
        fi
        sleep $pause 2>/dev/null || sleep 1
        tries=$((tries + 1))
    done
    # most commands are over soon after they have said something: that is told at once
    tries=0
    while [ $tries -lt 3 ] && [ ! -e "$dir/status" ] && [ "$wait" -gt 0 ]; do
        sleep 0.04 2>/dev/null || break
        tries=$((tries + 1))
    done
    # the state first: what was said before the end is then all there
    now=$(state)
    all_out=$(wc -c <"$dir/out") all_err=$(wc -c <"$dir/err")
    one=$((all_out - out)) two=$((all_err - err))
    [ $one -ge 0 ] && [ $two -ge 0 ] || failed "less is there than was read before"
    [ $one -le "$most" ] || one=$most
    [ $two -le "$most" ] || two=$most
    bytes=
    while [ $((one + two)) -gt 0 ]; do
        bytes=$( { part "$dir/out" "$out" $one; part "$dir/err" "$err" $two; } | gzip | base64 | tr -d '\n')
        long=${#bytes}
        [ $long -gt "$room" ] || break
        # what came of it says how much will fit
        one=$(((one * room / long * 15 + 15) / 16)) two=$(((two * room / long * 15 + 15) / 16))
    done
    # what the client has is not kept
    [ "$had_out" -le 4194304 ] || fallocate --punch-hole --offset 0 --length "$had_out" "$dir/out" 2>/dev/null
    [ "$had_err" -le 4194304 ] || fallocate --punch-hole --offset 0 --length "$had_err" "$dir/err" 2>/dev/null
    printf 'hga %s %s %s %s %s\n%s\n' $one $two "$all_out" "$all_err" "$now" "$bytes"
}

# The mark first: a start that makes the folder after it was removed finds the mark.
forget() {
    mkdir -p "$base" && touch "$base/$1.over"
    rm -rf "${base:?}/$1"
}

for old in ${forget-}; do forget "$old"; done
case $verb in
start) start && answer ;;
read) answer ;;
write)
    [ -d "$dir" ] || { echo "hga 0 0 0 0 absent"; exit 0; }
    write
    echo "hga 0 0 0 0 $(state)"
    ;;
signal)
    hit "$sig" "$dir/session"
    echo "hga 0 0 0 0 $(state)"
    ;;
end)
    mkdir -p "$base" && touch "$dir.over"
    finish
    forget "$id"
    echo "hga 0 0 0 0 absent"
    ;;
esac
exit 0
