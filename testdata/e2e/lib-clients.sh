# Shared by clients, outage and stumbles, after lib.sh and lib-imapsync.sh: runs of nine clients, which
# bring messages to bob@example.com through exgate.
# shellcheck shell=bash

boxes=(INBOX 'Two words' a/b/c)
ca=$tmp/ca.pem # signs what the clients meet

client_needs=(dovecot-imapd isync libsasl2-modules offlineimap3 mutt neomutt imapfilter getmail6 ncurses-base curl python3 openssl)

# sources kind: what the clients bring, in Dovecot and as a Maildir, and what it is
sources() {
	python3 "$here/mailboxes.py" seed "$dovecot_starttls" "$1" "$1"
	python3 "$here/mailboxes.py" fill "$tmp/$1" "$1"
	python3 "$here/migrated.py" sent "$1" >"$tmp/$1-sent"
}

# begin profile setting...: for the case $name of $client, in $dir: a fresh Exchange, exgate before it with these lines
# of configuration, and what the client brings, of $kind
begin() {
	local profile=$1
	shift
	mkdir "$dir"
	simulated_exchange "$name" --profile "$profile"
	read -r exgate < <(free_ports 1)
	cat >"$dir/exgate.yaml" <<-END
		state_dir: $dir/state
		listen: {implicit: '127.0.0.1:$exgate'}
		tls: {certificate_file: $tmp/cert.pem, key_file: $tmp/key.pem}
		upstream:
		  address: 127.0.0.1:$exchange
		  ca_file: $dir/exchange.pem
		  server_name: localhost
		  profile: $profile
		  pace: {messages_per_second: 0}
	END
	printf '%s\n' "$@" >>"$dir/exgate.yaml"
	gateway "$name"
	# shellcheck disable=SC2154 # set by those who source this
	case $client in
	imapsync | imapfilter) cp -a "$tmp/mail/$kind" "$tmp/mail/$name" ;;
	*) cp -a "$tmp/$kind" "$dir/mail" ;;
	esac
}

# run_client client seconds log: one run, of so many seconds at most; returns its exit status
run_client() {
	timeout -k 5 "$2" bash -c "$(declare -p dir name kind exgate ca tmp here boxes imapsync dovecot_starttls dovecot_implicit
		declare -f sync mutt_keys offlineimap_rc "${1}_run"); ${1}_run" >"$3" 2>&1 </dev/null
}

# ---- the clients: each is run in $dir, and brings $dir/mail or the mailbox $name of Dovecot to bob

imapsync_run() {
	sync "$dir/imapsync" --port1 "$dovecot_implicit" --user1 "$name" --password1 pass --port2 "$exgate" --user2 bob@example.com --password2 bobpass
	sed -n -E 's/^(Messages skipped .*|Exiting with.*)/\1/p' "$dir/imapsync"
	return "$(sed -n 's/^Exiting with return value \([0-9]*\).*/\1/p' "$dir/imapsync")"
}

mbsync_run() {
	cat >"$dir/rc" <<-END
		IMAPStore far
		Host localhost
		Port $exgate
		User bob@example.com
		Pass bobpass
		SSLType IMAPS
		AuthMechs PLAIN LOGIN
		CertificateFile $ca

		MaildirStore near
		Path $dir/mail/
		Inbox $dir/mail/INBOX
		SubFolders Verbatim

		Channel all
		Far :far:
		Near :near:
		Patterns INBOX "Two words" a/b/c
		Create Far
		Sync Push
		CopyArrivalDate yes
		SyncState $dir/state-
	END
	exec mbsync -c "$dir/rc" -a # its process is that of the shell
}

offlineimap_run() {
	offlineimap_rc "$dir/state-offlineimap" "$dir/mail" "$exgate" bob@example.com "$ca" \
		"folderfilter = lambda name: name in ['INBOX', 'Two words', 'a', 'a/b', 'a/b/c']" >"$dir/rc"
	for box in a a/b; do mkdir -p "$dir/mail/$box/cur" "$dir/mail/$box/new" "$dir/mail/$box/tmp"; done
	offlineimap -c "$dir/rc" -o -u basic
}

