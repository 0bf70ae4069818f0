package web

import (
	"io/fs"
	"net/http"
	"strings"
)

// newScreen serves the built screen. Files under assets/ have their content's
// hash in the name and may be kept; the page itself may not.
func newScreen(files fs.FS) http.Handler {
	server := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/")
		w.Header().Set("Cache-Control", "no-store")
		if path == "" {
			if _, err := fs.Stat(files, "index.html"); err != nil {
				http.Error(w, "the screen is not built: run 'make ui'", http.StatusNotFound)
				return
			}
		} else if info, err := fs.Stat(files, path); err != nil || info.IsDir() || strings.HasPrefix(path, ".") {
			http.NotFound(w, r) // no folder listings, no hidden files
			return
		} else if strings.HasPrefix(path, "assets/") {
			w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
		}
		server.ServeHTTP(w, r)
	})
}
