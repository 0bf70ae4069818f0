package durability

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/authority"
	"github.com/enrold/enrold/sync/wire"
)

// granting decides everything at once: what is tried here is the way, not the
// decision.
type granting struct{}

func (granting) Decide(context.Context, request.Body) (intake.Verdict, error) {
	return intake.Verdict{State: wire.StateGranted}, nil
}

func centralFolder(data string) string { return filepath.Join(data, "central") }

// runCentral serves until its standard input ends.
func runCentral(ctx context.Context, o order) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { // ends with the process: a read of stdin cannot be interrupted
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	keys := filepath.Join(o.Root, "keys")
	seal, receipt, err := authority.Keys(keys)
	if err != nil {
		return err
	}
	conf, err := authority.Files(keys).ServerTLS()
	if err != nil {
		return err
	}
	in, err := intake.Open(ctx, intake.Options{Dir: centralFolder(o.Data), SealKey: seal, Receipt: receipt, Decider: granting{}, AcceptEmulated: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: in.Handler(), ErrorLog: log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	var work errgroup.Group
	work.Go(func() error { return in.Run(ctx) })
	work.Go(func() error {
		if err := server.Serve(tls.NewListener(listener, conf)); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	work.Go(func() error { <-ctx.Done(); return server.Close() })
	fmt.Println("ready")
	return work.Wait()
}

// prepare makes the keys of a central and of its desk in root, and the central's
// folder in data with the desk registered.
func prepare(ctx context.Context, root, data string) error {
	keys := filepath.Join(root, "keys")
	if err := authority.Create(keys, []string{"127.0.0.1"}); err != nil {
		return err
	}
	device, err := request.LoadOrCreateDeviceKey(filepath.Join(root, "device.pem"))
	if err != nil {
		return err
	}
	cert, err := authority.EnrolDesk(keys, filepath.Join(root, "desk"), deskID)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(centralFolder(data), 0o700); err != nil {
		return err
	}
	registry, err := intake.OpenRegistry(ctx, centralFolder(data))
	if err != nil {
		return err
	}
	return errors.Join(registry.Register(ctx, deskID, cert, device.Public().(*ecdsa.PublicKey)), registry.Close())
}
