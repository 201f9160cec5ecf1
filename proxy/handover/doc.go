// Package handover lets a new exgate take the place of a running one, without a client that is refused.
//
// The old process starts the new one (Start), which gets its listening sockets as file descriptors, and a socket pair
// on which the two talk:
//
//	old to new  the names of the sockets
//	new to old  ready, or why it does not start
//	old to new  go: the old one accepts no more clients
//
// A client that connects between "ready" and "go" waits in the queue of the listening socket. The new process accepts
// it after "go". The old one drains meanwhile. When it ends, the system closes its end of the socket pair, and the new
// one learns of it. If the new process ends before it is ready, the old one has changed nothing.
//
// While the old process drains, a Forerunner at the new one keeps the accounts apart: a message of an account waits
// until the old process has no session of the account any more.
//
// Windows has neither the signals nor the sockets for this. There, Start fails.
package handover
