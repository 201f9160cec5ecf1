package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exgate/backend/leaktest"
)

// TestErrorsShowNoSecret: a password stands in the file in a way that YAML does
// not take, or in the place of something else.
func TestErrorsShowNoSecret(t *testing.T) {
	const secret = "Xk7vQ2mZp9RtLw4"
	f := leaktest.New(secret)
	for _, login := range []string{
		"admin_password: [SECRET]",
		"admin_password: { a: SECRET }",
		"admin_password: { SECRET: a }",
		"admin_password: abc: SECRET",
		"admin_password:SECRET",
		"admin_password: \"SECRET",
		"admin_password: 'SECRET'x",
		"admin_password: @SECRET",
		"admin_password: *SECRET",
		"admin_password: &SECRET",
		"admin_password: !SECRET",
		"admin_password: %SECRET",
		"admin_password: abc\n      SECRET",
		"admin_password: abc\n    SECRET",
		"admin_password: abc\n   SECRET",
		"admin_password: \"\\xSECRET\"",
		"admin_password: |\n     SECRET\n   x",
		"\tadmin_password: SECRET",
		"admin_pasword: SECRET",
		"password: SECRET",
		"admin_password_file: SECRET",
		"admin_password_env: SECRET",
		"admin_password: 12345678901234567890",
		"admin_password: SECRET\n    admin_password: SECRET",
		"admin_password: SECRET\n    admin_password_file: SECRET",
		"SECRET",
		"{ admin_password: abc,SECRET }",
		"{ admin_password: abc, SECRET }",
	} {
		t.Run(login, func(t *testing.T) {
			section := "\n    admin: svc\n    " + login
			if strings.HasPrefix(login, "{") || login == "SECRET" {
				section = " " + login
			}
			file := filepath.Join(t.TempDir(), "exgate.yaml")
			text := strings.ReplaceAll("upstream:\n  address: localhost:993\n  login:"+section+"\n", "SECRET", secret)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Load(file, nil)
			shown := fmt.Sprint(err)
			if c != nil {
				shown += fmt.Sprint("\n", c.CheckFiles())
			}
			if c != nil && !strings.Contains(login, "_file: SECRET") && !strings.Contains(login, "_env: SECRET") {
				shown += fmt.Sprint("\n", c.Settings())
				for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%x"} {
					shown += fmt.Sprintf("\n"+verb, *c)
				}
			}
			if err == nil {
				t.Error("it is taken")
			}
			for _, leak := range f.Find([]byte(shown)) {
				t.Error(leak)
			}
		})
	}
}
