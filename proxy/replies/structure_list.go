package replies

import (
	"bytes"
)

// structureList is an open parenthesized list.
type structureList struct {
	kind        structureKind
	value       structureKind // of itemsList: the kind of list that the current item has as its value
	count       int           // elements begun
	isMultipart bool          // of bodyList
	parts       int           // of a multipart: its parts begun
	media       structureMedia
	hasEnvelope bool // of message/rfc822: the envelope has begun
	isAddresses bool // of addressList: all elements so far are lists
}

// structureKind is the meaning of a list.
type structureKind int

// The kinds of lists.
const (
	otherList    structureKind = iota
	itemsList                  // the items of the FETCH response
	bodyList                   // a body structure
	envelopeList               // an envelope
	addressList                // the addresses of a field of an envelope
)

// structureMedia is the media type of a single part, as far as the positions of
// its elements depend on it.
type structureMedia int

// The media types of a single part.
const (
	mediaOther structureMedia = iota
	mediaText
	mediaMessageAny // message, before its subtype
	mediaMessage    // message/rfc822
	mediaUnknown    // not a quoted string: the positions of the elements are unknown
)

// valueKind returns the kind of list that is the value of a FETCH item.
func valueKind(item []byte) structureKind {
	switch {
	case bytes.EqualFold(item, []byte("BODYSTRUCTURE")), bytes.EqualFold(item, []byte("BODY")):
		return bodyList
	case bytes.EqualFold(item, []byte("ENVELOPE")):
		return envelopeList
	}
	return otherList
}

// mediaOfType returns the media type for the first element of a single part.
func mediaOfType(word []byte) structureMedia {
	switch {
	case bytes.EqualFold(word, []byte(`"text"`)):
		return mediaText
	case bytes.EqualFold(word, []byte(`"message"`)):
		return mediaMessageAny
	case word[0] != '"':
		return mediaUnknown
	}
	return mediaOther
}

// mediaOfSubtype returns the media type for a subtype of message.
func mediaOfSubtype(word []byte) structureMedia {
	switch {
	case bytes.EqualFold(word, []byte(`"rfc822"`)):
		return mediaMessage
	case word[0] != '"':
		return mediaUnknown
	}
	return mediaOther
}

// isDisposition reports whether the element begun last is in the position of the
// disposition (body-fld-dsp of RFC 9051 section 9).
func (l *structureList) isDisposition() bool {
	switch {
	case l.kind != bodyList:
		return false
	case l.isMultipart:
		return l.count == l.parts+3
	case l.media == mediaUnknown:
		return false
	case l.media == mediaText:
		return l.count == 10
	case l.hasEnvelope:
		return l.count == 12
	}
	return l.count == 9
}

// isEncoding reports whether the element begun last is in the position of the
// encoding (body-fld-enc of RFC 9051 section 9).
func (l *structureList) isEncoding() bool {
	return l.kind == bodyList && !l.isMultipart && l.count == 6
}
