package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// described matches the text of a prometheus.Desc, which has no other way to its fields.
var described = regexp.MustCompile(`fqName: "(\w+)", help: "([^"]*)", unit: "", constLabels: \{\}, variableLabels: \{([\w,]*)\}`)

// TestMonitoring holds docs/monitoring.md, the alert rules and the dashboard to the metrics that
// there are. testdata/e2e/monitoring has promtool check the expressions.
func TestMonitoring(t *testing.T) {
	page := readFile(t, "../../docs/monitoring.md")
	metrics := map[string]string{} // the labels of each metric, with commas
	ch := make(chan *prometheus.Desc, 100)
	gateway{}.Describe(ch)
	close(ch)
	for desc := range ch {
		m := described.FindStringSubmatch(desc.String())
		if m == nil {
			t.Fatalf("%s cannot be read", desc)
		}
		metrics[m[1]] = m[3]
		labels := ""
		if m[3] != "" {
			labels = "`" + strings.ReplaceAll(m[3], ",", "`, `") + "`"
		}
		if row := "| `" + m[1] + "` | " + labels + " | " + m[2] + " |"; !strings.Contains(page, row) {
			t.Errorf("docs/monitoring.md lacks the row\n%s", row)
		}
	}
	dashboard := readFile(t, "../../docs/monitoring/dashboard.json")
	if !json.Valid([]byte(dashboard)) {
		t.Error("the dashboard is not valid JSON")
	}
	alerts := readFile(t, "../../docs/monitoring/alerts.yml")
	used := regexp.MustCompile(`(exgate_\w+)(?:\{([^}]*)\})?`)
	label := regexp.MustCompile(`(\w+)=`)
	for file, text := range map[string]string{"alerts.yml": alerts, "dashboard.json": dashboard, "monitoring.md": page} {
		for _, m := range used.FindAllStringSubmatch(text, -1) {
			labels, ok := metrics[m[1]]
			if !ok {
				t.Errorf("%s: there is no metric %s", file, m[1])
			}
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				if l[1] != "instance" && !strings.Contains(","+labels+",", ","+l[1]+",") {
					t.Errorf("%s: %s has no label %s", file, m[1], l[1])
				}
			}
		}
	}
	for name := range metrics {
		if !strings.Contains(dashboard, name+"{") {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
	for _, m := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(alerts, -1) {
		if !strings.Contains(page, "| `"+m[1]+"` |") {
			t.Errorf("docs/monitoring.md has no row for the alert %s", m[1])
		}
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
