package survey

import (
	"context"
	"fmt"
	"strings"

	"exgate/config/profile"
)

// nobody is the note of a probe that needs a person at Outlook.
const nobody = "IMAP does not show it: run with --ask, and look in Outlook"

func outlookProbes() []probe {
	return []probe{
		{
			id: "EX-10", name: "flagged-hidden", asks: `whether Outlook does not show the \Flagged of an APPEND`,
			run: inOutlook("flagged", `(\Flagged)`, "", "does the message show no flag", Yes),
			set: func(f Finding, p profile.Profile) []Setting {
				if f.Answer == Yes {
					return one(!p.Flagged, "fixes.flagged", "replay")
				}
				return one(p.Flagged, "fixes.flagged", "leave")
			},
		},
		{
			id: "EX-16", name: "mdnsent-category", asks: "whether Outlook shows $MDNSent as a category",
			run:      inOutlook("category", "($MDNSent)", "", "does the message have the category $MDNSent", Yes),
			prepared: func(p profile.Profile) bool { return p.MDNSent || !p.Keywords && p.Name != "" },
		},
		{
			id: "EX-11", name: "receipts-again", asks: "whether an old message still asks for a read receipt",
			run: inOutlook("receipt", "", "Disposition-Notification-To: survey@exgate.example",
				"when you open the message: is a read receipt sent, or offered", Yes),
			prepared: func(p profile.Profile) bool {
				return p.Message.ReadReceipt != "" && p.Message.ReadReceipt != "off"
			},
		},
		{
			id: "EX-45", name: "slash-hidden", asks: "whether a folder with a / in its name is hidden from IMAP",
			run: slashHidden,
		},
		{
			id: "EX-25", name: "missing-data", asks: "whether an item that is no message is left out", run: itemLeftOut,
			prepared: func(p profile.Profile) bool { return p.Replies.MissingData },
		},
		{
			id: "EX-26", name: "substitute", asks: "whether such an item is replaced by another message",
			run:      itemReplaced,
			prepared: func(p profile.Profile) bool { return p.Replies.Has("substitute") },
		},
	}
}

// inOutlook stores a message, and asks a person what Outlook shows of it.
func inOutlook(
	subject, options, field, question string, quirk Answer,
) func(context.Context, *surveyor) (Finding, error) {
	return func(ctx context.Context, s *surveyor) (Finding, error) {
		if s.Ask == nil {
			return unknown(nobody), nil
		}
		m := plain().with("Subject: exgate survey: " + subject)
		if field != "" {
			m = m.with(field)
		}
		if r, err := s.store(ctx, options, m.text()); err != nil || !r.isOK() {
			return unknown("the message was refused: " + r.told()), err
		}
		said, err := s.Ask(ctx, fmt.Sprintf(`In Outlook, in the folder %s, find the message "exgate survey: %s": %s?`,
			s.folder, subject, question))
		if said == Unknown {
			return unknown("nobody could tell"), err
		}
		return answer(said == quirk), err
	}
}

func slashHidden(ctx context.Context, s *surveyor) (Finding, error) {
	if s.Ask == nil {
		return unknown(nobody), nil
	}
	said, err := s.Ask(ctx, fmt.Sprintf("In Outlook, in the folder %s, make a folder with the name sl/ash. Is it "+
		"there?", s.folder))
	if err != nil || said != Yes {
		return unknown("there is no such folder"), err
	}
	found, err := s.list(ctx, s.child("sl*"))
	if err != nil {
		return Finding{}, err
	}
	f := answer(len(found) == 0)
	// What IMAP does not show, it cannot remove.
	if said, err = s.Ask(ctx, fmt.Sprintf("Remove the folder sl/ash from the folder %s in Outlook. Is it gone?",
		s.folder)); said != Yes {
		f.Note = "the folder sl/ash is left: remove it in Outlook, together with " + s.folder
	}
	return f, err
}

// askForItem lets a person copy an item into the survey's folder. n is its number.
func (s *surveyor) askForItem(ctx context.Context) (n int64, err error) {
	if s.item > 0 {
		return s.item, nil
	}
	if s.Ask == nil {
		return 0, &notPossible{nobody}
	}
	before, err := s.exists(ctx)
	if err != nil {
		return 0, err
	}
	said, err := s.Ask(ctx, fmt.Sprintf("In Outlook, copy an item that IMAP clients cannot open, such as a broken "+
		"appointment, into the folder %s. Is it there?", s.folder))
	if err != nil {
		return 0, err
	}
	n, err = s.exists(ctx)
	if err == nil && (said != Yes || n <= before) {
		err = &notPossible{"there is no such item"}
	}
	if err == nil {
		_, err = s.fetchLast(ctx, "FLAGS") // waits until FETCH shows it
	}
	s.item = n
	return n, err
}

// fetchItem returns the text of the item, and whether FETCH has said OK.
func (s *surveyor) fetchItem(ctx context.Context) (text string, given, ok bool, err error) {
	n, err := s.askForItem(ctx)
	if err != nil {
		return "", false, false, err
	}
	if _, err := s.exists(ctx); err != nil {
		return "", false, false, err
	}
	r, err := s.command(ctx, "FETCH", fmt.Sprintf("%d (BODY.PEEK[])", n))
	for _, line := range r.lines {
		if strings.Contains(line, "BODY[]") {
			return line, true, r.isOK(), err
		}
	}
	return "", false, r.isOK(), err
}

func itemLeftOut(ctx context.Context, s *surveyor) (Finding, error) {
	_, given, ok, err := s.fetchItem(ctx)
	return answer(ok && !given), err
}

func itemReplaced(ctx context.Context, s *surveyor) (Finding, error) {
	text, _, _, err := s.fetchItem(ctx)
	return answer(strings.Contains(text, "Retrieval using the IMAP4 protocol failed")), err
}
