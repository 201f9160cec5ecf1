package backend

import (
	"context"
	"regexp"
	"strings"
)

// ProbedFolder is a mailbox as LIST has it.
type ProbedFolder struct {
	Name       string // on the wire's alphabet
	Separator  string // "": none
	Attributes []string
}

// maxFolders bounds the list of a probe.
const maxFolders = 10_000

// Folders returns the mailboxes that LIST has, at most 10,000.
func (c *Conn) Folders(ctx context.Context) ([]ProbedFolder, error) {
	var folders []ProbedFolder
	req := NewRequest("LIST").Raw(`"" "*"`)
	req.Untagged = func(resp []byte) bool {
		folder, ok := ParseFolder(string(resp))
		if ok && len(folders) < maxFolders {
			folders = append(folders, folder)
		}
		return ok
	}
	status, err := c.Do(ctx, req)
	if err == nil && status.Word != "OK" {
		err = ReplyError("LIST", status)
	}
	return folders, err
}

var (
	listReply   = regexp.MustCompile(`(?is)^\* LIST \(([^)]*)\) (?:NIL|"((?:\\.|[^"\\])*)") ([^\r\n].*?)(?:\r?\n)?$`)
	listLiteral = regexp.MustCompile(`^\{\d+\}\r?\n`)
	unquote     = strings.NewReplacer(`\\`, `\`, `\"`, `"`)
)

// ParseFolder reads a whole LIST response. A name with a TAB comes unquoted
// (EX-21).
func ParseFolder(resp string) (ProbedFolder, bool) {
	m := listReply.FindStringSubmatch(resp)
	if m == nil {
		return ProbedFolder{}, false
	}
	name := m[3]
	if literal := listLiteral.FindString(name); literal != "" {
		name = name[len(literal):]
	} else if len(name) > 1 && name[0] == '"' && strings.HasSuffix(name, `"`) {
		name = unquote.Replace(name[1 : len(name)-1])
	}
	separator := unquote.Replace(m[2])
	if len(name) > 1 { // docs/exchange.md#ex-85
		name = strings.TrimSuffix(name, separator)
	}
	return ProbedFolder{Name: name, Separator: separator, Attributes: strings.Fields(m[1])}, true
}
