package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

const tokenChars = 43 // 32 bytes in base64url without padding

// NewToken returns 32 random bytes in base64url.
func NewToken() (string, error) {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("make session token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// guard refuses what did not come from the screen itself or from a client that
// holds the token. Each check closes one way in:
//
//   - Host: DNS rebinding (a foreign name that resolves to 127.0.0.1);
//   - Origin: requests by other pages, another port of this machine included;
//   - Sec-Fetch-Site: cross-site reads, which carry no Origin;
//   - http.CrossOriginProtection: writes, the standard library's net below;
//   - token: other programs and users of this machine.
type guard struct {
	hosts   []string
	origins []string
	cookie  string // name: cookies are shared between ports, so it holds the port
	token   [sha256.Size]byte
	secret  string
	cross   *http.CrossOriginProtection
	before  *sessions // of this desk's earlier starts
}

func newGuard(listen, token string) guard {
	host, port, _ := net.SplitHostPort(listen)
	g := guard{cookie: "enrold_" + port, token: sha256.Sum256([]byte(token)), secret: token, cross: http.NewCrossOriginProtection()}
	for _, h := range []string{net.JoinHostPort(host, port), "localhost:" + port} {
		g.hosts = append(g.hosts, h)
		g.origins = append(g.origins, "http://"+h)
	}
	return g
}

func (g guard) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secureHeaders(w.Header())
		if status, why := g.check(r); status != 0 {
			http.Error(w, why, status)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// check returns 0 for a request that may pass, else the status and the reason.
func (g guard) check(r *http.Request) (int, string) {
	if !slices.Contains(g.hosts, r.Host) {
		return http.StatusMisdirectedRequest, "host not served here"
	}
	if o, ok := r.Header["Origin"]; ok && (len(o) != 1 || !slices.Contains(g.origins, o[0])) {
		return http.StatusForbidden, "origin not allowed"
	}
	api := strings.HasPrefix(r.URL.Path, "/api/")
	if site, ok := r.Header["Sec-Fetch-Site"]; ok {
		// "none" is a person typing the address: right for the page, never for the API.
		if len(site) != 1 || site[0] != "same-origin" && (site[0] != "none" || api) {
			return http.StatusForbidden, "cross-site request"
		}
	}
	if err := g.cross.Check(r); err != nil {
		return http.StatusForbidden, "cross-origin request"
	}
	if !api {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			return http.StatusMethodNotAllowed, "method not allowed"
		}
		return 0, ""
	}
	if g.known(r) {
		g.before.seen()
		return 0, ""
	}
	if r.URL.Path == "/api/session" || r.URL.Path == renewPath {
		return 0, ""
	}
	return http.StatusUnauthorized, "no session"
}

// known reports a request that carries the token, as cookie or as bearer.
func (g guard) known(r *http.Request) bool {
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return g.equal(bearer)
	}
	c, err := r.Cookie(g.cookie)
	return err == nil && g.equal(c.Value)
}

func (g guard) equal(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1
}

// openSession trades the token of the address for the cookie.
func (g guard) openSession(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Token string `json:"token"`
	}
	if err := decode(w, r, &in); err != nil {
		answerError(w, err, nil)
		return
	}
	if !g.equal(in.Token) {
		http.Error(w, "wrong token", http.StatusUnauthorized)
		return
	}
	g.giveCookie(w)
}

const renewPath = "/api/session/renew"

// renewSession gives the present token to a browser whose cookie is of an earlier
// start of this desk, once for each. Everything that [guard.check] asks of the
// page was asked before: only this screen, in the browser that held the cookie.
func (g guard) renewSession(w http.ResponseWriter, r *http.Request) {
	var in nothing
	if err := decode(w, r, &in); err != nil {
		answerError(w, err, nil)
		return
	}
	c, err := r.Cookie(g.cookie)
	if err != nil || !g.known(r) && !g.before.spend(c.Value) {
		http.Error(w, "no earlier session", http.StatusUnauthorized)
		return
	}
	g.giveCookie(w)
}

func (g guard) giveCookie(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // no TLS: the screen is on the desk itself, over the loopback interface
		Name: g.cookie, Value: g.secret, Path: "/api/",
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	w.WriteHeader(http.StatusNoContent)
}

// secureHeaders go out with every answer. The policy has no inline script or
// style and no foreign source; blob: is for camera frames, data: for portraits.
func secureHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "+
		"img-src 'self' blob: data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), usb=(), serial=(), hid=()")
}
