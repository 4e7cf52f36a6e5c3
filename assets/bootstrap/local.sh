#!/bin/sh
# Makes a bare machine one that conforms to the remote machine interface, below $HGDEV. Run through the spool.
#
#   HGDEV      folder to fill
#   MERCURIAL  what pip is to install: a requirement (`mercurial==7.2.4`) or an absolute path
#   PYTHON     the Python to make the environment with (default: /usr/bin/python3, else python3)
#
# May be repeated: what a cut run left is made anew. The folder may be copied anywhere afterwards: scripts find their
# Python by their own place.
set -eu
: "${HGDEV:?}" "${MERCURIAL:?}"
python=${PYTHON-}
if [ -z "$python" ]; then
    python=/usr/bin/python3
    [ -x "$python" ] || python=$(command -v python3) || { echo "python3 is missing; on Debian: apt install python3" >&2; exit 69; }
fi
umask 022
mkdir -p "$HGDEV"
venv=$HGDEV/venv-bootstrap

# Tells a full disk from other trouble, which it looks like; the last line is what people are shown.
ended() {
    status=$?
    free=$(df -Pk "$HGDEV" 2>/dev/null | awk 'NR == 2 { print $4 }')
    if [ "$status" -ne 0 ] && [ "${free:-9999}" -lt 4096 ]; then
        echo "no space left on the file system of $HGDEV" >&2
    fi
}
trap ended EXIT

echo "==> virtual environment with $("$python" --version 2>&1)"
rm -rf "$venv"
if ! "$python" -m venv "$venv"; then
    "$python" -c 'import ensurepip, venv' ||
        echo "python3 cannot make virtual environments; on Debian: apt install python3-venv" >&2
    exit 69
fi

echo "==> Mercurial from $MERCURIAL"
"$venv/bin/python" -m pip install --disable-pip-version-check --no-input --no-warn-script-location --prefer-binary \
    --progress-bar off "$MERCURIAL"

echo "==> scripts that stand anywhere"
"$venv/bin/python" - "$venv" <<'PYTHON'
import os
import sys

bin = os.path.join(sys.argv[1], 'bin')
# sh runs the first lines and becomes python; python reads them as one string and goes on below
HEAD = b"""#!/bin/sh
'''exec' "$(dirname "$(readlink -f "$0")")/python" "$0" "$@"
' '''
"""
for name in sorted(os.listdir(bin)):
    path = os.path.join(bin, name)
    if os.path.islink(path) or not os.path.isfile(path):
        continue
    with open(path, 'rb') as script:
        text = script.read()
    first, _, rest = text.partition(b'\n')
    if text.startswith(b"#!/bin/sh\n'''exec'"):
        # pip's own form for long or odd paths: three lines
        rest = text.split(b'\n', 3)[3]
    elif not (first.startswith(b'#!') and b'python' in first):
        continue
    with open(path + '.new', 'wb') as script:
        script.write(HEAD + rest)
    os.chmod(path + '.new', os.stat(path).st_mode & 0o777)
    os.rename(path + '.new', path)
PYTHON
"$venv/bin/hg" --version --quiet

echo "==> repository to push into"
rm -rf "$HGDEV/src.new"
if [ ! -f "$HGDEV/src/.hg/hgrc" ]; then
    rm -rf "$HGDEV/src"
    HGRCPATH='' "$venv/bin/hg" init "$HGDEV/src.new"
    printf '[phases]\npublish = False\n' >"$HGDEV/src.new/.hg/hgrc"
    mv "$HGDEV/src.new" "$HGDEV/src"
fi

echo "==> interpreters"
mkdir -p "$HGDEV/pyenv/shims"
ln -sf "$python" "$HGDEV/pyenv/shims/python3"
echo "done"
