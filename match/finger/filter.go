package finger

import "slices"

// run is neighbouring cells of a row that share a filter.
type run struct {
	at     int32 // of the first cell's upper left value
	filter int16 // in the bank: width*filterAngles + angle
	cells  int16 // 1 or 2
}

// tap is one pixel of a filter.
type tap struct {
	offset int32 // bytes from the value that is filtered
	weight float32
}

// tapBank is filters laid out for planes of one stride.
type tapBank struct {
	heads [filterWidths * filterAngles]struct{ first, count int32 } // of each filter's taps
	taps  []tap
}

func (b *tapBank) lay(lines *[filterWidths][filterAngles]line, stride int) {
	n := 0
	for w := range lines {
		for a := range lines[w] {
			n += len(lines[w][a].dx)
		}
	}
	b.taps = slices.Grow(b.taps[:0], n)
	for w := range lines {
		for a := range lines[w] {
			l := &lines[w][a]
			b.heads[w*filterAngles+a] = struct{ first, count int32 }{int32(len(b.taps)), int32(len(l.dx))}
			for k, dx := range l.dx {
				b.taps = append(b.taps, tap{int32(4 * (l.dy[k]*stride + dx)), l.weights[k]})
			}
		}
	}
}

func filterGo(to, from []float32, stride int, runs []run, bank *tapBank) {
	for _, r := range runs {
		head := bank.heads[r.filter]
		taps := bank.taps[head.first:][:head.count]
		for at := int(r.at); at < int(r.at)+int(r.cells)*cellSide; at += cellSide {
			filterCell(to, from, stride, at, taps)
		}
	}
}

// filterCell filters the 4x4 values from index at on.
func filterCell(to, from []float32, stride, at int, taps []tap) {
	for range cellSide {
		var s0, s1, s2, s3 float32
		for _, t := range taps {
			in := from[at+int(t.offset)/4:][:cellSide]
			s0 += float32(t.weight * in[0])
			s1 += float32(t.weight * in[1])
			s2 += float32(t.weight * in[2])
			s3 += float32(t.weight * in[3])
		}
		out := to[at:][:cellSide]
		out[0], out[1], out[2], out[3] = s0, s1, s2, s3
		at += stride
	}
}
