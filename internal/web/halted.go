package web

import (
	"net/http"
	"strings"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/web/ui"
)

// Halted serves the screen of a desk that could not begin for a reason that
// somebody must look into: every call of the API answers with code. It wants no
// token, since it holds nothing about anybody; who may ask is as ever.
func Halted(listen string, code eid.Code) (http.Handler, error) {
	token, err := NewToken()
	if err != nil {
		return nil, err
	}
	g, static := newGuard(listen, token), newScreen(ui.Files())
	g.before = &sessions{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secureHeaders(w.Header())
		switch status, why := g.check(r); {
		case status != 0 && status != http.StatusUnauthorized:
			http.Error(w, why, status)
		case strings.HasPrefix(r.URL.Path, "/api/"):
			w.Header().Set("Cache-Control", "no-store")
			answerJSON(w, http.StatusServiceUnavailable, failed{Error: eid.Explain(code)})
		default:
			static.ServeHTTP(w, r)
		}
	}), nil
}
