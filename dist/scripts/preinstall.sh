#!/bin/sh
# Before the files are there: the user of the service, whose group may read them.
set -e
getent group exgate >/dev/null || groupadd --system exgate
getent passwd exgate >/dev/null ||
	useradd --system --gid exgate --home-dir /var/lib/exgate --no-create-home --shell /usr/sbin/nologin exgate
