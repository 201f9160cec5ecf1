package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMain takes our variables out of the environment, which would reach
// every Load.
func TestMain(m *testing.M) {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, envPrefix+"_") {
			os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}

const (
	filesDir = "../testdata/config/"
	minimal  = filesDir + "good/minimal.yaml"
)

// TestFiles holds every file of testdata/config to what is expected of it.
func TestFiles(t *testing.T) {
	for _, kind := range []string{"bad", "good"} {
		files, err := filepath.Glob(filesDir + kind + "/*.yaml")
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s%s: %v", filesDir, kind, err)
		}
		for _, file := range files {
			file = filepath.ToSlash(file)
			t.Run(strings.TrimPrefix(file, filesDir), func(t *testing.T) {
				c, err := Load(file, nil)
				expect := strings.TrimSuffix(file, "yaml")
				if kind == "bad" {
					if err == nil {
						t.Fatal("no problem found")
					}
					golden(t, expect+"txt", err.Error()+"\n")
				} else if err != nil {
					t.Fatal(err)
				} else {
					golden(t, expect+"json", changed(t, c))
				}
			})
		}
	}
}

// changed are the settings in force that differ from the defaults.
func changed(t *testing.T, c *Config) string {
	settings, defaults := c.Effective().Settings(), Default().Settings()
	for name, value := range settings {
		if reflect.DeepEqual(value, defaults[name]) {
			delete(settings, name)
		}
	}
	data, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data) + "\n"
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want := readFile(t, file); got != want {
		t.Errorf("got:\n%s\nwant (%s):\n%s", got, file, want)
	}
}

func TestSampleLoads(t *testing.T) {
	file := filepath.Join(t.TempDir(), "exgate.yaml")
	if err := os.WriteFile(file, []byte(Sample), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file, nil); err != nil {
		t.Errorf("as it stands: %v", err)
	}
	// What is commented out must be right as well: a comment before an empty
	// line is a key, below the three lines at the top.
	lines := strings.Split(strings.TrimSuffix(Sample, "\n"), "\n")
	for i := 3; i < len(lines); i++ {
		if i+1 == len(lines) || lines[i+1] == "" {
			lines[i] = strings.Replace(lines[i], "# ", "", 1)
		}
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	// Of some keys only one may be set.
	alternatives := []string{
		"upstream.login.admin", "upstream.login.admin_password", "upstream.login.admin_password_file", "upstream.login.admin_password_env",
		"upstream.oauth2.client_secret", "upstream.oauth2.client_secret_env", "upstream.oauth2.certificate_file", "upstream.oauth2.key_file",
		"upstream.oauth2.account", "upstream.oauth2.command", "listen.status_token", "listen.status_token_env",
		"cluster.password", "cluster.password_env",
	}
	var without []string
	for _, key := range alternatives {
		without = append(without, key+"=")
	}
	if _, err := Load(file, nil); err == nil || len(strings.Split(err.Error(), "\n")) != 7 {
		t.Errorf("with all of them: %v", err)
	}
	c, err := Load(file, without)
	if err != nil {
		t.Fatalf("with every example: %v", err)
	}
	for key, value := range c.Settings() {
		if v := reflect.ValueOf(value); v.Kind() != reflect.Bool && (v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0) && key != "upstream.pipeline" && !slices.Contains(alternatives, key) {
			t.Errorf("%s has no example", key)
		}
	}
}

func TestPrecedence(t *testing.T) {
	address := func(settings ...string) string {
		t.Helper()
		c, err := Load(minimal, settings)
		if err != nil {
			t.Fatal(err)
		}
		return c.Upstream.Address
	}
	if got := address(); got != "mail.example.com:993" {
		t.Errorf("from the file: %q", got)
	}
	t.Setenv("EXGATE_UPSTREAM_ADDRESS", "environment:993")
	if got := address(); got != "environment:993" {
		t.Errorf("environment above file: %q", got)
	}
	if got := address("upstream.address=flag:993"); got != "flag:993" {
		t.Errorf("flag above environment: %q", got)
	}
	t.Setenv("EXGATE_UPSTREAM_ADDRESS", "")
	if got := address(); got != "mail.example.com:993" {
		t.Errorf("an empty variable is as if not set: %q", got)
	}
}

// TestEnvironment gives every kind of value by the environment alone, to keys
// that no file and no default names.
func TestEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"EXGATE_MODE":                              "observe",
		"EXGATE_STATE_DIR":                         `C:\exgate\$x`,
		"EXGATE_LISTEN_INSECURE_PLAINTEXT":         "127.0.0.1:1143",
		"EXGATE_UPSTREAM_ADDRESS":                  "mail.example.com:993",
		"EXGATE_UPSTREAM_LITERAL_PLUS":             "true",
		"EXGATE_UPSTREAM_PIPELINE":                 "7",
		"EXGATE_UPSTREAM_LOGIN_DOMAINS":            "EXAMPLE, example.local",
		"EXGATE_UPSTREAM_LOGIN_FORMS":              `domain\admin\user,plain-authzid`,
		"EXGATE_UPSTREAM_PACE_MAX_BACKOFF":         "90s",
		"EXGATE_UPSTREAM_PACE_MESSAGES_PER_SECOND": "0.33",
		"EXGATE_FIXES_LONG_LINES":                  "wrap",
		"EXGATE_LIMITS_MESSAGE_SIZE":               "20_000_000",
		"EXGATE_LOG_LEVEL":                         "warn",
	} {
		t.Setenv(name, value)
	}
	c, err := Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, filesDir+"environment.json", changed(t, c))
}

