package proxy

// structureList is a parenthesized list that has begun and not ended.
type structureList struct {
	kind      structureKind
	n         int    // elements begun
	item      string // of itemsList: the name of the item whose value comes
	multipart bool   // of bodyList
	parts     int    // of a multipart
	media     string // of a single part: "text/", "message/rfc822", "" or unknownMedia
	envelope  bool   // of message/rfc822: the envelope has come
	all       bool   // of addressList: all elements so far are addresses
}

// unknownMedia is a type that is no quoted string: what follows it cannot be
// counted.
const unknownMedia = "?"

type structureKind int

const (
	otherList structureKind = iota
	itemsList
	bodyList
	envelopeList
	addressList
)

// isDisposition tells whether the element that has just begun stands in the
// place of body-fld-dsp (RFC 9051 section 9).
func (l *structureList) isDisposition() bool {
	switch {
	case l.kind != bodyList:
		return false
	case l.multipart:
		return l.n == l.parts+3
	case l.media == unknownMedia:
		return false
	case l.media == "text/":
		return l.n == 10
	case l.envelope:
		return l.n == 12
	}
	return l.n == 9
}

func (l *structureList) isEncoding() bool { return l.kind == bodyList && !l.multipart && l.n == 6 }
