package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"exgate/config"
	"exgate/proxy"
	"exgate/proxy/ledger"
	"exgate/proxy/report"
	"exgate/proxy/statuspage"
)

// statusLimits bounds the requests for the status.
type statusLimits struct {
	header      time.Duration // for the header of a request
	read        time.Duration // for the whole request
	write       time.Duration // from the end of the header to the end of the answer
	idle        time.Duration // between two requests
	headerBytes int           // of the header
	connections int           // at the same time
}

// A scraper asks about once a minute, and can connect again each time.
var defaultStatusLimits = statusLimits{
	header: 10 * time.Second, read: 15 * time.Second, write: 30 * time.Second, idle: time.Minute,
	headerBytes: 16 << 10, connections: 64,
}

// startStatus answers /metrics, /livez, /readyz and the status page on its listeners until
// stop is called. It also answers while the gateway drains, so that a load balancer notices.
func startStatus(
	listeners []listener[struct{}], access config.StatusAccess, limits statusLimits, server *proxy.Server,
	records *ledger.Ledger, log *slog.Logger,
) (stop func()) {
	if len(listeners) == 0 {
		return func() {}
	}
	status := &http.Server{
		Handler:           statusHandler(server, records, access),
		ReadHeaderTimeout: limits.header,
		ReadTimeout:       limits.read,
		WriteTimeout:      limits.write,
		IdleTimeout:       limits.idle,
		MaxHeaderBytes:    limits.headerBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	var serving sync.WaitGroup
	for _, open := range listeners {
		log.Info("listening", "address", open.Addr().String(), "for", "status", "tls", hasStatusTLS(access))
		l := newBoundedListener(open, limits.connections)
		serving.Go(func() {
			if err := status.Serve(secured(l, access, server)); !errors.Is(err, http.ErrServerClosed) {
				log.Error("the status server has failed (listen.status)", "err", err)
			}
		})
	}
	return func() {
		if err := status.Close(); err != nil {
			log.Warn("closing the status server failed (listen.status)", "err", err)
		}
		serving.Wait()
	}
}

// hasStatusTLS reports whether the listener has TLS: a token must not pass a network in
// plain text, and a client certificate is a part of TLS.
func hasStatusTLS(access config.StatusAccess) bool {
	return access.ClientCAs != nil || !access.Loopback && access.IsNeeded()
}

// secured gives a listener TLS where the status needs it.
func secured(l net.Listener, access config.StatusAccess, server *proxy.Server) net.Listener {
	if !hasStatusTLS(access) {
		return l
	}
	return tls.NewListener(l, statusTLS(access, server))
}

// statusTLS shows the certificate that clients of the gateway see, also after a reload.
func statusTLS(access config.StatusAccess, server *proxy.Server) *tls.Config {
	t := &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return server.Certificate(), nil
		},
	}
	if access.ClientCAs != nil {
		t.ClientAuth, t.ClientCAs = tls.VerifyClientCertIfGiven, access.ClientCAs
	}
	return t
}

func statusHandler(server *proxy.Server, records *ledger.Ledger, access config.StatusAccess) http.Handler {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(gateway{server}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := server.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
		if lost := server.Cluster().Text(); lost != "" {
			fmt.Fprintln(w, lost)
		}
	})
	if access.Loopback || hasStatusTLS(access) {
		page := statuspage.New(server.Snapshot, reportOf(records))
		mux.Handle("/", statuspage.Guard(page, access.Token, access.ClientCAs != nil))
	} else {
		mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "the status page needs listen.status_token or listen.status_client_ca, since others can "+
				"reach this address", http.StatusNotFound)
		})
	}
	return mux
}

// reportOf returns the report of a ledger in HTML; nil if there is none.
func reportOf(records *ledger.Ledger) statuspage.Report {
	if records == nil {
		return nil
	}
	return func(ctx context.Context, w io.Writer) error {
		records.Flush()
		r, err := report.Read(ctx, records.Options().File, report.Options{})
		if err != nil {
			return err
		}
		return r.Write(w, "html")
	}
}

// gateway collects the totals of a gateway. No label contains a user's name, so
// the number of labels is bounded.
type gateway struct{ server *proxy.Server }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("exgate_"+name, help, labels, nil)
}

