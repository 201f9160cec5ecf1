package cluster

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

// Each script is run by Redis as one step: no other gateway comes between.
var (
	//go:embed lua/prelude.lua
	prelude string
	//go:embed lua/beat.lua
	beatSource string
	//go:embed lua/take.lua
	takeSource string
	//go:embed lua/slow.lua
	slowSource string
	//go:embed lua/raise.lua
	raiseSource string
	//go:embed lua/slots.lua
	slotsSource string

	//go:embed lua/failures.lua
	failures string
	//go:embed lua/enter.lua
	enterSource string
	//go:embed lua/leave.lua
	leaveSource string
	//go:embed lua/failed.lua
	failedSource string
	//go:embed lua/learn.lua
	learnSource string
	//go:embed lua/prove.lua
	proveSource string
	//go:embed lua/miss.lua
	missSource string
	//go:embed lua/poison.lua
	poisonSource string
	//go:embed lua/poisons.lua
	poisonsSource string
	//go:embed lua/form.lua
	formSource string
	//go:embed lua/doubt.lua
	doubtSource string
	//go:embed lua/attempt.lua
	attemptSource string
	//go:embed lua/look.lua
	lookSource string
	//go:embed lua/settle.lua
	settleSource string
	//go:embed lua/uids.lua
	uidsSource string
	//go:embed lua/told.lua
	told string
	//go:embed lua/equals.lua
	equalMessages string
	//go:embed lua/begin.lua
	beginSource string
	//go:embed lua/equal.lua
	equalSource string
	//go:embed lua/ended.lua
	endedSource string
	//go:embed lua/budgets.lua
	budgets string
	//go:embed lua/spend.lua
	spendSource string
	//go:embed lua/spent.lua
	spentSource string

	beatScript    = redis.NewScript(prelude + beatSource)
	takeScript    = redis.NewScript(prelude + takeSource)
	slowScript    = redis.NewScript(prelude + slowSource)
	raiseScript   = redis.NewScript(prelude + raiseSource)
	slotsScript   = redis.NewScript(prelude + slotsSource)
	enterScript   = redis.NewScript(prelude + failures + enterSource)
	leaveScript   = redis.NewScript(prelude + failures + leaveSource)
	failedScript  = redis.NewScript(prelude + failures + failedSource)
	learnScript   = redis.NewScript(prelude + failures + learnSource)
	proveScript   = redis.NewScript(proveSource)
	missScript    = redis.NewScript(missSource)
	poisonScript  = redis.NewScript(prelude + poisonSource)
	poisonsScript = redis.NewScript(prelude + poisonsSource)
	formScript    = redis.NewScript(formSource)
	doubtScript   = redis.NewScript(doubtSource)
	attemptScript = redis.NewScript(prelude + told + attemptSource)
	lookScript    = redis.NewScript(prelude + lookSource)
	settleScript  = redis.NewScript(prelude + told + settleSource)
	uidsScript    = redis.NewScript(prelude + told + uidsSource)
	beginScript   = redis.NewScript(prelude + equalMessages + beginSource)
	equalScript   = redis.NewScript(prelude + told + equalMessages + equalSource)
	endedScript   = redis.NewScript(prelude + told + endedSource)
	spendScript   = redis.NewScript(prelude + budgets + spendSource)
	spentScript   = redis.NewScript(prelude + budgets + spentSource)
)

// keys are the names of the data in Redis. All have the cluster's name in braces, which keeps them on one node of a
// Redis Cluster.
type keys struct{ prefix string }

func newKeys(cluster string) keys { return keys{"{" + cluster + "}:"} }

func (k keys) gateways() string { return k.prefix + "gateways" } // ids by the time of the last heartbeat
func (k keys) born() string     { return k.prefix + "born" }     // when the data began
func (k keys) news() string     { return k.prefix + "news" }     // the channel

// account has the throttle and the paces of an account. name is that of account.name.
func (k keys) account(name string) string { return k.prefix + "account:" + name }

// upstream has the paces of all accounts of an upstream.
func (k keys) upstream(name string) string { return k.prefix + "upstream:" + name }

// slots has the number of slots that each gateway has of an account or a login, which kind says.
func (k keys) slots(upstream, kind, name string) string {
	return k.prefix + "slots:" + upstream + " " + kind + " " + name
}

// failures has the counts of failed logins.
func (k keys) failures() string { return k.prefix + "failures" }

// pending has the logins without an outcome that belong to a count. hash is Cluster.hash.
func (k keys) pending(hash string) string { return k.prefix + "pending:" + hash }

// known is there if an account has logged in at an address.
func (k keys) known(hash string) string { return k.prefix + "known:" + hash }

// proof has the failures with a password that was accepted.
func (k keys) proof(hash string) string { return k.prefix + "proof:" + hash }

// poisons has the messages that are never sent again, by the time when that was found.
func (k keys) poisons() string { return k.prefix + "poisons" }

// form has the form of login of an account.
func (k keys) form(hash string) string { return k.prefix + "form:" + hash }

// message has the attempts to store a message in a mailbox.
func (k keys) message(hash string) string { return k.prefix + "message:" + hash }

// equal has the APPENDs of messages with the same Message-ID or the same other fields.
func (k keys) equal(hash string) string { return k.prefix + "equal:" + hash }

// uids has the UIDs that gateways were told of a mailbox, by the time when they were told.
func (k keys) uids(hash string) string { return k.prefix + "uids:" + hash }

// budget has what an account, or all accounts of an upstream, have used in 24 hours.
func (k keys) budget(name string) string { return k.prefix + "budget:" + name }
