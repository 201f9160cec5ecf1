package proxy

import (
	"exgate/backend"
	"exgate/proxy/replies"
)

// bareCode makes a whole response of a response code that stands alone, if the profile
// wants this.
func (r *relay) bareCode(line []byte) []byte {
	return r.repairedLine(r.c.login.profile.Replies.CopyUID, backend.FixCopyUID, line, replies.WholeCode)
}

// statusAsIs makes plain text of an invalid response code, and removes one that says nothing, if
// the profile wants this.
func (r *relay) statusAsIs(line []byte) []byte {
	line = r.repairedLine(r.c.login.profile.Replies.CopyUID, backend.FixCopyUID, line, replies.WithoutEmptyCode)
	line = r.repairedLine(r.c.login.profile.Replies.StatusCodes, backend.FixStatusCodes, line, replies.TextOfCode)
	return r.repairedLine(r.c.login.profile.Replies.StatusCodes, backend.FixStatusCodes, line, replies.WithText)
}

// withCode adds a response code to a refusal that has none, if the profile wants this.
func (r *relay) withCode(line []byte) []byte {
	return r.repairedLine(r.c.login.profile.Replies.StatusCodes, backend.FixStatusCodes, line, replies.WithCode)
}

// repairedLine returns the line after repair, and counts the fix if repair changed the
// line. If the fix is off, it returns the line unchanged.
func (r *relay) repairedLine(
	on bool, fix backend.ReplyFix, line []byte, repair func([]byte) ([]byte, bool),
) []byte {
	if !on {
		return line
	}
	fixed, ok := repair(line)
	if ok {
		r.c.repaired(string(fix))
	}
	return fixed
}
