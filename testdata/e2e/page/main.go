// Command page looks at the status page of a running exgate with a headless Chromium: sessions appear and vanish,
// numbers move, tables are sorted, the keyboard is enough, every text has contrast, and nothing is asked of another
// server. It is a module of its own, since exgate itself needs no browser.
//
//	page http://127.0.0.1:9143/ 127.0.0.1:1143 DIRECTORY
//
// The second argument is a listener without TLS, in front of a simulated Exchange; the screenshots go to the directory.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: page URL IMAP-ADDRESS DIRECTORY")
		os.Exit(64)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := look(ctx, os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "page:", err)
		os.Exit(1)
	}
}

// watched has what the browser has asked for and complained of.
type watched struct {
	mu         sync.Mutex
	requests   []string
	complaints []string
}

func (w *watched) event(ev any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		w.requests = append(w.requests, ev.Request.URL)
	case *log.EventEntryAdded:
		w.complaints = append(w.complaints, ev.Entry.Text)
	}
}

// step is an action without a result.
type step = chromedp.Action[chromedp.Void]

// check is one thing that must hold.
type check struct {
	name string
	do   step
}

func look(ctx context.Context, page, imap, dir string) error {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.WindowSize(1300, 1000),
		chromedp.Flag("disable-dev-shm-usage", true))
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	defer stop()
	ctx, closeTab := chromedp.NewContext(ctx)
	defer closeTab()
	var seen watched
	if err := chromedp.Listen(ctx, seen.event); err != nil {
		return err
	}
	alice, err := dial(imap)
	if err != nil {
		return err
	}
	defer alice.Close()
	checks := []check{
		{"the page opens", chromedp.Steps(
			chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
				_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
				if err == nil {
					_, err = chromedp.Call(ctx, log.Enable, cdp.Empty{})
				}
				return err
			}), chromedp.Navigate(page),
		)},
		{"it is live", holds(`document.getElementById("live").textContent.startsWith("live, ")`)},
		{"a connection appears", holds(`document.querySelectorAll("#sessions tbody tr").length === 1`)},
		{"the login is made", alice.says(`a LOGIN alice@example.com alicepass`, "a OK")},
		{"the session has its user", holds(`document.querySelector("#sessions tbody").innerText.includes("alice@example.com")`)},
		{"messages are stored", chromedp.Steps(
			alice.says("b APPEND INBOX {24+}\r\nSubject: x\r\n\r\ntext text.\r\n", "b OK"),
			alice.says("c APPEND INBOX {24+}\r\nSubject: x\r\n\r\ntext text.\r\n", "c OK"),
		)},
		{"their number moves", holds(`document.querySelector("#accounts tbody tr").cells[3].innerText === "2"`)},
		{"a message is refused", alice.says("d APPEND INBOX {300000000}", "d NO [TOOBIG]")},
		{"the refusal appears", holds(`document.querySelector("#refusals a")?.href.endsWith("explain/too-big")`)},
		{"a click sorts", chromedp.Steps(
			chromedp.Click("#accounts-0"), holds(`document.querySelector("#accounts th").ariaSort === "ascending"`),
			chromedp.Click("#accounts-0"), holds(`document.querySelector("#accounts th").ariaSort === "descending"`),
		)},
		{"the session is idle again", holds(`document.querySelector("#sessions tbody tr").cells[0].innerText === "idle"`)},
		{"another user logs in", login(imap, "bob@example.com bobpass", "NOOP", "OK")},
		{"the order stays", holds(`document.querySelector("#accounts tbody tr").cells[0].innerText === "bob@example.com"`)},
		{"the keyboard sorts", chromedp.Steps(
			chromedp.Focus("#refusals-0"), chromedp.KeyEvent(kb.Tab), holds(`document.activeElement.id === "refusals-1"`),
			chromedp.KeyEvent(kb.Enter), holds(`document.querySelectorAll("#refusals th")[1].ariaSort === "ascending"`),
		)},
		{"news keep the focus", chromedp.Steps(
			alice.says("e APPEND Drafts {1000000001}", "e NO [TOOBIG]"),
			holds(`document.querySelectorAll("#refusals tbody tr").length === 2`),
			holds(`document.activeElement.id === "refusals-1"`),
		)},
		{"light has contrast", chromedp.Steps(scheme("light"), holds(contrast), shot(dir, "light"))},
		{"dark has contrast", chromedp.Steps(scheme("dark"), holds(contrast), shot(dir, "dark"))},
		{"a telephone shows it", chromedp.Steps(
			chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile),
			holds(`document.documentElement.scrollWidth <= innerWidth`), shot(dir, "telephone"),
		)},
		{"the session vanishes", chromedp.Steps(
			alice.says("f LOGOUT", "f OK"), holds(`document.querySelectorAll("#sessions tbody tr").length === 0`),
		)},
		{"a refusal is explained", chromedp.Steps(
			chromedp.Click("#refusals a"), chromedp.WaitVisible("main.text"),
			holds(`document.querySelector("h1").innerText.includes("Maximum size")`),
			shot(dir, "explain"),
		)},
		{"a third size is refused", login(imap, "bob@example.com bobpass", "APPEND INBOX {400000000}", "NO [TOOBIG]")},
		{"the page links to the report", chromedp.Steps(
			chromedp.Navigate(page), chromedp.Click("#report"), chromedp.WaitVisible("[aria-label=Accounts]"),
			holds(`document.title.startsWith("Report of ")`),
		)},
		{"the report sorts by size", chromedp.Steps(
			sorts("Left behind", "size"), holds(column("Left behind", "size")+` === "300.0 MB|400.0 MB|1.0 GB"`),
			sorts("Left behind", "size"), holds(column("Left behind", "size")+` === "1.0 GB|400.0 MB|300.0 MB"`),
		)},
		{"the report sorts by name", chromedp.Steps(
			sorts("Accounts", "account"),
			holds(column("Accounts", "account")+` === "alice@example.com|bob@example.com"`),
			sorts("Accounts", "account"),
			holds(column("Accounts", "account")+` === "bob@example.com|alice@example.com"`),
			holds(`document.querySelectorAll("[aria-label=Accounts] th[aria-sort=descending]").length === 1`),
		)},
		{"the keyboard sorts the report", chromedp.Steps(
			chromedp.Focus("[aria-label=Accounts] th:nth-child(3) button"), chromedp.KeyEvent(kb.Enter),
			holds(column("Accounts", "stored")+` === "0|2"`),
			chromedp.KeyEvent(kb.Enter), holds(column("Accounts", "stored")+` === "2|0"`),
		)},
		{"the report says what was not read", holds(
			`document.body.innerText.includes("not read: announced as 1000000001 bytes")`)},
		{"the report has contrast", chromedp.Steps(scheme("light"), holds(contrast), shot(dir, "report"))},
	}
	for _, c := range checks {
		if err := chromedp.Do(ctx, c.do); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		fmt.Println("ok  ", c.name)
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	for _, url := range seen.requests {
		if !strings.HasPrefix(url, page) && url != "data:," {
			return fmt.Errorf("the page has asked for %s", url)
		}
	}
	if len(seen.requests) < 5 || len(seen.complaints) > 0 {
		return fmt.Errorf("%d requests, and the browser complains: %q", len(seen.requests), seen.complaints)
	}
	fmt.Printf("ok   %d requests, none to another server, and no complaint of the browser\n", len(seen.requests))
	return nil
}

