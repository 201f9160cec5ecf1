package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/spf13/cobra"

	"exgate/config"
	"exgate/proxy"
	"exgate/proxy/budget"
	"exgate/proxy/certificate"
	"exgate/proxy/delivery"
	"exgate/proxy/handover"
	"exgate/proxy/ledger"
	"exgate/proxy/quarantine"
	"exgate/proxy/routing"
	"exgate/proxy/slots"
	"exgate/proxy/spool"
	"exgate/proxy/trace"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Long: "Runs the gateway. SIGTERM or an interrupt stops it: commands in flight finish, then each client " +
			"gets BYE. After\n" +
			"drain_timeout, exgate closes the connections that remain. A second signal ends exgate at once. SIGHUP " +
			"makes exgate\n" +
			"read the configuration and its certificates again. The new configuration applies to clients that " +
			"connect later.\n" +
			"SIGUSR1 makes exgate open log.file and log.trace again, after they were renamed. SIGUSR2 makes exgate start " +
			"itself\n" +
			"anew, also as another version: the new exgate takes over the listening sockets, and the old one stops as " +
			"above.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			program, err := handover.ThisProgram()
			if err != nil {
				return err
			}
			before, err := handover.Take()
			if err != nil {
				return exitError{exitUnavailable, err}
			}
			defer func() {
				if err != nil {
					before.Fail(err)
				}
			}()
			c, file, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			var files logFiles
			defer files.close()
			logTo, err := files.logWriter(c.Log, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			log, flush := newQueuedLogger(logTo, c.Log)
			defer flush()
			log.Info(
				"exgate starts",
				"version",
				moduleVersion("exgate"),
				"config",
				cmp.Or(file, "none"),
				"mode",
				string(c.Mode),
				"upstream",
				c.Upstream.Address,
				"profile",
				c.Upstream.Profile,
			)
			warnExposed(log, c, file)
			given, err := givenSockets(before)
			if err != nil {
				return exitError{exitUnavailable, err}
			}
			signals, stop := notifySignals(cmd.Context())
			defer stop()
			place := &succession{program: program, before: before, given: given}
			defer place.end()
			return serve(cmd.Context(), c, log, &files, signals, place, func() (*config.Config, error) {
				c, file, err := loadConfig(cmd)
				if err == nil {
					warnExposed(log, c, file)
				}
				return c, err
			})
		},
	}
}

// warnExposed tells the log of secrets that others may read.
func warnExposed(log *slog.Logger, c *config.Config, file string) {
	warnings, _ := c.Exposed(file) // loadConfig has looked at the error
	for _, warning := range warnings {
		log.Warn("a secret is exposed", "what", warning)
	}
}

