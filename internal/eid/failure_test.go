package eid

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/FAILURES.md")

func TestEveryFailureIsComplete(t *testing.T) {
	seen := map[Code]bool{}
	for _, f := range Failures() {
		if seen[f.Code] {
			t.Errorf("%s stands twice", f.Code)
		}
		seen[f.Code] = true
		for what, text := range map[string]string{"message_vi": f.MessageVI, "message_en": f.MessageEN, "remedy_vi": f.RemedyVI, "remedy_en": f.RemedyEN} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s has no %s", f.Code, what)
			}
		}
		if c := f.Code[0]; c != 'E' && c != 'W' && c != 'N' {
			t.Errorf("%s: codes begin with E, W or N", f.Code)
		}
	}
	for _, code := range []Code{CodeInternal, CodeChipPAFailed, CodeFaceMismatch, CodeFingerMismatch, CodeDeviceRestarted, CodeRejected} {
		if !seen[code] {
			t.Errorf("%s is not in the table", code)
		}
	}
}

func TestExplainUnknownCode(t *testing.T) {
	f := Explain("E-NEVER-HEARD-OF")
	if f.Code != "E-NEVER-HEARD-OF" || f.MessageVI == "" {
		t.Fatalf("got %+v", f)
	}
}

func TestCodeOf(t *testing.T) {
	inner := Fail(CodeNoCard, "wait for card", nil)
	if c := CodeOf(fmt.Errorf("read: %w", inner)); c != CodeNoCard {
		t.Errorf("wrapped: %s", c)
	}
	if c := CodeOf(errors.New("x")); c != CodeInternal {
		t.Errorf("plain: %s", c)
	}
}

func TestPrivateTextIsNeverPrinted(t *testing.T) {
	h := Holder{Name: "NGUYỄN VĂN AN", PersonalNumber: "099064000101"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if out := fmt.Sprintf(verb, h); strings.Contains(out, "NGUY") || strings.Contains(out, "099064") || strings.Contains(out, "4e4755") {
			t.Errorf("%s prints %s", verb, out)
		}
	}
	if out := fmt.Sprintf("%v %x", Blob("portrait"), Blob("portrait")); strings.Contains(out, "portrait") || strings.Contains(out, "706f72") {
		t.Errorf("blob prints %s", out)
	}
}

// TestFailuresDocument keeps docs/FAILURES.md equal to the table; `make docs` writes it.
func TestFailuresDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Failures\n\nGenerated from `internal/eid/failure_table.go` by `make docs`. Codes are stable: E stops a step, W warns, N informs.\n\n| code | message | remedy |\n|---|---|---|\n")
	for _, f := range Failures() {
		fmt.Fprintf(&b, "| `%s` | %s<br>%s | %s<br>%s |\n", f.Code, f.MessageVI, f.MessageEN, f.RemedyVI, f.RemedyEN)
	}
	const path = "../../docs/FAILURES.md"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Error("docs/FAILURES.md is old: run `make docs`")
	}
}
