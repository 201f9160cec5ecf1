package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"exgate/backend/survey"
)

// askPerson asks until the answer is yes, no or neither. It gives up when the input ends, or with ctx; the goroutine
// that reads then ends with the program.
func askPerson(ctx context.Context, out io.Writer, in *bufio.Reader, question string) (survey.Answer, error) {
	for {
		fmt.Fprintf(out, "%s (yes, no, or an empty line if you cannot tell) ", printable(question))
		line := make(chan string, 1)
		failed := make(chan error, 1)
		go func() {
			text, err := in.ReadString('\n')
			if err != nil {
				failed <- err
				return
			}
			line <- text
		}()
		select {
		case <-ctx.Done():
			return survey.Unknown, context.Cause(ctx)
		case <-failed: // the input has ended: nobody is there
			return survey.Unknown, nil
		case text := <-line:
			switch strings.ToLower(strings.TrimSpace(text)) {
			case "y", "yes":
				return survey.Yes, nil
			case "n", "no":
				return survey.No, nil
			case "":
				return survey.Unknown, nil
			}
		}
	}
}
