package near

func vectors() Kernels {
	return Kernels{
		Related: func(masks *[Room]uint64, p *Places, from, to int, reach, share float32) {
			relatedAVX2(&masks[0], &p[0][0], from, to, reach, share)
		},
		Together: func(masks []uint64, words int, rows *Rows, n int, c *Columns, least float32) {
			clear(masks[:n*words])
			togetherAVX2(first(masks), words, &rows[0][0], n, first(c.X), first(c.Y), first(c.Cos), first(c.Sin), len(c.X)/8, least)
		},
		Pull: func(dxs, dys, xs, ys []float32, pulls []Pull, scale float32) {
			var at *float32
			if len(pulls) > 0 {
				at = &pulls[0].X
			}
			pullAVX2(first(dxs), first(dys), first(xs), first(ys), len(xs)/8, at, len(pulls), scale)
		},
	}
}
