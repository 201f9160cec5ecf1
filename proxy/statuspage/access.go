package statuspage

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"

	"exgate/backend"
)

// Guard lets only those see the page who show the token, or a client certificate that the TLS handshake has verified.
// Without a token and without certificates it lets everybody in who names this machine by its IP address or as
// localhost: otherwise a page of somebody else, whose name leads here, could read this one in the operator's browser.
func Guard(page http.Handler, token backend.Secret, certificates bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case token.IsNone() && !certificates:
			if !isPlainHost(r.Host) {
				http.Error(w, "name this machine by its IP address, or as localhost", http.StatusForbidden)
				return
			}
		case r.TLS != nil && len(r.TLS.VerifiedChains) > 0, showsToken(r, token):
		case token.IsNone():
			http.Error(w, "the status page needs a client certificate", http.StatusForbidden)
			return
		default:
			w.Header().Set("WWW-Authenticate", `Basic realm="exgate", charset="UTF-8"`)
			http.Error(w, "the status page needs the token (listen.status_token) as the password",
				http.StatusUnauthorized)
			return
		}
		page.ServeHTTP(w, r)
	})
}

// showsToken reports whether a request has the token as its password, or as a bearer token.
func showsToken(r *http.Request, token backend.Secret) bool {
	if token.IsNone() {
		return false
	}
	_, shown, ok := r.BasicAuth()
	if !ok {
		shown, ok = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	}
	got, want := sha256.Sum256([]byte(shown)), sha256.Sum256([]byte(token.Reveal()))
	return ok && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// isPlainHost reports whether a Host header is an IP address, or localhost.
func isPlainHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == "localhost" || net.ParseIP(strings.Trim(host, "[]")) != nil
}
