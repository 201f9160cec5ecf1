// Package cluster keeps in Redis or Valkey what several gateways know together, so that they keep to the limits of one.
//
// Without a cluster, the same state is in the memory of each gateway, behind the same interfaces (backend.Keeper,
// backend.Meter, backend.Alarm). docs/design.md#several-gateways has the keys, the scripts and what happens when Redis
// is lost.
//
//	cluster.go   the connection to Redis: heartbeats, what is done when Redis is lost and when it is back
//	scripts.go   the Lua scripts, and the keys
//	accounts.go  the accounts of an upstream: their throttles
//	meter.go     their paces
//	slots.go     the slots of an upstream
//	local.go     the part of a pace that a gateway without Redis keeps to
//	equals.go    equal messages that are on their way at the same time
//	news.go      what other gateways tell
//	chores.go    what may be told to Redis later
package cluster
