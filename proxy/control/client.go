package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"

	"exgate/proxy/status"
)

// Client asks a running exgate. NewClient makes one.
type Client struct {
	path string
	http http.Client
}

// NewClient returns a client of the socket at path.
func NewClient(path string) *Client {
	c := &Client{path: path}
	c.http.Transport = &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}
	c.http.Timeout = requestTime
	return c
}

// RefusedError says why a running exgate does not obey an order.
type RefusedError string

func (e RefusedError) Error() string { return string(e) }

// ErrNotRunning is the error if no exgate listens on the socket.
var ErrNotRunning = errors.New("no exgate runs with this state_dir")

// Snapshot returns what the gateway does now.
func (c *Client) Snapshot(ctx context.Context) (now status.Snapshot, err error) {
	err = c.ask(ctx, http.MethodGet, "snapshot", nil, &now)
	return now, err
}

// Drain returns what a gateway that takes the place of the running one must know.
func (c *Client) Drain(ctx context.Context) (drain status.Drain, err error) {
	err = c.ask(ctx, http.MethodGet, "drain", nil, &drain)
	return drain, err
}

// Kick ends the session with this ID, or all sessions of this user. It returns their number.
func (c *Client) Kick(ctx context.Context, who string, now bool) (sessions int, err error) {
	return c.order(ctx, "kick", kickRequest{who, now})
}

// Pause makes the commands of a user wait, or those of all. It returns the number of sessions, as the orders below do.
func (c *Client) Pause(ctx context.Context, who string) (sessions int, err error) {
	return c.order(ctx, "pause", whoRequest{who})
}

// Resume lets the commands of a user, or of all, go on.
func (c *Client) Resume(ctx context.Context, who string) (sessions int, err error) {
	return c.order(ctx, "resume", whoRequest{who})
}

// Pace orders the messages per second of a user; nil takes the order back.
func (c *Client) Pace(ctx context.Context, user string, perSecond *float64) (sessions int, err error) {
	return c.order(ctx, "pace", paceRequest{user, perSecond})
}

// Trace begins or ends the wire trace of a user.
func (c *Client) Trace(ctx context.Context, user string, on bool) (sessions int, err error) {
	return c.order(ctx, "trace", traceRequest{user, on})
}

func (c *Client) order(ctx context.Context, name string, request any) (sessions int, err error) {
	var reply Reply
	err = c.ask(ctx, http.MethodPost, name, request, &reply)
	return reply.Sessions, err
}

// ask sends a request, and reads the answer into result.
func (c *Client) ask(ctx context.Context, method, name string, request, result any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://exgate/v1/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unanswered(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var reply Reply
		if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil || reply.Error == "" {
			return fmt.Errorf("the running exgate does not know the order %s (%s): it has another version", name,
				resp.Status)
		}
		return RefusedError(reply.Error)
	}
	if err := json.NewDecoder(resp.Body).Decode(result); err != nil {
		return fmt.Errorf("the answer of the running exgate cannot be read: %w", err)
	}
	return nil
}

// unanswered says what it means that the socket does not answer.
func (c *Client) unanswered(err error) error {
	var wrapped *url.Error // its URL tells the operator nothing
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, connectionRefused):
		return fmt.Errorf("%w: nothing listens on %s", ErrNotRunning, c.path)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, io.EOF): // isOurs has refused this user
		return fmt.Errorf("only root and the user that exgate runs as may use %s: %w", c.path, err)
	}
	return fmt.Errorf("the running exgate does not answer on %s: %w", c.path, err)
}
