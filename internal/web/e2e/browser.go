// Package e2e drives the officer's screen in a headless Chromium by keyboard
// only, as an officer would, and takes screenshots. Tests use it against a desk
// of their own or against the real daemon; nothing else does.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/chromedp/chromedp"
)

// Available returns the browser's path, or an error that a test skips with.
func Available() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("find browser: %w (Debian: apt-get install chromium)", exec.ErrNotFound)
}

// browse starts a browser with a fresh profile and a window of width x height
// CSS pixels. close ends it and removes the profile.
func browse(ctx context.Context, width, height int) (tab context.Context, close func(), err error) {
	path, err := Available()
	if err != nil {
		return nil, nil, err
	}
	profile, err := os.MkdirTemp("", "enrold-screen-")
	if err != nil {
		return nil, nil, fmt.Errorf("make browser profile: %w", err)
	}
	opts := append([]chromedp.ExecAllocatorOption{},
		chromedp.ExecPath(path),
		chromedp.UserDataDir(profile),
		chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		chromedp.Headless,
		chromedp.NoSandbox, // tests run as root in containers; only our own page is opened
		chromedp.DisableGPU,
		chromedp.WindowSize(width, height),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("hide-scrollbars", true),
	)
	allocator, stopAllocator := chromedp.NewExecAllocator(ctx, opts...)
	tab, stopTab := chromedp.NewContext(allocator)
	close = func() {
		stopTab()
		stopAllocator() // waits for the browser to end
		os.RemoveAll(profile)
	}
	if err := chromedp.Do(tab, chromedp.EmulateViewport(int64(width), int64(height))); err != nil {
		close()
		return nil, nil, fmt.Errorf("start browser: %w", err)
	}
	return tab, close, nil
}
