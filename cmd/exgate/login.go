package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"exgate/backend"
)

func loginCommand() *cobra.Command {
	var importToken bool
	cmd := &cobra.Command{
		Use:   "login MAILBOX",
		Short: "Get a user's consent for OAuth2, by a code that he enters in a browser",
		Long: "For upstream.oauth2.flow: refresh-token. Shows an address and a code; once the user has signed in there as MAILBOX and\n" +
			"entered the code, the refresh token is kept, encrypted, in state_dir. A running exgate uses it from the next login on.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			opts, err := c.Backend()
			if err != nil {
				return exitError{exitConfig, err}
			}
			if opts.OAuth2.Flow != backend.FlowRefreshToken {
				return exitError{exitConfig, errors.New("upstream.oauth2.flow: exgate login is for refresh-token")}
			}
			if importToken {
				return keepToken(cmd, opts.OAuth2, args[0])
			}
			source, err := backend.NewOAuth2(opts.OAuth2)
			if err != nil {
				return exitError{exitConfig, err}
			}
			out := cmd.OutOrStdout()
			err = source.DeviceLogin(cmd.Context(), args[0], func(address, code string) {
				fmt.Fprintf(out, "open %s, sign in as %s, and enter the code %s\n", address, args[0], code)
			})
			if err != nil {
				return exitError{exitUnavailable, err}
			}
			_, err = fmt.Fprintf(out, "kept; exgate check --login %s shows whether the mailbox opens\n", args[0])
			return err
		},
	}
	cmd.Flags().BoolVar(&importToken, "refresh-token", false, "take a refresh token that you have: it is asked for, or read from standard input")
	return cmd
}

// keepToken keeps a refresh token that was come by elsewhere.
func keepToken(cmd *cobra.Command, o backend.OAuth2Options, account string) error {
	token, err := askSecret(cmd, "Refresh token of "+account)
	if err != nil {
		return exitError{exitUsage, err}
	}
	if token == "" {
		return exitError{exitUsage, errors.New("the refresh token is empty")}
	}
	return o.Store.Save(o.ClientID, account, backend.NewSecret(token))
}
