package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"exgate/backend/wire"
	"exgate/proxy/trace"
)

// clientSide is the client's side of a session. It belongs to serve. Only
// deadlines are shared: they are set with link.mu held.
type clientSide struct {
	listener Listen
	tcp      net.Conn // the client's socket
	nc       net.Conn // tcp itself, or TLS over it
	r        *wire.CommandReader
	w        *clientWriter
	trace    *trace.Session
	secure   bool                   // nc is TLS
	began    time.Time              // time of connecting
	within   bool                   // the client has sent a part of a command
	program  atomic.Pointer[string] // name and version by the client's last ID; nil: it has sent none
	received atomic.Int64           // bytes from the client
	answered int64                  // of received, when the last APPEND was answered: what had come before is no proof
	ended    error                  // how the connection ended after BYE; nil: see the end of the session
	read     bool                   // the client has read all that it was sent, before it closed the connection
}

// canLogin reports whether the connection may carry a password.
func (s *clientSide) canLogin() bool {
	return s.secure || s.listener == ListenInsecurePlaintext
}

// isTLSHello reports whether the client begins TLS where none is spoken: the first
// byte of a handshake record (RFC 8446 section 5.1).
func (s *clientSide) isTLSHello() bool {
	p := s.r.Peek()
	return !s.secure && len(p) > 0 && p[0] == 0x16
}

// certificate returns the SHA-256 of the certificate that the client gave in the TLS
// handshake, in lower-case hexadecimal; "" if it gave none.
func (s *clientSide) certificate() string {
	secured, ok := s.nc.(*wire.TLS)
	if !ok {
		return ""
	}
	certs := secured.ConnectionState().PeerCertificates
	if len(certs) == 0 {
		return ""
	}
	sum := sha256.Sum256(certs[0].Raw)
	return hex.EncodeToString(sum[:])
}

// begins returns how many bytes of the client come before the next one that is read.
func (s *clientSide) begins() int64 { return s.received.Load() - int64(s.r.Buffered()) }

// hasRead reports whether the client has read all that it was sent, at the end of its
// session. It has closed the connection, its machine had acknowledged everything before, and
// the end is no reset: a system resets a connection that a program closes, or dies with,
// before it has read everything (RFC 1122 section 4.2.2.13, RFC 2525 section 2.17).
func (s *clientSide) hasRead(end error) bool {
	if !errors.Is(end, io.EOF) && !errors.Is(end, io.ErrUnexpectedEOF) {
		return false
	}
	arrived := arrivals(s.tcp)
	return arrived != nil && arrived()
}

// maxProgram limits the name and version of a client that a session remembers, in bytes.
const maxProgram = 80

// noteProgram remembers the name and the version of the client from the arguments of its ID (RFC 2971 section 3.3).
func (s *clientSide) noteProgram(args *wire.Args) {
	args.Space()
	fields, ok := args.Strings()
	if !ok {
		return
	}
	var name, version string
	for i := 0; i+1 < len(fields); i += 2 {
		switch value := fields[i+1]; {
		case strings.EqualFold(value, "NIL"):
		case strings.EqualFold(fields[i], "name"):
			name = value
		case strings.EqualFold(fields[i], "version"):
			version = value
		}
	}
	program := strings.TrimSpace(plainText(name) + " " + plainText(version))
	for len(program) > maxProgram {
		_, size := utf8.DecodeLastRuneInString(program)
		program = program[:len(program)-size]
	}
	if program != "" {
		s.program.Store(&program)
	}
}
