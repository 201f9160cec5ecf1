package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestProxies(t *testing.T) {
	for _, tt := range []struct {
		given []string
		want  string // the networks
		err   string
	}{
		{nil, "[]", ""},
		{[]string{"192.0.2.10", "2001:db8::/64", "10.0.0.0/8", "::1"}, "[192.0.2.10/32 2001:db8::/64 10.0.0.0/8 ::1/128]", ""},
		{[]string{"::ffff:192.0.2.10"}, "[192.0.2.10/32]", ""},
		{[]string{"192.0.2"}, "", "is no address or network"},
		{[]string{"fe80::1%eth0"}, "", "is no address or network"},
		{[]string{"::ffff:192.0.2.0/120"}, "", "is no address or network"},
		{[]string{"lb.example.com"}, "", "is no address or network"},
		{[]string{"0.0.0.0/0"}, "", "is every address"},
		{[]string{"::/0"}, "", "is every address"},
		{[]string{"192.0.2.10/24"}, "", "write 192.0.2.0/24"},
	} {
		networks, err := Listen{ProxyProtocol: tt.given}.Proxies()
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q: %v", tt.given, err)
			}
		case err != nil || fmt.Sprint(networks) != tt.want:
			t.Errorf("%q: %v, %v", tt.given, networks, err)
		}
	}
}
