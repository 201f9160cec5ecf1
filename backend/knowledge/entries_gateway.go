package knowledge

import "exgate/backend"

// gatewayEntries are the logins that come to an end in exgate itself.
var gatewayEntries = []Entry{
	{
		ID: "refused-here", Title: "exgate refuses a login itself", Kinds: []backend.Kind{backend.KindRefusedHere, backend.KindNotOffered},
		Phrases:  []string{"exgate refused this login itself and did not ask Exchange", "exgate did not send this login, since the server offers no way for it"},
		Keywords: []string{"refused-here", "not-offered", "wrong name or password", "users file password"},
		Meaning:  "The login was not sent to Exchange, so that it counts towards no lock-out there. The reply begins with the reason.",
		Causes: []Cause{
			{
				Title:  "\"wrong name or password\": exgate holds what opens the mailboxes, and callers have passwords of exgate's own.",
				Tell:   "The configuration has users_file. The password is the one given to exgate user add, not the one of Exchange.",
				Do:     "Give the caller a password, or log in with the one that he has.",
				Lines:  []string{"exgate user list", "exgate user add {user}"},
				Source: "docs/logins.md",
			},
			{
				Title:  "\"no form of this login can be written for this server\": the server does not offer what the configured forms need.",
				Tell:   "The reply has the server's capabilities. Exchange 2003 has no AUTH=PLAIN; Exchange Online has only AUTH=XOAUTH2 by now.",
				Do:     "Leave upstream.login.forms unset, or set upstream.oauth2.flow for Exchange Online. Where the server has LOGINDISABLED and STARTTLS, set upstream.tls: starttls.",
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
		ID: "not-allowed", Title: "exgate does not let this caller open this mailbox", Kinds: []backend.Kind{backend.KindNotAllowed},
		Phrases: []string{
			"exgate refused this itself: its users file does not give this mailbox to the caller",
			"users_file does not list it for this caller",
			"the users file does not say so", // in logs of earlier versions
		},
		Keywords: []string{"not-allowed", "may not open the mailbox"},
		Meaning:  "exgate opens mailboxes with what it holds only for callers to whom users_file gives them. The name in the reply is the one that would have gone to Exchange, after aliases and suffixes.",
		Causes: []Cause{{
			Title:  "The mailbox is not in the caller's line, or in another spelling.",
			Do:     "Write the name into the line as the reply has it.",
			Lines:  []string{"exgate user list", "exgate user add {admin} --mailbox {user}"},
			Source: "docs/logins.md",
		}},
		See:    []string{"refused-here"},
		Source: "docs/logins.md",
	},
	{
		ID: "token-refused", Title: "exgate gets no access token", Kinds: []backend.Kind{backend.KindTokenRefused},
		Phrases:  []string{"no access token is to be had for this mailbox until the administrator of exgate does something", "AADSTS7000215", "AADSTS700016", "AADSTS700027", "AADSTS70008", "invalid_client", "invalid_grant"},
		Keywords: []string{"token-refused", "client secret", "refresh token"},
		Meaning:  "The token endpoint refused what exgate has. exgate's log has its code.",
		Causes: []Cause{
			{
				Title:  "invalid_client, AADSTS7000215, AADSTS7000222: the client secret is wrong, or has expired (it is the value that counts, not the secret's id).",
				Do:     "Make a new one and set upstream.oauth2.client_secret_file.",
				Click:  "Microsoft Entra admin center: App registrations > the application > Certificates & secrets",
				Source: "learn.microsoft.com/entra/identity-platform/reference-error-codes",
			},
			{
				Title:  "AADSTS700016, AADSTS90002: there is no such application or directory.",
				Do:     "Compare upstream.oauth2.client_id and tenant with the overview of the app registration.",
				Source: "learn.microsoft.com/entra/identity-platform/reference-error-codes",
			},
			{
				Title:  "invalid_grant, or no refresh token is kept: the user has to consent, or to do so again.",
				Lines:  []string{"exgate login {user}"},
				Source: "docs/logins.md",
			},
		},
		See:    []string{"not-connected", "online-login"},
		Source: "docs/logins.md; RFC 6749 section 5.2",
	},
	{
		ID: "token-unavailable", Title: "exgate gets no access token now", Kinds: []backend.Kind{backend.KindTokenUnavailable},
		Phrases:  []string{"no access token is to be had for this mailbox now"},
		Keywords: []string{"token-unavailable", "token endpoint"},
		Meaning:  "The token endpoint could not be reached, or is too busy, or the token command failed. The client may try again.",
		Causes: []Cause{{
			Title:  "A firewall, a proxy or the name's resolution is in the way.",
			Tell:   "exgate's log has the reason.",
			Do:     "Let exgate reach the token endpoint by HTTPS; HTTPS_PROXY in the environment is honoured.",
			Lines:  []string{"https://login.microsoftonline.com/"},
			Source: "docs/logins.md",
		}},
		See:    []string{"token-refused"},
		Source: "docs/logins.md",
	},
}
