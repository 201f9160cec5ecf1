package backend

import (
	"errors"
	"strings"
	"testing"
)

// What Exchange says beside the protocol disturbs no request, and what it refuses without a tag is the
// refusal of the request.
func TestStrays(t *testing.T) {
	for _, tt := range []struct {
		name, said string
		word, text string
		kind       Kind // of a refusal
	}{
		{"no response", "CAPABILITY completed.\r\n\r\n \r\nxg1 OK done\r\n", "OK", "done", ""},
		{"ends like a literal", "see {30}\r\nxg1 OK done\r\n", "OK", "done", ""},
		{"a + that nobody waits for", "+ go on\r\n+\r\nxg1 OK done\r\n", "OK", "done", ""},
		{"no tag", " OK done\r\nxg1 OK done\r\n", "OK", "done", ""},
		{"blanks", "  *  3  EXISTS \r\n xg1   OK  done\r\n", "OK", "done", ""},
		{"unavailable", "Server Unavailable. 15\r\n", "NO", "Server Unavailable. 15", KindUnavailable},
		{"throttled", "Request is throttled. Suggested Backoff Time: 5 milliseconds\r\n", "NO",
			"Request is throttled. Suggested Backoff Time: 5 milliseconds", KindThrottled},
		{"repeated", strings.Repeat("Server Unavailable. 15\r\n", 3), "NO", "Server Unavailable. 15", KindUnavailable},
		{"with a tag as well", "Server Unavailable. 15\r\nxg1 NO Server Unavailable. 15\r\n", "NO",
			"Server Unavailable. 15", KindUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := scripted(t, "C: xg1 NOOP", "S: "+tt.said, "C: xg2 NOOP", "S: xg2 OK still here\r\n")
			status, err := c.Do(t.Context(), NewRequest("NOOP"))
			if err != nil || status.Word != tt.word || status.Text != tt.text {
				t.Fatalf("got %+v, %v", status, err)
			}
			if tt.kind != "" && Classify(status).Kind != tt.kind {
				t.Errorf("the refusal is of kind %s", Classify(status).Kind)
			}
			if status, err := c.Do(t.Context(), NewRequest("NOOP")); err != nil || status.Text != "still here" {
				t.Errorf("the next request: %+v, %v", status, err)
			}
		})
	}
}

// What became of a message is open after a refusal without a tag, or a BYE with one: the connection ends, and
// the mailbox is looked into.
func TestStrayAfterMessage(t *testing.T) {
	for _, said := range []string{"Server Unavailable. 15", "xg1 BYE Connection closed. 14"} {
		c := scripted(t, "C: xg1 APPEND INBOX {4}", "S: + Ready\r\n", "C: half", "S: "+said+"\r\n")
		req := NewRequest("APPEND").Mailbox("INBOX")
		req.Body = &Body{Size: 4, WriterTo: strings.NewReader("half")}
		status, err := c.Do(t.Context(), req)
		var lost *LostError
		if !errors.As(err, &lost) || !strings.HasSuffix(said, strings.TrimPrefix(strings.TrimPrefix(lost.Said, "NO "), "BYE ")) {
			t.Errorf("%s: %+v, %v", said, status, err)
		}
	}
}

func TestBareRefusal(t *testing.T) {
	for line, want := range map[string]string{
		"Server Unavailable. 15\r\n":                 "Server Unavailable. 15",
		" Server Unavailable. 15 \r\n":               "Server Unavailable. 15",
		"Command Argument Error. 11\r\n":             "Command Argument Error. 11",
		"* Server Unavailable. 15\r\n":               "",
		"+ Server Unavailable. 15\r\n":               "",
		"CAPABILITY completed.\r\n":                  "",
		"\r\n":                                       "",
		strings.Repeat("Server Unavailable. 15", 30): "",
	} {
		if refusal, ok := BareRefusal([]byte(line)); ok != (want != "") || ok && (refusal.Text != want || refusal.Word != "NO") {
			t.Errorf("%q: %+v, %t", line, refusal, ok)
		}
	}
}
