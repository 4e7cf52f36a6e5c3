#!/bin/sh
# Removes what a machine that becomes an image shall not hand on. Run as root, as the text of `sh -c`, once nothing is
# left to be done on it.
#
#   HGWORK   the work folder: /hgwork
#
# What lets a person or us in stays: user, keys, sudo. Host keys are made anew by cloud-init on each new machine, and a
# lease lives in memory.
set -eu
: "${HGWORK:?}"
cd /
if grep -q " $HGWORK " /proc/mounts; then umount -l "$HGWORK"; fi
rm -rf "$HGWORK"
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
# of a home only its keys are handed on
find /home/hg /root -mindepth 1 -maxdepth 1 \( -name .cache -o -name '.*_history' -o -name .wget-hsts -o -name .hgrc \) \
    -exec rm -rf {} +
find /tmp /var/tmp -xdev -mindepth 1 -maxdepth 1 -user hg -exec rm -rf {} +
# of commands by Systems Manager: what they were sent, changesets too. What runs this is among the newest
find /var/lib/hga-ssm /var/lib/amazon/ssm/i-*/document/orchestration -mindepth 1 -maxdepth 1 -mmin +1 \
    -exec rm -rf {} + 2>/dev/null || :
rm -f /etc/ssh/.hga_key /etc/ssh/.hga_key.pub
# the launch's user data is in cloud-init's folder, and it holds a private host key
if command -v cloud-init >/dev/null 2>&1; then cloud-init clean --logs >/dev/null 2>&1 || :; fi
rm -rf /var/lib/cloud/instances /var/lib/cloud/instance /var/lib/cloud/seed
journalctl --quiet --rotate --vacuum-size=1 >/dev/null 2>&1 || :
find /var/log -xdev -type f \( -name '*.gz' -o -name '*.[0-9]' \) -delete
find /var/log -xdev -type f -not -path '/var/log/journal/*' -exec truncate -s 0 {} +
[ ! -s /etc/machine-id ] || : >/etc/machine-id
sync
