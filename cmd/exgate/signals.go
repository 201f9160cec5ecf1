package main

import "os"

// signals are those that exgate serve obeys beside those that end it.
type signals struct {
	hup      <-chan os.Signal // read the configuration again
	reopen   <-chan os.Signal // open the log files again; nil: there is no such signal
	handOver <-chan os.Signal // start another exgate, which takes over; nil: there is no such signal
}
