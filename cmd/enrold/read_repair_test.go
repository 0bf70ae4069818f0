package main

import (
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

func TestOfferRepairs(t *testing.T) {
	var out strings.Builder
	read := []eid.Private{"IDVNM19O0000118099190000011<<4", "9001158F3001156VNM<<<<<<<<<<<6", "NGUYEN<<THI<ANH<TUYET<<<<<<<<<"}
	if err := offerRepairs(&out, read); err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(out.String(), "\n")
	if first != "misread? line 1, column 8: 0 instead of O (then every check digit holds)" {
		t.Error(first)
	}
	if read[0] != "IDVNM19O0000118099190000011<<4" {
		t.Error("the lines were changed")
	}
	out.Reset()
	read[0] = "IDVNM1900000118099190000011<<4"
	if err := offerRepairs(&out, read); err != nil || out.Len() > 0 {
		t.Errorf("all is well, but: %q %v", out.String(), err)
	}
}
