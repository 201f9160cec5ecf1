package backend

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// assertionLife is the validity of a client assertion, which is used at once.
const assertionLife = 10 * time.Minute

// clientAssertion returns the JWT by which a certificate proves a client (RFC 7523
// section 3), as Microsoft Entra takes it: signed with PS256, the certificate
// named by its SHA-256 (learn.microsoft.com, "Microsoft identity platform
// application authentication certificate credentials").
func clientAssertion(cert *tls.Certificate, clientID, audience string, now time.Time) (Secret, error) {
	key, ok := cert.PrivateKey.(*rsa.PrivateKey)
	if !ok || len(cert.Certificate) == 0 {
		return Secret{}, errors.New("the certificate of the client has no RSA key")
	}
	thumbprint := sha256.Sum256(cert.Certificate[0])
	header, err := jwtPart(map[string]any{
		"alg": "PS256", "typ": "JWT", "x5t#S256": base64.RawURLEncoding.EncodeToString(thumbprint[:]),
	})
	if err != nil {
		return Secret{}, err
	}
	claims, err := jwtPart(map[string]any{
		"aud": audience, "iss": clientID, "sub": clientID, "jti": rand.Text(),
		"nbf": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return Secret{}, err
	}
	signed := header + "." + claims
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPSS(
		rand.Reader,
		key,
		crypto.SHA256,
		digest[:],
		&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
	)
	if err != nil {
		return Secret{}, fmt.Errorf("cannot sign the client assertion: %w", err)
	}
	return NewSecret(signed + "." + base64.RawURLEncoding.EncodeToString(signature)), nil
}

func jwtPart(v map[string]any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("cannot encode the client assertion: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}