func TestEveryKeyHasItsVariable(t *testing.T) {
	keys, _ := keyNames()
	seen := map[string]string{}
	for _, key := range keys {
		name := envName(key)
		if other, ok := seen[name]; ok {
			t.Errorf("%s and %s share the variable %s", key, other, name)
		}
		seen[name] = key
		t.Run(name, func(t *testing.T) {
			// It is text, or wrong; either way it shows.
			t.Setenv(name, "?")
			c, err := Load(minimal, nil)
			shown := fmt.Sprint(c.Settings()[key])
			if !strings.Contains(shown, "?") && shown != "***" && !strings.Contains(fmt.Sprint(err), key) {
				t.Errorf("%s does not reach %s: %v", name, key, err)
			}
		})
	}
}

func TestUnknownEnvironment(t *testing.T) {
	for name, remedy := range map[string]string{
		"EXGATE_UPSTREAM_ADRESS": "did you mean EXGATE_UPSTREAM_ADDRESS?",
		"EXGATE_PASSWORD":        "print-sample",
		"EXGATE_":                "print-sample",
	} {
		err := unknownEnv([]string{"PATH=/bin", "EXGATE_MODE=observe", name + "=x"})
		if err == nil || !strings.HasPrefix(err.Error(), name+": unknown environment variable: ") || !strings.Contains(err.Error(), remedy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv("EXGATE_UPSTREAM_ADRESS", "x")
	if _, err := Load(minimal, nil); err == nil {
		t.Error("Load takes no notice of an unknown variable")
	}
}

func TestSettings(t *testing.T) {
	for setting, problem := range map[string]string{
		"upstream.adress=x":                      "upstream.adress: unknown key: did you mean upstream.address?",
		"upstream":                               "--set upstream: use KEY=VALUE, such as upstream.profile=exchange2016",
		"upstream.pace.max_backoff=5":            `upstream.pace.max_backoff: "5" is not a duration with a unit, such as 90s or 15m`,
		"upstream.pipeline=99999999999999999999": `upstream.pipeline: "99999999999999999999" is not a whole number`,
	} {
		if _, err := Load(minimal, []string{setting}); err == nil || err.Error() != problem {
			t.Errorf("--set %s: %v", setting, err)
		}
	}
	c, err := Load(minimal, []string{"upstream.login.separator==", "upstream.pace.max_backoff=1h", "mode=observe", "mode=enforce"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Upstream.Login.Separator != "=" || c.Upstream.Pace.MaxBackoff != time.Hour || c.Mode != Enforce {
		t.Errorf("got %+v", c)
	}
}

func TestFind(t *testing.T) {
	t.Chdir(t.TempDir())
	home := t.TempDir()
	for _, name := range []string{"XDG_CONFIG_HOME", "HOME", "AppData"} {
		t.Setenv(name, home)
	}
	if got, err := Find("nowhere.yaml"); err == nil || !strings.Contains(err.Error(), "nowhere.yaml") {
		t.Errorf("a file that is not there: %q, %v", got, err)
	}
	configDir, err := os.UserConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	inHome := filepath.Join(configDir, "exgate", "exgate.yaml")
	if err := os.MkdirAll(filepath.Dir(inHome), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{inHome, "exgate.yaml"} { // the second goes before the first
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Find(""); got != file || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, file)
		}
	}
	if got, err := Find(inHome); got != inHome || err != nil {
		t.Errorf("named: got %q, %v", got, err)
	}
	if _, err := Load(t.TempDir(), nil); err == nil {
		t.Error("a directory is loaded")
	}
}

// FuzzLoad gives the decoder any file. What it takes must be valid through and
// through, and whatever it refuses must be told in words.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob(filesDir + "*/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(Sample))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decode(strings.NewReader(string(data)), nil)
		if c == nil && err == nil {
			t.Fatal("neither a configuration nor an error")
		}
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Fatal("an error without words")
			}
			return
		}
		if c.Validate() == nil {
			if err := c.Effective().Validate(); err != nil {
				t.Fatalf("valid, but what is in force is not: %v", err)
			}
		}
	})
}
