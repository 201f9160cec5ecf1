package survey

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"exgate/backend"
)

// message is a test message in the making.
type message struct {
	fields []string // without line ends
	body   string
}

// plain returns an ordinary message.
func plain() message {
	return message{
		fields: []string{
			"Date: Mon, 05 Feb 2001 04:05:06 +0000",
			"From: exgate survey <survey@exgate.example>",
			"To: survey@exgate.example",
			"Subject: exgate survey",
			"Message-ID: <survey@exgate.example>",
			"MIME-Version: 1.0",
		},
		body: "A test message of exgate survey.\r\n",
	}
}

// with returns the message with a field, in place of one of the same name.
func (m message) with(field string) message {
	name, _, _ := strings.Cut(field, ":")
	fields := []string{}
	for _, f := range m.fields {
		if !strings.HasPrefix(f, name+":") {
			fields = append(fields, f)
		}
	}
	m.fields = append(fields, field)
	return m
}

func (m message) saying(body string) message {
	m.body = body
	return m
}

func (m message) text() string { return strings.Join(m.fields, "\r\n") + "\r\n\r\n" + m.body }

// multipart returns the message with parts, each with its header.
func (m message) multipart(kind string, parts ...string) message {
	m = m.with("Content-Type: " + kind + `; boundary="exgate-survey-boundary"`)
	var b strings.Builder
	for _, part := range parts {
		b.WriteString("--exgate-survey-boundary\r\n" + part + "\r\n")
	}
	return m.saying(b.String() + "--exgate-survey-boundary--\r\n")
}

const textPart = "Content-Type: text/plain; charset=us-ascii\r\n\r\nText.\r\n"

// nested returns a message with others attached to each other, n deep.
func nested(n int64) message {
	inner := plain().text()
	for range n {
		inner = plain().with("Content-Type: message/rfc822").saying(inner).text()
	}
	fields, body, _ := strings.Cut(inner, "\r\n\r\n")
	return message{fields: strings.Split(fields, "\r\n"), body: body}
}

// references returns n identifications, one on each line.
func references(n int64) string {
	var b strings.Builder
	b.WriteString("References:")
	for i := range n {
		fmt.Fprintf(&b, "\r\n <%d@exgate.example>", i)
	}
	return b.String()
}

// store appends a message to the survey's folder. options are flags and date, as they stand in the command.
func (s *surveyor) store(ctx context.Context, options, text string) (reply, error) {
	r, err := s.ask(ctx, func() *backend.Request { return appendRequest(s.folder, options, text) })
	if err == nil && r.err != nil {
		err = &lostError{r.err}
	}
	return r, err
}

func appendRequest(folder, options, text string) *backend.Request {
	req := backend.NewRequest("APPEND").Mailbox(folder)
	if options != "" {
		req.Raw(options)
	}
	req.Body = &backend.Body{Size: int64(len(text)), WriterTo: strings.NewReader(text)}
	return req
}

// fetchTries is how often FETCH may not show a new message (EX-47), every lagStep, for lagLimit at most; all the waits
// of a run are lagBudget at most.
const fetchTries = 90

const (
	lagStep   = 500 * time.Millisecond // between two looks for a message that FETCH does not show yet
	lagLimit  = 45 * time.Second
	lagBudget = 2 * time.Minute
	lagTold   = 10 * time.Second // between two words to the person who waits
)

// fetch stores a message, and returns the response of FETCH for it.
func (s *surveyor) fetch(ctx context.Context, options string, m message, items string) (string, error) {
	r, err := s.store(ctx, options, m.text())
	if err == nil && !r.isOK() {
		err = &notPossible{"the message was refused: " + r.told()}
	}
	if err != nil {
		return "", err
	}
	return s.fetchLast(ctx, items)
}

// fetchLast returns the response of FETCH for the last message of the survey's folder. The message may come
// late. Once FETCH tells its UID, what is missing will not come.
func (s *surveyor) fetchLast(ctx context.Context, items string) (string, error) {
	n, err := s.exists(ctx)
	if err != nil {
		return "", err
	}
	lag := s.newLag()
	for try, shown := 0, false; try < fetchTries; try++ {
		line, err := s.fetchNumber(ctx, n, items)
		if err != nil || line != "" {
			return line, err
		}
		if shown {
			return "", &notPossible{"FETCH shows the message, and not what it was asked for"}
		}
		if items != "UID" {
			line, err := s.fetchNumber(ctx, n, "UID")
			if err != nil {
				return "", err
			}
			shown = line != ""
		}
		if shown {
			continue // it may have come between the two
		}
		if waits, err := lag.wait(ctx); err != nil || !waits {
			return "", cmp.Or(err, error(&notPossible{"FETCH does not show the message"}))
		}
	}
	return "", &notPossible{"FETCH does not show the message"}
}

// fetchNumber returns the response of FETCH for a message number; "" if there is none.
func (s *surveyor) fetchNumber(ctx context.Context, n int64, items string) (string, error) {
	r, err := s.command(ctx, "FETCH", fmt.Sprintf("%d (%s)", n, items))
	if err != nil {
		return "", err
	}
	for _, line := range r.lines {
		if numberOf(line, "FETCH") == n {
			return line, nil
		}
	}
	if !r.isOK() {
		return "", &notPossible{"FETCH was refused: " + r.told()}
	}
	return "", nil
}

// lag is the wait for one message that FETCH does not show yet.
type lag struct {
	s          *surveyor
	began      time.Time
	told       time.Time
	limit      time.Duration
	hasStarted bool
}

func (s *surveyor) newLag() *lag {
	return &lag{s: s, limit: max(lagStep, min(lagLimit, lagBudget-s.lagged))}
}

// wait waits for lagStep, and reports whether the wait has not used up its time.
func (l *lag) wait(ctx context.Context) (bool, error) {
	now := l.s.Now()
	if !l.hasStarted {
		l.began, l.told, l.hasStarted = now, now, true
		l.s.Progress("  FETCH does not show the message yet (EX-47): waiting up to %s", l.limit.Round(time.Second))
	}
	waited := now.Sub(l.began)
	if waited >= l.limit {
		return false, nil
	}
	if now.Sub(l.told) >= lagTold {
		l.told = now
		l.s.Progress("  still waiting, %s at most", (l.limit - waited).Round(time.Second))
	}
	err := l.s.Wait(ctx, lagStep)
	l.s.lagged += lagStep
	return true, err
}

// exists selects the survey's folder, and returns the number of its messages.
func (s *surveyor) exists(ctx context.Context) (n int64, err error) { return s.count(ctx, s.folder) }

// count selects a folder, and returns the number of its messages.
func (s *surveyor) count(ctx context.Context, folder string) (n int64, err error) {
	r, err := s.answered(ctx, func() *backend.Request { return backend.NewRequest("SELECT").Mailbox(folder) })
	if err == nil && !r.isOK() {
		err = &notPossible{"SELECT was refused: " + r.told()}
	}
	for _, line := range r.lines {
		if found := numberOf(line, "EXISTS"); found > 0 {
			n = found
		}
	}
	return n, err
}

// literal returns the literal of a response, or the quoted string in its place.
func literal(response string) string {
	_, rest, ok := strings.Cut(response, "{")
	size, rest, ok2 := strings.Cut(rest, "}\r\n")
	n := 0
	if _, err := fmt.Sscan(size, &n); !ok || !ok2 || err != nil || n > len(rest) {
		return ""
	}
	return rest[:n]
}

// notPossible says why a probe cannot tell.
type notPossible struct{ why string }

func (e *notPossible) Error() string { return e.why }
