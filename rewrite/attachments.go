package rewrite

import "fmt"

// maxAttachments is how many parts Exchange Online takes in one message
// (docs/exchange.md#ex-36). Some room is left for the notes that
// stand for the rest, one for each multipart that is open.
const maxAttachments = 250

const attachmentsRoom = 20

// hasTooMany tells, after a walk, whether the message has more parts than
// Exchange takes, so that another walk must leave some out.
func (p *planner) hasTooMany() bool {
	return p.isOn(fixAttachments) && p.walker != nil && p.walker.leaves > maxAttachments
}

// isFull tells whether no more parts are to be entered.
func (p *planner) isFull() bool { return p.walker.leaves >= maxAttachments-attachmentsRoom }

// attachments is the fix of that name: the parts of a multipart beyond that
// number are taken out, and a note says so. Those who keep the original have
// them still (Report.Lossy).
func (p *planner) attachments(c content) error {
	if p.spares(c) {
		return nil
	}
	p.count(fixAttachments, c.parts)
	if c.sealed {
		p.sealedChanged(nil)
	}
	if p.walker.leaves++; p.walker.leaves > maxAttachments {
		return &RefusedError{fixes[fixAttachments].name,
			"it has too many parts, in too many multiparts that are open at once"}
	}
	note, err := p.noteOfOriginal(fmt.Sprintf("%d more attachments, %d bytes of the message, were taken out here: "+
		"the server takes %d parts in one message.", c.parts, c.end-c.start, maxAttachments))
	if err != nil {
		return err
	}
	return p.add(fixes[fixAttachments].name, edit{span: c.span, text: noteHeader + note})
}
