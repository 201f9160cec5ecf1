package users

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"exgate/backend"
	"exgate/proxy/testkit"
)

func TestUsers(t *testing.T) {
	bcrypted, err := bcrypt.GenerateFromPassword([]byte("bobs"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users, err := Load(testkit.UsersFile(t,
		"# who may open what", "",
		"migration HASH(secret) *@example.com",
		"Bob@example.com "+string(bcrypted)+" bob@example.com Shared",
		"root HASH(secret) *",
		"dave HASH(secret) backup@example.com/of/dave",
		"scanner sha256:"+strings.Repeat("AB:", 31)+"ab scans@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, password, cert string
		want                 error
	}{
		{"migration", "secret", "", nil},
		{"MIGRATION", "secret", "", nil},
		{"migration", "Secret", "", errWrong},
		{"migration", "", "", errWrong},
		{"migration", "", strings.Repeat("ab", 32), errWrong},
		{"bob@example.com", "bobs", "", nil},
		{"bob", "bobs", "", errWrong},
		{"nobody", "", "", errWrong},
		{"nobody", "secret", "", errWrong},
		{"", "", "", errWrong},
		{"scanner", "", strings.Repeat("ab", 32), nil},
		{"scanner", "anything", strings.Repeat("ab", 32), nil},
		{"scanner", "", strings.Repeat("cd", 32), errWrong},
		{"scanner", "", "", errWrong},
	} {
		if err := users.Prove(t.Context(), tt.name, backend.NewSecret(tt.password), tt.cert); err != tt.want {
			t.Errorf("%s with %q: %v", tt.name, tt.password+tt.cert, err)
		}
	}
	for _, tt := range []struct {
		name, mailbox string
		may           bool
	}{
		{"migration", "alice@example.com", true},
		{"migration", "alice@EXAMPLE.com", true},
		{"migration", "alice", false},
		{"migration", "alice@example.com.evil.org", false},
		{"migration", "alice@sub.example.com", false},
		{"bob@example.com", "shared", true},
		{"bob@example.com", "bob@example.com", true},
		{"bob@example.com", "bob", false},
		{"bob@example.com", "alice@example.com", false},
		{"root", "anybody@anywhere.org", true},
		{"root", `EXAMPLE\bob`, false},
		{"root", "", false},
		{"nobody", "bob", false},
		{"dave", "backup@example.com", false},
		{"migration", "backup@example.com", true},
	} {
		if err := users.May(tt.name, tt.mailbox, ""); (err == nil) != tt.may {
			t.Errorf("%s, mailbox %s: %v", tt.name, tt.mailbox, err)
		}
	}
	for _, tt := range []struct {
		name, mailbox, below string
		may                  bool
	}{
		{"dave", "backup@example.com", "of/dave", true},
		{"dave", "BACKUP@example.com", "Of.Dave.", true},
		{"dave", "backup@example.com", "of/carol", false},
		{"dave", "backup@example.com", "of", false},
		{"dave", "backup@example.com", "of/dave/x", false},
		{"dave", "other@example.com", "of/dave", false},
		{"migration", "backup@example.com", "of/dave", true},
		{"root", "backup", "of/dave", true},
	} {
		if err := users.May(tt.name, tt.mailbox, tt.below); (err == nil) != tt.may {
			t.Errorf("%s, mailbox %s below %s: %v", tt.name, tt.mailbox, tt.below, err)
		}
	}
	if name, ok := users.Named(strings.Repeat("ab", 32)); !ok || name != "scanner" {
		t.Errorf("the certificate belongs to %q (%v)", name, ok)
	}
	if name, ok := users.Named(""); ok {
		t.Errorf("a connection without a certificate is taken for %s", name)
	}
}

func TestUsersFileRefused(t *testing.T) {
	cheap := argon{memory: 8, time: 1, threads: 1, salt: []byte("saltsalt")}
	cheap.key = cheap.derive("secret", 32)
	good := cheap.String()
	for _, tt := range []struct{ line, want string }{
		{"bob", "a line needs a name"},
		{"bob " + good, "a line needs a name"},
		{"bob secret *", "neither an argon2id"},
		{"bob $argon2id$v=19$m=8,t=1,p=1$c2FsdA$a2V5 *", "neither an argon2id"},
		{"bob " + strings.Replace(good, "m=8", "m=99999999", 1) + " *", "exceed m="},
		{"bob " + strings.Replace(good, "t=1", "t=0", 1) + " *", "neither"},
		{"bob $2y$31$" + strings.Repeat("a", 53) + " *", "cost 31"},
		{"bob $2y$12$short *", "neither"},
		{"bob sha256:abc *", "64 hexadecimal digits"},
		{`EXAMPLE\bob ` + good + " *", "name of the caller"},
		{"bob " + good + ` EXAMPLE\bob`, "only ASCII letters"},
		{"bob " + good + " *@", "is empty"},
		{"bob " + good + " b*", "only ASCII letters"},
		{"bob " + good + " backup/", "no prefix follows"},
		{"bob " + good + " backup/./", "no prefix follows"},
		{"bob " + good + " /dave", "1 to 254 bytes"},
		{"bob " + good + " *\nBOB " + good + " *", "line 2: caller BOB has a line already"},
	} {
		_, err := Load(testkit.UsersFile(t, tt.line))
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", tt.line, err)
		}
	}
	open := testkit.UsersFile(t, "bob HASH(x) *")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(open); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v", err)
	}
	if _, err := Load(filepath.Join(t.TempDir(), "nowhere")); err == nil {
		t.Error("a missing file loads without an error")
	}
}

// A changed file takes effect at once. While it has an invalid line, the previous
// content stays in effect.
func TestUsersFileChanges(t *testing.T) {
	path := testkit.UsersFile(t, "bob HASH(one) bob")
	users, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	prove := func(password string) error { return users.Prove(t.Context(), "bob", backend.NewSecret(password), "") }
	testkit.WriteUsers(t, path, "bob HASH(two) bob alice")
	if prove("one") == nil || prove("two") != nil || users.May("bob", "alice", "") != nil {
		t.Error("the previous content of the file is still in effect")
	}
	testkit.WriteUsers(t, path, "bob HASH(three) bob", "carol")
	if prove("two") != nil || users.May("bob", "alice", "") != nil || prove("three") != errWrong {
		t.Error("a file with a mistake is not as it was")
	}
	if err := users.Problem(); err == nil || !strings.Contains(err.Error(), path+", line 2") {
		t.Errorf("the problem of a file with a mistake: %v", err)
	}
	if _, err := Load(path); err == nil {
		t.Error("a file with a mistake is taken for one to begin with")
	}
	testkit.WriteUsers(t, path, "bob HASH(three) bob")
	if prove("three") != nil || users.Problem() != nil {
		t.Errorf("a mended file: %v", users.Problem())
	}
}

// Nobody gets in while the file is missing or others can read it, and the client
// hears nothing of the path.
func TestUsersFileLocks(t *testing.T) {
	for name, lock := range map[string]func(path string) error{
		"missing":            os.Remove,
		"readable by others": func(path string) error { return os.Chmod(path, 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			path := testkit.UsersFile(t, "bob HASH(one) bob", "scanner sha256:"+strings.Repeat("ab", 32)+" scans")
			users, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			// It holds at once: a chmod changes neither size nor time.
			if err := lock(path); err != nil {
				t.Fatal(err)
			}
			err = users.Prove(t.Context(), "bob", backend.NewSecret("one"), "")
			if err != ErrUnusable || strings.Contains(err.Error(), path) || users.May("bob", "bob", "") != ErrUnusable {
				t.Errorf("it is let in, or told %v", err)
			}
			if err := users.Problem(); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("the log is told %v", err)
			}
			if _, ok := users.Named(strings.Repeat("ab", 32)); ok || users.HasCertificates() {
				t.Error("certificates are known")
			}
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			testkit.WriteUsers(t, path, "bob HASH(two) bob")
			if err := users.Prove(t.Context(), "bob", backend.NewSecret("two"), ""); err != nil {
				t.Errorf("the mended file: %v", err)
			}
		})
	}
}

