package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"
)

const (
	writeLimit = 5 * time.Second // ends a client that takes nothing for so long
	sendBuffer = 64 << 10        // small, so that a slow client sees few old frames
)

// stream serves multipart MJPEG, as network cameras do, to any number of
// clients. Each client takes the newest frame whenever it is ready for one.
type stream struct {
	mu      sync.Mutex
	clients map[chan []byte]struct{}
	serving sync.WaitGroup
}

func newStream() *stream { return &stream{clients: map[chan []byte]struct{}{}} }

// publish hands jpeg to every client; one that has not taken the last frame loses it.
func (s *stream) publish(jpeg []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		select {
		case <-c:
		default:
		}
		c <- jpeg
	}
}

// accept serves clients until l is closed and the last has gone.
func (s *stream) accept(ctx context.Context, l net.Listener) error {
	defer s.serving.Wait()
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept camera client: %w", err)
		}
		s.serving.Go(func() { s.serve(ctx, conn) })
	}
}

func (s *stream) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if u, ok := conn.(*net.UnixConn); ok {
		_ = u.SetWriteBuffer(sendBuffer) // only a matter of freshness
	}
	frames := make(chan []byte, 1)
	s.mu.Lock()
	s.clients[frames] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.clients, frames)
		s.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case jpeg := <-frames:
			if writeFrame(conn, jpeg) != nil {
				return // the client is gone
			}
		}
	}
}

func writeFrame(conn net.Conn, jpeg []byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return err
	}
	part := make([]byte, 0, len(jpeg)+96)
	part = append(part, "--ffserver\r\nContent-Type: image/jpeg\r\nContent-Length: "...)
	part = strconv.AppendInt(part, int64(len(jpeg)), 10)
	part = append(part, "\r\n\r\n"...)
	part = append(part, jpeg...)
	part = append(part, "\r\n"...)
	_, err := conn.Write(part)
	return err
}
