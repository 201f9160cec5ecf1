// Package survey measures an Exchange server: for each quirk of docs/exchange.md it asks the server whether the quirk
// is there, and with which number.
//
// It needs a connection (backend) and what exgate assumes (config/profile, rewrite), and nothing of the gateway. The
// simulator knows nothing of it: package main turns an Evidence into a simulation.
//
//	Run            run.go       the order of everything: folder, probes, removal
//	table          probe.go     the probes, in the order of the run; each probes_*.go has those of one kind
//	surveyor.ask   session.go   one command: pace, throttle, budget of errors, connection
//	bisect         bisect.go    the largest number that the server takes
//	workspace      folder.go    the survey's own folders, and whether the mailbox has mail
//	Report         report.go    the findings for people
//	Settings       settings.go  the findings as configuration
//	Evidence       evidence.go  the findings as a file that can be sent, without names and addresses (redact.go)
//	State          state.go     the findings so far, for the next run
//	words          words.go     what the wire has said during a probe; overheard.go adds what comes between commands
package survey
