package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"sync"
	"time"

	"golang.org/x/image/draw"

	"github.com/enrold/enrold/hw/emu/persons"
)

const (
	photoTime   = 320 * time.Millisecond // how long each photograph is shown
	phases      = 4                      // positions of the head in its slight movement
	phaseTime   = 80 * time.Millisecond
	sway        = 4.0  // pixels, of the movement
	photoShare  = 0.42 // of the frame's height that a photograph fills: eyes some 115 pixels apart, as a portrait needs
	frameJPEG   = 88
	maxPhotoLen = 1 << 20
)

// scene is what the camera sees: an empty chair or a person. Frames are encoded
// ahead and shown from memory, so that the stream costs next to nothing.
type scene struct {
	size   image.Point
	photos string
	now    func() time.Time

	mu     sync.Mutex
	empty  []byte
	shots  [][phases][]byte // one entry a photograph; grows while a person sits down
	since  time.Time
	seated *seat
}

// seat is one stay of a person; closing gone ends the encoding of more frames.
type seat struct {
	gone chan struct{}
	done sync.WaitGroup
}

func newScene(size image.Point, photos string) (*scene, error) {
	empty, err := encode(backdrop(size))
	if err != nil {
		return nil, err
	}
	return &scene{size: size, photos: photos, now: time.Now, empty: empty}, nil
}

// frame is the JPEG that the camera sees now.
func (s *scene) frame() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.shots) == 0 {
		return s.empty
	}
	t := s.now().Sub(s.since)
	shot := int(t/photoTime) % len(s.shots)
	return s.shots[shot][int(t/phaseTime)%phases]
}

// sit shows the person: the first photograph when it returns, the others as
// soon as they are encoded. The first of the person's files is on the chip and
// never before the camera.
func (s *scene) sit(index int) error {
	person, err := persons.Get(index)
	if err != nil {
		return err
	}
	paths, err := person.Photos(s.photos)
	if err != nil {
		return err
	}
	paths = paths[1:]
	first, err := s.shoot(paths[0])
	if err != nil {
		return err
	}
	s.leave()
	place := &seat{gone: make(chan struct{})}
	s.mu.Lock()
	s.seated, s.since = place, s.now()
	s.shots = append(make([][phases][]byte, 0, len(paths)), first)
	s.mu.Unlock()
	place.done.Go(func() {
		for _, path := range paths[1:] {
			shot, err := s.shoot(path)
			if err != nil {
				fmt.Fprintln(os.Stderr, "emu-camera:", err)
				continue
			}
			select {
			case <-place.gone:
				return
			default:
			}
			s.mu.Lock()
			s.shots = append(s.shots, shot)
			s.mu.Unlock()
		}
	})
	return nil
}

// leave empties the chair and waits for the encoder of the last stay.
func (s *scene) leave() {
	s.mu.Lock()
	place := s.seated
	s.seated = nil
	s.mu.Unlock()
	if place != nil {
		close(place.gone)
		place.done.Wait()
	}
	s.mu.Lock()
	s.shots = nil
	s.mu.Unlock()
}

// shoot makes the frames of one photograph.
func (s *scene) shoot(path string) ([phases][]byte, error) {
	var shot [phases][]byte
	info, err := os.Stat(path)
	if err != nil {
		return shot, fmt.Errorf("read photograph: %w", err)
	}
	if info.Size() > maxPhotoLen {
		return shot, fmt.Errorf("read photograph: %d bytes are too many", info.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return shot, fmt.Errorf("read photograph: %w", err)
	}
	photo, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return shot, fmt.Errorf("decode photograph: %w", err)
	}
	side := int(photoShare * float64(s.size.Y))
	large := image.NewRGBA(image.Rect(0, 0, side, side))
	draw.CatmullRom.Scale(large, large.Rect, photo, photo.Bounds(), draw.Src, nil)
	for i := range shot {
		angle := 2 * math.Pi * float64(i) / phases
		at := image.Pt((s.size.X-side)/2+int(sway*math.Sin(angle)), (s.size.Y-side)/2+int(sway*math.Cos(angle)))
		frame := backdrop(s.size)
		draw.Draw(frame, large.Rect.Add(at), large, image.Point{}, draw.Src)
		if shot[i], err = encode(frame); err != nil {
			return shot, err
		}
	}
	return shot, nil
}

// backdrop is the plain light wall behind the chair.
func backdrop(size image.Point) *image.RGBA {
	img := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(img, img.Rect, image.NewUniform(color.RGBA{186, 190, 194, 255}), image.Point{}, draw.Src)
	return img
}

func encode(img image.Image) ([]byte, error) {
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: frameJPEG}); err != nil {
		return nil, fmt.Errorf("encode frame: %w", err)
	}
	return buf.Bytes(), nil
}
