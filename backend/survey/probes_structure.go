package survey

import (
	"context"
	"regexp"

	"exgate/config/profile"
)

func structureProbes() []probe {
	structure := func(p profile.Profile) bool { return p.Replies.Structure }
	return []probe{
		{
			id: "EX-24", name: "bare-disposition", asks: "whether a disposition without parameters is a bare string",
			prepared: structure,
			run: shows(plain().multipart("multipart/mixed", textPart,
				"Content-Type: application/x-exgate\r\nContent-Disposition: inline\r\n\r\nPart.\r\n"),
				"BODYSTRUCTURE", `(?i)[^(]"inline"`),
		},
		{
			id: "EX-40", name: "odd-disposition",
			asks: "whether a signed message gets the disposition S/MIME Encrypted Message", prepared: structure,
			run: shows(plain().multipart(
				`multipart/signed; micalg=sha-256; protocol="application/pkcs7-signature"`, textPart,
				"Content-Type: application/pkcs7-signature; name=smime.p7s\r\n"+
					"Content-Disposition: attachment; filename=smime.p7s\r\n"+
					"Content-Transfer-Encoding: base64\r\n\r\nMAA=\r\n"),
				"BODYSTRUCTURE", `S/MIME Encrypted Message`),
		},
		{
			id: "EX-41", name: "nil-encoding", asks: "whether the encoding 7bit is NIL", prepared: structure,
			run: shows(plain().multipart("multipart/mixed", textPart,
				"Content-Type: application/x-exgate\r\nContent-Transfer-Encoding: 7bit\r\n\r\nPart.\r\n"),
				"BODYSTRUCTURE", `(?i)"x-exgate" (NIL|\([^)]*\)) NIL NIL NIL `),
		},
		{
			id: "EX-29", name: "address-blanks",
			asks: "whether a blank stands between two addresses", prepared: structure,
			run: shows(plain().with("To: one@exgate.example, two@exgate.example"), "ENVELOPE", `"\) +\(`),
		},
		{
			id: "EX-74", name: "odd-structure",
			asks:     "whether lines of -1, empty dispositions or odd encodings are told",
			prepared: structure, run: shows(oddParts(), "BODYSTRUCTURE", oddStructure),
		},
	}
}

// oddParts is a message with a part for each oddity of EX-74.
func oddParts() message {
	return plain().multipart("multipart/mixed", textPart,
		"Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=3D\r\n",
		"Content-Type: application/x-exgate\r\nContent-Transfer-Encoding: base64\r\n"+
			"Content-Disposition: attachment; filename=exgate.bin\r\n\r\nMAA=\r\n")
}

// oddStructure matches a size or a number of lines of -1, a disposition (NIL NIL), parameters bare behind a
// disposition, an encoding that is an atom, and one with a blank.
const oddStructure = `(?i) -1[ )]|\(NIL NIL\)|[^(]"attachment" \(|(?:NIL|") (?:quoted-printable|base64) \d|"base64 "`

// shows stores a message, and looks for a pattern in an item of FETCH.
func shows(m message, item, pattern string) func(context.Context, *surveyor) (Finding, error) {
	quirk := regexp.MustCompile(pattern)
	return func(ctx context.Context, s *surveyor) (Finding, error) {
		response, err := s.fetch(ctx, "", m, item)
		return answer(quirk.MatchString(response)), err
	}
}
