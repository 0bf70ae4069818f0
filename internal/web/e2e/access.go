package e2e

import (
	"fmt"
	"os"
	"strings"

	"github.com/chromedp/chromedp"
)

// loadAxe reads axe-core (MPL-2.0, from the screen's node_modules); it is started
// by the debugger, which the page's policy does not concern.
func (s *screen) loadAxe(path string) error {
	script, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("load axe-core: %w", err)
	}
	s.axe, s.checked = string(script), map[string]bool{}
	return nil
}

// runAxe asks for WCAG 2.2 at levels A and AA and for axe's own good practice.
const runAxe = `axe.run(document, {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'],
}).then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ' (' + v.impact + ') at ' + n.target.join(' ') + ': ' + n.failureSummary.split('\n').slice(1).join('; '))))`

// checkAccess fails with what axe finds on the page, once for each name.
func (s *screen) checkAccess(name string) error {
	if s.axe == "" || s.checked[name] {
		return nil
	}
	s.checked[name] = true
	there, err := chromedp.Run(s.tab, chromedp.Evaluate[bool](`typeof axe === 'object'`))
	if err == nil && !there {
		_, err = chromedp.Run(s.tab, chromedp.Evaluate[bool](s.axe+"\n; true"))
	}
	if err != nil {
		return fmt.Errorf("start axe-core: %w", err)
	}
	found, err := chromedp.Run(s.tab, chromedp.Evaluate[[]string](runAxe, chromedp.EvalAwaitPromise))
	if err != nil {
		return fmt.Errorf("run axe-core on %s: %w", name, err)
	}
	if len(found) > 0 {
		return fmt.Errorf("page %s is not accessible:\n\t%s", name, strings.Join(found, "\n\t"))
	}
	return nil
}
