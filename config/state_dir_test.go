package config

import "testing"

func TestStateDirectoryOfSystemd(t *testing.T) {
	c := Default()
	t.Setenv("STATE_DIRECTORY", "/var/lib/exgate:/var/lib/other")
	if dir, err := c.StateDirectory(); err != nil || dir != "/var/lib/exgate" {
		t.Errorf("%s, %v", dir, err)
	}
	c.StateDir = "/srv/exgate"
	if dir, err := c.StateDirectory(); err != nil || dir != "/srv/exgate" {
		t.Errorf("%s, %v", dir, err)
	}
}
