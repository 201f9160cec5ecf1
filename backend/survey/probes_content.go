package survey

import (
	"context"
	"fmt"
	"strings"

	"exgate/config/profile"
	"exgate/rewrite"
)

func contentProbes() []probe {
	refused := func(id, name, asks, key string, use func(rewrite.Uses) rewrite.When, m message) probe {
		return probe{
			id: id, name: name, asks: asks, cost: "one error", set: fixed(key, use),
			run: func(ctx context.Context, s *surveyor) (Finding, error) {
				r, err := s.store(ctx, "", m.text())
				return answer(!r.isOK()).refusedBy(r), err
			},
		}
	}
	limited := func(
		id, name, asks, key string, use func(rewrite.Uses) rewrite.When, at span, repaired int64, m func(int64) message,
	) probe {
		return probe{
			id: id, name: name, asks: asks, cost: "some messages, and an error for each that is refused",
			run: limit(at, m), set: fixed(key, use),
			reaches: repaired,
		}
	}
	return []probe{
		refused("EX-09", "content-refused", "whether message/partial is refused", "partial",
			func(u rewrite.Uses) rewrite.When { return u.Partial },
			plain().with("Content-Type: message/partial; id=exgate; number=1; total=2")),
		refused("EX-30", "eight-bit-refused", "whether bytes over 127 in a header are refused", "eight-bit",
			func(u rewrite.Uses) rewrite.When { return u.EightBit }, plain().with("Subject: exgate survey: caf\xe9")),
		refused("EX-31", "broken-encoding-refused", "whether base64 that does not decode is refused", "broken-encoding",
			func(u rewrite.Uses) rewrite.When { return u.BrokenEncoding },
			plain().with("Content-Type: application/x-exgate").with("Content-Transfer-Encoding: base64").
				saying("this is no base64!\r\n")),
		refused("EX-38", "appledouble-refused", "whether multipart/appledouble is refused", "appledouble",
			func(u rewrite.Uses) rewrite.When { return u.AppleDouble },
			plain().multipart("multipart/appledouble",
				"Content-Type: application/applefile\r\nContent-Transfer-Encoding: base64\r\n\r\nAAUWBwACAAA=\r\n",
				"Content-Type: application/x-exgate\r\n\r\nPart.\r\n")),
		refused("EX-39", "unknown-charset-refused", "whether a text in an unknown charset is refused", "encoded-words",
			func(u rewrite.Uses) rewrite.When { return u.EncodedWords },
			plain().with("Content-Type: text/plain; charset=x-exgate-none")),
		limited("EX-32", "long-subject-refused", "whether a long subject is refused", "subject",
			func(u rewrite.Uses) rewrite.When { return u.Subject }, span{78, 255, 1000}, 255,
			func(n int64) message { return plain().with("Subject: " + strings.Repeat("s", int(n))) }),
		limited("EX-33", "long-references-refused", "whether References with many entries are refused", "references",
			func(u rewrite.Uses) rewrite.When { return u.References }, span{10, 485, 1000}, 485,
			func(n int64) message { return plain().with(references(n)) }),
		limited("EX-34", "long-address-refused", "whether a long address is refused", "addresses",
			func(u rewrite.Uses) rewrite.When { return u.Addresses }, span{78, 1950, 4000}, 1950, longAddress),
		limited("EX-35", "long-filename-refused", "whether a long name of a file is refused", "filenames",
			func(u rewrite.Uses) rewrite.When { return u.FileNames }, span{32, 255, 600}, 255, longFileName),
		limited("EX-36", "many-parts-refused", "whether a message of many parts is refused", "attachments",
			func(u rewrite.Uses) rewrite.When { return u.Attachments }, span{2, 250, 400}, 250, manyParts),
		limited("EX-37", "deep-nesting-refused", "whether messages attached many deep are refused", "nesting",
			func(u rewrite.Uses) rewrite.When { return u.Nesting }, span{1, 30, 60}, 30, nested),
	}
}

// fixed switches a repair on that a profile lacks.
func fixed(key string, use func(rewrite.Uses) rewrite.When) func(Finding, profile.Profile) []Setting {
	return func(f Finding, p profile.Profile) []Setting {
		when := use(p.Message.Uses)
		return one(f.Answer == Yes && (when == "" || when == rewrite.Off), "fixes."+key, string(use(rewrite.UsesAt)))
	}
}

// limit looks for the largest number with which a message is taken.
func limit(at span, m func(int64) message) func(context.Context, *surveyor) (Finding, error) {
	return func(ctx context.Context, s *surveyor) (Finding, error) {
		var last reply
		n, limited, err := bisect(ctx, at, func(ctx context.Context, n int64) (bool, error) {
			r, err := s.store(ctx, "", m(n).text())
			if !r.isOK() {
				last = r
			}
			return r.isOK(), err
		})
		if err != nil {
			return Finding{}, err
		}
		f := answer(limited).refusedBy(last)
		f.Number, f.Open = n, !limited
		return f, nil
	}
}

func longAddress(n int64) message {
	const address = `"" <survey@exgate.example>`
	return plain().with(`To: "` + strings.Repeat("n", max(int(n)-len(address), 1)) + `" <survey@exgate.example>`)
}

func longFileName(n int64) message {
	return plain().with("Content-Type: application/x-exgate").
		with(fmt.Sprintf(`Content-Disposition: attachment; filename="%s"`, strings.Repeat("f", int(n))))
}

func manyParts(n int64) message {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = textPart
	}
	return plain().multipart("multipart/mixed", parts...)
}
