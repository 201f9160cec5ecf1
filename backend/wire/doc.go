// Package wire frames IMAP as a gateway needs it: it finds where commands,
// responses and literals begin and end, and leaves their bytes alone.
//
// ResponseReader frames what a server says, liberally: whatever arrives is
// handed on. CommandReader frames what a client says, strictly: only what all
// readers of the line would understand alike passes, so that nothing can be
// smuggled past the gateway.
//
// Both hold a buffer from a pool while bytes are pending and none while they
// wait, since most connections of a mail gateway idle.
package wire
