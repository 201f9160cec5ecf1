package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"exgate/proxy/words"
)

//go:embed report.html
var page string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"when": when, "size": words.Size, "count": words.Count, "byCount": byCount, "unread": (*Message).unread,
	"folders": folderCount,
	"seconds": func(d time.Duration) string { return d.Round(time.Second).String() },
	"rate":    func(c Counts) string { return c.rate(2) },
	"unix": func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.Unix()
	},
}).Parse(page + sheet))

// writeHTML writes the report as one file, which needs nothing from outside.
func (r *Report) writeHTML(out io.Writer) error {
	return pageTemplate.Execute(out, struct {
		*Report
		Title    string
		Charts   []chart
		Failures bool
		More     int64
		Several  bool
	}{
		Report: r, Title: r.title(), Charts: r.charts(),
		Failures: slices.ContainsFunc(r.Accounts, func(g Group) bool { return g.LoginFailures > 0 }),
		More:     r.LeftCount - int64(len(r.Left)), Several: len(r.Upstreams) > 1,
	})
}

// chart is a picture with bars, from left to right.
type chart struct {
	Title  string
	About  string // for those who do not see it
	Width  int
	Bars   []bar
	Most   string // the label of the highest bar
	Labels []label
}

type bar struct {
	X, Y, Width, Height float64
	Class, Text         string // Text is shown when the pointer rests on the bar
}

type label struct {
	X      float64
	Anchor string
	Text   string
}

// The size of a chart, in the units of its SVG.
const (
	chartWidth  = 640
	chartHeight = 120
	maxBars     = 160
)

func (r *Report) charts() (charts []chart) {
	for _, c := range []chart{r.rateChart(), r.outcomeChart(), r.sizeChart()} {
		if len(c.Bars) > 0 {
			charts = append(charts, c)
		}
	}
	return charts
}

// draw makes bars of values. It leaves out values of 0.
func draw(c chart, values []int64, text func(i int) string, class func(i int) string) chart {
	c.Width = chartWidth
	most := int64(0)
	for _, v := range values {
		most = max(most, v)
	}
	if most == 0 {
		return c
	}
	c.Most = strconv.FormatInt(most, 10)
	step := float64(chartWidth) / float64(len(values))
	for i, v := range values {
		if v == 0 {
			continue
		}
		height := math.Max(float64(v)/float64(most)*chartHeight, 2)
		c.Bars = append(c.Bars, bar{
			X: float64(i) * step, Y: chartHeight - height, Width: math.Max(step-1, 1), Height: height, Class: class(i),
			Text: text(i),
		})
	}
	return c
}

// rateChart shows the messages stored in each hour, or in several hours where these are many.
func (r *Report) rateChart() chart {
	c := chart{Title: "Messages stored over time"}
	if len(r.Hours) == 0 {
		return c
	}
	first, last := r.Hours[0].At, r.Hours[len(r.Hours)-1].At
	hours := int(last.Sub(first)/time.Hour) + 1
	per := (hours + maxBars - 1) / maxBars
	values := make([]int64, (hours+per-1)/per)
	for _, h := range r.Hours {
		values[int(h.At.Sub(first)/time.Hour)/per] += h.Messages
	}
	c.About = fmt.Sprintf("%s from %s to %s; each bar is %s", words.Count(r.Total.Stored, "message"), when(first),
		when(last.Add(time.Hour)), words.Count(int64(per), "hour"))
	c.Labels = []label{{0, "start", when(first)}, {chartWidth, "end", when(last.Add(time.Hour))}}
	return draw(c, values, func(i int) string {
		return fmt.Sprintf("%s: %s", when(first.Add(time.Duration(i*per)*time.Hour)), words.Count(values[i], "message"))
	}, func(int) string { return "good" })
}

// outcomeChart shows how many messages had which outcome.
func (r *Report) outcomeChart() chart {
	t := &r.Total
	names := []string{
		"untouched",
		"repaired",
		"found",
		"observed",
		"over budget",
		"failed",
		"refused",
		"rejected",
		"too large",
		"unknown",
	}
	classes := []string{"good", "good", "good", "good", "fair", "fair", "bad", "bad", "bad", "bad"}
	values := []int64{
		t.Untouched,
		t.Repaired,
		t.Found,
		t.Observed,
		t.Limited,
		t.Failed,
		t.Refused,
		t.Rejected,
		t.TooLarge,
		t.Unknown,
	}
	return draw(named("Attempts by outcome", names, values), values,
		func(i int) string { return fmt.Sprintf("%s: %d", names[i], values[i]) },
		func(i int) string { return classes[i] })
}

// sizeChart shows the sizes of what was left behind.
func (r *Report) sizeChart() chart {
	names := []string{"≤ 10 kB", "≤ 100 kB", "≤ 1 MB", "≤ 10 MB", "≤ 25 MB", "≤ 50 MB", "≤ 150 MB",
		"more"}
	limits := []int64{10e3, 100e3, 1e6, 10e6, 25e6, 50e6, 150e6, math.MaxInt64}
	values := make([]int64, len(names))
	for _, m := range r.Left {
		for i, limit := range limits {
			if m.Size <= limit {
				values[i]++
				break
			}
		}
	}
	return draw(named("Messages left behind, by size", names, values), values,
		func(i int) string { return fmt.Sprintf("%s: %d", names[i], values[i]) }, func(int) string { return "bad" })
}

// named returns a chart with a name below each bar.
func named(title string, names []string, values []int64) chart {
	c := chart{Title: title}
	step := float64(chartWidth) / float64(len(names))
	for i, name := range names {
		c.Labels = append(c.Labels, label{(float64(i) + 0.5) * step, "middle", name})
		if i > 0 {
			c.About += ", "
		}
		c.About += fmt.Sprintf("%s %d", name, values[i])
	}
	return c
}
