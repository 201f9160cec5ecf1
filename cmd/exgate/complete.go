package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"exgate/backend/exchangesim"
	"exgate/backend/knowledge"
	"exgate/config"
	"exgate/config/profile"
	"exgate/proxy/report"
)

// addCompletions has the shell complete what exgate knows: keys, profiles, formats, and the entries of explain.
func addCompletions(root *cobra.Command) {
	complete(root, "set", completeSetting)
	for _, cmd := range root.Commands() {
		profiles := profile.Names()
		switch cmd.Name() {
		case "explain":
			cmd.ValidArgsFunction = completeEntry
		case "demo", "simulate":
			profiles = exchangesim.Profiles()
		}
		complete(cmd, "profile", cobra.FixedCompletions(profiles, cobra.ShellCompDirectiveNoFileComp))
		if cmd.Name() == "audit" || cmd.Name() == "report" {
			complete(cmd, "format", cobra.FixedCompletions(report.Formats, cobra.ShellCompDirectiveNoFileComp))
		}
	}
}

// complete registers the completion of a flag, if the command has it.
func complete(cmd *cobra.Command, flag string, values cobra.CompletionFunc) {
	if cmd.Flag(flag) == nil {
		return
	}
	if err := cmd.RegisterFlagCompletionFunc(flag, values); err != nil {
		panic(err) // two registrations for one flag, which each run of exgate would show
	}
}

// completeSetting completes a key of --set, and after key= the value if it is one of few.
func completeSetting(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	key, _, hasKey := strings.Cut(begun, "=")
	var found []string
	if !hasKey {
		for _, known := range config.Keys() {
			if strings.HasPrefix(known, begun) {
				found = append(found, known+"=")
			}
		}
		return found, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	}
	values := config.Values(key)
	if len(values) == 0 {
		return nil, cobra.ShellCompDirectiveDefault // it may be a file
	}
	for _, value := range values {
		found = append(found, key+"="+value)
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// completeEntry completes the ID of an entry, or else the name of a file.
func completeEntry(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	var found []string
	for _, e := range knowledge.Entries() {
		if strings.HasPrefix(e.ID, begun) && !slices.Contains(args, e.ID) {
			found = append(found, cobra.CompletionWithDesc(e.ID, e.Title))
		}
	}
	return found, cobra.ShellCompDirectiveDefault
}
