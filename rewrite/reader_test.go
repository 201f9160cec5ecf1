package rewrite

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	stdmultipart "mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"regexp"
	"strings"
)

// The checks of this file read messages with the parsers of the standard
// library, which the package does not use: net/mail, mime/multipart,
// mime/quotedprintable, encoding/base64.

// body is a leaf part as a reader gets it.
type body struct {
	mediaType string
	encoding  string // the one it had before decoding
	raw       []byte // as it stands in the message
	content   []byte
	broken    bool // decoding stopped at a fault
	nul       bool // there was a NUL in it before decoding
	charset   string
}

// errUnclear is for messages that readers take in more than one way.
var errUnclear = errors.New("unclear message")

var blankColon = regexp.MustCompile(`(?mi)^(content-[a-z-]*|mime-version)[ \t]+:`)

// isClear reports whether the library reads the message as others do: it takes a
// delimiter only between line ends of one kind, and no blank before a colon.
func isClear(message []byte) bool {
	for i, c := range message {
		if c != '\n' || i > 0 && message[i-1] == '\r' {
			continue
		}
		start := bytes.LastIndexByte(message[:i], '\n') + 1
		if bytes.HasPrefix(message[start:], []byte("--")) || bytes.HasPrefix(message[i+1:], []byte("--")) {
			return false
		}
	}
	return !blankColon.Match(message)
}

// readBodies returns the leaf parts of the message, or an error if the library
// cannot make sense of it.
func readBodies(message []byte) ([]body, error) {
	m, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return nil, err
	}
	return readEntity(textproto.MIMEHeader(m.Header), m.Body, "text/plain")
}

func readEntity(h textproto.MIMEHeader, r io.Reader, standard string) ([]body, error) {
	for name := range h {
		if strings.HasPrefix(name, "--") {
			return nil, errUnclear // a delimiter with a colon, which ends the header for others
		}
	}
	mediaType, params := standard, map[string]string(nil)
	if v, ok := h["Content-Type"]; ok {
		var err error
		if mediaType, params, err = mime.ParseMediaType(v[0]); err != nil {
			return nil, fmt.Errorf("%w: %v", errUnclear, err)
		}
		if !strings.Contains(mediaType, "/") {
			mediaType = "text/plain"
		}
	}
	encoding := strings.ToLower(strings.Trim(h.Get("Content-Transfer-Encoding"), " \t"))
	if strings.ContainsAny(encoding, " \t;(") {
		return nil, errUnclear
	}
	encoded := encoding == "base64" || encoding == "quoted-printable"
	switch {
	case strings.HasPrefix(mediaType, "multipart/"):
		boundary := params["boundary"]
		if boundary != strings.TrimRight(boundary, " \t") || len(boundary) > maxBoundary {
			return nil, errUnclear
		}
		if boundary == "" {
			_, err := io.Copy(io.Discard, r)
			return nil, err
		}
		standard := "text/plain"
		if mediaType == "multipart/digest" {
			standard = "message/rfc822"
		}
		var all []body
		for mr := stdmultipart.NewReader(r, boundary); ; {
			p, err := mr.NextRawPart()
			if err == io.EOF {
				return all, nil
			}
			if err != nil {
				return nil, err
			}
			bodies, err := readEntity(p.Header, p, standard)
			if err != nil {
				return nil, err
			}
			all = append(all, bodies...)
		}
	case !encoded && (mediaType == "message/rfc822" || mediaType == "message/global" || mediaType == "message/news"):
		m, err := mail.ReadMessage(r)
		if err != nil {
			return nil, err
		}
		return readEntity(textproto.MIMEHeader(m.Header), m.Body, "text/plain")
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	b := body{mediaType: mediaType, encoding: encoding, raw: raw, content: raw, nul: bytes.IndexByte(raw, 0) >= 0,
		charset: params["charset"]}
	switch encoding {
	case "base64":
		b.content, err = io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(raw)))
	case "quoted-printable":
		b.content, err = unquotedByLibrary(raw)
	}
	b.broken = err != nil
	return []body{b}, nil
}

func unquotedByLibrary(raw []byte) ([]byte, error) {
	// It wants a whole line in its buffer.
	return io.ReadAll(quotedprintable.NewReader(bufio.NewReaderSize(bytes.NewReader(raw), len(raw)+1)))
}

// compareBodies says how the bodies of the repaired message differ from those
// before, where the options do not mean them to.
func compareBodies(before, after []body, o Options) error {
	if len(before) != len(after) {
		return fmt.Errorf("%d bodies became %d", len(before), len(after))
	}
	for i, b := range before {
		a := after[i]
		becameFile := o.isOn(fixPartial) && b.mediaType == "message/partial" && a.mediaType == "application/octet-stream" ||
			o.isOn(fixAppleDouble) && b.mediaType == "multipart/appledouble"
		if b.mediaType != a.mediaType && !becameFile {
			return fmt.Errorf("body %d: %s became %s", i, b.mediaType, a.mediaType)
		}
		if a.broken && !b.broken {
			return fmt.Errorf("body %d can no longer be decoded", i)
		}
		want, got := b.content, a.content
		if o.isOn(fixLineEndings) || o.isOn(fixNULBytes) {
			if b.encoding == "quoted-printable" { // which a new line end may end softly
				want, _ = unquotedByLibrary(carried(b.raw, o))
			}
			want, got = carried(want, o), carried(got, o)
			if b.encoding == "quoted-printable" { // whose decoders drop blanks at what is now the end of a line
				want, got = blanksAtEnd.ReplaceAll(want, []byte("\r\n")), blanksAtEnd.ReplaceAll(got, []byte("\r\n"))
			}
		}
		if o.LongLines == LongLinesWrap && b.encoding == a.encoding {
			want, got = bytes.ReplaceAll(want, []byte("\r\n"), nil), bytes.ReplaceAll(got, []byte("\r\n"), nil)
		}
		if name, _, _ := findCharset(b.charset); name == "utf-7" && a.charset == "utf-8" {
			continue // other bytes on purpose: TestUTF7 reads them
		}
		if b.broken && o.isOn(fixBrokenEncoding) || b.nul && !isIdentity(b.encoding) && o.isOn(fixNULBytes) {
			continue
		}
		if b.broken {
			got = got[:min(len(got), len(want))] // up to the fault
		}
		if !bytes.Equal(want, got) {
			at := 0
			for at < min(len(want), len(got)) && want[at] == got[at] {
				at++
			}
			return fmt.Errorf("body %d (%s, %q to %q): from byte %d on %.100q became %.100q",
				i, b.mediaType, b.encoding, a.encoding, at, want[at:], got[at:])
		}
	}
	return nil
}

// structural finds NUL and CR whose going, or becoming a line end, makes other
// parts of a message.
var structural = regexp.MustCompile(`(?is)^[^\n]*$|(^|\n)(content|mime|--)[^\n]*(\x00|\r[^\n])|(^|\n)[^\n: ]*(\x00|\r[^\n])|[\x00\r]-|-\x00|\r\x00|\r\r`)

var anyLineEnd = regexp.MustCompile(`\r*\n|\r`)

var blanksAtEnd = regexp.MustCompile(`[ \t]+\r\n`)

// carried is what the fixes that change decoded text make of it.
func carried(b []byte, o Options) []byte {
	if o.isOn(fixNULBytes) {
		b = bytes.ReplaceAll(b, []byte{0}, nil)
	}
	if o.isOn(fixLineEndings) {
		b = anyLineEnd.ReplaceAll(b, []byte("\r\n"))
	}
	return b
}
