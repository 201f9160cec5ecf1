package rewrite

import "path"

// maxFileName is the longest name of an attached file, in characters
// (docs/exchange.md#ex-35).
const maxFileName = 255

// fileNames is the fix filenames: a longer one is cut before its extension.
func (p *planner) fileNames(f *field) error {
	if !f.hasParams() || f.size() <= maxFileName {
		return nil
	}
	value, ok, err := p.text(f)
	if !ok || err != nil {
		return err
	}
	head, params := parseParams(value)
	changed := false
	for i := range params {
		if p := &params[i]; (p.name == "name" || p.name == "filename") && utf16Length(p.value) > maxFileName {
			p.set(shortFileName(p.value))
			changed = true
		}
	}
	if changed {
		f.set(fixFileNames, joinParams(head, params))
	}
	return nil
}

func shortFileName(name string) string {
	const most = 200 // leaves room for what programs put before a name
	extension := path.Ext(name)
	if utf16Length(extension) > 20 {
		extension = ""
	}
	return cutUTF16(name, most-utf16Length(extension)) + extension
}
