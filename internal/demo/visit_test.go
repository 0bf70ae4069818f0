package demo

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

func TestVisitsThatAreGranted(t *testing.T) {
	for name, opts := range map[string]Options{
		"citizen":   {Procedure: eid.CitizenLevel2},
		"foreigner": {Procedure: eid.ForeignerLevel2},
		"offline":   {Procedure: eid.CitizenLevel2, Offline: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := Persona{Person: 1}
			d, _ := startDesk(t, opts, p)
			sum, err := d.Visit(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			if sum.Outcome != "granted" || sum.Chip.PA != eid.CheckOK || !strings.HasPrefix(sum.Chip.Access, "PACE-GM") || !sum.Face.Pass ||
				sum.Sync.Receipt != "verified" || sum.Queue.Seq != 1 || sum.Queue.SealedBytes == 0 {
				text, _ := json.Marshal(sum)
				t.Fatalf("got %s", text)
			}
			if len(sum.Fingers) < 2 {
				t.Fatalf("fingers: %+v", sum.Fingers)
			}
			for _, f := range sum.Fingers {
				if !f.Pass {
					t.Errorf("finger %+v", f)
				}
			}
			if opts.Offline && sum.Sync.Attempts < 2 {
				t.Errorf("offline: %d attempts", sum.Sync.Attempts)
			}
			// A verified receipt lets the payload go.
			if files := payloads(t, d); len(files) != 0 {
				t.Errorf("payloads left after the receipt: %v", files)
			}
		})
	}
}

func TestVisitsThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		p    Persona
		code eid.Code
	}{
		"impostor":      {Persona{Person: 0, Impostor: true}, eid.CodeFaceMismatch},
		"wrong finger":  {Persona{Person: 0, WrongFinger: true}, eid.CodeFingerMismatch},
		"tampered chip": {Persona{Person: 0, TamperedChip: true}, eid.CodeChipPAFailed},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := startDesk(t, Options{}, tc.p)
			sum, err := d.Visit(t.Context(), tc.p)
			if err != nil {
				t.Fatal(err)
			}
			if sum.Outcome != "refused" || sum.Refusal == nil || sum.Refusal.Code != tc.code || sum.Refusal.MessageVI == "" || sum.Refusal.MessageEN == "" {
				text, _ := json.Marshal(sum)
				t.Fatalf("got %s", text)
			}
			if n := queued(t, d); n != 0 {
				t.Errorf("%d requests queued", n)
			}
			if files := payloads(t, d); len(files) != 0 {
				t.Errorf("payloads of a refused visit: %v", files)
			}
			noOpenVisit(t, d)
		})
	}
}

// payloads lists the sealed files in the desk's data folder.
func payloads(t *testing.T, d *Desk) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(d.cfg.Desk.Data, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.Contains(path, "payload") {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
