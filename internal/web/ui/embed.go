// Package ui holds the officer's screen as internal/setup/ui.sh builds it.
package ui

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files is the built screen; it has no index.html where the screen was not built.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil { // dist is a literal that the embedding guarantees
		panic(err)
	}
	return files
}
