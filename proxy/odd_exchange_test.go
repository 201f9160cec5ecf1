package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"exgate/backend/wire"
	"exgate/proxy/testkit"
)

// oddServer stands between a gateway and a simulated Exchange, and does to the replies what real servers were seen
// to do. Which fault befalls which reply is said by bytes; without bytes left, replies pass.
type oddServer struct {
	t       *testing.T
	l       *net.TCPListener
	to      string // the simulated Exchange
	serving sync.WaitGroup

	mu     sync.Mutex
	bytes  []byte
	armed  bool
	struck []string // the faults that have struck
}

func startOddServer(t *testing.T, to string, faults []byte) *oddServer {
	t.Helper()
	o := &oddServer{t: t, l: testkit.Listen(t), to: to, bytes: faults}
	o.serving.Go(func() {
		for {
			nc, err := o.l.Accept()
			if err != nil {
				return
			}
			o.serving.Go(func() { o.relay(nc) })
		}
	})
	return o
}

func (o *oddServer) stop() {
	o.l.Close()
	o.serving.Wait()
}

// arm begins with the faults.
func (o *oddServer) arm() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.armed = true
}

// next returns what befalls the next reply; nil: nothing.
func (o *oddServer) next() *oddity {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.armed || len(o.bytes) == 0 {
		return nil
	}
	b := int(o.bytes[0])
	o.bytes = o.bytes[1:]
	if b >= len(oddities) {
		return nil
	}
	return &oddities[b]
}

func (o *oddServer) note(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.struck = append(o.struck, name)
}

// relay serves a connection of the gateway.
func (o *oddServer) relay(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", o.to)
	if err != nil {
		o.t.Error(err)
		return
	}
	defer far.Close()
	var literal atomic.Bool // the gateway sends a literal, or waits for its "+"
	var up sync.WaitGroup
	up.Go(func() {
		defer far.(*net.TCPConn).CloseWrite()
		r := bufio.NewReader(near)
		for {
			line, err := r.ReadSlice('\n')
			if err != nil && err != bufio.ErrBufferFull {
				far.Write(line)
				return
			}
			literal.Store(bytes.HasSuffix(line, []byte("}\r\n")))
			if _, err := far.Write(line); err != nil {
				return
			}
		}
	})
	defer up.Wait()
	defer near.Close()
	r := wire.NewResponseReader(far)
	defer r.Release()
	var reply []byte
	for {
		for f, ok := r.Scan(); ok; f, ok = r.Scan() {
			if reply = append(reply, f.Data...); !f.Last {
				continue
			}
			said, ends := reply, false
			if odd := o.next(); odd != nil {
				if made, end, ok := odd.of(string(reply), f.Kind, literal.Load()); ok {
					said, ends = []byte(made), end
					o.note(odd.name)
				}
			}
			if _, err := near.Write(said); err != nil || ends {
				return
			}
			reply = reply[:0]
		}
		if r.Fill() != nil {
			return
		}
	}
}

// oddity is something that real servers were seen to do.
type oddity struct {
	name string
	// of returns what is sent in place of a reply, and whether the connection ends with it. ok is false if the oddity
	// cannot befall the reply. literal says that the server waits for a literal, or reads one.
	of func(reply string, kind wire.Kind, literal bool) (said string, ends, ok bool)
}

const bare = "Server Unavailable. 15\r\n"

var (
	textLines = regexp.MustCompile(`"7bit" (\d+) \d+`)
	noDisp    = regexp.MustCompile(`"7bit" (\d+) (\d+) NIL NIL NIL NIL\)`)
	copyUID   = regexp.MustCompile(`\[COPYUID (\d+) [^\]]*\] `)
)

// rewritten is an oddity that replaces a pattern.
func rewritten(name string, pattern *regexp.Regexp, with string) oddity {
	return oddity{name, func(reply string, kind wire.Kind, _ bool) (string, bool, bool) {
		if kind != wire.Untagged && pattern != copyUID || strings.Contains(reply, "BODY[") {
			return "", false, false
		}
		made := pattern.ReplaceAllString(reply, with)
		return made, false, made != reply
	}}
}

// before is an oddity that puts a line before a reply. Untagged data does not come while a literal goes up.
func before(name, line string) oddity {
	return oddity{name, func(reply string, kind wire.Kind, literal bool) (string, bool, bool) {
		return line + reply, false, !literal && kind != wire.Continuation
	}}
}

// instead is an oddity that takes the place of a tagged reply.
func instead(name string, ends bool, say func(tag string) string) oddity {
	return oddity{name, func(reply string, kind wire.Kind, literal bool) (string, bool, bool) {
		tag, _, _ := strings.Cut(reply, " ")
		return say(tag), ends, kind == wire.Tagged
	}}
}

