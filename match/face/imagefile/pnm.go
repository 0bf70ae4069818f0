package imagefile

import (
	"fmt"
	"image"
	"image/color"

	"github.com/enrold/enrold/match/face"
)

// pnmHead is the header of a binary PGM (P5) or PPM (P6): width, height and
// largest value as decimals between white space and comments.
type pnmHead struct {
	width, height, most int
	colours             int // 1 or 3
	body                []byte
}

func readPNMHead(data []byte) (pnmHead, error) {
	h := pnmHead{colours: 1}
	if len(data) < 2 {
		return h, errFormat
	}
	if data[1] == '6' {
		h.colours = 3
	}
	rest := data[2:]
	for _, dst := range []*int{&h.width, &h.height, &h.most} {
		var ok bool
		if *dst, rest, ok = pnmNumber(rest); !ok {
			return h, errFormat
		}
	}
	if h.most < 1 || h.most > 65535 || len(rest) == 0 {
		return h, errFormat
	}
	h.body = rest[1:] // one white space
	return h, nil
}

// pnmNumber reads a decimal of at most six digits.
func pnmNumber(data []byte) (n int, rest []byte, ok bool) {
	i := 0
	for i < len(data) && (data[i] == ' ' || data[i] >= '\t' && data[i] <= '\r' || data[i] == '#') {
		if data[i] == '#' {
			for i < len(data) && data[i] != '\n' {
				i++
			}
			continue
		}
		i++
	}
	begin := i
	for ; i < len(data) && data[i] >= '0' && data[i] <= '9' && i-begin < 6; i++ {
		n = 10*n + int(data[i]-'0')
	}
	return n, data[i:], i > begin
}

func configPNM(data []byte) (image.Config, error) {
	h, err := readPNMHead(data)
	return image.Config{ColorModel: color.RGBAModel, Width: h.width, Height: h.height}, err
}

func decodePNM(data []byte) (image.Image, error) {
	h, err := readPNMHead(data)
	if err != nil {
		return nil, err
	}
	if err := face.CheckSize(h.width, h.height); err != nil {
		return nil, err
	}
	bytesEach := 1
	if h.most > 255 {
		bytesEach = 2
	}
	if need := h.width * h.height * h.colours * bytesEach; len(h.body) < need {
		return nil, fmt.Errorf("%w: %d bytes of pixels, want %d", errFormat, len(h.body), need)
	}
	img := image.NewRGBA(image.Rect(0, 0, h.width, h.height))
	value := func(i int) uint8 {
		v := int(h.body[i*bytesEach])
		if bytesEach == 2 {
			v = v<<8 | int(h.body[2*i+1])
		}
		return uint8(min(v, h.most) * 255 / h.most)
	}
	for i := range h.width * h.height {
		p := img.Pix[4*i : 4*i+4]
		for c := range 3 {
			p[c] = value(i*h.colours + c*(h.colours-1)/2)
		}
		p[3] = 255
	}
	return img, nil
}