imaplib_run() { python3 "$here/upload.py" "$exgate" "$ca" "$dir/done" $kind; }

curl_run() { # a file that was sent is not sent again
	local box file status=0
	local curl=(curl -sS --cacert "$ca" -u bob@example.com:bobpass)
	for box in "${boxes[@]}"; do
		"${curl[@]}" -X "CREATE \"$box\"" "imaps://localhost:$exgate/" >/dev/null 2>&1 || true
		for file in "$dir/mail/$box/cur"/*; do
			if [ ! -f "$file" ]; then continue; fi
			sed 's/$/\r/' "$file" >"$dir/upload" # without the bare LF of the Maildir
			if "${curl[@]}" -T "$dir/upload" "imaps://localhost:$exgate/${box// /%20}"; then rm "$file"; else status=$?; fi
		done
	done
	return $status
}

imapfilter_run() {
	cat >"$dir/config.lua" <<-END
		options.timeout = 60
		options.create = true
		options.subscribe = false
		options.certificates = false
		source = IMAP { server = 'localhost', port = $dovecot_starttls, username = '$name', password = 'pass' }
		target = IMAP { server = 'localhost', port = $exgate, username = 'bob@example.com', password = 'bobpass', ssl = 'auto' }
		for _, box in ipairs { 'INBOX', 'Two words', 'a/b/c' } do
		    source[box]:select_all():move_messages(target[box])
		end
	END
	HOME=$dir imapfilter -t "$ca" -c "$dir/config.lua"
}

mutt_run() { mutt_keys mutt; }
neomutt_run() { mutt_keys neomutt; }
mutt_keys() {
	local keys='' box
	for box in "${boxes[@]:1}"; do # neomutt copies nothing into a mailbox that is not there
		curl -sS --cacert "$ca" -u bob@example.com:bobpass -X "CREATE \"$box\"" "imaps://localhost:$exgate/" >/dev/null 2>&1 || true
	done
	cat >"$dir/rc" <<-END
		set folder="imaps://localhost:$exgate/" spoolfile="+INBOX"
		set imap_user=bob@example.com imap_pass=bobpass ssl_force_tls=yes ssl_ca_certificates_file=$ca
		set mbox_type=Maildir copy=no move=no delete=yes mark_old=no wait_key=no sleep_time=0
		set confirmappend=no confirmcreate=no tmpdir=$dir header_cache="" certificate_file=""
		set charset=utf-8 send_charset=utf-8 imap_keepalive=0 timeout=1 quit=yes beep=no
		bind editor <space> noop
	END
	for box in "${boxes[@]}"; do
		[ -n "$(find "$dir/mail/$box" -type f)" ] || continue # in an empty one the rest of the keys would be commands
		keys+="<change-folder>$dir/mail/$box<enter><tag-pattern>~A<enter><tag-prefix><save-message>+$box<enter><sync-mailbox>"
	done
	printf "push '%s<quit>'\n" "$keys" >>"$dir/rc"
	script -qefc "stty rows 24 cols 80; exec env TERM=xterm LC_ALL=C.UTF-8 $1 -n -F '$dir/rc'" /dev/null
}

# getmail refuses to run as root
getmail_run() {
	if [ ! -d "$dir/getmail" ]; then
		python3 "$here/upload.py" "$exgate" "$ca" "$dir/done" $kind || true
		mkdir -p "$dir/getmail/"{cur,new,tmp}
		cat >"$dir/getmail/getmailrc" <<-END
			[retriever]
			type = SimpleIMAPSSLRetriever
			server = localhost
			port = $exgate
			username = bob@example.com
			password = bobpass
			mailboxes = ALL
			ca_certs = $ca
			[destination]
			type = Maildir
			path = $dir/getmail/
			[options]
			read_all = false
			delivered_to = false
			received = false
		END
		chown -R nobody "$dir/getmail"
	fi
	runuser -u nobody -- getmail --getmaildir "$dir/getmail"
}
