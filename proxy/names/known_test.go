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
	if n := len(known.Called("Trash")); n != maxCalled {
		t.Errorf("%d spellings are remembered", n)
	}
	m, err := New(folders.Options{Case: folders.Apart}, "bob")
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("n", 1000)
	if !m.IsNews(long) || m.IsNews(long) {
		t.Error("a name is not told once")
	}
	for i := range 2 * maxTold {
		m.IsNews(fmt.Sprint(i))
	}
	if n := len(m.told); n > maxTold {
		t.Errorf("%d names are remembered", n)
	}
}
