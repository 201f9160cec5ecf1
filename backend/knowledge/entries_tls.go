package knowledge

var tlsEntries = []Entry{
	{
		ID: "certificate", Title: "The certificate is refused, or binding one broke IMAP",
		Phrases: []string{"certificate verify failed", "certificate signed by unknown authority", "x509: certificate", "certificate is not for", "hostname verification failed",
			"certificate is valid for", "handshake failure", "SSL connect attempt failed", "certificate relies on legacy Common Name"},
		Keywords: []string{"certificate", "binding certificate", "self signed", "tls handshake", "x509"},
		Meaning:  "TCP opens, and TLS fails or shows the wrong name. Exchange's IMAP service has a certificate of its own, apart from the web server's.",
		Causes: []Cause{
			{
				Title: "The certificate is not bound to the IMAP service, or another was bound last.",
				Do:    "Bind it, name it to the service, and restart the service. The name is that which clients connect to.",
				Click: "Exchange admin center: Servers > Certificates > edit the certificate > Services > IMAP",
				PowerShell: []string{
					"Get-ExchangeCertificate -Server {server} | Format-List Thumbprint, Subject, CertificateDomains, Services, NotAfter",
					"Enable-ExchangeCertificate -Server {server} -Thumbprint '<thumbprint>' -Services IMAP",
					"Set-ImapSettings -Server {server} -X509CertificateName '<host name>'",
					"Restart-Service MSExchangeImap4, MSExchangeIMAP4BE",
				},
				Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R0 (clintboessen.blogspot.com 2018/03: binding a certificate breaks IMAP or POP)",
			},
			{
				Title: "It has ended.",
				Tell:  "NotAfter lies in the past.",
				Do:    "Renew it, and bind the new one as above. Where upstream.pin is set, set it anew.",
				PowerShell: []string{
					"Get-ExchangeCertificate -Server {server} | Format-List Thumbprint, NotAfter, Services",
					"Get-ExchangeCertificate -Server {server} -Thumbprint '<thumbprint>' | New-ExchangeCertificate",
				},
				Source: "Microsoft Learn, \"Renew an Exchange Server certificate\"",
			},
			{
				Title:  "The server is reached by its address or another name, which no certificate has.",
				Do:     "Set upstream.server_name to the name in the certificate.",
				Source: "FAQ.Exchange, \"LOGIN failed\" R3 (--host2 192.168.xxx.yyy)",
			},
			{
				Title:  "It is self-signed, or of the company's own authority.",
				Do:     "Set upstream.ca_file to the authority's certificate, or upstream.pin to the SHA-256 of this one.",
				Source: "Go crypto/x509",
			},
			{
				Title:  "It is signed with SHA-1, or has its name in the CN only: Go verifies neither.",
				Do:     "Set upstream.pin.",
				Source: "Go crypto/x509",
			},
			{
				Title: "\"handshake failure\": the two sides have no cipher suite in common.",
				Do:    "Switch one with ECDHE on at the server. Where it has none, upstream.insecure-old-tls: true takes RSA key exchange and 3DES; suites with DHE alone, or RC4, are not taken at all.",
				PowerShell: []string{
					"Get-TlsCipherSuite | Format-Table Name",
					"Enable-TlsCipherSuite -Name TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
				},
				Source: "RFC 5246 section 7.2.2; Go crypto/tls",
			},
		},
		Exgate: "exgate verifies Exchange's certificate unless upstream.pin takes its place. imapsync does not verify unless told to (--sslargs2 SSL_verify_mode=1), so that it can work where exgate refuses.",
		See:    []string{"tls-mismatch", "unreachable"},
		Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R0",
	},
	{
		ID: "tls-mismatch", Title: "TLS on a plain port, or plain text on a TLS port",
		Phrases: []string{"wrong version number", "first record does not look like a TLS handshake", "unknown protocol", "record layer failure", "TLS on a port that begins in plain text",
			"this port begins in plain text", "plain text on the TLS port", "speaks plain text on this port", "packet length too long"},
		Keywords: []string{"ssl tls both", "tls port", "starttls port", "tls twice"},
		Meaning:  "One side speaks TLS from the first byte and the other does not. Port 993 is TLS from the first byte (SSL/TLS, implicit); port 143 begins in plain text and changes to TLS by STARTTLS.",
		Causes: []Cause{
			{
				Title:  "The client's setting does not suit the port of exgate.",
				Do:     "listen.implicit wants SSL/TLS (imapsync --ssl2), listen.starttls wants STARTTLS (imapsync --tls2). exgate's log names the client and the remedy.",
				Source: "FAQ.Exchange, \"Invalid state\" R1, R2",
			},
			{
				Title:  "exgate's setting does not suit the port of Exchange.",
				Do:     "upstream.tls: implicit goes with port 993, starttls with port 143.",
				Source: "FAQ.Exchange, \"Invalid state\" R1",
			},
			{
				Title:  "--ssl2 and --tls2 (or --ssl1 and --tls1) together: an encryption within an encryption.",
				Do:     "Give one of them.",
				Source: "FAQ.Exchange, \"Invalid state\" R2",
			},
		},
		See:    []string{"invalid-state", "certificate"},
		Source: "FAQ.Exchange, \"Invalid state\"",
	},
	{
		ID: "ssl-read-error", Title: "SSL read error",
		Phrases:  []string{"SSL read error", "SSL write error", "SSL read or write error", "SSL_read", "SSL_write", "unexpected eof while reading", "SSL wants a read first"},
		Keywords: []string{"ssl read", "ssl error", "ssl write"},
		Meaning:  "The TLS library of the client lost the connection in the middle; imapsync prints it as \"IO/Socket/SSL.pm: local error: SSL read error\". It is not about certificates.",
		Causes: []Cause{
			{
				Title:  "The connection broke, at the server or on the way.",
				Tell:   "The lines before it may hold the reason, such as a throttle.",
				Do:     "Run the sync again until it is through: each run goes on where the last one ended.",
				Source: "FAQ.Exchange, \"SSL read error\" R1",
			},
			{
				Title:  "The TLS libraries of the two sides do not get on.",
				Do:     "The second choice: no TLS between exgate and Exchange, in a network that you trust with the passwords: upstream.tls: insecure-none, and Exchange must allow it (exgate explain plain-text-login).",
				Source: "FAQ.Exchange, \"SSL read error\" R2",
			},
			{
				Title:  "More on such errors.",
				Lines:  []string{"https://imapsync.lamiral.info/FAQ.d/FAQ.SSL_errors.txt"},
				Source: "FAQ.Exchange, \"SSL read error\" R3",
			},
		},
		Exgate: "With exgate the client's TLS ends at exgate, and Go's TLS talks to Exchange.",
		See:    []string{"lost", "certificate"},
		Source: "FAQ.Exchange, FAQ.Office365, \"SSL read error\"",
	},
}