// oddities has the sources in docs/exchange.md, by the quirks named here.
var oddities = []oddity{
	{"blank at the end", func(reply string, kind wire.Kind, _ bool) (string, bool, bool) { // EX-71
		return strings.TrimSuffix(reply, "\r\n") + " \r\n", false, kind == wire.Untagged
	}},
	{"blanks after the first word", func(reply string, kind wire.Kind, _ bool) (string, bool, bool) {
		return strings.Replace(reply, " ", "   ", 1), false, kind != wire.Continuation
	}},
	{"blank before", func(reply string, kind wire.Kind, _ bool) (string, bool, bool) {
		return " " + reply, false, kind != wire.Continuation
	}},
	before("empty line", "\r\n"),                                 // EX-72
	before("CAPABILITY completed.", "CAPABILITY completed.\r\n"), // EX-72
	before("unasked +", "+ idling\r\n"),
	before("EXISTS", "* 3 EXISTS\r\n"),                                   // untagged data at any time; there are three messages, or more
	before("message above EXISTS", "* 99999 FETCH (FLAGS (\\Seen))\r\n"), // EX-79
	before("empty COPYUID", "[COPYUID 14  ]\r\n"),                        // EX-75
	{"name with quotes", func(reply string, kind wire.Kind, _ bool) (string, bool, bool) {
		return `* LIST (\HasNoChildren) "/" "say "odd" name"` + "\r\n" + reply, false, strings.HasPrefix(reply, "* LIST ")
	}},
	{"name with a TAB", func(reply string, kind wire.Kind, _ bool) (string, bool, bool) { // EX-21
		return "* LIST () \"/\" INBOX/Da\tOggetto\r\n" + reply, false, strings.HasPrefix(reply, "* LIST ")
	}},
	before("BYE", "* BYE Connection closed. 14\r\n"),
	instead("refused without a tag", false, func(string) string { return bare }), // EX-73
	instead("refused without a tag, repeated", false, func(string) string { return bare + bare + bare }),
	instead("refused without a tag, closed", true, func(string) string { return bare }),
	instead("BYE with the tag", true, func(tag string) string { return tag + " BYE Connection closed. 14\r\n" }),
	instead("BYE 13", true, func(string) string { return "* BYE Connection is closed. 13\r\n" }),
	instead("nothing", true, func(string) string { return "" }),
	{"silence", func(_ string, kind wire.Kind, _ bool) (string, bool, bool) { return "", false, kind == wire.Tagged }},
	{"half a reply", func(reply string, _ wire.Kind, _ bool) (string, bool, bool) { return reply[:len(reply)/2], true, true }},
	{"diagnostics", func(reply string, kind wire.Kind, _ bool) (string, bool, bool) { // EX-23
		return strings.Replace(reply, " OK ", ` OK [Error="x [y]" Proxy=h:1993:SSL] `, 1), false,
			kind == wire.Tagged && strings.Contains(reply, " OK ") && !strings.Contains(reply, "[")
	}},
	{"short literal", func(reply string, _ wire.Kind, _ bool) (string, bool, bool) {
		at := strings.Index(reply, "}\r\n")
		isText := at > 0 && strings.Contains(reply[:at], "BODY[") && len(reply) > at+10
		if !isText {
			return "", false, false
		}
		return reply[:at+3] + reply[at+6:], false, true
	}},
	{"hole", func(reply string, kind wire.Kind, _ bool) (string, bool, bool) { // EX-78
		return "", false, kind == wire.Untagged && strings.Contains(reply, " FETCH (") && strings.Contains(reply, "BODY[")
	}},
	rewritten("lines of -1", textLines, `"7bit" $1 -1`),                                                            // EX-74
	rewritten("size of -1", textLines, `"7bit" -1 0`),                                                              // EX-74
	rewritten("encoding NIL", textLines, `NIL $1 0`),                                                               // EX-41
	rewritten("encoding with a blank", textLines, `"base64 " $1 0`),                                                // EX-74
	rewritten("bare disposition", noDisp, `"7bit" $1 $2 NIL "inline" NIL NIL)`),                                    // EX-24
	rewritten("odd disposition", noDisp, `"7bit" $1 $2 NIL "S/MIME Encrypted Message" NIL NIL)`),                   // EX-40
	rewritten("bare parameters", noDisp, `"7bit" $1 $2 NIL "attachment" ("filename" "x.txt" "size" NIL) NIL NIL)`), // EX-74
	rewritten("disposition of NILs", noDisp, `"7bit" $1 $2 NIL (NIL NIL) NIL NIL)`),                                // EX-74
	rewritten("COPYUID without UIDs", copyUID, "[COPYUID $1  ] "),                                                  // EX-75
}

// String names the faults that have struck, for a failing test.
func (o *oddServer) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return fmt.Sprintf("what was done to replies: %q", o.struck)
}
