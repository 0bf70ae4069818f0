package main

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/osia"
	"github.com/enrold/enrold/sync/uplink"
	"github.com/enrold/enrold/sync/wire"
)

// way carries the queue to the central until ctx ends.
type way interface {
	Run(ctx context.Context) error
}

// newWay is the central's own wire, or OSIA where the configuration says so.
func newWay(ctx context.Context, cfg config.Config, own *ownKeys, q *queue.Queue, log *slog.Logger) (way, error) {
	if cfg.Central.Protocol != config.ProtocolOSIA {
		return newUplink(ctx, cfg, own, q, log)
	}
	tls, err := own.ClientTLS(ctx)
	if err != nil {
		return nil, err
	}
	receipt, err := wire.LoadReceiptKey(cfg.Central.ReceiptKey)
	if err != nil {
		return nil, err
	}
	o := osia.Options{URL: cfg.Central.OSIA, TLS: tls, DeskID: cfg.Desk.ID, Device: own.signers.Device}
	policy, err := syncPolicy(cfg.Sync)
	if err != nil {
		return nil, err
	}
	o.Dial = policy.Dial()
	if o.Token, o.WrapKey, err = osiaSecrets(cfg.Central); err != nil {
		return nil, err
	}
	client, err := osia.NewClient(o)
	if err != nil {
		return nil, err
	}
	return uplink.Courier{Transport: client, DeskID: cfg.Desk.ID, ReceiptKey: receipt, Queue: q, Policy: policy, URL: o.URL, Log: log}, nil
}

// osiaSecrets reads the bearer token and the key that buffers are wrapped to;
// both may be absent.
func osiaSecrets(c config.Central) (token string, wrap *ecdsa.PublicKey, err error) {
	if c.Token != "" {
		text, err := request.ReadSecret(c.Token)
		if err != nil {
			return "", nil, fmt.Errorf("load OSIA token: %w", err)
		}
		token = strings.TrimSpace(string(text))
	}
	if c.WrapKey != "" {
		text, err := os.ReadFile(c.WrapKey)
		if err != nil {
			return "", nil, fmt.Errorf("load OSIA wrap key: %w", err)
		}
		if wrap, err = request.ParsePublicKey(text); err != nil {
			return "", nil, fmt.Errorf("load OSIA wrap key: %w", err)
		}
	}
	return token, wrap, nil
}
