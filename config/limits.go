package config

// Limits are in bytes, except the first two.
type Limits struct {
	// Connections from one address. 0: no limit.
	ConnectionsPerAddress int `key:"connections_per_address"`
	// Failed logins from one address. Beyond the limit, exgate refuses logins
	// without asking Exchange. exgate forgives one failure each minute. For one name
	// at one address the limit is a quarter; for one name from all addresses it is
	// two and a half times as high. 0: no limit.
	FailedLogins int `key:"failed_logins"`
	// The largest message that exgate sends to Exchange, in bytes, after the repair.
	// 0: the profile's value. Raise it together with the limits of Exchange.
	MessageSize int64 `key:"message_size" example:"10_000_000"`
	// Bytes of one message in memory. A longer message goes to a file.
	SpoolMemoryPerMessage int64 `key:"spool_memory_per_message"`
	// Bytes in memory of all messages that are longer than 262,144 bytes. While they
	// are used up, such messages go to files.
	SpoolMemory int64 `key:"spool_memory"`
	// Bytes in the spool for one client connection.
	SpoolPerSession int64 `key:"spool_per_session"`
	// Bytes in the spool for all connections of one account.
	SpoolPerAccount int64 `key:"spool_per_account"`
	// Bytes in the spool for the whole gateway.
	SpoolTotal int64 `key:"spool_total"`
}

// Spool is the place where messages wait until Exchange has them.
type Spool struct {
	// Directory of the spool files. Unset: the system's directory for temporary
	// files.
	Dir string `key:"dir" example:"/var/spool/exgate"`
}
