package uplink

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestGreeter: the first handshake is a hybrid one, the next is resumed with the
// small key share, and a central that forgot the session gets a hybrid one again.
func TestGreeter(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	dials := 0
	conf := server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	conf.MinVersion = tls.VersionTLS13
	g := newGreeter(conf, "example.com", func(ctx context.Context, network, address string) (net.Conn, error) {
		dials++
		return (&net.Dialer{}).DialContext(ctx, network, address)
	})
	for i, c := range []struct {
		forget  bool
		resumed bool
		curve   tls.CurveID
		dials   int
	}{
		{false, false, tls.X25519MLKEM768, 1},
		{false, true, tls.X25519, 2},
		{true, false, tls.X25519MLKEM768, 4},
		{false, true, tls.X25519, 5},
	} {
		if c.forget {
			server.TLS.SetSessionTicketKeys([][32]byte{{1}})
		}
		conn, err := g.dial(t.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		state := conn.(*tls.Conn).ConnectionState()
		if state.DidResume != c.resumed || state.CurveID != c.curve || state.NegotiatedProtocol != "h2" || dials != c.dials {
			t.Errorf("handshake %d: resumed %v, %v, %q, %d dials; want %+v", i, state.DidResume, state.CurveID, state.NegotiatedProtocol, dials, c)
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil { // the ticket comes before the server's first byte
			t.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
