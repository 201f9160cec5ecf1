package knowledge

var tlsEntries = []Entry{
	{
		ID: "certificate", Title: "exgate refuses the certificate, or IMAP fails after binding one",
		Phrases: []string{"certificate verify failed", "certificate signed by unknown authority", "x509: certificate",
			"certificate is not for", "hostname verification failed", "certificate is valid for",
			"SSL connect attempt failed", "certificate relies on legacy Common Name"},
		Keywords: []string{"certificate", "binding certificate", "self signed", "tls handshake", "x509"},
		Meaning: "The TCP connection opens, but TLS fails or shows the wrong name. Exchange's IMAP service has its " +
			"own certificate, separate from the web server's.",
		Causes: []Cause{
			{
				Title: "The certificate is not bound to the IMAP service, or another one was bound later.",
				Do: "Bind the certificate, set its name in the service, and restart the service. Use the name to " +
					"which clients connect.",
				Click: "Exchange admin center: Servers > Certificates > edit the certificate > Services > IMAP",
				PowerShell: []string{
					"Get-ExchangeCertificate -Server {server} | Format-List Thumbprint, Subject, CertificateDomains, Services, NotAfter",
					"Enable-ExchangeCertificate -Server {server} -Thumbprint '<thumbprint>' -Services IMAP",
					"Set-ImapSettings -Server {server} -X509CertificateName '<host name>'",
					"Restart-Service MSExchangeImap4, MSExchangeIMAP4BE",
				},
				Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R0 (clintboessen.blogspot.com 2018/03: " +
					"binding a certificate breaks IMAP or POP)",
			},
			{
				Title: "The certificate has expired.",
				Signs: []string{"has expired"},
				Tell:  "NotAfter is in the past.",
				Do:    "Renew the certificate, and bind the new one as above. If upstream.pin is set, change it.",
				PowerShell: []string{
					"Get-ExchangeCertificate -Server {server} | Format-List Thumbprint, NotAfter, Services",
					"Get-ExchangeCertificate -Server {server} -Thumbprint '<thumbprint>' | New-ExchangeCertificate",
				},
				Source: "Microsoft Learn, \"Renew an Exchange Server certificate\"",
			},
			{
				Title:  "exgate connects by an IP address, or by a name that the certificate does not contain.",
				Signs:  []string{"certificate is valid for", "certificate is not for", "doesn't contain any IP SANs"},
				Do:     "Set upstream.server_name to the name in the certificate.",
				Source: "FAQ.Exchange, \"LOGIN failed\" R3 (--host2 192.168.xxx.yyy)",
			},
			{
				Title: "The certificate is self-signed, or signed by the company's own authority.",
				Signs: []string{"unknown authority"},
				Do: "Set upstream.ca_file to the authority's certificate, or upstream.pin to the SHA-256 of the " +
					"server's certificate.",
				Source: "Go crypto/x509",
			},
			{
				Title:  "The certificate is signed with SHA-1, or has its name only in the CN. Go verifies neither.",
				Signs:  []string{"SHA1", "legacy Common Name"},
				Do:     "Set upstream.pin.",
				Source: "Go crypto/x509",
			},
		},
		Exgate: "exgate verifies Exchange's certificate, unless upstream.pin is set. imapsync verifies only with " +
			"--sslargs2 SSL_verify_mode=1, so it can work where exgate refuses.",
		See:    []string{"tls-mismatch", "tls-alert", "unreachable"},
		Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R0",
	},
	{
		ID: "tls-alert", Title: "TLS: no version or cipher suite in common, dh key too small",
		Phrases: []string{"handshake failure", "dh key too small", "no cipher suite in common", "no shared cipher",
			"protocol version not supported", "unsupported protocol", "insufficient security"},
		Keywords: []string{"dh key", "cipher suite", "old tls", "tls version"},
		Meaning: "Both sides speak TLS, but one of them refuses what the other offers, and ends the handshake " +
			"with an " +
			"alert. Old versions of Windows under Exchange are the usual reason.",
		Causes: []Cause{
			{
				Title: "\"handshake failure\": the two sides have no cipher suite in common.",
				Signs: []string{"cipher suite", "handshake failure"},
				Do: "Enable a cipher suite with ECDHE at the server. If the server has none, " +
					"upstream.insecure-old-tls: true allows RSA key exchange and 3DES. exgate never uses RC4, and " +
					"has no suites with DHE.",
				PowerShell: []string{
					"Get-TlsCipherSuite | Format-Table Name",
					"Enable-TlsCipherSuite -Name TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
				},
				Source: "RFC 5246 section 7.2.2; Go crypto/tls",
			},
			{
				Title: "\"protocol version not supported\": the server has only TLS 1.0 or 1.1.",
				Signs: []string{"protocol version"},
				Do: "Update the server, or set upstream.insecure-old-tls: true. Run: exgate check " +
					"--login.", Source: "Go crypto/tls",
			},
			{
				Title: "\"dh key too small\": the client refuses the server's Diffie-Hellman key of 1,024 bits or " +
					"fewer.",
				Tell: "The words are OpenSSL's. exgate uses no such keys, so the client was connected to " +
					"Exchange directly.",
				Do: "Let the client connect to exgate. At the server, put suites with ECDHE first, or raise " +
					"ServerMinKeyBitLength.",
				Source: "docs.openssl.org/master/man3/SSL_CTX_set_security_level; " +
					"learn.microsoft.com/security-updates/securityadvisories/2016/3174644",
			},
		},
		See:    []string{"certificate", "tls-mismatch"},
		Source: "RFC 5246 section 7.2",
	},
	{
		ID: "tls-mismatch", Title: "TLS on a plain port, or plain text on a TLS port",
		Phrases: []string{"the client has begun no TLS", "wrong version number", "unknown protocol",
			"first record does not look like a TLS handshake",
			"record layer failure", "TLS on a port that begins in plain text", "this port begins in plain text",
			"plain text on the TLS port", "does not use TLS on this port", "packet length too long"},
		Keywords: []string{"ssl tls both", "tls port", "starttls port", "tls twice"},
		Meaning: "One side uses TLS from the first byte, and the other does not. Port 993 uses TLS from the first " +
			"byte (SSL/TLS, implicit). Port 143 begins in plain text and changes to TLS by STARTTLS.",
		Causes: []Cause{
			{
				Title: "The client's setting does not match exgate's port.",
				Do: "listen.implicit needs SSL/TLS (imapsync --ssl2). listen.starttls needs STARTTLS (imapsync " +
					"--tls2). exgate's log shows the client and the remedy.",
				Source: "FAQ.Exchange, \"Invalid state\" R1, R2",
			},
			{
				Title:  "exgate's setting does not match Exchange's port.",
				Do:     "Port 993 needs upstream.tls: implicit. Port 143 needs upstream.tls: starttls.",
				Source: "FAQ.Exchange, \"Invalid state\" R1",
			},
			{
				Title:  "imapsync has both --ssl2 and --tls2 (or --ssl1 and --tls1), so it encrypts twice.",
				Do:     "Use only one of them.",
				Source: "FAQ.Exchange, \"Invalid state\" R2",
			},
		},
		See:    []string{"invalid-state", "certificate"},
		Source: "FAQ.Exchange, \"Invalid state\"",
	},
	{
		ID: "ssl-read-error", Title: "SSL read error",
		Phrases: []string{"SSL read error", "SSL write error", "SSL read or write error", "SSL_read", "SSL_write",
			"unexpected eof while reading", "SSL wants a read first"},
		Keywords: []string{"ssl read", "ssl error", "ssl write"},
		Meaning: "The client's TLS library lost the connection. imapsync prints \"IO/Socket/SSL.pm: local error: SSL " +
			"read error\". Certificates are not the cause.",
		Causes: []Cause{
			{
				Title:  "The server or the network closed the connection.",
				Tell:   "The lines before may show the reason, such as a throttle.",
				Do:     "Run the sync again until it is complete. Each run continues where the last one stopped.",
				Source: "FAQ.Exchange, \"SSL read error\" R1",
			},
			{
				Title: "The TLS libraries of the two sides are not compatible.",
				Do: "As a last resort, and only in a network that you trust, switch off TLS between exgate and " +
					"Exchange: upstream.tls: insecure-none. Exchange must allow it (exgate explain plain-text-login).",
				Source: "FAQ.Exchange, \"SSL read error\" R2",
			},
			{
				Title:  "More about such errors:",
				Lines:  []string{"https://imapsync.lamiral.info/FAQ.d/FAQ.SSL_errors.txt"},
				Source: "FAQ.Exchange, \"SSL read error\" R3",
			},
		},
		Exgate: "With exgate, the client's TLS connection ends at exgate. exgate uses Go's TLS library towards " +
			"Exchange.",
		See:    []string{"lost", "certificate"},
		Source: "FAQ.Exchange, FAQ.Office365, \"SSL read error\"",
	},
}
