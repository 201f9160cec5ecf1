package amend

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/replies"
)

// copiedAtOnce is the number of messages of a part of a COPY that Exchange answered
// with "Server Unavailable. 15" as a whole. Parts of 50 worked where a large COPY did
// not (docs/exchange.md#ex-80).
const copiedAtOnce = 50

// maxParted limits the messages of a COPY that is sent again in parts. exgate keeps
// their numbers.
const maxParted = 200_000

// partwise is a COPY, UID MOVE or UID EXPUNGE that is sent once for each part of its
// set. The client gets one tagged reply.
type partwise struct {
	cmd      *Command
	pieces   []Piece // of the whole command
	from, to int     // where the set stands in the first piece
	left     []string
	isCut    bool // the server has refused a part for its number of messages
	done     int  // parts that were answered OK
	copied   replies.CopyUID
}

// sendParts sends a command once for each part of its message set, one after the
// other, and stops at the first refusal. done is false for a command that is to be sent as a whole.
func (cmd *Command) sendParts(set string) (done bool, err error) {
	p := &partwise{cmd: cmd, pieces: cmd.Pieces()}
	p.from = strings.Index(p.pieces[0].Line, " "+set) + 1
	p.to = p.from + len(set)
	p.left = []string{set}
	if length := LengthOf(p.pieces); length > MaxLine {
		room := MaxLine - (length - len(set))
		if room < minSetPart {
			return false, nil // something else than the set makes it long
		}
		cmd.Session.Repaired("long-sets")
		p.left = replies.SplitSet(set, room)
	}
	return true, p.sendAll()
}

// sendAll sends the command for each part that is left.
func (p *partwise) sendAll() error {
	cmd, expunges := p.cmd, p.cmd.Session.Mailbox().Expunged
	for {
		if p.isCut { // a large part would be refused too, on two connections
			if _, err := p.cut(); err != nil {
				return cmd.Session.Lost(err)
			}
		}
		status, err := p.send(p.left[0])
		if err != nil || status.Word == "" { // lost: the client has its answer
			return err
		}
		switch {
		case status.Word == "OK":
			p.left = p.left[1:]
			p.done++
			p.copied.Add(status)
		case strings.HasSuffix(cmd.Verb, "COPY") && backend.Classify(status).Kind == backend.KindUnavailable:
			if p.isCut, err = p.cut(); err != nil {
				return cmd.Session.Lost(err)
			}
			if !p.isCut {
				return p.answer(wire.Status{Word: "NO", Code: "OVERQUOTA", Text: backend.Classify(status).ClientText()})
			}
			cmd.Session.Repaired("long-sets")
		default:
			return p.answer(status)
		}
		if len(p.left) == 0 {
			return p.answer(status)
		}
		if cmd.Verb == "COPY" && cmd.Session.Mailbox().Expunged != expunges {
			return p.answer(wire.Status{Word: "NO", Code: "EXPUNGEISSUED", Text: renumbered})
		}
	}
}

// send sends the command for a part of the set, and returns Exchange's reply, which
// the client does not get. The status is empty if the client has been answered.
func (p *partwise) send(set string) (status wire.Status, err error) {
	pieces := slices.Clone(p.pieces)
	line := pieces[0].Line
	pieces[0].Line = line[:p.from] + set + line[p.to:]
	how := Handling{Editor: p.cmd.Editor, Mailbox: p.cmd.Mailbox}
	how.Finish = func(r Reply) replies.Verdict { // it is not called if the client is told of an earlier refusal
		status = r.Status
		return replies.Verdict{Hidden: true}
	}
	_, err = p.cmd.Session.Send(pieces, how)
	return status, err
}

// answer gives the client the reply to the whole command. A refusal says how much
// was done before it: a COPY in parts cannot be undone.
func (p *partwise) answer(status wire.Status) error {
	code := status.Code
	if status.Word == "OK" && p.done > 0 {
		code = p.copied.Code(code)
	}
	if code == "" && p.cmd.Login.Profile.Replies.StatusCodes {
		code = replies.CodeFor(status)
	}
	if code != "" {
		code = "[" + code + "] "
	}
	more := ""
	if status.Word != "OK" && p.done > 0 {
		more = fmt.Sprintf(" (exgate sent the command in parts, and the server took %d of them before: look "+
			"before you repeat it)", p.done)
	}
	return p.cmd.Session.Say("%s %s %s%s%s", p.cmd.Tag, status.Word, code, status.Text, more)
}

// cut puts smaller parts in place of the next one. ok reports whether that had more
// than copiedAtOnce messages.
func (p *partwise) cut() (ok bool, err error) {
	smaller, err := p.smaller(p.left[0])
	if len(smaller) < 2 {
		return false, err
	}
	p.left = slices.Replace(p.left, 0, 1, smaller...)
	return true, err
}

// smaller returns a set in parts of copiedAtOnce messages. The parts together are the
// whole set, even if Exchange does not name each message of it when it is asked for their
// UIDs.
func (p *partwise) smaller(set string) (list []string, err error) {
	if most(set) <= copiedAtOnce {
		return nil, nil
	}
	var there []uint32 // the messages of the set, in order
	last := p.cmd.Session.Mailbox().Exists
	if strings.HasPrefix(p.cmd.Verb, "UID") {
		if there, err = p.uids(set); err != nil || len(there) == 0 {
			return nil, err
		}
		last = there[len(there)-1]
	}
	spans, ok := replies.ParseSet(set, last)
	if !ok || last > maxParted && there == nil {
		return nil, nil
	}
	if there == nil {
		for _, s := range spans {
			for n := s.From; n <= min(s.To, last); n++ {
				there = append(there, n)
			}
		}
	}
	var behind []uint32
	for i := copiedAtOnce; i < len(there); i += copiedAtOnce {
		behind = append(behind, there[i-1])
	}
	return replies.CutSet(spans, behind), nil
}

// uids asks Exchange for the UIDs of a set, and returns them in order. It uses FETCH,
// since the one line of a SEARCH would be too long.
func (p *partwise) uids(set string) (list []uint32, err error) {
	status, err := p.cmd.Session.Read("exgate copies the messages in parts", func() *backend.Request {
		list = nil
		req := backend.NewRequest("UID FETCH").Raw(set).Raw("(UID)")
		req.Untagged = func(line []byte) bool {
			_, rest, ok := strings.Cut(string(line), " FETCH (UID ")
			uid, err := strconv.ParseUint(strings.TrimRight(rest, ")\r\n"), 10, 32)
			if !ok || err != nil {
				return false
			}
			list = append(list, uint32(uid))
			return true
		}
		return req
	})
	if err != nil || status.Word != "OK" {
		return nil, err
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// most returns the largest number of messages that a set can have. A set with "*"
// can have any number.
func most(set string) (n uint64) {
	for part := range strings.SplitSeq(set, ",") {
		first, last, _ := strings.Cut(part, ":")
		from, err := strconv.ParseUint(first, 10, 32)
		to, errTo := strconv.ParseUint(cmp.Or(last, first), 10, 32)
		if part != "*" && (err != nil || errTo != nil) {
			return math.MaxUint32
		}
		n += max(from, to) - min(from, to) + 1
	}
	return n
}
