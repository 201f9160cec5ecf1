package config

import _ "embed"

// Sample is a commented configuration with every key, which loads as it
// stands. It and the tables of docs/config.md are made from the structs:
//
//go:generate go test -run ^TestGenerated$ . -update
//go:embed sample.yaml
var Sample string
