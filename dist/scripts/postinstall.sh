#!/bin/sh
# A running exgate hands over to the new program, without loss. If the new one does not start, the old
# one goes on. A new exgate is not started: its configuration has to name the Exchange server first.
set -e
main() { systemctl show --property=MainPID --value exgate.service; }
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	if systemctl is-active --quiet exgate.service; then
		old=$(main)
		systemctl kill --signal=SIGUSR2 --kill-whom=main exgate.service
		for _ in $(seq 90); do
			[ "$(main)" = "$old" ] || break
			sleep 1
		done
		[ "$(main)" != "$old" ] ||
			echo "the old exgate goes on: systemctl status exgate says why the new one does not start" >&2
	fi
fi
