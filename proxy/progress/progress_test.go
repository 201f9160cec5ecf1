package progress

import (
	"fmt"
	"testing"

	"exgate/proxy/counters"
	"exgate/proxy/status"
)

func TestProgressHasABound(t *testing.T) {
	var b Board
	for i := range maxAccounts + 10 {
		one := b.Account("", fmt.Sprint("user", i))
		b.Add(one, &counters.Values{counters.Stored: 3}, &counters.Values{counters.Stored: 1})
	}
	all := b.Describe(nil)
	if len(all) != maxAccounts || all[0].Stored != 2 {
		t.Errorf("%d accounts, %+v", len(all), all[0])
	}
	for i := range MaxRefusals + 3 {
		b.Note(status.Refusal{Size: int64(i)}, "")
	}
	if last := b.Refusals(); len(last) != MaxRefusals || last[0].Size != MaxRefusals+2 {
		t.Errorf("%d refusals, the last of %d bytes", len(last), last[0].Size)
	}
}
