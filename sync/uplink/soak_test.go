package uplink_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/hpke"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/linkshape"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/authority"
	"github.com/enrold/enrold/sync/uplink"
	"github.com/enrold/enrold/sync/wire"
)

// The weak links of the soak: 64 kbit/s, 800 ms round trip, 5 % loss each way,
// cut every 30 s on average for 2 s on average. A cut loses what is in the air
// and ends every connection.
const (
	soakDesks    = 20
	soakRequests = 10
	soakBytes    = 100_000
	soakLimit    = 20 * time.Minute
)

func weak(seed int) linkshape.Shape {
	return linkshape.Shape{
		BitsPerSecond: 64_000, Delay: 400 * time.Millisecond, Loss: 0.05, QueueBytes: 24 << 10,
		Up: 30 * time.Second, Down: 2 * time.Second, Forget: true, Seed: uint64(seed),
	}
}

// couldCarry is what a weak link carries of TCP payload in a second of being up
// when nothing is ever idle: its rate, less the loss, less the headers of full
// segments (20 IP, 32 TCP with time stamps, of 1500).
const couldCarry = 64_000.0 / 8 * 0.95 * (1500 - 52) / 1500

// soakReport is what the soak found. Ratios are of bytes per second of a link
// being up.
type soakReport struct {
	Desks            int     `json:"desks"`
	Requests         int     `json:"requests"`
	SealedBytes      int64   `json:"sealed_bytes"`
	Lanes            int     `json:"lanes"`
	ArrivedOnce      bool    `json:"arrived_once"`
	Seconds          float64 `json:"seconds"`
	Cuts             int     `json:"cuts"`
	Goodput          float64 `json:"goodput_bytes_s"`            // a link, while up
	Plain            float64 `json:"plain_tcp_bytes_s"`          // of one plain TCP stream that knows where to go on
	PlainCubic       float64 `json:"plain_tcp_cubic_bytes_s"`    // the same without our socket options
	Bound            float64 `json:"bound_bytes_s"`              // rate less loss less headers
	OfPlain          float64 `json:"goodput_of_plain_tcp"`       // wanted: 0.85
	OfPlainCubic     float64 `json:"goodput_of_plain_cubic"`     //
	OfBound          float64 `json:"goodput_of_bound"`           //
	PlainTwice       float64 `json:"plain_tcp_given_twice"`      // the same of the plain stream: what was on its way in each cut
	GivenTwice       float64 `json:"given_to_transport_twice"`   // share of the sealed bytes; at most what plain TCP is given
	ArrivedTwice     float64 `json:"arrived_twice"`              // share of the sealed bytes; wanted: under 0.05
	LinkBytes        float64 `json:"link_bytes_per_sealed_byte"` // IP packets out, with TCP's own retransmissions
	WorstDeskOfPlain float64 `json:"worst_desk_of_plain_tcp"`
}

// soakDesk is one desk behind its link.
type soakDesk struct {
	queue  *queue.Queue
	uplink *uplink.Uplink
	link   *linkshape.Link
	sealed int64
	took   time.Duration // up time of the link until the last receipt
	plain  time.Duration // up time in which plain TCP carried as much
	cubic  time.Duration
	given  int64 // bytes that plain TCP was given
}