// serve runs the gateway until ctx ends or another exgate takes its place, and then drains it. At each SIGHUP it puts
// the configuration that load returns in force. At each SIGUSR1 it opens the files of the log and the trace again. At
// SIGUSR2 it hands over to a new exgate.
func serve(
	ctx context.Context, c *config.Config, log *slog.Logger, files *logFiles, signals *signals, place *succession,
	load func() (*config.Config, error),
) error {
	wire, closeTrace, err := openTrace(c.Log, files, log)
	if err != nil {
		return err
	}
	defer closeTrace()
	opts, err := gatewayOptions(c, log, wire)
	if err != nil {
		return err
	}
	opts.Ledger = openLedger(c, place.before != nil, log)
	defer startReports(c, opts.Ledger, log)() // the last one, of all rows
	defer opts.Ledger.Close()                 // after server.Close, with the last rows
	if opts.Cluster, err = openCluster(ctx, c, log); err != nil {
		return err
	}
	defer closeCluster(opts.Cluster, log) // after server.Close
	forerunner := place.forerunner(log)
	opts.Forerunner = forerunner.Forerunner
	server, err := proxy.NewServer(opts)
	if err != nil {
		return exitError{exitConfig, err}
	}
	defer server.Close()
	access, err := c.StatusAccess()
	if err != nil {
		return exitError{exitConfig, err}
	}
	listeners, statusListeners, err := openListeners(c, place.given)
	if err != nil {
		return exitError{exitUnavailable, err}
	}
	if err := forerunner.follow(ctx, server); err != nil {
		return errors.Join(err, closeAll(listeners), closeAll(statusListeners))
	}
	defer forerunner.close()
	stopStatus := sync.OnceFunc(startStatus(statusListeners, access, defaultStatusLimits, server, opts.Ledger, log))
	defer stopStatus()
	controlSocket, stopControl := startControl(c, server, log)
	defer stopControl()
	var serving sync.WaitGroup
	for _, l := range listeners {
		log.Info("listening", "address", l.Addr().String(), "tls", l.name)
		serving.Go(func() { server.Serve(l, l.mode) })
	}
	defer startMemory(ctx, func() { server.GiveBack() })()
	service := &manager{server: server, log: log}
	service.ready(servingPhase(c.Mode, nil))
	managedBy(ctx).serves()
	stopWatch := sync.OnceFunc(service.watch())
	defer stopWatch()
	for ctx.Err() == nil && place.next == nil {
		select {
		case <-ctx.Done():
		case <-signals.hup:
			service.reloading()
			c, err = reload(server, opts.Ledger, c, log, wire, load)
			service.ready(servingPhase(c.Mode, err))
		case <-signals.reopen:
			files.reopen(log)
		case <-signals.handOver:
			service.says("handing over")
			if err = handOver(ctx, place, forerunner, listeners, statusListeners, log); err != nil {
				log.Error("another exgate does not take over; this one goes on", "err", err)
				service.says(servingPhase(c.Mode, nil) + ", after a failed hand-over: " + err.Error())
			}
		}
	}
	if place.next == nil {
		service.stopping()
		log.Info("exgate is stopping; commands in flight may finish", "timeout", c.DrainTimeout)
	} else {
		stopWatch() // systemd listens to the new one from now on
		service.follows(place.next.PID)
		files.keep()
		log.Info("another exgate takes over; commands in flight may finish here", "pid", place.next.PID,
			"timeout", c.DrainTimeout)
	}
	err = closeAll(listeners)
	serving.Wait()
	if place.next != nil {
		stopStatus()
		err = errors.Join(err, letGo(place.next, server, controlSocket, log))
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.DrainTimeout)
	defer cancel()
	server.Drain(drain)
	log.Info("exgate has stopped", "drained", drain.Err() == nil, "refused", server.Totals().Refusals)
	return err
}

// openListeners opens the listeners of the configuration, or takes the sockets that were given for them.
func openListeners(c *config.Config, given *sockets) (
	clients []listener[proxy.Listen], status []listener[struct{}], err error,
) {
	clients, err = openAll([]listener[proxy.Listen]{
		{name: "starttls", address: c.Listen.StartTLS, mode: proxy.ListenStartTLS},
		{name: "implicit", address: c.Listen.Implicit, mode: proxy.ListenImplicit},
		{name: "insecure-plaintext", address: c.Listen.InsecurePlaintext, mode: proxy.ListenInsecurePlaintext},
	}, given)
	if err == nil {
		status, err = openAll([]listener[struct{}]{{name: "status", address: c.Listen.Status}}, given)
	}
	if err = errors.Join(err, given.end()); err != nil {
		return nil, nil, errors.Join(err, closeAll(clients), closeAll(status))
	}
	return clients, status, nil
}

// reload puts a new configuration in force. It returns the configuration that is
// then in force: the old one, and the mistake, if the new one has a mistake.
func reload(
	server *proxy.Server,
	records *ledger.Ledger,
	old *config.Config,
	log *slog.Logger,
	wire *trace.Wire,
	load func() (*config.Config, error),
) (*config.Config, error) {
	c, err := load()
	if err == nil {
		var opts proxy.Options
		if opts, err = gatewayOptions(c, log, wire); err == nil {
			opts.Ledger = records
			err = server.Reload(opts)
		}
	}
	if err != nil {
		log.Error("configuration not reloaded; keeping the previous one", "err", err)
		return old, err
	}
	for _, key := range needRestart(old, c) {
		log.Warn("a changed key takes effect only after a restart", "key", key)
	}
	log.Info("configuration reloaded",
		"mode", string(c.Mode), "upstream", c.Upstream.Address, "profile", c.Upstream.Profile)
	return c, nil
}

// needRestart returns the keys that differ and take effect only after a restart.
func needRestart(old, c *config.Config) (keys []string) {
	if old.Listen.Addresses() != c.Listen.Addresses() {
		keys = append(keys, "listen")
	}
	if old.Log != c.Log {
		keys = append(keys, "log")
	}
	if old.Ledger != c.Ledger {
		keys = append(keys, "ledger")
	}
	if old.StateDir != c.StateDir {
		keys = append(keys, "state_dir")
	}
	if old.Cluster != c.Cluster {
		keys = append(keys, "cluster")
	}
	return keys
}

