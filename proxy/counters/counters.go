// Package counters counts what sessions do, for their last log line and for
// the metrics of the gateway.
package counters

// The counters of a session that are added up for the whole gateway, in the
// order of counterNames.
const (
	ClientIn = iota
	ClientOut
	UpstreamIn
	UpstreamOut
	Direct
	Amended
	Owned
	Refused
	Stored
	TurnedAway
	Unknown
	Errors
	Resumed
	Renewed
	Parked
	Waited // nanoseconds
	end
)

// Names are the counters' names in logs, but for the time, which is
// written otherwise.
var Names = [Waited]string{
	"client_in", "client_out", "upstream_in", "upstream_out",
	"commands_direct", "commands_amended", "commands_owned", "commands_refused",
	"messages_stored", "messages_refused", "messages_unknown",
	"errors", "resumed", "renewed", "parked",
}

// Values are the values of the counters.
type Values [end]int64
