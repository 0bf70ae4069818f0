package finger

import (
	"bytes"
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

// A dirty or empty glass is asked about at once, with the extractor's reason,
// and an image that breaks its own description is the scanner's fault.
func TestGrade(t *testing.T) {
	blank := eid.FingerSample{Width: 256, Height: 288, DPI: 500, Pixels: bytes.Repeat([]byte{255}, 256*288)}
	err := grade(&blank)
	if eid.CodeOf(err) != eid.CodeQualityFinger || !strings.Contains(err.Error(), "no_finger") {
		t.Errorf("blank image: %v, want %s with no_finger", err, eid.CodeQualityFinger)
	}
	blank.Width = 255
	if err := grade(&blank); eid.CodeOf(err) != eid.CodeScanner {
		t.Errorf("pixels that do not fit: %v, want %s", err, eid.CodeScanner)
	}
}
