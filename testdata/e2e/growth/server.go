package main

import (
	"bufio"
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// certificate makes a certificate for localhost, and writes it into dir.
func certificate(dir string) (tls.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	if err := cmp.Or(
		os.WriteFile(filepath.Join(dir, "cert.pem"), certPEM, 0o600),
		os.WriteFile(filepath.Join(dir, "key.pem"), keyPEM, 0o600),
	); err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}

func freePorts(n int) (addresses []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}

// serve starts the server, and returns its address.
func serve(o *options, cert tls.Certificate) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	address := l.Addr().String()
	if !o.plaintext {
		config := &tls.Config{Certificates: []tls.Certificate{cert}, DynamicRecordSizingDisabled: true}
		if o.tls12 {
			config.MaxVersion = tls.VersionTLS12
		}
		l = tls.NewListener(l, config)
	}
	messages, headers := o.content()
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				(&served{nc: nc, r: bufio.NewReader(nc), messages: messages, headers: headers}).run()
			}()
		}
	}()
	return address, nil
}

// content is the replies to the two commands of FETCH. The sizes of the messages are evenly spread by
// their logarithm.
func (o *options) content() (messages, headers []byte) {
	text := []byte("From: Somebody <somebody@example.org>\r\nTo: user@example.com\r\nSubject: A message\r\n\r\n" +
		strings.Repeat("The quick brown fox jumps over the lazy dog, again and again.\r\n", 9000))
	for i := range o.messages {
		size := int(1000 * math.Pow(500, (float64(i)+0.5)/float64(o.messages)))
		messages = fmt.Appendf(messages, "* %d FETCH (UID %d FLAGS (\\Seen) BODY[] {%d}\r\n", i+1, i+1, size)
		messages = append(messages, text[:size]...)
		messages = append(messages, ")\r\n"...)
	}
	for i := range o.headers {
		header := fmt.Sprintf("Date: Mon, 02 Jan 2006 15:04:05 +0000\r\nFrom: Somebody <somebody%d@example.org>\r\n"+
			"To: user@example.com\r\nSubject: Message number %d\r\nMessage-ID: <%d@example.org>\r\n\r\n", i, i, i)
		headers = fmt.Appendf(headers, "* %d FETCH (UID %d FLAGS (\\Seen) INTERNALDATE \"02-Jan-2006 15:04:05 +0000\" "+
			"RFC822.SIZE 4321 BODY[HEADER.FIELDS (DATE FROM TO SUBJECT MESSAGE-ID)] {%d}\r\n%s)\r\n",
			i+1, i+1, len(header), header)
	}
	return messages, headers
}

// served is a connection of the server.
type served struct {
	nc                net.Conn
	r                 *bufio.Reader
	messages, headers []byte
	stored            int
}

func (s *served) run() {
	const caps = "IMAP4rev1 SASL-IR UIDPLUS IDLE NAMESPACE ID LITERAL+ AUTH=PLAIN"
	s.say("* OK [CAPABILITY %s] The Microsoft Exchange IMAP4 service is ready.", caps)
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return
		}
		tag, command, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		upper := strings.ToUpper(command)
		switch verb, _, _ := strings.Cut(upper, " "); {
		case verb == "CAPABILITY":
			s.say("* CAPABILITY %s", caps)
		case verb == "STATUS":
			s.say("* STATUS INBOX (MESSAGES 300 UIDNEXT 301 UIDVALIDITY 14)")
		case verb == "ID":
			s.say(`* ID ("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.01")`)
		case verb == "LIST":
			s.say(`* LIST (\HasNoChildren) "/" INBOX`)
		case verb == "SELECT" || verb == "EXAMINE":
			s.say("* 300 EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)\r\n" +
				"* OK [UIDVALIDITY 14] UIDVALIDITY value\r\n* OK [UIDNEXT 301] The next unique identifier value")
		case strings.Contains(upper, "HEADER.FIELDS"):
			s.nc.Write(s.headers)
		case strings.HasPrefix(upper, "UID FETCH 1:3 (FLAGS RFC822.SIZE)"):
			for i := 1; i <= 3; i++ {
				s.say("* %d FETCH (UID %d FLAGS (\\Seen) RFC822.SIZE 4321)", i, i)
			}
		case strings.Contains(upper, "BODY"):
			s.nc.Write(s.messages)
		case verb == "IDLE":
			s.say("+ IDLE accepted, awaiting DONE command.")
			if _, err := s.r.ReadString('\n'); err != nil {
				return
			}
		case verb == "APPEND":
			if !s.take(command) {
				return
			}
			s.say("%s OK [APPENDUID 14 %d] APPEND completed.", tag, 301+s.stored)
			s.stored++
			continue
		case verb == "LOGOUT":
			s.say("* BYE Microsoft Exchange Server IMAP4 server signing off.\r\n%s OK LOGOUT completed.", tag)
			return
		}
		s.say("%s OK completed.", tag)
	}
}

// take takes the message of an APPEND.
func (s *served) take(command string) bool {
	begin := strings.LastIndexByte(command, '{')
	size, err := strconv.Atoi(strings.TrimRight(command[begin+1:], "+}"))
	if err != nil {
		return false
	}
	if !strings.HasSuffix(command, "+}") {
		s.say("+ Ready for additional command text.")
	}
	_, err = io.CopyN(io.Discard, s.r, int64(size))
	if err == nil {
		_, err = s.r.ReadString('\n')
	}
	return err == nil
}

func (s *served) say(format string, args ...any) { fmt.Fprintf(s.nc, format+"\r\n", args...) }
