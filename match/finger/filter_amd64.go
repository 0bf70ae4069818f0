package finger

// sumCell filters the 4x4 values from index at on.
func sumCell(to, from *plane, at int, offsets []int, weights []float32) {
	// The slices are the bounds check: no offset reaches further than the margin.
	in := from.v[at-margin*from.stride-margin : at+(cellSide+margin)*from.stride]
	out := to.v[at : at+cellSide*to.stride]
	filterCell(&out[0], &in[margin*from.stride+margin], 4*from.stride, &offsets[0], &weights[0], len(weights))
}

// filterCell sets 4x4 values of to to the weighed sums of from's values at the
// offsets (in bytes); both start at the cell's upper left value and have rows
// of stride bytes. SSE is part of every amd64 processor.
//
//go:noescape
func filterCell(to, from *float32, stride int, offsets *int, weights *float32, n int)
