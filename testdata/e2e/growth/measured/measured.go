// Package main has what the measurement of growth adds to exgate: see ../main.go. It is no part of
// a build of exgate.
package main

import (
	"encoding/json"
	"net/http"
	_ "net/http/pprof" // the profiles
	"os"
	"runtime"
)

// MemProfileRate is set before the program allocates much.
var _ = func() struct{} {
	if os.Getenv("MEASURED_WHOLE") != "" {
		runtime.MemProfileRate = 64
	}
	return struct{}{}
}()

func init() {
	address := os.Getenv("MEASURED_BY")
	if address == "" {
		return
	}
	http.HandleFunc("/memory", func(w http.ResponseWriter, _ *http.Request) {
		var told struct {
			Memory     runtime.MemStats
			Goroutines int
		}
		runtime.ReadMemStats(&told.Memory)
		told.Goroutines = runtime.NumGoroutine()
		json.NewEncoder(w).Encode(told)
	})
	go http.ListenAndServe(address, nil)
}
