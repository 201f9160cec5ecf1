package config

import "log/slog"

// Log is the log, and the wire trace apart from it.
type Log struct {
	// The lowest level to log: debug, info, warn or error.
	Level slog.Level `key:"level"`
	// text, json or auto. auto means text on a terminal and JSON otherwise.
	Format string `key:"format"`
	// File for the log, with mode 0600 if exgate creates it. SIGUSR1 makes exgate
	// open it again, for logrotate. Unset: standard error.
	File string `key:"file" example:"/var/log/exgate/exgate.log"`
	// Size in bytes at which exgate renames log.file or log.trace to NAME.1 and begins
	// a new one. It keeps five: NAME.1 to NAME.5. 0: exgate renames nothing.
	RotateAt int64 `key:"rotate_at" example:"100_000_000"`
	// File for a trace of every line between client, exgate and Exchange, with
	// passwords masked. off: no trace. SIGUSR1 makes exgate open it again.
	Trace string `key:"trace"`
}

// Values of Log with a special meaning.
const (
	FormatAuto = "auto"
	FormatText = "text"
	FormatJSON = "json"
	TraceOff   = "off"
)