// gatewayOptions converts the configuration to the gateway's options.
func gatewayOptions(c *config.Config, log *slog.Logger, wire *trace.Wire) (proxy.Options, error) {
	certificate, err := clientCertificate(c, log)
	if err != nil {
		return proxy.Options{}, exitError{exitConfig, err}
	}
	users, err := loadUsers(c)
	if err != nil {
		return proxy.Options{}, err
	}
	upstreams, routes, err := upstreamsOf(c)
	if err != nil {
		return proxy.Options{}, exitError{exitConfig, err}
	}
	state, err := c.StateDirectory()
	if err != nil {
		log.Warn("no state directory: running without saved state", "err", err)
	}
	proxies, err := c.Listen.Proxies()
	if err != nil {
		return proxy.Options{}, exitError{exitConfig, err}
	}
	return proxy.Options{
		State:   state,
		Proxies: proxies,
		Users:   users,
		Abuse: proxy.AbuseLimits{
			ConnectionsPerAddress: c.Limits.ConnectionsPerAddress,
			FailedLogins:          c.Limits.FailedLogins,
		},
		Upstreams:       upstreams,
		Routes:          routes,
		Observe:         c.Mode == config.Observe,
		ObservePace:     c.Observe.Pace,
		ObserveThrottle: c.Observe.Throttle,
		ObserveResume:   c.Observe.Resume,
		Certificate:     certificate,
		Spool: spool.Options{
			Dir:     c.Spool.Dir,
			Memory:  c.Limits.SpoolMemoryPerMessage,
			Long:    c.Limits.SpoolMemory,
			Session: c.Limits.SpoolPerSession,
			Account: c.Limits.SpoolPerAccount,
			Total:   c.Limits.SpoolTotal,
		},
		Quarantine: quarantine.Options{Dir: c.Quarantine.Dir, Quota: c.Quarantine.Quota, Keep: c.Quarantine.Keep},
		Filter: delivery.Filter{
			Command: c.Fixes.Filter.Command,
			When:    c.Fixes.Filter.When,
			Timeout: c.Fixes.Filter.Timeout,
		},
		Log:   log,
		Trace: wire,
	}, nil
}

// connectionLimits are the limits on the connections to the upstream of c.
func connectionLimits(c *config.Config) slots.Limits {
	p := c.Upstream.Pace
	return slots.Limits{
		PerAccount: p.ConnectionsPerAccount,
		PerLogin:   c.Profile(c.Upstream.Profile).ConnectionsPerLogin,
		MaxWait:    p.MaxWait,
		ParkAfter:  p.ParkAfter,
	}
}

// budgetOf returns what may be stored within a day in the upstream of c.
func budgetOf(c *config.Config) budget.Limits {
	p := c.Upstream.Pace
	return budget.Limits{
		Each:       budget.Amount{Messages: p.MessagesPerDay, Bytes: p.BytesPerDay},
		All:        budget.Amount{Messages: p.All.MessagesPerDay, Bytes: p.All.BytesPerDay},
		Disconnect: p.OverBudget == config.OverBudgetDisconnect,
	}
}

// upstreamsOf returns the upstreams of the configuration, the default first, and
// the routes file.
func upstreamsOf(c *config.Config) (upstreams []routing.Upstream, routes *routing.UserMap, err error) {
	first, err := c.Backend()
	if err != nil {
		return nil, nil, err
	}
	upstreams = []routing.Upstream{{
		Backend: first, Profile: c.Upstream.Profile, Profiles: c.Profile, Resume: c.Upstream.Resume,
		Connections: connectionLimits(c), Budget: budgetOf(c),
	}}
	var names []string
	for _, u := range c.Upstreams {
		at := c.At(u)
		options, err := at.Backend()
		if err != nil {
			return nil, nil, fmt.Errorf("upstreams, %s: %w", u.Name, err)
		}
		upstreams = append(upstreams, routing.Upstream{
			Name: u.Name, Backend: options, Profile: u.Profile, Profiles: at.Profile, Resume: u.Resume, Match: u.Match,
			Connections: connectionLimits(at), Budget: budgetOf(at),
		})
		names = append(names, u.Name)
	}
	if c.RoutesFile != "" {
		routes, err = routing.LoadUserMap(c.RoutesFile, names)
	}
	return upstreams, routes, err
}

// clientCertificate returns the certificate that clients see: the configured one,
// or a self-signed one from the state directory.
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
	cert, made, err := certificate.Own(dir)
	if err != nil {
		return cert, fmt.Errorf("state_dir: %w", err)
	}
	log.Info("self-signed certificate", "new", made, "dir", dir, "sha256", certificate.Fingerprint(cert))
	return cert, nil
}
