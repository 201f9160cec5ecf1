# Shared by the scripts here: packages, a private Dovecot, ports, processes
# and their end. Source it; it makes $tmp and sets the trap.
# shellcheck shell=bash

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034 # used by those who source this
root=$(cd "$here/../.." && pwd)
# Short and open to Dovecot's own users: it puts its sockets and mail here.
tmp=$(mktemp -d /tmp/exgate-e2e.XXXXXX)
chmod 755 "$tmp"
mkdir "$tmp/log"
export PYTHONDONTWRITEBYTECODE=1
started=() # process ids, in the order of their start
finished=

say() { printf '%s\n' "$*"; }
die() { printf 'e2e: %s\n' "$*" >&2; exit 1; }

stop() { # pid: ends that process, by force after 5 s, and awaits it
	local i
	kill "$1" 2>/dev/null || return 0
	for ((i = 0; i < 100; i++)); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.05
	done
	kill -9 "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

cleanup() {
	local status=$? i
	trap - EXIT INT TERM
	restore_policy
	for ((i = ${#started[@]} - 1; i >= 0; i--)); do stop "${started[i]}"; done
	if [ "$finished" != ok ] && [ -n "$(ls "$tmp/log")" ]; then
		for log in "$tmp"/log/*; do
			[ -s "$log" ] && tail -n 20 "$log" | sed "s,^,[${log##*/}] ," >&2
		done
		say "e2e: all of it is kept in $tmp" >&2
		[ "$status" -ne 0 ] || status=1
	elif [ "${KEEP:-}" ]; then
		say "kept in $tmp"
	else
		rm -rf "$tmp"
	fi
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Where a Debian system says which services a package may start.
policy=/usr/sbin/policy-rc.d policy_made=

need() { # package...: installs those that are missing; no service is started
	local p missing=()
	for p; do
		# shellcheck disable=SC2016 # ${Status} is dpkg's
		[[ $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null) == *' ok installed' ]] || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	[ -e $policy ] || { policy_made=1; printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; }
	{
		apt-get update -q && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -q --no-install-recommends "${missing[@]}"
	} >"$tmp/log/apt" 2>&1 || die "apt-get could not install ${missing[*]}"
	rm "$tmp/log/apt"
	restore_policy
}

restore_policy() {
	[ -z "$policy_made" ] || rm -f $policy
	policy_made=
}

build_exgate() { # $tmp/exgate, or the program that EXGATE names
	if [ "${EXGATE:-}" ]; then
		ln -s "$(realpath "$EXGATE")" "$tmp/exgate"
	else
		(cd "$root" && go build -o "$tmp/exgate" ./cmd/exgate)
	fi
}

# free_ports finds them below those that the kernel gives to connections: await_port
# could else connect to itself there, or another connection take the port first.
free_ports() { # n: that many ports of loopback that nobody listens on
	python3 - "$1" <<-'EOF'
		import random, socket, sys
		first = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])
		held = []
		while len(held) < int(sys.argv[1]):
		    try:
		        held.append(socket.create_server(("127.0.0.1", random.randrange(min(10000, first // 2), first))))
		    except OSError:
		        pass  # taken
		ports = [s.getsockname()[1] for s in held]
		for s in held:
		    s.close()  # before they are told: await_port would find this listener
		print(*ports)
	EOF
}

background() { # name command...: starts it, its output in $tmp/log/name
	local name=$1
	shift
	"$@" >"$tmp/log/$name" 2>&1 </dev/null &
	started+=("$!")
}

await_port() { # name port: until the process last started listens there
	local i pid=${started[-1]}
	for ((i = 0; i < 300; i++)); do
		(exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null && return 0
		kill -0 "$pid" 2>/dev/null || die "$1 ended before it listened on port $2"
		sleep 0.05
	done
	die "$1 does not listen on port $2 after 15 s"
}

# login_as user: the name by which that user logs in at the Exchange that PROFILE names: Exchange Online takes the
# address only
login_as() {
	case ${PROFILE:-} in
	exchange-online) say "$1@example.com" ;;
	*) say "$1" ;;
	esac
}

# below is what exgate puts before names of mailboxes at that Exchange: those of 2000 are below INBOX.
below() { [ "${PROFILE:-}" != exchange2000 ] || printf INBOX/; }

# simulated_exchange case [option...]: a fresh simulated Exchange, 2016 without PROFILE, that takes
# orders, in $tmp/case. Sets exchange, its port with TLS from the first byte,
# and exchange_pid.
simulated_exchange() {
	local name=$1
	shift
	read -r exchange < <(free_ports 1)
	mkfifo "$tmp/$name/orders"
	"$tmp/exgate" simulate --profile "${PROFILE:-exchange2016}" --control --listen-starttls '' --listen-implicit "127.0.0.1:$exchange" \
		--cert-out "$tmp/$name/exchange.pem" "$@" >"$tmp/log/$name-exchange" 2>&1 <>"$tmp/$name/orders" &
	exchange_pid=$!
	started+=("$exchange_pid")
	await_port "the simulated Exchange" "$exchange"
}

# order case words: an order for that case's Exchange, which answers it
order() {
	local i before
	before=$(wc -l <"$tmp/log/$1-exchange")
	printf '%s\n' "$2" >"$tmp/$1/orders"
	for ((i = 0; i < 500; i++)); do
		case $(tail -n "+$((before + 1))" "$tmp/log/$1-exchange" | grep -E -m1 '^(ordered|faults are off|stats|error:)') in
		error:*) die "the simulated Exchange does not know the order: $2" ;;
		?*) return 0 ;;
		esac
		sleep 0.01
	done
	die "the simulated Exchange does not answer the order: $2"
}

# gateway case: exgate before that case's Exchange. Sets exgate, its port with
# TLS from the first byte, and exgate_pid, which is in $tmp/case/pid too. The pace is
# not that of an Exchange: there is much to be sent.
gateway() {
	[ -f "$tmp/$1/exgate.yaml" ] || {
		read -r exgate < <(free_ports 1)
		cat >"$tmp/$1/exgate.yaml" <<-EOF
			state_dir: $tmp/$1/state
			listen:
			  implicit: 127.0.0.1:$exgate
			tls:
			  certificate_file: $tmp/cert.pem
			  key_file: $tmp/key.pem
			upstream:
			  address: 127.0.0.1:$exchange
			  ca_file: $tmp/$1/exchange.pem
			  server_name: localhost
			  profile: ${PROFILE:-exchange2016}
			  pace: {messages_per_second: 0}
		EOF
	}
	"$tmp/exgate" serve --config "$tmp/$1/exgate.yaml" >>"$tmp/log/$1-exgate" 2>&1 </dev/null &
	exgate_pid=$!
	echo "$exgate_pid" >"$tmp/$1/pid"
	started+=("$exgate_pid")
	await_port exgate "$exgate"
}

# offlineimap_rc metadata maildir port user ca [line...]: a configuration of offlineimap for a Maildir and an account of that
# port, with these lines about the account
offlineimap_rc() {
	cat <<-END
		[general]
		accounts = all
		metadata = $1
		socktimeout = 60
		[Account all]
		localrepository = near
		remoterepository = far
		[Repository near]
		type = Maildir
		localfolders = $2
		sep = /
		[Repository far]
		type = IMAP
		remotehost = localhost
		remoteport = $3
		remoteuser = $4
		remotepass = bobpass
		ssl = yes
		sslcacertfile = $5
		maxconnections = 1
	END
	shift 5
	[ $# = 0 ] || printf '%s\n' "$@"
}

# final_report config file: exgate report as JSON, once no message is on its way: the last rows go to the disk some 50 ms
# after the answers. Returns the status of exgate report.
final_report() {
	local status tries
	for ((tries = 0; tries < 100; tries++)); do
		status=0
		"$tmp/exgate" report --config "$1" --format json >"$2" || status=$?
		python3 -c 'import json, sys; sys.exit(any(a["pending"] for a in json.load(sys.stdin)["accounts"]))' <"$2" && break
		sleep 0.05
	done
	return "$status"
}

# certificates makes $tmp/ca.pem, and signed by it $tmp/cert.pem for localhost,
# key $tmp/key.pem; with the extensions that Python 3.13 insists on.
certificates() {
	local ec='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
	{
		# shellcheck disable=SC2086 # several words
		openssl req -x509 $ec -days 3 -subj '/CN=exgate e2e CA' -addext keyUsage=critical,keyCertSign -keyout "$tmp/ca.key" -out "$tmp/ca.pem"
		# shellcheck disable=SC2086
		openssl req $ec -subj /CN=localhost -keyout "$tmp/key.pem" -out "$tmp/csr.pem"
		openssl x509 -req -days 3 -in "$tmp/csr.pem" -CA "$tmp/ca.pem" -CAkey "$tmp/ca.key" -CAcreateserial \
			-extfile <(printf '%s\n' subjectAltName=DNS:localhost,IP:127.0.0.1 authorityKeyIdentifier=keyid) -out "$tmp/cert.pem"
	} 2>"$tmp/openssl" || { cat "$tmp/openssl" >&2; die "openssl could not make a certificate"; }
}

# dovecot_start [settings] runs a Dovecot of our own, with these lines of
# configuration besides: any user, password "pass", a mailbox per user in
# $tmp/mail. It sets dovecot_starttls (which also takes
# plain text, for seeding and looking) and dovecot_implicit. Its log tells a
# flag given with APPEND from one that came by STORE.
dovecot_start() {
	local d=$tmp/dovecot version
	version=$(dovecot --version)
	version=${version%%[- ]*}
	read -r dovecot_starttls dovecot_implicit < <(free_ports 2)
	mkdir -p "$d/state" "$tmp/mail"
	chown mail:mail "$tmp/mail"
	case $version in
	2.3.*) dovecot_2_3 ;;
	2.4.*) dovecot_2_4 ;;
	*) die "Dovecot $version: only the configuration of 2.3 and 2.4 is known here" ;;
	esac >"$d/dovecot.conf"
	cat >>"$d/dovecot.conf" <<-EOF
		base_dir = $d/run
		state_dir = $d/state
		log_path = $tmp/log/dovecot-errors
		info_log_path = $d/info
		protocols = imap
		listen = 127.0.0.1
		ssl = yes
		auth_mechanisms = plain login
		mail_fsync = never
		mail_uid = mail
		mail_gid = mail
		first_valid_uid = 1
		first_valid_gid = 1
		default_client_limit = 4000
		service imap-login {
		  inet_listener imap {
		    port = $dovecot_starttls
		  }
		  inet_listener imaps {
		    port = $dovecot_implicit
		    ssl = yes
		  }
		}
		# a wrong password is part of the test: no waiting after it
		auth_failure_delay = 0
		service anvil {
		  unix_listener anvil-auth-penalty {
		    mode = 0
		  }
		}
		${1:-}
	EOF
	background dovecot dovecot -F -c "$d/dovecot.conf"
	await_port dovecot "$dovecot_starttls"
	await_port dovecot "$dovecot_implicit"
}

dovecot_2_3() { # Debian 12
	cat <<-EOF
		ssl_cert = <$tmp/cert.pem
		ssl_key = <$tmp/key.pem
		disable_plaintext_auth = no
		mail_location = sdbox:~/sdbox
		mail_plugins = notify mail_log
		plugin {
		  mail_log_events = save flag_change
		  mail_log_fields = uid flags
		}
		passdb {
		  driver = static
		  args = password=pass
		}
		userdb {
		  driver = static
		  args = uid=mail gid=mail home=$tmp/mail/%u
		}
	EOF
}

dovecot_2_4() { # Debian 13
	cat <<-EOF
		dovecot_config_version = $version
		dovecot_storage_version = $version
		ssl_server_cert_file = $tmp/cert.pem
		ssl_server_key_file = $tmp/key.pem
		auth_allow_cleartext = yes
		mail_driver = sdbox
		mail_path = ~/sdbox
		mail_plugins = notify mail_log
		mail_log_events = save flag_change
		mail_log_fields = uid flags
		passdb static {
		  password = pass
		}
		userdb static {
		  fields {
		    uid = mail
		    gid = mail
		    home = $tmp/mail/%{user}
		  }
		}
	EOF
}
