# make test needs only Go; nothing is installed.

# Tools have the version that is written here, and change with a commit.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
FUZZTIME = 60s

.PHONY: dist dist-test build test demo check e2e e2e-self-test soak hostile schedules soak-self-test kill9 migration cluster handover clients libraries outage imapsync thunderbird fixspeed corpora fuzz bench bench-peers clean

build:
	go build -o exgate ./cmd/exgate

test:
	go test ./...

demo:
	go run ./cmd/exgate demo

# What must hold before a commit: modules as go.sum has them, format,
# generated files, vet on every system, staticcheck, lines of at most 120
# columns, no known vulnerability,
# race detector; that the benchmarks of the relay still run.
check:
	go mod verify
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "run gofmt -w on:" $$unformatted; exit 1; fi
	GOOS=linux go vet ./... ./testdata/e2e/load ./testdata/e2e/growth/... ./testdata/e2e/attacker ./testdata/e2e/libs/go-imap
	GOOS=darwin go vet ./...
	GOOS=windows go vet ./...
	go -C testdata/e2e/page vet ./...
	go run $(STATICCHECK) ./... ./testdata/e2e/load ./testdata/e2e/growth/... ./testdata/e2e/attacker ./testdata/e2e/libs/go-imap
	go -C dist vet ./...
	.ci/lines
	.ci/vulnerabilities $(GOVULNCHECK)
	go test -race -timeout 25m ./...
	go test -run '^$$' -bench 'Relay|Reader|Session|Noop|AppendToSink' -benchtime 1x ./proxy ./backend/wire

# Real clients through exgate; installs them from Debian.
e2e:
	./testdata/e2e/run
	./testdata/e2e/engine
	./testdata/e2e/replies
	./testdata/e2e/folders
	./testdata/e2e/stumbles
	./testdata/e2e/statuspage
	./testdata/e2e/migration
	PROFILE=exchange2007 MESSAGES=300 ./testdata/e2e/migration
	./testdata/e2e/survey
	./testdata/e2e/balancers
	./testdata/e2e/monitoring
	./testdata/e2e/cluster
	./testdata/e2e/handover

# That the comparison of the end-to-end tests finds what it should.
e2e-self-test:
	./testdata/e2e/run --self-test

# Five minutes of random faults of Exchange, then every mailbox compared;
# SOAK_SECONDS=30 is a short one, SOAK_SEED repeats one, PROFILE=exchange2003 is that of another Exchange.
soak:
	./testdata/e2e/soak

# Hostile clients and a hostile server among honest sessions.
hostile:
	./testdata/e2e/hostile

# 500 schedules of equal messages, cuts and a late server: nothing is lost, nothing
# is stored twice. EXGATE_SCHEDULE=17 repeats one.
schedules:
	EXGATE_SCHEDULES=500 go test -run TestExactlyOnce -v ./proxy

# That the comparison of the soak finds what it should.
soak-self-test:
	./testdata/e2e/soak --self-test

# exgate killed at 40 random moments of an APPEND, then in the midst of syncs;
# KILL_MOMENTS=200 is a long run, IMAPSYNC=/path/to/imapsync has it too.
kill9:
	KILL_MOMENTS=$${KILL_MOMENTS:-40} go test -count=1 -parallel 16 -run '^TestKill9' ./cmd/exgate
	./testdata/e2e/kill9
	PROFILE=exchange2007 CASES=offlineimap-after-ok ./testdata/e2e/kill9

# What nine clients bring into a simulated Exchange, as a table; some minutes.
# IMAPSYNC=/path/to/imapsync has it too.
clients:
	./testdata/e2e/clients

# Libraries of IMAP clients and what Exchange does that breaks them, without and with
# exgate. IMAPCLIENT=/path has Python's imapclient too, which Debian 12 does not have.
libraries:
	./testdata/e2e/libraries

# A migration of 50 mailboxes and 20,000 messages by several clients, with faults, a
# kill, a drain and a reload; then the ledger, the report, Exchange and the clients
# must agree. A quarter of an hour; IMAPSYNC=/path/to/imapsync has it too.
migration:
	MAILBOXES=$${MAILBOXES:-50} MESSAGES=$${MESSAGES:-20000} AT_ONCE=$${AT_ONCE:-6} ./testdata/e2e/migration

# What clients lose when Exchange cannot be reached in the midst of an APPEND; some
# minutes. IMAPSYNC=/path/to/imapsync has it too.
outage:
	./testdata/e2e/outage

# Three gateways behind HAProxy with one Redis: 300 sessions of 60 accounts for five
# minutes, with throttles, a Redis that is killed and comes back, and a gateway that is
# killed.
cluster:
	ACCOUNTS=60 SESSIONS=300 SECONDS_IN_ALL=300 ./testdata/e2e/cluster

# exgate hands over to a new exgate twenty times in a row, under load.
handover:
	TIMES=20 ./testdata/e2e/handover

# imapsync into every version of Exchange, by every form of login, and what
# arrives: IMAPSYNC=/path/to/imapsync, which Debian does not have.
imapsync:
	./testdata/e2e/imapsync $(IMAPSYNC)
	./testdata/e2e/imapsync-logins $(IMAPSYNC)

# Mail that others have collected through every stage and level of repair, read by
# three parsers before and after: DIR="MimeKit enmime", folders outside the repository.
corpora:
	./testdata/e2e/corpora $(DIR)

# exgate fix beside reformime on an mbox of 1 GB.
fixspeed:
	./testdata/e2e/fixspeed

# A real Thunderbird, without a window; CI leaves it out, for its size.
thunderbird:
	./testdata/e2e/thunderbird

# Every fuzz target for FUZZTIME each.
fuzz:
	@for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "== $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5s -parallel 1 $$package || exit 1; \
		done; \
	done

# exgate beside the other proxies of IMAP, as root on a quiet machine; BENCH names the folder of
# the load generator. Some 40 minutes; BENCH_TARGETS and BENCH_CASES choose less.
bench-peers:
	./testdata/e2e/bench-peers

bench:
	go test -run '^$$' -bench . -benchmem ./...

# Everything that is published, in out: archives, packages, an image, a bill of materials and
# checksums. The version comes from the tag or the commit. OUT names another directory.
OUT ?= $(CURDIR)/out
dist:
	cd dist && go run . -out "$(OUT)"

# That two builds in different places give the same bytes, and the life of the package in a bare
# Debian tree: installed, configured, upgraded, started by a systemd, removed, purged.
dist-test:
	./testdata/e2e/dist

clean:
	rm -rf out
	rm -f exgate exgate.exe
	go clean ./...
