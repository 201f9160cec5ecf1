// Package counters counts commands, messages, bytes and failures. Each session
// has counters of its own for its last log line; the gateway adds them up for its
// metrics. Package proxy and package delivery count, and package proxy reports
// the sums.
package counters

// The indices of Values. Names has the names in the same order.
const (
	ClientIn    = iota // bytes received from the client
	ClientOut          // bytes sent to the client
	UpstreamIn         // bytes received from Exchange
	UpstreamOut        // bytes sent to Exchange
	Direct             // commands relayed as they came
	Amended            // commands relayed with changes
	Owned              // commands that exgate carries out itself, such as APPEND
	Refused            // commands that exgate refused
	Stored             // messages that Exchange has stored
	TurnedAway         // messages that exgate or Exchange has refused
	Unknown            // messages of which it is not known whether they were stored
	Found              // messages that came again, and that Exchange had stored before
	Observed           // messages that mode observe has passed on
	WouldRepair        // of these, those that exgate would have repaired
	WouldRefuse        // of these, those that exgate would have refused
	WouldRename        // names of mailboxes that mode observe has passed on, and exgate would have changed
	WouldHide          // mailboxes that mode observe has shown, and exgate would have hidden
	WouldBar           // names of mailboxes that mode observe has passed on, and exgate would have refused
	Errors             // replies that count towards the ten errors after which Exchange closes a connection
	Resumed            // sessions resumed on a new connection after a loss
	Renewed            // connections left in time, before Exchange counts ten errors
	Parked             // connections given up to a waiting client
	Waited             // nanoseconds waited for the pace and for throttles
	end
)

// Names has the names of the counters in logs and metrics, without Waited, which
// is written as a duration.
var Names = [Waited]string{
	"client_in", "client_out", "upstream_in", "upstream_out",
	"commands_direct", "commands_amended", "commands_owned", "commands_refused",
	"messages_stored", "messages_refused", "messages_unknown", "messages_found",
	"messages_observed", "messages_would_repair", "messages_would_refuse",
	"names_would_rename", "names_would_hide", "names_would_refuse",
	"errors", "resumed", "renewed", "parked",
}

// Values has a value for each counter.
type Values [end]int64
