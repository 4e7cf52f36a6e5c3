#!/bin/bash
# Lays the remote machine interface out on this computer, for tests against a real OpenSSH server: user and group `hg`
# with passwordless sudo, /hgdev with pyenv shims, venv-bootstrap and src. Run as root on a throw-away machine only.
# Running it again changes nothing that is in place. No server is started here; a test starts its own.
set -euo pipefail

if [[ $EUID -ne 0 ]]; then
    echo "make-openssh-machine.sh: needs root, since it makes a user" >&2
    exit 1
fi
if [[ ! -x /usr/sbin/sshd ]] || ! command -v sudo >/dev/null; then
    echo "make-openssh-machine.sh: needs openssh-server and sudo (apt-get install openssh-server sudo)" >&2
    exit 1
fi

getent group hg >/dev/null || groupadd hg
getent passwd hg >/dev/null || useradd --gid hg --create-home --shell /bin/bash hg
# Without a password the account counts as locked for some servers; `*` is "no password fits", which keys do not mind.
[[ $(getent shadow hg | cut -d: -f2) == '*' ]] || usermod --password '*' hg
install -d -m 755 /run/sshd

sudoers=/etc/sudoers.d/hgautomation-test-hg
rule='hg ALL=(ALL) NOPASSWD: ALL'
if [[ ! -f $sudoers || $(<"$sudoers") != "$rule" ]]; then
    install -m 440 /dev/null "$sudoers.new"
    printf '%s\n' "$rule" >"$sudoers.new"
    visudo -q -c -f "$sudoers.new"
    mv "$sudoers.new" "$sudoers"
fi

install -d -o hg -g hg /hgdev /hgdev/pyenv /hgdev/pyenv/bin /hgdev/pyenv/shims

# The system's own Python: one that was made for root alone (below /root) is of no use to hg.
python=/usr/bin/python3
[[ -x $python ]] || { echo "make-openssh-machine.sh: needs $python (apt-get install python3)" >&2; exit 1; }

# A redirector like pyenv's, without pyenv: all that tests need of it.
shim() {
    local text
    text=$(printf '#!/bin/sh\nexec %s "$@"' "$python")
    if [[ ! -f $1 || $(<"$1") != "$text" ]]; then
        printf '%s\n' "$text" >"$1"
        chmod 755 "$1"
        chown hg:hg "$1"
    fi
}
shim /hgdev/pyenv/shims/python3
shim /hgdev/pyenv/shims/python3."$("$python" -c 'import sys; print(sys.version_info[1])')"

as_hg() {
    runuser -u hg -- env -i HOME=/home/hg PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C.UTF-8 \
        ${PIP_INDEX_URL:+PIP_INDEX_URL="$PIP_INDEX_URL"} ${PIP_CERT:+PIP_CERT="$PIP_CERT"} \
        ${https_proxy:+https_proxy="$https_proxy"} ${http_proxy:+http_proxy="$http_proxy"} "$@"
}
cd /

hg=/hgdev/venv-bootstrap/bin/hg
if ! as_hg "$hg" version -q >/dev/null 2>&1; then
    rm -rf /hgdev/venv-bootstrap
    as_hg "$python" -m venv /hgdev/venv-bootstrap
    for try in 1 2 3; do
        as_hg /hgdev/venv-bootstrap/bin/pip install --quiet --disable-pip-version-check mercurial && break
        [[ $try -lt 3 ]] || exit 1
        sleep $((try * 5))
    done
fi

# Empty: what is tested is pushed into a copy of it.
if ! as_hg "$hg" -R /hgdev/src root >/dev/null 2>&1; then
    rm -rf /hgdev/src
    as_hg "$hg" init /hgdev/src
fi
if [[ $(as_hg "$hg" -R /hgdev/src config phases.publish 2>/dev/null | tr '[:upper:]' '[:lower:]') != false ]]; then
    as_hg sh -c 'printf "[phases]\npublish = false\n" >>/hgdev/src/.hg/hgrc'
fi

as_hg "$hg" version -q
