# Shared by imapsync and kill9, after lib.sh: running imapsync, which $imapsync
# names, and reading what it has brought.
# shellcheck shell=bash

# What Debian has of what imapsync uses.
# shellcheck disable=SC2034 # used by those who source this
imapsync_needs=(perl libmail-imapclient-perl libencode-imaputf7-perl libfile-copy-recursive-perl libio-tee-perl
	libreadonly-perl libregexp-common-perl libsys-meminfo-perl libterm-readkey-perl libunicode-string-perl
	libfile-tail-perl libdigest-hmac-perl libio-socket-inet6-perl libio-socket-ssl-perl)

# sync log option...: one run of imapsync, its summary printed
sync() {
	local log=$1 status=0
	shift
	say "  imapsync ${*//$tmp/TMP}"
	# shellcheck disable=SC2154 # set by those who source this
	timeout -k 5 600 perl "$imapsync" --nolog --noreleasecheck --nomodulesversion --tmpdir "$tmp" \
		--pidfile "$log.pid" --ssl1 --ssl2 --host1 localhost --host2 localhost "$@" >"$log" 2>&1 </dev/null || status=$?
	sed -n -E 's/^(Messages (transferred|skipped|found in host1 not in host2) +:.*|Total bytes (transferred|skipped) +:.*|Detected [0-9]+ errors.*|Exiting with return value.*|Err [0-9]+\/[0-9]+:.{0,160}).*/    \1/p' "$log"
	say "    exit status $status"
}

# take port ca user password [below]: a mailbox as JSON, its folders by their names behind below
# shellcheck disable=SC2154 # set by lib.sh
take() { python3 "$here/migrated.py" take "$@" || die "cannot read $3's mailbox"; }
