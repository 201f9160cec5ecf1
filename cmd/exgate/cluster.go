package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"exgate/config"
	"exgate/proxy/cluster"
)

// clusterWait is how long a gateway that starts waits for Redis. Without Redis it would not know how many others there
// are, and what they let through.
const clusterWait = 30 * time.Second

// openCluster joins the cluster of the configuration; nil if there is none.
func openCluster(ctx context.Context, c *config.Config, log *slog.Logger) (*cluster.Cluster, error) {
	if c.Cluster.Address == "" {
		return nil, nil
	}
	address, password, tls, err := c.Redis()
	if err != nil {
		return nil, exitError{exitConfig, err}
	}
	ctx, cancel := context.WithTimeout(ctx, clusterWait)
	defer cancel()
	shared, err := cluster.Open(ctx, cluster.Options{
		Address: address.HostPort, User: address.User, Password: password, Database: address.Database, TLS: tls,
		Name: c.Cluster.Name, Log: log,
	})
	if err != nil {
		return nil, exitError{exitUnavailable, fmt.Errorf("%w; exgate does not start without it, since it would not "+
			"know what other gateways let through", err)}
	}
	log.Info("limits are shared", "redis", address.HostPort, "cluster", c.Cluster.Name,
		"gateways", shared.State().Gateways)
	return shared, nil
}

// closeCluster leaves the cluster.
func closeCluster(shared *cluster.Cluster, log *slog.Logger) {
	if err := shared.Close(); err != nil {
		log.Warn("the other gateways were not told that this one ends", "err", err)
	}
}
