package wire

import "testing"

// TestQuoteName has the names as offlineimap writes them, and lines that stay as they are.
func TestQuoteName(t *testing.T) {
	const date = ` "17-Jul-1996 02:44:25 -0700"`
	for _, tc := range []struct{ line, want string }{
		{`a1 SELECT quo"ted`, `a1 SELECT "quo\"ted"`},
		{`a1 select quo"t"ed`, `a1 SELECT "quo\"t\"ed"`},
		{`a1 EXAMINE "a/quo"ted"`, `a1 EXAMINE "a/quo\"ted"`},
		{`a1 SELECT "a "quo"ted" name"`, `a1 SELECT "a \"quo\"ted\" name"`},
		{`a1 CREATE "two " words"`, `a1 CREATE "two \" words"`},
		{`a1 SELECT "a/b"\"`, `a1 SELECT "a/b\"\\"`},
		{`a1 SELECT "a/b\"`, `a1 SELECT "a/b\\"`},
		{`a1 DELETE "x`, `a1 DELETE "\"x"`},
		{`a1 STATUS quo"ted (MESSAGES UNSEEN)`, `a1 STATUS "quo\"ted" (MESSAGES UNSEEN)`},
		{`a1 STATUS "a/quo"ted" (MESSAGES)`, `a1 STATUS "a/quo\"ted" (MESSAGES)`},
		{`a1 COPY 1:2,7 quo"ted`, `a1 COPY 1:2,7 "quo\"ted"`},
		{`a1 UID MOVE 1:* "a b"c"`, `a1 UID MOVE 1:* "a b\"c"`},
		{`a1 APPEND quo"ted {12}`, `a1 APPEND "quo\"ted" {12}`},
		{`a1 APPEND quo"ted (\Seen)` + date + ` {12}`, `a1 APPEND "quo\"ted" (\Seen)` + date + ` {12}`},
		{`a1 APPEND "a/quo"ted" ()` + date + ` {12+}`, `a1 APPEND "a/quo\"ted" ()` + date + ` {12+}`},
		{`a1 APPEND "one " blank" (\Seen)` + date + ` {12}`, `a1 APPEND "one \" blank" (\Seen)` + date + ` {12}`},
		{`a1 APPEND "a/b\" (\Seen)` + date + ` {12}`, `a1 APPEND "a/b\\" (\Seen)` + date + ` {12}`},

		// As RFC 9051 section 9 has it
		{`a1 SELECT "quo\"ted"`, ""}, {`a1 SELECT "quoted"`, ""}, {`a1 SELECT quoted`, ""}, {`a1 SELECT back\slash`, ""},
		{`a1 SELECT "a" (CONDSTORE)`, ""}, {`a1 CREATE "a" (USE (\Sent))`, ""}, {`a1 SELECT {3}`, ""},
		{`a1 STATUS "a" (MESSAGES "b")`, ""}, {`a1 COPY 1 "a"`, ""}, {`a1 APPEND "a" (\Seen) "yesterday" {3}`, ""},
		{`a1 APPEND "a" "b" {3}`, ""}, {`a1 APPEND "a" CATENATE (URL "u" TEXT {3}`, ""},
		{`a1 APPEND "a" ~{3}`, ""}, {`a1 LOGIN bob pass"word`, ""}, {`a1 SEARCH SUBJECT quo"ted`, ""}, {`a1 RENAME a"b c`, ""},
		// Anything might be meant
		{`a1 SELECT "a" "b" {3}`, ""}, {`a1 SELECT quo"ted x`, ""}, {`a1 STATUS quo"ted`, ""}, {`a1 COPY quo"ted`, ""},
		{`a1 APPEND "a" {3} "b" {3}`, ""}, {`a1 SELECT`, ""}, {`a1 SELECT "`, `a1 SELECT "\""`}, {`"`, ""}, {"", ""},
	} {
		want := tc.want
		if want == "" {
			want = tc.line
		}
		if got := string(QuoteName([]byte(tc.line))); got != want {
			t.Errorf("QuoteName(%s) = %s, want %s", tc.line, got, want)
		}
	}
}
