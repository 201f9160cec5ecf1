package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"exgate/config"
	"exgate/proxy"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, file, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			log := newLogger(cmd.ErrOrStderr(), c.Log)
			log.Info("exgate starts", "version", moduleVersion("exgate"), "config", cmp.Or(file, "none"), "mode", string(c.Mode),
				"upstream", c.Upstream.Address, "profile", c.Upstream.Profile)
			return serve(cmd.Context(), c, log)
		},
	}
}

// serve runs the gateway until ctx ends.
func serve(ctx context.Context, c *config.Config, log *slog.Logger) error {
	opts, closeTrace, err := gatewayOptions(c, log)
	if err != nil {
		return err
	}
	defer closeTrace()
	server, err := proxy.NewServer(opts)
	if err != nil {
		return exitError{exitConfig, err}
	}
	defer server.Close()
	listeners, err := openAll([]listener[proxy.Listen]{
		{name: "starttls", address: c.Listen.StartTLS, mode: proxy.ListenStartTLS},
		{name: "implicit", address: c.Listen.Implicit, mode: proxy.ListenImplicit},
		{name: "insecure-plaintext", address: c.Listen.InsecurePlaintext, mode: proxy.ListenInsecurePlaintext},
	})
	if err != nil {
		return exitError{exitUnavailable, err}
	}
	var serving sync.WaitGroup
	for _, l := range listeners {
		log.Info("listening", "address", l.Addr().String(), "tls", l.name)
		serving.Go(func() { server.Serve(l, l.mode) })
	}
	<-ctx.Done()
	log.Info("exgate stops")
	err = closeAll(listeners)
	serving.Wait()
	return err
}

// gatewayOptions turns the configuration into the gateway's options. The
// second result closes the wire trace.
func gatewayOptions(c *config.Config, log *slog.Logger) (opts proxy.Options, closeTrace func() error, err error) {
	closeTrace = func() error { return nil }
	upstream, err := c.Backend()
	if err != nil {
		return opts, closeTrace, exitError{exitConfig, err}
	}
	certificate, err := clientCertificate(c, log)
	if err != nil {
		return opts, closeTrace, exitError{exitConfig, err}
	}
	opts = proxy.Options{
		Upstream: upstream,
		Profile:  c.Upstream.Profile,
		Policy:   func(profile string) proxy.Policy { return proxy.Policy(c.Profile(profile)) },
		Resume:   c.Upstream.Resume,
		Connections: proxy.ConnectionLimits{
			PerAccount: c.Upstream.Pace.ConnectionsPerAccount,
			PerLogin:   c.Upstream.Pace.ConnectionsPerLogin,
			MaxWait:    c.Upstream.Pace.MaxWait,
			ParkAfter:  c.Upstream.Pace.ParkAfter,
		},
		Observe:         c.Mode == config.Observe,
		ObservePace:     c.Observe.Pace,
		ObserveThrottle: c.Observe.Throttle,
		ObserveResume:   c.Observe.Resume,
		Certificate:     certificate,
		Spool: proxy.SpoolOptions{
			Dir:     c.Spool.Dir,
			Memory:  c.Limits.SpoolMemoryPerMessage,
			Session: c.Limits.SpoolPerSession,
			Account: c.Limits.SpoolPerAccount,
			Total:   c.Limits.SpoolTotal,
		},
		Log: log,
	}
	if c.Log.Trace != config.TraceOff {
		f, err := os.OpenFile(c.Log.Trace, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return opts, closeTrace, exitError{exitConfig, fmt.Errorf("log.trace: %w", err)}
		}
		opts.Trace, closeTrace = proxy.NewTracer(f), f.Close
	}
	return opts, closeTrace, nil
}

// clientCertificate is what clients see: the configured one, or a self-signed
// one that is kept in the state directory.
func clientCertificate(c *config.Config, log *slog.Logger) (tls.Certificate, error) {
	given, err := c.TLS.Certificate()
	if err != nil {
		return tls.Certificate{}, err
	}
	if given != nil {
		return *given, nil
	}
	dir, err := c.StateDirectory()
	if err != nil {
		return tls.Certificate{}, err
	}
	cert, made, err := proxy.OwnCertificate(dir)
	if err != nil {
		return cert, fmt.Errorf("state_dir: %w", err)
	}
	log.Info("self-signed certificate", "new", made, "dir", dir, "sha256", proxy.Fingerprint(cert))
	return cert, nil
}

// newLogger writes text to a terminal and JSON elsewhere, unless told.
func newLogger(w io.Writer, c config.Log) *slog.Logger {
	opts := &slog.HandlerOptions{Level: c.Level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration { // JSON would count nanoseconds
			a.Value = slog.StringValue(a.Value.Duration().String())
		}
		return a
	}}
	f, isFile := w.(*os.File)
	if c.Format == config.FormatText || c.Format == config.FormatAuto && isFile && term.IsTerminal(int(f.Fd())) {
		return slog.New(slog.NewTextHandler(w, opts))
	}
	return slog.New(slog.NewJSONHandler(w, opts))
}
