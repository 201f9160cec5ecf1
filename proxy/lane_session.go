package proxy

import (
	"errors"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-sasl"

	"exgate/backend"
)

// laneSession answers the command of a shot: LOGIN, AUTHENTICATE or APPEND. The
// library calls the method of that command. The library does not know PROXYAUTH, so
// proxyauth.go gives it an AUTHENTICATE instead.
type laneSession struct {
	notOwned
	conn *laneConn
}

var _ imapserver.SessionSASL = (*laneSession)(nil)

// newLaneSession gives the library the session of a shot, logged in if the client is.
func newLaneSession(lc *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
	conn, ok := lc.NetConn().(*laneConn)
	if !ok {
		return nil, nil, errors.New("not a connection of the own lane")
	}
	return &laneSession{conn: conn}, &imapserver.GreetingData{PreAuth: conn.shot.preauth}, nil
}

// Close implements imapserver.Session; the library closes the connection.
func (s *laneSession) Close() error { return nil }

// Login implements imapserver.Session.
func (s *laneSession) Login(username, password string) error {
	return s.conn.shot.c.open(backend.Claim{Authcid: username, Password: backend.NewSecret(password)})
}

// Append implements imapserver.Session.
func (s *laneSession) Append(_ string, _ imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	c, up := s.conn.shot.c, s.conn.shot.upload
	if notYet := c.awaitTurn(); notYet != nil {
		return nil, notYet
	}
	data, err := c.login.sender.Append(up, slices.Contains(options.Flags, imap.FlagSeen))
	var reply *imap.Error
	if errors.As(err, &reply) {
		c.noteRefusedMessage(up, up.Spool.Size(), reply)
	}
	return data, err
}

// AuthenticateMechanisms implements imapserver.SessionSASL.
func (s *laneSession) AuthenticateMechanisms() []string { return []string{sasl.Plain, xoauth2} }

// Authenticate implements imapserver.SessionSASL.
func (s *laneSession) Authenticate(mechanism string) (sasl.Server, error) {
	switch mechanism {
	case sasl.Plain:
	case xoauth2:
		return tokenServer{s.conn.shot.c.open}, nil
	default:
		return nil, &imap.Error{
			Type: imap.StatusResponseTypeNo,
			// Do not repeat the name: it may be a password.
			Text: "exgate takes LOGIN, and AUTHENTICATE with PLAIN, LOGIN, XOAUTH2, OAUTHBEARER or EXTERNAL, " +
				"and no other mechanism",
		}
	}
	open := s.conn.shot.c.open
	return sasl.NewPlainServer(func(identity, username, password string) error {
		if username == "" { // imapsync's --authmech2 PLAIN puts the one name that it has there
			identity, username = "", identity
		}
		return open(backend.Claim{Authcid: username, Authzid: identity, Password: backend.NewSecret(password)})
	}), nil
}

// Poll implements imapserver.Session: untagged data is the relay's.
func (s *laneSession) Poll(*imapserver.UpdateWriter, bool) error { return nil }

// notOwned answers what no shot brings to the lane.
type notOwned struct{}

var errNotOwned = &imap.Error{Type: imap.StatusResponseTypeBad, Code: imap.ResponseCodeServerBug,
	Text: "not a command of the own lane"}

func (notOwned) Select(string, *imap.SelectOptions) (*imap.SelectData, error) {
	return nil, errNotOwned
}
func (notOwned) Create(string, *imap.CreateOptions) error         { return errNotOwned }
func (notOwned) Delete(string) error                              { return errNotOwned }
func (notOwned) Rename(string, string, *imap.RenameOptions) error { return errNotOwned }
func (notOwned) Subscribe(string) error                           { return errNotOwned }
func (notOwned) Unsubscribe(string) error                         { return errNotOwned }
func (notOwned) List(*imapserver.ListWriter, string, []string, *imap.ListOptions) error {
	return errNotOwned
}
func (notOwned) Status(string, *imap.StatusOptions) (*imap.StatusData, error) {
	return nil, errNotOwned
}
func (notOwned) Append(string, imap.LiteralReader, *imap.AppendOptions) (*imap.AppendData, error) {
	return nil, errNotOwned
}
func (notOwned) Idle(*imapserver.UpdateWriter, <-chan struct{}) error  { return errNotOwned }
func (notOwned) Unselect() error                                       { return errNotOwned }
func (notOwned) Expunge(*imapserver.ExpungeWriter, *imap.UIDSet) error { return errNotOwned }
func (notOwned) Search(imapserver.NumKind, *imap.SearchCriteria, *imap.SearchOptions) (*imap.SearchData, error) {
	return nil, errNotOwned
}
func (notOwned) Fetch(*imapserver.FetchWriter, imap.NumSet, *imap.FetchOptions) error {
	return errNotOwned
}
func (notOwned) Store(*imapserver.FetchWriter, imap.NumSet, *imap.StoreFlags, *imap.StoreOptions) error {
	return errNotOwned
}
func (notOwned) Copy(imap.NumSet, string) (*imap.CopyData, error) { return nil, errNotOwned }
