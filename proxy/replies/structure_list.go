package replies

import (
	"bytes"
)

// structureList is a parenthesized list that has begun and not ended.
type structureList struct {
	kind      structureKind
	value     structureKind // of itemsList: what the item at hand has for a value
	n         int           // elements begun
	multipart bool          // of bodyList
	parts     int           // of a multipart
	media     structureMedia
	envelope  bool // of message/rfc822: the envelope has come
	all       bool // of addressList: all elements so far are addresses
}

type structureKind int

const (
	otherList structureKind = iota
	itemsList
	bodyList
	envelopeList
	addressList
)

// structureMedia is the type of a single part, as far as places depend on it.
type structureMedia int

const (
	mediaOther structureMedia = iota
	mediaText
	mediaMessageSome // message/, and the subtype has not come
	mediaMessage     // message/rfc822
	mediaUnknown     // no quoted string: what follows it cannot be counted
)

// valueOf tells what an item of FETCH has for a value.
func valueOf(item []byte) structureKind {
	switch {
	case bytes.EqualFold(item, []byte("BODYSTRUCTURE")), bytes.EqualFold(item, []byte("BODY")):
		return bodyList
	case bytes.EqualFold(item, []byte("ENVELOPE")):
		return envelopeList
	}
	return otherList
}

func typeOf(word []byte) structureMedia {
	switch {
	case bytes.EqualFold(word, []byte(`"text"`)):
		return mediaText
	case bytes.EqualFold(word, []byte(`"message"`)):
		return mediaMessageSome
	case word[0] != '"':
		return mediaUnknown
	}
	return mediaOther
}

// subtypeOf is for the subtypes of message.
func subtypeOf(word []byte) structureMedia {
	switch {
	case bytes.EqualFold(word, []byte(`"rfc822"`)):
		return mediaMessage
	case word[0] != '"':
		return mediaUnknown
	}
	return mediaOther
}

// isDisposition tells whether the element that has just begun stands in the
// place of body-fld-dsp (RFC 9051 section 9).
func (l *structureList) isDisposition() bool {
	switch {
	case l.kind != bodyList:
		return false
	case l.multipart:
		return l.n == l.parts+3
	case l.media == mediaUnknown:
		return false
	case l.media == mediaText:
		return l.n == 10
	case l.envelope:
		return l.n == 12
	}
	return l.n == 9
}

func (l *structureList) isEncoding() bool { return l.kind == bodyList && !l.multipart && l.n == 6 }
