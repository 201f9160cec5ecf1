package mailbox

import (
	"io"
	"slices"
	"strings"
	"testing"
)

func TestCompareFingerprints(t *testing.T) {
	const date = `01-Nov-2026 10:00:00 +0000`
	full := "Message-ID: <1@x>\r\nFrom: A <a@x>\r\nSubject: one\r\nDate: Sun, 1 Nov 2026 10:00:00 +0000\r\n\r\n"
	later := strings.Replace(full, "10:00:00", "10:00:01", 1)
	unreadable := strings.Replace(full, "Sun, 1 Nov", "Soon", 1)
	bare := strings.Replace(full, "Message-ID: <1@x>\r\n", "", 1)
	for name, tt := range map[string]struct {
		sent, there, date, arrived string
		want                       Landing
		kept                       bool
	}{
		"the same":                        {full, full, "", "", LandingFound, false},
		"written anew":                    {full, "message-id:\r\n\t<1@x>\r\n\r\n", "", "", LandingFound, false},
		"another Date":                    {full, later, "", "", LandingUnknown, false},
		"a Date that cannot be read":      {unreadable, full, "", "", LandingFound, false},
		"another arrival":                 {full, full, date, " 1-Nov-2026 12:00:00 +0100", LandingFound, false},
		"another arrival, dates are kept": {full, full, date, " 1-Nov-2026 12:00:00 +0100", LandingUnknown, true},
		"another Message-ID":              {full, strings.Replace(full, "<1@", "<2@", 1), "", "", LandingAbsent, false},
		"without, the same":               {bare, bare, "", "", LandingFound, false},
		"without, written anew":           {bare, "FROM: \"A\" <A@X>\r\nSUBJECT: =?utf-8?q?one?=\r\nDATE: 1 Nov 2026 11:00:00 +0100\r\n\r\n", "", "", LandingFound, false},
		"without, with its date":          {bare, bare, date, " 1-Nov-2026 11:00:00 +0100", LandingFound, false},
		"without, with another date":      {bare, bare, date, " 1-Nov-2026 12:00:00 +0100", LandingUnknown, false},
		"without, another altogether":     {bare, "From: b@x\r\nSubject: two\r\nDate: Sun, 1 Nov 2026 10:00:01 +0000\r\n\r\n", "", "", LandingAbsent, false},
		"without, the same Date":          {bare, "From: b@x\r\nSubject: two\r\nDate: Sun, 1 Nov 2026 10:00:00 +0000\r\n\r\n", "", "", LandingUnknown, false},
		"without, the same names":         {bare, "From: a@x\r\nSubject: one\r\n\r\n", "", "", LandingUnknown, false},
		"the server has lost its id":      {full, bare, "", "", LandingUnknown, false},
		"nothing to know it by":           {"X: y\r\n\r\n", "From: b@x\r\n\r\n", "", "", LandingUnknown, false},
		"nothing, and the server has it":  {"X: y\r\n\r\n", "Message-ID: <new@x>\r\n\r\n", "", "", LandingUnknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := candidate{Fingerprint: parseFingerprint([]byte(tt.there)), internalDate: tt.arrived}
			sent := MessageKey{Fingerprint: parseFingerprint([]byte(tt.sent)), Date: tt.date, DateKept: tt.kept}
			if got := sent.compare(m); got != tt.want {
				t.Errorf("landed: %s, want %s", got, tt.want)
			}
		})
	}
}

func FuzzParseCandidate(f *testing.F) {
	f.Add([]byte("* 3 FETCH (UID 21 BODY[HEADER.FIELDS (DATE)] {4}\r\n\r\n\r\n)\r\n"))
	f.Add([]byte("* 3 FETCH (INTERNALDATE \" 1-Nov-2026 11:00:00 +0100\" BODY[] {10}\r\nFrom: a\r\n UID 1)\r\n"))
	f.Add([]byte("* 3 FETCH (UID 1 BODY[] {99999999999}\r\n"))
	f.Fuzz(func(t *testing.T, response []byte) {
		m, ok := parseCandidate(response)
		if ok && m.uid == 0 && !slices.Contains(response, '0') && len(response) < 1000 {
			// Only a number that is none, or too large, reads as 0.
			if !strings.ContainsAny(string(response), "123456789") {
				t.Errorf("no UID in %q", response)
			}
		}
	})
}

// pieces writes a message in pieces of some bytes, and counts those that are taken.
type pieces struct {
	text string
	of   int
	took int
}

func (p *pieces) WriteTo(w io.Writer) (int64, error) {
	for at := 0; at < len(p.text); at += p.of {
		n, err := w.Write([]byte(p.text[at:min(at+p.of, len(p.text))]))
		if p.took += n; err != nil {
			return int64(p.took), err
		}
	}
	return int64(p.took), nil
}

// The header of a message is read, wherever its pieces are cut, and little more.
func TestFingerprintReadsTheHeader(t *testing.T) {
	const header = "Message-ID: <1@x>\r\nSubject: one\r\n\r\n"
	const body = "Subject: two\r\n\r\nMessage-ID: <2@x>\r\n\r\n"
	for of := 1; of <= len(header+body); of++ {
		p := &pieces{text: header + body, of: of}
		got, err := ReadFingerprint(p)
		if err != nil || got.messageID != "<1@x>" || got.subject != "one" || p.took >= len(header)+max(of, 20) {
			t.Errorf("in pieces of %d bytes: %+v after %d bytes, %v", of, got, p.took, err)
		}
	}
	for _, text := range []string{"", "Subject: one", "Subject: one\r\n\r"} {
		if got, err := ReadFingerprint(&pieces{text: text, of: 3}); err != nil || (got.subject == "one") != (text != "") {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}
