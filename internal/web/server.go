package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/enrold/enrold/internal/web/ui"
)

// Info is what the screen's head says of this desk.
type Info struct {
	Desk     string `json:"desk"`
	Role     string `json:"role"` // commune_police, immigration
	Officer  string `json:"officer"`
	Version  string `json:"version"`
	Emulated bool   `json:"emulated"` // some device is emulated: the screen says so
}

// Options wires a Server. Desk and Listen are required; a nil port answers 503.
type Options struct {
	Listen   string // the address that is served, "127.0.0.1:8770": port is part of what Host must say
	Token    string // 43 characters of base64url; empty for a new one
	Info     Info
	Desk     Desk
	Preview  Previewer
	Queue    Queue
	Devices  Devices
	Consents Consents
	Officer  Officer // nil: requests need no token
	Overview Overviewer
	// Sessions is a file that lets a browser which was open before a restart go on;
	// "" for none. See sessions.
	Sessions string
	Log      *slog.Logger
	// OperationLimit bounds one action, the person's part included; 0 for two minutes.
	OperationLimit time.Duration
	// Heartbeat is the pause between signs of life on /api/events; 0 for ten seconds.
	Heartbeat time.Duration
}

// Server answers the screen. Close ends its streams and running actions.
type Server struct {
	opts    Options
	guard   guard
	handler http.Handler
	hub     hub
	ctx     context.Context
	cancel  context.CancelFunc
}

// New checks the options and makes the handler. It does not listen.
func New(opts Options) (*Server, error) {
	if opts.Desk == nil {
		return nil, errors.New("web: no desk")
	}
	host, port, err := net.SplitHostPort(opts.Listen)
	if err != nil {
		return nil, fmt.Errorf("web: listen address: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() || port == "0" {
		return nil, fmt.Errorf("web: listen address %q: want a loopback address and the real port", opts.Listen)
	}
	if opts.Token == "" {
		if opts.Token, err = NewToken(); err != nil {
			return nil, err
		}
	}
	if len(opts.Token) < tokenChars {
		return nil, fmt.Errorf("web: token of %d characters: want %d", len(opts.Token), tokenChars)
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.OperationLimit == 0 {
		opts.OperationLimit = 2 * time.Minute
	}
	if opts.Heartbeat == 0 {
		opts.Heartbeat = 10 * time.Second
	}
	s := &Server{opts: opts, guard: newGuard(opts.Listen, opts.Token)}
	s.guard.before = openSessions(opts.Sessions, opts.Token, time.Now, opts.Log)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.handler = s.guard.wrap(s.routes())
	return s, nil
}

// Handler is what the daemon serves on Options.Listen.
func (s *Server) Handler() http.Handler { return s.handler }

// Token is the session's secret, for the daemon's token file (mode 0600).
func (s *Server) Token() string { return s.opts.Token }

// URL is the address to open, with the token in its fragment.
func (s *Server) URL() string { return "http://" + s.opts.Listen + "/#token=" + s.opts.Token }

// Notify tells every open screen to fetch again: kind "queue", "devices" or "officer".
func (s *Server) Notify(kind string) { s.hub.notify(kind) }

// Close ends event and preview streams and cancels running actions, so that
// http.Server.Shutdown need not wait for them.
func (s *Server) Close() { s.cancel() }

func (s *Server) routes() http.Handler {
	api := http.NewServeMux()
	api.HandleFunc("POST /api/session", s.guard.openSession)
	api.HandleFunc("POST "+renewPath, s.guard.renewSession)
	api.HandleFunc("GET /api/desk", s.getDesk)
	api.HandleFunc("GET /api/visit", s.getVisit)
	api.HandleFunc("GET /api/queue", s.getQueue)
	api.HandleFunc("GET /api/devices", s.getDevices)
	api.HandleFunc("GET /api/overview", s.getOverview)
	api.HandleFunc("GET /api/consent-text", s.getConsentText)
	api.HandleFunc("GET /api/officer", s.getOfficer)
	api.HandleFunc("GET /api/events", s.events)
	api.HandleFunc("GET /api/preview", s.preview)
	api.HandleFunc("GET /api/camera", s.getCamera)
	api.HandleFunc("POST /api/camera", s.setCamera)
	api.HandleFunc("POST /api/visit", s.start)
	api.HandleFunc("POST /api/chip", s.readChip)
	api.HandleFunc("POST /api/face", s.captureFace)
	api.HandleFunc("POST /api/face/accept", s.acceptFace)
	api.HandleFunc("POST /api/face/presence", s.attestPresence)
	api.HandleFunc("POST /api/finger", s.captureFinger)
	api.HandleFunc("POST /api/exception", s.exceptFinger)
	api.HandleFunc("POST /api/exception/refuse", s.refuseException)
	api.HandleFunc("POST /api/details", s.setDetails)
	api.HandleFunc("POST /api/consent", s.giveConsent)
	api.HandleFunc("POST /api/send", s.send)
	api.HandleFunc("POST /api/refuse", s.refuse)
	api.HandleFunc("POST /api/abandon", s.abandon)
	api.HandleFunc("POST /api/unlock", s.unlock)
	api.HandleFunc("POST /api/lock", s.lock)
	static := newScreen(ui.Files())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			w.Header().Set("Cache-Control", "no-store")
			api.ServeHTTP(w, r)
			return
		}
		static.ServeHTTP(w, r)
	})
}
