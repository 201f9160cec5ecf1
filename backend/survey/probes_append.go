package survey

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"exgate/backend"
	"exgate/config/profile"
)

// highestMessage is more than Exchange Online can be set to take, 150 MB (docs/exchange.md#append-size).
const highestMessage = 256 << 20

func appendProbes() []probe {
	return []probe{
		{
			id: "EX-08", name: "keyword-refused", asks: "whether a keyword is refused", cost: "one error",
			run: keywordRefused,
			set: func(f Finding, p profile.Profile) []Setting {
				if f.Answer == Yes {
					return one(!p.Keywords, "fixes.keywords", "drop")
				}
				return one(p.Keywords, "fixes.keywords", "leave")
			},
		},
		{
			id: "EX-06", name: "oversize-closes",
			asks: "whether a message over the limit costs the connection, or an error",
			cost: "up to 60 connections; messages are announced, and not sent",
			run:  oversizeCloses, set: messageSize,
		},
		{
			id: "EX-07", name: "oversize-refused", asks: "whether a message over the limit is refused in words",
			run: oversizeRefused,
		},
	}
}

func keywordRefused(ctx context.Context, s *surveyor) (Finding, error) {
	r, err := s.store(ctx, "(exgate-survey)", plain().text())
	return answer(!r.isOK()).refusedBy(r), err
}

// messageSize sets the limit if messages that exgate lets through are refused, or if it refuses what the server
// takes. A limit that is a little higher than exgate's is the usual case.
func messageSize(f Finding, p profile.Profile) []Setting {
	usual := p.MessageLimit > 0 && f.Number >= p.MessageLimit && f.Number < p.MessageLimit*3/2
	return one(f.Number > 0 && !f.Open && !usual, "limits.message_size", f.Number)
}

// errAnnounced ends a connection whose server asks for a message that was only announced.
var errAnnounced = errors.New("the message was announced only")

// announced is the body of a message that is never sent.
type announced struct {
	leave func()
	taken *bool // the server has asked for the message
}

// WriteTo implements io.WriterTo. It waits until the server no longer counts the connection: up to 60 connections are
// given up like this, and the server would refuse a login beyond its limit.
func (a announced) WriteTo(io.Writer) (int64, error) {
	*a.taken = true
	a.leave()
	return 0, errAnnounced
}

// announce announces a message of n bytes. taken reports whether the server asks for it; the connection is then given
// up, so that not one of the bytes is sent.
func (s *surveyor) announce(ctx context.Context, n int64) (taken bool, r reply, err error) {
	r, err = s.ask(ctx, func() *backend.Request {
		req := backend.NewRequest("APPEND").Mailbox(s.folder)
		taken = false
		req.Body = &backend.Body{Size: n, WriterTo: announced{s.main.session.Leave, &taken}}
		return req
	})
	return taken && r.err != nil, r, err
}

func oversizeCloses(ctx context.Context, s *surveyor) (Finding, error) {
	var last reply
	guess := s.profile.MessageLimit
	if f, ok := usualLimits[s.profile.Name]; ok {
		guess = f
	}
	n, limited, err := bisect(ctx, span{low: 1000, guess: guess, high: highestMessage},
		func(ctx context.Context, n int64) (bool, error) {
			// The connection may be lost by chance, or because of the last refusal: the second time it is the answer.
			for range 2 {
				taken, r, err := s.announce(ctx, n)
				if err != nil || taken {
					return taken, err
				}
				if last = r; r.err == nil {
					return false, nil
				}
			}
			return false, nil
		})
	if err != nil {
		return Finding{}, err
	}
	f := answer(limited && (last.err != nil || last.isBAD()))
	f.Number, f.Open = n, !limited
	return f.refusedBy(last), nil
}

// usualLimits are those of docs/exchange.md#append-size, by exgate's profile, in bytes: 10 MB and 35 MB of 1,024
// times 1,024 bytes.
var usualLimits = map[string]int64{
	"exchange2000": 10 << 20, "exchange2003": 10 << 20, "exchange2007": 10 << 20, "exchange2010": 10 << 20,
	"exchange2013": 10 << 20, "exchange2016": 10 << 20, "exchange2019": 10 << 20, "exchange-se": 10 << 20,
	"exchange-online": 35 << 20,
}

// oversizeRefused goes by the limit and the words that oversizeCloses has found.
func oversizeRefused(_ context.Context, s *surveyor) (Finding, error) {
	limit, ok := s.state.Find("EX-06")
	if !ok || limit.Answer == Unknown {
		return unknown("the limit is not known"), nil
	}
	if limit.Open {
		return answer(false).noted("there is no limit up to " + fmt.Sprint(limit.Number)), nil
	}
	f := answer(strings.Contains(strings.ToLower(limit.Said), "maximum size of appendable message"))
	f.Number, f.Said = limit.Number, limit.Said
	return f, nil
}