// A login that fails costs the same hashes, whoever it was for: one of each kind and
// cost that is in the file.
func TestEqualWork(t *testing.T) {
	costly, err := bcrypt.GenerateFromPassword([]byte("carols"), bcrypt.MinCost+1)
	if err != nil {
		t.Fatal(err)
	}
	cheap := argon{memory: 8, time: 1, threads: 1, salt: []byte("saltsalt")}
	cheap.key = cheap.derive("daves", 32)
	cert := strings.Repeat("ab", 32)
	users, err := Load(testkit.UsersFile(t, "alice HASH(one) *", "bob HASH(two) *", "carol "+string(costly)+" *", "dave "+cheap.String()+" *", "scanner sha256:"+cert+" *"))
	if err != nil {
		t.Fatal(err)
	}
	var computed []string
	users.matches = func(hash, password string) bool {
		computed = append(computed, kindOf(hash))
		return matchesHash(hash, password)
	}
	every := []string{kindOf(cheap.String()), kindOf(string(costly)), kindOf(testkit.CheapHash("x"))}
	slices.Sort(every)
	for _, name := range []string{"alice", "bob", "carol", "dave", "scanner", "nobody", ""} {
		for _, cert := range []string{"", strings.Repeat("cd", 32)} {
			computed = nil
			if err := users.Prove(t.Context(), name, backend.NewSecret("wrong"), cert); err != errWrong {
				t.Errorf("%s: %v", name, err)
			}
			if slices.Sort(computed); !slices.Equal(computed, every) {
				t.Errorf("%q costs %q, not %q", name, computed, every)
			}
		}
	}
	for name, password := range map[string]string{"alice": "one", "carol": "carols", "dave": "daves"} {
		computed = nil
		if err := users.Prove(t.Context(), name, backend.NewSecret(password), ""); err != nil || len(computed) != 1 {
			t.Errorf("%s costs %q, %v", name, computed, err)
		}
	}
}
