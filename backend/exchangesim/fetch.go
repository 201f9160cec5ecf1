package exchangesim

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-message/textproto"
)

func (c *conn) fetchBySeq(a *args) (status, error) { return c.fetch(a, false) }
func (c *conn) fetchByUID(a *args) (status, error) { return c.fetch(a, true) }

// fetch answers FETCH and UID FETCH. UID stands after what was asked for, and
// FLAGS last where reading has set \Seen, as in HaskellNet#15.
func (c *conn) fetch(a *args, byUID bool) (status, error) {
	set, err := a.seqSet()
	if err != nil {
		return status{}, err
	}
	items, err := a.fetchItems()
	if err != nil {
		return status{}, err
	}
	if err := a.end(); err != nil {
		return status{}, err
	}
	asked := func(name string) bool {
		return slices.ContainsFunc(items, func(i fetchItem) bool { return i.name == name })
	}
	if byUID && !asked("UID") {
		items = append(items, fetchItem{name: "UID"})
	}
	reads := slices.ContainsFunc(items, func(i fetchItem) bool { return i.section != nil && !i.section.Peek })
	list, newlySeen, ok := c.fetchTargets(set, byUID, reads && !c.view.readOnly)
	if !ok {
		return badMessageSet("quirk EX-19: a number past the end"), nil
	}
	for i, t := range list {
		if i > 0 {
			c.intrude(false)
		}
		if c.isHole(t, len(list), items) {
			continue
		}
		given, ok := c.convertible(t.msg, items)
		if !ok {
			continue
		}
		t.msg = given
		all := items
		if newlySeen[t.msg.uid] && !asked("FLAGS") {
			all = append(items[:len(items):len(items)], fetchItem{name: "FLAGS"})
		}
		if err := c.writeMessage(t, all); err != nil {
			return status{}, err
		}
	}
	if c.srv.quirks[quirkHighNumbers] && byUID {
		c.printf("* %d FETCH (UID 1 FLAGS ())\r\n", len(c.view.uids)+1)
	}
	c.sync(false)
	return completed("FETCH"), nil
}

// isHole reports whether FETCH leaves a message out. With quirk EX-78, a FETCH of the texts of
// several messages leaves out each third.
func (c *conn) isHole(t target, asked int, items []fetchItem) bool {
	hasText := slices.ContainsFunc(items, func(i fetchItem) bool { return i.section != nil })
	return c.srv.quirks[quirkFetchHoles] && asked > 1 && hasText && t.msg.uid%3 == 0
}

// fetchTargets copies the messages, so that they can be written without the
// store's lock, and marks them as seen where wanted.
func (c *conn) fetchTargets(set []seqRange, byUID, markSeen bool) (list []target, newlySeen map[uint32]bool, ok bool) {
	s := c.srv.store
	s.mu.Lock()
	defer s.mu.Unlock()
	list, ok = c.targets(set, byUID)
	list = c.withoutLagging(list)
	newlySeen = map[uint32]bool{}
	for i, t := range list {
		if markSeen && t.msg.flags&flagSeen == 0 {
			c.changeFlags(t.msg, t.msg.flags|flagSeen, flagSeen)
			newlySeen[t.msg.uid] = true
		}
		list[i].msg = t.msg.clone()
	}
	return list, newlySeen, ok
}

// fetchLag is how long a message lags behind by quirk EX-47.
const fetchLag = 2 * time.Second

// withoutLagging leaves out messages that have come too lately for FETCH to show
// them, by quirk EX-47 or the fault lagging-fetch.
func (c *conn) withoutLagging(list []target) []target {
	lag := time.Duration(0)
	if c.srv.quirks[quirkFetchLags] {
		lag = fetchLag
	}
	order := c.order(faultLaggingFetch, c.verb)
	if order != nil {
		lag = order.delay
	}
	n := len(list)
	list = slices.DeleteFunc(list, func(t target) bool { return c.srv.now().Sub(t.msg.came) < lag })
	if len(list) < n {
		c.use(order, c.verb)
	}
	return list
}

func (c *conn) writeMessage(t target, items []fetchItem) error {
	c.printf("* %d FETCH (", t.seq)
	for i, item := range items {
		if i > 0 {
			c.w.WriteByte(' ')
		}
		if item.section != nil {
			if c.srv.quirks[quirkWholePartial] && item.section.Partial != nil && len(item.section.Part) == 0 {
				whole := *item.section
				whole.Partial = nil
				item.section, item.name = &whole, item.name[:strings.LastIndexByte(item.name, '<')]
			}
			c.printf("%s ", item.name)
			if err := c.writeLiteral(section(t.msg.stored, item.section)); err != nil {
				return err
			}
			continue
		}
		c.printf("%s %s", item.name, c.attribute(t.msg, item.name))
	}
	c.printf(")\r\n")
	return nil
}

// attribute is the value of an item that is no part of the message's text.
func (c *conn) attribute(m *message, name string) string {
	switch name {
	case "FLAGS":
		return m.flags.String()
	case "INTERNALDATE":
		return m.date.Format(`"` + internalDate + `"`)
	case "RFC822.SIZE":
		return fmt.Sprint(m.size)
	case "UID":
		return fmt.Sprint(m.uid)
	case "ENVELOPE":
		h, err := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(m.stored)))
		if err != nil {
			return emptyEnvelope
		}
		return c.structure(false).envelope(imapserver.ExtractEnvelope(h))
	}
	s := c.structure(name == "BODYSTRUCTURE")
	var b strings.Builder
	s.write(&b, imapserver.ExtractBodyStructure(bytes.NewReader(m.stored)))
	return b.String()
}

func (c *conn) structure(extended bool) structure {
	q := c.srv.quirks
	return structure{
		extended: extended, bareDisposition: q[quirkDisposition], oddDisposition: q[quirkOddDisposition],
		addressBlanks: q[quirkAddressBlanks], noEncoding: q[quirkNoEncoding], odd: q[quirkOddStructure],
	}
}

// section cuts what BODY[...] names out of a message. The whole message needs
// no parser, and is given out whatever it is.
func section(msg []byte, item *imap.FetchItemBodySection) []byte {
	whole := len(item.Part) == 0 && item.Specifier == imap.PartSpecifierNone
	if !whole {
		return imapserver.ExtractBodySection(bytes.NewReader(msg), item)
	}
	if p := item.Partial; p != nil {
		from := min(p.Offset, int64(len(msg)))
		return msg[from:min(from+p.Size, int64(len(msg)))]
	}
	return msg
}

func (c *conn) writeLiteral(b []byte) error {
	if len(b) == 0 {
		c.printf(`""`)
		return nil
	}
	c.printf("{%d}\r\n", len(b))
	if _, ok := c.strike(faultCutLiteral); ok {
		c.w.Write(b[:len(b)/2])
		return endCut
	}
	_, err := c.w.Write(b)
	return err
}
