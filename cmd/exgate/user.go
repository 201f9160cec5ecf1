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
	"exgate/proxy"
)

// loadUsers reads the users file; nil if the configuration has none.
func loadUsers(c *config.Config) (*proxy.Users, error) {
	if c.UsersFile == "" {
		return nil, nil
	}
	users, err := proxy.LoadUsers(c.UsersFile)
	if err != nil {
		return nil, exitError{exitConfig, err}
	}
	return users, nil
}

func userCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Say who may open which mailboxes with what exgate holds",
		Long: "Writes the users file (users_file), which says who may open which mailboxes where exgate itself holds an admin's password\n" +
			"or OAuth2 credentials. A running exgate goes by the file as it is.",
		// Without it cobra takes a typo for an argument.
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().String("file", "", "the users `file` (default users_file of the configuration)")
	cmd.AddCommand(userAddCommand(), userRemoveCommand(), userListCommand())
	return cmd
}

func userAddCommand() *cobra.Command {
	var mailboxes []string
	var certificate string
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a caller, or give him another password and other mailboxes",
		Long: "Adds a caller to the users file, or replaces his line. The password is asked for without echo, or read from standard input\n" +
			"where that is no terminal; only its hash is kept.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := usersFile(cmd)
			if err != nil {
				return err
			}
			if len(mailboxes) == 0 {
				mailboxes = args // his own
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
			if err := proxy.PutUser(file, args[0], proof, mailboxes); err != nil {
				return exitError{exitUsage, err}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s may open %s\n", file, args[0], strings.Join(mailboxes, ", "))
			return err
		},
	}
	cmd.Flags().StringSliceVar(&mailboxes, "mailbox", nil, "`mailbox` that he may open, as it goes to Exchange, or *@domain, or *; may be repeated (default NAME)")
	cmd.Flags().StringVar(&certificate, "certificate", "", "`file` with the client certificate (PEM) that proves him in place of a password")
	return cmd
}

func userRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "Remove a caller",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := usersFile(cmd)
			if err != nil {
				return err
			}
			if err := proxy.RemoveUser(file, args[0]); err != nil {
				return exitError{exitUsage, err}
			}
			return nil
		},
	}
}

func userListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Tell who may open what",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := usersFile(cmd)
			if err != nil {
				return err
			}
			users, err := proxy.LoadUsers(file)
			if err != nil {
				return exitError{exitConfig, err}
			}
			return users.Describe(cmd.OutOrStdout())
		},
	}
}

// usersFile is the file named by the flag, else by the configuration, which
// may have mistakes elsewhere: often it waits for this very file.
func usersFile(cmd *cobra.Command) (string, error) {
	file, err := cmd.Flags().GetString("file")
	if err != nil || file != "" {
		return file, err
	}
	c, _, configErr := readConfig(cmd)
	if c == nil || c.UsersFile == "" {
		return "", exitError{exitConfig, errors.Join(errors.New("no users file: set users_file, or name one with --file"), configErr)}
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
	return proxy.HashPassword(password), nil
}

// askSecret prompts on a terminal, without echo; elsewhere it reads a line.
func askSecret(cmd *cobra.Command, prompt string) (string, error) {
	in, isFile := cmd.InOrStdin().(*os.File)
	if isFile && term.IsTerminal(int(in.Fd())) {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: ", printable(prompt))
		secret, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		if err != nil {
			return "", fmt.Errorf("reading the password: %w", err)
		}
		return string(secret), nil
	}
	line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// certificateProof is what stands in the users file for a certificate.
func certificateProof(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--certificate: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return "", fmt.Errorf("--certificate: no certificate (PEM) in %s", file)
	}
	sum := sha256.Sum256(block.Bytes)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
