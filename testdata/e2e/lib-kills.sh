# Shared by kill9 and stumbles, after lib.sh and lib-imapsync.sh: exgate killed right after Exchange's OK to an APPEND.
# shellcheck shell=bash
# shellcheck disable=SC2154 # variables set by those who source this

# kill_after_ok kind every times settings command...: in the case $name and its directory $dir, runs command, with a number,
# until one run is clean, and 40 times at most; exgate is killed right after each every-th OK of Exchange's to an APPEND, so
# many times. settings are lines of exgate's configuration. Sets killed, and clean to the clean run.
kill_after_ok() {
	local kind=$1 every=$2 times=$3 settings=$4 plain relay client run
	shift 4
	mkdir "$dir"
	read -r plain relay exgate < <(free_ports 3)
	simulated_exchange "$name" --outlook "$dir/outlook" --insecure-plaintext "127.0.0.1:$plain"
	background "$name-killer" python3 "$here/killer.py" "$relay" "$plain" "$dir/pid" "$every" "$times"
	await_port "the relay" "$relay"
	cat >"$dir/exgate.yaml" <<-EOF
		state_dir: $dir/state
		listen: {implicit: '127.0.0.1:$exgate'}
		tls: {certificate_file: $tmp/cert.pem, key_file: $tmp/key.pem}
		upstream:
		  address: 127.0.0.1:$relay
		  tls: insecure-none
		  profile: ${PROFILE:-exchange2016}
		  pace: {messages_per_second: 0}
		$settings
	EOF
	gateway "$name"
	clean=
	for ((run = 1; run <= 40; run++)); do
		"$@" "$run" &
		client=$!
		started+=("$client")
		while kill -0 $client 2>/dev/null; do
			kill -0 "$exgate_pid" 2>/dev/null || { wait "$exgate_pid" 2>/dev/null || true; gateway "$name"; }
			sleep 0.02
		done
		if wait $client; then
			clean=$run
			break
		fi
	done
	killed=$(grep -c '^killed' "$tmp/log/$name-killer") || true
}

# once kind [log...]: whether bob's mailbox at the case's Exchange has the messages of that kind exactly
# once, with their flags, but for those that imapsync's logs say are copied again. Ends that Exchange,
# for its view of Outlook.
once() {
	local kind=$1
	shift
	take "$exchange" "$dir/exchange.pem" "$(login_as bob)" bobpass "$(below)" >"$dir/target"
	stop "$exchange_pid"
	python3 "$here/migrated.py" sent "$kind" >"$dir/source"
	python3 "$here/migrated.py" compare "$dir/source" "$dir/target" "$dir/outlook" "$@"
}

# watch_hung pid log: awaits that process, and kills it if it has logged nothing for 10 s.
# Where its connection is lost and the next one is refused, offlineimap releases the lost
# one twice, and waits for ever for a lock of its own (docs/clients.md).
watch_hung() {
	local size before='' still=0
	while kill -0 "$1" 2>/dev/null; do
		size=$(stat -c %s "$2")
		[ "$size" = "$before" ] || still=0
		before=$size still=$((still + 1))
		[ $still -lt 100 ] || kill -9 "$1"
		sleep 0.1
	done
	wait "$1"
}

# offlineimap_clean kind run: a run of offlineimap, clean or not; it brings $dir/mail there
offlineimap_clean() {
	local log=$dir/run-$2 status=0
	offlineimap_rc "$dir/offlineimap" "$dir/mail" "$exgate" "$(login_as bob)" "$tmp/ca.pem" >"$dir/rc"
	[ -d "$dir/mail" ] || python3 "$here/mailboxes.py" fill "$dir/mail" "$1"
	offlineimap -c "$dir/rc" -o -u basic >"$log" 2>&1 &
	watch_hung $! "$log" || status=$?
	say "  offlineimap: $(grep -c 'Copy message' "$log") messages copied, $(grep -c 'ERROR' "$log") errors, exit status $status"
	[ $status = 0 ] && ! grep -q -e 'Copy message' -e ERROR "$log"
}
