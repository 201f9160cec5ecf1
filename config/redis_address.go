package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Schemes of a RedisAddress.
const (
	schemeTLS      = "rediss"
	schemeLoopback = "redis"
	schemeInsecure = "insecure-redis"
)

// RedisAddress is where Redis is.
type RedisAddress struct {
	HostPort string
	TLS      bool
	User     string // "": Redis's default user
	Database int
}

// redisPort is the port of Redis, with TLS and without.
const redisPort = "6379"

// parseRedisAddress reads an address such as rediss://exgate@redis.example.com:6379/0. Without TLS, others on the
// network could read and change what gateways tell each other: redis:// is for loopback addresses only, and
// insecure-redis:// for others.
func parseRedisAddress(text string) (a RedisAddress, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" { // text may have a password, and is not shown
		return a, errors.New("this is not an address such as rediss://redis.example.com:6379 or redis://127.0.0.1:6379")
	}
	if _, isGiven := u.User.Password(); isGiven {
		return a, errors.New("an address has no password: set cluster.password, password_file or password_env")
	}
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = redisPort
	}
	a = RedisAddress{HostPort: net.JoinHostPort(host, port), TLS: u.Scheme == schemeTLS, User: u.User.Username()}
	switch u.Scheme {
	case schemeTLS, schemeInsecure:
	case schemeLoopback:
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return a, fmt.Errorf("%s has no TLS, and others on the network could change what gateways tell "+
				"each other: use rediss://, or insecure-redis:// in a network that only gateways and Redis use", text)
		}
	default:
		return a, fmt.Errorf("%q: use rediss:// (with TLS), redis:// (on this machine) or insecure-redis://", text)
	}
	if database := strings.TrimPrefix(u.Path, "/"); database != "" {
		if a.Database, err = strconv.Atoi(database); err != nil || a.Database < 0 {
			return a, fmt.Errorf("%q: %q is not the number of a database", text, database)
		}
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return a, fmt.Errorf("%q: an address ends with the number of the database", text)
	}
	return a, nil
}
