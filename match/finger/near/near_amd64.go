package near

func vectors() Kernels {
	return Kernels{
		Related: func(masks *uint8, p *Places, v *View, n int) { relatedAVX2(masks, &p[0][0], &v.At[0], n) },
		Within:  withinAVX2,
	}
}
