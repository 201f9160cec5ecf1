// Package wire frames IMAP: it finds where commands, responses and literals begin
// and end, without changing their bytes. It also parses and writes small elements
// of the syntax. Package backend, package proxy and its sub-packages use it.
//
// ResponseReader frames the responses of a server. It is liberal and refuses
// nothing. CommandReader and CheckLine frame the commands of a client. They are
// strict: they refuse a line whose end two servers could see differently, so that
// no client can smuggle a command past the gateway.
//
// A reader has a buffer from a pool while bytes are pending, and none while it
// waits, since most connections of a mail gateway are idle.
package wire
