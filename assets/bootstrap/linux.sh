#!/bin/sh
# Makes a Linux machine of its own one that conforms to the remote machine interface. Run through the spool as user `hg`,
# who may use sudo: the launch has made that user and let our key in. May be repeated: what is there already is left as it
# is, and nothing is asked of the network then.
#
#   HGDEV         the folder to fill: /hgdev
#   NEEDS         packages the machine must have
#   WANTS         packages more tests run with; those that the distribution does not have are left out
#   REQUIREMENTS  what pip installs, each with its version and its checksums
#
# A step begins with a line `==> STEP` and ends with `<== SECONDS STEP`. The last line is what people are shown when it
# fails.
set -eu
: "${HGDEV:?}" "${NEEDS?}" "${WANTS?}" "${REQUIREMENTS:?}"
umask 022
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
cd /

step=
begin() { step=$1 since=$(date +%s); echo "==> $step"; }
end() { echo "<== $(($(date +%s) - since)) $step"; step=; }
die() { echo "$*" >&2; exit 1; }

# Tells a full disk from other trouble, which it looks like.
ended() {
    status=$?
    free=$(df -Pk / 2>/dev/null | awk 'NR == 2 { print $4 }')
    if [ "$status" -ne 0 ] && [ "${free:-99999}" -lt 16384 ]; then echo "no space left on the machine's disk" >&2; fi
    exit "$status"
}
trap ended EXIT

# Tries a command so many times: mirrors are being updated, locks are held by a machine's own first updates.
again() {
    most=$1
    shift
    try=1
    while ! "$@"; do
        [ "$try" -lt "$most" ] || return 1
        try=$((try + 1))
        echo "trying again ($try of $most)"
        sleep $((try * 5))
    done
}

begin "user and group hg"
[ "$(id -un)" = hg ] || die "run as user $(id -un), not hg"
sudo -n true || die "hg may not use sudo without a password"
getent group hg >/dev/null || sudo groupadd hg
[ "$(id -gn)" = hg ] || sudo usermod --gid hg hg
# without a password an account counts as locked for some servers; no password fits `*`, which keys do not mind
case $(sudo getent shadow hg | cut -d: -f2) in '!'*) sudo usermod --password '*' hg ;; esac
case $(getent passwd hg) in *:/bin/bash) ;; *) sudo usermod --shell /bin/bash hg ;; esac
if ! sudo grep -qsx 'hg ALL=(ALL) NOPASSWD: *ALL' /etc/sudoers.d/*; then
    echo 'hg ALL=(ALL) NOPASSWD: ALL' | sudo tee /etc/sudoers.d/hg.new >/dev/null
    sudo chmod 440 /etc/sudoers.d/hg.new
    sudo visudo -q -c -f /etc/sudoers.d/hg.new
    sudo mv /etc/sudoers.d/hg.new /etc/sudoers.d/hg
fi
end

missing() { # packages: prints those that are not installed
    for package in "$@"; do
        case $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) in
        installed) ;;
        *) printf '%s ' "$package" ;;
        esac
    done
}

apt() { sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
    -o Acquire::http::Timeout=30 -o Dpkg::Use-Pty=0 -o APT::Update::Error-Mode=any "$@"; }

begin packages
# shellcheck disable=SC2086 # words
needs=$(missing $NEEDS)
# shellcheck disable=SC2086
wants=$(missing $WANTS)
if [ -n "$needs$wants" ]; then
    # a machine that has just begun may still be at its own updates
    if command -v cloud-init >/dev/null 2>&1; then timeout 300 sudo cloud-init status --wait >/dev/null 2>&1 || :; fi
    tries=1
    [ -z "$needs" ] || tries=4
    if ! again $tries apt update; then
        [ -z "$needs" ] || die "the lists of packages could not be fetched, and these are missing: $needs"
        echo "the lists of packages could not be fetched; without these, some tests are skipped: $wants"
        wants=
    fi
    for package in $wants; do
        if apt-cache show "$package" >/dev/null 2>&1; then
            needs="$needs$package "
        else
            echo "this distribution has no $package; some tests are skipped"
        fi
    done
    if [ -n "$needs" ]; then
        # shellcheck disable=SC2086
        again 4 apt install --no-install-recommends $needs || die "could not install packages: $needs"
    fi
fi
# what updates itself in the middle of a test run disturbs it
for unit in apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service; do
    if systemctl is-enabled --quiet $unit 2>/dev/null; then sudo systemctl disable --now --quiet $unit || :; fi
done
end

begin folders
sudo install -d -o hg -g hg "$HGDEV" "$HGDEV/pyenv" "$HGDEV/pyenv/shims"
end

begin Mercurial
python=/usr/bin/python3
venv=$HGDEV/venv-bootstrap
stamp=$venv/.hga-requirements
if [ "$(cat "$stamp" 2>/dev/null)" != "$REQUIREMENTS" ] || ! "$venv/bin/hg" version -q >/dev/null 2>&1; then
    rm -rf "$venv" "$venv.txt"
    "$python" -m venv "$venv"
    printf '%s\n' "$REQUIREMENTS" >"$venv.txt"
    again 3 "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off --no-deps \
        --only-binary :all: --require-hashes --requirement "$venv.txt" || die "pip could not install Mercurial"
    mv "$venv.txt" "$stamp"
fi
"$venv/bin/hg" version -q
end

begin "repository to push into"
if ! "$venv/bin/hg" -R "$HGDEV/src" root >/dev/null 2>&1; then
    rm -rf "$HGDEV/src" "$HGDEV/src.new"
    HGRCPATH='' "$venv/bin/hg" init "$HGDEV/src.new"
    mv "$HGDEV/src.new" "$HGDEV/src"
fi
case $("$venv/bin/hg" -R "$HGDEV/src" config phases.publish 2>/dev/null) in
False | false) ;;
*) printf '[phases]\npublish = False\n' >>"$HGDEV/src/.hg/hgrc" ;;
esac
end

# Shims as pyenv lays them out, for the Pythons that the distribution has. pyenv itself is not there: it would build
# Pythons from sources that nothing vouches for.
begin "interpreters"
for path in /usr/bin/python3 /usr/bin/python3.? /usr/bin/python3.?? /usr/bin/pypy3 /usr/bin/pypy3.? /usr/bin/pypy3.??; do
    [ -x "$path" ] || continue
    name=${path##*/}
    printf '#!/bin/sh\nexec %s "$@"\n' "$path" >"$HGDEV/pyenv/shims/$name.new"
    chmod 755 "$HGDEV/pyenv/shims/$name.new"
    mv "$HGDEV/pyenv/shims/$name.new" "$HGDEV/pyenv/shims/$name"
    echo "$name: $("$path" -c 'import sys; print(sys.version.split()[0])')"
done
[ ! -e "$HGDEV/pyenv/shims/pypy3" ] || ln -sf pypy3 "$HGDEV/pyenv/shims/pypy"
end

begin "owner of all of it"
sudo chown -R -h hg:hg "$HGDEV"
end
echo "done"
