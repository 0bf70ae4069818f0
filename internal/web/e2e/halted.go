package e2e

import (
	"context"
	"fmt"

	"github.com/enrold/enrold/internal/eid"
)

// Halted opens the screen of a desk that could not begin, sees why, lets it be
// mended and waits until the page goes on by itself.
func Halted(ctx context.Context, url, shotsDir, axe string, code eid.Code, mend func() error) error {
	s, closeBrowser, err := open(ctx, url, shotsDir, axe, 1280, 800)
	if err != nil {
		return err
	}
	defer closeBrowser()
	if _, err := s.wait("why the desk does not begin", quick, func(n seen) bool { return n.Failure == string(code) }); err != nil {
		return err
	}
	if err := s.shot("halted"); err != nil {
		return err
	}
	if err := mend(); err != nil {
		return fmt.Errorf("mend the desk: %w", err)
	}
	_, err = s.wait("the desk", long, func(n seen) bool { return n.Step == "none" || n.Missing })
	return err
}
