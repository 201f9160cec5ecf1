#!/bin/sh
# Configuration and state stay until dpkg purges them. Files that others put into /etc/exgate, such
# as a key for TLS, stay even then.
set -e
case ${1:-} in
purge)
	rm -rf /var/lib/exgate /var/log/exgate /etc/exgate/users
	rmdir --ignore-fail-on-non-empty /etc/exgate 2>/dev/null || true
	if getent passwd exgate >/dev/null; then userdel exgate; fi
	if getent group exgate >/dev/null; then groupdel exgate; fi
	;;
esac
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
