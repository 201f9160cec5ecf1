package names

import (
	"fmt"
	"strings"
	"testing"

	"exgate/backend/folders"
)

// A client may call a mailbox by any number of spellings, and names that are not there.
func TestNamesRememberedAreBounded(t *testing.T) {
	var known Known
	for i := range 1000 {
		known.Call("Trash", fmt.Sprint("trash", i))
	}
	if n := len(known.Called("Trash")); n != maxAliases {
		t.Errorf("%d spellings are remembered", n)
	}
	list := folders.NewList("/")
	for i := range 2 * maxImplied {
		known.Made(list, fmt.Sprint(i, "/x"))
		list.Remove(fmt.Sprint(i, "/x"))
	}
	if n := len(known.implied); n > maxImplied {
		t.Errorf("%d mailboxes are noted as implied", n)
	}
	m, err := New(folders.Options{Case: folders.Apart}, "bob")
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("n", 1000)
	if !m.IsNews(long) || m.IsNews(long) {
		t.Error("a name is not told once")
	}
	for i := range 2 * maxLogged {
		m.IsNews(fmt.Sprint(i))
	}
	if n := len(m.logged); n > maxLogged {
		t.Errorf("%d names are remembered", n)
	}
}
