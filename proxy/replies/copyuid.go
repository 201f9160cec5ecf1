package replies

import (
	"strings"

	"exgate/backend/wire"
)

// maxCopied limits the joined sets of a COPYUID in bytes. A client that keeps lines of
// 64 KiB can read it.
const maxCopied = 60 << 10

// CopyUID joins the response codes COPYUID (RFC 4315 section 3) of a COPY that was
// sent in parts.
type CopyUID struct {
	validity string
	from, to []string
	size     int
	isAbsent bool // a part has no code that fits the others, or all are too long: the whole has none
}

// Add adds the reply to the next part.
func (u *CopyUID) Add(status wire.Status) {
	args, ok := status.CodeArgs("COPYUID")
	words := strings.Fields(args)
	u.size += len(args)
	if !ok || len(words) != 3 || u.validity != "" && u.validity != words[0] || u.size > maxCopied {
		u.from, u.to, u.isAbsent = nil, nil, true
	}
	if u.isAbsent {
		return
	}
	u.validity = words[0]
	u.from, u.to = append(u.from, words[1]), append(u.to, words[2])
}

// Code returns the code for the whole command, given that of the last reply.
func (u *CopyUID) Code(last string) string {
	switch {
	case !u.isAbsent && u.validity != "":
		return "COPYUID " + u.validity + " " + strings.Join(u.from, ",") + " " + strings.Join(u.to, ",")
	case strings.HasPrefix(strings.ToUpper(last), "COPYUID"):
		return "" // that of one part would say that the others were not copied
	}
	return last
}
