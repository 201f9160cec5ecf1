package proxy

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/config/profile"
	"exgate/proxy/amend"
	"exgate/proxy/replies"
	"exgate/proxy/testkit"
)

// heard is a client's connection that keeps what is written.
type heard struct {
	nowhere
	bytes.Buffer
	pieces int
}

func (h *heard) Write(p []byte) (int, error) {
	h.pieces++
	return h.Buffer.Write(p)
}

// cutAnywhere reads in pieces of random length.
type cutAnywhere struct {
	io.Reader
	rnd *rand.Rand
}

func (c cutAnywhere) Read(p []byte) (int, error) {
	most := []int{7, 300, 5000, 64 << 10}[c.rnd.IntN(4)]
	return c.Reader.Read(p[:min(len(p), 1+c.rnd.IntN(most))])
}

// relayOfFetch returns a relay to nc, with a FETCH in flight whose responses are edited.
func relayOfFetch(nc net.Conn, fixes backend.Replies, items string) *relay {
	c := &conn{
		srv: &Server{limits: defaultLimits}, log: slog.New(slog.DiscardHandler),
		client: clientSide{nc: nc, w: newClientWriter(nc, time.Minute, nil)},
		login:  &login{profile: &profile.Profile{Name: "exchange2016"}, edits: true, account: unpaced()},
	}
	f := replies.NewFetching("a1", "FETCH", fixes, "1:*", items, items, c.repaired, c.log)
	c.link.flight = []*command{{tag: "a1", verb: "FETCH", rule: ruleOf["FETCH"], Handling: amend.Handling{Editor: f}}}
	r := &relay{c: c}
	c.link.sink.Store(r)
	return r
}

// brokenStructures are broken responses, and their repaired forms.
var brokenStructures = []struct{ in, want string }{
	{"* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + " NIL \"inline\" NIL NIL) UID 7)\r\n",
		"* 1 FETCH (BODYSTRUCTURE " + testkit.TextPart + " NIL (\"inline\" NIL) NIL NIL) UID 7)\r\n"},
	{"* 1 FETCH (BODYSTRUCTURE (" + testkit.TextPart + " NIL NIL NIL NIL) \"mixed\" NIL \"S/MIME Encrypted Message\" NIL NIL))\r\n",
		"* 1 FETCH (BODYSTRUCTURE (" + testkit.TextPart + " NIL NIL NIL NIL) \"mixed\" NIL NIL NIL NIL))\r\n"},
	{"* 1 FETCH (ENVELOPE (NIL NIL ((\"a\" NIL \"b\" \"c\") (\"d\" NIL \"e\" \"f\")) NIL NIL NIL NIL NIL NIL NIL))\r\n",
		"* 1 FETCH (ENVELOPE (NIL NIL ((\"a\" NIL \"b\" \"c\")(\"d\" NIL \"e\" \"f\")) NIL NIL NIL NIL NIL NIL NIL))\r\n"},
}

// Repaired and unrepaired responses come in random order, and are read in pieces of random length. The client gets
// exactly these responses, in their order.
func TestRelayMixesEditedAndNot(t *testing.T) {
	clean := "* 1 FETCH (ENVELOPE " + testkit.Envelope + ")\r\n"
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var in, want strings.Builder
		for i := range 1 + rnd.IntN(400) {
			switch rnd.IntN(6) {
			case 0:
				in.WriteString(clean)
				want.WriteString(clean)
			case 1:
				body := strings.Repeat("x", rnd.IntN(9000))
				text := fmt.Sprintf("* %d FETCH (BODY[1] {%d}\r\n%s UID %d)\r\n", i+1, len(body), body, i+1)
				in.WriteString(text)
				want.WriteString(text)
			case 2:
				text := fmt.Sprintf("* %d EXISTS\r\n", i+1)
				in.WriteString(text)
				want.WriteString(text)
			default:
				s := brokenStructures[rnd.IntN(len(brokenStructures))]
				in.WriteString(s.in)
				want.WriteString(s.want)
			}
		}
		client := new(heard)
		r := relayOfFetch(client, backend.Replies{Structure: true}, "BODYSTRUCTURE")
		if err := relayAll(r, cutAnywhere{strings.NewReader(in.String()), rnd}); err != nil {
			t.Fatal(err)
		}
		if got := client.String(); got != want.String() {
			at := 0
			for at < min(len(got), want.Len()) && got[at] == want.String()[at] {
				at++
			}
			t.Fatalf("seed %d: differs at %d of %d: %.200q", seed, at, want.Len(), got[max(at-60, 0):])
		}
		if r.memory != nil || r.edited != nil || r.run != nil {
			t.Fatalf("seed %d: memory is kept", seed)
		}
	}
}

// Responses that need no repair are not copied, and several are written at once: a write for each would cost more than
// the repairs.
func TestRelayWritesCleanMessagesTogether(t *testing.T) {
	header := "Subject: x\r\nMessage-ID: <1@x>\r\n\r\n"
	in := strings.Repeat(fmt.Sprintf("* 1 FETCH (UID 7 BODY[HEADER] {%d}\r\n%s)\r\n", len(header), header), 500)
	client := new(heard)
	r := relayOfFetch(client, backend.Replies{Substitute: backend.SubstituteMark}, "BODY[]")
	if err := relayAll(r, strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	if client.String() != in || client.pieces > 4 {
		t.Errorf("%d bytes of %d in %d pieces", client.Len(), len(in), client.pieces)
	}
	f := wire.Fragment{Data: []byte("* 1 FETCH (UID 7)\r\n"), First: true, Last: true}
	if out, same := r.c.link.flight[0].Editor.Edit(nil, f); !same || out != nil {
		t.Errorf("%q, same: %v", out, same)
	}
}
