package survey

import (
	"context"
	"slices"
	"strings"

	"exgate/backend"
	"exgate/config/profile"
)

func nameProbes() []probe {
	return []probe{
		{
			id: "EX-14", name: "case-folding", asks: "whether names that differ in case are one", run: caseFolding,
			set: func(f Finding, p profile.Profile) []Setting {
				if f.Answer == Yes {
					return one(p.Names.Case == "", "names.case", "apart")
				}
				return one(p.Names.Case != "", "names.case", "off")
			},
		},
		{
			id: "EX-15", name: "reserved-files", asks: "whether the name Files is reserved",
			cost: "makes the folder Files and removes it, unless the mailbox has one", run: reservedFiles,
			set: func(f Finding, p profile.Profile) []Setting {
				has := slices.Contains(p.Names.Reserved, "Files")
				if f.Answer == Yes {
					return one(!has, "names.reserved", []string{"Files"})
				}
				return one(has, "names.reserved", []string{"off"})
			},
		},
		{
			id: "EX-21", name: "tab-names", asks: "whether a name with a TAB is listed without quotes", run: tabNames,
			prepared: func(p profile.Profile) bool { return p.Replies.ListNames },
		},
		{
			id: "EX-43", name: "blank-end-dropped", asks: "whether a blank at the end of a name is dropped",
			run: blankEndDropped,
			set: func(f Finding, p profile.Profile) []Setting {
				return one(f.Answer == Yes && !p.Names.Characters, "names.characters", "replace")
			},
		},
		{
			id: "EX-42", name: "blank-end-closes",
			asks: "whether opening a name with a blank at its end costs the connection",
			cost: "perhaps a connection", run: blankEndCloses,
			prepared: func(p profile.Profile) bool { return p.Names.RefuseBlankEnd },
		},
		{
			id: "EX-44", name: "name-length", asks: "whether a long name gets an error",
			cost: "some ten folders, one after the other, and as many errors", run: nameLength,
			set: func(f Finding, p profile.Profile) []Setting {
				n, now := f.Number, int64(p.Names.Longest)
				return one(!f.Open && n >= 64 && (now == 0 || n < now), "names.longest", n)
			},
		},
		{id: "M-03", asks: "whether a name is taken as a literal", run: literalName},
		{
			id: "EX-70", name: "escaped-names", asks: `whether a name with \" between quotes is refused`, cost: "one error",
			run: quotedName,
		},
	}
}

// caseFolding makes two folders that differ in case.
func caseFolding(ctx context.Context, s *surveyor) (Finding, error) {
	if r, err := s.create(ctx, s.child("Case")); err != nil || !r.isOK() && !r.says("exist") {
		return unknown("CREATE was refused: " + r.told()), err
	}
	r, err := s.create(ctx, s.child("cASE"))
	return answer(!r.isOK()).refusedBy(r), err
}

func reservedFiles(ctx context.Context, s *surveyor) (Finding, error) {
	found, err := s.list(ctx, "Files")
	if err != nil {
		return Finding{}, err
	}
	if len(found) > 0 {
		return unknown("the mailbox has a folder Files"), nil
	}
	s.state.Made = append(s.state.Made, "Files") // saved before it is made: a run that is killed now leaves nothing
	if err := s.Save(s.state); err != nil {
		return Finding{}, err
	}
	r, err := s.create(ctx, "Files")
	if err != nil {
		return Finding{}, err
	}
	if r.isOK() {
		if _, err := s.delete(ctx, "Files"); err != nil {
			return Finding{}, err
		}
	}
	s.state.unmake("Files")
	return answer(!r.isOK() && r.says("reserved")).refusedBy(r), nil
}

func tabNames(ctx context.Context, s *surveyor) (Finding, error) {
	if r, err := s.create(ctx, s.child("with\ttab")); err != nil || !r.isOK() && !r.says("exist") {
		return unknown("a name with a TAB is refused: " + r.told()), err
	}
	r, err := s.answered(ctx, func() *backend.Request {
		return backend.NewRequest("LIST").Raw(`""`).String(s.child("with*"))
	})
	if err != nil {
		return Finding{}, err
	}
	for _, line := range r.lines {
		line = strings.TrimRight(line, "\r\n")
		if strings.Contains(line, "with\ttab") {
			return answer(!strings.HasSuffix(line, `"`) && !strings.Contains(line, "}\r\n")), nil
		}
	}
	return answer(false).noted("the name is listed otherwise"), nil
}

const blankName = "blank "

func blankEndDropped(ctx context.Context, s *surveyor) (Finding, error) {
	if r, err := s.create(ctx, s.child(blankName)); err != nil || !r.isOK() && !r.says("exist") {
		return answer(false).noted("a blank at the end is refused: " + r.told()), err
	}
	found, err := s.list(ctx, s.child("blank*"))
	if err != nil || len(found) == 0 {
		return unknown("the folder is not listed"), err
	}
	return answer(!strings.HasSuffix(found[0].Name, " ")), nil
}

// blankEndCloses opens the folder, and then another one.
func blankEndCloses(ctx context.Context, s *surveyor) (Finding, error) {
	open := func(name string) (reply, error) {
		return s.ask(ctx, func() *backend.Request {
			return backend.NewRequest("STATUS").Mailbox(name).Raw("(MESSAGES)")
		})
	}
	if r, err := s.create(ctx, s.child(blankName)); err != nil {
		return unknown(r.told()), err
	}
	for range 2 { // a connection that was lost by chance is not lost twice
		first, err := open(s.child(blankName))
		if err != nil {
			return Finding{}, err
		}
		then, err := open(s.folder)
		switch {
		case err != nil:
			return Finding{}, err
		case first.err == nil && then.err == nil && !first.isOK():
			return unknown("no folder with such a name can be made over IMAP; Outlook could"), nil
		case first.err == nil && then.err == nil:
			return answer(false), nil
		}
	}
	return answer(true), nil
}

// nameLength makes folders with longer and longer names.
func nameLength(ctx context.Context, s *surveyor) (Finding, error) {
	var last reply
	at := span{low: 32, guess: 256, high: 600}
	n, limited, err := bisect(ctx, at, func(ctx context.Context, n int64) (bool, error) {
		name := s.child(strings.Repeat("n", int(n)))
		r, err := s.create(ctx, name)
		if err != nil {
			return false, err
		}
		if r.isOK() {
			_, err = s.delete(ctx, name)
			return true, err
		}
		last = r
		return false, nil
	})
	if err != nil {
		return Finding{}, err
	}
	// A file system has a limit, too, and its server says NO.
	f := answer(limited && last.isBAD()).refusedBy(last)
	f.Number, f.Open = n, !limited
	return f, nil
}

func literalName(ctx context.Context, s *surveyor) (Finding, error) {
	name := s.child("literal")
	r, err := s.answered(ctx, func() *backend.Request {
		req := backend.NewRequest("CREATE")
		req.Body = &backend.Body{Size: int64(len(name)), WriterTo: strings.NewReader(name)}
		return req
	})
	return answer(r.isOK() || r.says("exist")), err
}

func quotedName(ctx context.Context, s *surveyor) (Finding, error) {
	r, err := s.command(ctx, "CREATE", `"`+s.child(`quo\"te`)+`"`)
	return answer(!r.isOK()).refusedBy(r), err
}