// holds waits until an expression is true.
func holds(expression string) step {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(15*time.Second),
			chromedp.WithPollingInterval(50*time.Millisecond)))
		if err != nil {
			return fmt.Errorf("%s: %w", expression, err)
		}
		return nil
	})
}

// contrast is true if every text has a contrast of 4.5 against its ground (WCAG 2.2, 1.4.3).
const contrast = `(() => {
	const light = (c) => {
		const part = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
		const [r, g, b] = c.match(/[\d.]+/g).map(Number).map(part);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const ground = (e) => {
		for (; e; e = e.parentElement) {
			const c = getComputedStyle(e).backgroundColor;
			if (!c.startsWith("rgba(0, 0, 0, 0")) return c;
		}
		return "rgb(255, 255, 255)";
	};
	const hasText = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
	const texts = [...document.querySelectorAll("body *")].filter(hasText);
	return texts.length > 30 && texts.every((e) => {
		const a = light(getComputedStyle(e).color), b = light(ground(e));
		return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) >= 4.5;
	});
})()`

func scheme(name string) step {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return err
	})
}

func shot(dir, name string) step {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		image, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name+".png"), image, 0o600)
	})
}

// client is an IMAP client.
type client struct {
	net.Conn
	r *bufio.Reader
}

func dial(address string) (*client, error) {
	nc, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	c := &client{nc, bufio.NewReader(nc)}
	return c, c.until("* OK")
}

func (c *client) until(want string) error {
	c.SetDeadline(time.Now().Add(20 * time.Second))
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", want, err)
		}
		if strings.HasPrefix(line, want) {
			return nil
		}
	}
}

// says sends a command, and waits for its reply.
func (c *client) says(command, want string) step {
	return chromedp.Func(func(context.Context, *chromedp.Target) error {
		if _, err := c.Write([]byte(command + "\r\n")); err != nil {
			return err
		}
		return c.until(want)
	})
}

// headOf is the head of a column in a table of the report.
func headOf(table, name string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('[aria-label=%q] th')].find(th => th.innerText.trim() === %q)`,
		table, name)
}

// sorts clicks on the head of a column of the report.
func sorts(table, name string) step {
	return holds(`(` + headOf(table, name) + `.querySelector("button").click(), true)`)
}

// column is the texts of a column of the report, from top to bottom.
func column(table, name string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('[aria-label=%q] tbody tr')].map(`+
		`tr => tr.cells[%s.cellIndex].innerText).join("|")`, table, headOf(table, name))
}

// login logs in once, sends a command, and leaves.
func login(address, who, command, reply string) step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		c, err := dial(address)
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = chromedp.Steps(c.says("a LOGIN "+who, "a OK"), c.says("c "+command, "c "+reply),
			c.says("b LOGOUT", "b OK"))(ctx, t)
		return err
	})
}
