# What a machine has of the remote machine interface, told as lines of `hga:KEY=VALUE`.
# Read by `sh -s -- HGDEV HGWORK` from its standard input; changes nothing. Keys that are missing could not be found out.
# All of it is one function, so that half a script never runs, and nothing in it reads the rest of the script.

say() { # key, value: the value is one line, of at most 200 bytes
    printf 'hga:%s=%s\n' "$1" "$(printf '%s' "$2" | tr '\n\r' '  ' | cut -c 1-200)"
}

within() { # seconds, command…: with a time limit where the machine can set one
    limit=$1
    shift
    if command -v timeout >/dev/null 2>&1; then timeout "$limit" "$@"; else "$@"; fi
}

have() { # words: prints those that are commands here
    for word in "$@"; do command -v "$word" >/dev/null 2>&1 && printf '%s ' "$word"; done
}

lack() { # words: prints those that are not
    for word in "$@"; do command -v "$word" >/dev/null 2>&1 || printf '%s ' "$word"; done
}

check() {
    hgdev=$1
    hgwork=$2
    PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
    export PATH HGPLAIN=1 LC_ALL=C
    say user "$(id -un 2>&1)"
    say groups "$(id -Gn 2>&1)"
    if within 20 sudo -n true >/dev/null 2>&1; then say sudo yes; else say sudo "$(within 20 sudo -n true 2>&1 | head -n 1)"; fi
    if [ -x /bin/bash ]; then say bash "$(within 20 /bin/bash -c 'echo "$BASH_VERSION"' 2>&1)"; else say bash ''; fi

    if [ -d "$hgdev" ]; then
        say hgdev yes
        user=$(id -un)
        # -L is not given: a link counts with its own owner.
        strange=$(within 120 find "$hgdev" \( ! -user "$user" -o ! -group "$user" \) -print -quit 2>&1)
        if [ $? -eq 0 ] || [ -n "$strange" ]; then say strange "$strange"; fi
    else
        say hgdev ''
    fi
    if [ -d "$hgdev/pyenv/shims" ]; then
        say shims "$(find "$hgdev/pyenv/shims/" -maxdepth 1 ! -type d | wc -l | tr -d ' ')"
        say shim_python "$(within 60 "$hgdev/pyenv/shims/python3" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>&1 | tail -n 1)"
    else
        say shims ''
    fi
    hg=$hgdev/venv-bootstrap/bin/hg
    say hg "$(within 60 "$hg" version -q 2>&1 | head -n 1)"
    say src "$(within 60 "$hg" -R "$hgdev/src" root 2>&1 | head -n 1)"
    say publish "$(within 60 "$hg" -R "$hgdev/src" config phases.publish 2>&1 | head -n 1)"

    if [ -d "$hgwork" ]; then
        if [ -w "$hgwork" ] && [ -x "$hgwork" ]; then say hgwork writable; else say hgwork closed; fi
        place=$hgwork
    else
        place=$(dirname "$hgwork")
        if [ -d "$place" ] && [ -w "$place" ]; then say hgwork makeable; else say hgwork none; fi
        [ -d "$place" ] || place=/
    fi
    say free "$(df -Pk "$place" 2>/dev/null | awk 'NR == 2 { print $4 }')"
    say python "$(within 20 python3 -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>&1 | tail -n 1)"
    say spool "$(lack setsid tail)"
    say mkfs "$(have mkfs.btrfs mkfs.ext3 mkfs.ext4 mkfs.jfs mkfs.xfs)"
    headers=
    compiler=$(have cc gcc clang)
    for compiler in $compiler; do
        include=$(within 20 python3 -c 'import sysconfig; print(sysconfig.get_path("include"))' 2>/dev/null)
        [ -f "$include/Python.h" ] && headers=$include
        break
    done
    say compiler "$compiler"
    say headers "$headers"
    say tools "$(lack bzip2 diff git gpg make unzip zip)"
    say end 1
}

check "$@" </dev/null
