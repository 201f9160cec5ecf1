package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"exgate/backend"
	"exgate/backend/survey"
	"exgate/config"
)

// The files of a survey.
const (
	surveyState    = "state.json"
	surveyReport   = "report.txt"
	surveyYAML     = "exgate.yaml"
	surveyEvidence = "evidence.json"
)

// surveyResults are the outputs of a survey, also of one that has ended early.
type surveyResults struct {
	dir      string
	report   survey.Report
	evidence survey.Evidence
}

// store writes the files. connection are the settings with which the survey has run, so that the file of settings is
// whole.
func (r surveyResults) store(connection []survey.Setting) error {
	var text strings.Builder
	if err := r.report.Print(&text); err != nil {
		return err
	}
	yaml := "# Measured by exgate survey. The keys of listen, and those of upstream that name the server, are those\n" +
		"# of the survey itself. Take the others over into your configuration.\n" +
		survey.YAML(append(connection, r.report.Settings...))
	return errors.Join(
		backend.WritePrivate(filepath.Join(r.dir, surveyReport), []byte(printable(text.String()))),
		backend.WritePrivate(filepath.Join(r.dir, surveyYAML), []byte(yaml)),
		r.evidence.Store(filepath.Join(r.dir, surveyEvidence)),
	)
}

func (r surveyResults) print(out io.Writer, format string) error {
	if format == "json" {
		return encodeJSON(out, r.report)
	}
	if err := r.report.Print(out); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nwritten to %s: %s, %s, %s\n", r.dir, surveyReport, surveyYAML, surveyEvidence)
	return err
}

// connectionSettings are the keys of a configuration that say which server it is, and where clients connect.
func connectionSettings(c *config.Config) []survey.Setting {
	upstream, listen := c.Upstream, c.Listen
	var list []survey.Setting
	for _, s := range []struct{ key, value string }{
		{"listen.implicit", listen.Implicit}, {"listen.starttls", listen.StartTLS},
		{"listen.insecure-plaintext", listen.InsecurePlaintext},
		{"upstream.address", upstream.Address}, {"upstream.tls", string(upstream.TLS)},
		{"upstream.server_name", upstream.ServerName}, {"upstream.ca_file", upstream.CAFile},
		{"upstream.pin", upstream.Pin}, {"upstream.login.upn", upstream.Login.UPN},
	} {
		if s.value != "" {
			list = append(list, survey.Setting{Key: s.key, Value: s.value})
		}
	}
	if upstream.InsecureOldTLS {
		list = append(list, survey.Setting{Key: "upstream.insecure-old-tls", Value: true})
	}
	if len(upstream.Login.Domains) > 0 {
		list = append(list, survey.Setting{Key: "upstream.login.domains", Value: upstream.Login.Domains})
	}
	return list
}
