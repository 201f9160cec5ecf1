package control

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"exgate/proxy/status"
)

// Gateway is what the socket shows and steers.
type Gateway interface {
	Snapshot() status.Snapshot
	// Drained is what a gateway that takes the place of this one must know.
	Drained() status.Drain
	// Kick ends sessions by ID or user, and returns their number.
	Kick(who string, now bool) (ended int)
	// The orders below return the number of the sessions that they concern now.

	// Pause makes the commands of a user wait, or those of all; Resume lets them go on.
	Pause(who string) (sessions int, err error)
	Resume(who string) (sessions int, err error)
	// Pace orders the messages per second of a user; nil takes the order back.
	Pace(user string, perSecond *float64) (sessions int, err error)
	// Trace begins or ends the wire trace of a user.
	Trace(user string, on bool) (sessions int, err error)
}

// The limits of a request. An operator makes few.
const (
	maxRequest  = 16 << 10 // bytes of the header; of the body
	requestTime = 10 * time.Second
	idleTime    = time.Minute
)

// Serve answers requests on l until stop is called, which closes l.
func Serve(l net.Listener, gateway Gateway, log *slog.Logger) (stop func()) {
	server := &http.Server{
		Handler: handler(gateway, log), ReadTimeout: requestTime, WriteTimeout: requestTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxRequest, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the control socket has failed", "err", err)
		}
	})
	return func() {
		if err := server.Close(); err != nil {
			log.Warn("closing the control socket failed", "err", err)
		}
		serving.Wait()
	}
}

// kickRequest asks for the end of sessions.
type kickRequest struct {
	Who string `json:"who"` // the ID of a session, or a user
	Now bool   `json:"now"` // also in the midst of a command
}

// whoRequest is an order about a user, or all.
type whoRequest struct {
	Who string `json:"who"`
}

// paceRequest is an order about the pace of a user.
type paceRequest struct {
	User      string   `json:"user"`
	PerSecond *float64 `json:"messages_per_second"`
}

// traceRequest is an order about the trace of a user.
type traceRequest struct {
	User string `json:"user"`
	On   bool   `json:"on"`
}

// Reply is the result of an order.
type Reply struct {
	Sessions int    `json:"sessions"`        // that the order concerned
	Error    string `json:"error,omitempty"` // why the order was not obeyed
}

func handler(gateway Gateway, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/snapshot", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, gateway.Snapshot())
	})
	mux.HandleFunc("GET /v1/drain", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, gateway.Drained())
	})
	order(mux, "kick", log, func(r kickRequest) (int, error) {
		ended := gateway.Kick(r.Who, r.Now)
		if ended == 0 {
			return 0, fmt.Errorf("there is no session of %q, and none with this ID", r.Who)
		}
		return ended, nil
	})
	order(mux, "pause", log, func(r whoRequest) (int, error) { return gateway.Pause(r.Who) })
	order(mux, "resume", log, func(r whoRequest) (int, error) { return gateway.Resume(r.Who) })
	order(mux, "pace", log, func(r paceRequest) (int, error) { return gateway.Pace(r.User, r.PerSecond) })
	order(mux, "trace", log, func(r traceRequest) (int, error) { return gateway.Trace(r.User, r.On) })
	return mux
}

// order adds an order to mux. obey returns the number of the sessions that it concerned.
func order[R any](mux *http.ServeMux, name string, log *slog.Logger, obey func(R) (sessions int, err error)) {
	mux.HandleFunc("POST /v1/"+name, func(w http.ResponseWriter, req *http.Request) {
		var r R
		body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxRequest))
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		if err = cmp.Or(err, decoder.Decode(&r)); err != nil {
			answer(w, http.StatusBadRequest, Reply{Error: "the request cannot be read: " + err.Error()})
			return
		}
		sessions, err := obey(r)
		if err != nil {
			answer(w, http.StatusConflict, Reply{Error: err.Error()})
			return
		}
		log.Info("an order was given by the control socket", "order", name, "what", string(body), "sessions", sessions)
		answer(w, http.StatusOK, Reply{Sessions: sessions})
	})
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(v) // whoever has asked may have left
}
