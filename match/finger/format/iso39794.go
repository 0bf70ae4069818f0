package format

import (
	"fmt"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/finger/imagefile"
)

// ISO/IEC 39794 records are [APPLICATION part] { versionBlock [0],
// representationBlocks [1] } with context tags throughout. The tags of part 4
// are those of its published module (edition 1, version 2).

// representations opens the record of a part and returns its blocks.
func representations(data []byte, part int) ([]element, error) {
	root, _, err := readElement(data, 0, 0)
	if err != nil {
		return nil, err
	}
	if root.class != application || root.number != part {
		return nil, fmt.Errorf("%w: not a record of part %d", ErrFormat, part)
	}
	list, ok := root.child(1)
	if !ok {
		return nil, fmt.Errorf("%w: no representations", ErrFormat)
	}
	blocks, err := list.children()
	if err != nil {
		return nil, err
	}
	if len(blocks) == 0 {
		return nil, fmt.Errorf("%w: no representations", ErrFormat)
	}
	if blocks[0].class == contextual { // a single block without its SEQUENCE
		return []element{list}, nil
	}
	return blocks, nil
}

// fields of a representation block by their tag.
func (e element) fields() (map[int]element, error) {
	cs, err := e.children()
	if err != nil {
		return nil, err
	}
	out := make(map[int]element, len(cs))
	for _, c := range cs {
		if _, twice := out[c.number]; c.class == contextual && !twice {
			out[c.number] = c
		}
	}
	return out, nil
}

// Tags of a RepresentationBlock of 39794-4.
const (
	tagPosition   = 0
	tagImpression = 1
	tagEncoding   = 2
	tagImageData  = 3
	tagQuality    = 6
	tagSampling   = 7
)

// encodings39794 are the codes of ImageDataFormat.
var encodings39794 = []imagefile.Format{imagefile.PGM, imagefile.WSQ, JPEG2000, JPEG2000, imagefile.PNG}

func read39794Images(c *cursor) ([]FingerImage, error) {
	blocks, err := representations(c.data, 4)
	if err != nil {
		return nil, err
	}
	var out []FingerImage
	for _, b := range blocks {
		fs, err := b.fields()
		if err != nil {
			return nil, err
		}
		f := FingerImage{Impression: Unknown, Quality: score39794(fs[tagQuality]), DPI: rate39794(fs[tagSampling])}
		if v, ok := fs[tagPosition].code(); ok && v >= 0 && v <= 255 {
			f.Position = eid.FingerPosition(v)
		}
		if v, ok := fs[tagImpression].code(); ok && v >= 0 && v <= 255 {
			f.Impression = Impression(v)
		}
		code, ok := fs[tagEncoding].code()
		if !ok || code < 0 || code >= len(encodings39794) {
			return nil, fmt.Errorf("%w: image data format %d in the block at byte %d", ErrUnsupported, code, b.at)
		}
		data := fs[tagImageData]
		if data.constructed || len(data.content) == 0 {
			return nil, fmt.Errorf("%w: no image data in the block at byte %d", ErrFormat, b.at)
		}
		f.Encoding, f.Data = encodings39794[code], data.content
		out = append(out, f)
	}
	return out, nil
}

// score39794 is the first score of QualityBlocks { { algorithmId [0],
// scoreOrError [1] CHOICE { score [0], error [1] } }, … }, -1 where there is none.
func score39794(e element) int {
	blocks, err := e.children()
	if err != nil {
		return -1
	}
	if _, single := e.child(1); single {
		blocks = []element{e}
	}
	for _, b := range blocks {
		if choice, ok := b.child(1); ok {
			if s, ok := choice.child(0); ok {
				if v, ok := s.integer(); ok && v >= 0 && v <= maxQuality {
					return v
				}
			}
		}
	}
	return -1
}

// rate39794 is SpatialSamplingRateBlock { samplesPerUnit [0], unitDimension [1]:
// inch 0, cm 1 } in dpi, 0 where it is absent.
func rate39794(e element) int {
	samples, ok := e.child(0)
	unit, ok2 := e.child(1)
	if !ok || !ok2 {
		return 0
	}
	n, ok := samples.integer()
	u, ok2 := unit.integer()
	switch {
	case !ok || !ok2 || n < 1 || n > 10000:
		return 0
	case u == 1:
		return dpi(n)
	case u == 0:
		return n
	}
	return 0
}
