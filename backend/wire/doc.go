// Package wire frames IMAP for a gateway: it finds the beginnings and ends of commands,
// responses and literals, and does not change their bytes.
//
// ResponseReader frames the responses of a server. It is liberal and passes everything
// on. CommandReader frames the commands of a client. It is strict, and accepts only lines
// that all parsers understand in the same way, so that a client cannot smuggle a command
// past the gateway.
//
// Both hold a buffer from a pool only while bytes are pending, because most connections
// of a mail gateway are idle.
package wire
