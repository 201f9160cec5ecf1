package amend

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/backend/wire"
	"exgate/config/profile"
	"exgate/proxy/mailbox"
	"exgate/proxy/names"
)

// desk is a Session without a client and without an Exchange. It notes what an editor does.
type desk struct {
	did     []string
	box     Mailbox
	replies []string // the tagged replies to Send, without their tags; OK after the last one
}

func (d *desk) Repaired(fix string)  { d.did = append(d.did, "fix "+fix) }
func (d *desk) Mailbox() Mailbox     { return d.box }
func (d *desk) Lost(err error) error { return err }
func (d *desk) Asks() bool           { return true }
func (d *desk) Say(format string, args ...any) error {
	d.did = append(d.did, "C< "+fmt.Sprintf(format, args...))
	return nil
}

func (d *desk) Send(pieces []Piece, how Handling) (reply Reply, err error) {
	d.did = append(d.did, "S> "+shown(pieces))
	line := "OK done"
	if len(d.replies) > 0 {
		line, d.replies = d.replies[0], d.replies[1:]
	}
	reply.Status, _ = wire.ParseStatus([]byte("a1 " + line + "\r\n"))
	if how.Finish != nil && how.Finish(reply).Hidden {
		d.did = append(d.did, "hidden "+reply.Status.Word)
	}
	return reply, nil
}

func (d *desk) Ask(reason string, _ func() *backend.Request) (wire.Status, error) {
	return wire.Status{}, errors.New("asked Exchange: " + reason)
}

func (d *desk) Read(reason string, request func() *backend.Request) (wire.Status, error) {
	return d.Ask(reason, request)
}

// shown writes a command in pieces, a literal after its length.
func shown(pieces []Piece) string {
	var b strings.Builder
	for _, p := range pieces {
		b.WriteString(p.Line)
		if p.Literal != nil {
			fmt.Fprintf(&b, "{%d}%s", len(p.Literal), p.Literal)
		}
	}
	return b.String()
}

// An editor needs no more of a session than Session has.
func TestEdit(t *testing.T) {
	mapping, err := names.New(folders.Options{Case: folders.Apart}, "alice")
	if err != nil {
		t.Fatal(err)
	}
	known := new(names.Known)
	list := folders.NewList("/")
	for _, name := range []string{"INBOX", "Work", "Old stuff", `quo"ted`} {
		list.Add(name)
	}
	known.Set(list)
	long := strings.TrimSuffix(strings.Repeat("1000000001,", MaxLine/8), ",")
	for _, tt := range []struct {
		line    string
		edits   *Edits
		replies []string
		want    []string // what the editor does, then the command that is sent, or the refusal
	}{
		{"NAMESPACE", &Namespace, nil, []string{"fix refusals", `C< * NAMESPACE (("" "/")) NIL NIL`, "C< a1 OK NAMESPACE completed."}},
		{"SELECT Work", &Select, nil, []string{"S> a1 SELECT Work"}},
		{"SELECT Work (CONDSTORE)", &Select, nil, []string{"fix refusals", "S> a1 SELECT Work"}},
		{`SELECT "quo\"ted"`, &Select, nil, []string{`S> a1 SELECT {7}quo"ted`}},
		{"STATUS Work (MESSAGES SIZE)", &Status, nil, []string{"fix refusals", "S> a1 STATUS Work (MESSAGES)"}},
		{"STATUS Work (SIZE)", &Status, nil, []string{"fix refusals", "BAD Exchange does not know SIZE, and would count it as an error"}},
		{"ID ()", &ID, nil, []string{"S> a1 ID NIL"}},
		{"ENABLE UTF8=ACCEPT", &Enable, nil, []string{"fix refusals", "C< * ENABLED", "C< a1 OK ENABLE completed: the server has nothing to enable"}},
		{"SEARCH CHARSET UTF-8 FROM a@b", &Search, nil, []string{"fix search-charset", "fix search-from", `S> a1 SEARCH CHARSET US-ASCII OR FROM "a@b" HEADER FROM "a@b"`}},
		{`STORE 1 +FLAGS (\Seen other)`, &Store, nil, []string{"fix refusals", `S> a1 STORE 1 +FLAGS (\Seen)`}},
		{"UID COPY 1:60 Work", &Copy, []string{"NO it is full"}, []string{"S> a1 UID COPY 1:60 Work", "hidden NO", "C< a1 NO it is full"}},
		{"FETCH " + long + " (FLAGS)", &Fetch, []string{"OK done", "NO not now"}, []string{"fix long-sets", "S> a1 FETCH 10…", "hidden OK", "S> a1 FETCH 10…"}},
	} {
		t.Run(tt.line[:min(len(tt.line), 30)], func(t *testing.T) {
			d := &desk{replies: tt.replies, box: Mailbox{View: mailbox.View{PermanentFlags: []string{`\Seen`}, Exists: 3}}}
			verb, args := wire.SplitVerb(tt.line)
			cmd := &Command{
				Tag: "a1", Verb: verb, Edits: tt.edits, Session: d,
				Login: Login{
					Profile: &profile.Profile{Name: "exchange2007", Replies: backend.AllReplies()}, Names: mapping, Known: known,
					Capabilities: []string{"IMAP4rev1", "ID", "IDLE"}, Log: slog.New(slog.DiscardHandler),
				},
			}
			cmd.AddLine("a1 "+tt.line, args, nil)
			done, err := cmd.Edit()
			var refused Refusal
			switch {
			case errors.As(err, &refused):
				d.did = append(d.did, string(refused))
			case err != nil:
				t.Fatal(err)
			case !done:
				d.did = append(d.did, "S> "+shown(cmd.Pieces()))
			}
			for i, line := range d.did {
				if len(line) > MaxLine+len("S> ") {
					t.Errorf("a line of %d bytes was sent", len(line))
				}
				if len(line) > 200 {
					d.did[i] = line[:len("S> a1 FETCH 10")] + "…"
				}
			}
			if !slices.Equal(d.did, tt.want) {
				t.Errorf("did %q, want %q", d.did, tt.want)
			}
		})
	}
}
