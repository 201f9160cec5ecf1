package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestRedisAddress(t *testing.T) {
	tests := []struct {
		text string
		want RedisAddress
		err  string
	}{
		{"rediss://redis.example.com", RedisAddress{HostPort: "redis.example.com:6379", TLS: true}, ""},
		{"rediss://exgate@10.0.0.1:7000/3", RedisAddress{HostPort: "10.0.0.1:7000", TLS: true, User: "exgate", Database: 3}, ""},
		{"redis://127.0.0.1:6379", RedisAddress{HostPort: "127.0.0.1:6379"}, ""},
		{"redis://[::1]/1", RedisAddress{HostPort: "[::1]:6379", Database: 1}, ""},
		{"redis://localhost", RedisAddress{HostPort: "localhost:6379"}, ""},
		{"insecure-redis://10.0.0.1", RedisAddress{HostPort: "10.0.0.1:6379"}, ""},
		{"redis://10.0.0.1", RedisAddress{}, "insecure-redis"},
		{"rediss://exgate:secret@10.0.0.1", RedisAddress{}, "cluster.password"},
		{"rediss://exgate:secret@", RedisAddress{}, "not an address"},
		{"rediss://exgate:secret@10.0.0.1:x", RedisAddress{}, "not an address"},
		{"10.0.0.1:6379", RedisAddress{}, "not an address"},
		{"redis.example.com", RedisAddress{}, "not an address"},
		{"http://redis.example.com", RedisAddress{}, "use rediss"},
		{"rediss://redis.example.com/x", RedisAddress{}, "database"},
		{"rediss://redis.example.com/-1", RedisAddress{}, "database"},
		{"rediss://redis.example.com?db=1", RedisAddress{}, "ends with"},
	}
	for _, tt := range tests {
		got, err := parseRedisAddress(tt.text)
		if tt.err == "" && (err != nil || got != tt.want) || tt.err != "" && !strings.Contains(fmt.Sprint(err), tt.err) {
			t.Errorf("%s: %+v, %v", tt.text, got, err)
		}
		if strings.Contains(fmt.Sprint(err), "secret") {
			t.Errorf("%s: the error has the password", tt.text)
		}
	}
}
