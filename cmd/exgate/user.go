package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"exgate/config"
	"exgate/proxy/users"
)

// loadUsers reads the users file. It returns nil if the configuration has none.
func loadUsers(c *config.Config) (*users.File, error) {
	if c.UsersFile == "" {
		return nil, nil
	}
	users, err := users.Load(c.UsersFile)
	if err != nil {
		return nil, exitError{exitConfig, err}
	}
	return users, nil
}

func userCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Manage the accounts that may use the gateway's credentials",
		Long: "Manages the users file (users_file). If exgate itself holds an admin's password or OAuth2 " +
			"credentials, this file\n" +
			"lists the accounts that may use them, and the mailboxes that each may open. A running exgate reads " +
			"the file again\n" +
			"when it changes.",
		// Without NoArgs, cobra takes a mistyped verb for an argument.
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().String("file", "", "the users `file` (default: users_file of the configuration)")
	cmd.AddCommand(userAddCommand(), userRemoveCommand(), userListCommand())
	return cmd
}

func userAddCommand() *cobra.Command {
	var mailboxes []string
	var certificate string
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add an account, or replace its password and mailboxes",
		Long: "Adds an account to the users file, or replaces its line. exgate asks for the password without echo. " +
			"If standard\n" +
			"input is not a terminal, exgate reads the password from it. The file contains only the hash of the " +
			"password.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := usersFile(cmd)
			if err != nil {
				return err
			}
			if len(mailboxes) == 0 {
				mailboxes = args // the account's own
			}
			proof := ""
			if certificate != "" {
				proof, err = certificateProof(certificate)
			} else {
				proof, err = passwordProof(cmd, args[0])
			}
			if err != nil {
				return exitError{exitUsage, err}
			}
			if err := users.Put(file, args[0], proof, mailboxes); err != nil {
				return exitError{exitUsage, err}
			}
			_, err = fmt.Fprintf(
				cmd.OutOrStdout(),
				"%s: %s may open %s\n",
				file,
				args[0],
				strings.Join(mailboxes, ", "),
			)
			return err
		},
	}
	cmd.Flags().StringSliceVar(&mailboxes, "mailbox", nil,
		"`mailbox` that the account may open, as it goes to Exchange; *@domain or * (may be repeated; default NAME)")
	cmd.Flags().StringVar(&certificate, "certificate", "",
		"`file` with the client certificate (PEM) that proves the account, instead of a password")
	return cmd
}

func userRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "Remove an account",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := usersFile(cmd)
			if err != nil {
				return err
			}
			if err := users.Remove(file, args[0]); err != nil {
				return exitError{exitUsage, err}
			}
			return nil
		},
	}
}

func userListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the accounts and the mailboxes that they may open",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := usersFile(cmd)
			if err != nil {
				return err
			}
			users, err := users.Load(file)
			if err != nil {
				return exitError{exitConfig, err}
			}
			return users.Describe(cmd.OutOrStdout())
		},
	}
}

// usersFile returns the file that the flag or the configuration names. The
// configuration may have other problems; often this very file is missing.
func usersFile(cmd *cobra.Command) (string, error) {
	file, err := cmd.Flags().GetString("file")
	if err != nil || file != "" {
		return file, err
	}
	c, _, configErr := readConfig(cmd)
	if c == nil || c.UsersFile == "" {
		return "", exitError{exitConfig, errors.Join(errors.New("no users file is configured: set users_file, or "+
			"name one with --file"), configErr)}
	}
	return c.UsersFile, nil
}

// passwordProof asks for a password and returns its hash.
func passwordProof(cmd *cobra.Command, name string) (string, error) {
	password, err := askSecret(cmd, "Password for "+name)
	if err != nil {
		return "", err
	}
	if password == "" {
		return "", errors.New("the password is empty")
	}
	return users.Hash(password), nil
}

// askSecret asks for a secret without echo. If standard input is not a terminal,
// it reads a line.
func askSecret(cmd *cobra.Command, prompt string) (string, error) {
	in, isFile := cmd.InOrStdin().(*os.File)
	if isFile && term.IsTerminal(int(in.Fd())) {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: ", printable(prompt))
		secret, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		if err != nil {
			return "", fmt.Errorf("cannot read the secret: %w", err)
		}
		return string(secret), nil
	}
	line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("cannot read the secret: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// certificateProof returns the proof that the users file has for a certificate.
func certificateProof(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--certificate: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return "", fmt.Errorf("--certificate: %s contains no certificate in PEM format", file)
	}
	sum := sha256.Sum256(block.Bytes)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
