package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// printable is a text as a terminal may show it: what a server says could else
// move the cursor, change what stands there already, or answer for the user.
// Control characters, C1 among them, those that only format, such as the ones
// that turn the direction of text, and bytes that are no UTF-8 are written as
// JSON would, so that JSON stays JSON. TAB and line end pass.
func printable(text string) string {
	if !strings.ContainsFunc(text, isUnprintable) && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch high, low := utf16.EncodeRune(r); {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\u%04x`, text[i])
		case !isUnprintable(r):
			b.WriteRune(r)
		case high != unicode.ReplacementChar:
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

func isUnprintable(r rune) bool {
	return r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// printableWriter writes all that it is given as printable has it. A character must not be
// divided between two writes.
type printableWriter struct{ io.Writer }

// Write implements io.Writer.
func (w printableWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, printable(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// bytesOut is a command's standard output for what is no text, such as a
// message.
func bytesOut(cmd *cobra.Command) io.Writer {
	if w, ok := cmd.OutOrStdout().(printableWriter); ok {
		return w.Writer
	}
	return cmd.OutOrStdout()
}
