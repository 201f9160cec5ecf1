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
		Short: "Get a user's consent for OAuth2, by a code that the user enters in a browser",
		Long: "Gets a refresh token for upstream.oauth2.flow: refresh-token. exgate shows an address and a code. " +
			"The user signs in\n" +
			"there as MAILBOX and enters the code. exgate then stores the refresh token, encrypted, in state_dir. " +
			"A running\n" +
			"exgate uses the token from the next login on.",
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
				return exitError{exitConfig, errors.New("upstream.oauth2.flow: exgate login works only with " +
					"refresh-token")}
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
				fmt.Fprintf(out, "Open %s, sign in as %s, and enter the code %s\n", address, args[0], code)
			})
			if err != nil {
				return exitError{exitUnavailable, err}
			}
			_, err = fmt.Fprintf(out, "The refresh token is stored. To test it: exgate check --login %s\n", args[0])
			return err
		},
	}
	cmd.Flags().BoolVar(&importToken, "refresh-token", false,
		"store a refresh token that you already have; exgate asks for it, or reads it from standard input")
	return cmd
}

// keepToken stores a refresh token that the user already has.
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
