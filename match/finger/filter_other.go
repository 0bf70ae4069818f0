//go:build !amd64

package finger

// sumCell is the portable form.
func sumCell(to, from *plane, at int, offsets []int, weights []float32) {
	sumCellGo(to, from, at, offsets, weights)
}