func TestSoakWeakLinks(t *testing.T) {
	if os.Getenv("ENROLD_SOAK") == "" {
		t.Skip("takes minutes and needs root: make soak")
	}
	lanes, _ := strconv.Atoi(os.Getenv("ENROLD_SOAK_LANES"))
	c := newSoakCentral(t)
	number := soakDesks
	if n, err := strconv.Atoi(os.Getenv("ENROLD_SOAK_DESKS")); err == nil {
		number = n
	}
	desks := make([]*soakDesk, number)
	for i := range desks {
		desks[i] = c.desk(t, i, lanes)
	}
	ctx, cancel := context.WithTimeout(t.Context(), soakLimit)
	defer cancel()
	var all sync.WaitGroup
	began := time.Now()
	for i, d := range desks {
		all.Go(func() { d.run(ctx, t) })
		all.Go(func() { d.plain, d.given = c.plain(ctx, t, soakDesks+i, weak(i), d.sealed, true) })
		all.Go(func() { d.cubic, _ = c.plain(ctx, t, 2*soakDesks+i, weak(i), d.sealed, false) })
	}
	all.Wait()
	r := soakReport{Desks: number, Requests: number * soakRequests, Lanes: lanes, Seconds: time.Since(began).Seconds(), Bound: couldCarry}
	var up, plainUp, cubicUp float64
	var sent, given, linkBytes int64
	r.WorstDeskOfPlain = 10
	for _, d := range desks {
		r.SealedBytes += d.sealed
		r.Cuts += d.link.Cuts()
		sent += d.uplink.Status().Sent
		given += d.given
		out, _ := d.link.Count()
		linkBytes += out.Offered
		up, plainUp, cubicUp = up+d.took.Seconds(), plainUp+d.plain.Seconds(), cubicUp+d.cubic.Seconds()
		r.WorstDeskOfPlain = min(r.WorstDeskOfPlain, d.plain.Seconds()/d.took.Seconds())
	}
	total := float64(r.SealedBytes)
	r.Goodput, r.Plain, r.PlainCubic = total/up, total/plainUp, total/cubicUp
	r.OfPlain, r.OfPlainCubic, r.OfBound = r.Goodput/r.Plain, r.Goodput/r.PlainCubic, r.Goodput/r.Bound
	r.GivenTwice, r.ArrivedTwice = float64(sent)/total-1, float64(c.arrived.Load())/total-1
	r.PlainTwice = float64(given)/total - 1
	r.LinkBytes = float64(linkBytes) / total
	stored := len(must(filepath.Glob(filepath.Join(c.dir, "payload", "*"))))
	r.ArrivedOnce = stored == r.Requests && int(c.fresh.Load()) == r.Requests
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s\n", text)
	if !r.ArrivedOnce {
		t.Errorf("%d of %d requests stored, %d decided", stored, r.Requests, c.fresh.Load())
	}
	if r.OfPlain < 0.85 {
		t.Errorf("goodput is %.3f of what plain TCP carries over the same links, want 0.85", r.OfPlain)
	}
	if r.ArrivedTwice > 0.05 {
		t.Errorf("%.3f of the bytes came to the central again, want under 0.05", r.ArrivedTwice)
	}
	// What is in the air at a cut is lost to everybody: 64 kbit/s times 800 ms
	// alone is 6.4 kB a cut, near 5 % of what such a link carries between two.
	if r.GivenTwice > r.PlainTwice {
		t.Errorf("%.3f of the bytes were sent for nothing in cuts, plain TCP only %.3f", r.GivenTwice, r.PlainTwice)
	}
}

// soakCentral is an intake in a namespace of its own.
type soakCentral struct {
	dir     string
	space   *linkshape.Space
	server  *httptest.Server
	port    int
	arrived atomic.Int64 // bytes of requests that came in
	fresh   atomic.Int64 // requests opened for a decision
}

// Decide implements intake.Decider: once a request.
func (c *soakCentral) Decide(context.Context, request.Body) (intake.Verdict, error) {
	c.fresh.Add(1)
	return intake.Verdict{State: wire.StateRejected, Reason: "soak"}, nil
}

type countedBody struct {
	io.ReadCloser
	n *atomic.Int64
}

func (b countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}

func newSoakCentral(t *testing.T) *soakCentral {
	t.Helper()
	c := &soakCentral{dir: filepath.Join(t.TempDir(), "central")}
	var err error
	if c.space, err = linkshape.NewSpace(); err != nil {
		t.Skipf("network namespaces cannot be made here: %v", err)
	}
	t.Cleanup(func() { c.space.Close() })
	keys := filepath.Join(c.dir, "keys")
	if err := authority.Create(keys, []string{"127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	seal, receipt, err := authority.Keys(keys)
	if err != nil {
		t.Fatal(err)
	}
	in, err := intake.Open(t.Context(), intake.Options{Dir: c.dir, SealKey: seal, Receipt: receipt, Decider: c, AcceptEmulated: true})
	if err != nil {
		t.Fatal(err)
	}
	conf, err := authority.Files(keys).ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sends(r) {
			r.Body = countedBody{r.Body, &c.arrived}
		}
		in.Handler().ServeHTTP(w, r)
	}))
	c.server.Listener.Close()
	if c.server.Listener, err = c.listen(0); err != nil {
		t.Fatal(err)
	}
	c.port = c.server.Listener.Addr().(*net.TCPAddr).Port
	c.server.TLS, c.server.EnableHTTP2 = conf, true
	c.server.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	c.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	c.server.StartTLS()
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		c.server.CloseClientConnections()
		c.server.Close()
		if err := errors.Join(<-ended, in.Close()); err != nil {
			t.Error(err)
		}
	})
	return c
}

