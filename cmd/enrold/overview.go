package main

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/exceptionrate"
	"github.com/enrold/enrold/internal/procedure"
	"github.com/enrold/enrold/internal/web"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/sync/published"
	"github.com/enrold/enrold/sync/uplink"
)

// Bounds of looking at the whole queue for alarms: they are of days, and a desk
// that holds more open requests than these has its alarm long since.
const (
	alarmsEvery = 10 * time.Second
	alarmRows   = 5000
)

// overview tells the screen how the desk stands as a whole.
type overview struct {
	cfg   config.Config
	own   *ownKeys
	queue *queue.Queue
	rules *procedure.Registry
	data  *centralData // nil without a root
	way   way
	rate  *exceptionrate.Rate // nil where it cannot be read

	mu     sync.Mutex
	alarms []web.Alarm
	asked  time.Time
}

// Overview implements web.Overviewer.
func (o *overview) Overview(ctx context.Context) (web.Overview, error) {
	now := time.Now()
	alarms, err := o.queueAlarms(ctx, now)
	if err != nil {
		return web.Overview{}, err
	}
	out := web.Overview{Keys: o.keys(ctx), SealKeys: o.sealKeys(now)}
	if up, ok := o.way.(*uplink.Uplink); ok {
		s := up.Status()
		out.Link = &web.Link{Online: s.Online, Refused: s.Refused, Probe: s.Probe}
		if s.LogContradicts {
			out.Alarms = append(out.Alarms, web.Alarm{Code: eid.CodeQueueLog})
		}
	}
	out.Alarms = append(out.Alarms, alarms...)
	if o.rate != nil {
		if count, high := o.rate.High(now); high {
			out.Alarms = append(out.Alarms, web.Alarm{Code: eid.CodeExceptionRate, Count: count})
		}
	}
	if k := out.SealKeys; k != nil && k.Code != "" {
		out.Alarms = append(out.Alarms, web.Alarm{Code: k.Code, Until: k.Until})
	}
	return out, nil
}

// queueAlarms looks again after a while only: the screen asks every other second.
func (o *overview) queueAlarms(ctx context.Context, now time.Time) ([]web.Alarm, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if age := now.Sub(o.asked); o.alarms != nil && age >= 0 && age < alarmsEvery {
		return o.alarms, nil
	}
	rows, err := openRows(ctx, o.queue)
	if err != nil {
		return nil, err
	}
	found, err := uplink.Alarms(rows, now, o.rules.Calendar())
	if err != nil {
		return nil, err
	}
	damaged, refused := web.Alarm{Code: eid.CodeQueueDamaged}, web.Alarm{Code: eid.CodeSyncRefused}
	for _, r := range rows {
		switch {
		case r.Damaged:
			damaged.Count++
		case r.State == queue.Refused:
			refused.Count++
		}
	}
	alarms := []web.Alarm{}
	if damaged.Count > 0 {
		alarms = append(alarms, damaged)
	}
	// Past deadlines first, then near ones, then what waits.
	for _, a := range slices.Backward(found) {
		alarms = append(alarms, web.Alarm{Code: a.Code, Count: a.Count, Nearest: a.Nearest})
	}
	if refused.Count > 0 {
		alarms = append(alarms, refused)
	}
	o.alarms, o.asked = alarms, now
	return alarms, nil
}

// openRows are the requests on which somebody still works or should: those that
// wait, those that the central decides on, and of the newest those that it
// refused or that are damaged.
func openRows(ctx context.Context, q *queue.Queue) ([]queue.Row, error) {
	waiting, err := q.Waiting(ctx, alarmRows)
	if err != nil {
		return nil, err
	}
	awaited, err := q.Awaiting(ctx, alarmRows)
	if err != nil {
		return nil, err
	}
	newest, err := q.List(ctx, alarmRows)
	if err != nil {
		return nil, err
	}
	rows := slices.Concat(waiting, awaited)
	for _, r := range newest {
		if r.Damaged || r.State == queue.Refused {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b queue.Row) int { return cmp.Compare(a.Seq, b.Seq) })
	return slices.CompactFunc(rows, func(a, b queue.Row) bool { return a.Seq == b.Seq }), nil
}

// sealKeys is nil where the configuration names the one key.
func (o *overview) sealKeys(now time.Time) *web.SealKeys {
	if o.data == nil {
		return nil
	}
	var out web.SealKeys
	if k, ok := o.data.Get(published.KindSealKeys); ok {
		out.Version, out.Since = k.Version, k.NotBefore
	}
	r, err := o.data.Recipients(now, o.data.policy)
	out.Until, out.Code = r.Until, r.Warning
	if err != nil {
		out.Code = eid.CodeOf(err)
	}
	return &out
}

// keys says where the keys live: the journal's is in the kernel without a TPM.
func (o *overview) keys(ctx context.Context) []web.Key {
	device := web.Key{Use: "device", Place: string(o.cfg.Keys.Device)}
	drafts := web.Key{Use: "drafts", Place: "keyring"}
	if o.cfg.Keys.Device == config.KeyTPM {
		drafts.Place = device.Place
		if info, err := o.own.TPM(ctx); err == nil && info != nil {
			device.Emulated, drafts.Emulated = info.Emulated, info.Emulated
		}
	}
	return []web.Key{device, {Use: "officer", Place: string(o.cfg.Keys.Officer)}, drafts}
}
