package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// maxCommandOutput is the maximum size of a token command's output.
const maxCommandOutput = 64 << 10

// command runs the token command without a shell. The command prints only a token,
// or JSON like a token endpoint; the token is then used for expires_in. exgate does
// not read its standard error, which could contain a secret.
func (s *OAuth2) command(ctx context.Context, mailbox string, _ Secret) (accessToken, error) {
	ctx, cancel := context.WithTimeoutCause(
		ctx,
		tokenTimeout,
		fmt.Errorf("it printed no token within %s", tokenTimeout),
	)
	defer cancel()
	args := make([]string, len(s.opts.Command))
	for i, arg := range s.opts.Command {
		args[i] = strings.ReplaceAll(arg, mailboxPlaceholder, mailbox)
	}
	var out boundedBuffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout = &out
	cmd.WaitDelay = time.Second // processes that it started may still hold its output
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return accessToken{}, tokenError(KindTokenUnavailable, fmt.Errorf("token command %s: %w", args[0], err))
	}
	token, err := parseCommandOutput(out.data, s.now())
	if err != nil {
		return accessToken{}, tokenError(KindTokenRefused, fmt.Errorf("token command %s: %w", args[0], err))
	}
	return token, nil
}

func parseCommandOutput(out []byte, now time.Time) (accessToken, error) {
	out = bytes.TrimSpace(out)
	var response struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	if bytes.HasPrefix(out, []byte("{")) {
		if json.Unmarshal(out, &response) != nil || response.AccessToken == "" {
			return accessToken{}, errors.New("the JSON that it printed has no access_token")
		}
	} else {
		response.AccessToken = string(out)
	}
	if response.AccessToken == "" || strings.ContainsAny(response.AccessToken, " \r\n\t\x00\x01") {
		return accessToken{}, errors.New("it printed something other than one token")
	}
	token := accessToken{value: NewSecret(response.AccessToken)}
	if response.ExpiresIn > 0 {
		token.expiry = now.Add(time.Duration(response.ExpiresIn) * time.Second)
	}
	return token, nil
}

// boundedBuffer accepts at most maxCommandOutput bytes. It does not embed a
// bytes.Buffer, whose ReadFrom has no limit.
type boundedBuffer struct{ data []byte }

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if len(b.data)+len(p) > maxCommandOutput {
		return 0, fmt.Errorf("the output has more than %d bytes", maxCommandOutput)
	}
	b.data = append(b.data, p...)
	return len(p), nil
}