func (c *soakCentral) listen(port int) (l net.Listener, err error) {
	err = c.space.Do(func() (err error) {
		l, err = net.Listen("tcp4", net.JoinHostPort("0.0.0.0", strconv.Itoa(port)))
		return err
	})
	return l, err
}

// desk enrols desk number i, fills its queue and puts it behind its link.
func (c *soakCentral) desk(t *testing.T, i, lanes int) *soakDesk {
	t.Helper()
	id, dir := fmt.Sprintf("desk-%d", i), t.TempDir()
	device, err := request.LoadOrCreateDeviceKey(filepath.Join(dir, "device.pem"))
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "enrolled")
	cert, err := authority.EnrolDesk(filepath.Join(c.dir, "keys"), out, id)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := intake.OpenRegistry(t.Context(), c.dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(registry.Register(t.Context(), id, cert, device.Public().(*ecdsa.PublicKey)), registry.Close()); err != nil {
		t.Fatal(err)
	}
	seal, err := request.LoadSealKey(filepath.Join(out, "seal_key"))
	if err != nil {
		t.Fatal(err)
	}
	d := &soakDesk{}
	d.queue, err = queue.Open(t.Context(), queue.Options{Dir: filepath.Join(dir, "data"), DeskID: id, Signers: request.Signers{Device: device}, Recipients: []hpke.PublicKey{seal}, MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.queue.Close() })
	for n := range soakRequests {
		image := make([]byte, soakBytes)
		rand.Read(image)
		r := station.Request{ID: uuid.Must(uuid.NewV7()).String(), DueAt: eid.Date(fmt.Sprintf("2026-12-%02d", 10+n)), Portraits: []eid.PortraitRecord{{Record: image}}}
		q, err := d.queue.Enqueue(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		d.sealed += int64(q.SealedBytes)
	}
	d.link = c.connect(t, i, weak(i))
	conf, err := wire.Files{CA: filepath.Join(out, "ca.pem"), Cert: filepath.Join(out, "cert.pem"), Key: filepath.Join(out, "key.pem")}.ClientTLS()
	if err != nil {
		t.Fatal(err)
	}
	conf.ServerName = "127.0.0.1" // the central's certificate names it; the links have addresses of their own
	receipt, err := wire.LoadReceiptKey(filepath.Join(out, "receipt_key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: uplink.SocketOptions}
	d.uplink, err = uplink.New(uplink.Options{
		URL: fmt.Sprintf("https://%s:%d", d.link.Far, c.port), TLS: conf, DeskID: id, ReceiptKey: receipt, Queue: d.queue, Policy: uplink.Policy{Lanes: lanes},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			return d.link.DialWith(ctx, dialer, network, address)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (c *soakCentral) connect(t *testing.T, n int, shape linkshape.Shape) *linkshape.Link {
	near, err := linkshape.NewSpace()
	if err != nil {
		t.Fatal(err)
	}
	l, err := linkshape.Connect(near, c.space, n, shape)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(l.Close(), near.Close()); err != nil {
			t.Error(err)
		}
	})
	return l
}

// run works the queue off and notes the link's up time until the last receipt.
func (d *soakDesk) run(ctx context.Context, t *testing.T) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	start, _ := d.link.Up()
	go func() { ended <- d.uplink.Run(ctx) }()
	for ctx.Err() == nil {
		waiting, err := d.queue.Waiting(ctx, 1)
		if err != nil && ctx.Err() == nil {
			t.Error(err)
			break
		}
		if len(waiting) == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	end, _ := d.link.Up()
	d.took = end - start
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// plain sends size bytes over a link of the same shape and the same cuts by
// plain TCP: no TLS, no HTTP, no answers, and after a cut the receiver says
// where to go on. It returns the link's up time until all had arrived.
func (c *soakCentral) plain(ctx context.Context, t *testing.T, n int, shape linkshape.Shape, size int64, options bool) (up time.Duration, given int64) {
	link := c.connect(t, n, shape)
	l, err := c.listen(0)
	if err != nil {
		t.Error(err)
		return 0, 0
	}
	defer l.Close()
	sink := &sink{size: size, done: make(chan struct{})}
	go sink.serve(l)
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if options {
		dialer.Control = uplink.SocketOptions
	} else {
		dialer.Control = cubic
	}
	address := net.JoinHostPort(link.Far.String(), strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	start, _ := link.Up()
	for ctx.Err() == nil && !sink.full() {
		conn, err := link.DialWith(ctx, dialer, "tcp", address)
		if err != nil {
			continue
		}
		given += sink.feed(conn)
		conn.Close()
	}
	end, _ := link.Up()
	return end - start, given
}