// The metrics, in the order in which they are documented.
var (
	connectionsMetric = describe("connections", "Client connections.")
	sessionsMetric    = describe("sessions", "Client connections that are logged in.")
	loginsMetric      = describe("logins_total", "Logins by outcome: ok, or the kind of the failure.", "outcome")
	commandsMetric    = describe("commands_total", "Client commands by lane.", "lane")
	messagesMetric    = describe("messages_total", "Messages appended by clients, by result.", "result")
	wouldMetric       = describe("messages_observed_total", "Messages of mode observe that exgate would have "+
		"repaired or refused.", "would")
	namesMetric = describe("names_observed_total", "Names of mailboxes in mode observe that exgate would have "+
		"renamed, hidden or refused; each once in a session.", "would")
	rulesMetric = describe("messages_refused_total", "Refused messages by rule.", "rule")
	fixesMetric = describe("fixes_total", "Uses of each fix of messages, flags, names and replies.", "fix")
	bytesMetric = describe("bytes_total", "Bytes received (in) and sent (out) on each side, without TLS.",
		"side", "direction")
	errorsMetric = describe("exchange_errors_total",
		"Replies that count towards the ten errors after which Exchange closes a connection, by kind.", "kind")
	upstreamMetric = describe("upstream_connections_total", "Upstream connections that exgate replaced after a loss "+
		"(resumed), replaced before the tenth error (renewed), or took from an idle session (parked).", "event")
	waitedMetric     = describe("waited_seconds_total", "Time that clients have waited for pace and throttles.")
	lostMetric       = describe("ledger_lost_total", "Records that the ledger could not write.")
	budgetUsedMetric = describe("budget_used", "Messages and bytes that all accounts of an upstream have stored in "+
		"24 hours, where upstream.pace.all limits them.", "upstream", "unit")
	budgetLimitMetric = describe("budget_limit", "The limit of exgate_budget_used.", "upstream", "unit")
	budgetOverMetric  = describe("budget_accounts_over", "Accounts with a refused message that does not fit into "+
		"their budget of 24 hours yet.", "upstream")
	gatewaysMetric = describe("cluster_gateways", "Gateways that share their limits by cluster.address.")
	redisMetric    = describe("cluster_redis_up", "1 while the Redis of cluster.address answers, else 0.")
	refusalsMetric = describe(
		"client_refusals_total",
		"Refusals of clients that exceeded a limit, by reason.",
		"reason",
	)
)

// counterMetrics maps each counter of a session to its metric and labels.
var counterMetrics = []struct {
	counter string
	metric  *prometheus.Desc
	labels  []string
}{
	{"commands_direct", commandsMetric, []string{"direct"}},
	{"commands_amended", commandsMetric, []string{"amended"}},
	{"commands_owned", commandsMetric, []string{"owned"}},
	{"commands_refused", commandsMetric, []string{"refused"}},
	{"messages_stored", messagesMetric, []string{"stored"}},
	{"messages_refused", messagesMetric, []string{"refused"}},
	{"messages_unknown", messagesMetric, []string{"unknown"}},
	{"messages_found", messagesMetric, []string{"found"}},
	{"messages_observed", messagesMetric, []string{"observed"}},
	{"messages_would_repair", wouldMetric, []string{"repaired"}},
	{"messages_would_refuse", wouldMetric, []string{"refused"}},
	{"names_would_rename", namesMetric, []string{"renamed"}},
	{"names_would_hide", namesMetric, []string{"hidden"}},
	{"names_would_refuse", namesMetric, []string{"refused"}},
	{"client_in", bytesMetric, []string{"client", "in"}},
	{"client_out", bytesMetric, []string{"client", "out"}},
	{"upstream_in", bytesMetric, []string{"upstream", "in"}},
	{"upstream_out", bytesMetric, []string{"upstream", "out"}},
	{"resumed", upstreamMetric, []string{"resumed"}},
	{"renewed", upstreamMetric, []string{"renewed"}},
	{"parked", upstreamMetric, []string{"parked"}},
}

// Describe implements prometheus.Collector.
func (g gateway) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		connectionsMetric, sessionsMetric, loginsMetric, commandsMetric, messagesMetric, wouldMetric, namesMetric,
		rulesMetric, fixesMetric, bytesMetric, errorsMetric, upstreamMetric, waitedMetric, lostMetric, refusalsMetric,
		budgetUsedMetric, budgetLimitMetric, budgetOverMetric, gatewaysMetric, redisMetric,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g gateway) Collect(ch chan<- prometheus.Metric) {
	t := g.server.Totals()
	send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	send(connectionsMetric, prometheus.GaugeValue, float64(t.Connections))
	send(sessionsMetric, prometheus.GaugeValue, float64(t.Sessions))
	send(waitedMetric, prometheus.CounterValue, t.Waited.Seconds())
	send(lostMetric, prometheus.CounterValue, float64(t.LedgerLost))
	for _, c := range counterMetrics {
		send(c.metric, prometheus.CounterValue, float64(t.Counters[c.counter]), c.labels...)
	}
	for d, counts := range map[*prometheus.Desc]map[string]int64{
		loginsMetric: t.Logins, rulesMetric: t.MessagesRefused, fixesMetric: t.Fixes, errorsMetric: t.Failures,
		refusalsMetric: t.Refusals,
	} {
		for name, n := range counts {
			send(d, prometheus.CounterValue, float64(n), name)
		}
	}
	if shared := g.server.Cluster(); shared != nil {
		reached := 1.0
		if !shared.LostAt.IsZero() {
			reached = 0
		}
		send(redisMetric, prometheus.GaugeValue, reached)
		send(gatewaysMetric, prometheus.GaugeValue, float64(shared.Gateways))
	}
	for _, upstream := range g.server.Budgets() {
		send(budgetOverMetric, prometheus.GaugeValue, float64(upstream.OverBudget), upstream.Name)
		b := upstream.Budget
		if b == nil {
			continue
		}
		for _, of := range []struct {
			unit        string
			used, limit int64
		}{{"messages", b.Messages, b.MessageLimit}, {"bytes", b.Bytes, b.ByteLimit}} {
			if of.limit > 0 {
				send(budgetUsedMetric, prometheus.GaugeValue, float64(of.used), upstream.Name, of.unit)
				send(budgetLimitMetric, prometheus.GaugeValue, float64(of.limit), upstream.Name, of.unit)
			}
		}
	}
}
