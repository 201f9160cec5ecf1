package audit

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"strings"

	"exgate/backend/folders"
	"exgate/proxy/mailbox"
	"exgate/rewrite"
)

// The limits of what the audit of an account keeps. Its counts have all messages.
const (
	maxListed   = 1000      // messages of each list
	maxIDs      = 1_000_000 // hashes of Message-IDs
	maxLargest  = 10
	maxKeywords = 1000 // names of keywords; the others count as one
	maxKeyword  = 64   // bytes
	maxID       = 200  // bytes of a Message-ID that are shown
	maxText     = 1 << 30
)

// otherKeywords stands for the keywords beyond maxKeywords.
const otherKeywords = "(others)"

// Counter counts the messages of one account.
type Counter struct {
	Account Account

	options Options
	names   *folders.Mapper
	seed    maphash.Seed
	ids     map[uint64]uint64 // the mailbox of the first message, by Message-ID, both as hashes
}

// NewCounter returns a Counter for the account of this name.
func NewCounter(o Options, account string) (*Counter, error) {
	names, err := folders.NewMapper(o.Profile.Names.For(account))
	if err != nil {
		return nil, err
	}
	return &Counter{
		Account: Account{Name: account, Left: []Message{}, Failures: []Message{}, AtRisk: []Message{},
			Largest: []Message{}, Names: []Name{}, Special: []Special{}},
		options: o, names: names, seed: maphash.MakeSeed(), ids: make(map[uint64]uint64),
	}, nil
}

// About is what the source says of a message.
type About struct {
	Message
	Flags []string
	Date  *string // the source's date, "" if it is none; nil: the source has no dates
}

// Add counts a message.
func (c *Counter) Add(ctx context.Context, about About, text Text) error {
	f, err := c.options.forecast(ctx, text, about.Flags, about.Date)
	if err != nil {
		return err
	}
	top, err := head(text)
	if err != nil {
		return err
	}
	about.Size = text.Size
	c.add(about, f, top)
	return nil
}

// Wants reports whether the text of a message of this size is needed.
func (c *Counter) Wants(size int64) bool {
	p := &c.options.Profile
	return size <= maxText && (!p.IsTooBig(size) || p.Message.Oversize == rewrite.OversizeDetach)
}

// AddLarge counts a message of about.Size bytes, whose text is not needed.
func (c *Counter) AddLarge(about About, header []byte) {
	c.add(about, tooLarge(about.Size, c.options.Profile.MessageLimit), header)
}

// Failed counts a message that could not be read, or what is left of a mailbox.
func (c *Counter) Failed(m Message, reason string) {
	m.Reason = reason
	c.Account.Unread++
	list(&c.Account.Failures, m)
}

// Other counts a file that is no message.
func (c *Counter) Other() { c.Account.Others++ }

func list(to *[]Message, m Message) {
	if len(*to) < maxListed {
		*to = append(*to, m)
	}
}

func (c *Counter) add(about About, f fare, header []byte) {
	a, m := &c.Account, about.Message
	m.ID = c.header(about, header)
	a.Messages++
	a.Bytes += m.Size
	a.Attempts += int64(f.attempts)
	a.Sent += f.sent
	c.countKeywords(about.Flags)
	if about.Date != nil && *about.Date == "" {
		a.NoArrival++
	}
	a.Largest = append(a.Largest, m)
	slices.SortStableFunc(a.Largest, func(x, y Message) int { return cmp.Compare(y.Size, x.Size) })
	a.Largest = a.Largest[:min(len(a.Largest), maxLargest)]
	if f.rule != "" {
		a.Refused++
		count(&a.Rules, f.rule, 1)
		count(&a.Switches, f.remedy, 1)
		m.Rule, m.Reason, m.Switch = f.rule, f.reason, f.remedy
		list(&a.Left, m)
		return
	}
	a.Stored++
	if len(f.fixes) == 0 {
		a.Untouched++
	} else {
		a.Repaired++
	}
	for _, name := range f.fixes {
		count(&a.Fixes, name, 1)
		if name == "flagged" {
			a.Replayed++
		}
	}
	if len(f.risks) == 0 {
		return
	}
	a.Risky++
	for _, name := range f.risks {
		count(&a.Risks, name, 1)
	}
	if f.escalate != "" {
		count(&a.Lost, f.escalate, 1)
		m.Reason, m.Switch = strings.Join(f.risks, ", "), f.escalate
		list(&a.AtRisk, m)
	}
}

// header counts by the header of a message, and returns its Message-ID.
func (c *Counter) header(about About, header []byte) string {
	var id, date string
	mailbox.FirstFields(header, map[string]*string{"message-id": &id, "date": &date})
	if mailbox.DerivedDate([]byte("Date: "+strings.TrimSpace(date)+"\r\n\r\n")) == "" {
		c.Account.NoDate++
	}
	if id = strings.TrimSpace(id); id != "" {
		c.countID(id, about.Mailbox)
	}
	return strings.ToValidUTF8(id[:min(len(id), maxID)], "?")
}

// countID counts a message with the Message-ID of an earlier one.
func (c *Counter) countID(id, box string) {
	sum, in := maphash.String(c.seed, id), maphash.String(c.seed, box)
	first, again := c.ids[sum]
	switch {
	case again:
		c.Account.Duplicates++
		if first == in {
			c.Account.SameBox++
		}
	case len(c.ids) < maxIDs:
		c.ids[sum] = in
	default:
		c.Account.IDsFull = true
	}
}

// countKeywords counts the keywords and flags that Exchange does not keep
// (docs/exchange.md#keywords).
func (c *Counter) countKeywords(flags []string) {
	lacks := false
	for _, flag := range flags {
		if !c.options.Profile.IsExchange() || strings.EqualFold(flag, `\Recent`) || strings.EqualFold(flag, "$MDNSent") ||
			mailbox.CanKeep(nil, flag) {
			continue
		}
		lacks = true
		name := flag[:min(len(flag), maxKeyword)]
		if _, known := c.Account.Keywords[name]; !known && len(c.Account.Keywords) >= maxKeywords {
			name = otherKeywords
		}
		count(&c.Account.Keywords, name, 1)
	}
	if lacks {
		c.Account.Lacking++
	}
}

// End ends the count. reason is why the account could not be read, or not all of it.
func (c *Counter) End(reason error) *Account {
	if reason != nil {
		c.Account.Error = strings.Join(strings.Fields(reason.Error()), " ")
	}
	return &c.Account
}
