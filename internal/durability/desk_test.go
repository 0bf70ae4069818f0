package durability

import (
	"bufio"
	"context"
	"crypto/hpke"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/uplink"
	"github.com/enrold/enrold/sync/wire"
)

const deskID = "crash-desk"

// desk is what a desk under test does.
type desk struct {
	Producers int   // that enqueue without pause
	Waiting   int   // payloads on the disk above which they wait
	Offline   bool  // nothing is sent
	Journal   bool  // the first producer's visits leave steps in the journal
	Limit     int   // requests after which the producers end; 0 for none
	Reserve   int64 // of the queue
	MinFree   uint64
}

// The desk says on standard output what it did, one line each, written before it
// goes on: "ready", "begin ID", "step ID N", "ack ID SEQ", "refused ID CODE",
// "stopped", "open ID N" (the visit that the journal brought back). It ends with
// its standard input, whose lines "again ID", then "go", it reads first.

type voice struct {
	mu sync.Mutex
	w  io.Writer
}

func (v *voice) say(words ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fmt.Fprintln(v.w, words...)
}

// deskOptions opens the desk's queue, in the child and in the test that looks at
// what it left.
func deskOptions(root, data string) (queue.Options, error) {
	key, err := request.LoadOrCreateDeviceKey(filepath.Join(root, "device.pem"))
	if err != nil {
		return queue.Options{}, err
	}
	seal, err := request.LoadSealKey(filepath.Join(root, "desk", "seal_key"))
	if err != nil {
		return queue.Options{}, err
	}
	return queue.Options{
		Dir: filepath.Join(data, "desk"), DeskID: deskID, Software: "durability",
		Signers: request.Signers{Device: key}, Recipients: []hpke.PublicKey{seal}, MinFree: 1, Reserve: 1 << 20,
	}, nil
}

func runDesk(ctx context.Context, o order) (err error) {
	out := &voice{w: os.Stdout}
	opts, err := deskOptions(o.Root, o.Data)
	if err != nil {
		return err
	}
	if o.Reserve != 0 {
		opts.Reserve = o.Reserve
	}
	if o.MinFree != 0 {
		opts.MinFree = o.MinFree
	}
	q, err := queue.Open(ctx, opts)
	if err != nil {
		return fmt.Errorf("code %s: %w", eid.CodeOf(err), err)
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	in := bufio.NewScanner(os.Stdin)
	var again []string
	for in.Scan() && in.Text() != "go" {
		again = append(again, strings.TrimPrefix(in.Text(), "again "))
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { // ends with the process: a read of stdin cannot be interrupted
		for in.Scan() {
		}
		stop()
	}()
	var work errgroup.Group
	if !o.Offline {
		up, err := newUplink(o, q)
		if err != nil {
			return err
		}
		work.Go(func() error { return up.Run(ctx) })
	}
	p := &production{desk: o.desk, q: q, out: out}
	if o.Journal {
		visit, steps, err := q.Journal().Load(ctx)
		if err != nil && eid.CodeOf(err) != eid.CodeJournalLost {
			return err
		}
		out.say("open", visit+".", len(steps))
		if visit != "" {
			if err := q.Journal().Clear(ctx, visit); err != nil {
				return err
			}
		}
	}
	out.say("ready")
	for _, id := range again {
		p.enqueue(ctx, id)
	}
	for i := range o.Producers {
		work.Go(func() error { return p.run(ctx, i) })
	}
	work.Go(func() error {
		select {
		case <-q.Stopped():
			out.say("stopped")
		case <-ctx.Done():
		}
		return nil
	})
	return work.Wait()
}

func newUplink(o order, q *queue.Queue) (*uplink.Uplink, error) {
	files := func(name string) string { return filepath.Join(o.Root, "desk", name) }
	tls, err := wire.Files{CA: files("ca.pem"), Cert: files("cert.pem"), Key: files("key.pem")}.ClientTLS()
	if err != nil {
		return nil, err
	}
	receipt, err := wire.LoadReceiptKey(files("receipt_key.pem"))
	if err != nil {
		return nil, err
	}
	return uplink.New(uplink.Options{URL: "https://" + o.Addr, TLS: tls, DeskID: deskID, ReceiptKey: receipt, Queue: q})
}

// production is a desk's load.
type production struct {
	desk
	q   *queue.Queue
	out *voice

	mu   sync.Mutex
	made int
}

func (p *production) run(ctx context.Context, number int) error {
	for ctx.Err() == nil && p.more() {
		if p.full(ctx) {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		id := newID()
		if p.Journal && number == 0 {
			for n := 1; n <= 3; n++ {
				if err := p.q.Journal().Append(ctx, id, "step", step(id, n)); err != nil {
					p.out.say("refused", id, eid.CodeOf(err))
					break
				}
				p.out.say("step", id, n)
			}
		}
		p.enqueue(ctx, id)
	}
	return nil
}

func (p *production) enqueue(ctx context.Context, id string) {
	p.out.say("begin", id)
	queued, err := p.q.Enqueue(ctx, requestOf(id))
	switch {
	case err == nil:
		p.out.say("ack", id, queued.Seq)
	case ctx.Err() == nil:
		p.out.say("refused", id, eid.CodeOf(err))
		time.Sleep(time.Millisecond)
	}
}

func (p *production) more() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made++
	return p.Limit == 0 || p.made <= p.Limit
}

// full says that the uplink does not follow.
func (p *production) full(ctx context.Context) bool {
	if p.Waiting == 0 {
		return false
	}
	rows, err := p.q.Waiting(ctx, p.Waiting)
	return err == nil && len(rows) >= p.Waiting
}
