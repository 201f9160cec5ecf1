package config

import (
	"crypto/tls"
	"crypto/x509"
	"regexp"

	"exgate/backend"
)

// Cluster is the Redis of several gateways.
type Cluster struct {
	// rediss://host:port has TLS. redis:// is for loopback addresses. insecure-redis://
	// has no TLS: others on the network could read names of accounts, and lift limits. A
	// user and the number of a database may be given: rediss://exgate@host:6379/1. All
	// gateways need the same upstreams and limits. Unset: this gateway shares nothing.
	Address string `key:"address" example:"rediss://redis.example.com:6379"`
	// Password of Redis. Set only one of password, password_file and password_env.
	Password backend.Secret `key:"password" example:"'password of Redis'"`
	// File with the password.
	PasswordFile string `key:"password_file" example:"/run/credentials/exgate/redis"`
	// Environment variable with the password.
	PasswordEnv string `key:"password_env" example:"REDIS_PASSWORD"`
	// PEM file with the authorities that sign the certificate of Redis. Unset: those
	// of the system.
	CAFile string `key:"ca_file" example:"/etc/exgate/redis-ca.pem"`
	// Gateways with the same name share their limits. Several clusters may use one
	// Redis.
	Name string `key:"name"`
}

func (c Cluster) password() secretKeys {
	return secretKeys{"cluster.password", c.Password, c.PasswordFile, c.PasswordEnv}
}

// clusterNames are the names of clusters. A name is a part of the names of Redis's keys.
var clusterNames = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func (c Cluster) validate(p *problems) {
	if !clusterNames.MatchString(c.Name) {
		p.add("cluster.name", "%q: use letters, digits and - _ . only, at most 64", c.Name)
	}
	password := c.password()
	password.validate(p)
	if c.Address == "" {
		if password.given() > 0 || c.CAFile != "" {
			p.add("cluster.address", "missing: password and ca_file are for it")
		}
		return
	}
	if _, err := parseRedisAddress(c.Address); err != nil {
		p.add("cluster.address", "%s", err)
	}
}

// Redis returns where the cluster's Redis is, its password, and how it is proven; nil: by nothing.
func (c *Config) Redis() (a RedisAddress, password backend.Secret, t *tls.Config, err error) {
	if a, err = parseRedisAddress(c.Cluster.Address); err != nil {
		return a, password, nil, err
	}
	if password, err = c.Cluster.password().read(); err != nil || !a.TLS {
		return a, password, nil, err
	}
	var authorities *x509.CertPool
	if authorities, err = ReadAuthorities("cluster.ca_file", c.Cluster.CAFile); err != nil {
		return a, password, nil, err
	}
	return a, password, &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}, nil
}
