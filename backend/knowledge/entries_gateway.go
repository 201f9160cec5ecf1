package knowledge

import "exgate/backend"

// gatewayEntries are the logins that fail in exgate itself.
var gatewayEntries = []Entry{
	{
		ID: "refused-here", Title: "exgate itself refuses a login",
		Kinds: []backend.Kind{backend.KindRefusedHere, backend.KindNotOffered},
		Phrases: []string{
			"exgate itself refused this login and did not ask Exchange",
			"exgate did not send this login, because the server offers no mechanism for it",
		},
		Keywords: []string{"refused-here", "not-offered", "wrong name or password", "users file password"},
		Meaning: "exgate did not send the login to Exchange, so it does not count towards a lock-out there. The " +
			"reply begins with the reason.",
		Causes: []Cause{
			{
				Title: "\"wrong name or password\": exgate itself holds a credential for the mailboxes, and the " +
					"accounts in users_file have passwords of their own.",
				Tell: "The configuration has users_file. The password is the one that was given to exgate user add, " +
					"not Exchange's.",
				Do:     "Log in with the password from exgate user add, or set a new one:",
				Lines:  []string{"exgate user list", "exgate user add {user}"},
				Source: "docs/logins.md",
			},
			{
				Title: "\"the server does not support this login\": the server does not offer the mechanism that the " +
					"configured forms need.",
				Tell: "The reply has the server's capabilities. Exchange 2003 has no AUTH=PLAIN. Exchange Online now " +
					"has only AUTH=XOAUTH2.",
				Do: "Leave upstream.login.forms unset. For Exchange Online, set upstream.oauth2.flow. If the server " +
					"has LOGINDISABLED and STARTTLS, set upstream.tls: starttls.",
				Source: "docs/exchange.md#capabilities",
			},
			{
				Title:  "The account is the built-in Administrator.",
				Do:     "Run: exgate explain administrator.",
				Source: "FAQ.Exchange, \"Exchange 2016 with an admin\"",
			},
		},
		See:    []string{"login-failed", "not-allowed", "administrator"},
		Source: "docs/logins.md",
	},
	{
		ID: "not-allowed", Title: "exgate does not allow this account to open this mailbox",
		Kinds: []backend.Kind{backend.KindNotAllowed},
		Phrases: []string{
			"exgate itself refused this login: its users file does not allow this account to open this mailbox",
			"users_file does not list it for this caller",
			"the users file does not say so", // in logs of earlier versions
		},
		Keywords: []string{"not-allowed", "may not open the mailbox"},
		Meaning: "exgate uses its own credential to open a mailbox only for accounts to which users_file gives that " +
			"mailbox. The name in the reply is the one that would have gone to Exchange, with aliases and suffixes " +
			"applied.",
		Causes: []Cause{{
			Title:  "The mailbox is not in the account's line, or has another spelling there.",
			Do:     "Write the name into the line exactly as the reply shows it.",
			Lines:  []string{"exgate user list", "exgate user add {admin} --mailbox {user}"},
			Source: "docs/logins.md",
		}},
		See:    []string{"refused-here"},
		Source: "docs/logins.md",
	},
	{
		ID: "token-refused", Title: "exgate gets no access token", Kinds: []backend.Kind{backend.KindTokenRefused},
		Phrases: []string{"no access token is available for this mailbox until exgate's administrator acts",
			"AADSTS7000215", "AADSTS7000222", "AADSTS700016", "AADSTS700027", "AADSTS70008", "AADSTS90002",
			"AADSTS65001", "AADSTS50076", "AADSTS50079", "AADSTS53003", "AADSTS50126", "invalid_client",
			"invalid_grant"},
		Keywords: []string{"token-refused", "client secret", "refresh token"},
		Meaning:  "The token endpoint refused exgate's credential. exgate's log has the error code.",
		Causes: []Cause{
			{
				Title: "invalid_client, AADSTS7000215, AADSTS7000222: the client secret is wrong or has expired. " +
					"exgate needs the secret's value, not its id.",
				Signs:  []string{"invalid_client", "AADSTS7000215", "AADSTS7000222"},
				Do:     "Create a new secret, and set upstream.oauth2.client_secret_file.",
				Click:  "Microsoft Entra admin center: App registrations > the application > Certificates & secrets",
				Source: "learn.microsoft.com/entra/identity-platform/reference-error-codes",
			},
			{
				Title:  "AADSTS700016, AADSTS90002: the application or the directory does not exist.",
				Signs:  []string{"AADSTS700016", "AADSTS90002"},
				Do:     "Compare upstream.oauth2.client_id and tenant with the overview of the app registration.",
				Source: "learn.microsoft.com/entra/identity-platform/reference-error-codes",
			},
			{
				Title: "AADSTS65001: nobody has consented to what the application asks for.",
				Signs: []string{"AADSTS65001"},
				Do: "Let an administrator consent, to IMAP.AccessAsApp for an application or " +
					"IMAP.AccessAsUser.All for " +
					"users; or let the user log in once with exgate login.",
				Click: "Microsoft Entra admin center: App registrations > the application > API permissions > " +
					"Grant admin consent",
				Source: "learn.microsoft.com/entra/identity-platform/reference-error-codes",
			},
			{
				Title: "AADSTS50076, AADSTS50079, AADSTS53003: a policy (Conditional Access) demands a second " +
					"factor or " +
					"forbids this sign-in.",
				Signs: []string{"AADSTS50076", "AADSTS50079", "AADSTS53003"},
				Do: "Sign in once more with the second factor, by exgate login. Or use the application's own " +
					"credential, which no second factor protects.",
				Source: "learn.microsoft.com/entra/identity-platform/reference-error-codes",
			},
			{
				Title:  "AADSTS50126: the name or the password is wrong.",
				Signs:  []string{"AADSTS50126"},
				Do:     "Sign in again, by exgate login.",
				Source: "learn.microsoft.com/entra/identity-platform/reference-error-codes",
			},
			{
				Title:  "invalid_grant, or no refresh token is stored: the user must consent, or consent again.",
				Lines:  []string{"exgate login {user}"},
				Source: "docs/logins.md",
			},
		},
		See:    []string{"not-connected", "online-login"},
		Source: "docs/logins.md; RFC 6749 section 5.2",
	},
	{
		ID: "token-unavailable", Title: "exgate gets no access token now",
		Kinds:    []backend.Kind{backend.KindTokenUnavailable},
		Phrases:  []string{"no access token is available for this mailbox now"},
		Keywords: []string{"token-unavailable", "token endpoint"},
		Meaning: "exgate cannot reach the token endpoint, the endpoint is too busy, or the token command failed. The " +
			"client may try again.",
		Causes: []Cause{{
			Title:  "A firewall, a proxy or DNS prevents the connection.",
			Tell:   "exgate's log has the reason.",
			Do:     "Allow exgate to reach the token endpoint by HTTPS. exgate uses HTTPS_PROXY from the environment.",
			Lines:  []string{"https://login.microsoftonline.com/"},
			Source: "docs/logins.md",
		}},
		See:    []string{"token-refused"},
		Source: "docs/logins.md",
	},
}
